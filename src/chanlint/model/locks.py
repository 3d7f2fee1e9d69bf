"""Finds actors that wait for the other side of a channel while they hold a lock that the other side needs.

Nouns:

* **Holder**: the actor that waits in a send or a receive with the lock in its hands.
* **Other side**: who could end that waiting: every receiver of the channel for a send, every sender for a receive.
* **Need**: where the other side takes the lock before it can come to its next operation on the channel.

Silent unless every one of the other side needs the lock: a single one that does not keeps the program going.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from chanlint.analysis.frames import Frame
from chanlint.analysis.objects import Instance, LibInstance, Obj
from chanlint.analysis.program import Analysis, Way
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ids import OpId
from chanlint.ir.ops import Op
from chanlint.model import capacity
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.holding import Holding
from chanlint.model.senders import Senders
from chanlint.model.survey import Survey

SENDS = (OpKind.SEND, OpKind.SEND_MANY)
WAITS = (OpKind.RECEIVE, OpKind.AWAIT_DRAINED)
ORDERINGS = frozenset({"<", "<=", ">", ">=", "in", "not-in"})

Step = tuple[Frame, Op]


class Waiting(enum.StrEnum):
    """What the holder does."""

    SEND = "send"
    RECEIVE = "receive"
    DRAINED = "drained"  # waits until every item is done
    JOIN = "join"  # waits for an actor's end


WAITING = {OpKind.RECEIVE: Waiting.RECEIVE, OpKind.AWAIT_DRAINED: Waiting.DRAINED, OpKind.JOIN: Waiting.JOIN}


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class OpUnderLock(Defect):
    """A send, receive or ``join()`` of a queue that waits with a lock held.

    Attributes:
        waits: what it does.
        lock: what the source calls the lock.
    """

    waits: Waiting
    lock: str


def find(survey: Survey) -> Iterator[OpUnderLock]:
    """The sends and receives under a lock that the other side needs."""
    finder = _Finder(survey)
    for channel in survey.channels:
        yield from finder.about(channel)


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis: Analysis = survey.analysis
        self.holding = Holding(survey.analysis)
        self.senders = Senders(survey)

    def about(self, channel: Channel) -> Iterator[OpUnderLock]:
        """The defects on one channel."""
        if self.analysis.escapes.of(channel.obj) is not None or not self._is_one(channel.obj):
            return
        fills = self._may_fill(channel)
        told: set[object] = set()  # one operation of a function tells of them all
        for event in channel.events:
            if not event.sole or not event.blocks or event.call.actor is not None:
                continue
            if event.kind not in WAITS and not (event.kind in SENDS and fills):
                continue
            for way in self.analysis.ways_up(event.frame):
                found = self._judge(channel, event, way)
                if found is not None and (found.function, found.waits, found.lock) not in told:
                    told.add((found.function, found.waits, found.lock))
                    yield found
                    break
        yield from self._joins(channel)

    def _joins(self, channel: Channel) -> Iterator[OpUnderLock]:
        """The joins of an actor that needs the lock to come back to its receive, where its end marker waits."""
        for other in channel.events:
            if other.kind is not OpKind.RECEIVE or other.call.actor is not None:
                continue
            for way in self.analysis.ways_up(other.frame):
                handle = way.spawn.actor if way.spawn is not None else None
                for join in self.analysis.by_subject.get(handle, ()) if handle is not None else ():
                    if join.kind is OpKind.JOIN and join.sole and join.blocks:
                        yield from self._join(channel, join, other, way)

    def _join(self, channel: Channel, join: Event, other: Event, way: Way) -> Iterator[OpUnderLock]:
        for holder in self.analysis.ways_up(join.frame):
            steps = _steps(join, holder)
            if holder.top is way.top or any(self.senders.in_scope(frame, op) for frame, op in steps):
                continue
            held = {lock for frame, op in steps for lock in self.holding.held(frame, op) if self._shared(channel, lock)}
            for lock in sorted(held, key=self.analysis.points.heap.order.__getitem__):
                need = self._need(join, other, way, lock)
                if need is not None:
                    yield self._defect(channel, join, holder, lock, [(other, need)])
                    return

    def _may_fill(self, channel: Channel) -> bool:
        """Whether a send may have to wait: the channel is bounded, and takes less than is known to be sent."""
        bound = capacity.of(self.analysis, channel)
        if bound is None or bound.fitted:
            return False
        sent = self.senders.of(channel)
        if channel.home.kind is not HomeKind.CALL or sent is None:
            return True
        load = self.senders.load(channel, sent)
        return load.endless or bound.count.number is None or load.exceeds(bound) is not None

    def _judge(self, channel: Channel, event: Event, way: Way) -> OpUnderLock | None:
        """The defect where the holder comes to ``event`` on ``way``."""
        steps = _steps(event, way)
        if any(self.senders.in_scope(frame, op) for frame, op in steps):
            return None  # it may end by time, or by a cancel
        for frame, op in steps:
            for lock in sorted(self.holding.held(frame, op), key=self.analysis.points.heap.order.__getitem__):
                if not self._shared(channel, lock) or self._checked(channel, frame, op, lock):
                    continue
                needs = self._needs(channel, event, way, lock)
                if needs:
                    return self._defect(channel, event, way, lock, needs)
        return None

    def _defect(self, channel: Channel, event: Event, way: Way, lock: Obj, needs: list[tuple[Event, OpId]]) -> OpUnderLock:
        assert isinstance(lock, LibInstance)
        actor = self.survey.actors.kind(channel, way.spawn)
        related: list[Place] = []
        if way.spawn is not None:
            related.append(Place(Role.SPAWNED, f"{actor} started here", self.survey.actors.place(way.spawn)))
        role, what = (Role.SENDS, "sender") if event.kind is OpKind.RECEIVE else (Role.RECEIVES, "receiver")
        for other, at in needs:
            place = other.frame.op_id(other.op)
            related.append(Place(role, f"this {what} needs the lock", place))
            if at != place:
                related.append(Place(role, "and waits for it here", at))
        return OpUnderLock(
            channel=channel,
            at=event.frame.op_id(event.op),
            function=event.frame.function.id,
            actor=actor,
            confidence=Confidence.MEDIUM if channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=tuple(related),
            waits=WAITING.get(event.kind, Waiting.SEND),
            lock=self.survey.actors.name(lock),
        )

    # -- the holder ---------------------------------------------------------------------------------------------------------

    def _checked(self, channel: Channel, frame: Frame, op: Op, lock: Obj) -> bool:
        """Whether a test under the same lock tells that the operation will not wait: ``while not jobs.empty()``, a counter."""
        shape = self.analysis.shapes.of(frame.function)
        goal = shape.positions[op.index].block
        for block in shape.blocks.values():
            end = block.terminator
            if not isinstance(end, ops.Branch) or lock not in self.holding.held(frame, end):
                continue
            ways = [target for target in (end.true, end.false) if target == goal or goal in shape.reach(target)]
            if ways and self._tells_number(channel, frame, end.condition):
                return True
        return False

    def _tells_number(self, channel: Channel, frame: Frame, register: ops.Register) -> bool:
        """Whether a condition is about how much is in the channel: a poll, a length, a comparison of numbers."""
        shape = self.analysis.shapes.of(frame.function)
        waiting, seen = [register], {register}
        while waiting:
            for made in shape.definitions.get(waiting.pop(), ()):
                read: tuple[ops.Register, ...] = ()
                match made:
                    case ops.Compare():
                        if made.operator in ORDERINGS:
                            return True
                        read = (made.left, made.right)
                    case ops.Call():
                        if not self._is_flag_test(frame, made):
                            return True
                    case ops.Compute():
                        read = made.operands
                    case ops.Copy():
                        read = (made.src,)
                    case ops.LoadAttr():
                        if self._is_counted(frame, made):
                            return True
                waiting.extend(r for r in read if r not in seen)
                seen.update(read)
        return False

    def _is_flag_test(self, frame: Frame, op: ops.Call) -> bool:
        return any(event.kind is OpKind.TEST_FLAG for event in self.analysis.at.get((frame, op.index), ()))

    def _is_counted(self, frame: Frame, load: ops.LoadAttr) -> bool:
        """Whether an attribute holds a number or a collection rather than a state."""
        held = self.analysis.points.holds(frame, load.obj)
        for owner in held:
            for place, store in self.analysis.stores(owner, load.attr):
                made = self.analysis.shapes.of(place.function).definitions.get(getattr(store, "src", -1), ())
                if any(isinstance(each, ops.Compute | ops.Build) for each in made):
                    return True
        return False

    # -- one lock, one channel ----------------------------------------------------------------------------------------------

    def _is_one(self, obj: Obj) -> bool:
        """Whether an object is made once per run of its function, so that whoever holds it holds the same."""
        if not isinstance(obj, LibInstance):
            return False
        shape = self.analysis.shapes.of(obj.maker.function)
        made = shape.by_index.get(obj.site.op)
        return made is not None and not shape.in_loop(made) and not obj.maker.merged

    def _shared(self, channel: Channel, lock: Obj) -> bool:
        """Whether the lock belongs to the channel: it lives in the same call or object, or as long as the program."""
        if not isinstance(lock, LibInstance) or not self._is_one(lock):
            return False
        home = self.survey.lifetimes.home(lock, lock.maker)
        if home.kind is HomeKind.PROGRAM:
            return True
        own = channel.home
        if own.kind is home.kind:
            return home.owner is own.owner if home.kind is HomeKind.OBJECT else home.frame is own.frame
        owner = home.owner
        if (
            own.kind is not HomeKind.CALL
            or not isinstance(owner, Instance)
            or own.frame is None
            or owner.maker is not own.frame
        ):
            return False
        shape = self.analysis.shapes.of(own.frame.function)
        made = shape.by_index.get(owner.site.op)
        return made is not None and not shape.in_loop(made)

    # -- the other side -----------------------------------------------------------------------------------------------------

    def _needs(self, channel: Channel, event: Event, holder: Way, lock: Obj) -> list[tuple[Event, OpId]]:
        """The operations of the other side with the place where each needs the lock; none unless all of them do."""
        wanted = SENDS if event.kind is OpKind.RECEIVE else (OpKind.RECEIVE,)
        found: list[tuple[Event, OpId]] = []
        for other in channel.events:
            if other.kind not in wanted or self._is_filling(channel, other):
                continue
            ways = self.analysis.ways_up(other.frame)
            if other.call.actor is not None or not ways:
                return []
            for way in ways:
                need = None if self._gives_back(event, holder, other, way, lock) else self._need(event, other, way, lock)
                if need is None:
                    return []
                found.append((other, need))
        return list({(id(other), at): (other, at) for other, at in found}.values())

    def _gives_back(self, event: Event, holder: Way, other: Event, way: Way, lock: Obj) -> bool:
        """Whether the same actor does both, as with a pool: what it took it puts back, without anybody else."""
        if way.top is not holder.top:
            return False
        return event.kind is OpKind.RECEIVE or any(lock in self.holding.held(f, op) for f, op in _steps(other, way))

    def _is_filling(self, channel: Channel, event: Event) -> bool:
        """Whether a send stands in the constructor that makes the channel: nobody waits yet, and nobody calls it again."""
        return channel.home.kind is HomeKind.OBJECT and event.frame is channel.maker and event.kind in SENDS

    def _need(self, event: Event, other: Event, way: Way, lock: Obj) -> OpId | None:
        """Where an actor needs the lock to come to ``other``: it holds it there, takes it before, or on the way back."""
        steps = _steps(other, way)
        for frame, op in steps:
            if lock in self.holding.held(frame, op):
                return self._taking(frame, lock, op)
        looped = next((n for n, (f, op) in enumerate(steps) if self.analysis.shapes.of(f.function).in_loop(op)), None)
        if event.kind is not OpKind.JOIN and (looped is None or way.spawn is not None):
            for frame, op in steps:
                if lock in self.holding.taken(frame, op) and not self._starts(frame, event):
                    return self._taking(frame, lock, op)
        if looped is None:
            return None
        for frame, op in steps[: looped + 1]:
            if self.holding.takings(frame, lock) and not self.holding.comes_back_free(frame, op, lock):
                return self._taking(frame, lock, op)
        return None

    def _starts(self, frame: Frame, event: Event) -> bool:
        """Whether ``frame`` starts the holder: what it took before that is over by then."""
        return any(way.spawn is not None and way.spawn.caller is frame for way in self.analysis.ways_up(event.frame))

    def _taking(self, frame: Frame, lock: Obj, op: Op) -> OpId:
        """The op of ``frame`` that takes the lock, the nearest before ``op`` if there is one."""
        takings = self.holding.takings(frame, lock)
        before = [taking for taking in takings if taking.index < op.index]
        return frame.op_id((before or takings or [op])[-1 if before else 0])


def _steps(event: Event, way: Way) -> list[Step]:
    """The op in its function, then the calls above it up to the start of the actor."""
    return [(event.frame, event.op), *((level.frame, level.op) for level in way.levels[1:])]
