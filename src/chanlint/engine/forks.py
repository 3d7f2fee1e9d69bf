"""Copies of this process that do some of its work: they know all that it knows, and only answers have to be carried.

Nouns:

* **Task**: a number; what doing it means is up to the caller. Its answer is bytes.
* **Row**: the tasks in order. Every process takes the next one when it is done with one, so that none is idle as long as there
  are some; who does which task depends on chance, what comes back does not.
* **Fork**: a copy of this process.

A fork copies locks that other threads hold, so there is none while another thread runs. A fork that dies in the middle of a
task leaves this task without an answer; the others take what is left in the row.
"""

from __future__ import annotations

import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import BinaryIO

from chanlint.engine.copying import can_fork

MOST = 4
"""Processes that share tasks: each comes to memory of its own."""

MOST_TASKS = 4_000
"""Tasks in one row: they have to fit into a pipe."""

_POLL = 0.5
_NUMBER = struct.Struct(">I")
_HEAD = struct.Struct(">II")
_BEGUN = 0xFFFFFFFF  # in place of a length: the task is begun


@dataclass(slots=True)
class _Fork:
    """One copy: the task that it is at, and since when."""

    process: int
    stream: BinaryIO
    task: int | None = None
    since: float = 0.0


class Forks:
    """Does tasks in copies of this process, as a context manager that ends them.

    Do the `tasks` that are left to this process, or none, then ask for the `answers` of the others.

    Args:
        tasks: at most `MOST_TASKS`; those that take long should come first.
        copies: how many there should be; where this process may not be copied there are none.
        work: does a task in a copy. Whatever it raises ends the copy.
        seconds: how long a copy may take for a task before it is ended.
    """

    def __init__(self, tasks: Sequence[int], copies: int, work: Callable[[int], bytes], seconds: float | None = None) -> None:
        self._work = work
        self._seconds = seconds
        self._left = iter(tasks)
        self._row = -1
        self._forks: list[_Fork] = []
        self._told: SimpleQueue[tuple[int, bytes] | None] = SimpleQueue()
        self.overdue: set[int] = set()
        """Tasks whose process was ended because they took too long."""
        copies = min(copies, MOST, len(tasks))
        if copies < 1 or not can_fork():
            return
        self._row, writing = os.pipe()
        os.write(writing, b"".join(map(_NUMBER.pack, tasks)))
        os.close(writing)
        self._forks = [self._start() for _ in range(copies)]  # all of them before any thread
        for fork in self._forks:
            threading.Thread(target=self._read, args=(fork,), name="chanlint-answers", daemon=True).start()

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for fork in self._forks:
            with suppress(ProcessLookupError):
                os.kill(fork.process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(fork.process, 0)
        if self._row >= 0:
            os.close(self._row)

    def tasks(self) -> Iterator[int]:
        """The tasks that this process should do, one after the other, until none is left in the row."""
        return self._left if self._row < 0 else self._taken()

    def answers(self) -> Iterator[tuple[int, bytes | None]]:
        """The answers of the other processes as they come, then None for the tasks in which one died."""
        reading = len(self._forks)
        while reading:
            try:
                told = self._told.get(timeout=_POLL)
            except Empty:
                self._end_overdue()
                continue
            if told is None:
                reading -= 1
            else:
                yield told
        for fork in self._forks:
            if fork.task is not None:
                yield fork.task, None

    def _taken(self) -> Iterator[int]:
        while len(number := os.read(self._row, _NUMBER.size)) == _NUMBER.size:  # whole: a pipe gives each byte to one reader
            yield _NUMBER.unpack(number)[0]

    def _start(self) -> _Fork:
        reading, writing = os.pipe()
        process = os.fork()
        if process:
            os.close(writing)
            return _Fork(process, os.fdopen(reading, "rb"))
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that was copied: it ends its copies
            os.close(reading)
            with os.fdopen(writing, "wb") as stream:
                for task in self._taken():
                    stream.write(_HEAD.pack(task, _BEGUN))
                    stream.flush()
                    answer = self._work(task)
                    stream.write(_HEAD.pack(task, len(answer)) + answer)
                    stream.flush()
        finally:
            os._exit(0)  # nothing of what the other process has to tidy up is this one's

    def _read(self, fork: _Fork) -> None:
        with fork.stream as stream:
            while len(head := stream.read(_HEAD.size)) == _HEAD.size:
                task, length = _HEAD.unpack(head)
                if length == _BEGUN:
                    fork.since, fork.task = time.monotonic(), task
                    continue
                answer = stream.read(length)
                if len(answer) == length:
                    fork.task = None
                    self._told.put((task, answer))
        self._told.put(None)

    def _end_overdue(self) -> None:
        for fork in self._forks if self._seconds is not None else ():
            task = fork.task
            if task is not None and time.monotonic() - fork.since > (self._seconds or 0) and task not in self.overdue:
                self.overdue.add(task)
                with suppress(ProcessLookupError):
                    os.kill(fork.process, signal.SIGKILL)
