"""``chanlint rules``: every rule on one line."""

from __future__ import annotations

import click

from chanlint.cli.output import write_out


@click.command(
    name="rules",
    epilog="""\b
Examples:
  chanlint rules
  chanlint rules --output-format json
""",
)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print.")
def command(output_format: str) -> int:
    """List all rules."""
    from chanlint.engine.housekeeping import PAGES
    from chanlint.rules.registry import RULES

    rows = {code: (name, page.partition("\n")[0]) for code, (name, page) in PAGES.items()}
    rows.update({rule.code: (rule.name, rule.summary) for rule in RULES})
    listed = [(code, *rows[code]) for code in sorted(rows)]
    if output_format == "json":
        import json

        items = [{"code": code, "name": name, "summary": summary} for code, name, summary in listed]
        write_out(json.dumps(items, indent=2) + "\n")
        return 0
    width = max(len(name) for _, name, _ in listed)
    write_out("".join(f"{code}  {name:<{width}}  {summary}\n" for code, name, summary in listed))
    return 0
