"""The analysed program: points-to, events and shapes together, with the questions that the model asks of them."""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.analysis import recognise
from chanlint.analysis.arms import Arms
from chanlint.analysis.escape import Escapes
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.limits import WALK_CALLERS
from chanlint.analysis.multiplicity import Counts
from chanlint.analysis.objects import Container, LibMethod, Obj
from chanlint.analysis.options import AnalysisOptions
from chanlint.analysis.paths import Paths
from chanlint.analysis.pointsto import PointsTo
from chanlint.analysis.raises import Raises
from chanlint.analysis.recognise import Event
from chanlint.analysis.shape import Shapes
from chanlint.analysis.walk import Level
from chanlint.catalogue.schema import Catalogue, OpKind
from chanlint.ir import ops
from chanlint.ir.ids import BlockId, FunctionId
from chanlint.ir.ops import Op, Variable
from chanlint.ir.program import AnyOp, Program

MOST_WAYS_UP = 8
TAKES = frozenset({"pop", "popitem", "popleft", "remove", "discard", "clear", "setdefault"})


class Way:
    """One way from a frame up to the start of its actor.

    Attributes:
        levels: the frame itself, then each caller with the op by which the frame below is entered.
        spawn: the edge that started the actor, None for a caller.
        top: the outermost frame.
    """

    def __init__(self, levels: tuple[Level, ...], spawn: Entry | None, start: Entry | None) -> None:
        self.levels = levels
        self.spawn = spawn
        self.start = start

    @property
    def top(self) -> Frame:
        """The outermost frame."""
        return self.levels[-1].frame


class Analysis:
    """Answers about one program."""

    def __init__(self, program: Program, catalogue: Catalogue, options: AnalysisOptions) -> None:
        self.program = program
        self.catalogue = catalogue
        self.options = options
        self.points = PointsTo(program, catalogue, options).run()
        self.limits = self.points.limits
        self.shapes = Shapes()
        self._writes: dict[Variable, list[FunctionId]] = {}
        for function, store in program.every(ops.StoreVar):
            self._writes.setdefault(store.var, []).append(function.id)
        self.arms = Arms(self)
        self.events: list[Event] = [
            each for each in recognise.events(self.points) if not self.arms.is_dead(each.frame, each.op)
        ]
        self.by_subject: dict[Obj, list[Event]] = {}
        self.at: dict[tuple[Frame, int], list[Event]] = {}
        for event in self.events:
            self.by_subject.setdefault(event.subject, []).append(event)
            self.at.setdefault((event.frame, event.op.index), []).append(event)
        self._waiting: dict[tuple[Frame, Obj], frozenset[BlockId]] = {}
        self._receiving: dict[Obj, set[Frame]] = {}
        self._ways: dict[Frame, list[Way]] = {}
        self.raises = Raises(self)
        self.paths = Paths(self)
        self.escapes = Escapes(self)
        self.counts = Counts(self)
        self._fillings: dict[Obj, list[tuple[Frame, Op]]] | None = None
        self._takings: dict[Obj, list[tuple[Frame, Op]]] | None = None
        self._stores: dict[tuple[object, str], list[tuple[Frame, Op]]] | None = None

    def release(self) -> None:
        """Frees what was found out. Frames, objects and answers point in circles, which Python would search for a long time."""
        frames = self.points.frames
        for part in (
            self.points.graph,
            self.points.heap,
            self.points,
            self.raises,
            self.paths,
            self.escapes,
            self.counts,
            self.arms,
            self,
        ):
            vars(part).clear()
        for frame in frames:
            for table in (frame.variables, frame.entries, frame.calls, frame.lib_calls):
                table.clear()

    def each(self, kind: type[AnyOp]) -> Iterator[tuple[Frame, AnyOp]]:
        """Every op of one class in every frame, in the order of discovery."""
        for frame in self.points.frames:
            for op in self.program.ops(frame.function, kind):
                yield frame, op

    # -- variables ------------------------------------------------------------------------------------------------------

    def writes_of(self, var: Variable) -> int:
        """How many stores a variable has."""
        return len(self._writes.get(var, ()))

    def written_elsewhere(self, var: Variable) -> bool:
        """Whether a function other than its owner stores it."""
        return any(function != var.owner for function in self._writes.get(var, ()))

    def stores(self, owner: object, name: str) -> list[tuple[Frame, Op]]:
        """The places that store attribute ``name`` of an object, or a variable of a function's frame."""
        if self._stores is None:
            self._stores = {}
            for frame in self.points.frames:
                for op in self.shapes.mixed(frame.function, ops.StoreAttr, ops.StoreVar):
                    if isinstance(op, ops.StoreAttr):
                        for obj in self.points.holds(frame, op.obj):
                            self._stores.setdefault((obj, op.attr), []).append((frame, op))
                    elif isinstance(op, ops.StoreVar):
                        self._stores.setdefault((op.var.owner, op.var.name), []).append((frame, op))
        return self._stores.get((owner, name), [])

    def fillings(self, container: Obj) -> list[tuple[Frame, Op]]:
        """The places that add one element to a container after it was made."""
        if self._fillings is None:
            self._fillings = {}
            for frame in self.points.frames:
                for op in self.shapes.mixed(frame.function, ops.Append, ops.StoreItem, ops.Call):
                    if isinstance(op, ops.Append):
                        for obj in self.points.holds(frame, op.container):
                            self._fillings.setdefault(obj, []).append((frame, op))
                    elif isinstance(op, ops.StoreItem):
                        for obj in self.points.holds(frame, op.obj):
                            if isinstance(obj, Container) and obj.kind != "list":
                                self._fillings.setdefault(obj, []).append((frame, op))
                    elif isinstance(op, ops.Call):
                        for obj in self.points.holds(frame, op.callee):
                            if isinstance(obj, LibMethod) and isinstance(obj.receiver, Container):
                                if obj.name in ("append", "add", "appendleft", "insert", "extend", "update"):
                                    self._fillings.setdefault(obj.receiver, []).append((frame, op))
        return self._fillings.get(container, [])

    def takings(self, container: Obj) -> list[tuple[Frame, Op]]:
        """The places that take elements out of a container, or put them at a key."""
        if self._takings is None:
            self._takings = {}
            for frame in self.points.frames:
                for op in self.shapes.mixed(frame.function, ops.StoreItem, ops.DeleteItem, ops.Call):
                    if isinstance(op, ops.StoreItem | ops.DeleteItem):
                        for obj in self.points.holds(frame, op.obj):
                            self._takings.setdefault(obj, []).append((frame, op))
                    elif isinstance(op, ops.Call):
                        for obj in self.points.holds(frame, op.callee):
                            if isinstance(obj, LibMethod) and obj.name in TAKES and isinstance(obj.receiver, Container):
                                self._takings.setdefault(obj.receiver, []).append((frame, op))
        return self._takings.get(container, [])

    def key_name(self, frame: Frame, key: ops.Register) -> str:
        """How the element at a key is called among its container's attributes: ``['open']``, ``[]`` where it is not known."""
        constants = self.points.constants(frame.function)
        return f"[{constants[key]!r}]" if key in constants else "[]"

    # -- receives -------------------------------------------------------------------------------------------------------

    def blocks_at(self, frame: Frame, op: Op, channel: Obj) -> bool:
        """Whether ``op`` is a receive from ``channel`` that may wait without bound."""
        return any(
            event.kind is OpKind.RECEIVE and event.subject is channel and event.blocks
            for event in self.at.get((frame, op.index), ())
        )

    def receives(self, frame: Frame, channel: Obj) -> bool:
        """Whether calling ``frame`` can block in a receive from ``channel``."""
        found = self._receiving.get(channel)
        if found is None:
            found = self._receiving[channel] = set()
            waiting = [
                event.frame for event in self.by_subject.get(channel, ()) if event.kind is OpKind.RECEIVE and event.blocks
            ]
            while waiting:
                current = waiting.pop()
                if current not in found:
                    found.add(current)
                    waiting.extend(e.caller for e in current.entries if e.kind is EntryKind.CALL and e.caller is not None)
        return frame in found

    def waiting_blocks(self, frame: Frame, channel: Obj) -> frozenset[BlockId]:
        """The blocks of ``frame`` in which it, or something that it calls, may wait for an item of ``channel``."""
        known = self._waiting.get((frame, channel))
        if known is None:
            shape = self.shapes.of(frame.function)
            indexes = {
                event.op.index
                for event in self.by_subject.get(channel, ())
                if event.frame is frame and event.kind is OpKind.RECEIVE and event.blocks
            }
            for index, entries in frame.calls.items():
                if any(entry.kind is EntryKind.CALL and self.receives(entry.callee, channel) for entry in entries):
                    indexes.add(index)
            known = frozenset(shape.positions[index].block for index in indexes if index in shape.positions)
            self._waiting[frame, channel] = known
        return known

    # -- ways up --------------------------------------------------------------------------------------------------------

    def ways_up(self, frame: Frame) -> list[Way]:
        """The ways from ``frame`` up to the starts of the actors that run it, at most a few, shortest first."""
        known = self._ways.get(frame)
        if known is not None:
            return known
        found: list[Way] = []
        start = ops.Op(-1)
        waiting: list[tuple[tuple[Level, ...], tuple[Frame, ...]]] = [((Level(frame, start),), (frame,))]
        while waiting and len(found) < MOST_WAYS_UP:
            levels, path = waiting.pop(0)
            top = levels[-1].frame
            if not top.entries and top.function.kind == "module":
                found.append(Way(levels, None, None))
            for entry in top.entries:
                if entry.kind is EntryKind.CALL and entry.caller is not None and entry.op is not None:
                    if entry.caller in path:
                        continue
                    if len(levels) > WALK_CALLERS:
                        self.limits.hit("callers")
                        continue
                    waiting.append(((*levels, Level(entry.caller, entry.op)), (*path, entry.caller)))
                elif entry.kind is EntryKind.SPAWN:
                    found.append(Way(levels, entry, entry))
                else:
                    found.append(Way(levels, None, entry))
        self._ways[frame] = found
        return found
