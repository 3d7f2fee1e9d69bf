"""Expressions and patterns of libcst as nodes of Python's own kind; `chanlint.frontends.python.newer` explains the nouns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import libcst as cst
from libcst.metadata import CodeRange

from chanlint.frontends.python.rows import Utf8Rows

OPERATORS: dict[str, type[ast.AST]] = {
    "Add": ast.Add, "Subtract": ast.Sub, "Multiply": ast.Mult, "Divide": ast.Div, "FloorDivide": ast.FloorDiv,
    "Modulo": ast.Mod, "Power": ast.Pow, "MatrixMultiply": ast.MatMult, "LeftShift": ast.LShift, "RightShift": ast.RShift,
    "BitAnd": ast.BitAnd, "BitOr": ast.BitOr, "BitXor": ast.BitXor, "And": ast.And, "Or": ast.Or,
    "Minus": ast.USub, "Plus": ast.UAdd, "BitInvert": ast.Invert, "Not": ast.Not,
    "Equal": ast.Eq, "NotEqual": ast.NotEq, "LessThan": ast.Lt, "LessThanEqual": ast.LtE, "GreaterThan": ast.Gt,
    "GreaterThanEqual": ast.GtE, "Is": ast.Is, "IsNot": ast.IsNot, "In": ast.In, "NotIn": ast.NotIn,
}  # fmt: skip
_CONSTANTS = {"None": None, "True": True, "False": False}


def stand_in(name: str, fields: str, base: type[ast.AST]) -> type[Any]:
    """The class of ``ast`` with that name, or one to stand in for it."""
    return getattr(ast, name, None) or type(name, (base,), {"_fields": tuple(fields.split())})


_TemplateStr = stand_in("TemplateStr", "values", ast.expr)
_Interpolation = stand_in("Interpolation", "value str conversion format_spec", ast.expr)

_Node = TypeVar("_Node", bound=ast.AST)


class ExpressionConverter:
    """Converts expressions.

    Args:
        rows: the text.
        places: where libcst's nodes stand.
    """

    def __init__(self, rows: Utf8Rows, places: Any) -> None:
        self._rows = rows
        self._places = places

    def at(self, place: cst.CSTNode, node: _Node, last: cst.CSTNode | None = None) -> _Node:
        """``node`` with the position of ``place`` (up to the end of ``last``)."""
        first: CodeRange = self._places[place]
        end = self._places[last].end if last is not None else first.end
        placed: Any = node
        placed.lineno, placed.end_lineno = first.start.line, end.line
        placed.col_offset = self._rows.offset(first.start.line, first.start.column)
        placed.end_col_offset = self._rows.offset(end.line, end.column)
        return node

    # -- expressions ----------------------------------------------------------------------------------------------------

    def expression(self, node: Any) -> ast.expr:
        """An expression; one that has no value (a number of too many digits) becomes a bare ``ast.expr``."""
        return self.at(node, _EXPRESSIONS[type(node).__name__](self, node))

    def maybe(self, node: cst.BaseExpression | None) -> ast.expr | None:
        """An expression that may not be there."""
        return None if node is None else self.expression(node)

    def _name(self, node: cst.Name) -> ast.expr:
        if node.value in _CONSTANTS:
            return ast.Constant(_CONSTANTS[node.value])
        return ast.Name(node.value)

    def _attribute(self, node: cst.Attribute) -> ast.expr:
        return ast.Attribute(self.expression(node.value), node.attr.value)

    def _literal(self, node: Any) -> ast.expr:
        try:
            return ast.Constant(ast.literal_eval(node.value))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return ast.expr()

    def _ellipsis(self, _: cst.Ellipsis) -> ast.expr:
        return ast.Constant(...)

    def _strings(self, node: cst.ConcatenatedString) -> ast.expr:
        parts: list[Any] = []
        rest: cst.CSTNode = node
        while isinstance(rest, cst.ConcatenatedString):
            parts.append(self.expression(rest.left))
            rest = rest.right
        parts.append(self.expression(rest))
        values: list[Any] = [part.value for part in parts if isinstance(part, ast.Constant)]
        if len(values) == len(parts):
            return ast.Constant(values[0][:0].join(values))
        inner = [value for part in parts for value in getattr(part, "values", ())]
        return _TemplateStr(inner) if any(isinstance(part, _TemplateStr) for part in parts) else ast.JoinedStr(inner)

    def _formatted(self, node: cst.FormattedString) -> ast.expr:
        return ast.JoinedStr([*self._fields(node.parts)])

    def _template(self, node: Any) -> ast.expr:
        made: ast.expr = _TemplateStr([*self._fields(node.parts)])
        return made

    def _fields(self, parts: Sequence[Any]) -> Iterator[ast.expr]:
        """The fields of a formatted string; the text between them is of no interest."""
        for part in parts:
            if not hasattr(part, "expression"):
                continue
            value = self.expression(part.expression)
            form = None if part.format_spec is None else self.at(part, ast.JoinedStr([*self._fields(part.format_spec)]))
            if isinstance(part, cst.FormattedStringExpression):
                yield self.at(part, ast.FormattedValue(value, -1, form))
            else:
                yield self.at(part, _Interpolation(value, "", -1, form))

    def _unary(self, node: cst.UnaryOperation) -> ast.expr:
        operator: Any = OPERATORS[type(node.operator).__name__]()
        return ast.UnaryOp(operator, self.expression(node.expression))

    def _binary(self, node: cst.BinaryOperation) -> ast.expr:
        operator: Any = OPERATORS[type(node.operator).__name__]()
        return ast.BinOp(self.expression(node.left), operator, self.expression(node.right))

    def _boolean(self, node: cst.BooleanOperation) -> ast.expr:
        kind = type(node.operator)
        operands, left = [node.right], node.left
        while isinstance(left, cst.BooleanOperation) and type(left.operator) is kind and not left.lpar:
            operands.append(left.right)
            left = left.left
        operator: Any = OPERATORS[kind.__name__]()
        return ast.BoolOp(operator, [self.expression(operand) for operand in (left, *reversed(operands))])

    def _comparison(self, node: cst.Comparison) -> ast.expr:
        operators: list[Any] = [OPERATORS[type(target.operator).__name__]() for target in node.comparisons]
        return ast.Compare(
            self.expression(node.left), operators, [self.expression(target.comparator) for target in node.comparisons]
        )

    def _conditional(self, node: cst.IfExp) -> ast.expr:
        return ast.IfExp(self.expression(node.test), self.expression(node.body), self.expression(node.orelse))

    def _walrus(self, node: cst.NamedExpr) -> ast.expr:
        target: Any = self.expression(node.target)
        return ast.NamedExpr(target, self.expression(node.value))

    def _lambda(self, node: cst.Lambda) -> ast.expr:
        return ast.Lambda(self.parameters(node.params), self.expression(node.body))

    def _await(self, node: cst.Await) -> ast.expr:
        return ast.Await(self.expression(node.expression))

    def _yield(self, node: cst.Yield) -> ast.expr:
        if isinstance(node.value, cst.From):
            return ast.YieldFrom(self.expression(node.value.item))
        return ast.Yield(self.maybe(node.value))

    def _tuple(self, node: cst.Tuple) -> ast.expr:
        return ast.Tuple([self._element(element) for element in node.elements])

    def _list(self, node: cst.List) -> ast.expr:
        return ast.List([self._element(element) for element in node.elements])

    def _set(self, node: cst.Set) -> ast.expr:
        return ast.Set([self._element(element) for element in node.elements])

    def _element(self, node: cst.BaseElement) -> ast.expr:
        return self.expression(node) if isinstance(node, cst.StarredElement) else self.expression(node.value)

    def _starred(self, node: cst.StarredElement) -> ast.expr:
        return ast.Starred(self.expression(node.value))

    def _dict(self, node: cst.Dict) -> ast.expr:
        keys = [self.expression(one.key) if isinstance(one, cst.DictElement) else None for one in node.elements]
        return ast.Dict(keys, [self.expression(element.value) for element in node.elements])

    def _comprehension(self, node: Any) -> ast.expr:
        kind: type[Any] = getattr(ast, type(node).__name__)
        made: ast.expr = kind(self.expression(node.elt), self._clauses(node.for_in))
        return made

    def _dict_comprehension(self, node: cst.DictComp) -> ast.expr:
        return ast.DictComp(self.expression(node.key), self.expression(node.value), self._clauses(node.for_in))

    def _unpacking_comprehension(self, node: Any) -> ast.expr:
        """``{**mapping for ...}``."""
        no_key: Any = None
        return ast.DictComp(self.expression(node.value), no_key, self._clauses(node.for_in))

    def _clauses(self, node: cst.CompFor) -> list[ast.comprehension]:
        found: list[ast.comprehension] = []
        clause: cst.CompFor | None = node
        while clause is not None:
            tests = [self.expression(test.test) for test in clause.ifs]
            parts = self.expression(clause.target), self.expression(clause.iter)
            found.append(ast.comprehension(*parts, tests, int(clause.asynchronous is not None)))
            clause = clause.inner_for_in
        return found

    def _call(self, node: cst.Call) -> ast.expr:
        named = [argument for argument in node.args if argument.keyword is not None or argument.star == "**"]
        arguments = [self.argument(argument) for argument in node.args if argument not in named]
        return ast.Call(self.expression(node.func), arguments, [self.keyword(one) for one in named])

    def argument(self, node: cst.Arg) -> ast.expr:
        """A positional argument."""
        value = self.expression(node.value)
        return self.at(node, ast.Starred(value)) if node.star else value

    def keyword(self, node: cst.Arg) -> ast.keyword:
        """A keyword argument, or ``**value``."""
        name = None if node.keyword is None else node.keyword.value
        return self.at(node, ast.keyword(name, self.expression(node.value)), node.value)

    def _subscript(self, node: cst.Subscript) -> ast.expr:
        parts = [self._part(element.slice) for element in node.slice]
        many = len(parts) > 1 or isinstance(parts[0], ast.Starred) or isinstance(node.slice[0].comma, cst.Comma)
        key = self.at(node.slice[0], ast.Tuple(parts), node.slice[-1].slice) if many else parts[0]
        return ast.Subscript(self.expression(node.value), key)

    def _part(self, node: cst.BaseSlice) -> ast.expr:
        if isinstance(node, cst.Index):
            value = self.expression(node.value)
            return value if node.star is None else self.at(node, ast.Starred(value))
        assert isinstance(node, cst.Slice)
        bounds = self.maybe(node.lower), self.maybe(node.upper), self.maybe(node.step)
        return self.at(node, ast.Slice(*bounds))

    # -- patterns -------------------------------------------------------------------------------------------------------

    def pattern(self, node: Any) -> ast.pattern:
        """A pattern of a ``case``."""
        return self.at(node, self._bare_pattern(node))

    def _bare_pattern(self, node: Any) -> ast.pattern:
        match node:
            case cst.MatchAs():
                inner = None if node.pattern is None else self.pattern(node.pattern)
                return ast.MatchAs(inner, None if node.name is None else node.name.value)
            case cst.MatchStar():
                return ast.MatchStar(None if node.name is None else node.name.value)
            case cst.MatchValue():
                return ast.MatchValue(self.expression(node.value))
            case cst.MatchSingleton():
                return ast.MatchSingleton(_CONSTANTS[node.value.value])
            case cst.MatchOr():
                return ast.MatchOr([self.pattern(element.pattern) for element in node.patterns])
            case cst.MatchSequence():
                elements: Sequence[Any] = getattr(node, "patterns", ())
                return ast.MatchSequence(
                    [self.pattern(one if isinstance(one, cst.MatchStar) else one.value) for one in elements]
                )
            case cst.MatchMapping():
                keys = [self.expression(element.key) for element in node.elements]
                patterns = [self.pattern(element.pattern) for element in node.elements]
                return ast.MatchMapping(keys, patterns, None if node.rest is None else node.rest.value)
            case _:
                names = [keyword.key.value for keyword in node.kwds]
                named = [self.pattern(keyword.pattern) for keyword in node.kwds]
                ordered = [self.pattern(element.value) for element in node.patterns]
                return ast.MatchClass(self.expression(node.cls), ordered, names, named)

    # -- parameters -----------------------------------------------------------------------------------------------------

    def parameters(self, node: cst.Parameters) -> ast.arguments:
        """The parameters of a function or lambda."""
        ordered = [*node.posonly_params, *node.params]
        return ast.arguments(
            posonlyargs=[self._parameter(one) for one in node.posonly_params],
            args=[self._parameter(one) for one in node.params],
            vararg=self._parameter(node.star_arg) if isinstance(node.star_arg, cst.Param) else None,
            kwonlyargs=[self._parameter(one) for one in node.kwonly_params],
            kw_defaults=[self.maybe(one.default) for one in node.kwonly_params],
            kwarg=None if node.star_kwarg is None else self._parameter(node.star_kwarg),
            defaults=[self.expression(one.default) for one in ordered if one.default is not None],
        )

    def _parameter(self, node: cst.Param) -> ast.arg:
        annotation = None if node.annotation is None else self.expression(node.annotation.annotation)
        last = node.name if node.annotation is None else node.annotation.annotation
        return self.at(node.name, ast.arg(node.name.value, annotation), last)


def dotted(node: Any) -> str:
    """``a.b.c`` as text."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    return ".".join(reversed([*parts, node.value]))


# By name: not every supported libcst knows all of them.
_EXPRESSIONS: dict[str, Callable[[ExpressionConverter, Any], ast.expr]] = {
    "Name": ExpressionConverter._name,
    "Attribute": ExpressionConverter._attribute,
    "Call": ExpressionConverter._call,
    "SimpleString": ExpressionConverter._literal,
    "Integer": ExpressionConverter._literal,
    "Float": ExpressionConverter._literal,
    "Imaginary": ExpressionConverter._literal,
    "Ellipsis": ExpressionConverter._ellipsis,
    "ConcatenatedString": ExpressionConverter._strings,
    "FormattedString": ExpressionConverter._formatted,
    "TemplatedString": ExpressionConverter._template,
    "UnaryOperation": ExpressionConverter._unary,
    "BinaryOperation": ExpressionConverter._binary,
    "BooleanOperation": ExpressionConverter._boolean,
    "Comparison": ExpressionConverter._comparison,
    "IfExp": ExpressionConverter._conditional,
    "NamedExpr": ExpressionConverter._walrus,
    "Tuple": ExpressionConverter._tuple,
    "List": ExpressionConverter._list,
    "Set": ExpressionConverter._set,
    "Dict": ExpressionConverter._dict,
    "Subscript": ExpressionConverter._subscript,
    "Await": ExpressionConverter._await,
    "Yield": ExpressionConverter._yield,
    "Lambda": ExpressionConverter._lambda,
    "StarredElement": ExpressionConverter._starred,
    "ListComp": ExpressionConverter._comprehension,
    "SetComp": ExpressionConverter._comprehension,
    "GeneratorExp": ExpressionConverter._comprehension,
    "DictComp": ExpressionConverter._dict_comprehension,
    "StarredDictComp": ExpressionConverter._unpacking_comprehension,
}
