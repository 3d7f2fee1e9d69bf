"""How often an op runs per run of its function: once, a known number of times, as often as some expression says, or many.

Loops are never unrolled. Two counts are compared only where both are numbers or both hang on the same expression
(``range(n)`` here and there, or a list filled in one loop and walked in another).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chanlint.analysis.frames import Frame
from chanlint.analysis.objects import Const, Container, LibName, Obj
from chanlint.ir import ops
from chanlint.ir.ops import Op, Register

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis


@dataclass(frozen=True, slots=True)
class Count:
    """A number, an expression's name, or (both None) many."""

    number: int | None = None
    expression: object = None

    @property
    def is_many(self) -> bool:
        """Whether nothing is known but that it may be more than one."""
        return self.number is None and self.expression is None

    def falls_short_of(self, other: Count) -> int | None:
        """By how much this is less than ``other``, where that is known and the difference is positive."""
        if self.number is not None and other.number is not None:
            return other.number - self.number if other.number > self.number else None
        if isinstance(self.expression, tuple) and self.expression[:2] == ("less", other.expression):
            return int(self.expression[2])
        return None

    def __mul__(self, other: Count) -> Count:
        if self.number == 1:
            return other
        if other.number == 1:
            return self
        if self.number is not None and other.number is not None:
            return Count(self.number * other.number)
        return MANY


ONE = Count(1)
MANY = Count()


class Counts:
    """Counts ops."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def of(self, frame: Frame, op: Op) -> Count:
        """How often ``op`` runs per run of ``frame``."""
        shape = self.analysis.shapes.of(frame.function)
        if not shape.in_loop(op):
            return ONE
        heads = shape.loop_heads(op)
        found = ONE
        for head in heads:
            found = found * self._iterations(frame, head)
        if not heads:
            return MANY  # a while loop
        inside_while = any(
            isinstance(shape.blocks[block].terminator, ops.Branch)
            and any(target not in shape.loop(op) for target in shape.normal_targets(block))
            for block in shape.loop(op)
        )
        return MANY if inside_while else found

    def _iterations(self, frame: Frame, head: ops.Iterate) -> Count:
        shape = self.analysis.shapes.of(frame.function)
        for start in shape.definitions.get(head.iterator, ()):
            if isinstance(start, ops.IterStart):
                return self.length(frame, start.src)
        return MANY

    def length(self, frame: Frame, register: Register) -> Count:
        """How many elements an iterable has."""
        shape = self.analysis.shapes.of(frame.function)
        for made in shape.definitions.get(register, ()):
            match made:
                case ops.Call():
                    return self._call(frame, made)
                case ops.Build() if not made.starred:
                    held = self.analysis.points.holds(frame, register)
                    if held and self._filled(held[0]):
                        return self._container(held[0])
                    return Count(len(made.items))
                case ops.Compute(operator="*", operands=(left, right)):
                    return self._product(frame, left, right)
                case ops.LoadVar() | ops.LoadAttr():
                    held = self.analysis.points.holds(frame, register)
                    if isinstance(made, ops.LoadVar) and self._is_param(frame, made):
                        return self._expression(frame, register)
                    if len(held) == 1 and isinstance(held[0], Container):
                        return self._container(held[0])
                    return self._expression(frame, register)
        return MANY

    def _is_param(self, frame: Frame, load: ops.LoadVar) -> bool:
        return load.var.owner == frame.function.id and load.var.name in {param.name for param in frame.function.params}

    def _product(self, frame: Frame, left: Register, right: Register) -> Count:
        for first, second in ((left, right), (right, left)):
            held = self.analysis.points.holds(frame, first)
            if held and isinstance(held[0], Container):
                return self.length(frame, first) * self._expression(frame, second)
        return MANY

    def _call(self, frame: Frame, op: ops.Call) -> Count:
        for callee in self.analysis.points.holds(frame, op.callee):
            if not isinstance(callee, LibName):
                continue
            if callee.dotted == "builtins.range" and len(op.args) == 1:
                return self._expression(frame, op.args[0].value)
            if callee.dotted in ("builtins.enumerate", "builtins.list", "builtins.tuple", "builtins.reversed") and op.args:
                return self.length(frame, op.args[0].value)
        return MANY

    def _expression(self, frame: Frame, register: Register) -> Count:
        shape = self.analysis.shapes.of(frame.function)
        for made in shape.definitions.get(register, ()):
            match made:
                case ops.Const(value=int() as value):
                    return Count(int(value))
                case ops.LoadVar(var=var) if self._is_param(frame, made):
                    return Count(expression=("variable", var)) if not self.analysis.writes_of(var) else MANY
                case ops.LoadVar(var=var):
                    held = self.analysis.points.holds(frame, register)
                    numbers = [obj.value for obj in held if isinstance(obj, Const)]
                    if self.analysis.writes_of(var) == 1 and len(held) == 1 and numbers and isinstance(numbers[0], int):
                        return Count(int(numbers[0]))
                    if self.analysis.writes_of(var) <= 1:
                        return Count(expression=("variable", var))
                case ops.LoadAttr(obj=base, attr=attr):
                    held = self.analysis.points.holds(frame, register)
                    owners = self.analysis.points.holds(frame, base)
                    return Count(expression=("attribute", owners[0] if len(owners) == 1 else None, attr, len(held)))
                case ops.Compute(operator="-" | "+" as sign, operands=(left, right)):
                    return self._sum(self._expression(frame, left), self._expression(frame, right), sign)
                case ops.Call(args=(only,)):
                    callees = self.analysis.points.holds(frame, made.callee)
                    if any(isinstance(c, LibName) and c.dotted == "builtins.len" for c in callees):
                        return self.length(frame, only.value)
        return MANY

    def _sum(self, left: Count, right: Count, sign: str) -> Count:
        if left.number is not None and right.number is not None:
            return Count(max(0, left.number - right.number if sign == "-" else left.number + right.number))
        if sign == "-" and left.expression is not None and right.number:
            return Count(expression=("less", left.expression, right.number))
        return MANY

    # -- containers -----------------------------------------------------------------------------------------------------

    def _filled(self, container: Obj) -> bool:
        return bool(self.analysis.fillings(container))

    def _container(self, container: Obj) -> Count:
        """How many elements a container has: as many as its literal, or as its one filling loop runs."""
        fillings = self.analysis.fillings(container)
        if len(fillings) == 1:
            frame, op = fillings[0]
            return self.of(frame, op)
        if not fillings and isinstance(container, Container):
            made = self.analysis.shapes.of(container.maker.function).by_index.get(container.site.op)
            if isinstance(made, ops.Build) and not made.starred:
                return Count(len(made.items))
        return Count(expression=("container", container))
