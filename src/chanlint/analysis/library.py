"""Does what the catalogue says: objects that library calls make, items that they pass on, what loops and ``with`` do.

Every catalogued call is kept as a `LibCall` of its frame; which of them are channel events is read off later, when all
receivers are known. Effects that have an actor in them are those of `spawners`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from chanlint.analysis import attributes, calls, containers, delegates, spawners
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
)
from chanlint.catalogue.schema import ArgRef, Category, Effect, OpKind, TypeInfo
from chanlint.ir import ops
from chanlint.ir.ids import MODULE_BODY, FunctionId, OpId
from chanlint.ir.ops import Op, Variable

if TYPE_CHECKING:
    from chanlint.analysis.calls import Arguments
    from chanlint.analysis.pointsto import PointsTo

JOINED = Effect(OpKind.JOIN)
EXIT_EFFECTS = {
    "close": Effect(OpKind.CLOSE, wakes="last"),
    "join": Effect(OpKind.JOIN),
    "cancel": Effect(OpKind.CANCEL),
    "terminate": Effect(OpKind.CANCEL),
    "abandon": Effect(OpKind.DETACH),
    "release": Effect(OpKind.RELEASE),
}


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
    state: PointsTo,
    frame: Frame,
    op: Op,
    callee: LibName | LibMethod,
    arguments: Arguments,
    target: int,
    actor: Obj | None = None,
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
        else:
            delegates.call(state, frame, op, callee, arguments, target, actor)
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
    if effect is None:
        return
    known = record(state, frame, op, effect, base, receiver, receiver)
    if effect.op is OpKind.PREPARE:
        spawners.prepare(state, frame, op, effect, receiver, arguments)
    elif effect.op is OpKind.MAKE:
        spawners.initialise(state, known, arguments, receiver)
        _fill(state, known, arguments, receiver)
        if (info := state.catalogue.types.get(base)) is not None:
            delegates.keep(state, info, arguments, receiver)


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
    if effect.until and state.options.target_version >= effect.until:
        return  # what is newer than the target is taken to work: a program that calls it is not made for the target alone
    known = record(state, frame, op, effect, name, receiver, None)
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
    handler = _HANDLERS.get(effect.op) or spawners.HANDLERS.get(effect.op)
    if handler is not None:
        handler(state, known, arguments, result)
    given = argument(arguments, effect.result)
    if given is not None and effect.op is not OpKind.MAKE:  # `closing(x)` gives `x` only to the `with` that it manages
        state.graph.flow(given, result)


def record(
    state: PointsTo, frame: Frame, op: Op, effect: Effect, name: str, receiver: Obj | None, result: Obj | None
) -> LibCall:
    """Keeps a catalogued call with its frame, once for each effect and receiver."""
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
    if info.category is not Category.STACK:
        spawners.initialise(state, made, arguments, obj)
    elif (adopted := argument(arguments, made.effect.target)) is not None:
        state.graph.flow(adopted, state.graph.attribute(obj, "<adopted>"))
    if not info.ends:
        _fill(state, made, arguments, obj)
        delegates.keep(state, info, arguments, obj)
        state.graph.add(target, obj)
        return
    pair = state.heap.make(Container, "tuple", site, made.frame)
    for position, (end_type, role) in enumerate(zip(info.ends, _roles(state, info, arguments), strict=True)):
        state.graph.add(state.graph.cell(pair, position), state.heap.make(End, obj, end_type, role, site, made.frame))
    state.graph.add(target, pair)


def _fill(state: PointsTo, made: LibCall, arguments: Arguments, obj: Obj) -> None:
    """A channel that is made with items in it."""
    if argument(arguments, made.effect.item) is not None:
        filled = record(state, made.frame, made.op, _filling(made.effect.item), "__init__", obj, None)
        filled.arguments = arguments


@cache
def _filling(item: ArgRef | None) -> Effect:
    return Effect(OpKind.SEND_MANY, item=item, nonblocking=True)


def _roles(state: PointsTo, info: TypeInfo, arguments: Arguments) -> tuple[str, ...]:
    """The roles of a pair's ends; the second of two that send and receive is told from the first."""
    duplex = argument(arguments, info.duplex)
    held = list(state.graph.points[duplex]) if duplex is not None else []
    if held and all(isinstance(obj, Const) and not obj.value for obj in held):
        return ("receive", "send")
    return ("both", "both2") if info.roles == ("both", "both") else info.roles


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


def _limit(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    if made.effect.makes:
        _make(state, made, arguments, target)


def _close_stack(state: PointsTo, made: LibCall, arguments: Arguments, target: int) -> None:
    """``stack.close()`` does what the end of its ``with`` does."""
    stack = made.receiver
    info = state.catalogue.types.get(stack.type) if isinstance(stack, LibInstance) else None
    if stack is not None and info is not None and info.category is Category.STACK:
        end = ops.Exit(made.op.index, made.frame.alias(target), 0, -1, made.effect.awaitable)
        _unwind(state, made.frame, end, stack, info.name)


_HANDLERS: dict[OpKind, Callable[[PointsTo, LibCall, Arguments, int], None]] = {
    OpKind.MAKE: _make,
    OpKind.LIMIT: _limit,
    OpKind.GET: _get,
    OpKind.CLONE: _clone,
    OpKind.RECEIVE: _receive,
    OpKind.SEND: _send,
    OpKind.CLOSE: _close_stack,
}


# -- await, iteration, with -------------------------------------------------------------------------------------------------


def perform(state: PointsTo, awaitable: Awaitable, frame: Frame, op: Op) -> None:
    """An awaitable call takes effect at ``op``."""
    for pending in state.awaitables.get(awaitable, ()):
        _takes_effect(pending, frame, op)


def _takes_effect(known: LibCall, frame: Frame, op: Op) -> None:
    if (frame, op) not in known.awaited:
        known.awaited.append((frame, op))


def join(state: PointsTo, frame: Frame, op: Op, obj: LibInstance) -> None:
    """``await task``: waits for its end."""
    info = state.catalogue.types.get(obj.type)
    if obj.type.startswith("<") or (info is not None and info.category is Category.ACTOR):
        record(state, frame, op, JOINED, "await", obj, None)


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
        if info is not None and info.delegates and info.iteration != "none":
            delegates.iterate(state, frame, op, obj, type_name, target)
        elif info is not None and info.iteration != "none":
            method = state.catalogue.method(type_name, "receive") or state.catalogue.method(type_name, "get")
            effect = Effect(OpKind.RECEIVE, closed=("StopIteration",), wakes=method.wakes if method else None)
            known = record(state, frame, op, effect, "__iter__", obj, None)
            _takes_effect(known, frame, op)
            _receive(state, known, calls.NO_ARGUMENTS, target)


def enter(state: PointsTo, frame: Frame, op: ops.Enter, obj: LibInstance | End, target: int) -> None:
    """``with`` over a library object."""
    record(state, frame, op, Effect(OpKind.HARMLESS), "__enter__", obj, None)
    info = state.catalogue.types.get(obj.type)
    if info is not None and info.category is Category.STACK and (adopted := _adopted(state, obj)) is not None:
        if _closes(state, obj.type):
            state.graph.flow(adopted, target)
            return
        state.graph.watch_later(adopted, lambda inner: calls.on_enter(state, frame, op, inner))
    if info is not None and info.yields:
        made = state.heap.make(LibInstance, info.yields, obj.site, obj.maker)
        state.graph.add(target, made)
    else:
        state.graph.add(target, obj)


def _adopted(state: PointsTo, obj: Obj) -> int | None:
    return state.graph.known_attribute(obj, "<adopted>")


def _closes(state: PointsTo, type_name: str) -> bool:
    """Whether a stack type (``closing``) closes what its constructor is given, where others call its ``__exit__``."""
    effect = state.catalogue.functions.get(type_name)
    return effect is not None and effect.op is OpKind.MAKE and effect.target is not None


def leave(state: PointsTo, frame: Frame, op: ops.Exit, obj: Obj) -> None:
    """The end of ``with`` over a library object."""
    for type_name in channel_types(state, obj):
        info = state.catalogue.types.get(type_name)
        if info is None:
            continue
        if info.category is Category.STACK:
            _unwind(state, frame, op, obj, type_name)
        effect = EXIT_EFFECTS.get(info.exit or "")
        if info.delegates:
            delegates.leave(state, frame, op, obj, type_name)
        elif effect is not None:
            _takes_effect(record(state, frame, op, effect, "__exit__", obj, None), frame, op)


def _unwind(state: PointsTo, frame: Frame, op: ops.Exit, stack: Obj, type_name: str) -> None:
    """Leaves what a stack adopts, which may be known only later."""
    way_out = close if _closes(state, type_name) else calls.on_exit
    state.graph.watch_later(state.graph.attribute(stack, "<adopted>"), partial(way_out, state, frame, op))


def close(state: PointsTo, frame: Frame, op: ops.Exit, obj: Obj) -> None:
    """``obj.close()`` or ``await obj.aclose()`` at the end of the ``with`` of a ``closing`` or ``aclosing``."""
    name, result = ("aclose" if op.is_async else "close"), state.graph.new_nodes(1)
    state.graph.watch_later(result, lambda made: _closed(state, frame, op, made))
    if calls.invoke_method(state, frame, op, obj, name, calls.NO_ARGUMENTS, result):
        return
    if isinstance(obj, Coroutine):  # a generator: what it does when it is closed stands in its body
        state.enter(EntryKind.CALL, frame, op, obj.frame)
    for type_name in channel_types(state, obj):
        effect = state.catalogue.method(type_name, name)
        if effect is not None:
            apply(state, frame, op, effect, obj, name, calls.NO_ARGUMENTS, result)


def _closed(state: PointsTo, frame: Frame, op: ops.Exit, made: Obj) -> None:
    if isinstance(made, Coroutine):
        calls.run_coroutine(state, frame, op, made, frame.nodes[op.dst])
    elif isinstance(made, Awaitable):
        perform(state, made, frame, op)


# -- small helpers -----------------------------------------------------------------------------------------------------------


def factory_frame(state: PointsTo, instance: Instance, factory: Factory) -> Frame:
    """A frame of its own for the default factories of one object, so that each object has its own values."""
    function = factory.maker.function
    key = ("factory", instance, function.id)
    known = state.by_key.get(key)
    if known is None:
        base = state.graph.new_nodes(function.registers + 1)
        nodes = [*range(base, base + function.registers)]
        known = Frame(len(state.frames), function, factory.maker.parent, None, nodes, base + function.registers, base, ())
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
        state.graph.watch_later(source, partial(_objects_of, state, node))


def _objects_of(state: PointsTo, node: int, obj: Obj) -> None:
    if isinstance(obj, ClassRef):
        for instance in state.instances.get(obj, ()):
            state.graph.add(node, instance)
