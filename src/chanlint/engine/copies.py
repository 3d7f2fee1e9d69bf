"""Files lowered by copies of this process: as by `chanlint.engine.workers`, but nothing has to be loaded anew.

Whoever may be killed by a file is a copy, never this process. A file on which two copies died costs itself only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping

from chanlint.engine.elsewhere import DIED, SECONDS, TOO_LONG, Answer
from chanlint.engine.forks import MOST_TASKS, Forks
from chanlint.engine.packing import pack
from chanlint.engine.reading import Crash, lower_bytes
from chanlint.engine.worker import limit_memory
from chanlint.ir.ids import ModuleId

_PACKED, _CRASH = b"L", b"C"


class Copies:
    """Lowers files in copies of this process.

    Args:
        count: how many there may be at once.
        target: the Python version for which files are lowered.
        seconds: see `chanlint.engine.elsewhere.SECONDS`.
    """

    def __init__(self, count: int, target: tuple[int, int], seconds: float = SECONDS) -> None:
        self._count = count
        self._target = target
        self._seconds = seconds

    def lower(self, files: Mapping[ModuleId, bytes], take: Callable[[ModuleId, Answer], None]) -> None:
        """Hands answers to ``take`` as they come; files for which no copy could be made have none."""
        largest = sorted(files, key=lambda module: (-len(files[module]), module))
        for start in range(0, len(largest), MOST_TASKS):
            row = largest[start : start + MOST_TASKS]
            left = self._round(files, row, self._count, take, last=False)
            for module in left:  # one by one, so that none dies of another
                self._round(files, [module], 1, take, last=True)

    def close(self) -> None:
        """There is nothing to end: copies end with their row."""

    def _round(
        self,
        files: Mapping[ModuleId, bytes],
        row: list[ModuleId],
        count: int,
        take: Callable[[ModuleId, Answer], None],
        *,
        last: bool,
    ) -> list[ModuleId]:
        """The files of the row that have no answer but deserve another try."""
        limited = False

        def lower(task: int) -> bytes:
            nonlocal limited
            if not limited:
                limit_memory(_address_space())
                limited = True
            lowered = lower_bytes(row[task], files[row[task]], self._target)
            if isinstance(lowered, Crash):
                return _CRASH + json.dumps([lowered.message, lowered.trace]).encode()
            return _PACKED + pack(lowered)

        left = dict.fromkeys(row)
        tried = False
        with Forks(range(len(row)), count, lower, self._seconds) as forks:
            for task, answer in forks.answers():
                tried = True
                if answer is not None or task in forks.overdue or last:
                    del left[row[task]]
                    take(row[task], TOO_LONG if task in forks.overdue else _told(row[task], answer))
        return list(left) if tried else []


def _address_space() -> int:
    """The bytes that this process has in its address space."""
    with open("/proc/self/statm", encoding="ascii") as status:
        return int(status.read().split()[0]) * os.sysconf("SC_PAGESIZE")


def _told(module: ModuleId, answer: bytes | None) -> Answer:
    """What a copy of this process says about a file."""
    if answer is None:
        return DIED
    if answer.startswith(_PACKED):
        return answer[len(_PACKED) :]
    message, trace = json.loads(answer[len(_CRASH) :])
    return Crash(module, message, trace)
