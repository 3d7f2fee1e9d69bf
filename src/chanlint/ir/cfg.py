"""Control flow: basic blocks, one terminator each, one handler each.

A **block** is a run of ops in one exception context. All its ops share one **handler**: the block where control goes when
one of them raises, or `RAISE_EXIT` when the exception leaves the function. `Return` goes to `RETURN_EXIT`. What kind of
exception is in flight (an error, a cancellation, a generator's close) is the analysis' business, not an edge of its own:
handlers are the same, and `Catch` decides.

A ``finally`` body is copied for each way of leaving its ``try`` (normal, raise, return, break, continue); the copy on the
exceptional path ends in ``Raise(None)``. A ``with`` has one `Exit` per way of leaving likewise.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Branch, Catch, Iterate, Jump, Op, Raise, Return, Terminator, Unreachable

RETURN_EXIT: BlockId = -1
RAISE_EXIT: BlockId = -2


class EdgeKind(enum.StrEnum):
    """How control passes from one block to the next."""

    NORMAL = "normal"
    TRUE = "true"
    FALSE = "false"
    RAISE = "raise"
    RETURN = "return"


class Edge(NamedTuple):
    """A step between blocks."""

    source: BlockId
    target: BlockId
    kind: EdgeKind


@dataclass(slots=True)
class Block:
    """A run of ops that ends in ``terminator``; an exception in any of them goes to ``handler``."""

    id: BlockId
    handler: BlockId = RAISE_EXIT
    ops: list[Op] = field(default_factory=list)
    terminator: Terminator = field(default_factory=lambda: Unreachable(-1))

    def edges(self) -> Iterator[Edge]:
        """The ways out, the exceptional one last (it exists for every block, whether or not an op can raise)."""
        end = self.terminator
        match end:
            case Jump():
                yield Edge(self.id, end.target, EdgeKind.NORMAL)
            case Branch():
                yield Edge(self.id, end.true, EdgeKind.TRUE)
                yield Edge(self.id, end.false, EdgeKind.FALSE)
            case Iterate():
                yield Edge(self.id, end.item, EdgeKind.TRUE)
                yield Edge(self.id, end.done, EdgeKind.FALSE)
            case Catch():
                yield Edge(self.id, end.matched, EdgeKind.TRUE)
                yield Edge(self.id, end.unmatched, EdgeKind.FALSE)
            case Return():
                yield Edge(self.id, RETURN_EXIT, EdgeKind.RETURN)
            case Raise():
                yield Edge(self.id, self.handler, EdgeKind.RAISE)
                return
        yield Edge(self.id, self.handler, EdgeKind.RAISE)


@dataclass(slots=True)
class Cfg:
    """A function's blocks by id; ``entry`` is where it starts."""

    blocks: dict[BlockId, Block] = field(default_factory=dict)
    entry: BlockId = 0

    def ops(self) -> Iterator[Op]:
        """All ops, terminators included, in block order."""
        for block in self.blocks.values():
            yield from block.ops
            yield block.terminator
