"""Expressions to ops, in evaluation order.

`ExpressionLowerer` gives every expression a register. What decides where control goes (``and``, ``or``, ``if``/``else``,
chained comparisons) becomes blocks; the arms meet by `Copy` into one register.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from chanlint.frontends.python.flow import FlowBuilder, Place
from chanlint.frontends.python.lower_context import Unit
from chanlint.frontends.python.names import all_parameters
from chanlint.frontends.python.scopes import Scope, mangle
from chanlint.frontends.python.strings import integer, string_value
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

_CONSTANTS: dict[str, Constant] = {"None": None, "True": True, "False": False, "__debug__": True}
_UNARY = {"Minus": "-x", "Plus": "+x", "BitInvert": "~x", "Not": "not"}
_BINARY = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "FloorDivide": "//", "Modulo": "%", "Power": "**",
    "MatrixMultiply": "@", "LeftShift": "<<", "RightShift": ">>", "BitAnd": "&", "BitOr": "|", "BitXor": "^",
}  # fmt: skip
_COMPARE = {
    "Equal": "==", "NotEqual": "!=", "LessThan": "<", "LessThanEqual": "<=", "GreaterThan": ">", "GreaterThanEqual": ">=",
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

    def condition(self, node: cst.BaseExpression, true: BlockId, false: BlockId) -> None:
        """Goes to ``true`` or ``false`` by the truth of ``node``."""
        raise NotImplementedError

    def make_lambda(self, node: cst.Lambda) -> Register:
        """A lambda, as a value."""
        raise NotImplementedError

    def comprehension(self, node: Any) -> Register:
        """A comprehension or generator expression, as a value."""
        raise NotImplementedError

    # -- values ---------------------------------------------------------------------------------------------------------

    def expression(self, node: cst.BaseExpression) -> Register:
        """The register that holds the value of ``node`` once the ops written here have run."""
        lower = _EXPRESSIONS.get(type(node).__name__)
        return self.unknown(node) if lower is None else lower(self, node)

    def unknown(self, node: cst.CSTNode, *operands: Register) -> Register:
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

    def _name(self, node: cst.Name) -> Register:
        name = node.value
        if name in _CONSTANTS:
            return self.constant(node, _CONSTANTS[name])
        dst = self.register()
        self.ops.append(LoadVar(self.at(node), dst, self.scope.load(name)))
        return dst

    def _attribute(self, node: cst.Attribute) -> Register:
        obj = self.expression(node.value)
        return self.load_attribute(node, obj, node.attr.value)

    def load_attribute(self, place: Place, obj: Register, name: str) -> Register:
        """``obj.name``."""
        dst = self.register()
        self.ops.append(LoadAttr(self.at(place), dst, obj, self.attribute_name(name)))
        return dst

    def _integer(self, node: cst.Integer) -> Register:
        value = integer(node.value)
        return self.unknown(node) if value is None else self.constant(node, value)

    def _float(self, node: cst.Float) -> Register:
        return self.constant(node, float(node.value.replace("_", "")))

    def _imaginary(self, node: cst.Imaginary) -> Register:
        return self.constant(node, complex(0, float(node.value[:-1].replace("_", ""))))

    def _ellipsis(self, node: cst.Ellipsis) -> Register:
        return self.constant(node, ...)

    def _string(self, node: cst.SimpleString) -> Register:
        return self.constant(node, string_value(node.value))

    def _joined(self, node: cst.ConcatenatedString) -> Register:
        parts: list[cst.CSTNode] = []
        rest: cst.CSTNode = node
        while isinstance(rest, cst.ConcatenatedString):
            parts.append(rest.left)
            rest = rest.right
        parts.append(rest)
        texts = [string_value(part.value) for part in parts if isinstance(part, cst.SimpleString)]
        if len(texts) == len(parts):
            if all(isinstance(text, bytes) for text in texts):
                return self.constant(node, b"".join(text for text in texts if isinstance(text, bytes)))
            return self.constant(node, "".join(text for text in texts if isinstance(text, str)))
        operands: list[Register] = []
        for part in parts:
            self._formatted_parts(getattr(part, "parts", ()), operands)
        return self.compute(node, "format", *operands)

    def _formatted(self, node: cst.FormattedString) -> Register:
        operands: list[Register] = []
        self._formatted_parts(node.parts, operands)
        return self.compute(node, "format", *operands)

    def _template(self, node: Any) -> Register:
        operands: list[Register] = []
        self._formatted_parts(node.parts, operands)
        return self.compute(node, "template", *operands)

    def _formatted_parts(self, parts: Sequence[Any], operands: list[Register]) -> None:
        for part in parts:
            expression = getattr(part, "expression", None)
            if expression is not None:
                operands.append(self.expression(expression))
                self._formatted_parts(part.format_spec or (), operands)

    # -- operators ------------------------------------------------------------------------------------------------------

    def _unary(self, node: cst.UnaryOperation) -> Register:
        return self.compute(node, _UNARY[type(node.operator).__name__], self.expression(node.expression))

    def _binary(self, node: cst.BinaryOperation) -> Register:
        left = self.expression(node.left)
        return self.compute(node, _BINARY[type(node.operator).__name__], left, self.expression(node.right))

    def _comparison(self, node: cst.Comparison) -> Register:
        left = self.expression(node.left)
        if len(node.comparisons) == 1:
            return self.compare(node, left, node.comparisons[0])[0]
        dst = self.register()
        short, end = self.new_block(), self.new_block()
        for target in node.comparisons[:-1]:
            result, left = self.compare(node, left, target)
            self.ops.append(Copy(self.at(node), dst, result))
            more = self.new_block()
            self.branch(result, more, short, node)
            self.start(more)
        result, _ = self.compare(node, left, node.comparisons[-1])
        self.ops.append(Copy(self.at(node), dst, result))
        self.jump(end, node)
        self.start(short)
        self.jump(end, node)
        self.start(end)
        return dst

    def compare(self, place: Place, left: Register, target: cst.ComparisonTarget) -> tuple[Register, Register]:
        """One comparison of a chain: its result and its right operand."""
        right = self.expression(target.comparator)
        return self.compared(place, _COMPARE[type(target.operator).__name__], left, right), right

    def compared(self, place: Place, operator: str, left: Register, right: Register) -> Register:
        """``left operator right``."""
        dst = self.register()
        self.ops.append(Compare(self.at(place), dst, operator, left, right))
        return dst

    def _boolean(self, node: cst.BooleanOperation) -> Register:
        operator = type(node.operator)
        operands: list[cst.BaseExpression] = [node.right]
        left: cst.BaseExpression = node.left
        while isinstance(left, cst.BooleanOperation) and type(left.operator) is operator and not left.lpar:
            operands.append(left.right)
            left = left.left
        operands.append(left)
        operands.reverse()
        dst, end = self.register(), self.new_block()
        for operand in operands[:-1]:
            value = self.expression(operand)
            short, more = self.new_block(), self.new_block()
            if operator is cst.Or:
                self.branch(value, short, more, node)
            else:
                self.branch(value, more, short, node)
            self.start(short)
            self.ops.append(Copy(self.at(node), dst, value))
            self.jump(end, node)
            self.start(more)
        value = self.expression(operands[-1])
        self.ops.append(Copy(self.at(node), dst, value))
        self.jump(end, node)
        self.start(end)
        return dst

    def _conditional(self, node: cst.IfExp) -> Register:
        dst, true, false, end = self.register(), self.new_block(), self.new_block(), self.new_block()
        self.condition(node.test, true, false)
        for block, arm in ((true, node.body), (false, node.orelse)):
            if self.start(block):
                value = self.expression(arm)
                self.ops.append(Copy(self.at(node), dst, value))
                self.jump(end, node)
        self.start(end)
        return dst

    def _walrus(self, node: cst.NamedExpr) -> Register:
        value = self.expression(node.value)
        if isinstance(node.target, cst.Name):
            self.ops.append(StoreVar(self.at(node.target), self.scope.store_walrus(node.target.value), value))
        return value

    # -- containers -----------------------------------------------------------------------------------------------------

    def _elements(self, node: Any) -> tuple[tuple[Register, ...], frozenset[int]]:
        items: list[Register] = []
        starred: list[int] = []
        for position, element in enumerate(node.elements):
            if type(element) is cst.StarredElement:
                starred.append(position)
            items.append(self.expression(element.value))
        return tuple(items), frozenset(starred)

    def _build(self, node: cst.CSTNode, kind: str) -> Register:
        items, starred = self._elements(node)
        dst = self.register()
        self.ops.append(Build(self.at(node), dst, kind, items, (), starred))
        return dst

    def _tuple(self, node: cst.Tuple) -> Register:
        return self._build(node, "tuple")

    def _list(self, node: cst.List) -> Register:
        return self._build(node, "list")

    def _set(self, node: cst.Set) -> Register:
        return self._build(node, "set")

    def _dict(self, node: cst.Dict) -> Register:
        keys: list[Register | None] = []
        items: list[Register] = []
        for element in node.elements:
            keys.append(self.expression(element.key) if isinstance(element, cst.DictElement) else None)
            items.append(self.expression(element.value))
        dst = self.register()
        self.ops.append(Build(self.at(node), dst, "dict", tuple(items), tuple(keys)))
        return dst

    def _subscript(self, node: cst.Subscript) -> Register:
        obj = self.expression(node.value)
        key = self.key(node)
        dst = self.register()
        self.ops.append(LoadItem(self.at(node), dst, obj, key))
        return dst

    def key(self, node: cst.Subscript) -> Register:
        """What stands in the brackets of a subscript."""
        values: list[Register] = []
        starred: list[int] = []
        for position, element in enumerate(node.slice):
            part = element.slice
            if isinstance(part, cst.Index):
                values.append(self.expression(part.value))
                if part.star is not None:
                    starred.append(position)
            elif isinstance(part, cst.Slice):
                values.append(self._slice(part))
        if len(values) == 1 and not starred and not isinstance(node.slice[0].comma, cst.Comma):
            return values[0]
        dst = self.register()
        self.ops.append(Build(self.at(node), dst, "tuple", tuple(values), (), frozenset(starred)))
        return dst

    def _slice(self, node: cst.Slice) -> Register:
        bounds = [node.lower, node.upper] if node.step is None else [node.lower, node.upper, node.step]
        operands = [self.constant(node, None) if bound is None else self.expression(bound) for bound in bounds]
        return self.compute(node, "slice", *operands)

    def _starred(self, node: cst.StarredElement) -> Register:
        return self.expression(node.value)

    # -- calls and suspension -------------------------------------------------------------------------------------------

    def _call(self, node: cst.Call) -> Register:
        callee = self.expression(node.func)
        arguments = self.arguments(node.args)
        dst = self.register()
        self.ops.append(Call(self.at(node), dst, callee, arguments))
        return dst

    def arguments(self, nodes: Sequence[cst.Arg]) -> tuple[Argument, ...]:
        """The arguments of a call."""
        return tuple(
            Argument(
                self.expression(node.value),
                None if node.keyword is None else self.attribute_name(node.keyword.value),
                len(node.star),
            )
            for node in nodes
        )

    def _await(self, node: cst.Await) -> Register:
        src = self.expression(node.expression)
        dst = self.register()
        self.ops.append(Await(self.at(node), dst, src))
        return dst

    def _yield(self, node: cst.Yield) -> Register:
        self.function.is_generator = True
        value = node.value
        delegate = isinstance(value, cst.From)
        if isinstance(value, cst.From):
            src = self.expression(value.item)
        else:
            src = self.constant(node, None) if value is None else self.expression(value)
        dst = self.register()
        self.ops.append(Yield(self.at(node), dst, src, delegate))
        return dst

    def _comprehension(self, node: Any) -> Register:
        return self.comprehension(node)

    def _lambda(self, node: cst.Lambda) -> Register:
        return self.make_lambda(node)

    def defaults(self, parameters: cst.Parameters) -> tuple[tuple[str, Register], ...]:
        """The defaults of parameters, evaluated in the order they are written."""
        return tuple(
            (self.attribute_name(parameter.name.value), self.expression(parameter.default))
            for parameter in all_parameters(parameters)
            if parameter.default is not None
        )

    def made_function(self, place: Place, function: Function, defaults: tuple[tuple[str, Register], ...]) -> Register:
        """A function as a value."""
        dst = self.register()
        self.ops.append(MakeFunction(self.at(place), dst, function.id, defaults))
        return dst


# By name: not every supported libcst knows all of them.
_EXPRESSIONS: dict[str, Callable[[Any, Any], Register]] = {
    "Name": ExpressionLowerer._name,
    "Attribute": ExpressionLowerer._attribute,
    "Call": ExpressionLowerer._call,
    "SimpleString": ExpressionLowerer._string,
    "Integer": ExpressionLowerer._integer,
    "Float": ExpressionLowerer._float,
    "Imaginary": ExpressionLowerer._imaginary,
    "Ellipsis": ExpressionLowerer._ellipsis,
    "ConcatenatedString": ExpressionLowerer._joined,
    "FormattedString": ExpressionLowerer._formatted,
    "TemplatedString": ExpressionLowerer._template,
    "UnaryOperation": ExpressionLowerer._unary,
    "BinaryOperation": ExpressionLowerer._binary,
    "BooleanOperation": ExpressionLowerer._boolean,
    "Comparison": ExpressionLowerer._comparison,
    "IfExp": ExpressionLowerer._conditional,
    "NamedExpr": ExpressionLowerer._walrus,
    "Tuple": ExpressionLowerer._tuple,
    "List": ExpressionLowerer._list,
    "Set": ExpressionLowerer._set,
    "Dict": ExpressionLowerer._dict,
    "Subscript": ExpressionLowerer._subscript,
    "Await": ExpressionLowerer._await,
    "Yield": ExpressionLowerer._yield,
    "Lambda": ExpressionLowerer._lambda,
    "StarredElement": ExpressionLowerer._starred,
    **dict.fromkeys(("ListComp", "SetComp", "DictComp", "GeneratorExp", "StarredDictComp"), ExpressionLowerer._comprehension),
}
