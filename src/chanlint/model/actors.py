"""Who runs an op: the kind of actor, where it is started, how often, and what the source calls a channel."""

from __future__ import annotations

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import argument
from chanlint.analysis.multiplicity import MANY, ONE, Count
from chanlint.analysis.objects import Const, Container, Coroutine, End, Instance, LibInstance, LibMethod, Obj
from chanlint.analysis.program import Analysis
from chanlint.catalogue.schema import OpKind, World
from chanlint.ir import ops
from chanlint.ir.ids import OpId
from chanlint.model.channel import Channel, Consumer, Group, Home

TASK_WORLDS = {World.ASYNCIO: "task", World.TRIO: "task", World.ANYIO: "task", World.CURIO: "task", World.GREEN: "greenlet"}


class Actors:
    """Answers about actors."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def kind(self, channel: Channel, spawn: Entry | None) -> str:
        """The kind of actor that a spawn starts, as `Defect.actor` names it."""
        if spawn is None:
            return "caller"
        return self.started(spawn) or TASK_WORLDS.get(channel.info.world, "thread")

    def started(self, spawn: Entry) -> str | None:
        """The kind of actor that a spawn starts, None where only the channel could tell."""
        if spawn.caller is not None and spawn.op is not None:
            for call in spawn.caller.lib_calls.get(spawn.op.index, ()):
                if call.effect.actor:
                    return call.effect.actor
                if call.effect.op is OpKind.AWAIT_ALL:
                    return "task"
                info = recognise.type_of(self.analysis.points, call.receiver)
                if info is not None and info.actor:
                    return info.actor
        for name in [info.name] if (info := recognise.type_of(self.analysis.points, spawn.actor)) else []:
            found = self.analysis.catalogue.types[name]
            return found.actor or TASK_WORLDS.get(found.world, "thread")
        return None

    def place(self, spawn: Entry) -> OpId:
        """Where a reader looks for the spawn: the constructor of the actor, else the op that starts it."""
        if spawn.actor in self.analysis.points.prepared:
            frame, op, *_ = self.analysis.points.prepared[spawn.actor]
            if not isinstance(spawn.actor, Instance):
                return frame.op_id(op)
        if isinstance(spawn.actor, Instance) and not spawn.actor.synthetic and spawn.actor.maker is not None:
            return spawn.actor.site
        assert spawn.caller is not None and spawn.op is not None
        return spawn.caller.op_id(spawn.op)

    def group(self, channel: Channel, consumer: Consumer, spawn: Entry | None) -> Group:
        """The group of what a spawn starts, still without its consumers; without a spawn, that of a caller."""
        at = self.place(spawn) if spawn else consumer.at
        frame = spawn.caller if spawn and spawn.caller else consumer.event.frame
        count = self._number(channel, consumer, spawn)
        group = Group(channel, [], spawn, self.kind(channel, spawn), at, frame.function.id, count)
        group.daemon = self.is_daemon(spawn)
        group.polls = not consumer.event.blocks
        return group

    def join(self, group: Group, consumer: Consumer) -> None:
        """Adds a consumer to its group; each coroutine that one call gathers is an actor of its own."""
        spawn = consumer.way.spawn
        if group.consumers and spawn is not None and self._gathered(spawn) is not None:
            callees = [other.way.spawn.callee for other in group.consumers if other.way.spawn is not None]
            if spawn.callee not in callees:
                more = self._number(group.channel, consumer, spawn)
                known = group.count.number is not None and more.number is not None
                group.count = Count((group.count.number or 0) + (more.number or 0)) if known else MANY
        group.consumers.append(consumer)

    def _number(self, channel: Channel, consumer: Consumer, spawn: Entry | None) -> Count:
        """How many actors a spawn starts per run of the channel's home."""
        frame, op = consumer.event.frame, consumer.event.op
        if spawn is not None and any(level.frame is channel.maker for level in consumer.way.levels):
            return ONE  # each actor makes a channel of its own
        if spawn is not None and spawn.caller is not None and spawn.op is not None:
            frame, op = self._gathered(spawn) or self._made(spawn) or (spawn.caller, spawn.op)
        return self._each(frame, op) if self._is_one_of_many(channel.home, frame) else self.times(frame, op, channel.home.frame)

    def _gathered(self, entry: Entry) -> tuple[Frame, ops.Op] | None:
        """Where a coroutine was made that is started together with others (``gather(*[work() for _ in range(3)])``)."""
        if entry.kind is not EntryKind.SPAWN or entry.caller in (None, entry.callee) or entry.op is None:
            return None
        if not any(call.effect.op is OpKind.AWAIT_ALL for call in entry.caller.lib_calls.get(entry.op.index, ())):
            return None
        made = [each for each in self.analysis.points.heap.all(Coroutine) if each.frame is entry.callee]
        if len(made) != 1:
            return None
        op = self.analysis.shapes.of(made[0].maker.function).by_index.get(made[0].site.op)
        return (made[0].maker, op) if op is not None else None

    def _made(self, spawn: Entry) -> tuple[Frame, ops.Op] | None:
        """Where an actor is made outside loops that is started in one, together with others of a list."""
        assert spawn.caller is not None and spawn.op is not None
        if not self.analysis.shapes.of(spawn.caller.function).in_loop(spawn.op):
            return None
        if isinstance(spawn.actor, Instance) and spawn.actor.maker is not None:
            frame: Frame = spawn.actor.maker
            op = self.analysis.shapes.of(frame.function).by_index.get(spawn.actor.site.op)
        elif spawn.actor in self.analysis.points.prepared:
            frame, op, *_ = self.analysis.points.prepared[spawn.actor]
        else:
            return None
        if op is None or (frame, op) == (spawn.caller, spawn.op) or self.analysis.shapes.of(frame.function).in_loop(op):
            return None
        return frame, op

    def _each(self, frame: Frame, op: ops.Op) -> Count:
        """How many actors one spawn starts: as many as the iterable of a ``map`` has elements."""
        if isinstance(op, ops.Call) and any(call.effect.each for call in frame.lib_calls.get(op.index, ())):
            given = [argument.value for argument in op.args if argument.keyword is None and not argument.unpack]
            return self.analysis.counts.length(frame, given[1]) if len(given) > 1 else MANY
        return ONE

    def _is_one_of_many(self, home: Home, frame: Frame) -> bool:
        """Whether ``frame`` starts the consumers of several objects, each of which has a channel of its own."""
        owner = home.owner
        if not isinstance(owner, Instance) or owner.maker is None or frame.receiver is owner:
            return False
        shape = self.analysis.shapes.of(owner.maker.function)
        return owner.site.op in shape.by_index and shape.in_loop(shape.by_index[owner.site.op])

    def is_daemon(self, spawn: Entry | None) -> bool:
        """Whether the actor does not keep the interpreter alive."""
        if spawn is None or spawn.actor is None:
            return False
        graph = self.analysis.points.graph
        nodes: list[int] = []
        prepared = self.analysis.points.prepared.get(spawn.actor)
        if prepared is not None:
            node = argument(prepared[3], prepared[2].daemon)
            nodes += [node] if node is not None else []
        stored = graph.known_attribute(spawn.actor, "daemon")
        nodes += [stored] if stored is not None else []
        return any(isinstance(obj, Const) and bool(obj.value) for node in nodes for obj in graph.points[node])

    def callers(self, frame: Frame, op: ops.Op) -> list[tuple[Frame, ops.Op]]:
        """An op, the call of its frame, and so on while there is one caller."""
        chain = [(frame, op)]
        for _ in range(4):
            entry = frame.entries[0] if len(frame.entries) == 1 else None
            if entry is None or entry.caller is None or entry.op is None:
                break
            frame, op = self._gathered(entry) or (entry.caller, entry.op)
            chain.append((frame, op))
        return chain

    def times(self, frame: Frame, op: ops.Op, home: Frame | None) -> Count:
        """How often ``op`` runs per run of the channel's home."""
        found = Count(1)
        for at, inner in self.callers(frame, op):
            found = found * self.analysis.counts.of(at, inner) * self._each(at, inner)
            if at is home:
                break
            if (guard := self._guard(at, inner)) is not None:
                return found if guard is ONE else guard
        return found

    def _guard(self, frame: Frame, op: ops.Op) -> Count | None:
        """How often ``op`` runs where a test of an attribute that is changed beside it decides; None without such a test.

        Once with ``if self._thread is None: self._thread = ...``, nobody knows with ``if len(self._threads) < most: ...``.
        """
        shape = self.analysis.shapes.of(frame.function)
        here = shape.positions[op.index].block
        for block in shape.blocks.values():
            end = block.terminator
            if not isinstance(end, ops.Branch):
                continue
            tested = {source.attr for source in shape.sources(end.condition) if isinstance(source, ops.LoadAttr)}
            sides = [shape.normal_reach(target) for target in (end.true, end.false) if target >= 0]
            leading = [side for side in sides if here in side]
            if len(leading) == 1 and len(sides) == 2:
                beside = [each for each in shape.by_index.values() if shape.positions[each.index].block in leading[0]]
                if any(isinstance(each, ops.StoreAttr) and each.attr in tested for each in beside):
                    return ONE
                if any(self._fills(frame, each, tested) for each in beside):
                    return Count(expression=("guarded", frame.op_id(op)))
        return None

    def _fills(self, frame: Frame, op: ops.Op, attributes: set[str]) -> bool:
        """Whether an op puts something into a container that an attribute holds."""
        if not isinstance(op, ops.Call) or not any(
            isinstance(obj, LibMethod) and isinstance(obj.receiver, Container)
            for obj in self.analysis.points.holds(frame, op.callee)
        ):
            return False
        sources = self.analysis.shapes.of(frame.function).sources(op.callee)
        return any(isinstance(source, ops.LoadAttr) and source.attr in attributes for source in sources)

    def name(self, obj: LibInstance | Instance) -> str:
        """How the source calls the channel: the variable or attribute that it is stored in first."""
        if obj.maker is None:
            return self._name_in_holder(obj)
        shape = self.analysis.shapes.of(obj.maker.function)
        made = shape.by_index.get(obj.site.op)
        dst = getattr(made, "dst", None)
        for op in shape.stores:
            if op.src == dst:
                return _stored_in(op)
        for op in shape.stores:  # `first, second = Queue(), Queue()`
            if self.analysis.points.holds(obj.maker, op.src) == (obj,):
                return _stored_in(op)
        parts: dict[End, str] = {}  # `send, recv = open_memory_channel(0)`
        for op in shape.stores:
            held = self.analysis.points.holds(obj.maker, op.src)
            if len(held) == 1 and isinstance(held[0], End) and held[0].channel is obj and held[0].site == obj.site:
                parts.setdefault(held[0], _stored_in(op))
        return ", ".join(parts.values()) or self._name_of_whole(obj) or self._name_in_holder(obj)

    def _name_in_holder(self, obj: Obj) -> str:
        """The attribute of an object that holds a channel which a factory made (a field of a dataclass)."""
        names = [name for holder, name in self.analysis.escapes.holders(obj) if isinstance(holder, Instance)]
        return names[0] if names else "channel"

    def _name_of_whole(self, obj: LibInstance | Instance) -> str:
        """What the source calls the object that was given the ends where the channel was made (a stapled stream)."""
        assert obj.maker is not None
        points = self.analysis.points
        for op in self.analysis.shapes.of(obj.maker.function).stores:
            held = points.holds(obj.maker, op.src)
            if len(held) == 1 and recognise.has_parts(points, held[0]) and self._is_part_of(obj, held[0]):
                return _stored_in(op)
        return ""

    def _is_part_of(self, obj: LibInstance | Instance, whole: Obj) -> bool:
        return any(
            isinstance(end, End) and end.channel is obj and holder is whole
            for end in self.analysis.points.heap.all(End)
            for holder, _ in self.analysis.escapes.holders(end)
        )


def _stored_in(op: ops.StoreVar | ops.StoreAttr) -> str:
    """The name of the variable or attribute that an op stores in."""
    return op.var.name if isinstance(op, ops.StoreVar) else op.attr
