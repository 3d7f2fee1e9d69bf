"""Memory streams of anyio and trio whose send ends somebody leaves open (CHN105)."""

from __future__ import annotations

from generator.form import Choices, Topic
from generator.paths import block
from generator.worlds import World

PARTS = {
    "world": ("anyio", "trio"),
    "reader": ("task", "caller"),
    "home": ("closure", "function", "method"),
    "size": ("0", "4", "math.inf"),
    "clones": ("none", "each", "each_with"),
    "close": ("with", "none", "none", "early_return", "end", "finally", "early_return", "conditional", "helper", "late"),
    "producers": ("1", "3"),
    "loop": ("for", "for_with", "while", "timed", "counted"),
}


def fits(c: Choices) -> bool:
    """Whether the choices do not contradict each other."""
    if c["reader"] == "task" and (c["clones"] != "none" or c["producers"] != "1" or c["close"] == "late"):
        return False
    if c["loop"] == "counted" and (c["close"] in ("early_return", "conditional") or c["producers"] != "1"):
        return False
    if c["reader"] == "caller" and c["close"] in ("end", "finally", "early_return", "helper"):
        return False
    if c["reader"] == "task" and c["loop"] == "counted" and c["close"] == "with":
        return False
    return not (c["reader"] == "caller" and c["producers"] == "3" and c["clones"] == "none")


class Writer:
    """Writes one program."""

    def __init__(self, choices: Choices) -> None:
        self.c = choices
        self.w = World(choices["world"])
        self.self_ = "self." if choices["home"] == "method" else ""
        self.send, self.receive = ("self._send", "self._receive") if self.self_ else ("send", "receive")

    def loop(self) -> list[str]:
        """Receives everything."""
        over = block(f"async for row in {self.receive}", ["save(row)"])
        end = "trio.EndOfChannel" if self.w.name == "trio" else "anyio.EndOfStream"
        if self.c["loop"] == "for_with":
            return block(f"async with {self.receive}", over)
        if self.c["loop"] == "while":
            attempt = [*block("try", [f"row = await {self.receive}.receive()"]), *block(f"except {end}", ["break"])]
            return block("while True", [*attempt, "save(row)"])
        if self.c["loop"] == "timed":
            return self.w.give_up_after("0.3", over)
        if self.c["loop"] == "counted":
            return block("for _ in rows", [f"save(await {self.receive}.receive())"])
        return over

    def _reading_task(self) -> list[str]:
        """The body of the group where a task reads and run() sends."""
        given = {"closure": "consume", "function": "consume, receive, rows", "method": "self.consume, rows"}[self.c["home"]]
        sends = block("for row in rows", [f"await {self.send}.send(row)"])
        close = [f"await {self.send}.aclose()"]
        body = {
            "with": block(f"async with {self.send}", sends),
            "none": sends,
            "end": [*sends, *close],
            "finally": [*block("try", sends), *block("finally", close)],
            "early_return": [*block("if not rows", ["return"]), *sends, *close],
            "conditional": [*sends, *block("if verbose", close)],
            "helper": [*sends, f"await finish({self.send})"],
        }[self.c["close"]]
        return [f"group.start_soon({given})", *body]

    def _reading_caller(self) -> list[str]:
        """The body of the group where tasks send and run() reads."""
        end = self.send if self.c["clones"] == "none" else f"{self.send}.clone()"
        start = [f"group.start_soon({self.self_}produce, {end}, rows)"]
        if self.c["producers"] != "1":
            start = block("for _ in range(3)", start)
        close = [f"await {self.send}.aclose()"]
        if self.c["clones"] == "none":  # the producer has the only end
            return [*start, *self.loop()]
        return {
            "with": [*block(f"async with {self.send}", start), *self.loop()],
            "none": [*start, *self.loop()],
            "conditional": [*start, *block("if verbose", close), *self.loop()],
            "late": [*start, *self.loop(), *close],
        }[self.c["close"]]

    def producer(self) -> list[str]:
        """The function that sends, and closes its end or not."""
        sends, close = block("for row in rows", ["await send.send(row)"]), ["await send.aclose()"]
        if self.c["clones"] == "each_with" or (self.c["clones"] == "none" and self.c["close"] == "with"):
            sends = block("async with send", sends)
        elif self.c["clones"] == "none" and self.c["close"] == "conditional":
            sends = [*sends, *block("if len(rows) > 2", close)]
        elif self.c["clones"] == "none" and self.c["close"] == "late":
            sends = [*block("try", sends), *block("finally", close)]
        return block(f"async def produce({'self, ' if self.self_ else ''}send, rows)", sends)

    def program(self) -> list[str]:
        """Everything but imports and shared definitions."""
        run = 'async def run(rows=("1", "2", "3", "4"), verbose=False)'
        made = f"{self.send}, {self.receive} = {self.w.streams(self.c['size'])}"
        if self.c["reader"] == "task":
            given = {"closure": "", "function": "receive, rows", "method": "self, rows"}[self.c["home"]]
            function, body = block(f"async def consume({given})", self.loop()), self._reading_task()
        else:
            function, body = self.producer(), self._reading_caller()
        group = self.w.group(body)
        helper = [*block("async def finish(send)", ["await send.aclose()"]), "", ""] if self.c["close"] == "helper" else []
        if self.self_:
            process = block("async def process(self, rows, verbose)", group)
            methods = [*block("def __init__(self)", [made]), "", *function, "", *process]
            return [*helper, *block("class Stage", methods), "", "", *block(run, ["await Stage().process(rows, verbose)"])]
        if self.c["home"] == "function":
            return [*helper, *function, "", "", *block(run, [made, *group])]
        return [*helper, *block(run, [made, "", *function, "", *group])]


def blame(choices: Choices) -> list[tuple[str, str]]:
    """The receiver that waits for the end."""
    return [(r"^(run|process|consume) \S*(receive|__anext__)$", "CHN105"), (r"^(run|process) .*__aexit__$", "")]


TOPIC = Topic("streams", ("CHN105",), PARTS, fits, lambda choices: Writer(choices).program(), blame, weight=5)
