"""Writes ``docs/rules/``: one page for each rule, made from the docstring of its module, and an index.

The findings that the engine makes itself (CHN0xx) have their pages from ``engine/housekeeping.py``. The list of the pages in
the site's navigation, ``mkdocs.yml``, is kept, too.

Nouns:

* **Section**: a part of a rule's documentation: Why, Bad, Good, Limits, in this order in every rule.
* **Page**: what ``chanlint rule CODE`` prints, as Markdown.
* **Family**: the rules whose codes begin with the same digit.

``python scripts/rule_docs.py`` writes the pages and removes those of rules that are gone; with ``--check`` it writes nothing
and leaves with 1 where a page is not what it would write. A rule whose documentation has another shape is named, its page is
left as it is, and the exit code is 1; the others are written all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
from pathlib import Path

from chanlint.cli import main as chanlint
from chanlint.engine.codes import known_codes
from chanlint.rules.registry import RULES

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "rules"
NAVIGATION = ROOT / "mkdocs.yml"
SECTIONS = ("Why", "Bad", "Good", "Limits")
FAMILIES = {
    "0": "files and comments",
    "1": "consumers that never end",
    "2": "producers that never end",
    "3": "joins that hang",
    "4": "misuse that strands somebody",
    "5": "locks",
}
"""What the first digit of a code tells."""
_HEADING = re.compile(r"^(\S.*)\n-{3,}\n", re.MULTILINE)
_LITERAL = re.compile(r"(?<!`)``(?!`)")
_LISTED = re.compile(r"(?:^ +- rules/.+\n)+", re.MULTILINE)
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class MalformedError(ValueError):
    """A rule's documentation lacks a section, has one too many, or has them in another order."""


def sections(documentation: str) -> dict[str, str]:
    """The sections of a rule's documentation by heading, without the summary above them.

    Raises:
        MalformedError: they are not `SECTIONS`, in that order.
    """
    _, *parts = _HEADING.split(documentation)
    found = dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))
    if tuple(parts[::2]) != SECTIONS or not all(found.values()):
        raise MalformedError(f"sections are {', '.join(parts[::2]) or 'missing'}; they must be {', '.join(SECTIONS)}")
    return found


def blocks(documentation: str, section: str) -> list[str]:
    """The Python code in a section, block by block."""
    return _BLOCK.findall(sections(documentation)[section] + "\n")


def pages() -> dict[str, str]:
    """The text of every page, the index included, by file name.

    Raises:
        MalformedError: see `sections`; the message names the rule.
    """
    for code, problem in malformed().items():
        raise MalformedError(f"{code}: {problem}")
    return _pages()


def malformed() -> dict[str, str]:
    """What is wrong with the documentation of rules, by code."""
    found = {}
    for rule in RULES:
        try:
            sections(rule.documentation)
        except MalformedError as error:
            found[rule.code] = str(error)
    return found


def _pages() -> dict[str, str]:
    sources = {rule.code: f"src/{rule.module.replace('.', '/')}.py" for rule in RULES}
    made = {"README.md": _index()}
    for code, name in known_codes().items():
        made[f"{code}-{name}.md"] = _page(code, sources.get(code, "src/chanlint/engine/housekeeping.py"))
    return made


def navigated(text: str) -> str:
    """The site's ``mkdocs.yml`` with the pages of all rules in its navigation."""
    names = ["README.md", *(f"{code}-{name}.md" for code, name in known_codes().items())]
    return _LISTED.sub("".join(f"      - rules/{name}\n" for name in names), text)


def _page(code: str, source: str) -> str:
    text = _told("rule", code)
    text = _HEADING.sub(r"## \1\n\n", text).replace("\nHow to suppress\n", "\n## How to suppress\n")
    text = _LITERAL.sub("`", text)
    return f"<!-- Made by scripts/rule_docs.py from {source}: edit that instead. -->\n\n# {text.strip()}\n"


def _index() -> str:
    lines = [
        "<!-- Made by scripts/rule_docs.py: edit the rules' docstrings instead. -->",
        "",
        "# Rules",
        "",
        "`chanlint rule CODE` prints the same pages.",
    ]
    family = ""
    for code, name in known_codes().items():
        digit = code.removeprefix("CHN")[0]
        if digit != family:
            family = digit
            lines += [
                "",
                f"## {digit}xx: {FAMILIES.get(digit, 'others')}",
                "",
                "| code | name | what it finds |",
                "|---|---|---|",
            ]
        summary = _LITERAL.sub("`", _told("rule", code).split("\n\n")[1])
        lines.append(f"| [{code}]({code}-{name}.md) | `{name}` | {summary} |")
    return "\n".join(lines) + "\n"


def _told(*arguments: str) -> str:
    """What a command of chanlint prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = chanlint(list(arguments))
    assert code == 0, arguments
    return printed.getvalue()


def outdated(folder: Path, wanted: dict[str, str]) -> list[str]:
    """The names of files that are missing, differ from ``wanted``, or are pages of rules that are gone."""
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in {*there, *wanted} if there.get(name) != wanted.get(name))


def main(arguments: list[str] | None = None) -> int:
    """Writes or checks the pages; 0 where all is well."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, leave with 1 where a page is out of date")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pages are (default: docs/rules)")
    options = parser.parse_args(arguments)
    broken = malformed()
    for code, problem in broken.items():
        print(f"{code}: {problem}", file=sys.stderr)
    wanted = _pages()
    stale = [name for name in outdated(options.folder, wanted) if name.partition("-")[0] not in broken]
    listing = options.folder.resolve() == FOLDER
    if listing and navigated(NAVIGATION.read_text(encoding="utf-8")) != NAVIGATION.read_text(encoding="utf-8"):
        stale.append(NAVIGATION.name)
    if options.check:
        for name in stale:
            print(f"{name} is out of date: run scripts/rule_docs.py", file=sys.stderr)
        return 1 if stale or broken else 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        path = options.folder / name
        if name == NAVIGATION.name:
            text = navigated(NAVIGATION.read_text(encoding="utf-8"))
            NAVIGATION.write_text(text, encoding="utf-8", newline="\n")
        elif name in wanted:
            path.write_text(wanted[name], encoding="utf-8", newline="\n")
        else:
            path.unlink()
        print(f"{'removed' if name not in wanted and name != NAVIGATION.name else 'wrote'} {name}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
