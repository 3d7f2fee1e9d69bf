"""Finds joins of a channel that cannot return, and acknowledgements that nothing is owed for.

Nouns:

* **Joiner**: an op that waits, without bound, until every item of a channel was acknowledged.
* **Missing**: a get with a path that never acknowledges what it took.
* **Extra**: an acknowledgement that comes although the get took nothing, or a second time for one item.

Silent where somebody else may acknowledge: unknown code that holds the channel, a method offered to callers, another actor;
where items are acknowledged in batches; where no join can come after the lapse; where an end marker is left over at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chanlint.analysis import recognise
from chanlint.analysis.evaluate import Data, Known
from chanlint.analysis.frames import Entry, EntryKind, Frame, LibCall
from chanlint.analysis.objects import Awaitable, Coroutine, Obj
from chanlint.analysis.parameters import subjects
from chanlint.analysis.program import Way
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import Level
from chanlint.catalogue.schema import Category, OpKind
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ids import FunctionId
from chanlint.ir.ops import Op
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.endings import compared, looks_like_marker
from chanlint.model.lapses import After, Along, Lapse, Surplus
from chanlint.model.ledger import Ledger
from chanlint.model.survey import Survey
from chanlint.model.tally import REST

PIPE_JOINS = frozenset({"join_thread"})  # waits until the data is written, not until it is acknowledged
STARTS = re.compile(r"task|spawn|start|soon|background|future")  # what those are called that run a coroutine on their own
ORDER = ("again", "join", "return", "raise")


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class MissingTaskDone(Defect):
    """A get whose item some path never acknowledges, so that a join waits for ever.

    Attributes:
        lapse: how that path goes on: ``again``, ``join``, ``return`` or ``raise``.
        caught: an exception leads there, and somebody catches it.
        marker: the item is the end marker.
        never: no path acknowledges it.
        joiner: the function that joins.
        exit: the function in which the path leaves the way to the acknowledgement.
    """

    lapse: str
    caught: bool
    marker: bool
    never: bool
    joiner: FunctionId
    exit: FunctionId


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ExtraTaskDone(Defect):
    """An acknowledgement that nothing is owed for.

    ``cause`` is ``refused`` (the get gave up), ``cancelled`` (the get was cancelled), ``closed`` or ``repeated``.
    """

    cause: str


class _Joiner(NamedTuple):
    frame: Frame
    op: Op
    offered: bool


def find(survey: Survey) -> Iterator[MissingTaskDone | ExtraTaskDone]:
    """The defects of every channel, in the order of channels and places."""
    for channel in survey.channels:
        kinds = {event.kind for event in channel.events}
        if not kinds & {OpKind.TASK_DONE, OpKind.AWAIT_DRAINED}:
            continue
        if survey.analysis.escapes.of(channel.obj) is not None and channel.home.kind is not HomeKind.PROGRAM:
            continue
        ledger = Ledger(survey.analysis, channel.obj)
        if ledger.offers_acknowledgement():
            continue
        yield from _Missing(survey, channel, ledger).find()
        if OpKind.TASK_DONE in kinds:
            yield from _Extra(survey, channel, ledger).find()


class _Missing:
    def __init__(self, survey: Survey, channel: Channel, ledger: Ledger) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.channel = channel
        self.ledger = ledger
        self.joiners = list(self._joiners())

    def find(self) -> Iterator[MissingTaskDone]:
        """One defect for each get that lapses."""
        if not self.joiners or self.ledger.in_batches():
            return
        for event in self.ledger.gets:
            if event.frame.merged:
                continue
            ways = self.analysis.ways_up(event.frame) or self._started(event.frame)
            found = [defect for way in ways if self._is_meant(event, way) for defect in self._of(event, way)]
            found.sort(key=lambda each: (each.confidence is not Confidence.HIGH, ORDER.index(each.lapse), each.marker))
            yield from found[:1]

    def _is_meant(self, event: Event, way: Way) -> bool:
        """Whether a get means the channel on this way, and each acknowledgement may mean whatever it may mean.

        That is one queue, or those that take each other's place.
        """
        if event.sole:
            return True
        taken = subjects(self.analysis, event, way.levels)
        return self.channel.obj in taken and all(taken <= self._subjects(done) for done in self.ledger.dones)

    def _subjects(self, event: Event) -> set[Obj]:
        at = self.analysis.at.get((event.frame, event.op.index), ())
        return {other.subject for other in at if other.kind is event.kind}

    def _started(self, frame: Frame) -> list[Way]:
        """The way of a coroutine that is handed to code that is not analysed and that is called after starting tasks."""
        for made in self.analysis.points.heap.all(Coroutine):
            if made.frame is not frame:
                continue
            shape = self.analysis.shapes.of(made.maker.function)
            dst = getattr(shape.by_index.get(made.site.op), "dst", None)
            for op in shape.by_index.values():
                if isinstance(op, ops.Call) and any(argument.value == dst for argument in op.args):
                    names = [getattr(load, "attr", None) for load in shape.definitions.get(op.callee, ())]
                    if any(name is not None and STARTS.search(name) for name in names):
                        return [Way((Level(frame, Op(-1)),), None, Entry(EntryKind.LATER, made.maker, op, frame))]
        return []

    # -- joiners --------------------------------------------------------------------------------------------------------------

    def _joiners(self) -> Iterator[_Joiner]:
        """The joins that last until everything is acknowledged, and that somebody may call."""
        for frame, op, call in self._joins():
            if call.name in PIPE_JOINS or self._ends_by_itself(frame, op):
                continue
            private = frame.function.name.startswith("_") and not frame.function.name.startswith("__")
            if frame.api and private:
                continue
            yield _Joiner(frame, op, frame.api)

    def _joins(self) -> Iterator[tuple[Frame, Op, LibCall]]:
        for event in self.ledger.events:
            if event.kind is not OpKind.AWAIT_DRAINED or not event.blocks or event.call.actor is not None:
                continue
            if not event.call.effect.awaitable or self._is_awaited(event):
                yield event.frame, event.op, event.call

    def _is_awaited(self, event: Event) -> bool:
        """Whether the join itself is awaited, and nothing that also waits for others."""
        if not isinstance(event.op, ops.Await):
            return False
        held = self.analysis.points.holds(event.frame, event.op.src)
        return any(isinstance(obj, Awaitable) and obj.site == event.call.frame.op_id(event.call.op) for obj in held)

    def _ends_by_itself(self, frame: Frame, op: Op) -> bool:
        """Whether a scope round the join, or round a call that leads to it, may end it."""
        for way in self.analysis.ways_up(frame):
            places = [(frame, op), *((level.frame, level.op) for level in way.levels[1:])]
            if not any(self._in_scope(at, inner) for at, inner in places):
                return False
        return True

    def _in_scope(self, frame: Frame, op: Op) -> bool:
        shape = self.analysis.shapes.of(frame.function)
        for index, region in shape.regions.items():
            enter = shape.by_index[index]
            if op.index in region and isinstance(enter, ops.Enter):
                for obj in self.analysis.points.holds(frame, enter.manager):
                    if recognise.category_of(self.analysis.points, obj) is Category.SCOPE:
                        return True
        return False

    # -- one get --------------------------------------------------------------------------------------------------------------

    def _of(self, event: Event, way: Way) -> Iterator[MissingTaskDone]:
        name = event.frame.function.name
        if event.frame.api and name.startswith("_") and not name.startswith("__"):
            return
        home = self.channel.home.frame if self.channel.home.kind is HomeKind.CALL else None
        walk = After(self.analysis, self.ledger, event, way, home, Data())
        if walk.complete:
            for lapse in walk.lapses:
                joiner = self._joiner(event, way, lapse, settled=walk.settled)
                if joiner is not None:
                    yield self._defect(event, way, lapse, joiner, never=not walk.settled)
        if walk.complete and walk.settled:
            yield from self._marker(event, way, home)

    def _marker(self, event: Event, way: Way, home: Frame | None) -> Iterator[MissingTaskDone]:
        """An end marker that is sent, then joined, and never acknowledged."""
        tested = {obj for level in way.levels for obj in compared(self.analysis, level.frame)}
        tested.add(self.analysis.points.heap.const(None))
        for send in self.channel.events:
            if send.kind is not OpKind.SEND:
                continue
            for obj in recognise.items(self.analysis.points, send.call)[1]:
                if obj not in tested or not looks_like_marker(obj):
                    continue
                joiner = next((each for each in self.joiners if self._comes_after(send, each)), None)
                if joiner is None:
                    continue
                walk = After(self.analysis, self.ledger, event, way, home, Known(obj))
                for lapse in walk.lapses if walk.complete else ():
                    if lapse.kind == "return" and lapse.flight is None and "flag" not in lapse.tags:
                        yield self._defect(event, way, lapse, joiner, marker=True)

    def _joiner(self, event: Event, way: Way, lapse: Lapse, *, settled: bool) -> _Joiner | None:
        """A join that can come after the lapse, or wait meanwhile."""
        if lapse.kind == "join" and any(each.spawn is not None for each in self.analysis.ways_up(event.frame)):
            return None  # a consumer that waits for itself, which is told as such
        if lapse.kind == "join":
            return next((each for each in self.joiners if each.op is lapse.op and each.frame is lapse.frame), None)
        apart = way.spawn is not None or (way.start is not None and way.start.kind is EntryKind.LATER)
        if lapse.kind == "return" and lapse.tags & {"data", "flag"} and lapse.flight is None:
            return None  # it is told to end
        if lapse.kind == "return" and not apart and self.channel.home.public and self.channel.home.kind is HomeKind.OBJECT:
            return None  # whoever called it may acknowledge by the public attribute
        if lapse.kind == "raise" and (not apart or self._in_group(way)):
            return None  # whoever called it knows
        if (
            lapse.kind == "raise"
            and "data" in lapse.tags
            and lapse.flight is not None
            and isinstance(lapse.flight.op, ops.Raise)
        ):
            return None  # an item that tells it to end
        if settled and lapse.flight is None and REST in lapse.tags:
            return None  # `if a: ... elif b: ...` over all kinds of items that there are
        if not settled and not event.blocks:
            return next((each for each in self.joiners if self._comes_after(event, each)), None)
        for joiner in self.joiners:
            if lapse.kind == "raise" and self._hears_of(way, joiner):
                continue
            if self._may_follow(event, joiner):
                return joiner
        return None

    def _in_group(self, way: Way) -> bool:
        """Whether the actor is a task of a group, whose other tasks are cancelled when it dies."""
        spawn = way.spawn
        if spawn is None or spawn.caller is None or spawn.op is None:
            return False
        return self.survey.actors.kind(self.channel, spawn) == "task" and any(
            recognise.category_of(self.analysis.points, call.receiver) is Category.GROUP
            for call in spawn.caller.lib_calls.get(spawn.op.index, ())
        )

    def _hears_of(self, way: Way, joiner: _Joiner) -> bool:
        """Whether the joiner waits for the actor first, and so gets its exception."""
        actor = way.spawn.actor if way.spawn is not None else None
        if actor is None or self.survey.actors.kind(self.channel, way.spawn) not in ("task", "job"):
            return False
        return any(
            event.kind is OpKind.JOIN and event.frame is joiner.frame and self._reaches(event.frame, event.op, joiner.op)
            for event in self.analysis.by_subject.get(actor, ())
        )

    def _may_follow(self, event: Event, joiner: _Joiner) -> bool:
        """Whether the join can run after the get: in another actor or call, or further down the same one."""
        ways = self.analysis.ways_up(event.frame)
        if not ways:
            return True
        for mine in ways:
            for other in self.analysis.ways_up(joiner.frame):
                places = self._common(mine, event.op, other, joiner.op)
                if places is None or self._reaches(*places):
                    return True
        return False

    def _comes_after(self, event: Event, joiner: _Joiner) -> bool:
        """Whether the join surely comes after an op: below it in one run of a common frame, and not above it."""
        for mine in self.analysis.ways_up(event.frame):
            for other in self.analysis.ways_up(joiner.frame):
                places = self._common(mine, event.op, other, joiner.op)
                if places is not None:
                    frame, first, second = places
                    if self._reaches(frame, first, second) and not self._reaches(frame, second, first):
                        return True
        return False

    def _common(self, mine: Way, op: Op, other: Way, join: Op) -> tuple[Frame, Op, Op] | None:
        """The innermost frame that two ways share, with the op of each in it."""
        theirs = {level.frame: join if index == 0 else level.op for index, level in enumerate(other.levels)}
        for index, level in enumerate(mine.levels):
            if level.frame in theirs:
                return level.frame, op if index == 0 else level.op, theirs[level.frame]
        return None

    def _reaches(self, frame: Frame, first: Op, second: Op) -> bool:
        shape = self.analysis.shapes.of(frame.function)
        here, there = shape.positions[first.index], shape.positions[second.index]
        if here.block == there.block and here.offset < there.offset:
            return True
        return there.block in shape.reach(here.block)

    # -- telling --------------------------------------------------------------------------------------------------------------

    def _defect(
        self, event: Event, way: Way, lapse: Lapse, joiner: _Joiner, *, marker: bool = False, never: bool = False
    ) -> MissingTaskDone:
        related = []
        if way.spawn is not None:
            related.append(Place(Role.SPAWNED, "started here", self.survey.actors.place(way.spawn)))
        flight = lapse.flight
        if flight is not None:
            related.append(Place(Role.SKIPS_CLOSE, "may raise: task_done is skipped", flight.frame.op_id(flight.op)))
        elif lapse.kind in ("return", "join") or lapse.op is not event.op:
            related.append(Place(Role.SKIPS_CLOSE, "task_done is skipped", lapse.frame.op_id(lapse.op)))
        related.append(Place(Role.JOINS, "waits here", joiner.frame.op_id(joiner.op)))
        waiting = self.analysis.ways_up(joiner.frame)
        sure = self.channel.home.kind is not HomeKind.OBJECT and not joiner.offered
        return MissingTaskDone(
            channel=self.channel,
            at=event.frame.op_id(event.op),
            function=event.frame.function.id,
            actor=self.survey.actors.kind(self.channel, waiting[0].spawn if waiting else None),
            confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
            related=tuple(related),
            lapse=lapse.kind,
            caught=flight is not None and lapse.kind != "raise",
            marker=marker,
            never=never,
            joiner=joiner.frame.function.id,
            exit=(flight or lapse).frame.function.id,
        )


class _Extra:
    def __init__(self, survey: Survey, channel: Channel, ledger: Ledger) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.channel = channel
        self.ledger = ledger

    def find(self) -> Iterator[ExtraTaskDone]:
        """One defect for each acknowledgement that is surplus."""
        if self.ledger.settles_apart() or self.ledger.takes_apart():
            return
        seen: set[tuple[Frame, Op | None]] = set()
        for frame in self._tops():
            walk = Along(self.analysis, self.ledger, frame)
            for surplus in walk.found if walk.complete else ():
                cause = surplus.refused.op if surplus.refused is not None else None
                key = (surplus.frame, cause)  # a finally has a copy for each way out
                if key not in seen and self._counts(walk, surplus):
                    seen.add(key)
                    yield self._defect(surplus)

    def _tops(self) -> list[Frame]:
        """The frames that take and acknowledge, each as high as the counting has to begin."""
        found: dict[Frame, None] = {}
        for event in self.ledger.dones:
            if not event.sole or not event.call.effect.raises:
                continue  # a surplus one is ignored
            for way in self.analysis.ways_up(event.frame):
                both = [n for n, level in enumerate(way.levels) if level.frame in self.ledger.getters]
                if not both:
                    continue
                top = both[0]
                for position in range(both[0] + 1, len(way.levels)):
                    level = way.levels[position]
                    if self._touches(level.frame, level.op):
                        top = position
                if not any(level.frame.merged for level in way.levels[: top + 1]):
                    found[way.levels[top].frame] = None
        return list(found)

    def _touches(self, frame: Frame, except_for: Op) -> bool:
        """Whether a frame takes or acknowledges by another op."""
        if any(event.frame is frame for event in (*self.ledger.gets, *self.ledger.dones)):
            return True
        touching = self.ledger.getters | self.ledger.doners
        return any(
            index != except_for.index and any(e.kind is EntryKind.CALL and e.callee in touching for e in entries)
            for index, entries in frame.calls.items()
        )

    def _counts(self, walk: Along, surplus: Surplus) -> bool:
        """Whether nothing is taken in batches; a loop that takes nothing is then a retry, unless it walks a container."""
        if walk.most > 1 and self.ledger.in_batches():
            return False
        shape = self.analysis.shapes.of(surplus.frame.function)
        for op in (surplus.op, surplus.earlier):
            free = self.ledger.without_gets(surplus.frame, op) if op is not None and op.index in shape.positions else None
            ends = [shape.blocks[block].terminator for block in free or ()]
            if not all(self._is_range(surplus.frame, end) for end in ends if isinstance(end, ops.Iterate)):
                return False
        return True

    def _is_range(self, frame: Frame, head: ops.Iterate) -> bool:
        shape = self.analysis.shapes.of(frame.function)
        for start in shape.definitions.get(head.iterator, ()):
            for made in shape.definitions.get(start.src, ()) if isinstance(start, ops.IterStart) else ():
                if isinstance(made, ops.Call) and self._names(frame, made.callee) & {"builtins.range", "itertools.count"}:
                    return True
        return False

    def _names(self, frame: Frame, register: int) -> set[str]:
        return {getattr(obj, "dotted", "") for obj in self.analysis.points.holds(frame, register)}

    def _defect(self, surplus: Surplus) -> ExtraTaskDone:
        refused, related = surplus.refused, []
        if refused is not None:
            cause = "cancelled" if refused.cancel else "refused"
            related.append(Place(Role.RECEIVES, "may end without an item", refused.frame.op_id(refused.op)))
        else:
            cause = "repeated"
        ways = self.analysis.ways_up(surplus.frame)
        return ExtraTaskDone(
            channel=self.channel,
            at=surplus.frame.op_id(surplus.op),
            function=surplus.frame.function.id,
            actor=self.survey.actors.kind(self.channel, ways[0].spawn if ways else None),
            confidence=Confidence.MEDIUM if self.channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=tuple(related),
            cause=cause,
        )
