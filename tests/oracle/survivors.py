"""Who is still alive: threads, tasks and child processes that the code under observation left behind.

Nouns:

* **Root**: the folder (or file) of the code under observation.
* **Stack**: the Python frames of one actor, outermost first, as ``(file, line, function)``.
* **Survivor**: an actor that runs code below the root, or that sits in a queue operation which was handed to it directly
  (``Thread(target=jobs.get)``). Idle workers of executors and feeder threads of libraries are none.

Runs inside the observed interpreter, which may be older than the one that runs the tests.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import linecache
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

Stack = list[tuple[str, int, str]]

QUIET_SECONDS = 0.4  # the same survivors for this long means that they stay; timed loops under observation poll faster
EMPTY_SECONDS = 0.05  # a thread that was just started shows no frame of its target yet
LONGEST_SETTLE_SECONDS = 4.0
SAMPLE_SECONDS = 0.02

_QUEUE_FILES = ("/queue.py", "/asyncio/queues.py", "/multiprocessing/queues.py", "/logging/handlers.py")
_BLOCKING_NAMES = {
    *("get", "put", "join", "wait", "wait_for", "recv", "recv_bytes", "_recv", "_recv_bytes", "send", "receive", "acquire"),
    *("result", "poll", "select", "_wait_for_tstate_lock", "as_completed"),
}
_BLOCKING_TEXT = re.compile(r"get|put|recv|receive|send|wait|join|result|acquire|async for")


@dataclass
class Survivor:
    """One actor that is alive.

    Attributes:
        kind: ``thread``, ``task`` or ``process``.
        identity: distinguishes it from every other actor of this interpreter.
        stack: its frames.
    """

    kind: str
    identity: int
    stack: Stack

    def blocked(self) -> bool:
        """Whether the stack ends in a receive or a send."""
        if not self.stack:
            return self.kind == "process"  # a process that was not forked cannot be asked for its stack
        if any(name in _BLOCKING_NAMES for _, _, name in self.stack[-6:]):
            return True
        file, line, name = self.stack[-1]
        if name == "sleep" or "sleep" in linecache.getline(file, line):
            return any("_nowait" in "".join(linecache.getlines(f)) for f, _, _ in self.stack)
        return bool(_BLOCKING_TEXT.search(linecache.getline(file, line)))

    def described(self) -> dict[str, Any]:
        """As plain data."""
        stack = [f"{file}:{line} {name}" for file, line, name in self.stack]
        return {"kind": self.kind, "blocked": self.blocked(), "stack": stack}


def frames(frame: FrameType | None) -> Stack:
    """The stack that ends in a frame."""
    stack: Stack = []
    while frame is not None:
        stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    stack.reverse()
    return stack


def _belongs(stack: Stack, root: str) -> bool:
    if any(file.startswith(root) for file, _, _ in stack):
        return True
    return any(file.endswith(_QUEUE_FILES) and name in ("get", "put", "join", "_monitor") for file, _, name in stack)


def threads(root: str) -> list[Survivor]:
    """Threads other than the main one that run code of ``root`` or a bare queue operation."""
    found = []
    main = threading.main_thread().ident
    for ident, frame in sys._current_frames().items():
        if ident in (main, threading.get_ident()):
            continue
        stack = frames(frame)
        # A thread whose target is a C function (SimpleQueue.get) shows nothing inside Thread.run.
        bare = stack[-1][2] == "run" and stack[-1][0].endswith("/threading.py")
        if bare or _belongs(stack, root):
            found.append(Survivor("thread", ident, stack))
    return found


def _task_stack(task: asyncio.Task[Any]) -> Stack:
    stack: Stack = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = next((f for a in ("cr_frame", "gi_frame", "ag_frame") if (f := getattr(awaited, a, None))), None)
        if frame is None:
            break
        stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        awaited = next((n for a in ("cr_await", "gi_yieldfrom", "ag_await") if (n := getattr(awaited, a, None))), None)
    return stack


def tasks(root: str) -> list[Survivor]:
    """Tasks of the running loop, the current one excepted."""
    current = asyncio.current_task()
    found = []
    for task in asyncio.all_tasks():
        if task is not current and _belongs(stack := _task_stack(task), root):
            found.append(Survivor("task", id(task), stack))
    return found


class ChildProcesses:
    """Reads the stacks of forked children: they inherit a signal handler that dumps their frames into a file."""

    def __init__(self) -> None:
        self._dump = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - lives as long as the interpreter
        faulthandler.register(signal.SIGUSR1, file=self._dump, all_threads=False)

    def alive(self) -> list[Any]:
        """The children that multiprocessing knows."""
        module = sys.modules.get("multiprocessing")
        return list(module.active_children()) if module is not None else []

    def survivors(self, root: str) -> list[Survivor]:
        """Children that run code of ``root``; those that cannot be asked count as such."""
        found = []
        for child in self.alive():
            if getattr(child, "_start_method", None) not in (None, "fork"):
                found.append(Survivor("process", child.pid, []))
                continue
            stack = self._ask(child.pid)
            if stack is not None and _belongs(stack, root):
                found.append(Survivor("process", child.pid, stack))
        return found

    def _ask(self, pid: int) -> Stack | None:
        self._dump.seek(0)
        self._dump.truncate()
        try:
            os.kill(pid, signal.SIGUSR1)
        except ProcessLookupError:
            return None
        for _ in range(50):
            time.sleep(SAMPLE_SECONDS)
            self._dump.seek(0)
            text = self._dump.read()
            if "_bootstrap" in text:
                break
        stack: Stack = []
        # Most recent call first; what follows the bootstrap is the parent's stack at the time of the fork.
        for match in re.finditer(r'File "(.+)", line (\d+) in (\S+)', text):
            if match[3] == "_bootstrap":
                break
            stack.append((match[1], int(match[2]), match[3]))
        stack.reverse()
        return stack


def settling(identities: Callable[[], frozenset[int]], patience: float) -> Iterator[float]:
    """Yields pauses in seconds until the survivors no longer change.

    Args:
        identities: who is alive now.
        patience: factor on every bound, larger on a second try.
    """
    start = changed = time.monotonic()
    last: frozenset[int] | None = None
    while True:
        gc.collect()
        now = time.monotonic()
        if (alive := identities()) != last:
            last, changed = alive, now
        quiet = QUIET_SECONDS * patience if alive else EMPTY_SECONDS * patience
        if now - changed >= quiet or now - start > LONGEST_SETTLE_SECONDS * patience:
            return
        yield SAMPLE_SECONDS
