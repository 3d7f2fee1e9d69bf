"""Runs many programs in one interpreter and writes down who stays where: ``python -m generator.witness RESULT PROGRAM...``.

Nouns:

* **Sighting**: one actor that stays, as ``feed queue.put``: the innermost function of the program, and what it called outside.
  Also an exception that came from a library, as ``work queue.task_done raises ValueError``.

Each program is called with every input, in a thread (and an event loop) of its own. Results are written after each program.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import json
import linecache
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from oracle import survivors
from oracle.survivors import Stack

INPUTS: dict[str, tuple[str, ...]] = {"normal": ("1", "2", "3", "4"), "bad row": ("1", "x", "3", "4"), "no rows": ()}
CALL_SECONDS = 1.2
SECOND_LOOK = 0.15  # who is seen at one place now and after so many seconds stays there
_FRAMES = ("cr_frame", "gi_frame", "ag_frame")
_INNER = ("cr_await", "gi_yieldfrom", "ag_await")
_CALLED = re.compile(r"\.(\w+)\(")

Run = Callable[..., Any]


def sighting(stack: Stack, root: str) -> str:
    """Where an actor stays, in two words."""
    inside = [n for n, (file, _, _) in enumerate(stack) if file.startswith(root)]
    if not inside:
        return ""  # a task that a library made for its own use
    file, line, name = stack[inside[-1]]
    if inside[-1] + 1 < len(stack):
        beyond = stack[inside[-1] + 1]
        return f"{name} {Path(beyond[0]).stem}.{beyond[2]}"
    called = _CALLED.findall(linecache.getline(file, line))
    return f"{name} {called[-1] if called else 'await'}"


def coroutine_stack(awaited: Any) -> Stack:
    """The frames of a suspended coroutine of any event loop, outermost first."""
    stack: Stack = []
    while awaited is not None:
        frame = next((f for name in _FRAMES if (f := getattr(awaited, name, None)) is not None), None)
        if frame is None:
            break
        stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        awaited = next((inner for name in _INNER if (inner := getattr(awaited, name, None)) is not None), None)
    return stack


def raised(error: BaseException, root: str) -> list[str]:
    """The sighting of an exception that a library raised; none where the program raised it itself."""
    stack = [(frame.filename, frame.lineno or 0, frame.name) for frame in traceback.extract_tb(error.__traceback__)]
    if not stack or stack[-1][0].startswith(root) or not any(file.startswith(root) for file, _, _ in stack):
        return []
    return [f"{sighting(stack, root)} raises {type(error).__name__}"] if stack[-1][2] == "task_done" else []


class Errors:
    """The exceptions that ended a thread."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.seen: list[str] = []

    def __call__(self, details: Any) -> None:
        if details.exc_value is not None:
            self.seen += raised(details.exc_value, self.root)


def _new_threads(root: str, before: set[int]) -> list[survivors.Survivor]:
    return [s for s in survivors.threads(root) if s.identity not in before]


def _seen(alive: list[survivors.Survivor], root: str) -> set[tuple[int, str]]:
    return {(s.identity, sighting(s.stack, root)) for s in alive}


def call_sync(run: Run, rows: tuple[str, ...], root: str) -> list[str]:
    """Who stays after ``run(rows)``."""
    before = {s.identity for s in survivors.threads(root)}
    errors = Errors(root)
    threading.excepthook = errors

    def call() -> None:
        try:
            run(rows)
        except Exception as error:  # what leaves the program is not what is asked for
            errors.seen += raised(error, root)
        finally:
            gc.collect()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(CALL_SECONDS)

    def seen() -> set[tuple[int, str]]:
        return _seen(_new_threads(root, before), root)

    for pause in survivors.settling(lambda: frozenset(identity for identity, _ in seen()), 1.0):
        time.sleep(pause)
    if staying := seen():
        time.sleep(SECOND_LOOK)
        staying &= seen()
    return [told for _, told in staying] + errors.seen


async def _watch_asyncio(run: Run, rows: tuple[str, ...], root: str, found: list[str]) -> None:
    before = {s.identity for s in survivors.threads(root)}
    made: list[asyncio.Task[Any]] = []

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(asyncio.Task(coroutine, loop=loop, **options))
        return made[-1]

    asyncio.get_running_loop().set_task_factory(make)
    await asyncio.wait({asyncio.ensure_future(run(rows))}, timeout=CALL_SECONDS)

    def seen() -> set[tuple[int, str]]:
        return _seen(_new_threads(root, before) + survivors.tasks(root), root)

    for pause in survivors.settling(lambda: frozenset(identity for identity, _ in seen()), 1.0):
        await asyncio.sleep(pause)
    if staying := seen():
        await asyncio.sleep(SECOND_LOOK)
        staying &= seen()
    found += [told for _, told in staying]
    for task in made:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            found += raised(error, root)
    found.append("done")


async def _watch_trio(run: Run, rows: tuple[str, ...], root: str, found: list[str]) -> None:
    import trio

    over = trio.Event()

    async def call() -> None:
        with suppress(Exception):  # as above
            await run(rows)
        over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        with trio.move_on_after(CALL_SECONDS):
            await over.wait()
        waiting = list(nursery.child_tasks)
        while waiting:
            task = waiting.pop()
            found.append(sighting(coroutine_stack(task.coro), root))
            waiting += [child for inner in task.child_nurseries for child in inner.child_tasks]
        found.append("done")
        nursery.cancel_scope.cancel()


def call_async(run: Run, rows: tuple[str, ...], root: str, needs_trio: bool) -> list[str]:
    """Who stays after ``await run(rows)`` in a loop of its own; a loop that is blocked itself is seen as a thread."""
    found: list[str] = []
    before = {s.identity for s in survivors.threads(root)}

    def loop() -> None:
        if needs_trio:
            import trio

            trio.run(_watch_trio, run, rows, root, found)
        else:
            asyncio.run(_watch_asyncio(run, rows, root, found))

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    deadline = time.monotonic() + CALL_SECONDS + survivors.LONGEST_SETTLE_SECONDS + 2
    while "done" not in found and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(survivors.SAMPLE_SECONDS)
    if "done" not in found:
        return [sighting(s.stack, root) for s in _new_threads(root, before)]
    thread.join(0.5)
    return [each for each in found if each != "done"]


def _end_children() -> None:
    module = sys.modules.get("multiprocessing")
    for child in module.active_children() if module is not None else []:
        child.kill()


def main(result: str, programs: list[str]) -> None:
    """Writes, for every program and input, who stayed where."""
    logging.raiseExceptions = False
    logging.getLogger("asyncio").propagate = False
    seen: dict[str, dict[str, list[str]]] = {}
    for program in programs:
        folder = Path(program).resolve()
        sys.path.insert(0, str(folder))
        sys.modules.pop("main", None)
        importlib.invalidate_caches()
        main_module = importlib.import_module("main")
        root = str(folder) + os.sep
        seen[program] = {}
        for name, rows in INPUTS.items():
            if inspect.iscoroutinefunction(main_module.run):
                found = call_async(main_module.run, rows, root, hasattr(main_module, "trio"))
            else:
                found = call_sync(main_module.run, rows, root)
            seen[program][name] = sorted({each for each in found if each})
            _end_children()
        sys.path.remove(str(folder))
        partial = Path(result + ".partial")
        partial.write_text(json.dumps(seen), encoding="utf-8")
        partial.replace(result)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
