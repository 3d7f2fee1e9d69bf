"""A fixture file: its scenarios, the truth in their names, and what chanlint should print.

Nouns:

* **Scenario**: a top-level function whose name begins with ``ok_``, ``leak_``, ``hang_``, ``raise_`` or ``lost_``.
* **Expectation**: one comment, ``# error: [CHN101] "words"``, on the line where chanlint should say so.
* **Reach**: the lines of a scenario and of everything in the file that it names, directly or not.
"""

from __future__ import annotations

import ast
import re
import tokenize
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

KINDS = ("ok", "leak", "hang", "raise", "lost")
_EXPECTATION = re.compile(r'#\s*(error|warning|info|related|missing|spurious): \[(CHN\d{3})\](?: "([^"]*)")?')
_DEFAULT_TARGET = (3, 11)


@dataclass(frozen=True)
class Expectation:
    """What a comment asks for.

    Attributes:
        word: a severity, ``related``, ``missing`` (a known missed alarm) or ``spurious`` (a known false alarm).
        text: words that the message contains, maybe none.
    """

    line: int
    word: str
    code: str
    text: str


@dataclass(frozen=True)
class Scenario:
    """One function that is run.

    Attributes:
        kind: the truth, one of ``KINDS``.
        lines: its own lines.
        reach: its lines and those of the helpers and classes that it uses.
        may_raise: an exception that leaves it is part of what it shows.
        cannot_show: why the oracle cannot confirm the name, or empty.
    """

    name: str
    kind: str
    lines: range
    reach: frozenset[int]
    may_raise: bool = False
    cannot_show: str = ""


@dataclass
class Fixture:
    """One file below ``tests/fixtures``."""

    path: Path
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.path.read_text(encoding="utf-8")

    @cached_property
    def comments(self) -> dict[int, str]:
        """The comment on each line that has one."""
        with self.path.open("rb") as stream:
            return {t.start[0]: t.string for t in tokenize.tokenize(stream.readline) if t.type == tokenize.COMMENT}

    @cached_property
    def expectations(self) -> list[Expectation]:
        """Every comment that says what chanlint prints."""
        found = []
        for line, comment in self.comments.items():
            for match in _EXPECTATION.finditer(comment):
                found.append(Expectation(line, match[1], match[2], match[3] or ""))
        return found

    def _header(self, key: str) -> str:
        for line in self.text.splitlines()[:5]:
            if match := re.fullmatch(rf"#\s*{key}:\s*(.+)", line):
                return match[1].strip()
        return ""

    @cached_property
    def lowest_python(self) -> tuple[int, int]:
        """The oldest Python that the file runs on; chanlint is told to assume it."""
        if match := re.fullmatch(r">=(\d+)\.(\d+)", self._header("python")):
            return int(match[1]), int(match[2])
        return _DEFAULT_TARGET

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Modules that the interpreter must be able to import."""
        return tuple(self._header("needs").replace(",", " ").split())

    @cached_property
    def scenarios(self) -> list[Scenario]:
        """The scenarios, in the order of the file."""
        tree = ast.parse(self.text)
        named = {
            node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        uses = {name: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & named.keys() for name, node in named.items()}
        found = []
        for name, node in named.items():
            kind = name.partition("_")[0]
            if kind not in KINDS or isinstance(node, ast.ClassDef):
                continue
            first = min([decorator.lineno for decorator in node.decorator_list], default=node.lineno)
            lines = range(first, (node.end_lineno or node.lineno) + 1)
            reached, todo = {name}, [name]
            while todo:
                new = uses[todo.pop()] - reached
                reached |= new
                todo += new
            reach = {line for other in reached for line in range(named[other].lineno, (named[other].end_lineno or 0) + 1)}
            notes = [c for line, c in self.comments.items() if line in lines and "# oracle:" in c]
            cannot = next((n.partition("cannot show")[2].lstrip(", ") for n in notes if "cannot show" in n), "")
            found.append(Scenario(name, kind, lines, frozenset(reach), any("raises" in n for n in notes), cannot))
        return found


def fixtures(folder: Path) -> list[Fixture]:
    """All fixture files below a folder, in a fixed order; helper modules (``_lib.py``) are among them."""
    return [Fixture(path) for path in sorted(folder.rglob("*.py"))]
