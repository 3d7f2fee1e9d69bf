"""What a parameter is on one way into its function, where other callers give something else.

Nouns:

* **Given**: the register of the caller that a parameter gets its value from.
* **Meant**: the objects that a register may hold on one way, rather than on all of them.

A function that several objects or modules call is one frame, so that what its parameter holds is mixed. A way through it names
the callers, and what each of them gives is known apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chanlint.analysis.frames import Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import Bound, ClassRef, FunctionRef, Obj
from chanlint.ir import ops
from chanlint.ir.ops import Op, Register, Variable
from chanlint.ir.program import ParamKind

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis
    from chanlint.analysis.recognise import Event
    from chanlint.analysis.walk import Level

BY_POSITION = frozenset({ParamKind.POSITIONAL, ParamKind.POSITIONAL_ONLY})


def given(analysis: Analysis, caller: Frame, call: ops.Call, frame: Frame, var: Variable) -> Register | None:
    """What a call gives for a parameter of ``frame``; None where that cannot be told, or it is left to the default."""
    held = analysis.points.holds(caller, call.callee)
    if len(held) != 1 or not isinstance(held[0], FunctionRef | ClassRef | Bound):
        return None  # something in between gives the arguments
    if any(argument.unpack for argument in call.args):
        return None
    found = [argument.value for argument in call.args if argument.keyword == var.name]
    ordered = [param.name for param in frame.function.params if param.kind in BY_POSITION]
    if var.name in ordered:
        own = 1 if frame.receiver is not None and not isinstance(held[0], FunctionRef) else 0  # `self` is not written
        plain = [argument.value for argument in call.args if argument.keyword is None]
        found += [value for name, value in zip(ordered[own:], plain, strict=False) if name == var.name]
    return found[0] if len(found) == 1 else None


def meant(analysis: Analysis, levels: tuple[Level, ...], register: Register) -> Sequence[Obj]:
    """What a register of the innermost frame of a way may hold on this way."""
    frame = levels[0].frame
    made = analysis.shapes.of(frame.function).definitions.get(register, [])
    load = made[0] if len(made) == 1 else None
    if len(levels) > 1 and isinstance(load, ops.LoadVar) and is_fixed(analysis, frame, load.var):
        caller, op = levels[1]
        call = behind(analysis, caller, op)
        above = given(analysis, caller, call, frame, load.var) if call is not None else None
        if above is not None:
            return meant(analysis, levels[1:], above)
    return analysis.points.holds(frame, register)


def subjects(analysis: Analysis, event: Event, levels: tuple[Level, ...]) -> set[Obj]:
    """The channels that the op of an event may mean on one way."""
    every = {other.subject for other in analysis.at.get((event.frame, event.op.index), ()) if other.kind is event.kind}
    frame, op = event.call.frame, event.call.op
    if len(every) > 1 and isinstance(op, ops.Call) and frame is levels[0].frame:
        loads = analysis.shapes.of(frame.function).definitions.get(op.callee, [])
        if len(loads) == 1 and isinstance(loads[0], ops.LoadAttr):
            held = meant(analysis, levels, loads[0].obj)
            return every & {channel for obj in held if (channel := channel_of(obj)) is not None}
    return every


def is_fixed(analysis: Analysis, frame: Frame, var: Variable) -> bool:
    """Whether a variable is a parameter of ``frame`` that is never bound anew."""
    own = var.owner == frame.function.id and not analysis.writes_of(var)
    return own and any(param.name == var.name for param in frame.function.params)


def behind(analysis: Analysis, caller: Frame, op: Op) -> ops.Call | None:
    """The call behind an op that enters a frame: itself, or that of the coroutine or generator that it awaits or iterates."""
    definitions = analysis.shapes.of(caller.function).definitions
    for _ in range(3):
        match op:
            case ops.Call():
                return op
            case (
                ops.Iterate(iterator=register) | ops.IterStart(src=register) | ops.Await(src=register) | ops.Yield(src=register)
            ):
                made = definitions.get(register, [])
            case _:
                return None
        if len(made) != 1:
            return None
        op = made[0]
    return op if isinstance(op, ops.Call) else None
