"""How those who read a bounded channel can stop while somebody still sends.

Nouns:

* **Reader**: a receive in one actor, with the way from the receive up to the start of the actor.
* **Run**: the function in which the channel lives, where it lives in one.
* **Leaving**: how the readers stop; **Stop**: a leaving with the place where it happens.

A reader that leaves its loop because of what it received is taken to have received the last item.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from chanlint.analysis import recognise
from chanlint.analysis.evaluate import Data
from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import CallIterator, LibInstance, LibMethod, LibName
from chanlint.analysis.paths import Search, Witness
from chanlint.analysis.program import Analysis, Way
from chanlint.analysis.raises import Risk
from chanlint.analysis.recognise import Event
from chanlint.analysis.shape import Shape
from chanlint.analysis.walk import ITERATORS, Walk
from chanlint.catalogue.schema import Category, OpKind
from chanlint.ir import ops
from chanlint.ir.ops import Op
from chanlint.model.channel import Channel
from chanlint.model.coverage import TEARDOWN
from chanlint.model.senders import Sender, Senders, Steps, follows, forward
from chanlint.model.survey import Survey

EXHAUSTING = frozenset(
    {f"builtins.{name}" for name in ("list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "max", "min")}
)
NOT_ITERATED = ("contextmanager", "fixture", "inlineCallbacks", "coroutine")
MOST_HELPERS = 4
Covering = dict[Frame, set[int]]


class Leaving(enum.StrEnum):
    """How the readers stop."""

    NOBODY = "nobody"  # no reader at all
    RETURN = "return"  # a way out that does not read
    JOIN = "join"  # it waits for the producer instead of reading
    TIMEOUT = "timeout"  # the receive gives up
    FEWER = "fewer"  # it reads less often than is sent
    CLOSED = "closed"  # a generator closed at a yield, an iterator that is dropped
    ERROR = "error"  # an exception in the reader
    STOPPED = "stopped"  # told to stop, and nobody reads what is still on its way


class Stop(NamedTuple):
    """How the readers stop, in which function, and where in it."""

    leaving: Leaving
    reader: Frame
    at: Frame
    op: Op


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """One receive in one actor."""

    event: Event
    way: Way

    def up_to(self, top: Frame | None) -> list[tuple[Frame, Op]]:
        """From the receive up to ``top`` (or the start of the actor), the op by which each frame is left."""
        found = [(self.event.frame, self.event.op)]
        for level in self.way.levels[1:]:
            if found[-1][0] is top:
                break
            found.append((level.frame, level.op))
        return found


@dataclass(slots=True)
class Readers:
    """The readers of one channel, with the senders that depend on them."""

    survey: Survey
    senders: Senders
    channel: Channel
    sent: Sequence[Sender]
    run: Frame | None
    each: list[Reader] = field(default_factory=list)
    seen: bool = True

    def __post_init__(self) -> None:
        for event in self.channel.events:
            if event.kind is OpKind.RECEIVE and not self._is_beside(event):
                self.seen = self.seen and event.call.actor is None and event.sole
                self.each.extend(Reader(event, way) for way in self.analysis.ways_up(event.frame))

    def _is_beside(self, event: Event) -> bool:
        """Whether a receive stands in a method that nobody calls, of an object that unknown code does not get."""
        return event.frame.api and self.run is not None

    @property
    def analysis(self) -> Analysis:
        """The analysed program."""
        return self.survey.analysis

    @property
    def may_be_elsewhere(self) -> bool:
        """Whether the method that receives is taken from the channel, though no receive is seen."""
        for method in self.analysis.points.heap.all(LibMethod):
            effect = self.analysis.catalogue.method(method.type, method.name)
            if channel_of(method.receiver) is self.channel.obj and effect is not None and effect.op is OpKind.RECEIVE:
                return True
        return False

    @property
    def are_callers(self) -> bool:
        """Whether none of them is started as an actor of its own."""
        return all(reader.way.spawn is None for reader in self.each)

    def releases(self) -> Covering:
        """The ops by which senders go on, receives among them."""
        return self.senders.releases(self.channel, self.sent)

    # -- ways out that do not read ----------------------------------------------------------------------------------------

    def skipped(self, starts: Iterable[tuple[Op, frozenset[int]]]) -> Iterator[Stop]:
        """Ways from an op that starts a sender out of the run that do not read; beside each op stand those that wait for it."""
        if self.run is None:
            return
        releases = self.releases()
        for event in self.channel.events:
            if event.kind is OpKind.POLL:
                releases.setdefault(event.frame, set()).add(event.op.index)
        inner: dict[int, Stop] = {}
        covering = self.surely(self.run, releases, inner)
        for start, joins in starts:
            tested = self._may_miss(self.run, start, frozenset(inner))  # the same test may decide about both
            sure = frozenset(releases.get(self.run, ())) if tested else covering
            found = self.analysis.paths.witnesses(Search(self.run, start, sure, joins=joins)) or ()
            for witness in found:
                if witness.kind == "return":
                    yield next(iter(inner.values()), Stop(Leaving.RETURN, self.run, self.run, witness.op))
                elif witness.kind == "join":
                    yield Stop(Leaving.JOIN, self.run, self.run, witness.op)
                elif witness.kind == "close" and not is_no_iterator(self.run):
                    yield Stop(Leaving.CLOSED, self.run, self.run, witness.op)
                elif witness.kind == "raise":
                    yield Stop(Leaving.ERROR, self.run, self.run, witness.op)

    def _may_miss(self, frame: Frame, start: Op, calls: frozenset[int]) -> bool:
        """Whether one of the calls is also reached without the start."""
        ways = self.analysis.paths.witnesses(Search(frame, None, frozenset({start.index}), joins=calls, first=True)) or ()
        return any(way.kind == "join" for way in ways)

    def surely(self, frame: Frame, releases: Covering, skips: dict[int, Stop], depth: int = 0) -> frozenset[int]:
        """The ops of ``frame`` that surely release: without calls of helpers that may return without doing so."""
        found = set(releases.get(frame, ()))
        shape = self.analysis.shapes.of(frame.function)
        for index in sorted(found):
            entries = frame.calls.get(index, ())
            callees = [entry.callee for entry in entries if entry.kind is EntryKind.CALL and entry.callee in releases]
            if len(callees) != 1 or len(entries) != 1 or callees[0].function.is_generator or depth >= MOST_HELPERS:
                continue
            if index not in shape.by_index or shape.in_loop(shape.by_index[index]):
                continue
            deeper: dict[int, Stop] = {}
            search = Search(callees[0], None, self.surely(callees[0], releases, deeper, depth + 1))
            out = next((way for way in self.analysis.paths.witnesses(search) or () if way.kind == "return"), None)
            if out is not None:
                found.discard(index)
                skips[index] = next(iter(deeper.values()), Stop(Leaving.RETURN, callees[0], callees[0], out.op))
        return frozenset(found)

    # -- generators and iterators -------------------------------------------------------------------------------------------

    def closed(self, starts: Sequence[tuple[Frame, Op]]) -> Stop | None:
        """A generator that reads and can be closed where it yields; ``starts`` are the ops that start senders."""
        releases = self.releases()
        for reader in self.each:
            levels, all_levels = reader.up_to(self.run), reader.up_to(None)
            for position, (frame, receive) in enumerate(levels):
                if not frame.function.is_generator or is_no_iterator(frame):
                    continue
                if any(releases.get(above, set()) - {op.index} for above, op in levels[position + 1 :]):
                    continue
                if is_private(frame) and self._is_exhausted(*all_levels[position + 1 : position + 2]):
                    continue
                at = self._closed_at(frame, receive, [op for where, op in starts if where is frame], releases)
                if at is not None:
                    return Stop(Leaving.CLOSED, frame, frame, at)
        return None

    def _is_exhausted(self, *above: tuple[Frame, Op]) -> bool:
        """Whether the function above takes everything from a generator: a loop without a way out, ``list(...)``."""
        if not above:
            return False
        ((frame, op),) = above
        if isinstance(op, ops.Iterate):
            return self._broken_off(frame, op, {}) is None
        callees = self.analysis.points.holds(frame, op.callee) if isinstance(op, ops.Call) else []
        return any(isinstance(obj, LibName) and obj.dotted in EXHAUSTING for obj in callees)

    def _closed_at(self, frame: Frame, receive: Op, starts: Sequence[Op], releases: Covering) -> Op | None:
        shape = self.analysis.shapes.of(frame.function)
        if self.run is frame and not starts:
            return None
        for op in shape.by_index.values():
            if not isinstance(op, ops.Yield):
                continue
            if op is not receive and not _reaches(shape, receive, op) and not _reaches(shape, op, receive):
                continue
            if starts and not any(_reaches(shape, start, op) for start in starts):
                continue
            search = Search(frame, op, frozenset(releases.get(frame, ())) - {op.index}, raised=True, resumes=True)
            if self.analysis.paths.witnesses(search):
                return op
        return None

    def dropped(self) -> Stop | None:
        """An iterator's ``__next__`` that reads: whoever iterates may stop, and nothing tells the object.

        Where every use of the object is seen, one of them has to stop early.
        """
        releases = self.releases()
        for reader in self.each:
            levels = reader.up_to(self.run)
            for position, (frame, op) in enumerate(levels):
                if frame.function.name not in ITERATORS or frame.function.cls is None:
                    continue
                if self.run is None:
                    return Stop(Leaving.CLOSED, frame, frame, op)
                if position + 1 < len(levels) and (found := self._broken_off(*levels[position + 1], releases)) is not None:
                    above, out = found
                    if self._ends_above(reader, position + 1, "return", releases):
                        return Stop(Leaving.CLOSED, frame, above, out)
        return None

    def _broken_off(self, frame: Frame, head: Op, releases: Covering) -> tuple[Frame, Op] | None:
        """A way out of the body of a loop that iterates, and reads no more."""
        shape = self.analysis.shapes.of(frame.function)
        if not isinstance(head, ops.Iterate):
            return None
        covering = frozenset(releases.get(frame, ()))
        for block in sorted(shape.loop(head)):
            end = shape.blocks[block].terminator
            if end is not head and any(block not in shape.normal_reach(target) for target in shape.normal_targets(block)):
                if normal(self.analysis.paths.witnesses(Search(frame, end, covering, resumes=True))):
                    return frame, end
        return None

    # -- how many ---------------------------------------------------------------------------------------------------------

    def taken(self) -> int | None:
        """How many items the run reads at most, where that is known."""
        ways: list[Steps] = []
        for reader in self.each:
            steps = reader.up_to(self.run)
            if self.run is None or steps[-1][0] is not self.run or any(frame.function.is_generator for frame, _ in steps):
                return None
            if self._takes_all(reader.event):
                return None
            ways.append(tuple(reversed(steps)))
        found = self.senders.longest(ways)
        return None if found.endless else found.number

    def _takes_all(self, event: Event) -> bool:
        """Whether a receive is handed on as an iterator: ``list(iter(get, None))``."""
        given = [argument.value for argument in event.op.args] if isinstance(event.op, ops.Call) else []
        if isinstance(event.op, ops.Yield) and event.op.delegate:
            given.append(event.op.src)
        held = [obj for register in given for obj in self.analysis.points.holds(event.frame, register)]
        return any(isinstance(obj, CallIterator) for obj in held)

    def counted(self) -> tuple[int, Stop] | None:
        """A loop that reads and leaves after a known number of items, and that number."""
        releases = self.releases()
        for reader in self.each:
            frame, receive = reader.event.frame, reader.event.op
            shape = self.analysis.shapes.of(frame.function)
            loop = shape.loop(receive)
            for block in sorted(loop):
                end = shape.blocks[block].terminator
                if not isinstance(end, ops.Branch) or (number := self._number(frame, end, end.false in loop)) is None:
                    continue
                if (end.true in loop) == (end.false in loop):
                    continue
                search = Search(frame, end, frozenset(releases.get(frame, ())), resumes=True)
                found = self.analysis.paths.witnesses(search)
                if found and found[0].kind == "return" and self._ends_above(reader, 0, "return", releases):
                    return number, Stop(Leaving.FEWER, frame, frame, end)
        return None

    def _number(self, frame: Frame, end: ops.Branch, leaves_on_true: bool) -> int | None:
        """After how many items a test of what was counted leaves the loop."""
        definitions = self.analysis.shapes.of(frame.function).definitions
        for test in definitions.get(end.condition, ()):
            if not isinstance(test, ops.Compare) or not self.is_counter(frame, test.left):
                continue
            for limit in definitions.get(test.right, ()):
                if isinstance(limit, ops.Const) and isinstance(limit.value, int) and not isinstance(limit.value, bool):
                    if test.operator in (("==", ">=") if leaves_on_true else ("!=", "<")):
                        return limit.value
                    if test.operator == (">" if leaves_on_true else "<="):
                        return limit.value + 1
        return None

    def is_counter(self, frame: Frame, register: int) -> bool:
        """Whether a value is the length of something, or a variable that is added to."""
        shape = self.analysis.shapes.of(frame.function)
        for made in shape.definitions.get(register, ()):
            if isinstance(made, ops.Call):
                callees = self.analysis.points.holds(frame, made.callee)
                return any(isinstance(obj, LibName) and obj.dotted == "builtins.len" for obj in callees)
            if isinstance(made, ops.LoadVar):
                stores = [op for op in shape.by_index.values() if isinstance(op, ops.StoreVar) and op.var == made.var]
                values = [value for store in stores for value in shape.definitions.get(store.src, ())]
                return any(isinstance(value, ops.Compute) and value.operator in ("+", "+=") for value in values)
        return False

    def gives_up(self) -> Stop | None:
        """A receive outside loops that gives up after a time, and leaves the run then without another."""
        if self.run is None:
            return None
        releases = self.releases()
        for reader in self.each:
            timed = not reader.event.blocks and not recognise.immediate(self.analysis.points, reader.event.call)
            frame, at = reader.event.frame, reader.event.op
            if not timed and not self.senders.in_scope(frame, at):
                continue
            covering = frozenset(releases.get(frame, ())) - {at.index}
            swallows = frozenset(self._swallowing(frame, at))
            found = self.analysis.paths.witnesses(Search(frame, at, covering, raised=True, resumes=True, swallows=swallows))
            if found and self._ends_above(reader, 0, found[0].kind, releases):
                return Stop(Leaving.TIMEOUT, frame, frame, at)
        return None

    def _swallowing(self, frame: Frame, at: Op) -> Iterator[int]:
        """The ends of the scopes round an op that go on after the ``with`` when their time is over."""
        shape = self.analysis.shapes.of(frame.function)
        for index, region in shape.regions.items():
            enter = shape.by_index[index]
            if at.index not in region or not isinstance(enter, ops.Enter):
                continue
            for obj in self.analysis.points.holds(frame, enter.manager):
                if isinstance(obj, LibInstance):
                    calls = obj.maker.lib_calls.get(obj.site.op, ())
                    if any(call.effect.op is OpKind.LIMIT and not call.effect.raises for call in calls):
                        yield from (
                            op.index for op in shape.by_index.values() if isinstance(op, ops.Exit) and op.enter == index
                        )

    # -- told to stop ---------------------------------------------------------------------------------------------------------

    def serves(self, reader: Reader) -> bool:
        """Whether a reader hands what it takes to somebody, instead of emptying the channel in a loop of its own."""
        if recognise.immediate(self.analysis.points, reader.event.call):
            return False
        function = reader.event.frame.function
        looped = self.analysis.shapes.of(function).in_loop(reader.event.op)
        return function.is_generator or function.name in ITERATORS or not looped

    def told_to_stop(self, spawned: Sequence[Sender], joins: Covering) -> Stop | None:
        """A teardown method that sets the flag which a sender tests between its sends, and lets it wait in the send.

        ``joins``: where somebody waits for the senders; a flag that is set only after that comes when they are done.
        """
        releases = self.releases()
        for sender in spawned:
            walk = Walk(self.analysis, self.channel.obj, sender.way.levels, sender.event.op)
            response = walk.respond(Data())
            inside = {level.frame for level in sender.way.levels}
            for owner, name in self.survey.endings.flags.of(response):
                for frame, op in self.survey.endings.flags.sets(owner, name):
                    if frame in inside or not self._is_teardown(frame):
                        continue
                    shape = self.analysis.shapes.of(frame.function)
                    waits = [shape.by_index[index] for index in joins.get(frame, ()) if index in shape.by_index]
                    if any(shape.can_follow(op, wait) for wait in waits):
                        continue
                    ways = self.analysis.paths.witnesses(Search(frame, op, frozenset(releases.get(frame, ())), resumes=True))
                    if normal(ways):
                        return Stop(Leaving.STOPPED, frame, frame, op)
        return None

    def _is_teardown(self, frame: Frame) -> bool:
        return frame.receiver is self.channel.home.owner and frame.function.name in TEARDOWN

    # -- exceptions -------------------------------------------------------------------------------------------------------

    def die(self) -> Stop | None:
        """Whether an exception can end each of them, and where it ends the first."""
        found = [self._death(reader) for reader in self.each]
        return None if not found or any(stop is None for stop in found) else found[0]

    def _death(self, reader: Reader) -> Stop | None:
        """The op of a reader whose exception leaves its actor (or the run) without another receive."""
        spawn = reader.way.spawn
        levels = reader.up_to(self.run if spawn is None else None)
        if spawn is None and levels[-1][0] is not self.run:
            return None
        if spawn is not None and not self._is_let_die(reader):
            return None
        releases = self.releases()
        dies: Stop | None = None
        for position, (frame, receive) in enumerate(levels):
            for op in self._after(frame, receive):
                if op is receive or not self._may_fail(frame, op):
                    continue
                if dies is not None and not self.analysis.raises.is_likelier(frame, op, dies.at, dies.op):
                    continue
                covering = frozenset(releases.get(frame, ())) - {op.index}
                kind = self._left_by(frame, op, covering)
                if kind is not None and self._ends_above(reader, position, kind, releases):
                    dies = Stop(Leaving.ERROR, levels[-1][0], frame, op)
        return dies

    def _left_by(self, frame: Frame, op: Op, covering: frozenset[int]) -> str | None:
        """How an exception of ``op`` leaves a frame without another receive.

        It does not where it is caught and the loop goes on as long as its own test says, as it would without the exception.
        """
        paths = self.analysis.paths
        kinds = [way.kind for way in paths.witnesses(Search(frame, op, covering, raised=True, resumes=True)) or ()]
        if "return" in kinds and paths.covered:
            usual = paths.witnesses(Search(frame, op, covering, resumes=True))
            if normal(usual):
                kinds.remove("return")
        return kinds[0] if kinds else None

    def _may_fail(self, frame: Frame, op: Op) -> bool:
        """Whether an op may raise, but not what it received; where somebody wrote a handler, it need not be likely."""
        risk = self.analysis.raises.risk(frame, op)
        if isinstance(op, ops.Raise) or risk is Risk.NONE:
            return False
        if risk is Risk.COUNTS:
            return True
        blocks = frame.function.cfg.blocks
        handler = blocks[self.analysis.shapes.of(frame.function).positions[op.index].block].handler
        catch = blocks[handler].terminator if handler >= 0 else None
        return isinstance(catch, ops.Catch) and catch.matched in self.analysis.raises.routes(frame, catch, ())

    def _is_let_die(self, reader: Reader) -> bool:
        """Whether an exception of a spawned reader ends nobody else: no task group, nothing that awaits it with others."""
        spawn = reader.way.spawn
        kind = self.survey.actors.kind(self.channel, spawn)
        if kind in ("thread", "process", "job"):
            return True
        if spawn is None or spawn.caller is None or spawn.op is None or kind != "task":
            return False
        calls = spawn.caller.lib_calls.get(spawn.op.index, ())
        grouped = any(recognise.category_of(self.analysis.points, call.receiver) is Category.GROUP for call in calls)
        return not grouped and not any(call.effect.op is OpKind.AWAIT_ALL for call in calls)

    def _after(self, frame: Frame, receive: Op) -> Iterator[Op]:
        """The ops that may run between a receive and the next, or after the last."""
        shape = self.analysis.shapes.of(frame.function)
        at = shape.positions[receive.index]
        blocks = shape.loop(receive) or frozenset({at.block, *forward(shape, at.block)})
        for block in sorted(blocks):
            yield from (op for op in shape.listing[block] if blocks and (shape.in_loop(receive) or follows(shape, receive, op)))

    def _ends_above(self, reader: Reader, position: int, kind: str, releases: Covering) -> bool:
        """Whether the actor (or the run) ends, too, once the frame at ``position`` is left in this way."""
        for frame, op in reader.up_to(self.run if reader.way.spawn is None else None)[position + 1 :]:
            if kind != "raise" and self.analysis.shapes.of(frame.function).in_loop(op):
                return False
            covering = frozenset(releases.get(frame, ())) - {op.index}
            found = self.analysis.paths.witnesses(Search(frame, op, covering, raised=kind == "raise", resumes=True))
            if not found:
                return False
            kind = found[0].kind
        return True


def _reaches(shape: Shape, first: Op, second: Op) -> bool:
    one, two = shape.positions[first.index].block, shape.positions[second.index].block
    return follows(shape, first, second) or two in shape.reach(one)


def is_no_iterator(frame: Frame) -> bool:
    """Whether a generator is driven by a decorator instead of a loop."""
    return any(any(word in text for word in NOT_ITERATED) for text in frame.function.decorators)


def is_private(frame: Frame) -> bool:
    """Whether only code that is seen calls a function: it stands in another, or its name says so."""
    function = frame.function
    return frame.parent is not None and (function.name.startswith("_") or "<locals>" in function.id.qualname)


def normal(ways: Sequence[Witness] | None) -> bool:
    """Whether one of the ways out is no exception."""
    return any(way.kind == "return" for way in ways or ())
