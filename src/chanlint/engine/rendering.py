"""From a finding that names program points to a diagnostic that names places in files.

Nouns:

* **Renderer**: looks up places, file names and function names of one run.
* **Fingerprint**: what makes a finding the same finding after the file was edited above it: code, path from the project root,
  function, channel and its number among equals; no row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from chanlint.diagnostics import Confidence, Diagnostic, Identity, RelatedLocation, Role, Severity
from chanlint.engine.codes import NAMES, UNREADABLE
from chanlint.engine.config import Settings
from chanlint.engine.files import Files
from chanlint.engine.paths import display_path
from chanlint.engine.reading import FIRST_COLUMN, NOTEBOOK, Crash, crash, file_of, texts_of
from chanlint.findings import Cleared, Finding, Place
from chanlint.frontends.base import Lowered, Problem
from chanlint.frontends.python.notebook import cell_rows, in_cell
from chanlint.ir.ids import MODULE_BODY, FunctionId, ModuleId, OpId
from chanlint.report.base import with_cell
from chanlint.source import Location, SourceFile, Span

_Placed = TypeVar("_Placed", Diagnostic, RelatedLocation)


class Clearance(NamedTuple):
    """A channel about which nothing is reported.

    Attributes:
        place: where it is made, as a place of its story; ``places`` are the others.
        reason: why nothing is reported; ``at`` says where that is seen.
    """

    channel: str
    reason: str
    place: RelatedLocation
    at: RelatedLocation | None
    places: tuple[RelatedLocation, ...]

    def line(self) -> str:
        """All of it but the other places, in one line."""
        seen = f" ({_row_column(self.at)})" if self.at is not None else ""
        return f"{_row_column(self.place)}: {self.channel}: {self.reason}{seen}"


def _row_column(place: RelatedLocation) -> str:
    return f"{with_cell(place.filename, place.cell)}:{place.location.row}:{place.location.column}"


class Renderer:
    """Makes diagnostics.

    Args:
        settings: resolved settings.
        files: the project's files.
        lowered: the files that were read closely.
        names: rule names by code.
    """

    def __init__(self, settings: Settings, files: Files, lowered: Mapping[ModuleId, Lowered], names: Mapping[str, str]) -> None:
        self._cwd = settings.cwd
        self._files = files
        self._index = files.index
        self._lowered = lowered
        self._names = names
        self._crashes: dict[ModuleId, Crash] = {}
        self._equals: dict[tuple[str, ...], int] = {}
        self._known_cells: dict[str, list[int]] | None = None
        self._by_name: dict[str, Lowered] | None = None
        self._read: set[str] = set()
        self._texts: dict[str, SourceFile] = {}

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
        told: dict[object, tuple[Span, Finding]] = {}
        for span, finding in placed:  # the ops of a `finally` body have copies with the place of the original
            told.setdefault((finding.at.function.module, span, finding.code), (span, finding))
        return sorted((self._finding(span, finding) for span, finding in told.values()), key=lambda one: one.sort_key)

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
            identity=Identity(UNREADABLE, module, problem.definition or "", problem.message),
        )

    def in_cells(self, diagnostic: Diagnostic) -> Diagnostic:
        """The finding with places in cells, where they are in notebooks."""
        filenames = {diagnostic.filename, *(place.filename for place in diagnostic.related)}
        if not any(filename.endswith(NOTEBOOK) for filename in filenames):
            return diagnostic
        related = tuple(self._in_cell(place) for place in diagnostic.related)
        return self._in_cell(diagnostic._replace(related=related))

    def _in_cell(self, place: _Placed) -> _Placed:
        cells = self._cells().get(place.filename)
        if not cells:
            return place
        (number, first), (_, last) = in_cell(cells, place.location.row), in_cell(cells, place.end_location.row)
        start, end = Location(first, place.location.column), Location(max(first, last), place.end_location.column)
        return place._replace(location=start, end_location=end, cell=number)

    def _cells(self) -> dict[str, list[int]]:
        """The rows before the cells of every notebook that was read closely, by the name under which it is shown."""
        if self._known_cells is None:
            self._known_cells = {
                self.filename(module): cell_rows(lowered.source.rows)
                for module, lowered in self._lowered.items()
                if module.endswith(NOTEBOOK)
            }
        return self._known_cells

    def text(self, shown: str) -> SourceFile | None:
        """The text of a file that was read closely, or of a cell of a notebook as `with_cell` names it, by its name."""
        if self._by_name is None:
            self._by_name = {self.filename(module): lowered for module, lowered in self._lowered.items()}
        name = shown if shown in self._by_name else file_of(shown)
        if name in self._by_name and name not in self._read:
            self._read.add(name)
            self._texts |= texts_of(name, self._by_name[name].source)
        return self._texts.get(shown)

    def place(self, op: OpId) -> Span:
        """Where ``op`` stands in its file; it fails where there is no such op."""
        lowered = self._lowered.get(op.function.module)
        if lowered is None or not lowered.has_module:
            raise LookupError(op)
        return self._files.span(op, lambda op: _asked(lowered, op))

    def span(self, op: OpId) -> Span:
        """Where ``op`` stands in its file."""
        lowered = self._lowered.get(op.function.module)
        if lowered is None or not lowered.has_module:
            return FIRST_COLUMN
        try:
            return self.place(op)
        except Exception:  # a finding without its place is better than none
            self._crashes.setdefault(op.function.module, crash(self.filename(op.function.module)))
            return FIRST_COLUMN

    def clearance(self, cleared: Cleared) -> Clearance:
        """A cleared channel with its places looked up."""
        made = self._seen(Place(Role.CREATED, "channel made here", cleared.created))
        at = self._seen(Place(Role.CLOSES, cleared.reason, cleared.at)) if cleared.at is not None else None
        return Clearance(cleared.channel, cleared.reason, made, at, tuple(map(self._seen, cleared.places)))

    def _seen(self, place: Place) -> RelatedLocation:
        return self._in_cell(self._related(place))

    def _related(self, place: Place) -> RelatedLocation:
        span = self.span(place.at)
        return RelatedLocation(place.role, place.message, self.filename(place.at.function.module), span.start, span.end)

    def function(self, function: FunctionId | None) -> str | None:
        """The dotted name of a function, or None at module level."""
        if function is None or function.qualname == MODULE_BODY:
            return None
        return f"{self._index.dotted(function.module)}.{function.qualname}"

    def _finding(self, span: Span, finding: Finding) -> Diagnostic:
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
            related=tuple(map(self._related, finding.related)),
            function=function,
            blocked=finding.blocked,
            help=finding.help,
            fingerprint=self._fingerprint(finding.code, module, function or "", finding.channel),
            identity=Identity(finding.code, module, finding.function.qualname if finding.function else "", finding.channel),
        )

    def _fingerprint(self, *parts: str) -> str:
        ordinal = self._equals.get(parts, 0)
        self._equals[parts] = ordinal + 1
        text = "\0".join((*parts, str(ordinal)))
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _asked(lowered: Lowered, op: OpId) -> Span:
    if lowered.source_map is None:
        raise LookupError(op)
    return lowered.source_map.span(op)
