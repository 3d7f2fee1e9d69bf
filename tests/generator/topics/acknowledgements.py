"""Queues that somebody joins, and workers that acknowledge too few items (CHN301) or too many (CHN303)."""

from __future__ import annotations

from generator.form import Choices, Topic
from generator.paths import block
from generator.worlds import World

PARTS = {
    "world": ("thread", "thread", "task"),
    "home": ("closure", "function", "method"),
    "style": (
        *(
            "finally",
            "after",
            "after",
            "skip",
            "except_forgets",
            "except_done",
            "else_only",
            "marker_forgets",
            "marker_done",
            "helper",
        ),
        *("twice", "covers_get", "after_empty") * 2,
    ),
    "join": (*["join"] * 5, "timed", "none"),
    "end": ("after_join", "before_join"),
    "count": ("1", "1", "2"),
}
SURPLUS = ("twice", "covers_get", "after_empty")


def fits(c: Choices) -> bool:
    """Whether the program is told by its text alone."""
    if c["style"].startswith("marker") and c["end"] == "after_join":
        return False
    if c["join"] == "timed" and c["world"] == "thread":
        return False  # a queue's join has no timeout
    if c["style"] in SURPLUS and c["join"] != "join":
        return False
    return not (c["style"] in SURPLUS and c["count"] != "1")


class Writer:
    """Writes one program."""

    def __init__(self, choices: Choices) -> None:
        self.c = choices
        self.w = World(choices["world"])
        self.jobs = "self.jobs" if choices["home"] == "method" else "jobs"

    def loop(self) -> list[str]:
        """The worker's loop."""
        style, done = self.c["style"], f"{self.jobs}.task_done()"
        get, parse = f"item = {self.w.wait}{self.jobs}.get()", "save(parse(item))"
        caught = "except ValueError"
        marker = block("if item is None", [*([] if style == "marker_forgets" else [done]), "break"])
        treat = {
            "after": [parse, done],
            "finally": [*block("try", [parse]), *block(caught, ["save(0)"]), *block("finally", [done])],
            "skip": [*block("if not item.isdigit()", ["continue"]), parse, done],
            "except_forgets": [*block("try", [parse]), *block(caught, ["continue"]), done],
            "except_done": [*block("try", [parse]), *block(caught, [done, "continue"]), done],
            "else_only": [*block("try", [parse]), *block(caught, ["save(0)"]), *block("else", [done])],
            "marker_forgets": ["save(item)", done],
            "marker_done": ["save(item)", done],
            "helper": [f"treat(item, {self.jobs})"],
            "twice": [*block("try", [parse]), *block(caught, [done]), *block("finally", [done])],
        }
        if style == "covers_get":
            attempt = [
                *block("try", [f"item = {self.jobs}.get_nowait()", "save(item)"]),
                *block(f"except {self.w.empty}", ["break"]),
            ]
            return block("while True", [*attempt, *block("finally", [done])])
        if style == "after_empty":
            timed = self.w.timed("get", self.jobs, "0.05")
            attempt = [*block("try", [f"item = {timed}"]), *block(f"except {self.w.late}", [done, "break"])]
            return block("while True", [*attempt, "save(item)", done])
        return block("while True", [get, *marker, *treat[style]])

    def helper(self) -> list[str]:
        """A function that treats one item, where the worker calls one."""
        if self.c["style"] != "helper":
            return []
        body = [*block("try", ["save(parse(item))"]), *block("except ValueError", ["save(0)"])]
        return [*block("def treat(item, jobs)", [*body, *block("finally", ["jobs.task_done()"])]), "", ""]

    def start(self) -> list[str]:
        """Starts the workers."""
        target = "self._work" if self.c["home"] == "method" else "work"
        given = "jobs" if self.c["home"] == "function" else ""
        one = self.w.spawn(target, given)
        return one if self.c["count"] == "1" else block(f"for _ in range({self.c['count']})", one)

    def after(self) -> list[str]:
        """Items, join and markers."""
        puts = block("for row in rows", [f"{self.w.wait}{self.jobs}.put(row)"])
        join = {
            "join": [f"{self.w.wait}{self.jobs}.join()"],
            "timed": [
                *block("try", [f"await asyncio.wait_for({self.jobs}.join(), 0.1)"]),
                *block("except TimeoutError", ["save(0)"]),
            ],
            "none": [],
        }[self.c["join"]]
        end = [f"{self.w.wait}{self.jobs}.put(None)"]
        if self.c["count"] != "1":
            end = block(f"for _ in range({self.c['count']})", end)
        if self.c["style"] in SURPLUS:  # everything is there before anybody works: what happens does not hang on who is faster
            return [*puts, *(end if self.c["style"] == "twice" else []), *self.start(), *join]
        if self.c["end"] == "before_join":
            return [*self.start(), *puts, *end, *join]
        return [*self.start(), *puts, *join, *end]

    def program(self) -> list[str]:
        """Everything but imports and shared definitions."""
        run = f'{self.w.define} run(rows=("1", "2", "3", "4"))'
        made = f"{self.jobs} = {self.w.queue('0')}"
        given = {"closure": "", "function": "jobs", "method": "self"}[self.c["home"]]
        name = "_work" if self.c["home"] == "method" else "work"
        work = block(f"{self.w.define} {name}({given})", self.loop())
        if self.c["home"] == "method":
            after = self.after()
            methods = [
                *block("def __init__(self)", [made]),
                "",
                *work,
                "",
                *block(f"{self.w.define} process(self, rows)", after),
            ]
            return [
                *self.helper(),
                *block("class Service", methods),
                "",
                "",
                *block(run, [f"{self.w.wait}Service().process(rows)"]),
            ]
        inner = ["", *work, ""] if self.c["home"] == "closure" else []
        outer = [*work, "", ""] if self.c["home"] == "function" else []
        return [*self.helper(), *outer, *block(run, [made, *inner, *self.after()])]


def blame(choices: Choices) -> list[tuple[str, str]]:
    """The join that never comes back, and the call that raises; a worker waits for the end that the join holds up."""
    return [
        (r"task_done raises ValueError$", "CHN303"),
        (r"^(run|process) queues?\.join$", "" if choices["style"] in SURPLUS else "CHN301"),
        (r"^_?work \S+ raises", ""),
        (r"^_?work \S*get$", ""),
    ]


TOPIC = Topic("acknowledgements", ("CHN301", "CHN303"), PARTS, fits, lambda choices: Writer(choices).program(), blame, weight=6)
