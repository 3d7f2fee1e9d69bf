"""Rows of source as a terminal can show them.

Nouns:

* **Mark**: a stretch of one row to underline, with its label.
* **Strip**: a row made visible: its characters, escapes in place of what does not print, and the cell where each begins.
* **Window**: the part of a strip that fits the width, with ``...`` where something was cut off.
"""

from __future__ import annotations

from typing import NamedTuple

from chanlint.report.text import cells, visible_character
from chanlint.source import Span

TAB = 4
ELLIPSIS = "..."
_LEAD = 12
"""Cells shown before a mark when the row has to be cut in front of it."""


class Mark(NamedTuple):
    """A stretch of one row: ``start`` and ``end`` count characters from 0, ``end`` is not included."""

    row: int
    start: int
    end: int
    label: str
    style: str
    is_primary: bool


def marks_of(span: Span, rows: list[str], label: str, style: str, is_primary: bool) -> list[Mark]:
    """One mark per row of ``span`` that is worth showing; the label stands at the first one.

    A span over many rows is shown by its first and its last row. Rows that the text does not have give no mark.
    """
    first, last = span.start.row, max(span.start.row, span.end.row)
    if last > first and span.end.column <= 1:
        last -= 1
    shown = list(range(first, last + 1)) if last - first < 4 else [first, last]
    shown = [row for row in shown if row <= len(rows) and (row in (first, last) or rows[row - 1].strip())]
    marks = []
    for row in shown:
        text = rows[row - 1]
        start = span.start.column - 1 if row == first else len(text) - len(text.lstrip())
        end = span.end.column - 1 if row == span.end.row else len(text.rstrip())
        start = min(start, len(text))
        marks.append(Mark(row, start, max(min(end, len(text)), start + 1), label if row == shown[0] else "", style, is_primary))
    return marks


class Strip:
    """A row of source made visible."""

    def __init__(self, text: str) -> None:
        self.pieces: list[str] = []
        self.offsets: list[int] = [0]
        for character in text:
            at = self.offsets[-1]
            piece = " " * (TAB - at % TAB) if character == "\t" else visible_character(character)
            self.pieces.append(piece)
            self.offsets.append(at + sum(map(cells, piece)))

    def cell(self, character: int) -> int:
        """The cell where the character at this position begins; one past the end is allowed for."""
        last = len(self.offsets) - 1
        return self.offsets[min(character, last)] + max(character - last, 0)


class Window(NamedTuple):
    """What is shown of a strip: ``text``, and how cells of the strip map to cells of the text."""

    text: str
    shift: int
    limit: int

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where the cells ``start`` to ``end`` of the strip are in ``text``, cut at its ends."""
        low = min(max(start - self.shift, 0), max(self.limit - 1, 0))
        return low, min(max(end - self.shift, low + 1), max(self.limit, low + 1))


def window(strip: Strip, start: int, end: int, width: int) -> Window:
    """The part of ``strip`` round the cells ``start`` to ``end`` that fits into ``width`` cells."""
    total = strip.offsets[-1]
    if total <= width:
        return Window("".join(strip.pieces).rstrip(), 0, max(total, end))
    wanted = 0
    if end > width - len(ELLIPSIS):
        room = width - 2 * len(ELLIPSIS)
        wanted = max(0, start - (_LEAD if end - start + _LEAD <= room else 0))
    count = len(strip.pieces)
    first = next((i for i in range(count) if strip.offsets[i] >= wanted), count - 1)
    head = ELLIPSIS if first else ""
    low = strip.offsets[first]
    last = first
    while last < count and strip.offsets[last + 1] - low <= width - len(head):
        last += 1
    tail = ""
    if last < count:
        tail = ELLIPSIS
        while last > first and strip.offsets[last] - low > width - len(head) - len(tail):
            last -= 1
    text = head + "".join(strip.pieces[first:last]) + tail
    return Window(text, low - len(head), len(head) + strip.offsets[last] - low)
