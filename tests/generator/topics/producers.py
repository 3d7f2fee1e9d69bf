"""Producers of a bounded channel whose reader may stop first (CHN201)."""

from __future__ import annotations

from generator.form import Choices, Topic
from generator.paths import block
from generator.worlds import World

PARTS = {
    "world": ("thread", "thread", "thread", "task", "task", "anyio", "trio"),
    "home": ("closure", "function", "functions", "method"),
    "size": ("1", "1", "2", "2", "0"),
    "items": ("rows", "rows", "three"),
    "producers": ("1", "1", "1", "3"),
    "leaving": ("never", "early_return", "one_get", "counted", "error", "generator", "timeout", "nobody"),
    "rescue": (*["none"] * 5, "drain", "stop_flag", "drop", "cancel", "room", "close_receiver", "caught"),
}
STREAMS = ("anyio", "trio")


def fits(c: Choices) -> bool:
    """Whether the rescue exists for this world and way of leaving."""
    if c["world"] in STREAMS:
        if c["rescue"] not in ("none", "cancel", "close_receiver", "caught") or c["home"] == "method" or c["size"] == "0":
            return False
        if c["leaving"] in ("generator", "nobody") or c["items"] != "rows" or c["home"] == "functions":
            return False
        if c["leaving"] == "error" and c["rescue"] not in ("caught",):
            return False  # the exception cancels the producer
    elif c["rescue"] == "close_receiver":
        return False
    if c["producers"] != "1" and (c["leaving"] != "one_get" or c["rescue"] not in ("none", "stop_flag", "cancel")):
        return False  # with several producers the first marker ends the loop
    if c["producers"] != "1" and c["world"] in STREAMS:
        return False
    if c["rescue"] == "cancel" and c["world"] == "thread":
        return False
    if c["rescue"] == "caught" and c["leaving"] != "error":
        return False
    if c["rescue"] == "room" and c["items"] != "three":
        return False
    if c["rescue"] in ("drain", "cancel") and c["leaving"] in ("never", "generator", "nobody", "timeout"):
        return c["leaving"] == "timeout" and c["rescue"] == "cancel"
    if c["rescue"] == "drain" and c["leaving"] in ("one_get", "counted") and c["items"] == "rows":
        return False  # the first item may be the last
    if c["rescue"] == "drop" and c["leaving"] != "nobody":
        return False  # the end marker may be dropped as well
    if c["rescue"] == "stop_flag" and c["leaving"] in ("never", "nobody"):
        return False
    if c["leaving"] in ("generator", "timeout") and c["home"] in ("method", "functions"):
        return False
    if c["home"] == "functions" and (c["rescue"] == "cancel" or c["leaving"] == "nobody"):
        return False
    return c["leaving"] != "nobody" or c["rescue"] in ("none", "drop", "room")


class Writer:
    """Writes one program."""

    def __init__(self, choices: Choices) -> None:
        self.c = choices
        self.w = World(choices["world"])
        self.streams = choices["world"] in STREAMS
        self.self_ = "self." if choices["home"] == "method" else ""
        self.channel = "self._ready" if self.self_ else "ready"
        self.stopped = "self._stopped" if self.self_ else "stopped"
        self.flagged = choices["rescue"] == "stop_flag"
        self.size = "8" if choices["rescue"] == "room" else choices["size"]
        self.handled = choices["rescue"] == "cancel"

    # The producer.

    def put(self, value: str) -> list[str]:
        """One send."""
        if self.flagged:
            timed = self.w.timed("put", self.channel, "0.05", value)
            full = "TimeoutError" if self.w.is_async else "queue.Full"
            attempt = [*block("try", [timed, "break"]), *block(f"except {full}", ["continue"])]
            return block(f"while not {self.stopped}.is_set()", attempt)
        if self.c["rescue"] == "drop":
            return [*block("try", [f"{self.channel}.put_nowait({value})"]), *block(f"except {self.w.full}", ["pass"])]
        return [f"{self.w.wait}{self.channel}.put({value})"]

    def feed(self) -> list[str]:
        """The producer's function."""
        slow = [self.w.sleep("0.2")] if self.c["leaving"] == "timeout" else []
        if self.streams:
            loop = block("for row in rows", ["await send.send(row)"])
            body = block("async with send", [*slow, *loop])
            name = "feed(send, rows)" if self.c["home"] == "function" else "feed()"
            return block(f"async def {name}", body)
        loop = block("for row in rows" if self.c["items"] == "rows" else "for row in range(3)", self.put("row"))
        inner = {"closure": "", "method": "self, rows"}.get(self.c["home"], self.given)
        name = "_feed" if self.self_ else "feed"
        return block(f"{self.w.define} {name}({inner})", [*slow, *loop, *self.put("None")])

    @property
    def given(self) -> str:
        """What the producer is given, where it is no closure."""
        return ", ".join([self.channel, *([self.stopped] if self.flagged else []), "rows"])

    def make(self) -> list[str]:
        """The channel and the flag."""
        flag = f"{self.stopped} = {'asyncio' if self.w.is_async else 'threading'}.Event()"
        return [f"{self.channel} = {self.w.queue(self.size)}", *([flag] if self.flagged else [])]

    def start(self) -> list[str]:
        """Starts the producer."""
        function, given = ("self._feed", "rows") if self.self_ else ("feed", "" if self.c["home"] == "closure" else self.given)
        if self.c["producers"] == "1":
            return self.w.spawn(function, given, f"{self.self_}producer" if self.handled else "")
        if not self.handled:
            return block("for _ in range(3)", self.w.spawn(function, given))
        one = self.w.spawn(function, given, "producer")
        return [f"{self.self_}feeders = []", *block("for _ in range(3)", [*one, f"{self.self_}feeders.append(producer)"])]

    # The reader.

    def get(self) -> str:
        """One receive."""
        return "await receive.receive()" if self.streams else f"{self.w.wait}{self.channel}.get()"

    def take_all(self, then: list[str]) -> list[str]:
        """The loop over everything."""
        if self.streams:
            return block("async for row in receive", then)
        return block(f"while (row := {self.get()}) is not None", then)

    def rescue(self) -> list[str]:
        """What is done for the producer when the reader leaves."""
        if self.c["rescue"] == "drain":
            return block(f"while {self.get()} is not None", ["pass"])
        if self.handled and self.c["producers"] != "1":
            return block(f"for producer in {self.self_}feeders", ["producer.cancel()"])
        if self.handled:
            return ["group.cancel_scope.cancel()" if self.streams else f"{self.self_}producer.cancel()"]
        return [f"{self.stopped}.set()"] if self.flagged else []

    def read(self) -> list[str]:
        """The statements of the reader, with whatever the producer needs when it leaves."""
        leaving, rescue = self.c["leaving"], self.rescue()
        save, parse = ["found.append(str(row))"], ["found.append(parse(str(row)))"]
        if leaving == "never":
            return ["found = []", *self.take_all(save), "return found"]
        if leaving == "nobody":
            return ["return []"]
        if leaving == "early_return":
            return ["found = []", *block("if not verbose", [*rescue, "return found"]), *self.take_all(save), "return found"]
        if leaving == "one_get":
            return [f"first = {self.get()}", *rescue, "return [first]"]
        if leaving == "counted":
            stop = block("if len(found) == 1", ["break"])
            loop = ["while True", [f"found.append({self.get()})", *stop]]
            return ["found = []", *block(str(loop[0]), list(loop[1])), *rescue, "return found"]
        if leaving == "error":
            return self._error(parse, rescue)
        if leaving == "timeout":
            if self.streams:
                lines = ["found = []", *self.w.give_up_after("0.05", [f"found.append({self.get()})"])]
                return [*lines, *rescue, "return found"]
            timed = self.w.timed("get", self.channel, "0.05")
            lines = [*block("try", [f"return [{timed}]"]), *block(f"except {self.w.late}", ["return []"])]
            return [*lines, *block("finally", rescue)] if rescue else lines
        yields = self.take_all(["yield str(row)"])
        return [*block("try", yields), *block("finally", rescue)] if rescue else yields

    def _error(self, parse: list[str], rescue: list[str]) -> list[str]:
        if self.c["rescue"] == "caught":
            return ["found = []", *self.take_all([*block("try", parse), *block("except ValueError", ["found.append(0)"])])]
        loop = self.take_all(parse)
        if rescue:
            loop = [*block("try", loop), *block("except ValueError", [*rescue, "raise"])]
        return ["found = []", *loop, "return found"]

    # The program.

    def program(self) -> list[str]:
        """Everything but imports and shared definitions."""
        inputs = 'rows=("1", "2", "3", "4"), verbose=False'
        run = f"{self.w.define} run({inputs})"
        if self.streams:
            return self._stream_program(run)
        body = [*self.make(), *([""] if self.c["home"] == "closure" else [])]
        if self.c["home"] == "closure":
            body += [*self.feed(), ""]
        if self.c["home"] == "functions":
            given = ", ".join([self.channel, *([self.stopped] if self.flagged else []), "verbose"])
            body += [*self.start(), f"return {self.w.wait}read({given})"]
            reader = [*block(f"{self.w.define} read({given})", self.read()), "", ""]
            return [*self.feed(), "", "", *reader, *block(run, body)]
        body += [*self.start(), *self.read()]
        if self.c["leaving"] == "generator":
            inner = f"{self.w.define} read_ahead(rows, verbose)"
            loop = "async for" if self.w.is_async else "for"
            lines = [
                *block(inner, body),
                "",
                "",
                *block(run, [*block(f"{loop} row in read_ahead(rows, verbose)", ["return row"]), "return None"]),
            ]
        elif self.self_:
            init = [*self.make(), *self.start()]
            methods = [
                *block("def __init__(self, rows)", init),
                "",
                *self.feed(),
                "",
                *block(f"{self.w.define} read(self, verbose)", self.read()),
            ]
            lines = [*block("class Reader", methods), "", "", *block(run, [f"return {self.w.wait}Reader(rows).read(verbose)"])]
        else:
            lines = block(run, body)
        return [*(["", "", *self.feed(), "", ""] if self.c["home"] == "function" else []), *lines]

    def _stream_program(self, run: str) -> list[str]:
        start = "group.start_soon(feed, send, rows)" if self.c["home"] == "function" else "group.start_soon(feed)"
        read = self.read()
        if self.c["rescue"] == "close_receiver":
            read = block("async with receive", read)
        body = [f"send, receive = {self.w.streams(self.size)}"]
        if self.c["home"] == "closure":
            body += ["", *self.feed(), ""]
        lines = block(run, [*body, *self.w.group([start, *read])])
        return [*([*self.feed(), "", ""] if self.c["home"] == "function" else []), *lines]


def blame(choices: Choices) -> list[tuple[str, str]]:
    """The producer in its send; whoever waits for it suffers from that."""
    return [(r"^_?feed \S*(put|send)$", "CHN201"), (r"^run .*__aexit__$", "")]


TOPIC = Topic("producers", ("CHN201",), PARTS, fits, lambda choices: Writer(choices).program(), blame, weight=6)
