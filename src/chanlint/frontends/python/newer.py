"""Syntax that is newer than the Python that runs chanlint: libcst parses it, and its tree becomes one of Python's own kind.

So everything behind the parsers knows one kind of tree, and what is found does not depend on who parsed. libcst costs ten
times as much as Python's parser, most of it for blanks and comments that nobody here asks for, and loading it takes longer
than parsing ten files; it is loaded for these files alone.

Nouns:

* **Rejected**: libcst cannot read a text, either.
* **Stand-in**: a node of a class that the running Python's ``ast`` lacks (``TypeAlias``, ``TemplateStr``, type parameters). It
  has the name and the fields that the class has where it exists.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from chanlint.frontends.python.newer_expressions import OPERATORS, ExpressionConverter, dotted, stand_in
from chanlint.frontends.python.rows import Utf8Rows


class Rejected(Exception):
    """libcst cannot read a text; ``row`` and ``column`` count from 1."""

    def __init__(self, row: int, column: int) -> None:
        super().__init__(row, column)
        self.row = row
        self.column = column


def parse_newer(text: str) -> ast.Module:
    """The tree of a text. Recurses as deep as the text nests: the caller bounds that, and sees to the stack.

    Raises:
        Rejected: it is no Python that libcst knows.
    """
    try:
        tree = cst.parse_module(text)
        places = MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider)
    except cst.ParserSyntaxError as error:
        raise Rejected(error.editor_line, error.editor_column) from None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # its native part also raises ValueError, RecursionError and a panic that is no Exception
        raise Rejected(1, 1) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in string literals: the user's interpreter tells, chanlint does not
        return ast.Module([*_Converter(Utf8Rows(text), places).statements(tree.body)], [])


_TypeAlias = stand_in("TypeAlias", "name type_params value", ast.stmt)
_TypeVar = stand_in("TypeVar", "name bound", ast.AST)


class _Converter(ExpressionConverter):
    # -- statements -----------------------------------------------------------------------------------------------------

    def statements(self, body: Iterable[cst.CSTNode]) -> Iterator[ast.stmt]:
        """The statements of a module or of a block."""
        for line in body:
            if isinstance(line, cst.SimpleStatementLine):
                yield from (self._statement(part) for part in line.body)
            else:
                yield self._statement(line)

    def _block(self, suite: cst.BaseSuite) -> list[ast.stmt]:
        if isinstance(suite, cst.SimpleStatementSuite):
            return [self._statement(part) for part in suite.body]
        return [*self.statements(suite.body)]

    def _statement(self, node: Any) -> ast.stmt:
        name = type(node).__name__
        convert = _STATEMENTS[name]
        return self.at(node, convert(self, node))

    def _expr(self, node: cst.Expr) -> ast.stmt:
        return ast.Expr(self.expression(node.value))

    def _assign(self, node: cst.Assign) -> ast.stmt:
        return ast.Assign([self.expression(target.target) for target in node.targets], self.expression(node.value))

    def _annotated(self, node: cst.AnnAssign) -> ast.stmt:
        target: Any = self.expression(node.target)
        return ast.AnnAssign(target, self.expression(node.annotation.annotation), self.maybe(node.value), 1)

    def _augmented(self, node: cst.AugAssign) -> ast.stmt:
        operator: Any = OPERATORS[type(node.operator).__name__.removesuffix("Assign")]()
        target: Any = self.expression(node.target)
        return ast.AugAssign(target, operator, self.expression(node.value))

    def _delete(self, node: cst.Del) -> ast.stmt:
        target = self.expression(node.target)
        bare = isinstance(node.target, cst.Tuple) and not node.target.lpar
        return ast.Delete(target.elts if bare and isinstance(target, ast.Tuple) else [target])

    def _return(self, node: cst.Return) -> ast.stmt:
        return ast.Return(self.maybe(node.value))

    def _raise(self, node: cst.Raise) -> ast.stmt:
        return ast.Raise(self.maybe(node.exc), None if node.cause is None else self.expression(node.cause.item))

    def _assert(self, node: cst.Assert) -> ast.stmt:
        return ast.Assert(self.expression(node.test), self.maybe(node.msg))

    def _global(self, node: cst.Global) -> ast.stmt:
        return ast.Global([item.name.value for item in node.names])

    def _nonlocal(self, node: cst.Nonlocal) -> ast.stmt:
        return ast.Nonlocal([item.name.value for item in node.names])

    def _import(self, node: Any) -> ast.stmt:
        return ast.Import([self._alias(alias) for alias in node.names])

    def _import_from(self, node: Any) -> ast.stmt:
        module = None if node.module is None else dotted(node.module)
        if isinstance(node.names, cst.ImportStar):
            names = [self.at(node.names, ast.alias("*"))]
        else:
            names = [self._alias(alias) for alias in node.names]
        return ast.ImportFrom(module, names, len(node.relative))

    def _alias(self, node: cst.ImportAlias) -> ast.alias:
        bound = None if node.asname is None else node.asname.name
        last = node.name if bound is None else bound
        return self.at(node, ast.alias(dotted(node.name), None if bound is None else dotted(bound)), last)

    def _type_alias(self, node: Any) -> ast.stmt:
        value: ast.stmt = _TypeAlias(self.expression(node.name), self._type_parameters(node), self.expression(node.value))
        return value

    def _pass(self, _: cst.CSTNode) -> ast.stmt:
        return ast.Pass()

    def _break(self, _: cst.CSTNode) -> ast.stmt:
        return ast.Break()

    def _continue(self, _: cst.CSTNode) -> ast.stmt:
        return ast.Continue()

    # -- compound statements --------------------------------------------------------------------------------------------

    def _else(self, node: cst.Else | cst.Finally | None) -> list[ast.stmt]:
        return [] if node is None else self._block(node.body)

    def _if(self, node: cst.If) -> ast.stmt:
        arms = [node]
        while isinstance(arms[-1].orelse, cst.If):
            arms.append(arms[-1].orelse)
        last = arms[-1].orelse
        rest = self._else(last if isinstance(last, cst.Else) else None)
        for arm in reversed(arms):
            rest = [self.at(arm, ast.If(self.expression(arm.test), self._block(arm.body), rest))]
        return rest[0]

    def _while(self, node: cst.While) -> ast.stmt:
        return ast.While(self.expression(node.test), self._block(node.body), self._else(node.orelse))

    def _for(self, node: cst.For) -> ast.stmt:
        kind = ast.For if node.asynchronous is None else ast.AsyncFor
        parts = self.expression(node.target), self.expression(node.iter)
        return kind(*parts, self._block(node.body), self._else(node.orelse))

    def _with(self, node: cst.With) -> ast.stmt:
        kind = ast.With if node.asynchronous is None else ast.AsyncWith
        items = [
            ast.withitem(self.expression(item.item), None if item.asname is None else self.expression(item.asname.name))
            for item in node.items
        ]
        return kind(items, self._block(node.body))

    def _try(self, node: cst.Try | cst.TryStar) -> ast.stmt:
        kind = ast.TryStar if isinstance(node, cst.TryStar) else ast.Try
        handlers = [self._handler(handler) for handler in node.handlers]
        return kind(self._block(node.body), handlers, self._else(node.orelse), self._else(node.finalbody))

    def _handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> ast.ExceptHandler:
        name = None if node.name is None else dotted(node.name.name)
        return self.at(node, ast.ExceptHandler(self.maybe(node.type), name, self._block(node.body)))

    def _match(self, node: cst.Match) -> ast.stmt:
        cases = [
            ast.match_case(self.pattern(case.pattern), self.maybe(case.guard), self._block(case.body)) for case in node.cases
        ]
        return ast.Match(self.expression(node.subject), cases)

    def _function(self, node: cst.FunctionDef) -> ast.stmt:
        kind = ast.FunctionDef if node.asynchronous is None else ast.AsyncFunctionDef
        made: Any = kind(
            name=node.name.value,
            args=self.parameters(node.params),
            body=self._block(node.body),
            decorator_list=[self.expression(decorator.decorator) for decorator in node.decorators],
            returns=None if node.returns is None else self.expression(node.returns.annotation),
        )
        made.type_params = self._type_parameters(node)  # a field from 3.12 on
        function: ast.stmt = made
        return function

    def _class(self, node: cst.ClassDef) -> ast.stmt:
        made: Any = ast.ClassDef(
            name=node.name.value,
            bases=[self.argument(base) for base in node.bases if base.star != "**"],
            keywords=[
                self.keyword(one) for one in (*node.bases, *node.keywords) if one.keyword is not None or one.star == "**"
            ],
            body=self._block(node.body),
            decorator_list=[self.expression(decorator.decorator) for decorator in node.decorators],
        )
        made.type_params = self._type_parameters(node)
        cls: ast.stmt = made
        return cls

    def _type_parameters(self, node: Any) -> list[Any]:
        if node.type_parameters is None:
            return []
        return [self.at(one, _TypeVar(one.param.name.value, None)) for one in node.type_parameters.params]


# By name: not every supported libcst knows all of them.
_STATEMENTS: dict[str, Callable[[_Converter, Any], ast.stmt]] = {
    "Expr": _Converter._expr,
    "Assign": _Converter._assign,
    "AnnAssign": _Converter._annotated,
    "AugAssign": _Converter._augmented,
    "Del": _Converter._delete,
    "Return": _Converter._return,
    "Raise": _Converter._raise,
    "Assert": _Converter._assert,
    "Global": _Converter._global,
    "Nonlocal": _Converter._nonlocal,
    "Import": _Converter._import,
    "ImportFrom": _Converter._import_from,
    "LazyImport": _Converter._import,
    "LazyImportFrom": _Converter._import_from,
    "TypeAlias": _Converter._type_alias,
    "Pass": _Converter._pass,
    "Break": _Converter._break,
    "Continue": _Converter._continue,
    "If": _Converter._if,
    "While": _Converter._while,
    "For": _Converter._for,
    "With": _Converter._with,
    "Try": _Converter._try,
    "TryStar": _Converter._try,
    "Match": _Converter._match,
    "FunctionDef": _Converter._function,
    "ClassDef": _Converter._class,
}
