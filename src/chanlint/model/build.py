"""Builds the channel model of a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise

from chanlint.analysis import recognise
from chanlint.analysis.evaluate import Known
from chanlint.analysis.frames import Entry, EntryKind
from chanlint.analysis.limits import CLONES, EVENTS
from chanlint.analysis.multiplicity import Count
from chanlint.analysis.objects import Instance, LibInstance, Obj
from chanlint.analysis.options import AnalysisOptions
from chanlint.analysis.parameters import subjects
from chanlint.analysis.program import Analysis, Way
from chanlint.analysis.walk import ITERATORS, Level, Verdict
from chanlint.catalogue.schema import Catalogue, Category, OpKind
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Cleared, Place
from chanlint.ir import ops
from chanlint.ir.ids import OpId
from chanlint.ir.program import Program
from chanlint.model import (
    blocking_async,
    closed_sends,
    copied_queues,
    drains,
    ends,
    feeds,
    foreign_threads,
    locks,
    overfills,
    owners,
    pipes,
    process_joins,
    producers,
    self_joins,
    stale_checks,
    unawaited,
)
from chanlint.model.actors import Actors
from chanlint.model.channel import Channel, ChannelModel, Consumer, Defect, Ending, Group, HomeKind
from chanlint.model.coverage import Coverages
from chanlint.model.endings import Endings, compared, recognised, sentinels
from chanlint.model.flags import follows
from chanlint.model.lifetime import Lifetimes
from chanlint.model.sessions import Sessions
from chanlint.model.survey import Survey
from chanlint.model.waits import Waits

FINDERS: tuple[Callable[[Survey], Iterable[Defect]], ...] = (
    owners.find,
    locks.find,
    process_joins.find,
    producers.find,
    overfills.find,
    ends.find,
    drains.find,
    closed_sends.find,
    pipes.find,
    stale_checks.find,
    foreign_threads.find,
    blocking_async.find,
    unawaited.find,
    copied_queues.find,
    self_joins.find,
)

ROLES = {
    OpKind.SEND: (Role.SENDS, "sends here"),
    OpKind.SEND_MANY: (Role.SENDS, "sends here"),
    OpKind.RECEIVE: (Role.RECEIVES, "receives here"),
    OpKind.CLOSE: (Role.CLOSES, "closes here"),
}
"""What the places of a channel are told as."""


def build_model(program: Program, catalogue: Catalogue, options: AnalysisOptions) -> ChannelModel:
    """The channels of ``program`` with their consumers and endings."""
    return _Builder(Analysis(program, catalogue, options)).build()


class _Builder:
    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.lifetimes = Lifetimes(analysis)
        self.sessions = Sessions(analysis, self.lifetimes)
        self.endings = Endings(analysis, self.lifetimes)
        self.coverages = Coverages(analysis)
        self.actors = Actors(analysis)
        self.waits = Waits(analysis, self.lifetimes, self.endings, self.actors)
        self._ends = ends.all_ends(analysis)
        self.model = ChannelModel(target_version=analysis.options.target_version, release=analysis.release)

    def build(self) -> ChannelModel:
        """The whole model; empty where the analysis had to stop, because an ending may then have been missed."""
        if self.analysis.points.graph.exhausted:
            self.model.limits = dict(sorted(self.analysis.limits.reached.items()))
            return self.model
        channels = self._made(Category.CHANNEL)
        for channel in channels:
            self._consumers(channel)
        for flag in self._made(Category.FLAG):
            for group in self.waits.groups(flag):
                self._judge(group)
        self.model.groups.sort(key=lambda group: (group.at, group.channel.created))
        for channel in channels:
            self._add_up([group for group in self.model.groups if group.channel is channel])
        survey = Survey(
            self.analysis, self.lifetimes, self.endings, self.coverages, self.actors, tuple(channels), tuple(self.model.groups)
        )
        self.model.defects = [defect for find in FINDERS for defect in find(survey)]
        self._leave_to_unawaited()
        self.model.limits = dict(sorted(self.analysis.limits.reached.items()))
        return self.model

    def _leave_to_unawaited(self) -> None:
        """Where the send or close that would end a consumer is never awaited, that says more than what it strands."""
        futile = {
            defect.channel.obj
            for defect in self.model.of(unawaited.UnawaitedOp)
            if defect.kind in (OpKind.SEND, OpKind.SEND_MANY, OpKind.CLOSE)
        }
        for group in self.model.groups:
            if group.channel.obj in futile and group.silence is None:
                group.silence = "the send or close that would end its consumer is never awaited, which is reported"
        self.model.defects = [
            defect for defect in self.model.defects if not (isinstance(defect, ends.OpenEnd) and defect.channel.obj in futile)
        ]

    def _made(self, category: Category) -> list[Channel]:
        """The channels (or flags) of the program in the order of discovery, at most a few for each place that makes one."""
        found: list[Channel] = []
        clones: Counter[OpId] = Counter()
        for obj in list(self.analysis.points.heap.order):
            info = recognise.type_of(self.analysis.points, obj)
            if info is None or info.category is not category or not isinstance(obj, LibInstance | Instance):
                continue
            if isinstance(obj, Instance) and obj.synthetic:
                continue
            clones[obj.site] += 1
            if clones[obj.site] > CLONES:
                self.analysis.limits.hit("clones")
                continue
            events = self.analysis.by_subject.get(obj, [])
            if len(events) > EVENTS:  # who ends whom would be asked for each pair of them
                self.analysis.limits.hit("events")
                continue
            home = self.sessions.home(obj, info, self.lifetimes.home(obj, obj.maker))
            parts = self._ends.get(obj, ()) if info.ends else ()
            names = {end.role: ends.name_of(self.analysis, end) for end in reversed(parts) if end.site == obj.site}
            found.append(Channel(obj, info, obj.site, obj.maker, self.actors.name(obj), home, events, names))
        return found

    def _consumers(self, channel: Channel) -> None:
        """Judges the consumers of a channel."""
        groups = [*self._groups(channel), *self._iterators(channel)]
        if not groups:
            self._clear(channel, "nobody loops over it")
        for group in [*groups, *self.waits.groups(channel)]:
            self._judge(group)

    def _clear(self, channel: Channel, reason: str, at: OpId | None = None, group: Group | None = None) -> None:
        places = [] if group is None or group.spawn is None else [Place(Role.SPAWNED, f"{group.actor} started here", group.at)]
        for event in channel.events:
            if event.kind in ROLES:
                role, does = ROLES[event.kind]
                places.append(Place(role, does, event.frame.op_id(event.op)))
        self.model.cleared.append(Cleared(channel.name, channel.created, reason, at, tuple(dict.fromkeys(places))))

    # -- groups -------------------------------------------------------------------------------------------------------------

    def _groups(self, channel: Channel) -> list[Group]:
        found: dict[tuple[object, ...], Group] = {}
        for event in channel.events:
            if event.kind is not OpKind.RECEIVE or event.call.actor is not None:
                continue
            if recognise.immediate(self.analysis.points, event.call):
                continue  # it never waits
            for way in self.analysis.ways_up(event.frame):
                if channel.obj not in subjects(self.analysis, event, way.levels):
                    continue  # another channel is meant by who calls
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
                    group = found[key] = self.actors.group(channel, consumer, spawn)
                self.actors.join(group, consumer)
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
            unsent = self.endings.waits_for_unsent_marker(channel, consumer)
            if unsent and not feeds.is_endless(self.analysis, channel, consumer):
                group = found.setdefault(consumer.at, self.actors.group(channel, consumer, None))
                group.iterator = True
                group.consumers.append(consumer)
        return list(found.values())

    # -- judgement ----------------------------------------------------------------------------------------------------------

    def _judge(self, group: Group) -> None:
        """Finds a group's endings and their coverage, or the reason for silence."""
        channel = group.channel
        group.endings = self.waits.answers(group) if group.single else self.endings.of(group)
        group.shared = not self.waits.is_all(group)
        group.answered = self.waits.answered(group) if group.single else None
        group.escaped = self._escape(group)
        group.silence = self._silence(group)
        group.confidence = self._confidence(group)
        group.collected = self._collected(group)
        group.coverage = self.coverages.of(group)
        group.passes_on = self._passes_on(group)
        group.sent = self._sent(group)
        self.model.groups.append(group)
        if group.silence is not None:
            self._clear(channel, group.silence, None, group)
        elif group.escaped is not None:
            self._clear(channel, "unknown code gets hold of it and may end its consumer", group.escaped, group)
        elif group.possible():
            self._clear(channel, f"its consumer may end: {group.possible()[0].why}", group.possible()[0].at, group)
        elif group.effective():
            self._clear(channel, f"its consumer ends: {group.effective()[0].why}", group.effective()[0].at, group)

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
            count = self.actors.times(ending.frame, ending.op, group.channel.home.frame)
            if total is None:
                total = count
            elif total.number is None or count.number is None:
                return None
            else:
                total = Count(total.number + count.number)
        return total

    def _add_up(self, groups: list[Group]) -> None:
        """Adds up the consumers of one channel that are started one after the other in one function, and share its markers."""
        if len(groups) < 2 or any(g.single or g.spawn is None or g.sent is None or g.passes_on or g.silence for g in groups):
            return
        before = 0
        for group, following in pairwise(groups):
            one, other = group.spawn, following.spawn
            if one is None or other is None or one.caller is not other.caller or one.caller is None:
                return
            if group.count.number is None or one.op is None or other.op is None:
                return
            if not follows(self.analysis, one.caller, one.op, other.op):
                return
            before += group.count.number
        groups[-1].beside = before

    def _excludes(self, one: Ending, other: Ending) -> bool:
        """Whether at most one of two ops (or of the calls that lead to them) happens in one run of a common function."""
        first = dict(self.actors.callers(one.frame, one.op))
        for frame, op in self.actors.callers(other.frame, other.op):
            if frame in first:
                shape = self.analysis.shapes.of(frame.function)
                here, there = shape.positions[first[frame].index].block, shape.positions[op.index].block
                return here != there and there not in shape.reach(here) and here not in shape.reach(there)
        return False

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
        if group.single and (silent := self.waits.silence(group)) is not None:
            return silent
        for consumer in group.consumers if not group.single else ():
            response = self.endings.loops(group.channel, consumer)
            if response.verdict is Verdict.MAYBE and response.hangs_on - {"flag"}:
                if not self.endings.endless(group, consumer):
                    return "its loop may end by itself"
            if not consumer.event.sole and subjects(self.analysis, consumer.event, consumer.way.levels) != {group.channel.obj}:
                return "more than one channel may be meant at its receive"
        info = recognise.type_of(self.analysis.points, group.spawn.actor) if group.spawn else None
        keeps = bool(info and info.keeps_interpreter) or group.actor == "job"
        silent = self.lifetimes.silence(group.channel.home, group.spawn, daemon=group.daemon, keeps_interpreter=keeps)
        if silent is not None:
            return silent
        if group.spawn is None and not group.single:
            return self._caller(group)
        return None

    def _caller(self, group: Group) -> str | None:
        """A caller that receives is only judged where the channel is its own and it tests for a marker."""
        if group.polls:
            return "the caller gets control back again and again"
        if group.channel.home.kind is not HomeKind.CALL and not self.waits.started_first(group):
            return "read by whoever calls"
        senders = [e for e in group.channel.events if e.kind is OpKind.SEND]
        if not any(way.spawn is not None for event in senders for way in self.analysis.ways_up(event.frame)):
            return "its senders are not spawned here"
        if all(feeds.is_endless(self.analysis, group.channel, consumer) for consumer in group.consumers):
            return "somebody sends to it for ever"
        if not any(self._tests(group, consumer) for consumer in group.consumers):
            return "a loop meant to run on"
        return None

    def _tests(self, group: Group, consumer: Consumer) -> bool:
        """Whether the loop has a way out for some marker."""
        nothing = self.analysis.points.heap.const(None)
        frame = consumer.event.frame
        candidates: list[Obj] = [nothing, *compared(self.analysis, frame), *recognised(self.analysis, frame)]
        candidates += sentinels(self.analysis, frame)
        for candidate in candidates:
            response = self.endings.respond(group.channel, consumer, Known(candidate))
            if response.verdict is Verdict.ENDS or response.hangs_on == {"other"}:
                return True
        return any(ending.kind == "marker" for ending in group.effective())

    def _confidence(self, group: Group) -> Confidence:
        home = group.channel.home
        if home.kind is HomeKind.OBJECT or isinstance(home.owner, Instance):
            return Confidence.MEDIUM
        return Confidence.HIGH

    def _collected(self, group: Group) -> bool:
        """Whether nothing live refers to the channel or the task, so that the collector ends the task."""
        if group.actor != "task" or group.polls or not group.channel.info.collected:  # its timer refers to one that polls
            return False
        return self.lifetimes.loses(group.channel.obj, group.spawn)
