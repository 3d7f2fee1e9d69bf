"""Definitions to ops: functions, lambdas and classes, as values; their bodies wait in the unit.

A definition that is met again, in another copy of a ``finally`` body, is the same function: its id is remembered by node.
"""

from __future__ import annotations

from typing import Any

import libcst as cst

from chanlint.frontends.python.flow import Header
from chanlint.frontends.python.lower_conditions import ConditionLowerer
from chanlint.frontends.python.lower_context import Body, in_class
from chanlint.frontends.python.names import all_parameters, collect
from chanlint.frontends.python.scopes import Scope, ScopeKind, mangle
from chanlint.ir.ids import ClassId
from chanlint.ir.ops import Argument, Call, MakeClass, Register, StoreVar
from chanlint.ir.program import Class, Function, FunctionKind, Param, ParamKind


class DefinitionLowerer(ConditionLowerer):
    """Lowers what makes functions and classes.

    Attributes:
        cls: the class whose body this is, or whose method, else None.
        found: the bodies met so far, in order.
    """

    cls: Class | None
    found: list[Body]

    def make_lambda(self, node: cst.Lambda) -> Register:
        """A lambda, as a value."""
        defaults = self.defaults(node.params)
        function = self._known_function(node)
        if function is None:
            function = self._new_function(node, "<lambda>", FunctionKind.LAMBDA, node.params, self.scope)
            self._await_body(function, node.params, self.scope, (node.body,))
        return self.made_function(node, function, defaults)

    def define_function(self, node: cst.FunctionDef) -> None:
        """``def``: decorators, defaults, the function, the decorators' calls, the name."""
        decorators = [self.expression(decorator.decorator) for decorator in node.decorators]
        header = Header(node, node.body)
        scope = self._type_scope(node)
        defaults = self.defaults(node.params)
        function = self._known_function(node)
        if function is None:
            function = self._new_function(node, node.name.value, FunctionKind.FUNCTION, node.params, scope)
            function.is_async = node.asynchronous is not None
            function.decorators = tuple(self.unit.decorator(decorator.decorator) for decorator in node.decorators)
            function.returns = None if node.returns is None else self.unit.text(node.returns.annotation)
            self._await_body(function, node.params, scope, node.body.body)
        value = self.made_function(header, function, defaults)
        self._bind_decorated(node, value, decorators)

    def define_class(self, node: cst.ClassDef) -> None:
        """``class``: decorators, bases, the class, the decorators' calls, the name."""
        decorators = [self.expression(decorator.decorator) for decorator in node.decorators]
        scope = self._type_scope(node)
        before, self.scope = self.scope, scope
        bases = tuple(argument.value for argument in self.arguments([base for base in node.bases if base.star != "**"]))
        keywords = tuple(
            (keyword.keyword.value, self.expression(keyword.value)) for keyword in node.keywords if keyword.keyword is not None
        )
        self.scope = before
        cls = self._class(node, scope)
        dst = self.register()
        header = Header(node, node.body)
        self.ops.append(MakeClass(self.at(header), dst, cls.id, cls.body, bases, keywords))
        self._bind_decorated(node, dst, decorators)

    def _bind_decorated(self, node: cst.FunctionDef | cst.ClassDef, value: Register, decorators: list[Register]) -> None:
        for decorator, callee in zip(reversed(node.decorators), reversed(decorators), strict=True):
            result = self.register()
            self.ops.append(Call(self.at(decorator.decorator), result, callee, (Argument(value),), decorator=True))
            value = result
        self.ops.append(StoreVar(self.at(node.name), self.scope.store(node.name.value), value))

    def _known_function(self, node: cst.CSTNode) -> Function | None:
        known = self.unit.known.get(id(node))
        return None if known is None else self.unit.module.functions[known[0]]

    def _new_function(
        self, node: cst.CSTNode, name: str, kind: FunctionKind, parameters: cst.Parameters, scope: Scope
    ) -> Function:
        enclosing = self.function.id
        body_of = self._body_of()
        function = Function(
            id=self.unit.function_id(enclosing, name, body_of),
            name=name,
            kind=kind,
            params=self._params(parameters, scope),
            parent=enclosing,
            cls=body_of,
        )
        header = Header(node, node.body) if isinstance(node, cst.FunctionDef) else node
        self.unit.register(function, header)
        self.unit.known[id(node)] = (function.id, None)
        return function

    def _body_of(self) -> ClassId | None:
        return self.cls.id if self.cls is not None and in_class(self.function) else None

    def _params(self, parameters: cst.Parameters, scope: Scope) -> tuple[Param, ...]:
        kinds = [
            *((parameter, ParamKind.POSITIONAL_ONLY) for parameter in parameters.posonly_params),
            *((parameter, ParamKind.POSITIONAL) for parameter in parameters.params),
            *((parameter, ParamKind.VARIADIC) for parameter in (parameters.star_arg,)),
            *((parameter, ParamKind.KEYWORD_ONLY) for parameter in parameters.kwonly_params),
            *((parameter, ParamKind.KEYWORDS) for parameter in (parameters.star_kwarg,)),
        ]
        return tuple(
            Param(
                mangle(parameter.name.value, scope.private),
                kind,
                parameter.default is not None,
                None if parameter.annotation is None else self.unit.text(parameter.annotation.annotation),
            )
            for parameter, kind in kinds
            if isinstance(parameter, cst.Param)
        )

    def _await_body(
        self, function: Function, parameters: cst.Parameters, around: Scope, code: tuple[cst.CSTNode, ...] | Any
    ) -> None:
        scope = Scope(ScopeKind.FUNCTION, function.id, around, around.private)
        scope.bound.update(mangle(parameter.name.value, scope.private) for parameter in all_parameters(parameters))
        collect(scope, code, walrus=self.unit.walrus)
        self.found.append(Body(function, scope, code, self.cls if function.cls is not None else None))

    def _class(self, node: cst.ClassDef, around: Scope) -> Class:
        known = self.unit.known.get(id(node))
        if known is not None and known[1] is not None:
            return self.unit.module.classes[known[1]]
        name = node.name.value
        class_id, body_id = self.unit.class_ids(self.function.id, name, self._body_of())
        decorators = tuple(self.unit.decorator(decorator.decorator) for decorator in node.decorators)
        cls = Class(class_id, name, body_id, self.function.id, decorators)
        body = Function(body_id, name, FunctionKind.CLASS, parent=self.function.id)
        self.unit.module.classes[class_id] = cls
        self.unit.register(body, Header(node, node.body))
        self.unit.known[id(node)] = (body_id, class_id)
        scope = Scope(ScopeKind.CLASS, body_id, around, name)
        collect(scope, node.body.body, walrus=self.unit.walrus)
        self.found.append(Body(body, scope, node.body.body, cls))
        return cls

    def _type_scope(self, node: Any) -> Scope:
        """The scope of ``[T]`` after the name of a function or class, where each T is unknown; else the current one."""
        parameters = getattr(node, "type_parameters", None)
        if parameters is None:
            return self.scope
        suffix = self._suffixes.setdefault(id(parameters), f"#{len(self._suffixes) + 1}")
        scope = Scope(ScopeKind.TYPES, self.function.id, self.scope, self.scope.private, suffix)
        for parameter in parameters.params:
            name = parameter.param.name.value
            scope.bound.add(mangle(name, scope.private))
            value = self.unknown(parameter)
            self.ops.append(StoreVar(self.at(parameter), scope.store(name), value))
        return scope
