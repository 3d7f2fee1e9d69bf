"""Which ops may raise, as maintainers see it: "the handler raised and the workers stayed", not "the logger might raise".

Counted: an explicit ``raise`` in the program, a callback handed in from outside, ``await`` on foreign work, I/O, parsing,
unknown library functions. Not counted: what in practice does not raise (logging, ``print``, starting a thread, an
unbounded put, string and container methods). In between lies what is only possible: methods of objects that are not known.
"""

from __future__ import annotations

import builtins
import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chanlint.analysis.attributes import mro
from chanlint.analysis.calm import CALM_METHODS, CALM_MODULES, NARROW
from chanlint.analysis.frames import EntryKind, Frame, LibCall
from chanlint.analysis.objects import (
    Awaitable,
    ClassRef,
    Coroutine,
    Instance,
    LibInstance,
    LibMethod,
    LibName,
    Obj,
)
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.cfg import RAISE_EXIT
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Op

if TYPE_CHECKING:
    from chanlint.analysis.program import Analysis


class Risk(enum.IntEnum):
    """How likely an op raises."""

    NONE = 0
    POSSIBLE = 1
    COUNTS = 2


RISKY_BUILTINS = frozenset(
    {"builtins.open", "builtins.int", "builtins.float", "builtins.next", "builtins.eval", "builtins.exec"}
)
KNOWN_RAISES = {
    "builtins.int": ("builtins.ValueError",),
    "builtins.float": ("builtins.ValueError",),
    "builtins.open": ("builtins.OSError",),
    "builtins.next": ("builtins.StopIteration",),
    "json.loads": ("builtins.ValueError",),
    "json.load": ("builtins.ValueError",),
}
PROPAGATES = frozenset({OpKind.AWAIT_ALL})
_MAY_RAISE = frozenset({ops.Raise, ops.Call, ops.Await, ops.Iterate, ops.Enter})


class Raises:
    """Answers whether an op may raise, and whether a frame lets exceptions out."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._frames: dict[Frame, Risk] = {}
        self._leaving: dict[tuple[Frame, BlockId, tuple[str, ...]], bool] = {}
        self._risks: dict[tuple[Frame, Op], Risk] = {}
        self._names: dict[tuple[Frame, Op], tuple[str, ...]] = {}
        self._open = 0  # frames about which an answer is being looked for: until then others are not final

    def risk(self, frame: Frame, op: Op) -> Risk:
        """How likely ``op`` raises."""
        if type(op) not in _MAY_RAISE:
            return Risk.NONE
        known = self._risks.get((frame, op))
        if known is None:
            known = self._risk(frame, op)
            if not self._open:
                self._risks[frame, op] = known
        return known

    def _risk(self, frame: Frame, op: Op) -> Risk:
        match op:
            case ops.Raise():
                return Risk.POSSIBLE if self._is_assertion(frame, op) else Risk.COUNTS
            case ops.Call() if not op.decorator:
                return self._call(frame, op)
            case ops.Await():
                return self._await(frame, op)
            case ops.Iterate() | ops.Enter():
                inner = self._entered(frame, op)
                if inner is None and isinstance(op, ops.Iterate) and op.is_async:
                    return Risk.NONE if self.analysis.points.holds(frame, op.iterator) else Risk.COUNTS  # foreign work
                return inner if inner is not None else Risk.NONE
        return Risk.NONE

    def _is_assertion(self, frame: Frame, op: ops.Raise) -> bool:
        if op.exception is None:
            return False
        names = {obj.dotted for obj in self.analysis.points.holds(frame, op.exception) if isinstance(obj, LibName)}
        for made in self.analysis.shapes.of(frame.function).definitions.get(op.exception, ()):
            if isinstance(made, ops.Call):
                held = self.analysis.points.holds(frame, made.callee)
                names |= {obj.dotted for obj in held if isinstance(obj, LibName)}
        return bool(names & {"builtins.AssertionError", "builtins.NotImplementedError"})

    def _entered(self, frame: Frame, op: Op) -> Risk | None:
        inner = [e.callee for e in frame.calls.get(op.index, ()) if e.kind is EntryKind.CALL]
        if not inner:
            return None
        return max(self.lets_out(callee) for callee in inner)

    def _call(self, frame: Frame, op: ops.Call) -> Risk:
        if self._is_handed_in(frame, op):
            return Risk.COUNTS
        found = self._entered(frame, op)
        if found is not None:
            return found
        callees = self.analysis.points.holds(frame, op.callee)
        if any(isinstance(obj, LibName) and obj.dotted in RISKY_BUILTINS for obj in callees):
            number = any(isinstance(obj, LibName) and obj.dotted in ("builtins.int", "builtins.float") for obj in callees)
            plain = number and (not op.args or self._literals(frame, op.args[0].value))
            return Risk.NONE if plain else Risk.COUNTS
        known = frame.lib_calls.get(op.index, ())
        if known:
            return Risk.COUNTS if any(self._propagates(call) for call in known) else Risk.NONE
        if not callees:
            return self._unknown(frame, op)
        return max((self._callee(obj) for obj in callees), default=Risk.NONE)

    def _propagates(self, call: LibCall) -> bool:
        """Whether a call raises what one of several actors raises (``gather``, unless it ``return_exceptions``)."""
        if call.effect.op not in PROPAGATES or call.effect.parted:
            return False
        return call.arguments is None or call.arguments.named("return_exceptions") is None

    def _is_handed_in(self, frame: Frame, op: ops.Call) -> bool:
        """Whether the callee is a parameter of a function that unknown code calls, whatever its default is."""
        if not any(entry.kind is EntryKind.ROOT for entry in frame.entries):
            return False
        params = {param.name for param in frame.function.params[1 if frame.receiver is not None else 0 :]}
        made = self.analysis.shapes.of(frame.function).definitions.get(op.callee, ())
        return any(
            isinstance(load, ops.LoadVar) and load.var.owner == frame.function.id and load.var.name in params for load in made
        )

    def _literals(self, frame: Frame, register: ops.Register) -> list[object]:
        made = self.analysis.shapes.of(frame.function).definitions.get(register, ())
        return [op.value for op in made if isinstance(op, ops.Const)]

    def _callee(self, obj: object) -> Risk:
        if isinstance(obj, LibName):
            if obj.dotted.startswith(CALM_MODULES) or obj.dotted.endswith(("Error", "Exception", "Warning")):
                return Risk.NONE
            effect = self.analysis.catalogue.functions.get(obj.dotted)
            if effect is not None:
                return Risk.NONE
            name = obj.dotted.rpartition(".")[2]
            return Risk.NONE if name in CALM_METHODS else Risk.COUNTS
        if isinstance(obj, LibMethod):
            return Risk.NONE
        return Risk.NONE

    def _unknown(self, frame: Frame, op: ops.Call) -> Risk:
        for made in self.analysis.shapes.of(frame.function).definitions.get(op.callee, ()):
            if isinstance(made, ops.LoadVar):
                params = {param.name for param in frame.function.params}
                if made.var.name in params and made.var.owner == frame.function.id:
                    return Risk.COUNTS
                return Risk.COUNTS if self._is_outer_param(frame, made) else Risk.POSSIBLE
            if isinstance(made, ops.LoadAttr):
                if made.attr in CALM_METHODS or made.attr.startswith(("log", "_log", "is_", "has_", "get_")):
                    return Risk.NONE
                if any(isinstance(obj, Instance) for obj in self.analysis.points.holds(frame, made.obj)):
                    return Risk.COUNTS
        return Risk.POSSIBLE

    def _is_outer_param(self, frame: Frame, load: ops.LoadVar) -> bool:
        at = frame.parent
        while at is not None:
            if at.function.id == load.var.owner:
                return load.var.name in {param.name for param in at.function.params}
            at = at.parent
        return False

    def _await(self, frame: Frame, op: ops.Await) -> Risk:
        inner = self._entered(frame, op)
        if inner is not None:
            return inner
        held = self.analysis.points.holds(frame, op.src)
        if any(isinstance(obj, Awaitable | Coroutine | LibInstance) for obj in held):
            return Risk.NONE
        for made in self.analysis.shapes.of(frame.function).definitions.get(op.src, ()):
            if isinstance(made, ops.Call):
                if frame.lib_calls.get(made.index):
                    return Risk.NONE
                callees = self.analysis.points.holds(frame, made.callee)
                if any(isinstance(obj, LibName) and obj.dotted.startswith(CALM_MODULES) for obj in callees):
                    return Risk.NONE
        return Risk.COUNTS

    def is_likelier(self, frame: Frame, op: Op, where: Frame, than: Op) -> bool:
        """Whether ``op`` is a better example of what raises: not one that only makes an object, where the other does."""
        return self._only_makes(where, than) and not self._only_makes(frame, op)

    def _only_makes(self, frame: Frame, op: Op) -> bool:
        """Whether an op calls a class, as far as its name tells."""
        if not isinstance(op, ops.Call):
            return False
        names = {
            obj.dotted.rpartition(".")[2] for obj in self.analysis.points.holds(frame, op.callee) if isinstance(obj, LibName)
        }
        for made in self.analysis.shapes.of(frame.function).definitions.get(op.callee, ()) if not names else ():
            names |= (
                {made.var.name} if isinstance(made, ops.LoadVar) else {made.attr} if isinstance(made, ops.LoadAttr) else set()
            )
        return any(name.lstrip("_")[:1].isupper() for name in names)

    # -- kinds of exceptions ----------------------------------------------------------------------------------------------

    def names(self, frame: Frame, op: Op) -> tuple[str, ...]:
        """The exceptions that ``op`` raises, where all of them are explicit in the program; else nothing."""
        known = self._names.get((frame, op))
        if known is None:
            known = self._names_of(frame, op, 0)
            if not self._open:
                self._names[frame, op] = known
        return known

    def _names_of(self, frame: Frame, op: Op, depth: int) -> tuple[str, ...]:
        if isinstance(op, ops.Raise):
            return tuple(sorted(self._raised(frame, op)))
        if isinstance(op, ops.Call):
            for call in frame.lib_calls.get(op.index, ()):
                if call.effect.nonblocking:
                    return call.effect.raises
            for obj in self.analysis.points.holds(frame, op.callee):
                if isinstance(obj, LibName) and obj.dotted in KNOWN_RAISES:
                    return KNOWN_RAISES[obj.dotted]
        inner = [e.callee for e in frame.calls.get(op.index, ()) if e.kind is EntryKind.CALL]
        if not inner or depth > 3:
            return ()
        found: set[str] = set()
        for callee in inner:
            for block in callee.function.cfg.blocks.values():
                for each in (*block.ops, block.terminator):
                    if self.risk(callee, each) is not Risk.COUNTS:
                        continue
                    if isinstance(each, ops.Raise) and each.exception is None:
                        continue
                    some = self._names_of(callee, each, depth + 1)
                    if self.leaves(callee, block.handler, some):
                        if not some:
                            return ()
                        found.update(some)
        return tuple(sorted(found))

    def _raised(self, frame: Frame, op: ops.Raise) -> set[str]:
        if op.exception is None:
            return set()
        found: set[str] = set()
        for made in self.analysis.shapes.of(frame.function).definitions.get(op.exception, ()):
            register = made.callee if isinstance(made, ops.Call) else op.exception
            found.update(_class_names(self.analysis.points.holds(frame, register)))
        return found

    def caught_names(self, frame: Frame, catch: ops.Catch) -> list[str]:
        """The names of the exceptions that an ``except`` takes."""
        return _class_names(self._caught(frame, catch))

    def _caught(self, frame: Frame, catch: ops.Catch) -> list[Obj]:
        return [obj for register in catch.types for obj in self.analysis.points.spread(frame, register)]

    def catches(self, frame: Frame, catch: ops.Catch, raised: tuple[str, ...]) -> bool | None:
        """Whether an ``except`` takes all (True), none (False) or some of the exceptions called ``raised``."""
        caught = self._caught(frame, catch)
        if not caught:
            return None
        taken = [any(self._takes(cls, name) for cls in caught) for name in raised]
        return True if all(taken) else (None if any(taken) else False)

    def _takes(self, cls: Obj, name: str) -> bool:
        if isinstance(cls, ClassRef):
            return str(cls.cls) == name or any(
                cls in mro(self.analysis.points, other) for other in self.analysis.points.classes if str(other.cls) == name
            )
        if not isinstance(cls, LibName):
            return False
        if cls.dotted == name or cls.dotted in ("builtins.Exception", "builtins.BaseException"):
            return True
        wide = getattr(builtins, cls.dotted.removeprefix("builtins."), None)
        narrow = getattr(builtins, name.removeprefix("builtins."), None)
        if isinstance(wide, type) and isinstance(narrow, type):
            return issubclass(narrow, wide)
        return any(cls in mro(self.analysis.points, other) for other in self.analysis.points.classes if str(other.cls) == name)

    # -- frames ---------------------------------------------------------------------------------------------------------

    def lets_out(self, frame: Frame) -> Risk:
        """How likely an exception leaves ``frame``; a recursive question is answered with no."""
        known = self._frames.get(frame)
        if known is not None:
            return known
        self._frames[frame] = Risk.NONE
        self._open += 1
        found = Risk.NONE
        for block in frame.function.cfg.blocks.values():
            if found is Risk.COUNTS:
                break
            for op in (*block.ops, block.terminator):
                if isinstance(op, ops.Raise) and op.exception is None:
                    continue  # it passes on what something else raised
                risk = self.risk(frame, op)
                if risk > found and self.leaves(frame, block.handler, self.names(frame, op)):
                    found = risk
        self._open -= 1
        self._frames[frame] = found
        return found

    def leaves(self, frame: Frame, handler: BlockId, names: tuple[str, ...] = ()) -> bool:
        """Whether an exception called one of ``names`` (empty: of unknown kind) can leave the function from ``handler``."""
        if handler == RAISE_EXIT:
            return True
        key = (frame, handler, names)
        known = self._leaving.get(key)
        if known is not None:
            return known
        self._leaving[key] = False
        seen: set[BlockId] = set()
        waiting = [handler]
        answer = False
        while waiting and not answer:
            block = waiting.pop()
            if block in seen:
                continue
            seen.add(block)
            if block < 0:
                answer = block == RAISE_EXIT
                continue
            end = frame.function.cfg.blocks[block].terminator
            match end:
                case ops.Catch():
                    waiting.extend(self.routes(frame, end, names))
                case ops.Raise():
                    waiting.append(frame.function.cfg.blocks[block].handler)
                case _:
                    waiting.extend(self.analysis.shapes.of(frame.function).normal_targets(block))
        self._leaving[key] = answer
        return answer

    def routes(self, frame: Frame, catch: ops.Catch, names: tuple[str, ...]) -> list[BlockId]:
        """Where an exception goes at an ``except``.

        One of unknown kind is taken by whoever names any ordinary exception: that handler is there because somebody expects it.
        """
        if self.catches_all(frame, catch):
            return [catch.matched]
        if names:
            some = self.catches(frame, catch, names)
            return [catch.matched] if some else [catch.unmatched] if some is False else [catch.matched, catch.unmatched]
        caught = {name.rpartition(".")[2] for name in self.caught_names(frame, catch)}
        return [catch.unmatched] if caught and caught <= NARROW else [catch.matched]

    def catches_all(self, frame: Frame, catch: ops.Catch) -> bool:
        """Whether an ``except`` takes every ordinary exception."""
        if not catch.types:
            return True
        for register in catch.types:
            for obj in self.analysis.points.holds(frame, register):
                if isinstance(obj, LibName) and obj.dotted in ("builtins.Exception", "builtins.BaseException"):
                    return True
        return False


def _class_names(objects: Sequence[Obj]) -> list[str]:
    """The names of the classes among ``objects``: dotted, or module and qualified name for those of the program."""
    return [obj.dotted if isinstance(obj, LibName) else str(obj.cls) for obj in objects if isinstance(obj, LibName | ClassRef)]
