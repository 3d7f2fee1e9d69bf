"""What a consumer keeps of an item in an attribute or at a key, to ask for it before its next receive.

``while self.running: self.running = handle(self.inputs.get())`` ends when the item says so, just as with a local variable. On a
walk such a place holds something computed from the item, until something else is stored there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chanlint.analysis.evaluate import DERIVED, Values, from_item
from chanlint.analysis.frames import Frame
from chanlint.ir import ops
from chanlint.ir.ops import Register

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis


def keep(
    analysis: Analysis, frame: Frame, level: int, op: ops.StoreAttr | ops.StoreItem, values: Values, tested: frozenset[str]
) -> None:
    """Notes what a store does to a place whose name is ``tested`` in the loop; others would only multiply the walk's states."""
    name = op.attr if isinstance(op, ops.StoreAttr) else analysis.key_name(frame, op.key)
    if name not in tested:
        return
    hangs = from_item(values.get((level, op.src))) or _is_unknown_result(analysis, frame, level, op.src, values)
    for owner in analysis.points.holds(frame, op.obj):
        if hangs:
            values[-1, (owner, name)] = DERIVED
        else:
            values.pop((-1, (owner, name)), None)


def _is_unknown_result(analysis: Analysis, frame: Frame, level: int, register: Register, values: Values) -> bool:
    """Whether a register holds what a call gave of which nothing is known: ``self.state = self.read_state()``."""
    if (level, register) in values or analysis.points.holds(frame, register):
        return False
    made = analysis.shapes.of(frame.function).definitions.get(register, ())
    return bool(made) and all(isinstance(op, ops.Call | ops.Await) for op in made)
