"""The ``json`` format: one array, with the fields that the contract names, in that order.

The text is plain ASCII: everything else is escaped, so no terminal or log sees a control character.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chanlint.diagnostics import Diagnostic
from chanlint.report.base import Context
from chanlint.source import Location


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """One JSON array; a line per finding, so that a diff of two runs reads well."""
    if not diagnostics:
        return "[]\n"
    return "[\n" + ",\n".join(json.dumps(as_dict(one)) for one in diagnostics) + "\n]\n"


def as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    """The contract's object for one finding."""
    blocked = diagnostic.blocked
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "message": diagnostic.message,
        "severity": diagnostic.severity.value,
        "confidence": diagnostic.confidence.value,
        "filename": diagnostic.filename,
        **_cell(diagnostic.cell),
        "location": _place(diagnostic.location),
        "end_location": _place(diagnostic.end_location),
        "related": [
            {
                "role": related.role.value,
                "message": related.message,
                "filename": related.filename,
                **_cell(related.cell),
                "location": _place(related.location),
                "end_location": _place(related.end_location),
            }
            for related in diagnostic.related
        ],
        "function": diagnostic.function,
        "blocked": {"actor": blocked.actor, "count": blocked.count, "per": blocked.per} if blocked else None,
        "fix": None,
        "fingerprint": diagnostic.fingerprint,
        "url": diagnostic.url,
    }


def _cell(number: int | None) -> dict[str, int]:
    """Only places in notebooks have one."""
    return {} if number is None else {"cell": number}


def _place(location: Location) -> dict[str, int]:
    return {"row": location.row, "column": location.column}
