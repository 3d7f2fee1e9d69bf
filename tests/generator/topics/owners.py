"""Objects with a consumer of their own, and callers that close them or forget to (CHN107)."""

from __future__ import annotations

from generator.form import Choices, Topic
from generator.paths import block
from generator.worlds import World

PARTS = {
    "world": ("thread", "thread", "task"),
    "home": ("attribute", "subclass"),
    "ends": ("marker", "flag"),
    "offers": ("close", "stop", "with", "both"),
    "count": ("1", "3"),
    "caller": (
        "closes",
        "forgets",
        "forgets",
        "early_return",
        "faulty",
        "finally",
        "with",
        "closing",
        "early_return",
        "faulty",
        "stack",
        "helper",
        "factory",
    ),
}


def fits(c: Choices) -> bool:
    """Whether the class offers what the caller uses."""
    if c["home"] == "subclass" and c["world"] != "thread":
        return False
    if c["caller"] in ("with", "stack"):
        return c["offers"] in ("with", "both")
    if c["caller"] == "closing":
        return c["offers"] in ("close", "both")
    if c["caller"] in ("closes", "finally", "early_return", "faulty", "helper", "factory") and c["offers"] == "with":
        return False
    return not (c["count"] != "1" and c["caller"] not in ("closes", "forgets", "finally"))


class Writer:
    """Writes one program."""

    def __init__(self, choices: Choices) -> None:
        self.c = choices
        self.w = World(choices["world"])
        self.close = "stop" if choices["offers"] == "stop" else "aclose" if self.w.is_async else "close"

    def loop(self) -> list[str]:
        """The consumer's loop."""
        if self.c["ends"] == "marker":
            return block(f"while (item := {self.w.wait}self.jobs.get()) is not None", ["save(item)"])
        timed = self.w.timed("get", "self.jobs", "0.05")
        attempt = [*block("try", [f"item = {timed}"]), *block(f"except {self.w.late}", ["continue"]), "save(item)"]
        return block("while not self.stopped.is_set()", attempt)

    def owner(self) -> list[str]:
        """The class."""
        flag = f"self.stopped = {'asyncio' if self.w.is_async else 'threading'}.Event()"
        init = [f"self.jobs = {self.w.queue('0')}", *([flag] if self.c["ends"] == "flag" else [])]
        end = ["self.stopped.set()"] if self.c["ends"] == "flag" else [f"{self.w.wait}self.jobs.put(None)"]
        put = block(f"{self.w.define} put(self, item)", [f"{self.w.wait}self.jobs.put(item)"])
        if self.c["home"] == "subclass":
            head, name = "class Service(threading.Thread)", "run"
            init = ["super().__init__(daemon=True)", *init, "self.start()"]
        else:
            head, name = "class Service", "_work"
            init += self.w.spawn("self._work")
        methods = [*block("def __init__(self)", init), "", *block(f"{self.w.define} {name}(self)", self.loop()), "", *put]
        if self.c["offers"] != "with":
            methods += ["", *block(f"{self.w.define} {self.close}(self)", end)]
        if self.c["offers"] in ("with", "both"):
            enter, leave = ("__aenter__", "__aexit__") if self.w.is_async else ("__enter__", "__exit__")
            ending = end if self.c["offers"] == "with" else [f"{self.w.wait}self.{self.close}()"]
            methods += ["", *block(f"{self.w.define} {enter}(self)", ["return self"])]
            methods += ["", *block(f"{self.w.define} {leave}(self, *details)", ending)]
        return block(head, methods)

    def use(self) -> list[str]:
        """The statements of run(), for one object."""
        caller, make = self.c["caller"], "service = Service()"
        puts = block("for row in rows", [f"{self.w.wait}service.put(row)"])
        close = [f"{self.w.wait}service.{self.close}()"]
        word = "async with" if self.w.is_async else "with"
        return {
            "closes": [make, *puts, *close],
            "forgets": [make, *puts],
            "finally": [make, *block("try", puts), *block("finally", close)],
            "with": block(f"{word} Service() as service", puts),
            "closing": block(f"{word} {'aclosing' if self.w.is_async else 'closing'}(Service()) as service", puts),
            "early_return": [make, *block("if not rows", ["return"]), *puts, *close],
            "faulty": [make, *block("for row in rows", [f"{self.w.wait}service.put(parse(row))"]), *close],
            "stack": self._stack(puts),
            "helper": [make, *puts, f"{self.w.wait}finish(service)"],
            "factory": ["service = begin()", *block("try", puts), *block("finally", close)],
        }[caller]

    def _stack(self, puts: list[str]) -> list[str]:
        if self.w.is_async:
            entered = "service = await stack.enter_async_context(Service())"
            return block("async with AsyncExitStack() as stack", [entered, *puts])
        return block("with ExitStack() as stack", ["service = stack.enter_context(Service())", *puts])

    def program(self) -> list[str]:
        """Everything but imports and shared definitions."""
        helpers: list[str] = []
        if self.c["caller"] == "helper":
            helpers = [*block(f"{self.w.define} finish(service)", [f"{self.w.wait}service.{self.close}()"]), "", ""]
        if self.c["caller"] == "factory":
            helpers = [*block("def begin()", ["return Service()"]), "", ""]
        use = self.use() if self.c["count"] == "1" else block("for _ in range(3)", self.use())
        return [*self.owner(), "", "", *helpers, *block(f'{self.w.define} run(rows=("1", "2", "3", "4"))', use)]


def blame(choices: Choices) -> list[tuple[str, str]]:
    """The consumer of an object that nobody closed."""
    return [(r"^(_work|run) ", "CHN107")]


TOPIC = Topic("owners", ("CHN107",), PARTS, fits, lambda choices: Writer(choices).program(), blame, weight=5)
