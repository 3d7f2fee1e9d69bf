"""Which names a body binds: read off its syntax before any of it is lowered.

Python decides per function, not per statement, whether a name is local: one assignment anywhere is enough, dead code
included. `collect` fills a scope with these names. It reads statements only; expressions are searched for ``:=`` just where
the text holds one at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import libcst as cst

from chanlint.frontends.python.scopes import Scope, mangle

_SKIPPED_FIELDS = frozenset(
    {"lpar", "rpar", "comma", "semicolon", "leading_lines", "lines_after_decorators", "header", "footer", "equal", "operator"}
)
_fields: dict[type, tuple[str, ...]] = {}


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of ``node`` that can hold expressions or statements, in the order of its fields."""
    kind = type(node)
    names = _fields.get(kind)
    if names is None:
        names = _fields[kind] = tuple(
            item.name for item in dataclasses.fields(kind) if "whitespace" not in item.name and item.name not in _SKIPPED_FIELDS
        )
    for name in names:
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, (tuple, list)):
            for item in value:
                if isinstance(item, cst.CSTNode):
                    yield item


def own_parts(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """``node`` and all below it that runs in the same frame: not the bodies of functions, lambdas and classes."""
    stack: list[cst.CSTNode] = [node]
    while stack:
        item = stack.pop()
        yield item
        if isinstance(item, cst.FunctionDef):
            stack.extend(item.decorators)
            stack.extend(parameter.default for parameter in all_parameters(item.params) if parameter.default is not None)
        elif isinstance(item, cst.Lambda):
            stack.extend(parameter.default for parameter in all_parameters(item.params) if parameter.default is not None)
        elif isinstance(item, cst.ClassDef):
            stack.extend((*item.decorators, *item.bases, *item.keywords))
        else:
            stack.extend(children(item))


def has_yield(nodes: Iterable[cst.CSTNode]) -> bool:
    """Whether code in the frame of ``nodes`` yields, which makes its function a generator even where it is dead."""
    return any(isinstance(part, cst.Yield) for node in nodes for part in own_parts(node))


def all_parameters(parameters: cst.Parameters) -> Iterator[cst.Param]:
    """All parameters in the order they are written."""
    yield from parameters.posonly_params
    yield from parameters.params
    if isinstance(parameters.star_arg, cst.Param):
        yield parameters.star_arg
    yield from parameters.kwonly_params
    if parameters.star_kwarg is not None:
        yield parameters.star_kwarg


def dotted(node: cst.BaseExpression | None) -> str | None:
    """``a.b.c`` as text, or None for anything but names joined by dots."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


class _Collector:
    """Adds what statements bind to one scope."""

    def __init__(self, scope: Scope, walrus: bool) -> None:
        self.scope = scope
        self.walrus = walrus

    def bind(self, name: str) -> None:
        self.scope.bound.add(mangle(name, self.scope.private))

    def target(self, node: cst.CSTNode) -> None:
        """Names in an assignment target, however nested."""
        stack = [node]
        while stack:
            item = stack.pop()
            if isinstance(item, cst.Name):
                self.bind(item.value)
            elif isinstance(item, (cst.Tuple, cst.List)):
                stack.extend(element.value for element in item.elements)
            elif isinstance(item, cst.StarredElement):
                stack.append(item.value)

    def body(self, statements: Sequence[cst.CSTNode]) -> None:
        for statement in statements:
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    self.small(small)
            elif isinstance(statement, cst.BaseSmallStatement):
                self.small(statement)
            else:
                self.compound(statement)

    def small(self, node: cst.CSTNode) -> None:
        match node:
            case cst.Assign():
                for target in node.targets:
                    self.target(target.target)
            case cst.AugAssign() | cst.AnnAssign() | cst.Del():
                self.target(node.target)
            case cst.Import():
                self._import(node.names)
            case cst.ImportFrom():
                if not isinstance(node.names, cst.ImportStar):
                    self._import(node.names)
            case cst.Global():
                self.scope.globals.update(mangle(item.name.value, self.scope.private) for item in node.names)
            case cst.Nonlocal():
                self.scope.nonlocals.update(mangle(item.name.value, self.scope.private) for item in node.names)
            case _:
                self._newer(node)
        if self.walrus:
            self.search(node)

    def _newer(self, node: Any) -> None:
        """Statements that not every supported libcst knows."""
        kind = type(node).__name__
        if kind == "TypeAlias":
            self.bind(node.name.value)
        elif kind in ("LazyImport", "LazyImportFrom") and not isinstance(node.names, cst.ImportStar):
            self._import(node.names)

    def _import(self, aliases: Sequence[cst.ImportAlias]) -> None:
        for alias in aliases:
            if alias.asname is not None:
                self.target(alias.asname.name)
            else:
                self.bind((dotted(alias.name) or "").partition(".")[0])

    def compound(self, node: cst.CSTNode) -> None:
        match node:
            case cst.FunctionDef() | cst.ClassDef():
                self.bind(node.name.value)
                if self.walrus:
                    self.search(node)
                return
            case cst.For():
                self.target(node.target)
                self._search_all(node.target, node.iter)
                self.body(node.body.body)
                self._orelse(node.orelse)
            case cst.While():
                self._search_all(node.test)
                self.body(node.body.body)
                self._orelse(node.orelse)
            case cst.If():
                self._if(node)
            case cst.With():
                for item in node.items:
                    self._search_all(item.item)
                    if item.asname is not None:
                        self.target(item.asname.name)
                self.body(node.body.body)
            case cst.Try() | cst.TryStar():
                self._try(node)
            case cst.Match():
                self._match(node)

    def _orelse(self, node: cst.If | cst.Else | None) -> None:
        if isinstance(node, cst.Else):
            self.body(node.body.body)

    def _if(self, node: cst.If) -> None:
        arm: cst.If | cst.Else | None = node
        while isinstance(arm, cst.If):
            self._search_all(arm.test)
            self.body(arm.body.body)
            arm = arm.orelse
        self._orelse(arm)

    def _try(self, node: cst.Try | cst.TryStar) -> None:
        self.body(node.body.body)
        for handler in node.handlers:
            if handler.name is not None:
                self.target(handler.name.name)
            if handler.type is not None:
                self._search_all(handler.type)
            self.body(handler.body.body)
        self._orelse(node.orelse)
        if node.finalbody is not None:
            self.body(node.finalbody.body.body)

    def _match(self, node: cst.Match) -> None:
        self._search_all(node.subject)
        for case in node.cases:
            for part in own_parts(case.pattern):
                if isinstance(part, (cst.MatchAs, cst.MatchStar)) and part.name is not None:
                    self.bind(part.name.value)
                elif isinstance(part, cst.MatchMapping) and part.rest is not None:
                    self.bind(part.rest.value)
            if case.guard is not None:
                self._search_all(case.guard)
            self.body(case.body.body)

    def _search_all(self, *nodes: cst.CSTNode) -> None:
        if self.walrus:
            for node in nodes:
                self.search(node)

    def search(self, node: cst.CSTNode) -> None:
        """Binds the names of ``:=`` in ``node``."""
        for part in own_parts(node):
            if isinstance(part, cst.NamedExpr):
                self.target(part.target)


def collect(scope: Scope, body: Sequence[cst.CSTNode], *, walrus: bool) -> None:
    """Fills ``scope`` with the names that ``body`` binds or declares.

    Args:
        scope: a module's, function's or class's scope; parameters are added by the caller.
        body: its statements, or a lambda's expression.
        walrus: whether the text holds a ``:=`` anywhere.
    """
    collector = _Collector(scope, walrus)
    if len(body) == 1 and isinstance(body[0], cst.BaseExpression):
        if walrus:
            collector.search(body[0])
    else:
        collector.body(body)
