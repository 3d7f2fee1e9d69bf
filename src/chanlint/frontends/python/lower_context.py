"""What the lowering of one module shares between its functions.

Nouns:

* **Unit**: the module being lowered: its functions and classes so far, the bodies still to do, and where ops came from.
* **Body**: a function, lambda or class body that was met and waits to be lowered.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from chanlint.frontends.python.flow import Place
from chanlint.frontends.python.names import dotted
from chanlint.frontends.python.rows import Utf8Rows
from chanlint.frontends.python.scopes import Scope
from chanlint.ir.ids import MODULE_BODY, ClassId, FunctionId
from chanlint.ir.program import Class, Function, FunctionKind, Module


@dataclass(slots=True)
class Body:
    """A body that waits to be lowered. ``code`` is its statements, or a lambda's one expression."""

    function: Function
    scope: Scope
    code: Sequence[ast.stmt] | ast.expr
    cls: Class | None = None


@dataclass(slots=True)
class Unit:
    """The module being lowered.

    Attributes:
        rows: its text.
        module: what has been lowered so far.
        version: the Python version that decides version tests.
        walrus, yields: whether the text holds ``:=`` and ``yield`` at all; searches are skipped otherwise.
        places: what each function's ops came from, by op index.
        headers: what each function's header came from.
        known: the function or class of a definition that was met before, in another copy of a ``finally`` body.
        sys_names, version_names: local names of the module ``sys`` and of ``sys.version_info``.
    """

    rows: Utf8Rows
    module: Module
    version: tuple[int, int]
    walrus: bool
    yields: bool
    places: dict[FunctionId, list[Place]] = field(default_factory=dict)
    headers: dict[FunctionId, Place] = field(default_factory=dict)
    known: dict[int, tuple[FunctionId, ClassId | None]] = field(default_factory=dict)
    sys_names: set[str] = field(default_factory=lambda: {"sys"})
    version_names: set[str] = field(default_factory=set)
    _used: dict[str, int] = field(default_factory=dict)

    def function_id(self, enclosing: FunctionId, name: str, cls: ClassId | None) -> FunctionId:
        """A new id for ``name`` defined in ``enclosing`` (in the body of ``cls``, if that is a class body)."""
        return FunctionId(self.module.id, self._unique(self._prefix(enclosing, cls) + name))

    def class_ids(self, enclosing: FunctionId, name: str, cls: ClassId | None) -> tuple[ClassId, FunctionId]:
        """New ids for a class and its body."""
        prefix = self._prefix(enclosing, cls)
        body = self._unique(f"{prefix}<class {name}>")
        count = body.rpartition(">")[2]  # "" or "#2": the class is numbered as its body is
        return ClassId(self.module.id, prefix + name + count), FunctionId(self.module.id, body)

    def _prefix(self, enclosing: FunctionId, cls: ClassId | None) -> str:
        if cls is not None:
            return f"{cls.qualname}."
        return "" if enclosing.qualname == MODULE_BODY else f"{enclosing.qualname}.<locals>."

    def _unique(self, qualname: str) -> str:
        count = self._used[qualname] = self._used.get(qualname, 0) + 1
        return qualname if count == 1 else f"{qualname}#{count}"

    def register(self, function: Function, place: Place) -> None:
        """Adds a function that ops refer to from now on."""
        self.module.functions[function.id] = function
        self.headers[function.id] = place

    def text(self, node: ast.expr) -> str:
        """The source of an expression on one row; a string literal stands for what is in it."""
        name = dotted(node)
        if name is not None:
            return name
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return " ".join(node.value.split())
        return " ".join(self.rows.text(node).split())

    def decorator(self, node: ast.expr) -> str:
        """The source of a decorator without its arguments."""
        while isinstance(node, ast.Call):
            node = node.func
        return self.text(node)


def in_class(function: Function) -> bool:
    """Whether ``function`` is a class body."""
    return function.kind is FunctionKind.CLASS
