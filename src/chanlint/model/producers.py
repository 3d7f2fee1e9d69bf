"""Finds producers that can stay in a send of a bounded channel for ever, because whoever reads can stop first.

Nouns: **Sender** and **Release** (see `senders`), **Reader**, **Run** and **Stop** (see `readers`), **Capacity** and **Load**
(see `capacity`).

It is told only where every reader is seen and every release is missed. A channel of the whole program, one that unknown code
holds and one whose reader waits for the producer's own end marker are left alone, and so is an object with a method that
releases its producer on every path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chanlint.analysis import recognise
from chanlint.analysis.frames import Frame
from chanlint.analysis.objects import Instance
from chanlint.analysis.paths import Search
from chanlint.catalogue.schema import OpKind, World
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir.ops import Op
from chanlint.model import capacity, early_exits
from chanlint.model.capacity import Capacity, Load
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.coverage import TEARDOWN
from chanlint.model.endings import looks_like_marker
from chanlint.model.readers import Leaving, Readers, Stop, normal
from chanlint.model.senders import Sender, Senders
from chanlint.model.survey import Survey


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class AbandonedProducer(Defect):
    """A producer whose readers can stop first.

    Attributes:
        leaving: how they stop.
        capacity: how many items fit.
        reader: the function that stops reading, None where there is none.
        readers_are_many: several actors read, and all of them have to stop.
        joined: somebody waits for the producer, and so hangs with it.
        collected: the collector ends the producer, because nothing live refers to it.
    """

    leaving: Leaving
    capacity: Capacity
    reader: Frame | None = None
    readers_are_many: bool = False
    joined: bool = False
    collected: bool = False

    @property
    def blocks_its_thread(self) -> bool:
        """Whether a send blocks a whole thread, so that a cancellation cannot reach it."""
        return self.channel.info.world in (World.THREAD, World.PROCESS)

    @property
    def exceptional(self) -> bool:
        """Whether it takes an exception."""
        return self.leaving is Leaving.ERROR


def find(survey: Survey) -> Iterator[AbandonedProducer]:
    """Every producer that can be abandoned, at most one for each channel."""
    senders = Senders(survey)
    for channel in survey.channels:
        if channel.home.kind is HomeKind.PROGRAM or survey.analysis.escapes.of(channel.obj) is not None:
            continue
        bound = capacity.of(survey.analysis, channel)
        sent = senders.of(channel) if bound is not None else None
        if bound is None or not sent or senders.out_of_sight(sent):
            continue
        run = _run(survey, channel)
        kept = [sender for sender in sent if run is None or not sender.event.frame.api]
        case = _Case(survey, senders, channel, bound, kept, run, Readers(survey, senders, channel, kept, run))
        stop = case.stop()
        if stop is not None:
            yield case.tell(stop[0], stop[1])


def _run(survey: Survey, channel: Channel) -> Frame | None:
    """The function in which a channel lives, by itself or in an object that does not leave it."""
    home = channel.home
    if home.kind is HomeKind.CALL:
        return home.frame
    owner = home.owner
    if not isinstance(owner, Instance) or owner.synthetic or survey.analysis.escapes.of(owner) is not None:
        return None
    if survey.lifetimes.is_live(owner):
        return None
    above = survey.lifetimes.home(owner, owner.maker)
    return above.frame if above.kind is HomeKind.CALL else None


@dataclass(slots=True)
class _Case:
    """One bounded channel with its senders and readers."""

    survey: Survey
    senders: Senders
    channel: Channel
    bound: Capacity
    sent: list[Sender]
    run: Frame | None
    readers: Readers

    def stop(self) -> tuple[list[Sender], Stop | None] | None:
        """The first way in which all readers stop, and the senders that it strands."""
        if not self.readers.seen or not self.sent:
            return None
        if not self.readers.each:
            if self.run is None or self.readers.may_be_elsewhere or self.readers.releases():
                return None
            return (self.sent, None) if self._is_too_much(self.sent, 0) else None
        spawned = [sender for sender in self.sent if self._stays(sender)]
        if self.readers.are_callers:
            found = self._of_callers(spawned) if spawned else None
            return (spawned, found) if found is not None else None
        return self._of_actors(spawned)

    def _stays(self, sender: Sender) -> bool:
        """Whether a spawned sender is no actor that lives as long as the program anyway."""
        if sender.spawn is None:
            return False
        info = recognise.type_of(self.survey.analysis.points, sender.spawn.actor)
        keeps = bool(info and info.keeps_interpreter) or sender.actor == "job"
        daemon = self.survey.actors.is_daemon(sender.spawn)
        home = self.channel.home
        return self.survey.lifetimes.silence(home, sender.spawn, daemon=daemon, keeps_interpreter=keeps) is None

    # -- readers that are callers -----------------------------------------------------------------------------------------

    def _of_callers(self, spawned: list[Sender]) -> Stop | None:
        if self.run is None:
            return self._of_object(spawned)
        if self._is_too_much(spawned, 1) and (found := self.readers.closed(self._starts(spawned))) is not None:
            return found
        if self._is_too_much(spawned, 0):
            run = self.run
            starts = [(op, self._joins(sender).get(run, set())) for sender in spawned if (op := self._started(sender, run))]
            for stop in self.readers.skipped((op, frozenset(joins)) for op, joins in starts):
                return stop
        dropped = self.readers.dropped() if self._is_too_much(spawned, 1) else None
        return dropped or self._by_number(spawned) or self._of_exceptions(spawned)

    def _by_number(self, spawned: list[Sender]) -> Stop | None:
        """The run reads a known number of times, and more is sent than that and than fits."""
        if self.bound.count.number is None or all(map(self.senders.answers, spawned)):
            return None
        if self._load(spawned).endless and (early := early_exits.limited(self.readers, spawned)) is not None:
            return early
        counted = self.readers.counted()
        if counted is not None and self._is_too_much(spawned, counted[0]):
            return counted[1]
        taken = self.readers.taken()
        if taken is None or self.run is None:
            return None
        last = self.readers.each[-1].up_to(self.run)
        if self._is_too_much(spawned, taken) and not self._is_closed_after(*last[-1]):
            return Stop(Leaving.FEWER, self.run, *last[0])
        return self.readers.gives_up() if self._is_too_much(spawned, taken - 1) else None

    def _is_closed_after(self, frame: Frame, op: Op) -> bool:
        closes = self.senders.releases(self.channel, self.sent, reading=False).get(frame, set())
        return not self.survey.analysis.paths.witnesses(Search(frame, op, frozenset(closes) - {op.index}, resumes=True))

    def _of_exceptions(self, spawned: list[Sender]) -> Stop | None:
        return self.readers.die() if self._load(spawned).endless and self._is_too_much(spawned, 1) else None

    def _of_object(self, spawned: list[Sender]) -> Stop | None:
        """An object that anybody may use: a generator or iterator of it reads, and no method releases the producer."""
        if not self._is_too_much(spawned, 1) or self._has_teardown():
            return None
        joins: dict[Frame, set[int]] = {}
        for sender in spawned:
            for frame, indexes in self._joins(sender).items():
                joins.setdefault(frame, set()).update(indexes)
        told = self.readers.told_to_stop(spawned, joins)
        return told or self.readers.closed(self._starts(spawned)) or self.readers.dropped()

    def _has_teardown(self) -> bool:
        """Whether a method of the owner, other than those that read for the caller, surely releases the producer."""
        serving = [reader for reader in self.readers.each if self.readers.serves(reader)]
        taken = {frame for reader in serving for frame, _ in reader.up_to(None) if frame.function.name not in TEARDOWN}
        taken.update(level.frame for sender in self.sent for level in sender.way.levels)
        releases = self.readers.releases()
        for frame in list(releases):
            if frame not in taken and frame.receiver is self.channel.home.owner:
                search = Search(frame, None, self.readers.surely(frame, releases, {}), guards=True)
                if not normal(self.survey.analysis.paths.witnesses(search)):
                    return True
        return False

    # -- readers that are spawned -------------------------------------------------------------------------------------------

    def _of_actors(self, spawned: list[Sender]) -> tuple[list[Sender], Stop] | None:
        """Every reader is an actor that an exception can end."""
        if any(reader.way.spawn is None for reader in self.readers.each):
            return None
        inside = frozenset(frame for reader in self.readers.each for frame, _ in reader.up_to(None))
        own = [reader.way.spawn for reader in self.readers.each]  # who takes an item and puts it back waits for nobody else
        others = [s for s in self.sent if s.event.frame not in inside and s.spawn not in own]
        sent = [s for s in others if s.spawn is None or s in spawned]
        if len(sent) < len(self.sent) or not self._load(sent).endless or not self._is_too_much(sent, 1):
            return None
        if self.senders.releases(self.channel, sent, inside) or (self.run is None and self._are_many()):
            return None  # a pool that an object keeps does with fewer
        found = self.readers.die()
        return (sent, found) if found is not None else None

    def _are_many(self) -> bool:
        """Whether a reader is started more than once: an exception ends one of them, not the others."""
        home = self.run or self.channel.home.frame
        spawns = [reader.way.spawn for reader in self.readers.each]
        times = [self.survey.actors.times(s.caller, s.op, home) for s in spawns if s is not None and s.caller and s.op]
        return any(count.number != 1 for count in times)

    # -- helpers ------------------------------------------------------------------------------------------------------------

    def _load(self, sent: Sequence[Sender]) -> Load:
        return self.senders.load(self.channel, sent, self.run)

    def _is_too_much(self, sent: Sequence[Sender], taken: int) -> bool:
        """Whether more is sent than is taken and fits; two different names are taken to be different numbers."""
        load = self._load(sent)
        if load.exceeds(self.bound, taken) is not None:
            return True
        if not load.endless or self.bound.fitted:
            return False
        return load.many or self.bound.count.expression is None or load.expression != self.bound.count.expression

    def _starts(self, spawned: Sequence[Sender]) -> list[tuple[Frame, Op]]:
        """The ops that start senders, each with those that call the function that holds it."""
        found: list[tuple[Frame, Op]] = []
        for sender in spawned:
            if sender.spawn is not None and sender.spawn.caller is not None and sender.spawn.op is not None:
                found += self.survey.coverages.upward(sender.spawn.caller, sender.spawn.op)
        return found

    def _started(self, sender: Sender, frame: Frame) -> Op | None:
        """The op of ``frame`` by which a sender is started."""
        return next((op for at, op in self._starts([sender]) if at is frame), None)

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

    # -- telling ------------------------------------------------------------------------------------------------------------

    def tell(self, sent: list[Sender], stop: Stop | None) -> AbandonedProducer:
        """The defect."""
        shapes = self.survey.analysis.shapes
        looped = {each for each in sent if shapes.of(each.frame.function).in_loop(each.op)}
        sender = min(sent, key=lambda each: (self._is_marker(each), each not in looped, -each.op.index))
        spawn = sender.spawn
        related: list[Place] = []
        if spawn is not None:
            related.append(Place(Role.SPAWNED, f"{sender.actor} started here", self.survey.actors.place(spawn)))
        for reader in self.readers.each:
            related.append(Place(Role.RECEIVES, "reads here", reader.event.frame.op_id(reader.event.op)))
        if stop is not None:
            related.append(Place(Role.SKIPS_CLOSE, STOPS[stop.leaving], stop.at.op_id(stop.op)))
        home = self.run or self.channel.home.frame
        count = self.survey.actors.times(sender.frame, sender.op, home)
        if spawn is not None and spawn.caller is not None and spawn.op is not None:
            count = self.survey.actors.times(spawn.caller, spawn.op, home)
        return AbandonedProducer(
            channel=self.channel,
            at=sender.at,
            function=sender.frame.function.id,
            actor=sender.actor,
            count=count,
            confidence=Confidence.MEDIUM if self.channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=tuple(related),
            leaving=stop.leaving if stop is not None else Leaving.NOBODY,
            capacity=self.bound,
            reader=stop.reader if stop is not None else None,
            readers_are_many=self._are_many(),
            joined=bool(self._joins(sender)),
            collected=self._is_collected(sender),
        )

    def _is_marker(self, sender: Sender) -> bool:
        held = recognise.items(self.survey.analysis.points, sender.event.call)[1]
        return bool(held) and all(looks_like_marker(obj) for obj in held)

    def _is_collected(self, sender: Sender) -> bool:
        is_task = sender.actor == "task" and self.channel.info.collected
        return is_task and self.survey.lifetimes.loses(self.channel.obj, sender.spawn)


STOPS = {
    Leaving.RETURN: "this way out does not read",
    Leaving.JOIN: "waits for it here",
    Leaving.TIMEOUT: "gives up here",
    Leaving.FEWER: "reads no more after this",
    Leaving.CLOSED: "stopped here, it does not read any more",
    Leaving.ERROR: "an exception here ends the reader",
    Leaving.STOPPED: "told to stop here",
}
