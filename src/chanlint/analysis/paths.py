"""Searches for a path that misses an ending: from where something is started to a way out of the function.

Nouns:

* **Covering op**: an op at which the ending is reached (the send of the marker, the cancel, a call of a helper that does it).
* **Witness**: how a path leaves without passing one, and by which op.

Tests of names that are never rebound are taken the same way each time on one path, so ``if thread is not None`` guards both
the start and the close. A loop whose body covers counts as covering: ``for _ in range(n): q.put(None)`` after ``n`` spawns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from chanlint.analysis.frames import Frame
from chanlint.analysis.limits import BLOCKS, PATH_STEPS
from chanlint.analysis.objects import ClassRef, Const, Container, FunctionRef, Instance, LibInstance, LibMethod, LibName, Obj
from chanlint.analysis.raises import Risk
from chanlint.analysis.shape import Shape
from chanlint.ir import ops
from chanlint.ir.cfg import RAISE_EXIT
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis

Facts = frozenset[tuple[object, bool]]


class Witness(NamedTuple):
    """A way that misses the ending.

    ``kind`` is ``return``, ``raise``, ``close`` (a generator closed at a yield) or ``join`` (it waits for the consumer first).
    """

    kind: str
    frame: Frame
    op: Op


class _Point(NamedTuple):
    block: BlockId
    offset: int
    started: bool
    flying: Op | None
    facts: Facts


class Search(NamedTuple):
    """What is looked for in one frame.

    Attributes:
        start: the op after which the path counts; None: from the function's entry.
        raised: the start op itself ends in an exception.
        covering: op indexes at which the ending is reached.
        joins: op indexes at which the path waits for the consumer.
        first: the way to the first covering op is meant, so that a loop that covers may also raise before it does.
        guards: a test of anything but local names is taken to guard the ending rightly (``if self._thread is None: return``).
        fails: covering ops that may also raise before the ending is reached.
        gives: the start op gives an object, never None, on the paths that count.
        resumes: the covering ops before the start have done their work by then, and what counts is whether one comes after.
        polls: ops that ask whether the consumer still runs; a test of their answer guards the ending rightly, too.
        subjects: the channel and its like: what may hold one of them is taken to do so (``if done is not None: done.set()``).
        shared: a test of what other functions change, too, guards the ending rightly (``if active == 0: q.put(None)``).
        swallows: the ends of ``with`` blocks that swallow the exception of the start op.
        calm: ops that do not raise, as far as this question goes.
    """

    frame: Frame
    start: Op | None
    covering: frozenset[int]
    raised: bool = False
    joins: frozenset[int] = frozenset()
    guards: bool = False
    first: bool = False
    fails: frozenset[int] = frozenset()
    gives: bool = False
    resumes: bool = False
    polls: frozenset[int] = frozenset()
    subjects: frozenset[Obj] = frozenset()
    shared: bool = False
    swallows: frozenset[int] = frozenset()
    calm: frozenset[int] = frozenset()


WAYS = ("return", "join", "close", "raise")


class Paths:
    """Finds witnesses; ``covered`` tells whether the last search met the ending on some path."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.covered = False

    def witnesses(self, search: Search) -> list[Witness] | None:
        """A witness of each kind that exists, normal ways out first; None where a bound was reached."""
        frame = search.frame
        if len(frame.function.cfg.blocks) > BLOCKS:
            self.analysis.limits.hit("blocks")
            return None
        covering = search.covering if search.first else self._with_loops(search)
        self.covered = False
        if search.start is not None and search.start.index in covering:
            return []
        found: dict[str, Witness] = {}
        first = _Point(frame.function.cfg.entry, 0, search.start is None, None, frozenset())
        waiting, seen, steps = deque([first]), {first}, 0
        while waiting:
            steps += 1
            if steps > PATH_STEPS:
                self.analysis.limits.hit("paths")
                return None
            for following in self._follow(search, covering, waiting.popleft(), found):
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        return [found[kind] for kind in WAYS if kind in found]

    def lead(self, frame: Frame, start: Op | None, op: Op, before: frozenset[int] = frozenset()) -> bool:
        """Whether a path without an exception leads from ``start`` (None: the entry) to ``op``, past none of ``before``."""
        found = self.witnesses(Search(frame, start, before - {op.index}, joins=frozenset({op.index})))
        return any(witness.kind == "join" for witness in found or ())

    def _with_loops(self, search: Search) -> frozenset[int]:
        """The covering ops, and the heads of loops that cover and do not hold the start."""
        shape = self.analysis.shapes.of(search.frame.function)
        covering = set(search.covering)
        for index in search.covering:
            if index not in shape.by_index:
                continue
            loop = shape.loop(shape.by_index[index])
            if not loop or (search.start is not None and shape.positions[search.start.index].block in loop):
                continue
            for block in loop:
                end = shape.blocks[block].terminator
                if isinstance(end, ops.Iterate | ops.Branch):
                    if any(block not in shape.normal_reach(target) for target in shape.normal_targets(block)):
                        covering.add(end.index)
        return frozenset(covering)

    def _follow(self, search: Search, covering: frozenset[int], at: _Point, found: dict[str, Witness]) -> list[_Point]:
        frame = search.frame
        shape = self.analysis.shapes.of(frame.function)
        block = frame.function.cfg.blocks[at.block]
        started = at.started
        ways: list[_Point] = []
        for op in shape.listing[at.block][at.offset :]:
            if op.index in covering and (started or not search.resumes):
                self.covered = self.covered or started
                if started and op.index in search.fails:
                    ways += self._raise(search, at, block.handler, op, "raise", found)
                return ways
            if started and op.index in search.joins:
                if at.flying is None:
                    found.setdefault("join", Witness("join", frame, op))
                else:
                    found.setdefault("raise", Witness("raise", frame, at.flying))
                return ways
            if isinstance(op, ops.Caught):
                at = at._replace(flying=None)
            if isinstance(op, ops.StoreVar):
                gives = started and search.start is not None and op.src == getattr(search.start, "dst", None)
                at = at._replace(facts=self._stored(frame, op, at.facts, gives=gives and search.gives))
            starts = search.start is not None and op is search.start
            risk = self.analysis.raises.risk(frame, op)
            yields = isinstance(op, ops.Yield) and not op.delegate
            if started and not starts and not isinstance(op, ops.Raise):
                if risk is Risk.COUNTS and op.index not in search.calm:
                    ways += self._raise(search, at, block.handler, op, "raise", found)
                if yields and frame.function.is_generator:
                    ways += self._raise(search, at, block.handler, op, "close", found)
            if starts:
                started, at = True, at._replace(started=True)
                if search.raised:
                    return ways + self._raise(search, at, block.handler, op, "raise", found)
        return ways + self._terminate(search, at, found)

    def _raise(
        self, search: Search, at: _Point, handler: BlockId, op: Op, kind: str, found: dict[str, Witness]
    ) -> list[_Point]:
        if handler == RAISE_EXIT:
            known = found.get(kind) if at.started else None
            if at.started and (known is None or self.analysis.raises.is_likelier(search.frame, op, search.frame, known.op)):
                found[kind] = Witness(kind, search.frame, op)
            return []
        return [_Point(handler, 0, at.started, op, at.facts)]

    def _stored(self, frame: Frame, op: ops.StoreVar, facts: Facts, *, gives: bool) -> Facts:
        """What is known after a variable was bound: nothing of it but whether it is None."""
        kept = frozenset(fact for fact in facts if ("var", op.var) not in _parts(fact[0]))
        if gives:
            return kept | {(("var", op.var), True)}
        held = self.analysis.points.holds(frame, op.src)
        if held and not any(isinstance(obj, Const) for obj in held):
            return kept | {(("var", op.var), True)} if all(_is_true(obj) for obj in held) else kept
        values = {obj.value for obj in held if isinstance(obj, Const)}
        made = self.analysis.shapes.of(frame.function).definitions.get(op.src, [])
        if len(values) == 1 and len(made) == 1 and isinstance(made[0], ops.Const):
            return kept | {(("var", op.var), bool(made[0].value))}
        return kept

    def _terminate(self, search: Search, at: _Point, found: dict[str, Witness]) -> list[_Point]:
        frame = search.frame
        block = frame.function.cfg.blocks[at.block]
        end = block.terminator

        def to(target: BlockId, facts: Facts = at.facts, flying: Op | None = at.flying) -> list[_Point]:
            return [_Point(target, 0, at.started, flying, facts)] if target >= 0 else []

        match end:
            case ops.Jump():
                return to(end.target)
            case ops.Return():
                if at.started:
                    found.setdefault("return", Witness("return", frame, end))
                return []
            case ops.Raise():
                origin = at.flying if end.exception is None and at.flying is not None else end
                kind = "close" if isinstance(origin, ops.Yield) else "raise"
                return self._raise(search, at, block.handler, origin, kind, found)
            case ops.Iterate():
                return to(end.item) + to(end.done)
            case ops.Catch():
                return self._catch(frame, at, end)
            case ops.Branch():
                return self._branch(search, at, end)
        return []

    def _catch(self, frame: Frame, at: _Point, end: ops.Catch) -> list[_Point]:
        matched = _Point(end.matched, 0, at.started, at.flying, at.facts)
        unmatched = _Point(end.unmatched, 0, at.started, at.flying, at.facts)
        if isinstance(at.flying, ops.Yield):  # GeneratorExit
            caught = set(self.analysis.raises.caught_names(frame, end))
            takes = not end.types or bool(caught & {"builtins.BaseException", "builtins.GeneratorExit"})
            return [matched if takes else unmatched]
        names = self.analysis.raises.names(frame, at.flying) if at.flying is not None else ()
        ways = self.analysis.raises.routes(frame, end, names)
        return [point for point in (matched, unmatched) if point.block in ways]

    def _branch(self, search: Search, at: _Point, end: ops.Branch) -> list[_Point]:
        frame = search.frame
        if search.guards or self._asks(search, end):
            guarded = self._guarded(search, end)
            if guarded is not None:
                return [_Point(guarded, 0, at.started, at.flying, at.facts)]
        shape = self.analysis.shapes.of(frame.function)
        decided = self._is_there(search, end) if search.subjects else None
        decided = self.decided(frame, end) if decided is None else decided
        if any(made.index in search.swallows for made in shape.definitions.get(end.condition, ())):
            decided = True
        if decided is not None:
            return [_Point(end.true if decided else end.false, 0, at.started, at.flying, at.facts)]
        key = self._condition(frame, end)
        if key is None:
            return [_Point(target, 0, at.started, at.flying, at.facts) for target in (end.true, end.false)]
        test, positive = key
        for known, value in at.facts:
            if known == test:
                same = value == positive
                return [_Point(end.true if same else end.false, 0, at.started, at.flying, at.facts)]
        if shape.in_loop(end):
            return [_Point(target, 0, at.started, at.flying, at.facts) for target in (end.true, end.false)]
        return [
            _Point(target, 0, at.started, at.flying, at.facts | {(test, holds == positive)})
            for target, holds in ((end.true, True), (end.false, False))
        ]

    def _asks(self, search: Search, end: ops.Branch) -> bool:
        """Whether a test asks after the consumer, or after what other functions change, too."""
        shape = self.analysis.shapes.of(search.frame.function)
        if search.polls and any(source.index in search.polls for source in shape.sources(end.condition)):
            return True
        loads = [source for source in shape.sources(end.condition) if isinstance(source, ops.LoadVar)] if search.shared else []
        return any(self._is_shared(search.frame, load.var) for load in loads)

    def _is_shared(self, frame: Frame, var: ops.Variable) -> bool:
        """Whether a variable belongs to a function outside, and is bound more than once or holds what is changed here."""
        if var.owner == frame.function.id:
            return False
        points = self.analysis.points
        held: set[Obj] = {obj for obj in points.graph.points[points.variable(frame, var)] if isinstance(obj, Container)}
        return self.analysis.writes_of(var) > 1 or any(
            self._changes(frame, op, held) for op in self.analysis.shapes.of(frame.function).by_index.values() if held
        )

    def _changes(self, frame: Frame, op: Op, containers: set[Obj]) -> bool:
        holds = self.analysis.points.holds
        if isinstance(op, ops.StoreItem | ops.DeleteItem):
            return not containers.isdisjoint(holds(frame, op.obj))
        if isinstance(op, ops.Call):
            return any(isinstance(obj, LibMethod) and obj.receiver in containers for obj in holds(frame, op.callee))
        return False

    def _is_there(self, search: Search, end: ops.Branch) -> bool | None:
        """Which way a test goes that asks whether there is a channel at all: on the paths that count there is."""
        points = self.analysis.points
        made = self.analysis.shapes.of(search.frame.function).definitions.get(end.condition, ())
        test = made[0] if len(made) == 1 else None
        if isinstance(test, ops.Compare) and test.operator in ("is", "is-not"):
            right = points.holds(search.frame, test.right)
            if len(right) == 1 and isinstance(right[0], Const) and right[0].value is None:
                return test.operator == "is-not" if search.subjects & {*points.holds(search.frame, test.left)} else None
        if isinstance(test, ops.LoadVar | ops.LoadAttr) and search.subjects & {*points.holds(search.frame, test.dst)}:
            return True
        return None

    def _guarded(self, search: Search, end: ops.Branch) -> BlockId | None:
        """The one way to the ending, where a test of an object's state decides."""
        shape = self.analysis.shapes.of(search.frame.function)
        if not (search.shared or self._tests_state(shape, end.condition)):
            return None
        goals = {shape.positions[index].block for index in search.covering if index in shape.positions}

        def only(reach: Callable[[BlockId], frozenset[BlockId]]) -> BlockId | None:
            ways = [t for t in (end.true, end.false) if t >= 0 and (t in goals or goals & reach(t))]
            return ways[0] if len(ways) == 1 else None

        way = only(shape.reach)
        if way is None and not shape.in_loop(end) and any(end.index in region for region in shape.regions.values()):
            way = only(shape.normal_reach)  # within a ``with``, exceptions lead from every way to what stands behind it
        return way

    def _tests_state(self, shape: Shape, register: ops.Register) -> bool:
        """Whether a test looks at more than local names: at once, or through one (``thread = self._thread``)."""
        tested = shape.dependence(register)
        return not tested.pure or any(
            isinstance(op, ops.StoreVar) and op.var in tested.variables and not shape.dependence(op.src).pure
            for op in shape.by_index.values()
        )

    def decided(self, frame: Frame, end: ops.Branch) -> bool | None:
        """Which way a test goes whenever it is reached, None where that is not known."""
        swallowed = self._swallowed(frame, end)
        return swallowed if swallowed is not None else self._decided(frame, end)

    def _swallowed(self, frame: Frame, end: ops.Branch) -> bool | None:
        """Whether a ``with`` swallows the exception: ``suppress`` does, an ``__exit__`` that can return True may."""
        for made in self.analysis.shapes.of(frame.function).definitions.get(end.condition, ()):
            if not isinstance(made, ops.Exit):
                return None
            for manager in self.analysis.shapes.of(frame.function).definitions.get(made.manager, ()):
                if isinstance(manager, ops.Call) and any(
                    isinstance(obj, LibName) and obj.dotted == "contextlib.suppress"
                    for obj in self.analysis.points.holds(frame, manager.callee)
                ):
                    return True
            for entry in frame.calls.get(made.index, ()):
                held = self.analysis.points.graph.points[entry.callee.returned]
                if any(isinstance(obj, Const) and obj.value for obj in held):
                    return True
            return False
        return None

    def _decided(self, frame: Frame, end: ops.Branch) -> bool | None:
        """A test against None of something that is known never to be None."""
        shape = self.analysis.shapes.of(frame.function)
        made = shape.definitions.get(end.condition, ())
        if len(made) != 1 or not isinstance(made[0], ops.Compare):
            held = self.analysis.points.holds(frame, end.condition)
            if held and all(_is_true(obj) for obj in held) and made and isinstance(made[0], ops.LoadVar):
                return True
            return None
        test = made[0]
        if test.operator not in ("is", "is-not"):
            return None
        right = self.analysis.points.holds(frame, test.right)
        left = self.analysis.points.holds(frame, test.left)
        if len(right) == 1 and isinstance(right[0], Const) and right[0].value is None and left:
            if not any(isinstance(obj, Const) and obj.value is None for obj in left):
                return test.operator == "is-not"
        return None

    def _condition(self, frame: Frame, end: ops.Branch) -> tuple[object, bool] | None:
        """A name for what is tested, and whether true means that it holds; None where it may change in between."""
        shape = self.analysis.shapes.of(frame.function)
        return self._name(frame, shape.definitions.get(end.condition, []))

    def _name(self, frame: Frame, made: list[Op]) -> tuple[object, bool] | None:
        if len(made) != 1:
            return None
        shape = self.analysis.shapes.of(frame.function)
        match made[0]:
            case ops.LoadVar(var=var):
                own = var.owner == frame.function.id and not self.analysis.written_elsewhere(var)
                return (("var", var), True) if own or self.analysis.writes_of(var) <= 1 else None
            case ops.LoadAttr(obj=register, attr=attr):
                base = self._name(frame, shape.definitions.get(register, []))
                stores = [op for op in shape.by_index.values() if isinstance(op, ops.StoreAttr) and op.attr == attr]
                return ((base[0], attr), True) if base is not None and not stores else None
            case ops.Compare(operator=operator, left=left, right=right):
                first = self._name(frame, shape.definitions.get(left, []))
                second = shape.definitions.get(right, [])
                if first is None or len(second) != 1 or not isinstance(second[0], ops.Const):
                    return None
                positive = operator in ("is", "==")
                if operator in ("is", "is-not", "==", "!="):
                    if second[0].value is None:
                        return first[0], not positive  # `x is None` is taken as the opposite of `x`
                    return (first[0], "==", repr(second[0].value)), positive
                return (first[0], operator, repr(second[0].value)), True
            case ops.Compute(operator="not", operands=operands):
                inner = self._name(frame, shape.definitions.get(operands[0], []))
                return (inner[0], not inner[1]) if inner is not None else None
        return None


def _parts(test: object) -> tuple[object, ...]:
    """The tests that a test is made of, itself included."""
    inner = test[0] if isinstance(test, tuple) and test and isinstance(test[0], tuple) else None
    return (test,) if inner is None else (test, *_parts(inner))


def _is_true(obj: object) -> bool:
    """Whether an object is true whatever it holds."""
    return isinstance(obj, FunctionRef | ClassRef | LibName | LibInstance | Instance)
