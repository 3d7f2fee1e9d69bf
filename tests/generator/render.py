"""Turns a shape into the source text of a program whose entry is ``run(rows=...)``."""

from __future__ import annotations

import re

from generator.grammar import FLAG_LOOPS, WRONG_MARKERS, Shape
from generator.loops import loop_lines
from generator.paths import Pieces, block, path_lines

_HANDLES = {"thread": "thread", "task": "task", "process": "process"}
HELPERS = "background"  # the module that holds the loop of the home "module"


class Renderer:
    """Writes one program."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.queue = {"holder": f"state.{shape.queue_name}", "owner": f"self.{shape.queue_name}"}.get(
            shape.home, shape.queue_name
        )
        self.flagged = shape.loop in FLAG_LOOPS
        self.flag = {"holder": "state.stopping", "owner": "self.stopping"}.get(shape.home, "stopping")
        self.actor = _HANDLES.get(shape.world, "")
        self.handled = bool(self.actor) and shape.home not in ("executor", "gather", "factory")
        self.handled = self.handled and (shape.listed or shape.joins or shape.ending in ("cancel", "terminate"))
        self.self_ = "self." if shape.home == "owner" else ""
        self.wait = "await " if shape.is_async else ""
        self.define = "async def" if shape.is_async else "def"

    # What the consumers are.

    def _arguments(self) -> list[str]:
        if self.shape.home == "holder":
            return ["state"]
        return [self.queue, self.flag] if self.flagged else [self.queue]

    def _flag_made(self) -> list[str]:
        module = {"task": "asyncio", "process": "multiprocessing"}.get(self.shape.world, "threading")
        return [f"{self.flag} = {module}.Event()"] if self.flagged else []

    def _actor(self) -> str:
        """The expression that makes one consumer."""
        shape, name = self.shape, self.shape.loop_name
        arguments = ", ".join(self._arguments())
        if shape.home == "owner":
            name, arguments = f"self._{name}", ""
        if shape.home in ("closure", "factory", "manager"):
            arguments = ""
        if shape.world == "task":
            maker = "group.create_task" if shape.home == "group" else "asyncio.create_task"
            return f"{maker}({name}({arguments}))"
        if shape.home == "executor":
            return f"executor.submit({name}, {arguments})"
        if shape.home == "subclass":
            return f"Worker({arguments})"
        if shape.home == "lambda":
            name, arguments = f"lambda: {name}({arguments})", ""
        if shape.home == "partial":
            name, arguments = f"functools.partial({name}, {arguments})", ""
        passed = f"args=({arguments}{',' if ',' not in arguments else ''}), " if arguments else ""
        maker = "multiprocessing.Process" if shape.world == "process" else "threading.Thread"
        return f"{maker}(target={name}, {passed}daemon=True)"

    def _spawn(self) -> list[str]:
        shape, made = self.shape, self._actor()
        starts = shape.world in ("thread", "process") and shape.home != "executor"
        many = shape.count != "1"
        if not self.handled:
            if shape.world == "task" and shape.held and shape.home != "group":
                made = f"kept.add({made})"
            one = [f"{made}.start()" if starts else made]
            return block(f"for _ in range({shape.count})", one) if many else one
        if not many:
            handle = f"{self.self_}{self.actor}"
            lines = [f"{handle} = {made}"]
            lines += [f"{handle}.start()"] if starts else []
            return lines + ([f"kept.add({handle})"] if shape.world == "task" and shape.held else [])
        handle = f"{self.self_}{self._plural}"
        lines = [f"{handle} = [{made} for _ in range({shape.count})]"]
        lines += block(f"for {self.actor} in {handle}", [f"{self.actor}.start()"]) if starts else []
        return lines + ([f"kept.update({handle})"] if shape.world == "task" and shape.held else [])

    @property
    def _plural(self) -> str:
        return {"process": "processes"}.get(self.actor, f"{self.actor}s")

    # What ends them.

    def _markers(self, queue: str) -> list[str]:
        shape = self.shape
        marker = WRONG_MARKERS[shape.marker] if shape.ending == "wrong" else shape.marker
        put = f"{self.wait}{queue}.put({marker})"
        if shape.ending in ("one", "passed_on") or shape.count == "1":
            return [put]
        if shape.ending == "fewer":
            return block(f"for _ in range({shape.count} - 1)", [put])
        if self.handled and not shape.helper:
            return block(f"for _ in {self.self_}{self._plural}", [put])
        return block(f"for _ in range({'count' if shape.helper else shape.count})", [put])

    def _ending_itself(self, queue: str, flag: str) -> list[str]:
        shape = self.shape
        handles = f"{self.self_}{self._plural}"
        if shape.ending == "none":
            return ["save(0)"]
        if shape.ending in ("cancel", "terminate"):
            if shape.count == "1":
                return [f"{self.self_}{self.actor}.{shape.ending}()"]
            return block(f"for {self.actor} in {handles}", [f"{self.actor}.{shape.ending}()"])
        if shape.ending == "shutdown":
            return [f"{queue}.shutdown()"]
        if shape.ending == "flag":
            # Without the pause a consumer might see the flag before it blocks again.
            pause = [f"{'await asyncio' if shape.is_async else 'time'}.sleep(0.1)"] if shape.loop == "flag_plain" else []
            return [*pause, f"{flag}.set()"]
        if shape.ending == "flag_wake":
            return [f"{flag}.set()", *self._markers(queue)]
        return self._markers(queue)

    def _ending(self) -> list[str]:
        """The ending as it stands in the sending function or in close()."""
        shape = self.shape
        if not shape.helper:
            lines = self._ending_itself(self.queue, self.flag)
        else:
            arguments = [self.queue, self.flag] if self.flagged else [self.queue]
            lines = [f"{self.wait}finish({', '.join([*arguments, shape.count])})"]
        if shape.joins and self.handled:
            lines = [*lines, *self._join()]
        return lines

    def _join(self) -> list[str]:
        handle = f"{self.self_}{self.actor if self.shape.count == '1' else self._plural}"
        if self.shape.world == "task":
            return [f"await {handle}" if self.shape.count == "1" else f"await asyncio.gather(*{handle})"]
        return (
            [f"{handle}.join()"]
            if self.shape.count == "1"
            else block(f"for {self.actor} in {handle}", [f"{self.actor}.join()"])
        )

    def _send(self, queue: str) -> Pieces:
        wrapped = '("item", {})' if self.shape.loop == "tuple_head" else "{}"
        ending = self._ending()
        if self.shape.home == "owner":
            ending = [f"{self.wait}service.close()"]
            return Pieces(self.shape, lambda value: f"{self.wait}service.put({wrapped.format(value)})", ending)
        return Pieces(self.shape, lambda value: f"{self.wait}{queue}.put({wrapped.format(value)})", ending)

    # Whole functions.

    def _loop_function(self) -> list[str]:
        shape = self.shape
        queue = f"state.{shape.queue_name}" if shape.home == "holder" else shape.queue_name
        inner = shape.home in ("closure", "factory", "manager")
        arguments = "" if inner else ", ".join(self._arguments())
        return block(f"{self.define} {shape.loop_name}({arguments})", loop_lines(shape, queue, self.flag))

    def _make(self) -> list[str]:
        if self.shape.home == "holder":
            return ["state = State()"]
        return [f"{self.queue} = {self.shape.channel}", *self._flag_made()]

    def _outer(self) -> list[str]:
        """Module-level definitions that the program needs besides run()."""
        shape = self.shape
        lines: list[str] = []
        if shape.world in ("caller", "async_caller"):
            if shape.home == "function":
                before, after = path_lines(self._send(self.queue))
                lines += ["", "", *block(f"{self.define} feed({self.queue}, rows, verbose)", [*before, *after])]
        elif shape.home in ("function", "lambda", "partial", "executor", "holder", "group", "gather"):
            lines += ["", "", *self._loop_function()]
        if shape.home == "subclass":
            lines += ["", "", *self._subclass()]
        if shape.home == "owner":
            lines += ["", "", *self._owner()]
        if shape.home == "holder":
            field = f"{shape.queue_name}: object = field(default_factory=lambda: {shape.channel})"
            module = "asyncio" if shape.is_async else "threading"
            flag = [f"stopping: object = field(default_factory={module}.Event)"] if self.flagged else []
            lines += ["", "", "@dataclass", *block("class State", [field, *flag])]
        if shape.helper:
            arguments = ", ".join(["channel", *(["stopping"] if self.flagged else []), "count"])
            lines += ["", "", *block(f"{self.define} finish({arguments})", self._ending_itself("channel", "stopping"))]
        if shape.home == "factory":
            made = [*self._make(), "", *self._loop_function(), "", *self._spawn()]
            made += [f"return {', '.join(self._arguments())}"]
            lines += ["", "", *block("def start(workers)", made)]
        if shape.home == "manager":
            lines += ["", "", *self._manager()]
        return lines

    def _subclass(self) -> list[str]:
        base = "multiprocessing.Process" if self.shape.world == "process" else "threading.Thread"
        names = self._arguments()
        init = ["super().__init__(daemon=True)", *(f"self.{name} = {name}" for name in names)]
        run = loop_lines(self.shape, f"self.{self.shape.queue_name}", "self.stopping")
        body = [*block(f"def __init__(self, {', '.join(names)})", init), "", *block("def run(self)", run)]
        return block(f"class Worker({base})", body)

    def _owner(self) -> list[str]:
        shape = self.shape
        init = [*self._make(), *self._spawn()]
        put = [f"{self.wait}{self.queue}.put(item)"]
        loop = loop_lines(shape, self.queue, self.flag)
        body = [*block("def __init__(self, workers)", ["self.workers = workers", *init]), ""]
        body += [*block(f"{self.define} _{shape.loop_name}(self)", loop), "", *block(f"{self.define} put(self, item)", put), ""]
        ending = [line.replace("range(workers", "range(self.workers") for line in self._ending()]
        return block("class Service", [*body, *block(f"{self.define} close(self)", ending)])

    def _manager(self) -> list[str]:
        shape = self.shape
        body = [*self._make(), "", *self._loop_function(), "", *self._spawn()]
        give = f"yield {self.queue}"
        if shape.path == "manager_finally":
            body += [*block("try", [give]), *block("finally", self._ending())]
        else:
            body += [give, *self._ending()]
        decorator = "@asynccontextmanager" if shape.is_async else "@contextmanager"
        return [decorator, *block(f"{self.define} background_{shape.queue_name}(workers)", body)]

    def _body(self) -> list[str]:
        """The statements of run()."""
        shape = self.shape
        before, after = path_lines(self._send(self.queue))
        inner = [*self._loop_function(), ""] if shape.home == "closure" and self.actor else []
        if shape.world in ("caller", "async_caller"):
            return self._caller([*before, *after])
        if shape.home == "owner":
            return [*before, "service = Service(workers)", *after]
        if shape.home == "factory":
            return [*before, f"{', '.join(self._arguments())} = start(workers)", *after]
        if shape.home == "manager":
            word = "async with" if shape.is_async else "with"
            return [*before, *block(f"{word} background_{shape.queue_name}(workers) as {shape.queue_name}", after)]
        if shape.home == "executor":
            return [*before, *self._make(), *block("with ThreadPoolExecutor(8) as executor", [*self._spawn(), *after])]
        if shape.home == "group":
            return [*before, *self._make(), *block("async with asyncio.TaskGroup() as group", [*self._spawn(), *after])]
        if shape.home == "gather":
            call = f"{shape.loop_name}({', '.join(self._arguments())})"
            many = f"*[{call} for _ in range({shape.count})]" if shape.count != "1" else call
            waits = f"await asyncio.gather({many}, produce())"
            return [*before, *self._make(), "", *block("async def produce()", after), "", waits]
        return [*before, *self._make(), "", *inner, *self._spawn(), *after]

    def _caller(self, sends: list[str]) -> list[str]:
        shape = self.shape
        if shape.home == "closure":
            spawn = (
                "kept.add(asyncio.create_task(feed()))"
                if shape.is_async
                else "threading.Thread(target=feed, daemon=True).start()"
            )
            lines = [*self._make(), "", *block(f"{self.define} feed()", sends), "", spawn]
        else:
            given = f"{self.queue}, rows, verbose"
            spawn = f"threading.Thread(target=feed, args=({given}), daemon=True).start()"
            lines = [*self._make(), f"kept.add(asyncio.create_task(feed({given})))" if shape.is_async else spawn]
        return [*lines, *loop_lines(shape, self.queue, self.flag, in_caller=True)]

    def program(self) -> dict[str, str]:
        """The files of the program, by name."""
        run = block(f'{self.define} run(rows=("1", "2"), workers=3, verbose=False)', self._body())
        own = [*self._outer(), "", "", *run]
        if self.shape.home != "module":
            return {"main.py": _file(str(self.shape), [], [*_shared(own), *own])}
        loop = ["", "", *self._loop_function()]
        library = [*_shared([*loop, *own]), *loop]
        names = sorted(name for name in (*_SHARED, self.shape.loop_name) if _mentions(own, name))
        main = _file(str(self.shape), [f"from {HELPERS} import {', '.join(names)}"], own)
        return {f"{HELPERS}.py": _file("The consumer of another module.", [], library), "main.py": main}


_IMPORTS = {
    "asyncio": "import asyncio",
    "functools": "import functools",
    "json": "import json",
    "math": "import math",
    "multiprocessing": "import multiprocessing",
    "queue": "import queue",
    "threading": "import threading",
    "time": "import time",
    "anyio": "import anyio",
    "trio": "import trio",
    "ThreadPoolExecutor": "from concurrent.futures import ThreadPoolExecutor",
    "AsyncExitStack": "from contextlib import AsyncExitStack",
    "ExitStack": "from contextlib import ExitStack",
    "aclosing": "from contextlib import aclosing",
    "closing": "from contextlib import closing",
    "asynccontextmanager": "from contextlib import asynccontextmanager",
    "contextmanager": "from contextlib import contextmanager",
    "dataclass": "from dataclasses import dataclass, field",
}


_SHARED = {
    "STOP": ["", "", "STOP = object()"],
    "kept": ["", "", "kept = set()"],
    "Stop": ["", "", *block("class Stop", ['"""A marker."""'])],
    "save": ["", "", *block("def save(item)", ["return str(item)"])],
    "parse": [
        *("", ""),
        *block("def parse(row)", [*block("if not row.isdigit()", ["raise ValueError(row)"]), "return int(row)"]),
    ],
}


def _mentions(lines: list[str], name: str) -> bool:
    return re.search(rf"\b{name}\b", "\n".join(lines)) is not None


def _shared(lines: list[str]) -> list[str]:
    """The definitions that some lines need."""
    return [line for name, definition in _SHARED.items() if _mentions(lines, name) for line in definition]


def complete(says: str, lines: list[str]) -> str:
    """A module of ``lines``, with the imports and shared definitions that they need."""
    return _file(says, [], [*_shared(lines), *lines])


def _file(says: str, imports: list[str], lines: list[str]) -> str:
    used = []
    for name, statement in _IMPORTS.items():
        pattern = rf"(?<![\w.]){name}\b" if statement.startswith("from") else rf"(?<![\w.]){name}\."
        if re.search(pattern, "\n".join(lines)):
            used.append(statement)
    head = "\n".join(used + ([""] if used and imports else []) + imports)
    body = "\n".join(lines).strip("\n")
    return f'"""{says.replace(chr(34), chr(39))}"""\n\n{head}\n\n\n{body}\n'


def render(shape: Shape) -> dict[str, str]:
    """The files of a program, by name."""
    return Renderer(shape).program()
