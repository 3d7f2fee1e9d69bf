"""Calls, spawns, iterations and ``with``: which frames they enter, and how arguments get there.

A coroutine or generator is an object of its own: its body is entered where it is awaited, iterated or spawned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from chanlint.analysis import attributes, containers, library
from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.graph import ANY
from chanlint.analysis.limits import ARGUMENTS, UNWRAPS
from chanlint.analysis.objects import (
    Awaitable,
    Bound,
    CallIterator,
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
from chanlint.ir import ops
from chanlint.ir.ops import Op
from chanlint.ir.program import ParamKind

if TYPE_CHECKING:
    from chanlint.analysis.pointsto import PointsTo


class Arguments(NamedTuple):
    """Argument nodes.

    ``stars`` hold containers spread after the positional ones, ``loose`` stand after a star, ``double_stars`` hold dicts.
    """

    positional: tuple[int, ...] = ()
    keywords: tuple[tuple[str, int], ...] = ()
    stars: tuple[int, ...] = ()
    double_stars: tuple[int, ...] = ()
    loose: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.positional or self.keywords or self.stars or self.double_stars or self.loose)

    def named(self, name: str) -> int | None:
        """The node of a keyword argument."""
        return next((node for key, node in self.keywords if key == name), None)

    def after(self, count: int) -> Arguments:
        """Without the first ``count`` positional arguments."""
        return Arguments(self.positional[count:], self.keywords, self.stars, self.double_stars)


NO_ARGUMENTS = Arguments()


def arguments_of(frame: Frame, op: ops.Call) -> Arguments:
    """The arguments of a call op."""
    known = frame.arguments.get(op.index)
    if known is None:
        known = frame.arguments[op.index] = _arguments_of(frame, op)
    return known


def _arguments_of(frame: Frame, op: ops.Call) -> Arguments:
    positional: list[int] = []
    stars: list[int] = []
    loose: list[int] = []
    for argument in op.args:
        node = frame.nodes[argument.value]
        if argument.unpack == 1:
            stars.append(node)
        elif argument.keyword is None and not argument.unpack:
            (loose if stars else positional).append(node)
    keywords = tuple((a.keyword, frame.nodes[a.value]) for a in op.args if a.keyword is not None)
    doubles = tuple(frame.nodes[a.value] for a in op.args if a.unpack == 2)
    return Arguments(tuple(positional), keywords, tuple(stars), doubles, tuple(loose))


def on_call(state: PointsTo, frame: Frame, op: ops.Call, callee: Obj) -> None:
    """The call op reaches ``callee``."""
    if isinstance(callee, LibName | LibMethod):
        library.call(state, frame, op, callee, arguments_of(frame, op), frame.nodes[op.dst])
    else:
        invoke(state, frame, op, callee, arguments_of(frame, op), frame.nodes[op.dst])


def invoke(
    state: PointsTo,
    frame: Frame,
    op: Op,
    callee: Obj,
    arguments: Arguments,
    target: int,
    kind: EntryKind = EntryKind.CALL,
    actor: Obj | None = None,
) -> None:
    """``target = callee(arguments)`` at ``op``, in this actor or another."""
    match callee:
        case FunctionRef():
            call_function(state, frame, op, callee, None, arguments, target, kind, actor)
        case Bound():
            call_function(state, frame, op, callee.function, callee.receiver, arguments, target, kind, actor)
        case ClassRef():
            construct(state, frame, op, callee, arguments, target)
        case Partial():
            _call_partial(state, frame, op, callee, arguments, target, kind, actor)
        case Instance():
            invoke_method(state, frame, op, callee, "__call__", arguments, target, kind, actor)
        case LibName() | LibMethod():
            library.call(state, frame, op, callee, arguments, target, actor)


def call_function(
    state: PointsTo,
    frame: Frame,
    op: Op,
    ref: FunctionRef,
    receiver: Obj | None,
    arguments: Arguments,
    target: int,
    kind: EntryKind = EntryKind.CALL,
    actor: Obj | None = None,
) -> None:
    """Enters (or, for coroutines and generators, prepares) a function of the program."""
    function = ref.function
    inner = state.frame_for(ref, receiver, frame, op, bool(arguments), kind)
    bind(state, ref, inner, receiver, arguments)
    if function.is_generator or function.is_async:
        coroutine = state.heap.make(Coroutine, inner, state.site(frame, op), frame)
        if kind is EntryKind.CALL:
            state.graph.add(target, coroutine)
        else:
            run_coroutine(state, frame, op, coroutine, target, kind, actor)
        return
    state.enter(kind, frame, op, inner, actor)
    state.graph.flow(inner.returned, target)


def run_coroutine(
    state: PointsTo,
    frame: Frame,
    op: Op,
    coroutine: Coroutine,
    target: int,
    kind: EntryKind = EntryKind.CALL,
    actor: Obj | None = None,
) -> None:
    """Enters the body of a coroutine at ``op``."""
    state.enter(kind, frame, op, coroutine.frame, actor)
    state.graph.flow(coroutine.frame.returned, target)


def bind(state: PointsTo, ref: FunctionRef, inner: Frame, receiver: Obj | None, arguments: Arguments) -> None:
    """Flows arguments into parameters."""
    graph, slots = state.graph, inner.slots or _slots(state, ref, inner)
    given: set[str] = set()
    ordered = slots.ordered
    if receiver is not None and ordered:
        first, ordered = ordered[0], ordered[1:]
        given.add(first)
        graph.add(_parameter(state, inner, first), receiver)
    for position, source in enumerate(arguments.positional):
        if position < len(ordered):
            given.add(ordered[position])
            graph.flow(source, _parameter(state, inner, ordered[position]))
        elif slots.rest is not None:
            graph.flow(source, graph.cell(slots.rest, position - len(ordered)))
    for name, source in arguments.keywords:
        if name in slots.named:
            given.add(name)
            graph.flow(source, _parameter(state, inner, name))
        elif slots.extra is not None:
            graph.flow(source, graph.cell(slots.extra, name))
    free = ordered[len(arguments.positional) :]
    for star in arguments.stars:
        graph.watch(star, lambda obj: _spread(state, inner, free, slots.rest, obj))
    for double in arguments.double_stars:
        graph.watch(double, lambda obj: _spread_keywords(state, inner, slots.named, obj))
    for name, source in ref.defaults.items():
        if name not in given:
            graph.flow(source, _parameter(state, inner, name))


@dataclass(slots=True)
class Slots:
    """Where a function's arguments go: parameters by position and by name, and the containers of ``*rest`` and ``**extra``."""

    ordered: tuple[str, ...]
    named: frozenset[str]
    rest: Container | None = None
    extra: Container | None = None


def _slots(state: PointsTo, ref: FunctionRef, inner: Frame) -> Slots:
    params, site = ref.function.params, state.site(inner, ops.Op(-1))
    slots = inner.slots = Slots(
        tuple(p.name for p in params if p.kind in (ParamKind.POSITIONAL, ParamKind.POSITIONAL_ONLY)),
        frozenset(p.name for p in params if p.kind in (ParamKind.POSITIONAL, ParamKind.KEYWORD_ONLY)),
    )
    for param in params:
        if param.kind is ParamKind.VARIADIC:
            slots.rest = state.heap.make(Container, "tuple", site, inner)
            state.graph.add(_parameter(state, inner, param.name), slots.rest)
        elif param.kind is ParamKind.KEYWORDS:
            slots.extra = state.heap.make(Container, "dict", site, inner)
            state.graph.add(_parameter(state, inner, param.name), slots.extra)
    return slots


def _parameter(state: PointsTo, inner: Frame, name: str) -> int:
    node = inner.variables.get(name)
    if node is None:
        node = inner.variables[name] = state.graph.new_nodes(1)
    return node


def _spread(state: PointsTo, inner: Frame, names: tuple[str, ...], rest: Container | None, obj: Obj) -> None:
    if not isinstance(obj, Container):
        return
    for position, name in enumerate(names):
        containers.load_cell(state, obj, position, _parameter(state, inner, name))
    if rest is not None:
        for key in range(len(names), len(names) + 8):
            if state.graph.known_attribute(obj, f"[{key!r}]") is not None:
                state.graph.flow(state.graph.cell(obj, key), state.graph.cell(rest, key - len(names)))
        state.graph.flow(state.graph.cell(obj, ANY), state.graph.cell(rest, ANY))


def _spread_keywords(state: PointsTo, inner: Frame, names: frozenset[str], obj: Obj) -> None:
    if isinstance(obj, Container):
        for name in sorted(names):
            containers.load_cell(state, obj, name, _parameter(state, inner, name))


def _call_partial(
    state: PointsTo,
    frame: Frame,
    op: Op,
    callee: Partial,
    arguments: Arguments,
    target: int,
    kind: EntryKind,
    actor: Obj | None,
) -> None:
    first = state.partials[callee]
    whole = Arguments(
        first.positional[1:] + arguments.positional,
        first.keywords + arguments.keywords,
        first.stars + arguments.stars,
        first.double_stars + arguments.double_stars,
    )
    key = (callee, frame, op.index, whole, kind, actor)
    if key in state.unwrapped:
        return  # a partial of itself
    state.unwrapped.add(key)
    state.unwraps[callee, frame, op.index] += 1
    if len(whole.positional) + len(whole.keywords) > ARGUMENTS or state.unwraps[callee, frame, op.index] > UNWRAPS:
        state.limits.hit("arguments")
        return
    if first.positional:
        state.graph.watch_later(first.positional[0], lambda inner: invoke(state, frame, op, inner, whole, target, kind, actor))


def construct(state: PointsTo, frame: Frame, op: Op, cls: ClassRef, arguments: Arguments, target: int) -> None:
    """``target = Class(arguments)``."""
    instance = attributes.new_instance(state, cls, state.site(frame, op), frame)
    state.graph.add(target, instance)
    found = state.graph.new_nodes(1)
    if attributes.find_in_class(state, cls, "__init__", found, instance, frame, op):
        sink = state.graph.new_nodes(1)
        state.graph.watch_later(found, lambda init: invoke(state, frame, op, init, arguments, sink))
    fill_fields(state, cls, instance, frame, op, arguments)
    post = state.graph.new_nodes(1)
    if attributes.find_in_class(state, cls, "__post_init__", post, instance, frame, op):
        state.graph.watch_later(post, lambda init: invoke(state, frame, op, init, NO_ARGUMENTS, state.graph.new_nodes(1)))


def fill_fields(
    state: PointsTo, cls: ClassRef, instance: Instance, frame: Frame, op: Op | None, arguments: Arguments = NO_ARGUMENTS
) -> None:
    """The generated ``__init__`` of a dataclass and its kin: annotated fields in order, default factories."""
    fields: list[tuple[ClassRef, str]] = []
    for base in reversed(attributes.mro(state, cls)):
        if isinstance(base, ClassRef):
            info = state.program.modules[base.cls.module].classes[base.cls]
            for name in info.annotations:
                if (entry := next((f for f in fields if f[1] == name), None)) is not None:
                    fields.remove(entry)
                fields.append((base, name))
    for position, (base, name) in enumerate(fields):
        node = state.graph.attribute(instance, name)
        if position < len(arguments.positional):
            state.graph.flow(arguments.positional[position], node)
        if (given := arguments.named(name)) is not None:
            state.graph.flow(given, node)
        elif name in base.frame.variables:
            state.graph.watch(base.frame.variables[name], partial(_default, state, instance, node))


def _default(state: PointsTo, instance: Instance, node: int, obj: Obj) -> None:
    if isinstance(obj, Factory):
        factory = state.graph.attribute(obj, "factory")
        site = next((o for o in obj.maker.function.cfg.ops() if o.index == obj.site.op), None)
        if site is not None:
            context = library.factory_frame(state, instance, obj)
            state.graph.watch_later(factory, lambda made: invoke(state, context, site, made, NO_ARGUMENTS, node))


def invoke_method(
    state: PointsTo,
    frame: Frame,
    op: Op,
    obj: Obj,
    name: str,
    arguments: Arguments | tuple[int, ...],
    target: int,
    kind: EntryKind = EntryKind.CALL,
    actor: Obj | None = None,
) -> bool:
    """Calls a method by name if ``obj`` is of a class of the program that has it."""
    if not isinstance(obj, Instance):
        return False
    whole = arguments if isinstance(arguments, Arguments) else Arguments(tuple(arguments))
    found = state.graph.new_nodes(1)
    if not attributes.find_in_class(state, obj.cls, name, found, obj, frame, op):
        return False
    state.graph.watch_later(found, lambda method: invoke(state, frame, op, method, whole, target, kind, actor))
    return True


def enter_root(state: PointsTo, ref: FunctionRef, receiver: Obj | None = None, *, api: bool = False) -> None:
    """Enters a function as code that is not analysed would call it."""
    function = ref.function
    kinds = {text.rpartition(".")[2] for text in function.decorators}
    if "staticmethod" in kinds:
        receiver = None
    elif "classmethod" in kinds and isinstance(receiver, Instance):
        receiver = receiver.cls
    known = [f for f in state.of_function.get(function.id, ()) if f.receiver is receiver and f.parent is ref.definer]
    if api and known:
        return
    key = (function.id, ref.definer.number, receiver, "root")
    frame = state.make_frame(key, function, ref.definer, receiver, ())
    frame.api = api
    bind(state, ref, frame, receiver, NO_ARGUMENTS)
    state.enter(EntryKind.ROOT, None, None, frame)
    library.bind_annotations(state, frame, ref)


# -- decorators, awaits, iteration, with -----------------------------------------------------------------------------------


def decorate(state: PointsTo, frame: Frame, op: ops.Call) -> None:
    """A decorator is taken to give back the function or class that it decorates."""
    if op.args:
        state.graph.flow(frame.nodes[op.args[0].value], frame.nodes[op.dst])


def on_await(state: PointsTo, frame: Frame, op: ops.Await, obj: Obj) -> None:
    """``await obj``."""
    target = frame.nodes[op.dst]
    match obj:
        case Coroutine():
            run_coroutine(state, frame, op, obj, target)
        case Awaitable():
            library.perform(state, obj, frame, op)
            state.graph.flow(state.graph.attribute(obj, "result"), target)
        case LibInstance():
            library.join(state, frame, op, obj)
            state.graph.flow(state.graph.attribute(obj, "result"), target)
            state.graph.add(target, obj)
        case Instance():
            invoke_method(state, frame, op, obj, "__await__", NO_ARGUMENTS, target)
        case _:
            state.graph.add(target, obj)


def on_iter(state: PointsTo, frame: Frame, op: ops.IterStart, obj: Obj) -> None:
    """``iter(obj)``: for objects of the program their own ``__iter__``, for others themselves."""
    target = frame.nodes[op.dst]
    name = "__aiter__" if op.is_async else "__iter__"
    if not invoke_method(state, frame, op, obj, name, NO_ARGUMENTS, target):
        state.graph.add(target, obj)


def on_next(state: PointsTo, frame: Frame, op: ops.Iterate, obj: Obj) -> None:
    """One step of a loop over ``obj``."""
    target = frame.nodes[op.dst]
    match obj:
        case Coroutine():
            state.enter(EntryKind.CALL, frame, op, obj.frame)
            state.graph.flow(obj.frame.yielded, target)
        case Container():
            if obj.kind != "dict":
                state.graph.flow(state.graph.elements(obj), target)
        case CallIterator():
            state.graph.watch_later(
                state.graph.attribute(obj, "function"),
                lambda function: invoke(state, frame, op, function, NO_ARGUMENTS, target),
            )
        case Instance():
            name = "__anext__" if op.is_async else "__next__"
            found = state.graph.new_nodes(1)
            if attributes.find_in_class(state, obj.cls, name, found, obj, frame, op):
                result = state.graph.new_nodes(1)
                state.graph.watch_later(found, lambda m: invoke(state, frame, op, m, NO_ARGUMENTS, result))
                state.graph.watch_later(result, lambda made: _next_result(state, frame, op, made, target))
            else:
                library.iterate(state, frame, op, obj, target)
        case LibInstance() | End():
            library.iterate(state, frame, op, obj, target)


def _next_result(state: PointsTo, frame: Frame, op: ops.Iterate, made: Obj, target: int) -> None:
    if isinstance(made, Coroutine) and op.is_async:
        run_coroutine(state, frame, op, made, target)
    else:
        state.graph.add(target, made)


def on_enter(state: PointsTo, frame: Frame, op: ops.Enter, obj: Obj) -> None:
    """``with obj as target``."""
    target = frame.nodes[op.dst]
    match obj:
        case Coroutine():  # a @contextmanager function: runs up to its yield
            state.enter(EntryKind.CALL, frame, op, obj.frame)
            state.graph.flow(obj.frame.yielded, target)
        case Instance():
            name = "__aenter__" if op.is_async else "__enter__"
            result = state.graph.new_nodes(1)
            if invoke_method(state, frame, op, obj, name, NO_ARGUMENTS, result):
                state.graph.watch_later(result, lambda made: _entered(state, frame, op, made, target))
            else:
                state.graph.add(target, obj)
        case LibInstance() | End():
            library.enter(state, frame, op, obj, target)
        case _:
            state.graph.add(target, obj)


def _entered(state: PointsTo, frame: Frame, op: ops.Enter, made: Obj, target: int) -> None:
    if isinstance(made, Coroutine) and op.is_async and not made.frame.function.is_generator:
        run_coroutine(state, frame, op, made, target)
    else:
        state.graph.add(target, made)


def on_exit(state: PointsTo, frame: Frame, op: ops.Exit, obj: Obj) -> None:
    """Leaves ``with obj``."""
    match obj:
        case Coroutine():
            state.enter(EntryKind.CALL, frame, op, obj.frame)
        case Instance():
            name = "__aexit__" if op.is_async else "__exit__"
            result = state.graph.new_nodes(1)
            if invoke_method(state, frame, op, obj, name, NO_ARGUMENTS, result):
                state.graph.watch_later(result, lambda made: _exited(state, frame, op, made))
            else:
                library.leave(state, frame, op, obj)
        case LibInstance() | End():
            library.leave(state, frame, op, obj)
        case Const():
            pass


def _exited(state: PointsTo, frame: Frame, op: ops.Exit, made: Obj) -> None:
    if isinstance(made, Coroutine):
        run_coroutine(state, frame, op, made, frame.nodes[op.dst])


def delegate(state: PointsTo, frame: Frame, op: ops.Yield, obj: Obj) -> None:
    """``yield from obj``."""
    if isinstance(obj, Coroutine):
        state.enter(EntryKind.CALL, frame, op, obj.frame)
        state.graph.flow(obj.frame.yielded, frame.yielded)
        state.graph.flow(obj.frame.returned, frame.nodes[op.dst])
    elif isinstance(obj, Container):
        state.graph.flow(state.graph.elements(obj), frame.yielded)
    elif isinstance(obj, CallIterator):
        state.graph.watch_later(
            state.graph.attribute(obj, "function"),
            lambda function: invoke(state, frame, op, function, NO_ARGUMENTS, frame.yielded),
        )
    elif isinstance(obj, LibInstance | End):
        library.iterate(state, frame, op, obj, frame.yielded)
