"""The ``rdjson`` format: reviewdog's own.

Source: ``proto/rdf/reviewdog.proto`` of reviewdog: rows and columns count from 1, columns in bytes of UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chanlint.diagnostics import Diagnostic, RelatedLocation
from chanlint.report.base import Context, with_cell
from chanlint.report.text import visible
from chanlint.source import Location


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """One object with all diagnostics."""
    report = {"source": {"name": "chanlint"}, "diagnostics": [_diagnostic(one, context) for one in diagnostics]}
    return json.dumps(report, indent=2) + "\n"


def _diagnostic(one: Diagnostic, context: Context) -> dict[str, Any]:
    code = {"value": one.code} | ({"url": one.url} if one.url else {})
    related = [{"message": visible(at.message), "location": _location(at, context)} for at in one.related]
    return {
        "message": visible(one.message),
        "location": _location(one, context),
        "severity": one.severity.value.upper(),
        "code": code,
        **({"relatedLocations": related} if related else {}),
    }


def _location(at: Diagnostic | RelatedLocation, context: Context) -> dict[str, Any]:
    source = context.source(with_cell(at.filename, at.cell))
    rows = source.rows if source is not None else []
    return {
        "path": context.from_root(at.filename),
        "range": {"start": _position(rows, at.location), "end": _position(rows, at.end_location)},
    }


def _position(rows: Sequence[str], at: Location) -> dict[str, int]:
    before = rows[at.row - 1][: at.column - 1] if at.row <= len(rows) else ""
    wide = len(before.encode("utf-8", "surrogatepass")) - len(before)
    return {"line": at.row, "column": at.column + wide}
