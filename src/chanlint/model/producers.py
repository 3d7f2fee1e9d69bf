"""Finds producers that can stay in a send of a bounded channel for ever, because whoever reads can stop first.

Nouns:

* **Story**: how it comes that nobody reads any more: `Leaving`.
* **Sender**, **Release**, **Capacity**: see `senders` and `capacity`.

A story is told only where every reader is seen and every release is missed. A channel of the whole program, one that unknown
code holds and one whose reader waits for the producer's own end marker are left alone.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from chanlint.analysis import recognise
from chanlint.analysis.frames import Frame
from chanlint.analysis.paths import Search, Witness
from chanlint.analysis.program import Way
from chanlint.analysis.raises import Risk
from chanlint.analysis.recognise import Event
from chanlint.analysis.shape import Shape
from chanlint.catalogue.schema import OpKind
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ops import Op
from chanlint.model import capacity
from chanlint.model.capacity import Capacity, Load
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.endings import looks_like_marker
from chanlint.model.senders import Sender, Senders, follows
from chanlint.model.survey import Survey

NOT_ITERATED = ("contextmanager", "fixture", "inlineCallbacks", "coroutine")


class Leaving(enum.StrEnum):
    """How the readers stop."""

    NOBODY = "nobody"  # no reader at all
    RETURN = "return"  # a way out that does not read
    JOIN = "join"  # it waits for the producer instead of reading
    TIMEOUT = "timeout"  # the receive gives up
    FEWER = "fewer"  # it reads less often than is sent
    CLOSED = "closed"  # a generator closed at a yield
    ERROR = "error"  # an exception in the reader's actor
    STOPPED = "stopped"  # told to stop, and nobody reads what is still on its way


LEAVINGS = {"return": Leaving.RETURN, "join": Leaving.JOIN, "close": Leaving.CLOSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonedProducer(Defect):
    """A producer whose readers can stop first.

    Attributes:
        leaving: how they stop.
        reader: the function that stops reading, None where there is none.
        room: how many items fit.
        joined: somebody waits for the producer, and so hangs with it.
        collected: the collector ends the producer, because nothing live refers to it.
    """

    leaving: Leaving
    capacity: Capacity
    reader: Frame | None = None
    joined: bool = False
    collected: bool = False

    @property
    def exceptional(self) -> bool:
        """Whether it takes an exception."""
        return self.leaving is Leaving.ERROR


def find(survey: Survey) -> Iterator[AbandonedProducer]:
    """Every producer that can be abandoned, channel by channel."""
    senders = Senders(survey)
    for channel in survey.channels:
        if channel.home.kind is HomeKind.PROGRAM or survey.analysis.escapes.of(channel.obj) is not None:
            continue
        bound = capacity.of(survey.analysis, channel)
        if bound is None:
            continue
        sent = senders.of(channel)
        if sent and not senders.out_of_sight(sent):
            yield from _Case(survey, senders, channel, bound, sent).stories()


@dataclass(slots=True)
class _Reader:
    event: Event
    way: Way

    def level(self, frame: Frame) -> Op | None:
        """The op of ``frame`` by which the receive is reached."""
        for position, level in enumerate(self.way.levels):
            if level.frame is frame:
                return level.op if position else self.event.op
        return None


@dataclass(slots=True)
class _Case:
    """One bounded channel with its senders."""

    survey: Survey
    senders: Senders
    channel: Channel
    bound: Capacity
    sent: list[Sender]
    readers: list[_Reader] = field(default_factory=list)

    def stories(self) -> Iterator[AbandonedProducer]:
        """The first story that can be told about each channel."""
        analysis = self.survey.analysis
        for event in self.channel.events:
            if event.kind is OpKind.RECEIVE:
                if event.call.actor is not None or not event.sole:
                    return
                self.readers.extend(_Reader(event, way) for way in analysis.ways_up(event.frame))
        spawned = [sender for sender in self.sent if self._stays(sender)]
        if not self.readers:
            yield from self._nobody()
            return
        inside = all(reader.way.spawn is None for reader in self.readers)
        for told in (self._closed, self._unread, self._fewer, self._timeout) if inside else (self._dies,):
            found = told(spawned)
            if found is not None:
                yield found
                return

    def _stays(self, sender: Sender) -> bool:
        """Whether a spawned sender is no actor that lives as long as the program anyway."""
        if sender.spawn is None:
            return False
        info = recognise.type_of(self.survey.analysis.points, sender.spawn.actor)
        keeps = bool(info and info.keeps_interpreter) or sender.actor == "job"
        daemon = self.survey.actors.is_daemon(sender.spawn)
        home = self.channel.home
        return self.survey.lifetimes.silence(home, sender.spawn, daemon=daemon, keeps_interpreter=keeps) is None

    # -- readers that are callers -------------------------------------------------------------------------------------------

    def _nobody(self) -> Iterator[AbandonedProducer]:
        """Nobody reads at all."""
        if self.channel.home.kind is not HomeKind.CALL or self.senders.releases(self.channel, self.sent):
            return
        if self._too_many(self.senders.load(self.channel, self.sent), 0):
            yield self._tell(self.sent, Leaving.NOBODY, None, None)

    def _closed(self, spawned: list[Sender]) -> AbandonedProducer | None:
        """A generator that reads can be closed where it yields."""
        releases = self.senders.releases(self.channel, self.sent)
        load = self.senders.load(self.channel, spawned)
        if not spawned or not self._too_many(load, 1):
            return None
        for reader in self.readers:
            for position, level in enumerate(reader.way.levels):
                frame = level.frame
                if not frame.function.is_generator or _is_no_iterator(frame):
                    continue
                receive = level.op if position else reader.event.op
                if any(releases.get(above.frame, set()) - {above.op.index} for above in reader.way.levels[position + 1 :]):
                    continue
                witness = self._closed_at(frame, receive, spawned, releases)
                if witness is not None:
                    return self._tell(spawned, Leaving.CLOSED, frame, witness)
        return None

    def _closed_at(self, frame: Frame, receive: Op, spawned: list[Sender], releases: dict[Frame, set[int]]) -> Witness | None:
        shape = self.survey.analysis.shapes.of(frame.function)
        starts = [op for sender in spawned if (op := self._started(sender, frame)) is not None]
        home = self.channel.home.frame
        if home is frame and not starts:
            return None
        for op in shape.by_index.values():
            if not isinstance(op, ops.Yield) or not (_reaches(shape, receive, op) or _reaches(shape, op, receive)):
                continue
            if starts and not any(_reaches(shape, start, op) for start in starts):
                continue
            search = Search(frame, op, frozenset(releases.get(frame, ())), raised=True, resumes=True)
            for witness in self.survey.analysis.paths.witnesses(search) or ():
                return Witness(witness.kind, frame, op)
        return None

    def _started(self, sender: Sender, frame: Frame) -> Op | None:
        """The op of ``frame`` by which a sender is started."""
        spawn = sender.spawn
        if spawn is None or spawn.caller is None or spawn.op is None:
            return None
        chain = self.survey.coverages.upward(spawn.caller, spawn.op)
        return next((op for at, op in chain if at is frame), None)

    def _unread(self, spawned: list[Sender]) -> AbandonedProducer | None:
        """A way out of the home that does not read, or waits for the producer first."""
        home = self.channel.home.frame
        load = self.senders.load(self.channel, spawned)
        if self.channel.home.kind is not HomeKind.CALL or home is None or not self._too_many(load, 0):
            return None
        releases = self.senders.releases(self.channel, self.sent)
        for sender in spawned:
            start = self._started(sender, home)
            if start is None:
                continue
            joins = frozenset(self._joins(sender).get(home, ()))
            search = Search(home, start, frozenset(releases.get(home, ())), joins=joins)
            for witness in self.survey.analysis.paths.witnesses(search) or ():
                leaving = LEAVINGS.get(witness.kind, Leaving.ERROR)
                if leaving is not Leaving.CLOSED or not _is_no_iterator(home):
                    return self._tell(spawned, leaving, home, witness)
        return None

    def _joins(self, sender: Sender) -> dict[Frame, set[int]]:
        """Where somebody waits without bound for a sender's actor."""
        found: dict[Frame, set[int]] = {}
        spawn = sender.spawn
        owners = [spawn.actor] if spawn is not None else []
        if spawn is not None and spawn.caller is not None and spawn.op is not None:
            owners += [call.receiver for call in spawn.caller.lib_calls.get(spawn.op.index, ())]
        for owner in owners:
            for event in self.survey.analysis.by_subject.get(owner, ()) if owner is not None else ():
                if event.kind is OpKind.JOIN and event.blocks:
                    found.setdefault(event.frame, set()).add(event.op.index)
        return found

    def _fewer(self, spawned: list[Sender]) -> AbandonedProducer | None:
        """The home reads a known number of times, and more is sent than that and than fits."""
        home = self.channel.home.frame
        taken = self._taken(home)
        if home is None or taken is None or not spawned or self.bound.count.number is None:
            return None
        if not self._too_many(self.senders.load(self.channel, spawned), taken) or all(map(self.senders.answers, spawned)):
            return None
        last = self.readers[-1]
        closes = frozenset(self.senders.releases(self.channel, self.sent, reading=False).get(home, ()))
        at = last.level(home)
        if at is not None and not self.survey.analysis.paths.witnesses(Search(home, at, closes - {at.index}, resumes=True)):
            return None
        return self._tell(spawned, Leaving.FEWER, home, Witness("return", last.event.frame, last.event.op))

    def _taken(self, home: Frame | None) -> int | None:
        """How many items the home reads at most, where that is known."""
        if self.channel.home.kind is not HomeKind.CALL or home is None:
            return None
        ways = []
        for reader in self.readers:
            steps = [(reader.event.frame, reader.event.op)]
            for level in reader.way.levels[1:]:
                if steps[-1][0] is home:
                    break
                steps.append((level.frame, level.op))
            if steps[-1][0] is not home or any(frame.function.is_generator for frame, _ in steps):
                return None
            ways.append(tuple(reversed(steps)))
        found = self.senders.longest(ways)
        return None if found.endless else found.number

    def _timeout(self, spawned: list[Sender]) -> AbandonedProducer | None:
        """A receive gives up, and what it waited for comes after."""
        home = self.channel.home.frame
        taken = self._taken(home)
        if home is None or taken is None or not spawned or self.bound.count.number is None:
            return None
        if not self._too_many(self.senders.load(self.channel, spawned), taken - 1):
            return None
        releases = self.senders.releases(self.channel, self.sent)
        for reader in self.readers:
            at = reader.level(home)
            timed = not reader.event.blocks and not recognise.immediate(self.survey.analysis.points, reader.event.call)
            if at is None or not (timed or self.senders.in_scope(reader.event.frame, reader.event.op)):
                continue
            covering = frozenset(releases.get(home, ())) - {at.index}
            if self.survey.analysis.paths.witnesses(Search(home, at, covering, raised=True, resumes=True)):
                return self._tell(spawned, Leaving.TIMEOUT, home, Witness("return", home, at))
        return None

    # -- readers that are spawned -------------------------------------------------------------------------------------------

    def _dies(self, spawned: list[Sender]) -> AbandonedProducer | None:
        """Every reader is an actor that an exception can end."""
        if any(reader.way.spawn is None for reader in self.readers):
            return None
        inside = frozenset(level.frame for reader in self.readers for level in reader.way.levels)
        sent = [s for s in self.sent if s.event.frame not in inside and (s.spawn is None or s in spawned)]
        if len(sent) < len(self.sent) or not self.senders.load(self.channel, sent).endless:
            return None
        if self.senders.releases(self.channel, sent, inside):
            return None
        witnesses = [self._death(reader) for reader in self.readers]
        if not witnesses or any(witness is None for witness in witnesses):
            return None
        return self._tell(sent, Leaving.ERROR, self.readers[0].way.top, witnesses[0])

    def _death(self, reader: _Reader) -> Witness | None:
        """The op of a reader whose exception leaves the reader's actor without another receive."""
        spawn = reader.way.spawn
        kind = self.survey.actors.kind(self.channel, spawn)
        if kind not in ("thread", "process", "job"):
            return None  # what becomes of others is up to whoever awaits them
        analysis = self.survey.analysis
        releases = self.senders.releases(self.channel, self.sent)
        for position, level in enumerate(reader.way.levels):
            shape = analysis.shapes.of(level.frame.function)
            receive = level.op if position else reader.event.op
            covering = frozenset(releases.get(level.frame, ()))
            for block in sorted(shape.loop(receive)):
                for op in shape.listing[block]:
                    if (op is receive and not position) or analysis.raises.risk(level.frame, op) is not Risk.COUNTS:
                        continue
                    search = Search(level.frame, op, covering - {op.index}, raised=True, resumes=True)
                    found = analysis.paths.witnesses(search)
                    if found and self._ends_above(reader, position, found[0].kind, releases):
                        return Witness(found[0].kind, level.frame, op)
        return None

    def _ends_above(self, reader: _Reader, position: int, kind: str, releases: dict[Frame, set[int]]) -> bool:
        """Whether the actor ends, too, once the frame at ``position`` is left in this way."""
        for level in reader.way.levels[position + 1 :]:
            covering = frozenset(releases.get(level.frame, ())) - {level.op.index}
            found = self.survey.analysis.paths.witnesses(
                Search(level.frame, level.op, covering, raised=kind == "raise", resumes=True)
            )
            if not found or (self.survey.analysis.shapes.of(level.frame.function).in_loop(level.op) and kind != "raise"):
                return False
            kind = found[0].kind
        return True

    # -- telling ------------------------------------------------------------------------------------------------------------

    def _too_many(self, load: Load, taken: int) -> bool:
        """Whether more is sent than is taken and fits; two different names are taken to be different numbers."""
        if load.exceeds(self.bound, taken) is not None:
            return True
        if not load.endless or self.bound.fitted:
            return False
        return load.many or self.bound.count.expression is None or load.expression != self.bound.count.expression

    def _tell(self, sent: list[Sender], leaving: Leaving, reader: Frame | None, witness: Witness | None) -> AbandonedProducer:
        shapes = self.survey.analysis.shapes
        looped = {each for each in sent if shapes.of(each.frame.function).in_loop(each.op)}
        sender = min(sent, key=lambda each: (self._is_marker(each), each not in looped, -each.op.index))
        related = []
        if sender.spawn is not None:
            related.append(Place(Role.SPAWNED, f"{sender.actor} started here", self.survey.actors.place(sender.spawn)))
        related.extend(Place(Role.RECEIVES, "reads here", r.event.frame.op_id(r.event.op)) for r in self.readers)
        if witness is not None:
            related.append(Place(Role.SKIPS_CLOSE, STOPS[leaving], witness.frame.op_id(witness.op)))
        home = self.channel.home
        count = self.survey.actors.times(sender.frame, sender.op, home.frame)
        if sender.spawn is not None and sender.spawn.caller is not None and sender.spawn.op is not None:
            count = self.survey.actors.times(sender.spawn.caller, sender.spawn.op, home.frame)
        return AbandonedProducer(
            channel=self.channel,
            at=sender.at,
            function=sender.frame.function.id,
            actor=sender.actor,
            count=count,
            confidence=Confidence.MEDIUM if home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=tuple(related),
            leaving=leaving,
            capacity=self.bound,
            reader=reader,
            joined=bool(self._joins(sender)),
            collected=self._collected(sender),
        )

    def _is_marker(self, sender: Sender) -> bool:
        held = recognise.items(self.survey.analysis.points, sender.event.call)[1]
        return bool(held) and all(looks_like_marker(obj) for obj in held)

    def _collected(self, sender: Sender) -> bool:
        return (
            sender.actor == "task"
            and self.channel.info.collected
            and self.survey.lifetimes.loses(self.channel.obj, sender.spawn)
        )


STOPS = {
    Leaving.RETURN: "this way out does not read",
    Leaving.JOIN: "waits for it here",
    Leaving.TIMEOUT: "gives up here",
    Leaving.FEWER: "the last item that is read",
    Leaving.CLOSED: "closed here, it does not read any more",
    Leaving.ERROR: "an exception here ends the reader",
    Leaving.STOPPED: "told to stop here",
    Leaving.NOBODY: "",
}


def _reaches(shape: Shape, first: Op, second: Op) -> bool:
    one, two = shape.positions[first.index].block, shape.positions[second.index].block
    return follows(shape, first, second) or two in shape.reach(one)


def _is_no_iterator(frame: Frame) -> bool:
    """Whether a generator is driven by a decorator instead of a loop."""
    return any(any(word in text for word in NOT_ITERATED) for text in frame.function.decorators)
