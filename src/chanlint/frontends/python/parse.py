"""Text to a syntax tree, through two parsers and several limits; never raises, never crashes.

Python's own parser goes first: it is ten times as fast, it survives anything, and it says where a mistake is. What it accepts
is measured (nodes and depth) before libcst, which has no limits, may see it. What it rejects may be syntax that is newer than
the Python that runs chanlint: libcst decides.

Nouns:

* **Parsed**: the tree, or none, and what was left out.
* **weight**: the memory that libcst will want, estimated in kB from nodes, bracket depths and chains.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from chanlint.frontends.base import Problem
from chanlint.frontends.python.cuts import MOST, Opened, around, left_out, statements
from chanlint.frontends.python.deep import call_deep
from chanlint.frontends.python.rows import ROW_END, Rows, point

MAX_NODES = 150_000
MAX_TREE_DEPTH = 600
MAX_WEIGHT = 750_000
_KB_PER_NODE = 3.3
_KB_PER_DEPTH = 4.5
_KB_PER_CHAIN = 0.1
_WORTH_LEAVING_OUT = MAX_NODES // 100  # a file of many small statements is not saved by dropping some of them
_NESTED = ("too many nested", "too many statically nested", "too many levels of indentation")
_DEEP = "too deeply nested"
_STRANGE = "not understood by chanlint's parser"
_Extent = tuple[int, int, str | None]  # first and last row of a statement, and the name that it defines


@dataclass(slots=True)
class Parsed:
    """The tree of a text, or None; the problems say what is missing from it."""

    tree: cst.Module | None
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Measure:
    """One top-level statement: its nodes, the depth of its tree, its rows."""

    statement: ast.stmt
    nodes: int
    depth: int

    @property
    def name(self) -> str | None:
        return getattr(self.statement, "name", None)

    @property
    def rows(self) -> tuple[int, int]:
        decorators = getattr(self.statement, "decorator_list", [])
        first = min([self.statement.lineno, *(decorator.lineno for decorator in decorators)])
        return first, self.statement.end_lineno or first


def parse(source: Opened) -> Parsed:
    """The tree of a text that has been scanned."""
    text, scanned = source.text, source.scan
    if scanned.over is not None:
        message, offset = scanned.over
        place = Rows(text).location(offset)
        return _failed(message, place.row, place.column, around(text, scanned.outermost, offset).name)
    if "\0" in text:
        place = Rows(text).location(text.index("\0"))
        return _failed("contains a NUL character", place.row, place.column)
    try:
        tree = _ast(text)
    except SyntaxError as error:
        if any(words in error.msg for words in _NESTED):
            return _shallow(source, error.lineno or 1)
        return _newer_syntax(source, error)
    except (RecursionError, MemoryError):
        return _shallow(source, 1)
    except ValueError as error:
        return _failed(f"cannot be parsed: {_one_line(str(error))}", 1, 1)
    return _measured(source, tree)


def _shallow(source: Opened, row: int) -> Parsed:
    """Without the statements that are too deep for Python's parser."""
    text = source.text
    problems = []
    for cut in statements(text):
        if not _fits(text[cut.start : cut.end]):
            text = cut.out_of(text)
            problems.append(cut.problem(text, _DEEP))
    if not 0 < len(problems) <= MOST:
        return _failed(_DEEP, row, 1)
    try:
        tree = _ast(text)
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return _failed(_DEEP, row, 1)
    return _measured(Opened(text, source.scan, [*source.problems, *problems]), tree)


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


def _measured(source: Opened, tree: ast.Module) -> Parsed:
    text, scanned = source.text, source.scan
    measures = [_measure(statement) for statement in tree.body]
    del tree
    weight = scanned.depths * _KB_PER_DEPTH + scanned.chains * _KB_PER_CHAIN
    room = min(MAX_NODES, int((MAX_WEIGHT - weight) / _KB_PER_NODE))
    dropped = _left_out(measures, room)
    if dropped is None:
        return _failed(f"too large: more than {room:,} syntax nodes", 1, 1)
    problems = list(source.problems)
    for measure in dropped:
        first, last = measure.rows
        text = _blank(text, first, last)
        reason = _DEEP if measure.depth > MAX_TREE_DEPTH else "too large"
        problems.append(left_out(reason, first, measure.name))
    extents = [(*measure.rows, measure.name) for measure in measures]
    del measures
    try:
        return Parsed(_cst(text), _sorted(problems))
    except _Rejected as error:
        return _refused(text, problems, extents, error)


def _refused(text: str, problems: list[Problem], extents: list[_Extent], error: _Rejected) -> Parsed:
    """Without the statement that libcst alone does not understand: the one at the place that it names, or the one before."""
    before = [extent for extent in extents if extent[0] <= max(error.row, 1)]
    for first, last, name in reversed(before[-2:]) if error.known else ():
        try:
            return Parsed(_cst(_blank(text, first, last)), _sorted([*problems, left_out(_STRANGE, first, name)]))
        except _Rejected:
            continue
    return _failed(_STRANGE, error.row, error.column)


def _newer_syntax(source: Opened, error: SyntaxError) -> Parsed:
    """What Python's parser rejects: libcst decides, if the text is small and sound enough to be tried."""
    text, scanned = source.text, source.scan
    failed = _failed(f"syntax error: {_one_line(error.msg)}", error.lineno or 1, error.offset or 1)
    weight = 2 * scanned.tokens * _KB_PER_NODE + scanned.depths * _KB_PER_DEPTH + scanned.chains * _KB_PER_CHAIN
    if scanned.broken or weight > MAX_WEIGHT:
        return failed
    try:
        return Parsed(_cst(text), tuple(source.problems))
    except _Rejected as rejected:
        if error.lineno is None:
            failed = _failed(f"syntax error: {_one_line(error.msg)}", rejected.row, rejected.column)
        return Parsed(None, _sorted([*source.problems, *failed.problems]))


# -- the two parsers ----------------------------------------------------------------------------------------------------


class _Rejected(Exception):
    """libcst cannot read a text; ``row`` and ``column`` from 1, where they are ``known``."""

    def __init__(self, row: int, column: int, known: bool = True) -> None:
        super().__init__(row, column)
        self.row = row
        self.column = column
        self.known = known


def _ast(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _cst(text: str) -> cst.Module:
    """libcst's tree. Its stack use grows with nesting; within the limits here, 256 MB are many times enough."""
    try:
        return call_deep(lambda: cst.parse_module(text))
    except cst.ParserSyntaxError as error:
        raise _Rejected(error.editor_line - 1, error.editor_column) from None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # its native part also raises ValueError, RecursionError and a panic that is no Exception
        raise _Rejected(1, 1, known=False) from None


# -- measures -----------------------------------------------------------------------------------------------------------


def _measure(statement: ast.stmt) -> _Measure:
    nodes, deepest = 0, 0
    stack: list[tuple[ast.AST, int]] = [(statement, 1)]
    pop, push = stack.pop, stack.append
    while stack:
        node, depth = pop()
        nodes += 1
        if depth > deepest:
            deepest = depth
        below = depth + (len(node.values) if type(node) is ast.BoolOp else 1)
        for child in _children(node):
            push((child, below))
    return _Measure(statement, nodes, deepest)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name in node._fields:
        value = getattr(node, name, None)
        if type(value) is list:
            for item in value:
                if isinstance(item, ast.AST):
                    yield item
        elif isinstance(value, ast.AST) and value._fields:  # operators and contexts have no fields and weigh nothing
            yield value


def _left_out(measures: list[_Measure], room: int) -> list[_Measure] | None:
    """The statements to drop so that the rest is within the limits; None where dropping large ones is not enough."""
    dropped = [measure for measure in measures if measure.depth > MAX_TREE_DEPTH]
    kept = [measure for measure in measures if measure.depth <= MAX_TREE_DEPTH]
    total = sum(measure.nodes for measure in kept)
    for measure in sorted(kept, key=lambda measure: measure.nodes, reverse=True):
        if total <= room:
            break
        if measure.nodes < _WORTH_LEAVING_OUT:
            return None
        dropped.append(measure)
        total -= measure.nodes
    return sorted(dropped, key=lambda measure: measure.rows)


def _blank(text: str, first: int, last: int) -> str:
    """``text`` with the rows from ``first`` to ``last`` empty."""
    pieces = ROW_END.split(text)
    ends = ROW_END.findall(text)
    pieces[first - 1 : last] = [""] * (last - first + 1)
    return "".join(piece + end for piece, end in zip(pieces, [*ends, ""], strict=True))


# -- problems -----------------------------------------------------------------------------------------------------------


def _failed(message: str, row: int, column: int, definition: str | None = None) -> Parsed:
    if definition is not None:
        message = f"{message}, in {definition}"
    return Parsed(None, (Problem(message, point(row, column), definition),))


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.span.start))


def _one_line(message: str) -> str:
    return " ".join(message.split())[:200]
