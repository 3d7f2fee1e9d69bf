"""The ``json-lines`` format: the objects of the ``json`` format, one per line."""

from __future__ import annotations

import json
from collections.abc import Sequence

from chanlint.diagnostics import Diagnostic
from chanlint.report.base import Context
from chanlint.report.json import as_dict


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """One JSON object per finding and line."""
    return "".join(json.dumps(as_dict(one)) + "\n" for one in diagnostics)
