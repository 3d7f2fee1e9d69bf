"""Where a function runs: in a thread or process that somebody started, on an event loop, or with whoever calls it.

Nouns:

* **Run**: one way in which a frame comes to run, up to the start of its thread, or to callers that are not seen.
* **Hand-over**: a call that is given a function and runs it elsewhere, at once or later (``to_thread``, ``submit``,
  ``call_soon_threadsafe``, ``asyncio.run``).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, EntryKind, Frame, LibCall
from chanlint.analysis.limits import WALK_CALLERS
from chanlint.analysis.objects import Bound, FunctionRef, LibInstance, Obj
from chanlint.analysis.program import Analysis
from chanlint.catalogue.schema import Category, OpKind, World
from chanlint.ir import ops
from chanlint.ir.ids import FunctionId
from chanlint.ir.ops import Op
from chanlint.model.actors import Actors

MOST_RUNS = 16
HANDS_OVER = frozenset({OpKind.CALL, OpKind.SPAWN, OpKind.START, OpKind.CALL_AT_EXIT})
EXECUTES = "run_in_executor"  # no other library has a method of this name
LOOPS = frozenset({World.ASYNCIO, World.TRIO, World.ANYIO})


PLAIN = frozenset({"staticmethod", "classmethod", "abstractmethod", "override", "final", "overload", "wraps", "property"})


class Side(enum.StrEnum):
    """Where what is handed over runs."""

    THREAD = "thread"  # in a thread of its own, or one of a pool
    PROCESS = "process"
    TASK = "task"  # on the loop of whoever starts it
    LOOP = "loop"  # on a loop that need not be that of the caller
    RUNNER = "runner"  # on a loop that the caller drives meanwhile
    UNKNOWN = "unknown"


class Run(NamedTuple):
    """One way in which a frame comes to run.

    Attributes:
        side: ``THREAD`` or ``PROCESS`` where ``start`` begins one; ``LOOP`` on a loop of nobody knows which thread; else
            ``UNKNOWN``: with callers that are not seen.
        on_loop: it runs on an event loop: a coroutine or a callback of the loop lies on the way.
        start: the edge that hands over to the thread or process.
        levels: the frame and those above it, each with the op by which the one below is entered (None for the frame itself).
    """

    side: Side
    on_loop: bool
    start: Entry | None
    levels: tuple[tuple[Frame, Op | None], ...]


def is_plain(frame: Frame) -> bool:
    """Whether a function runs where it is called: no decorator that is not known may run it elsewhere."""
    return all(text.rpartition(".")[2] in PLAIN for text in frame.function.decorators)


class Whereabouts:
    """Answers where frames and handed over methods run."""

    def __init__(self, analysis: Analysis, actors: Actors) -> None:
        self.analysis = analysis
        self.actors = actors
        self._runs: dict[Frame, tuple[Run, ...]] = {}
        self._executed: dict[tuple[FunctionId, Obj | None], tuple[Frame, Op]] | None = None

    def runs(self, frame: Frame) -> tuple[Run, ...]:
        """The ways in which ``frame`` comes to run, shortest first, at most a few."""
        known = self._runs.get(frame)
        if known is None:
            known = self._runs[frame] = tuple(self._climb(frame))
        return known

    def _climb(self, frame: Frame) -> list[Run]:
        found: list[Run] = []
        first: tuple[tuple[Frame, Op | None], ...] = ((frame, None),)
        waiting = [(first, frame.function.is_async)]
        while waiting and len(found) < MOST_RUNS:
            levels, on_loop = waiting.pop(0)
            top = levels[-1][0]
            if not top.entries:
                found.append(Run(Side.UNKNOWN, on_loop, None, levels))
            for edge in top.entries:
                entry = self._by_executor(edge)
                side = Side.THREAD if entry is not edge else self._side(entry)
                if side in (Side.THREAD, Side.PROCESS):
                    found.append(Run(side, on_loop, entry, levels))
                elif side is Side.LOOP:
                    found.append(Run(side, True, None, levels))
                elif side is Side.UNKNOWN or entry.caller is None or entry.op is None or len(levels) > WALK_CALLERS:
                    found.append(Run(Side.UNKNOWN, on_loop, None, levels))
                elif all(entry.caller is not level for level, _ in levels):
                    looped = on_loop or side is not None or entry.caller.function.is_async
                    waiting.append(((*levels, (entry.caller, entry.op)), looped))
        return found

    def _by_executor(self, entry: Entry) -> Entry:
        """The edge from a ``run_in_executor`` of a loop that is not known, for a function that nobody else is seen to call."""
        if entry.kind is not EntryKind.ROOT:
            return entry
        if self._executed is None:
            self._executed = dict(self._executions())
        place = self._executed.get((entry.callee.function.id, entry.callee.receiver))
        return entry if place is None else Entry(EntryKind.SPAWN, *place, entry.callee)

    def _executions(self) -> Iterator[tuple[tuple[FunctionId, Obj | None], tuple[Frame, Op]]]:
        points = self.analysis.points
        program = self.analysis.program
        for frame in points.frames:
            if all(load.attr != EXECUTES for load in program.ops(frame.function, ops.LoadAttr)):
                continue
            definitions = self.analysis.shapes.of(frame.function).definitions
            for op in program.ops(frame.function, ops.Call):
                if len(op.args) < 2 or points.holds(frame, op.callee):
                    continue
                if any(isinstance(made, ops.LoadAttr) and made.attr == EXECUTES for made in definitions.get(op.callee, ())):
                    for obj in points.holds(frame, op.args[1].value):
                        if isinstance(obj, FunctionRef):
                            yield (obj.function.id, None), (frame, op)
                        elif isinstance(obj, Bound):
                            yield (obj.function.function.id, obj.receiver), (frame, op)

    def _side(self, entry: Entry) -> Side | None:
        """Where an edge leads; None for a plain call in the same thread."""
        if entry.caller is None or entry.op is None or entry.kind in (EntryKind.ROOT, EntryKind.LATER):
            return Side.UNKNOWN
        side = self.handed(entry.caller, entry.op)
        if side is None and entry.kind is EntryKind.SPAWN:
            return {"thread": Side.THREAD, "job": Side.THREAD, "process": Side.PROCESS, "task": Side.TASK}.get(
                self.actors.started(entry) or "", Side.UNKNOWN
            )
        if side is Side.UNKNOWN and entry.callee.function.is_async:
            return Side.RUNNER  # anyio.run(main)
        return side

    def handed(self, frame: Frame, op: Op) -> Side | None:
        """Where that runs which is handed over at ``op``; None where nothing is."""
        for call in frame.lib_calls.get(op.index, ()):
            effect = call.effect
            if effect.op is OpKind.AWAIT_ALL:
                return Side.TASK
            if effect.op in HANDS_OVER and (effect.target is not None or effect.op is OpKind.START):
                return self._of_call(call)
        return None

    def _of_call(self, call: LibCall) -> Side:
        effect = call.effect
        info = recognise.type_of(self.analysis.points, call.receiver)
        actor = effect.actor or (info.actor if info is not None and effect.op is not OpKind.CALL else None)
        if actor in ("thread", "job"):
            return Side.THREAD
        if actor == "process":
            return Side.PROCESS
        if actor == "task" or (info is not None and info.world in LOOPS and effect.op is OpKind.SPAWN):
            made = self.analysis.catalogue.types.get(effect.makes or "")
            foreign = effect.op is OpKind.CALL or (made is not None and made.world is World.THREAD)
            return Side.LOOP if foreign else Side.TASK
        if effect.op is OpKind.CALL and effect.coroutine:
            return Side.RUNNER
        if info is not None and info.world in LOOPS:
            return Side.LOOP  # call_soon, add_reader, a task's callback
        if info is not None and info.category is Category.ACTOR and self._is_job(call.receiver):
            return Side.THREAD  # the callback of a job runs in the job's thread
        return Side.UNKNOWN

    def _is_job(self, handle: Obj | None) -> bool:
        """Whether a future belongs to a job of a thread pool, and not to a coroutine on some loop."""
        if not isinstance(handle, LibInstance):
            return False
        made = handle.maker.lib_calls.get(handle.site.op, ())
        return any(call.result is handle and call.effect.actor in ("thread", "job") for call in made)
