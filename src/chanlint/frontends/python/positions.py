"""Where ops stand in the text, asked for after lowering: few ops are ever asked about."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from chanlint.frontends.python.flow import Header, Place, Stretch
from chanlint.frontends.python.rows import Utf8Rows
from chanlint.ir.ids import HEADER, FunctionId, OpId
from chanlint.source import Location, Span


class PythonSourceMap:
    """The source map of one lowered file. Holds its tree."""

    def __init__(self, text: str, places: Mapping[FunctionId, list[Place]], headers: Mapping[FunctionId, Place]) -> None:
        self._rows = Utf8Rows(text)
        self._places = places
        self._headers = headers

    def span(self, op: OpId) -> Span:
        """The span of what ``op`` came from; see `chanlint.ir.source_map.SourceMap`.

        Raises:
            LookupError: there is no such function or op.
        """
        place = self._headers[op.function] if op.op == HEADER else self._places[op.function][op.op]
        return span_of(self._rows, place)


def span_of(rows: Utf8Rows, place: Place) -> Span:
    """The span of a place in its text."""
    if isinstance(place, ast.Module):
        return Span(Location(1, 1), Location(1, len(rows.rows[0]) + 1))
    if isinstance(place, Header):
        return Span(rows.start(place.statement), _colon(rows, place.statement))
    first, last = place if isinstance(place, Stretch) else (place, place)
    start = _keyword(rows, first) if isinstance(first, ast.comprehension) else rows.start(first)
    return Span(start, rows.end(last))


def _keyword(rows: Utf8Rows, clause: ast.comprehension) -> Location:
    """The ``for`` or ``async for`` of a clause: what stands before its target, of brackets and rows apart."""
    target = rows.start(clause.target)
    row, before = target.row, rows.rows[target.row - 1][: target.column - 1]
    while (column := before.rfind("for")) < 0 and row > 1:
        row -= 1
        before = rows.rows[row - 1]
    found = Location(row, max(column, 0) + 1)
    if not clause.is_async:
        return found
    before = before[:column]
    while (column := before.rfind("async")) < 0 and row > 1:
        row -= 1
        before = rows.rows[row - 1]
    return Location(row, max(column, 0) + 1)


def _colon(rows: Utf8Rows, statement: Any) -> Location:
    """The end of a header: before its colon and the whitespace around it."""
    last = max((rows.end(part) for part in _header_parts(statement)), default=rows.start(statement))
    column = last.column - 1
    for row in range(last.row, len(rows.rows) + 1):
        text = rows.rows[row - 1]
        while column < len(text) and text[column] not in ":#":
            if text[column] not in " \t\f\\":
                last = Location(row, column + 2)
            column += 1
        if text[column : column + 1] == ":":
            break
        column = 0
    return last


def _header_parts(statement: Any) -> Iterator[Any]:
    """The parts of a compound statement between its keyword and its colon, as far as they can hold colons."""
    for name in ("type_params", "bases", "keywords"):
        yield from getattr(statement, name, ())
    parameters = getattr(statement, "args", None)
    if parameters is not None:
        yield from (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs, *parameters.defaults)
        yield from (part for part in (parameters.vararg, parameters.kwarg, *parameters.kw_defaults) if part is not None)
    for name in ("returns", "type"):
        if getattr(statement, name, None) is not None:
            yield getattr(statement, name)
