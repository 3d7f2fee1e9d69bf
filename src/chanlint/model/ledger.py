"""Who takes the items of a channel, who acknowledges them, and who waits until all are acknowledged.

Nouns:

* **Get**, **done**, **join**: an op that takes an item, acknowledges one (``task_done``), waits until none is owed.
* **Ledger**: these ops of one channel, with the frames that lead to them in the same actor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.objects import Obj
from chanlint.analysis.program import Analysis, Way
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op


class Ledger:
    """The account of one channel."""

    def __init__(self, analysis: Analysis, channel: Obj) -> None:
        self.analysis = analysis
        self.events = list(analysis.by_subject.get(channel, ()))
        self.channel = channel
        own = [event for event in self.events if event.call.actor is None]
        self.gets = [event for event in own if event.kind is OpKind.RECEIVE]
        self.dones = [event for event in own if event.kind is OpKind.TASK_DONE]
        self.handed = {(e.frame, e.op.index) for e in self.events if e.kind is OpKind.TASK_DONE and e.call.actor is not None}
        self.getters = self._callers(event.frame for event in self.gets)
        self.doners = self._callers(event.frame for event in self.dones)
        joiners = self._callers(event.frame for event in own if event.kind is OpKind.AWAIT_DRAINED)
        self.relevant = self.getters | self.doners | joiners

    def _callers(self, frames: Iterable[Frame]) -> frozenset[Frame]:
        """The frames and everything that calls them in the same actor."""
        found: set[Frame] = set()
        waiting = list(frames)
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting.extend(e.caller for e in current.entries if e.kind is EntryKind.CALL and e.caller is not None)
        return frozenset(found)

    def at(self, frame: Frame, op: Op) -> list[Event]:
        """What ``op`` does to the channel in its own actor."""
        found = self.analysis.at.get((frame, op.index), ())
        return [event for event in found if event.subject is self.channel and event.call.actor is None]

    def acknowledges_elsewhere(self, frame: Frame, op: Op) -> bool:
        """Whether ``op`` starts or registers something that acknowledges items that it did not take."""
        if (frame, op.index) in self.handed:
            return True
        later = [entry for entry in frame.calls.get(op.index, ()) if entry.kind is not EntryKind.CALL]
        return any(entry.callee in self.doners and entry.callee not in self.getters for entry in later)

    def offers_acknowledgement(self) -> bool:
        """Whether code that is not analysed may acknowledge items that it did not take by calling into the program."""
        return any(
            way.spawn is None and way.top not in self.getters and self._is_offered(way)
            for event in self.dones
            for way in self.analysis.ways_up(event.frame)
        )

    def _is_offered(self, way: Way) -> bool:
        if way.start is not None and way.start.kind is not EntryKind.ROOT:
            return False
        name = way.top.function.name
        private = name.startswith("_") and not name.startswith("__")
        return not private or self.analysis.escapes.callable_from_outside(way.top)

    def settles_apart(self) -> bool:
        """Whether an actor acknowledges what another took: nobody can then count along one actor."""
        for event in self.dones:
            for way in self.analysis.ways_up(event.frame):
                if way.top not in self.getters:
                    return True
        return bool(self.handed)

    def takes_apart(self) -> bool:
        """Whether an actor takes items that it does not acknowledge."""
        return any(way.top not in self.doners for event in self.gets for way in self.analysis.ways_up(event.frame))

    def in_batches(self) -> bool:
        """Whether items are acknowledged in a loop that takes none."""
        return any(
            self.without_gets(frame, op) is not None
            for event in self.dones
            for frame, op in self._upward(event.frame, event.op)
        )

    def _upward(self, frame: Frame, op: Op) -> list[tuple[Frame, Op]]:
        found = [(frame, op)]
        for way in self.analysis.ways_up(frame):
            found.extend((level.frame, level.op) for level in way.levels[1:])
        return found

    def without_gets(self, frame: Frame, op: Op) -> frozenset[BlockId] | None:
        """The blocks of a cycle through ``op`` that passes no get, or None."""
        shape = self.analysis.shapes.of(frame.function)
        taking = {event.op.index for event in self.gets if event.frame is frame}
        for index, entries in frame.calls.items():
            if any(entry.kind is EntryKind.CALL and entry.callee in self.getters for entry in entries):
                taking.add(index)
        closed = {shape.positions[index].block for index in taking if index in shape.positions}
        home = shape.positions[op.index].block
        if home in closed:
            return None
        after = self._free(shape.normal_targets, home, closed)
        if home not in after:
            return None
        return frozenset(block for block in after if home in self._free(shape.normal_targets, block, closed))

    def _free(self, targets: Callable[[BlockId], Iterable[BlockId]], start: BlockId, closed: set[BlockId]) -> set[BlockId]:
        seen: set[BlockId] = set()
        waiting = list(targets(start))
        while waiting:
            block = waiting.pop()
            if block not in seen and block not in closed:
                seen.add(block)
                waiting.extend(targets(block))
        return seen

    def done_blocks(self, frame: Frame) -> frozenset[BlockId]:
        """The blocks of ``frame`` in which an item is acknowledged, or something is called or started that does it."""
        shape = self.analysis.shapes.of(frame.function)
        indexes = {event.op.index for event in self.dones if event.frame is frame}
        for index, entries in frame.calls.items():
            if any(entry.callee in self.doners for entry in entries):
                indexes.add(index)
        indexes |= {index for at, index in self.handed if at is frame}
        return frozenset(shape.positions[index].block for index in indexes if index in shape.positions)
