"""Comprehensions and assignment to ops.

Comprehensions run in place, generator expressions included: a list that is complete at once has the same elements. Their
variables are the function's own under other names. Binding a target is here because every loop does it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from chanlint.frontends.python.flow import Place, Stretch
from chanlint.frontends.python.lower_expressions import ExpressionLowerer
from chanlint.frontends.python.scopes import Scope, ScopeKind, mangle
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Append, Build, Iterate, IterStart, Register, StoreAttr, StoreItem, StoreVar, Unpack

_COMPREHENSIONS = {"ListComp": "list", "SetComp": "set", "DictComp": "dict", "GeneratorExp": "list"}


class LoopLowerer(ExpressionLowerer):
    """Lowers what takes items one by one, and what binds them."""

    # -- comprehensions -------------------------------------------------------------------------------------------------

    def comprehension(self, node: Any) -> Register:
        """A comprehension or generator expression: an empty container, and loops that add to it."""
        kind = _COMPREHENSIONS[type(node).__name__]
        iterator = self.iterator(node.generators[0].iter, bool(node.generators[0].is_async))
        container = self.register()
        self.ops.append(Build(self.at(node), container, kind))
        outer = self.scope
        self.scope = self._comprehension_scope(node)
        self._clause(node, 0, iterator, container)
        self.scope = outer
        return container

    def _comprehension_scope(self, node: Any) -> Scope:
        suffix = self._suffixes.setdefault(id(node), f"#{len(self._suffixes) + 1}")
        scope = Scope(ScopeKind.COMPREHENSION, self.function.id, self.scope, self.scope.private, suffix)
        stack: list[ast.expr] = [clause.target for clause in node.generators]
        while stack:
            item = stack.pop()
            if isinstance(item, ast.Name):
                scope.bound.add(mangle(item.id, scope.private))
            elif isinstance(item, ast.Tuple | ast.List):
                stack.extend(item.elts)
            elif isinstance(item, ast.Starred):
                stack.append(item.value)
        return scope

    def _clause(self, node: Any, position: int, iterator: Register, container: Register) -> None:
        clause: ast.comprehension = node.generators[position]
        head, item, done = self.new_block(), self.new_block(), self.new_block()
        place = Stretch(clause, clause.iter)
        self.loop_head(place, head, iterator, item, done, clause.target, bool(clause.is_async))
        for test in clause.ifs:
            passed = self.new_block()
            self.condition(test, passed, head)
            if not self.start(passed):
                break
        if self.reachable and position + 1 < len(node.generators):
            inner = node.generators[position + 1]
            self._clause(node, position + 1, self.iterator(inner.iter, bool(inner.is_async)), container)
        elif self.reachable:
            self._element(node, container)
        self.jump(head, place)
        self.start(done)

    def _element(self, node: Any, container: Register) -> None:
        key: Register | None = None
        if isinstance(node, ast.DictComp):
            parts = [part for part in (node.key, node.value) if part is not None]  # one where a dict is unpacked: {**d for ...}
            if len(parts) == 2:
                key = self.expression(parts[0])
            value = self.expression(parts[-1])
        else:
            value = self.expression(node.elt)
        self.ops.append(Append(self.at(node), container, value, key))

    def iterator(self, source: ast.expr, is_async: bool) -> Register:
        """``iter(source)``."""
        src = self.expression(source)
        dst = self.register()
        self.ops.append(IterStart(self.at(source), dst, src, is_async))
        return dst

    def loop_head(
        self,
        place: Place,
        head: BlockId,
        iterator: Register,
        item: BlockId,
        done: BlockId,
        target: ast.expr,
        is_async: bool,
    ) -> None:
        """The head of a loop over ``iterator``; goes on in ``item`` with ``target`` bound."""
        self.jump(head, place)
        self.start_always(head)
        value = self.register()
        self.reach(item, done)
        self.end(Iterate(self.at(place), value, iterator, item, done, is_async))
        self.start(item)
        self.assign(target, value)

    # -- assignment -----------------------------------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: Register) -> None:
        """Binds ``target`` to the value in a register."""
        if type(target) is ast.Name:
            self.ops.append(StoreVar(self.at(target), self.scope.store(target.id), value))
        elif isinstance(target, ast.Attribute):
            obj = self.expression(target.value)
            self.ops.append(StoreAttr(self.at(target), obj, self.attribute_name(target.attr), value))
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Subscript):
            obj = self.expression(target.value)
            key = self.expression(target.slice)
            self.ops.append(StoreItem(self.at(target), obj, key, value))
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value)

    def _unpack(self, elements: Sequence[ast.expr], value: Register) -> None:
        count = len(elements)
        after_star = False
        parts: list[Register] = []
        for position, element in enumerate(elements):
            star = type(element) is ast.Starred
            parts.append(self.register())
            index = position - count if after_star else position
            place = element.value if isinstance(element, ast.Starred) else element
            self.ops.append(Unpack(self.at(place), parts[-1], value, index, star))
            after_star = after_star or star
        for element, part in zip(elements, parts, strict=True):
            self.assign(element, part)
