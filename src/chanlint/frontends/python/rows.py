"""Offsets to rows and columns, with rows as Python counts them: they end at LF, CRLF and CR, and nowhere else."""

from __future__ import annotations

import re
from bisect import bisect_right

from chanlint.source import Location, Span

ROW_END = re.compile(r"\r\n|\n|\r")


class Rows:
    """The rows of one text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in ROW_END.finditer(text))]

    def location(self, offset: int) -> Location:
        """Where the character at ``offset`` stands."""
        row = bisect_right(self._starts, offset)
        return Location(row, offset - self._starts[row - 1] + 1)

    def span(self, start: int, end: int) -> Span:
        """The span from one offset up to another."""
        return Span(self.location(start), self.location(end))


def point(row: int, column: int) -> Span:
    """A span of one character; rows and columns that make no sense become 1."""
    row, column = max(row, 1), max(column, 1)
    return Span(Location(row, column), Location(row, column + 1))
