"""Facts about one function's control flow that do not depend on the context: positions, loops, reach, ``with`` regions.

Nouns:

* **Position**: a block and an offset into its ops (the terminator is the last).
* **Loop**: a strongly connected set of blocks.
* **Region**: the ops between an `Enter` and its `Exit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from chanlint.ir import ops
from chanlint.ir.cfg import RAISE_EXIT, RETURN_EXIT, Block
from chanlint.ir.ids import BlockId
from chanlint.ir.operands import operands
from chanlint.ir.ops import Op, Register, Variable
from chanlint.ir.program import Function


class Position(NamedTuple):
    """Where an op stands."""

    block: BlockId
    offset: int


class Dependence(NamedTuple):
    """What a condition depends on: variables, and whether anything but variables and constants is read."""

    variables: frozenset[Variable]
    pure: bool


class Shape:
    """The flow graph of one function, with answers computed once."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.blocks = function.cfg.blocks
        self._reach: dict[BlockId, frozenset[BlockId]] = {}
        self._normal_reach: dict[BlockId, frozenset[BlockId]] = {}
        self._dependence: dict[Register, Dependence] = {}

    def ops_of(self, block: Block) -> list[Op]:
        """The ops of a block, the terminator last."""
        return [*block.ops, block.terminator]

    @cached_property
    def listing(self) -> dict[BlockId, list[Op]]:
        """The ops of every block, terminators last."""
        return {block.id: self.ops_of(block) for block in self.blocks.values()}

    @cached_property
    def positions(self) -> dict[int, Position]:
        """The position of each op by its index."""
        return {op.index: Position(block, index) for block, listed in self.listing.items() for index, op in enumerate(listed)}

    @cached_property
    def by_index(self) -> dict[int, Op]:
        """Each op by its index."""
        return {op.index: op for listed in self.listing.values() for op in listed}

    @cached_property
    def definitions(self) -> dict[Register, list[Op]]:
        """The ops that write each register."""
        found: dict[Register, list[Op]] = {}
        for op in self.by_index.values():
            dst = getattr(op, "dst", None)
            if dst is not None:
                found.setdefault(dst, []).append(op)
        return found

    @cached_property
    def stores(self) -> list[ops.StoreVar | ops.StoreAttr]:
        """The ops that store in a variable or an attribute, in order."""
        return [op for op in self.by_index.values() if isinstance(op, ops.StoreVar | ops.StoreAttr)]

    @cached_property
    def comparisons(self) -> list[ops.Compare]:
        """The ops that compare, in order."""
        return [op for op in self.by_index.values() if isinstance(op, ops.Compare)]

    def targets(self, block: BlockId) -> Iterator[BlockId]:
        """The blocks that follow, handlers included, exits left out."""
        for edge in self.blocks[block].edges():
            if edge.target not in (RETURN_EXIT, RAISE_EXIT):
                yield edge.target

    def normal_targets(self, block: BlockId) -> Iterator[BlockId]:
        """The blocks that follow without an exception."""
        for edge in self.blocks[block].edges():
            if edge.target >= 0 and edge.kind != "raise":
                yield edge.target

    def reach(self, block: BlockId) -> frozenset[BlockId]:
        """The blocks that can follow ``block`` (itself only if it lies on a cycle)."""
        known = self._reach.get(block)
        if known is None:
            seen: set[BlockId] = set()
            waiting = list(self.targets(block))
            while waiting:
                current = waiting.pop()
                if current not in seen:
                    seen.add(current)
                    waiting.extend(self.targets(current))
            known = self._reach[block] = frozenset(seen)
        return known

    def normal_reach(self, block: BlockId) -> frozenset[BlockId]:
        """The blocks that can follow ``block`` without an exception, itself included."""
        known = self._normal_reach.get(block)
        if known is None:
            seen, waiting = {block}, [block]
            while waiting:
                following = [target for target in self.normal_targets(waiting.pop()) if target not in seen]
                seen.update(following)
                waiting.extend(following)
            known = self._normal_reach[block] = frozenset(seen)
        return known

    def returns(self, block: BlockId) -> bool:
        """Whether the function can return from ``block``, also by way of a handler."""
        return any(isinstance(self.blocks[each].terminator, ops.Return) for each in (block, *self.reach(block)))

    def in_loop(self, op: Op) -> bool:
        """Whether an op can follow itself."""
        block = self.positions[op.index].block
        return block in self.reach(block)

    def can_follow(self, later: Op, earlier: Op) -> bool:
        """Whether ``later`` can run after ``earlier`` in one run of the function."""
        here, there = self.positions[earlier.index], self.positions[later.index]
        return (here.block == there.block and here.offset < there.offset) or there.block in self.reach(here.block)

    def loop(self, op: Op) -> frozenset[BlockId]:
        """The blocks that lie on a cycle with the op."""
        block = self.positions[op.index].block
        before = self._leading_to(block)
        return frozenset(each for each in self.reach(block) if each in before)

    def _leading_to(self, block: BlockId) -> set[BlockId]:
        """The blocks that ``block`` can follow."""
        seen: set[BlockId] = set()
        waiting = list(self._origins.get(block, ()))
        while waiting:
            current = waiting.pop()
            if current not in seen:
                seen.add(current)
                waiting.extend(self._origins.get(current, ()))
        return seen

    @cached_property
    def _origins(self) -> dict[BlockId, list[BlockId]]:
        """The blocks that come right before each block."""
        found: dict[BlockId, list[BlockId]] = {}
        for block in self.blocks:
            for target in self.targets(block):
                found.setdefault(target, []).append(block)
        return found

    def loop_heads(self, op: Op) -> list[ops.Iterate]:
        """The `Iterate` terminators of the loops around an op."""
        inside = self.loop(op)
        found = []
        for block in inside:
            end = self.blocks[block].terminator
            if isinstance(end, ops.Iterate) and end is not op and self._in_body(end, op):
                found.append(end)
        return found

    def _in_body(self, head: ops.Iterate, op: Op) -> bool:
        """Whether ``op`` can be reached from the body of ``head`` without passing the head again."""
        goal = self.positions[op.index].block
        start = self.positions[head.index].block
        seen, waiting = {start}, [head.item]
        while waiting:
            current = waiting.pop()
            if current in seen or current < 0:
                continue
            seen.add(current)
            if current == goal:
                return start in self.reach(goal)
            waiting.extend(self.targets(current))
        return False

    @cached_property
    def regions(self) -> dict[int, frozenset[int]]:
        """For each `Enter` by index the indexes of the ops before its `Exit`."""
        return {op.index: self._region(op) for op in self.by_index.values() if isinstance(op, ops.Enter)}

    def _region(self, enter: ops.Enter) -> frozenset[int]:
        start = self.positions[enter.index]
        inside: set[int] = set()
        seen: set[tuple[BlockId, int]] = set()
        waiting: list[tuple[BlockId, int]] = [(start.block, start.offset + 1)]
        while waiting:
            block, index = waiting.pop()
            if (block, index) in seen or block < 0:
                continue
            seen.add((block, index))
            left = False
            for op in self.listing[block][index:]:
                if isinstance(op, ops.Exit) and op.enter == enter.index:
                    left = True
                    break
                inside.add(op.index)
            if not left:
                waiting.extend((target, 0) for target in self.normal_targets(block))
                handler = self.blocks[block].handler
                if handler >= 0 and (block, index) != (start.block, start.offset + 1):
                    waiting.append((handler, 0))
        return frozenset(inside)

    @cached_property
    def carried(self) -> frozenset[Register]:
        """The registers that are read in another block than the one that writes them."""
        home: dict[Register, set[BlockId]] = {}
        for register, made in self.definitions.items():
            home[register] = {self.positions[op.index].block for op in made}
        found = {register for register, blocks in home.items() if len(blocks) > 1}
        for block, listed in self.listing.items():
            for op in listed:
                found.update(r for r in operands(op) if home.get(r, {block}) != {block})
        return frozenset(found)

    @cached_property
    def tested(self) -> frozenset[Variable]:
        """The variables that some branch depends on and nothing else."""
        found: set[Variable] = set()
        for block in self.blocks.values():
            if isinstance(block.terminator, ops.Branch):
                found |= self.dependence(block.terminator.condition).variables
        return frozenset(found)

    @cached_property
    def tested_loads(self) -> list[ops.LoadAttr | ops.LoadItem]:
        """The loads of attributes and elements that some branch depends on."""
        branches = [block.terminator for block in self.blocks.values() if isinstance(block.terminator, ops.Branch)]
        made = (op for branch in branches for op in self.sources(branch.condition))
        return [op for op in made if isinstance(op, ops.LoadAttr | ops.LoadItem)]

    def dependence(self, register: Register) -> Dependence:
        """The variables that a register is computed from."""
        known = self._dependence.get(register)
        if known is not None:
            return known
        variables: set[Variable] = set()
        pure, seen, waiting = True, {register}, [register]
        while waiting:
            for op in self.definitions.get(waiting.pop(), ()):
                match op:
                    case ops.LoadVar():
                        variables.add(op.var)
                        continue
                    case ops.Const():
                        continue
                    case ops.Copy():
                        read: tuple[Register, ...] = (op.src,)
                    case ops.Compare():
                        read = (op.left, op.right)
                    case ops.Compute():
                        read = op.operands
                    case ops.Call():
                        read = tuple(argument.value for argument in op.args)
                        pure = pure and self._is_len(op)
                    case _:
                        pure = False
                        continue
                waiting.extend(r for r in read if r not in seen)
                seen.update(read)
        answer = self._dependence[register] = Dependence(frozenset(variables), pure)
        return answer

    def sources(self, register: Register) -> list[Op]:
        """The ops that a register is computed by; variables are not followed."""
        found: list[Op] = []
        seen, waiting = {register}, [register]
        while waiting:
            for op in self.definitions.get(waiting.pop(), ()):
                found.append(op)
                fresh = [each for each in operands(op) if each not in seen]
                seen.update(fresh)
                waiting.extend(fresh)
        return found

    def _is_len(self, op: ops.Call) -> bool:
        return any(
            isinstance(made, ops.LoadVar) and made.var.name in ("len", "bool", "any", "all")
            for made in self.definitions.get(op.callee, ())
        )


class Shapes:
    """The shape of each function, and its ops of several kinds, made on demand."""

    def __init__(self) -> None:
        self._known: dict[Function, Shape] = {}
        self._ops: dict[tuple[Function, tuple[type[Op], ...]], list[Op]] = {}

    def mixed(self, function: Function, *kinds: type[Op]) -> list[Op]:
        """The ops of these classes in block order."""
        key = (function, kinds)
        known = self._ops.get(key)
        if known is None:
            wanted = frozenset(kinds)
            known = self._ops[key] = [op for op in function.cfg.ops() if type(op) in wanted]
        return known

    def of(self, function: Function) -> Shape:
        """The shape of ``function``."""
        known = self._known.get(function)
        if known is None:
            known = self._known[function] = Shape(function)
        return known
