"""Which names a body binds: read off its syntax before any of it is lowered.

Python decides per function, not per statement, whether a name is local: one assignment anywhere is enough, dead code
included. `collect` fills a scope with these names. It reads statements only; expressions are searched for ``:=`` just where
the text holds one at all.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from chanlint.frontends.python.scopes import Scope, mangle


def own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """``node`` and all below it that runs in the same frame: not the bodies of functions, lambdas and classes."""
    stack: list[ast.AST] = [node]
    while stack:
        item = stack.pop()
        yield item
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            stack.extend(item.decorator_list)
            stack.extend(_defaults(item.args))
        elif isinstance(item, ast.Lambda):
            stack.extend(_defaults(item.args))
        elif isinstance(item, ast.ClassDef):
            stack.extend((*item.decorator_list, *item.bases, *item.keywords))
        else:
            stack.extend(ast.iter_child_nodes(item))


def _defaults(parameters: ast.arguments) -> Iterator[ast.expr]:
    yield from parameters.defaults
    yield from (default for default in parameters.kw_defaults if default is not None)


def has_yield(nodes: Iterable[ast.AST]) -> bool:
    """Whether code in the frame of ``nodes`` yields, which makes its function a generator even where it is dead."""
    return any(isinstance(part, ast.Yield | ast.YieldFrom) for node in nodes for part in own_parts(node))


def all_parameters(parameters: ast.arguments) -> Iterator[ast.arg]:
    """All parameters in the order they are written."""
    yield from parameters.posonlyargs
    yield from parameters.args
    if parameters.vararg is not None:
        yield parameters.vararg
    yield from parameters.kwonlyargs
    if parameters.kwarg is not None:
        yield parameters.kwarg


def default_values(parameters: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    """The parameters that have a default, with it, in the order they are written."""
    if parameters.defaults:
        ordered = [*parameters.posonlyargs, *parameters.args]
        yield from zip(ordered[-len(parameters.defaults) :], parameters.defaults, strict=True)
    for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        if default is not None:
            yield parameter, default


def dotted(node: ast.expr | None) -> str | None:
    """``a.b.c`` as text, or None for anything but names joined by dots."""
    if type(node) is ast.Name:
        return node.id
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))


class _Collector:
    """Adds what statements bind to one scope."""

    def __init__(self, scope: Scope, walrus: bool) -> None:
        self.scope = scope
        self.walrus = walrus

    def bind(self, name: str) -> None:
        self.scope.bound.add(mangle(name, self.scope.private))

    def target(self, node: ast.expr) -> None:
        """Names in an assignment target, however nested."""
        if type(node) is ast.Name:
            self.bind(node.id)
            return
        stack = [node]
        while stack:
            item = stack.pop()
            if isinstance(item, ast.Name):
                self.bind(item.id)
            elif isinstance(item, ast.Tuple | ast.List):
                stack.extend(item.elts)
            elif isinstance(item, ast.Starred):
                stack.append(item.value)

    def body(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            reader = _READERS.get(type(statement).__name__)
            if reader is not None:
                reader(self, statement)
            elif self.walrus:
                self.search(statement)

    # -- statements without a body --------------------------------------------------------------------------------------

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.target(target)
        self._search_all(node)

    def _one_target(self, node: ast.AugAssign | ast.AnnAssign) -> None:
        self.target(node.target)
        self._search_all(node)

    def _del(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.target(target)
        self._search_all(node)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name != "*":
                self.bind(alias.asname or alias.name.partition(".")[0])

    def _global(self, node: ast.Global) -> None:
        self.scope.globals.update(mangle(name, self.scope.private) for name in node.names)

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        self.scope.nonlocals.update(mangle(name, self.scope.private) for name in node.names)

    def _type_alias(self, node: Any) -> None:
        self.bind(node.name.id)

    # -- statements with a body -----------------------------------------------------------------------------------------

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.bind(node.name)
        self._search_all(node)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.target(node.target)
        self._search_all(node.target, node.iter)
        self.body(node.body)
        self.body(node.orelse)

    def _while_or_if(self, node: ast.While | ast.If) -> None:
        while True:
            self._search_all(node.test)
            self.body(node.body)
            rest = node.orelse
            if len(rest) != 1 or type(rest[0]) is not ast.If:
                break
            node = rest[0]  # an elif: a chain of them may be long
        self.body(rest)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self._search_all(item.context_expr)
            if item.optional_vars is not None:
                self.target(item.optional_vars)
        self.body(node.body)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        self.body(node.body)
        for handler in node.handlers:
            if handler.name is not None:
                self.bind(handler.name)
            if handler.type is not None:
                self._search_all(handler.type)
            self.body(handler.body)
        self.body(node.orelse)
        self.body(node.finalbody)

    def _match(self, node: ast.Match) -> None:
        self._search_all(node.subject)
        for case in node.cases:
            for part in own_parts(case.pattern):
                if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name is not None:
                    self.bind(part.name)
                elif isinstance(part, ast.MatchMapping) and part.rest is not None:
                    self.bind(part.rest)
            if case.guard is not None:
                self._search_all(case.guard)
            self.body(case.body)

    def _search_all(self, *nodes: ast.AST) -> None:
        if self.walrus:
            for node in nodes:
                self.search(node)

    def search(self, node: ast.AST) -> None:
        """Binds the names of ``:=`` in ``node``."""
        for part in own_parts(node):
            if isinstance(part, ast.NamedExpr):
                self.target(part.target)


# By name: not every Python knows all of them.
_READERS: dict[str, Callable[[_Collector, Any], None]] = {
    "Assign": _Collector._assign,
    "AugAssign": _Collector._one_target,
    "AnnAssign": _Collector._one_target,
    "Delete": _Collector._del,
    "Import": _Collector._import,
    "ImportFrom": _Collector._import,
    "Global": _Collector._global,
    "Nonlocal": _Collector._nonlocal,
    "TypeAlias": _Collector._type_alias,
    "FunctionDef": _Collector._definition,
    "AsyncFunctionDef": _Collector._definition,
    "ClassDef": _Collector._definition,
    "For": _Collector._for,
    "AsyncFor": _Collector._for,
    "While": _Collector._while_or_if,
    "If": _Collector._while_or_if,
    "With": _Collector._with,
    "AsyncWith": _Collector._with,
    "Try": _Collector._try,
    "TryStar": _Collector._try,
    "Match": _Collector._match,
}


def collect(scope: Scope, body: Sequence[ast.stmt], *, walrus: bool) -> None:
    """Fills ``scope`` with the names that the statements of a body bind or declare; the caller adds parameters.

    Args:
        scope: a module's, function's or class's scope.
        body: its statements.
        walrus: whether the text holds a ``:=`` anywhere.
    """
    _Collector(scope, walrus).body(body)


def collect_walrus(scope: Scope, expression: ast.expr) -> None:
    """The same for the expression of a lambda."""
    _Collector(scope, walrus=True).search(expression)
