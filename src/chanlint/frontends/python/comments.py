"""Comments that silence findings.

* ``# noqa: CODES`` is read the way flake8 reads it: the first ``# noqa`` of the comment counts, with exactly one blank, in
  any case; codes keep their case and are parted by commas or blanks. Bare ``# noqa`` and ``# noqa: words`` silence nothing
  here.
* ``# chanlint: ignore[CHN101, unclosed-channel] reason``
* ``# chanlint: skip-file``

A text that holds neither chanlint's name nor the letters of its codes is not searched: its comments steer other tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from chanlint.frontends.base import Suppression
from chanlint.frontends.python.guards import scan
from chanlint.frontends.python.rows import Rows

_OURS = ("chanlint", "CHN")
_ANY = re.compile("noqa|chanlint", re.IGNORECASE)
# A letter-by-letter reading of flake8's behaviour, tested against a table of what flake8 7.5 does.
_NOQA = re.compile(r"# noqa(?::\s?(?P<codes>(?:[a-z]+[0-9]+[,\s]*)+))?", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*chanlint:\s*ignore\[(?P<codes>[^\]]*)\](?P<reason>[^#]*)")
_SKIP = re.compile(r"#\s*chanlint:\s*skip-file(?![\w-])")
_SEPARATOR = re.compile(r"[,\s]+")


def suppressions(text: str) -> tuple[Suppression, ...]:
    """The suppressions of a text, in its order."""
    if not any(word in text for word in _OURS):
        return ()
    return tuple(_suppressions(text, scan(text).comments))


def _suppressions(text: str, comments: Iterable[tuple[int, int]]) -> Iterator[Suppression]:
    rows: Rows | None = None
    for start, end in comments:
        comment = text[start:end]
        if _ANY.search(comment) is None:
            continue
        rows = rows or Rows(text)
        span = rows.span(start, end)
        row = span.start.row
        noqa = _NOQA.search(comment)
        if noqa is not None and noqa["codes"] is not None:
            yield Suppression("noqa", row, _codes(noqa["codes"]), span)
        for ignore in _IGNORE.finditer(comment):
            yield Suppression("ignore", row, _codes(ignore["codes"]), span, ignore["reason"].strip())
        if _SKIP.search(comment) is not None:
            yield Suppression("skip-file", row, (), span)


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code for code in _SEPARATOR.split(text) if code)
