"""Files lowered in several processes at once.

Nouns:

* **Workers**: the processes of a run. Each is served by a thread that waits for it, so they need no common clock.

Which worker gets which file depends on chance; what comes back does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import IO, BinaryIO, cast

from chanlint.engine.elsewhere import DIED, SECONDS, TOO_LONG, Answer
from chanlint.engine.reading import Crash
from chanlint.engine.worker import READY, receive, send
from chanlint.ir.ids import ModuleId

_POLL = 0.5
_PATIENCE = 2.0
_ENTRY = "import sys; sys.path[:] = sys.argv[1:]; from chanlint.engine.worker import main; main()"


@dataclass(slots=True)
class _Slot:
    """One worker after another; ``since`` is when the present one began its file, ``overdue`` that it was ended for it."""

    process: subprocess.Popen[bytes] | None = None
    since: float | None = None
    overdue: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Unavailable(Exception):
    """No worker can be started."""


class Workers:
    """Lowers files elsewhere. Close it: that ends the processes.

    Args:
        count: how many processes.
        target: the Python version for which files are lowered.
        command: the program to start instead of chanlint's own worker.
        seconds: see `chanlint.engine.elsewhere.SECONDS`.
    """

    def __init__(self, count: int, target: tuple[int, int], command: list[str] | None = None, seconds: float = SECONDS) -> None:
        self._slots = [_Slot() for _ in range(count)]
        self._target = target
        self._command = command or [sys.executable, "-P", "-c", _ENTRY, *_search_path()]
        self._seconds = seconds
        self._closed = False

    def lower(self, files: Mapping[ModuleId, bytes], take: Callable[[ModuleId, Answer], None]) -> None:
        """Hands answers to ``take`` as they come; files for which no worker could be started have none."""
        waiting = deque(sorted(files, key=lambda module: (-len(files[module]), module)))
        answers: SimpleQueue[tuple[ModuleId, Answer] | None] = SimpleQueue()
        servers = [
            threading.Thread(target=self._serve, args=(slot, files, waiting, answers), name="chanlint-worker", daemon=True)
            for slot in self._slots[: len(files)]
        ]
        started = []
        try:
            for server in servers:
                with suppress(RuntimeError):  # no more threads: the others do the work
                    server.start()
                    started.append(server)
            self._collect(len(started), answers, take)
        except BaseException:
            self._end_all()  # interrupted: whoever waits for a worker would wait on
            raise
        finally:
            for server in started:
                server.join()

    def _collect(
        self,
        serving: int,
        answers: SimpleQueue[tuple[ModuleId, Answer] | None],
        take: Callable[[ModuleId, Answer], None],
    ) -> None:
        while serving:
            try:
                answer = answers.get(timeout=_POLL)
            except Empty:
                self._end_overdue()
                continue
            if answer is None:
                serving -= 1
            else:
                take(*answer)

    def close(self) -> None:
        """Lets all processes end and waits for them."""
        for slot in self._slots:
            with slot.lock, suppress(OSError):
                if slot.process is not None:
                    _stream(slot.process.stdin).close()  # an idle worker takes this as its end
        for slot in self._slots:
            with slot.lock, suppress(subprocess.TimeoutExpired):
                if slot.process is not None:
                    slot.process.wait(_PATIENCE)
        self._end_all()

    def _end_all(self) -> None:
        self._closed = True
        for slot in self._slots:
            with slot.lock:
                if slot.process is not None:
                    _end(slot.process)
                    slot.process = None

    # -- one worker -----------------------------------------------------------------------------------------------------

    def _serve(
        self,
        slot: _Slot,
        files: Mapping[ModuleId, bytes],
        waiting: deque[ModuleId],
        answers: SimpleQueue[tuple[ModuleId, Answer] | None],
    ) -> None:
        try:
            while waiting and not self._closed:
                try:
                    module = waiting.popleft()
                except IndexError:  # another thread was faster
                    break
                try:
                    answers.put((module, self._lower_one(slot, module, files[module])))
                except _Unavailable:
                    break
        finally:
            answers.put(None)

    def _lower_one(self, slot: _Slot, module: ModuleId, data: bytes) -> Answer:
        """The answer for one file. A worker may die because others took the memory, so a file gets a second try."""
        for _ in range(2):
            process = self._process(slot)
            slot.overdue, slot.since = False, time.monotonic()
            answer = _ask(process, json.dumps([module, *self._target]).encode(), data)
            slot.since = None
            if answer is not None:
                return answer
            with slot.lock:
                slot.process = None
            _end(process)
            if slot.overdue:
                return TOO_LONG
        return DIED

    def _process(self, slot: _Slot) -> subprocess.Popen[bytes]:
        """The slot's worker, started if there is none."""
        with slot.lock:
            if self._closed:
                raise _Unavailable
            if slot.process is not None:
                return slot.process
            try:
                process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            except OSError:
                raise _Unavailable from None
            slot.process = process
        if _stream(process.stdout).read(len(READY)) == READY:
            return process
        with slot.lock:
            slot.process = None
        _end(process)
        raise _Unavailable

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            with slot.lock:
                if slot.process is not None and slot.since is not None and now - slot.since > self._seconds:
                    slot.overdue = True
                    slot.process.kill()


def _ask(process: subprocess.Popen[bytes], head: bytes, data: bytes) -> bytes | Crash | None:
    """What a worker answers, or None where it is dead."""
    try:
        send(_stream(process.stdin), head, data)
        answer = receive(_stream(process.stdout))
    except (OSError, ValueError):  # its end of a pipe, or ours, is closed
        return None
    if answer is None:
        return None
    kind, body = answer
    if kind == b"L":
        return body
    message, trace = json.loads(body)
    return Crash(json.loads(head)[0], message, trace)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a worker at once: it has nothing to put in order."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError, ValueError):
            _stream(stream).close()


def _stream(stream: IO[bytes] | None) -> BinaryIO:
    assert stream is not None
    return cast(BinaryIO, stream)


def _search_path() -> list[str]:
    """Where a worker finds the modules that this process found; never the current folder by its empty name."""
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folders = [folder for folder in sys.path if folder]
    return folders if home in folders else [*folders, home]
