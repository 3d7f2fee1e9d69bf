"""A module's syntax to its IR: the one entry to lowering.

Bodies are lowered one by one from a list, never from within each other, so nesting of definitions costs no stack; functions
come out in the order of the text.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from chanlint.frontends.python.flow import Place
from chanlint.frontends.python.lower_context import Body, Unit
from chanlint.frontends.python.lower_statements import StatementLowerer
from chanlint.frontends.python.names import collect
from chanlint.frontends.python.rows import Utf8Rows
from chanlint.frontends.python.scopes import Scope, ScopeKind
from chanlint.ir.ids import MODULE_BODY, FunctionId
from chanlint.ir.program import Function, FunctionKind, Module
from chanlint.source import SourceFile


@dataclass(slots=True)
class LoweredTree:
    """A module's IR, and what its functions' ops and headers came from."""

    module: Module
    places: dict[FunctionId, list[Place]]
    headers: dict[FunctionId, Place]


def lower_tree(tree: ast.Module, source: SourceFile, version: tuple[int, int]) -> LoweredTree:
    """Lowers a parsed file as Python ``version`` would run it. May recurse as deep as the deepest expression."""
    name = source.path.replace("\\", "/").rpartition("/")[2]
    module = Module(source.path, is_package=name == "__init__.py")
    unit = Unit(Utf8Rows(source.text), module, version, walrus=":=" in source.text, yields="yield" in source.text)
    body = Function(FunctionId(module.id, MODULE_BODY), MODULE_BODY, FunctionKind.MODULE)
    unit.register(body, tree)
    scope = Scope(ScopeKind.MODULE, body.id, None)
    collect(scope, tree.body, walrus=unit.walrus)
    stack = [Body(body, scope, tree.body)]
    order: dict[FunctionId, Function] = {}
    while stack:
        waiting = stack.pop()
        order[waiting.function.id] = waiting.function
        stack.extend(reversed(StatementLowerer(unit, waiting).found))
    module.functions = order
    return LoweredTree(module, unit.places, unit.headers)
