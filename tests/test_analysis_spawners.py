"""Who runs what concurrently, for every way to start a thread, process or task; and what library calls do to their objects.

Each program marks the line that makes the queue (``# made``), the line that uses it (``# used``), and queues that must not be
mixed up with it (``# other``).
"""

from __future__ import annotations

import pytest

from chanlint.analysis.frames import EntryKind
from chanlint.analysis.objects import Container
from chanlint.catalogue.schema import OpKind
from programs import Modelled, analyse, model

# -- spawners -------------------------------------------------------------------------------------------------------------

SPAWNERS = {
    "thread": ("thread", "threading.Thread(target=work, args=(q,)).start()  # spawned"),
    "thread with keywords": ("thread", "threading.Thread(target=work, kwargs={'q': q}).start()  # spawned"),
    "thread and lambda": ("thread", "threading.Thread(target=lambda: work(q)).start()  # spawned"),
    "thread in a variable": ("thread", "t = threading.Thread(target=work, args=(q,))  # spawned\n    t.start()"),
    "thread and partial": ("thread", "threading.Thread(target=functools.partial(work, q)).start()  # spawned"),
    "timer": ("thread", "threading.Timer(1, work, (q,)).start()  # spawned"),
    "low level thread": ("thread", "_thread.start_new_thread(work, (q,))  # spawned"),
    "submit": ("thread", "ThreadPoolExecutor(2).submit(work, q)  # spawned"),
    "executor map": ("thread", "ThreadPoolExecutor(2).map(work, [q])  # spawned"),
    "pool initializer": ("thread", "pool = ThreadPoolExecutor(2, initializer=work, initargs=(q,))  # spawned"),
    "thread subclass": ("thread", "Worker(q).start()  # spawned"),
    "thread subclass in two steps": ("thread", "w = Worker(q)  # spawned\n    w.start()"),
    "process": ("process", "multiprocessing.Process(target=work, args=(m,)).start()  # spawned"),
    "thread in a list": (
        "thread",
        "ts = [threading.Thread(target=work, args=(q,)) for _ in range(3)]  # spawned\n    for t in ts:\n        t.start()",
    ),
}


def started(found: Modelled) -> list[tuple[str, tuple[str, int]]]:
    """The actors that consume, and where they are started."""
    groups = [group for group in found.model.groups if group.spawn is not None and group.spawn.kind is EntryKind.SPAWN]
    return [(group.actor, found.text.place(group.at)) for group in groups]


@pytest.mark.parametrize(("actor", "spawn"), SPAWNERS.values(), ids=list(SPAWNERS))
def test_every_way_to_start_a_thread_is_a_spawn(actor: str, spawn: str) -> None:
    source = f"""
import _thread, functools, multiprocessing, queue, threading
from concurrent.futures import ThreadPoolExecutor

class Worker(threading.Thread):
    def __init__(self, q):
        super().__init__()
        self.q = q
    def run(self):
        work(self.q)

def work(q):
    while True:
        if q.get() is None:
            return

def f():
    q = queue.Queue()
    m = multiprocessing.Queue()
    {spawn}
"""
    found = model(source)
    assert started(found) == [(actor, *found.text.marked("spawned"))]
    assert not any(group.endings for group in found.model.groups)


TASKS = {
    "create_task": "asyncio.create_task(work(q))  # spawned",
    "ensure_future": "asyncio.ensure_future(work(q))  # spawned",
    "loop.create_task": "asyncio.get_running_loop().create_task(work(q))  # spawned",
    "gather": "await asyncio.gather(work(q), asyncio.sleep(1))  # spawned",
    "gather of a list": "await asyncio.gather(*[work(q) for _ in range(3)])  # spawned",
    "gather of tasks": "t = asyncio.create_task(work(q))  # spawned\n    await asyncio.gather(t)",
    "task group": "async with asyncio.TaskGroup() as group:\n        group.create_task(work(q))  # spawned",
    "wait_for of a task": "await asyncio.wait_for(asyncio.create_task(work(q)), None)  # spawned",
}


@pytest.mark.parametrize("spawn", TASKS.values(), ids=list(TASKS))
def test_every_way_to_start_a_task_is_a_spawn(spawn: str) -> None:
    source = f"""
import asyncio

async def work(q):
    while True:
        if await q.get() is None:
            return

async def f():
    q = asyncio.Queue()
    {spawn}
"""
    found = model(source)
    assert [(group.actor, found.text.place(group.at)) for group in found.model.groups] == [
        ("task", *found.text.marked("spawned"))
    ]
    assert found.codes() == ["CHN101"]


def test_a_coroutine_that_is_only_called_runs_nowhere() -> None:
    found = model(
        """
        import asyncio
        async def work(q):
            while True:
                await q.get()
        async def f():
            q = asyncio.Queue()
            work(q)
        """
    )
    assert not [group for group in found.model.groups if group.spawn is not None]


# Where the work of an offloading call runs is part of its effect.
OFFLOADED = {
    "to_thread": "await asyncio.to_thread(work, q)",
    "anyio.to_thread": "await anyio.to_thread.run_sync(work, q)",
    "trio.to_thread": "await trio.to_thread.run_sync(work, q)",
}


@pytest.mark.xfail(reason="the actor of a call effect is not made", strict=True)
@pytest.mark.parametrize("spawn", OFFLOADED.values(), ids=list(OFFLOADED))
def test_work_handed_to_a_thread_runs_apart(spawn: str) -> None:
    source = f"""
import anyio, asyncio, queue, trio
def work(q):
    while True:
        if q.get() is None:  # used
            return
async def f():
    q = queue.Queue()  # made
    {spawn}
"""
    found = analyse(source)
    assert found.subjects_at("used") == found.text.marked("made")
    assert EntryKind.SPAWN in found.entries("work")


NURSERIES = {
    "anyio": ("anyio", "async with anyio.create_task_group() as group:\n        group.start_soon(work, receive)  # spawned"),
    "trio": ("trio", "async with trio.open_nursery() as nursery:\n        nursery.start_soon(work, receive)  # spawned"),
}


@pytest.mark.parametrize(("library", "spawn"), NURSERIES.values(), ids=list(NURSERIES))
def test_start_soon_spawns_a_consumer_of_a_stream(library: str, spawn: str) -> None:
    made = {"anyio": "anyio.create_memory_object_stream(10)", "trio": "trio.open_memory_channel(10)"}[library]
    found = model(
        f"""
import {library}
async def work(receive):
    async for item in receive:
        print(item)
async def f():
    send, receive = {made}
    {spawn}
        await send.send(1)
"""
    )
    assert [(group.actor, found.text.place(group.at)) for group in found.model.groups] == [
        ("task", *found.text.marked("spawned"))
    ]
    assert found.codes() == ["CHN105"]


def test_each_end_of_a_pair_knows_its_side() -> None:
    found = analyse(
        """
        import trio
        async def f():
            send, receive = trio.open_memory_channel(1)  # made
            again = send.clone()
            await again.send(1)  # used
            await receive.receive()  # used
            await send.aclose()  # used
        """
    )
    assert found.subjects_at("used") == found.text.marked("made")
    roles = {
        event.kind: getattr(event.handle, "role", None) for event in found.events(OpKind.SEND, OpKind.RECEIVE, OpKind.CLOSE)
    }
    assert roles == {OpKind.SEND: "send", OpKind.RECEIVE: "receive", OpKind.CLOSE: "send"}


def test_run_in_executor_spawns() -> None:
    found = analyse(
        """
        import asyncio, queue
        def work(q):
            q.get()  # used
        async def f():
            q = queue.Queue()  # made
            await asyncio.get_running_loop().run_in_executor(None, work, q)
        """
    )
    assert found.subjects_at("used") == found.text.marked("made")
    assert found.entries("work") == [EntryKind.SPAWN]


def test_a_timer_that_is_never_started_runs_nothing() -> None:
    assert analyse(
        """
        import queue, threading
        def work(q):
            q.get()
        def f():
            t = threading.Thread(target=work, args=(queue.Queue(),))
        """
    ).entries("work") != [EntryKind.SPAWN]


def test_callbacks_at_exit_are_entered_later() -> None:
    found = analyse(
        """
        import atexit, queue
        q = queue.Queue()  # made
        def end(which):
            which.put(None)  # used
        atexit.register(end, q)
        """
    )
    assert found.subjects_at("used") == found.text.marked("made")
    assert EntryKind.LATER in found.entries("end")


def test_a_runner_calls_in_the_same_actor() -> None:
    found = analyse(
        """
        import asyncio
        async def main():
            q = asyncio.Queue()  # made
            await q.get()  # used
        asyncio.run(main())
        """
    )
    assert found.subjects_at("used") == found.text.marked("made")
    assert found.entries("main") == [EntryKind.CALL]


@pytest.mark.parametrize("closer", ["closing", "aclosing"])
def test_closing_calls_close_of_library_objects(closer: str) -> None:
    with_, method = ("with", "close") if closer == "closing" else ("async with", "aclose")
    found = analyse(
        f"""
        import contextlib, trio
        async def f():
            send, receive = trio.open_memory_channel(1)  # made
            {with_} contextlib.{closer}(send):
                await send.send(1)
        """
    )
    closes = found.events(OpKind.CLOSE)
    assert {event.call.name for event in closes} >= {method}
    assert {found.made_at(event.subject) for event in closes if event.call.name == method} == found.text.marked("made")


def test_closing_closes_an_object_of_the_program_and_does_not_exit_it() -> None:
    found = analyse(
        """
        import contextlib
        class C:
            def close(self): pass
            def __enter__(self): return self
            def __exit__(self, *args): pass
        def f():
            with contextlib.closing(C()):
                pass
        """
    )
    assert EntryKind.CALL in found.entries("close")
    assert EntryKind.CALL not in found.entries("__exit__")
    assert EntryKind.CALL not in found.entries("__enter__")


def test_a_generator_based_aclose_is_awaited() -> None:
    found = analyse(
        """
        import contextlib, asyncio
        class C:
            def __init__(self):
                self.q = asyncio.Queue()  # made
            async def aclose(self):
                await self.q.put(None)  # used
        async def f():
            async with contextlib.aclosing(C()):
                pass
        """
    )
    assert found.subjects_at("used") == found.text.marked("made")
    assert EntryKind.CALL in found.entries("aclose")


def test_a_program_that_calls_what_is_newer_is_taken_to_run_where_it_exists() -> None:
    source = "import queue\ndef f():\n    q = queue.Queue()\n    q.get()\n    q.shutdown()\n"
    assert [len(analyse(source, version).events(OpKind.CLOSE)) for version in ((3, 12), (3, 13))] == [1, 1]


def test_values_of_a_dict_are_a_container_of_their_own() -> None:
    found = analyse("d = {'a': 1}\nv = d.values()\n")
    module = found.analysis.points.module_frame("a.py")
    (held,) = found.analysis.points.graph.points[module.variables["v"]]
    (whole,) = found.analysis.points.graph.points[module.variables["d"]]
    assert isinstance(held, Container) and held is not whole


def test_nothing_is_found_in_a_program_without_channels() -> None:
    found = model("import os\nclass C:\n    def f(self):\n        return os.getcwd()\nprint(C().f())\n")
    assert found.model.groups == [] and found.model.cleared == [] and found.codes() == []


# -- classes that nobody here makes ----------------------------------------------------------------------------------------

OFFERED = """
import asyncio
import queue
import threading

class Offered:
    def __init__(self):
        self.q = queue.Queue()

    def start(self):
        threading.Thread(target=self._private).start()
        threading.Thread(target=self.public).start()

    async def run(self):
        asyncio.create_task(self.coroutine())
        await self.helper()

    def _private(self):
        self.q.get()

    def public(self):
        self.q.get()

    async def coroutine(self):
        self.q.get()

    async def helper(self):
        self.q.get()
"""


@pytest.mark.parametrize("method", ["_private", "public", "coroutine"])
def test_what_a_class_starts_itself_is_not_called_by_others_as_well(method: str) -> None:
    assert analyse(OFFERED).entries(method) == [EntryKind.SPAWN]


@pytest.mark.parametrize("method", ["start", "run", "helper"])
def test_what_a_class_offers_is_called_by_others(method: str) -> None:
    assert EntryKind.ROOT in analyse(OFFERED).entries(method)
