"""Looks attributes up: on instances through their classes, on modules, on library objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chanlint.analysis import calls, containers
from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.limits import INSTANCES
from chanlint.analysis.objects import (
    Awaitable,
    Bound,
    ClassRef,
    Container,
    Coroutine,
    End,
    FunctionRef,
    Instance,
    LibInstance,
    LibMethod,
    LibName,
    ModuleRef,
    Obj,
    Super,
)
from chanlint.catalogue.schema import OpKind, TypeInfo
from chanlint.ir.ids import MODULE_BODY, FunctionId, OpId
from chanlint.ir.ops import Call, LoadAttr, LoadVar, Op, Variable
from chanlint.ir.program import Function, FunctionKind

if TYPE_CHECKING:
    from chanlint.analysis.pointsto import PointsTo

MRO_LIMIT = 32
PROPERTIES = frozenset({"property", "cached_property", "setter"})
"""Decorators of methods that run when an attribute is read."""


@dataclass(slots=True)
class Reading:
    """What one attribute of one object is when it is read, kept for all places that read it.

    Attributes:
        node: what it may hold.
        order: the classes in which it was looked for; others may come to light.
        properties: what is run each time that it is read.
        places: where it is read.
    """

    node: int
    order: list[Obj] | None = None
    properties: list[FunctionRef] = field(default_factory=list)
    places: list[tuple[Frame, LoadAttr]] = field(default_factory=list)


class MentionedAttributes(NamedTuple):
    """The names of the attributes that a function reads: all of them, and those that it does not just call."""

    all: frozenset[str]
    handed: frozenset[str]


def load(state: PointsTo, frame: Frame, op: LoadAttr, obj: Obj) -> None:
    """``obj.attr``."""
    target = frame.nodes[op.dst]
    match obj:
        case Instance():
            _read(state, frame, op, obj)
        case Super():
            for base in mro_after(state, obj):
                if _from_class(state, base, op.attr, target, obj.receiver, frame, op):
                    return
        case ClassRef():
            find_in_class(state, obj, op.attr, target, None, frame, op)
            state.graph.flow(state.graph.attribute(obj, op.attr), target)
        case ModuleRef():
            _from_module(state, frame, obj, op.attr, target)
        case LibName():
            dotted = state.catalogue.canonical(f"{obj.dotted}.{op.attr}")
            state.graph.add(target, state.heap.make(LibName, dotted))
        case LibInstance() | End():
            _from_library(state, obj, obj.type, op.attr, target)
            state.graph.flow(state.graph.attribute(obj, op.attr), target)
        case Container():
            state.graph.add(target, state.heap.make(LibMethod, obj, f"builtins.{obj.kind}", op.attr))
        case Coroutine() | Awaitable():
            state.graph.add(target, state.heap.make(LibMethod, obj, "builtins.coroutine", op.attr))
        case FunctionRef() | Bound():
            state.graph.flow(state.graph.attribute(obj, op.attr), target)


def _read(state: PointsTo, frame: Frame, op: LoadAttr, obj: Instance) -> None:
    """``obj.attr`` of an object: its own, and what its class has under that name."""
    key = (obj, op.attr)
    reading = state.readings.get(key)
    if reading is None:
        reading = state.readings[key] = Reading(state.graph.new_nodes(1))
        state.graph.flow(state.graph.attribute(obj, op.attr), reading.node)
    reading.places.append((frame, op))
    state.graph.flow(reading.node, frame.nodes[op.dst])
    for method in reading.properties:
        calls.call_function(state, frame, op, method, obj, calls.NO_ARGUMENTS, frame.nodes[op.dst])
    order = mro(state, obj.cls)
    if reading.order is order:
        return
    reading.order = order
    for base in order:
        if isinstance(base, ClassRef) and op.attr in base.frame.variables:
            state.graph.watch(base.frame.variables[op.attr], _bind_read, state, reading, obj, base)
            return
        if not isinstance(base, ClassRef) and _from_class(state, base, op.attr, reading.node, obj, frame, op):
            return


def _bind_read(state: PointsTo, reading: Reading, obj: Instance, cls: ClassRef, value: Obj) -> None:
    if isinstance(value, FunctionRef) and value.function.cls is not None and _kinds(value) & PROPERTIES:
        if value not in reading.properties:
            reading.properties.append(value)
            for frame, op in [*reading.places]:
                calls.call_function(state, frame, op, value, obj, calls.NO_ARGUMENTS, frame.nodes[op.dst])
    else:
        _bind(state, obj, cls, reading.node, None, None, value)


def store(state: PointsTo, attr: str, source: int, obj: Obj) -> None:
    """``obj.attr = source``."""
    match obj:
        case ModuleRef() if obj.module:
            owner = FunctionId(obj.module, MODULE_BODY)
            state.graph.flow(source, state.variable(state.module_frame(obj.module), Variable(owner, attr)))
        case ClassRef() if attr in obj.frame.variables:
            state.graph.flow(source, obj.frame.variables[attr])
        case Instance() | ClassRef() | LibInstance() | End() | FunctionRef():
            state.graph.flow(source, state.graph.attribute(obj, attr))


def lib_bases(state: PointsTo, cls: ClassRef) -> list[str]:
    """The catalogued types that ``cls`` derives from, nearest first."""
    found: list[str] = []
    for base in mro(state, cls):
        if isinstance(base, LibName):
            made = type_made_by(state, base.dotted)
            if made is not None and made.name not in found:
                found.append(made.name)
    return found


def type_made_by(state: PointsTo, dotted: str) -> TypeInfo | None:
    """The type whose constructor or name ``dotted`` is."""
    effect = state.catalogue.functions.get(dotted)
    if effect is not None and effect.op in (OpKind.MAKE, OpKind.PREPARE) and effect.makes:
        return state.catalogue.types.get(effect.makes)
    return state.catalogue.types.get(dotted)


def mro(state: PointsTo, cls: ClassRef) -> list[Obj]:
    """The class and its bases, depth first, each once."""
    known = state.mros.get(cls)
    if known is None:
        known = state.mros[cls] = _bases_of(state, cls)
    return known


def _bases_of(state: PointsTo, cls: ClassRef) -> list[Obj]:
    found: list[Obj] = []
    waiting: list[Obj] = [cls]
    while waiting and len(found) < MRO_LIMIT:
        current = waiting.pop(0)
        if current in found:
            continue
        found.append(current)
        if isinstance(current, ClassRef):
            bases = [obj for node in current.bases for obj in state.graph.points[node] if isinstance(obj, ClassRef | LibName)]
            waiting[:0] = bases
    return found


def mro_after(state: PointsTo, obj: Super) -> list[Obj]:
    """Where ``super()`` looks: what follows its class in the receiver's bases."""
    receiver = obj.receiver
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    if not isinstance(cls, ClassRef):
        return []
    order = mro(state, cls)
    for position, base in enumerate(order):
        if isinstance(base, ClassRef) and base.cls == obj.cls:
            return order[position + 1 :]
    return []


def find_in_class(
    state: PointsTo, cls: ClassRef, name: str, target: int, receiver: Obj | None, frame: Frame | None, op: Op | None
) -> bool:
    """Flows what attribute ``name`` of the class means for ``receiver`` into ``target``; False if no base has it."""
    return any(_from_class(state, base, name, target, receiver, frame, op) for base in mro(state, cls))


def _from_class(
    state: PointsTo, base: Obj, name: str, target: int, receiver: Obj | None, frame: Frame | None, op: Op | None
) -> bool:
    if isinstance(base, LibName):
        made = type_made_by(state, base.dotted)
        if made is None or receiver is None:
            if receiver is None and made is not None:  # Thread.__init__(self, ...)
                state.graph.add(target, state.heap.make(LibName, f"{base.dotted}.{name}"))
                return True
            return False
        if name == "__init__":
            state.graph.add(target, state.heap.make(LibMethod, receiver, base.dotted, "__init__"))
            return True
        return _from_library(state, receiver, made.name, name, target)
    if not isinstance(base, ClassRef) or name not in base.frame.variables:
        return False
    state.graph.watch(base.frame.variables[name], _bind, state, receiver, base, target, frame, op)
    return True


def _bind(
    state: PointsTo, receiver: Obj | None, cls: ClassRef, target: int, frame: Frame | None, op: Op | None, value: Obj
) -> None:
    """What a class attribute becomes when it is read through an object."""
    if not isinstance(value, FunctionRef) or value.function.cls is None:
        state.graph.add(target, value)
        return
    kinds = _kinds(value)
    if "staticmethod" in kinds:
        state.graph.add(target, value)
    elif "classmethod" in kinds:
        owner = receiver.cls if isinstance(receiver, Instance) else (receiver or cls)
        state.graph.add(target, state.heap.make(Bound, value, owner))
    elif receiver is None:
        state.graph.add(target, value)
    elif kinds & PROPERTIES:
        if frame is not None and op is not None:
            calls.call_function(state, frame, op, value, receiver, calls.NO_ARGUMENTS, target)
    else:
        state.graph.add(target, state.heap.make(Bound, value, receiver))


def _kinds(method: FunctionRef) -> set[str]:
    """The last parts of a function's decorators."""
    return {text.rpartition(".")[2] for text in method.function.decorators}


def _from_module(state: PointsTo, frame: Frame, obj: ModuleRef, attr: str, target: int) -> None:
    here = frame.function.id.module
    if obj.module and attr in state.stored_names(obj.module):
        owner = FunctionId(obj.module, MODULE_BODY)
        state.graph.flow(state.variable(state.module_frame(obj.module), Variable(owner, attr)), target)
        return
    dotted = f"{obj.dotted}.{attr}"
    found = state.program.resolve(here, dotted, 0)
    if found is None and obj.module:
        found = state.program.resolve(obj.module, attr, 1)
    if found is not None:
        state.graph.add(target, state.heap.make(ModuleRef, found, dotted))
    elif obj.module and state.program.modules[obj.module].is_package:
        owner = FunctionId(obj.module, MODULE_BODY)
        state.graph.flow(state.variable(state.module_frame(obj.module), Variable(owner, attr)), target)


def _from_library(state: PointsTo, obj: Obj, type_name: str, attr: str, target: int) -> bool:
    info = state.catalogue.types.get(type_name)
    if state.catalogue.method(type_name, attr) is not None or (info is not None and attr in info.delegates):
        state.graph.add(target, state.heap.make(LibMethod, obj, type_name, attr))
        return True
    seen_as = _facet(state, type_name, attr)
    if seen_as is not None:
        containers.add_facet(state, obj, seen_as, target)
        return True
    return False


def _facet(state: PointsTo, type_name: str, attr: str) -> str | None:
    waiting = [type_name]
    for current in waiting:
        info = state.catalogue.types.get(current)
        if info is not None and attr in info.attributes:
            return info.attributes[attr]
        if info is not None and len(waiting) < MRO_LIMIT:
            waiting.extend(info.bases)
    return None


# -- objects that nobody here makes, methods that nobody here calls --------------------------------------------------------


def new_instance(state: PointsTo, cls: ClassRef, site: OpId, maker: Frame | None) -> Instance:
    """An object of ``cls`` made at ``site``; beyond the bound all objects of a class are one."""
    known = state.instances.setdefault(cls, [])
    for instance in known:
        if instance.site == site and instance.maker is maker:
            return instance
    if len(known) >= INSTANCES:
        state.limits.hit("instances")
        return known[-1]
    instance = state.heap.make(Instance, cls, site, maker)
    known.append(instance)
    return instance


def exercise_class(state: PointsTo, cls: ClassRef, only_unmentioned: bool, mentioned: set[str]) -> None:
    """Calls every method of a class that nobody here instantiates, as unknown code would."""
    if state.instances.get(cls) or (only_unmentioned and cls.cls.qualname.rpartition(".")[2] in mentioned):
        return
    if any(cls in mro(state, other) for other in state.classes if other is not cls and state.instances.get(other)):
        return
    relevant = makes_channels(state, cls)
    if relevant and any(cls in mro(state, other)[1:] for other in state.classes):
        return  # a base class: its subclasses are exercised with its methods
    _exercise(state, cls, inherited=relevant)


def exercise_base(state: PointsTo, cls: ClassRef) -> None:
    """Calls the methods of a base class that makes a channel in a method which every subclass overrides."""
    if any(instance.synthetic for instance in state.instances.get(cls, ())):
        return
    for node in list(cls.frame.variables.values()):
        for obj in list(state.graph.points[node]):
            if isinstance(obj, FunctionRef) and obj.function.id not in state.of_function and _is_maker(state, obj):
                _exercise(state, cls, inherited=True)
                return


def _exercise(state: PointsTo, cls: ClassRef, *, inherited: bool) -> None:
    instance = state.heap.make(Instance, cls, cls.site, None, True)
    state.instances.setdefault(cls, []).append(instance)
    calls.fill_fields(state, cls, instance, cls.frame, None)
    inner = _inner_methods(state, instance.cls)
    _enter_methods(state, instance, api=False, inherited=inherited, besides=inner)
    state.graph.solve()
    _enter_methods(state, instance, api=False, inherited=inherited, unreached=True)


def exercise_instances(state: PointsTo) -> None:
    """Enters the methods that were never called on an object: what they do is offered by its class, not done.

    Only objects that hold a channel, an actor or a flag, whose class makes channels, or that hold such an object, are worth it.
    """
    for instances in list(state.instances.values()):
        for instance in list(instances):
            if instance.synthetic:
                continue
            if makes_channels(state, instance.cls) or _holds_events(state, instance):
                _enter_methods(state, instance, api=True)


def makes_channels(state: PointsTo, cls: ClassRef) -> bool:
    """Whether a method of the class, or of one of its bases, names a channel's constructor."""
    return any(_names_maker(state, base) for base in mro(state, cls))


def _names_maker(state: PointsTo, cls: Obj) -> bool:
    if not isinstance(cls, ClassRef):
        return False
    known = state.makers.get(cls)
    if known is None:
        known = state.makers[cls] = _looks_for_maker(state, cls)
    return known


def _looks_for_maker(state: PointsTo, cls: ClassRef) -> bool:
    return any(
        isinstance(obj, FunctionRef) and _is_maker(state, obj)
        for node in cls.frame.variables.values()
        for obj in state.graph.points[node]
    )


def _is_maker(state: PointsTo, ref: FunctionRef) -> bool:
    """Whether a function names a channel's constructor."""
    makers = state.maker_names
    return any(op.attr in makers for op in state.program.ops(ref.function, LoadAttr)) or any(
        op.var.name in makers for op in state.program.ops(ref.function, LoadVar)
    )


def _holds_events(state: PointsTo, instance: Instance) -> bool:
    """Whether an attribute holds something of a library that blocks, wakes or runs, or an object whose class makes channels."""
    for name in state.graph.attribute_names(instance):
        node = state.graph.known_attribute(instance, name)
        for obj in state.graph.points[node] if node is not None else ():
            inner = state.graph.points[state.graph.elements(obj)] if isinstance(obj, Container) else (obj,)
            if any(isinstance(each, End | LibInstance) or _owns_channels(state, each) for each in inner):
                return True
    return False


def _owns_channels(state: PointsTo, obj: Obj) -> bool:
    return isinstance(obj, Instance) and not obj.synthetic and makes_channels(state, obj.cls)


def _attributes_of(state: PointsTo, function: Function) -> MentionedAttributes:
    known = state.attributes_of.get(function.id)
    if known is None:
        loads = state.program.ops(function, LoadAttr)
        called = {op.callee for op in state.program.ops(function, Call)}
        known = MentionedAttributes(
            frozenset(op.attr for op in loads), frozenset(op.attr for op in loads if op.dst not in called)
        )
        state.attributes_of[function.id] = known
    return known


def _inner_methods(state: PointsTo, cls: ClassRef) -> frozenset[str]:
    """The methods that a class may keep to itself.

    Private ones, those that it hands on (``Thread(target=self.run_loop)``), and coroutines (``create_task(self.run_loop())``).
    """
    handed: set[str] = set()
    mentioned: set[str] = set()
    coroutines: set[str] = set()
    for base in mro(state, cls):
        for node in base.frame.variables.values() if isinstance(base, ClassRef) else ():
            for method in state.graph.points[node]:
                if isinstance(method, FunctionRef) and method.function.cls is not None:
                    attributes = _attributes_of(state, method.function)
                    handed |= attributes.handed
                    mentioned |= attributes.all
                    if _is_private(method.function.name):
                        handed.add(method.function.name)
                    elif method.function.is_async and not method.function.name.startswith("__"):
                        coroutines.add(method.function.name)
    return frozenset(handed | (mentioned & coroutines))


def _enter_methods(
    state: PointsTo,
    instance: Instance,
    *,
    api: bool,
    inherited: bool = True,
    besides: frozenset[str] = frozenset(),
    unreached: bool = False,
) -> None:
    """Calls the methods of an object as unknown code would, but those ``besides``, or only those still ``unreached``."""
    seen: set[str] = set(besides)
    for base in mro(state, instance.cls) if inherited else [instance.cls]:
        if not isinstance(base, ClassRef):
            continue
        for name in list(base.frame.variables):
            if name in seen:
                continue
            seen.add(name)
            for value in list(state.graph.points[base.frame.variables[name]]):
                if isinstance(value, FunctionRef) and value.function.cls is not None:
                    if value.function.kind is FunctionKind.FUNCTION and not (unreached and _is_reached(state, value, instance)):
                        calls.enter_root(state, value, instance, api=api)


def _is_reached(state: PointsTo, method: FunctionRef, instance: Instance) -> bool:
    """Whether the class runs a method of its own accord: a private one by a call, any by starting an actor with it."""
    frames = [frame for frame in state.of_function.get(method.function.id, ()) if frame.receiver is instance]
    entries = [entry for frame in frames for entry in frame.entries]
    return bool(entries) if _is_private(method.function.name) else any(entry.kind is EntryKind.SPAWN for entry in entries)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
