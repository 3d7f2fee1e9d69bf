"""Finds operations of asynchronous channels that are called and never awaited: nothing is sent, received or closed.

Nouns:

* **Futile use**: a use of a coroutine as if it were the value that awaiting it gives (a test, a comparison, arithmetic).

Evidence is that the coroutine goes nowhere: it is dropped, stored in a name that nobody reads, or put to futile uses only; or
that the method is handed to something that calls plain functions (``call_soon_threadsafe(q.put, x)``). Whatever else may get
hold of it may await it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chanlint.analysis import recognise
from chanlint.analysis.frames import Frame, LibCall
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import LibMethod, Obj
from chanlint.catalogue.schema import Category, OpKind, World
from chanlint.diagnostics import Confidence
from chanlint.ir import ops
from chanlint.ir.operands import operands
from chanlint.ir.ops import Op, Register, Variable
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.survey import Survey

KINDS = frozenset({OpKind.SEND, OpKind.SEND_MANY, OpKind.RECEIVE, OpKind.AWAIT_DRAINED, OpKind.CLOSE})
OF_COROUTINES = frozenset({"send", "throw", "close"})
MOST_STEPS = 24


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class UnawaitedOp(Defect):
    """A coroutine of a channel that nobody awaits.

    Attributes:
        kind: what does not happen.
        method: the name of the method that is called.
        used: its coroutine is used as if it were what awaiting it gives.
        handed: the method is handed to something that calls it and drops the coroutine.
    """

    kind: OpKind
    method: str
    used: bool
    handed: bool


def find(survey: Survey) -> Iterator[UnawaitedOp]:
    """The operations that are never awaited, frame by frame."""
    finder = _Finder(survey)
    for frame in survey.analysis.points.frames:
        for calls in frame.lib_calls.values():
            for call in calls:
                found = finder.judge(frame, call, calls)
                if found is not None:
                    yield found


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.analysis = survey.analysis
        self.channels: dict[Obj | None, Channel] = {channel.obj: channel for channel in survey.channels}
        self._readers: dict[object, dict[Register, list[Op]]] = {}
        self._loads: dict[Variable, list[tuple[object, ops.LoadVar]]] | None = None

    def judge(self, frame: Frame, call: LibCall, siblings: list[LibCall]) -> UnawaitedOp | None:
        """The defect at one catalogued call."""
        if not call.effect.awaitable or call.effect.op not in KINDS or not isinstance(call.op, ops.Call):
            return None
        channel = self.channels.get(channel_of(call.receiver))
        if channel is None:
            return None
        handed = self._is_callback(siblings)
        if not handed and (call.awaited or not self._only_such(frame, call.op)):
            return None
        uses = 0 if handed else self._uses(frame, call.op.dst)
        if uses is None:
            return None
        return UnawaitedOp(
            channel=channel,
            at=frame.op_id(call.op),
            function=frame.function.id,
            confidence=Confidence.MEDIUM if channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            kind=call.effect.op,
            method=call.name,
            used=uses > 0,
            handed=handed,
        )

    def _is_callback(self, siblings: list[LibCall]) -> bool:
        """Whether the method is handed to an event loop as a plain callback, or started as a thread."""
        for other in siblings:
            info = recognise.type_of(self.analysis.points, other.receiver)
            if other.effect.op is OpKind.CALL and other.effect.target is not None and not other.effect.coroutine:
                if info is not None and info.category is Category.NAMESPACE and info.world is World.ASYNCIO:
                    return True
            if other.effect.op is OpKind.START and info is not None and info.actor in ("thread", "process"):
                return True
        return False

    def _only_such(self, frame: Frame, op: ops.Call) -> bool:
        """Whether every callee of ``op`` is a method that has to be awaited."""
        for callee in self.analysis.points.holds(frame, op.callee):
            if not isinstance(callee, LibMethod):
                return False
            effect = self.analysis.catalogue.method(callee.type, callee.name)
            if effect is None or not effect.awaitable:
                return False
        return True

    # -- where a coroutine goes -------------------------------------------------------------------------------------------

    def _uses(self, frame: Frame, register: Register) -> int | None:
        """How many futile uses a register has; None where anything may come of it."""
        found, seen, waiting = 0, {register}, [register]
        while waiting:
            if len(seen) > MOST_STEPS:
                return None
            for op in self._read_by(frame, waiting.pop()):
                following: list[Register] = []
                match op:
                    case ops.Copy():
                        following = [op.dst]
                    case ops.StoreVar():
                        loads = self._loads_of(frame, op.var)
                        if loads is None:
                            return None
                        following = [load.dst for load in loads]
                    case _ if self._is_futile(op):
                        found += 1
                    case _:
                        return None
                waiting.extend(r for r in following if r not in seen)
                seen.update(following)
        return found

    def _is_futile(self, op: Op) -> bool:
        match op:
            case ops.Branch() | ops.Compare() | ops.Unpack() | ops.LoadItem():
                return True
            case ops.Compute(operator=operator):
                return operator not in ("unknown", "template", "slice")
            case ops.LoadAttr(attr=attr):
                return attr not in OF_COROUTINES and not attr.startswith(("__", "cr_", "ag_", "gi_"))
            case ops.IterStart(is_async=is_async):
                return not is_async
        return False

    def _read_by(self, frame: Frame, register: Register) -> list[Op]:
        readers = self._readers.get(frame.function)
        if readers is None:
            readers = self._readers[frame.function] = {}
            for op in self.analysis.shapes.of(frame.function).by_index.values():
                for each in operands(op):
                    readers.setdefault(each, []).append(op)
        return readers.get(register, [])

    def _loads_of(self, frame: Frame, var: Variable) -> list[ops.LoadVar] | None:
        """The loads of a local variable, None where another function or module may read it."""
        if var.owner != frame.function.id or frame.function.parent is None:
            return None
        if self._loads is None:
            self._loads = {}
            for module in self.analysis.program.modules.values():
                for function in module.functions.values():
                    for op in function.cfg.ops():
                        if isinstance(op, ops.LoadVar):
                            self._loads.setdefault(op.var, []).append((function.id, op))
        loads = self._loads.get(var, [])
        if any(function != var.owner for function, _ in loads):
            return None
        return [load for _, load in loads]
