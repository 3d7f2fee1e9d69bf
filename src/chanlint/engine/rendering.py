"""From a finding that names program points to a diagnostic that names places in files.

Nouns:

* **Renderer**: looks up places, file names and function names of one run.
* **Fingerprint**: what makes a finding the same finding after the file was edited above it: code, path from the project root,
  function, channel and its number among equals; no row.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping

from chanlint.diagnostics import Confidence, Diagnostic, RelatedLocation, Severity
from chanlint.engine.codes import NAMES, UNREADABLE
from chanlint.engine.config import Settings
from chanlint.engine.project import Index
from chanlint.engine.reading import FIRST_COLUMN, Crash, crash
from chanlint.findings import Finding
from chanlint.frontends.base import Lowered, Problem
from chanlint.ir.ids import MODULE_BODY, FunctionId, ModuleId, OpId
from chanlint.source import Span


def display_path(path: str, cwd: str) -> str:
    """``path`` as users see it: relative to ``cwd`` when below it, ``/`` separators, bytes that are not UTF-8 as ``\\xNN``."""
    prefix = cwd.rstrip(os.sep) + os.sep
    shown = path[len(prefix) :] if path.startswith(prefix) else path
    shown = shown.replace(os.sep, "/")
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in shown)


class Renderer:
    """Makes diagnostics.

    Args:
        settings: resolved settings.
        index: the project's modules.
        lowered: the files that were read closely.
        names: rule names by code.
    """

    def __init__(self, settings: Settings, index: Index, lowered: Mapping[ModuleId, Lowered], names: Mapping[str, str]) -> None:
        self._cwd = settings.cwd
        self._index = index
        self._lowered = lowered
        self._names = names
        self._crashes: dict[ModuleId, Crash] = {}
        self._equals: dict[tuple[str, ...], int] = {}

    @property
    def crashes(self) -> list[Crash]:
        """Files whose places could not be looked up."""
        return list(self._crashes.values())

    def filename(self, module: ModuleId) -> str:
        """How ``module`` is shown."""
        return display_path(self._index.paths.get(module, module), self._cwd)

    def findings(self, findings: Iterable[Finding]) -> list[Diagnostic]:
        """Diagnostics of ``findings``, sorted, each with its fingerprint."""
        placed = [(self.span(finding.at), finding) for finding in findings]
        placed.sort(key=lambda pair: (pair[1].at.function.module, pair[0], pair[1].code, pair[1].message))
        return sorted((self._finding(span, finding) for span, finding in placed), key=lambda one: one.sort_key)

    def problem(self, module: ModuleId, problem: Problem) -> Diagnostic:
        """The CHN000 finding for something that could not be read."""
        filename = self.filename(module)
        return Diagnostic(
            code=UNREADABLE,
            name=NAMES[UNREADABLE],
            message=problem.message,
            severity=Severity.ERROR,
            confidence=Confidence.HIGH,
            filename=filename,
            location=problem.span.start,
            end_location=problem.span.end,
            function=problem.definition,
            fingerprint=self._fingerprint(UNREADABLE, module, problem.definition or "", problem.message),
        )

    def span(self, op: OpId) -> Span:
        """Where ``op`` stands in its file."""
        lowered = self._lowered.get(op.function.module)
        if lowered is None or lowered.source_map is None:
            return FIRST_COLUMN
        try:
            return lowered.source_map.span(op)
        except Exception:  # a finding without its place is better than none
            self._crashes.setdefault(op.function.module, crash(self.filename(op.function.module)))
            return FIRST_COLUMN

    def place(self, op: OpId) -> str:
        """``path:row:column`` of ``op``."""
        start = self.span(op).start
        return f"{self.filename(op.function.module)}:{start.row}:{start.column}"

    def function(self, function: FunctionId | None) -> str | None:
        """The dotted name of a function, or None at module level."""
        if function is None or function.qualname == MODULE_BODY:
            return None
        return f"{self._index.dotted(function.module)}.{function.qualname}"

    def _finding(self, span: Span, finding: Finding) -> Diagnostic:
        related = []
        for place in finding.related:
            at = self.span(place.at)
            filename = self.filename(place.at.function.module)
            related.append(RelatedLocation(place.role, place.message, filename, at.start, at.end))
        module = finding.at.function.module
        function = self.function(finding.function)
        return Diagnostic(
            code=finding.code,
            name=self._names.get(finding.code, finding.code),
            message=finding.message,
            severity=finding.severity,
            confidence=finding.confidence,
            filename=self.filename(module),
            location=span.start,
            end_location=span.end,
            related=tuple(related),
            function=function,
            blocked=finding.blocked,
            help=finding.help,
            fingerprint=self._fingerprint(finding.code, module, function or "", finding.channel),
        )

    def _fingerprint(self, *parts: str) -> str:
        ordinal = self._equals.get(parts, 0)
        self._equals[parts] = ordinal + 1
        text = "\0".join((*parts, str(ordinal)))
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
