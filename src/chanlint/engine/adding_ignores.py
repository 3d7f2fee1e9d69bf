"""Writes comments that silence findings: for code that is older than the check, or right for a reason that no analysis sees.

Nouns:

* **Free row**: a row of a finding's place whose end is outside strings and not continued by a backslash: a comment can
  stand there.

A file is only written if what Python makes of it stays the same: its tokens, without comments, are compared.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Sequence

from chanlint.diagnostics import Diagnostic

_OURS = re.compile(r"#\s*chanlint:\s*ignore\[(?P<names>[^\]]*)\]")
_ROW_ENDS = re.compile(r"\r\n|\n|\r")
_LAYOUT = (tokenize.COMMENT, tokenize.NL)


class NoPlaceError(Exception):
    """A comment cannot be added; the text says why."""


def with_ignores(data: bytes, diagnostics: Sequence[Diagnostic], reason: str) -> bytes:
    """The content of a file with a comment for each finding, all of which have their primary place in it.

    Args:
        data: the file as it is; its encoding and line ends are kept.
        reason: written behind the brackets; one line.

    Raises:
        NoPlaceError: the file is no text that Python reads, or a finding has no free row.
    """
    if any(one.cell is not None for one in diagnostics):
        raise NoPlaceError("comments are not written into notebooks")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, LookupError, UnicodeDecodeError) as error:
        raise NoPlaceError(f"cannot be read: {error}") from None
    free = _free_rows(text)
    names: dict[int, list[str]] = {}
    for one in diagnostics:
        row = next((row for row in range(one.location.row, one.end_location.row + 1) if row in free), None)
        if row is None:
            raise NoPlaceError(f"no comment can stand at row {one.location.row}")
        names.setdefault(row, []).append(one.name)
    rows = _ROW_ENDS.split(text)
    ends = _ROW_ENDS.findall(text)
    for row, found in names.items():
        rows[row - 1] = _commented(rows[row - 1], found, reason)
    changed = "".join(row + end for row, end in zip(rows, [*ends, ""], strict=True))
    if _meaning(changed) != _meaning(text):
        raise NoPlaceError("a comment would change what the code does")
    return changed.encode(encoding)


def _commented(row: str, names: Iterable[str], reason: str) -> str:
    """A row with the comment added, or with the names added to the comment that is there."""
    before = _OURS.search(row)
    if before is None:
        why = f" {reason}" if reason else ""
        return f"{row.rstrip()}  # chanlint: ignore[{', '.join(dict.fromkeys(names))}]{why}"
    known = [name.strip() for name in before["names"].split(",") if name.strip()]
    listed = ", ".join(dict.fromkeys([*known, *names]))
    return f"{row[: before.start('names')]}{listed}{row[before.end('names') :]}"


def _free_rows(text: str) -> frozenset[int]:
    """The rows at whose end Python sees the end of a row."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text, newline="").readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise NoPlaceError(f"cannot be read: {error}") from None
    return frozenset(token.start[0] for token in tokens if token.type in (tokenize.NEWLINE, tokenize.NL))


def _meaning(text: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text, newline="").readline)
    kept = [token for token in tokens if token.type not in _LAYOUT]
    return [(token.type, "" if token.type == tokenize.NEWLINE else token.string) for token in kept]
