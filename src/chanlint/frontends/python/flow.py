"""Control flow under construction: blocks, the ways out of them, and what has to run on each way.

Nouns:

* **FlowBuilder**: writes the blocks of one function, in evaluation order.
* **Loop**: where ``break`` and ``continue`` go.
* **Cleanup**: what runs on every way out of a region: a ``finally`` body or the exit of a ``with``. Each *kind* of way out
  (return, break, continue) gets one block, shared by all statements that leave that way; the normal way and the exceptional
  way are written by the statement itself.
* **Place**: what an op came from: a syntax node, the stretch from one node to another, or a compound statement's header.

A block that nothing reaches is never written: between an unconditional jump and the next reached block, ops fall on the floor.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from chanlint.ir.cfg import RAISE_EXIT, Block, Cfg
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Branch, Copy, Jump, Op, Raise, Register, Return, Terminator


class Stretch(NamedTuple):
    """From the start of ``first`` to the end of ``last``."""

    first: ast.AST
    last: ast.AST


class Header(NamedTuple):
    """From the start of ``statement`` up to the colon before its body."""

    statement: ast.AST


Place = ast.AST | Stretch | Header


class Way(enum.Enum):
    """How control can leave a region, other than by falling out of it or by an exception."""

    RETURN = "return"
    BREAK = "break"
    CONTINUE = "continue"


@dataclass(slots=True)
class Loop:
    """The targets of ``break`` and ``continue``."""

    after: BlockId
    again: BlockId


@dataclass(slots=True)
class Cleanup:
    """What runs on the way out of a region.

    Attributes:
        write: writes one copy of the cleanup into the current block.
        ways: the block where each used way out begins, and the place of the first statement that uses it.
    """

    write: Callable[[], None]
    ways: dict[Way, tuple[BlockId, Place]] = field(default_factory=dict)


class FlowBuilder:
    """Writes one function's blocks.

    Attributes:
        cfg: the blocks written so far.
        places: what each op came from, by op index.
        handler: where exceptions go in blocks that are started now.
        registers: how many registers are in use.
    """

    def __init__(self) -> None:
        self.cfg = Cfg()
        self.places: list[Place] = []
        self.handler: BlockId = RAISE_EXIT
        self.registers = 0
        self._frames: list[Loop | Cleanup] = []
        self._next_block = 0
        self._reached: dict[BlockId, int] = {}
        self._result: Register | None = None
        self._block: Block | None = None
        self._last: Block | None = None  # the block that was ended last
        self.ops: list[Op] = []
        entry = self.new_block()
        self.start_always(entry)

    # -- ops and registers ----------------------------------------------------------------------------------------------

    def register(self) -> Register:
        """A new register."""
        self.registers += 1
        return self.registers - 1

    def at(self, place: Place) -> int:
        """A new op index for an op that comes from ``place``."""
        self.places.append(place)
        return len(self.places) - 1

    # -- blocks ---------------------------------------------------------------------------------------------------------

    @property
    def reachable(self) -> bool:
        """Whether control can be here."""
        return self._block is not None

    def new_block(self) -> BlockId:
        """A name for a block that will be started later."""
        self._next_block += 1
        return self._next_block - 1

    def start(self, block: BlockId) -> bool:
        """Goes on in ``block`` if anything jumps there, and says whether it does.

        All jumps to it must have been written; a block with later ones (a loop's head) is begun by `start_always`.
        """
        last = self._last
        if (
            self._reached.get(block) == 1
            and last is not None
            and type(last.terminator) is Jump
            and last.terminator.target == block
            and last.handler == self.handler
            and last.terminator.index == len(self.places) - 1
        ):
            self.places.pop()  # the only jump here was the op before: go on in the same block
            self._block = last
            self.ops = last.ops
            return True
        if block in self._reached:
            self.start_always(block)
            return True
        self._leave()
        return False

    def start_always(self, block: BlockId) -> None:
        """Goes on in ``block``, which is reached in a way that no jump shows (yet)."""
        self._last = None
        self._block = Block(block, self.handler)
        self.ops = self._block.ops
        self.cfg.blocks[block] = self._block

    def _leave(self) -> None:
        if self._block is not None:
            self._last = self._block
        self._block = None
        self.ops = []

    def end(self, terminator: Terminator) -> None:
        """Ends the current block."""
        if self._block is not None:
            self._block.terminator = terminator
        self._leave()

    def jump(self, target: BlockId, place: Place) -> None:
        """Ends the current block, if control can be here, with a jump."""
        if self._block is not None:
            self._reached[target] = self._reached.get(target, 0) + 1
            self.end(Jump(self.at(place), target))

    def branch(self, condition: Register, true: BlockId, false: BlockId, place: Place) -> None:
        """Ends the current block with a two-way branch."""
        if self._block is not None:
            self.reach(true, false)
            self.end(Branch(self.at(place), condition, true, false))

    def reach(self, *blocks: BlockId) -> None:
        """Notes that a terminator written by the caller leads to ``blocks``."""
        for block in blocks:
            self._reached[block] = self._reached.get(block, 0) + 2  # twice: never merged into the block before

    def guard(self, handler: BlockId, place: Place) -> BlockId:
        """From here on exceptions go to ``handler``; answers the handler so far. Begins a new block."""
        before = self.handler
        if handler != before:
            inside = self.new_block()
            self.jump(inside, place)
            self.handler = handler
            self.start(inside)
        return before

    # -- ways out -------------------------------------------------------------------------------------------------------

    def push(self, frame: Loop | Cleanup) -> None:
        """Enters a loop or a region with a cleanup."""
        self._frames.append(frame)

    def pop(self) -> None:
        """Leaves the region entered last. The caller then writes its ways out with `write_ways`."""
        self._frames.pop()

    def write_ways(self, cleanup: Cleanup) -> None:
        """Writes a copy of the cleanup for each way out that was used, and goes on outwards."""
        for way, (block, place) in cleanup.ways.items():
            if self.start(block):
                cleanup.write()
                self.leave(way, place)

    def leave(self, way: Way, place: Place) -> None:
        """Goes out by ``way``, through the innermost cleanup if there is one. Ends the current block."""
        if self._block is None:
            return
        for frame in reversed(self._frames):
            if type(frame) is Cleanup:
                if way not in frame.ways:
                    frame.ways[way] = (self.new_block(), place)
                self.jump(frame.ways[way][0], place)
                return
            if way is not Way.RETURN and type(frame) is Loop:
                self.jump(frame.after if way is Way.BREAK else frame.again, place)
                return
        if way is Way.RETURN:
            self.end(Return(self.at(place), self._result))
        else:
            self.end(Raise(self.at(place), None))  # a break outside a loop: not Python

    def leave_with(self, value: Register | None, none: Callable[[], Register], place: Place) -> None:
        """Returns ``value``; ``none`` makes the register for a missing one where a cleanup runs in between."""
        if any(type(frame) is Cleanup for frame in self._frames):
            if self._result is None:
                self._result = self.register()
            source = none() if value is None else value
            self.ops.append(Copy(self.at(place), self._result, source))
            self.leave(Way.RETURN, place)
        else:
            self.end(Return(self.at(place), value))
