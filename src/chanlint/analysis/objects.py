"""Abstract objects: what a register or variable may hold.

Nouns:

* **Obj**: an abstract object, compared by identity; `Heap` makes each only once.
* **Site**: the op that makes an object, in a frame: objects are named by where they are made.
* **LibName**: a thing outside the program known by its dotted name (a library's module, class or function).
* **LibInstance**: an object of a library type: a channel, an actor's handle, a task group, an event loop.
* **End**: one end (or a clone of an end) of a channel that has two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from chanlint.ir.ids import ClassId, ModuleId, OpId
from chanlint.ir.ops import Constant
from chanlint.ir.program import Function
from chanlint.ir.shown import Shown

if TYPE_CHECKING:
    from chanlint.analysis.frames import Frame


@dataclass(eq=False, slots=True, repr=False)
class Obj(Shown):
    """The base of all abstract objects."""


@dataclass(eq=False, slots=True, repr=False)
class Const(Obj):
    """A literal constant."""

    value: Constant


@dataclass(eq=False, slots=True, repr=False)
class LibName(Obj):
    """A module, class or function outside the program, by canonical dotted name."""

    dotted: str


@dataclass(eq=False, slots=True, repr=False)
class ModuleRef(Obj):
    """A module of the program, as imported under ``dotted``."""

    module: ModuleId
    dotted: str


@dataclass(eq=False, slots=True, repr=False)
class FunctionRef(Obj):
    """A function closed over the frame that defined it."""

    function: Function
    definer: Frame
    site: OpId
    defaults: dict[str, int] = field(default_factory=dict)


@dataclass(eq=False, slots=True, repr=False)
class ClassRef(Obj):
    """A class of the program; ``frame`` ran its body, so its variables are the class attributes; ``bases`` are nodes."""

    cls: ClassId
    frame: Frame
    site: OpId
    bases: list[int] = field(default_factory=list)


@dataclass(eq=False, slots=True, repr=False)
class Instance(Obj):
    """An object of a class of the program; ``synthetic`` stands for any object of a class that nobody here makes."""

    cls: ClassRef
    site: OpId
    maker: Frame | None
    synthetic: bool = False


@dataclass(eq=False, slots=True, repr=False)
class LibInstance(Obj):
    """An object of a library type."""

    type: str
    site: OpId
    maker: Frame


@dataclass(eq=False, slots=True, repr=False)
class End(Obj):
    """One end of a two-ended channel, or a clone of it."""

    channel: LibInstance
    type: str
    role: str
    site: OpId
    maker: Frame


@dataclass(eq=False, slots=True, repr=False)
class Container(Obj):
    """A tuple, list, set or dict; elements live in cells named by position, key or ``*``; a tuple knows its ``size``.

    ``elements`` is the node of what any cell holds, once somebody has asked for it.
    """

    kind: str
    site: OpId
    maker: Frame
    size: int | None = None
    elements: int | None = None


@dataclass(eq=False, slots=True, repr=False)
class Bound(Obj):
    """A method of the program with its ``self``."""

    function: FunctionRef
    receiver: Obj


@dataclass(eq=False, slots=True, repr=False)
class LibMethod(Obj):
    """A method of a library type (or of a container) with its object; ``type`` is where the method was found."""

    receiver: Obj
    type: str
    name: str


@dataclass(eq=False, slots=True, repr=False)
class Partial(Obj):
    """``functools.partial``: ``site`` is the call that froze the arguments."""

    site: OpId
    maker: Frame


@dataclass(eq=False, slots=True, repr=False)
class Coroutine(Obj):
    """A called async function or generator that has not run yet; ``frame`` is its body."""

    frame: Frame
    site: OpId
    maker: Frame


@dataclass(eq=False, slots=True, repr=False)
class Awaitable(Obj):
    """A library call that takes effect when awaited (``asyncio_queue.get()``)."""

    site: OpId
    maker: Frame


@dataclass(eq=False, slots=True, repr=False)
class CallIterator(Obj):
    """``iter(function, sentinel)``."""

    site: OpId
    maker: Frame


@dataclass(eq=False, slots=True, repr=False)
class Super(Obj):
    """``super()`` in a method of ``cls``."""

    cls: ClassId
    receiver: Obj


@dataclass(eq=False, slots=True, repr=False)
class Factory(Obj):
    """A dataclass field with a default factory; ``site`` is the ``field(...)`` call."""

    site: OpId
    maker: Frame


T = TypeVar("T", bound=Obj)


class Heap:
    """Makes every abstract object once: the same class and parts give the same object."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Obj] = {}
        self._by_class: dict[type[Obj], list[Obj]] = {}
        self.order: dict[Obj, int] = {}

    def make(self, cls: type[T], *parts: Any) -> T:
        """The object of class ``cls`` made of ``parts``."""
        key = (cls, *parts)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = cls(*parts)
            self._note(found)
        return cast(T, found)

    def const(self, value: Constant) -> Const:
        """The constant ``value`` (``1``, ``1.0`` and ``True`` are three)."""
        key = (Const, type(value), value)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Const(value)
            self._note(found)
        return cast(Const, found)

    def all(self, cls: type[T]) -> list[T]:
        """All objects of exactly that class in the order in which they were made."""
        return cast(list[T], [*self._by_class.get(cls, ())])

    def _note(self, made: Obj) -> None:
        self.order[made] = len(self.order)
        self._by_class.setdefault(type(made), []).append(made)
