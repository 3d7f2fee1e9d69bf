"""What a consumer runs while it handles an item: a flag that is set there is read again at once.

Nouns:

* **Handling**: the functions that a consumer calls, directly or through others.
* **Quitting**: an exception of the program that leaves the loop by an ``except`` of its own, and that the handling may raise.
* **Dispatch**: a call in the handling that the item chooses: the item itself, an element of a table that it is a key of, one of
  its methods that is given the owner of the flag. Nobody here knows all that it may reach.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import ClassRef
from chanlint.analysis.parameters import behind, given
from chanlint.analysis.program import Analysis, Way
from chanlint.ir import ops
from chanlint.ir.operands import operands
from chanlint.ir.ops import Register, Variable
from chanlint.ir.program import FunctionKind
from chanlint.model.channel import Consumer
from chanlint.model.coverage import TEARDOWN

MOST_HANDLING = 200

Cell = Register | Variable


class Handlings:
    """Answers whether the handling of an item may set a flag."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._reached: dict[Consumer, set[Frame]] = {}
        self._dispatches: dict[tuple[Consumer, object, bool], bool] = {}

    def may_set(self, consumer: Consumer, owner: object, setter: Frame) -> bool:
        """Whether ``setter``, which sets a flag of ``owner``, is known to run in no other way than while an item is handled."""
        reached = self._frames(consumer)
        if setter not in reached and not self._dispatches_to(consumer, owner):
            return False
        return not any(self._is_elsewhere(way, reached) for way in self.analysis.ways_up(setter))

    def quits(self, consumer: Consumer) -> tuple[Frame, ops.Catch] | None:
        """The ``except`` by which an exception that is raised while an item is handled leads out of the loop."""
        for position, level in enumerate(consumer.way.levels):
            goal = level.op if position else consumer.event.op
            shape = self.analysis.shapes.of(level.frame.function)
            if goal.index not in shape.positions:
                continue
            back = shape.positions[goal.index].block
            for block in sorted(shape.loop(goal) | {back}):
                handler = shape.blocks[block].handler
                while handler >= 0 and isinstance(end := shape.blocks[handler].terminator, ops.Catch):
                    leaves = end.matched != back and back not in shape.reach(end.matched)
                    if leaves and self._may_raise(consumer, set(self._own_classes(level.frame, end))):
                        return level.frame, end
                    handler = end.unmatched
        return None

    def _own_classes(self, frame: Frame, catch: ops.Catch) -> Iterator[str]:
        """The classes of the program that an ``except`` names."""
        for register in catch.types:
            yield from (str(obj.cls) for obj in self.analysis.points.spread(frame, register) if isinstance(obj, ClassRef))

    def _may_raise(self, consumer: Consumer, names: set[str]) -> bool:
        if not names:
            return False
        for frame in self._frames(consumer):
            for op in frame.function.cfg.ops():
                if isinstance(op, ops.Raise) and not names.isdisjoint(self.analysis.raises.names(frame, op)):
                    return True
        return self._dispatches_to(consumer, None)

    def _is_elsewhere(self, way: Way, reached: set[Frame]) -> bool:
        """Whether a way leads to somebody else who runs it: an actor, a program, who tears an object down."""
        if any(level.frame in reached for level in way.levels):
            return False
        top = way.top.function
        if way.spawn is not None or way.start is None or way.start.kind is EntryKind.LATER or top.name in TEARDOWN:
            return True
        return top.kind is FunctionKind.MODULE or (way.top.receiver is None and way.top.parent is None)

    def _frames(self, consumer: Consumer) -> set[Frame]:
        known = self._reached.get(consumer)
        if known is None:
            known = self._reached[consumer] = set()
            waiting = [level.frame for level in consumer.way.levels]
            while waiting and len(known) < MOST_HANDLING:
                frame = waiting.pop()
                if frame not in known:
                    known.add(frame)
                    waiting.extend(callee for _, callee in _entered(frame))
        return known

    def hands_to_item(self, consumer: Consumer, owner: object) -> bool:
        """Whether a method of the item, whatever it is, is given ``owner``: ``task.run(self)``."""
        return self._dispatches_to(consumer, owner, by_method=True)

    def _dispatches_to(self, consumer: Consumer, owner: object, *, by_method: bool = False) -> bool:
        """Whether the handling has a dispatch that may get at ``owner``, or one at all where that is None."""
        key = (consumer, owner, by_method)
        known = self._dispatches.get(key)
        if known is None:
            known = self._dispatches[key] = self._is_dispatched(consumer, owner, by_method=by_method)
        return known

    def _is_dispatched(self, consumer: Consumer, owner: object, *, by_method: bool) -> bool:
        """Follows the item through the handling, to a call that it chooses."""
        given_to: dict[Frame, set[Cell]] = {}
        waiting: list[Frame] = []
        for position, level in enumerate(consumer.way.levels):
            op = level.op if position else consumer.event.op
            dst = getattr(op, "dst", None)
            if dst is not None:
                given_to[level.frame] = {dst}
                waiting.append(level.frame)
        steps = 0
        while waiting and steps < MOST_HANDLING:
            steps += 1
            frame = waiting.pop()
            cells = self._spread(frame, given_to[frame])
            called = (op for op in frame.function.cfg.ops() if isinstance(op, ops.Call))
            if any(self._is_chosen(frame, op, cells, owner, by_method=by_method) for op in called):
                return True
            for index, callee in _entered(frame):
                more = set(self._handed(frame, index, callee, cells)) - given_to.get(callee, set())
                if more:
                    given_to.setdefault(callee, set()).update(more)
                    waiting.append(callee)
        return False

    def _spread(self, frame: Frame, cells: set[Cell]) -> set[Cell]:
        """The registers and variables of a frame that are made of what ``cells`` hold."""
        found, before = set(cells), -1
        while len(found) > before:
            before = len(found)
            for op in frame.function.cfg.ops():
                if isinstance(op, ops.LoadVar):
                    if op.var in found:
                        found.add(op.dst)
                elif any(register in found for register in operands(op)):
                    to: Cell | None = op.var if isinstance(op, ops.StoreVar) else getattr(op, "dst", None)
                    if to is not None:
                        found.add(to)
        return found

    def _handed(self, frame: Frame, index: int, callee: Frame, cells: set[Cell]) -> Iterator[Variable]:
        """The parameters of ``callee`` that are given something made of the item."""
        op = self.analysis.shapes.of(frame.function).by_index.get(index)
        call = behind(self.analysis, frame, op) if op is not None else None
        for param in callee.function.params if call is not None else ():
            var = Variable(callee.function.id, param.name)
            if call is not None and given(self.analysis, frame, call, callee, var) in cells:
                yield var

    def _is_chosen(self, frame: Frame, op: ops.Call, cells: set[Cell], owner: object, *, by_method: bool) -> bool:
        """Whether the item says what is called here, and that may get at the owner of the flag."""
        if op.callee not in cells or frame.lib_calls.get(op.index):
            return False
        loads = self.analysis.shapes.of(frame.function).definitions.get(op.callee, [])
        if not any(isinstance(load, ops.LoadAttr) for load in loads):
            return not by_method
        arguments = [argument.value for argument in op.args]
        return any(
            (register in cells and not by_method)
            or any((channel_of(obj) or obj) is owner for obj in self.analysis.points.holds(frame, register))
            for register in arguments
        )


def _entered(frame: Frame) -> Iterator[tuple[int, Frame]]:
    for index, entries in frame.calls.items():
        yield from ((index, entry.callee) for entry in entries if entry.kind is EntryKind.CALL)
