"""Rows and columns of a text, with rows as Python counts them: they end at LF, CRLF and CR, and nowhere else.

Nouns:

* **Rows**: turns offsets into rows and columns.
* **Utf8Rows**: turns the places of Python's parser into rows and columns; it counts columns in bytes of UTF-8, from 0.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from functools import cached_property
from typing import Any

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


class Utf8Rows:
    """The rows of one text, for nodes of Python's parser."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def rows(self) -> list[str]:
        """The rows without their ends."""
        return ROW_END.split(self._text)

    @cached_property
    def _is_ascii(self) -> bool:
        return self._text.isascii()

    def column(self, row: int, offset: int) -> int:
        """The characters of a row (from 1) that stand before a column in bytes."""
        if self._is_ascii:
            return offset
        return len(self.rows[row - 1].encode(errors="surrogatepass")[:offset].decode(errors="surrogatepass"))

    def offset(self, row: int, column: int) -> int:
        """The bytes of a row (from 1) that stand before a column in characters, from 0."""
        return column if self._is_ascii else len(self.rows[row - 1][:column].encode(errors="surrogatepass"))

    def start(self, node: Any) -> Location:
        """Where a node that has a place begins."""
        return Location(node.lineno, self.column(node.lineno, node.col_offset) + 1)

    def end(self, node: Any) -> Location:
        """Where the text behind a node begins."""
        row, offset = node.end_lineno or node.lineno, node.end_col_offset or 0
        return Location(row, self.column(row, offset) + 1)

    def text(self, node: ast.expr) -> str:
        """The source of an expression."""
        start, end = self.start(node), self.end(node)
        first = self.rows[start.row - 1]
        if start.row == end.row:
            return first[start.column - 1 : end.column - 1]
        between = self.rows[start.row : end.row - 1]
        return "\n".join([first[start.column - 1 :], *between, self.rows[end.row - 1][: end.column - 1]])


def point(row: int, column: int) -> Span:
    """A span of one character; rows and columns that make no sense become 1."""
    row, column = max(row, 1), max(column, 1)
    return Span(Location(row, column), Location(row, column + 1))
