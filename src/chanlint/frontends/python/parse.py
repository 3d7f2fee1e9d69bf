"""Text to a syntax tree, within several limits; never raises, never crashes.

Python's own parser reads all that it knows: it survives anything, and it says where a mistake is. What it rejects may be
syntax that is newer than the Python that runs chanlint: `newer` decides, if the text is small and sound enough to be tried.

Most texts are too small to do any harm; only the others are scanned and measured.

Nouns:

* **Parsed**: the tree, or none, and what was left out.
* **weight**: the memory that libcst will want, estimated in kB from tokens, bracket depths and chains.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from chanlint.frontends.base import Problem
from chanlint.frontends.python.cuts import MOST, around, left_out, opened, statements
from chanlint.frontends.python.deep import call_deep
from chanlint.frontends.python.guards import scan
from chanlint.frontends.python.rows import Rows, point

MAX_NODES = 150_000
"""Syntax nodes in a file. A text has no more nodes than characters, so a shorter one need not be measured."""
MAX_UNSCANNED = 500_000
"""Characters of a text that Python's own parser takes in bounded time and memory, whatever it is."""
MAX_WEIGHT = 750_000
_KB_PER_NODE = 3.3
_KB_PER_DEPTH = 4.5
_KB_PER_CHAIN = 0.1
_WORTH_LEAVING_OUT = MAX_NODES // 100  # a file of many small statements is not saved by dropping some of them
_NESTED = ("too many nested", "too many statically nested", "too many levels of indentation", "nested too deeply")
_DEEP = "too deeply nested"
_LONG = 5_000
_LONG_NAME = re.compile(rf"\b(?:import|from)[ \t\f\\][\w. \t\f\\\r\n]{{{_LONG}}}")
"""Where a dotted name may stand that takes Python's parser the square of its length."""


@dataclass(slots=True)
class Parsed:
    """The tree of a text, or None; the problems say what is missing from it."""

    tree: ast.Module | None
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Measure:
    """One top-level statement and how many nodes it has."""

    statement: ast.stmt
    nodes: int

    @property
    def name(self) -> str | None:
        return getattr(self.statement, "name", None)

    @property
    def rows(self) -> tuple[int, int]:
        decorators = getattr(self.statement, "decorator_list", [])
        first = min([self.statement.lineno, *(decorator.lineno for decorator in decorators)])
        return first, self.statement.end_lineno or first


class _TooDeep(Exception):
    """Python's parser gives up on a text, at about this row."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def parse(text: str) -> Parsed:
    """The tree of a text."""
    if len(text) <= MAX_UNSCANNED and (len(text) < _LONG or _LONG_NAME.search(text) is None):
        try:
            return _parse(text, ())
        except _TooDeep:
            pass  # the scan tells which statement it is
    source = opened(text)
    if source.scan.over is not None:
        message, offset = source.scan.over
        place = Rows(text).location(offset)
        return _failed(message, place.row, place.column, around(text, source.scan.outermost, offset).name)
    problems = tuple(source.problems)
    try:
        return _parse(source.text, problems)
    except _TooDeep as deep:
        return _shallow(source.text, problems, deep.row)


def too_deep(row: int) -> Parsed:
    """What becomes of a text that nests too deeply at a row."""
    return _failed(_DEEP, row, 1)


def _parse(text: str, problems: tuple[Problem, ...]) -> Parsed:
    if "\0" in text:
        place = Rows(text).location(text.index("\0"))
        return _failed("contains a NUL character", place.row, place.column)
    try:
        tree = _ast(text)
    except SyntaxError as error:
        if any(words in error.msg for words in _NESTED):
            raise _TooDeep(error.lineno or 1) from None
        return _newer_syntax(text, problems, error)
    except (RecursionError, MemoryError):
        raise _TooDeep(1) from None
    except ValueError as error:
        return _failed(f"cannot be parsed: {_one_line(str(error))}", 1, 1)
    return _measured(text, problems, tree)


def _shallow(text: str, problems: tuple[Problem, ...], row: int) -> Parsed:
    """Without the statements that are too deep for Python's parser."""
    found = []
    for cut in statements(text):
        if not _fits(text[cut.start : cut.end]):
            text = cut.out_of(text)
            found.append(cut.problem(text, _DEEP))
    if not 0 < len(found) <= MOST:
        return too_deep(row)
    try:
        tree = _ast(text)
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return too_deep(row)
    return _measured(text, (*problems, *found), tree)


def _fits(text: str) -> bool:
    """Whether Python's parser can take a statement, be it right or wrong."""
    try:
        _ast(text)
    except SyntaxError as error:
        return not any(words in error.msg for words in _NESTED)
    except (RecursionError, MemoryError):
        return False
    except ValueError:
        pass
    return True


def _measured(text: str, problems: tuple[Problem, ...], tree: ast.Module) -> Parsed:
    """Without the statements that are too large."""
    if len(text) <= MAX_NODES:
        return Parsed(tree, _sorted(problems))
    measures = [_Measure(statement, _nodes(statement)) for statement in tree.body]
    dropped = _left_out(measures)
    if dropped is None:
        return _failed(f"too large: more than {MAX_NODES:,} syntax nodes", 1, 1)
    if dropped:
        tree.body = [measure.statement for measure in measures if measure not in dropped]
        problems = (*problems, *(left_out("too large", measure.rows[0], measure.name) for measure in dropped))
    return Parsed(tree, _sorted(problems))


def _newer_syntax(text: str, problems: tuple[Problem, ...], error: SyntaxError) -> Parsed:
    """What Python's parser rejects: libcst decides, if the text is small and sound enough to be tried."""
    failed = _failed(f"syntax error: {_one_line(error.msg)}", error.lineno or 1, error.offset or 1)
    scanned = scan(text)
    if scanned.over is not None and not problems:
        raise _TooDeep(error.lineno or 1)  # without the statement that is too much, the rest may be right
    weight = 2 * scanned.tokens * _KB_PER_NODE + scanned.depths * _KB_PER_DEPTH + scanned.chains * _KB_PER_CHAIN
    if scanned.broken or scanned.over is not None or weight > MAX_WEIGHT:
        return failed
    from chanlint.frontends.python.newer import Rejected, parse_newer

    try:
        return _measured(text, problems, call_deep(lambda: parse_newer(text)))
    except Rejected as rejected:
        if error.lineno is None:
            failed = _failed(f"syntax error: {_one_line(error.msg)}", rejected.row, rejected.column)
        return Parsed(None, _sorted((*problems, *failed.problems)))


def _ast(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in string literals: the user's interpreter tells, chanlint does not
        return ast.parse(text)


# -- measures -----------------------------------------------------------------------------------------------------------


def _nodes(statement: ast.stmt) -> int:
    nodes = 0
    stack: list[ast.AST] = [statement]
    while stack:
        nodes += 1
        stack.extend(_children(stack.pop()))
    return nodes


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name in node._fields:
        value = getattr(node, name, None)
        if type(value) is list:
            for item in value:
                if isinstance(item, ast.AST):
                    yield item
        elif isinstance(value, ast.AST) and value._fields:  # operators and contexts have no fields and weigh nothing
            yield value


def _left_out(measures: list[_Measure]) -> list[_Measure] | None:
    """The statements to drop so that the rest is within the limit; None where dropping large ones is not enough."""
    dropped: list[_Measure] = []
    total = sum(measure.nodes for measure in measures)
    for measure in sorted(measures, key=lambda measure: measure.nodes, reverse=True):
        if total <= MAX_NODES:
            break
        if measure.nodes < _WORTH_LEAVING_OUT:
            return None
        dropped.append(measure)
        total -= measure.nodes
    return sorted(dropped, key=lambda measure: measure.rows)


# -- problems -----------------------------------------------------------------------------------------------------------


def _failed(message: str, row: int, column: int, definition: str | None = None) -> Parsed:
    if definition is not None:
        message = f"{message}, in {definition}"
    return Parsed(None, (Problem(message, point(row, column), definition),))


def _sorted(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.span.start))


def _one_line(message: str) -> str:
    return " ".join(message.split())[:200]
