"""Where an item comes from whose content is not known: is it ever empty, and would that be meant as an end?

Nouns:

* **Origin**: ``plain`` (handed through, taken to be neither empty nor None), ``computed`` (may be empty, which may be meant),
  ``exception`` (caught and sent on).
* **Mapped** item: computed from the item of a ``for`` loop round the send, which goes on whatever comes of it. Who wants to end
  the consumer with an empty item does not send more after it, so a mapped item is as plain as what the loop goes through.
"""

from __future__ import annotations

from chanlint.analysis.objects import Const
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.analysis.shape import Shape
from chanlint.ir import ops
from chanlint.ir.operands import operands
from chanlint.ir.ops import Op, Register

MOST_COPIES = 4


def origin(analysis: Analysis, event: Event, node: int | None) -> str:
    """Where the item of a send comes from, which a node of points-to stands for."""
    frame = event.call.frame
    if node is None:
        return "plain"
    shape = analysis.shapes.of(frame.function)
    made = _made(shape, node - frame.base)
    if isinstance(made, ops.Caught):
        return "exception"
    if isinstance(made, ops.Call | ops.Await):
        return "plain" if _is_mapped(analysis, event, shape, made) else "computed"
    return "plain"


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
