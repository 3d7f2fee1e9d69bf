"""On which paths an ending is reached, from the start of its consumer to the end of the channel's home.

The question is asked frame by frame: from the function that starts the consumer up to the function in which the channel
lives. An ending in a helper covers the op that calls the helper; an ending in a producer covers the op that starts the
producer, and then the producer is asked whether each of its own ways out sends it.
"""

from __future__ import annotations

from chanlint.analysis.attributes import mro
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import ClassRef, Instance
from chanlint.analysis.paths import Search, Witness
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.ids import HEADER
from chanlint.ir.ops import Op
from chanlint.ir.program import ParamKind
from chanlint.model.channel import Coverage, Effectiveness, Ending, Group, HomeKind, Paths
from chanlint.model.deaths import Deaths, in_task_group, subjects_of, takes_nothing

MOST_FRAMES_UP = 8
MOST_CALLERS = 64
MAKERS = frozenset({"__init__", "__enter__", "__aenter__", "__post_init__"})
TEARDOWN = frozenset(
    {"close", "aclose", "stop", "astop", "shutdown", "terminate", "abort", "kill", "cancel", "__exit__", "__aexit__"}
)


class Coverages:
    """Computes coverage."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.deaths = Deaths(analysis)

    def of(self, group: Group) -> Coverage:
        """The coverage of a group's endings."""
        endings = [e for e in group.endings if e.does is not Effectiveness.FAILS]
        if not endings:
            return Coverage(Paths.ALL if self._is_always_fed(group) else Paths.NEVER)
        everywhere = Coverage(Paths.ALL)
        if any(ending.kind in ("timeout", "scope", "data", "unknown") for ending in endings):
            return everywhere
        if any(ending.does is Effectiveness.POSSIBLE for ending in endings):
            return everywhere
        home = group.channel.home
        covering, producers = self._covering(endings)
        if group.single and (group.spawn is None or home.kind is not HomeKind.CALL):
            late = self._producers(group, endings, producers) if group.spawn is None else None
            return late or everywhere
        if home.kind is HomeKind.OBJECT and isinstance(home.owner, Instance):
            late = self._producers(group, endings, [each for each in producers if self._feeds(group, each[0])])
            if late is not None or group.spawn is None:
                return late or everywhere
            refused = self.deaths.refused(group.channel, endings)
            found = self._of_object(group, home.owner, covering, refused)
            return self._of_one_run(group, home.owner, endings, covering, refused) if found.paths is Paths.ALL else found
        if home.kind is not HomeKind.CALL or home.frame is None:
            return everywhere
        late = self._producers(group, endings, producers)
        if late is not None:
            return late
        start = self._start(group)
        if start is None:
            return everywhere
        frames = [frame for frame, _ in start]
        if covering.keys().isdisjoint(frames[: frames.index(home.frame) + 1] if home.frame in frames else frames):
            return everywhere  # whoever ends it got hold of it otherwise: from a registry, through a function that was returned
        found = self._climb(group, start, covering, home.frame, self.deaths.refused(group.channel, endings))
        missing = self._between(group, endings, covering) if group.single and found.paths is Paths.ALL else None
        return found if missing is None else Coverage(Paths.SOME, missing)

    def _between(self, group: Group, endings: list[Ending], covering: dict[Frame, set[int]]) -> Witness | None:
        """A way out of the loop in the channel's home that gives one answer in each round, where each of them is needed."""
        home = group.channel.home.frame
        if not group.needs_each or home is None:
            return None
        grouped = group.spawn is not None and group.actor == "task" and in_task_group(self.analysis, group.spawn)
        answers = [ending.op for ending in endings if ending.frame is home and ending.kind == "answer"]
        for witness in self.deaths.between(home, answers, covering[home]):
            if witness.kind == "return" or not grouped:
                return witness
        return None

    def _is_always_fed(self, group: Group) -> bool:
        """Whether a stream's sender never comes to its end, or the function that made it never goes on: no close is due."""
        home = group.channel.home.frame
        if not group.channel.info.ends or group.channel.home.kind is not HomeKind.CALL or home is None:
            return False
        for frame in {event.frame for event in group.channel.events if event.kind is OpKind.SEND}:
            if any(way.spawn is not None and not self.finishes(way.spawn) for way in self.analysis.ways_up(frame)):
                return True
        start = self._start(group)
        return start is not None and self._climb(group, start, {}, home).paths is Paths.ALL

    def finishes(self, spawn: Entry) -> bool:
        """Whether an actor can come to its end without an exception."""
        found = self.analysis.paths.witnesses(Search(spawn.callee, None, frozenset()))
        return found is None or any(witness.kind == "return" for witness in found)

    def of_end(self, group: Group, closes: list[Ending], frame: Frame, op: Op) -> Coverage:
        """The coverage of one end's closes, from an op of the channel's home after which it is open and waited on."""
        home = group.channel.home.frame
        covering, producers = self._covering(closes)
        late = self._producers(group, closes, producers)
        if late is not None or home is None:
            return late or Coverage(Paths.ALL)
        return self._climb(group, self.upward(frame, op), covering, home)

    def of_closers(self, group: Group, closes: list[Ending]) -> Coverage:
        """The coverage of one end's closes by the actor that alone closes it."""
        _, producers = self._covering(closes)
        return self._producers(group, closes, producers) or Coverage(Paths.ALL)

    def open_at(self, closes: list[Ending], frame: Frame, start: Op | None, receive: Op) -> Witness | None:
        """A way from ``start`` (None: the entry) to ``receive`` without a close or a start of somebody who closes."""
        covering, _ = self._covering(closes)
        search = Search(frame, start, frozenset(covering.get(frame, ())), joins=frozenset({receive.index}))
        return next((found for found in self.analysis.paths.witnesses(search) or () if found.kind == "join"), None)

    def covering(self, endings: list[Ending]) -> dict[Frame, set[int]]:
        """For each frame the ops by which one of the endings is reached."""
        return self._covering(endings)[0]

    def _start(self, group: Group) -> list[tuple[Frame, Op]] | None:
        """The op that starts the consumer, then the calls around it; None for a caller."""
        spawn = group.spawn
        if spawn is None or spawn.caller is None or spawn.op is None:
            return None
        return self.upward(spawn.caller, spawn.op)

    def upward(self, frame: Frame, op: Op) -> list[tuple[Frame, Op]]:
        """An op, the op that calls its frame, and so on, as long as there is one caller."""
        chain = [(frame, op)]
        for _ in range(MOST_FRAMES_UP):
            callers = [e for e in frame.entries if e.kind is EntryKind.CALL and e.caller is not None and e.op is not None]
            if len(frame.entries) != 1 or len(callers) != 1:
                break
            entry = callers[0]
            if entry.caller is None or entry.op is None or any(entry.caller is seen for seen, _ in chain):
                break
            frame = entry.caller
            chain.append((frame, entry.op))
        return chain

    def _covering(self, endings: list[Ending]) -> tuple[dict[Frame, set[int]], list[tuple[Entry, Ending]]]:
        """For each frame the ops by which an ending is reached, and the producers that reach one."""
        covering: dict[Frame, set[int]] = {}
        producers: list[tuple[Entry, Ending]] = []
        for ending in endings:
            waiting: list[tuple[Frame, Op, int]] = [(ending.frame, ending.op, 0)]
            seen: set[Frame] = set()
            while waiting:
                frame, op, depth = waiting.pop()
                covering.setdefault(frame, set()).add(op.index)
                if frame in seen or depth > MOST_FRAMES_UP:
                    continue
                seen.add(frame)
                for entry in frame.entries:
                    if entry.caller is None or entry.op is None:
                        continue
                    if entry.kind is EntryKind.SPAWN:
                        producers.append((entry, ending))
                    waiting.append((entry.caller, entry.op, depth + 1))
            if ending.event is not None and ending.event.call.actor is not None:
                covering.setdefault(ending.event.call.frame, set()).add(ending.event.call.op.index)
        return covering, producers

    def _producers(self, group: Group, endings: list[Ending], producers: list[tuple[Entry, Ending]]) -> Coverage | None:
        """A producer that can die without the ending that only it sends."""
        for entry, _ in producers:
            if any(not self._runs_in(ending.frame, entry.callee) for ending in endings):
                continue
            if group.spawn is not None and entry.callee is group.spawn.callee:
                continue
            if (found := self.deaths.of(group, entry, endings)) is not None:
                return Coverage(Paths.SOME, found)
        return None

    def _feeds(self, group: Group, entry: Entry) -> bool:
        """Whether an actor sends the items, too, and not only ends their consumer."""
        ends = {(ending.frame, ending.op.index) for ending in group.endings}
        items = [e for e in group.channel.events if e.kind is OpKind.SEND and (e.frame, e.op.index) not in ends]
        return bool(items) and all(self._runs_in(event.frame, entry.callee) for event in items)

    def _runs_in(self, frame: Frame, top: Frame) -> bool:
        return any(level.frame is top for way in self.analysis.ways_up(frame) for level in way.levels)

    def _climb(
        self,
        group: Group,
        chain: list[tuple[Frame, Op]],
        covering: dict[Frame, set[int]],
        home: Frame,
        refused: frozenset[Op] = frozenset(),
    ) -> Coverage:
        """Follows the ways out from the start up to the home; ``refused`` markers may raise instead of being sent."""
        kinds = ["return"]
        joins = self._joins(group)
        polls = self._polls(group)
        subjects = subjects_of(self.analysis, group)
        grouped = group.spawn is not None and group.actor == "task" and in_task_group(self.analysis, group.spawn)
        witness: Witness | None = None
        for frame, op in chain:
            reached: list[Witness] = []
            for kind in kinds:
                raised = kind != "return" and witness is not None
                covered = frozenset(covering.get(frame, ()))
                fails = self._fails(frame, covered, refused)
                waits = frozenset(joins.get(frame, ()))
                asks = frozenset(polls.get(frame, ()))
                search = Search(frame, op, covered, raised=raised, joins=waits, fails=fails, polls=asks, subjects=subjects)
                found = self.analysis.paths.witnesses(search)
                if found is None:
                    return Coverage(Paths.ALL)
                # an exception in the body of a task group cancels its tasks
                strands = [each for each in found if not grouped or each.kind in ("return", "join")]
                reached.extend(each for each in strands if not takes_nothing(group, each))
            stuck = next((each for each in reached if each.kind == "join"), None)
            if stuck is not None:  # with an ending on another path, this one skips it; else none can come in time
                kind = "return" if self.analysis.paths.covered else "join"
                return Coverage(Paths.SOME, Witness(kind, stuck.frame, stuck.op))
            if not reached:
                return Coverage(Paths.ALL)
            witness = self._prefer(reached, witness)
            kinds = sorted({found.kind for found in reached})
            if frame is home:
                return Coverage(Paths.SOME, witness)
        return Coverage(Paths.ALL)

    def _fails(self, frame: Frame, covered: frozenset[int], refused: frozenset[Op]) -> frozenset[int]:
        shape = self.analysis.shapes.of(frame.function)
        return frozenset(op.index for op in refused if op.index in covered and shape.by_index.get(op.index) is op)

    def _is_cancelled_from_above(self, group: Group, spawn: Entry) -> bool:
        """Whether somebody cancels a task that holds the consumer: whoever waits for it in there is woken by that."""
        return any(
            ending.kind == "cancel"
            and ending.event is not None
            and ending.event.subject is not spawn.actor
            and ending.frame is not spawn.caller
            for ending in group.endings
        )

    def _polls(self, group: Group) -> dict[Frame, set[int]]:
        """The ops that ask whether the consumer still runs (``task.done()``, ``thread.is_alive()``)."""
        found: dict[Frame, set[int]] = {}
        actor = group.spawn.actor if group.spawn is not None else None
        for event in self.analysis.by_subject.get(actor, ()) if actor is not None else ():
            if event.kind is OpKind.POLL:
                found.setdefault(event.frame, set()).add(event.op.index)
        return found

    def _joins(self, group: Group) -> dict[Frame, set[int]]:
        """The ops that wait without bound for the consumer to end."""
        found: dict[Frame, set[int]] = {}
        spawn = group.spawn
        if spawn is None or spawn.caller is None or spawn.op is None or self._is_cancelled_from_above(group, spawn):
            return found
        subjects = [spawn.actor, *(channel_of(call.receiver) for call in spawn.caller.lib_calls.get(spawn.op.index, ()))]
        for subject in subjects:
            for event in self.analysis.by_subject.get(subject, ()) if subject is not None else ():
                if event.kind is not OpKind.JOIN or not event.blocks or self._goes_on_early(event) or _is_for_later(event):
                    continue
                if not self._cancels_on_error(group, event):
                    found.setdefault(event.frame, set()).add(event.op.index)
        shape = self.analysis.shapes.of(spawn.caller.function)
        for call in spawn.caller.lib_calls.get(spawn.op.index, ()):
            if call.effect.op is OpKind.AWAIT_ALL:
                for op in shape.by_index.values():
                    if isinstance(op, ops.Await) and spawn.op in shape.definitions.get(op.src, ()):
                        found.setdefault(spawn.caller, set()).add(op.index)
        return found

    def _goes_on_early(self, event: Event) -> bool:
        """Whether it goes on with the first of several (``return_when=FIRST_COMPLETED``), or after a time."""
        return any(
            call.effect.op is OpKind.AWAIT_ALL
            and call.arguments is not None
            and any(call.arguments.named(name) is not None for name in ("return_when", "timeout"))
            for call in event.frame.lib_calls.get(event.op.index, ())
        )

    def _cancels_on_error(self, group: Group, event: Event) -> bool:
        """Whether a join is the end of a task group on its exceptional path, where it cancels its tasks."""
        return group.actor == "task" and isinstance(event.op, ops.Exit) and event.op.raising

    # -- objects -----------------------------------------------------------------------------------------------------------

    def _of_object(self, group: Group, owner: Instance, covering: dict[Frame, set[int]], refused: frozenset[Op]) -> Coverage:
        """An object's teardown methods: does each reach the ending, on every path, and can a start fail half-way?"""
        methods = [f for f in self.analysis.points.frames if f.receiver is owner and f.function.cls is not None]
        endings = [f for f in methods if covering.get(f) and f.function.name in TEARDOWN]
        for frame in endings:
            covered = frozenset(covering[frame])
            fails = self._fails(frame, covered, refused)
            found = self.analysis.paths.witnesses(Search(frame, None, covered, guards=True, fails=fails))
            for witness in found or ():
                inner = frame.calls.get(witness.op.index) and self.analysis.raises.names(frame, witness.op)
                explicit = isinstance(witness.op, ops.Raise) or bool(inner) or witness.op.index in fails
                if witness.kind == "return" or (witness.kind == "raise" and explicit):
                    return Coverage(Paths.SOME, witness)
        if endings:
            for frame in methods:
                forgets = frame.function.name in TEARDOWN and not covering.get(frame) and self._does_something(frame)
                if forgets and not self._is_overridden(owner, frame, endings):
                    return Coverage(Paths.SOME, Witness("forgets", frame, Op(HEADER)))
        return self._of_start(group, owner, covering)

    def _of_one_run(
        self, group: Group, owner: Instance, endings: list[Ending], covering: dict[Frame, set[int]], refused: frozenset[Op]
    ) -> Coverage:
        """One function that starts the consumer of an object and alone ends it: does each way out of it reach the ending?

        A function that may end without having started serves several calls: the ending is then left to a later one.
        """
        everywhere = Coverage(Paths.ALL)
        if self.analysis.escapes.of(owner) is not None or any(
            ending.kind not in ("marker", "close", "cancel") for ending in endings
        ):
            return everywhere
        chain = self._start(group) or []
        for position, (frame, op) in enumerate(chain):
            ends = covering.get(frame, set()) - {op.index}
            if not ends:
                is_kept = isinstance(frame.receiver, Instance)  # who makes an object that starts something has to close it
                if is_kept or self._goes_on_without(frame, op):
                    return everywhere
                continue
            if (
                frame.merged
                or frame.function.name in MAKERS
                or not all(self._is_only_from(frame, ending.frame) for ending in endings)
            ):
                return everywhere
            found = self.analysis.paths.witnesses(Search(frame, None, frozenset({op.index}), joins=frozenset(ends), first=True))
            if found is None or any(way.kind == "join" for way in found):
                return everywhere
            return self._climb(group, chain[: position + 1], covering, frame, refused)
        return everywhere

    def _goes_on_without(self, frame: Frame, op: Op) -> bool:
        """Whether a function may return without having come to one of its ops."""
        found = self.analysis.paths.witnesses(Search(frame, None, frozenset({op.index})))
        return found is None or any(way.kind == "return" for way in found)

    def _is_only_from(self, top: Frame, frame: Frame) -> bool:
        """Whether every call that leads to ``frame`` comes through ``top``."""
        waiting, seen = [frame], {top}
        while waiting:
            below = waiting.pop()
            if below in seen:
                continue
            seen.add(below)
            if not below.entries or len(seen) > MOST_CALLERS:
                return False
            for entry in below.entries:
                if entry.kind is not EntryKind.CALL or entry.caller is None:
                    return False
                waiting.append(entry.caller)
        return True

    def _is_overridden(self, owner: Instance, frame: Frame, endings: list[Frame]) -> bool:
        """Whether a method that ends the consumer is what users of the object call, and leaves it to ``frame`` to do more."""
        order = [base.cls for base in mro(self.analysis.points, owner.cls) if isinstance(base, ClassRef)]
        rank = {cls: position for position, cls in reversed(list(enumerate(order)))}
        own = rank.get(frame.function.cls, len(order)) if frame.function.cls is not None else len(order)
        same = [each.function.cls for each in endings if each.function.name == frame.function.name]
        return any(cls is not None and rank.get(cls, len(order)) < own for cls in same)

    def _does_something(self, frame: Frame) -> bool:
        """Whether a teardown method can be called without arguments and changes anything."""
        required = [
            p
            for p in frame.function.params[1:]
            if not p.has_default and p.kind in (ParamKind.POSITIONAL, ParamKind.KEYWORD_ONLY)
        ]
        if required and not frame.function.name.startswith("__"):
            return False
        if not any(entry.kind is EntryKind.ROOT for entry in frame.entries) and frame.function.name.startswith("_"):
            return False
        return any(isinstance(op, ops.StoreAttr) for op in frame.function.cfg.ops())

    def _of_start(self, group: Group, owner: Instance, covering: dict[Frame, set[int]]) -> Coverage:
        """A constructor that can raise after the consumer was started: nobody gets the object whose close would end it."""
        start = self._start(group)
        for frame, op in start or ():
            if frame.receiver is owner and frame.function.name in MAKERS:
                found = self.analysis.paths.witnesses(Search(frame, op, frozenset(covering.get(frame, ()))))
                for witness in found or ():
                    if witness.kind == "raise":
                        return Coverage(Paths.SOME, witness)
        return Coverage(Paths.ALL)

    def _prefer(self, reached: list[Witness], before: Witness | None) -> Witness:
        """The most telling witness: a normal way out, else the deepest op that raises."""
        for found in reached:
            if found.kind == "return":
                return found
        if before is not None and before.kind != "return":
            return before
        return reached[0]


def _is_for_later(event: Event) -> bool:
    """Whether an op only says what is to be done at the end (``stack.callback(thread.join)``), in whatever order."""
    return any(call.effect.op is OpKind.CALL_AT_EXIT for call in event.frame.lib_calls.get(event.op.index, ()))
