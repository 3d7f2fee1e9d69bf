"""Which locks are held where: at an op of one function, and along the calls above it.

Nouns:

* **Lock**: something that one actor holds at a time; a condition made of a lock is that lock. A semaphore is none.
* **Held** at an op: taken on every path to it, and not given back since.
* **Taken** before an op: taken at some time on every path to it, given back or not.
"""

from __future__ import annotations

from typing import NamedTuple

from chanlint.analysis import recognise
from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.limits import BLOCKS
from chanlint.analysis.objects import LibInstance, Obj
from chanlint.analysis.program import Analysis
from chanlint.analysis.shape import Shape
from chanlint.catalogue.schema import Category, OpKind
from chanlint.ir import ops
from chanlint.ir.cfg import RETURN_EXIT
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op

NESTED_CALLS = 4  # helpers between a call and the lock that it takes

Locks = frozenset[Obj]


class _State(NamedTuple):
    held: Locks = frozenset()
    taken: Locks = frozenset()

    def meet(self, other: _State) -> _State:
        """What holds on both paths."""
        return _State(self.held & other.held, self.taken & other.taken)


class Holding:
    """Answers which locks are held."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._before: dict[Frame, dict[int, _State]] = {}
        self._at_return: dict[Frame, _State] = {}
        self._concerned = self._find_concerned()

    def held(self, frame: Frame, op: Op) -> Locks:
        """The locks held by this function itself when it comes to ``op``."""
        return self._states(frame).get(op.index, _State()).held

    def taken(self, frame: Frame, op: Op) -> Locks:
        """The locks taken before ``op`` on every path through this function."""
        return self._states(frame).get(op.index, _State()).taken

    def takings(self, frame: Frame, lock: Obj) -> list[Op]:
        """The ops of ``frame`` that take ``lock`` and wait until they have it, or call something that does on every path."""
        shape = self.analysis.shapes.of(frame.function)
        found = []
        for op in shape.by_index.values():
            if self._takes(frame, op) is lock or lock in self._taken_by_call(frame, op, 0):
                found.append(op)
        return sorted(found, key=lambda op: op.index)

    def comes_back_free(self, frame: Frame, op: Op, lock: Obj) -> bool:
        """Whether a path without an exception leads from ``op`` round to itself, or to the end, that does not take ``lock``.

        Where the item just received decides between a way that takes it and one that does not, sooner or later it is taken.
        """
        shape = self.analysis.shapes.of(frame.function)
        takings = {taking.index for taking in self.takings(frame, lock)}
        goal = op.index if shape.in_loop(op) else None
        home, offset = shape.positions[op.index]
        decided = self._decided_by(frame, op)
        free: set[BlockId] = set()  # blocks from whose start such a path leads on

        def passes(block: BlockId, listed: list[Op]) -> bool:
            for each in listed:
                if each.index in takings:
                    return False
                if each.index == goal:
                    return True
            if isinstance(shape.blocks[block].terminator, ops.Return):
                return goal is None
            targets = [target for target in shape.normal_targets(block) if goal is None or self._leads(shape, target, home)]
            return bool(targets) and (all if block in decided else any)(target in free for target in targets)

        changed = True
        while changed:
            found = {block for block in shape.blocks if block not in free and passes(block, shape.listing[block])}
            changed = bool(found)
            free |= found
        return passes(home, shape.listing[home][offset + 1 :])

    def _leads(self, shape: Shape, block: BlockId, goal: BlockId) -> bool:
        return block == goal or goal in shape.reach(block)

    def _decided_by(self, frame: Frame, op: Op) -> set[BlockId]:
        """The blocks that end in a branch on what ``op`` received."""
        shape = self.analysis.shapes.of(frame.function)
        items = {
            store.var
            for store in shape.by_index.values()
            if isinstance(store, ops.StoreVar) and store.src == getattr(op, "dst", None)
        }
        return {
            block.id
            for block in shape.blocks.values()
            if isinstance(block.terminator, ops.Branch)
            and (tested := shape.dependence(block.terminator.condition)).pure
            and tested.variables & items
        }

    # -- one function -------------------------------------------------------------------------------------------------------

    def _states(self, frame: Frame) -> dict[int, _State]:
        known = self._before.get(frame)
        if known is None:
            self._before[frame] = {}  # a function that calls itself takes nothing by that
            known = self._before[frame] = self._flow(frame, 0)
        return known

    def _flow(self, frame: Frame, depth: int) -> dict[int, _State]:
        """The state before each op: a forward analysis in which only what holds on all paths is kept."""
        if frame not in self._concerned or len(frame.function.cfg.blocks) > BLOCKS:
            return {}
        shape = self.analysis.shapes.of(frame.function)
        entered: dict[BlockId, _State] = {frame.function.cfg.entry: _State()}
        before: dict[int, _State] = {}
        waiting = [frame.function.cfg.entry]
        while waiting:
            block = waiting.pop()
            state = entered[block]
            raised = state
            for op in shape.listing[block]:
                before[op.index] = state
                state = self._after(frame, op, state, depth)
                raised = raised.meet(state)
            for edge in shape.blocks[block].edges():
                if edge.target == RETURN_EXIT:
                    known = self._at_return.get(frame)
                    self._at_return[frame] = state if known is None else known.meet(state)
                if edge.target < 0:
                    continue
                arriving = raised if edge.kind == "raise" else state
                known = entered.get(edge.target)
                met = arriving if known is None else known.meet(arriving)
                if met != known:
                    entered[edge.target] = met
                    waiting.append(edge.target)
        return before

    def _find_concerned(self) -> set[Frame]:
        """The functions that touch a lock, or call one that does, to keep the many others cheap."""
        waiting = [
            frame
            for frame in self.analysis.points.frames
            if any(self._is_lock(call.receiver) for calls in frame.lib_calls.values() for call in calls)
        ]
        found: set[Frame] = set()
        while waiting:
            frame = waiting.pop()
            if frame not in found:
                found.add(frame)
                waiting += [e.caller for e in frame.entries if e.kind is EntryKind.CALL and e.caller is not None]
        return found

    def _after(self, frame: Frame, op: Op, state: _State, depth: int) -> _State:
        taking = self._takes(frame, op)
        if taking is not None:
            return _State(state.held | {taking}, state.taken | {taking})
        given = self._gives(frame, op)
        if given:
            return _State(state.held - given, state.taken)
        called = self._taken_by_call(frame, op, depth)
        return _State(state.held, state.taken | called) if called else state

    def _takes(self, frame: Frame, op: Op) -> Obj | None:
        """The one lock that ``op`` waits for."""
        found: set[Obj] = set()
        for call in frame.lib_calls.get(op.index, ()):
            if isinstance(op, ops.Enter) and call.name == "__enter__" and self._is_lock(call.receiver):
                found.add(self.lock(call.receiver))
        for event in self.analysis.at.get((frame, op.index), ()):
            if event.kind is OpKind.ACQUIRE and self._is_lock(event.subject) and not self._gives_up(event):
                found.add(self.lock(event.subject))
        return found.pop() if len(found) == 1 else None

    def _gives_up(self, event: recognise.Event) -> bool:
        return recognise.never_blocks(self.analysis.points, event.call)

    def _gives(self, frame: Frame, op: Op) -> Locks:
        """The locks that ``op``, or a helper that it calls, may give back."""
        events = list(self.analysis.at.get((frame, op.index), ()))
        for entry in frame.calls.get(op.index, ()):
            if entry.kind is EntryKind.CALL:
                events += [e for at in entry.callee.lib_calls for e in self.analysis.at.get((entry.callee, at), ())]
                events = [e for e in events if e.frame is frame or not isinstance(e.op, ops.Exit)]
        return frozenset(
            self.lock(event.subject) for event in events if event.kind is OpKind.RELEASE and self._is_lock(event.subject)
        )

    def _taken_by_call(self, frame: Frame, op: Op, depth: int) -> Locks:
        """The locks that every function called here has taken by the time it returns."""
        if depth >= NESTED_CALLS:
            return frozenset()
        found: Locks | None = None
        for entry in frame.calls.get(op.index, ()):
            if entry.kind is not EntryKind.CALL:
                continue
            if entry.callee not in self._before:
                self._before[entry.callee] = {}
                self._before[entry.callee] = self._flow(entry.callee, depth + 1)
            taken = self._at_return.get(entry.callee, _State()).taken
            found = taken if found is None else found & taken
        return found or frozenset()

    # -- locks --------------------------------------------------------------------------------------------------------------

    def _is_lock(self, obj: Obj | None) -> bool:
        info = recognise.type_of(self.analysis.points, obj)
        return info is not None and info.category is Category.LOCK and info.capacity is None

    def lock(self, obj: Obj | None) -> Obj:
        """The lock itself: a condition that was made of a lock is that lock."""
        assert obj is not None
        if isinstance(obj, LibInstance):
            for call in obj.maker.lib_calls.get(obj.site.op, ()):
                if call.result is obj and call.arguments is not None:
                    nodes = [*call.arguments.positional[:1], *(node for _, node in call.arguments.keywords)]
                    held = [other for node in nodes for other in self.analysis.points.graph.points[node]]
                    if len(held) == 1 and held[0] is not obj and self._is_lock(held[0]):
                        return held[0]
        return obj
