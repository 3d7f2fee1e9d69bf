"""How long channels live, which endless consumers are no leak, and what never changes a verdict."""

from __future__ import annotations

import pytest

from chanlint.catalogue.schema import OpKind
from chanlint.model.channel import HomeKind
from programs import analyse, model

WORK = "import queue, threading\ndef work(q):\n    while True:\n        if q.get() is None:\n            return\n"
SPAWN = "threading.Thread(target=work, args=({q},)).start()"

HOMES = {
    "a call": ("def handle():\n    q = queue.Queue()\n    " + SPAWN.format(q="q"), HomeKind.CALL),
    "an object": (
        "class C:\n    def __init__(self):\n        self.q = queue.Queue()\n        " + SPAWN.format(q="self.q"),
        HomeKind.OBJECT,
    ),
    "the program": ("q = queue.Queue()\n" + SPAWN.format(q="q"), HomeKind.PROGRAM),
    "a class": (
        "class C:\n    q = queue.Queue()\n    def go(self):\n        " + SPAWN.format(q="self.q"),
        HomeKind.PROGRAM,
    ),
    "the caller of a factory": (
        "def make():\n    return queue.Queue()\ndef handle():\n    q = make()\n    " + SPAWN.format(q="q"),
        HomeKind.CALL,
    ),
}


@pytest.mark.parametrize(("source", "kind"), HOMES.values(), ids=list(HOMES))
def test_homes(source: str, kind: HomeKind) -> None:
    assert {group.channel.home.kind for group in model(f"{WORK}{source}\n").model.groups} == {kind}


def test_a_daemon_made_once_for_the_program_is_no_leak() -> None:
    source = WORK + "q = queue.Queue()\nthreading.Thread(target=work, args=(q,), daemon={daemon}).start()\n"
    assert model(source.format(daemon=True)).codes() == []
    assert model(source.format(daemon=False)).codes() == ["CHN101"]


def test_a_daemon_made_per_call_is_a_leak() -> None:
    source = WORK + "def handle():\n    q = queue.Queue()\n    threading.Thread(target=work, args=(q,), daemon=True).start()\n"
    found = model(source)
    assert found.codes() == ["CHN101"] and found.group().daemon


def test_daemon_may_be_set_as_an_attribute() -> None:
    source = WORK + "q = queue.Queue()\nt = threading.Thread(target=work, args=(q,))\nt.daemon = True\nt.start()\n"
    found = model(source)
    assert found.group().daemon and found.codes() == []


def test_a_method_of_the_class_ends_the_workers_of_its_object() -> None:
    source = (
        WORK
        + "class C:\n    def __init__(self):\n        self.q = queue.Queue()\n        "
        + SPAWN.format(q="self.q")
        + "\n    def close(self):\n        {body}\n"
    )
    assert model(source.format(body="self.q.put(None)")).codes() == []
    assert model(source.format(body="pass")).codes() == ["CHN101"]


def test_pool_initializers_receive() -> None:
    source = (
        WORK
        + "from concurrent.futures import ThreadPoolExecutor\n"
        + "def handle():\n    q = queue.Queue()\n    p = ThreadPoolExecutor(2, initializer=work, initargs=(q,))\n    {end}\n"
    )
    assert model(source.format(end="p.submit(print)")).codes() == ["CHN101"]


# -- limits ------------------------------------------------------------------------------------------------------------

MANY_CALLS = WORK + "def handle(q):\n    q.put(1)\n" + "".join(f"def f{n}():\n    handle(queue.Queue())\n" for n in range(12))


def test_contexts_beyond_the_bound_share_a_frame() -> None:
    found = analyse(MANY_CALLS)
    frames = [frame for frame in found.analysis.points.frames if frame.function.name == "handle"]
    assert found.analysis.limits.reached["contexts"] > 0
    assert sum(frame.merged for frame in frames) == 1
    assert not any(event.sole for event in found.events(OpKind.SEND) if event.frame.merged)


def test_each_start_of_an_actor_has_a_frame_of_its_own() -> None:
    starts = "".join(f"def f{n}():\n    q = queue.Queue()\n    {SPAWN.format(q='q')}\n" for n in range(20))
    found = model(WORK + starts)
    assert found.codes() == ["CHN101"] * 20
    assert "contexts" not in found.model.limits


def test_a_function_that_calls_itself_is_merged() -> None:
    found = analyse("def f(n):\n    return f(n - 1) if n else 0\nf(3)\n")
    assert any(frame.merged for frame in found.analysis.points.frames if frame.function.name == "f")
    assert not found.analysis.points.module_frame("a.py").merged


BOUNDS = {
    "frames": ("chanlint.analysis.pointsto.FRAMES", 2, "contexts", MANY_CALLS),
    "points-to": (
        "chanlint.analysis.graph.POINTS_TO",
        2,
        "points-to",
        WORK + "qs = []\n" + "".join("qs.append(queue.Queue())\n" for _ in range(5)) + "for q in qs:\n    q.put(1)\n",
    ),
    "instances": (
        "chanlint.analysis.attributes.INSTANCES",
        1,
        "instances",
        "class C: pass\ndef f():\n    a, b = C(), C()\n    return a.x, b.x\n",
    ),
    "clones": (
        "chanlint.model.build.CLONES",
        1,
        "clones",
        WORK + "def make():\n    return queue.Queue()\ndef f():\n    make().put(1)\n    make().put(1)\n    make().put(1)\n",
    ),
    "callers": (
        "chanlint.analysis.program.WALK_CALLERS",
        0,
        "callers",
        WORK.replace("q.get()", "take(q)") + "def take(q):\n    return q.get()\ndef f():\n    work(queue.Queue())\n",
    ),
}


@pytest.mark.parametrize(("name", "value", "counted", "source"), BOUNDS.values(), ids=list(BOUNDS))
def test_every_bound_is_counted(name: str, value: int, counted: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert counted not in model(source).model.limits or name.endswith("FRAMES")
    monkeypatch.setattr(name, value)
    found = model(source)
    assert found.model.limits[counted] >= 1
    assert found.codes() == []


# -- what changes nothing --------------------------------------------------------------------------------------------------

LEAKING = """
import queue
import threading


def work(q):
    while True:
        item = q.get()
        if item is None:
            break
        print(item)


def handle(rows):
    q = queue.Queue()
    threading.Thread(target=work, args=(q,)).start()
    for row in rows:
        q.put(int(row))
    q.put(None)


def forget(rows):
    q = queue.Queue()
    threading.Thread(target=work, args=(q,)).start()
    for row in rows:
        q.put(row)
"""
CODES = ["CHN101", "CHN102"]


def test_two_runs_say_the_same() -> None:
    one, two = model(LEAKING), model(LEAKING)
    assert one.findings() == two.findings() and one.codes() == CODES
    assert one.messages() == two.messages() and one.reasons() == two.reasons()


REWRITES = {
    "renamed": [("rows", "records"), ("work", "drain"), ("q ", "jobs "), ("q.", "jobs."), ("(q", "(jobs")],
    "in a branch that is always taken": [
        ("    for row in rows:\n        q.put(row)\n", "    if True:\n        for row in rows:\n            q.put(row)\n")
    ],
    "imported by name": [("import queue\n", "from queue import Queue\n"), ("queue.Queue", "Queue")],
    "under another name": [("import threading\n", "import threading as t\n"), ("threading.Thread", "t.Thread")],
    "by keyword": [("args=(q,)", "args=[q]")],
    "compared the other way round": [("item is None", "None is item")],
    "with annotations": [("def handle(rows):", "def handle(rows: list[str]) -> None:")],
    "another class of queue": [("queue.Queue", "queue.LifoQueue")],
    "copied to a variable": [("    q = queue.Queue()\n", "    made = queue.Queue()\n    q = made\n")],
}


@pytest.mark.parametrize("changes", REWRITES.values(), ids=list(REWRITES))
def test_what_means_the_same_gets_the_same_findings(changes: list[tuple[str, str]]) -> None:
    changed = LEAKING
    for old, new in changes:
        assert old in changed
        changed = changed.replace(old, new)
    assert model(changed).codes() == CODES


def test_a_worker_in_another_module_gets_the_same_findings() -> None:
    head, _, rest = LEAKING.partition("def work")
    worker, _, callers = rest.partition("\n\n\ndef handle")
    files = {"a.py": f"{head}from b import work\n\n\ndef handle{callers}", "b.py": f"def work{worker}\n"}
    assert model(files).codes() == CODES
