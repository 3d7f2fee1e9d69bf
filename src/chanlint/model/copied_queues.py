"""Queues for threads that get into another process, where only a copy arrives, or nothing at all.

Nouns:

* **Inside**: the ops on the queue in code that only the other process runs.
* **Outside**: those in code that only the process runs which made the queue.

A queue that only one side uses is no defect, however it got there: what is put on one side has to be awaited on the other.
What is put before the start is in the copy, so a child that only receives it is fine with fork.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.program import Way
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import Level
from chanlint.catalogue.schema import OpKind, World
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.processes import Processes
from chanlint.model.survey import Survey

OTHER_SIDE = {OpKind.RECEIVE: OpKind.SEND, OpKind.SEND: OpKind.RECEIVE}


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class CopiedQueue(Defect):
    """A queue for threads that two processes use.

    Attributes:
        received_inside: the process waits for what the others put; else they wait for what it puts.
    """

    received_inside: bool


def find(survey: Survey) -> Iterator[CopiedQueue]:
    """The queues that are handed to a process."""
    finder = _Finder(survey)
    for channel in survey.channels:
        if channel.info.world is World.THREAD and channel.maker is not None:
            yield from finder.of(channel)


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.processes = Processes(self.analysis)

    def of(self, channel: Channel) -> Iterator[CopiedQueue]:
        """One defect for each process that uses the queue of another."""
        if channel.maker is None or self.processes.of(channel.maker) != {None}:
            return
        outside: list[Event] = []
        inside: dict[Entry, list[Event]] = {}
        for event in channel.events:
            if event.kind not in OTHER_SIDE or not event.sole or event.frame.merged:
                continue
            starts = self.processes.of(event.frame)
            if starts == {None}:
                outside.append(event)
            elif None not in starts:
                for start in starts:
                    if start is not None:
                        inside.setdefault(start, []).append(event)
        for start, events in inside.items():
            if not self._may_be_a_thread(start):
                found = self._pair(start, events, outside)
                if found is not None:
                    yield self._defect(channel, start, *found)

    def _may_be_a_thread(self, start: Entry) -> bool:
        """Whether the same op starts a thread as well (``Worker = Thread if local else Process``)."""
        if start.caller is None or start.op is None:
            return True
        entries = start.caller.calls.get(start.op.index, ())
        return any(entry.kind is EntryKind.SPAWN and not self.processes.is_start(entry) for entry in entries)

    def _pair(self, start: Entry, inside: list[Event], outside: list[Event]) -> tuple[Event, Event] | None:
        """What is done inside, and outside what can never answer it."""
        directions = {event.kind for event in inside}
        for event in inside:
            for other in outside:
                if other.kind is not OTHER_SIDE[event.kind]:
                    continue
                if other.frame.api and (len(directions) > 1 or self.analysis.escapes.callable_from_outside(other.frame)):
                    continue  # it may be meant for the process itself
                if event.kind is OpKind.RECEIVE and self._before(other, start):
                    continue
                return event, other
        return None

    def _before(self, send: Event, start: Entry) -> bool:
        """Whether a send can only come before the start, so that the copy holds the item."""
        assert start.caller is not None and start.op is not None
        lift = self.processes.lifted(start.caller, start.op)
        return all(
            any(self._level_before(level.frame, index, lift) for level, index in self._levels(way, send))
            for way in self.analysis.ways_up(send.frame)
        )

    def _levels(self, way: Way, send: Event) -> list[tuple[Level, int]]:
        return [(level, send.op.index if position == 0 else level.op.index) for position, level in enumerate(way.levels)]

    def _level_before(self, frame: Frame, index: int, lift: dict[Frame, set[int]]) -> bool:
        begun = lift.get(frame)
        if begun is None:
            return False
        positions = self.analysis.shapes.of(frame.function).positions
        at = positions[index]
        for started in begun:
            here = positions[started]
            if here.block == at.block and here.offset < at.offset:
                return False
            if at.block in self.analysis.shapes.of(frame.function).reach(here.block):
                return False
        return True

    def _defect(self, channel: Channel, start: Entry, inside: Event, outside: Event) -> CopiedQueue:
        assert start.caller is not None
        received_inside = inside.kind is OpKind.RECEIVE
        related = (
            Place(Role.RECEIVES if received_inside else Role.SENDS, "used in the process here", inside.frame.op_id(inside.op)),
            Place(Role.SENDS if received_inside else Role.RECEIVES, "used outside here", outside.frame.op_id(outside.op)),
        )
        return CopiedQueue(
            channel=channel,
            at=self.survey.actors.place(start),
            function=start.caller.function.id,
            actor="process" if received_inside else "caller",
            confidence=Confidence.MEDIUM if channel.home.kind is HomeKind.OBJECT or outside.frame.api else Confidence.HIGH,
            related=related,
            received_inside=received_inside,
        )
