"""Ends of pipes that a parent keeps open, so that it never learns that the child at the other end is gone.

Nouns:

* **Copy**: an end that is handed to a process is there twice; the child's copy closes with the child, the parent's does not.
* **Reader**: a receive in the parent, from the end that the child sends to.

A reader that loops until EOFError hangs always. One that waits for an answer hangs when the child dies before it answers, which
only counts where the child runs code that may raise on the way. A connection that nothing refers to any more closes itself, so
an end counts as open only where a variable or an attribute still holds it.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, Frame
from chanlint.analysis.objects import Container, End, Instance, LibName, Obj
from chanlint.analysis.paths import Search, Witness
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import Raised, Verdict
from chanlint.catalogue.schema import OpKind, World
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ops import Op
from chanlint.model.channel import Channel, Consumer, Coverage, Effectiveness, Ending, HomeKind, Paths
from chanlint.model.ends import Open, OpenEnd, all_ends, closes_of, name_of
from chanlint.model.processes import Processes
from chanlint.model.survey import Survey

LOOKS_AT_MANY = "multiprocessing.connection.wait"
DEPTH_OF_CONTAINERS = 3


def find(survey: Survey) -> Iterator[OpenEnd]:
    """The ends of pipes that a parent keeps open while it reads from the other end."""
    finder = _Pipes(survey)
    for channel in survey.channels:
        if channel.info.ends and channel.info.world is World.PROCESS and survey.analysis.escapes.of(channel.obj) is None:
            yield from finder.of(channel)


class _Pipes:
    """Looks for copies that stay open."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.processes = Processes(survey.analysis)
        self.ends = all_ends(survey.analysis)
        self._looks: list[Obj] | None = None

    def of(self, channel: Channel) -> Iterator[OpenEnd]:
        """The open copies of one pipe, each told once."""
        for end in self.ends.get(channel.obj, ()):
            readers = [event for event in channel.events if self._reads_from(event, end)]
            starts = self._senders(channel, end) if readers and not self._is_looked_at(channel, end) else []
            if starts:
                found = next((each for event in readers for each in self._judge(channel, end, event, starts)), None)
                if found is not None:
                    yield found

    def _reads_from(self, event: Event, end: End) -> bool:
        """Whether an event is a receive in the parent of what is sent at ``end``."""
        if event.kind is not OpKind.RECEIVE or not event.blocks or not isinstance(event.handle, End):
            return False
        return recognise.is_opposite(event.handle, end) and self.processes.of(event.frame) == {None}

    def _senders(self, channel: Channel, end: End) -> list[Entry]:
        """The starts of the processes that send at ``end``; none where the parent does so, too."""
        found: dict[Entry, None] = {}
        for event in channel.events:
            if event.kind is OpKind.SEND and event.handle is end:
                for start in sorted(self.processes.of(event.frame), key=lambda each: each.callee.number if each else -1):
                    if start is None:
                        return []
                    found.setdefault(start)
        return list(found)

    def _is_looked_at(self, channel: Channel, end: End) -> bool:
        """Whether somebody asks, before a receive, if there is anything to receive."""
        for event in channel.events:
            if event.kind is OpKind.POLL and isinstance(event.handle, End) and recognise.is_opposite(event.handle, end):
                return True
        return any(self._holds(obj, other) for obj in self._looked_at() for other in self.ends.get(channel.obj, ()))

    def _looked_at(self) -> list[Obj]:
        """What is handed to ``multiprocessing.connection.wait``."""
        if self._looks is None:
            self._looks = []
            for frame, op in self.analysis.each(ops.Call):
                if self._is_wait(frame, op):
                    self._looks += [obj for each in op.args for obj in self.analysis.points.holds(frame, each.value)]
        return self._looks

    def _is_wait(self, frame: Frame, op: ops.Call) -> bool:
        held = self.analysis.points.holds(frame, op.callee)
        return any(isinstance(obj, LibName) and obj.dotted == LOOKS_AT_MANY for obj in held)

    def _holds(self, obj: Obj, end: End, depth: int = 0) -> bool:
        """Whether an object is the end, or a container with it."""
        if obj is end:
            return True
        if not isinstance(obj, Container) or depth > DEPTH_OF_CONTAINERS:
            return False
        graph = self.analysis.points.graph
        nodes = [graph.known_attribute(obj, name) for name in graph.attribute_names(obj)]
        return any(self._holds(each, end, depth + 1) for node in nodes if node is not None for each in graph.points[node])

    # -- judgement ------------------------------------------------------------------------------------------------------------

    def _judge(self, channel: Channel, end: End, event: Event, starts: list[Entry]) -> Iterator[OpenEnd]:
        """The defect of one reader."""
        closes = [close for close in closes_of(channel, end) if None in self.processes.of(close.frame)]
        home = channel.home
        if home.kind is HomeKind.CALL and home.frame is not None:
            witness = self._open_in(channel, end, event, home.frame, closes)
            if witness is None:
                return
        elif home.kind is not HomeKind.OBJECT or closes or not self._is_kept_by_object(end):
            return
        else:
            witness = None
        until_end = self._reads_to_the_end(channel, event)
        start = next((each for each in starts if self._goes(channel, end, each, dies=not until_end)), None)
        if start is None or start.caller is None or start.op is None:
            return
        yield OpenEnd(
            channel=channel,
            at=channel.created,
            function=channel.created.function,
            confidence=Confidence.HIGH if home.kind is HomeKind.CALL else Confidence.MEDIUM,
            related=(
                Place(Role.SPAWNED, "the child gets a copy of its own here", self.survey.actors.place(start)),
                Place(Role.RECEIVES, "blocks here", event.frame.op_id(event.op)),
            ),
            end=name_of(self.analysis, end),
            why=Open.COPIED,
            receiver=event.frame.function.id.qualname,
            coverage=Coverage(Paths.SOME, witness) if witness is not None else Coverage(Paths.NEVER),
            dies=not until_end,
        )

    def _open_in(self, channel: Channel, end: End, event: Event, home: Frame, closes: list[Ending]) -> Witness | None:
        """The way on which the function that made the pipe comes to the receive with its copy open."""
        made = self._made_in(channel, home)
        variables = self._variables(end, home)
        if made is None or not variables:
            return None
        drops = self._drops(end, home) if all(variables.values()) else []
        for index in sorted(self.processes.lifted(event.frame, event.op).get(home, ())):
            receive = self.analysis.shapes.of(home.function).by_index.get(index)
            if receive is not None:
                found = self.survey.coverages.open_at([*closes, *drops], home, made, receive)
                if found is not None:
                    return found
        return None

    def _made_in(self, channel: Channel, home: Frame) -> Op | None:
        """The op of ``home`` that makes the pipe, or calls what makes it."""
        if channel.maker is None:
            return None
        made = self.analysis.shapes.of(channel.maker.function).by_index.get(channel.created.op)
        if made is None:
            return None
        return next((op for frame, op in self.survey.coverages.upward(channel.maker, made) if frame is home), None)

    def _variables(self, end: End, home: Frame) -> dict[str, bool]:
        """The variables of a frame that keep an end alive: True where it is held itself, False within a container."""
        found: dict[str, bool] = {}
        for name, node in home.variables.items():
            held = list(self.analysis.points.graph.points[node])
            if any(self._holds(obj, end) for obj in held):
                found[name] = end in held
        return found

    def _drops(self, end: End, home: Frame) -> list[Ending]:
        """Where the variable that alone holds an end is deleted or bound to something else."""
        found: list[Ending] = []
        for op in home.function.cfg.ops():
            if not isinstance(op, ops.DeleteVar | ops.StoreVar) or op.var.owner != home.function.id:
                continue
            node = home.variables.get(op.var.name)
            if node is None or end not in self.analysis.points.graph.points[node]:
                continue
            if isinstance(op, ops.DeleteVar) or end not in self.analysis.points.holds(home, op.src):
                found.append(Ending("close", Effectiveness.ENDS, home, op, "the end is collected"))
        return found

    def _is_kept_by_object(self, end: End) -> bool:
        """Whether an attribute of an object, or a container in one, holds an end."""
        held: list[Obj] = [end]
        seen: set[Obj] = {end}
        while held:
            for holder, _ in self.analysis.escapes.holders(held.pop()):
                if isinstance(holder, Instance):
                    return True
                if isinstance(holder, Container) and holder not in seen:
                    seen.add(holder)
                    held.append(holder)
        return False

    def _reads_to_the_end(self, channel: Channel, event: Event) -> bool:
        """Whether only EOFError lets the reader leave its loop."""
        closed = event.call.effect.closed
        for group in self.survey.groups:
            if group.channel is not channel or any(ending.kind != "close" for ending in group.endings):
                continue
            for consumer in group.consumers:
                if consumer.event is event and self._leaves(channel, consumer, closed):
                    return True
        return False

    def _leaves(self, channel: Channel, consumer: Consumer, closed: tuple[str, ...]) -> bool:
        endings = self.survey.endings
        if endings.loops(channel, consumer).verdict is not Verdict.STAYS:
            return False
        return endings.respond(channel, consumer, Raised(closed)).verdict is Verdict.ENDS

    def _goes(self, channel: Channel, end: End, start: Entry, *, dies: bool) -> bool:
        """Whether a child can come to its end; ``dies``: by an exception before it sends anything."""
        if not dies:
            found = self.analysis.paths.witnesses(Search(start.callee, None, frozenset()))
            return any(witness.kind in ("return", "raise") for witness in found or ())
        sends = [
            Ending("marker", Effectiveness.ENDS, event.frame, event.op, "an answer", event)
            for event in channel.events
            if event.kind is OpKind.SEND and event.handle is end
        ]
        covering = self.survey.coverages.covering(sends).get(start.callee, set())
        found = self.analysis.paths.witnesses(Search(start.callee, None, frozenset(covering), first=True))
        return any(witness.kind == "raise" for witness in found or ())
