"""Producers that never stop: who reads from one gets item after item, and waits in vain for nothing.

Nouns:

* **Endless** producer: a spawned actor that sends in a loop with no way out but a flag that the reader itself sets. One that
  an exception may end is not: it leaves its reader behind.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.analysis import recognise
from chanlint.analysis.frames import Frame
from chanlint.analysis.objects import LibName
from chanlint.analysis.program import Analysis
from chanlint.analysis.raises import Risk
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.cfg import RETURN_EXIT
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op, Register
from chanlint.model.channel import Channel, Consumer
from chanlint.model.coverage import TEARDOWN

ENDLESS = frozenset({"itertools.count", "itertools.cycle"})


def is_endless(analysis: Analysis, channel: Channel, consumer: Consumer) -> bool:
    """Whether some producer sends for ever, as long as the consumer reads."""
    readers = {level.frame for level in consumer.way.levels}
    for event in channel.events:
        if event.kind is not OpKind.SEND or not event.sole:
            continue
        for way in analysis.ways_up(event.frame):
            if way.spawn is None:
                continue
            places = [(event.frame, event.op), *((level.frame, level.op) for level in way.levels[1:])]
            if any(_goes_on(analysis, frame, op, readers) for frame, op in places):
                return True
    return False


def _goes_on(analysis: Analysis, frame: Frame, op: Op, readers: set[Frame]) -> bool:
    """Whether an op of a loop is followed by the next round for ever."""
    shape = analysis.shapes.of(frame.function)
    if not shape.in_loop(op):
        return False
    start = shape.positions[op.index].block
    seen, waiting = {start}, [start]
    while waiting:
        block = waiting.pop()
        handler = shape.blocks[block].handler
        following = list(_targets(analysis, frame, block, readers))
        for names in (raised for each in shape.listing[block] if (raised := _raises(analysis, frame, each)) is not None):
            if analysis.raises.leaves(frame, handler, names):
                return False
            following.append(handler)
        if RETURN_EXIT in following:
            return False
        fresh = [target for target in following if target not in seen and target >= 0]
        seen.update(fresh)
        waiting.extend(fresh)
    return True


def _raises(analysis: Analysis, frame: Frame, op: Op) -> tuple[str, ...] | None:
    """The exceptions of work that can fail (empty: of unknown kind), or of a send that gives up; None without one."""
    if isinstance(op, ops.Raise) and op.exception is None:
        return None  # it passes on what was raised before it
    for event in analysis.at.get((frame, op.index), ()):
        if event.kind is OpKind.SEND and not event.blocks and (refusals := recognise.refusals(event.call)):
            return refusals
    return analysis.raises.names(frame, op) if analysis.raises.risk(frame, op) is Risk.COUNTS else None


def _targets(analysis: Analysis, frame: Frame, block: BlockId, readers: set[Frame]) -> Iterator[BlockId]:
    """The blocks that may follow, as long as the reader sets no flag."""
    shape = analysis.shapes.of(frame.function)
    end = shape.blocks[block].terminator
    match end:
        case ops.Raise():
            yield from (target for target in (shape.blocks[block].handler,) if target >= 0)  # asked for above
        case ops.Iterate() if _is_endless_iterator(analysis, frame, end.iterator):
            yield end.item
        case ops.Branch():
            truth = _truth(analysis, frame, end.condition, readers)
            if truth is not False:
                yield end.true
            if truth is not True:
                yield end.false
        case _:
            yield from (edge.target for edge in shape.blocks[block].edges() if edge.kind != "raise")


def _is_endless_iterator(analysis: Analysis, frame: Frame, register: Register) -> bool:
    made = [op for op in analysis.shapes.of(frame.function).sources(register) if isinstance(op, ops.Call)]
    callees = [obj for op in made for obj in analysis.points.holds(frame, op.callee)]
    return len(made) == 1 and bool(callees) and all(isinstance(o, LibName) and o.dotted in ENDLESS for o in callees)


def _truth(analysis: Analysis, frame: Frame, register: Register, readers: set[Frame]) -> bool | None:
    """What a test gives while a flag that only the reader sets is not set."""
    made = analysis.shapes.of(frame.function).definitions.get(register, ())
    if len(made) != 1:
        return None
    match made[0]:
        case ops.Const(value=value):
            return bool(value)
        case ops.Compute(operator="not", operands=(operand,)):
            inner = _truth(analysis, frame, operand, readers)
            return None if inner is None else not inner
        case ops.LoadVar(var=var):
            return _first_state(analysis, analysis.stores(var.owner, var.name), readers)
        case ops.LoadAttr(obj=holder, attr=attr):
            owners = analysis.points.holds(frame, holder)
            return _first_state(analysis, analysis.stores(owners[0], attr), readers) if len(owners) == 1 else None
        case ops.Call():
            asked = [e for e in analysis.at.get((frame, made[0].index), ()) if e.kind in (OpKind.TEST_FLAG, OpKind.WAIT_FLAG)]
            sets = [e for each in asked for e in analysis.by_subject[each.subject] if e.kind is OpKind.SET_FLAG]
            return False if sets and all(_is_reader(each.frame, readers) for each in sets) else None
    return None


def _first_state(analysis: Analysis, stores: list[tuple[Frame, Op]], readers: set[Frame]) -> bool | None:
    """The truth of what is stored first, where only the reader stores anything else."""
    states: list[bool] = []
    for frame, op in stores:
        known = analysis.points.constants(frame.function)
        if not isinstance(op, ops.StoreVar | ops.StoreAttr) or op.src not in known:
            return None
        if frame.function.name == "__init__" or (isinstance(op, ops.StoreVar) and not states):
            states.append(bool(known[op.src]))
        elif not _is_reader(frame, readers):
            return None
    return states[0] if len(set(states)) == 1 else None


def _is_reader(frame: Frame, readers: set[Frame]) -> bool:
    """Whether who reads runs a function: a part of the reader, or what closes the iterator."""
    closes = frame.function.name in TEARDOWN and frame.receiver is not None
    return frame in readers or (closes and any(frame.receiver is reader.receiver for reader in readers))
