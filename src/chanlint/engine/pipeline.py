"""A whole run: files in, diagnostics out.

Nouns:

* **Result**: the diagnostics in their final order, and what people want to know besides.
* **Note**: one line about the run itself: a channel that was cleared, a file that was passed over.

The steps are those of ``docs/architecture.md``. An error of chanlint's own in one file, or in one group of files that import
each other, is kept as a `Crash`; everything else is still reported.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chanlint.analysis.options import AnalysisOptions
from chanlint.catalogue.schema import Catalogue
from chanlint.diagnostics import Diagnostic
from chanlint.engine.additions import ConfigurationError, catalogue_additions
from chanlint.engine.codes import known_codes, selected_codes
from chanlint.engine.config import DEFAULT_TARGET, Settings, resolve_settings
from chanlint.engine.discovery import Discovery, discover, discover_project
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.project import Index
from chanlint.engine.reading import FIRST_COLUMN, Crash, crash, lower_bytes, read_bytes
from chanlint.engine.rendering import Renderer, display_path
from chanlint.engine.scope import Scope, ScopeFinder
from chanlint.engine.suppression import is_suppressed
from chanlint.findings import Finding
from chanlint.frontends.base import Lowered, Problem
from chanlint.ir.ids import ModuleId
from chanlint.ir.program import Module, Program
from chanlint.model.channel import ChannelModel
from chanlint.source import SourceFile

Progress = Callable[[str, int], None]
"""Told what is being done, and how many files were read closely so far."""


@dataclass(slots=True)
class Result:
    """What a run found.

    Attributes:
        diagnostics: sorted.
        checked: the files of the report set, as shown.
        with_channels: how many of them name a channel's constructor.
        missing: paths that do not exist, as given.
        crashes: errors of chanlint's own.
        cleared: gives a line for every channel about which nothing is reported, with the reason; looking up the places costs
            as much as for findings, so it is done on demand.
        skipped: a line for every file that a comment takes out of the check.
        limits: limits that were reached, with how often.
        source: the text of a file by the name under which diagnostics show it.
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    with_channels: int = 0
    missing: list[str] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)
    cleared: Callable[[], list[str]] = list
    skipped: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    source: Callable[[str], SourceFile | None] = lambda filename: None


def run(settings: Settings, filesystem: FileSystem, progress: Progress | None = None) -> Result:
    """Checks what ``settings`` name.

    Raises:
        UnknownSelectorError: a selector names no rule.
        ConfigurationError: the project's additions to the catalogue cannot be used.
    """
    selected_codes(settings)  # a usage error is told before any work
    with _few_collections():
        return _Run(resolve_settings(settings, filesystem), filesystem, progress).result()


class _Run:
    def __init__(self, settings: Settings, filesystem: FileSystem, progress: Progress | None) -> None:
        self._settings = settings
        self._filesystem = filesystem
        self._progress = progress
        self._target = settings.target_version or DEFAULT_TARGET
        self._result = Result()
        self._unreadable: dict[ModuleId, Problem] = {}
        self._read_closely = 0
        self._index: Index

    def result(self) -> Result:
        """Everything, in order."""
        result = self._result
        found = discover(self._settings, self._filesystem)
        result.missing = found.missing
        result.checked = [display_path(path, self._settings.cwd) for path in found.files]
        if not found.files and not found.unreadable:
            return result
        self._index = Index(self._settings, discover_project(self._settings, self._filesystem, found))
        report = {self._index.module_id(path): named for path, named in found.files.items()}
        catalogue = self._catalogue()
        scope = self._scope(catalogue, report)
        renderer = Renderer(self._settings, self._index, scope.lowered, known_codes())
        findings, model = self._analyse(scope, catalogue, report)
        codes = selected_codes(self._settings)
        wanted = [one for one in findings if one.code in codes and one.at.function.module in report]
        diagnostics = renderer.findings(wanted) + self._problems(scope, renderer, found)
        result.diagnostics = self._kept(diagnostics, found, scope, renderer)
        result.with_channels = len(scope.makers & report.keys())
        result.limits = {**scope.limits, **model.limits}
        if found.truncated:
            result.limits["project files"] = 1
        result.skipped = [
            f"{renderer.filename(module)}: row {comment.row} says skip-file"
            for module, lowered in scope.lowered.items()
            for comment in lowered.suppressions
            if comment.kind == "skip-file" and module in report
        ]
        result.cleared = lambda: self._cleared(model, report, renderer)
        result.crashes += renderer.crashes
        texts = {renderer.filename(module): lowered.source for module, lowered in scope.lowered.items()}
        result.source = texts.get
        return result

    # -- steps ----------------------------------------------------------------------------------------------------------

    def _catalogue(self) -> Catalogue:
        from chanlint.catalogue.entries import CatalogueError
        from chanlint.catalogue.load import load_catalogue

        added = None
        if not self._settings.isolated and self._settings.project_root is not None:
            added = catalogue_additions(self._settings.project_root, self._filesystem)
        if added is None:
            return load_catalogue()
        path, extra = added
        try:
            return load_catalogue(extra)
        except CatalogueError as error:
            raise ConfigurationError(f"{display_path(path, self._settings.cwd)}: {error}") from None

    def _scope(self, catalogue: Catalogue, report: dict[ModuleId, bool]) -> Scope:
        finder = ScopeFinder(self._index, catalogue.needles, self._read, self._lower)
        if not self._settings.prefilter:
            return finder.everything()
        return finder.find(module for module, named in report.items() if named)

    def _read(self, module: ModuleId) -> bytes | None:
        data = read_bytes(self._filesystem, self._index.paths[module])
        if isinstance(data, Problem):
            self._unreadable[module] = data
            return None
        return data

    def _lower(self, module: ModuleId, data: bytes) -> Lowered | None:
        self._read_closely += 1
        if self._progress is not None:
            self._progress("reading", self._read_closely)
        lowered = lower_bytes(module, data, self._target)
        if isinstance(lowered, Crash):
            self._result.crashes.append(lowered)
            return None
        return lowered

    def _analyse(self, scope: Scope, catalogue: Catalogue, report: dict[ModuleId, bool]) -> tuple[list[Finding], ChannelModel]:
        """The findings of every group of files that holds a file of the report set."""
        if self._progress is not None:
            self._progress("following channels", self._read_closely)
        options = AnalysisOptions(
            target_version=self._target,
            closed_world=not ("-" in self._settings.paths and self._settings.stdin_filename is None),
        )
        modules = {id: lowered.module for id, lowered in scope.lowered.items() if lowered.module is not None}
        findings: list[Finding] = []
        model = ChannelModel()
        for group in self._groups(modules):
            if report.keys().isdisjoint(group):
                continue
            try:
                some, part = self._check({id: modules[id] for id in group}, catalogue, options)
            except Exception:  # a defect of ours must not hide what the other files hold
                self._result.crashes.append(crash(display_path(self._index.paths[group[0]], self._settings.cwd)))
                continue
            findings += some
            model.cleared += part.cleared
            for limit, count in part.limits.items():
                model.limits[limit] = model.limits.get(limit, 0) + count
        return findings, model

    def _check(
        self, modules: dict[ModuleId, Module], catalogue: Catalogue, options: AnalysisOptions
    ) -> tuple[list[Finding], ChannelModel]:
        from chanlint.model.build import build_model
        from chanlint.rules.registry import RULES

        def resolve(importer: ModuleId, module: str, level: int) -> ModuleId | None:
            found = self._index.resolve(importer, module, level)
            return found if found in modules else None

        model = build_model(Program(modules, resolve), catalogue, options)
        return [finding for rule in RULES for finding in rule.check(model)], model

    def _groups(self, modules: dict[ModuleId, Module]) -> Iterator[list[ModuleId]]:
        """Modules that import each other, directly or through others: nothing flows from one group to another."""
        parent = {id: id for id in modules}

        def leader(id: ModuleId) -> ModuleId:
            while parent[id] != id:
                parent[id] = parent[parent[id]]
                id = parent[id]
            return id

        for id, module in modules.items():
            for target in self._imports(id, module) & modules.keys():
                parent[leader(id)] = leader(target)
        groups: dict[ModuleId, list[ModuleId]] = {}
        for id in modules:
            groups.setdefault(leader(id), []).append(id)
        yield from groups.values()

    def _imports(self, id: ModuleId, module: Module) -> set[ModuleId]:
        """The project's files that ``module`` may load: what it names, and the packages on the way there."""
        from chanlint.ir.ops import Import, ImportStar

        found: set[ModuleId | None] = set()
        for function in module.functions.values():
            for op in function.cfg.ops():
                if not isinstance(op, Import | ImportStar):
                    continue
                parts = op.module.split(".") if op.module else []
                if isinstance(op, Import) and op.name:
                    parts.append(op.name)
                found.update(self._index.resolve(id, ".".join(parts[:end]), op.level) for end in range(len(parts) + 1))
        return {target for target in found if target is not None}

    # -- what is shown --------------------------------------------------------------------------------------------------

    def _problems(self, scope: Scope, renderer: Renderer, found: Discovery) -> list[Diagnostic]:
        shown = [renderer.problem(module, problem) for module, lowered in scope.lowered.items() for problem in lowered.problems]
        shown += [renderer.problem(module, problem) for module, problem in self._unreadable.items()]
        for folder, why in found.unreadable:
            module = self._index.module_id(folder)
            self._index.paths.setdefault(module, folder)
            shown.append(renderer.problem(module, Problem(f"folder cannot be read: {why}", FIRST_COLUMN)))
        return shown

    def _kept(self, diagnostics: Iterable[Diagnostic], found: Discovery, scope: Scope, renderer: Renderer) -> list[Diagnostic]:
        """Those about the report set that are selected, sure enough and not silenced."""
        settings = self._settings
        codes = selected_codes(settings)
        shown = {*self._result.checked, *(display_path(folder, settings.cwd) for folder, _ in found.unreadable)}
        comments = {renderer.filename(module): lowered.suppressions for module, lowered in scope.lowered.items()}
        kept = {
            diagnostic
            for diagnostic in diagnostics
            if diagnostic.code in codes
            and diagnostic.confidence.rank >= settings.min_confidence.rank
            and diagnostic.filename in shown
            and not is_suppressed(diagnostic, comments)
        }
        return sorted(kept, key=lambda one: (one.sort_key, one.fingerprint))

    def _cleared(self, model: ChannelModel, report: dict[ModuleId, bool], renderer: Renderer) -> list[str]:
        lines = []
        for cleared in model.cleared:
            if cleared.created.function.module in report:
                at = f" ({renderer.place(cleared.at)})" if cleared.at is not None else ""
                lines.append(f"{renderer.place(cleared.created)}: {cleared.channel}: {cleared.reason}{at}")
        return sorted(lines)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Raises the collector's threshold: trees hold no cycles, and looking for some costs a third of the parse time."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
