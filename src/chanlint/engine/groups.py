"""The analysis, group by group.

Nouns:

* **Group**: files that import each other, directly or through others. Nothing flows from one group to another, so each is
  analysed by itself, and not at all where its `Verdict` is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from chanlint.analysis.options import AnalysisOptions
from chanlint.catalogue.schema import Catalogue
from chanlint.engine.copying import can_fork
from chanlint.engine.files import Files, imports_of_ops
from chanlint.engine.forks import Forks
from chanlint.engine.notes import Wanted
from chanlint.engine.reading import Crash, crash
from chanlint.engine.verdicts import KeptVerdicts, Questions, Verdict, asking, read_verdict, write_verdict
from chanlint.frontends.base import Lowered
from chanlint.interrupts import pass_on_interrupt
from chanlint.ir.ids import ModuleId, OpId
from chanlint.ir.program import ImportResolver, Program

WORTH = 8_000
"""Ops in groups that are analysed sooner than a process is copied."""

_VERDICT, _CRASH = b"V", b"C"


class Groups:
    """The groups of a program.

    Args:
        files: the project's files.
        lowered: those that are analysed.
        catalogue: what is known of libraries.
        options: how to analyse.
        kept: the verdicts of earlier runs.
        place: finds an op in its source; it fails for ops that there are not.
    """

    def __init__(
        self,
        files: Files,
        lowered: Mapping[ModuleId, Lowered],
        catalogue: Catalogue,
        options: AnalysisOptions,
        kept: KeptVerdicts | None,
        place: Callable[[OpId], object],
    ) -> None:
        self._files = files
        self._index = files.index
        self._lowered = {id: one for id, one in lowered.items() if one.has_module}
        self._catalogue = catalogue
        self._options = options
        self._kept = kept
        self._place = place
        self._forgotten = 0
        self._release: Callable[[], None] = _nothing
        """Frees what the group before left; after the last one the process ends, which is faster."""

    def __iter__(self) -> Iterator[list[ModuleId]]:
        """The groups, in order."""
        parent = {id: id for id in self._lowered}

        def leader(id: ModuleId) -> ModuleId:
            while parent[id] != id:
                parent[id] = parent[parent[id]]
                id = parent[id]
            return id

        for id in self._lowered:
            for target in self._loads(id):
                parent[leader(id)] = leader(target)
        groups: dict[ModuleId, list[ModuleId]] = {}
        for id in self._lowered:
            groups.setdefault(leader(id), []).append(id)
        yield from groups.values()

    def check(self, groups: Sequence[list[ModuleId]], jobs: int = 1) -> list[Verdict | Crash]:
        """What is found in each group, or the defect of chanlint's own that it met; ``jobs`` processes may share them."""
        found: dict[int, Verdict | Crash] = {}
        for number, group in enumerate(groups):
            known = self._known(group)
            if known is not None:
                found[number] = known
        weights = {number: self._weight(group) for number, group in enumerate(groups) if number not in found}
        row = sorted(weights, key=lambda number: (weights[number], number))  # the heaviest last: most IR is forgotten by then
        copies = 0
        if jobs > 1 and can_fork():
            row.reverse()  # first, so that no process waits long for another
            apart = sum(weights.values()) - max(weights.values(), default=0)  # what others can do beside the heaviest group
            copies = min(jobs - 1, apart // WORTH)
        waiting = [groups[number] for number in row]
        self._forgotten = 0
        with Forks(range(len(row)), copies, lambda task: self._answer(self._begin(waiting, task))) as forks:
            for task in forks.tasks():
                found[row[task]] = self._fresh(self._begin(waiting, task))
            for task, answer in forks.answers():
                found[row[task]] = self._answered(waiting[task], answer)
        for number in sorted(row):
            self._keep(groups[number], found[number])
        return [found[number] for number in range(len(groups))]

    def _begin(self, waiting: Sequence[list[ModuleId]], task: int) -> list[ModuleId]:
        """The group to analyse now; the IR of those before it is forgotten: this process does none of them any more."""
        for group in waiting[self._forgotten : task]:
            for id in group:
                self._lowered[id].forget()
        self._forgotten = task
        return waiting[task]

    def _known(self, group: list[ModuleId]) -> Verdict | None:
        """What an earlier run found out about a group."""
        name = self._name(group)
        if name is None or self._kept is None:
            return None
        known = self._kept.find(name, group, self._resolver(group))
        return known if known is not None and self._are_there(known.ops(whole=self._kept.whole)) else None

    def _keep(self, group: list[ModuleId], verdict: Verdict | Crash) -> None:
        name = self._name(group)
        if name is not None and self._kept is not None and isinstance(verdict, Verdict):
            self._kept.keep(name, verdict)

    def _resolver(self, group: list[ModuleId]) -> ImportResolver:
        members = frozenset(group)

        def resolve(importer: ModuleId, module: str, level: int) -> ModuleId | None:
            found = self._index.resolve(importer, module, level)
            return found if found in members else None

        return resolve

    def _fresh(self, group: list[ModuleId]) -> Verdict | Crash:
        try:
            return self._analyse(group)
        except Exception:  # a defect of ours must not hide what the other files hold
            return crash(self._files.index.paths[group[0]])

    def _analyse(self, group: list[ModuleId]) -> Verdict:
        from chanlint.model.build import build_model
        from chanlint.rules.registry import RULES

        questions: Questions = {}
        modules = {id: module for id in group if (module := self._lowered[id].module) is not None}
        program = Program(modules, asking(self._resolver(group), questions))
        self._release()
        self._release = _nothing
        model = build_model(program, self._catalogue, self._options)
        self._release = model.release
        findings = [finding for rule in RULES for finding in rule.check(model)]
        return Verdict(findings, model.cleared, model.limits, questions)

    # -- in another process ---------------------------------------------------------------------------------------------

    def _weight(self, group: list[ModuleId]) -> int:
        """About how much work a group is: its ops."""
        modules = (self._lowered[id].module for id in group)
        functions = (function for module in modules if module is not None for function in module.functions.values())
        return sum(len(block.ops) for function in functions for block in function.cfg.blocks.values())

    def _answer(self, group: list[ModuleId]) -> bytes:
        found = self._fresh(group)
        if isinstance(found, Verdict):
            return _VERDICT + write_verdict(found)
        return _CRASH + json.dumps([found.message, found.trace]).encode()

    def _answered(self, group: list[ModuleId], answer: bytes | None) -> Verdict | Crash:
        path = self._files.index.paths[group[0]]
        if answer is None:
            return Crash(path, "the process that analysed this file and those that it imports died", "")
        if answer.startswith(_VERDICT):
            return read_verdict(answer[1:], frozenset(group))
        message, trace = json.loads(answer[1:])
        return Crash(path, message, trace)

    # -- what a verdict depends on --------------------------------------------------------------------------------------

    def _name(self, group: list[ModuleId]) -> str | None:
        """What stands for all that the group's verdict depends on, but for where its imports lead."""
        if self._kept is None:
            return None
        parts = [self._catalogue.digest, repr(self._options)]
        for id in group:
            closely = self._files.closely(id)
            if closely is None:
                return None
            parts += [id, closely.ir]
        return self._kept.name(parts)

    def _are_there(self, ops: Iterable[OpId]) -> bool:
        """Whether all ops that a remembered verdict names are in the source."""
        try:
            for op in ops:
                self._place(op)
        except Exception as error:  # whoever wrote it was not this chanlint
            pass_on_interrupt(error)
            return False
        return True

    def _loads(self, id: ModuleId) -> set[ModuleId]:
        """The modules that ``id`` may load: what it imports, and the packages on the way there."""
        names: set[tuple[str, int]] = set()
        for dotted, level in self._imports(id):
            while (dotted, level) not in names:
                names.add((dotted, level))
                dotted = dotted.rpartition(".")[0]
        found = {self._index.resolve(id, name, level) for name, level in names}
        return {target for target in found if target in self._lowered}

    def _imports(self, id: ModuleId) -> Wanted:
        closely = self._files.closely(id)
        if closely is not None:
            return closely.imports
        module = self._lowered[id].module
        return imports_of_ops(module) if module is not None else ()


def _nothing() -> None:
    """Frees nothing."""
