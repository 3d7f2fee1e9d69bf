"""``chanlint rule``: the documentation of one rule."""

from __future__ import annotations

import click

from chanlint.cli.output import write_out


@click.command(
    name="rule",
    epilog="""\b
Examples:
  chanlint rule CHN101
  chanlint rule unclosed-channel
""",
)
@click.argument("rule", metavar="CODE|NAME")
def command(rule: str) -> int:
    """Explain one rule: why it exists, bad and good code, its limits, how to suppress it."""
    from chanlint.engine.codes import known_codes, unknown
    from chanlint.engine.housekeeping import PAGES
    from chanlint.rules.registry import RULES

    pages = dict(PAGES)
    pages.update({known.code: (known.name, known.documentation) for known in RULES})
    for code, (name, text) in pages.items():
        if rule.upper() == code or rule.lower() == name:
            write_out(f"{code} {name}\n\n{text.strip()}\n\n{_suppressing(code, name)}")
            return 0
    raise click.UsageError(unknown(rule, known_codes()))


def _suppressing(code: str, name: str) -> str:
    return (
        "How to suppress\n\n"
        f"    # chanlint: ignore[{code}] reason      on any place of the finding; [{name}] works, too\n"
        f"    # noqa: {code}                         on the line where a place of the finding starts\n"
        f"    chanlint check --ignore {code}         for a whole run\n"
    )
