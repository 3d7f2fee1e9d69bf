"""What keeps an ending from its consumer although both are there.

Nouns:

* **Finalizer**: ``__del__``, or a callback of `weakref.finalize`: it runs when nothing refers to its object any more. An actor
  that holds the object while it waits keeps it from running.
* **Copy**: what a child process sees of an object of its parent: it never learns what the parent stores later.
* **Deputy**: a thread that receives for a task (``await asyncio.to_thread(jobs.get)``): a cancel of the task leaves it blocked.
* **Pickling**: what an item goes through on its way between processes: it comes out equal, but it is another object.
"""

from __future__ import annotations

from chanlint.analysis.attributes import mro
from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.objects import ClassRef, Instance, LibInstance, LibName, Obj
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind, World
from chanlint.ir import ops
from chanlint.ir.ids import FunctionId, OpId
from chanlint.ir.ops import Op
from chanlint.model.channel import Consumer, Ending, Group

ROOTED = frozenset({"thread", "job"})
"""Actors that nobody collects while they wait, nor what they hold."""
FINALIZE = frozenset({"weakref.finalize", "weakref.ref"})
SINGULAR = frozenset(
    {"__eq__", "__reduce__", "__reduce_ex__", "__new__", "__getnewargs__", "__getnewargs_ex__", "__getstate__", "__setstate__"}
)
"""Methods by which a class may decide what comes out of pickling, or what it equals."""


class Barriers:
    """Answers what reaches whom."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.points = analysis.points
        self._unpickled: dict[Obj, Obj] = {}

    # -- finalizers ---------------------------------------------------------------------------------------------------------

    def keeps(self, group: Group, obj: Obj) -> bool:
        """Whether every consumer of a group holds ``obj`` while it waits, so that no finalizer of it runs."""
        return (
            group.actor in ROOTED
            and bool(group.consumers)
            and all(any(self._holds(level.frame, obj) for level in consumer.way.levels) for consumer in group.consumers)
        )

    def _holds(self, frame: Frame, obj: Obj) -> bool:
        if frame.receiver is obj:
            return True
        for param in frame.function.params:
            node = frame.variables.get(param.name)
            if node is not None and list(self.points.graph.points[node]) == [obj]:
                return True
        parent = frame.parent
        if parent is None or parent.receiver is not obj:
            return False
        first = parent.function.params[0].name if parent.function.params else None
        return any(
            isinstance(op, ops.LoadVar) and op.var.owner == parent.function.id and op.var.name == first
            for op in frame.function.cfg.ops()
        )

    def finalized(self, ending: Ending) -> Obj | None:
        """The object whose finalizer alone reaches an ending, None where others reach it, too."""
        found: set[Obj] = set()
        waiting: list[tuple[Frame, Op]] = [(ending.frame, ending.op)]
        seen: set[Frame] = set()
        while waiting:
            frame, op = waiting.pop()
            registered = self._registered(frame, op)
            if registered is not None:
                found.add(registered)
                continue
            if frame in seen:
                continue
            seen.add(frame)
            if not frame.entries:
                return None
            for entry in frame.entries:
                if entry.caller is not None and entry.op is not None and entry.kind is not EntryKind.SPAWN:
                    waiting.append((entry.caller, entry.op))
                elif frame.function.name == "__del__" and isinstance(frame.receiver, Instance):
                    found.add(frame.receiver)
                elif not self._is_private(frame):
                    return None
                elif len(frame.entries) == 1:
                    called = self._called(frame)
                    if not called:
                        return None
                    waiting.extend((other, op) for other in called)
        return found.pop() if len(found) == 1 else None

    def _is_private(self, frame: Frame) -> bool:
        """Whether only the class itself is meant to call a method."""
        return frame.function.cls is not None and frame.function.name.startswith("_") and frame.function.name[:2] != "__"

    def _called(self, frame: Frame) -> list[Frame]:
        """The method as the program calls it on the same object."""
        known = self.points.of_function.get(frame.function.id, ())
        return [each for each in known if each.receiver is frame.receiver and each is not frame and not each.api]

    def _registered(self, frame: Frame, op: Op) -> Obj | None:
        """The object for which ``op`` registers a finalizer."""
        for call in frame.lib_calls.get(op.index, ()):
            if call.effect.op is OpKind.CALL_AT_EXIT and call.arguments is not None and self._is_finalize(frame, op):
                held = [obj for node in call.arguments.positional[:1] for obj in self.points.graph.points[node]]
                return held[0] if len(held) == 1 else None
        return None

    def _is_finalize(self, frame: Frame, op: Op) -> bool:
        return isinstance(op, ops.Call) and any(
            isinstance(obj, LibName) and obj.dotted in FINALIZE for obj in self.points.holds(frame, op.callee)
        )

    # -- deputies -----------------------------------------------------------------------------------------------------------

    def has_deputy(self, consumer: Consumer) -> bool:
        """Whether a thread of a pool receives for the task."""
        levels = consumer.way.levels
        places = [(consumer.event.frame, consumer.event.op), *((level.frame, level.op) for level in levels[1:])]
        return any(
            call.effect.op is OpKind.CALL and call.effect.actor in ("thread", "process")
            for frame, op in places
            for call in frame.lib_calls.get(op.index, ())
        )

    def may_be_woken(self, group: Group, cancel: Event) -> bool:
        """Whether an item may still come to the deputy of a task that was cancelled."""
        for event in group.channel.events:
            if event.kind not in (OpKind.SEND, OpKind.SEND_MANY, OpKind.CLOSE):
                continue
            if event.frame is not cancel.frame:
                return True
            shape = self.analysis.shapes.of(event.frame.function)
            at, sent = shape.positions[cancel.op.index], shape.positions[event.op.index]
            if sent.block in shape.reach(at.block) or (sent.block == at.block and sent.offset > at.offset):
                return True
        return self.analysis.escapes.of(group.channel.obj) is not None

    # -- processes ----------------------------------------------------------------------------------------------------------

    def is_copied(self, group: Group, consumer: Consumer, owner: object, setter: Frame) -> bool:
        """Whether a flag is set in another process than the one whose consumer reads it."""
        if group.actor != "process" or group.spawn is None or not self._is_own(owner):
            return False
        for way in self.analysis.ways_up(setter):
            if way.spawn is not None and way.spawn.callee is group.spawn.callee:
                return False
            if way.start is not None and way.start.kind is EntryKind.LATER:
                return False  # a signal handler of the child, for all that is known
        return setter not in {level.frame for level in consumer.way.levels}

    def _is_own(self, owner: object) -> bool:
        """Whether every process has a flag of its own."""
        if isinstance(owner, LibInstance):
            info = self.analysis.catalogue.types.get(owner.type)
            return info is not None and info.world is World.THREAD
        return isinstance(owner, Instance | ClassRef | FunctionId)

    def unpickled(self, obj: Obj) -> Obj:
        """What a receiver in another process gets: the same for constants, classes and functions, else another object."""
        known = self._unpickled.get(obj)
        if known is None:
            known = self._unpickled[obj] = self._copy(obj)
        return known

    def _copy(self, obj: Obj) -> Obj:
        if isinstance(obj, LibInstance) and obj.type == "builtins.object":
            return LibInstance(obj.type, OpId(obj.site.function, -1 - obj.site.op), obj.maker)
        if isinstance(obj, Instance) and not obj.synthetic and not self._is_singular(obj):
            return Instance(obj.cls, OpId(obj.site.function, -1 - obj.site.op), obj.maker)
        return obj

    def _is_singular(self, obj: Instance) -> bool:
        """Whether a class may see to it that its objects keep their identity, or equal each other."""
        bases = mro(self.points, obj.cls)
        return any(not isinstance(base, ClassRef) or SINGULAR & set(base.frame.variables) for base in bases) or bool(
            self.analysis.program.modules[obj.cls.cls.module].classes[obj.cls.cls].decorators
        )
