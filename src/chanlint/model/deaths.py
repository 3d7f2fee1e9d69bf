"""How a producer can end without the ending (or the answer) that only it reaches.

Nouns:

* **Death**: a way out of the producer that misses the ending: an exception, a return, a cancel before its first step.
* **Refused** marker: one that a full channel does not take (``put_nowait``), so that sending it raises.

A helper that sends the marker counts as reaching it, unless it can raise before it does.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.multiplicity import Count
from chanlint.analysis.objects import End, LibMethod, Obj
from chanlint.analysis.paths import Search, Witness
from chanlint.analysis.program import Analysis
from chanlint.analysis.raises import Risk
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import Category, OpKind, World
from chanlint.ir import ops
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op
from chanlint.model import capacity
from chanlint.model.channel import Channel, Ending, Group

MOST_HELPERS = 4


class Deaths:
    """Finds the ways in which producers end too early."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def of(self, group: Group, entry: Entry, endings: list[Ending]) -> Witness | None:
        """How the actor that ``entry`` starts, which alone reaches the endings, can end without one."""
        refused = self.refused(group.channel, endings)
        ways = self._ways_out(group, entry.callee, endings, refused, 0, {})
        found = [each for each in ways if not takes_nothing(group, each)]
        if group.needs_each:
            answers = [op for ending in endings for op, _ in self._reached_by(entry.callee, ending)]
            found += self.between(entry.callee, answers, {op.index for op in answers})
        grouped = group.actor in ("task", "caller") and in_task_group(self.analysis, entry)
        for witness in found:
            if witness.kind == "return" or not grouped:  # its exception cancels whoever waits in the same group
                return witness
        return self._cancelled(group, entry)

    def _ways_out(
        self,
        group: Group,
        frame: Frame,
        endings: list[Ending],
        refused: frozenset[Op],
        depth: int,
        known: dict[tuple[Frame, int], list[Witness]],
    ) -> list[Witness]:
        """The ways out of ``frame`` past the endings; ``known`` are those of helpers, which several ways may lead to."""
        if (frame, depth) in known:
            return known[frame, depth]
        covering: set[int] = set()
        fails: dict[int, Witness | None] = {}
        for ending in endings:
            for op, inner in self._reached_by(frame, ending):
                covering.add(op.index)
                if inner is None and ending.op in refused:
                    fails[op.index] = None
                elif inner is not None and depth < MOST_HELPERS and len(frame.calls.get(op.index, ())) == 1:
                    deeper = self._ways_out(group, inner, endings, refused, depth + 1, known)
                    raising = next((each for each in deeper if each.kind == "raise"), None)
                    if raising is not None:
                        fails[op.index] = raising
        search = Search(
            frame,
            None,
            frozenset(covering),
            fails=frozenset(fails),
            subjects=subjects_of(self.analysis, group),
            shared=True,
            polls=self._own_flags(group, frame),
            calm=frozenset(self._told_to_stop(group, frame)),
        )
        out = [fails.get(found.op.index) or found for found in self.analysis.paths.witnesses(search) or ()]
        known[frame, depth] = out
        return out

    def _own_flags(self, group: Group, frame: Frame) -> frozenset[int]:
        """The ops of ``frame`` that test a flag which only those set who wait: they don't wait any more then."""
        waiting = {level.frame for consumer in group.consumers for level in consumer.way.levels}
        tests: set[int] = set()
        for index, calls in frame.lib_calls.items():
            flags = [call.receiver for call in calls if call.effect.op is OpKind.TEST_FLAG and call.receiver is not None]
            events = [event for flag in flags for event in self.analysis.by_subject.get(flag, ())]
            sets = [event.frame for event in events if event.kind is OpKind.SET_FLAG]
            if sets and waiting.issuperset(sets):
                tests.add(index)
        return frozenset(tests)

    def _told_to_stop(self, group: Group, frame: Frame) -> Iterator[int]:
        """The calls of helpers that raise only when they see such a flag."""
        for index, entries in frame.calls.items():
            for entry in entries:
                tests = self._own_flags(group, entry.callee) if entry.kind is EntryKind.CALL else frozenset()
                if tests and not self._raises_untold(entry.callee, tests):
                    yield index

    def _raises_untold(self, frame: Frame, tests: frozenset[int]) -> bool:
        """Whether an exception leaves a helper though none of the flags is set."""
        shape, raises = self.analysis.shapes.of(frame.function), self.analysis.raises
        seen: set[BlockId] = set()
        waiting = [frame.function.cfg.entry]
        while waiting:
            block = waiting.pop()
            if block in seen or block < 0:
                continue
            seen.add(block)
            end = shape.blocks[block].terminator
            told = isinstance(end, ops.Branch) and any(
                source.index in tests for source in shape.definitions.get(end.condition, ())
            )
            waiting += [target for target in shape.targets(block) if not (told and target == end.true)]  # type: ignore[attr-defined]
        return any(
            raises.risk(frame, op) is Risk.COUNTS and raises.leaves(frame, shape.blocks[block].handler, raises.names(frame, op))
            for block in seen
            for op in shape.listing[block]
            if not (isinstance(op, ops.Raise) and op.exception is None)  # it passes on what something else raised
        )

    def _reached_by(self, top: Frame, ending: Ending) -> Iterator[tuple[Op, Frame | None]]:
        """The ops of ``top`` by which it reaches the ending: the ending itself, or the call of a helper with its frame."""
        for way in self.analysis.ways_up(ending.frame):
            for position, level in enumerate(way.levels):
                if level.frame is top:
                    yield (ending.op, None) if position == 0 else (level.op, way.levels[position - 1].frame)

    def between(self, frame: Frame, answers: list[Op], covering: set[int]) -> Iterator[Witness]:
        """The ways out of the loops that give one answer in each round, other than their end."""
        shape = self.analysis.shapes.of(frame.function)
        for answer in answers:
            heads = shape.loop_heads(answer)
            after = {shape.listing[head.done][0].index for head in heads if head.done >= 0}
            search = Search(frame, answer, frozenset(covering - {answer.index}), joins=frozenset({answer.index, *after}))
            for witness in self.analysis.paths.witnesses(search) or () if heads else ():
                if witness.kind in ("raise", "return"):
                    yield witness

    def _cancelled(self, group: Group, entry: Entry) -> Witness | None:
        """A cancel that can come before the task's first step: nothing in it runs, not even its ``finally``."""
        info = recognise.type_of(self.analysis.points, entry.actor)
        frame, start = entry.caller, entry.op
        if frame is None or start is None or entry.actor is None or info is None or info.world is not World.ASYNCIO:
            return None
        cancels = {
            event.op.index
            for event in self.analysis.by_subject.get(entry.actor, ())
            if event.kind is OpKind.CANCEL and event.frame is frame and event.call.name == "cancel"
        }
        shape = self.analysis.shapes.of(frame.function)
        at = shape.positions[start.index]
        waiting, seen = [(at.block, at.offset + 1)], {at.block}
        while waiting and cancels:
            block, offset = waiting.pop()
            for op in shape.listing[block][offset:]:
                if op.index in cancels:
                    return Witness("cancel", frame, op) if self._waits_after(group, frame, op) else None
                if isinstance(op, ops.Await | ops.Yield) or (
                    isinstance(op, ops.Iterate | ops.Enter | ops.Exit) and op.is_async
                ):
                    break  # here the task gets its turn
            else:
                following = [target for target in shape.normal_targets(block) if target not in seen]
                seen.update(following)
                waiting.extend((target, 0) for target in following)
        return None

    def _waits_after(self, group: Group, frame: Frame, op: Op) -> bool:
        """Whether somebody waits after ``op``: spawned consumers do, a caller where control gets from there to its receive."""
        shape = self.analysis.shapes.of(frame.function)
        places = [
            consumer.event.op if position == 0 else level.op
            for consumer in group.consumers
            for position, level in enumerate(consumer.way.levels)
            if level.frame is frame
        ]
        return group.spawn is not None or not places or any(shape.can_follow(place, op) for place in places)

    def refused(self, channel: Channel, endings: list[Ending]) -> frozenset[Op]:
        """The sends of markers that a full channel refuses; a consumer that reads a flag after each item needs none."""
        markers = [
            ending.event
            for ending in endings
            if ending.kind == "marker" and ending.event is not None and ending.event.call.effect.nonblocking
            if (ending.response is None or not ending.response.flags) and not self._makes_room(channel, ending.event)
        ]
        room = capacity.of(self.analysis, channel) if markers else None
        if room is None or not self._fills_up(channel, room.count, markers):
            return frozenset()
        return frozenset(event.op for event in markers)

    def _fills_up(self, channel: Channel, room: Count, markers: list[Event]) -> bool:
        """Whether there is evidence that a channel gets full: sends that wait or expect it, or more of them than fit."""
        if any(self._expected(event) for event in channel.events if event.kind is OpKind.SEND):
            return True
        total = 0
        for event in channel.events:
            if event.kind is OpKind.SEND and event not in markers:
                count = self.analysis.counts.of(event.frame, event.op)
                if event.frame is channel.home.frame and count.number is not None:
                    total += count.number
                elif event.blocks or count.number is None or count.number > 1:
                    return True
        return room.number is not None and total >= room.number > 0

    def _expected(self, event: Event) -> list[ops.Catch]:
        """The ``except`` clauses that take just what a full channel raises at a send."""
        frame, names = event.frame, event.call.effect.raises
        shape = self.analysis.shapes.of(frame.function)
        found: list[ops.Catch] = []
        seen, waiting = set[int](), [shape.blocks[shape.positions[event.op.index].block].handler]
        while waiting and names:
            block = waiting.pop()
            if block < 0 or block in seen:
                continue
            seen.add(block)
            end = shape.blocks[block].terminator
            if not isinstance(end, ops.Catch):
                waiting.extend(shape.normal_targets(block))
            elif not self.analysis.raises.catches_all(frame, end) and self.analysis.raises.catches(frame, end, names):
                found.append(end)
            else:
                waiting.append(end.unmatched)
        return found

    def _makes_room(self, channel: Channel, send: Event) -> bool:
        """Whether who finds the channel full takes an item out, to try again."""
        shape = self.analysis.shapes.of(send.frame.function)
        taken = {
            shape.positions[event.op.index].block
            for event in channel.events
            if event.kind is OpKind.RECEIVE and event.frame is send.frame and event.op.index in shape.positions
        }
        return any(block in taken for catch in self._expected(send) for block in (catch.matched, *shape.reach(catch.matched)))


def subjects_of(analysis: Analysis, group: Group) -> frozenset[Obj]:
    """The channel, its ends, their methods and the actor: what an ending is done with."""
    heap = analysis.points.heap
    channel = group.channel.obj
    found: set[Obj] = {channel, *(end for end in heap.all(End) if end.channel is channel)}
    if group.spawn is not None and group.spawn.actor is not None:
        found.add(group.spawn.actor)
    return frozenset(found | {method for method in heap.all(LibMethod) if method.receiver in found})


def takes_nothing(group: Group, witness: Witness) -> bool:
    """Whether those who wait may take no item at all on a way out: as many as there are rows, where it may ask for rows."""
    unknown = group.counted and group.needs is not None and group.needs.number is None
    return unknown and (witness.kind == "return" or isinstance(witness.op, ops.Raise))


def in_task_group(analysis: Analysis, spawn: Entry) -> bool:
    """Whether an actor is a task of a group that an exception cancels as a whole."""
    if spawn.caller is None or spawn.op is None:
        return False
    for call in spawn.caller.lib_calls.get(spawn.op.index, ()):
        info = recognise.type_of(analysis.points, channel_of(call.receiver))
        if info is not None and info.category is Category.GROUP and "task" in (call.effect.actor, info.actor):
            return True
    return False
