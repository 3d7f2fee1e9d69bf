"""The few generic ops that a front end may use.

A function computes with **registers** (small integers, private to the function) and **variables** (named cells, owned by one
function's frame and visible to the functions nested in it). A register is written by one op, except where two branches of an
expression meet (``a or b``, ``x if c else y``): there each branch ends in a `Copy` to the same register.

Ops say what the language does, never what a library means: ``q.get()`` is a `LoadAttr` and a `Call`. Which ops are channel
events is decided after points-to.

**Exceptions.** Any op but `Const`, `Copy`, `LoadVar` and `StoreVar` may raise; control then goes to the block's ``handler``.
**Suspension.** `Await`, `Yield`, and async `Enter`, `Exit` and `Iterate` may also end by cancellation (or by ``close()`` for a
generator's `Yield`): control goes to the same ``handler``, with another exception in flight.

Every op has an ``index``, unique in its function and increasing in evaluation order as far as there is one. The copies that
a front end makes of a ``finally`` body have indices of their own and the span of the original.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import NamedTuple

from chanlint.ir.ids import BlockId, ClassId, FunctionId
from chanlint.ir.shown import Shown

Register = int
Constant = None | bool | int | float | complex | str | bytes | EllipsisType


class Variable(NamedTuple):
    """A named cell in the frame of ``owner`` (a module body for globals; also for builtins, which nobody stores)."""

    owner: FunctionId
    name: str

    def __str__(self) -> str:
        return self.name


class Argument(NamedTuple):
    """One argument of a call: ``keyword`` is its name, ``unpack`` the number of stars before it (0, 1 or 2)."""

    value: Register
    keyword: str | None = None
    unpack: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Op(Shown):
    """The base of all ops."""

    index: int


# -- values -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False, repr=False)
class Const(Op):
    """``dst`` = a literal constant."""

    dst: Register
    value: Constant


@dataclass(slots=True, eq=False, repr=False)
class Copy(Op):
    """``dst`` = ``src``; used where branches of one expression meet."""

    dst: Register
    src: Register


@dataclass(slots=True, eq=False, repr=False)
class LoadVar(Op):
    """``dst`` = a variable."""

    dst: Register
    var: Variable


@dataclass(slots=True, eq=False, repr=False)
class StoreVar(Op):
    """A variable = ``src``."""

    var: Variable
    src: Register


@dataclass(slots=True, eq=False, repr=False)
class DeleteVar(Op):
    """The variable's binding is removed (``del x``; also the end of ``except E as x``)."""

    var: Variable


@dataclass(slots=True, eq=False, repr=False)
class LoadAttr(Op):
    """``dst`` = ``obj.attr``."""

    dst: Register
    obj: Register
    attr: str


@dataclass(slots=True, eq=False, repr=False)
class StoreAttr(Op):
    """``obj.attr`` = ``src``."""

    obj: Register
    attr: str
    src: Register


@dataclass(slots=True, eq=False, repr=False)
class DeleteAttr(Op):
    """``del obj.attr``."""

    obj: Register
    attr: str


@dataclass(slots=True, eq=False, repr=False)
class LoadItem(Op):
    """``dst`` = ``obj[key]``."""

    dst: Register
    obj: Register
    key: Register


@dataclass(slots=True, eq=False, repr=False)
class StoreItem(Op):
    """``obj[key]`` = ``src``."""

    obj: Register
    key: Register
    src: Register


@dataclass(slots=True, eq=False, repr=False)
class DeleteItem(Op):
    """``del obj[key]``."""

    obj: Register
    key: Register


@dataclass(slots=True, eq=False, repr=False)
class Unpack(Op):
    """``dst`` = element ``position`` of ``src`` in a tuple assignment or sequence pattern.

    Positions after a starred target are negative. ``star`` marks the starred target itself: ``dst`` is then a new list.
    """

    dst: Register
    src: Register
    position: int
    star: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Build(Op):
    """``dst`` = a new container: ``kind`` is tuple, list, set or dict.

    ``items`` are its elements (for a dict its values, with ``keys`` beside them; a key of None means ``**value``);
    ``starred`` holds the positions of elements written with a star. A comprehension builds an empty container first and adds
    with `Append`.
    """

    dst: Register
    kind: str
    items: tuple[Register, ...] = ()
    keys: tuple[Register | None, ...] = ()
    starred: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False, repr=False)
class Append(Op):
    """Adds one element to a container built by a comprehension (``key`` only for a dict)."""

    container: Register
    item: Register
    key: Register | None = None


@dataclass(slots=True, eq=False, repr=False)
class Compute(Op):
    """``dst`` = an operator applied to operands: arithmetic, formatted strings, slices, ``not`` in value position, ....

    ``operator`` is the symbol (``+``, ``*``, ``%``, ``-x``, ``~x``, ``+x``, ``not``) or a word: ``format``, ``slice``,
    ``template``, ``match-sequence``, ``match-mapping``, ``unknown``. In-place operators keep their ``=``: ``+=``.
    """

    dst: Register
    operator: str
    operands: tuple[Register, ...]


@dataclass(slots=True, eq=False, repr=False)
class Compare(Op):
    """``dst`` = ``left`` ``operator`` ``right`` with ``==  !=  <  <=  >  >=  is  is-not  in  not-in``."""

    dst: Register
    operator: str
    left: Register
    right: Register


@dataclass(slots=True, eq=False, repr=False)
class IsInstance(Op):
    """``dst`` = whether ``value`` is an instance of ``cls``: only for class patterns; ``isinstance()`` is a `Call`."""

    dst: Register
    value: Register
    cls: Register


@dataclass(slots=True, eq=False, repr=False)
class MakeFunction(Op):
    """``dst`` = a function or lambda closed over this frame; ``defaults`` pairs parameter names with their values."""

    dst: Register
    function: FunctionId
    defaults: tuple[tuple[str, Register], ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class MakeClass(Op):
    """``dst`` = a class, after its ``body`` ran; ``keywords`` are those of the header (``metaclass=``)."""

    dst: Register
    cls: ClassId
    body: FunctionId
    bases: tuple[Register, ...] = ()
    keywords: tuple[tuple[str, Register], ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Import(Op):
    """``dst`` = a module, or ``name`` from it.

    ``import a.b`` binds ``a``: ``Import(module="a.b", top=True)``; ``import a.b as c``: ``Import(module="a.b")``;
    ``from ..m import n``: ``Import(module="m", name="n", level=2)``.
    """

    dst: Register
    module: str
    name: str | None = None
    level: int = 0
    top: bool = False


@dataclass(slots=True, eq=False, repr=False)
class ImportStar(Op):
    """``from module import *``."""

    module: str
    level: int = 0


# -- calls and suspension -----------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False, repr=False)
class Call(Op):
    """``dst`` = ``callee(args)``. ``decorator`` marks the application of a decorator to a function or class."""

    dst: Register
    callee: Register
    args: tuple[Argument, ...] = ()
    decorator: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Await(Op):
    """``dst`` = ``await src``."""

    dst: Register
    src: Register


@dataclass(slots=True, eq=False, repr=False)
class Yield(Op):
    """``dst`` = ``yield src``; ``delegate`` for ``yield from``."""

    dst: Register
    src: Register
    delegate: bool = False


@dataclass(slots=True, eq=False, repr=False)
class IterStart(Op):
    """``dst`` = ``iter(src)`` (or ``aiter``), the iterator of a loop."""

    dst: Register
    src: Register
    is_async: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Enter(Op):
    """``dst`` = what ``with manager as dst`` binds."""

    dst: Register
    manager: Register
    is_async: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Exit(Op):
    """Leaves the ``with`` of the `Enter` at op index ``enter``.

    ``raising`` is the copy on the exceptional path; ``dst`` is then true where the manager swallows the exception, and a
    `Branch` on it follows.
    """

    dst: Register
    manager: Register
    enter: int
    is_async: bool = False
    raising: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Caught(Op):
    """``dst`` = the exception in flight, at the head of an ``except`` body; it is no longer in flight from here on."""

    dst: Register


# -- terminators --------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False, repr=False)
class Terminator(Op):
    """The last op of a block; it says where control goes."""


@dataclass(slots=True, eq=False, repr=False)
class Jump(Terminator):
    """To ``target``."""

    target: BlockId


@dataclass(slots=True, eq=False, repr=False)
class Branch(Terminator):
    """To ``true`` or ``false`` by the truth of ``condition``. ``and``, ``or`` and ``not`` are control flow, not operators."""

    condition: Register
    true: BlockId
    false: BlockId


@dataclass(slots=True, eq=False, repr=False)
class Iterate(Terminator):
    """Takes the next item of ``iterator`` into ``dst`` and goes to ``item``, or to ``done`` where it is exhausted."""

    dst: Register
    iterator: Register
    item: BlockId
    done: BlockId
    is_async: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Catch(Terminator):
    """To ``matched`` where the exception in flight is one of ``types``, else to ``unmatched``.

    No types means a bare ``except``. ``star`` marks ``except*``.
    """

    types: tuple[Register, ...]
    matched: BlockId
    unmatched: BlockId
    star: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Return(Terminator):
    """Leaves the function with ``src`` (None: no value written)."""

    src: Register | None


@dataclass(slots=True, eq=False, repr=False)
class Raise(Terminator):
    """Raises ``exception`` into the block's handler; None raises the one in flight or caught again."""

    exception: Register | None
    cause: Register | None = None


@dataclass(slots=True, eq=False, repr=False)
class Unreachable(Terminator):
    """Control never gets here (the end of a block that every path has left already)."""
