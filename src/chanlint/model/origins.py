"""Where an item comes from whose content is not known: is it ever empty, and would that be meant as an end?

Nouns:

* **Origin**: ``plain`` (handed through, taken to be neither empty nor None), ``computed`` (may be empty, which may be meant),
  ``exception`` (caught and sent on).
* **Mapped** item: computed from the item of a ``for`` loop round the send, which goes on whatever comes of it. Who wants to end
  the consumer with an empty item does not send more after it, so a mapped item is as plain as what the loop goes through.
"""

from __future__ import annotations

from chanlint.analysis.frames import Frame
from chanlint.analysis.objects import Const
from chanlint.analysis.parameters import behind, given
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.analysis.shape import Shape
from chanlint.ir import ops
from chanlint.ir.operands import operands
from chanlint.ir.ops import Op, Register, Variable

MOST_COPIES = 4
MOST_CALLERS = 4


def origin(analysis: Analysis, event: Event, node: int | None) -> str:
    """Where the item of a send comes from, which a node of points-to stands for."""
    frame = event.call.frame
    if node is None:
        return "plain"
    shape = analysis.shapes.of(frame.function)
    register = frame.register(node)
    made = _made(shape, register) if register is not None else None
    if isinstance(made, ops.Caught):
        return "exception"
    if isinstance(made, ops.Call | ops.Await):
        return "plain" if _is_mapped(analysis, event, shape, made) else "computed"
    return "plain"


def is_meant(analysis: Analysis, frame: Frame, register: Register, depth: int = 0) -> bool:
    """Whether None, that a register may hold, is written as what is sent, and not left in a place that a value is kept in.

    What a list, an attribute, a call or a default gives may be None because nothing has been put there yet.
    """
    shape = analysis.shapes.of(frame.function)
    sources = [register]
    for _ in range(MOST_COPIES):
        made = [op for source in sources for op in shape.definitions.get(source, [])]
        if any(isinstance(op, ops.Const) and op.value is None for op in made):
            return True
        loads = [op for op in made if isinstance(op, ops.LoadVar)]
        for load in loads if depth < MOST_CALLERS else ():
            if _is_handed(analysis, frame, load.var, depth):
                return True
        stores = [store.src for load in loads for store in _stores(shape, load)]
        copies = [op.src for op in made if isinstance(op, ops.Copy)]
        sources = copies + (stores if len(stores) == 1 else [])
        if any(load.var.owner != frame.function.id for load in loads):
            return True  # a constant of the module, or a variable of the function outside
    return False


def _is_handed(analysis: Analysis, frame: Frame, var: Variable, depth: int) -> bool:
    """Whether a caller writes None for a parameter."""
    if not any(param.name == var.name for param in frame.function.params):
        return False
    for entry in frame.entries:
        call = behind(analysis, entry.caller, entry.op) if entry.caller is not None and entry.op is not None else None
        if call is None or entry.caller is None:
            continue
        register = given(analysis, entry.caller, call, frame, var)
        if register is not None and is_meant(analysis, entry.caller, register, depth + 1):
            return True
    return False


def _made(shape: Shape, register: Register) -> Op | None:
    """The op that makes a value, through variables that are stored once."""
    for _ in range(MOST_COPIES):
        made = shape.definitions.get(register, [])
        if not made or not isinstance(made[0], ops.LoadVar):
            return made[0] if made else None
        stores = _stores(shape, made[0])
        if len(stores) != 1:
            return None
        register = stores[0].src
    return None


def _stores(shape: Shape, load: ops.LoadVar) -> list[ops.StoreVar]:
    return [op for op in shape.by_index.values() if isinstance(op, ops.StoreVar) and op.var == load.var]


def _is_mapped(analysis: Analysis, event: Event, shape: Shape, made: ops.Call | ops.Await) -> bool:
    """Whether an item is computed from that of a loop, by what has no way to say "nothing", and nobody looks at it then."""
    send = event.call.op
    heads = shape.loop_heads(send)
    read = _slice(shape, made)
    if not any(head in read and not _may_be_empty(analysis, event, head) for head in heads):
        return False
    if any(made in _slice(shape, branch) for branch in _branches(shape, send)):
        return False
    called = [entry.callee.function for op in read for entry in event.call.frame.calls.get(op.index, ())]
    return not any(isinstance(op, ops.Return) and op.src is None for function in called for op in function.cfg.ops())


def _may_be_empty(analysis: Analysis, event: Event, head: ops.Iterate) -> bool:
    """Whether what a loop goes through is known to hold something that is false, such as a marker at its end."""
    return any(isinstance(obj, Const) and not obj.value for obj in analysis.points.holds(event.call.frame, head.dst))


def _branches(shape: Shape, op: Op) -> list[Op]:
    """The tests in the loops round an op."""
    ends = (shape.blocks[block].terminator for block in shape.loop(op))
    return [end for end in ends if isinstance(end, ops.Branch)]


def _slice(shape: Shape, op: Op) -> set[Op]:
    """An op and those of its function that it is computed from."""
    found: set[Op] = {op}
    waiting: list[Op] = [op]
    while waiting:
        current = waiting.pop()
        if isinstance(current, ops.Iterate) and current is not op:
            continue
        before: list[Op] = [made for register in operands(current) for made in shape.definitions.get(register, ())]
        if isinstance(current, ops.LoadVar):
            before.extend(_stores(shape, current))
        fresh = [each for each in before if each not in found]
        found.update(fresh)
        waiting.extend(fresh)
    return found
