"""Which files are analysed: those in which channels are made, and those that channels reach.

Nouns:

* **Needle**: a byte string that every file that makes a channel must contain.
* **Maker**: a file that contains a needle, and, looked at closer (`makers`), uses it as the name of a maker of channels.
* **Round**: files that import a carrier and name it are read, then what carriers reach; new files may hold new carriers.

The set does not depend on which files the user named: it is found from the whole project, so that checking one file says the
same about it as checking everything. Every loop is bounded and its order is that of sorted module ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from chanlint.engine.carriers import Carriers, Imported, find_carriers
from chanlint.engine.files import Files
from chanlint.frontends.base import Lowered
from chanlint.ir.ids import ModuleId

MAX_ROUNDS = 10
"""How often new carriers may lead to new files."""

MAX_JOINED = 500
"""How many files may join those that make channels."""

MAX_FILES_PER_NAME = 200
"""A name found in more files than this is too common to follow."""


@dataclass(slots=True)
class Scope:
    """The analysis set.

    Attributes:
        lowered: every file that was read closely, by module id, in order.
        makers: see above.
        limits: limits that were reached, with how often.
    """

    lowered: dict[ModuleId, Lowered] = field(default_factory=dict)
    makers: set[ModuleId] = field(default_factory=set)
    limits: dict[str, int] = field(default_factory=dict)


class ScopeFinder:
    """Finds the analysis set.

    Args:
        files: the project's files.
        words: what the name of a constructor contains whose channels are followed.
        lower: lowers files; those where that failed are missing from what it returns.
        is_maker: judges files that contain a needle; without it they are all makers.
    """

    def __init__(
        self,
        files: Files,
        words: tuple[str, ...],
        lower: Callable[[Sequence[ModuleId]], Mapping[ModuleId, Lowered]],
        is_maker: Callable[[ModuleId], bool] | None = None,
    ) -> None:
        self._files = files
        self._judge = is_maker
        self._index = files.index
        self._lower = lower
        self._words = words
        self._known_words: dict[str, bool] = {}
        self._scope = Scope()
        self._carriers: dict[ModuleId, Carriers] = {}
        self._imports: dict[ModuleId, frozenset[ModuleId]] = {}
        self._searched: set[str] = set()

    def everything(self) -> Scope:
        """All files of the project."""
        batch = []
        for module in sorted(self._index.paths):
            maker = self._is_maker(module)
            if maker is not None:
                batch.append(module)
                if maker:
                    self._scope.makers.add(module)
        self._scope.lowered.update(self._lower(batch))
        return self._scope

    def find(self, always: Iterable[ModuleId]) -> Scope:
        """The analysis set; files in ``always`` belong to it whatever they contain."""
        wanted = set(always)
        batch = []
        for module in sorted(self._index.paths):
            maker = self._is_maker(module)
            if maker:
                self._scope.makers.add(module)
            if maker or (maker is not None and module in wanted):
                batch.append(module)
        self._scope.lowered.update(self._lower(batch))
        joined = 0
        for _ in range(MAX_ROUNDS):
            fresh = self._weigh()
            reached = self._reached()
            more = self._importers(fresh) | reached
            if not more:
                break
            joined += len(more)
            if joined > MAX_JOINED:  # a base class of half the project holds a channel: nobody follows that to its end
                self._scope.limits["joined files"] = 1
                self._scope.lowered.update(self._lower(sorted(reached)[:MAX_JOINED]))
                break
            self._scope.lowered.update(self._lower(sorted(more)))
        else:
            self._scope.limits["import rounds"] = 1
        self._scope.lowered = dict(sorted(self._scope.lowered.items()))
        return self._scope

    def _is_maker(self, module: ModuleId) -> bool | None:
        """None where the file cannot be read."""
        needle = self._files.has_needle(module)
        return needle and (self._judge is None or self._judge(module))

    def _is_channel(self, word: str) -> bool:
        known = self._known_words.get(word)
        if known is None:
            known = self._known_words[word] = any(part in word for part in self._words)
        return known

    # -- carriers -------------------------------------------------------------------------------------------------------

    def _weigh(self) -> dict[str, set[ModuleId]]:
        """Works out the carriers of all files read so far; returns names not searched for yet with the files they are in."""
        stale = self._scope.lowered.keys() - self._carriers.keys()
        for _ in range(MAX_ROUNDS):
            changed = set()
            for id in sorted(stale):
                found = self._files.carriers(id, partial(self._carriers_of, id), partial(self._carried, id))
                if found.depths != self._carriers.get(id, Carriers()).depths:
                    changed.add(id)
                self._carriers[id] = found
            stale = {id for id in self._scope.lowered if self._imported_by(id) & changed}
            if not stale:
                break
        fresh: dict[str, set[ModuleId]] = {}
        for id, carriers in self._carriers.items():
            for name in carriers.depths.keys() - self._searched:
                fresh.setdefault(name, set()).add(id)
        self._searched |= fresh.keys()
        return fresh

    def _carriers_of(self, id: ModuleId, carried: Callable[[Imported], int | None]) -> Carriers:
        module = self._scope.lowered[id].module
        return find_carriers(module, self._is_channel, carried) if module else Carriers()

    def _carried(self, importer: ModuleId, source: Imported) -> int | None:
        target = self._index.resolve(importer, source.module, source.level)
        if target is None or target not in self._carriers:
            return None
        depths = self._carriers[target].depths
        if source.name == "*":
            return min(depths.values(), default=None)
        return depths.get(source.name) if source.name is not None else None

    # -- who imports a carrier ------------------------------------------------------------------------------------------

    def _importers(self, fresh: dict[str, set[ModuleId]]) -> set[ModuleId]:
        """Files outside the set that contain one of these names and import, also through re-exports, where it comes from."""
        if not fresh:
            return set()
        mentions = self._files.with_words(fresh)
        more: set[ModuleId] = set()
        for name, makers in sorted(fresh.items()):
            files = mentions.get(name, set())
            if len(files) > MAX_FILES_PER_NAME:
                self._scope.limits["common names"] = self._scope.limits.get("common names", 0) + 1
                continue
            sources, grown = set(makers), True
            while grown:
                joined = {file for file in files - sources if self._imported_by(file) & sources}
                sources |= joined
                grown = bool(joined)
            more |= sources
        return more - self._scope.lowered.keys()

    def _imported_by(self, module: ModuleId) -> frozenset[ModuleId]:
        """The project's files that ``module`` imports, read off its text."""
        if module not in self._imports:
            found = (self._index.resolve(module, name, level) for name, level in self._files.imports(module))
            self._imports[module] = frozenset(target for target in found if target is not None)
        return self._imports[module]

    # -- where channels go ----------------------------------------------------------------------------------------------

    def _reached(self) -> set[ModuleId]:
        """Files outside the set where channels go, or that hold base classes of carriers."""
        more: set[ModuleId] = set()
        waiting = [
            (id, source) for id, carriers in sorted(self._carriers.items()) for source in sorted(carriers.reach, key=str)
        ]
        seen = set(waiting)
        while waiting:
            importer, source = waiting.pop()
            target = self._index.resolve(importer, source.module, source.level)
            if source.name not in (None, "*"):
                below = f"{source.module}.{source.name}" if source.module else source.name
                found = self._index.resolve(importer, below, source.level)
                if found is not None:
                    more.add(found)
                    continue
            if target is None:
                continue
            more.add(target)
            bindings = self._carriers.get(target, Carriers()).bindings
            for onward in bindings.get(source.name or "", ()):  # re-exported: on to where it comes from
                if (target, onward) not in seen:
                    seen.add((target, onward))
                    waiting.append((target, onward))
        return more - self._scope.lowered.keys()
