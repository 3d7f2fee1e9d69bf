"""Finds receives that wait because a check before them is stale: another reader took the item in between.

Nouns:

* **Check**: ``empty()``, ``qsize()`` or ``full()`` of a queue, and the branch that it decides.
* **Guarded receive**: a receive without bound that is reached only on one side of that branch.
* **Rival**: another actor that may take the item between the check and the receive.

Also finds methods that are tested without being called (``while not q.empty:``), whoever reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chanlint.analysis import recognise
from chanlint.analysis.frames import Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.multiplicity import ONE
from chanlint.analysis.objects import Coroutine, End, LibMethod, LibName, Obj
from chanlint.analysis.program import Way
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind, World
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.cfg import RETURN_EXIT
from chanlint.ir.ids import BlockId, FunctionId, OpId
from chanlint.ir.ops import Op, Register
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.holding import Holding
from chanlint.model.survey import Survey

PREEMPTIVE = frozenset({World.THREAD, World.PROCESS})
MOST_STEPS = 24


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class StaleCheck(Defect):
    """A receive behind a stale check.

    Attributes:
        method: the name of the receive.
        check: the name of the check.
        rival: the function in which another reader takes items; None where the rivals run the same code.
    """

    method: str
    check: str
    rival: FunctionId | None


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class UncalledCheck(Defect):
    """A check that is tested without being called, so that the test is always true."""

    check: str


def find(survey: Survey) -> Iterator[StaleCheck | UncalledCheck]:
    """The stale checks, channel by channel, then the checks that are not called."""
    finder = _Finder(survey)
    for channel in survey.channels:
        yield from finder.about(channel)
    yield from finder.uncalled()


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.holding = Holding(survey.analysis)
        self._coroutines: dict[Frame, list[Coroutine]] = {}
        for made in survey.analysis.points.heap.all(Coroutine):
            self._coroutines.setdefault(made.frame, []).append(made)

    def about(self, channel: Channel) -> Iterator[StaleCheck]:
        """The stale checks of one channel."""
        checks = [event for event in channel.events if event.kind is OpKind.POLL and event.sole]
        for event in channel.events:
            if event.kind is not OpKind.RECEIVE or not event.blocks or not event.sole or event.call.actor is not None:
                continue
            for check in checks:
                if check.frame is event.frame and self._guards(check, event) and self._may_go_stale(check, event):
                    found = self._judge(channel, check, event)
                    if found is not None:
                        yield found
                        break

    def _judge(self, channel: Channel, check: Event, event: Event) -> StaleCheck | None:
        rival = self._rival(channel, event)
        if rival is None:
            return None
        way, other = rival
        related = [Place(Role.RECEIVES, "the check that may be stale", check.frame.op_id(check.op))]
        if way.spawn is not None:
            related.append(Place(Role.SPAWNED, "readers started here", self.survey.actors.place(way.spawn)))
        if other is not event:
            related.append(Place(Role.RECEIVES, "may take the item in between", other.frame.op_id(other.op)))
        return StaleCheck(
            channel=channel,
            at=event.frame.op_id(event.op),
            function=event.frame.function.id,
            actor=self.survey.actors.kind(channel, way.spawn) if other is event else "caller",
            confidence=Confidence.MEDIUM if channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=tuple(related),
            method=event.call.name,
            check=check.call.name,
            rival=other.frame.function.id if other is not event else None,
        )

    # -- checks ---------------------------------------------------------------------------------------------------------------

    def _guards(self, check: Event, event: Event) -> bool:
        """Whether ``event`` is reached on one side only of the branch (or loop) that ``check`` decides."""
        shape = self.analysis.shapes.of(check.frame.function)
        goal = shape.positions[event.op.index].block
        result = getattr(check.op, "dst", None)
        for block in shape.blocks.values():
            end = block.terminator
            sides: tuple[BlockId, ...] = ()
            if isinstance(end, ops.Branch) and self._derives(check.frame, end.condition, result):
                sides = (end.true, end.false)
            elif isinstance(end, ops.Iterate) and self._counts_down(check.frame, end, result):
                sides = (end.item, end.done)
            inside = [side for side in sides if goal in self._reach(check.frame, side, block.id)]
            around = goal in self._reach(check.frame, check.frame.function.cfg.entry, block.id)
            if len(inside) == 1 and len(set(sides)) == 2 and not around:
                other = next(side for side in sides if side != inside[0])
                # the other side gives up: it gets out without coming back to the check by itself
                gives_up = RETURN_EXIT in self._reach(check.frame, other, block.id)
                return gives_up or self._leaves_loop(check.frame, block.id) or self._refills(event)
        return False

    def _counts_down(self, frame: Frame, head: ops.Iterate, result: Register | None) -> bool:
        """Whether a loop runs as often as a check said: ``for _ in range(q.qsize())``."""
        definitions = self.analysis.shapes.of(frame.function).definitions
        for start in definitions.get(head.iterator, ()):
            for made in definitions.get(start.src, ()) if isinstance(start, ops.IterStart) else ():
                if isinstance(made, ops.Call) and any(
                    isinstance(obj, LibName) and obj.dotted == "builtins.range"
                    for obj in self.analysis.points.holds(frame, made.callee)
                ):
                    return any(self._derives(frame, argument.value, result) for argument in made.args)
        return False

    def _leaves_loop(self, frame: Frame, head: BlockId) -> bool:
        """Whether the function can be left after the check was passed again."""
        shape = self.analysis.shapes.of(frame.function)
        return any(edge.target == RETURN_EXIT for at in {head, *shape.reach(head)} for edge in shape.blocks[at].edges())

    def _refills(self, event: Event) -> bool:
        """Whether the function that waits is one that sends (it makes room first), so that its own wait keeps items away."""
        shape = self.analysis.shapes.of(event.frame.function)
        return any(
            other.kind is OpKind.SEND and other.frame is event.frame and shape.can_follow(other.op, event.op)
            for other in self.analysis.by_subject.get(event.subject, ())
        )

    def _reach(self, frame: Frame, start: BlockId, without: BlockId) -> frozenset[BlockId]:
        """The blocks (and the way out) that follow ``start`` without an exception and without passing ``without``."""
        shape = self.analysis.shapes.of(frame.function)
        seen: set[BlockId] = set()
        waiting = [start]
        while waiting:
            block = waiting.pop()
            if block in seen or block == without:
                continue
            seen.add(block)
            if block >= 0:
                waiting.extend(edge.target for edge in shape.blocks[block].edges() if edge.kind != "raise")
        return frozenset(seen)

    def _derives(self, frame: Frame, condition: Register, result: Register | None) -> bool:
        """Whether a condition is computed from the result of a check, directly or through a name."""
        shape = self.analysis.shapes.of(frame.function)
        seen, waiting = {condition}, [condition]
        while waiting and len(seen) < MOST_STEPS:
            register = waiting.pop()
            if register == result:
                return True
            for made in shape.definitions.get(register, ()):
                read: tuple[Register, ...] = ()
                match made:
                    case ops.Copy():
                        read = (made.src,)
                    case ops.Compare():
                        read = (made.left, made.right)
                    case ops.Compute():
                        read = made.operands
                    case ops.LoadVar():
                        stores = [op for op in shape.by_index.values() if isinstance(op, ops.StoreVar) and op.var == made.var]
                        read = (stores[0].src,) if len(stores) == 1 else ()
                waiting.extend(r for r in read if r not in seen)
                seen.update(read)
        return False

    def _may_go_stale(self, check: Event, event: Event) -> bool:
        """Whether anybody else can run between the check and the receive, without a lock that keeps them out."""
        if self.holding.held(check.frame, check.op) & self.holding.held(event.frame, event.op):
            return False
        if self._under_unknown(check, event):
            return False
        info = recognise.type_of(self.analysis.points, check.handle)
        if info is not None and info.world in PREEMPTIVE:
            return True
        shape = self.analysis.shapes.of(check.frame.function)
        return any(
            isinstance(op, ops.Await)
            and op is not event.op
            and shape.can_follow(op, check.op)
            and self._between(check, op, event)
            for op in shape.by_index.values()
        )

    def _between(self, check: Event, op: Op, event: Event) -> bool:
        """Whether ``op`` lies on a way from the check to the receive that does not pass the check again."""
        shape = self.analysis.shapes.of(check.frame.function)
        start, middle, goal = (shape.positions[each.index] for each in (check.op, op, event.op))
        if start.block == middle.block:
            first = start.offset < middle.offset
        else:
            first = any(middle.block in self._reach(check.frame, t, start.block) for t in shape.normal_targets(start.block))
        if middle.block == goal.block:
            return first and middle.offset < goal.offset
        following = {b for t in shape.normal_targets(middle.block) for b in self._reach(check.frame, t, start.block)}
        return first and goal.block in following

    def _under_unknown(self, check: Event, event: Event) -> bool:
        """Whether both stand in a ``with`` over something that may be a lock."""
        shape = self.analysis.shapes.of(check.frame.function)
        for index, region in shape.regions.items():
            if check.op.index in region and event.op.index in region:
                enter = shape.by_index[index]
                if isinstance(enter, ops.Enter) and not self.analysis.points.holds(check.frame, enter.manager):
                    return True
        return False

    # -- rivals ---------------------------------------------------------------------------------------------------------------

    def _rival(self, channel: Channel, event: Event) -> tuple[Way, Event] | None:
        """Who else may take the item: the same code in another actor, or another receive."""
        ways = self.analysis.ways_up(event.frame)
        for way in ways:
            if way.spawn is not None and self._several(channel, way):
                return way, event
        for other in channel.events:
            if other.kind is not OpKind.RECEIVE or other is event or _at_the_other_end(event, other):
                continue
            for theirs in self.analysis.ways_up(other.frame):
                for way in ways:
                    if self._apart(way, theirs) and not self._has_ended(event, way, theirs):
                        return (theirs if way.spawn is None else way), other
        return None

    def _several(self, channel: Channel, way: Way) -> bool:
        """Whether a spawn starts more than one actor that reads this very channel."""
        spawn = way.spawn
        assert spawn is not None
        if spawn.caller is None or spawn.op is None:
            return False
        if channel.maker is not None:
            for made in self.analysis.ways_up(channel.maker):
                if made.spawn is not None and made.spawn.callee is spawn.callee:
                    return False  # each of them makes a channel of its own
        if any(call.effect.each for call in spawn.caller.lib_calls.get(spawn.op.index, ())):
            return True
        if any(self._repeats(made.maker, made.site.op) for made in self._coroutines.get(spawn.callee, ())):
            return True  # gather(*[work() for _ in range(2)])
        home = channel.home
        for frame, op in self.survey.actors.callers(spawn.caller, spawn.op):
            if home.kind is HomeKind.OBJECT and frame.receiver is not home.owner:
                return False  # from here on it may be another object each time
            if self._repeats(frame, op.index):
                return True
            if frame is home.frame:
                return False
        return False

    def _repeats(self, frame: Frame, index: int) -> bool:
        """Whether an op of ``frame`` runs more than once in one run of it, as far as is known."""
        op = self.analysis.shapes.of(frame.function).by_index.get(index)
        count = self.analysis.counts.of(frame, op) if op is not None else ONE
        return count.number is None or count.number > 1

    def _apart(self, way: Way, theirs: Way) -> bool:
        """Whether two ways belong to different actors, of which at least one was started here."""
        if way.spawn is None and theirs.spawn is None:
            return False
        if way.spawn is None or theirs.spawn is None:
            lone = way if way.spawn is None else theirs
            return not lone.top.api  # what a method offers is not done
        ours, caller = way.spawn, way.spawn.caller
        if caller is None or theirs.spawn.caller is None or ours.op is None or theirs.spawn.op is None:
            return False
        if caller is not theirs.spawn.caller:
            return not caller.api and not theirs.spawn.caller.api
        if ours.op is theirs.spawn.op:
            return ours.callee is not theirs.spawn.callee and self._repeats(caller, ours.op.index)
        shape = self.analysis.shapes.of(caller.function)  # one branch may start this reader, the other that
        return shape.can_follow(ours.op, theirs.spawn.op) or shape.can_follow(theirs.spawn.op, ours.op)

    def _has_ended(self, event: Event, way: Way, theirs: Way) -> bool:
        """Whether the other actor is waited for, or not yet started, before the receive."""
        spawn = theirs.spawn
        if spawn is None or spawn.caller is None or spawn.op is None:
            return False
        subjects = [spawn.actor, *(channel_of(call.receiver) for call in spawn.caller.lib_calls.get(spawn.op.index, ()))]
        joins = [e for s in subjects if s is not None for e in self.analysis.by_subject.get(s, ()) if e.kind is OpKind.JOIN]
        joins += [e for e in self.analysis.by_subject.get(event.subject, ()) if e.kind is OpKind.AWAIT_DRAINED]
        places = [(level.frame, event.op if position == 0 else level.op) for position, level in enumerate(way.levels)]
        for frame, op in places:
            shape = self.analysis.shapes.of(frame.function)
            if any(join.frame is frame and shape.can_follow(op, join.op) for join in joins):
                return True
            if frame is spawn.caller and not shape.can_follow(op, spawn.op):
                return True
        return False

    # -- checks that are not called -----------------------------------------------------------------------------------------

    def uncalled(self) -> Iterator[UncalledCheck]:
        """The tests of a bound method."""
        channels: dict[Obj | None, Channel] = {channel.obj: channel for channel in self.survey.channels}
        names = {
            name for info in self.analysis.catalogue.types.values() for name, e in info.methods.items() if e.op is OpKind.POLL
        }
        told: set[OpId] = set()
        for frame, op in self.analysis.each(ops.LoadAttr):
            if op.attr not in names or frame.op_id(op) in told:
                continue
            method = self._check(frame, op.dst)
            channel = channels.get(channel_of(method.receiver)) if method is not None else None
            if method is not None and channel is not None and self._is_tested(frame, op):
                told.add(frame.op_id(op))
                yield UncalledCheck(channel=channel, at=frame.op_id(op), function=frame.function.id, check=method.name)

    def _is_tested(self, frame: Frame, op: ops.LoadAttr) -> bool:
        """Whether a branch hangs on what was loaded itself."""
        shape = self.analysis.shapes.of(frame.function)
        tests = (block.terminator for block in shape.blocks.values())
        return any(
            isinstance(end, ops.Branch) and end.condition == op.dst and shape.definitions[end.condition] == [op]
            for end in tests
        )

    def _check(self, frame: Frame, register: Register) -> LibMethod | None:
        """The check that a register holds and nothing else."""
        held = self.analysis.points.holds(frame, register)
        for obj in held:
            if not isinstance(obj, LibMethod):
                return None
            effect = self.analysis.catalogue.method(obj.type, obj.name)
            if effect is None or effect.op is not OpKind.POLL:
                return None
        return held[0] if held and isinstance(held[0], LibMethod) else None


def _at_the_other_end(event: Event, other: Event) -> bool:
    """Whether two receives are at the two ends of a pipe, so that each takes what the other side sends."""
    one = event.handle
    return isinstance(one, End) and one.role in recognise.OPPOSITE and recognise.is_opposite(one, other.handle)
