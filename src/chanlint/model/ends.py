"""Ends of streams that stay open, so that whoever receives on the other side waits for ever.

Nouns:

* **End**: one side of a stream, or a clone of it. A receiver comes to an end only when every send end is closed.
* **Held**: an end that is still open when its own holder begins to receive.
* **Skipped**: an end that is closed on some ways only.
* **Parked**: an end that an object keeps and nobody ever closes.

Only an end that keeps somebody blocked counts: a receiver under a deadline, or one that is cancelled with its task group,
goes on without a close. Pipes, whose ends have a copy in every process, are in `chanlint.model.pipes`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from chanlint.analysis import recognise
from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import End, Instance, Obj
from chanlint.analysis.paths import Search
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import Raised, Verdict
from chanlint.catalogue.schema import Category, OpKind, World
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ops import Op
from chanlint.model.channel import (
    Channel,
    Consumer,
    Coverage,
    Defect,
    Effectiveness,
    Ending,
    Group,
    HomeKind,
    Paths,
)
from chanlint.model.survey import Survey

ENDING_SCOPES = frozenset({Category.SCOPE, Category.GROUP})


class Open(enum.StrEnum):
    """Why an end is open while somebody waits for its close."""

    HELD = "held"
    SKIPPED = "skipped"
    PARKED = "parked"
    COPIED = "copied"  # the parent's copy of the end that it gave to a child process


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class OpenEnd(Defect):
    """An end that stays open while somebody waits for its close.

    Attributes:
        end: what the source calls it.
        clone: it is a clone of the end that was made with the channel.
        receiver: the function that waits.
        coverage: the path that misses the close.
        dies: the receiver waits for an answer that the child may die without, not for the end itself.
    """

    end: str
    why: Open
    receiver: str
    coverage: Coverage
    clone: bool = False
    dies: bool = False


def find(survey: Survey) -> Iterator[OpenEnd]:
    """The ends of streams that stay open."""
    finder = _Streams(survey)
    for channel in survey.channels:
        if channel.info.ends and channel.info.world is not World.PROCESS and finder.is_all_seen(channel):
            yield from finder.of(channel)


def all_ends(analysis: Analysis) -> dict[Obj, list[End]]:
    """The ends of each channel, clones included, in the order in which they are made."""
    found: dict[Obj, list[End]] = {}
    for end in analysis.points.heap.all(End):
        found.setdefault(end.channel, []).append(end)
    return found


def name_of(analysis: Analysis, end: End) -> str:
    """What the source calls an end: the variable or attribute that holds nothing else; empty where there is none."""
    points = analysis.points.graph.points
    frames = [end.maker, *(entry.caller for entry in end.maker.entries if entry.caller is not None)]
    for frame in frames:
        for name, node in frame.variables.items():
            if list(points[node]) == [end]:
                return name
    for holder, name in analysis.escapes.holders(end):
        if isinstance(holder, Instance):
            return name
    return ""


def closes_of(channel: Channel, end: End) -> list[Ending]:
    """The closes of one end."""
    return [
        Ending("close", Effectiveness.ENDS, event.frame, event.op, "the end is closed", event)
        for event in channel.events
        if event.kind is OpKind.CLOSE and event.handle is end
    ]


class _Streams:
    """Looks for the open send ends of anyio and trio streams."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.ends = all_ends(survey.analysis)

    def is_all_seen(self, channel: Channel) -> bool:
        """Whether no unknown code holds an end, or a function that uses one."""
        escapes = self.analysis.escapes
        if escapes.of(channel.obj) is not None:
            return False
        home = channel.home.frame
        return not any(event.frame is not home and escapes.callable_from_outside(event.frame) for event in channel.events)

    def of(self, channel: Channel) -> Iterator[OpenEnd]:
        """The open ends of one channel, each told once."""
        sends = [end for end in self.ends.get(channel.obj, ()) if end.role == "send"]
        groups = [group for group in self.survey.groups if group.channel is channel]
        if channel.home.kind is HomeKind.CALL:
            told: set[End] = set()
            for group in groups:
                for end in sends:
                    found = self._in_call(group, end) if end not in told else None
                    if found is not None:
                        told.add(end)
                        yield found
        elif channel.home.kind is HomeKind.OBJECT and not groups and not channel.home.public:
            yield from self._parked(channel, sends)

    # -- streams of a call --------------------------------------------------------------------------------------------------

    def _in_call(self, group: Group, end: End) -> OpenEnd | None:
        """The defect of an end that keeps a group's receive from its last return."""
        if group.polls or group.escaped is not None or not self._waits_for_the_close(group):
            return None
        home = group.channel.home.frame
        for consumer in group.consumers:
            receive = self._inside(consumer, home)
            if receive is not None and home is not None:
                return self._of_caller(group, consumer, end, home, receive)
        if group.spawn is not None and group.silence is None and group.channel.is_closed_in_part:
            return self._of_spawned(group, end) if group.coverage.witness is None else None
        return None

    def _waits_for_the_close(self, group: Group) -> bool:
        """Whether only the close of every send end lets the consumers leave."""
        if any(ending.kind != "close" or ending.does is Effectiveness.POSSIBLE for ending in group.endings):
            return False
        for consumer in group.consumers:
            event = consumer.event
            closed = event.call.effect.closed or ("<closed>",)
            if not event.sole or self._is_cancelled(consumer):
                return False
            if self.survey.endings.loops(group.channel, consumer).verdict is not Verdict.STAYS:
                return False
            if self.survey.endings.respond(group.channel, consumer, Raised(closed)).verdict is not Verdict.ENDS:
                return False
        return True

    def _is_cancelled(self, consumer: Consumer) -> bool:
        """Whether a scope or task group round the receive, or round one of the calls that lead to it, is cancelled."""
        event = consumer.event
        for position, level in enumerate(consumer.way.levels):
            op = event.op if position == 0 else level.op
            for obj in self._around(level.frame, op):
                if any(each.kind is OpKind.CANCEL for each in self.analysis.by_subject.get(obj, ())):
                    return True
        return False

    def _around(self, frame: Frame, op: Op) -> Iterator[Obj]:
        """The scopes and task groups whose ``with`` holds an op."""
        shape = self.analysis.shapes.of(frame.function)
        for index, region in shape.regions.items():
            enter = shape.by_index[index]
            if op.index in region and isinstance(enter, ops.Enter):
                for obj in self.analysis.points.holds(frame, enter.manager):
                    if recognise.category_of(self.analysis.points, obj) in ENDING_SCOPES:
                        yield channel_of(obj) or obj

    def _inside(self, consumer: Consumer, home: Frame | None) -> Op | None:
        """The op of the channel's home in which the consumer waits; None where it runs beside it."""
        for position, level in enumerate(consumer.way.levels):
            if level.frame is home:
                return consumer.event.op if position == 0 else level.op
        return None

    def _of_caller(self, group: Group, consumer: Consumer, end: End, home: Frame, receive: Op) -> OpenEnd | None:
        """An end that is open when the function that made the stream receives from it."""
        if not self._senders_finish(group.channel, home):
            return None
        made = self._lifted(end, home)
        if made is None and group.channel.home.owner is None:
            return None  # else it is there before the session begins
        closes = closes_of(group.channel, end)
        witness = self.survey.coverages.open_at(closes, home, made, receive)
        if witness is not None:
            return self._defect(group, end, Open.HELD, Coverage(Paths.SOME, witness), consumer)
        if group.coverage.paths is Paths.SOME and group.silence is None:
            return None  # told about the group
        late = self.survey.coverages.of_closers(group, closes)
        if late.paths is Paths.SOME:
            return self._defect(group, end, Open.SKIPPED, late, consumer)
        return None

    def _senders_finish(self, channel: Channel, home: Frame) -> bool:
        """Whether whoever sends runs inside the home, or is started and comes to an end."""
        for event in channel.events:
            if event.kind is not OpKind.SEND:
                continue
            for way in self.analysis.ways_up(event.frame):
                if any(level.frame is home for level in way.levels):
                    continue
                if way.spawn is None or not self.survey.coverages.finishes(way.spawn):
                    return False
        return True

    def _lifted(self, end: End, home: Frame) -> Op | None:
        """The op of ``home`` that makes an end, or calls what makes it."""
        made = self.analysis.shapes.of(end.maker.function).by_index.get(end.site.op)
        if made is None:
            return None
        return next((op for frame, op in self.survey.coverages.upward(end.maker, made) if frame is home), None)

    def _of_spawned(self, group: Group, end: End) -> OpenEnd | None:
        """An end that is not closed on every way out, though another one of the same side is."""
        closes = closes_of(group.channel, end)
        spawn = group.spawn
        if spawn is None or spawn.caller is None or spawn.op is None:
            return None
        if not closes:
            return self._defect(group, end, Open.SKIPPED, Coverage(Paths.NEVER), group.consumers[0])
        frame, op = spawn.caller, spawn.op
        made = self._lifted(end, frame)
        if made is not None and self._is_made_later(end, frame, made, op):
            op = made
        found = self.survey.coverages.of_end(group, closes, frame, op)
        if found.paths is not Paths.SOME:
            return None
        return self._defect(group, end, Open.SKIPPED, found, group.consumers[0])

    def _is_made_later(self, end: End, frame: Frame, made: Op, spawn: Op) -> bool:
        """Whether an end comes into being after the consumer was started."""
        shape = self.analysis.shapes.of(frame.function)
        one, two = shape.positions[spawn.index], shape.positions[made.index]
        return (one.block == two.block and one.offset < two.offset) or two.block in shape.reach(one.block)

    def _defect(self, group: Group, end: End, why: Open, coverage: Coverage, consumer: Consumer) -> OpenEnd:
        channel = group.channel
        related = [Place(Role.RECEIVES, "blocks here", consumer.at)]
        if group.spawn is not None and why is Open.SKIPPED:
            related.insert(0, Place(Role.SPAWNED, f"{group.actor} started here", group.at))
        witness = coverage.witness
        if witness is not None and why is Open.SKIPPED:
            role = Role.JOINS if witness.kind == "join" else Role.SKIPS_CLOSE
            text = "waits for it here" if witness.kind == "join" else "this way out does not close it"
            related.append(Place(role, text, witness.frame.op_id(witness.op)))
        return OpenEnd(
            channel=channel,
            at=end.site,
            function=end.maker.function.id,
            actor=group.actor if group.spawn is not None else "caller",
            related=tuple(related),
            end=name_of(self.analysis, end),
            why=why,
            receiver=consumer.event.frame.function.id.qualname,
            clone=end.site != channel.created,
            coverage=coverage,
            confidence=Confidence.HIGH if channel.home.owner is None else Confidence.MEDIUM,
        )

    # -- streams of an object -------------------------------------------------------------------------------------------------

    def _parked(self, channel: Channel, sends: list[End]) -> Iterator[OpenEnd]:
        """A stream that an object keeps: a task fills it and ends, and nobody ever closes its send end."""
        owner = channel.home.owner
        if not isinstance(owner, Instance) or owner.synthetic or not sends:
            return
        if any(event.kind is OpKind.CLOSE for event in channel.events):
            return
        senders = [event for event in channel.events if event.kind is OpKind.SEND]
        pumps = {event.frame.op_id(event.op) for event in senders if self._is_pump(event)}
        if not senders or any(event.frame.op_id(event.op) not in pumps for event in senders):
            return
        for event in channel.events:
            if event.kind is OpKind.RECEIVE and event.blocks and event.sole and not any(self._around(event.frame, event.op)):
                at, pump = event.frame.op_id(event.op), senders[0]
                yield OpenEnd(
                    channel=channel,
                    at=channel.created,
                    function=channel.created.function,
                    confidence=Confidence.MEDIUM,
                    related=(
                        Place(Role.RECEIVES, "blocks here", at),
                        Place(Role.SENDS, "the only sender", pump.frame.op_id(pump.op)),
                    ),
                    end=name_of(self.analysis, sends[0]),
                    why=Open.PARKED,
                    coverage=Coverage(Paths.NEVER),
                    receiver=event.frame.function.id.qualname,
                )
                return

    def _is_pump(self, event: Event) -> bool:
        """Whether a send stands in a loop of a started actor, and the loop can end without a last item."""
        frame, shape = event.frame, self.analysis.shapes.of(event.frame.function)
        if not shape.in_loop(event.op):
            return False
        own = {
            other.op.index
            for other in self.analysis.by_subject.get(event.subject, ())
            if other.kind is OpKind.SEND and other.frame is frame
        }
        found = self.analysis.paths.witnesses(Search(frame, None, frozenset(own)))
        if not any(witness.kind == "return" for witness in found or ()):
            return False
        spawns = [way.spawn for way in self.analysis.ways_up(frame) if way.spawn is not None]
        return any(spawn.kind is EntryKind.SPAWN and self.survey.coverages.finishes(spawn) for spawn in spawns)
