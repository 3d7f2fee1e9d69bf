"""Which objects unknown code may get hold of: handed to a call that is not understood, returned to callers that are not
analysed, stored in objects that are not known.

Unknown code that holds a channel may close it; that holds a task, may cancel it; that holds a function, may call it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chanlint.analysis import containers
from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.library import argument
from chanlint.analysis.objects import (
    Awaitable,
    Bound,
    ClassRef,
    Const,
    Container,
    End,
    FunctionRef,
    Instance,
    LibInstance,
    LibMethod,
    LibName,
    Obj,
    Partial,
)
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.ids import FunctionId, OpId
from chanlint.ir.ops import Op, Register
from chanlint.ir.program import Function, FunctionKind

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis

RUNS_TARGET = frozenset({OpKind.SPAWN, OpKind.PREPARE, OpKind.CALL, OpKind.CALL_AT_EXIT})
HARMLESS_METHODS = frozenset(
    {"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "format", "join", "startswith", "count"}
)


class Escapes:
    """Answers which objects have escaped, and where."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.where: dict[Obj, OpId] = {}
        self._known_holders: dict[Obj, list[tuple[Obj, str]]] | None = None
        self._lent: set[tuple[FunctionId, Obj | None]] = set()  # methods that unknown code got hold of, with their objects
        self._foreign: list[tuple[Frame, ops.Call]] = []  # the calls of unknown code
        self._offering: Obj | None = None  # whoever calls a method that is only offered has its object already
        for frame in analysis.points.frames:
            self._offering = frame.receiver if frame.api else None
            self._scan(frame)
        self._offering = None
        if not analysis.options.closed_world:
            self._open_names()
        self._spread()

    def _escape(self, obj: Obj, at: OpId) -> None:
        if not isinstance(obj, Const | LibName | ClassRef) and obj not in self.where and obj is not self._offering:
            self.where[obj] = at

    def _hand_over(self, frame: Frame, op: ops.Call, registers: list[Register]) -> None:
        self._foreign.append((frame, op))
        self._registers(frame, op, registers)

    def _registers(self, frame: Frame, op: Op, registers: list[Register]) -> None:
        for register in registers:
            for obj in self.analysis.points.holds(frame, register):
                self._escape(obj, frame.op_id(op))

    def _scan(self, frame: Frame) -> None:
        for op in self.analysis.shapes.mixed(frame.function, ops.Call, ops.StoreAttr, ops.StoreItem, ops.Yield):
            match op:
                case ops.Call() if not op.decorator:
                    self._call(frame, op)
                case ops.StoreAttr():
                    held = self.analysis.points.holds(frame, op.obj)
                    if all(isinstance(obj, Const) for obj in held):  # nothing, or only a default
                        self._registers(frame, op, [op.src])
                case ops.StoreItem():
                    held = self.analysis.points.holds(frame, op.obj)
                    if not any(isinstance(obj, Container) for obj in held):
                        self._registers(frame, op, [op.src])
                case ops.Yield() if not frame.entries:
                    self._registers(frame, op, [op.src])
        unknown_caller = not frame.entries or any(entry.kind is EntryKind.ROOT for entry in frame.entries)
        unknown_caller = unknown_caller or (not self.analysis.options.closed_world and self._is_open(frame.function.name))
        if unknown_caller:
            for node in (frame.returned, frame.yielded):
                for obj in self.analysis.points.graph.points[node]:
                    self._escape(obj, OpId(frame.function.id, -1))

    def _is_open(self, name: str) -> bool:
        """Whether code that is not analysed may use a name: where only one file is seen, every one without an underscore."""
        return not name.startswith(("_", "<")) or (name.startswith("__") and name.endswith("__"))

    def _open_names(self) -> None:
        """Module variables and attributes with open names hold what other files can get hold of."""
        graph = self.analysis.points.graph
        for frame in self.analysis.points.frames:
            if frame.function.kind in (FunctionKind.MODULE, FunctionKind.CLASS):
                for name, node in frame.variables.items():
                    if self._is_open(name):
                        for obj in graph.points[node]:
                            self._escape(obj, OpId(frame.function.id, -1))
        for (owner, name), node in graph.attribute_nodes():
            if isinstance(owner, Instance) and self._is_open(name):
                for obj in graph.points[node]:
                    self._escape(obj, OpId(owner.cls.frame.function.id, -1))

    def _call(self, frame: Frame, op: ops.Call) -> None:
        points = self.analysis.points
        callees = points.holds(frame, op.callee)
        arguments = [argument.value for argument in op.args]
        if all(isinstance(callee, Const) for callee in callees):  # nothing, or only a default
            if not self._harmless_name(frame, op):
                self._hand_over(frame, op, arguments)
            return
        for callee in callees:
            if isinstance(callee, LibName) and (frame, op.index) in points.unresolved:
                if callee.dotted not in containers.FUNCTIONS and callee.dotted not in self.analysis.catalogue.functions:
                    if not self._is_exception(callee.dotted):
                        self._hand_over(frame, op, arguments)
        for call in frame.lib_calls.get(op.index, ()):
            if call.effect.op not in RUNS_TARGET or call.arguments is None:
                continue
            target = argument(call.arguments, call.effect.target)
            if target is not None and not points.graph.points[target]:
                self._hand_over(frame, op, arguments)

    def _harmless_name(self, frame: Frame, op: ops.Call) -> bool:
        made = self.analysis.shapes.of(frame.function).definitions.get(op.callee, ())
        return any(isinstance(load, ops.LoadAttr) and load.attr in HARMLESS_METHODS for load in made)

    def _is_exception(self, dotted: str) -> bool:
        return dotted.endswith(("Error", "Exception", "Warning"))

    def _spread(self) -> None:
        """Whoever holds a container holds its elements; a partial, its arguments; a closure, a way to call it."""
        points = self.analysis.points
        waiting = list(self.where)
        while waiting:
            obj = waiting.pop()
            at = self.where[obj]
            inner: list[Obj] = []
            match obj:
                case Container():
                    inner = [each for name in points.graph.attribute_names(obj) for each in self._held(obj, name)]
                case Partial():
                    arguments = points.partials[obj]
                    nodes = [*arguments.positional, *(node for _, node in arguments.keywords)]
                    inner = [each for node in nodes for each in points.graph.points[node]]
                case LibMethod() if obj.name not in ("get", "get_nowait", "receive", "qsize", "empty", "full", "is_set"):
                    inner = [obj.receiver]
                case Bound():
                    self._lent.add((obj.function.function.id, obj.receiver))
                case Awaitable():
                    inner = [call.receiver for call in points.awaitables.get(obj, ()) if call.receiver is not None]
                case End():
                    inner = [obj.channel]
                case LibInstance() if (info := self.analysis.catalogue.types.get(obj.type)) is not None:
                    inner = [each for name in info.parts for each in self._held(obj, name)]
            for each in inner:
                if each not in self.where:
                    self._escape(each, at)
                    if each in self.where:
                        waiting.append(each)

    def _held(self, obj: Obj, name: str) -> list[Obj]:
        node = self.analysis.points.graph.known_attribute(obj, name)
        return list(self.analysis.points.graph.points[node]) if node is not None else []

    def of(self, obj: Obj) -> OpId | None:
        """Where an object escapes, or None."""
        return self.where.get(obj)

    def callable_from_outside(self, frame: Frame) -> bool:
        """Whether unknown code got hold of the function that runs in ``frame``."""
        if (frame.function.id, frame.receiver) in self._lent:
            return True
        return any(ref in self.where for ref in self.analysis.points.refs.get(frame.function.id, ()))

    def given_with(self, frame: Frame) -> list[Obj]:
        """What unknown code was given together with the function that runs in ``frame``, perhaps to call it with."""
        if not self.callable_from_outside(frame):
            return []
        found: list[Obj] = []
        for held in self._given_to_unknown.get(frame.function, ()):
            if any(self._runs(obj, frame) for obj in held):
                found.extend(obj for obj in held if not self._runs(obj, frame))
        return found

    @cached_property
    def _given_to_unknown(self) -> dict[Function, list[list[Obj]]]:
        """What calls of unknown code are given, all together, by the functions among it."""
        known: dict[Function, list[list[Obj]]] = {}
        for caller, op in self._foreign:
            held = [obj for argument in op.args for obj in self.analysis.points.holds(caller, argument.value)]
            given = (obj.function if isinstance(obj, Bound) else obj for obj in held)
            for function in dict.fromkeys(ref.function for ref in given if isinstance(ref, FunctionRef)):
                known.setdefault(function, []).append(held)
        return known

    def _runs(self, obj: Obj, frame: Frame) -> bool:
        if isinstance(obj, Bound):
            return obj.function.function is frame.function and obj.receiver is frame.receiver
        return isinstance(obj, FunctionRef) and obj.function is frame.function

    def holders(self, obj: Obj) -> list[tuple[Obj, str]]:
        """The objects whose attributes or cells hold ``obj`` directly."""
        return self._holders().get(obj, [])

    def _holders(self) -> dict[Obj, list[tuple[Obj, str]]]:
        known = self._known_holders
        if known is None:
            known = self._known_holders = {}
            graph = self.analysis.points.graph
            for (owner, name), node in graph.attribute_nodes():
                if name.startswith("<") or not isinstance(owner, Instance | Container | ClassRef | LibInstance | FunctionRef):
                    continue
                for held in graph.points[node]:
                    known.setdefault(held, []).append((owner, name))
        return known
