"""Which files are analysed: those in which channels are made, and those that channels reach.

Nouns:

* **Needle**: a byte string that every file that makes a channel must contain.
* **Maker**: a file that contains a needle.
* **Round**: files that import a carrier and name it are read, then what carriers reach; new files may hold new carriers.

The set does not depend on which files the user named: it is found from the whole project, so that checking one file says the
same about it as checking everything. Every loop is bounded and its order is that of sorted module ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from chanlint.engine.carriers import Carriers, Imported, find_carriers
from chanlint.engine.project import Index
from chanlint.frontends.base import Lowered
from chanlint.ir.ids import ModuleId

MAX_ROUNDS = 10
"""How often new carriers may lead to new files."""

MAX_FILES_PER_NAME = 200
"""A name found in more files than this is too common to follow."""

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(?P<source>\.*[ \t]*[\w.]*)[ \t]+import[ \t]*(?P<names>\([^)]*\)|[^\n#;]*)"
    rb"|import[ \t]+(?P<modules>[^\n#;]+))",
    re.MULTILINE,
)
_WORD = re.compile(rb"[^\W\d][\w.]*")


@dataclass(slots=True)
class Scope:
    """The analysis set.

    Attributes:
        lowered: every file that was read closely, by module id, in order.
        makers: files that contain a needle.
        limits: limits that were reached, with how often.
    """

    lowered: dict[ModuleId, Lowered] = field(default_factory=dict)
    makers: set[ModuleId] = field(default_factory=set)
    limits: dict[str, int] = field(default_factory=dict)


class ScopeFinder:
    """Finds the analysis set.

    Args:
        index: the project's modules.
        needles: see above.
        read: a file's bytes, or None where it cannot be read.
        lower: lowers files; those where that failed are missing from what it returns.
    """

    def __init__(
        self,
        index: Index,
        needles: tuple[bytes, ...],
        read: Callable[[ModuleId], bytes | None],
        lower: Callable[[Mapping[ModuleId, bytes]], Mapping[ModuleId, Lowered]],
    ) -> None:
        self._index = index
        self._needles = needles
        self._read = read
        self._lower = lower
        self._words = tuple(needle.decode(errors="replace") for needle in needles)
        self._scope = Scope()
        self._carriers: dict[ModuleId, Carriers] = {}
        self._imports: dict[ModuleId, frozenset[ModuleId]] = {}
        self._searched: set[str] = set()

    def everything(self) -> Scope:
        """All files of the project."""
        batch = {}
        for module in sorted(self._index.paths):
            data = self._read(module)
            if data is not None:
                batch[module] = data
                if self._has_needle(data):
                    self._scope.makers.add(module)
        self._scope.lowered.update(self._lower(batch))
        return self._scope

    def find(self, always: Iterable[ModuleId]) -> Scope:
        """The analysis set; files in ``always`` belong to it whatever they contain."""
        wanted = set(always)
        batch = {}
        for module in sorted(self._index.paths):
            data = self._read(module)
            if data is None:
                continue
            if self._has_needle(data):
                self._scope.makers.add(module)
                batch[module] = data
            elif module in wanted:
                batch[module] = data
        self._scope.lowered.update(self._lower(batch))
        del batch
        for _ in range(MAX_ROUNDS):
            fresh = self._weigh()
            more = self._importers(fresh) | self._reached()
            if not more:
                break
            found = {module: self._read(module) for module in sorted(more)}
            self._scope.lowered.update(self._lower({module: data for module, data in found.items() if data is not None}))
        else:
            self._scope.limits["import rounds"] = 1
        self._scope.lowered = dict(sorted(self._scope.lowered.items()))
        return self._scope

    def _has_needle(self, data: bytes) -> bool:
        return any(needle in data for needle in self._needles)

    def _is_channel(self, word: str) -> bool:
        return any(needle in word for needle in self._words)

    # -- carriers -------------------------------------------------------------------------------------------------------

    def _weigh(self) -> dict[str, set[ModuleId]]:
        """Works out the carriers of all files read so far; returns names not searched for yet with the files they are in."""
        stale = self._scope.lowered.keys() - self._carriers.keys()
        for _ in range(MAX_ROUNDS):
            changed = set()
            for id in sorted(stale):
                module = self._scope.lowered[id].module
                found = find_carriers(module, self._is_channel, partial(self._carried, id)) if module else Carriers()
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
        mentions = self._files_with(fresh)
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

    def _files_with(self, names: Iterable[str]) -> dict[str, set[ModuleId]]:
        """Which of ``names`` stand as whole words in which files."""
        by_bytes = {name.encode(errors="surrogateescape"): name for name in names}
        pattern = re.compile(rb"(?:" + b"|".join(map(re.escape, sorted(by_bytes, key=lambda n: (-len(n), n)))) + rb")\b")
        found: dict[str, set[ModuleId]] = {}
        for module in self._index.paths:
            data = self._read(module)
            if data is not None:
                for word in set(pattern.findall(data)):
                    found.setdefault(by_bytes[word], set()).add(module)
        return found

    def _imported_by(self, module: ModuleId) -> frozenset[ModuleId]:
        """The project's files that ``module`` imports, read off its text."""
        if module not in self._imports:
            data = self._read(module) or b""
            self._imports[module] = frozenset(self._scan_imports(module, data.replace(b"\\\n", b" ")))
        return self._imports[module]

    def _scan_imports(self, module: ModuleId, data: bytes) -> Iterable[ModuleId]:
        for match in _IMPORT.finditer(data):
            if match["modules"] is not None:
                wanted = [(word.decode(errors="replace"), 0) for word in _WORD.findall(match["modules"])]
            else:
                text = match["source"].decode(errors="replace").replace(" ", "").replace("\t", "")
                source = text.lstrip(".")
                level = len(text) - len(source)
                names = [word.decode(errors="replace") for word in _WORD.findall(match["names"])]
                wanted = [(source, level), *((f"{source}.{name}" if source else name, level) for name in names)]
            for name, level in wanted:
                found = self._index.resolve(module, name, level)
                if found is not None:
                    yield found

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
