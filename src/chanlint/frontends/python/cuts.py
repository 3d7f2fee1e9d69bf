"""What is left out of a text so that the rest of it can be read: statements at the top level, found without a parser.

The parser is what must not see them, so rows are looked at: a statement goes from a row that begins with a word up to the next
such row. Inside a string or a bracket that may be wrong; then what is left is broken, the parser says so, and the whole file is
given up as if nothing had been left out.

Nouns:

* **Cut**: one statement that is left out: its offsets, and the name that it defines.
* **Opened**: a text whose scan is within the limits, with what was left out for that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from chanlint.frontends.base import Problem
from chanlint.frontends.python.guards import MAX_SIZE, Scan, scan
from chanlint.frontends.python.rows import Rows, point

MOST = 4
"""Statements left out of one file; a file with more of them is not meant to be read."""
_STATEMENT = re.compile(r"^(?!(?:else|elif|except|finally)\b)(?:[^\W\d]|@)", re.MULTILINE)
_DEFINITION = re.compile(r"(?:async[ \t]+def|def|class)[ \t]+(\w+)")
_WITHIN = " \t\r\n\f)]}#"  # how rows within a statement begin
_VISIBLE = re.compile(r"[^\r\n]+")


class Cut(NamedTuple):
    """A statement from offset ``start`` to ``end``, decorators included."""

    start: int
    end: int
    name: str | None

    def out_of(self, text: str) -> str:
        """``text`` with spaces in its place, so that nothing else moves."""
        return text[: self.start] + _VISIBLE.sub(_spaces, text[self.start : self.end]) + text[self.end :]

    def problem(self, text: str, reason: str) -> Problem:
        """What a user is told."""
        return left_out(reason.partition(":")[0], Rows(text).location(self.start).row, self.name)


@dataclass(slots=True)
class Opened:
    """``text`` with the scan of it, and the problems that it does not have any more."""

    text: str
    scan: Scan
    problems: list[Problem]


def opened(text: str) -> Opened:
    """Scans ``text``, if need be without the statements in which a limit is met."""
    first = current = scan(text)
    rest, problems = text, list[Problem]()
    while current.over is not None and len(problems) < MOST and len(text) <= MAX_SIZE:
        reason, offset = current.over
        cut = around(rest, current.outermost, offset)
        rest = cut.out_of(rest)
        problems.append(cut.problem(text, reason))
        current = scan(rest)
    if current.over is not None or (problems and current.broken):
        return Opened(text, first, [])
    return Opened(rest, current, problems)


def around(text: str, start: int, end: int) -> Cut:
    """The statement at the top level that holds what is between two offsets."""
    row = text.rfind("\n", 0, start) + 1
    if text[row : row + 1] in _WITHIN:
        row = text.rfind("\n", 0, row - 1) + 1 if row else 0
        while row and not _STATEMENT.match(text, row):
            row = text.rfind("\n", 0, row - 1) + 1
    first = row
    above = row
    while above:  # decorators
        above = text.rfind("\n", 0, above - 1) + 1
        if text[above] == "@":
            first = above
        elif text[above] not in _WITHIN:
            break
    last, definition = end, row
    while True:
        below = text.find("\n", last)
        found = _STATEMENT.search(text, below + 1) if below >= 0 else None
        if found is None:
            last = len(text)
            break
        last = found.start()
        if text[definition] != "@":
            break
        definition = last
    named = _DEFINITION.match(text, definition)
    return Cut(first, last, named[1] if named else None)


def statements(text: str) -> list[Cut]:
    """All statements at the top level, in order."""
    found: list[Cut] = []
    while (match := _STATEMENT.search(text, found[-1].end if found else 0)) is not None:
        found.append(around(text, match.start(), match.start()))
    return found


def left_out(reason: str, row: int, name: str | None) -> Problem:
    """The problem of a statement that is left out."""
    return Problem(f"{reason}: {name or 'this statement'} is left out", point(row, 1), name)


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match[0])
