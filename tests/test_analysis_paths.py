"""On which paths the end marker is sent, and how a path that misses it leaves."""

from __future__ import annotations

from textwrap import indent

import pytest

from chanlint.model.channel import Paths
from programs import Modelled, model


def sender(body: str, head: str = "def handle(rows, flag=False, parse=None):") -> Modelled:
    """A function that starts one worker and then runs ``body`` with its queue ``q`` and the thread ``t``."""
    return model(
        "import contextlib, queue, threading\n"
        "def work(q):\n    while True:\n        if q.get() is None:\n            return\n"
        f"{head}\n    q = queue.Queue()\n    t = threading.Thread(target=work, args=(q,))\n    t.start()\n"
        + indent(body.strip("\n"), "    ")
        + "\n"
    )


COVERED = {
    "straight": "q.put(None)",
    "finally": "try:\n    int(rows)\nfinally:\n    q.put(None)",
    "after a handler of everything": "try:\n    int(rows)\nexcept Exception:\n    pass\nq.put(None)",
    "after suppress": "with contextlib.suppress(Exception):\n    int(rows)\nq.put(None)",
    "both branches": "if flag:\n    q.put(None)\n    return\nq.put(None)",
    "in a helper": "def end():\n    q.put(None)\nend()",
    "finally with an early return": "try:\n    if flag:\n        return\nfinally:\n    q.put(None)",
    "a loop that ends before": "for row in rows:\n    q.put(row)\nq.put(None)",
    "the same test twice": "if flag:\n    print(1)\nif flag:\n    q.put(None)\nelse:\n    q.put(None)",
    "an exit stack": "with contextlib.ExitStack() as stack:\n    stack.callback(q.put, None)\n    int(rows)",
}


@pytest.mark.parametrize("body", COVERED.values(), ids=list(COVERED))
def test_nothing_is_said_where_every_path_ends_the_worker(body: str) -> None:
    assert sender(body).codes() == []


MISSED = {
    "an early return": ("if flag:\n    return\nq.put(None)", "return"),
    "an exception": ("int(rows)\nq.put(None)", "raise"),
    "an explicit raise": ("if flag:\n    raise ValueError\nq.put(None)", "raise"),
    "one branch only": ("if flag:\n    q.put(None)", "return"),
    "handler that leaves": ("try:\n    int(rows)\nexcept ValueError:\n    return\nq.put(None)", "return"),
    "handler of another kind": ("try:\n    int(rows)\nexcept KeyError:\n    pass\nq.put(None)", "raise"),
    "else of a try": ("try:\n    int(rows)\nexcept ValueError:\n    print(1)\nelse:\n    q.put(None)", "return"),
    "joined before": ("t.join()\nq.put(None)", "join"),
    "raised again": ("try:\n    int(rows)\nexcept ValueError:\n    raise\nq.put(None)", "raise"),
    "break out of the loop": ("for row in rows:\n    if row:\n        return\nq.put(None)", "return"),
}


@pytest.mark.parametrize(("body", "kind"), MISSED.values(), ids=list(MISSED))
def test_a_path_that_misses_the_marker_is_shown(body: str, kind: str) -> None:
    found = sender(body)
    assert found.codes() == ["CHN101" if kind == "join" else "CHN102"]
    coverage = found.group().coverage
    assert coverage.witness is not None and coverage.witness.kind == kind


CLASSES = """
class Wrong(Exception): pass
class VeryWrong(Wrong): pass
def check(row):
    if row:
        raise VeryWrong(row)
def calm(row):
    try:
        check(row)
    except Wrong:
        return None
"""
RAISES = {
    "its own class is caught": ("try:\n    check(rows)\nexcept VeryWrong:\n    pass\nq.put(None)", []),
    "its base is caught": ("try:\n    check(rows)\nexcept Wrong:\n    pass\nq.put(None)", []),
    "a tuple of classes is caught": ("try:\n    check(rows)\nexcept (KeyError, Wrong):\n    pass\nq.put(None)", []),
    "another class is caught": ("try:\n    check(rows)\nexcept KeyError:\n    pass\nq.put(None)", ["CHN102"]),
    "nothing is caught": ("check(rows)\nq.put(None)", ["CHN102"]),
    "the helper catches it": ("calm(rows)\nq.put(None)", []),
    "int() raises ValueError": ("try:\n    int(rows)\nexcept (TypeError, ValueError):\n    pass\nq.put(None)", []),
    "a literal is converted": ("int('3')\nq.put(None)", []),
    "printing is calm": ("print(rows)\nq.put(None)", []),
    "a callback may raise": ("parse(rows)\nq.put(None)", ["CHN102"]),
}


@pytest.mark.parametrize(("body", "codes"), RAISES.values(), ids=list(RAISES))
def test_which_calls_let_an_exception_out(body: str, codes: list[str]) -> None:
    assert sender(body, head=CLASSES + "def handle(rows, parse):").codes() == codes


def test_a_marker_that_no_path_misses_has_no_witness() -> None:
    coverage = sender("q.put(None)").group().coverage
    assert coverage.paths is Paths.ALL and coverage.witness is None


def test_without_an_ending_there_is_no_path_to_show() -> None:
    found = sender("for row in rows:\n    q.put(row)")
    assert found.group().coverage.paths is Paths.NEVER and found.codes() == ["CHN101"]


def test_a_generator_may_be_closed_at_its_yield() -> None:
    found = sender("for row in rows:\n    yield row\nq.put(None)")
    assert found.codes() == ["CHN102"]
    witness = found.group().coverage.witness
    assert witness is not None and witness.kind == "close"
    assert sender("try:\n    for row in rows:\n        yield row\nfinally:\n    q.put(None)").codes() == []


def test_the_same_test_guards_the_start_and_the_end() -> None:
    source = """
        import queue, threading
        def work(q):
            while True:
                if q.get() is None:
                    return
        def handle(flag):
            q = queue.Queue()
            if flag:
                threading.Thread(target=work, args=(q,)).start()
            if {test}:
                q.put(None)
        """
    assert model(source.format(test="flag")).codes() == []
    assert model(source.format(test="not flag")).codes() == ["CHN102"]


def test_a_search_that_takes_too_long_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chanlint.analysis.paths.PATH_STEPS", 1)
    found = sender(MISSED["an early return"][0])
    assert found.codes() == [] and found.model.limits["paths"] >= 1


def test_a_function_with_too_many_blocks_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chanlint.analysis.paths.BLOCKS", 1)
    found = sender(MISSED["an early return"][0])
    assert found.codes() == [] and found.model.limits["blocks"] >= 1
