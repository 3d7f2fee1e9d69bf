"""What a consumer does after one outcome of its receive: does it come back to the receive, or does it end?

The question "can this ending reach this receive" is answered by walking: the receive is given an outcome (this item, that
exception, a cancellation), and control flow is followed from there through the consumer's function and, where it ends, its
callers up to the start of the actor. Conditions are decided where the outcome decides them; a test of variables that have not
changed since the receive goes as it went before; everything else forks.

Nouns:

* **Outcome**: what the receive gives: an item (known, or some data) or an exception.
* **Response**: `ENDS` (every path leaves), `STAYS` (every path comes back), `MAYBE`, with what it hangs on.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chanlint.analysis import evaluate, recognise, stored
from chanlint.analysis.evaluate import UNKNOWN, Data, Known, Value
from chanlint.analysis.frames import Entry, Frame
from chanlint.analysis.limits import WALK_STEPS
from chanlint.analysis.objects import CallIterator, Container, LibName, Obj
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op, Variable

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis


ITERATORS = frozenset({"__next__", "__anext__"})
END_OF_ITERATION = frozenset({"StopIteration", "builtins.StopIteration", "builtins.StopAsyncIteration"})


class Verdict(enum.StrEnum):
    """What the consumer does."""

    ENDS = "ends"
    STAYS = "stays"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception in flight: canonical names it may have; ``cancel`` for cancellations."""

    names: tuple[object, ...] = ()
    cancel: bool = False
    value: Obj | None = None


Outcome = Known | Raised | Data


class Level(NamedTuple):
    """One frame on the way from the receive up to the start of the actor; ``op`` is where the frame below was entered."""

    frame: Frame
    op: Op


@dataclass(frozen=True, slots=True)
class Response:
    """The verdict, and for the paths that leave what they hang on: ``data`` (the item), ``flag``, ``other``, ``limit``.

    ``stops``: a path leaves by the exception that ends an iteration.
    """

    verdict: Verdict
    hangs_on: frozenset[str] = frozenset()
    flags: frozenset[tuple[object, str]] = frozenset()
    stops: bool = False


@dataclass(slots=True)
class _State:
    level: int
    block: BlockId
    index: int
    values: dict[tuple[int, object], Value]
    changed: frozenset[Variable]
    tags: frozenset[str]
    flags: frozenset[tuple[object, str]]
    flying: Raised | None = None

    def key(self) -> object:
        return (self.level, self.block, self.index, frozenset(self.values.items()), self.changed, self.tags, self.flying)


@dataclass(slots=True)
class Walk:
    """One walk. ``levels[0]`` is the frame of the receive."""

    analysis: Analysis
    channel: Obj
    levels: tuple[Level, ...]
    receive: Op
    exits: list[tuple[frozenset[str], frozenset[tuple[object, str]]]] = field(default_factory=list)
    returns: bool = False
    stops: bool = False
    _seen: set[object] = field(default_factory=set)
    _waiting: list[_State] = field(default_factory=list)
    _names: frozenset[str] | None = None

    def respond(self, outcome: Outcome) -> Response:
        """Walks from the receive under ``outcome``."""
        self._start(outcome)
        steps = 0
        while self._waiting:
            state = self._waiting.pop()
            key = state.key()
            if key in self._seen:
                continue
            self._seen.add(key)
            steps += 1
            if steps > WALK_STEPS:
                self.analysis.limits.hit("walk")
                return Response(Verdict.MAYBE, frozenset({"limit"}))
            self._step(state)
        if self.exits and not self.returns:
            return Response(Verdict.ENDS, *self._hangs(), self.stops)
        if self.exits:
            return Response(Verdict.MAYBE, *self._hangs(), self.stops)
        return Response(Verdict.STAYS)

    def _hangs(self) -> tuple[frozenset[str], frozenset[tuple[object, str]]]:
        free = [tags for tags, _ in self.exits]
        flags = frozenset(flag for _, found in self.exits for flag in found)
        if any(not tags for tags in free):
            return frozenset(), flags
        if any(tags == {"flag"} for tags in free) and all("flag" in tags for tags in free):
            return frozenset({"flag"}), flags
        return frozenset(tag for tags in free for tag in tags), flags

    # -- the first step -------------------------------------------------------------------------------------------------

    def _start(self, outcome: Outcome) -> None:
        frame, op = self.levels[0].frame, self.receive
        shape = self.analysis.shapes.of(frame.function)
        at = shape.positions[op.index]
        state = _State(0, at.block, at.offset, {}, frozenset(), frozenset(), frozenset())
        if isinstance(outcome, Raised):
            if isinstance(op, ops.Iterate) and "StopIteration" in outcome.names:
                self._go(state, op.done)
            else:
                self._throw(state, outcome)
            return
        if isinstance(op, ops.Iterate):
            self._iterated(state, op, outcome)
            return
        given = op.args[0].value if isinstance(op, ops.Call) and op.args else None
        if isinstance(op, ops.Yield) and op.delegate:
            given = op.src
        sentinels = self._sentinels(frame, given) if given is not None else None
        if sentinels is not None:  # list(iter(q.get, None)), yield from iter(q.get, None): the op itself is the loop
            truth = evaluate.equal(self.analysis, outcome, sentinels)
            self.returns = truth is not True
            if truth is False:
                return
        dst = getattr(op, "dst", None)
        if dst is not None and sentinels is None:
            state.values[0, dst] = outcome
        state.index += 1
        self._waiting.append(state)

    def _sentinels(self, frame: Frame, register: ops.Register) -> list[Obj] | None:
        """The sentinels of the ``iter(receive, sentinel)`` that a register holds, None where it holds none."""
        found: list[Obj] | None = None
        for obj in self.analysis.points.holds(frame, register):
            if isinstance(obj, CallIterator):
                node = self.analysis.points.graph.attribute(obj, "sentinel")
                found = [*(found or []), *self.analysis.points.graph.points[node]]
        return found

    def _iterated(self, state: _State, op: ops.Iterate, outcome: Value) -> None:
        frame = self.levels[state.level].frame
        sentinels = self._sentinels(frame, op.iterator)
        truth = evaluate.equal(self.analysis, outcome, sentinels) if sentinels is not None else False
        if truth is not False:
            done = self._fork(state, "data") if truth is None else state
            self._go(done, op.done)
        if truth is not True:
            item = self._fork(state, "data") if truth is None else state
            item.values[state.level, op.dst] = outcome
            self._go(item, op.item)

    # -- moving ---------------------------------------------------------------------------------------------------------

    def _fork(self, state: _State, tag: str | None = None, flag: tuple[object, str] | None = None) -> _State:
        return _State(
            state.level,
            state.block,
            state.index,
            dict(state.values),
            state.changed,
            state.tags | {tag} if tag else state.tags,
            state.flags | {flag} if flag else state.flags,
            state.flying,
        )

    def _go(self, state: _State, block: BlockId) -> None:
        following = self._fork(state)
        frame, op = self.levels[state.level]
        shape = self.analysis.shapes.of(frame.function)
        goal = shape.positions[(op if state.level else self.receive).index].block
        above = self.levels[state.level + 1 :]
        following_blocks = {block, *shape.reach(block)}
        waits = self.analysis.waiting_blocks(frame, self.channel) | {goal}
        if not waits & following_blocks and not any(self._in_loop(level) for level in above):
            # out of the loop, no other receive follows, and nothing calls it again
            if self.levels[0].frame.function.name not in ITERATORS:  # those still have to say how they end
                self.exits.append((state.tags, state.flags))
                return
        level, kept = state.level, shape.carried
        following.values = {
            key: held for key, held in state.values.items() if key[0] != level or isinstance(key[1], Variable) or key[1] in kept
        }
        following.block, following.index = block, 0
        self._waiting.append(following)

    def _throw(self, state: _State, raised: Raised) -> None:
        frame = self.levels[state.level].frame
        handler = frame.function.cfg.blocks[state.block].handler
        following = self._fork(state)
        following.flying = raised
        if handler >= 0:
            following.block, following.index = handler, 0
            self._waiting.append(following)
        else:
            self._leave(following, None)

    def _leave(self, state: _State, value: Value | None) -> None:
        """Out of one function: on in its caller, or out of the actor."""
        above = state.level + 1
        names = state.flying.names if state.flying is not None else ()
        self.stops = self.stops or bool(set(names) & END_OF_ITERATION)
        if not any(self._in_loop(level) for level in self.levels[above:]):  # nothing above calls it again
            self.exits.append((state.tags, state.flags))
            return
        frame, op = self.levels[above]
        shape = self.analysis.shapes.of(frame.function)
        at = shape.positions[op.index]
        following = self._fork(state)
        following.level, following.block, following.index = above, at.block, at.offset
        following.values = {key: held for key, held in state.values.items() if key[0] > state.level or key[0] < 0}
        if state.flying is not None:
            if isinstance(op, ops.Iterate) and set(names) & END_OF_ITERATION:
                following.flying = None
                self._go(following, op.done)
            else:
                self._throw(following, state.flying)
            return
        generator = self.levels[state.level].frame.function.is_generator
        if isinstance(op, ops.Iterate):
            if not generator and value is not None:
                following.values[above, op.dst] = value
            self._go(following, op.done if generator else op.item)
            return
        dst = getattr(op, "dst", None)
        if dst is not None and value is not None:
            following.values[above, dst] = value
        following.index += 1
        self._waiting.append(following)

    def _in_loop(self, level: Level) -> bool:
        return self.analysis.shapes.of(level.frame.function).in_loop(level.op)

    # -- one step -------------------------------------------------------------------------------------------------------

    def _step(self, state: _State) -> None:
        frame = self.levels[state.level].frame
        listed = self.analysis.shapes.of(frame.function).listing[state.block]
        for index in range(state.index, len(listed)):
            op = listed[index]
            state.index = index
            if self._comes_back(state, frame, op):
                self.returns = True
                return
            if isinstance(op, ops.Terminator):
                self._terminate(state, frame, op)
                return
            if isinstance(op, ops.Caught):
                state.flying = None
            elif isinstance(op, ops.StoreVar):
                if op.var in self.analysis.shapes.of(frame.function).tested:
                    state.changed = state.changed | {op.var}
            elif isinstance(op, ops.Call) and self._never_returns(frame, op):
                self.exits.append((state.tags, state.flags))
                return
            elif isinstance(op, ops.StoreAttr | ops.StoreItem):
                stored.keep(self.analysis, frame, state.level, op, state.values, self._tested())
            if evaluate.crashes(state.level, op, state.values):
                self._throw(self._fork(state, "crash"), Raised(("builtins.TypeError", "builtins.AttributeError")))
                return
            evaluate.run(self.analysis, frame, state.level, op, state.values)
            for name in self._refused(frame, op):
                self._throw(self._fork(state), Raised((name,)))

    def _tested(self) -> frozenset[str]:
        """The attributes and keys that the functions on the way up test."""
        if self._names is None:
            shapes = [(level.frame, self.analysis.shapes.of(level.frame.function)) for level in self.levels]
            loads = [(frame, op) for frame, shape in shapes for op in shape.tested_loads]
            self._names = frozenset(
                op.attr if isinstance(op, ops.LoadAttr) else self.analysis.key_name(frame, op.key) for frame, op in loads
            )
        return self._names

    def _comes_back(self, state: _State, frame: Frame, op: Op) -> bool:
        """Whether ``op`` blocks on the channel again."""
        above = state.level > 0 and self.levels[state.level].op is op
        if above or (state.level == 0 and op is self.receive):
            return True
        if self.analysis.blocks_at(frame, op, self.channel):
            return True
        return any(self.analysis.receives(entry.callee, self.channel) for entry in _calls(frame, op))

    def _never_returns(self, frame: Frame, op: ops.Call) -> bool:
        return any(
            isinstance(obj, LibName) and obj.dotted in ("sys.exit", "builtins.exit", "builtins.quit", "os._exit")
            for obj in self.analysis.points.holds(frame, op.callee)
        )

    def _refused(self, frame: Frame, op: Op) -> Iterator[str]:
        """The exceptions of a receive that does not block and finds nothing."""
        for event in self.analysis.at.get((frame, op.index), ()):
            if event.kind is OpKind.RECEIVE and not event.blocks:
                yield from recognise.refusals(event.call)

    def _terminate(self, state: _State, frame: Frame, op: ops.Terminator) -> None:
        match op:
            case ops.Jump():
                self._go(state, op.target)
            case ops.Branch():
                self._branch(state, frame, op)
            case ops.Iterate():
                self._fork_loop(state, op)
            case ops.Catch():
                self._catch(state, frame, op)
            case ops.Return():
                value = state.values.get((state.level, op.src)) if op.src is not None else None
                self._leave(state, value)
            case ops.Raise():
                raised = state.flying or Raised()
                if op.exception is not None:
                    raised = self._raised(frame, op)
                elif state.flying is None:
                    raised = Raised(("<again>",))
                self._throw(state, raised)

    def _raised(self, frame: Frame, op: ops.Raise) -> Raised:
        names: list[object] = []
        for obj in self.analysis.points.holds(frame, op.exception or 0):
            names.extend(evaluate.class_names(self.analysis, obj))
        for made in self.analysis.shapes.of(frame.function).definitions.get(op.exception or 0, ()):
            if isinstance(made, ops.Call) and not names:  # ValueError("..."): an object of a class outside the program
                names.extend(o.dotted for o in self.analysis.points.holds(frame, made.callee) if isinstance(o, LibName))
        return Raised(tuple(names))

    def _fork_loop(self, state: _State, op: ops.Iterate) -> None:
        self._go(self._fork(state), op.item)
        self._go(self._fork(state, "other"), op.done)

    def _branch(self, state: _State, frame: Frame, op: ops.Branch) -> None:
        truth = evaluate.truth(self.analysis, state.values.get((state.level, op.condition), UNKNOWN))
        if truth is not None:
            self._go(state, op.true if truth else op.false)
            return
        held = state.values.get((state.level, op.condition), UNKNOWN)
        forced = self._as_before(state, frame, op)
        if forced is not None and not isinstance(held, Data):
            self._go(state, forced)
            return
        tag, flag = evaluate.reason(self.analysis, frame, state.level, op.condition, held, state.values)
        if flag is not None and self._is_table(*flag):
            tag, flag = "other", None
        for target in (op.true, op.false):
            self._go(self._fork(state, tag, flag), target)

    def _is_table(self, owner: object, name: str) -> bool:
        """Whether an attribute holds a container that somebody takes things out of: it is empty when all is done."""
        node = self.analysis.points.graph.known_attribute(owner, name) if isinstance(owner, Obj) else None
        held = self.analysis.points.graph.points[node] if node is not None else ()
        return any(isinstance(obj, Container) and self.analysis.takings(obj) for obj in held)

    def _as_before(self, state: _State, frame: Frame, op: ops.Branch) -> BlockId | None:
        """The edge taken last time, for a test of local variables that have not changed since the receive."""
        shape = self.analysis.shapes.of(frame.function)
        dependence = shape.dependence(op.condition)
        if not dependence.pure or dependence.variables & state.changed:
            return None
        if any(var.owner != frame.function.id or self.analysis.written_elsewhere(var) for var in dependence.variables):
            return None
        if any(self._is_filled(frame, var) for var in dependence.variables):
            return None
        goal_op = self.receive if state.level == 0 else self.levels[state.level].op
        goal = shape.positions[goal_op.index].block
        back = [t for t in (op.true, op.false) if t >= 0 and (t == goal or goal in shape.reach(t))]
        return back[0] if len(back) == 1 else None

    def _is_filled(self, frame: Frame, var: Variable) -> bool:
        """Whether a variable holds a container that changes while the loop runs (``len(found)`` does, ``found`` does not)."""
        again = {level.frame: level.op if position else self.receive for position, level in enumerate(self.levels)}
        for obj in self.analysis.points.graph.points[self.analysis.points.variable(frame, var)]:
            if not isinstance(obj, Container):
                continue
            for at, op in (*self.analysis.fillings(obj), *self.analysis.takings(obj)):
                shape = self.analysis.shapes.of(at.function)
                if at not in again and at is not obj.maker:
                    return True  # by somebody else, at any time
                if at in again and shape.positions[op.index].block in shape.loop(again[at]):
                    return True
        return False

    def _catch(self, state: _State, frame: Frame, op: ops.Catch) -> None:
        matched = evaluate.catches(self.analysis, frame, op, state.flying)
        if matched is None and state.flying is not None and not state.flying.names and not state.flying.cancel:
            matched = True  # an exception of unknown kind: whoever wrote the handler expects it
        if matched is not False:
            self._go(state, op.matched)
        if matched is not True:
            self._go(state, op.unmatched)


def _calls(frame: Frame, op: Op) -> list[Entry]:
    return [entry for entry in frame.calls.get(op.index, ()) if entry.kind == "call"]
