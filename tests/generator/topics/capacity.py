"""Items put into a bounded channel before anybody can receive them (CHN202)."""

from __future__ import annotations

from generator.form import Choices, Topic
from generator.paths import block
from generator.worlds import World

PARTS = {
    "world": ("thread", "thread", "task", "anyio", "trio"),
    "home": ("closure", "function", "method"),
    "size": ("1", "1", "2", "3", "0"),
    "sends": ("2", "1", "3", "4", "4"),
    "written": ("unrolled", "range", "literal", "helper"),
    "order": (*["sends_first"] * 5, "reader_first", "reader_between"),
    "way": (*["plain"] * 5, "nowait", "timed"),
}
STREAMS = ("anyio", "trio")


def fits(c: Choices) -> bool:
    """Whether the program is told by its text alone."""
    if c["world"] in STREAMS and (c["way"] == "timed" or c["home"] == "method"):
        return False
    if c["order"] == "reader_between" and c["written"] not in ("unrolled",):
        return False
    return not (c["way"] != "plain" and c["order"] != "sends_first")


class Writer:
    """Writes one program."""

    def __init__(self, choices: Choices) -> None:
        self.c = choices
        self.w = World(choices["world"])
        self.streams = choices["world"] in STREAMS
        self.self_ = "self." if choices["home"] == "method" else ""
        self.channel = "send" if self.streams else "self._jobs" if self.self_ else "jobs"

    def put(self, value: str, channel: str = "") -> list[str]:
        """One send."""
        channel = channel or self.channel
        word = "send" if self.streams else "put"
        if self.c["way"] == "nowait":
            full = {"anyio": "anyio.WouldBlock", "trio": "trio.WouldBlock"}.get(self.w.name, self.w.full)
            return [*block("try", [f"{channel}.{word}_nowait({value})"]), *block(f"except {full}", ["pass"])]
        if self.c["way"] == "timed":
            full = "TimeoutError" if self.w.is_async else "queue.Full"
            return [*block("try", [self.w.timed("put", channel, "0.05", value)]), *block(f"except {full}", ["pass"])]
        return [f"{self.w.wait}{channel}.{word}({value})"]

    def puts(self) -> list[str]:
        """All sends."""
        number = int(self.c["sends"])
        if self.c["written"] == "unrolled":
            return [line for n in range(number) for line in self.put(f'"item {n}"')]
        if self.c["written"] == "range":
            return block(f"for number in range({number})", self.put("number"))
        if self.c["written"] == "helper":
            return [f"{self.w.wait}fill({self.channel})"]
        return block(f"for item in ({', '.join(str(n) for n in range(number))},)", self.put("item"))

    def filler(self) -> list[str]:
        """The helper that sends, where there is one."""
        if self.c["written"] != "helper":
            return []
        loop = block(f"for number in range({self.c['sends']})", self.put("number", "channel"))
        return [*block(f"{self.w.define} fill(channel)", loop), "", ""]

    def start(self) -> list[str]:
        """Starts the reader."""
        if self.streams:
            return ["group.start_soon(drain, receive)" if self.c["home"] == "function" else "group.start_soon(drain)"]
        if self.self_:
            return self.w.spawn("self._drain")
        return self.w.spawn("drain", "jobs" if self.c["home"] == "function" else "")

    def reader(self) -> list[str]:
        """The reader's function."""
        if self.streams:
            inner = "receive" if self.c["home"] == "function" else ""
            return block(f"async def drain({inner})", block("async for item in receive", ["save(item)"]))
        name = "_drain(self)" if self.self_ else "drain(jobs)" if self.c["home"] == "function" else "drain()"
        loop = block(f"while (item := {self.w.wait}{self.channel}.get()) is not None", ["save(item)"])
        return block(f"{self.w.define} {name}", loop)

    def order(self) -> list[str]:
        """Sends and start in their order, and the end."""
        puts, start = self.puts(), self.start()
        if self.c["order"] == "reader_first":
            lines = [*start, *puts]
        elif self.c["order"] == "reader_between":
            lines = [*puts[:1], *start, *puts[1:]]
        else:
            lines = [*puts, *start]
        return [*lines, f"{self.w.wait}{self.channel}.put(None)"]

    def program(self) -> list[str]:
        """Everything but imports and shared definitions."""
        run = f'{self.w.define} run(rows=("1", "2"))'
        reader = self.reader()
        outer = [*reader, "", ""] if self.c["home"] == "function" else []
        inner = ["", *reader, ""] if self.c["home"] == "closure" else []
        if self.streams:
            lines = self.order()[:-1]
            made = f"send, receive = {self.w.streams(self.c['size'])}"
            return [*self.filler(), *outer, *block(run, [made, *inner, *self.w.group(block("async with send", lines))])]
        made = [f"{self.channel} = {self.w.queue(self.c['size'])}"]
        if not self.self_:
            return [*self.filler(), *outer, *block(run, [*made, *inner, *self.order()])]
        methods = [*block("def __init__(self)", made), "", *block(f"{self.w.define} start(self)", self.order()), "", *reader]
        return [
            *self.filler(),
            *block("class Service", methods),
            "",
            "",
            *block(run, ["service = Service()", f"{self.w.wait}service.start()"]),
        ]


def blame(choices: Choices) -> list[tuple[str, str]]:
    """Whoever sends; the reader was not even started."""
    return [(r"^(run|start|fill) \S*(put|send)$", "CHN202")]


TOPIC = Topic("capacity", ("CHN202",), PARTS, fits, lambda choices: Writer(choices).program(), blame, weight=4)
