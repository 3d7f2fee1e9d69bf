"""The ``pylint`` format: the lines of ``pylint --output-format=parseable``, which many tools read.

Source: pylint's ``ParseableTextReporter``, ``{path}:{line}: [{msg_id}({symbol}), {obj}] {msg}``.
"""

from __future__ import annotations

from collections.abc import Sequence

from chanlint.diagnostics import Diagnostic
from chanlint.report.base import Context
from chanlint.report.text import visible


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """One line per finding."""
    return "".join(_line(one) for one in diagnostics)


def _line(one: Diagnostic) -> str:
    where = visible(one.function or "")
    return f"{visible(one.filename)}:{one.location.row}: [{one.code}({one.name}), {where}] {visible(one.message)}\n"
