"""Who may wait in a send, how much they send, and what lets them go on.

Nouns:

* **Sender**: a blocking send in one actor, with the way from the send up to the start of the actor.
* **Release**: an op that lets a sender go on for good: whatever takes items out of the channel, closes it or its receive end,
  or cancels the sender.

A send that gives up after a time, and one in a scope that somebody may cancel, waits for nobody and is no sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.multiplicity import Count
from chanlint.analysis.objects import End, Obj
from chanlint.analysis.program import Analysis, Way
from chanlint.analysis.recognise import Event
from chanlint.analysis.shape import Shape
from chanlint.catalogue.schema import Category, OpKind
from chanlint.ir import ops
from chanlint.ir.ids import BlockId, OpId
from chanlint.ir.ops import Op
from chanlint.model.capacity import Load
from chanlint.model.channel import Channel, Effectiveness, Ending, HomeKind
from chanlint.model.survey import Survey

KILLABLE = frozenset({"task", "greenlet", "process"})
Steps = tuple[tuple[Frame, Op], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sender:
    """A blocking send in one actor; ``frame`` and ``op`` are where a reader of the source sees it."""

    event: Event
    way: Way
    actor: str
    frame: Frame
    op: Op

    @property
    def at(self) -> OpId:
        """The send, outside the methods of the channel's own class."""
        return self.frame.op_id(self.op)

    @property
    def spawn(self) -> Entry | None:
        """The edge that started its actor, None for a caller."""
        return self.way.spawn

    def steps(self, top: Frame | None = None) -> Steps:
        """From the outermost frame (or ``top``) down to the send, the op by which each is left."""
        found = [(self.event.frame, self.event.op)]
        for level in self.way.levels[1:]:
            if found[-1][0] is top:
                break
            found.append((level.frame, level.op))
        return tuple(reversed(found))


class Senders:
    """Answers about the senders of channels."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis: Analysis = survey.analysis

    def of(self, channel: Channel) -> list[Sender] | None:
        """The senders of a channel; None where some send is not understood."""
        found: list[Sender] = []
        for event in channel.events:
            if event.kind not in (OpKind.SEND, OpKind.SEND_MANY) or not event.blocks:
                continue
            if not event.sole or event.call.actor is not None:
                return None
            for way in self.analysis.ways_up(event.frame):
                if not any(self.in_scope(level.frame, event.op if not i else level.op) for i, level in enumerate(way.levels)):
                    frame, op = event.frame, event.op
                    for level in way.levels[1:]:
                        if frame.receiver is not channel.obj:
                            break
                        frame, op = level.frame, level.op
                    found.append(Sender(event, way, self.survey.actors.kind(channel, way.spawn), frame, op))
        return found

    def in_scope(self, frame: Frame, op: Op) -> bool:
        """Whether an op stands in a scope that may end it: a timeout, a cancel scope."""
        shape = self.analysis.shapes.of(frame.function)
        for index, region in shape.regions.items():
            enter = shape.by_index[index]
            if op.index in region and isinstance(enter, ops.Enter):
                held = self.analysis.points.holds(frame, enter.manager)
                if any(recognise.category_of(self.analysis.points, obj) is Category.SCOPE for obj in held):
                    return True
        return False

    # -- releases -----------------------------------------------------------------------------------------------------------

    def releases(
        self, channel: Channel, senders: Sequence[Sender], besides: frozenset[Frame] = frozenset(), *, reading: bool = True
    ) -> dict[Frame, set[int]]:
        """For each frame the ops by which senders are released.

        What happens in the frames ``besides`` does not count, nor do receives without ``reading``.
        """
        found: list[Ending] = []
        for event in channel.events:
            own = isinstance(event.handle, End) and event.handle.role == "receive"
            wakes = event.kind is OpKind.CLOSE and (own or event.call.effect.wakes == "all")
            if ((event.kind is OpKind.RECEIVE and reading) or wakes) and event.frame not in besides:
                found.append(self._release(event))
        for subject in {s: None for sender in senders for s in self.subjects(sender)}:
            for event in self.analysis.by_subject.get(subject, ()):
                if event.kind is OpKind.CANCEL or (
                    event.kind is OpKind.JOIN and isinstance(event.op, ops.Exit) and event.op.raising
                ):
                    found.append(self._release(event))
        return self.survey.coverages.covering(found)

    def _release(self, event: Event) -> Ending:
        return Ending("release", Effectiveness.POSSIBLE, event.frame, event.op, "lets its senders go on", event)

    def answers(self, sender: Sender) -> bool:
        """Whether a sender sends one item for each that it is sent by a caller: as many as are asked for."""
        shape = self.analysis.shapes.of(sender.frame.function)
        turn = shape.loop(sender.op)
        for index in sender.frame.function.cfg.ops():
            events = self.analysis.at.get((sender.frame, index.index), ())
            if events and shape.positions[index.index].block in turn:
                asked = [e.subject for e in events if e.kind is OpKind.RECEIVE and e.subject is not sender.event.subject]
                if any(self._is_sent_by_caller(subject) for subject in asked):
                    return True
        return False

    def _is_sent_by_caller(self, channel: Obj) -> bool:
        sends = [e for e in self.analysis.by_subject.get(channel, ()) if e.kind in (OpKind.SEND, OpKind.SEND_MANY)]
        return any(way.spawn is None for event in sends for way in self.analysis.ways_up(event.frame))

    def subjects(self, sender: Sender) -> list[Obj]:
        """What can be cancelled to end a sender: its actor, the groups and scopes that it belongs to."""
        spawn = sender.spawn
        if spawn is None or sender.actor not in KILLABLE:
            return []
        found = [spawn.actor] if spawn.actor is not None else []
        if spawn.caller is not None and spawn.op is not None:
            for call in spawn.caller.lib_calls.get(spawn.op.index, ()):
                owner = channel_of(call.receiver)
                if owner is not None and call.effect.op is OpKind.SPAWN:
                    if recognise.category_of(self.analysis.points, owner) in (Category.GROUP, Category.SCOPE):
                        found.append(owner)
        return found

    def out_of_sight(self, senders: Sequence[Sender]) -> bool:
        """Whether unknown code may cancel one of the senders."""
        return any(self.analysis.escapes.of(subject) is not None for sender in senders for subject in self.subjects(sender))

    # -- how much -----------------------------------------------------------------------------------------------------------

    def load(self, channel: Channel, senders: Sequence[Sender], run: Frame | None = None) -> Load:
        """How many items are sent at most, per run of the channel's home (or of another function that it lives in)."""
        home = run or channel.home.frame
        total = Load()
        by_actor: dict[object, list[Sender]] = {}
        for sender in senders:
            spawn = sender.spawn
            by_actor.setdefault((spawn.caller, spawn.op, spawn.callee) if spawn else sender.way.top, []).append(sender)
        for sent in by_actor.values():
            spawn = sent[0].spawn
            each = self.longest([sender.steps(None if spawn else home) for sender in sent])
            if channel.home.kind is HomeKind.OBJECT and self._is_offered(sent[0].way, channel.home.owner):
                each = Load(many=True)
            if spawn is not None and spawn.caller is not None and spawn.op is not None:
                each = _times(each, self.survey.actors.times(spawn.caller, spawn.op, home))
            total = _plus(total, each)
        return total

    def _is_offered(self, way: Way, owner: Obj | None) -> bool:
        """Whether a way starts in a method of ``owner`` that unknown code calls as often as it likes."""
        if way.start is None or way.start.kind is not EntryKind.ROOT or owner is None or way.top.receiver is not owner:
            return False
        return not way.top.function.name.startswith("__")

    def longest(self, ways: Sequence[Steps]) -> Load:
        """The most sends on one way through the code, without exceptions; ``ways`` lead to the sends."""
        best = Load()
        for frame in {steps[0][0]: None for steps in ways}:
            shape = self.analysis.shapes.of(frame.function)
            inner: dict[Op, list[Steps]] = {}
            for steps in ways:
                if steps[0][0] is frame:
                    inner.setdefault(steps[0][1], []).append(steps[1:])
            chains: dict[Op, Load] = {}
            for op in sorted(inner, key=lambda each: each.index):
                below = self.longest([rest for rest in inner[op] if rest]) if all(inner[op]) else Load(1)
                own = _times(below, self.analysis.counts.of(frame, op))
                before = max((load for other, load in chains.items() if follows(shape, other, op)), key=_size, default=Load())
                chains[op] = _plus(before, own)
            best = max([best, *chains.values()], key=_size)
        return best


def follows(shape: Shape, first: Op, second: Op) -> bool:
    """Whether ``second`` comes after ``first`` on some way without exceptions and without starting a loop anew."""
    one, two = shape.positions[first.index], shape.positions[second.index]
    if one.block == two.block:
        return one.offset < two.offset
    return two.block in forward(shape, one.block)


def forward(shape: Shape, block: BlockId) -> set[BlockId]:
    """The blocks that follow ``block`` without an exception and without starting a loop anew."""
    seen: set[BlockId] = set()
    waiting = [block]
    while waiting:
        current = waiting.pop()
        for target in shape.normal_targets(current):
            for each in (target,) if not _goes_back(shape, current, target) else _exits(shape, target):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
    return seen


def _goes_back(shape: Shape, source: BlockId, target: BlockId) -> bool:
    return shape.listing[target][0].index <= shape.blocks[source].terminator.index


def _exits(shape: Shape, head: BlockId) -> list[BlockId]:
    """Where the loop that starts at ``head`` goes on after it."""
    before: dict[BlockId, list[BlockId]] = {}
    for block in shape.blocks:
        for target in shape.normal_targets(block):
            before.setdefault(target, []).append(block)
    body = {head}
    waiting = [block for block in before.get(head, ()) if _goes_back(shape, block, head)]
    while waiting:
        current = waiting.pop()
        if current not in body:
            body.add(current)
            waiting.extend(before.get(current, ()))
    return [target for block in sorted(body) for target in shape.normal_targets(block) if target not in body]


def _size(load: Load) -> tuple[bool, bool, int]:
    return load.many, load.expression is not None, load.number


def _times(load: Load, count: Count) -> Load:
    if count.number is not None:
        return (
            Load(load.number * count.number, load.expression, load.many)
            if count.number == 1 or load.expression is None
            else Load(many=True)
        )
    if load == Load(1):
        return Load() + count
    return load if load == Load() else Load(many=True)


def _plus(one: Load, other: Load) -> Load:
    if one.expression is not None and other.expression is not None:
        return Load(one.number + other.number, one.expression, True)
    return Load(one.number + other.number, one.expression or other.expression, one.many or other.many)
