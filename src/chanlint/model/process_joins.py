"""Processes that are joined before the pipe that they fill is read.

Nouns:

* **Start**: the entry that begins the process (`processes`).
* **Drain**: a receive of what the process puts, in another process.
* **Level**: one frame on the way from the join up to the start of its actor, with the op that leads to the join.

A process ends only when its data is in the pipe, and a pipe takes about 64 KiB. So a join hangs that some path reaches from the
start, or from the entry of its function where the start stands elsewhere, without a drain. Silent where anything else could
read meanwhile, and where what is put surely fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, Frame
from chanlint.analysis.objects import End, LibName, Obj
from chanlint.analysis.paths import Search
from chanlint.analysis.program import MOST_WAYS_UP, Way
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ids import FunctionId
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.payloads import Payloads
from chanlint.model.processes import Processes
from chanlint.model.survey import Survey

LOOKS_AT_MANY = "multiprocessing.connection.wait"
LEAVES_AT_ONCE = frozenset({"os._exit", "os.abort", "os.execv", "os.execvp"})

Lift = dict[Frame, set[int]]
Body = tuple[FunctionId, Obj | None]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class EarlyJoin(Defect):
    """A join that waits for a process that waits for a reader.

    Attributes:
        waits_for: what is joined, in words.
        read_later: somebody reads after the join, and not only nobody at all.
    """

    waits_for: str
    read_later: bool


def find(survey: Survey) -> Iterator[EarlyJoin]:
    """The joins that come before the drain."""
    finder = _Finder(survey)
    for channel in survey.channels:
        if channel.info.pipe_backed:
            yield from finder.of(channel)


class _Join(NamedTuple):
    """Where somebody waits for the end of a process."""

    frame: Frame
    op: ops.Op
    subject: Obj | None


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.processes = Processes(self.analysis)
        self.payloads = Payloads(self.analysis, self.processes)

    def of(self, channel: Channel) -> Iterator[EarlyJoin]:
        """The early joins of one channel."""
        if any(event.kind is OpKind.DETACH for event in channel.events) or self._escapes(channel):
            return
        for start, sends in self._fillers(channel).items():
            if all(self.payloads.fits(send) for send in sends) or self._leaves_at_once(start):
                continue
            own = {send.handle for send in sends} if isinstance(sends[0].handle, End) else set()
            drains = [e for e in channel.events if e.kind is OpKind.RECEIVE and e.handle not in own]
            for join in self._joins(start):
                if self._hangs(channel, start, join, drains):
                    yield self._defect(channel, start, join, sends, drains)

    def _escapes(self, channel: Channel) -> bool:
        ends = [end for end in self.analysis.points.heap.all(End) if end.channel is channel.obj]
        return any(self.analysis.escapes.of(obj) is not None for obj in (channel.obj, *ends))

    def _fillers(self, channel: Channel) -> dict[Entry, list[Event]]:
        """The sends of each process that was started here."""
        found: dict[Entry, list[Event]] = {}
        for event in channel.events:
            if event.kind is OpKind.SEND and event.sole and not event.frame.merged:
                for start in self.processes.of(event.frame):
                    if start is not None:
                        found.setdefault(start, []).append(event)
        return found

    def _leaves_at_once(self, start: Entry) -> bool:
        """Whether the process may leave without waiting for its data."""
        return any(start in self.processes.of(frame) for frame in self._abrupt)

    @cached_property
    def _abrupt(self) -> list[Frame]:
        """The frames that end their process at once."""
        return [*dict.fromkeys(frame for frame, op in self.analysis.each(ops.Call) if self._is_abrupt(frame, op))]

    def _is_abrupt(self, frame: Frame, op: ops.Call) -> bool:
        held = self.analysis.points.holds(frame, op.callee)
        return any(isinstance(callee, LibName) and callee.dotted in LEAVES_AT_ONCE for callee in held)

    def _joins(self, start: Entry) -> list[_Join]:
        found = []
        if self.processes.joins_itself(start):
            assert start.caller is not None and start.op is not None
            found.append(_Join(start.caller, start.op, start.actor))
        for subject in self.processes.waited_for(start):
            for event in self.analysis.by_subject.get(subject, ()):
                if self.processes.waits(event) and not (isinstance(event.op, ops.Exit) and event.op.raising):
                    if None in self.processes.of(event.frame) and not event.frame.merged:
                        found.append(_Join(event.frame, event.op, subject))
        return found

    # -- paths ----------------------------------------------------------------------------------------------------------------

    def _hangs(self, channel: Channel, start: Entry, join: _Join, drains: list[Event]) -> bool:
        """Whether some path leads to the join without a drain, and nobody else drains."""
        ways = self.analysis.ways_up(join.frame)
        if len(ways) >= MOST_WAYS_UP or not all(self._beside(drain, join, ways) for drain in drains):
            return False
        assert start.caller is not None and start.op is not None
        covering = self._covering(start, drains)
        starts = self.processes.lifted(start.caller, start.op)
        return any(self._way_hangs(way, join, starts, covering, drains) for way in ways)

    def _beside(self, drain: Event, join: _Join, ways: list[Way]) -> bool:
        """Whether every run of a drain belongs to a run of what joins, so that it comes before or after the join."""
        lift = _by_body(self.processes.lifted(join.frame, join.op))
        own = self.analysis.ways_up(drain.frame)
        actors = {way.spawn for way in ways}
        if len(own) >= MOST_WAYS_UP or drain.call.actor is not None:
            return False
        return all(way.spawn in actors and any(_body(level.frame) in lift for level in way.levels) for way in own)

    def _covering(self, start: Entry, drains: list[Event]) -> Lift:
        """The ops after which a join need not hang: a drain, or anything that shows that the author thought of it."""
        places = [(drain.frame, drain.op) for drain in drains]
        for subject in self.processes.waited_for(start):
            for event in self.analysis.by_subject.get(subject, ()):
                timed = event.kind is OpKind.JOIN and not self.processes.waits(event)
                if timed or event.kind in (OpKind.CANCEL, OpKind.POLL):
                    places.append((event.frame, event.op))
        for drain in drains:
            for event in self.analysis.by_subject.get(drain.subject, ()):
                if event.kind is OpKind.POLL:
                    places.append((event.frame, event.op))
            for frame in {level.frame for way in self.analysis.ways_up(drain.frame) for level in way.levels}:
                for calls in frame.lib_calls.values():
                    places += [(frame, call.op) for call in calls if call.name == LOOKS_AT_MANY]
        covering: Lift = {}
        for frame, op in places:
            for above, indexes in self.processes.lifted(frame, op).items():
                covering.setdefault(above, set()).update(indexes)
        return covering

    def _way_hangs(self, way: Way, join: _Join, starts: Lift, covering: Lift, drains: list[Event]) -> bool:
        """Whether one way to the join misses every drain, from the start of the process on or from the very beginning."""
        for position, level in enumerate(way.levels):
            op = join.op if position == 0 else level.op
            shape = self.analysis.shapes.of(level.frame.function)
            begun = sorted(index for index in starts.get(level.frame, ()) if index in shape.by_index and index != op.index)
            before = frozenset(covering.get(level.frame, set()))
            if any(self.analysis.paths.lead(level.frame, shape.by_index[index], op, before) for index in begun):
                return True
            if begun:
                return False
            if op.index in starts.get(level.frame, ()):  # it starts and waits in one
                return True
            if not self.analysis.paths.lead(level.frame, None, op, before):
                return False
        return bool(drains) and all(self._after(drain, join) for drain in drains)

    def _after(self, drain: Event, join: _Join) -> bool:
        """Whether a drain can only come after the join."""
        lift = _by_body(self.processes.lifted(join.frame, join.op))
        return all(self._way_after(way, drain, lift) for way in self.analysis.ways_up(drain.frame))

    def _way_after(self, way: Way, drain: Event, lift: dict[Body, set[int]]) -> bool:
        for position, level in enumerate(way.levels):
            passed = lift.get(_body(level.frame))
            if passed is not None:
                op = drain.op if position == 0 else level.op
                search = Search(level.frame, None, frozenset(passed), joins=frozenset({op.index}))
                found = self.analysis.paths.witnesses(search)
                return found is not None and op.index not in passed and not any(each.op is op for each in found)
        return False

    # -- telling --------------------------------------------------------------------------------------------------------------

    def _defect(self, channel: Channel, start: Entry, join: _Join, sends: list[Event], drains: list[Event]) -> EarlyJoin:
        info = recognise.type_of(self.analysis.points, join.subject)
        places = [Place(Role.SPAWNED, "process started here", self.survey.actors.place(start))]
        places += [Place(Role.SENDS, "filled here", send.frame.op_id(send.op)) for send in sends]
        places += [Place(Role.RECEIVES, "read here", drain.frame.op_id(drain.op)) for drain in drains]
        return EarlyJoin(
            channel=channel,
            at=join.frame.op_id(join.op),
            function=join.frame.function.id,
            confidence=Confidence.MEDIUM if channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=tuple(places),
            waits_for=info.title if info is not None and info.title else "process",
            read_later=bool(drains),
        )


def _body(frame: Frame) -> Body:
    """What frames of one function have in common that differ only in who calls it."""
    return frame.function.id, frame.receiver


def _by_body(lift: Lift) -> dict[Body, set[int]]:
    found: dict[Body, set[int]] = {}
    for frame, indexes in lift.items():
        found.setdefault(_body(frame), set()).update(indexes)
    return found
