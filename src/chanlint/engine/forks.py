"""Copies of this process that do some of its work: they know all that it knows, and only answers have to be carried.

Nouns:

* **Task**: a number; what doing it means is up to the caller. Its answer is bytes.
* **Share**: the tasks of one process, in order.
* **Fork**: a copy of this process with a share.

A fork copies locks that other threads hold, so there is none while another thread runs: this process does all tasks then.
A fork that dies in the middle of a task leaves this task without an answer, and those that would have followed undone.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, NamedTuple

MOST = 4
"""Processes that share tasks: each comes to memory of its own."""

WORTH = 300
"""A share that weighs less is done sooner than a process is copied."""

_HEAD = struct.Struct(">II")


def can_fork() -> bool:
    """Whether this process may be copied: on Linux, and while it has one thread."""
    return sys.platform == "linux" and threading.active_count() == 1


def shares_of(weights: Mapping[int, int], jobs: int) -> list[list[int]]:
    """The tasks dealt out, the heaviest first to whom has least; this process' share, which may be all, comes first."""
    count = max(1, min(jobs, MOST, len(weights)))
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for task in sorted(weights, key=lambda task: (-weights[task], task)):
        least = min(range(count), key=lambda number: (loads[number], number))
        shares[least].append(task)
        loads[least] += weights[task]
    if count == 1 or min(loads) < WORTH:
        return [sorted(weights)]
    return shares


class _Fork(NamedTuple):
    process: int
    share: Sequence[int]
    answers: dict[int, bytes]
    reader: threading.Thread


class Forks:
    """Does shares of tasks in processes of their own, as a context manager that ends these.

    Args:
        shares: one for each process.
        work: does a task. Whatever it raises ends the process.
    """

    def __init__(self, shares: Sequence[Sequence[int]], work: Callable[[int], bytes]) -> None:
        self._work = work
        started = [(*self._start(share), share) for share in shares]  # all of them before any thread
        self._forks = []
        for process, stream, share in started:
            answers: dict[int, bytes] = {}
            reader = threading.Thread(target=_read, args=(stream, answers), name="chanlint-answers", daemon=True)
            reader.start()
            self._forks.append(_Fork(process, share, answers, reader))

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for fork in self._forks:
            with suppress(ProcessLookupError):
                os.kill(fork.process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(fork.process, 0)

    def answers(self) -> Iterator[tuple[int, bytes | None]]:
        """The answers as far as they came, and None for a task in which a process died."""
        for fork in self._forks:
            fork.reader.join()
            for task in fork.share:
                answer = fork.answers.get(task)
                yield task, answer
                if answer is None:
                    break

    def _start(self, share: Sequence[int]) -> tuple[int, BinaryIO]:
        reading, writing = os.pipe()
        process = os.fork()
        if process:
            os.close(writing)
            return process, os.fdopen(reading, "rb")
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that was copied: it ends its copies
            os.close(reading)
            with os.fdopen(writing, "wb") as stream:
                for task in share:
                    answer = self._work(task)
                    stream.write(_HEAD.pack(task, len(answer)) + answer)
                    stream.flush()
        finally:
            os._exit(0)  # nothing of what the other process has to tidy up is this one's


def _read(stream: BinaryIO, answers: dict[int, bytes]) -> None:
    with stream:
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            task, length = _HEAD.unpack(head)
            answer = stream.read(length)
            if len(answer) == length:
                answers[task] = answer
