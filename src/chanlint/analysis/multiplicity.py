"""How often an op runs per run of its function: once, a known number of times, as often as some expression says, or many.

Loops are never unrolled. Two counts are compared only where both are numbers or both hang on the same expression
(``range(n)`` here and there, or a list filled in one loop and walked in another).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.objects import Container, LibName, Obj
from chanlint.analysis.parameters import given
from chanlint.analysis.shape import Shape
from chanlint.ir import ops
from chanlint.ir.ops import Op, Register, Variable

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis

MOST_NESTED = 6


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
        mine, theirs = _parted(self.expression), _parted(other.expression)
        if self.expression is not None and mine[0] == theirs[0] and theirs[1] > mine[1]:
            return theirs[1] - mine[1]
        return None

    def __mul__(self, other: Count) -> Count:
        if self.number == 1:
            return other
        if other.number == 1:
            return self
        if self.number is not None and other.number is not None:
            return Count(self.number * other.number)
        return MANY


def _parted(expression: object) -> tuple[object, int]:
    """An expression without the number that is added to it, and that number."""
    if isinstance(expression, tuple) and expression[0] == "plus":
        return expression[1], expression[2]
    return expression, 0


ONE = Count(1)
MANY = Count()


class Counts:
    """Counts ops."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._counted: set[Obj] = set()
        self._depth = 0

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
        return MANY if self._may_break(shape, op) else found

    def _may_break(self, shape: Shape, op: Op) -> bool:
        """Whether a test in the loops round an op ends one, other than by an exception that leaves the function."""
        inside = shape.loop(op)
        return any(
            isinstance(shape.blocks[block].terminator, ops.Branch)
            and any(target not in inside and shape.returns(target) for target in shape.normal_targets(block))
            for block in inside
        )

    def value(self, frame: Frame, register: Register) -> Count:
        """What number an expression stands for."""
        return self._expression(frame, register)

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
                case ops.LoadItem(obj=whole, key=key):
                    return self._slice(frame, whole, key)
                case ops.LoadVar() | ops.LoadAttr():
                    held = self.analysis.points.holds(frame, register)
                    if isinstance(made, ops.LoadVar) and self._is_param(frame, made):
                        return self._expression(frame, register)
                    if len(held) == 1 and isinstance(held[0], Container):
                        return self._container(held[0])
                    return self._expression(frame, register)
        return MANY

    def _is_param(self, frame: Frame, load: ops.LoadVar) -> bool:
        owner: Frame | None = frame
        while owner is not None and owner.function.id != load.var.owner:
            owner = owner.parent  # a function inside another reads its parameters, too
        return owner is not None and load.var.name in {param.name for param in owner.function.params}

    def _product(self, frame: Frame, left: Register, right: Register) -> Count:
        for first, second in ((left, right), (right, left)):
            held = self.analysis.points.holds(frame, first)
            if held and isinstance(held[0], Container):
                return self.length(frame, first) * self._expression(frame, second)
        return MANY

    def _slice(self, frame: Frame, whole: Register, key: Register) -> Count:
        """``whole[n:]``."""
        shape = self.analysis.shapes.of(frame.function)
        for made in shape.definitions.get(key, ()):
            if isinstance(made, ops.Compute) and made.operator == "slice":
                values = [self._literal(frame, operand) for operand in made.operands]
                if isinstance(values[0], int) and values[0] >= 0 and all(value is None for value in values[1:]):
                    return self._sum(self.length(frame, whole), Count(values[0]), "-")
        return MANY

    def _literal(self, frame: Frame, register: Register) -> object:
        made = self.analysis.shapes.of(frame.function).definitions.get(register, ())
        return made[0].value if len(made) == 1 and isinstance(made[0], ops.Const) else ...

    def _call(self, frame: Frame, op: ops.Call) -> Count:
        for callee in self.analysis.points.holds(frame, op.callee):
            if not isinstance(callee, LibName):
                continue
            if callee.dotted == "builtins.range" and len(op.args) == 1:
                return self._expression(frame, op.args[0].value)
            if callee.dotted == "builtins.range" and len(op.args) == 2:
                first, last = (self._expression(frame, argument.value) for argument in op.args)
                return last if first.number == 0 else self._sum(last, first, "-")
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
                    return self._argument(frame, var) if not self.analysis.writes_of(var) else MANY
                case ops.LoadVar(var=var):
                    stored = self.analysis.stores(var.owner, var.name)
                    places = {op.index for _, op in stored}
                    if self.analysis.writes_of(var) == 1 and len(places) == 1 and self._is_literal(*stored[0]):
                        return self._stored(*stored[0])
                    if self.analysis.writes_of(var) <= 1:
                        return Count(expression=("variable", var))
                case ops.LoadAttr(obj=base, attr=attr):
                    return self._attribute(frame, register, self.analysis.points.holds(frame, base), attr)
                case ops.Compute(operator="-" | "+" as sign, operands=(left, right)):
                    return self._sum(self._expression(frame, left), self._expression(frame, right), sign)
                case ops.Call(args=(only,)):
                    callees = self.analysis.points.holds(frame, made.callee)
                    if any(isinstance(c, LibName) and c.dotted == "builtins.len" for c in callees):
                        return self.length(frame, only.value)
        return MANY

    def _argument(self, frame: Frame, var: Variable) -> Count:
        """A parameter: what its one caller gives, else its name."""
        named = Count(expression=("variable", var))
        callers = [entry for entry in frame.entries if entry.caller is not None and isinstance(entry.op, ops.Call)]
        if frame.merged or len(frame.entries) != 1 or len(callers) != 1 or callers[0].kind is not EntryKind.CALL:
            return named
        caller, op = callers[0].caller, callers[0].op
        if caller is None or not isinstance(op, ops.Call):
            return named
        register = given(self.analysis, caller, op, frame, var)
        found = MANY if register is None else self._nested(caller, register)
        return named if found.is_many else found

    def _attribute(self, frame: Frame, register: Register, owners: Sequence[Obj], attr: str) -> Count:
        """An attribute: what its one store puts there, else its name."""
        held = self.analysis.points.holds(frame, register)
        owner = owners[0] if len(owners) == 1 else None
        stored = self.analysis.stores(owner, attr) if owner is not None else []
        found = self._stored(*stored[0]) if len(stored) == 1 else MANY
        return Count(expression=("attribute", owner, attr, len(held))) if found.is_many else found

    def _stored(self, frame: Frame, op: Op) -> Count:
        return self._nested(frame, op.src) if isinstance(op, ops.StoreVar | ops.StoreAttr) else MANY

    def _is_literal(self, frame: Frame, op: Op) -> bool:
        """Whether a store puts a literal number."""
        made = self.analysis.shapes.of(frame.function).definitions.get(op.src, ()) if isinstance(op, ops.StoreVar) else ()
        return len(made) == 1 and isinstance(made[0], ops.Const) and isinstance(made[0].value, int)

    def _nested(self, frame: Frame, register: Register) -> Count:
        if self._depth >= MOST_NESTED:
            return MANY
        self._depth += 1
        found = self._expression(frame, register)
        self._depth -= 1
        return found

    def _sum(self, left: Count, right: Count, sign: str) -> Count:
        if left.number is not None and right.number is not None:
            return Count(max(0, left.number - right.number if sign == "-" else left.number + right.number))
        if sign == "+" and right.expression is not None:
            left, right = right, left
        if left.expression is None or right.number is None:
            return MANY
        base, more = _parted(left.expression)
        more += right.number if sign == "+" else -right.number
        return Count(expression=("plus", base, more) if more else base)

    # -- containers -----------------------------------------------------------------------------------------------------

    def _filled(self, container: Obj) -> bool:
        return bool(self.analysis.fillings(container))

    def _container(self, container: Obj) -> Count:
        """How many elements a container has: as many as its literal, or as its one filling loop runs."""
        fillings = self.analysis.fillings(container)
        if len(fillings) == 1 and container not in self._counted:
            frame, op = fillings[0]
            self._counted.add(container)  # one that is filled while it is walked has no number
            found = self.of(frame, op)
            self._counted.discard(container)
            return found
        if not fillings and isinstance(container, Container):
            made = self.analysis.shapes.of(container.maker.function).by_index.get(container.site.op)
            if isinstance(made, ops.Build) and not made.starred:
                return Count(len(made.items))
        return Count(expression=("container", container))
