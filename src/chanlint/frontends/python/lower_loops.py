"""Comprehensions and assignment to ops.

Comprehensions run in place, generator expressions included: a list that is complete at once has the same elements. Their
variables are the function's own under other names. Binding a target is here because every loop does it.
"""

from __future__ import annotations

from typing import Any

import libcst as cst

from chanlint.frontends.python.flow import Place, Stretch
from chanlint.frontends.python.lower_expressions import ExpressionLowerer
from chanlint.frontends.python.scopes import Scope, ScopeKind, mangle
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Append, Build, Iterate, IterStart, Register, StoreAttr, StoreItem, StoreVar, Unpack

_COMPREHENSIONS = {
    "ListComp": "list",
    "SetComp": "set",
    "DictComp": "dict",
    "GeneratorExp": "list",
    "StarredDictComp": "dict",
}


class LoopLowerer(ExpressionLowerer):
    """Lowers what takes items one by one, and what binds them."""

    # -- comprehensions -------------------------------------------------------------------------------------------------

    def comprehension(self, node: Any) -> Register:
        """A comprehension or generator expression: an empty container, and loops that add to it."""
        kind = _COMPREHENSIONS[type(node).__name__]
        clause: cst.CompFor = node.for_in
        iterator = self.iterator(clause, clause.iter, clause.asynchronous is not None)
        container = self.register()
        self.ops.append(Build(self.at(node), container, kind))
        outer = self.scope
        self.scope = self._comprehension_scope(node)
        self._clause(node, clause, iterator, container)
        self.scope = outer
        return container

    def _comprehension_scope(self, node: Any) -> Scope:
        suffix = self._suffixes.setdefault(id(node), f"#{len(self._suffixes) + 1}")
        scope = Scope(ScopeKind.COMPREHENSION, self.function.id, self.scope, self.scope.private, suffix)
        clause: cst.CompFor | None = node.for_in
        while clause is not None:
            stack: list[cst.CSTNode] = [clause.target]
            while stack:
                item = stack.pop()
                if isinstance(item, cst.Name):
                    scope.bound.add(mangle(item.value, scope.private))
                elif isinstance(item, (cst.Tuple, cst.List)):
                    stack.extend(element.value for element in item.elements)
                elif isinstance(item, cst.StarredElement):
                    stack.append(item.value)
            clause = clause.inner_for_in
        return scope

    def _clause(self, node: Any, clause: cst.CompFor, iterator: Register, container: Register) -> None:
        head, item, done = self.new_block(), self.new_block(), self.new_block()
        self.loop_head(Stretch(clause, clause.iter), head, iterator, item, done, clause.target, clause.asynchronous is not None)
        for test in clause.ifs:
            passed = self.new_block()
            self.condition(test.test, passed, head)
            if not self.start(passed):
                break
        inner = clause.inner_for_in
        if self.reachable and inner is not None:
            self._clause(node, inner, self.iterator(inner, inner.iter, inner.asynchronous is not None), container)
        elif self.reachable:
            self._element(node, container)
        self.jump(head, clause)
        self.start(done)

    def _element(self, node: Any, container: Register) -> None:
        key: Register | None = None
        if type(node) is cst.DictComp:
            key = self.expression(node.key)
            value = self.expression(node.value)
        else:
            value = self.expression(getattr(node, "elt", None) or node.value)
        self.ops.append(Append(self.at(node), container, value, key))

    def iterator(self, place: Place, source: cst.BaseExpression, is_async: bool) -> Register:
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
        target: cst.BaseExpression,
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

    def assign(self, target: cst.CSTNode, value: Register) -> None:
        """Binds ``target`` to the value in a register."""
        if type(target) is cst.Name:
            self.ops.append(StoreVar(self.at(target), self.scope.store(target.value), value))
        elif isinstance(target, (cst.Tuple, cst.List)):
            self._unpack(target, value)
        elif isinstance(target, cst.Attribute):
            obj = self.expression(target.value)
            self.ops.append(StoreAttr(self.at(target), obj, self.attribute_name(target.attr.value), value))
        elif isinstance(target, cst.Subscript):
            obj = self.expression(target.value)
            key = self.key(target)
            self.ops.append(StoreItem(self.at(target), obj, key, value))
        elif isinstance(target, cst.StarredElement):
            self.assign(target.value, value)

    def _unpack(self, target: cst.Tuple | cst.List, value: Register) -> None:
        count = len(target.elements)
        after_star = False
        parts: list[Register] = []
        for position, element in enumerate(target.elements):
            star = type(element) is cst.StarredElement
            parts.append(self.register())
            index = position - count if after_star else position
            self.ops.append(Unpack(self.at(element.value), parts[-1], value, index, star))
            after_star = after_star or star
        for element, part in zip(target.elements, parts, strict=True):
            self.assign(element.value, part)
