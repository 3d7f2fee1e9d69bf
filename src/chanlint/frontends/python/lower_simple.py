"""Statements without a body to ops: assignments, imports, jumps out, and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

from chanlint.frontends.python.flow import Place, Way
from chanlint.frontends.python.lower_context import in_class
from chanlint.frontends.python.lower_definitions import DefinitionLowerer
from chanlint.frontends.python.names import dotted
from chanlint.frontends.python.strings import string_value
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

_IN_PLACE = {
    "AddAssign": "+=", "SubtractAssign": "-=", "MultiplyAssign": "*=", "MatrixMultiplyAssign": "@=", "DivideAssign": "/=",
    "FloorDivideAssign": "//=", "ModuloAssign": "%=", "PowerAssign": "**=", "LeftShiftAssign": "<<=",
    "RightShiftAssign": ">>=", "BitAndAssign": "&=", "BitOrAssign": "|=", "BitXorAssign": "^=",
}  # fmt: skip


class SimpleLowerer(DefinitionLowerer):
    """Lowers statements that hold no other statements."""

    def _none(self, place: Place) -> Callable[[], Register]:
        return lambda: self.constant(place, None)

    def _expr(self, node: cst.Expr) -> None:
        if not isinstance(node.value, (cst.SimpleString, cst.Ellipsis, cst.ConcatenatedString)):
            self.expression(node.value)

    def _assign(self, node: cst.Assign) -> None:
        value = self.expression(node.value)
        for target in node.targets:
            self.assign(target.target, value)
        if self.function.kind is FunctionKind.MODULE:
            for target in node.targets:
                if isinstance(target.target, cst.Name) and target.target.value == "__all__":
                    self.unit.module.exports = plain_strings(node.value)

    def _annotated(self, node: cst.AnnAssign) -> None:
        target = node.target
        if self.cls is not None:
            self._note_annotation(target, node.annotation.annotation)
        if node.value is not None:
            self.assign(target, self.expression(node.value))
            if self.function.kind is FunctionKind.MODULE and isinstance(target, cst.Name) and target.value == "__all__":
                self.unit.module.exports = plain_strings(node.value)

    def _note_annotation(self, target: cst.CSTNode, annotation: cst.BaseExpression) -> None:
        assert self.cls is not None
        if in_class(self.function):
            if isinstance(target, cst.Name):
                self.cls.annotations[self.attribute_name(target.value)] = self.unit.text(annotation)
        elif isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name) and self.function.params:
            if target.value.value == self.function.params[0].name:
                self.cls.annotations.setdefault(self.attribute_name(target.attr.value), self.unit.text(annotation))

    def _augmented(self, node: cst.AugAssign) -> None:
        operator = _IN_PLACE[type(node.operator).__name__]
        target = node.target
        old = self.register()
        if isinstance(target, cst.Name):
            self.ops.append(LoadVar(self.at(target), old, self.scope.load(target.value)))
            value = self.compute(node, operator, old, self.expression(node.value))
            self.ops.append(StoreVar(self.at(target), self.scope.store(target.value), value))
            self._extend_exports(target.value, node)
        elif isinstance(target, cst.Attribute):
            obj = self.expression(target.value)
            name = self.attribute_name(target.attr.value)
            self.ops.append(LoadAttr(self.at(target), old, obj, name))
            value = self.compute(node, operator, old, self.expression(node.value))
            self.ops.append(StoreAttr(self.at(target), obj, name, value))
        elif isinstance(target, cst.Subscript):
            obj = self.expression(target.value)
            key = self.key(target)
            self.ops.append(LoadItem(self.at(target), old, obj, key))
            value = self.compute(node, operator, old, self.expression(node.value))
            self.ops.append(StoreItem(self.at(target), obj, key, value))

    def _extend_exports(self, name: str, node: cst.AugAssign) -> None:
        if name == "__all__" and self.function.kind is FunctionKind.MODULE:
            before, more = self.unit.module.exports, plain_strings(node.value)
            self.unit.module.exports = None if before is None or more is None else before + more

    def _del(self, node: cst.Del) -> None:
        stack: list[cst.CSTNode] = [node.target]
        while stack:
            target = stack.pop()
            if isinstance(target, cst.Name):
                self.ops.append(DeleteVar(self.at(target), self.scope.store(target.value)))
            elif isinstance(target, cst.Attribute):
                obj = self.expression(target.value)
                self.ops.append(DeleteAttr(self.at(target), obj, self.attribute_name(target.attr.value)))
            elif isinstance(target, cst.Subscript):
                obj = self.expression(target.value)
                key = self.key(target)
                self.ops.append(DeleteItem(self.at(target), obj, key))
            elif isinstance(target, (cst.Tuple, cst.List)):
                stack.extend(element.value for element in reversed(target.elements))

    # -- ways out -------------------------------------------------------------------------------------------------------

    def _return(self, node: cst.Return) -> None:
        value = None if node.value is None else self.expression(node.value)
        self.leave_with(value, self._none(node), node)

    def _break(self, node: cst.Break) -> None:
        self.leave(Way.BREAK, node)

    def _continue(self, node: cst.Continue) -> None:
        self.leave(Way.CONTINUE, node)

    def _raise(self, node: cst.Raise) -> None:
        exception = None if node.exc is None else self.expression(node.exc)
        cause = None if node.cause is None else self.expression(node.cause.item)
        self.end(Raise(self.at(node), exception, cause))

    def _assert(self, node: cst.Assert) -> None:
        holds, fails = self.new_block(), self.new_block()
        self.condition(node.test, holds, fails)
        if self.start(fails):
            if node.msg is not None:
                self.expression(node.msg)
            error = self.load(node, self.scope.load("AssertionError"))
            self.end(Raise(self.at(node), error))
        self.start(holds)

    # -- imports and declarations ---------------------------------------------------------------------------------------

    def _import(self, node: Any) -> None:
        for alias in node.names:
            module = dotted(alias.name) or ""
            top, _, rest = module.partition(".")
            bound = top if alias.asname is None else alias.asname.name.value
            dst = self.register()
            self.ops.append(Import(self.at(alias), dst, module, top=bool(rest) and alias.asname is None))
            self.ops.append(StoreVar(self.at(alias), self.scope.store(bound), dst))
            if module == "sys":
                self.unit.sys_names.add(bound)

    def _import_from(self, node: Any) -> None:
        module = "" if node.module is None else dotted(node.module) or ""
        level = len(node.relative)
        if isinstance(node.names, cst.ImportStar):
            self.ops.append(ImportStar(self.at(node), module, level))
            return
        for alias in node.names:
            name = dotted(alias.name) or ""
            bound = name if alias.asname is None else alias.asname.name.value
            dst = self.register()
            self.ops.append(Import(self.at(alias), dst, module, name, level))
            self.ops.append(StoreVar(self.at(alias), self.scope.store(bound), dst))
            if module == "sys" and name == "version_info":
                self.unit.version_names.add(bound)

    def _type_alias(self, node: Any) -> None:
        value = self.unknown(node)  # evaluated when somebody asks for it
        self.ops.append(StoreVar(self.at(node), self.scope.store(node.name.value), value))

    def _nothing(self, node: cst.CSTNode) -> None:
        pass


def plain_strings(node: cst.BaseExpression) -> tuple[str, ...] | None:
    """The strings of a list or tuple display that holds nothing else, else None."""
    if not isinstance(node, (cst.List, cst.Tuple)):
        return None
    values = [string_value(item.value.value) for item in node.elements if isinstance(item.value, cst.SimpleString)]
    strings = tuple(value for value in values if isinstance(value, str))
    return strings if len(strings) == len(node.elements) else None


SIMPLE: dict[str, Callable[[Any, Any], None]] = {
    "Expr": SimpleLowerer._expr,
    "Assign": SimpleLowerer._assign,
    "AnnAssign": SimpleLowerer._annotated,
    "AugAssign": SimpleLowerer._augmented,
    "Del": SimpleLowerer._del,
    "Return": SimpleLowerer._return,
    "Break": SimpleLowerer._break,
    "Continue": SimpleLowerer._continue,
    "Raise": SimpleLowerer._raise,
    "Assert": SimpleLowerer._assert,
    "Import": SimpleLowerer._import,
    "ImportFrom": SimpleLowerer._import_from,
    "LazyImport": SimpleLowerer._import,
    "LazyImportFrom": SimpleLowerer._import_from,
    "TypeAlias": SimpleLowerer._type_alias,
    "Global": SimpleLowerer._nothing,
    "Nonlocal": SimpleLowerer._nothing,
    "Pass": SimpleLowerer._nothing,
}
