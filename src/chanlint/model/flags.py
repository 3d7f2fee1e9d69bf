"""Flags that a consumer's loop reads: an attribute, a variable of another function, an event.

A flag ends a consumer that reads it again and again, because its receive gives up after a time. It does not wake one that waits
without bound.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.analysis.frames import Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import End, Instance, LibInstance, Obj
from chanlint.analysis.program import Analysis
from chanlint.analysis.walk import Response
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.ids import FunctionId
from chanlint.ir.program import FunctionKind
from chanlint.model.barriers import Barriers
from chanlint.model.channel import Consumer, Effectiveness, Ending, Group
from chanlint.model.handling import Handlings
from chanlint.model.lifetime import Lifetimes

Setter = tuple[Frame, ops.Op]
MOST_HOLDERS = 3


class Flags:
    """Looks for what sets flags."""

    def __init__(self, analysis: Analysis, barriers: Barriers, lifetimes: Lifetimes) -> None:
        self.analysis = analysis
        self.barriers = barriers
        self.lifetimes = lifetimes
        self.handlings = Handlings(analysis)

    def of(self, response: Response) -> list[tuple[object, str]]:
        """The flags that a loop reads, with their owners, in an order that is the same in every run."""
        order = self.analysis.points.heap.order

        def place(flag: tuple[object, str]) -> tuple[str, int, str]:
            owner, name = flag
            return (name, order[owner], "") if isinstance(owner, Obj) else (name, -1, str(owner))

        return sorted(response.flags, key=place)

    def sets(self, owner: object, name: str) -> list[Setter]:
        """Where a flag is set after it was made."""
        if name == "<set>" and isinstance(owner, LibInstance | Instance | End):
            events = self.analysis.by_subject.get(channel_of(owner) or owner, ())
            return [(event.frame, event.op) for event in events if event.kind is OpKind.SET_FLAG]
        return [
            (frame, op)
            for frame, op in self.analysis.stores(owner, name)
            if frame.function.name not in ("__init__", "__new__", "__post_init__") and frame.function.kind != "class"
        ]

    def unread(self, group: Group, consumer: Consumer, response: Response) -> Iterator[Ending]:
        """Flags of a loop whose receive waits without bound: setting one does not wake it."""
        own = {level.frame for level in consumer.way.levels}
        by_item = "what an item makes it do may set the flag"
        for owner, name in self.of(response):
            places = [
                (frame, op)
                for frame, op in self.sets(owner, name)
                if frame not in own and not self.is_first_state(group, frame, op)
            ]
            if not places and self.handlings.hands_to_item(consumer, owner):
                at = consumer.event
                yield Ending("flag", Effectiveness.POSSIBLE, at.frame, at.op, by_item, response=response)
            for frame, op in places:
                if self.handlings.may_set(consumer, owner, frame):
                    yield Ending("flag", Effectiveness.POSSIBLE, frame, op, by_item, response=response)
                else:
                    why = "the flag is read again only after another item"
                    yield Ending("flag", Effectiveness.FAILS, frame, op, why, response=response)

    def polled(self, group: Group, consumer: Consumer, response: Response) -> Iterator[Ending]:
        """Flags of a loop whose receive gives up after a time: setting one ends it, unless it reads a copy."""
        places = [(owner, place) for owner, name in self.of(response) for place in self.sets(owner, name)]
        for owner, (frame, op) in places:
            if self.barriers.is_copied(group, consumer, owner, frame):
                if frame.function.kind == "module" or self.is_first_state(group, frame, op):
                    continue
                why = "the process has a copy of the flag that nobody sets"
                yield Ending("copy", Effectiveness.FAILS, frame, op, why, response=response)
            else:
                yield Ending("flag", Effectiveness.ENDS, frame, op, "a flag that the loop reads again", response=response)
        if not places and self._are_open(response):
            at = consumer.event
            yield Ending("flag", Effectiveness.POSSIBLE, at.frame, at.op, "a flag that others may set", response=response)

    def is_first_state(self, group: Group, frame: Frame, op: ops.Op) -> bool:
        """Whether a flag is set before the consumer starts."""
        spawn = group.spawn
        if spawn is None or frame is not spawn.caller or spawn.op is None:
            return False
        return not follows(self.analysis, frame, spawn.op, op)

    def _are_open(self, response: Response) -> bool:
        """Whether code that is not analysed could set one of the flags."""
        for owner, name in self.of(response):
            if isinstance(owner, FunctionId):
                continue  # a variable: all its stores were seen
            if not isinstance(owner, LibInstance):
                if isinstance(owner, Instance) and (name.startswith("_") or self._is_local(owner)):
                    continue
                return True
            if self.analysis.escapes.of(owner) is not None:
                return True
            if self._is_in_reach(owner):
                return True
        return False

    def _is_in_reach(self, held: Obj, depth: int = 0) -> bool:
        """Whether other code can get at an object through the open attributes of what holds it."""
        return any(
            isinstance(holder, Instance) and not name.startswith("_") and not self._is_local(holder, depth + 1)
            for holder, name in self.analysis.escapes.holders(held)
        )

    def _is_local(self, holder: Instance, depth: int = 0) -> bool:
        """Whether an object is made in a function here and no other code gets hold of it."""
        made_in = holder.maker.function.kind if holder.maker is not None and not holder.synthetic else None
        if made_in in (None, FunctionKind.MODULE, FunctionKind.CLASS) or depth > MOST_HOLDERS:
            return False
        if self.analysis.escapes.of(holder) is not None or self.lifetimes.is_live(holder):
            return False
        return not self._is_in_reach(holder, depth)


def follows(analysis: Analysis, frame: Frame, first: ops.Op, second: ops.Op) -> bool:
    """Whether ``second`` can run after ``first`` in one run of ``frame``."""
    shape = analysis.shapes.of(frame.function)
    one, two = shape.positions[first.index], shape.positions[second.index]
    return (one.block == two.block and one.offset < two.offset) or two.block in shape.reach(one.block)
