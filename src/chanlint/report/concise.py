"""The ``concise`` and ``flake8`` formats: ``path:row:column: CODE message``, one line per finding."""

from __future__ import annotations

from collections.abc import Sequence

from chanlint.diagnostics import Diagnostic
from chanlint.report.base import Context
from chanlint.report.text import visible


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """One line per finding, as flake8 prints them."""
    return "".join(_line(one) for one in diagnostics)


def _line(diagnostic: Diagnostic) -> str:
    row, column = diagnostic.location.row, diagnostic.location.column
    return f"{visible(diagnostic.filename)}:{row}:{column}: {diagnostic.code} {visible(diagnostic.message)}\n"
