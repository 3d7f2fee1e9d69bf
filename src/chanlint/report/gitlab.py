"""The ``gitlab`` format: a Code Quality report, which merge requests show beside the changed lines.

Source: GitLab's documentation, "Code Quality report format": an array without a byte order mark, fingerprints unique in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chanlint.diagnostics import Diagnostic, Severity
from chanlint.report.base import Context
from chanlint.report.text import visible

SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """The report."""
    return json.dumps([_issue(one, context) for one in diagnostics], indent=2) + "\n"


def _issue(one: Diagnostic, context: Context) -> dict[str, Any]:
    return {
        "description": f"{one.code}: {visible(one.message)}",
        "check_name": one.code,
        "fingerprint": one.fingerprint,
        "severity": SEVERITIES[one.severity],
        "location": {
            "path": context.from_root(one.filename),
            "lines": {"begin": one.location.row, "end": one.end_location.row},
        },
    }
