"""The grammar of random programs: one ``Shape`` per program, drawn from a seed.

Nouns:

* **World**: what the consumers are: threads, tasks, processes, or the caller that reads what a spawned producer sends.
* **Home**: where the consuming loop lives and how it gets its channel.
* **Loop**: how it receives, and which marker, flag or count ends it.
* **Ending**: what the program does so that it ends, or fails to do.
* **Path**: where the ending stands among the ways through the function.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

# Loops by the marker that ends them; those below end otherwise.
MARKERS = {
    "until_none": "None",
    "iter_none": "None",
    "walrus": "None",
    "match_none": "None",
    "return_inside_try": "None",
    "stop_object": "STOP",
    "iter_object": "STOP",
    "isinstance": "Stop()",
    "text": '"stop"',
    "tuple_head": '("stop", None)',
    "falsy": "0",
}
WRONG_MARKERS = {
    "None": "STOP",
    "STOP": "None",
    "Stop()": "None",
    '"stop"': "None",
    '("stop", None)': '("quit", None)',
    "0": "STOP",
}
FLAG_LOOPS = ("flag_timed", "flag_plain")
OTHER_LOOPS = ("forever", "idle_out", "counted", "drained")

PATHS = (
    *("straight", "faulty", "finally", "late_try", "early_return", "early_before", "early_finally", "except_only"),
    *("except_reraise", "except_swallow", "inside_try", "for_else", "conditional", "exit_stack", "break_out"),
)
QUEUE_NAMES = ("jobs", "inbox", "pending", "items", "work_queue")
LOOP_NAMES = ("work", "drain", "consume", "loop")


@dataclass(frozen=True)
class Shape:
    """One program in a few words.

    Attributes:
        world: ``thread``, ``task``, ``process``, ``caller`` (a thread feeds it) or ``async_caller`` (a task feeds it).
        channel: the constructor call.
        count: how many consumers, as source text: a number or ``workers``.
        listed: the program keeps the actors in a list.
        held: a task outlives the function's frame because somebody keeps it.
        fault: what can raise: ``parse`` (a function that raises), ``json`` or ``raise`` (in place).
        helper: the ending is a call of another function.
        joins: the program waits for its consumers afterwards.
        queue_name, loop_name: identifiers.
    """

    world: str
    channel: str
    home: str
    loop: str
    ending: str
    path: str
    count: str
    listed: bool
    held: bool
    fault: str
    helper: bool
    joins: bool
    queue_name: str
    loop_name: str

    @property
    def target(self) -> tuple[int, int]:
        """The oldest Python that it runs on."""
        return (3, 13) if self.ending == "shutdown" else (3, 11)

    @property
    def is_async(self) -> bool:
        """Whether it runs in an event loop."""
        return self.world in ("task", "async_caller")

    @property
    def marker(self) -> str:
        """The marker that its loop tests for."""
        return MARKERS.get(self.loop, "None")

    @property
    def complexity(self) -> int:
        """How far it is from the plainest program; the simplest disagreement is the one to read first."""
        plain = {"closure", "function", "until_none", "forever", "straight", "faulty", "finally", "each", "none", "1", "parse"}
        plain |= {"thread", "queue.Queue()", "asyncio.Queue()"}
        choices = (self.world, self.channel, self.home, self.loop, self.ending, self.path, self.count, self.fault)
        return sum(choice not in plain for choice in choices) + self.listed + self.helper + self.joins

    def __str__(self) -> str:
        extras = [w for w in ("listed", "held", "helper", "joins") if getattr(self, w)]
        words = (self.world, self.channel, self.home, self.loop, self.ending, self.path, f"x{self.count}", self.fault, *extras)
        return " ".join(words)


def _channel(rng: random.Random, world: str) -> str:
    if world in ("task", "async_caller"):
        return rng.choice(["asyncio.Queue()", "asyncio.Queue()", "asyncio.Queue(maxsize=16)", "asyncio.LifoQueue()"])
    if world == "process":
        return rng.choice(["multiprocessing.Queue()", "multiprocessing.JoinableQueue()"])
    return rng.choice(["queue.Queue()", "queue.Queue()", "queue.SimpleQueue()", "queue.LifoQueue()", "queue.Queue(maxsize=16)"])


def _home(rng: random.Random, world: str) -> str:
    homes = {
        "thread": (
            *("closure", "closure", "function", "function", "lambda", "partial", "subclass", "executor", "module", "holder"),
            *("factory", "owner", "owner", "manager"),
        ),
        "task": ("closure", "function", "module", "holder", "group", "group", "gather", "factory", "owner", "owner", "manager"),
        "process": ("function", "subclass", "owner"),
        "caller": ("closure", "function"),
        "async_caller": ("closure", "function"),
    }
    return rng.choice(homes[world])


def _loop(rng: random.Random, world: str, home: str) -> str:
    loops = [*MARKERS, "until_none", "walrus", "forever", "forever", *FLAG_LOOPS, "flag_timed", "idle_out", "drained"]
    if home == "closure":
        loops.append("counted")
    if world in ("task", "async_caller"):
        loops = [loop for loop in loops if not loop.startswith("iter_")]
    if world in ("caller", "async_caller"):
        loops = [loop for loop in loops if loop in MARKERS or loop == "counted"]
    if world == "process":
        loops = [loop for loop in loops if loop not in ("stop_object", "iter_object", "flag_plain", "drained", "falsy")]
    return rng.choice(loops)


def _ending(rng: random.Random, world: str, home: str, loop: str, count: str) -> str:
    endings = ["none"]
    if loop in MARKERS:
        endings += ["each", "each", "each", "wrong"]
        if count != "1":
            endings += ["one", "one", "fewer", "passed_on", "passed_on"]
    if loop in FLAG_LOOPS:
        endings += ["flag", "flag", "flag_wake"]
    if loop == "forever":
        endings += ["each"]
    if loop in ("idle_out", "counted", "drained"):
        return "none"
    if world == "task" and home not in ("gather", "factory"):
        endings += ["cancel", "cancel"]
    if world == "process":
        endings += ["terminate"]
    if world in ("thread", "task") and (loop == "forever" or loop in ("until_none", "walrus")):
        endings += ["shutdown"]
    return rng.choice(endings)


def _path(rng: random.Random, world: str, home: str, ending: str) -> str:
    if home == "manager":
        return rng.choice(["manager_finally", "manager_plain"])
    paths = [path for path in PATHS if path != "exit_stack" or world == "thread"]
    if world in ("caller", "async_caller"):
        paths = [path for path in paths if path not in ("early_before", "exit_stack")]
    if ending == "none":
        paths = ["straight", "faulty", "finally", "early_return"]
    return rng.choice(paths)


def draw(seed: int, number: int) -> Shape:
    """The shape of program ``number`` of a seed; the same arguments give the same shape on every Python."""
    rng = random.Random(f"{seed}/{number}")
    world = rng.choice(["thread"] * 11 + ["task"] * 7 + ["process"] + ["caller"] * 2 + ["async_caller"])
    channel, home = _channel(rng, world), _home(rng, world)
    loop = _loop(rng, world, home)
    one = world in ("caller", "async_caller") or loop == "counted"
    count = "1" if one else rng.choice(["1", "1", "2", "3", "workers", "workers"])
    ending = _ending(rng, world, home, loop, count)
    listed = count != "1" and (ending == "cancel" or rng.random() < 0.5)
    joins = home not in ("factory", "manager", "group", "gather") and ending != "cancel" and rng.random() < 0.3
    return Shape(
        world=world,
        channel="queue.Queue()" if ending == "shutdown" and channel == "queue.SimpleQueue()" else channel,
        home=home,
        loop=loop,
        ending=ending,
        path=_path(rng, world, home, ending),
        count=count,
        listed=listed,
        held=rng.random() < 0.7,
        fault=rng.choice(["parse", "parse", "json", "raise"]),
        helper=ending in ("each", "one", "flag", "flag_wake") and home not in ("owner", "gather") and rng.random() < 0.3,
        joins=joins and ending not in ("none", "shutdown"),
        queue_name=rng.choice(QUEUE_NAMES),
        loop_name=rng.choice(LOOP_NAMES),
    )
