"""Arms of a branch that no caller takes, because all of them give constants: ``put(item)`` never comes to ``if not block:``.

Nouns:

* **Fixed** parameter: one that is never bound anew, and that every call gives the same literal or leaves to its default.
* **Dead** op: one that no path comes to from the entry, where tests of fixed parameters go their only way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.objects import Bound, Const, FunctionRef
from chanlint.analysis.parameters import behind, given, is_fixed
from chanlint.ir import ops
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op, Register, Variable

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis

MOST_CALLERS_UP = 3
MOST_ENTRIES = 16
UNKNOWN = object()


class Arms:
    """Answers which ops are dead."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._alive: dict[Frame, frozenset[BlockId] | None] = {}

    def is_dead(self, frame: Frame, op: Op) -> bool:
        """Whether ``op`` of ``frame`` never runs."""
        alive = self._blocks(frame)
        at = self.analysis.shapes.of(frame.function).positions.get(op.index) if alive is not None else None
        return alive is not None and at is not None and at.block not in alive

    def is_dead_block(self, frame: Frame, block: BlockId) -> bool:
        """Whether no op of a block of ``frame`` ever runs."""
        alive = self._blocks(frame)
        return alive is not None and block not in alive

    def _blocks(self, frame: Frame) -> frozenset[BlockId] | None:
        if frame not in self._alive:
            self._alive[frame] = self._find(frame)
        return self._alive[frame]

    def _find(self, frame: Frame) -> frozenset[BlockId] | None:
        """The blocks that may run; None for all."""
        entries = frame.entries
        if not entries or len(entries) > MOST_ENTRIES or frame.merged or not any(p.has_default for p in frame.function.params):
            return None
        if any(entry.kind is not EntryKind.CALL for entry in entries):
            return None
        shape = self.analysis.shapes.of(frame.function)
        seen: set[BlockId] = set()
        waiting = [frame.function.cfg.entry]
        decided = False
        while waiting:
            block = waiting.pop()
            if block in seen or block < 0:
                continue
            seen.add(block)
            end = shape.blocks[block].terminator
            truth = self._truth(frame, end.condition) if isinstance(end, ops.Branch) else UNKNOWN
            if isinstance(end, ops.Branch) and truth is not UNKNOWN:
                decided = True
                waiting.append(end.true if truth else end.false)
                waiting.append(shape.blocks[block].handler)
            else:
                waiting.extend(shape.targets(block))
        return frozenset(seen) if decided else None

    def _truth(self, frame: Frame, condition: Register) -> object:
        made = self.analysis.shapes.of(frame.function).definitions.get(condition, [])
        if len(made) == 1 and isinstance(made[0], ops.Compare) and made[0].operator in ("is", "is-not"):
            left, right = (self._value(frame, register) for register in (made[0].left, made[0].right))
            if left is UNKNOWN or right is UNKNOWN or not (left is None or right is None):
                return UNKNOWN
            return (left is right) == (made[0].operator == "is")
        value = self._value(frame, condition)
        return UNKNOWN if value is UNKNOWN else bool(value)

    def _value(self, frame: Frame, register: Register, depth: int = 0) -> object:
        """The constant that a register holds in every run of ``frame``."""
        made = self.analysis.shapes.of(frame.function).definitions.get(register, [])
        if len(made) != 1 or depth > MOST_CALLERS_UP:
            return UNKNOWN
        if isinstance(made[0], ops.Const):
            return made[0].value
        if not isinstance(made[0], ops.LoadVar) or not is_fixed(self.analysis, frame, made[0].var):
            return UNKNOWN
        var = made[0].var
        values = [self._given(frame, entry, var, depth) for entry in frame.entries[:MOST_ENTRIES]]
        first = values[0] if values and len(values) == len(frame.entries) else UNKNOWN
        return first if all(value is first for value in values) else UNKNOWN

    def _given(self, frame: Frame, entry: Entry, var: Variable, depth: int) -> object:
        call = behind(self.analysis, entry.caller, entry.op) if entry.caller is not None and entry.op is not None else None
        if call is None or entry.caller is None or entry.kind is not EntryKind.CALL:
            return UNKNOWN
        held = self.analysis.points.holds(entry.caller, call.callee)
        if len(held) != 1 or not isinstance(held[0], FunctionRef | Bound) or any(each.unpack for each in call.args):
            return UNKNOWN
        register = given(self.analysis, entry.caller, call, frame, var)
        if register is not None:
            return self._value(entry.caller, register, depth + 1)
        ref = held[0].function if isinstance(held[0], Bound) else held[0]
        default = ref.defaults.get(var.name)
        found = list(self.analysis.points.graph.points[default]) if default is not None else []
        return found[0].value if len(found) == 1 and isinstance(found[0], Const) else UNKNOWN
