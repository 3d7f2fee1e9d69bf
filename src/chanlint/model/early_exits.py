"""Readers that take no more than they were asked for, though they know how their sender says that nothing is left.

Nouns: **Limit**: a parameter of the reading function that bounds how many items it takes. Only the reader asks for it.

A limit alone may be as many as there are. Where the loop also has a way out for the marker that the sender always sends last,
the limit is the way out for those who want fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

from chanlint.analysis import recognise
from chanlint.analysis.evaluate import Data, Known
from chanlint.analysis.frames import Frame
from chanlint.analysis.paths import Search
from chanlint.analysis.walk import Verdict
from chanlint.ir import ops
from chanlint.ir.operands import operands
from chanlint.model.channel import Consumer
from chanlint.model.endings import looks_like_marker
from chanlint.model.readers import Leaving, Reader, Readers, Stop
from chanlint.model.senders import Sender, follows

AT_LEAST = frozenset({"==", ">=", ">"})
FEWER = frozenset({"!=", "<", "<="})


def limited(readers: Readers, sent: Sequence[Sender]) -> Stop | None:
    """A loop of the run that leaves at a limit, before the marker by which ``sent`` end; nothing is read after it."""
    for reader in readers.each:
        frame, receive = reader.event.frame, reader.event.op
        if frame is not readers.run or not all(_marks_its_end(readers, reader, sender) for sender in sent):
            continue
        shape = readers.analysis.shapes.of(frame.function)
        loop = shape.loop(receive)
        covering = frozenset(readers.releases().get(frame, ()))
        for block in sorted(loop):
            end = shape.blocks[block].terminator
            if (
                isinstance(end, ops.Branch)
                and (end.true in loop) != (end.false in loop)
                and _is_limit(readers, frame, end, loop)
            ):
                found = readers.analysis.paths.witnesses(Search(frame, end, covering, resumes=True))
                if found and found[0].kind == "return":
                    return Stop(Leaving.FEWER, frame, frame, end)
    return None


def _is_limit(readers: Readers, frame: Frame, end: ops.Branch, loop: frozenset[int]) -> bool:
    """Whether a test leaves the loop because as many items were counted as a parameter asks for."""
    definitions = readers.analysis.shapes.of(frame.function).definitions
    wanted = FEWER if end.true in loop else AT_LEAST
    for test in definitions.get(end.condition, ()):
        if isinstance(test, ops.Compare) and test.operator in wanted and readers.is_counter(frame, test.left):
            for limit in definitions.get(test.right, ()):
                if isinstance(limit, ops.LoadVar) and _is_only_compared(readers, frame, limit.var):
                    return True
    return False


def _is_only_compared(readers: Readers, frame: Frame, var: ops.Variable) -> bool:
    """Whether a variable is a parameter that nobody else is told: the sender may else send as many."""
    function = frame.function
    if var.owner != function.id or var.name not in {param.name for param in function.params}:
        return False
    for other in readers.analysis.points.frames:
        if other is not frame and other.parent is frame:
            if any(isinstance(op, ops.LoadVar | ops.StoreVar) and op.var == var for op in other.function.cfg.ops()):
                return False
    held = {op.dst for op in function.cfg.ops() if isinstance(op, ops.LoadVar) and op.var == var}
    for op in function.cfg.ops():
        if isinstance(op, ops.StoreVar) and op.var == var:
            return False
        if not isinstance(op, ops.Compare | ops.Branch) and not held.isdisjoint(operands(op)):
            return False
    return True


def _marks_its_end(readers: Readers, reader: Reader, sender: Sender) -> bool:
    """Whether a sender loops over items and then always sends a marker that ends the reader, which no item does by itself."""
    frame = sender.event.frame
    shape = readers.analysis.shapes.of(frame.function)
    consumer = Consumer(reader.event, reader.way)
    endings = readers.survey.endings
    if endings.respond(readers.channel, consumer, Data()).verdict is Verdict.ENDS:
        return False
    items = [e for e in readers.channel.events if e.frame is frame and e.kind is sender.event.kind]
    looped = [e for e in items if shape.in_loop(e.op)]
    for event in items:
        held = recognise.items(readers.analysis.points, event.call)[1]
        if not held or event in looped or not all(looks_like_marker(obj) for obj in held):
            continue
        if not any(follows(shape, each.op, event.op) for each in looped):
            continue
        ends = all(endings.respond(readers.channel, consumer, Known(obj)).verdict is Verdict.ENDS for obj in held)
        ways = readers.analysis.paths.witnesses(Search(frame, None, frozenset({event.op.index})))
        if ends and not any(way.kind == "return" for way in ways or ()):
            return True
    return False
