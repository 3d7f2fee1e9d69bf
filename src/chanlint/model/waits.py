"""Actors that wait once: a single get, or a wait for an event, that somebody has to answer.

Nouns:

* **Wait**: a receive, or a wait for a flag, after which the actor does not come back to it.
* **Answer**: what lets a waiting actor go on: an item, a close, the set of the flag.
* **Answerer**: the spawned actor that alone answers, where its starter waits for it.
* **Need**: how many items a group takes in all, where that is known.

A flag that nobody sets is often meant: ``Event().wait()`` blocks for ever on purpose. It counts only where somebody else holds
the flag, who might have set it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.multiplicity import ONE, Count
from chanlint.analysis.objects import Instance, LibInstance, LibMethod, Obj
from chanlint.analysis.program import Analysis, Way
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import Level, Verdict
from chanlint.catalogue.schema import Category, OpKind
from chanlint.ir import ops
from chanlint.ir.operands import operands
from chanlint.model.actors import Actors
from chanlint.model.channel import Channel, Consumer, Effectiveness, Ending, Group, HomeKind
from chanlint.model.endings import CANCELLABLE, KILLABLE, Endings
from chanlint.model.lifetime import Lifetimes

WAITING = frozenset({OpKind.RECEIVE, OpKind.WAIT_FLAG})
ANSWERING = frozenset({OpKind.SEND, OpKind.SEND_MANY, OpKind.CLOSE, OpKind.SET_FLAG})
NO_WAKING = frozenset({"none", "local"})


class Waits:
    """Finds the groups of actors that wait once, what answers them, and why one is no leak."""

    def __init__(self, analysis: Analysis, lifetimes: Lifetimes, endings: Endings, actors: Actors) -> None:
        self.analysis = analysis
        self.lifetimes = lifetimes
        self.found = endings
        self.actors = actors

    # -- who waits ------------------------------------------------------------------------------------------------------------

    def groups(self, channel: Channel) -> list[Group]:
        """The actors that wait once on a channel; those on the ends of a stream are told by another rule."""
        found: dict[tuple[object, ...], Group] = {}
        if channel.info.ends or channel.home.kind is HomeKind.PROGRAM:
            return []
        for event in channel.events:
            if event.kind not in WAITING or not event.blocks:
                continue
            for consumer in self._consumers(channel, event):
                spawn = consumer.way.spawn
                counted = event.call.actor is None and self._is_counted(consumer)
                if not (counted or self._is_single(channel, consumer)):
                    continue
                key: tuple[object, ...] = (spawn.caller, spawn.op, spawn.actor) if spawn else (event.frame, event.op)
                group = found.get(key)
                if group is None:
                    group = found[key] = self.actors.group(channel, consumer, spawn)
                    group.single, group.counted = True, counted
                    if spawn is None:
                        group.needs, group.count = group.count if counted else ONE, ONE
                self.actors.join(group, consumer)
        for group in found.values():
            if group.spawn is not None:
                group.needs = self._in_all(group) if group.counted else group.count
        return list(found.values())

    def _consumers(self, channel: Channel, event: Event) -> Iterator[Consumer]:
        """A wait in each actor that runs it; who made the channel itself waits as its caller."""
        handed = event.call.actor
        if handed is None:
            for way in self.analysis.ways_up(event.frame):
                own = next((at for at, level in enumerate(way.levels) if level.frame is channel.home.frame), None)
                yield Consumer(event, way if own is None else Way(way.levels[: own + 1], None, None))
        else:  # Thread(target=jobs.get): the wait is all that the actor does
            spawn = Entry(EntryKind.SPAWN, event.frame, event.op, event.frame, handed)
            yield Consumer(event, Way((Level(event.frame, ops.Op(-1)),), spawn, spawn))

    def _is_single(self, channel: Channel, consumer: Consumer) -> bool:
        event = consumer.event
        if event.call.actor is not None:
            return True
        if self.found.loops(channel, consumer).verdict is Verdict.ENDS:
            return True
        shape = self.analysis.shapes.of(event.frame.function)
        made = shape.positions.get(channel.created.op) if channel.maker is event.frame else None
        return made is not None and made.block in shape.loop(event.op)  # each round has a channel of its own

    def _is_counted(self, consumer: Consumer) -> bool:
        """Whether a caller receives in a ``for`` loop that goes on whatever comes."""
        frame, op = consumer.event.frame, consumer.event.op
        shape = self.analysis.shapes.of(frame.function)
        if consumer.event.kind is not OpKind.RECEIVE or isinstance(op, ops.Iterate) or not shape.in_loop(op):
            return False
        goal = shape.positions[op.index].block
        for head in shape.loop_heads(op):
            start = shape.positions[head.index].block
            seen, waiting = {goal}, [head.item]
            while waiting:  # a round that does not receive
                block = waiting.pop()
                if block == start:
                    return False
                if block not in seen and block >= 0:
                    seen.add(block)
                    waiting.extend(shape.normal_targets(block))
        return not self.analysis.counts.of(frame, op).is_many

    def _in_all(self, group: Group) -> Count:
        """How many items the actors of a group take that receive in a counted loop."""
        found, consumer = group.count, group.consumers[0]
        for position, level in enumerate(consumer.way.levels):
            op = level.op if position else consumer.event.op
            found = found * self.analysis.counts.of(level.frame, op)
        return found

    # -- what answers ---------------------------------------------------------------------------------------------------------

    def answers(self, group: Group) -> list[Ending]:
        """What lets the actors go on, or may."""
        inside = set(self._inside(group))
        found = [
            Ending("answer", self._does(group, event, inside), event.frame, event.op, "the answer", event)
            for event in group.channel.events
            if event.kind in ANSWERING and not (event.kind is OpKind.CLOSE and event.call.effect.wakes in NO_WAKING)
        ]
        for consumer in group.consumers:
            found.extend(ending for ending in self.found.scopes(group, consumer))
        if group.actor in CANCELLABLE | KILLABLE:
            for subject in self.found.cancel_subjects(group):
                for event in self.analysis.by_subject.get(subject, ()):
                    if event.kind is OpKind.CANCEL:
                        found.append(Ending("cancel", Effectiveness.ENDS, event.frame, event.op, "it is cancelled", event))
        return found

    def _inside(self, group: Group) -> Iterator[Frame]:
        """The frames that the waiting actors run themselves."""
        for consumer in group.consumers:
            if consumer.event.call.actor is None:
                yield from (level.frame for level in consumer.way.levels)

    def _does(self, group: Group, event: Event, inside: set[Frame]) -> Effectiveness:
        frame = event.frame
        outside = frame is not group.channel.home.frame and self.analysis.escapes.callable_from_outside(frame)
        inside_too = frame in inside and event.call.actor is None
        if not event.sole or inside_too or frame.api or outside:
            return Effectiveness.POSSIBLE
        return Effectiveness.ENDS

    # -- how many -------------------------------------------------------------------------------------------------------------

    def answered(self, group: Group) -> Count | None:
        """How many items are sent in all, where every one of them is counted and each lets one wait go on."""
        answers = group.effective()
        if group.possible() or not answers or group.channel.info.category is not Category.CHANNEL:
            return None
        if any(each.event is None or each.event.kind is not OpKind.SEND for each in answers):
            return None
        total = Count(0)
        for frame, op in {(each.frame, each.op.index): (each.frame, each.op) for each in answers}.values():
            chain = self.actors.callers(frame, op)
            if group.channel.home.kind is not HomeKind.CALL or group.channel.home.frame not in {at for at, _ in chain}:
                return None
            count = self.actors.times(frame, op, group.channel.home.frame)
            if total.number == 0:
                total = count
            elif total.number is None or count.number is None:
                return None
            else:
                total = Count(total.number + count.number)
        return total

    def is_all(self, group: Group) -> bool:
        """Whether nobody else receives from the channel."""
        own = {(consumer.event.frame, consumer.event.op.index) for consumer in group.consumers}
        return all((event.frame, event.op.index) in own for event in group.channel.events if event.kind is OpKind.RECEIVE)

    # -- policy ---------------------------------------------------------------------------------------------------------------

    def silence(self, group: Group) -> str | None:
        """Why a wait is no leak, or None."""
        if not all(consumer.event.sole for consumer in group.consumers):
            return "more than one channel may be meant at its wait"
        if not group.endings and isinstance(group.channel.obj, Instance):
            return "its class may answer in a way of its own"
        if group.channel.obj in self._handed_on:
            return "a method that answers is handed on"
        if group.spawn is None:
            return self._caller(group)
        if group.endings and group.channel.home.kind is not HomeKind.CALL:
            return "answered by whoever calls"
        if group.endings and group.counted and not (group.needs_each and len(group.consumers) == 1):
            return "how many it takes, and how many are sent, is not known"
        return None if group.endings else self._unanswered(group)

    def _unanswered(self, group: Group) -> str | None:
        """A wait that nothing answers."""
        home = group.channel.home
        if home.kind is HomeKind.OBJECT and home.public:
            return "others may answer"
        if home.kind is HomeKind.CALL and group.channel.info.category is Category.FLAG and not self._is_shared(group):
            return "it is meant to wait for ever"
        return None

    @cached_property
    def _handed_on(self) -> frozenset[Obj]:
        """The channels of which somebody keeps a method that answers (``queue.put``), to call it who knows when."""
        methods = {
            method: channel_of(method.receiver) for method in self.analysis.points.heap.all(LibMethod) if self._answers(method)
        }
        found: set[Obj] = set()
        shapes, program = self.analysis.shapes, self.analysis.program
        for frame in self.analysis.points.frames if methods else ():
            for load in program.ops(frame.function, ops.LoadAttr):
                channels = {methods[obj] for obj in self.analysis.points.holds(frame, load.dst) if obj in methods}
                if channels:
                    every = shapes.of(frame.function).by_index.values()
                    if any(self._keeps(frame, op, load.dst) for op in every):
                        found.update(channel for channel in channels if channel is not None)
        return frozenset(found)

    def _answers(self, method: LibMethod) -> bool:
        effect = self.analysis.catalogue.method(method.type, method.name)
        return effect is not None and effect.op in ANSWERING

    def _keeps(self, frame: Frame, op: ops.Op, register: ops.Register) -> bool:
        if isinstance(op, ops.Call):
            return any(each.value == register for each in op.args) and op.index not in frame.lib_calls
        return register in operands(op)

    def _is_shared(self, group: Group) -> bool:
        """Whether somebody else than the one who waits holds the flag."""
        own = {*self._inside(group)}
        if group.spawn is None and group.channel.maker is not None:
            own.add(group.channel.maker)
        return any(frame not in own for frame in self._naming.get(group.channel.obj, ()))

    @cached_property
    def _naming(self) -> dict[Obj, list[Frame]]:
        """The frames that have a variable with a library's object, or read one."""
        points, found = self.analysis.points, dict[Obj, list[Frame]]()
        for frame in points.frames:
            loads = self.analysis.program.ops(frame.function, ops.LoadVar)
            nodes = {*frame.variables.values(), *(frame.nodes[op.dst] for op in loads)}
            for obj in {obj for node in nodes for obj in points.graph.points[node]}:
                if isinstance(obj, LibInstance | Instance):
                    found.setdefault(obj, []).append(frame)
        return found

    def _caller(self, group: Group) -> str | None:
        home = group.channel.home
        frame = group.consumers[0].event.frame
        if not group.endings:
            if frame.api or home.kind is not HomeKind.CALL:
                return "read by whoever calls"
            if self.lifetimes.runs_once(frame, group.consumers[0].event.op):
                return "it is meant to wait for ever"
            return self._unanswered(group)
        if group.possible() or any(ending.kind != "answer" for ending in group.endings):
            return "something may answer"
        entries = self._answerers(group)
        if len(entries) != 1:
            return None if group.shortage() is not None else "not answered by one spawned actor alone"
        return None if self._waits_for(group, entries[0]) else "it may be answered in another way"

    def _answerers(self, group: Group) -> list[Entry]:
        """The starts of the actors in which the answers are given; none where one is given elsewhere."""
        found: dict[tuple[object, ...], Entry] = {}
        for ending in group.endings:
            handed = ending.event is not None and ending.event.call.actor is not None
            for way in self.analysis.ways_up(ending.frame):
                if way.spawn is None or handed:
                    return []
                found[way.spawn.caller, way.spawn.op, way.spawn.callee] = way.spawn
        return list(found.values())

    def started_first(self, group: Group) -> bool:
        """Whether a caller that reads the channel of an object has itself started the one actor that can end it."""
        entries = self._answerers(group)
        if len(entries) != 1 or group.channel.home.kind is not HomeKind.OBJECT or group.possible():
            return False
        entry = entries[0]
        if entry.caller is None or entry.op is None:
            return False
        for consumer in group.consumers:
            for position, level in enumerate(consumer.way.levels):
                op = consumer.event.op if position == 0 else level.op
                if level.frame is entry.caller and self.analysis.shapes.of(level.frame.function).can_follow(op, entry.op):
                    return not self._propagates(entry, level.frame, op)
        return False

    def _waits_for(self, group: Group, entry: Entry) -> bool:
        """Whether the caller starts the answerer and then waits, once for each answer that there can be."""
        if entry.caller is None or entry.op is None:
            return False
        started = dict(self.actors.callers(entry.caller, entry.op))
        for consumer in group.consumers:
            event = consumer.event
            for position, level in enumerate(consumer.way.levels):
                op = event.op if position == 0 else level.op
                shape = self.analysis.shapes.of(level.frame.function)
                if level.frame in started and shape.can_follow(op, started[level.frame]):
                    return self._is_needed(group, entry) and not self._propagates(entry, level.frame, op)
        return False

    def _is_needed(self, group: Group, entry: Entry) -> bool:
        """Whether no other answer could take the place of one that is missing."""
        assert entry.caller is not None and entry.op is not None
        if group.needs == ONE:
            started = entry.caller.lib_calls.get(entry.op.index, ())
            if any(call.effect.op is OpKind.SPAWN and (call.effect.each or call.effect.count) for call in started):
                return False  # one of several processes may answer for all
            return self.actors.times(entry.caller, entry.op, group.channel.home.frame) == ONE
        return group.needs_each

    def _propagates(self, entry: Entry, frame: Frame, wait: ops.Op) -> bool:
        """Whether the caller learns of the answerer's end before it waits: it awaits it, or asks for its result or state."""
        shape = self.analysis.shapes.of(frame.function)
        for op in shape.by_index.values():
            if isinstance(op, ops.Await) and entry.actor in self.analysis.points.holds(frame, op.src):
                if op is not wait and shape.can_follow(wait, op):
                    return True
            asks = isinstance(op, ops.LoadAttr) and op.attr == "exitcode"
            if isinstance(op, ops.LoadAttr) and asks and entry.actor in self.analysis.points.holds(frame, op.obj):
                return True
        return any(
            event.frame is frame
            and (event.kind is OpKind.POLL or event.call.name in ("result", "exception"))
            and shape.can_follow(wait, event.op)
            for event in (self.analysis.by_subject.get(entry.actor, ()) if entry.actor is not None else ())
        )
