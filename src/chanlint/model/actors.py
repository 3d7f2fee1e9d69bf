"""Who runs an op: the kind of actor, where it is started, how often, and what the source calls a channel."""

from __future__ import annotations

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, Frame
from chanlint.analysis.library import argument
from chanlint.analysis.multiplicity import MANY, ONE, Count
from chanlint.analysis.objects import Const, End, Instance, LibInstance, Obj
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
        op = spawn.op if spawn and spawn.op else consumer.event.op
        count = ONE if self._is_one_of_many(channel.home, frame) else self.times(frame, op, channel.home.frame)
        if spawn is not None:
            count = count * self._each(frame, op)
        group = Group(channel, [], spawn, self.kind(channel, spawn), at, frame.function.id, count)
        group.daemon = self.is_daemon(spawn)
        group.polls = not consumer.event.blocks
        return group

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
            frame = entry.caller
            chain.append((frame, entry.op))
        return chain

    def times(self, frame: Frame, op: ops.Op, home: Frame | None) -> Count:
        """How often ``op`` runs per run of the channel's home."""
        found = Count(1)
        for at, inner in self.callers(frame, op):
            found = found * self.analysis.counts.of(at, inner)
            if at is home:
                break
        return found

    def name(self, obj: LibInstance | Instance) -> str:
        """How the source calls the channel: the variable or attribute that it is stored in first."""
        if obj.maker is None:
            return "channel"
        shape = self.analysis.shapes.of(obj.maker.function)
        made = shape.by_index.get(obj.site.op)
        dst = getattr(made, "dst", None)
        for op in shape.by_index.values():
            if isinstance(op, ops.StoreVar) and op.src == dst:
                return op.var.name
            if isinstance(op, ops.StoreAttr) and op.src == dst:
                return op.attr
        for op in shape.by_index.values():  # `first, second = Queue(), Queue()`
            if isinstance(op, ops.StoreVar | ops.StoreAttr) and self.analysis.points.holds(obj.maker, op.src) == [obj]:
                return op.var.name if isinstance(op, ops.StoreVar) else op.attr
        parts: dict[End, str] = {}  # `send, recv = open_memory_channel(0)`
        for op in shape.by_index.values():
            if isinstance(op, ops.StoreVar | ops.StoreAttr):
                held = self.analysis.points.holds(obj.maker, op.src)
                if len(held) == 1 and isinstance(held[0], End) and held[0].channel is obj and held[0].site == obj.site:
                    parts.setdefault(held[0], op.var.name if isinstance(op, ops.StoreVar) else op.attr)
        return ", ".join(parts.values()) or self._name_of_whole(obj) or "channel"

    def _name_of_whole(self, obj: LibInstance | Instance) -> str:
        """What the source calls the object that was given the ends where the channel was made (a stapled stream)."""
        assert obj.maker is not None
        points = self.analysis.points
        for op in self.analysis.shapes.of(obj.maker.function).by_index.values():
            if isinstance(op, ops.StoreVar | ops.StoreAttr):
                held = points.holds(obj.maker, op.src)
                if len(held) == 1 and recognise.has_parts(points, held[0]) and self._is_part_of(obj, held[0]):
                    return op.var.name if isinstance(op, ops.StoreVar) else op.attr
        return ""

    def _is_part_of(self, obj: LibInstance | Instance, whole: Obj) -> bool:
        return any(
            isinstance(end, End) and end.channel is obj and holder is whole
            for end in self.analysis.points.heap.all(End)
            for holder, _ in self.analysis.escapes.holders(end)
        )
