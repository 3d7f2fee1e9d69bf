"""Operations under a lock that the other side needs (CHN501)."""

from __future__ import annotations

from generator.form import Choices, Topic
from generator.paths import block
from generator.worlds import World

PARTS = {
    "world": ("thread", "thread", "task", "anyio", "trio"),
    "home": ("closure", "function", "method"),
    "size": ("1", "1", "1", "2", "2", "0"),
    "lock": ("Lock", "RLock", "Condition"),
    "sender": (*["under"] * 4, "after", "timed"),
    "reader": ("between", "between", "helper", "helper", "last", "free", "own"),
    "taken": ("with", "with", "calls"),
}
STREAMS = ("anyio", "trio")


def fits(c: Choices) -> bool:
    """Whether the program is told by its text alone."""
    if c["world"] != "thread" and c["lock"] == "RLock":
        return False
    if c["world"] in STREAMS and (c["home"] == "method" or c["sender"] == "timed"):
        return False
    return not (c["lock"] == "Condition" and c["taken"] == "calls")


class Writer:
    """Writes one program."""

    def __init__(self, choices: Choices) -> None:
        self.c = choices
        self.w = World(choices["world"])
        self.streams = choices["world"] in STREAMS
        self.self_ = "self." if choices["home"] == "method" else ""
        self.jobs, self.lock = ("self._jobs", "self._lock") if self.self_ else ("jobs", "lock")

    def locked(self, body: list[str], lock: str = "") -> list[str]:
        """``body`` with the lock held."""
        lock = lock or self.lock
        if self.c["taken"] == "calls":
            return [f"{self.w.wait}{lock}.acquire()", *block("try", body), *block("finally", [f"{lock}.release()"])]
        return block(f"{'async with' if self.w.is_async else 'with'} {lock}", body)

    def produce(self) -> list[str]:
        """The statements that send five items and the end."""
        put = "await send.send(number)" if self.streams else f"{self.w.wait}{self.jobs}.put(number)"
        if self.c["sender"] == "timed":
            full = "TimeoutError" if self.w.is_async else "queue.Full"
            timed = self.w.timed("put", self.jobs, "0.05", "number")
            one = [*block("try", self.locked([timed])), *block(f"except {full}", ["break"])]
        elif self.c["sender"] == "after":
            one = [*self.locked(["save(number)"]), put]
        else:
            one = self.locked([put])
        loop = block("for number in range(5)", one)
        return block("async with send", loop) if self.streams else [*loop, f"{self.w.wait}{self.jobs}.put(None)"]

    def consume(self) -> list[str]:
        """The statements that receive, slowly enough for the channel to be full."""
        pause, reader = self.w.sleep("0.03"), self.c["reader"]
        treat = {
            "between": [pause, *self.locked(["save(item)"])],
            "helper": [pause, f"{self.w.wait}{self.self_}treat({'item' if self.self_ else 'lock, item'})"],
            "last": [pause],
            "free": [pause, "save(item)"],
            "own": [pause, *self.locked(["save(item)"], "other")],
        }[reader]
        loop = "async for item in receive" if self.streams else f"while (item := {self.w.wait}{self.jobs}.get()) is not None"
        lines = block(loop, treat)
        if reader == "own":
            lines = [f"other = {self.made_lock()}", *lines]
        return [*lines, *self.locked(['save("end")'])] if reader == "last" else lines

    def made_lock(self) -> str:
        """The constructor of the lock."""
        module = {"thread": "threading", "task": "asyncio"}.get(self.w.name, self.w.name)
        return f"{module}.{self.c['lock']}()"

    def program(self) -> list[str]:
        """Everything but imports and shared definitions."""
        run = f'{self.w.define} run(rows=("1", "2"))'
        helper = block(f"{self.w.define} treat({'self, item' if self.self_ else 'lock, item'})", self.locked(["save(item)"]))
        made = [f"{self.lock} = {self.made_lock()}"]
        ends = ("send", "receive") if self.streams else (self.jobs, self.jobs)
        if self.streams:
            made += [f"send, receive = {self.w.streams('math.inf' if self.c['size'] == '0' else self.c['size'])}"]
        else:
            made += [f"{self.jobs} = {self.w.queue(self.c['size'])}"]
        names = ("produce", "consume")
        if self.self_:
            methods = [*block("def __init__(self)", made), ""]
            for name, lines in zip(names, (self.produce(), self.consume()), strict=True):
                methods += [*block(f"{self.w.define} {name}(self)", lines), ""]
            methods += [*helper, ""] if self.c["reader"] == "helper" else []
            start = [line for name in names for line in self.w.spawn(f"service.{name}")]
            return [*block("class Service", methods[:-1]), "", "", *block(run, ["service = Service()", *start])]
        given = [f"{end}, lock" if self.c["home"] == "function" else "" for end in ends]
        functions = [
            block(f"{self.w.define} {name}({inner})", lines)
            for name, inner, lines in zip(names, given, (self.produce(), self.consume()), strict=True)
        ]
        if self.streams:
            calls = [
                f"group.start_soon({', '.join([name, inner] if inner else [name])})"
                for name, inner in zip(names, given, strict=True)
            ]
            start = self.w.group(calls)
        else:
            start = [line for name, inner in zip(names, given, strict=True) for line in self.w.spawn(name, inner)]
        outer = [*helper, "", ""] if self.c["reader"] == "helper" else []
        if self.c["home"] == "function":
            return [*outer, *functions[0], "", "", *functions[1], "", "", *block(run, [*made, *start])]
        return [*outer, *block(run, [*made, "", *functions[0], "", *functions[1], "", *start])]


def blame(choices: Choices) -> list[tuple[str, str]]:
    """The operation under the lock; who waits for the lock suffers from that."""
    return [
        (r"^produce \S*(put|send)$", "CHN501"),
        (r"^(consume|treat) ", ""),
        (r"^produce \S*(acquire|__aenter__|__enter__)", ""),
        (r"^run .*__aexit__$", ""),
    ]


TOPIC = Topic("locks", ("CHN501",), PARTS, fits, lambda choices: Writer(choices).program(), blame, weight=5)
