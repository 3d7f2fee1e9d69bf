"""Sets of files lowered: looked up where somebody did it before, else done here or by workers.

Nouns:

* **Shelf**: gives back what was learnt from a file of the same content, and may take it.
* **Batch**: files that are lowered together. What comes back does not depend on how many processes there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from chanlint.engine.copying import can_fork, usable_jobs
from chanlint.engine.elsewhere import Answer, Death, can_start
from chanlint.engine.packing import pack, unpack
from chanlint.engine.reading import FIRST_COLUMN, Crash, lower_bytes
from chanlint.frontends.base import LaterSourceMap, Lowered, Problem
from chanlint.frontends.registry import front_end_for
from chanlint.ir.codec import CodecError
from chanlint.ir.ids import ModuleId
from chanlint.source import SourceFile

WORTH_FILES = 4
WORTH_BYTES = 200_000
"""Fewer files or bytes are lowered sooner than a worker has started."""

BYTES_PER_WORKER = 100_000

BYTES_OF_TREES = 300_000
"""Source text whose syntax trees are kept for places; those of further files take too much memory and are made again."""


class Shelf(Protocol):
    """Where files may have been lowered before."""

    def find(self, module: ModuleId, data: bytes) -> bytes | None:
        """The packed file, or None."""
        ...

    def keep(self, module: ModuleId, data: bytes, packed: Callable[[], bytes]) -> None:
        """Is told about every file that was not found and has been lowered now; ``packed`` makes it bytes."""
        ...


class Elsewhere(Protocol):
    """Other processes that lower files."""

    def lower(self, files: Mapping[ModuleId, bytes], take: Callable[[ModuleId, Answer], None]) -> None:
        """Hands answers to ``take`` as they come; files of which nobody could be asked have none."""
        ...

    def close(self) -> None:
        """Ends the processes."""
        ...


class Lowerer:
    """Lowers files. Close it: it may have processes.

    Args:
        target: the Python version that files are lowered for.
        jobs: how many processes may work, or `AUTO`.
        shelves: where to look first, in order.
        tell: is called for every file that is done.
    """

    def __init__(
        self,
        target: tuple[int, int],
        jobs: int = 1,
        shelves: Sequence[Shelf] = (),
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self._target = target
        self._jobs = usable_jobs(jobs) if can_start() else 1
        self._shelves = shelves
        self._tell = tell
        self._workers: Elsewhere | None = None
        self._trees = BYTES_OF_TREES
        self.crashes: list[Crash] = []
        self.deaths = 0
        """Workers that ended in the middle of a file; with another load of the machine they may not."""

    def lower(self, files: Mapping[ModuleId, bytes]) -> dict[ModuleId, Lowered]:
        """Every file of a batch, in the order given, but those on which chanlint itself failed: they are in `crashes`."""
        done: dict[ModuleId, Lowered | Crash] = {}
        for module, data in files.items():
            known = self._known(module, data)
            if known is not None:
                done[module] = known
                self._tell()
        fresh = {module: data for module, data in files.items() if module not in done}
        if self._worth_workers(fresh):
            self._lower_elsewhere(fresh, done)
        for module, data in fresh.items():
            if module not in done:
                done[module] = self._lower_here(module, data)
                self._tell()
        self.crashes += [found for module in files if isinstance(found := done[module], Crash)]
        return {module: found for module in files if isinstance(found := done[module], Lowered)}

    def close(self) -> None:
        """Ends the processes."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def _known(self, module: ModuleId, data: bytes) -> Lowered | None:
        for shelf in self._shelves:
            packed = shelf.find(module, data)
            if packed is not None:
                try:
                    return unpack(packed, module, data, self._target)
                except CodecError:  # not ours, or broken: as if it were not there
                    continue
        return None

    def _keep(self, module: ModuleId, data: bytes, packed: Callable[[], bytes]) -> None:
        for shelf in self._shelves:
            shelf.keep(module, data, packed)

    # -- here -----------------------------------------------------------------------------------------------------------

    def _lower_here(self, module: ModuleId, data: bytes) -> Lowered | Crash:
        """A file with its tree for places; once there are many, without: it is made again where it is asked for."""
        lowered = lower_bytes(module, data, self._target)
        if isinstance(lowered, Crash):
            return lowered
        self._keep(module, data, lambda: pack(lowered))
        self._trees -= len(data)
        if self._trees < 0 and lowered.source_map is not None:
            lowered.source_map = LaterSourceMap(front_end_for(module), lowered.source, self._target)
        return lowered

    # -- elsewhere ------------------------------------------------------------------------------------------------------

    def _worth_workers(self, files: Mapping[ModuleId, bytes]) -> bool:
        if self._jobs < 2 or len(files) < 2:
            return False
        if self._workers is not None:
            return True
        return len(files) >= WORTH_FILES and sum(map(len, files.values())) >= WORTH_BYTES

    def _lower_elsewhere(self, files: Mapping[ModuleId, bytes], done: dict[ModuleId, Lowered | Crash]) -> None:
        def take(module: ModuleId, answer: Answer) -> None:
            done[module] = self._answered(module, files[module], answer)
            self._tell()

        if self._workers is None:
            size = sum(map(len, files.values()))
            count = max(2, min(self._jobs, len(files), size // BYTES_PER_WORKER))
            self._workers = _elsewhere(count, self._target)
        self._workers.lower(files, take)

    def _answered(self, module: ModuleId, data: bytes, answer: Answer) -> Lowered | Crash:
        if isinstance(answer, Crash):
            return answer
        if isinstance(answer, Death):
            self.deaths += 1
            return Lowered(SourceFile(module, ""), None, None, problems=(Problem(answer.message, FIRST_COLUMN),))
        self._keep(module, data, lambda: answer)
        return unpack(answer, module, data, self._target)


def _elsewhere(count: int, target: tuple[int, int]) -> Elsewhere:
    if can_fork():
        from chanlint.engine.copies import Copies

        return Copies(count, target)
    from chanlint.engine.workers import Workers

    return Workers(count, target)
