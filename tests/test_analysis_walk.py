"""What a consumer's loop does after each outcome of its receive: it ends, it stays, or it may do either."""

from __future__ import annotations

from textwrap import indent

import pytest

from chanlint.analysis.evaluate import Data, Known
from chanlint.analysis.walk import Outcome, Raised, Response, Verdict, Walk
from chanlint.catalogue.schema import OpKind
from programs import Analysed, analyse

ENDS, STAYS, MAYBE = Verdict.ENDS, Verdict.STAYS, Verdict.MAYBE


def consumer(body: str, more: str = "") -> Analysed:
    """A thread that runs ``body`` as ``work(q, flag)``; the receive in question stands in the line marked ``taken``."""
    return analyse(
        "import queue, sys, threading\nSTOP = object()\nOTHER = object()\n"
        + more
        + "\ndef work(q, flag):\n"
        + indent(body.strip("\n"), "    ")
        + """
def start():
    q = queue.Queue()
    flag = threading.Event()
    threading.Thread(target=work, args=(q, flag)).start()
    flag.set()
"""
    )


def after(found: Analysed, outcome: Outcome) -> Response:
    """What the consumer does after ``outcome``."""
    event = found.event_at("taken", OpKind.RECEIVE)
    (way,) = [way for way in found.analysis.ways_up(event.frame) if way.spawn is not None]
    return Walk(found.analysis, event.subject, way.levels, event.op).respond(outcome)


def none(found: Analysed) -> Known:
    return Known(found.analysis.points.heap.const(None))


def module_object(found: Analysed, name: str) -> Known:
    module = found.analysis.points.module_frame("a.py")
    (obj,) = found.analysis.points.graph.points[module.variables[name]]
    return Known(obj)


LOOPS = {
    "tests and breaks": (
        """
while True:
    item = q.get()  # taken
    if item is None:
        break
    print(item)
""",
        ENDS,
        STAYS,
    ),
    "tests and returns": (
        """
while True:
    item = q.get()  # taken
    if item is None:
        return
    print(item)
""",
        ENDS,
        STAYS,
    ),
    "tests by equality": (
        """
while True:
    item = q.get()  # taken
    if item == None:
        return
    print(item)
""",
        ENDS,
        STAYS,
    ),
    "never tests": (
        """
while True:
    print(q.get())  # taken
""",
        STAYS,
        STAYS,
    ),
    "iter with a sentinel": (
        """
for item in iter(q.get, None):  # taken
    print(item)
""",
        ENDS,
        STAYS,
    ),
    "walrus": (
        """
while (item := q.get()) is not None:  # taken
    print(item)
""",
        ENDS,
        STAYS,
    ),
    "falsy": (
        """
while True:
    item = q.get()  # taken
    if not item:
        break
""",
        ENDS,
        STAYS,
    ),
    "goes on at None": (
        """
while True:
    item = q.get()  # taken
    if item is None:
        continue
    print(item)
""",
        STAYS,
        STAYS,
    ),
    "breaks the inner loop only": (
        """
while True:
    while True:
        item = q.get()  # taken
        if item is None:
            break
""",
        STAYS,
        STAYS,
    ),
    "waits again after the loop": (
        """
while True:
    item = q.get()  # taken
    if item is None:
        break
q.get()
""",
        STAYS,
        STAYS,
    ),
    "sends the marker on": (
        """
while True:
    item = q.get()  # taken
    if item is None:
        q.put(None)
        break
""",
        ENDS,
        STAYS,
    ),
    "a variable decides": (
        """
running = True
while running:
    item = q.get()  # taken
    if item is None:
        running = False
""",
        ENDS,
        STAYS,
    ),
    "raises": (
        """
while True:
    item = q.get()  # taken
    if item is None:
        raise ValueError(item)
""",
        ENDS,
        STAYS,
    ),
    "raises inside a handler that goes on": (
        """
while True:
    try:
        item = q.get()  # taken
        if item is None:
            raise ValueError(item)
    except ValueError:
        continue
""",
        STAYS,
        STAYS,
    ),
    "raises past a handler of another kind": (
        """
while True:
    try:
        item = q.get()  # taken
        if item is None:
            raise ValueError(item)
    except KeyError:
        continue
""",
        ENDS,
        STAYS,
    ),
    "leaves through finally": (
        """
while True:
    item = q.get()  # taken
    try:
        if item is None:
            return
    finally:
        q.task_done()
""",
        ENDS,
        STAYS,
    ),
    "leaves the interpreter": (
        """
while True:
    item = q.get()  # taken
    if item is None:
        sys.exit(0)
""",
        ENDS,
        STAYS,
    ),
    "isinstance": (
        """
while True:
    item = q.get()  # taken
    if isinstance(item, str):
        print(item)
""",
        STAYS,
        STAYS,
    ),
    "a list of the loop": (
        """
print(list(iter(q.get, None)))  # taken
""",
        ENDS,
        STAYS,
    ),
    "a comprehension": (
        """
print([item for item in iter(q.get, None)])  # taken
""",
        ENDS,
        STAYS,
    ),
    "one receive without a loop": (
        """
print(q.get())  # taken
""",
        ENDS,
        ENDS,
    ),
    "else of a for": (
        """
for item in iter(q.get, None):  # taken
    print(item)
else:
    while True:
        q.get()
""",
        STAYS,
        STAYS,
    ),
    "a match": (
        """
while True:
    match q.get():  # taken
        case None:
            return
        case item:
            print(item)
""",
        ENDS,
        STAYS,
    ),
}


@pytest.mark.parametrize(("body", "marker", "item"), LOOPS.values(), ids=list(LOOPS))
def test_loops_after_none_and_after_an_item(body: str, marker: Verdict, item: Verdict) -> None:
    found = consumer(body)
    assert after(found, none(found)).verdict is marker
    assert after(found, Data()).verdict is item


def test_a_marker_object_ends_only_the_loop_that_tests_for_it() -> None:
    found = consumer(
        """
while True:
    item = q.get()  # taken
    if item is STOP:
        return
    print(item)
"""
    )
    assert after(found, module_object(found, "STOP")).verdict is ENDS
    assert after(found, module_object(found, "OTHER")).verdict is STAYS
    assert after(found, none(found)).verdict is STAYS


def test_constants_are_compared_by_value_and_type() -> None:
    found = consumer(
        """
while True:
    item = q.get()  # taken
    if item == "stop":
        return
"""
    )
    const = found.analysis.points.heap.const
    assert after(found, Known(const("stop"))).verdict is ENDS
    assert after(found, Known(const("go"))).verdict is STAYS
    assert after(found, Known(const(0))).verdict is STAYS


def test_the_content_of_an_item_may_end_the_loop() -> None:
    found = consumer(
        """
while True:
    item = q.get()  # taken
    if item.last:
        return
"""
    )
    response = after(found, Data())
    assert response.verdict is MAYBE and "data" in response.hangs_on


def test_a_computed_item_may_be_falsy() -> None:
    found = consumer(
        """
while True:
    item = q.get()  # taken
    if not item:
        return
"""
    )
    assert after(found, Data("computed")).verdict is MAYBE
    assert after(found, Data("plain")).verdict is STAYS


def test_an_event_that_others_set_is_a_flag() -> None:
    found = consumer(
        """
while not flag.is_set():
    print(q.get())  # taken
"""
    )
    response = after(found, Data())
    assert response.verdict is MAYBE and response.hangs_on == {"flag"}
    assert {name for _, name in response.flags} == {"<set>"}


def test_an_attribute_that_others_set_is_a_flag() -> None:
    found = analyse(
        """
        import queue, threading
        class C:
            def __init__(self):
                self.q = queue.Queue()
                self.running = True
                threading.Thread(target=self.work).start()
            def work(self):
                while self.running:
                    print(self.q.get())  # taken
            def stop(self):
                self.running = False
        def f():
            C().stop()
        """
    )
    response = after(found, Data())
    assert response.verdict is MAYBE and {name for _, name in response.flags} == {"running"}


EMPTY = {
    "goes on": ("    except queue.Empty:\n        continue", STAYS),
    "leaves": ("    except queue.Empty:\n        return", ENDS),
    "leaves on any": ("    except Exception:\n        break", ENDS),
    "another kind": ("    except ValueError:\n        continue", ENDS),
    "one of several": ("    except (ValueError, queue.Empty):\n        continue", STAYS),
    "a flag decides": ("    except queue.Empty:\n        if flag.is_set():\n            return", MAYBE),
    "again": ("    except queue.Empty:\n        raise", ENDS),
}


@pytest.mark.parametrize(("handler", "verdict"), EMPTY.values(), ids=list(EMPTY))
def test_what_happens_when_nothing_comes_in_time(handler: str, verdict: Verdict) -> None:
    found = consumer(f"while True:\n    try:\n        item = q.get(timeout=1)  # taken\n{handler}\n    print(item)\n")
    assert after(found, Raised(("queue.Empty",))).verdict is verdict


def test_a_walk_that_takes_too_long_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chanlint.analysis.walk.WALK_STEPS", 1)
    found = consumer(
        "while True:\n    item = q.get()  # taken\n    if random():\n        print(item)\n    if random():\n        break\n"
    )
    response = after(found, none(found))
    assert response.verdict is MAYBE and response.hangs_on == {"limit"}
    assert found.analysis.limits.reached["walk"] == 1
