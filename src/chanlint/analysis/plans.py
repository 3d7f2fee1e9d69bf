"""What lowering any frame of a function into flows comes to, worked out once for the function.

Nouns:

* **Plan**: which registers and variables of a function share a node, which constants are known from the start, and which ops
  are left to be turned into flows.
* **Slot**: a node of a frame, by its position among those that the frame makes; a negative one stands for a variable of
  another frame.

A register that a variable is read into holds what the variable holds, always, so both are one node; so are a variable that is
stored once, by nobody else, and the register that it is stored from. That halves the nodes and flows of a program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from chanlint.ir import ops
from chanlint.ir.ops import Constant, Op, Register, Variable
from chanlint.ir.program import Function, FunctionKind

LONGEST_MARKER = 64  # characters: a longer string is data, not a marker
_OWN_FRAMES = (FunctionKind.FUNCTION, FunctionKind.LAMBDA)


@dataclass(slots=True)
class Plan:
    """See above.

    Attributes:
        size: how many nodes a frame makes for slots.
        slots: the slot of each register.
        variables: the frame's own variables with their slots, in the order in which they are met.
        outer: the variables of other frames that negative slots stand for: ``~slot`` is the position.
        constants: slots that hold a literal.
        ops: the ops that are left.
    """

    size: int = 0
    slots: list[int] = field(default_factory=list)
    variables: dict[str, int] = field(default_factory=dict)
    outer: list[Variable] = field(default_factory=list)
    constants: list[tuple[int, Constant]] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)


def plan_of(function: Function, is_lowered: Callable[[Op], bool], foreign: frozenset[Variable]) -> Plan:
    """The plan of a function.

    Args:
        is_lowered: whether flows come of an op at all.
        foreign: variables that a function other than their own stores.
    """
    return _Planner(function, is_lowered, foreign).plan


class _Planner:
    def __init__(self, function: Function, is_lowered: Callable[[Op], bool], foreign: frozenset[Variable]) -> None:
        self._function = function
        self._loads: dict[Register, Variable] = {}
        self._sources: dict[Variable, Register] = {}
        self._outer: dict[Variable, int] = {}
        self._registers: dict[Register, int] = {}
        self._resolving: set[Variable] = set()
        self.plan = Plan()
        every = [*function.cfg.ops()]
        self._read(every, foreign)
        for op in every:
            if isinstance(op, ops.LoadVar | ops.StoreVar) and self._is_own(op.var):
                self._slot_of_variable(op.var)
        self.plan.slots = [self._slot_of_register(register) for register in range(function.registers)]
        for op in every:
            if isinstance(op, ops.Const):
                if _is_marker(op.value):
                    self.plan.constants.append((self._registers[op.dst], op.value))
            elif not (isinstance(op, ops.StoreVar) and op.var in self._sources) and is_lowered(op):
                self.plan.ops.append(op)

    def _read(self, every: list[Op], foreign: frozenset[Variable]) -> None:
        parameters = {param.name for param in self._function.params}
        stores = Counter(op.var for op in every if isinstance(op, ops.StoreVar))
        for op in every:
            if isinstance(op, ops.LoadVar):
                self._loads[op.dst] = op.var
            elif isinstance(op, ops.StoreVar) and self._function.kind in _OWN_FRAMES and self._is_own(op.var):
                if stores[op.var] == 1 and op.var not in foreign and op.var.name not in parameters:
                    self._sources[op.var] = op.src

    def _is_own(self, var: Variable) -> bool:
        """Whether a variable's node can be made with the frame; those of modules are looked up, because builtins are, too."""
        return var.owner == self._function.id and self._function.kind is not FunctionKind.MODULE

    def _new_slot(self) -> int:
        self.plan.size += 1
        return self.plan.size - 1

    def _slot_of_register(self, register: Register) -> int:
        known = self._registers.get(register)
        if known is None:
            var = self._loads.get(register)
            known = self._registers[register] = self._new_slot() if var is None else self._slot_of_variable(var)
        return known

    def _slot_of_variable(self, var: Variable) -> int:
        if not self._is_own(var):
            known = self._outer.get(var)
            if known is None:
                self.plan.outer.append(var)
                known = self._outer[var] = ~(len(self.plan.outer) - 1)
            return known
        known = self.plan.variables.get(var.name)
        if known is None:
            source = self._sources.get(var)
            if source is None or var in self._resolving:  # or stored from itself, by way of others
                self._sources.pop(var, None)
                known = self._new_slot()
            else:
                self._resolving.add(var)
                known = self._slot_of_register(source)
            known = self.plan.variables.setdefault(var.name, known)
        return known


def _is_marker(value: Constant) -> bool:
    """Whether a literal may be told from others at run time: numbers with a point and long texts are data."""
    return not isinstance(value, float | complex) and not (isinstance(value, str | bytes) and len(value) > LONGEST_MARKER)
