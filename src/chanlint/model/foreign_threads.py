"""Finds asyncio queues, events and futures that are touched from another thread than that of their event loop.

Nouns:

* **Touch**: an operation that takes effect at once (``put_nowait``, ``set``, ``set_result``), or by ``asyncio.run`` on
  another loop.
* **Waiter**: who awaits what a touch brings about: it is not woken, because the sleeping loop is not told.

Evidence is a touch in a thread whose waiter is not there, or a waiter on a loop that a started thread runs, with a touch by
callers that are not in it. What is handed to ``call_soon_threadsafe`` or ``run_coroutine_threadsafe`` is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, Frame
from chanlint.analysis.objects import LibInstance, Obj
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import Category, OpKind, World
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ids import OpId
from chanlint.ir.ops import Op
from chanlint.model import capacity
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.survey import Survey
from chanlint.model.whereabouts import Run, Side, Whereabouts, is_plain

WAITERS = {
    OpKind.SEND: OpKind.RECEIVE,
    OpKind.RECEIVE: OpKind.SEND,
    OpKind.TASK_DONE: OpKind.AWAIT_DRAINED,
    OpKind.SET_FLAG: OpKind.WAIT_FLAG,
    OpKind.CLOSE: OpKind.RECEIVE,
}
MOST_BESIDE = 8
ONCE = frozenset({"__init__", "__post_init__", "__del__"})


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ForeignTouch(Defect):
    """A touch from another thread.

    Attributes:
        kind: what the touch does.
        method: the name of the method that is called.
        waits: what the source calls the waiter's operation.
        own_loop: the loop of the waiter runs in a thread that the program starts; else the touch does.
    """

    kind: OpKind
    method: str
    waits: str
    own_loop: bool


class _Waiter(NamedTuple):
    """Who awaits: the op, and how its frame comes to run."""

    frame: Frame
    op: Op
    name: str
    runs: tuple[Run, ...]

    @property
    def at(self) -> OpId:
        return self.frame.op_id(self.op)


def find(survey: Survey) -> Iterator[ForeignTouch]:
    """The touches from other threads, channel by channel."""
    finder = _Finder(survey)
    for channel in (*survey.channels, *finder.cells()):
        found = [defect for event in channel.events if (defect := finder.judge(channel, event)) is not None]
        yield from _together(found)


def _together(found: list[ForeignTouch]) -> Iterator[ForeignTouch]:
    """One defect for the touches of one thread in one function: the first, with the others beside it."""
    kept: dict[tuple[object, ...], list[ForeignTouch]] = {}
    for defect in found:
        start = next((place.at for place in defect.related if place.role is Role.SPAWNED), defect.at)
        kept.setdefault((start, defect.function, defect.own_loop), []).append(defect)
    for first, *others in kept.values():
        places = dict.fromkeys(other.at for other in others if other.at != first.at)
        beside = tuple(Place(Role.SENDS, "touched in the same way here", at) for at in list(places)[:MOST_BESIDE])
        yield replace(first, related=(*first.related, *beside))


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.whereabouts = Whereabouts(survey.analysis, survey.actors)
        self._awaits: dict[Obj, list[tuple[Frame, Op]]] | None = None

    def cells(self) -> Iterator[Channel]:
        """The asyncio events and futures of the program, as channels."""
        for obj in self.analysis.points.heap.all(LibInstance):
            info = recognise.type_of(self.analysis.points, obj)
            if info is not None and info.category in (Category.FLAG, Category.FUTURE) and info.world is World.ASYNCIO:
                events = self.analysis.by_subject.get(obj, [])
                home = self.survey.lifetimes.home(obj, obj.maker)
                yield Channel(obj, info, obj.site, obj.maker, self.survey.actors.name(obj), home, events)

    def judge(self, channel: Channel, event: Event) -> ForeignTouch | None:
        """The defect at one operation."""
        info = recognise.type_of(self.analysis.points, event.handle)
        if event.kind not in WAITERS or info is None or info.world is not World.ASYNCIO or not event.sole:
            return None
        if event.kind is OpKind.RECEIVE and capacity.of(self.analysis, channel) is None:
            return None  # nobody waits to put
        handed = self.whereabouts.handed(event.frame, event.op)
        if event.call.effect.awaitable and not (handed is Side.RUNNER and not event.frame.function.is_async):
            return None
        waiters = self._waiters(channel, WAITERS[event.kind])
        if not waiters or (handed is not None and handed not in (Side.THREAD, Side.RUNNER)):
            return None
        if handed is Side.THREAD:
            return self._defect(channel, event, waiters[0], None)
        return self._from_thread(channel, event, waiters) or self._into_thread(channel, event, waiters)

    def _defect(self, channel: Channel, event: Event, waiter: _Waiter, start: Entry | None, own: bool = False) -> ForeignTouch:
        related = [Place(Role.RECEIVES, "awaited on the event loop here", waiter.at)]
        if start is not None and start.caller is not None and start.op is not None:
            text = "the loop's thread starts here" if own else "its thread starts here"
            related.insert(0, Place(Role.SPAWNED, text, self.survey.actors.place(start)))
        called = channel.home.kind is HomeKind.CALL
        return ForeignTouch(
            channel=channel,
            at=event.frame.op_id(event.op),
            function=event.frame.function.id,
            actor="task",
            confidence=Confidence.HIGH if called else Confidence.MEDIUM,
            related=tuple(related),
            kind=event.kind,
            method=event.call.name,
            waits=waiter.name,
            own_loop=own,
        )

    # -- the two directions -----------------------------------------------------------------------------------------------

    def _from_thread(self, channel: Channel, event: Event, waiters: list[_Waiter]) -> ForeignTouch | None:
        """A touch in a thread without a loop, or with another loop, than the waiter's."""
        for run in self.whereabouts.runs(event.frame):
            if run.side is not Side.THREAD or run.on_loop or run.start is None or not all(is_plain(f) for f, _ in run.levels):
                continue
            runner = self.whereabouts.handed(event.frame, event.op) is Side.RUNNER
            if not runner and any(self._drives_loop(frame) for frame, _ in run.levels):
                continue
            others = [w for w in waiters if all(r.start is None or r.start.callee is not run.start.callee for r in w.runs)]
            if others and len(others) == len(waiters):
                return self._defect(channel, event, others[0], run.start)
        return None

    def _into_thread(self, channel: Channel, event: Event, waiters: list[_Waiter]) -> ForeignTouch | None:
        """A touch by plain callers, where the waiter's loop runs in a thread that the program starts."""
        frame = event.frame
        if event.call.effect.awaitable or frame.function.name in ONCE or self.analysis.escapes.callable_from_outside(frame):
            return None
        runs = self.whereabouts.runs(frame)
        if not runs or any(run.on_loop or run.side is not Side.UNKNOWN for run in runs):
            return None
        if not all(is_plain(level) for run in runs for level, _ in run.levels):
            return None
        if any(level.function.name in ONCE or level.function.kind == "lambda" for run in runs for level, _ in run.levels):
            return None
        starts = [run.start for waiter in waiters for run in waiter.runs if run.side is Side.THREAD and run.start is not None]
        if len(starts) < sum(len(waiter.runs) for waiter in waiters) or not starts:
            return None
        if any(self._precedes_start(event, run, start) for run in runs for start in starts):
            return None
        return self._defect(channel, event, waiters[0], starts[0], own=True)

    def _precedes_start(self, event: Event, run: Run, start: Entry) -> bool:
        """Whether a touch comes before the start of the loop's thread, in a function that does both."""
        for frame, op in run.levels:
            at = op if op is not None else event.op
            if frame is start.caller and start.op is not None:
                shape = self.analysis.shapes.of(frame.function)
                if shape.can_follow(start.op, at) or not shape.can_follow(at, start.op):
                    return True
        return False

    def _drives_loop(self, frame: Frame) -> bool:
        """Whether a function of the thread runs an event loop itself."""
        for calls in frame.lib_calls.values():
            for call in calls:
                info = recognise.type_of(self.analysis.points, call.receiver)
                of_loop = info is not None and info.category is Category.NAMESPACE and info.world is World.ASYNCIO
                if call.effect.op is OpKind.JOIN and of_loop:
                    return True  # run_forever
                if call.effect.op is OpKind.CALL and call.effect.coroutine:
                    return True
        return False

    # -- waiters ------------------------------------------------------------------------------------------------------------

    def _waiters(self, channel: Channel, kind: OpKind) -> list[_Waiter]:
        """Who awaits an operation of ``kind`` on an event loop."""
        found = [
            _Waiter(event.frame, event.op, event.call.name, ())
            for event in channel.events
            if event.kind is kind and event.call.effect.awaitable and event.blocks
        ]
        if channel.info.category is Category.FUTURE:
            found += [_Waiter(frame, op, "await", ()) for frame, op in self._awaiting(channel.obj)]
        waiters = []
        for waiter in found:
            runs = self.whereabouts.runs(waiter.frame)
            if runs and all(run.on_loop for run in runs):
                waiters.append(waiter._replace(runs=runs))
        return waiters

    def _awaiting(self, future: Obj) -> list[tuple[Frame, Op]]:
        """The places that await a future."""
        if self._awaits is None:
            self._awaits = {}
            for frame, op in self.analysis.each(ops.Await):
                for obj in self.analysis.points.holds(frame, op.src):
                    self._awaits.setdefault(obj, []).append((frame, op))
        return self._awaits.get(future, [])
