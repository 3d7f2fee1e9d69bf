"""The analysis, group by group.

Nouns:

* **Group**: files that import each other, directly or through others. Nothing flows from one group to another, so each is
  analysed by itself, and not at all where its `Verdict` is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from chanlint.analysis.options import AnalysisOptions
from chanlint.catalogue.schema import Catalogue
from chanlint.engine.files import Files, imports_of_ops
from chanlint.engine.notes import Wanted
from chanlint.engine.verdicts import KeptVerdicts, Questions, Verdict, asking
from chanlint.frontends.base import Lowered
from chanlint.interrupts import pass_on_interrupt
from chanlint.ir.ids import ModuleId, OpId
from chanlint.ir.program import Program


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

    def check(self, group: list[ModuleId]) -> Verdict:
        """What is found in a group."""
        members = frozenset(group)

        def resolve(importer: ModuleId, module: str, level: int) -> ModuleId | None:
            found = self._index.resolve(importer, module, level)
            return found if found in members else None

        name = self._name(group)
        if name is None or self._kept is None:
            return self._analyse(group, resolve, {})
        known = self._kept.find(name, members, resolve)
        if known is not None and self._are_there(known.ops(whole=self._kept.whole)):
            return known
        questions: Questions = {}
        verdict = self._analyse(group, asking(resolve, questions), questions)
        self._kept.keep(name, verdict)
        return verdict

    def _analyse(
        self, group: list[ModuleId], resolve: Callable[[ModuleId, str, int], ModuleId | None], questions: Questions
    ) -> Verdict:
        from chanlint.model.build import build_model
        from chanlint.rules.registry import RULES

        modules = {id: module for id in group if (module := self._lowered[id].module) is not None}
        model = build_model(Program(modules, resolve), self._catalogue, self._options)
        findings = [finding for rule in RULES for finding in rule.check(model)]
        return Verdict(findings, model.cleared, model.limits, questions)

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
        found: set[ModuleId | None] = set()
        for dotted, level in self._imports(id):
            parts = dotted.split(".") if dotted else []
            found.update(self._index.resolve(id, ".".join(parts[:end]), level) for end in range(len(parts) + 1))
        return {target for target in found if target in self._lowered}

    def _imports(self, id: ModuleId) -> Wanted:
        closely = self._files.closely(id)
        if closely is not None:
            return closely.imports
        module = self._lowered[id].module
        return imports_of_ops(module) if module is not None else ()
