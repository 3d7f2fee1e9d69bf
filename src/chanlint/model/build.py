"""Builds the channel model of a program."""

from __future__ import annotations

from collections import Counter

from chanlint.analysis import recognise
from chanlint.analysis.evaluate import Known
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import argument, channel_of
from chanlint.analysis.limits import CLONES
from chanlint.analysis.multiplicity import Count
from chanlint.analysis.objects import Const, End, Instance, LibInstance, Obj
from chanlint.analysis.options import AnalysisOptions
from chanlint.analysis.program import Analysis, Way
from chanlint.analysis.walk import ITERATORS, Level, Verdict
from chanlint.catalogue.schema import Catalogue, Category, OpKind, World
from chanlint.diagnostics import Confidence
from chanlint.ir import ops
from chanlint.ir.ids import OpId
from chanlint.ir.program import Program
from chanlint.model.channel import Channel, ChannelModel, Cleared, Consumer, Ending, Group, HomeKind
from chanlint.model.coverage import Coverages
from chanlint.model.endings import Endings, compared
from chanlint.model.lifetime import Lifetimes

TASK_WORLDS = {World.ASYNCIO: "task", World.TRIO: "task", World.ANYIO: "task", World.CURIO: "task", World.GREEN: "greenlet"}


def build_model(program: Program, catalogue: Catalogue, options: AnalysisOptions) -> ChannelModel:
    """The channels of ``program`` with their consumers and endings."""
    return _Builder(Analysis(program, catalogue, options)).build()


class _Builder:
    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.lifetimes = Lifetimes(analysis)
        self.endings = Endings(analysis)
        self.coverages = Coverages(analysis)
        self._clones: Counter[OpId] = Counter()
        self.model = ChannelModel(target_version=analysis.options.target_version)

    def build(self) -> ChannelModel:
        """The whole model; empty where the analysis had to stop, because an ending may then have been missed."""
        if self.analysis.points.graph.exhausted:
            self.model.limits = dict(sorted(self.analysis.limits.reached.items()))
            return self.model
        for obj in list(self.analysis.points.heap.order):
            info = recognise.type_of(self.analysis.points, obj)
            if info is None or info.category is not Category.CHANNEL or isinstance(obj, End):
                continue
            if isinstance(obj, LibInstance | Instance):
                self._channel(obj)
        self.model.groups.sort(key=lambda group: (group.at, group.channel.created))
        self.model.limits = dict(sorted(self.analysis.limits.reached.items()))
        return self.model

    def _channel(self, obj: LibInstance | Instance) -> None:
        info = recognise.type_of(self.analysis.points, obj)
        assert info is not None
        if isinstance(obj, Instance) and obj.synthetic:
            return
        self._clones[obj.site] += 1
        if self._clones[obj.site] > CLONES:
            self.analysis.limits.hit("clones")
            return
        home = self.lifetimes.home(obj, obj.maker)
        channel = Channel(obj, info, obj.site, obj.maker, self._name(obj), home, self.analysis.by_subject.get(obj, []))
        groups = [*self._groups(channel), *self._iterators(channel)]
        if not groups:
            self._clear(channel, "nobody loops over it")
        for group in groups:
            self._judge(group)

    def _clear(self, channel: Channel, reason: str, at: OpId | None = None) -> None:
        self.model.cleared.append(Cleared(channel.name, channel.created, reason, at))

    def _name(self, obj: LibInstance | Instance) -> str:
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
        return "channel"

    # -- groups -------------------------------------------------------------------------------------------------------------

    def _groups(self, channel: Channel) -> list[Group]:
        found: dict[tuple[object, ...], Group] = {}
        for event in channel.events:
            if event.kind is not OpKind.RECEIVE or event.call.actor is not None:
                continue
            if recognise.immediate(self.analysis.points, event.call):
                continue  # it never waits
            for way in self.analysis.ways_up(event.frame):
                consumer = Consumer(event, way)
                response = self.endings.loops(channel, consumer)
                if response.verdict is Verdict.ENDS:
                    continue
                spawn = way.spawn
                if spawn is None and event.frame.api:
                    continue
                key: tuple[object, ...] = (spawn.caller, spawn.op, spawn.actor) if spawn else (event.frame, event.op)
                group = found.get(key)
                if group is None:
                    group = found[key] = self._group(channel, consumer, spawn)
                group.consumers.append(consumer)
        return list(found.values())

    def _iterators(self, channel: Channel) -> list[Group]:
        """Iterators of the program whose ``__next__`` tests for an end marker that nobody sends."""
        found: dict[OpId, Group] = {}
        if channel.home.kind is not HomeKind.OBJECT or channel.home.public:
            return []
        for event in channel.events:
            if event.kind is not OpKind.RECEIVE or not event.blocks or event.frame.function.name not in ITERATORS:
                continue
            place = Entry(EntryKind.ROOT, None, None, event.frame)
            consumer = Consumer(event, Way((Level(event.frame, ops.Op(-1)),), None, place))
            if self.endings.waits_for_unsent_marker(channel, consumer):
                group = found.setdefault(consumer.at, self._group(channel, consumer, None))
                group.iterator = True
                group.consumers.append(consumer)
        return list(found.values())

    def _group(self, channel: Channel, consumer: Consumer, spawn: Entry | None) -> Group:
        actor = self._actor(channel, spawn)
        at = self._spawn_place(spawn) if spawn else consumer.at
        frame = spawn.caller if spawn and spawn.caller else consumer.event.frame
        op = spawn.op if spawn and spawn.op else consumer.event.op
        group = Group(channel, [], spawn, actor, at, frame.function.id, self._times(frame, op, channel.home.frame))
        group.daemon = self._is_daemon(spawn)
        group.polls = not consumer.event.blocks
        return group

    def _actor(self, channel: Channel, spawn: Entry | None) -> str:
        if spawn is None:
            return "caller"
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
        return TASK_WORLDS.get(channel.info.world, "thread")

    def _spawn_place(self, spawn: Entry) -> OpId:
        """Where a reader looks for the spawn: the constructor of the actor, else the op that starts it."""
        if spawn.actor in self.analysis.points.prepared:
            frame, op, *_ = self.analysis.points.prepared[spawn.actor]
            if not isinstance(spawn.actor, Instance):
                return frame.op_id(op)
        if isinstance(spawn.actor, Instance) and not spawn.actor.synthetic and spawn.actor.maker is not None:
            return spawn.actor.site
        assert spawn.caller is not None and spawn.op is not None
        return spawn.caller.op_id(spawn.op)

    def _is_daemon(self, spawn: Entry | None) -> bool:
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

    # -- judgement ----------------------------------------------------------------------------------------------------------

    def _judge(self, group: Group) -> None:
        """Finds a group's endings and their coverage, or the reason for silence."""
        channel = group.channel
        group.endings = self.endings.of(group)
        group.escaped = self._escape(group)
        group.silence = self._silence(group)
        group.confidence = self._confidence(group)
        group.collected = self._collected(group)
        group.coverage = self.coverages.of(group)
        group.passes_on = self._passes_on(group)
        group.sent = self._sent(group)
        self.model.groups.append(group)
        if group.silence is not None:
            self._clear(channel, group.silence)
        elif group.escaped is not None:
            self._clear(channel, "unknown code gets hold of it and may end its consumer", group.escaped)
        elif group.possible():
            self._clear(channel, group.possible()[0].why, group.possible()[0].at)
        elif group.effective():
            self._clear(channel, group.effective()[0].why, group.effective()[0].at)

    def _passes_on(self, group: Group) -> bool:
        inside = {level.frame for consumer in group.consumers for level in consumer.way.levels}
        return any(event.kind is OpKind.SEND and event.frame in inside for event in group.channel.events)

    def _sent(self, group: Group) -> Count | None:
        """How many markers are sent in all, where every one of them is seen."""
        endings = group.effective()
        if not endings or group.possible() or any(ending.kind != "marker" for ending in endings):
            return None
        if any(ending.response is not None and ending.response.verdict is not Verdict.ENDS for ending in endings):
            return None  # counted by one reader
        places = {(ending.frame, ending.op.index): ending for ending in endings}
        total: Count | None = None
        counted: list[Ending] = []
        for ending in places.values():
            if any(self._excludes(ending, other) for other in counted):
                continue  # another way out of the same try, or the other branch
            counted.append(ending)
            count = self._times(ending.frame, ending.op, group.channel.home.frame)
            if total is None:
                total = count
            elif total.number is None or count.number is None:
                return None
            else:
                total = Count(total.number + count.number)
        return total

    def _excludes(self, one: Ending, other: Ending) -> bool:
        """Whether at most one of two ops (or of the calls that lead to them) happens in one run of a common function."""
        first = dict(self._callers(one.frame, one.op))
        for frame, op in self._callers(other.frame, other.op):
            if frame in first:
                shape = self.analysis.shapes.of(frame.function)
                here, there = shape.positions[first[frame].index].block, shape.positions[op.index].block
                return here != there and there not in shape.reach(here) and here not in shape.reach(there)
        return False

    def _callers(self, frame: Frame, op: ops.Op) -> list[tuple[Frame, ops.Op]]:
        """An op, the call of its frame, and so on while there is one caller."""
        chain = [(frame, op)]
        for _ in range(4):
            entry = frame.entries[0] if len(frame.entries) == 1 else None
            if entry is None or entry.caller is None or entry.op is None:
                break
            frame = entry.caller
            chain.append((frame, entry.op))
        return chain

    def _times(self, frame: Frame, op: ops.Op, home: Frame | None) -> Count:
        """How often ``op`` runs per run of the channel's home."""
        found = Count(1)
        for at, inner in self._callers(frame, op):
            found = found * self.analysis.counts.of(at, inner)
            if at is home:
                break
        return found

    def _escape(self, group: Group) -> OpId | None:
        escapes = self.analysis.escapes
        channel = group.channel
        found = escapes.of(channel.obj)
        if found is not None and channel.home.kind is not HomeKind.PROGRAM:
            return found
        if group.spawn is not None and group.spawn.actor is not None and group.actor in ("task", "process", "greenlet"):
            return escapes.of(group.spawn.actor)
        return None

    def _silence(self, group: Group) -> str | None:
        if group.iterator:
            return None
        for consumer in group.consumers:
            response = self.endings.loops(group.channel, consumer)
            if response.verdict is Verdict.MAYBE and response.hangs_on - {"flag"}:
                if not self.endings.endless(group, consumer):
                    return "its loop may end by itself"
            if not consumer.event.sole:
                return "more than one channel may be meant at its receive"
        info = recognise.type_of(self.analysis.points, group.spawn.actor) if group.spawn else None
        keeps = bool(info and info.keeps_interpreter) or group.actor == "job"
        silent = self.lifetimes.silence(group.channel.home, group.spawn, daemon=group.daemon, keeps_interpreter=keeps)
        if silent is not None:
            return silent
        if group.spawn is None:
            return self._caller(group)
        return None

    def _caller(self, group: Group) -> str | None:
        """A caller that receives is only judged where the channel is its own and it tests for a marker."""
        if group.polls:
            return "the caller gets control back again and again"
        if group.channel.home.kind is not HomeKind.CALL:
            return "read by whoever calls"
        senders = [e for e in group.channel.events if e.kind is OpKind.SEND]
        if not any(way.spawn is not None for event in senders for way in self.analysis.ways_up(event.frame)):
            return "its senders are not spawned here"
        if not any(self._tests(group, consumer) for consumer in group.consumers):
            return "a loop meant to run on"
        return None

    def _tests(self, group: Group, consumer: Consumer) -> bool:
        """Whether the loop has a way out for some marker."""
        nothing = self.analysis.points.heap.const(None)
        candidates: list[Obj] = [nothing, *compared(self.analysis, consumer.event.frame)]
        for candidate in candidates:
            response = self.endings.respond(group.channel, consumer, Known(candidate))
            if response.verdict is Verdict.ENDS or response.hangs_on == {"other"}:
                return True
        return any(ending.kind == "marker" for ending in group.effective())

    def _confidence(self, group: Group) -> Confidence:
        home = group.channel.home
        if home.kind is HomeKind.OBJECT:
            return Confidence.MEDIUM
        return Confidence.HIGH

    def _collected(self, group: Group) -> bool:
        """Whether nothing live refers to the channel or the task, so that the collector ends the task."""
        spawn = group.spawn
        if spawn is None or group.actor != "task" or not group.channel.info.collected:
            return False
        if spawn.caller is None or spawn.op is None:
            return False
        joined = (
            any(event.kind is OpKind.JOIN for event in self.analysis.by_subject.get(spawn.actor, ())) if spawn.actor else False
        )
        if (
            joined
            or group.polls
            or any(call.effect.op is OpKind.AWAIT_ALL for call in spawn.caller.lib_calls.get(spawn.op.index, ()))
        ):
            return False  # whoever waits for it, or its timer, refers to it
        held_by_group = any(
            recognise.category_of(self.analysis.points, channel_of(call.receiver)) is Category.GROUP
            for call in spawn.caller.lib_calls.get(spawn.op.index, ())
        )
        live = self.lifetimes.is_live(group.channel.obj) or (spawn.actor is not None and self.lifetimes.is_live(spawn.actor))
        return not held_by_group and not live
