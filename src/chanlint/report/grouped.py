"""The ``grouped`` format: each file once, its findings below it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from chanlint.diagnostics import Diagnostic
from chanlint.report.base import Context
from chanlint.report.text import visible


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """A heading for each file, a line for each finding, a blank line between files."""
    return "\n".join(_file(name, list(found)) for name, found in groupby(diagnostics, key=lambda one: one.filename))


def _file(filename: str, found: list[Diagnostic]) -> str:
    places = [f"{one.location.row}:{one.location.column}" for one in found]
    width = max(map(len, places))
    lines = [f"  {place:<{width}}  {one.code} {visible(one.message)}\n" for place, one in zip(places, found, strict=True)]
    return f"{visible(filename)}:\n" + "".join(lines)
