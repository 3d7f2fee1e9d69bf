"""What ends a consumer, what may end it, and what was meant to and fails."""

from __future__ import annotations

import pytest

from chanlint.model.channel import Effectiveness
from programs import Modelled, model

ENDS, POSSIBLE, FAILS = Effectiveness.ENDS, Effectiveness.POSSIBLE, Effectiveness.FAILS

THREAD = """
import queue, threading
def work(q, flag):
    while {test}:
        item = q.get({wait})
        if item is None:
            return
def handle(unknown):
    q = queue.Queue()
    flag = threading.Event()
    t = threading.Thread(target=work, args=(q, flag))
    t.start()
    {end}
"""
TASK = """
import asyncio
async def work(q):
    while True:
        {receive}
async def handle():
    q = asyncio.Queue()
    t = asyncio.create_task(work(q))
    await asyncio.sleep(1)
    {end}
"""
RECEIVE = "print(await q.get())"
STUBBORN = "try:\n            print(await q.get())\n        except asyncio.CancelledError:\n            pass"


def kinds(found: Modelled) -> set[tuple[str, Effectiveness]]:
    """The kinds of the endings found, with what they do."""
    return {(ending.kind, ending.does) for group in found.model.groups for ending in group.endings}


def thread(end: str, test: str = "True", wait: str = "", version: tuple[int, int] = (3, 13)) -> Modelled:
    return model(THREAD.format(end=end, test=test, wait=wait), version)


THREADS = {
    "marker": ("q.put(None)", {("marker", ENDS)}),
    "marker of another kind": ("q.put(...)", {("marker", FAILS)}),
    "marker or an item": ("q.put(None if unknown else 1)", {("marker", POSSIBLE)}),
    "an item": ("q.put(unknown)", set()),
    "shutdown": ("q.shutdown()", {("close", ENDS)}),
    "a put of many": ("[q.put(each) for each in (1, None)]", {("marker", POSSIBLE)}),
    "nothing": ("t.join()", set()),
}


@pytest.mark.parametrize(("end", "wanted"), THREADS.values(), ids=list(THREADS))
def test_what_ends_a_thread(end: str, wanted: set[tuple[str, Effectiveness]]) -> None:
    assert kinds(thread(end)) == wanted


def test_a_program_that_calls_shutdown_is_taken_to_run_where_it_exists() -> None:
    assert kinds(thread("q.shutdown()", version=(3, 12))) == {("close", ENDS)}


def test_a_flag_does_not_wake_a_blocked_receive() -> None:
    found = thread("flag.set()", test="not flag.is_set()")
    assert kinds(found) == {("flag", FAILS)}
    assert found.codes() == ["CHN106"]


def test_a_flag_and_an_item_that_wakes_the_receive() -> None:
    found = thread("flag.set(); q.put(None)", test="not flag.is_set()")
    assert found.codes() == []


def test_a_flag_ends_a_loop_that_polls() -> None:
    source = """
        import queue, threading
        def work(q, flag):
            while not flag.is_set():
                try:
                    print(q.get(timeout=1))
                except queue.Empty:
                    continue
        def handle():
            q, flag = queue.Queue(), threading.Event()
            threading.Thread(target=work, args=(q, flag)).start()
            {end}
        """
    assert ("flag", ENDS) in kinds(model(source.format(end="flag.set()")))
    assert model(source.format(end="flag.set()")).codes() == []
    assert model(source.format(end="q.put(1)")).codes() == ["CHN101"]


def test_a_receive_that_gives_up_ends_its_loop() -> None:
    found = thread("q.put(1)", wait="timeout=5")
    assert ("timeout", ENDS) in kinds(found) and found.codes() == []


TASKS = {
    "cancel": ("t.cancel()", RECEIVE, {("cancel", ENDS)}, []),
    "cancel that is swallowed": ("t.cancel()", STUBBORN, {("cancel", FAILS)}, ["CHN106"]),
    "nothing": ("pass", RECEIVE, set(), ["CHN101"]),
}


@pytest.mark.parametrize(("end", "receive", "wanted", "codes"), TASKS.values(), ids=list(TASKS))
def test_what_ends_a_task(end: str, receive: str, wanted: set[tuple[str, Effectiveness]], codes: list[str]) -> None:
    found = model(TASK.format(end=end, receive=receive))
    assert kinds(found) == wanted and found.codes() == codes


def test_a_running_job_cannot_be_cancelled() -> None:
    found = model(
        """
        import queue
        from concurrent.futures import ThreadPoolExecutor
        def work(q):
            while True:
                print(q.get())
        def handle():
            q = queue.Queue()
            job = ThreadPoolExecutor(1).submit(work, q)
            job.cancel()
        """
    )
    assert kinds(found) == {("cancel", FAILS)} and found.codes() == ["CHN106"]


def test_a_process_can_be_terminated() -> None:
    source = """
        import multiprocessing
        def work(q):
            while True:
                print(q.get())
        def handle():
            q = multiprocessing.Queue()
            p = multiprocessing.Process(target=work, args=(q,))
            p.start()
            {end}
        """
    assert kinds(model(source.format(end="p.terminate()"))) == {("cancel", ENDS)}
    assert kinds(model(source.format(end="q.close()"))) == {("close", FAILS)}


@pytest.mark.parametrize(
    ("scope", "codes"),
    [("trio.move_on_after(5)", []), ("trio.CancelScope()", ["CHN105"])],
)
def test_a_scope_that_ends_after_a_time(scope: str, codes: list[str]) -> None:
    found = model(
        f"""
        import trio
        async def work(receive):
            async for item in receive:
                print(item)
        async def handle():
            send, receive = trio.open_memory_channel(0)
            with {scope}:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(work, receive)
                    await send.send(1)
        """
    )
    assert found.codes() == codes


CLOSES = {
    "the sender": ("await send.aclose()", []),
    "with": ("async with send:\n            await send.send(1)", []),
    "nothing": ("await send.send(1)", ["CHN105"]),
    "one of two clones": ("again = send.clone()\n        await again.aclose()", ["CHN105"]),
}


@pytest.mark.parametrize("name", list(CLOSES))
def test_the_close_of_a_stream(name: str) -> None:
    end, codes = CLOSES[name]
    found = model(
        f"""
import trio
async def work(receive):
    async for item in receive:
        print(item)
async def handle():
    send, receive = trio.open_memory_channel(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, receive)
        {end}
"""
    )
    assert found.codes() == codes
