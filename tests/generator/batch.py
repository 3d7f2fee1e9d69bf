"""Runs many programs in one interpreter: ``python -m generator.batch RESULT PROGRAM...``.

Each program is called with every input. A call gets a thread of its own, so that one that never returns holds up nobody; what
it leaves behind is told from what was there before by identity. Results are written after each program.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oracle import survivors

INPUTS: dict[str, tuple[str, ...]] = {"normal": ("1", "2"), "bad row": ("1", "x", "2"), "no rows": ()}
CALL_SECONDS = 1.2


def _alive(root: str) -> list[survivors.Survivor]:
    return survivors.threads(root)


def _call_sync(run: Callable[..., object], rows: tuple[str, ...], root: str, children: survivors.ChildProcesses) -> str:
    before = {s.identity for s in _alive(root)} | {child.pid for child in children.alive()}

    def call() -> None:
        try:
            run(rows)
        except Exception:  # what leaves the program is not what is asked for
            pass
        finally:
            gc.collect()

    def new() -> frozenset[int]:
        now = {s.identity for s in _alive(root)} | {child.pid for child in children.alive()}
        return frozenset(now - before - {thread.ident})

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(CALL_SECONDS)
    if thread.is_alive():
        return "hangs"
    for pause in survivors.settling(new, 1.0):
        time.sleep(pause)
    return "leaks" if new() else "ends"


class Tasks:
    """Counts the tasks of one loop: one that is neither done nor alive was destroyed by the collector.

    asyncio's own log is no witness here: ``gather`` tells the tasks that it makes not to complain. A destroyed coroutine may
    cancel the future that it awaited, which wakes its task once more: such a task is done, with an error that says so.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._unfinished = 0
        loop.set_task_factory(self._make)

    def _make(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        self._unfinished += 1
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        destroyed = not task.cancelled() and "cannot reuse already awaited coroutine" in str(task.exception())
        self._unfinished -= not destroyed

    def lost(self) -> bool:
        """Whether a task disappeared before it was done."""
        alive = len(asyncio.all_tasks()) - 1  # the watching task was made before anybody counted
        return self._unfinished > alive


async def _watch(run: Callable[..., Any], rows: tuple[str, ...], root: str, verdict: list[str]) -> None:
    before = {s.identity for s in _alive(root)}

    def new() -> frozenset[int]:
        return frozenset({s.identity for s in _alive(root) + survivors.tasks(root)} - before)

    tasks = Tasks(asyncio.get_running_loop())
    try:
        await asyncio.wait_for(run(rows), CALL_SECONDS)
    except TimeoutError:
        verdict.append("hangs")
        return
    except Exception:  # as above; asyncio keeps no reference to it once this block is left
        pass
    for pause in survivors.settling(new, 1.0):
        await asyncio.sleep(pause)
    verdict.append("leaks" if new() else "loses tasks" if tasks.lost() else "ends")


def _call_async(run: Callable[..., Any], rows: tuple[str, ...], root: str) -> str:
    verdict: list[str] = []
    # Its own thread: a loop that cannot close must not hold up the others.
    thread = threading.Thread(target=lambda: asyncio.run(_watch(run, rows, root, verdict)), daemon=True)
    thread.start()
    deadline = time.monotonic() + CALL_SECONDS + survivors.LONGEST_SETTLE_SECONDS + 2
    while not verdict and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(survivors.SAMPLE_SECONDS)
    thread.join(0.5)
    return verdict[0] if verdict else "hangs"


def main(result: str, programs: list[str]) -> None:
    """Writes, for every program, what it did with every input."""
    logging.raiseExceptions = False
    threading.excepthook = lambda _: None
    logging.getLogger("asyncio").propagate = False
    children = survivors.ChildProcesses()
    verdicts: dict[str, dict[str, str]] = {}
    for program in programs:
        folder = Path(program).resolve()
        sys.path.insert(0, str(folder))
        for name in ("main", "background"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        run = importlib.import_module("main").run
        root = str(folder) + os.sep
        verdicts[program] = {}
        for name, rows in INPUTS.items():
            if inspect.iscoroutinefunction(run):
                verdicts[program][name] = _call_async(run, rows, root)
            else:
                verdicts[program][name] = _call_sync(run, rows, root, children)
        sys.path.remove(str(folder))
        partial = Path(result + ".partial")
        partial.write_text(json.dumps(verdicts), encoding="utf-8")
        partial.replace(result)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
