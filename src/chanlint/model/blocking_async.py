"""Finds operations of thread and process queues that stop an event loop: they wait inside a coroutine.

Nouns:

* **Step**: the operation in its own function, then the calls that lead to it, up to the coroutine.
* **Supply**: something before a receive on the same way that puts an item there, or makes sure that one is.

Silent where the wait is bounded (a timeout), where a look at the queue comes first (``empty()``, ``poll()``; ``fileno()``, for
whoever waits until there is something), where a supply does, and in a coroutine that is alone on the event loop of a thread of
its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind, World
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ops import Op
from chanlint.model import capacity
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.survey import Survey
from chanlint.model.whereabouts import Side, Whereabouts, is_plain

BLOCKING = frozenset({World.THREAD, World.PROCESS})
HELPERS = 1  # calls between the coroutine and the operation

Step = tuple[Frame, Op]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class BlockingOp(Defect):
    """An operation that keeps a whole event loop waiting.

    Attributes:
        kind: what waits: a receive, a send or a join of the queue.
        method: the name of the method that is called.
        coroutine: the coroutine that waits.
    """

    kind: OpKind
    method: str
    coroutine: str


def find(survey: Survey) -> Iterator[BlockingOp]:
    """The operations that wait on an event loop, channel by channel."""
    finder = _Finder(survey)
    for channel in survey.channels:
        for event in channel.events:
            found = finder.judge(channel, event)
            if found is not None:
                yield found


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.whereabouts = Whereabouts(survey.analysis, survey.actors)

    def judge(self, channel: Channel, event: Event) -> BlockingOp | None:
        """The defect at one operation."""
        if not self._waits(channel, event):
            return None
        steps = self._steps(event)
        if steps is None or self._looks_first(channel, steps) or self._is_supplied(channel, event, steps):
            return None
        if self._is_watched(channel, steps):
            return None
        frame, op = steps[-1]
        if self._has_loop_of_its_own(frame):
            return None
        related = (Place(Role.RECEIVES, "called in a coroutine here", frame.op_id(op)),) if len(steps) > 1 else ()
        return BlockingOp(
            channel=channel,
            at=event.frame.op_id(event.op),
            function=event.frame.function.id,
            actor="task",
            confidence=Confidence.MEDIUM if channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=related,
            kind=event.kind,
            method=event.call.name,
            coroutine=frame.function.id.qualname,
        )

    def _waits(self, channel: Channel, event: Event) -> bool:
        """Whether an operation may wait without bound, in the thread that calls it."""
        info = recognise.type_of(self.analysis.points, event.handle)
        if info is None or info.world not in BLOCKING or event.call.effect.awaitable or not event.blocks or not event.sole:
            return False
        if event.call.actor is not None or self.whereabouts.handed(event.frame, event.op) is not None:
            return False
        if event.kind is OpKind.RECEIVE:
            return True
        if event.kind is OpKind.AWAIT_DRAINED:
            return info.world is World.THREAD  # that of a process queue's feeder is short
        if event.kind is not OpKind.SEND:
            return False
        bound = capacity.of(self.analysis, channel)
        return bound is not None and not self._fits(channel, bound)

    def _fits(self, channel: Channel, bound: capacity.Capacity) -> bool:
        """Whether no more items are sent in all than the channel takes."""
        load = capacity.Load()
        for event in channel.events:
            if event.kind is OpKind.SEND:
                load += self.survey.actors.times(event.frame, event.op, channel.home.frame)
        room = bound.count.number
        return room is None or (not load.endless and load.number <= room and channel.home.kind is HomeKind.CALL)

    def _steps(self, event: Event) -> tuple[Step, ...] | None:
        """The way from the operation up to the nearest coroutine, through plain calls only."""
        waiting: list[tuple[Step, ...]] = [((event.frame, event.op),)]
        while waiting:
            steps = waiting.pop(0)
            frame = steps[-1][0]
            if frame.function.is_async:
                return steps
            if len(steps) > HELPERS or not is_plain(frame) or not self._is_of_coroutines(frame):
                continue
            for entry in frame.entries:
                if entry.kind is EntryKind.CALL and entry.caller is not None and isinstance(entry.op, ops.Call | ops.Iterate):
                    if not entry.caller.lib_calls.get(entry.op.index):
                        waiting.append((*steps, (entry.caller, entry.op)))
        return None

    def _is_of_coroutines(self, helper: Frame) -> bool:
        """Whether only coroutines are seen to call a helper; one that others call too may know where it is."""
        entries = [entry for frame in self.analysis.points.of_function[helper.function.id] for entry in frame.entries]
        return all(
            entry.kind is EntryKind.CALL and entry.caller is not None and entry.caller.function.is_async for entry in entries
        )

    # -- reasons to be silent -----------------------------------------------------------------------------------------------

    def _looks_first(self, channel: Channel, steps: tuple[Step, ...]) -> bool:
        """Whether somebody on the way asks the queue before."""
        return any(
            event.kind is OpKind.POLL and event.frame is frame and self._precedes(frame, event.op, op)
            for event in channel.events
            for frame, op in steps
        )

    def _is_watched(self, channel: Channel, steps: tuple[Step, ...]) -> bool:
        """Whether its file descriptor was asked for before: a loop that is given it tells when there is something."""
        return any(
            call.name == "fileno" and channel_of(call.receiver) is channel.obj and self._precedes(frame, call.op, op)
            for frame, op in steps
            for calls in frame.lib_calls.values()
            for call in calls
        )

    def _precedes(self, frame: Frame, first: Op, second: Op) -> bool:
        return self.analysis.shapes.of(frame.function).can_follow(second, first)

    def _is_supplied(self, channel: Channel, event: Event, steps: tuple[Step, ...]) -> bool:
        """Whether an item was put on the way to a receive, by the same function, a helper, or an actor that it waited for."""
        if event.kind is not OpKind.RECEIVE:
            return False
        ways = dict(steps)
        for send in channel.events:
            if send.kind not in (OpKind.SEND, OpKind.SEND_MANY):
                continue
            if send.frame in ways and self._precedes(send.frame, send.op, ways[send.frame]):
                return True
            for way in self.analysis.ways_up(send.frame):
                for level in way.levels[1:]:
                    if level.frame in ways and self._precedes(level.frame, level.op, ways[level.frame]):
                        return True
                if way.spawn is not None and self._waited_for(way.spawn, ways):
                    return True
        return False

    def _waited_for(self, spawn: Entry, ways: dict[Frame, Op]) -> bool:
        """Whether an actor, or the group that it belongs to, is waited for before."""
        handed = spawn.caller.lib_calls.get(spawn.op.index, ()) if spawn.caller is not None and spawn.op is not None else ()
        subjects = [spawn.actor, *(call.receiver for call in handed)]
        return any(
            event.kind is OpKind.JOIN and event.frame in ways and self._precedes(event.frame, event.op, ways[event.frame])
            for subject in subjects
            if subject is not None
            for event in self.analysis.by_subject.get(subject, ())
        )

    def _has_loop_of_its_own(self, frame: Frame) -> bool:
        """Whether a coroutine runs alone on a loop in a thread or process of its own."""
        runs = self.whereabouts.runs(frame)
        return bool(runs) and all(
            run.side in (Side.THREAD, Side.PROCESS) and not any(self._starts_tasks(level) for level, _ in run.levels)
            for run in runs
        )

    def _starts_tasks(self, frame: Frame) -> bool:
        places = {op.index: op for op in frame.function.cfg.ops() if op.index in frame.lib_calls}
        return any(self.whereabouts.handed(frame, op) in (Side.TASK, Side.LOOP) for op in places.values())
