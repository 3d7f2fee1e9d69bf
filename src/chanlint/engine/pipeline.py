"""A whole run: files in, diagnostics out.

Nouns:

* **Report set**: the files that are reported on; the others of the project are read as far as channels reach.

The steps are those of ``docs/architecture.md``. An error of chanlint's own in one file, or in one group of files that import
each other, is kept as a `Crash`; everything else is still reported.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from chanlint.analysis.options import AnalysisOptions
from chanlint.catalogue.schema import Catalogue
from chanlint.catalogue.words import maker_words
from chanlint.diagnostics import Diagnostic
from chanlint.engine.additions import catalogue_with
from chanlint.engine.codes import UNREADABLE, known_codes
from chanlint.engine.config import DEFAULT_TARGET, Settings, configurations_of, resolve_settings
from chanlint.engine.configuration import Configurations
from chanlint.engine.copying import usable_jobs
from chanlint.engine.discovery import Discovery, discover, discover_project
from chanlint.engine.files import Files, LaterLowered, Sought
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.groups import Groups
from chanlint.engine.kept import Kept
from chanlint.engine.lowering import Lowerer, Shelf
from chanlint.engine.makers import Makers
from chanlint.engine.narrowing import narrow
from chanlint.engine.paths import display_path
from chanlint.engine.project import Index
from chanlint.engine.reading import FIRST_COLUMN, Crash, read_bytes, source_of
from chanlint.engine.rendering import Clearance, Renderer
from chanlint.engine.result import Progress, ReportSet, Result
from chanlint.engine.scope import Scope, ScopeFinder
from chanlint.engine.selection import Selections, selected_codes
from chanlint.engine.summaries import Summaries
from chanlint.engine.suppression import Ledger
from chanlint.engine.verdicts import Verdict
from chanlint.frontends.base import Lowered, Problem, Suppression
from chanlint.ir.ids import ModuleId
from chanlint.ir.program import Module
from chanlint.source import SourceFile


def run(settings: Settings, filesystem: FileSystem, progress: Progress | None = None) -> Result:
    """Checks what ``settings`` name.

    Raises:
        UnknownSelectorError: a selector names no rule.
        ConfigurationError: a configuration file, what it adds to the catalogue, the baseline or the revision cannot be used.
    """
    result = run_whole(settings, filesystem, progress)
    narrow(result, settings, filesystem, partial(run_whole, progress=progress))
    return result


def run_whole(settings: Settings, filesystem: FileSystem, progress: Progress | None = None, kept: Kept | None = None) -> Result:
    """The same without a baseline and without a revision to compare with: it depends on the files alone.

    Args:
        kept: what earlier runs found out; the caller saves what this one did.

    Raises: as `run`.
    """
    selected_codes(settings)  # a usage error is told before any work
    with _few_collections():
        configurations = configurations_of(settings, filesystem)
        settings = resolve_settings(settings, filesystem, configurations)
        return _Run(settings, configurations, filesystem, progress, kept).result()


class _Run:
    def __init__(
        self,
        settings: Settings,
        configurations: Configurations,
        filesystem: FileSystem,
        progress: Progress | None,
        kept: Kept | None,
    ) -> None:
        self._settings = settings
        self._configurations = configurations
        self._selections = Selections(settings, configurations)
        self._filesystem = filesystem
        self._progress = progress
        self._memory = kept
        self._target = settings.target_version or DEFAULT_TARGET
        self._result = Result()
        self._read_closely = 0
        self._alone = settings.single_file or ("-" in settings.paths and settings.stdin_filename is None)
        self._index: Index
        self._files: Files

    def result(self) -> Result:
        """Everything, in order."""
        result = self._result
        found = discover(self._settings, self._filesystem)
        result.missing = found.missing
        paths = [*found.files]
        result.report = ReportSet(paths, lambda: paths, self._settings.cwd)  # until modules are known
        if not found.files and not found.unreadable:
            return result
        seen = [*found.files] if self._alone else discover_project(self._settings, self._filesystem, found)
        self._index = Index(self._settings, seen)
        report = {self._index.module_id(path): named and not self._alone for path, named in found.files.items()}
        root = self._settings.project_root or self._settings.cwd
        result.docs_url = self._selections.of(os.path.join(root, "any.py")).docs_url
        catalogue = catalogue_with(self._configurations.nearest(root), self._settings.cwd)
        self._files = self._notes(catalogue)
        scope = self._scope(catalogue, report)
        renderer = Renderer(self._settings, self._files, scope.lowered, known_codes())
        verdict = self._analyse(scope, catalogue, report, renderer)
        diagnostics = renderer.findings(verdict.findings) + self._problems(scope, renderer, found)
        result.diagnostics = self._kept(
            diagnostics, found, scope, renderer, judge_comments=not self._alone and "steps" not in verdict.limits
        )
        result.report = ReportSet([*report], lambda: paths, self._settings.cwd)
        result.with_channels = len(scope.makers & report.keys())
        result.limits = {**scope.limits, **verdict.limits}
        if found.truncated:
            result.limits["project files"] = 1
        result.skipped = [
            f"{renderer.filename(module)}: row {comment.row} says skip-file"
            for module, lowered in scope.lowered.items()
            for comment in lowered.suppressions
            if comment.kind == "skip-file" and module in report
        ]
        result.cleared = lambda: self._cleared(verdict, report, renderer)
        result.crashes += renderer.crashes
        result.closely = frozenset(scope.lowered)
        result.source = renderer.text
        return result

    # -- steps ----------------------------------------------------------------------------------------------------------

    def _notes(self, catalogue: Catalogue) -> Files:
        notes = self._memory.notes if self._memory is not None and not self._alone else None
        if notes is not None:
            notes.open(catalogue.digest, self._index.paths)

        def read(module: ModuleId) -> bytes | Problem:
            return read_bytes(self._filesystem, self._index.paths[module])

        return Files(self._index, read, Sought.of(catalogue), notes, usable_jobs(self._settings.jobs))

    def _scope(self, catalogue: Catalogue, report: dict[ModuleId, bool]) -> Scope:
        summaries = Summaries(self._settings.summaries, self._target, partial(display_path, cwd=self._settings.cwd))
        lowerer = Lowerer(self._target, self._settings.jobs, [summaries, *self._shelves()], self._tell)
        words = maker_words(catalogue)
        makers = Makers(self._files, catalogue, words)
        carried = tuple(needle.decode(errors="replace") for needle in catalogue.needles)
        followed = tuple(word for word in carried if word not in words.telling_futures)  # a future is judged where it is made
        finder = ScopeFinder(self._files, followed, partial(self._lower, lowerer), makers.is_maker)
        try:
            if not self._settings.prefilter:
                return finder.everything()
            self._files.look_at_all()
            return finder.find(module for module, named in report.items() if named)
        finally:
            lowerer.close()
            self._result.crashes += lowerer.crashes
            self._result.lasting = not lowerer.deaths
            self._result.ignored = summaries.ignored + summaries.strangers(self._index.paths)

    def _lower(self, lowerer: Lowerer, modules: Sequence[ModuleId]) -> dict[ModuleId, Lowered]:
        """The files of a batch; those that an earlier run lowered are only looked up when their IR is needed."""
        done: dict[ModuleId, Lowered] = {}
        fresh: dict[ModuleId, bytes] = {}
        for module in modules:
            closely = self._files.closely(module)
            if closely is not None:
                done[module] = LaterLowered(module, closely, self._text, self._module, self._target)
                self._tell()
                continue
            data = self._files.read(module)
            if data is not None:
                fresh[module] = data
        lowered = lowerer.lower(fresh)
        if self._memory is not None:
            for module, one in lowered.items():
                self._files.learn(module, one, self._memory.files.meanings.get(module))
        done |= lowered
        return {module: done[module] for module in modules if module in done}

    def _text(self, module: ModuleId) -> SourceFile:
        data = self._files.read(module)
        return source_of(module, data or b"")

    def _module(self, module: ModuleId) -> Module | None:
        """The IR of a file that an earlier run lowered."""
        data = self._files.read(module) or b""
        lowered = Lowerer(self._target, shelves=self._shelves()).lower({module: data}).get(module)
        return lowered.module if lowered is not None else None

    def _shelves(self) -> list[Shelf]:
        return [self._memory.files] if self._memory is not None else []

    def _tell(self) -> None:
        self._read_closely += 1
        if self._progress is not None:
            self._progress("reading", self._read_closely)

    def _analyse(self, scope: Scope, catalogue: Catalogue, report: dict[ModuleId, bool], renderer: Renderer) -> Verdict:
        """What is found in all groups of files that hold a file of the report set."""
        if self._progress is not None:
            self._progress("following channels", self._read_closely)
        options = AnalysisOptions(
            target_version=self._target,
            closed_world=not self._alone,
        )
        verdicts = self._memory.verdicts if self._memory is not None else None
        groups = Groups(self._files, scope.lowered, catalogue, options, verdicts, renderer.place)
        wanted = [group for group in groups if not report.keys().isdisjoint(group)]
        whole = Verdict()
        for verdict in groups.check(wanted, usable_jobs(self._settings.jobs)):
            if isinstance(verdict, Crash):
                self._result.crashes.append(verdict._replace(path=display_path(verdict.path, self._settings.cwd)))
                continue
            whole.findings += verdict.findings
            whole.cleared += verdict.cleared
            for limit, count in verdict.limits.items():
                whole.limits[limit] = whole.limits.get(limit, 0) + count
        return whole

    # -- what is shown --------------------------------------------------------------------------------------------------

    def _problems(self, scope: Scope, renderer: Renderer, found: Discovery) -> list[Diagnostic]:
        shown = [renderer.problem(module, problem) for module, lowered in scope.lowered.items() for problem in lowered.problems]
        shown += [renderer.problem(module, problem) for module, problem in self._files.unreadable.items()]
        for folder, why in found.unreadable:
            module = self._index.module_id(folder)
            self._index.paths.setdefault(module, folder)
            shown.append(renderer.problem(module, Problem(f"folder cannot be read: {why}", FIRST_COLUMN)))
        return shown

    def _kept(
        self, diagnostics: list[Diagnostic], found: Discovery, scope: Scope, renderer: Renderer, *, judge_comments: bool
    ) -> list[Diagnostic]:
        """Those about the report set that are selected, sure enough and not silenced, and comments that silence nothing."""
        cwd = self._settings.cwd
        paths = {display_path(path, cwd): path for path in (*found.files, *(folder for folder, _ in found.unreadable))}
        ledger = Ledger(self._comments(scope, renderer, found))
        loud = [one for one in diagnostics if not ledger.silences(one)]
        if judge_comments:
            broken = {one.filename for one in diagnostics if one.code == UNREADABLE}
            broken |= {crash.path for crash in self._result.crashes}
            left = ledger.leftovers(known_codes(), lambda name: self._in_force(paths.get(name)))
            judged = [one for one in left if one.filename not in broken]
            loud += [one for one in judged if not ledger.silences(one)]
        kept = set()
        for one in loud:
            if one.filename in paths:
                selection = self._selections.of(paths[one.filename])
                dressed = selection.dress(one)
                if selection.takes(dressed):
                    kept.add(dressed)
        return [renderer.in_cells(one) for one in sorted(kept, key=lambda one: (one.sort_key, one.fingerprint))]

    def _in_force(self, path: str | None) -> frozenset[str]:
        """The codes that are looked for in a file of the report set."""
        return self._selections.of(path).codes if path is not None else frozenset()

    def _comments(self, scope: Scope, renderer: Renderer, found: Discovery) -> dict[str, tuple[Suppression, ...]]:
        """The suppressions of the report set and, because a place may lie there, of every other file that was read closely."""
        comments = {renderer.filename(module): lowered.suppressions for module, lowered in scope.lowered.items()}
        report = {self._index.module_id(path) for path in found.files}
        for module in sorted(report - scope.lowered.keys()):
            lowered = self._look_for_comments(module) if self._files.is_commented(module) else None
            if lowered is not None:
                scope.lowered[module] = lowered  # so that places in it, cells above all, can be shown
                comments[renderer.filename(module)] = lowered.suppressions
        return comments

    def _look_for_comments(self, module: ModuleId) -> Lowered | None:
        return self._lower(Lowerer(self._target, shelves=self._shelves()), [module]).get(module)

    def _cleared(self, verdict: Verdict, report: dict[ModuleId, bool], renderer: Renderer) -> list[Clearance]:
        """The channels of the report set about which nothing is reported, and those with a place in it."""
        cleared = [
            renderer.clearance(one)
            for one in verdict.cleared
            if not report.keys().isdisjoint({op.function.module for op in (one.created, *(place.at for place in one.places))})
        ]
        return sorted(dict.fromkeys(cleared), key=lambda one: (one.place.filename, one.place.location, one.line()))


@contextmanager
def _few_collections() -> Iterator[None]:
    """Raises the collector's threshold: trees hold no cycles, and looking for some costs a third of the parse time."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
