"""Statements without a body to ops: assignments, imports, jumps out, and the like."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from chanlint.frontends.python.flow import Place, Way
from chanlint.frontends.python.lower_context import in_class
from chanlint.frontends.python.lower_definitions import DefinitionLowerer
from chanlint.frontends.python.lower_expressions import BINARY
from chanlint.ir.ops import (
    DeleteAttr,
    DeleteItem,
    DeleteVar,
    Import,
    ImportStar,
    LoadAttr,
    LoadItem,
    LoadVar,
    Raise,
    Register,
    StoreAttr,
    StoreItem,
    StoreVar,
)
from chanlint.ir.program import FunctionKind


class SimpleLowerer(DefinitionLowerer):
    """Lowers statements that hold no other statements."""

    def _none(self, place: Place) -> Callable[[], Register]:
        return lambda: self.constant(place, None)

    def _expr(self, node: ast.Expr) -> None:
        value = node.value
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str | bytes | type(...))):
            self.expression(value)

    def _assign(self, node: ast.Assign) -> None:
        value = self.expression(node.value)
        for target in node.targets:
            self.assign(target, value)
        if self.function.kind is FunctionKind.MODULE:
            for target in node.targets:
                self._export(target, node.value)

    def _export(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name) and target.id == "__all__":
            self.unit.module.exports = plain_strings(value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        target = node.target
        if self.cls is not None:
            self._note_annotation(target, node.annotation)
        if node.value is not None:
            self.assign(target, self.expression(node.value))
            if self.function.kind is FunctionKind.MODULE:
                self._export(target, node.value)

    def _note_annotation(self, target: ast.expr, annotation: ast.expr) -> None:
        assert self.cls is not None
        if in_class(self.function):
            if isinstance(target, ast.Name):
                self.cls.annotations[self.attribute_name(target.id)] = self.unit.text(annotation)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and self.function.params:
            if target.value.id == self.function.params[0].name:
                self.cls.annotations.setdefault(self.attribute_name(target.attr), self.unit.text(annotation))

    def _augmented(self, node: ast.AugAssign) -> None:
        operator = BINARY[type(node.op).__name__] + "="
        target = node.target
        old = self.register()
        if isinstance(target, ast.Name):
            self.ops.append(LoadVar(self.at(target), old, self.scope.load(target.id)))
            value = self.compute(node, operator, old, self.expression(node.value))
            self.ops.append(StoreVar(self.at(target), self.scope.store(target.id), value))
            self._extend_exports(target.id, node)
        elif isinstance(target, ast.Attribute):
            obj = self.expression(target.value)
            name = self.attribute_name(target.attr)
            self.ops.append(LoadAttr(self.at(target), old, obj, name))
            value = self.compute(node, operator, old, self.expression(node.value))
            self.ops.append(StoreAttr(self.at(target), obj, name, value))
        else:
            obj = self.expression(target.value)
            key = self.expression(target.slice)
            self.ops.append(LoadItem(self.at(target), old, obj, key))
            value = self.compute(node, operator, old, self.expression(node.value))
            self.ops.append(StoreItem(self.at(target), obj, key, value))

    def _extend_exports(self, name: str, node: ast.AugAssign) -> None:
        if name == "__all__" and self.function.kind is FunctionKind.MODULE:
            before, more = self.unit.module.exports, plain_strings(node.value)
            self.unit.module.exports = None if before is None or more is None else before + more

    def _del(self, node: ast.Delete) -> None:
        stack = node.targets[::-1]
        while stack:
            target = stack.pop()
            if isinstance(target, ast.Name):
                self.ops.append(DeleteVar(self.at(target), self.scope.store(target.id)))
            elif isinstance(target, ast.Attribute):
                obj = self.expression(target.value)
                self.ops.append(DeleteAttr(self.at(target), obj, self.attribute_name(target.attr)))
            elif isinstance(target, ast.Subscript):
                obj = self.expression(target.value)
                key = self.expression(target.slice)
                self.ops.append(DeleteItem(self.at(target), obj, key))
            elif isinstance(target, ast.Tuple | ast.List):
                stack.extend(reversed(target.elts))

    # -- ways out -------------------------------------------------------------------------------------------------------

    def _return(self, node: ast.Return) -> None:
        value = None if node.value is None else self.expression(node.value)
        self.leave_with(value, self._none(node), node)

    def _break(self, node: ast.Break) -> None:
        self.leave(Way.BREAK, node)

    def _continue(self, node: ast.Continue) -> None:
        self.leave(Way.CONTINUE, node)

    def _raise(self, node: ast.Raise) -> None:
        exception = None if node.exc is None else self.expression(node.exc)
        cause = None if node.cause is None else self.expression(node.cause)
        self.end(Raise(self.at(node), exception, cause))

    def _assert(self, node: ast.Assert) -> None:
        holds, fails = self.new_block(), self.new_block()
        self.condition(node.test, holds, fails)
        if self.start(fails):
            if node.msg is not None:
                self.expression(node.msg)
            error = self.load(node, self.scope.load("AssertionError"))
            self.end(Raise(self.at(node), error))
        self.start(holds)

    # -- imports and declarations ---------------------------------------------------------------------------------------

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            module = alias.name
            top, _, rest = module.partition(".")
            bound = top if alias.asname is None else alias.asname
            dst = self.register()
            self.ops.append(Import(self.at(alias), dst, module, top=bool(rest) and alias.asname is None))
            self.ops.append(StoreVar(self.at(alias), self.scope.store(bound), dst))
            if module == "sys":
                self.unit.sys_names.add(bound)

    def _import_from(self, node: ast.ImportFrom) -> None:
        module, level = node.module or "", node.level
        if node.names[0].name == "*":
            self.ops.append(ImportStar(self.at(node), module, level))
            return
        for alias in node.names:
            bound = alias.name if alias.asname is None else alias.asname
            dst = self.register()
            self.ops.append(Import(self.at(alias), dst, module, alias.name, level))
            self.ops.append(StoreVar(self.at(alias), self.scope.store(bound), dst))
            if module == "sys" and alias.name == "version_info":
                self.unit.version_names.add(bound)

    def _type_alias(self, node: Any) -> None:
        value = self.unknown(node)  # evaluated when somebody asks for it
        self.ops.append(StoreVar(self.at(node), self.scope.store(node.name.id), value))

    def _nothing(self, node: ast.stmt) -> None:
        pass


def plain_strings(node: ast.expr) -> tuple[str, ...] | None:
    """The strings of a list or tuple display that holds nothing else, else None."""
    if not isinstance(node, ast.List | ast.Tuple):
        return None
    values = [item.value for item in node.elts if isinstance(item, ast.Constant)]
    strings = tuple(value for value in values if isinstance(value, str))
    return strings if len(strings) == len(node.elts) else None


SIMPLE: dict[str, Callable[[Any, Any], None]] = {
    "Expr": SimpleLowerer._expr,
    "Assign": SimpleLowerer._assign,
    "AnnAssign": SimpleLowerer._annotated,
    "AugAssign": SimpleLowerer._augmented,
    "Delete": SimpleLowerer._del,
    "Return": SimpleLowerer._return,
    "Break": SimpleLowerer._break,
    "Continue": SimpleLowerer._continue,
    "Raise": SimpleLowerer._raise,
    "Assert": SimpleLowerer._assert,
    "Import": SimpleLowerer._import,
    "ImportFrom": SimpleLowerer._import_from,
    "TypeAlias": SimpleLowerer._type_alias,
    "Global": SimpleLowerer._nothing,
    "Nonlocal": SimpleLowerer._nothing,
    "Pass": SimpleLowerer._nothing,
}
