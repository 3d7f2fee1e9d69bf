"""Frames: a function in a context, and the edges by which control enters it.

Nouns:

* **Frame**: one function body as reached from one context (its call site and callers, or the object that it is a method of).
* **Entry**: how control gets into a frame: a call, a spawn, an iteration, or later (a callback, a handler at exit).
* **LibCall**: a call of something that the catalogue knows, with its receiver.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chanlint.catalogue.schema import Effect
from chanlint.ir.ids import FunctionId, OpId
from chanlint.ir.ops import Op, Register
from chanlint.ir.program import Function

if TYPE_CHECKING:
    from chanlint.analysis.calls import Arguments, Slots
    from chanlint.analysis.objects import Obj


class EntryKind(enum.StrEnum):
    """How control enters a frame."""

    CALL = "call"  # in the same actor, at this op
    SPAWN = "spawn"  # in an actor of its own
    LATER = "later"  # at a time nobody here knows: a callback, at exit
    ROOT = "root"  # from code that is not analysed


@dataclass(eq=False, slots=True)
class Entry:
    """One edge into a frame: ``op`` of ``caller``; for a spawn ``actor`` is the handle of the new actor."""

    kind: EntryKind
    caller: Frame | None
    op: Op | None
    callee: Frame
    actor: Obj | None = None


@dataclass(eq=False, slots=True)
class LibCall:
    """A call of a catalogued function or method.

    Attributes:
        receiver: the object whose method it is, None for functions.
        result: the object that the call makes, if any.
        timed: the call waits inside a wrapper that gives up after a time.
        awaited: for awaitable calls: the ops at which it takes effect (empty: it never does).
        actor: the handle of the actor that performs it, for a call handed to a spawner.
        arguments: the argument nodes.
        whole: the object whose method does this through one of its parts.
    """

    frame: Frame
    op: Op
    effect: Effect
    name: str
    receiver: Obj | None = None
    result: Obj | None = None
    timed: bool = False
    awaited: list[tuple[Frame, Op]] = field(default_factory=list)
    actor: Obj | None = None
    arguments: Arguments | None = None
    whole: Obj | None = None


@dataclass(eq=False, slots=True)
class Frame:
    """A function in a context.

    Attributes:
        parent: the frame in which the function was defined (for free variables).
        receiver: the object that it is a method of.
        nodes: the node of each register; several registers may share one.
        chain: functions on the way from the nearest root, to find recursion.
        entries: how control gets here, in the order of discovery.
        calls: what each call (or with, iteration, await) op reaches inside the program.
        lib_calls: catalogued calls by op index.
        arguments: those of call ops that were asked for, by op index.
        slots: where what it is called with goes, once it was called.
        api: entered only because unknown code could call it: what it does is offered, not done.
        merged: stands for several calls at once, because a bound was reached or the function calls itself: what one of its
            variables holds need not belong to what another holds.
    """

    number: int
    function: Function
    parent: Frame | None
    receiver: Obj | None
    nodes: list[int]
    returned: int
    yielded: int
    chain: tuple[FunctionId, ...] = ()
    variables: dict[str, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    calls: dict[int, list[Entry]] = field(default_factory=dict)
    lib_calls: dict[int, list[LibCall]] = field(default_factory=dict)
    arguments: dict[int, Arguments] = field(default_factory=dict)
    slots: Slots | None = None
    api: bool = False
    merged: bool = False

    def op_id(self, op: Op) -> OpId:
        """The place of an op of this frame's function."""
        return OpId(self.function.id, op.index)

    def register(self, node: int) -> Register | None:
        """A register with that node, or None."""
        try:
            return self.nodes.index(node)
        except ValueError:
            return None

    def alias(self, node: int) -> Register:
        """A register for a node that may have none, for an op that stands for what a library does."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def __repr__(self) -> str:
        return f"Frame({self.number}, {self.function.id})"
