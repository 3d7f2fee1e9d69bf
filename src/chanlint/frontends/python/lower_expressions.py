"""Expressions to ops, in evaluation order.

`ExpressionLowerer` gives every expression a register. What decides where control goes (``and``, ``or``, ``if``/``else``,
chained comparisons) becomes blocks; the arms meet by `Copy` into one register.

What stands inside a formatted string is placed at the whole string: before 3.12, Python itself does not know better.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from chanlint.frontends.python.flow import FlowBuilder, Place
from chanlint.frontends.python.lower_context import Unit
from chanlint.frontends.python.names import default_values
from chanlint.frontends.python.scopes import Scope, mangle
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import (
    Argument,
    Await,
    Build,
    Call,
    Compare,
    Compute,
    Const,
    Constant,
    Copy,
    LoadAttr,
    LoadItem,
    LoadVar,
    MakeFunction,
    Register,
    StoreVar,
    Variable,
    Yield,
)
from chanlint.ir.program import Function

UNARY = {"USub": "-x", "UAdd": "+x", "Invert": "~x", "Not": "not"}
BINARY = {
    "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**",
    "MatMult": "@", "LShift": "<<", "RShift": ">>", "BitAnd": "&", "BitOr": "|", "BitXor": "^",
}  # fmt: skip
COMPARE = {
    "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=",
    "Is": "is", "IsNot": "is-not", "In": "in", "NotIn": "not-in",
}  # fmt: skip


class ExpressionLowerer(FlowBuilder):
    """Lowers expressions of one function.

    Attributes:
        unit: the module being lowered.
        function: the function being lowered.
        scope: the scope of the names met now (a comprehension has its own).
    """

    def __init__(self, unit: Unit, function: Function, scope: Scope) -> None:
        super().__init__()
        self.unit = unit
        self.function = function
        self.scope = scope
        self._suffixes: dict[int, str] = {}

    # -- to be provided by the layers above -----------------------------------------------------------------------------

    def condition(self, node: ast.expr, true: BlockId, false: BlockId) -> None:
        """Goes to ``true`` or ``false`` by the truth of ``node``."""
        raise NotImplementedError

    def make_lambda(self, node: ast.Lambda) -> Register:
        """A lambda, as a value."""
        raise NotImplementedError

    def comprehension(self, node: Any) -> Register:
        """A comprehension or generator expression, as a value."""
        raise NotImplementedError

    # -- values ---------------------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> Register:
        """The register that holds the value of ``node`` once the ops written here have run."""
        lower = _EXPRESSIONS.get(type(node).__name__)
        return self.unknown(node) if lower is None else lower(self, node)

    def unknown(self, node: ast.AST, *operands: Register) -> Register:
        """A value that nothing is known about."""
        return self.compute(node, "unknown", *operands)

    def compute(self, place: Place, operator: str, *operands: Register) -> Register:
        """The result of an operator."""
        dst = self.register()
        self.ops.append(Compute(self.at(place), dst, operator, operands))
        return dst

    def constant(self, place: Place, value: Constant) -> Register:
        """A literal."""
        dst = self.register()
        self.ops.append(Const(self.at(place), dst, value))
        return dst

    def load(self, place: Place, variable: Variable) -> Register:
        """The value of a variable."""
        dst = self.register()
        self.ops.append(LoadVar(self.at(place), dst, variable))
        return dst

    def attribute_name(self, name: str) -> str:
        """The attribute that ``.name`` means here."""
        return mangle(name, self.scope.private)

    def _name(self, node: ast.Name) -> Register:
        name = node.id
        if name == "__debug__":
            return self.constant(node, True)
        dst = self.register()
        self.ops.append(LoadVar(self.at(node), dst, self.scope.load(name)))
        return dst

    def _attribute(self, node: ast.Attribute) -> Register:
        obj = self.expression(node.value)
        return self.load_attribute(node, obj, node.attr)

    def load_attribute(self, place: Place, obj: Register, name: str) -> Register:
        """``obj.name``."""
        dst = self.register()
        self.ops.append(LoadAttr(self.at(place), dst, obj, self.attribute_name(name)))
        return dst

    def _constant(self, node: ast.Constant) -> Register:
        return self.constant(node, node.value)

    def _formatted(self, node: ast.JoinedStr) -> Register:
        return self._format(node, "format")

    def _template(self, node: Any) -> Register:
        return self._format(node, "template")

    def _format(self, node: Any, operator: str) -> Register:
        first = len(self.places)
        operands: list[Register] = []
        self._fields(node.values, operands)
        self.places[first:] = [node] * (len(self.places) - first)
        return self.compute(node, operator, *operands)

    def _fields(self, parts: Sequence[Any], operands: list[Register]) -> None:
        for part in parts:
            if isinstance(part, ast.Constant):
                continue
            if isinstance(part, ast.JoinedStr):  # only within a template: implicit concatenation, or a specification
                self._fields(part.values, operands)
                continue
            operands.append(self.expression(part.value))
            if part.format_spec is not None:
                self._fields(part.format_spec.values, operands)

    # -- operators ------------------------------------------------------------------------------------------------------

    def _unary(self, node: ast.UnaryOp) -> Register:
        return self.compute(node, UNARY[type(node.op).__name__], self.expression(node.operand))

    def _binary(self, node: ast.BinOp) -> Register:
        left = self.expression(node.left)
        return self.compute(node, BINARY[type(node.op).__name__], left, self.expression(node.right))

    def _comparison(self, node: ast.Compare) -> Register:
        left = self.expression(node.left)
        if len(node.ops) == 1:
            return self.compare(node, left, 0)[0]
        dst = self.register()
        short, end = self.new_block(), self.new_block()
        last = len(node.ops) - 1
        for position in range(last):
            result, left = self.compare(node, left, position)
            self.ops.append(Copy(self.at(node), dst, result))
            more = self.new_block()
            self.branch(result, more, short, node)
            self.start(more)
        result, _ = self.compare(node, left, last)
        self.ops.append(Copy(self.at(node), dst, result))
        self.jump(end, node)
        self.start(short)
        self.jump(end, node)
        self.start(end)
        return dst

    def compare(self, node: ast.Compare, left: Register, position: int) -> tuple[Register, Register]:
        """One comparison of a chain: its result and its right operand."""
        right = self.expression(node.comparators[position])
        return self.compared(node, COMPARE[type(node.ops[position]).__name__], left, right), right

    def compared(self, place: Place, operator: str, left: Register, right: Register) -> Register:
        """``left operator right``."""
        dst = self.register()
        self.ops.append(Compare(self.at(place), dst, operator, left, right))
        return dst

    def _boolean(self, node: ast.BoolOp) -> Register:
        dst, end = self.register(), self.new_block()
        for operand in node.values[:-1]:
            value = self.expression(operand)
            short, more = self.new_block(), self.new_block()
            if isinstance(node.op, ast.Or):
                self.branch(value, short, more, node)
            else:
                self.branch(value, more, short, node)
            self.start(short)
            self.ops.append(Copy(self.at(node), dst, value))
            self.jump(end, node)
            self.start(more)
        value = self.expression(node.values[-1])
        self.ops.append(Copy(self.at(node), dst, value))
        self.jump(end, node)
        self.start(end)
        return dst

    def _conditional(self, node: ast.IfExp) -> Register:
        dst, true, false, end = self.register(), self.new_block(), self.new_block(), self.new_block()
        self.condition(node.test, true, false)
        for block, arm in ((true, node.body), (false, node.orelse)):
            if self.start(block):
                value = self.expression(arm)
                self.ops.append(Copy(self.at(node), dst, value))
                self.jump(end, node)
        self.start(end)
        return dst

    def _walrus(self, node: ast.NamedExpr) -> Register:
        value = self.expression(node.value)
        self.ops.append(StoreVar(self.at(node.target), self.scope.store_walrus(node.target.id), value))
        return value

    # -- containers -----------------------------------------------------------------------------------------------------

    def _build(self, node: ast.expr, kind: str, elements: Sequence[ast.expr]) -> Register:
        items: list[Register] = []
        starred: list[int] = []
        for position, element in enumerate(elements):
            if type(element) is ast.Starred:
                starred.append(position)
                element = element.value
            items.append(self.expression(element))
        dst = self.register()
        self.ops.append(Build(self.at(node), dst, kind, tuple(items), (), frozenset(starred)))
        return dst

    def _tuple(self, node: ast.Tuple) -> Register:
        return self._build(node, "tuple", node.elts)

    def _list(self, node: ast.List) -> Register:
        return self._build(node, "list", node.elts)

    def _set(self, node: ast.Set) -> Register:
        return self._build(node, "set", node.elts)

    def _dict(self, node: ast.Dict) -> Register:
        keys: list[Register | None] = []
        items: list[Register] = []
        for key, value in zip(node.keys, node.values, strict=True):
            keys.append(None if key is None else self.expression(key))
            items.append(self.expression(value))
        dst = self.register()
        self.ops.append(Build(self.at(node), dst, "dict", tuple(items), tuple(keys)))
        return dst

    def _subscript(self, node: ast.Subscript) -> Register:
        obj = self.expression(node.value)
        key = self.expression(node.slice)
        dst = self.register()
        self.ops.append(LoadItem(self.at(node), dst, obj, key))
        return dst

    def _slice(self, node: ast.Slice) -> Register:
        bounds = [node.lower, node.upper] if node.step is None else [node.lower, node.upper, node.step]
        operands = [self.constant(node, None) if bound is None else self.expression(bound) for bound in bounds]
        return self.compute(node, "slice", *operands)

    def _starred(self, node: ast.Starred) -> Register:
        return self.expression(node.value)

    # -- calls and suspension -------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Register:
        callee = self.expression(node.func)
        arguments = (*self.positional(node.args), *self.keywords(node.keywords))
        dst = self.register()
        self.ops.append(Call(self.at(node), dst, callee, arguments))
        return dst

    def positional(self, nodes: Sequence[ast.expr]) -> list[Argument]:
        """The positional arguments of a call, or the bases of a class."""
        return [
            Argument(self.expression(node.value), None, 1)
            if type(node) is ast.Starred
            else Argument(self.expression(node), None, 0)
            for node in nodes
        ]

    def keywords(self, nodes: Sequence[ast.keyword]) -> list[Argument]:
        """The keyword arguments of a call."""
        return [
            Argument(self.expression(node.value), None, 2)
            if node.arg is None
            else Argument(self.expression(node.value), self.attribute_name(node.arg), 0)
            for node in nodes
        ]

    def _await(self, node: ast.Await) -> Register:
        src = self.expression(node.value)
        dst = self.register()
        self.ops.append(Await(self.at(node), dst, src))
        return dst

    def _yield(self, node: ast.Yield) -> Register:
        return self._suspend(node, self.constant(node, None) if node.value is None else self.expression(node.value))

    def _yield_from(self, node: ast.YieldFrom) -> Register:
        return self._suspend(node, self.expression(node.value), delegate=True)

    def _suspend(self, node: ast.expr, src: Register, delegate: bool = False) -> Register:
        self.function.is_generator = True
        dst = self.register()
        self.ops.append(Yield(self.at(node), dst, src, delegate))
        return dst

    def _comprehension(self, node: Any) -> Register:
        return self.comprehension(node)

    def _lambda(self, node: ast.Lambda) -> Register:
        return self.make_lambda(node)

    def defaults(self, parameters: ast.arguments) -> tuple[tuple[str, Register], ...]:
        """The defaults of parameters, evaluated in the order they are written."""
        return tuple(
            (self.attribute_name(parameter.arg), self.expression(default)) for parameter, default in default_values(parameters)
        )

    def made_function(self, place: Place, function: Function, defaults: tuple[tuple[str, Register], ...]) -> Register:
        """A function as a value."""
        dst = self.register()
        self.ops.append(MakeFunction(self.at(place), dst, function.id, defaults))
        return dst


# By name: not every Python knows all of them.
_EXPRESSIONS: dict[str, Callable[[Any, Any], Register]] = {
    "Name": ExpressionLowerer._name,
    "Attribute": ExpressionLowerer._attribute,
    "Call": ExpressionLowerer._call,
    "Constant": ExpressionLowerer._constant,
    "JoinedStr": ExpressionLowerer._formatted,
    "TemplateStr": ExpressionLowerer._template,
    "UnaryOp": ExpressionLowerer._unary,
    "BinOp": ExpressionLowerer._binary,
    "BoolOp": ExpressionLowerer._boolean,
    "Compare": ExpressionLowerer._comparison,
    "IfExp": ExpressionLowerer._conditional,
    "NamedExpr": ExpressionLowerer._walrus,
    "Tuple": ExpressionLowerer._tuple,
    "List": ExpressionLowerer._list,
    "Set": ExpressionLowerer._set,
    "Dict": ExpressionLowerer._dict,
    "Subscript": ExpressionLowerer._subscript,
    "Slice": ExpressionLowerer._slice,
    "Await": ExpressionLowerer._await,
    "Yield": ExpressionLowerer._yield,
    "YieldFrom": ExpressionLowerer._yield_from,
    "Lambda": ExpressionLowerer._lambda,
    "Starred": ExpressionLowerer._starred,
    **dict.fromkeys(("ListComp", "SetComp", "DictComp", "GeneratorExp"), ExpressionLowerer._comprehension),
}
