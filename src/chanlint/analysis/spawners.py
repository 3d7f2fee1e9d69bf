"""Actors, as the catalogue describes them: how they are prepared, started, handed work, wrapped and waited for.

Whatever is handed to a spawner may be a function, a called coroutine, an awaitable of a library or a handle that runs
already; `library` decides which call is which, and asks here for the effects that have an actor in them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from chanlint.analysis import attributes, calls, containers, library
from chanlint.analysis.frames import EntryKind, Frame, LibCall
from chanlint.analysis.objects import Awaitable, Const, Container, Coroutine, Instance, LibInstance, Obj
from chanlint.catalogue.schema import ArgRef, Effect, OpKind, TypeInfo
from chanlint.ir import ops
from chanlint.ir.ops import Op

if TYPE_CHECKING:
    from chanlint.analysis.calls import Arguments
    from chanlint.analysis.pointsto import PointsTo

CANCELLED = Effect(OpKind.CANCEL)


def _target_arguments(state: PointsTo, effect: Effect, arguments: Arguments) -> Arguments:
    """The arguments that a spawner hands on to its target."""
    if effect.each:
        start = effect.args.position if effect.args and effect.args.position is not None else 1
        cells = []
        for node in arguments.positional[start:]:
            cell = state.graph.new_nodes(1)
            state.graph.watch(node, partial(containers.element_into, state, cell))
            cells.append(cell)
        return calls.Arguments(tuple(cells))
    positional: tuple[int, ...] = ()
    stars: tuple[int, ...] = ()
    if effect.args is not None and effect.args.rest:
        positional, stars = arguments.positional[effect.args.position or 0 :], arguments.stars
    elif (packed := library.argument(arguments, effect.args)) is not None:
        stars = (packed,)
    if effect.ranked:
        positional = (state.graph.new_nodes(1), *positional)
    keywords: tuple[tuple[str, int], ...] = ()
    doubles: tuple[int, ...] = ()
    if (packed := library.argument(arguments, effect.kwargs)) is not None:
        doubles = (packed,)
    if effect.rest_kwargs:
        own = {ref.keyword for ref in (effect.target, effect.daemon, effect.count) if ref is not None}
        keywords = tuple(pair for pair in arguments.keywords if pair[0] not in own)
        doubles += arguments.double_stars
    return calls.Arguments(positional, keywords, stars, doubles)


def _run(state: PointsTo, made: LibCall, obj: Obj, inner: Arguments, kind: EntryKind, actor: Obj | None, target: int) -> None:
    """Runs what was handed to a spawner or runner: a coroutine, an awaitable or a callable."""
    if isinstance(obj, Coroutine):
        calls.run_coroutine(state, made.frame, made.op, obj, target, kind, actor)
    elif isinstance(obj, Awaitable):
        for pending in state.awaitables.get(obj, ()):
            pending.actor = actor if kind is EntryKind.SPAWN else pending.actor
            pending.awaited.append((made.frame, made.op))
        state.graph.flow(state.graph.attribute(obj, "result"), target)
    elif isinstance(obj, LibInstance):
        state.graph.add(target, obj)
    elif not isinstance(obj, Const | Container):
        sink = state.graph.new_nodes(1)
        calls.invoke(state, made.frame, made.op, obj, inner, sink, kind, actor)
        if kind is EntryKind.CALL:  # asyncio.run(main()), portal.call(async_function): a coroutine is run to its end
            state.graph.watch_later(sink, lambda value: _finish(state, made, value, target))
        else:
            state.graph.flow(sink, target)


def _finish(state: PointsTo, made: LibCall, value: Obj, target: int) -> None:
    if isinstance(value, Coroutine) and not value.frame.function.is_generator:
        calls.run_coroutine(state, made.frame, made.op, value, target)
    else:
        state.graph.add(target, value)


def initialise(state: PointsTo, made: LibCall, arguments: Arguments, group: Obj) -> None:
    """``Pool(initializer=...)``: every actor of the group runs it first, with arguments of its own."""
    node = library.argument(arguments, made.effect.target)
    if node is not None:
        inner, sink = _target_arguments(state, made.effect, arguments), state.graph.new_nodes(1)
        state.graph.watch_later(node, lambda obj: _run(state, made, obj, inner, EntryKind.SPAWN, group, sink))


def _spawn(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    effect = made.effect
    type_name = effect.makes or f"<{effect.actor or 'actor'}>"
    handle = state.heap.make(LibInstance, type_name, state.site(made.frame, made.op), made.frame)
    made.result = handle
    inner = _target_arguments(state, effect, arguments)
    result = state.graph.attribute(handle, "result")
    single = library.argument(arguments, effect.target)
    if effect.target is not None and effect.target.rest:
        for node in _all_of(arguments, effect.target):
            state.graph.watch_later(node, lambda obj: _run_each(state, made, obj, inner, handle, result))
    elif single is not None:
        state.graph.watch_later(single, lambda obj: _run(state, made, obj, inner, EntryKind.SPAWN, handle, result))
        if effect.coroutine:  # ensure_future(task) gives the task back
            state.graph.watch(single, lambda obj: state.graph.add(target, obj) if isinstance(obj, LibInstance) else None)
    state.graph.add(target, handle)


def _all_of(arguments: Arguments, ref: ArgRef) -> tuple[int, ...]:
    return arguments.positional[ref.position or 0 :] + arguments.stars + arguments.loose


def _run_each(state: PointsTo, made: LibCall, obj: Obj, inner: Arguments, handle: Obj, result: int) -> None:
    if isinstance(obj, Container):
        elements = state.graph.elements(obj)
        state.graph.watch_later(elements, lambda each: _run(state, made, each, inner, EntryKind.SPAWN, handle, result))
    else:
        _run(state, made, obj, inner, EntryKind.SPAWN, handle, result)


def _prepare_call(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    site = state.site(made.frame, made.op)
    handle = state.heap.make(LibInstance, made.effect.makes or "<actor>", site, made.frame)
    made.result = handle
    prepare(state, made.frame, made.op, made.effect, handle, arguments)
    state.graph.add(target, handle)


def prepare(state: PointsTo, frame: Frame, op: Op, effect: Effect, handle: Obj, arguments: Arguments) -> None:
    """Keeps what ``handle`` runs once it is started."""
    state.prepared[handle] = (frame, op, effect, arguments)
    if (node := library.argument(arguments, effect.target)) is not None:
        state.graph.flow(node, state.graph.attribute(handle, "<target>"))


def _start(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    handle = made.receiver
    if handle is None:
        return
    if isinstance(handle, Instance):
        for type_name in attributes.lib_bases(state, handle.cls):
            entry = subclass_entry(state, type_name)
            if entry:
                sink = state.graph.new_nodes(1)
                calls.invoke_method(
                    state, made.frame, made.op, handle, entry, calls.NO_ARGUMENTS, sink, EntryKind.SPAWN, handle
                )
                break
    state.graph.watch_later(state.graph.attribute(handle, "<target>"), lambda obj: _begin(state, made, handle, obj))


def subclass_entry(state: PointsTo, type_name: str) -> str | None:
    """The method that a subclass of an actor type overrides, through the type's bases."""
    waiting = [type_name]
    for current in waiting:
        info: TypeInfo | None = state.catalogue.types.get(current)
        if info is not None and info.subclass_entry:
            return info.subclass_entry
        if info is not None and len(waiting) < attributes.MRO_LIMIT:
            waiting.extend(info.bases)
    return None


def _begin(state: PointsTo, made: LibCall, handle: Obj, obj: Obj) -> None:
    _, _, effect, arguments = state.prepared[handle]
    inner = _target_arguments(state, effect, arguments)
    result = state.graph.attribute(handle, "result")
    _run(state, made, obj, inner, EntryKind.SPAWN, handle, result)


def _call_now(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    kind = EntryKind.SPAWN if made.actor is not None else EntryKind.CALL
    inner = _target_arguments(state, made.effect, arguments)
    if (node := library.argument(arguments, made.effect.target)) is not None:
        state.graph.watch_later(node, lambda obj: _run(state, made, obj, inner, kind, made.actor, target))


def _call_later(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    inner = _target_arguments(state, made.effect, arguments)
    if (node := library.argument(arguments, made.effect.target)) is not None:
        state.graph.watch_later(node, lambda obj: _run(state, made, obj, inner, EntryKind.LATER, None, target))
    if made.effect.makes:
        state.graph.add(target, state.heap.make(LibInstance, made.effect.makes, state.site(made.frame, made.op), made.frame))


def _wrap(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    timeout = library.argument(arguments, made.effect.timeout)
    timed = timeout is not None and not _only_none(state, timeout)
    if (node := library.argument(arguments, made.effect.target)) is not None:
        state.graph.watch_later(node, lambda obj: _unwrap(state, made, obj, timed, target))


def _only_none(state: PointsTo, node: int) -> bool:
    held = state.graph.points[node]
    return bool(held) and all(isinstance(obj, Const) and obj.value is None for obj in held)


def _unwrap(state: PointsTo, made: LibCall, obj: Obj, timed: bool, target: int) -> None:
    if isinstance(obj, Coroutine):
        calls.run_coroutine(state, made.frame, made.op, obj, target)
    elif isinstance(obj, Awaitable):
        for pending in state.awaitables.get(obj, ()):
            pending.timed = pending.timed or timed
            pending.awaited.append((made.frame, made.op))
        state.graph.flow(state.graph.attribute(obj, "result"), target)
    elif isinstance(obj, LibInstance):
        library.join(state, made.frame, made.op, obj)
        if timed and made.effect.cancels_on_timeout:
            library.record(state, made.frame, made.op, CANCELLED, "timeout", obj, None)
        state.graph.flow(state.graph.attribute(obj, "result"), target)
        state.graph.add(target, obj)


def _await_all(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    ref = made.effect.target
    if ref is None:
        return
    handle = state.heap.make(LibInstance, made.effect.makes or "<gathered>", state.site(made.frame, made.op), made.frame)
    made.result = handle
    if made.effect.makes:
        state.graph.add(target, handle)
    single = library.argument(arguments, ref)
    nodes = _all_of(arguments, ref) if ref.rest else () if single is None else (single,)
    if made.effect.parted:
        target = _halves(state, made, target)
    for node in nodes:
        state.graph.watch_later(node, lambda obj: _await_each(state, made, obj, handle, target))


def _halves(state: PointsTo, made: LibCall, target: int) -> int:
    """The node of what either half of the result may hold."""
    pair = state.heap.make(Container, "tuple", state.site(made.frame, made.op), made.frame)
    state.graph.add(target, pair)
    held = state.graph.new_nodes(1)
    for position in range(2):
        state.graph.flow(held, state.graph.cell(pair, position))
    return held


def _await_each(state: PointsTo, made: LibCall, obj: Obj, handle: LibInstance, target: int) -> None:
    if isinstance(obj, Container):
        key = ("elements", made, obj)
        if key in state.unwrapped:
            return  # a container of itself
        state.unwrapped.add(key)
        state.graph.watch_later(state.graph.elements(obj), lambda each: _await_each(state, made, each, handle, target))
        state.graph.add(target, obj)
    elif isinstance(obj, Coroutine):
        calls.run_coroutine(state, made.frame, made.op, obj, state.graph.new_nodes(1), EntryKind.SPAWN, handle)
    elif isinstance(obj, Awaitable):
        for pending in state.awaitables.get(obj, ()):
            pending.actor = handle
            pending.awaited.append((made.frame, made.op))
    elif isinstance(obj, LibInstance):
        library.join(state, made.frame, made.op, obj)


def _adopt(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    node = library.argument(arguments, made.effect.target)
    if node is None or made.receiver is None:
        return
    state.graph.flow(node, state.graph.attribute(made.receiver, "<adopted>"))
    op = ops.Enter(made.op.index, made.frame.alias(target), made.frame.alias(node), made.effect.awaitable)
    state.graph.watch_later(node, lambda obj: calls.on_enter(state, made.frame, op, obj))


HANDLERS: dict[OpKind, Callable[[PointsTo, LibCall, Arguments, int], None]] = {
    OpKind.SPAWN: _spawn,
    OpKind.PREPARE: _prepare_call,
    OpKind.START: _start,
    OpKind.CALL: _call_now,
    OpKind.CALL_AT_EXIT: _call_later,
    OpKind.WRAP: _wrap,
    OpKind.AWAIT_ALL: _await_all,
    OpKind.ADOPT: _adopt,
}
