"""Actors that wait for their own end.

Nouns:

* **Own wait**: a wait that an actor does for something that only it can bring about: that its queue is drained while it holds
  an item, its own end, a flag that only it sets, a job that only it could run.
* **Way**: the calls that lead from the start of the actor to the wait (`program.Way`); without one nothing is reported.

A thread, process or task that joins itself does not hang: the library raises, and whatever should follow is not done. Silent
where any code on the way asks who is running, and where the wait hangs on a test of anything but the actor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, Frame, LibCall
from chanlint.analysis.library import argument, channel_of
from chanlint.analysis.objects import Const, Instance, LibInstance, LibName, Obj
from chanlint.analysis.program import Way
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import Category, OpKind, World
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.operands import operands
from chanlint.ir.ops import Op, Register
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.processes import Processes
from chanlint.model.survey import Survey
from chanlint.model.whereabouts import is_plain

WRITTEN = frozenset({"join_thread"})  # waits until the data is in the pipe, not until it is acknowledged
WHO_RUNS = frozenset(
    {
        "current_thread",
        "currentThread",
        "main_thread",
        "get_ident",
        "get_native_id",
        "current_task",
        "current_process",
        "getpid",
    }
)
RAISED = {
    "thread": "RuntimeError: cannot join current thread",
    "process": "AssertionError: can only join a child process",
    "task": "RuntimeError: Task cannot await on itself",
}
DEEPEST = 8


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class SelfJoin(Defect):
    """A wait of an actor for itself.

    Attributes:
        waits_for: ``queue`` (its join), ``end`` (of itself), ``flag`` or ``job``.
        raised: what is raised instead of a hang.
    """

    waits_for: str
    raised: str | None = None


def find(survey: Survey) -> Iterator[SelfJoin]:
    """The waits of actors for themselves."""
    finder = _Finder(survey)
    for channel in survey.channels:
        yield from finder.of_queue(channel)
    for event in survey.analysis.events:
        if event.kind is OpKind.JOIN and event.sole:
            yield from finder.of_end(event)
            yield from finder.of_job(event)
        elif event.kind is OpKind.WAIT_FLAG and event.sole and event.blocks:
            yield from finder.of_flag(event)


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.points = survey.analysis.points
        self.processes = Processes(self.analysis)
        self._curious: dict[Frame, bool] = {}

    # -- a queue's join -----------------------------------------------------------------------------------------------------

    def of_queue(self, channel: Channel) -> Iterator[SelfJoin]:
        """Joins of a queue by a consumer that has not yet called ``task_done`` for the item in its hand."""
        done = [event for event in channel.events if event.kind is OpKind.TASK_DONE]
        for wait in channel.events:
            if wait.kind is not OpKind.AWAIT_DRAINED or not wait.sole or wait.call.timed or not wait.blocks:
                continue
            if wait.call.name in WRITTEN:
                continue
            for receive in channel.events:
                spawn = self._holder(wait, receive, done) if receive.kind is OpKind.RECEIVE and receive.sole else None
                if spawn is not None:
                    place = Place(Role.RECEIVES, "its item is not done yet", receive.frame.op_id(receive.op))
                    yield self._defect(channel, wait, spawn, "queue", (place,))
                    break

    def _holder(self, wait: Event, receive: Event, done: list[Event]) -> Entry | None:
        """The start of the actor that waits with an item in its hand."""
        before: dict[Frame, set[int]] = {}
        for event in done:
            for frame, indexes in self.processes.lifted(event.frame, event.op).items():
                before.setdefault(frame, set()).update(indexes)
        for way in self.analysis.ways_up(wait.frame):
            if way.spawn is None or self._asks_who_runs(way):
                continue  # whoever calls for an item may acknowledge it later
            for taken in self.analysis.ways_up(receive.frame):
                if way.spawn is taken.spawn and self._joins_in_hand(way, taken, wait, receive, before):
                    return way.spawn
        return None

    def _joins_in_hand(self, way: Way, taken: Way, wait: Event, receive: Event, before: dict[Frame, set[int]]) -> bool:
        """Whether a path leads from the receive to the join and past no ``task_done``."""
        frames = [level.frame for level in taken.levels]
        for position, level in enumerate(way.levels):
            covering = frozenset(before.get(level.frame, set()))
            op = wait.op if position == 0 else level.op
            if level.frame not in frames:
                if not self.analysis.paths.lead(level.frame, None, op, covering):
                    return False
                continue
            at = frames.index(level.frame)
            start = receive.op if at == 0 else taken.levels[at].op
            if start.index == op.index:
                return False
            return self.analysis.paths.lead(level.frame, start, op, covering)
        return False

    # -- its own end --------------------------------------------------------------------------------------------------------

    def of_end(self, event: Event) -> Iterator[SelfJoin]:
        """Joins of an actor by itself, and of a pool of threads by one of its jobs."""
        for way in self.analysis.ways_up(event.frame):
            spawn = way.spawn
            if spawn is None or not self._is_of(event.subject, spawn):
                continue
            info = recognise.type_of(self.points, event.subject)
            world = "task" if info is None or info.world is World.ASYNCIO else info.actor or ""
            if world not in RAISED or (world == "task" and not self.processes.waits(event)):
                continue
            if info is not None and info.category is Category.GROUP and not self._joins_threads(event):
                continue
            if not self._is_the_one(event, way) or self._may_be_another(way) or self._is_expected(event):
                continue
            if world == "task" and self._is_cancelled_first(event, way):
                continue
            if self._always(event.frame, event.op, event.subject, way):
                yield self._defect(self._as_channel(event.subject), event, spawn, "end", raised=RAISED[world])
                return

    def _joins_threads(self, event: Event) -> bool:
        """Whether the end of a pool of threads joins each of them itself (an executor's ``shutdown``)."""
        info = recognise.type_of(self.points, event.subject)
        joins = event.call.effect.wait is not None and self.processes.waits(event)
        return joins and info is not None and info.actor == "thread"

    def _is_of(self, subject: Obj, spawn: Entry) -> bool:
        """Whether ``subject`` is what a spawn starts, or the pool of threads that runs it."""
        if spawn.actor is subject:
            return recognise.category_of(self.points, subject) is Category.ACTOR or self._is_task(subject)
        return recognise.category_of(self.points, subject) is Category.GROUP and subject in self._groups(spawn)

    def _is_task(self, subject: Obj) -> bool:
        return isinstance(subject, LibInstance) and subject.type == "<task>"

    def _groups(self, spawn: Entry) -> list[Obj | None]:
        if spawn.caller is None or spawn.op is None:
            return []
        return [channel_of(call.receiver) for call in spawn.caller.lib_calls.get(spawn.op.index, ())]

    def _is_the_one(self, event: Event, way: Way) -> bool:
        """Whether the object that is joined is surely the one that runs, and not another made at the same place."""
        subject = event.subject
        register = self._joined(event)
        if register is None:
            return False
        if event.frame.receiver is subject and self._is_self(event, register):
            return True
        if not isinstance(subject, LibInstance | Instance) or subject.maker is None:
            return False
        made = self.analysis.shapes.of(subject.maker.function).by_index.get(subject.site.op)
        if made is None or self.analysis.shapes.of(subject.maker.function).in_loop(made) or self._starts_often(way):
            return False
        inside = {level.frame for level in way.levels}
        for holder, name in self.analysis.escapes.holders(subject):
            if isinstance(holder, Instance) and any(frame in inside for frame, _ in self.analysis.stores(holder, name)):
                return False  # it takes another actor's place itself
        return self._is_own(event, register)

    def _starts_often(self, way: Way) -> bool:
        spawn = way.spawn
        if spawn is None or spawn.caller is None or spawn.op is None:
            return True
        return self.analysis.shapes.of(spawn.caller.function).in_loop(spawn.op)

    def _joined(self, event: Event) -> Register | None:
        """The register of what is joined."""
        if isinstance(event.op, ops.Await):
            return event.op.src
        if isinstance(event.op, ops.Call) and event.call.receiver is event.subject and event.call.name != "await":
            for made in self.analysis.shapes.of(event.frame.function).definitions.get(event.op.callee, ()):
                if isinstance(made, ops.LoadAttr):
                    return made.obj
        return None

    def _is_self(self, event: Event, register: Register) -> bool:
        """Whether it is the object that the method belongs to."""
        function = event.frame.function
        made = self.analysis.shapes.of(function).definitions.get(register, ())
        first = function.params[0].name if function.params else None
        return bool(made) and all(isinstance(op, ops.LoadVar) and op.var == (function.id, first) for op in made)

    def _is_own(self, event: Event, register: Register) -> bool:
        """Whether it is read from an attribute of the same object, or from a variable that is bound once."""
        made = self.analysis.shapes.of(event.frame.function).definitions.get(register, ())
        for op in made:
            if isinstance(op, ops.LoadAttr):
                if self.points.holds(event.frame, op.obj) != (event.frame.receiver,):
                    return False
            elif not isinstance(op, ops.LoadVar) or self.analysis.writes_of(op.var) != 1:
                return False
        return bool(made)

    def _is_expected(self, event: Event) -> bool:
        """Whether what is raised is caught where it is raised."""
        shape = self.analysis.shapes.of(event.frame.function)
        handler = event.frame.function.cfg.blocks[shape.positions[event.op.index].block].handler
        return not self.analysis.raises.leaves(event.frame, handler, ("builtins.RuntimeError",))

    def _is_cancelled_first(self, event: Event, way: Way) -> bool:
        frames = {level.frame for level in way.levels}
        events = self.analysis.by_subject.get(event.subject, ())
        return any(each.kind is OpKind.CANCEL and each.frame in frames for each in events)

    # -- a flag -------------------------------------------------------------------------------------------------------------

    def of_flag(self, event: Event) -> Iterator[SelfJoin]:
        """Waits for a flag that only the waiting actor sets, later."""
        flag = event.subject
        events = self.analysis.by_subject.get(flag, ())
        sets = [each for each in events if each.kind is OpKind.SET_FLAG]
        if recognise.category_of(self.points, flag) is not Category.FLAG or not sets or event.call.timed:
            return
        if self.analysis.escapes.of(flag) is not None or self._as_channel(flag).home.public:
            return
        setters = {way.spawn for each in sets for way in self.analysis.ways_up(each.frame)}
        before: dict[Frame, set[int]] = {}
        for each in sets:
            for frame, indexes in self.processes.lifted(each.frame, each.op).items():
                before.setdefault(frame, set()).update(indexes)
        for way in self.analysis.ways_up(event.frame):
            spawn = way.spawn
            if spawn is None or setters != {spawn} or self._starts_often(way) or self._may_be_another(way):
                continue
            if not self._always(event.frame, event.op, flag, way) or not self._comes_first(way, event, before):
                continue
            places = tuple(Place(Role.CLOSES, "set only here", each.frame.op_id(each.op)) for each in sets)
            yield self._defect(self._as_channel(flag), event, spawn, "flag", places)
            return

    def _comes_first(self, way: Way, event: Event, before: dict[Frame, set[int]]) -> bool:
        return all(
            self.analysis.paths.lead(
                level.frame, None, event.op if position == 0 else level.op, frozenset(before.get(level.frame, set()))
            )
            for position, level in enumerate(way.levels)
        )

    # -- a job --------------------------------------------------------------------------------------------------------------

    def of_job(self, event: Event) -> Iterator[SelfJoin]:
        """Waits of the only worker of a pool for a job that it has handed to the same pool."""
        handle = event.subject
        if not event.blocks or not isinstance(handle, LibInstance):
            return
        made = handle.maker
        for call in made.lib_calls.get(handle.site.op, ()):
            group = channel_of(call.receiver)
            if call.result is not handle or group is None or not self._has_one_worker(group):
                continue
            for way in self.analysis.ways_up(event.frame):
                spawn = way.spawn
                if spawn is None or group not in self._groups(spawn) or spawn.actor is handle:
                    continue
                if any(submitted.spawn is spawn for submitted in self.analysis.ways_up(made)):
                    place = Place(Role.SPAWNED, "handed to its own pool here", made.op_id(call.op))
                    yield self._defect(self._as_channel(group), event, spawn, "job", (place,))
                    return

    def _has_one_worker(self, group: Obj) -> bool:
        if not isinstance(group, LibInstance):
            return False
        info = recognise.type_of(self.points, group)
        if info is None or info.category is not Category.GROUP or info.actor != "thread":
            return False
        return any(self._counts_one(call) for call in group.maker.lib_calls.get(group.site.op, ()) if call.result is group)

    def _counts_one(self, call: LibCall) -> bool:
        node = argument(call.arguments, call.effect.count) if call.arguments is not None else None
        held = list(self.points.graph.points[node]) if node is not None else []
        return bool(held) and all(isinstance(obj, Const) and obj.value == 1 for obj in held)

    # -- guards -------------------------------------------------------------------------------------------------------------

    def _may_be_another(self, way: Way) -> bool:
        """Whether another actor may get here: somebody on the way asks who runs, or a decorator may run it elsewhere."""
        return self._asks_who_runs(way) or not all(is_plain(level.frame) for level in way.levels[:-1])

    def _asks_who_runs(self, way: Way) -> bool:
        """Whether code on the way looks at which thread, task or process runs it."""
        frames = [level.frame for level in way.levels]
        frames += [entry.callee for frame in frames for entries in frame.calls.values() for entry in entries]
        for frame in dict.fromkeys(frames):
            if frame not in self._curious:
                self._curious[frame] = self._looks(frame)
        return any(self._curious[frame] for frame in frames)

    def _looks(self, frame: Frame) -> bool:
        for op in frame.function.cfg.ops():
            if isinstance(op, ops.Call):
                for callee in self.points.holds(frame, op.callee):
                    if isinstance(callee, LibName) and callee.dotted.rpartition(".")[2] in WHO_RUNS:
                        return True
            elif isinstance(op, ops.LoadAttr) and op.attr in WHO_RUNS:
                return True
        return False

    def _always(self, frame: Frame, goal: Op, subject: Obj, way: Way) -> bool:
        """Whether every run of a function comes to an op, apart from exceptions and tests of what is waited for.

        A test of the object's own state (``if self._closed: return``) counts where others let it in, and the functions on the
        way do not look at it.
        """
        inside = [level.frame for level in way.levels[1:]]
        shape = self.analysis.shapes.of(frame.function)
        block = shape.positions[goal.index].block
        seen: set[int] = set()
        waiting = [frame.function.cfg.entry]
        while waiting:
            current = waiting.pop()
            if current in seen or current == block:
                continue
            seen.add(current)
            end = shape.blocks[current].terminator
            for target in shape.normal_targets(current):
                if target == block or block in shape.reach(target):
                    waiting.append(target)
                elif not isinstance(end, ops.Branch):
                    return False
                elif not self._is_about(frame, end.condition, subject):
                    if not self._lets_in(frame, end, end.true != target, inside):
                        return False
        return True

    def _lets_in(self, frame: Frame, end: ops.Branch, truth: bool, inside: list[Frame]) -> bool:
        """Whether an attribute of the object has been given the truth that leads on, outside the functions on the way."""
        made = self.analysis.shapes.of(frame.function).definitions.get(end.condition, [])
        if len(made) != 1 or not isinstance(made[0], ops.LoadAttr) or frame.receiver is None:
            return False
        if self.points.holds(frame, made[0].obj) != (frame.receiver,):
            return False
        if any(isinstance(op, ops.LoadAttr) and op.attr == made[0].attr for at in inside for op in at.function.cfg.ops()):
            return False
        values: list[Obj] = []
        for at, store in self.analysis.stores(frame.receiver, made[0].attr):
            if at in inside or not isinstance(store, ops.StoreAttr):
                return False
            if at is not frame:
                values += self.points.holds(at, store.src)
        return any(isinstance(obj, Const) and bool(obj.value) is truth for obj in values)

    def _is_about(self, frame: Frame, register: Register, subject: Obj) -> bool:
        """Whether a condition is computed from what is waited for."""
        definitions = self.analysis.shapes.of(frame.function).definitions
        seen, waiting = {register}, [register]
        for _ in range(DEEPEST * DEEPEST):
            if not waiting:
                return False
            current = waiting.pop()
            if subject in self.points.holds(frame, current):
                return True
            fresh = [r for op in definitions.get(current, ()) for r in operands(op) if r not in seen]
            seen.update(fresh)
            waiting.extend(fresh)
        return False

    # -- telling ------------------------------------------------------------------------------------------------------------

    def _as_channel(self, obj: Obj) -> Channel:
        """The actor, flag or pool that is waited for, in the place of a channel."""
        info = recognise.type_of(self.points, obj) or self.analysis.catalogue.types["asyncio.Task"]
        assert isinstance(obj, LibInstance | Instance)
        home = self.survey.lifetimes.home(obj, obj.maker)
        events = self.analysis.by_subject.get(obj, [])
        return Channel(obj, info, obj.site, obj.maker, self.survey.actors.name(obj), home, events)

    def _defect(
        self,
        channel: Channel,
        wait: Event,
        spawn: Entry | None,
        waits_for: str,
        places: tuple[Place, ...] = (),
        raised: str | None = None,
    ) -> SelfJoin:
        actor = self.survey.actors.kind(channel, spawn)
        start: tuple[Place, ...] = ()
        if spawn is not None and spawn.caller is not None and spawn.op is not None:
            start = (Place(Role.SPAWNED, f"{actor} started here", self.survey.actors.place(spawn)),)
        return SelfJoin(
            channel=channel,
            at=wait.frame.op_id(wait.op),
            function=wait.frame.function.id,
            actor=actor,
            confidence=Confidence.MEDIUM if channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=(*start, *places),
            waits_for=waits_for,
            raised=raised,
        )
