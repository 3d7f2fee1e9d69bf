"""Definitions to ops: functions, lambdas and classes, as values; their bodies wait in the unit.

A definition that is met again, in another copy of a ``finally`` body, is the same function: its id is remembered by node.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from chanlint.frontends.python.flow import Header
from chanlint.frontends.python.lower_conditions import ConditionLowerer
from chanlint.frontends.python.lower_context import Body, in_class
from chanlint.frontends.python.names import all_parameters, collect, collect_walrus
from chanlint.frontends.python.scopes import Scope, ScopeKind, mangle
from chanlint.ir.ids import ClassId
from chanlint.ir.ops import Argument, Call, MakeClass, Register, StoreVar
from chanlint.ir.program import Class, Function, FunctionKind, Param, ParamKind

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class DefinitionLowerer(ConditionLowerer):
    """Lowers what makes functions and classes.

    Attributes:
        cls: the class whose body this is, or whose method, else None.
        found: the bodies met so far, in order.
    """

    cls: Class | None
    found: list[Body]

    def make_lambda(self, node: ast.Lambda) -> Register:
        """A lambda, as a value."""
        defaults = self.defaults(node.args)
        function = self._known_function(node)
        if function is None:
            function = self._new_function(node, "<lambda>", FunctionKind.LAMBDA, node.args, self.scope)
            scope = self._body_scope(function, node.args, self.scope)
            if self.unit.walrus:
                collect_walrus(scope, node.body)
            self.found.append(Body(function, scope, node.body, self.cls if function.cls is not None else None))
        return self.made_function(node, function, defaults)

    def define_function(self, node: FunctionNode) -> None:
        """``def``: decorators, defaults, the function, the decorators' calls, the name."""
        decorators = [self.expression(decorator) for decorator in node.decorator_list]
        scope = self._type_scope(node)
        defaults = self.defaults(node.args)
        function = self._known_function(node)
        if function is None:
            function = self._new_function(node, node.name, FunctionKind.FUNCTION, node.args, scope)
            function.is_async = isinstance(node, ast.AsyncFunctionDef)
            function.decorators = tuple(self.unit.decorator(decorator) for decorator in node.decorator_list)
            function.returns = None if node.returns is None else self.unit.text(node.returns)
            inner = self._body_scope(function, node.args, scope)
            collect(inner, node.body, walrus=self.unit.walrus)
            self.found.append(Body(function, inner, node.body, self.cls if function.cls is not None else None))
        value = self.made_function(Header(node), function, defaults)
        self._bind_decorated(node, value, decorators)

    def define_class(self, node: ast.ClassDef) -> None:
        """``class``: decorators, bases, the class, the decorators' calls, the name."""
        decorators = [self.expression(decorator) for decorator in node.decorator_list]
        scope = self._type_scope(node)
        before, self.scope = self.scope, scope
        bases = tuple(argument.value for argument in self.positional(node.bases))
        keywords = tuple((keyword.arg, self.expression(keyword.value)) for keyword in node.keywords if keyword.arg is not None)
        self.scope = before
        cls = self._class(node, scope)
        dst = self.register()
        self.ops.append(MakeClass(self.at(Header(node)), dst, cls.id, cls.body, bases, keywords))
        self._bind_decorated(node, dst, decorators)

    def _bind_decorated(self, node: FunctionNode | ast.ClassDef, value: Register, decorators: list[Register]) -> None:
        for decorator, callee in zip(reversed(node.decorator_list), reversed(decorators), strict=True):
            result = self.register()
            self.ops.append(Call(self.at(decorator), result, callee, (Argument(value),), decorator=True))
            value = result
        self.ops.append(StoreVar(self.at(Header(node)), self.scope.store(node.name), value))

    def _known_function(self, node: ast.AST) -> Function | None:
        known = self.unit.known.get(id(node))
        return None if known is None else self.unit.module.functions[known[0]]

    def _new_function(
        self, node: FunctionNode | ast.Lambda, name: str, kind: FunctionKind, parameters: ast.arguments, scope: Scope
    ) -> Function:
        enclosing = self.function.id
        body_of = self._body_of()
        function = Function(
            id=self.unit.function_id(enclosing, name, body_of),
            name=name,
            kind=kind,
            params=tuple(self._params(parameters, scope)),
            parent=enclosing,
            cls=body_of,
        )
        self.unit.register(function, node if isinstance(node, ast.Lambda) else Header(node))
        self.unit.known[id(node)] = (function.id, None)
        return function

    def _body_of(self) -> ClassId | None:
        return self.cls.id if self.cls is not None and in_class(self.function) else None

    def _params(self, parameters: ast.arguments, scope: Scope) -> Iterator[Param]:
        ordered = len(parameters.posonlyargs) + len(parameters.args)
        first = ordered - len(parameters.defaults)  # the first that has a default
        for position, one in enumerate(parameters.posonlyargs):
            yield self._param(one, ParamKind.POSITIONAL_ONLY, scope, position >= first)
        for position, one in enumerate(parameters.args, len(parameters.posonlyargs)):
            yield self._param(one, ParamKind.POSITIONAL, scope, position >= first)
        if parameters.vararg is not None:
            yield self._param(parameters.vararg, ParamKind.VARIADIC, scope, False)
        for one, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
            yield self._param(one, ParamKind.KEYWORD_ONLY, scope, default is not None)
        if parameters.kwarg is not None:
            yield self._param(parameters.kwarg, ParamKind.KEYWORDS, scope, False)

    def _param(self, node: ast.arg, kind: ParamKind, scope: Scope, has_default: bool) -> Param:
        annotation = None if node.annotation is None else self.unit.text(node.annotation)
        return Param(mangle(node.arg, scope.private), kind, has_default, annotation)

    def _body_scope(self, function: Function, parameters: ast.arguments, around: Scope) -> Scope:
        scope = Scope(ScopeKind.FUNCTION, function.id, around, around.private)
        scope.bound.update(mangle(parameter.arg, scope.private) for parameter in all_parameters(parameters))
        return scope

    def _class(self, node: ast.ClassDef, around: Scope) -> Class:
        known = self.unit.known.get(id(node))
        if known is not None and known[1] is not None:
            return self.unit.module.classes[known[1]]
        class_id, body_id = self.unit.class_ids(self.function.id, node.name, self._body_of())
        decorators = tuple(self.unit.decorator(decorator) for decorator in node.decorator_list)
        cls = Class(class_id, node.name, body_id, self.function.id, decorators)
        body = Function(body_id, node.name, FunctionKind.CLASS, parent=self.function.id)
        self.unit.module.classes[class_id] = cls
        self.unit.register(body, Header(node))
        self.unit.known[id(node)] = (body_id, class_id)
        scope = Scope(ScopeKind.CLASS, body_id, around, node.name)
        collect(scope, node.body, walrus=self.unit.walrus)
        self.found.append(Body(body, scope, node.body, cls))
        return cls

    def _type_scope(self, node: Any) -> Scope:
        """The scope of ``[T]`` after the name of a function or class, where each T is unknown; else the current one."""
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return self.scope
        suffix = self._suffixes.setdefault(id(node), f"#{len(self._suffixes) + 1}")
        scope = Scope(ScopeKind.TYPES, self.function.id, self.scope, self.scope.private, suffix)
        for parameter in parameters:
            scope.bound.add(mangle(parameter.name, scope.private))
            value = self.unknown(parameter)
            self.ops.append(StoreVar(self.at(parameter), scope.store(parameter.name), value))
        return scope
