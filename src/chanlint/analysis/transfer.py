"""Turns the ops of a function into flows between the nodes of one of its frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chanlint.analysis import attributes, calls, containers
from chanlint.analysis.frames import Frame
from chanlint.analysis.graph import ANY
from chanlint.analysis.objects import ClassRef, Const, Container, FunctionRef, LibName, ModuleRef, Obj
from chanlint.analysis.plans import Plan
from chanlint.ir import ops
from chanlint.ir.ids import MODULE_BODY, FunctionId
from chanlint.ir.ops import Variable

if TYPE_CHECKING:
    from chanlint.analysis.pointsto import PointsTo


def lower_frame(state: PointsTo, frame: Frame, plan: Plan) -> None:
    """Adds the flows of every op of the frame's function."""
    for op in plan.ops:
        _HANDLERS[type(op)](state, frame, op)


def is_lowered(op: ops.Op) -> bool:
    """Whether flows come of an op."""
    return type(op) in _HANDLERS


def _copy(state: PointsTo, frame: Frame, op: ops.Copy) -> None:
    state.graph.flow(frame.nodes[op.src], frame.nodes[op.dst])


def _store_var(state: PointsTo, frame: Frame, op: ops.StoreVar) -> None:
    state.graph.flow(frame.nodes[op.src], state.variable(frame, op.var))


def _load_attr(state: PointsTo, frame: Frame, op: ops.LoadAttr) -> None:
    state.graph.watch(frame.nodes[op.obj], attributes.load, state, frame, op)


def _store_attr(state: PointsTo, frame: Frame, op: ops.StoreAttr) -> None:
    source = frame.nodes[op.src]
    state.graph.watch(frame.nodes[op.obj], attributes.store, state, op.attr, source)


def _load_item(state: PointsTo, frame: Frame, op: ops.LoadItem) -> None:
    key = state.constants(frame.function).get(op.key, ANY)
    target = frame.nodes[op.dst]

    def load(obj: Obj) -> None:
        if isinstance(obj, ClassRef | LibName):  # Queue[int], Generic[T]
            state.graph.add(target, obj)
        elif isinstance(obj, Container):
            containers.load_cell(state, obj, key, target)
        else:
            calls.invoke_method(state, frame, op, obj, "__getitem__", (), target)

    state.graph.watch(frame.nodes[op.obj], load)


def _store_item(state: PointsTo, frame: Frame, op: ops.StoreItem) -> None:
    key = state.constants(frame.function).get(op.key, ANY)
    source = frame.nodes[op.src]

    def store(obj: Obj) -> None:
        if isinstance(obj, Container):
            state.graph.flow(source, state.graph.cell(obj, key))

    state.graph.watch(frame.nodes[op.obj], store)


def _unpack(state: PointsTo, frame: Frame, op: ops.Unpack) -> None:
    target = frame.nodes[op.dst]

    def unpack(obj: Obj) -> None:
        if not isinstance(obj, Container):
            return
        if op.star or op.position < 0:
            state.graph.flow(state.graph.elements(obj), target)
        else:
            containers.load_cell(state, obj, op.position, target)

    state.graph.watch(frame.nodes[op.src], unpack)


def _build(state: PointsTo, frame: Frame, op: ops.Build) -> None:
    obj = state.heap.make(Container, op.kind, state.site(frame, op), frame)
    obj.size = len(op.items) if op.kind == "tuple" and not op.starred else None
    graph = state.graph
    graph.add(frame.nodes[op.dst], obj)
    constants = state.constants(frame.function)
    positional = op.kind in ("tuple", "list") and not op.starred and len(op.items) <= 16
    for position, register in enumerate(op.items):
        source = frame.nodes[register]
        if position in op.starred or (op.keys and op.keys[position] is None):
            graph.watch(source, lambda inner: _merge(state, obj, inner))
        elif op.keys:
            key = op.keys[position]
            graph.flow(source, graph.cell(obj, constants.get(key, ANY) if key is not None else ANY))
        else:
            graph.flow(source, graph.cell(obj, position if positional else ANY))


def _negate(state: PointsTo, target: int, obj: Obj) -> None:
    if isinstance(obj, Const) and isinstance(obj.value, int) and obj.value > 0:
        state.graph.add(target, state.heap.const(-obj.value))


def _compute(state: PointsTo, frame: Frame, op: ops.Compute) -> None:
    """``list + list`` and ``list * n`` keep the elements; ``-1`` is a number."""
    if op.operator == "-x":
        (operand,) = (frame.nodes[register] for register in op.operands)
        state.graph.watch(operand, _negate, state, frame.nodes[op.dst])
    if op.operator.rstrip("=") not in ("+", "*", "|"):
        return
    target = frame.nodes[op.dst]

    def join(obj: Obj) -> None:
        if isinstance(obj, Container):
            whole = state.heap.make(Container, "list", state.site(frame, op), frame)
            _merge(state, whole, obj)
            state.graph.add(target, whole)

    for register in op.operands:
        state.graph.watch(frame.nodes[register], join)


def _merge(state: PointsTo, container: Container, inner: Obj) -> None:
    if isinstance(inner, Container):
        state.graph.flow(state.graph.elements(inner), state.graph.cell(container, ANY))


def _append(state: PointsTo, frame: Frame, op: ops.Append) -> None:
    source = frame.nodes[op.item]

    def append(obj: Obj) -> None:
        state.graph.flow(source, state.graph.cell(obj, ANY))

    state.graph.watch(frame.nodes[op.container], append)


def _make_function(state: PointsTo, frame: Frame, op: ops.MakeFunction) -> None:
    function = state.program.function(op.function)
    ref = state.heap.make(FunctionRef, function, frame, state.site(frame, op))
    if not ref.defaults:
        ref.defaults = {name: frame.nodes[register] for name, register in op.defaults}
    refs = state.refs.setdefault(op.function, [])
    if ref not in refs:
        refs.append(ref)
    state.graph.add(frame.nodes[op.dst], ref)


def _make_class(state: PointsTo, frame: Frame, op: ops.MakeClass) -> None:
    body = state.program.function(op.body)
    inner = state.make_frame((op.body, frame.number), body, frame, None, (*frame.chain, frame.function.id))
    ref = state.heap.make(ClassRef, op.cls, inner, state.site(frame, op))
    if ref not in state.classes:
        state.classes.append(ref)
        ref.bases = [frame.nodes[register] for register in op.bases]
        state.mros.clear()
        for node in ref.bases:
            state.graph.watch(node, lambda _: state.mros.clear())
    state.graph.add(frame.nodes[op.dst], ref)


def _import(state: PointsTo, frame: Frame, op: ops.Import) -> None:
    here, target = frame.function.id.module, frame.nodes[op.dst]
    name = op.module.partition(".")[0] if op.top else op.module
    found = state.program.resolve(here, name, op.level)
    if op.name is None:
        if found is not None:
            state.graph.add(target, state.heap.make(ModuleRef, found, name))
        elif op.top and state.program.resolve(here, op.module, 0) is not None:
            state.graph.add(target, state.heap.make(ModuleRef, "", name))
        else:
            state.graph.add(target, state.heap.make(LibName, state.catalogue.canonical(name)))
        return
    if found is not None:
        names = state.stored_names(found)
        if op.name in names or not _submodule(state, here, op, target):
            owner = FunctionId(found, MODULE_BODY)
            state.graph.flow(state.variable(state.module_frame(found), Variable(owner, op.name)), target)
    elif not _submodule(state, here, op, target) and not op.level:
        state.graph.add(target, state.heap.make(LibName, state.catalogue.canonical(f"{op.module}.{op.name}")))


def _submodule(state: PointsTo, here: str, op: ops.Import, target: int) -> bool:
    dotted = f"{op.module}.{op.name}" if op.module else str(op.name)
    found = state.program.resolve(here, dotted, op.level)
    if found is None:
        return False
    state.graph.add(target, state.heap.make(ModuleRef, found, dotted))
    return True


def _return(state: PointsTo, frame: Frame, op: ops.Return) -> None:
    if op.src is not None:
        state.graph.flow(frame.nodes[op.src], frame.returned)


def _yield(state: PointsTo, frame: Frame, op: ops.Yield) -> None:
    if op.delegate:
        state.graph.watch(frame.nodes[op.src], calls.delegate, state, frame, op)
    else:
        state.graph.flow(frame.nodes[op.src], frame.yielded)


def _call(state: PointsTo, frame: Frame, op: ops.Call) -> None:
    if op.decorator:
        calls.decorate(state, frame, op)
        return
    state.graph.watch_later(frame.nodes[op.callee], calls.on_call, state, frame, op)


def _await(state: PointsTo, frame: Frame, op: ops.Await) -> None:
    state.graph.watch_later(frame.nodes[op.src], calls.on_await, state, frame, op)


def _iter_start(state: PointsTo, frame: Frame, op: ops.IterStart) -> None:
    state.graph.watch_later(frame.nodes[op.src], calls.on_iter, state, frame, op)


def _iterate(state: PointsTo, frame: Frame, op: ops.Iterate) -> None:
    state.graph.watch_later(frame.nodes[op.iterator], calls.on_next, state, frame, op)


def _enter(state: PointsTo, frame: Frame, op: ops.Enter) -> None:
    state.graph.watch_later(frame.nodes[op.manager], calls.on_enter, state, frame, op)


def _exit(state: PointsTo, frame: Frame, op: ops.Exit) -> None:
    state.graph.watch_later(frame.nodes[op.manager], calls.on_exit, state, frame, op)


_HANDLERS: dict[type, Callable[[PointsTo, Frame, ops.Op], None]] = {
    ops.Copy: _copy,  # type: ignore[dict-item]  # each handler takes the op class that it is filed under
    ops.StoreVar: _store_var,  # type: ignore[dict-item]
    ops.LoadAttr: _load_attr,  # type: ignore[dict-item]
    ops.StoreAttr: _store_attr,  # type: ignore[dict-item]
    ops.LoadItem: _load_item,  # type: ignore[dict-item]
    ops.StoreItem: _store_item,  # type: ignore[dict-item]
    ops.Unpack: _unpack,  # type: ignore[dict-item]
    ops.Build: _build,  # type: ignore[dict-item]
    ops.Compute: _compute,  # type: ignore[dict-item]
    ops.Append: _append,  # type: ignore[dict-item]
    ops.MakeFunction: _make_function,  # type: ignore[dict-item]
    ops.MakeClass: _make_class,  # type: ignore[dict-item]
    ops.Import: _import,  # type: ignore[dict-item]
    ops.Return: _return,  # type: ignore[dict-item]
    ops.Yield: _yield,  # type: ignore[dict-item]
    ops.Call: _call,  # type: ignore[dict-item]
    ops.Await: _await,  # type: ignore[dict-item]
    ops.IterStart: _iter_start,  # type: ignore[dict-item]
    ops.Iterate: _iterate,  # type: ignore[dict-item]
    ops.Enter: _enter,  # type: ignore[dict-item]
    ops.Exit: _exit,  # type: ignore[dict-item]
}
