"""The ``github`` format: workflow commands that GitHub Actions turns into annotations.

A step shows at most ten errors and ten warnings, so the worst come first. Percent signs and line ends would end a command or
start another one, and colons and commas a property: they are escaped, percent signs first. Source: the toolkit of GitHub
Actions, ``packages/core/src/command.ts``.
"""

from __future__ import annotations

from collections.abc import Sequence

from chanlint.diagnostics import Diagnostic, Severity
from chanlint.report.base import Context
from chanlint.report.text import visible

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """One command per finding, errors first."""
    worst_first = sorted(diagnostics, key=lambda one: -one.severity.rank)
    return "".join(_command(one, context) for one in worst_first)


def _command(one: Diagnostic, context: Context) -> str:
    start, end = one.location, one.end_location
    properties = {"file": context.from_root(one.filename), "line": str(start.row), "endLine": str(end.row)}
    if start.row == end.row:  # GitHub drops columns of annotations that span lines
        properties |= {"col": str(start.column), "endColumn": str(end.column)}
    properties["title"] = f"{one.code} {one.name}"
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    lines = [one.message] if one.help is None else [one.message, one.help]
    return f"::{COMMANDS[one.severity]} {listed}::{'%0A'.join(map(_message, lines))}\n"


def _message(text: str) -> str:
    return visible(text).replace("%", "%25")  # visible text holds no line end that could start another command


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
