"""The ``azure`` format: logging commands that Azure Pipelines shows in the log and in the summary of a run.

Source: the documentation of Azure Pipelines on logging commands (``task.logissue``, escaping with ``%AZP25``).
"""

from __future__ import annotations

from collections.abc import Sequence

from chanlint.diagnostics import Diagnostic, Severity
from chanlint.report.base import Context
from chanlint.report.text import visible


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """One command per finding."""
    return "".join(_command(one, context) for one in diagnostics)


def _command(one: Diagnostic, context: Context) -> str:
    kind = "error" if one.severity is Severity.ERROR else "warning"  # there is nothing below a warning
    properties = {
        "type": kind,
        "sourcepath": context.from_root(one.filename),
        "linenumber": str(one.location.row),
        "columnnumber": str(one.location.column),
        "code": one.code,
    }
    listed = "".join(f"{name}={_property(value)};" for name, value in properties.items())
    return f"##vso[task.logissue {listed}]{_message(one.message)}\n"


def _message(text: str) -> str:
    return visible(text).replace("%", "%AZP25")


def _property(text: str) -> str:
    return _message(text).replace(";", "%3B").replace("]", "%5D")
