"""What rules see of a program: channels, the consumers that may stay blocked, and what ends them.

Nouns:

* **Channel**: one place where a queue or stream is made, with its home.
* **Group**: the consumers of one channel that are spawned at one place (or a caller that receives itself).
* **Ending**: something that makes a blocked receive come back for the last time, or was meant to.
* **Coverage**: on which paths an ending is reached: never, on some (with a witness), on all.
* **Home**: where the channel lives: a function's run, an object, the whole program.
* **Defect**: anything else that strands somebody: a producer, a join, an operation that hangs.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from chanlint.analysis.frames import Entry, Frame
from chanlint.analysis.multiplicity import ONE, Count
from chanlint.analysis.objects import End, Instance, Obj
from chanlint.analysis.paths import Witness
from chanlint.analysis.program import Way
from chanlint.analysis.recognise import Event
from chanlint.analysis.walk import Response
from chanlint.catalogue.schema import OpKind, TypeInfo
from chanlint.diagnostics import Confidence
from chanlint.findings import Cleared, Place
from chanlint.ir.ids import FunctionId, OpId
from chanlint.ir.ops import Op


class HomeKind(enum.StrEnum):
    """How long a channel lives."""

    CALL = "call"
    OBJECT = "object"
    PROGRAM = "program"


class Home(NamedTuple):
    """Where a channel lives: ``frame`` for a call, ``owner`` for an object.

    A call with an owner is the session of a stream that the owner keeps (`chanlint.model.sessions`).
    """

    kind: HomeKind
    frame: Frame | None = None
    owner: Obj | None = None
    public: bool = False

    @property
    def class_name(self) -> str | None:
        """The name of the owner's class within its module."""
        return self.owner.cls.cls.qualname if isinstance(self.owner, Instance) else None


class Effectiveness(enum.StrEnum):
    """What an ending does to the consumer."""

    ENDS = "ends"
    POSSIBLE = "possible"
    FAILS = "fails"


class Ending(NamedTuple):
    """Something that ends, may end or was meant to end a consumer.

    Attributes:
        kind: ``marker``, ``close``, ``cancel``, ``flag``, ``timeout``, ``scope``, ``data``, ``unknown``.
        why: for people: what it is, or why it fails.
    """

    kind: str
    does: Effectiveness
    frame: Frame
    op: Op
    why: str
    event: Event | None = None
    response: Response | None = None

    @property
    def at(self) -> OpId:
        """Its place."""
        return self.frame.op_id(self.op)


class Paths(enum.StrEnum):
    """On which paths an ending is reached."""

    NEVER = "never"
    SOME = "some"
    ALL = "all"


class Coverage(NamedTuple):
    """Which paths from the start of the consumer reach an ending; ``witness`` misses it."""

    paths: Paths
    witness: Witness | None = None


@dataclass(eq=False, slots=True)
class Consumer:
    """One receive in one actor, with the way from the receive up to the start of the actor."""

    event: Event
    way: Way

    @property
    def at(self) -> OpId:
        """The receive."""
        return self.event.frame.op_id(self.event.op)


@dataclass(eq=False, slots=True)
class Channel:
    """A channel: where it is made, what it is, how it and its ``ends`` (by role) are called in the source."""

    obj: Obj
    info: TypeInfo
    created: OpId
    maker: Frame | None
    name: str
    home: Home
    events: list[Event] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)

    def called(self, role: str) -> str:
        """What the source calls the end with that role (``send``, ``receive``), or the whole where it has no name."""
        return self.ends.get(role) or self.name

    @property
    def is_closed_in_part(self) -> bool:
        """Whether some send end of a stream is closed somewhere."""
        return any(e.kind is OpKind.CLOSE and isinstance(e.handle, End) and e.handle.role == "send" for e in self.events)


UNCOVERED = Coverage(Paths.NEVER)


@dataclass(eq=False, slots=True)
class Group:
    """The consumers of a channel that are spawned at one place.

    Attributes:
        spawn: the edge that starts them; None for a caller.
        actor: ``thread``, ``task``, ``process``, ``job``, ``greenlet`` or ``caller``.
        at: the primary place: the spawn, or the receive of a caller.
        endings: all endings found, with what they do.
        escaped: where unknown code gets hold of the channel or the actor.
        silence: why nothing may be reported (policy), or None.
        held: the actor waits at this op for its consumers (a join, the end of a ``with``).
        collected: the collector ends the actor, because nothing live refers to it.
        polls: its receive gives up after a time, and its loop goes on.
        sent: how many end markers are sent, where only markers end it and their number is known.
        iterator: the receive of an iterator object whose end marker nobody sends.
        passes_on: a consumer that takes the marker sends it on to the next.
        beside: how many consumers were started before at other places, which take markers, too.
        single: it waits once, and goes on after any answer.
        counted: of those that wait once: each waits in every round of a loop that ends by itself.
        needs, answered: of those that wait once: how many items they take in all, and how many are sent, where that is known.
        shared: others receive from the channel, too.
    """

    channel: Channel
    consumers: list[Consumer]
    spawn: Entry | None
    actor: str
    at: OpId
    function: FunctionId
    count: Count
    confidence: Confidence = Confidence.HIGH
    endings: list[Ending] = field(default_factory=list)
    coverage: Coverage = UNCOVERED
    escaped: OpId | None = None
    silence: str | None = None
    held: OpId | None = None
    collected: bool = False
    daemon: bool = False
    polls: bool = False
    sent: Count | None = None
    passes_on: bool = False
    beside: int = 0
    iterator: bool = False
    single: bool = False
    counted: bool = False
    needs: Count | None = None
    answered: Count | None = None
    shared: bool = False

    def shortage(self) -> int | None:
        """How many of those that wait once get nothing: None if that is not known, 0 if all but one of an unknown number."""
        if self.shared or self.needs is None or self.answered is None:
            return None
        if self.answered.number == 1 and self.needs.number is None and self.needs.expression is not None:
            return 0 if self.spawn is not None else None
        return self.answered.falls_short_of(self.needs)

    @property
    def needs_each(self) -> bool:
        """Whether each of several answers is needed, because no more are sent than are taken."""
        if self.needs is None or self.answered is None or self.needs == ONE or self.needs.is_many:
            return False
        return self.answered == self.needs or self.shortage() is not None

    @property
    def together(self) -> Count:
        """How many consumers take markers, with those that were started before."""
        return self.count if self.count.number is None else Count(self.count.number + self.beside)

    def effective(self) -> list[Ending]:
        """The endings that end it for sure."""
        return [ending for ending in self.endings if ending.does is Effectiveness.ENDS]

    def possible(self) -> list[Ending]:
        """The endings that may end it."""
        return [ending for ending in self.endings if ending.does is Effectiveness.POSSIBLE]

    def failing(self, *kinds: str) -> list[Ending]:
        """The endings of these kinds that do not reach the receive."""
        return [ending for ending in self.endings if ending.does is Effectiveness.FAILS and ending.kind in kinds]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Defect:
    """Somebody who stays blocked, or an operation that strands somebody, that is no matter of one group of consumers.

    Finders make them, each a subclass with what its rule has to tell; a rule turns them into findings.

    Attributes:
        channel: the channel that it is about.
        at: the primary place.
        function: the function that holds the place.
        actor: who stays blocked: ``thread``, ``task``, ``process``, ``job``, ``greenlet`` or ``caller``.
        count: how many of them, per run of the channel's home.
        related: the other places of the story, in the order in which they are told.
    """

    channel: Channel
    at: OpId
    function: FunctionId
    actor: str = "caller"
    count: Count = ONE
    confidence: Confidence = Confidence.HIGH
    related: tuple[Place, ...] = ()


D = TypeVar("D", bound=Defect)


@dataclass(slots=True)
class ChannelModel:
    """Everything that rules can ask about a program.

    Attributes:
        groups: the consumers that may stay blocked, in the order of their places.
        defects: everything else that strands somebody, in the order of discovery.
        cleared: for every channel without a finding the reason.
        limits: names of analysis limits that were reached, with how often.
        target_version: the Python that cures are written for.
        release: frees what the model was made of, once nobody asks it any more.
    """

    groups: list[Group] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    cleared: list[Cleared] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    target_version: tuple[int, int] = (3, 11)
    release: Callable[[], None] = field(default=lambda: None, repr=False)

    def of(self, kind: type[D]) -> list[D]:
        """The defects of one kind."""
        return [defect for defect in self.defects if isinstance(defect, kind)]
