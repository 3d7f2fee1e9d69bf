"""Objects that do their work through others: what a method of theirs does, it does to what their constructor was given.

Nouns:

* **Part**: an attribute of a library object in which it keeps an argument of its constructor (`TypeInfo.parts`).
* **Whole**: the object with parts. It is nothing to receive from itself; each `LibCall` on a part says for which whole it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from chanlint.analysis import calls, containers, library
from chanlint.analysis.frames import Frame
from chanlint.analysis.objects import Container, LibMethod, Obj
from chanlint.catalogue.schema import TypeInfo
from chanlint.ir import ops
from chanlint.ir.ops import Op

if TYPE_CHECKING:
    from chanlint.analysis.calls import Arguments
    from chanlint.analysis.pointsto import PointsTo


def keep(state: PointsTo, info: TypeInfo, arguments: Arguments, whole: Obj) -> None:
    """The constructor keeps its arguments."""
    for name, ref in info.parts.items():
        part, given = state.graph.attribute(whole, name), library.argument(arguments, ref)
        if given is not None:
            state.graph.flow(given, part)
        elif ref.position is not None:
            position = ref.position - len(arguments.positional)
            for star in arguments.stars[:1]:
                state.graph.watch(star, partial(_spread, state, position, part))


def _spread(state: PointsTo, position: int, part: int, obj: Obj) -> None:
    if isinstance(obj, Container):
        containers.load_cell(state, obj, position, part)


def _parts(state: PointsTo, whole: Obj, type_name: str, method: str) -> Iterator[tuple[int, str]]:
    """The nodes of the parts on which a method of the whole calls something, and what it calls."""
    info = state.catalogue.types.get(type_name)
    for name, inner in info.delegates.get(method, ()) if info is not None else ():
        yield state.graph.attribute(whole, name), inner


def call(
    state: PointsTo, frame: Frame, op: Op, callee: LibMethod, arguments: Arguments, target: int, actor: Obj | None = None
) -> None:
    """``target = whole.method(arguments)``."""
    whole = callee.receiver
    for part, name in _parts(state, whole, callee.type, callee.name):
        state.graph.watch_later(part, partial(_pass_on, state, frame, op, name, arguments, target, actor, whole))


def _pass_on(
    state: PointsTo,
    frame: Frame,
    op: Op,
    name: str,
    arguments: Arguments,
    target: int,
    actor: Obj | None,
    whole: Obj,
    part: Obj,
) -> None:
    if not calls.invoke_method(state, frame, op, part, name, arguments, target, actor=actor):
        for type_name in library.channel_types(state, part):
            library.call(state, frame, op, state.heap.make(LibMethod, part, type_name, name), arguments, target, actor)
    for known in frame.lib_calls.get(op.index, ()):
        if known.receiver is part:
            known.whole = whole


def iterate(state: PointsTo, frame: Frame, op: Op, whole: Obj, type_name: str, target: int) -> None:
    """A loop over the whole goes over the part from which it receives."""
    for part, _ in _parts(state, whole, type_name, "receive"):
        state.graph.watch_later(part, lambda obj: library.iterate(state, frame, op, obj, target))


def leave(state: PointsTo, frame: Frame, op: ops.Exit, whole: Obj, type_name: str) -> None:
    """The end of ``with`` over the whole closes its parts."""
    for part, _ in _parts(state, whole, type_name, "aclose" if op.is_async else "close"):
        state.graph.watch_later(part, partial(_close, state, frame, op, whole))


def _close(state: PointsTo, frame: Frame, op: ops.Exit, whole: Obj, part: Obj) -> None:
    library.close(state, frame, op, part)
    for known in frame.lib_calls.get(op.index, ()):
        if known.receiver is part:
            known.whole = whole
