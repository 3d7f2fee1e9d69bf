"""The maintainers' policy in one readable file: where a channel lives, and which endless consumers nobody would call a leak.

Silent are consumers that are made once for the life of the program, tasks of the main coroutine, and whatever unknown code may
hold. Reported is the same made per call, per request or per object.
"""

from __future__ import annotations

from chanlint.analysis import recognise
from chanlint.analysis.attributes import mro
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import ClassRef, Const, Container, End, FunctionRef, Instance, LibInstance, Obj
from chanlint.analysis.program import Analysis
from chanlint.catalogue.schema import Category, OpKind
from chanlint.ir.ops import Op
from chanlint.ir.program import FunctionKind
from chanlint.model.channel import Home, HomeKind

MOST_STEPS_UP = 4
DEPTH_OF_GLOBALS = 4
ONCE = frozenset({"lru_cache", "cache", "cached_property", "once"})


class Lifetimes:
    """Answers how long things live."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.points = analysis.points
        self.single: set[Obj] = set()
        self.shared: set[Obj] = set()
        self._find_globals()

    # -- what lives as long as the program --------------------------------------------------------------------------------

    def _find_globals(self) -> None:
        """Objects that module variables hold: by themselves (single), or as elements of a container (shared)."""
        graph = self.points.graph
        waiting: list[tuple[Obj, bool, int]] = []
        for frame in self.points.frames:
            if frame.function.kind not in (FunctionKind.MODULE, FunctionKind.CLASS):
                continue
            for variable in frame.variables.values():
                waiting.extend((obj, False, 0) for obj in graph.points[variable])
        while waiting:
            obj, in_container, depth = waiting.pop()
            found = self.shared if in_container else self.single
            if obj in found or isinstance(obj, Const | FunctionRef) or depth > DEPTH_OF_GLOBALS:
                continue
            found.add(obj)
            if isinstance(obj, End):
                waiting.append((obj.channel, in_container, depth))
            if isinstance(obj, Instance | Container | LibInstance | ClassRef):
                inside = in_container or (isinstance(obj, Container) and obj.kind != "tuple")
                for name in graph.attribute_names(obj):
                    node = graph.known_attribute(obj, name)
                    if node is not None and not name.startswith("<"):
                        waiting.extend((held, inside, depth + 1) for held in graph.points[node])

    def is_live(self, obj: Obj) -> bool:
        """Whether something that outlives the call refers to ``obj``."""
        return obj in self.single or obj in self.shared

    def runs_once(self, frame: Frame, op: Op | None, *, fixed: bool = False) -> bool:
        """Whether ``op`` of ``frame`` runs once in the life of the program: at module level, or in what only that calls.

        Args:
            frame: a frame.
            op: one of its ops.
            fixed: a loop of ``frame`` itself with a known number of rounds will do: ``for _ in range(4): Thread(...).start()``.
        """
        seen = 0
        while seen < MOST_STEPS_UP:
            seen += 1
            if op is not None and self.analysis.shapes.of(frame.function).in_loop(op):
                if not fixed or seen > 1 or self.analysis.counts.of(frame, op).is_many:
                    return False
            if frame.function.kind is FunctionKind.MODULE:
                return True
            if any(text.rpartition(".")[2] in ONCE for text in frame.function.decorators):
                return True
            entries = [entry for entry in frame.entries if entry.kind is not EntryKind.LATER]
            if frame.function.name in ("main", "_main", "amain", "async_main") and frame.function.cls is None:
                return all(entry.caller is None or entry.caller.function.kind is FunctionKind.MODULE for entry in entries)
            if len(entries) != 1 or entries[0].caller is None or entries[0].kind is EntryKind.SPAWN:
                return False
            frame, op = entries[0].caller, entries[0].op
        return False

    # -- homes -------------------------------------------------------------------------------------------------------------

    def home(self, obj: Obj, maker: Frame | None) -> Home:
        """Where ``obj`` lives."""
        if obj in self.single or (isinstance(obj, ClassRef)):
            return Home(HomeKind.PROGRAM)
        if maker is None:
            return Home(HomeKind.OBJECT, owner=obj)
        handles = self.handles(obj)
        for record in self._records(handles):
            handles |= self.handles(record)
            maker = record.maker or maker
        for _ in range(MOST_STEPS_UP):
            owner = self._owner(handles, maker)
            if owner is not None:
                holder, name = owner
                if isinstance(holder, ClassRef):
                    return Home(HomeKind.PROGRAM)
                return Home(HomeKind.OBJECT, maker, holder, public=not name.startswith("_"))
            above = self._returned_to(handles, maker)
            if above is None:
                break
            maker = above
        if maker.function.kind in (FunctionKind.MODULE, FunctionKind.CLASS):
            return Home(HomeKind.PROGRAM, maker)
        return Home(HomeKind.CALL, maker)

    def handles(self, obj: Obj) -> set[Obj]:
        """The object, its ends, and the containers and library objects with parts that hold it."""
        found = {obj}
        for end in self.points.heap.all(End):
            if end.channel is obj:
                found.add(end)
        waiting = list(found)
        while waiting:
            for holder, _ in self.analysis.escapes.holders(waiting.pop()):
                passes = isinstance(holder, Container) or recognise.has_parts(self.points, holder)
                if passes and holder not in found:
                    found.add(holder)
                    waiting.append(holder)
        return found

    def _records(self, handles: set[Obj]) -> list[Instance]:
        """The objects without methods (dataclasses that only hold values) that hold the channel: it lives where they do."""
        found: list[Instance] = []
        for handle in sorted(handles, key=self.points.heap.order.__getitem__):
            for holder, _ in self.analysis.escapes.holders(handle):
                if isinstance(holder, Instance) and holder.maker is not None and self._is_record(holder):
                    found.append(holder)
        return found[:1]

    def _is_record(self, holder: Instance) -> bool:
        bodies = [base.frame for base in mro(self.points, holder.cls) if isinstance(base, ClassRef)]
        return not any(
            isinstance(obj, FunctionRef)
            for body in bodies
            for node in body.variables.values()
            for obj in self.points.graph.points[node]
        )

    def _owner(self, handles: set[Obj], maker: Frame, path: tuple[Obj, ...] = ()) -> tuple[Obj, str] | None:
        """An object, not itself local to ``maker``, that keeps the channel in an attribute; ``path``: what was passed."""
        for handle in sorted(handles, key=self.points.heap.order.__getitem__):
            for holder, name in self.analysis.escapes.holders(handle):
                if isinstance(holder, ClassRef):
                    return holder, name
                if isinstance(holder, Instance) and holder not in handles and holder not in path:
                    if not self._is_local(holder, maker, path):
                        return holder, name
        return None

    def _is_local(self, holder: Instance, maker: Frame, path: tuple[Obj, ...]) -> bool:
        """Whether an object is made in ``maker`` (or by what it calls) and does not leave it."""
        if holder.synthetic or holder.maker is None or maker.receiver is holder:
            return False
        at: Frame | None = holder.maker
        for _ in range(MOST_STEPS_UP):
            if at is maker:
                return not self._leaves(holder, maker, (*path, holder))
            if at is None or len(at.entries) != 1:
                return False
            at = at.entries[0].caller
        return False

    def _leaves(self, obj: Obj, frame: Frame, path: tuple[Obj, ...]) -> bool:
        held = [*self.points.graph.points[frame.returned], *self.points.graph.points[frame.yielded]]
        if obj in held or self.is_live(obj) or self.analysis.escapes.of(obj) is not None:
            return True
        return len(path) < MOST_STEPS_UP and self._owner(self.handles(obj), frame, path) is not None

    def _returned_to(self, handles: set[Obj], maker: Frame) -> Frame | None:
        """The one caller to whom ``maker`` returns the channel."""
        graph = self.points.graph
        if not any(obj in handles for obj in graph.points[maker.returned]):
            return None
        callers = [entry.caller for entry in maker.entries if entry.kind is EntryKind.CALL and entry.caller is not None]
        return callers[0] if len(set(map(id, callers))) == 1 else None

    # -- policy ------------------------------------------------------------------------------------------------------------

    def silence(self, home: Home, spawn: Entry | None, *, daemon: bool, keeps_interpreter: bool) -> str | None:
        """Why a consumer that nothing ends is nevertheless no leak, or None."""
        if spawn is None or spawn.caller is None:
            return "lives as long as the program" if home.kind is HomeKind.PROGRAM else None
        if self._of_main_coroutine(spawn):
            return "a task of the main coroutine is cancelled when the event loop ends"
        once = self.runs_once(spawn.caller, spawn.op, fixed=True)
        if once and (daemon or not keeps_interpreter):
            return "made once for the life of the program"
        if once:
            return None
        if home.kind is HomeKind.PROGRAM:
            return "made for the life of the program"
        owner = home.owner
        if isinstance(owner, Instance) and not owner.synthetic and owner in self.single:
            return "belongs to an object that lives as long as the program"
        return None

    def loses(self, channel: Obj, spawn: Entry | None) -> bool:
        """Whether nothing live refers to a task or its channel, so that the collector ends it."""
        if spawn is None or spawn.caller is None or spawn.op is None:
            return False
        calls = spawn.caller.lib_calls.get(spawn.op.index, ())
        joins = self.analysis.by_subject.get(spawn.actor, ()) if spawn.actor is not None else ()
        if any(event.kind is OpKind.JOIN for event in joins) or any(call.effect.op is OpKind.AWAIT_ALL for call in calls):
            return False  # whoever waits for it refers to it
        if any(recognise.category_of(self.points, channel_of(call.receiver)) is Category.GROUP for call in calls):
            return False
        return not self.is_live(channel) and not (spawn.actor is not None and self.is_live(spawn.actor))

    def _of_main_coroutine(self, spawn: Entry) -> bool:
        """Whether the spawn stands in a coroutine that ``asyncio.run`` or the like is given, or that such a one awaits once.

        A loop that spawns a known number of tasks does no harm.
        """
        frame, op = spawn.caller, spawn.op
        if frame is None or not frame.function.is_async or op is None:
            return False
        for call in frame.lib_calls.get(op.index, ()):
            if call.effect.op is not OpKind.SPAWN or isinstance(call.receiver, LibInstance | End):
                if recognise.category_of(self.points, call.receiver) is not Category.NAMESPACE:
                    return False
        for _ in range(MOST_STEPS_UP):
            looped = self.analysis.shapes.of(frame.function).in_loop(op)
            if not frame.entries or (looped and (frame is not spawn.caller or self.analysis.counts.of(frame, op).is_many)):
                return False
            if all(self._is_run(entry) for entry in frame.entries):
                return True
            above = frame.entries[0]
            if len(frame.entries) != 1 or above.kind is not EntryKind.CALL or above.caller is None or above.op is None:
                return False
            frame, op = above.caller, above.op
        return False

    def _is_run(self, entry: Entry) -> bool:
        """Whether a coroutine is entered by what runs an event loop."""
        if entry.kind is not EntryKind.CALL or entry.caller is None or entry.op is None:
            return False
        runs = [call for call in entry.caller.lib_calls.get(entry.op.index, ()) if call.effect.op is OpKind.CALL]
        return bool(runs) and all(call.effect.coroutine for call in runs)
