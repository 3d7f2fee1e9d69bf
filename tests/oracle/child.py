"""Runs one scenario in this interpreter and writes down what it left behind.

``python -m oracle.child FILE NAME RESULT PATIENCE``. The result goes into a
file, for a leaked child process would keep an inherited pipe open. Afterwards the interpreter is
left to exit by itself: whether it does is for the parent to see.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oracle import survivors
from oracle.survivors import Survivor

CALLS = 3
CALL_SECONDS = 2.0  # three calls of a scenario that has not returned by then hang


def module_name(path: Path) -> tuple[Path, str]:
    """The source root of a file, and the name under which it is imported from there."""
    root, parts = path.parent, [path.stem]
    while (root / "__init__.py").exists():
        parts.insert(0, root.name)
        root = root.parent
    return root, ".".join(parts)


class LostTasks(logging.Handler):
    """Counts the tasks that the collector destroyed while they were pending."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Takes notice of one record of asyncio's log."""
        if "Task was destroyed but it is pending" in record.getMessage():
            self.count += 1


class Observation:
    """What is known so far, and where to write it."""

    def __init__(self, root: str, result: Path, patience: float) -> None:
        self.root = root
        self.result = result
        self.patience = patience
        self.lost = LostTasks()
        self.children = survivors.ChildProcesses()
        self.raised: list[str] = []
        self.counts: list[int] = []
        self.alive: list[Survivor] = []
        self.called_at: float | None = None
        self._lock = threading.Lock()

    def write(self, hung: bool) -> None:
        """Writes the result once; the first to come decides."""
        if not self._lock.acquire(blocking=False):
            return
        data = {
            "hung": hung,
            "raised": self.raised,
            "counts": self.counts,
            "lost": self.lost.count,
            "survivors": [s.described() for s in self.alive],
        }
        partial = self.result.with_suffix(".partial")
        partial.write_text(json.dumps(data), encoding="utf-8")
        partial.replace(self.result)

    def watch(self) -> None:
        """Writes the verdict "hung" and leaves, as soon as one call takes too long."""
        while True:
            time.sleep(survivors.SAMPLE_SECONDS)
            since = self.called_at
            if since is not None and time.monotonic() - since > CALL_SECONDS * self.patience:
                main = sys._current_frames().get(threading.main_thread().ident or 0)
                self.alive = [Survivor("caller", 0, survivors.frames(main))]
                self.write(hung=True)
                os._exit(0)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Surrounds one call of the scenario."""
        self.called_at = time.monotonic()
        try:
            yield
        except Exception as error:
            self.raised.append(repr(error))  # not the error itself: its traceback would keep the frames alive
        finally:
            self.called_at = None

    def take(self, alive: Callable[[], list[Survivor]]) -> None:
        """Counts the survivors."""
        self.alive = alive() + self.children.survivors(self.root)
        for _ in range(5):  # a polling consumer is between two receives now and then
            if all(s.blocked() for s in self.alive):
                break
            time.sleep(0.013)
            self.alive = alive() + self.children.survivors(self.root)
        self.counts.append(len(self.alive))

    def identities(self, alive: Callable[[], list[Survivor]]) -> frozenset[int]:
        """Who is alive now, without asking child processes for their stacks."""
        return frozenset([s.identity for s in alive()] + [child.pid for child in self.children.alive()])

    def run_sync(self, scenario: Callable[[], object]) -> None:
        """Calls the scenario, counting after the first and after the last call."""

        def alive() -> list[Survivor]:
            return survivors.threads(self.root)

        for call in range(CALLS):
            with self.call():
                scenario()
            if call in (0, CALLS - 1):
                for pause in survivors.settling(lambda: self.identities(alive), self.patience):
                    time.sleep(pause)
                self.take(alive)

    async def run_async(self, scenario: Callable[[], Any]) -> None:
        """The same within one event loop; the tasks are counted before it closes."""

        def alive() -> list[Survivor]:
            return survivors.threads(self.root) + survivors.tasks(self.root)

        for call in range(CALLS):
            with self.call():
                await scenario()
            if call in (0, CALLS - 1):
                for pause in survivors.settling(lambda: self.identities(alive), self.patience):
                    await asyncio.sleep(pause)
                self.take(alive)
        self.write(hung=False)  # before the loop closes: a loop that cannot close is an interpreter that does not exit

    async def run_trio(self, scenario: Callable[[], Any]) -> None:
        """The same under trio, whose tasks never outlive the block that started them."""
        import trio

        for call in range(CALLS):
            with self.call():
                await scenario()
            if call in (0, CALLS - 1):
                await trio.sleep(survivors.SAMPLE_SECONDS)
                self.take(lambda: survivors.threads(self.root))


def main(file: str, name: str, result: str, patience: str) -> None:
    """Runs one scenario of one file."""
    path = Path(file).resolve()
    root, module = module_name(path)
    sys.path.insert(0, str(root))
    logging.getLogger("asyncio").propagate = False
    observation = Observation(str(path.parent) + os.sep, Path(result), float(patience))
    logging.getLogger("asyncio").addHandler(observation.lost)
    scenario = getattr(importlib.import_module(module), name)
    threading.Thread(target=observation.watch, daemon=True).start()
    if not inspect.iscoroutinefunction(scenario):
        observation.run_sync(scenario)
    elif "trio" in sys.modules and "anyio" not in sys.modules:
        import trio

        trio.run(observation.run_trio, scenario)
    else:
        asyncio.run(observation.run_async(scenario))
    observation.write(hung=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
