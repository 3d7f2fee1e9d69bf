"""What chanlint knows about libraries, as data.

Nouns:

* **Effect**: what a call of a function, constructor or method does, in generic terms (send, receive, spawn, close, ...).
* **TypeInfo**: a library type: which methods its objects have, how they are iterated, what leaving their ``with`` does.
* **ArgRef**: where a call takes an argument from, by keyword and position (``"timeout@1"``).
* **Catalogue**: all functions and types by canonical dotted name.

A canonical name is the dotted path by which the library documents a thing (``queue.Queue``); every other path that reaches
the same object is an alias. The catalogue says what a library does; which op in a program does it is found by points-to.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple


class ArgRef(NamedTuple):
    """An argument by ``keyword`` and ``position`` (None: keyword only). Written ``"timeout@1"``, ``"@0"`` or ``"daemon"``.

    ``rest`` (written ``"*1"``) means all positional arguments from that position on.
    """

    keyword: str | None
    position: int | None
    rest: bool = False


class OpKind(enum.StrEnum):
    """What a call does."""

    MAKE = "make"  # constructs an object of type `makes`
    SEND = "send"  # puts one item
    SEND_MANY = "send_many"
    RECEIVE = "receive"  # takes one item
    CLOSE = "close"  # no more items (see wakes)
    CLONE = "clone"  # another handle of the same end
    TASK_DONE = "task_done"
    AWAIT_DRAINED = "await_drained"  # Queue.join
    POLL = "poll"  # empty(), qsize(), full(), poll()
    SET_FLAG = "set_flag"
    CLEAR_FLAG = "clear_flag"
    TEST_FLAG = "test_flag"
    WAIT_FLAG = "wait_flag"  # blocks until the flag is set
    ACQUIRE = "acquire"
    RELEASE = "release"
    SPAWN = "spawn"  # starts `target` concurrently at once, result is a handle of type `makes`
    PREPARE = "prepare"  # makes an actor that START starts (Thread(...))
    START = "start"  # method of such an actor
    JOIN = "join"  # waits for an actor's or group's end
    CANCEL = "cancel"  # ends an actor (or every actor of a group or scope)
    DETACH = "detach"  # the object stops caring about its actors (shutdown(wait=False))
    CALL = "call"  # calls `target` in this actor, now or later (callbacks): asyncio.run, call_soon, Timer-less callbacks
    CALL_AT_EXIT = "call_at_exit"  # atexit.register, weakref.finalize, ExitStack.callback, signal.signal
    ADOPT = "adopt"  # ExitStack.enter_context/push, closing(x): x is exited when the object is
    AWAIT_ALL = "await_all"  # gather, wait: awaits coroutines or actors given in `target`
    WRAP = "wrap"  # returns or awaits argument `target` itself (wait_for, shield, ensure_future of a future)
    LIMIT = "limit"  # a scope that ends its body after a time (move_on_after, asyncio.timeout)
    GET = "get"  # returns an existing object of type `makes` (get_running_loop, get_context)
    HARMLESS = "harmless"  # does nothing to channels or actors passed to it, keeps no reference


class Category(enum.StrEnum):
    """What kind of thing a type is."""

    CHANNEL = "channel"
    FLAG = "flag"  # Event
    LOCK = "lock"
    ACTOR = "actor"  # Thread, Process, Task, Future of a job
    GROUP = "group"  # TaskGroup, nursery, executor, pool
    SCOPE = "scope"  # CancelScope, timeout
    STACK = "stack"  # ExitStack
    NAMESPACE = "namespace"  # event loop, multiprocessing context, manager
    FUTURE = "future"  # one-shot result cell


class World(enum.StrEnum):
    """Where a type's blocking operations block."""

    THREAD = "thread"
    PROCESS = "process"
    ASYNCIO = "asyncio"
    TRIO = "trio"
    ANYIO = "anyio"
    GREEN = "green"
    CURIO = "curio"
    TORNADO = "tornado"


@dataclass(slots=True, repr=False)
class Effect:
    """What one call does.

    Attributes:
        op: the kind of effect.
        makes: canonical name of the type of the result (make, prepare, spawn, get, clone, limit); a pair type's result is a
            tuple of its two end types.
        item: what is sent (send), what is iterated (send_many).
        block, timeout: arguments that make a blocking call return early. A timeout argument of None blocks.
        nonblocking: the call never blocks (``get_nowait``).
        always_timed: the call always gives up after a time without being asked to.
        awaitable: takes effect only when awaited.
        target: the callable (or, with ``coroutine``, the called coroutine) that is run; for wrap/await_all/adopt the argument
            meant (a ``rest`` reference for several); for make: what runs first in each actor (``initializer``), or the thing
            that a stack exits (``closing``).
        args, kwargs: the argument that holds the target's arguments as a tuple and a dict; ``args`` with ``rest`` takes the
            remaining positional arguments; ``rest_kwargs`` passes other keywords on.
        ranked: the spawner passes the number of the actor before these arguments.
        coroutine: ``target`` is a called coroutine, not a function.
        each: the target is called once per element of the arguments (``map``).
        count: the argument that says how many actors a group runs (``max_workers``).
        daemon: the argument that says that the actor does not keep the interpreter alive.
        actor: the kind of actor spawned: thread, task, process, greenlet, job; for call: where the target runs, if not in the
            calling actor (``to_thread``, ``pool.apply``; ``task`` is the event loop's own thread).
        cancels_on_timeout: for wrap and limit: the inner operation is cancelled when the time is over.
        parted: for await_all: the result is a pair, what has ended and what has not.
        wakes: for close: which blocked receivers come back: ``all`` (every receiver and sender), ``last`` (only when
            every handle of that end is closed), ``local`` (only unreliable or in this process), ``none``.
        immediate: items still queued are dropped by the close.
        raises: exceptions (canonical names) when the call cannot be served at once or in time (``queue.Empty``).
        closed: exceptions raised to receivers after a close (``queue.ShutDown``).
        returns_on_close: the value (as literal text, such as ``None``) that receivers get after a close, where they get no
            exception.
        since, until: (major, minor) Python versions from which the callable exists, and before which.
        result: for receive: ``item``; for functions that give back an argument: its ArgRef.
        wait: for detach/join/cancel with an argument that decides (``shutdown(wait=...)``).
    """

    op: OpKind
    makes: str | None = None
    item: ArgRef | None = None
    block: ArgRef | None = None
    timeout: ArgRef | None = None
    nonblocking: bool = False
    always_timed: bool = False
    awaitable: bool = False
    target: ArgRef | None = None
    args: ArgRef | None = None
    kwargs: ArgRef | None = None
    rest_kwargs: bool = False
    ranked: bool = False
    coroutine: bool = False
    each: bool = False
    count: ArgRef | None = None
    daemon: ArgRef | None = None
    actor: str | None = None
    cancels_on_timeout: bool = False
    parted: bool = False
    wakes: str | None = None
    immediate: bool = False
    raises: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    returns_on_close: str | None = None
    since: tuple[int, int] | None = None
    until: tuple[int, int] | None = None
    result: ArgRef | None = None
    wait: ArgRef | None = None


@dataclass(slots=True, repr=False)
class TypeInfo:
    """A library type.

    Attributes:
        name: canonical name.
        category: what kind of thing it is.
        title: how messages call it: ``queue``, ``asyncio queue``, ``process queue``, ``memory stream``, ....
        world: where its blocking calls block.
        methods: effects by method name.
        attributes: type names by attribute (``sync_q``, ``cancel_scope``): the same underlying object seen as another type.
        bases: canonical names of its base types in the catalogue; their methods are inherited.
        parts: attributes that keep an argument of the constructor.
        delegates: by method name what it calls on its parts, in order: ``(("send_stream", "aclose"), ...)``. A loop over it
            calls its ``receive``, and the end of its ``with`` its ``close`` or ``aclose``.
        iteration: ``none``, ``sync`` or ``async``: whether a ``for`` over it receives until closed.
        iteration_ends_with: an item that ends one iteration (``StopIteration`` for gevent), canonical name.
        ends: for a pair: canonical types of its (send end, receive end), in the order of the tuple; ``roles`` names them
            (``("send", "receive")``, ``("both", "both")``).
        roles: see ``ends``.
        duplex: for a pair: the argument that, where it is false, makes a one-way channel: the first end then only receives, the
            second only sends.
        capacity: the argument of the constructor that bounds it; ``default_capacity`` where it is not given (None: unbounded).
            For a lock that several may hold at once: how many; a lock without it is held by one.
        unbounded_from: values at or below this mean unbounded (0 for queue.Queue; None: every value bounds).
        pickles_items: items pass between processes by pickling, so identity of markers is lost.
        pipe_backed: sending blocks the *process exit* until the data is read (multiprocessing.Queue).
        order: ``fifo``, ``lifo`` or ``priority``.
        exit: what leaving its ``with`` does: ``close``, ``join``, ``cancel``, ``terminate``, ``abandon``, ``release``,
            ``none``; None: it is no context manager.
        collected: an unreachable blocked actor on it is garbage-collected (asyncio).
        keeps_interpreter: a running actor of this type keeps the interpreter alive unless it is a daemon.
        subclass_entry: for actors: the method that a subclass overrides (``run``).
        actor: the kind of actor that its spawn effects start.
        yields: what ``with obj as x`` binds: canonical type, or None for the object itself.
    """

    name: str
    category: Category
    title: str = ""
    world: World = World.THREAD
    methods: dict[str, Effect] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    bases: tuple[str, ...] = ()
    parts: dict[str, ArgRef] = field(default_factory=dict)
    delegates: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    iteration: str = "none"
    iteration_ends_with: str | None = None
    ends: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    duplex: ArgRef | None = None
    capacity: ArgRef | None = None
    default_capacity: int | None = None
    unbounded_from: int | None = None
    pickles_items: bool = False
    pipe_backed: bool = False
    order: str = "fifo"
    exit: str | None = None
    collected: bool = False
    keeps_interpreter: bool = False
    subclass_entry: str | None = None
    actor: str | None = None
    yields: str | None = None


@dataclass(slots=True)
class Catalogue:
    """All that is known.

    Attributes:
        types: by canonical name.
        functions: by canonical name: constructors (``make`` effects) and functions.
        aliases: dotted name -> canonical name; also for whole modules (``six.moves.queue`` -> ``queue``).
        needles: byte strings of which a file that uses one of these libraries' channels must contain at least one.
        hand_overs: byte strings of which a file that hands something to another thread contains at least one.
        digest: hexadecimal digest of everything that was loaded.
    """

    types: dict[str, TypeInfo] = field(default_factory=dict)
    functions: dict[str, Effect] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    needles: tuple[bytes, ...] = ()
    hand_overs: tuple[bytes, ...] = ()
    digest: str = ""

    def canonical(self, dotted: str) -> str:
        """The canonical name of ``dotted``: its own alias, else the longest aliased prefix replaced."""
        seen = 0
        while seen < 8:
            seen += 1
            if dotted in self.aliases:
                dotted = self.aliases[dotted]
                continue
            head = dotted
            while "." in head:
                head = head.rpartition(".")[0]
                if head in self.aliases:
                    dotted = self.aliases[head] + dotted[len(head) :]
                    break
            else:
                return dotted
        return dotted

    def method(self, type_name: str, name: str) -> Effect | None:
        """The effect of method ``name`` on a type, its bases included; None if it has no such method."""
        waiting, seen = [type_name], set()
        while waiting:
            current = waiting.pop(0)
            info = self.types.get(current)
            if info is None or current in seen:
                continue
            seen.add(current)
            if name in info.methods:
                return info.methods[name]
            waiting.extend(info.bases)
        return None
