"""Loops that receive more than once in a turn: a marker ends them only where the receive that takes it tests for it.

Which receive takes the marker hangs on how many items came before. It is not known where items are sent in pairs, one for each
receive; it is any of them where they are sent one by one.
"""

from __future__ import annotations

from chanlint.analysis.paths import Search
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import Verdict
from chanlint.catalogue.schema import OpKind
from chanlint.model.channel import Consumer, Effectiveness, Ending, Group

TESTED_ONCE = "a marker that only one of the receives tests for"


def untested(analysis: Analysis, group: Group, endings: list[tuple[Consumer, Ending]]) -> list[Ending]:
    """The endings of a group, where a marker that one receive in each turn does not test for ends nobody for sure."""
    found = [ending for _, ending in endings]
    markers = [(consumer, ending) for consumer, ending in endings if ending.kind == "marker" and ending.event is not None]
    events = {id(ending.event): ending.event for _, ending in markers if ending.event is not None}
    if len(events) != 1 or len(group.consumers) < 2:
        return found
    (marker,) = events.values()
    tested = [c for c, ending in markers if ending.does is Effectiveness.ENDS]
    passed = [c for c, ending in markers if ending.does is Effectiveness.FAILS and _stays(ending)]
    if len(tested) + len(passed) != len(group.consumers) or not tested or not passed:
        return found
    if not _one_by_one(analysis, group, marker) or not all(_in_each_turn(analysis, tested[0], other) for other in passed):
        return found
    kept = [e for e in found if not (e.kind == "marker" and e.does is Effectiveness.ENDS)]
    return [e._replace(why=TESTED_ONCE) if e.kind == "marker" else e for e in kept]


def _stays(ending: Ending) -> bool:
    return ending.response is not None and ending.response.verdict is Verdict.STAYS


def _one_by_one(analysis: Analysis, group: Group, marker: Event) -> bool:
    """Whether all items but the one marker come from one send in a loop."""
    sends = [event for event in group.channel.events if event.kind in (OpKind.SEND, OpKind.SEND_MANY)]
    items = [event for event in sends if event is not marker]
    shape = analysis.shapes.of(marker.frame.function)
    if len(items) != 1 or marker.op.index not in shape.by_index or shape.in_loop(marker.op):
        return False
    return analysis.shapes.of(items[0].frame.function).in_loop(items[0].op)


def _in_each_turn(analysis: Analysis, first: Consumer, second: Consumer) -> bool:
    """Whether the loop cannot come back to the first receive without passing the second."""
    frame = first.event.frame
    if second.event.frame is not frame or not second.event.blocks:
        return False
    covering, again = frozenset({second.event.op.index}), frozenset({first.event.op.index})
    ways = analysis.paths.witnesses(Search(frame, first.event.op, covering, joins=again))
    return ways is not None and not any(way.kind == "join" for way in ways)
