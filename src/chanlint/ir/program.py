"""Functions, classes, modules, and the program that links modules by import.

Invariant: nothing in here knows where the text came from; spans live in `chanlint.ir.source_map`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar, cast

from chanlint.ir.cfg import Cfg
from chanlint.ir.ids import MODULE_BODY, ClassId, FunctionId, ModuleId
from chanlint.ir.ops import Op

AnyOp = TypeVar("AnyOp", bound=Op)


class FunctionKind(enum.StrEnum):
    """What the body belongs to."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    LAMBDA = "lambda"


class ParamKind(enum.StrEnum):
    """How a parameter takes its argument."""

    POSITIONAL_ONLY = "positional-only"
    POSITIONAL = "positional"
    VARIADIC = "variadic"
    KEYWORD_ONLY = "keyword-only"
    KEYWORDS = "keywords"


class Param(NamedTuple):
    """A parameter; ``annotation`` is its source text (a dotted name, a subscript, ...), for analyses that read types."""

    name: str
    kind: ParamKind = ParamKind.POSITIONAL
    has_default: bool = False
    annotation: str | None = None


@dataclass(slots=True, eq=False)
class Function:
    """A body of code with its own frame.

    Attributes:
        cls: the class whose body defines this function directly (a method), else None.
        parent: the function whose frame encloses this one (class bodies included), None for a module body.
        decorators: the decorators' source text, outermost first, without ``@`` and arguments.
    """

    id: FunctionId
    name: str
    kind: FunctionKind
    params: tuple[Param, ...] = ()
    is_async: bool = False
    is_generator: bool = False
    parent: FunctionId | None = None
    cls: ClassId | None = None
    decorators: tuple[str, ...] = ()
    returns: str | None = None
    cfg: Cfg = field(default_factory=Cfg)
    registers: int = 0


@dataclass(slots=True, eq=False)
class Class:
    """A class definition; its bases are registers of the `MakeClass` op in ``parent``.

    ``annotations`` maps annotated names of the body, and of ``self.name: T`` in its methods, to the annotation's text.
    """

    id: ClassId
    name: str
    body: FunctionId
    parent: FunctionId
    decorators: tuple[str, ...] = ()
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Module:
    """One lowered file. ``exports`` is its ``__all__`` where that is a plain list of strings, else None."""

    id: ModuleId
    functions: dict[FunctionId, Function] = field(default_factory=dict)
    classes: dict[ClassId, Class] = field(default_factory=dict)
    is_package: bool = False
    exports: tuple[str, ...] | None = None

    @property
    def body(self) -> Function:
        """The module's own statements."""
        return self.functions[FunctionId(self.id, MODULE_BODY)]


ImportResolver = Callable[[ModuleId, str, int], ModuleId | None]


@dataclass(slots=True)
class Program:
    """The modules under analysis.

    ``resolve(importer, module, level)`` answers which of them an import names, or None for code that is not analysed.
    """

    modules: dict[ModuleId, Module]
    resolve: ImportResolver
    _ops: dict[Function, dict[type[Op], list[Op]]] = field(default_factory=dict, repr=False)

    def ops(self, function: Function, kind: type[AnyOp]) -> list[AnyOp]:
        """The ops of one class in a function, in block order; ask once the function is complete."""
        known = self._ops.get(function)
        if known is None:
            known = self._ops[function] = {}
            for op in function.cfg.ops():
                known.setdefault(type(op), []).append(op)
        return cast("list[AnyOp]", known.get(kind, []))

    def every(self, kind: type[AnyOp]) -> Iterator[tuple[Function, AnyOp]]:
        """The ops of one class in all functions."""
        for module in self.modules.values():
            for function in module.functions.values():
                for op in self.ops(function, kind):
                    yield function, op

    def function(self, id: FunctionId) -> Function:
        """The function called ``id``; KeyError if there is none."""
        return self.modules[id.module].functions[id]
