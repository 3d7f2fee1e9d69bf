"""Finds what ends a consumer, may end it, or was meant to: markers, closes, cancels, flags, timeouts.

For each candidate the consumer is asked what it does (`chanlint.analysis.walk`): an ending that lets it come back to its
receive fails; one that lets it leave on every path ends it; anything in between is possible, and possible means silent.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.analysis import recognise
from chanlint.analysis.evaluate import Data, Known
from chanlint.analysis.frames import Frame
from chanlint.analysis.library import argument, channel_of
from chanlint.analysis.objects import CallIterator, ClassRef, Const, Container, End, Instance, LibInstance, LibName, Obj
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import Raised, Response, Verdict, Walk
from chanlint.catalogue.schema import Category, OpKind
from chanlint.ir import ops
from chanlint.model.barriers import Barriers
from chanlint.model.channel import Channel, Consumer, Effectiveness, Ending, Group, HomeKind
from chanlint.model.flags import Flags, follows
from chanlint.model.lifetime import Lifetimes
from chanlint.model.origins import is_meant, origin
from chanlint.model.parents import Parents
from chanlint.model.turns import TESTED_ONCE, untested

ENDS, POSSIBLE, FAILS = Effectiveness.ENDS, Effectiveness.POSSIBLE, Effectiveness.FAILS
NEVER_TESTED = "a marker that the consumer does not test for"
COPIED = "a marker that is another object when it comes out of the process queue"
CANCELLABLE = frozenset({"task", "greenlet"})
MOST_COMPARED = 8
MOST_CANDIDATES = 64
KILLABLE = frozenset({"process"})

__all__ = ["COPIED", "NEVER_TESTED", "TESTED_ONCE", "Endings", "compared", "looks_like_marker", "recognised", "sentinels"]


class Endings:
    """Looks for the endings of groups."""

    def __init__(self, analysis: Analysis, lifetimes: Lifetimes) -> None:
        self.analysis = analysis
        self.barriers = Barriers(analysis)
        self.flags = Flags(analysis, self.barriers, lifetimes)
        self.parents = Parents(analysis)
        self._walks: dict[tuple[Consumer, object], Response] = {}

    def respond(self, channel: Channel, consumer: Consumer, outcome: Known | Raised | Data) -> Response:
        """What the consumer does after ``outcome``."""
        key = (consumer, outcome)
        known = self._walks.get(key)
        if known is None:
            levels = consumer.way.levels
            for position, level in enumerate(levels):
                if level.frame is channel.home.frame:  # a further run of the home has a channel of its own
                    levels = levels[: position + 1]
                    break
            walk = Walk(self.analysis, channel.obj, levels, consumer.event.op)
            known = self._walks[key] = walk.respond(outcome)
        return known

    def loops(self, channel: Channel, consumer: Consumer) -> Response:
        """What it does after an ordinary item."""
        return self.respond(channel, consumer, Data())

    def of(self, group: Group) -> list[Ending]:
        """All endings of a group, each with what it does to every consumer in it."""
        found: list[tuple[Consumer, Ending]] = []
        for consumer in group.consumers:
            for kind in (self._markers, self._closes, self._cancels, self.scopes, self._flags, self._quits, self._timeouts):
                found.extend((consumer, ending) for ending in kind(group, consumer))
        return [self._doubted(group, self._held_back(group, each)) for each in untested(self.analysis, group, found)]

    def _held_back(self, group: Group, ending: Ending) -> Ending:
        """An ending in a finalizer that cannot run fails."""
        if ending.does is FAILS:
            return ending
        finalized = self.barriers.finalized(ending)
        if finalized is None or not self.barriers.keeps(group, finalized):
            return ending
        why = f"it waits for an object that its own {group.actor} keeps alive"
        return ending._replace(kind="finalizer", does=FAILS, why=why)

    def _doubted(self, group: Group, ending: Ending) -> Ending:
        """An ending in a function that unknown code may call at any time is possible wherever that code runs."""
        if ending.does is not ENDS or ending.frame is group.channel.home.frame:
            return ending
        if self.analysis.escapes.callable_from_outside(ending.frame):
            return ending._replace(does=POSSIBLE)
        return ending

    def endless(self, group: Group, consumer: Consumer) -> bool:
        """Whether none of the items that are really sent lets the consumer leave, where all of them are known."""
        inside = {level.frame for level in consumer.way.levels}
        sends = [e for e in group.channel.events if e.kind is OpKind.SEND and e.frame not in inside]
        for event in sends:
            _, held = recognise.items(self.analysis.points, event.call)
            if not held:
                return False
            for obj in held:
                response = self.respond(group.channel, consumer, Known(obj))
                if response.verdict is Verdict.MAYBE and response.hangs_on != {"other"}:
                    return False
        return bool(sends)

    def waits_for_unsent_marker(self, channel: Channel, consumer: Consumer) -> bool:
        """Whether an iterator ends on some marker, and nothing that is sent can be one, nor is the channel closed."""
        if any(event.kind is OpKind.CLOSE for event in channel.events):
            return False
        candidates = [*compared(self.analysis, consumer.event.frame), *self.analysis.points.heap.all(Instance)]
        if not any(self.respond(channel, consumer, Known(obj)).stops for obj in candidates[:MOST_CANDIDATES]):
            return False
        sends = [event for event in channel.events if event.kind is OpKind.SEND]
        for event in sends:
            node, held = recognise.items(self.analysis.points, event.call)
            outcomes = self._outcomes(event, node, held)
            if any(self.respond(channel, consumer, outcome).stops for outcome in outcomes):
                return False
        return bool(sends)

    def _outcomes(self, event: Event, node: int | None, held: list[Obj]) -> list[Known | Data]:
        """What a send may send: of objects that are known, or some data, or what unknown code was given to send."""
        known: list[Known | Data] = [Known(obj) for obj in held] or [Data(origin(self.analysis, event, node))]
        return [*known, *(Known(obj) for obj in self.analysis.escapes.given_with(event.frame))]

    # -- markers ------------------------------------------------------------------------------------------------------------

    def _markers(self, group: Group, consumer: Consumer) -> Iterator[Ending]:
        inside = {level.frame for level in consumer.way.levels} if group.spawn is not None else set()
        for event in group.channel.events:
            if event.kind not in (OpKind.SEND, OpKind.SEND_MANY) or event.frame in inside:
                continue
            if not recognise.is_opposite(event.handle, consumer.event.handle):
                continue
            if recognise.sends_anything(self.analysis.points, event.call):
                yield self._ending(event, "unknown", POSSIBLE, "what is sent is not known", None)
            node, held = recognise.items(self.analysis.points, event.call)
            if event.kind is OpKind.SEND_MANY:
                held = [
                    each
                    for obj in held
                    if isinstance(obj, Container)
                    for each in self.analysis.points.graph.points[self.analysis.points.graph.elements(obj)]
                ]
            outcomes = self._outcomes(event, node, held)
            for outcome in outcomes:
                if isinstance(outcome, Known) and self._loses_identity(group, consumer, outcome.obj):
                    yield self._ending(event, "marker", FAILS, COPIED, None)
                    continue
                ending = self._marker(group, consumer, event, outcome, len(outcomes))
                if ending is not None:
                    yield ending

    def _marker(self, group: Group, consumer: Consumer, event: Event, outcome: Known | Data, choices: int) -> Ending | None:
        response = self.respond(group.channel, consumer, outcome)
        marker = isinstance(outcome, Known) and (
            looks_like_marker(outcome.obj) or self._is_like_the_tested(group.channel, consumer, event, outcome.obj)
        )
        if response.verdict is Verdict.ENDS:
            if "crash" in response.hangs_on:
                return self._ending(event, "data", POSSIBLE, "an item that the consumer cannot handle", response)
            sure = event.sole and choices == 1
            return self._ending(event, "marker", ENDS if sure else POSSIBLE, "the end marker", response)
        if response.verdict is Verdict.MAYBE and response.hangs_on == {"other"} and self._is_counted(group, consumer, outcome):
            sure = event.sole and choices == 1
            return self._ending(event, "marker", ENDS if sure else POSSIBLE, "a marker that the consumer counts", response)
        if response.verdict is Verdict.MAYBE and "flag" not in response.hangs_on:
            return self._ending(event, "data", POSSIBLE, "an item that may end the consumer", response)
        if response.verdict is Verdict.MAYBE:
            if self._after_flag(group, event, response, strictly=True):
                return self._ending(event, "marker", ENDS if event.sole else POSSIBLE, "an item sent after the flag", response)
            if self._after_flag(group, event, response) or marker:
                return self._ending(event, "marker", POSSIBLE, "an item that wakes the consumer to read its flag", response)
            return None
        if marker and self._is_meant(event, outcome):
            return self._ending(event, "marker", FAILS, NEVER_TESTED, response)
        return None

    def _is_meant(self, event: Event, outcome: Known | Data) -> bool:
        """Whether None is sent because somebody wrote it there; other markers say what they are."""
        node, _ = recognise.items(self.analysis.points, event.call)
        if not isinstance(outcome, Known) or outcome.obj is not self.analysis.points.heap.const(None) or node is None:
            return True
        frame = event.call.frame
        register = frame.register(node)
        written = register in self.analysis.shapes.of(frame.function).definitions
        return register is None or not written or event.kind is OpKind.SEND_MANY or is_meant(self.analysis, frame, register)

    def _loses_identity(self, group: Group, consumer: Consumer, obj: Obj) -> bool:
        """Whether pickling makes another object of a marker that the consumer knows by identity alone."""
        if not group.channel.info.pickles_items:
            return False
        copy = self.barriers.unpickled(obj)
        if copy is obj or self.respond(group.channel, consumer, Known(obj)).verdict is not Verdict.ENDS:
            return False
        return self.respond(group.channel, consumer, Known(copy)).verdict is Verdict.STAYS

    def _is_like_the_tested(self, channel: Channel, consumer: Consumer, event: Event, obj: Obj) -> bool:
        """Whether an item sent once is of the kind that the consumer compares with: a string, an instance of the class.

        A tuple is, where other tuples have other heads.
        """
        shape = self.analysis.shapes.of(event.frame.function)
        if event.op.index in shape.by_index and shape.in_loop(event.op):
            return False
        tested = compared(self.analysis, consumer.event.frame)
        text = self._text_of(obj)
        if text is not None:
            texts = {each.value for each in tested if isinstance(each, Const) and isinstance(each.value, str)}
            sent = {self._text_of(each) for e in channel.events for each in recognise.items(self.analysis.points, e.call)[1]}
            return bool(texts) and text not in texts and (isinstance(obj, Const) or bool(sent - {text, None}))
        return isinstance(obj, Instance) and obj.cls in tested

    def _text_of(self, obj: Obj) -> str | None:
        """The text of a message, or of the head of a tuple."""
        if isinstance(obj, Container) and obj.kind == "tuple" and obj.size:
            node = self.analysis.points.graph.known_attribute(obj, "[0]")
            held = list(self.analysis.points.graph.points[node]) if node is not None else []
            obj = held[0] if len(held) == 1 else obj
        return obj.value if isinstance(obj, Const) and isinstance(obj.value, str) else None

    def _is_counted(self, group: Group, consumer: Consumer, outcome: Known | Data) -> bool:
        """Whether the consumer counts such items towards its end and lets others pass: then each that is missing strands it."""
        if not isinstance(outcome, Known):
            return False
        if self.loops(group.channel, consumer).verdict is Verdict.STAYS:
            return True
        for event in group.channel.events:
            if event.kind is OpKind.SEND:
                _, held = recognise.items(self.analysis.points, event.call)
                if any(self.respond(group.channel, consumer, Known(obj)).verdict is Verdict.STAYS for obj in held):
                    return True
        return False

    def _after_flag(self, group: Group, event: Event, response: Response, *, strictly: bool = False) -> bool:
        """Whether the flags that the loop reads are set where this item is sent (or by who sends it).

        ``strictly``: in the same function, before it and never after it.
        """
        callers = {entry.caller for entry in event.frame.entries if entry.caller is not None}
        for owner, name in self.flags.of(response):
            for frame, op in self.flags.sets(owner, name):
                if self.flags.is_first_state(group, frame, op):
                    continue
                after = frame is event.frame and follows(self.analysis, frame, op, event.op)
                if strictly:
                    if after and not follows(self.analysis, frame, event.op, op):
                        return True
                elif frame in callers or after:
                    return True
        return False

    # -- closes ---------------------------------------------------------------------------------------------------------------

    def _closes(self, group: Group, consumer: Consumer) -> Iterator[Ending]:
        closed = consumer.event.call.effect.closed or ("<closed>",)
        inside = {level.frame for level in consumer.way.levels}
        for event in group.channel.events:
            if event.kind is not OpKind.CLOSE:
                continue
            if not recognise.is_opposite(event.handle, consumer.event.handle):
                own = event.handle is consumer.event.handle and event.frame not in inside
                if own and not self._comes_after_the_group(group, event):
                    yield self._ending(event, "close", POSSIBLE, "its own end is closed", None)
                continue
            effect = event.call.effect
            if effect.wakes == "last" and self._open_ends(group, consumer):
                continue  # another send end stays open, and nobody else can close it
            if effect.wakes in ("none", "local"):
                yield self._ending(event, "close", FAILS, "a close that does not wake receivers", None)
                continue
            if effect.returns_on_close is not None:
                value = None if effect.returns_on_close == "None" else effect.returns_on_close
                response = self.respond(group.channel, consumer, Known(self.analysis.points.heap.const(value)))
            else:
                response = self.respond(group.channel, consumer, Raised(closed))
            yield self._by_response(event, "close", "the channel is closed", response)

    def _comes_after_the_group(self, group: Group, event: Event) -> bool:
        """Whether an op runs only after the ``with`` of a task group that waits for the consumer."""
        spawn = group.spawn
        if spawn is None or spawn.op is None or spawn.caller is not event.frame:
            return False
        shape = self.analysis.shapes.of(event.frame.function)
        for index, region in shape.regions.items():
            enter = shape.by_index[index]
            if spawn.op.index in region and event.op.index not in region and isinstance(enter, ops.Enter):
                held = self.analysis.points.holds(event.frame, enter.manager)
                if any(recognise.category_of(self.analysis.points, obj) is Category.GROUP for obj in held):
                    return True
        return False

    def _open_ends(self, group: Group, consumer: Consumer) -> list[End]:
        """The ends and clones on the other side that nothing closes, and that no unknown code holds."""
        closed = {event.handle for event in group.channel.events if event.kind is OpKind.CLOSE}
        return [
            end
            for end in self.analysis.points.heap.all(End)
            if end.channel is group.channel.obj
            and recognise.is_opposite(end, consumer.event.handle)
            and end not in closed
            and self.analysis.escapes.of(end) is None
        ]

    # -- cancels --------------------------------------------------------------------------------------------------------------

    def _cancels(self, group: Group, consumer: Consumer) -> Iterator[Ending]:
        if group.spawn is None:
            return
        if group.actor in CANCELLABLE and group.spawn.op is not None and self.parents.fails_with_a_sibling(group.spawn):
            why = "an exception of another task cancels its group"
            yield Ending("sibling", POSSIBLE, group.spawn.caller or consumer.event.frame, group.spawn.op, why)
        if group.actor in CANCELLABLE and group.channel.home.kind is HomeKind.OBJECT and self.parents.serves(group):
            why = "whoever awaits all the tasks may cancel them"
            yield Ending(
                "awaited", POSSIBLE, group.spawn.caller or consumer.event.frame, group.spawn.op or consumer.event.op, why
            )
        for subject in self.cancel_subjects(group):
            for event in self.analysis.by_subject.get(subject, ()):
                if event.kind is not OpKind.CANCEL:
                    continue
                yield self._cancel(group, consumer, event)

    def cancel_subjects(self, group: Group) -> list[Obj]:
        """The handle of the actor, the groups and scopes that it belongs to, and those of the tasks that hold it."""
        found: list[Obj] = []
        if group.spawn is None:
            return found
        for spawn in (group.spawn, *(self.parents.of(group.spawn) if group.actor in CANCELLABLE else ())):
            if spawn.actor is not None:
                found.append(spawn.actor)
            for call in spawn.caller.lib_calls.get(spawn.op.index, ()) if spawn.caller and spawn.op else ():
                owner = channel_of(call.receiver)
                if call.effect.op is OpKind.SPAWN and owner is not None:
                    if recognise.category_of(self.analysis.points, owner) in (Category.GROUP, Category.SCOPE):
                        found.append(owner)
        return list(dict.fromkeys(found))

    def _cancel(self, group: Group, consumer: Consumer, event: Event) -> Ending:
        whole = event.subject is not (group.spawn.actor if group.spawn else None)
        if self.barriers.has_deputy(consumer):
            does = POSSIBLE if self.barriers.may_be_woken(group, event) else FAILS
            return self._ending(event, "deputy", does, "the thread that receives for the task stays blocked", None)
        if group.actor in KILLABLE:
            return self._ending(event, "cancel", ENDS, "the process is terminated", None)
        if group.actor in CANCELLABLE or (whole and group.actor not in ("thread", "job")):
            response = self.respond(group.channel, consumer, Raised(cancel=True))
            ending = self._by_response(event, "cancel", "the task is cancelled", response)
            if not event.sole and ending.does is ENDS:
                return self._ending(event, "cancel", ENDS, ending.why, response)
            return ending
        if event.call.name == "__exit__":
            return self._ending(event, "cancel", POSSIBLE, "the pool is terminated", None)
        return self._ending(event, "cancel", FAILS, f"a running {group.actor} cannot be cancelled", None)

    def scopes(self, group: Group, consumer: Consumer) -> Iterator[Ending]:
        """Scopes round the actor or its receive that end it after a time, or that somebody cancels."""
        places: list[tuple[Frame, ops.Op]] = [(consumer.event.frame, consumer.event.op)]
        places += [(level.frame, level.op) for level in consumer.way.levels[1:]]
        if group.spawn is not None and group.spawn.caller is not None and group.spawn.op is not None:
            if group.actor in CANCELLABLE:
                places += [(group.spawn.caller, group.spawn.op), *self.parents.places(group.spawn)]
        for frame, op in places:
            shape = self.analysis.shapes.of(frame.function)
            for enter_index, region in shape.regions.items():
                if op.index not in region:
                    continue
                enter = shape.by_index[enter_index]
                if isinstance(enter, ops.Enter):
                    for obj in self.analysis.points.holds(frame, enter.manager):
                        yield from self._scope(group, frame, enter, obj)

    def _scope(self, group: Group, frame: Frame, enter: ops.Enter, obj: Obj) -> Iterator[Ending]:
        if recognise.category_of(self.analysis.points, obj) is not Category.SCOPE:
            return
        if isinstance(obj, LibInstance) and self._ends_by_itself(obj):
            yield Ending("scope", ENDS, frame, enter, "a scope that ends after a time")
            return
        for event in self.analysis.by_subject.get(channel_of(obj) or obj, ()):
            if event.kind is OpKind.CANCEL:
                yield self._ending(event, "scope", ENDS, "its scope is cancelled", None)

    def _ends_by_itself(self, obj: LibInstance) -> bool:
        """Whether a scope was made with a time limit."""
        for call in obj.maker.lib_calls.get(obj.site.op, ()):
            if call.result is obj and call.effect.op is OpKind.LIMIT:
                return call.effect.timeout is None or (
                    call.arguments is not None and argument(call.arguments, call.effect.timeout) is not None
                )
        return False

    # -- flags and timeouts ---------------------------------------------------------------------------------------------------

    def _flags(self, group: Group, consumer: Consumer) -> Iterator[Ending]:
        """Flags of a loop whose receive waits without bound: setting one does not wake it."""
        if not consumer.event.blocks:
            return
        response = self.loops(group.channel, consumer)
        if response.verdict is not Verdict.MAYBE or response.hangs_on != {"flag"}:
            return
        yield from self.flags.unread(group, consumer, response)

    def _quits(self, group: Group, consumer: Consumer) -> Iterator[Ending]:
        quitting = self.flags.handlings.quits(consumer)
        if quitting is not None:
            yield Ending("quit", POSSIBLE, *quitting, "an exception that an item makes it raise may end it")

    def _timeouts(self, group: Group, consumer: Consumer) -> Iterator[Ending]:
        if consumer.event.blocks:
            return
        frame, op = consumer.event.frame, consumer.event.op
        names = recognise.refusals(consumer.event.call)
        response = self.respond(group.channel, consumer, Raised(names or ("<refused>",)))
        if response.verdict is Verdict.ENDS:
            yield Ending("timeout", ENDS, frame, op, "it gives up when nothing comes", response=response)
        elif response.verdict is Verdict.MAYBE and response.hangs_on == {"flag"}:
            yield from self.flags.polled(group, consumer, response)
        elif response.verdict is Verdict.MAYBE:
            yield Ending("timeout", POSSIBLE, frame, op, "it may give up when nothing comes", response=response)

    # -- helpers --------------------------------------------------------------------------------------------------------------

    def _by_response(self, event: Event, kind: str, why: str, response: Response) -> Ending:
        if response.verdict is Verdict.ENDS:
            return self._ending(event, kind, ENDS if event.sole else POSSIBLE, why, response)
        if response.verdict is Verdict.MAYBE:
            return self._ending(event, kind, POSSIBLE, why, response)
        return self._ending(event, kind, FAILS, f"{why}, but the consumer's loop goes on", response)

    def _ending(self, event: Event, kind: str, does: Effectiveness, why: str, response: Response | None) -> Ending:
        return Ending(kind, does, event.frame, event.op, why, event, response)


def compared(analysis: Analysis, frame: Frame) -> list[Obj]:
    """The single objects that a function compares with."""
    found: list[Obj] = []
    for op in analysis.shapes.of(frame.function).comparisons:
        for register in (op.left, op.right):
            held = analysis.points.holds(frame, register)
            if len(held) == 1 and not isinstance(held[0], Container):
                found.append(held[0])
    return found[:MOST_COMPARED]


def sentinels(analysis: Analysis, frame: Frame) -> list[Obj]:
    """The markers of the ``iter(get, marker)`` that a function loops over."""
    found: list[Obj] = []
    for op in analysis.shapes.of(frame.function).by_index.values():
        if isinstance(op, ops.Iterate):
            for made in analysis.points.holds(frame, op.iterator):
                if isinstance(made, CallIterator):
                    found.extend(analysis.points.graph.points[analysis.points.graph.attribute(made, "sentinel")])
    return found[:MOST_COMPARED]


def recognised(analysis: Analysis, frame: Frame) -> list[Obj]:
    """An object of each class that a function asks for with ``isinstance``."""
    found: list[Obj] = []
    for op in analysis.shapes.of(frame.function).by_index.values():
        if isinstance(op, ops.Call) and len(op.args) == 2:
            callees = analysis.points.holds(frame, op.callee)
            if any(isinstance(obj, LibName) and obj.dotted == "builtins.isinstance" for obj in callees):
                for cls in analysis.points.spread(frame, op.args[1].value):
                    if isinstance(cls, ClassRef):
                        found.append(analysis.points.heap.make(Instance, cls, cls.site, None, True))
    return found[:MOST_COMPARED]


def looks_like_marker(obj: Obj) -> bool:
    """Whether an item can only be meant as an end marker."""
    if isinstance(obj, Const):
        return obj.value is None or obj.value is ...
    return isinstance(obj, ClassRef) or (isinstance(obj, LibInstance) and obj.type == "builtins.object")
