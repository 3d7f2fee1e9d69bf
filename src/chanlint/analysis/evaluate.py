"""Evaluates ops on a walk: what is known of a value when a receive gave a certain item.

Nouns:

* **Known**: exactly this object.
* **Data**: an ordinary item: ``plain`` (handed through from outside, taken to be neither empty nor None), ``computed`` (the
  result of unknown code, which may be empty), ``exception`` (caught somewhere and sent).
* **Derived**: something computed from the item; a test of it hangs on the data.
* **Flag**: an attribute, a variable of another frame or an event that others may change.

Silence is chosen where the value is not known: a test forks, and an exit that hangs on the data counts as possible.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chanlint.analysis.attributes import mro
from chanlint.analysis.frames import Frame
from chanlint.analysis.objects import ClassRef, Const, Container, FunctionRef, Instance, LibInstance, LibName, Obj
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.ops import Op, Register

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis
    from chanlint.analysis.walk import Raised


@dataclass(frozen=True, slots=True)
class Known:
    """Exactly this object."""

    obj: Obj


@dataclass(frozen=True, slots=True)
class Data:
    """An ordinary item of which only the origin is known."""

    origin: str = "plain"


@dataclass(frozen=True, slots=True)
class Derived:
    """Computed from the item."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that other actors change: ``owner`` is an object or a frame's function."""

    owner: object
    name: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known."""


UNKNOWN = Unknown()
DERIVED = Derived()
Value = Known | Data | Derived | Flag | Unknown
Values = dict[tuple[int, object], Value]

ARITHMETIC = frozenset(["+", "-", "/", "//", "*", "**", "<<", ">>", "&", "|", "^", "@"])
CANCELLATIONS = frozenset(
    {
        "asyncio.CancelledError",
        "asyncio.exceptions.CancelledError",
        "concurrent.futures.CancelledError",
        "trio.Cancelled",
        "gevent.GreenletExit",
        "greenlet.GreenletExit",
        "curio.CancelledError",
        "curio.TaskCancelled",
        "builtins.GeneratorExit",
    }
)
TRUTH = frozenset({"__bool__", "__len__"})
EQUALITY = frozenset({"__eq__"})
COMPARED_BY_VALUE = frozenset({"dataclass", "define", "frozen", "mutable", "attrs", "attr.s", "s", "total_ordering"})
VALUES = frozenset({"builtins", "collections", "typing", "pydantic", "msgspec"})
"""Libraries whose types, as bases, compare by value or may be false."""
PLAIN = frozenset(
    {
        "builtins.object",
        "builtins.Exception",
        "builtins.BaseException",
        "typing.Protocol",
        "typing.Generic",
        "collections.abc.Callable",
    }
)


def truth(analysis: Analysis, value: Value) -> bool | None:
    """The truth of a value, None where it is not known."""
    match value:
        case Known(obj):
            if isinstance(obj, Const):
                return bool(obj.value)
            if isinstance(obj, Container):
                return None if obj.size is None else obj.size > 0
            return None if isinstance(obj, Instance) and _has_own(analysis, obj, TRUTH) else True
        case Data(origin):
            return None if origin == "computed" else True
    return None


def from_item(value: Value | None) -> bool:
    """Whether a value is the item or was computed from it."""
    return isinstance(value, Data | Derived)


def equal(analysis: Analysis, value: Value, candidates: Sequence[Obj], *, by_identity: bool = False) -> bool | None:
    """Whether ``value`` equals the one object that ``candidates`` holds."""
    if not candidates:
        return None
    if isinstance(value, Data):
        return False
    if isinstance(value, Known):
        if value.obj in candidates:
            return True if len(candidates) == 1 else None
        alike = (value.obj, *candidates) if isinstance(value.obj, Instance) and not by_identity else ()
        return None if any(isinstance(each, Instance) and _has_own(analysis, each, EQUALITY) for each in alike) else False
    return None


def _has_own(analysis: Analysis, obj: Instance, methods: frozenset[str]) -> bool:
    """Whether the class of an object says by itself what is true, or what equals what: by a method, a decorator or a base."""
    for base in mro(analysis.points, obj.cls):
        if isinstance(base, LibName) and base.dotted.partition(".")[0] in VALUES and base.dotted not in PLAIN:
            return True
        if isinstance(base, ClassRef):
            if not methods.isdisjoint(base.frame.variables):
                return True
            decorators = analysis.program.modules[base.cls.module].classes[base.cls].decorators
            if methods is EQUALITY and any(text.rpartition(".")[2] in COMPARED_BY_VALUE for text in decorators):
                return True
    return False


def run(analysis: Analysis, frame: Frame, level: int, op: Op, values: Values) -> None:
    """Computes what ``op`` writes."""
    match op:
        case ops.Const():
            values[level, op.dst] = Known(analysis.points.heap.const(op.value))
        case ops.Copy():
            _put(values, level, op.dst, values.get((level, op.src)))
        case ops.LoadVar():
            _put(values, level, op.dst, _variable(analysis, frame, op, values))
        case ops.StoreVar():
            held = values.get((level, op.src))
            if held is None:
                values.pop((-1, op.var), None)
            else:
                values[-1, op.var] = held
        case ops.LoadAttr() if _is_kept(analysis, frame, op.obj, op.attr, values):
            values[level, op.dst] = DERIVED
        case ops.LoadItem() if _is_kept(analysis, frame, op.obj, analysis.key_name(frame, op.key), values):
            values[level, op.dst] = DERIVED
        case ops.LoadAttr():
            _put(values, level, op.dst, _attribute(analysis, frame, level, op, values))
        case ops.LoadItem():
            key = analysis.points.constants(frame.function).get(op.key)
            _put(values, level, op.dst, _element(analysis, values.get((level, op.obj)), key))
        case ops.Unpack():
            _put(values, level, op.dst, _element(analysis, values.get((level, op.src)), op.position))
        case ops.Compare():
            _put(values, level, op.dst, _compare(analysis, frame, level, op, values))
        case ops.IsInstance():
            _put(values, level, op.dst, _is_instance(analysis, frame, values.get((level, op.value)), op.cls))
        case ops.Compute():
            _put(values, level, op.dst, _compute(level, op, values, analysis))
        case ops.Call():
            _put(values, level, op.dst, _call(analysis, frame, level, op, values))
        case ops.Await():
            _put(values, level, op.dst, values.get((level, op.src)))
        case _:
            dst = getattr(op, "dst", None)
            if dst is not None:
                values.pop((level, dst), None)


def crashes(level: int, op: Op, values: Values) -> bool:
    """Whether ``op`` raises because the item is a bare marker: an attribute, element or call of None or ``object()``."""
    match op:
        case ops.LoadAttr(obj=register) | ops.LoadItem(obj=register) | ops.Unpack(src=register) | ops.Call(callee=register):
            held = values.get((level, register))
        case ops.IterStart(src=register):
            held = values.get((level, register))
        case ops.Compute(operator=operator, operands=operands) if operator.rstrip("=") in ARITHMETIC and operator not in (
            "%",
            "%=",
        ):
            read = [values.get((level, operand)) for operand in operands]
            return any(isinstance(each, Known) and isinstance(each.obj, Const) and each.obj.value is None for each in read)
        case _:
            return False
    if not isinstance(held, Known) or (level, register) not in values:
        return False
    if isinstance(held.obj, Const):
        return held.obj.value is None or held.obj.value is ...
    return isinstance(held.obj, LibInstance) and held.obj.type == "builtins.object" and not isinstance(op, ops.LoadAttr)


def _put(values: Values, level: int, register: Register, value: Value | None) -> None:
    if value is None or isinstance(value, Unknown):
        values.pop((level, register), None)
    else:
        values[level, register] = value


def _is_kept(analysis: Analysis, frame: Frame, register: Register, name: str, values: Values) -> bool:
    """Whether an attribute or a key holds what was computed from the item."""
    return any((-1, (owner, name)) in values for owner in analysis.points.holds(frame, register))


def _boolean(analysis: Analysis, value: bool | None) -> Value | None:
    return None if value is None else Known(analysis.points.heap.const(value))


def _variable(analysis: Analysis, frame: Frame, op: ops.LoadVar, values: Values) -> Value | None:
    held = values.get((-1, op.var))
    if held is not None:
        return held
    writes = analysis.writes_of(op.var)
    objects = analysis.points.holds(frame, op.dst)
    if writes <= 1 and len(objects) == 1 and not _is_scalar(objects[0]):
        return Known(objects[0])
    if writes <= 1 and len(objects) == 1 and op.var.owner != frame.function.id and isinstance(objects[0], Const):
        return Known(objects[0]) if writes == 1 else None
    if op.var.owner != frame.function.id or analysis.written_elsewhere(op.var):
        return Flag(op.var.owner, op.var.name)
    return None


def _is_scalar(obj: Obj) -> bool:
    return isinstance(obj, Const) and (obj.value is None or isinstance(obj.value, bool | int))


def _attribute(analysis: Analysis, frame: Frame, level: int, op: ops.LoadAttr, values: Values) -> Value | None:
    base = values.get((level, op.obj))
    if from_item(base):
        return DERIVED
    objects = analysis.points.holds(frame, op.dst)
    if len(objects) == 1 and not _is_scalar(objects[0]) and not _may_be_another(analysis, frame, op, objects[0]):
        return Known(objects[0])
    if isinstance(base, Known) and not isinstance(base.obj, Instance):
        return None
    if op.index in frame.calls:
        return _property(analysis, frame, op)
    for owner in analysis.points.holds(frame, op.obj):
        if isinstance(owner, Instance | LibInstance | ClassRef):
            return Flag(owner, op.attr)
    return None


def _may_be_another(analysis: Analysis, frame: Frame, op: ops.LoadAttr, obj: Obj) -> bool:
    """Whether an attribute that holds one literal is also given something that is not known."""
    if not isinstance(obj, Const):
        return False
    places = [each for owner in analysis.points.holds(frame, op.obj) for each in analysis.stores(owner, op.attr)]
    return any(isinstance(store, ops.StoreAttr) and not analysis.points.holds(at, store.src) for at, store in places)


def _property(analysis: Analysis, frame: Frame, op: ops.LoadAttr) -> Value | None:
    """The flag behind a property that does nothing but read it: ``return self._stopped.is_set()``."""
    found: set[Value | None] = set()
    for entry in frame.calls[op.index]:
        if entry.callee.calls:  # it calls others, maybe itself
            return None
        values: Values = {}
        for inner in entry.callee.function.cfg.ops():
            run(analysis, entry.callee, 0, inner, values)
        returns = [
            inner for inner in entry.callee.function.cfg.ops() if isinstance(inner, ops.Return) and inner.src is not None
        ]
        held = values.get((0, returns[0].src)) if len(returns) == 1 and returns[0].src is not None else None
        found.add(held if isinstance(held, Flag) else None)
    return found.pop() if len(found) == 1 else None


def _element(analysis: Analysis, base: Value | None, key: object) -> Value | None:
    if base is None:
        return None
    if isinstance(base, Known) and isinstance(base.obj, Container):
        node = analysis.points.graph.known_attribute(base.obj, f"[{key!r}]")
        held = list(analysis.points.graph.points[node]) if node is not None else []
        updated = base.obj.kind == "dict" and any(isinstance(op, ops.Call) for _, op in analysis.fillings(base.obj))
        return Known(held[0]) if len(held) == 1 and not updated else DERIVED
    return DERIVED


def _candidates(analysis: Analysis, frame: Frame, level: int, register: Register, values: Values) -> Sequence[Obj]:
    held = values.get((level, register))
    if isinstance(held, Known):
        return [held.obj]
    return analysis.points.holds(frame, register)


def _compare(analysis: Analysis, frame: Frame, level: int, op: ops.Compare, values: Values) -> Value | None:
    left, right = values.get((level, op.left)), values.get((level, op.right))
    if isinstance(left, Derived) or isinstance(right, Derived):
        return DERIVED
    if op.operator in ("in", "not-in"):
        if not isinstance(left, Known | Data):
            return None
        members = [
            obj
            for container in analysis.points.holds(frame, op.right)
            if isinstance(container, Container)
            for obj in analysis.points.graph.points[analysis.points.graph.elements(container)]
        ]
        inside = None if not members else isinstance(left, Known) and left.obj in members
        return DERIVED if inside is None else _boolean(analysis, inside == (op.operator == "in"))
    if op.operator not in ("is", "is-not", "==", "!="):
        return next((v for v in (left, right) if isinstance(v, Flag)), DERIVED if from_item(left) or from_item(right) else None)
    wanted = op.operator in ("is", "==")
    sides = ((right, op.left), (left, op.right)) if isinstance(right, Data) else ((left, op.right), (right, op.left))
    for value, other in sides:
        if isinstance(value, Data) or (isinstance(value, Known) and (value is left or not isinstance(left, Known))):
            candidates = _candidates(analysis, frame, level, other, values)
            same = equal(analysis, value, candidates, by_identity=op.operator in ("is", "is-not"))
            if same is False and op.operator in ("==", "!=") and _may_be_alike(value, candidates):
                same = None
            if same is None:
                return DERIVED if isinstance(value, Data) or op.operator in ("is", "==", "!=", "is-not") else None
            other_value = values.get((level, other))
            if isinstance(other_value, Flag):
                return other_value
            return _boolean(analysis, same == wanted)
    return next((v for v in (left, right) if isinstance(v, Flag)), None)


def _may_be_alike(value: Value, candidates: Sequence[Obj]) -> bool:
    """Whether two containers may have the same elements."""
    if not isinstance(value, Known) or not isinstance(value.obj, Container):
        return False
    alike = [each for each in candidates if isinstance(each, Container) and each.kind == value.obj.kind]
    return any(each.size is None or value.obj.size in (None, each.size) for each in alike)


def class_names(analysis: Analysis, obj: Obj) -> list[object]:
    """The classes that an object is an instance of (for a class: that its instances would be)."""
    if isinstance(obj, LibName):
        return [obj.dotted]
    cls = obj.cls if isinstance(obj, Instance) else obj
    if isinstance(cls, ClassRef):
        return [base.dotted if isinstance(base, LibName) else base for base in mro(analysis.points, cls)]
    if isinstance(obj, LibInstance):
        return [obj.type]
    return []


def _is_instance(analysis: Analysis, frame: Frame, value: Value | None, register: Register) -> Value | None:
    classes = analysis.points.spread(frame, register)
    if value is None or not classes or isinstance(value, Derived | Flag):
        return DERIVED if isinstance(value, Derived) else None
    wanted = {c if isinstance(c, ClassRef) else c.dotted for c in classes if isinstance(c, ClassRef | LibName)}
    if isinstance(value, Data):
        if value.origin == "exception":
            return _boolean(analysis, True) if any(_is_exception(name) for name in wanted) else DERIVED
        return _boolean(analysis, False) if all(isinstance(c, ClassRef) for c in classes) else DERIVED
    if isinstance(value, Known):
        obj = value.obj
        if isinstance(obj, Instance):
            return _boolean(analysis, bool(wanted & set(class_names(analysis, obj))))
        if isinstance(obj, Const):
            return _boolean(analysis, f"builtins.{type(obj.value).__name__}" in wanted)
        if isinstance(obj, Container):
            return _boolean(analysis, f"builtins.{obj.kind}" in wanted)
        if isinstance(obj, ClassRef) and not any("builtins.type" in class_names(analysis, each) for each in classes):
            return _boolean(analysis, False) if all(isinstance(each, ClassRef) for each in classes) else DERIVED
        return _boolean(analysis, False) if isinstance(obj, FunctionRef | LibInstance) else DERIVED
    return None


def _is_exception(name: object) -> bool:
    found = getattr(builtins, name.removeprefix("builtins."), None) if isinstance(name, str) else None
    return isinstance(found, type) and issubclass(found, BaseException)


def _compute(level: int, op: ops.Compute, values: Values, analysis: Analysis) -> Value | None:
    read = [values.get((level, operand)) for operand in op.operands]
    if op.operator == "not" and read and read[0] is not None:
        known = truth(analysis, read[0])
        return _boolean(analysis, not known) if known is not None else read[0]
    if any(isinstance(value, Derived | Data) for value in read):
        return DERIVED
    return next((value for value in read if isinstance(value, Flag)), None)


def _call(analysis: Analysis, frame: Frame, level: int, op: ops.Call, values: Values) -> Value | None:
    for call in frame.lib_calls.get(op.index, ()):
        if call.effect.op is OpKind.TEST_FLAG and call.receiver is not None:
            return Flag(call.receiver, "<set>")
    arguments = [values.get((level, argument.value)) for argument in op.args]
    for callee in analysis.points.holds(frame, op.callee):
        if isinstance(callee, LibName) and callee.dotted == "builtins.isinstance" and len(op.args) == 2:
            return _is_instance(analysis, frame, arguments[0], op.args[1].value)
        if isinstance(callee, LibName) and callee.dotted in ("builtins.bool", "typing.cast") and arguments:
            return arguments[-1]
    if any(value is not None and (from_item(value) or _is_marker(value)) for value in arguments):
        return DERIVED
    if isinstance(values.get((level, op.callee)), Data | Derived):
        return DERIVED
    return None


def _is_marker(value: Value) -> bool:
    return isinstance(value, Known) and isinstance(value.obj, Const | Instance | Container)


def reason(
    analysis: Analysis, frame: Frame, level: int, register: Register, held: Value, values: Values
) -> tuple[str, tuple[object, str] | None]:
    """What an undecided test hangs on."""
    if isinstance(held, Data | Derived):
        return "data", None
    if isinstance(held, Flag):
        return "flag", (held.owner, held.name)
    shape = analysis.shapes.of(frame.function)
    for var in shape.dependence(register).variables:
        if from_item(values.get((-1, var))):
            return "data", None
    return "other", None


def catches(analysis: Analysis, frame: Frame, op: ops.Catch, flying: Raised | None) -> bool | None:
    """Whether an ``except`` takes the exception in flight; None where it may or may not."""
    if not op.types:
        return True
    if flying is None or (not flying.names and not flying.cancel):
        return None
    answers = []
    for register in op.types:
        classes = analysis.points.spread(frame, register)
        if not classes:
            answers.append(_guess(analysis, frame, register, flying))
        answers.extend(_one_catches(analysis, cls, flying) for cls in classes)
    if any(answer is True for answer in answers):
        return True
    return None if any(answer is None for answer in answers) else False


def _guess(analysis: Analysis, frame: Frame, register: Register, flying: Raised) -> bool | None:
    """A class that points-to does not know: a call such as ``anyio.get_cancelled_exc_class()``."""
    for made in analysis.shapes.of(frame.function).definitions.get(register, ()):
        if isinstance(made, ops.Call):
            for callee in analysis.points.holds(frame, made.callee):
                if isinstance(callee, LibName) and callee.dotted.endswith("get_cancelled_exc_class"):
                    return flying.cancel
    return None


def _one_catches(analysis: Analysis, cls: Obj, flying: Raised) -> bool | None:
    if isinstance(cls, ClassRef):
        return True if any(name is cls for name in flying.names) else (None if "<again>" in flying.names else False)
    if not isinstance(cls, LibName):
        return None
    if cls.dotted == "builtins.BaseException":
        return True
    if flying.cancel:
        return cls.dotted in CANCELLATIONS
    if cls.dotted in CANCELLATIONS:
        return cls.dotted in flying.names
    if cls.dotted == "builtins.Exception":
        return True
    if cls.dotted in flying.names:
        return True
    caught = getattr(builtins, cls.dotted.removeprefix("builtins."), None)
    for name in flying.names:
        raised = getattr(builtins, name.removeprefix("builtins."), None) if isinstance(name, str) else None
        if isinstance(caught, type) and isinstance(raised, type) and issubclass(raised, caught):
            return True
    return None if "<again>" in flying.names else False
