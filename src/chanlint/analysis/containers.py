"""The built-in containers and functions that only pass values on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from chanlint.analysis import attributes, calls, library
from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.graph import ANY
from chanlint.analysis.objects import (
    Bound,
    CallIterator,
    Container,
    Coroutine,
    End,
    Factory,
    Instance,
    LibInstance,
    LibMethod,
    Obj,
    Partial,
    Super,
)
from chanlint.ir.ops import Op

if TYPE_CHECKING:
    from chanlint.analysis.calls import Arguments
    from chanlint.analysis.pointsto import PointsTo

ADDS_FIRST = frozenset({"append", "add", "appendleft", "push", "put_nowait_item"})
SAME = frozenset({"copy", "union", "keys", "intersection", "difference", "most_common", "__iter__"})
TAKES = frozenset({"pop", "popleft", "popitem", "get", "setdefault", "__getitem__"})


def load_cell(state: PointsTo, container: Obj, key: object, target: int) -> None:
    """``target = container[key]``."""
    graph = state.graph
    if key is ANY:
        graph.flow(graph.elements(container), target)
        return
    graph.flow(graph.cell(container, key), target)
    graph.flow(graph.cell(container, ANY), target)


def add_facet(state: PointsTo, obj: Obj, type_name: str, target: int) -> None:
    """``target`` = the same object seen as another library type (``janus_queue.sync_q``)."""
    whole = obj.channel if isinstance(obj, End) else obj
    if isinstance(whole, LibInstance):
        state.graph.add(target, state.heap.make(End, whole, type_name, "facet", whole.site, whole.maker))
    else:
        state.graph.add(target, whole)


def call_method(state: PointsTo, frame: Frame, op: Op, method: LibMethod, arguments: Arguments, target: int) -> None:
    """A method of a built-in container."""
    graph, obj, name = state.graph, method.receiver, method.name
    if name in ADDS_FIRST and arguments.positional:
        graph.flow(arguments.positional[0], graph.cell(obj, ANY))
    elif name == "insert" and len(arguments.positional) > 1:
        graph.flow(arguments.positional[1], graph.cell(obj, ANY))
    elif name in ("extend", "update", "extendleft") and arguments.positional:
        cell = graph.cell(obj, ANY)
        for node in arguments.positional:
            graph.watch(node, _spill, state, cell)
        for key, node in arguments.keywords:
            graph.flow(node, graph.cell(obj, key))
    elif name in TAKES:
        graph.flow(graph.elements(obj), target)
        if name in ("get", "setdefault", "pop") and len(arguments.positional) > 1:
            graph.flow(arguments.positional[1], target)
            if name == "setdefault":
                graph.flow(arguments.positional[1], graph.cell(obj, ANY))
    elif name == "items":
        pair = state.heap.make(Container, "tuple", state.site(frame, op), frame)
        graph.flow(graph.elements(obj), graph.cell(pair, 1))
        whole = state.heap.make(Container, "list", state.site(frame, op), frame)
        graph.add(graph.cell(whole, ANY), pair)
        graph.add(target, whole)
    elif name == "values":
        whole = state.heap.make(Container, "list", state.site(frame, op), frame)
        graph.flow(graph.elements(obj), graph.cell(whole, ANY))
        graph.add(target, whole)
    elif name in SAME:
        graph.add(target, obj)


def _spill(state: PointsTo, cell: int, source: Obj) -> None:
    if isinstance(source, Container):
        state.graph.flow(state.graph.elements(source), cell)
    elif isinstance(source, Coroutine):
        state.graph.flow(source.frame.yielded, cell)


# -- built-in functions -----------------------------------------------------------------------------------------------------

Builtin = Callable[["PointsTo", Frame, Op, "Arguments", int], None]


def _same(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    if arguments.positional:
        state.graph.flow(arguments.positional[0], target)


def _second(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    if len(arguments.positional) > 1:
        state.graph.flow(arguments.positional[1], target)


def _collect(kind: str) -> Builtin:
    def build(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
        made = state.heap.make(Container, kind, state.site(frame, op), frame)
        state.graph.add(target, made)
        for node in arguments.positional:
            state.graph.watch_later(node, lambda obj: _elements_into(state, frame, op, obj, made))
        for key, node in arguments.keywords:
            if kind == "dict":
                state.graph.flow(node, state.graph.cell(made, key))

    return build


def _elements_into(state: PointsTo, frame: Frame, op: Op, obj: Obj, made: Container) -> None:
    if isinstance(obj, Container):
        for name in list(state.graph.attribute_names(obj)):
            if name.startswith("[") and name not in (ANY, "[all]"):
                state.graph.flow(state.graph.attribute(obj, name), state.graph.cell(made, ANY))
        state.graph.flow(state.graph.elements(obj), state.graph.cell(made, ANY))
    elif isinstance(obj, Coroutine):
        state.enter(EntryKind.CALL, frame, op, obj.frame)
        state.graph.flow(obj.frame.yielded, state.graph.cell(made, ANY))
    elif isinstance(obj, CallIterator):
        state.graph.watch_later(
            state.graph.attribute(obj, "function"),
            lambda function: calls.invoke(state, frame, op, function, calls.NO_ARGUMENTS, state.graph.cell(made, ANY)),
        )
    elif isinstance(obj, LibInstance | End):
        library.iterate(state, frame, op, obj, state.graph.cell(made, ANY))


def _iter(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    if len(arguments.positional) < 2:
        _same(state, frame, op, arguments, target)
        return
    made = state.heap.make(CallIterator, state.site(frame, op), frame)
    state.graph.flow(arguments.positional[0], state.graph.attribute(made, "function"))
    state.graph.flow(arguments.positional[1], state.graph.attribute(made, "sentinel"))
    state.graph.add(target, made)


def _next(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    if arguments.positional:
        state.graph.watch_later(arguments.positional[0], lambda obj: _take(state, frame, op, obj, target))


def _take(state: PointsTo, frame: Frame, op: Op, obj: Obj, target: int) -> None:
    if isinstance(obj, Coroutine):
        state.enter(EntryKind.CALL, frame, op, obj.frame)
        state.graph.flow(obj.frame.yielded, target)
    elif isinstance(obj, Container):
        state.graph.flow(state.graph.elements(obj), target)
    elif isinstance(obj, LibInstance | End):
        library.iterate(state, frame, op, obj, target)


def _pairs(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int, first: int) -> None:
    pair = state.heap.make(Container, "tuple", state.site(frame, op), frame)
    whole = state.heap.make(Container, "list", state.site(frame, op), frame)
    state.graph.add(state.graph.cell(whole, ANY), pair)
    state.graph.add(target, whole)
    for position, node in enumerate(arguments.positional):
        cell = state.graph.cell(pair, position + first)
        state.graph.watch(node, partial(element_into, state, cell))


def element_into(state: PointsTo, cell: int, obj: Obj) -> None:
    """``cell`` = any element of a container."""
    if isinstance(obj, Container):
        state.graph.flow(state.graph.elements(obj), cell)


def _enumerate(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    _pairs(state, frame, op, calls.Arguments(arguments.positional[:1]), target, 1)


def _zip(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    _pairs(state, frame, op, arguments, target, 0)


def _map(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    made = state.heap.make(Container, "list", state.site(frame, op), frame)
    state.graph.add(target, made)
    if not arguments.positional:
        return
    inner = []
    for node in arguments.positional[1:]:
        cell = state.graph.new_nodes(1)
        state.graph.watch(node, partial(element_into, state, cell))
        inner.append(cell)
    each = calls.Arguments(tuple(inner))
    cell = state.graph.cell(made, ANY)
    state.graph.watch_later(arguments.positional[0], lambda f: calls.invoke(state, frame, op, f, each, cell))


def _super(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    at: Frame | None = frame
    while at is not None and at.function.cls is None:
        at = at.parent
    if at is None or at.function.cls is None or not at.function.params:
        return
    cls = at.function.cls
    this = at.variables.get(at.function.params[0].name)
    if this is not None:
        state.graph.watch(this, lambda obj: state.graph.add(target, state.heap.make(Super, cls, obj)))


def _partial(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    made = state.heap.make(Partial, state.site(frame, op), frame)
    state.partials[made] = arguments
    state.graph.add(target, made)


def _object(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    state.graph.add(target, state.heap.make(LibInstance, "builtins.object", state.site(frame, op), frame))


def _getattr(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    from chanlint.ir.ops import LoadAttr

    if len(arguments.positional) < 2:
        return
    register = frame.register(arguments.positional[1])
    name = None if register is None else state.constants(frame.function).get(register)
    if not isinstance(name, str):
        return
    read = LoadAttr(op.index, frame.alias(target), frame.alias(arguments.positional[0]), name)
    state.graph.watch(arguments.positional[0], lambda obj: attributes.load(state, frame, read, obj))
    if len(arguments.positional) > 2:
        state.graph.flow(arguments.positional[2], target)


def _field(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    factory = arguments.named("default_factory") or arguments.named("factory")
    if factory is not None:
        made = state.heap.make(Factory, state.site(frame, op), frame)
        state.graph.flow(factory, state.graph.attribute(made, "factory"))
        state.graph.add(target, made)
    elif (default := arguments.named("default")) is not None:
        state.graph.flow(default, target)


def _default_dict(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    made = state.heap.make(Container, "dict", state.site(frame, op), frame)
    state.graph.add(target, made)
    if arguments.positional:
        cell = state.graph.cell(made, ANY)
        state.graph.watch_later(
            arguments.positional[0],
            lambda factory: calls.invoke(state, frame, op, factory, calls.NO_ARGUMENTS, cell),
        )


def _weak_method(state: PointsTo, frame: Frame, op: Op, arguments: Arguments, target: int) -> None:
    if arguments.positional:
        state.graph.watch(
            arguments.positional[0],
            lambda obj: state.graph.add(target, obj) if isinstance(obj, Bound | Instance) else None,
        )


FUNCTIONS: dict[str, Builtin] = {
    "builtins.list": _collect("list"),
    "builtins.tuple": _collect("tuple"),
    "builtins.set": _collect("set"),
    "builtins.frozenset": _collect("set"),
    "builtins.sorted": _collect("list"),
    "builtins.reversed": _collect("list"),
    "builtins.dict": _collect("dict"),
    "itertools.chain": _collect("list"),
    "itertools.cycle": _collect("list"),
    "itertools.islice": _collect("list"),
    "collections.deque": _collect("list"),
    "collections.OrderedDict": _collect("dict"),
    "weakref.WeakSet": _collect("set"),
    "weakref.WeakValueDictionary": _collect("dict"),
    "weakref.WeakKeyDictionary": _collect("dict"),
    "collections.defaultdict": _default_dict,
    "builtins.iter": _iter,
    "builtins.aiter": _iter,
    "builtins.next": _next,
    "builtins.anext": _next,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.map": _map,
    "builtins.filter": _second,
    "builtins.super": _super,
    "builtins.object": _object,
    "enum.auto": _object,  # a value that is no other member's
    "builtins.getattr": _getattr,
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "typing.cast": _second,
    "typing_extensions.cast": _second,
    "copy.copy": _same,
    "weakref.proxy": _same,
    "weakref.WeakMethod": _weak_method,
    "dataclasses.field": _field,
    "attr.ib": _field,
    "attr.field": _field,
    "attrs.field": _field,
    "pydantic.Field": _field,
    "pydantic.PrivateAttr": _field,
    "pydantic.fields.Field": _field,
}
