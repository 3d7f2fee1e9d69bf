"""Actors that hold other actors: their cancellation goes down to those that they hold.

Nouns:

* **Held** actor: one that its starter cannot leave behind when it is cancelled: it belongs to a task group or nursery, or its
  starter awaits it, alone or in a ``gather``. ``asyncio.wait`` holds nothing.
* **Parent**: the actor in which a held one is started.
* **Sibling**: another actor of the same task group; its exception cancels the whole group.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.analysis.frames import Entry, EntryKind, Frame, LibCall
from chanlint.analysis.library import channel_of
from chanlint.analysis.paths import Search
from chanlint.analysis.program import Analysis, Way
from chanlint.catalogue.schema import OpKind
from chanlint.ir.ops import Op
from chanlint.model.channel import Group
from chanlint.model.deaths import in_task_group

MOST_GENERATIONS = 4


class Parents:
    """Answers about held actors."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def of(self, spawn: Entry) -> list[Entry]:
        """The starts of the actors above ``spawn`` whose cancellation ends what it starts, nearest first."""
        found: list[Entry] = []
        generation = [spawn]
        for _ in range(MOST_GENERATIONS):
            above: list[Entry] = []
            for each in generation:
                if each.caller is not None and self.is_held(each):
                    starts = [way.spawn for way in self.analysis.ways_up(each.caller) if way.spawn is not None]
                    above += [start for start in dict.fromkeys(starts) if start not in found and start is not spawn]
            found += above
            generation = above
        return found

    def places(self, spawn: Entry) -> Iterator[tuple[Frame, Op]]:
        """The ops, from the start of a held actor upwards, at which a cancellation from outside reaches it."""
        for each in (spawn, *self.of(spawn)):
            if each.caller is None or each.op is None or not self.is_held(each):
                continue
            yield each.caller, each.op
            yield from self._awaits(each)
            for way in self.analysis.ways_up(each.caller):
                yield from ((level.frame, level.op) for level in way.levels[1:])

    def is_held(self, spawn: Entry) -> bool:
        """Whether cancelling who starts it cancels what ``spawn`` starts."""
        return in_task_group(self.analysis, spawn) or any(True for _ in self._awaits(spawn))

    def _awaits(self, spawn: Entry) -> Iterator[tuple[Frame, Op]]:
        """Where the starter, or a caller of it, awaits the actor."""
        if spawn.caller is None or spawn.op is None:
            return
        if any(call.effect.op is OpKind.AWAIT_ALL and not call.effect.parted for call in self._calls(spawn.caller, spawn.op)):
            yield spawn.caller, spawn.op
        holders = {level.frame for way in self.analysis.ways_up(spawn.caller) for level in way.levels}
        for event in self.analysis.by_subject.get(spawn.actor, ()) if spawn.actor is not None else ():
            if event.kind is OpKind.JOIN and event.frame in holders and event.frame.function.is_async:
                if not any(call.effect.parted for call in self._calls(event.frame, event.op)):
                    yield event.frame, event.op

    def _calls(self, frame: Frame, op: Op) -> list[LibCall]:
        return frame.lib_calls.get(op.index, [])

    def fails_with_a_sibling(self, spawn: Entry) -> bool:
        """Whether a sibling always ends with an exception, if it ends."""
        return in_task_group(self.analysis, spawn) and any(
            self._only_raises(sibling.callee) for sibling in self._siblings(spawn) if sibling.callee is not spawn.callee
        )

    def serves(self, group: Group) -> bool:
        """Whether code that is not analysed awaits a task group or a ``gather`` that only serves, and so can cancel all in it.

        One in which the items are sent, too, is meant to come to its end.
        """
        spawn = group.spawn
        if spawn is None or spawn.caller is None or not self.is_held(spawn):
            return False
        sends = [event.frame for event in group.channel.events if event.kind in (OpKind.SEND, OpKind.SEND_MANY)]
        if any(self._is_fed_within(spawn.caller, way) for frame in sends for way in self.analysis.ways_up(frame)):
            return False
        return any(
            way.spawn is None and way.start is not None and way.start.kind is EntryKind.ROOT and way.top.function.is_async
            for way in self.analysis.ways_up(spawn.caller)
        )

    def _is_fed_within(self, holder: Frame, way: Way) -> bool:
        """Whether a way leads to who holds the task group, or to an actor that it starts and that comes to its end."""
        if any(level.frame is holder for level in way.levels):
            return True
        if way.spawn is None or way.spawn.caller is not holder:
            return False
        found = self.analysis.paths.witnesses(Search(way.spawn.callee, None, frozenset()))
        return any(witness.kind == "return" for witness in found or ())

    def _siblings(self, spawn: Entry) -> Iterator[Entry]:
        assert spawn.caller is not None and spawn.op is not None
        groups = {channel_of(call.receiver) for call in self._calls(spawn.caller, spawn.op)} - {None}
        for frame in self.analysis.points.frames:
            for index, entries in frame.calls.items():
                if not groups.isdisjoint(channel_of(call.receiver) for call in frame.lib_calls.get(index, ())):
                    yield from (entry for entry in entries if entry.kind is EntryKind.SPAWN)

    def _only_raises(self, frame: Frame) -> bool:
        found = self.analysis.paths.witnesses(Search(frame, None, frozenset()))
        return bool(found) and all(witness.kind == "raise" for witness in found or ())
