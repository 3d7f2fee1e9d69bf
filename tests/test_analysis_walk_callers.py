"""What a consumer does when it is cancelled, and how the walk goes on in the callers of its receive."""

from __future__ import annotations

import pytest

from chanlint.analysis.evaluate import Data, Known
from chanlint.analysis.walk import Raised, Verdict, Walk
from chanlint.catalogue.schema import OpKind
from programs import analyse
from test_analysis_walk import ENDS, STAYS, after, consumer, none

CANCELS = {
    "nothing": ("        item = await q.get()  # taken", ENDS),
    "swallowed": (
        "        try:\n            item = await q.get()  # taken\n        except asyncio.CancelledError:\n            continue",
        STAYS,
    ),
    "taken and left": (
        "        try:\n            item = await q.get()  # taken\n        except asyncio.CancelledError:\n            return",
        ENDS,
    ),
    "ordinary exceptions only": (
        "        try:\n            item = await q.get()  # taken\n        except Exception:\n            continue",
        ENDS,
    ),
    "everything swallowed": (
        "        try:\n            item = await q.get()  # taken\n        except BaseException:\n            continue",
        STAYS,
    ),
    "bare except": ("        try:\n            item = await q.get()  # taken\n        except:\n            continue", STAYS),
    "raised again": (
        "        try:\n            item = await q.get()  # taken\n        except BaseException:\n            raise",
        ENDS,
    ),
}


@pytest.mark.parametrize(("body", "verdict"), CANCELS.values(), ids=list(CANCELS))
def test_a_cancelled_task(body: str, verdict: Verdict) -> None:
    found = analyse(
        f"""
import asyncio
async def work(q):
    while True:
{body}
        print(item)
async def f():
    q = asyncio.Queue()
    asyncio.create_task(work(q))
"""
    )
    assert after(found, Raised(cancel=True)).verdict is verdict


def test_a_helper_that_gives_the_item_back_is_walked_through() -> None:
    found = consumer(
        """
while True:
    item = take(q)
    if item is None:
        return
""",
        more="def take(q):\n    return q.get()  # taken\n",
    )
    assert after(found, none(found)).verdict is ENDS
    assert after(found, Data()).verdict is STAYS


def test_a_generator_that_stops_ends_the_loop_over_it() -> None:
    found = consumer(
        """
for item in items(q):
    print(item)
""",
        more="""
def items(q):
    while True:
        item = q.get()  # taken
        if item is None:
            return
        yield item
""",
    )
    assert after(found, none(found)).verdict is ENDS
    assert after(found, Data()).verdict is STAYS


def test_a_helper_that_raises_ends_the_loop_of_its_caller() -> None:
    found = consumer(
        """
while True:
    try:
        print(take(q))
    except EOFError:
        return
""",
        more="""
def take(q):
    item = q.get()  # taken
    if item is None:
        raise EOFError
    return item
""",
    )
    assert after(found, none(found)).verdict is ENDS


def test_a_tuple_is_tested_by_its_parts() -> None:
    found = analyse(
        """
        import queue, threading
        def work(q):
            while True:
                kind, value = q.get()  # taken
                if kind == "stop":
                    return
        def f():
            q = queue.Queue()
            threading.Thread(target=work, args=(q,)).start()
            q.put(("go", 1))
            q.put(("stop", None))
        """
    )
    event = found.event_at("taken", OpKind.RECEIVE)
    (way,) = found.analysis.ways_up(event.frame)
    verdicts = []
    for sent in found.events(OpKind.SEND):
        assert sent.call.arguments is not None
        (item,) = found.analysis.points.graph.points[sent.call.arguments.positional[0]]
        verdicts.append(Walk(found.analysis, event.subject, way.levels, event.op).respond(Known(item)).verdict)
    assert verdicts == [STAYS, ENDS]


def test_a_closed_stream_ends_its_loop() -> None:
    found = analyse(
        """
        import trio
        async def work(receive):
            async for item in receive:  # taken
                print(item)
        async def f():
            send, receive = trio.open_memory_channel(0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(work, receive)
        """
    )
    assert after(found, Raised(("StopIteration",))).verdict is ENDS
    assert after(found, Data()).verdict is STAYS
