"""Which channels unknown code may get hold of, so that nothing is said about them."""

from __future__ import annotations

from textwrap import indent

import pytest

from programs import Modelled, model

LEAK = "def work(q):\n    while True:\n        if q.get() is None:\n            return\n"


def holder(body: str, more: str = "", parameters: str = "given=None") -> Modelled:
    """A function that starts a worker that nothing ends, and then runs ``body``."""
    return model(
        f"import queue, threading, functools, json, unknown\n{LEAK}{more}def handle({parameters}):\n    q = queue.Queue()\n"
        "    threading.Thread(target=work, args=(q,)).start()\n" + indent(body, "    ") + "\n"
    )


ESCAPES = {
    "handed to an unknown function": "unknown.use(q)",
    "handed to an unknown object": "given.use(q)",
    "handed to a callback": "given(q)",
    "returned": "return q",
    "returned in a tuple": "return 1, q",
    "returned in a dict": "return {'q': q}",
    "stored in an unknown object": "given.q = q",
    "stored in an unknown container": "given['q'] = q",
    "its put is handed over": "unknown.on_stop(q.put)",
    "in a partial": "unknown.on_stop(functools.partial(q.put, None))",
    "by keyword": "unknown.use(which=q)",
    "in a list": "qs = [q]\nunknown.use(qs)",
    "yielded": "yield q",
}


@pytest.mark.parametrize("body", ESCAPES.values(), ids=list(ESCAPES))
def test_nothing_is_said_where_unknown_code_may_end_it(body: str) -> None:
    found = holder(body)
    assert found.codes() == []
    assert found.reasons()


KEPT = {
    "used only here": "q.put(1)",
    "handed to a function of the program": "helper(q)",
    "printed": "print(q.qsize())",
    "an item is handed over": "unknown.use(1)",
    "its size is handed over": "unknown.use(q.qsize())",
    "in a local list": "qs = [q]\nqs[0].put(1)",
    "looked at": "isinstance(q, queue.Queue)",
    "raised beside it": "if given:\n    raise ValueError(given)",
}


@pytest.mark.parametrize("body", KEPT.values(), ids=list(KEPT))
def test_a_channel_that_stays_here_is_judged(body: str) -> None:
    assert holder(body, more="def helper(which):\n    which.put(1)\n").codes() == ["CHN101"]


def test_a_task_that_unknown_code_holds_may_be_cancelled() -> None:
    source = """
        import asyncio, unknown
        async def work(q):
            while True:
                await q.get()
        async def handle():
            q = asyncio.Queue()
            task = asyncio.create_task(work(q))
            {use}
        """
    assert model(source.format(use="unknown.keep(task)")).codes() == []
    assert model(source.format(use="await asyncio.sleep(1)")).codes() == ["CHN101"]


def test_a_function_that_unknown_code_may_call_sends_possibly() -> None:
    found = holder("def end():\n    q.put(None)\nunknown.at_stop(end)")
    assert found.codes() == []


def test_a_place_of_the_escape_is_told() -> None:
    found = holder("unknown.use(q)")
    (cleared,) = [each for each in found.model.cleared if each.at is not None]
    assert cleared.at is not None
    assert found.text.row(cleared.at) == found.text.sources["a.py"].splitlines().index("    unknown.use(q)") + 1
