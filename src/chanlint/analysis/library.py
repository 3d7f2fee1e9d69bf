"""Does what the catalogue says: objects that library calls make, actors that they start, items that they pass on.

Every catalogued call is kept as a `LibCall` of its frame; which of them are channel events is read off later, when all
receivers are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chanlint.analysis import attributes, calls, containers
from chanlint.analysis.frames import EntryKind, Frame, LibCall
from chanlint.analysis.objects import (
    Awaitable,
    ClassRef,
    Const,
    Container,
    Coroutine,
    End,
    Factory,
    FunctionRef,
    Instance,
    LibInstance,
    LibMethod,
    LibName,
    Obj,
    Partial,
)
from chanlint.catalogue.schema import ArgRef, Category, Effect, OpKind, TypeInfo
from chanlint.ir import ops
from chanlint.ir.ids import MODULE_BODY, FunctionId, OpId
from chanlint.ir.ops import Op, Variable

if TYPE_CHECKING:
    from chanlint.analysis.calls import Arguments
    from chanlint.analysis.pointsto import PointsTo

JOINED = Effect(OpKind.JOIN)
CANCELLED = Effect(OpKind.CANCEL)
EXIT_EFFECTS = {
    "close": Effect(OpKind.CLOSE, wakes="last"),
    "join": Effect(OpKind.JOIN),
    "cancel": Effect(OpKind.CANCEL),
    "terminate": Effect(OpKind.CANCEL),
    "abandon": Effect(OpKind.DETACH),
    "release": Effect(OpKind.RELEASE),
}


def partials(state: PointsTo) -> dict[Partial, Arguments]:
    """The arguments that each ``functools.partial`` froze, the function first."""
    return state.partials


def argument(arguments: Arguments, ref: ArgRef | None) -> int | None:
    """The node of the argument that ``ref`` names."""
    if ref is None:
        return None
    if ref.keyword is not None and (named := arguments.named(ref.keyword)) is not None:
        return named
    if ref.position is not None and ref.position < len(arguments.positional):
        return arguments.positional[ref.position]
    return None


def call(
    state: PointsTo, frame: Frame, op: Op, callee: LibName | LibMethod, arguments: Arguments, target: int, actor: Obj | None = None
) -> None:
    """``target = callee(arguments)`` for a callee outside the program."""
    if isinstance(callee, LibMethod):
        if isinstance(callee.receiver, Container):
            containers.call_method(state, frame, op, callee, arguments, target)
            return
        if callee.name == "__init__":
            _init_base(state, frame, op, callee.receiver, callee.type, arguments)
            return
        effect = state.catalogue.method(callee.type, callee.name)
        if effect is not None:
            apply(state, frame, op, effect, callee.receiver, callee.name, arguments, target, actor)
        return
    builtin = containers.FUNCTIONS.get(callee.dotted)
    if builtin is not None:
        builtin(state, frame, op, arguments, target)
        return
    effect = state.catalogue.functions.get(callee.dotted)
    if effect is not None:
        apply(state, frame, op, effect, None, callee.dotted, arguments, target, actor)
        return
    owner, _, name = callee.dotted.rpartition(".")
    made = attributes.type_made_by(state, owner)
    if made is not None and arguments.positional:  # Thread.__init__(self, ...), Queue.put(q, x)
        rest, method = arguments.after(1), state.catalogue.method(made.name, name)
        for obj in list(state.graph.points[arguments.positional[0]]):
            if name == "__init__":
                _init_base(state, frame, op, obj, owner, rest)
            elif method is not None:
                apply(state, frame, op, method, obj, name, rest, target, actor)
        return
    state.unresolved[frame, op.index] = True


def _init_base(state: PointsTo, frame: Frame, op: Op, receiver: Obj, base: str, arguments: Arguments) -> None:
    effect = state.catalogue.functions.get(base)
    if effect is not None and effect.op is OpKind.PREPARE:
        _prepare(state, frame, op, effect, receiver, arguments)
    if effect is not None:
        _record(state, frame, op, effect, base, receiver, receiver)


def apply(
    state: PointsTo,
    frame: Frame,
    op: Op,
    effect: Effect,
    receiver: Obj | None,
    name: str,
    arguments: Arguments,
    target: int,
    actor: Obj | None = None,
) -> None:
    """One catalogued call."""
    version = state.options.target_version
    if (effect.since and version < effect.since) or (effect.until and version >= effect.until):
        return
    known = _record(state, frame, op, effect, name, receiver, None)
    if actor is not None:
        known.actor = actor
    known.arguments = arguments
    result = target
    if effect.awaitable and actor is None:
        awaitable = state.heap.make(Awaitable, state.site(frame, op), frame)
        state.awaitables.setdefault(awaitable, []).append(known)
        state.graph.add(target, awaitable)
        result = state.graph.attribute(awaitable, "result")
    elif effect.awaitable:
        known.awaited.append((frame, op))
    made = _HANDLERS.get(effect.op)
    if made is not None:
        made(state, known, arguments, result)
    if effect.result is not None and (node := argument(arguments, effect.result)) is not None:
        state.graph.flow(node, result)


def _record(
    state: PointsTo, frame: Frame, op: Op, effect: Effect, name: str, receiver: Obj | None, result: Obj | None
) -> LibCall:
    for known in frame.lib_calls.get(op.index, ()):
        if known.effect is effect and known.receiver is receiver:
            return known
    made = LibCall(frame, op, effect, name, receiver, result)
    frame.lib_calls.setdefault(op.index, []).append(made)
    return made


def channel_of(obj: Obj | None) -> Obj | None:
    """The channel that an object is, or is an end or facet of."""
    return obj.channel if isinstance(obj, End) else obj


# -- objects -----------------------------------------------------------------------------------------------------------------


def _make(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    info = state.catalogue.types.get(made.effect.makes or "")
    if info is None:
        return
    site = state.site(made.frame, made.op)
    obj = state.heap.make(LibInstance, info.name, site, made.frame)
    made.result = obj
    if info.category is Category.STACK and arguments.positional:
        state.graph.flow(arguments.positional[0], state.graph.attribute(obj, "<adopted>"))
    if not info.ends:
        state.graph.add(target, obj)
        return
    pair = state.heap.make(Container, "tuple", site, made.frame)
    for position, (end_type, role) in enumerate(zip(info.ends, info.roles, strict=True)):
        end = state.heap.make(End, obj, end_type, role, OpId(site.function, site.op), made.frame)
        if role == "both" and position:
            end = state.heap.make(End, obj, end_type, "both2", site, made.frame)
        state.graph.add(state.graph.cell(pair, position), end)
    state.graph.add(target, pair)


def _get(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    if made.effect.makes:
        first = state.frames[0]
        site = OpId(FunctionId("", made.effect.makes), 0)
        obj = state.heap.make(LibInstance, made.effect.makes, site, first)
        made.result = obj
        state.graph.add(target, obj)


def _clone(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    if isinstance(made.receiver, End):
        whole = made.receiver
        site = state.site(made.frame, made.op)
        clone = state.heap.make(End, whole.channel, whole.type, whole.role, site, made.frame)
        made.result = clone
        state.graph.add(target, clone)


def _receive(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    channel = channel_of(made.receiver)
    if channel is not None:
        state.graph.flow(state.graph.attribute(channel, "<item>"), target)


def _send(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    channel, item = channel_of(made.receiver), argument(arguments, made.effect.item)
    if channel is not None and item is not None:
        state.graph.flow(item, state.graph.attribute(channel, "<item>"))


# -- actors ------------------------------------------------------------------------------------------------------------------


def _target_arguments(state: PointsTo, effect: Effect, arguments: Arguments) -> calls.Arguments:
    """The arguments that a spawner hands on to its target."""
    if effect.each:
        start = effect.args.position if effect.args and effect.args.position is not None else 1
        cells = []
        for node in arguments.positional[start:]:
            cell = state.graph.new_nodes(1)
            state.graph.watch(node, lambda obj, cell=cell: containers._element(state, obj, cell))
            cells.append(cell)
        return calls.Arguments(tuple(cells))
    positional: tuple[int, ...] = ()
    stars: tuple[int, ...] = ()
    if effect.args is not None and effect.args.rest:
        positional, stars = arguments.positional[effect.args.position or 0 :], arguments.stars
    elif (node := argument(arguments, effect.args)) is not None:
        stars = (node,)
    keywords: tuple[tuple[str, int], ...] = ()
    if effect.rest_kwargs:
        own = {ref.keyword for ref in (effect.target, effect.daemon, effect.count) if ref is not None}
        keywords = tuple(pair for pair in arguments.keywords if pair[0] not in own)
    doubles = ((node,) if (node := argument(arguments, effect.kwargs)) is not None else ())
    if effect.rest_kwargs:
        doubles += arguments.double_stars
    return calls.Arguments(positional, keywords, stars, doubles)


def _run(state: PointsTo, made: LibCall, obj: Obj, inner: calls.Arguments, kind: EntryKind, actor: Obj | None, target: int) -> None:
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


def _spawn(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    effect = made.effect
    handle = state.heap.make(
        LibInstance, effect.makes or f"<{effect.actor or 'actor'}>", state.site(made.frame, made.op), made.frame
    )
    made.result = handle
    inner = _target_arguments(state, effect, arguments)
    result = state.graph.attribute(handle, "result")
    if effect.target is not None and effect.target.rest:
        for node in _all_of(arguments, effect.target):
            state.graph.watch_later(node, lambda obj: _run_each(state, made, obj, inner, handle, result))
    elif (node := argument(arguments, effect.target)) is not None:
        state.graph.watch_later(node, lambda obj: _run(state, made, obj, inner, EntryKind.SPAWN, handle, result))
        state.graph.watch(
            node, lambda obj: state.graph.add(target, obj) if isinstance(obj, LibInstance) and effect.coroutine else None
        )
    state.graph.add(target, handle)


def _all_of(arguments: Arguments, ref: ArgRef) -> tuple[int, ...]:
    return arguments.positional[ref.position or 0 :] + arguments.stars


def _run_each(state: PointsTo, made: LibCall, obj: Obj, inner: calls.Arguments, handle: Obj, result: int) -> None:
    if isinstance(obj, Container):
        elements = state.graph.elements(obj)
        state.graph.watch_later(
            elements, lambda each: _run(state, made, each, inner, EntryKind.SPAWN, handle, result)
        )
    else:
        _run(state, made, obj, inner, EntryKind.SPAWN, handle, result)


def _prepare_call(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    site = state.site(made.frame, made.op)
    handle = state.heap.make(LibInstance, made.effect.makes or "<actor>", site, made.frame)
    made.result = handle
    _prepare(state, made.frame, made.op, made.effect, handle, arguments)
    state.graph.add(target, handle)


def _prepare(state: PointsTo, frame: Frame, op: Op, effect: Effect, handle: Obj, arguments: Arguments) -> None:
    state.prepared[handle] = (frame, op, effect, arguments)
    if (node := argument(arguments, effect.target)) is not None:
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
    if (node := argument(arguments, made.effect.target)) is not None:
        state.graph.watch_later(node, lambda obj: _run(state, made, obj, inner, kind, made.actor, target))


def _call_later(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    inner = _target_arguments(state, made.effect, arguments)
    if (node := argument(arguments, made.effect.target)) is not None:
        state.graph.watch_later(node, lambda obj: _run(state, made, obj, inner, EntryKind.LATER, None, target))


def _wrap(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    timeout = argument(arguments, made.effect.timeout)
    timed = timeout is not None and not _only_none(state, timeout)
    if (node := argument(arguments, made.effect.target)) is not None:
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
        join(state, made.frame, made.op, obj)
        if timed and made.effect.cancels_on_timeout:
            _record(state, made.frame, made.op, CANCELLED, "timeout", obj, None)
        state.graph.flow(state.graph.attribute(obj, "result"), target)
        state.graph.add(target, obj)


def _await_all(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    ref = made.effect.target
    if ref is None:
        return
    handle = state.heap.make(LibInstance, "<gathered>", state.site(made.frame, made.op), made.frame)
    made.result = handle
    nodes = _all_of(arguments, ref) if ref.rest else ()
    if not ref.rest and (node := argument(arguments, ref)) is not None:
        nodes = (node,)
    for node in nodes:
        state.graph.watch_later(node, lambda obj: _await_each(state, made, obj, handle, target))


def _await_each(state: PointsTo, made: LibCall, obj: Obj, handle: LibInstance, target: int) -> None:
    if isinstance(obj, Container):
        state.graph.watch_later(
            state.graph.elements(obj), lambda each: _await_each(state, made, each, handle, target)
        )
        state.graph.add(target, obj)
    elif isinstance(obj, Coroutine):
        calls.run_coroutine(state, made.frame, made.op, obj, state.graph.new_nodes(1), EntryKind.SPAWN, handle)
    elif isinstance(obj, Awaitable):
        for pending in state.awaitables.get(obj, ()):
            pending.actor = handle
            pending.awaited.append((made.frame, made.op))
    elif isinstance(obj, LibInstance):
        join(state, made.frame, made.op, obj)


def _adopt(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    node = argument(arguments, made.effect.target)
    if node is None or made.receiver is None:
        return
    state.graph.flow(node, state.graph.attribute(made.receiver, "<adopted>"))
    op = ops.Enter(made.op.index, target - made.frame.base, node - made.frame.base, made.effect.awaitable)
    state.graph.watch_later(node, lambda obj: calls.on_enter(state, made.frame, op, obj))


def _limit(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    if made.effect.makes:
        _make(state, made, arguments, target)


_HANDLERS = {
    OpKind.MAKE: _make,
    OpKind.LIMIT: _limit,
    OpKind.GET: _get,
    OpKind.CLONE: _clone,
    OpKind.RECEIVE: _receive,
    OpKind.SEND: _send,
    OpKind.SPAWN: _spawn,
    OpKind.PREPARE: _prepare_call,
    OpKind.START: _start,
    OpKind.CALL: _call_now,
    OpKind.CALL_AT_EXIT: _call_later,
    OpKind.WRAP: _wrap,
    OpKind.AWAIT_ALL: _await_all,
    OpKind.ADOPT: _adopt,
}


# -- await, iteration, with -------------------------------------------------------------------------------------------------


def perform(state: PointsTo, awaitable: Awaitable, frame: Frame, op: Op) -> None:
    """An awaitable call takes effect at ``op``."""
    for pending in state.awaitables.get(awaitable, ()):
        if (frame, op) not in pending.awaited:
            pending.awaited.append((frame, op))


def join(state: PointsTo, frame: Frame, op: Op, obj: LibInstance) -> None:
    """``await task``: waits for its end."""
    info = state.catalogue.types.get(obj.type)
    if obj.type.startswith("<") or (info is not None and info.category is Category.ACTOR):
        _record(state, frame, op, JOINED, "await", obj, None)


def channel_types(state: PointsTo, obj: Obj) -> list[str]:
    """The library types that an object is of."""
    if isinstance(obj, LibInstance | End):
        return [obj.type]
    if isinstance(obj, Instance):
        return attributes.lib_bases(state, obj.cls)
    return []


def iterate(state: PointsTo, frame: Frame, op: Op, obj: Obj, target: int) -> None:
    """A loop over a channel receives from it."""
    for type_name in channel_types(state, obj):
        info = state.catalogue.types.get(type_name)
        if info is not None and info.iteration != "none":
            method = state.catalogue.method(type_name, "receive") or state.catalogue.method(type_name, "get")
            effect = Effect(OpKind.RECEIVE, closed=("StopIteration",), wakes=method.wakes if method else None)
            known = _record(state, frame, op, effect, "__iter__", obj, None)
            if (frame, op) not in known.awaited:
                known.awaited.append((frame, op))
            _receive(state, known, calls.NO_ARGUMENTS, target)


def enter(state: PointsTo, frame: Frame, op: ops.Enter, obj: LibInstance | End, target: int) -> None:
    """``with`` over a library object."""
    _record(state, frame, op, Effect(OpKind.HARMLESS), "__enter__", obj, None)
    info = state.catalogue.types.get(obj.type)
    if info is not None and info.category is Category.STACK and (adopted := _adopted(state, obj)):
        for node in adopted:
            state.graph.watch_later(node, lambda inner: calls.on_enter(state, frame, op, inner))
    if info is not None and info.yields:
        made = state.heap.make(LibInstance, info.yields, obj.site, obj.maker)
        state.graph.add(target, made)
    else:
        state.graph.add(target, obj)


def _adopted(state: PointsTo, obj: Obj) -> list[int]:
    node = state.graph.known_attribute(obj, "<adopted>")
    return [] if node is None else [node]


def leave(state: PointsTo, frame: Frame, op: ops.Exit, obj: Obj) -> None:
    """The end of ``with`` over a library object."""
    for type_name in channel_types(state, obj):
        info = state.catalogue.types.get(type_name)
        if info is None:
            continue
        for node in _adopted(state, obj):
            state.graph.watch_later(node, lambda inner: calls.on_exit(state, frame, op, inner))
        effect = EXIT_EFFECTS.get(info.exit or "")
        if effect is not None:
            known = _record(state, frame, op, effect, "__exit__", obj, None)
            if (frame, op) not in known.awaited:
                known.awaited.append((frame, op))


# -- small helpers -----------------------------------------------------------------------------------------------------------


def factory_frame(state: PointsTo, instance: Instance, factory: Factory) -> Frame:
    """A frame of its own for the default factories of one object, so that each object has its own values."""
    function = factory.maker.function
    key = ("factory", instance, function.id)
    known = state.by_key.get(key)
    if known is None:
        base = state.graph.new_nodes(function.registers + 2)
        known = Frame(len(state.frames), function, factory.maker.parent, None, base, base, base, ())
        known.api = True
        state.by_key[key] = known
        state.frames.append(known)
    return known


def bind_annotations(state: PointsTo, frame: Frame, ref: FunctionRef) -> None:
    """Where nobody calls a function, its annotated parameters hold the objects of their classes."""
    for param in ref.function.params:
        if not param.annotation:
            continue
        name = param.annotation.strip("\"' ").removesuffix("| None").removeprefix("Optional[").removesuffix("]").strip()
        if not name.isidentifier():
            continue
        module = frame.function.id.module
        if name not in state.stored_names(module):
            continue
        owner = FunctionId(module, MODULE_BODY)
        node = frame.variables.setdefault(param.name, state.graph.new_nodes(1))
        source = state.variable(state.module_frame(module), Variable(owner, name))
        state.graph.watch_later(source, lambda obj, node=node: _objects_of(state, obj, node))


def _objects_of(state: PointsTo, obj: Obj, node: int) -> None:
    if isinstance(obj, ClassRef):
        for instance in state.instances.get(obj, ()):
            state.graph.add(node, instance)
