"""How many consumers are started and how many markers are sent."""

from __future__ import annotations

import pytest

from chanlint.analysis.multiplicity import MANY, ONE, Count
from programs import Modelled, model


def pool(start: str, end: str, parameters: str = "n, rows=()") -> Modelled:
    """A function that starts threads on its queue ``q`` and ends them."""
    return model(
        "import queue, threading\nSIZE = 3\n"
        "def work(q):\n    while True:\n        if q.get() is None:\n            return\n"
        f"def handle({parameters}):\n    q = queue.Queue()\n"
        f"    {start}\n    {end}\n"
    )


THREAD = "threading.Thread(target=work, args=(q,)).start()"
STARTS = {
    "one": (THREAD, 1),
    "a range": (f"for _ in range(3): {THREAD}", 3),
    "a constant": (f"for _ in range(SIZE): {THREAD}", 3),
    "a tuple": (f"for _ in (1, 2): {THREAD}", 2),
    "nested": (f"for _ in range(2):\n        for _ in range(3): {THREAD}", 6),
    "many": (f"while rows: {THREAD}", None),
}


@pytest.mark.parametrize(("start", "number"), STARTS.values(), ids=list(STARTS))
def test_consumers_are_counted(start: str, number: int | None) -> None:
    assert pool(start, "pass").group().count.number == number


def test_the_same_expression_is_the_same_number() -> None:
    equal = pool(f"for _ in range(n): {THREAD}", "for _ in range(n): q.put(None)")
    assert equal.codes() == []
    assert equal.group().count.expression is not None
    assert equal.group().count == equal.group().sent


SENDS = {
    "as many": ("for _ in range(3): q.put(None)", []),
    "as many, written out": ("q.put(None); q.put(None); q.put(None)", []),
    "too few": ("q.put(None)", ["CHN103"]),
    "one too few": ("for _ in range(2): q.put(None)", ["CHN103"]),
    "more than enough": ("for _ in range(5): q.put(None)", []),
    "an unknown number": ("for _ in rows: q.put(None)", []),
}


@pytest.mark.parametrize(("end", "codes"), SENDS.values(), ids=list(SENDS))
def test_markers_for_three_consumers(end: str, codes: list[str]) -> None:
    assert pool(f"for _ in range(3): {THREAD}", end).codes() == codes


def test_counts_multiply() -> None:
    assert Count(2) * Count(3) == Count(6)
    assert ONE * Count(expression="n") == Count(expression="n") == Count(expression="n") * ONE
    assert (Count(2) * Count(expression="n")).is_many and MANY.is_many and not ONE.is_many
