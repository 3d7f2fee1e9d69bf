"""Finds channels that are filled beyond their capacity before any consumer can run: the very send hangs.

Nouns:

* **Start**: an op after which somebody may take items out: the spawn of a reader, or a receive in the same actor.
* **Head**: the sends of one function that no start can come before.

Counted is what one actor sends on one way through the code; counts are symbolic, so that ``Queue(len(rows))`` holds one item
for each row and not one more. A method that fills the channel and then starts its reader is also asked what it does when
another method has put an item before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.multiplicity import ONE
from chanlint.analysis.objects import Instance
from chanlint.catalogue.schema import OpKind
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir.ids import OpId
from chanlint.ir.ops import Op
from chanlint.model import capacity
from chanlint.model.capacity import Capacity
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.senders import Sender, Senders, Steps
from chanlint.model.survey import Survey

CONSTRUCTORS = frozenset({"__init__", "__post_init__", "__new__"})


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Overfilled(Defect):
    """A send that can never be served, because whoever reads is started only after it.

    Attributes:
        capacity: how many items fit.
        surplus: by how many items at least it is too many.
        own: the same function receives later (else it starts a reader later).
        earlier: a method that may have put an item before, None where the sends alone are too many.
    """

    capacity: Capacity
    surplus: int
    own: bool
    earlier: str | None = None


def find(survey: Survey) -> Iterator[Overfilled]:
    """Every channel that is filled too much before anybody reads, in the order of discovery."""
    senders = Senders(survey)
    for channel in survey.channels:
        if channel.home.kind is HomeKind.PROGRAM or survey.analysis.escapes.of(channel.obj) is not None:
            continue
        bound = capacity.of(survey.analysis, channel)
        sent = senders.of(channel) if bound is not None else None
        if bound is not None and sent:
            yield from _Case(survey, senders, channel, bound, sent).judge()


@dataclass(slots=True)
class _Case:
    survey: Survey
    senders: Senders
    channel: Channel
    bound: Capacity
    sent: list[Sender]

    def judge(self) -> Iterator[Overfilled]:
        """The findings about one channel: at most one for each function that fills it."""
        if not any(event.kind is OpKind.RECEIVE for event in self.channel.events):
            return  # nobody reads at all: that is told of the producer
        home = self.channel.home
        if home.kind is HomeKind.CALL and home.frame is not None:
            yield from self._filled_in(home.frame)
        elif isinstance(home.owner, Instance):
            for frame in self.survey.analysis.points.frames:
                if frame.receiver is home.owner and frame.function.cls is not None and self._is_outermost(frame, home.owner):
                    yield from self._filled_in(frame, needs_start=frame.function.name not in CONSTRUCTORS)

    def _is_outermost(self, frame: Frame, owner: Instance) -> bool:
        """Whether a method is not only a helper of other methods of the same object."""
        inner = [entry for entry in frame.entries if entry.kind is EntryKind.CALL and entry.caller is not None]
        return len(inner) < len(frame.entries) or not all(e.caller is not None and e.caller.receiver is owner for e in inner)

    def _filled_in(self, frame: Frame, *, needs_start: bool = False) -> Iterator[Overfilled]:
        """``needs_start``: what is sent counts only where the same function starts a reader after it."""
        starts = self._starts(frame)
        head = self._head(frame, starts)
        if not head or (needs_start and not starts):
            return
        load = self.senders.longest([sender.steps(frame) for sender in head])
        surplus = load.exceeds(self.bound)
        if surplus is not None:
            yield self._tell(head, starts, surplus, None)
        elif needs_start and not load.endless and (more := (load + ONE).exceeds(self.bound)) is not None:
            earlier = self._may_come_before(frame)  # what fits by itself, and not after one more
            if earlier is not None:
                yield self._tell(head, starts, more, earlier)

    def _starts(self, frame: Frame) -> list[Steps]:
        """The ways from a function down to the ops that may start a reader, or receive."""
        found: list[Steps] = []
        for event in self.channel.events:
            if event.kind not in (OpKind.RECEIVE, OpKind.CLOSE):
                continue
            if event.call.actor is not None:  # the bound method itself is handed to a spawner
                found += self._down(frame, event.call.frame, event.call.op)
                continue
            for way in self.survey.analysis.ways_up(event.frame):
                if any(level.frame is frame for level in way.levels):
                    found += self._down(frame, event.frame, event.op)
                elif way.spawn is not None and way.spawn.caller is not None and way.spawn.op is not None:
                    found += self._down(frame, way.spawn.caller, way.spawn.op)
        return list(dict.fromkeys(found))

    def _down(self, top: Frame, frame: Frame, op: Op) -> list[Steps]:
        """The ways from ``top`` down to an op, as the ops by which each function is left."""
        found: list[Steps] = []
        for way in self.survey.analysis.ways_up(frame):
            steps = [(frame, op)]
            for level in way.levels[1:]:
                if steps[-1][0] is top:
                    break
                steps.append((level.frame, level.op))
            if steps[-1][0] is top:
                found.append(tuple(reversed(steps)))
        return found

    def _head(self, frame: Frame, starts: Sequence[Steps]) -> list[Sender]:
        """The sends of this actor below ``frame`` that no start can come before."""
        return [
            sender
            for sender in self.sent
            if any(level.frame is frame for level in sender.way.levels)
            and not any(self._may_precede(start, sender.steps(frame)) for start in starts)
        ]

    def _may_precede(self, start: Steps, send: Steps) -> bool:
        """Whether a start can come before a send in one run of the function that both begin in."""
        for (frame, first), (_, second) in zip(start, send, strict=False):
            shape = self.survey.analysis.shapes.of(frame.function)
            if first is second:
                if shape.in_loop(first):
                    return True  # the second time round
                continue
            return shape.can_follow(second, first)
        return True

    def _may_come_before(self, starter: Frame) -> tuple[Sender, Frame, Confidence] | None:
        """A send in another method that somebody calls first; less sure where nobody here calls either of the two."""
        offered = None
        for sender in self.sent:
            methods = [level.frame for level in sender.way.levels if level.frame.receiver is starter.receiver]
            if sender.spawn is not None or not methods or starter in methods:
                continue
            name = methods[-1].function.name
            if name.startswith("_") or self._starts(methods[-1]):
                continue
            if self._is_called_first(sender, starter):
                return sender, methods[-1], Confidence.MEDIUM
            if methods[-1] is sender.way.top and offered is None:
                offered = sender, methods[-1], Confidence.LOW
        return offered

    def _is_called_first(self, sender: Sender, starter: Frame) -> bool:
        """Whether some function calls what sends, and only after that what starts the reader."""
        before = {level.frame: level.op for level in sender.way.levels[1:]}
        for way in self.survey.analysis.ways_up(starter):
            for frame, op in way.levels[1:]:
                if frame in before and before[frame] is not op:
                    shape = self.survey.analysis.shapes.of(frame.function)
                    return shape.can_follow(op, before[frame]) and not shape.can_follow(before[frame], op)
        return False

    def _tell(
        self,
        head: Sequence[Sender],
        starts: Sequence[Steps],
        surplus: int,
        earlier: tuple[Sender, Frame, Confidence] | None,
    ) -> Overfilled:
        shapes = self.survey.analysis.shapes
        sender = next((each for each in head if shapes.of(each.frame.function).in_loop(each.op)), head[-1])
        related = []
        if earlier is not None:
            related.append(Place(Role.SENDS, "an item may have been put here before", earlier[0].at))
        own = bool(starts)
        for steps in starts:
            at, op = steps[-1]
            receives = any(e.frame is at and e.op is op and e.kind is OpKind.RECEIVE for e in self.channel.events)
            own = own and receives
            does = "receives only here" if receives else "its reader is started only here"
            related.append(Place(Role.RECEIVES if receives else Role.SPAWNED, does, OpId(at.function.id, op.index)))
        sure = Confidence.MEDIUM if self.channel.home.kind is HomeKind.OBJECT else Confidence.HIGH
        return Overfilled(
            channel=self.channel,
            at=sender.at,
            function=sender.frame.function.id,
            actor="caller",
            confidence=earlier[2] if earlier is not None else sure,
            related=tuple(related),
            capacity=self.bound,
            surplus=surplus,
            own=own,
            earlier=earlier[1].function.name if earlier is not None else None,
        )
