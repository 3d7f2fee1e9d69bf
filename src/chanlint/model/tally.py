"""Follows the paths of one actor through its helpers, generators and exceptions, and counts what it owes to a channel.

Nouns:

* **Owed**: how many items were taken on a path and not yet acknowledged.
* **Flight**: an exception under way, with the op that raised it.
* **State**: a point on a path.

What acknowledges out of sight (another actor that is started here, a callback, a helper that the bounds cut off) settles the
account: the path is given up, and silence follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from chanlint.analysis import evaluate
from chanlint.analysis.evaluate import UNKNOWN, Value, Values
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.limits import PATH_STEPS
from chanlint.analysis.objects import LibName
from chanlint.analysis.program import Analysis
from chanlint.analysis.raises import Risk
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import END_OF_ITERATION, Raised
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op, Variable
from chanlint.model.ledger import Ledger

DEEPEST = 12
MOST_OWED = 3
KINDS = frozenset({"==", "!=", "in", "not-in", "is", "is-not"})
REST = "rest"  # the last test of the item said that it is of none of the kinds that were asked for
LEAVES_PROGRAM = frozenset({"sys.exit", "builtins.exit", "builtins.quit", "os._exit", "os.abort"})


class Flight(NamedTuple):
    """An exception under way: the names it may have (none: unknown), whether it is a cancellation, and who raised it."""

    names: tuple[str, ...]
    cancel: bool
    frame: Frame
    op: Op


class Call(NamedTuple):
    """A running frame and the op of the frame below it on the stack that called it."""

    frame: Frame
    op: Op | None


@dataclass(slots=True)
class State:
    """A point on a path: the frames that run, what is known of values, and what is owed."""

    stack: tuple[Call, ...]
    block: BlockId
    index: int = 0
    values: Values = field(default_factory=dict)
    owed: int = 0
    tags: frozenset[str] = frozenset()
    flying: Flight | None = None
    caught: Flight | None = None
    past: Flight | None = None
    earlier: Op | None = None

    @property
    def frame(self) -> Frame:
        """The innermost frame."""
        return self.stack[-1].frame

    @property
    def level(self) -> int:
        """Its depth, by which the values of its registers are known."""
        return len(self.stack) - 1

    def fork(self) -> State:
        """A copy to go on from."""
        return State(
            self.stack,
            self.block,
            self.index,
            dict(self.values),
            self.owed,
            self.tags,
            self.flying,
            self.caught,
            self.past,
            self.earlier,
        )

    def key(self) -> object:
        """What tells it from states that were met before."""
        kinds = tuple((each.names, each.cancel) if each is not None else None for each in (self.flying, self.caught))
        values = frozenset(self.values.items())
        return (self.stack, self.block, self.index, values, self.owed, self.tags, kinds, self.past is None, self.earlier)


class Walk:
    """Follows control flow; subclasses say what gets, acknowledgements, joins and ends mean."""

    def __init__(self, analysis: Analysis, ledger: Ledger) -> None:
        self.analysis = analysis
        self.ledger = ledger
        self.complete = True
        self._seen: set[object] = set()
        self._waiting: list[State] = []

    # -- what subclasses decide -----------------------------------------------------------------------------------------------

    def takes(self, state: State, event: Event) -> None:
        """The path comes to a get; what may follow is pushed."""
        raise NotImplementedError

    def takes_step(self, state: State) -> None:
        """The path asks a generator for an item that this one takes; what may follow is pushed."""
        raise NotImplementedError

    def acknowledges(self, state: State, op: Op) -> bool:
        """The path comes to a ``task_done``: whether it goes on."""
        raise NotImplementedError

    def joins(self, state: State, op: Op) -> bool:
        """The path comes to a join of the channel: whether it goes on."""
        return True

    def ends(self, state: State, op: Op) -> None:
        """The path leaves the actor."""

    def doubts(self, state: State, frame: Frame, op: Op) -> bool:
        """Whether an op that only possibly raises counts."""
        return False

    # -- moving ---------------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Follows every path, or as many as the bound allows."""
        steps = 0
        while self._waiting:
            state = self._waiting.pop()
            key = state.key()
            if key in self._seen:
                continue
            self._seen.add(key)
            steps += 1
            if steps > PATH_STEPS:
                self.analysis.limits.hit("paths")
                self.complete = False
                return
            self._step(state)

    def push(self, state: State) -> None:
        """A state to go on from."""
        self._waiting.append(state)

    def go(self, state: State, block: BlockId) -> None:
        """On in another block of the same frame, if that ever runs."""
        if block < 0 or self.analysis.arms.is_dead_block(state.frame, block):
            return
        kept = self.analysis.shapes.of(state.frame.function).carried
        level = state.level
        following = state.fork()
        following.values = {
            key: held for key, held in state.values.items() if key[0] != level or isinstance(key[1], Variable) or key[1] in kept
        }
        following.block, following.index = block, 0
        self.push(following)

    def after(self, state: State, value: Value | None) -> None:
        """On behind the op at which the state stands, which gave ``value``."""
        following = state.fork()
        op = self.op_at(state)
        dst = getattr(op, "dst", None)
        if dst is not None:
            following.values.pop((state.level, dst), None)
            if value is not None:
                following.values[state.level, dst] = value
        if isinstance(op, ops.Iterate):
            self.go(following, op.item)
            return
        following.index += 1
        self.push(following)

    def op_at(self, state: State) -> Op:
        """The op at which a state stands."""
        return self.analysis.shapes.of(state.frame.function).listing[state.block][state.index]

    def throw(self, state: State, flight: Flight) -> None:
        """An exception at the op at which the state stands."""
        following = state.fork()
        following.flying = following.past = flight
        handler = state.frame.function.cfg.blocks[state.block].handler
        if handler >= 0:
            self.go(following, handler)
        else:
            self._leave(following, None)

    def _leave(self, state: State, value: Value | None) -> None:
        """Out of a frame, into its caller or out of the actor."""
        left = state.stack[-1]
        if len(state.stack) == 1 or left.op is None:
            op = state.flying.op if state.flying is not None else self.op_at(state)
            self.ends(state, op)
            return
        following = self._popped(state)
        flight, op = state.flying, left.op
        if flight is not None:
            if isinstance(op, ops.Iterate) and set(flight.names) & END_OF_ITERATION:
                following.flying = None
                self.go(following, op.done)
            else:
                self.throw(following, flight)
        elif isinstance(op, ops.Iterate) and left.frame.function.is_generator:
            self.go(following, op.done)
        else:
            self.after(following, value)

    def _popped(self, state: State) -> State:
        left = state.stack[-1]
        assert left.op is not None
        at = self.analysis.shapes.of(state.stack[-2].frame.function).positions[left.op.index]
        following = state.fork()
        following.stack = state.stack[:-1]
        following.block, following.index = at.block, at.offset
        following.values = {key: held for key, held in state.values.items() if key[0] < state.level}
        return following

    # -- one step -------------------------------------------------------------------------------------------------------------

    def _step(self, state: State) -> None:
        frame = state.frame
        listed = self.analysis.shapes.of(frame.function).listing[state.block]
        for index in range(state.index, len(listed)):
            op = listed[index]
            state.index = index
            if self._on_channel(state, frame, op) or self._descends(state, frame, op):
                return
            if isinstance(op, ops.Caught):
                state.caught, state.flying = state.flying, None
            elif isinstance(op, ops.Yield) and self._yields(state, frame, op):
                return
            if evaluate.crashes(state.level, op, state.values):
                self.throw(state, Flight(("builtins.TypeError", "builtins.AttributeError"), False, frame, op))
                return
            if not isinstance(op, ops.Raise) and self._risky(state, frame, op):
                self.throw(state, Flight(self.analysis.raises.names(frame, op), False, frame, op))
            if isinstance(op, ops.Terminator):
                self._terminate(state, frame, op)
                return
            if isinstance(op, ops.Call) and self._stops(frame, op):
                return
            self.computes(state, frame, op)

    def computes(self, state: State, frame: Frame, op: Op) -> None:
        """Computes what ``op`` writes."""
        evaluate.run(self.analysis, frame, state.level, op, state.values)

    def _risky(self, state: State, frame: Frame, op: Op) -> bool:
        risk = self.analysis.raises.risk(frame, op)
        return risk is Risk.COUNTS or (risk is Risk.POSSIBLE and self.doubts(state, frame, op))

    def _stops(self, frame: Frame, op: ops.Call) -> bool:
        held = self.analysis.points.holds(frame, op.callee)
        return any(isinstance(obj, LibName) and obj.dotted in LEAVES_PROGRAM for obj in held)

    def _on_channel(self, state: State, frame: Frame, op: Op) -> bool:
        """What ``op`` does to the channel itself; whether the path was taken over."""
        if op.index not in frame.lib_calls and op.index not in frame.calls and (frame, op.index) not in self.analysis.at:
            return False
        for event in self.ledger.at(frame, op):
            match event.kind:
                case OpKind.RECEIVE:
                    self.takes(state, event)
                    return True
                case OpKind.TASK_DONE:
                    return not self.acknowledges(state, op)
                case OpKind.AWAIT_DRAINED:
                    return not self.joins(state, op)
                case OpKind.CLOSE if event.call.effect.immediate:
                    return True
        return self.ledger.acknowledges_elsewhere(frame, op) and not self.acknowledges(state, op)

    def _descends(self, state: State, frame: Frame, op: Op) -> bool:
        """Goes into what ``op`` calls, where that matters to the channel; whether it did."""
        entries = [e for e in frame.calls.get(op.index, ()) if e.kind is EntryKind.CALL]
        inner = [entry for entry in entries if entry.callee in self.ledger.relevant]
        if not inner:
            return False
        for entry in inner:
            callee = entry.callee
            if any(callee is call.frame for call in state.stack) or len(state.stack) > DEEPEST:
                continue  # recursion: nobody knows what it settles
            if callee.function.is_generator:
                self._generator(state, entry, op)
                continue
            following = state.fork()
            following.stack = (*state.stack, Call(callee, op))
            following.block, following.index = callee.function.cfg.entry, 0
            self._bind(state, following, entry, op)
            self.push(following)
        if len(inner) < len(entries):  # one of several callees does nothing to the channel
            self.after(state, None)
        return True

    def _generator(self, state: State, entry: Entry, op: Op) -> None:
        """One step of a generator: it takes an item, acknowledges what it took, or does both."""
        callee = entry.callee
        if callee in self.ledger.doners and callee not in self.ledger.getters:
            return
        if isinstance(op, ops.Iterate):
            self.go(state, op.done)
        taken = callee in self.ledger.getters and callee not in self.ledger.doners
        if taken:
            self.takes_step(state)
        else:
            self.after(state, None)

    def _bind(self, state: State, following: State, entry: Entry, op: Op) -> None:
        """What is known of the arguments is known of the parameters."""
        call: Op | None = op
        if isinstance(op, ops.Await):
            made = self.analysis.shapes.of(state.frame.function).definitions.get(op.src, [])
            call = made[0] if len(made) == 1 else None
        callee = entry.callee
        params = list(callee.function.params[1 if callee.receiver is not None and callee.function.cls is not None else 0 :])
        for param in callee.function.params:
            following.values.pop((-1, Variable(callee.function.id, param.name)), None)
        if not isinstance(call, ops.Call):
            return
        for position, argument in enumerate(call.args):
            if argument.unpack:
                break
            name = argument.keyword or (params[position].name if position < len(params) else None)
            held = state.values.get((state.level, argument.value))
            if name is not None and held is not None:
                following.values[-1, Variable(callee.function.id, name)] = held

    def _yields(self, state: State, frame: Frame, op: ops.Yield) -> bool:
        """A generator hands its caller an item; one that acknowledges by itself is taken to run on."""
        if op.delegate or not frame.function.is_generator or len(state.stack) == 1 or frame in self.ledger.doners:
            return False
        value = state.values.get((state.level, op.src))
        self.after(self._popped(state), value)
        return True

    def _terminate(self, state: State, frame: Frame, op: ops.Terminator) -> None:
        match op:
            case ops.Jump():
                self.go(state, op.target)
            case ops.Branch():
                self._branch(state, frame, op)
            case ops.Iterate():
                self.go(state, op.item)
                self.go(state, op.done)
            case ops.Catch():
                self._catch(state, frame, op)
            case ops.Return():
                self._leave(state, state.values.get((state.level, op.src)) if op.src is not None else None)
            case ops.Raise():
                self._raise(state, frame, op)

    def _raise(self, state: State, frame: Frame, op: ops.Raise) -> None:
        flight = state.flying or state.caught
        if op.exception is not None or flight is None:
            if self.analysis.raises.risk(frame, op) is not Risk.COUNTS:
                return  # an assertion: nobody expects it to fail
            flight = Flight(self.analysis.raises.names(frame, op), False, frame, op)
        self.throw(state, flight)

    def _catch(self, state: State, frame: Frame, op: ops.Catch) -> None:
        flight = state.flying
        if flight is not None and flight.cancel:
            taken = evaluate.catches(self.analysis, frame, op, Raised(cancel=True))
            ways = [op.matched] if taken else [op.unmatched] if taken is False else [op.matched, op.unmatched]
        else:
            ways = self.analysis.raises.routes(frame, op, flight.names if flight is not None else ())
        for block in ways:
            self.go(state, block)

    def _branch(self, state: State, frame: Frame, op: ops.Branch) -> None:
        held = state.values.get((state.level, op.condition), UNKNOWN)
        truth = evaluate.truth(self.analysis, held)
        if truth is None:
            truth = self.analysis.paths.decided(frame, op)
        if truth is not None:
            self.go(state, op.true if truth else op.false)
            return
        tag, _ = evaluate.reason(self.analysis, frame, state.level, op.condition, held, state.values)
        targets = [op.true, op.false]
        if tag != "data":  # `if joinable: q.task_done()`: what does not hang on the item is taken to guard rightly
            known = self.ledger.done_blocks(frame)
            settling = [target for target in targets if target in known]
            targets = settling if len(settling) == 1 else targets
        positive = self._tests_kind(frame, op.condition) if tag == "data" else None
        for target in targets:
            following = state.fork()
            following.tags = state.tags | {tag}
            if tag == "data":
                rest = positive is not None and (target == op.true) is not positive
                following.tags = (following.tags | {REST}) if rest else (following.tags - {REST})
            self.go(following, target)

    def _tests_kind(self, frame: Frame, register: ops.Register) -> bool | None:
        """Whether a test asks what kind of item it is: True where a true answer means that it is of the kind."""
        made = self.analysis.shapes.of(frame.function).definitions.get(register, [])
        match made[0] if len(made) == 1 else None:
            case ops.IsInstance():
                return True
            case ops.Compare(operator=operator, right=right):
                chosen = self.analysis.shapes.of(frame.function).definitions.get(right, [])
                if "in" in operator and not all(isinstance(each, ops.Build) for each in chosen):
                    return None  # a look-up
                return operator in ("==", "in", "is") if operator in KINDS else None
            case ops.Call(callee=callee):
                return True if names_of(self.analysis, frame, callee) & {"builtins.isinstance"} else None
            case ops.Compute(operator="not", operands=operands):
                inner = self._tests_kind(frame, operands[0])
                return None if inner is None else not inner
        return None


def names_of(analysis: Analysis, frame: Frame, register: ops.Register) -> set[str]:
    """The names of the things outside the program that a register may hold."""
    return {obj.dotted for obj in analysis.points.holds(frame, register) if isinstance(obj, LibName)}
