"""Source text and places in it: plain values, no input or output.

Nouns:

* **SourceFile**: one decoded text with the path that users know it by.
* **Location**: a row and a column, both counted from 1, columns in characters.
* **Span**: from a first location up to, not including, a last one.

Rows end at LF, CRLF and CR only (never at the other characters that ``str.splitlines`` knows), because that is how Python
itself counts rows.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

_ROW_END = re.compile(r"\r\n|\n|\r")


class Location(NamedTuple):
    """A place in a text: ``row`` and ``column`` counted from 1, the column in characters."""

    row: int
    column: int


class Span(NamedTuple):
    """The text from ``start`` up to, not including, ``end``."""

    start: Location
    end: Location


class SourceFile:
    """One decoded file, which does not change.

    Args:
        path: the module's identity: the path from the project root with ``/`` separators, or an absolute path for a file
            outside it.
        text: the decoded text, without a byte order mark.
        digest: hexadecimal digest of the bytes that were read (empty for a text that never was a file).
    """

    def __init__(self, path: str, text: str, digest: str = "") -> None:
        self.path = path
        self.text = text
        self.digest = digest

    @cached_property
    def rows(self) -> list[str]:
        """The text's rows without their line ends."""
        return _ROW_END.split(self.text)
