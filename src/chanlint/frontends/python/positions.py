"""Where ops stand in the text, asked for after lowering.

libcst keeps no positions: they come from writing the tree out again. `_Marker` does that once and notes, for the wanted
nodes only, which output tokens they begin and end with; that costs a third of a parse where libcst's own position provider
costs two. It relies on libcst's code generation protocol, which a test compares with the official provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate
from types import TracebackType

import libcst as cst
from libcst._nodes.internal import CodegenState

from chanlint.frontends.python.deep import call_deep
from chanlint.frontends.python.flow import Header, Place, Stretch
from chanlint.frontends.python.rows import ROW_END, Rows
from chanlint.ir.ids import HEADER, FunctionId, OpId
from chanlint.source import Span

_NOTHING: AbstractContextManager[None] = nullcontext()


class _Marker(CodegenState):
    """Generates code and notes the first and last token index of wanted nodes (by ``id``), without whitespace around them."""

    def __init__(self, tree: cst.Module, wanted: set[int]) -> None:
        super().__init__(default_indent=tree.default_indent, default_newline=tree.default_newline)
        self.wanted = wanted
        self.begun: dict[int, int] = {}
        self.marks: dict[int, tuple[int, int]] = {}

    def before_codegen(self, node: cst.CSTNode) -> None:
        if id(node) in self.wanted:
            self.begun[id(node)] = len(self.tokens)

    def after_codegen(self, node: cst.CSTNode) -> None:
        key = id(node)
        if key in self.wanted and key not in self.marks:
            self.marks[key] = (self.begun[key], len(self.tokens))

    def record_syntactic_position(  # type: ignore[override]  # the same protocol without a generator per node
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> AbstractContextManager[None]:
        if id(node) not in self.wanted:
            return _NOTHING
        if start_node is not None:
            self.wanted.add(id(start_node))
        if end_node is not None:
            self.wanted.add(id(end_node))
        return _Recording(self, id(node), start_node, end_node)


class _Recording(AbstractContextManager[None]):
    """Marks one node while its code is generated, with the bounds of its parts where they are tighter."""

    def __init__(self, marker: _Marker, key: int, first: cst.CSTNode | None, last: cst.CSTNode | None) -> None:
        self.marker = marker
        self.key = key
        self.first = first
        self.last = last
        self.start = len(marker.tokens)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        marks = self.marker.marks
        start, end = self.start, len(self.marker.tokens)
        if self.first is not None:
            start = marks[id(self.first)][0]
        if self.last is not None:
            end = marks[id(self.last)][1]
        marks[self.key] = (start, end)


class PythonSourceMap:
    """The source map of one lowered file. Holds its tree until the first question, and plain numbers from then on."""

    def __init__(self, tree: cst.Module, places: Mapping[FunctionId, list[Place]], headers: Mapping[FunctionId, Place]) -> None:
        self._lowered: tuple[cst.Module, Mapping[FunctionId, list[Place]], Mapping[FunctionId, Place]] | None
        self._lowered = (tree, places, headers)
        self._bounds: dict[FunctionId, list[tuple[int, int]]] = {}
        self._headers: dict[FunctionId, tuple[int, int]] = {}
        self._rows = Rows("")

    def span(self, op: OpId) -> Span:
        """The span of what ``op`` came from; see `chanlint.ir.source_map.SourceMap`. KeyError for an unknown function."""
        if self._lowered is not None:
            tree, places, headers = self._lowered
            offsets = Offsets(tree, [*(place for row in places.values() for place in row), *headers.values()])
            self._bounds = {function: [*map(offsets.bounds, row)] for function, row in places.items()}
            self._headers = {function: offsets.bounds(place) for function, place in headers.items()}
            self._rows = offsets.rows
            self._lowered = None
        return self._rows.span(*(self._headers[op.function] if op.op == HEADER else self._bounds[op.function][op.op]))


class Offsets:
    """Character offsets of the wanted nodes."""

    def __init__(self, tree: cst.Module, places: Iterable[Place]) -> None:
        wanted: set[int] = set()
        for place in places:
            wanted.update(id(node) for node in _nodes(place))
        wanted.discard(id(tree))
        marker = _Marker(tree, wanted)
        call_deep(lambda: tree._codegen(marker))
        text = "".join(marker.tokens)
        ends = [0, *accumulate(len(token) for token in marker.tokens)]
        last = len(ends) - 1  # the final newline's token may have been taken back
        self._offsets = {key: (ends[min(a, last)], ends[min(b, last)]) for key, (a, b) in marker.marks.items()}
        self.rows = Rows(text)
        self._tree = tree
        self._text = text

    def bounds(self, place: Place) -> tuple[int, int]:
        """Where ``place`` begins and ends, in characters."""
        if place is self._tree:
            return 0, len(ROW_END.split(self._text, maxsplit=1)[0])
        if isinstance(place, Header):
            start = self._offsets[id(place.statement)][0]
            end = self._colon(self._offsets[id(place.body)][0])
        elif isinstance(place, Stretch):
            start, end = self._offsets[id(place.first)][0], self._offsets[id(place.last)][1]
        else:
            start, end = self._offsets[id(place)]
        while start < end and self._text[start] in " \t\f\\\r\n":
            start += 1  # libcst lets a comprehension's clause begin with the whitespace before it
        return start, end

    def _colon(self, body: int) -> int:
        """The end of the header whose body begins at ``body``: before the colon and the whitespace around it."""
        colon = self._text.rfind(":", 0, body + 1)
        return len(self._text[:colon].rstrip(" \t\f\\\r\n"))


def _nodes(place: Place) -> tuple[cst.CSTNode, ...]:
    return tuple(place) if isinstance(place, (Stretch, Header)) else (place,)
