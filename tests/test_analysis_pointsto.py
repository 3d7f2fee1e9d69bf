"""Which queue a receive or send means, through everything that carries a value in Python; and who runs what concurrently.

Each program marks the line that makes the queue (``# made``), the line that uses it (``# used``), and queues that must not be
mixed up with it (``# other``).
"""

from __future__ import annotations

import pytest

from chanlint.analysis.frames import EntryKind
from chanlint.analysis.objects import Container
from chanlint.catalogue.schema import OpKind
from programs import analyse, model

CARRIERS = {
    "tuple": """
        def f():
            q = Queue()  # made
            pair = (q, Queue())
            pair[0].get()  # used
    """,
    "unpacked tuple": """
        def f():
            q, other = Queue(), 1  # made
            a, b = q, other
            a.get()  # used
    """,
    "starred unpacking": """
        def f():
            q = Queue()  # made
            first, *rest = (1, q)
            for each in rest:
                each.get()  # used
    """,
    "list": """
        def f():
            qs = []
            qs.append(Queue())  # made
            for q in qs:
                q.get()  # used
    """,
    "list literal by index": """
        def f():
            a = Queue()  # made
            b = Queue()  # other
            qs = [a, b]
            qs[0].get()  # used
    """,
    "starred list": """
        def f():
            a = [Queue()]  # made
            b = [*a]
            b[0].get()  # used
    """,
    "insert and extend": """
        def f():
            a, b = [], []
            a.insert(0, Queue())  # made
            b.extend(a)
            b.pop().get()  # used
    """,
    "dict by key": """
        def f():
            d = {"a": Queue()}  # made
            d["b"] = Queue()  # other
            d["a"].get()  # used
    """,
    "dict values": """
        def f():
            d = {}
            d[input()] = Queue()  # made
            for q in d.values():
                q.get()  # used
    """,
    "dict items": """
        def f():
            d = {}
            d[input()] = Queue()  # made
            for name, q in d.items():
                q.get()  # used
    """,
    "dict update and get": """
        def f():
            d = {}
            d.update({"x": Queue()})  # made
            e = dict(d)
            e.get("x", None).get()  # used
    """,
    "dict keywords": """
        def f():
            d = dict(x=Queue())  # made
            d["x"].get()  # used
    """,
    "merged dict": """
        def f():
            d = {**{"x": Queue()}}  # made
            d["x"].get()  # used
    """,
    "setdefault": """
        def f():
            d = {}
            d.setdefault("x", Queue()).get()  # made, used
    """,
    "defaultdict": """
        from collections import defaultdict
        def f():
            d = defaultdict(Queue)  # made
            d["x"].get()  # used
    """,
    "set": """
        def f():
            s = set()
            s.add(Queue())  # made
            for q in s:
                q.get()  # used
    """,
    "comprehension": """
        def f():
            qs = [Queue() for _ in range(3)]  # made
            for q in qs:
                q.get()  # used
    """,
    "dict comprehension": """
        def f():
            qs = {n: Queue() for n in range(3)}  # made
            for q in list(qs.values()):
                q.get()  # used
    """,
    "deque": """
        from collections import deque
        def f():
            qs = deque()
            qs.appendleft(Queue())  # made
            qs.popleft().get()  # used
    """,
    "copied list": """
        def f():
            qs = [Queue()]  # made
            for q in list(reversed(qs.copy())):
                q.get()  # used
    """,
    "positional arguments": """
        def g(n, q, other):
            q.get()  # used
        def f():
            g(1, Queue(), 2)  # made
    """,
    "keyword arguments": """
        def g(*, other, q):
            q.get()  # used
        def f():
            a = Queue()  # made
            g(q=a, other=Queue())
    """,
    "star arguments": """
        def g(n, q):
            q.get()  # used
        def f():
            args = (1, Queue())  # made
            g(*args)
    """,
    "star parameters": """
        def g(*qs):
            for q in qs:
                q.get()  # used
        def f():
            g(Queue())  # made
    """,
    "star passed on": """
        def h(n, q):
            q.get()  # used
        def g(*args):
            h(*args)
        def f():
            g(1, Queue())  # made
    """,
    "star parameters after names": """
        def h(a, *rest):
            rest[0].get()  # used
        def f():
            args = (Queue(), Queue())  # made
            h(*args)
    """,
    "double star arguments": """
        def g(q=None):
            q.get()  # used
        def f():
            g(**{"q": Queue()})  # made
    """,
    "double star parameters": """
        def h(q):
            q.get()  # used
        def g(**kwargs):
            h(**kwargs)
        def f():
            g(q=Queue())  # made
    """,
    "default argument": """
        SHARED = Queue()  # made
        def g(q=SHARED):
            q.get()  # used
        g()
    """,
    "returned": """
        def make():
            return Queue()  # made
        def f():
            make().get()  # used
    """,
    "identity in two contexts": """
        def same(x):
            return x
        def f():
            a = same(Queue())  # made
            b = same(Queue())  # other
            a.get()  # used
    """,
    "zip": """
        def f():
            qs = [Queue()]  # made
            for n, q in zip(range(3), qs):
                q.get()  # used
    """,
    "enumerate": """
        def f():
            qs = [Queue()]  # made
            for n, q in enumerate(qs):
                q.get()  # used
    """,
    "map": """
        def take(q):
            return q.get()  # used
        def f():
            list(map(take, [Queue()]))  # made
    """,
    "filter and sorted": """
        def f():
            for q in sorted(filter(bool, [Queue()])):  # made
                q.get()  # used
    """,
    "next of iter": """
        def f():
            next(iter([Queue()])).get()  # made, used
    """,
    "partial": """
        from functools import partial
        def g(n, q, flag=False):
            q.get()  # used
        def f():
            p = partial(g, 1, flag=True)
            p(Queue())  # made
    """,
    "lambda": """
        def f():
            q = Queue()  # made
            take = lambda: q.get()  # used
            take()
    """,
    "closure": """
        def f():
            q = Queue()  # made
            def inner():
                return q.get()  # used
            return inner()
    """,
    "nonlocal": """
        def f():
            q = None
            def fill():
                nonlocal q
                q = Queue()  # made
            fill()
            q.get()  # used
    """,
    "global": """
        q = None
        def fill():
            global q
            q = Queue()  # made
        def f():
            fill()
            q.get()  # used
    """,
    "conditional expression": """
        def f(flag):
            q = Queue() if flag else None  # made
            q.get()  # used
    """,
    "walrus": """
        def f():
            if (q := Queue()):  # made
                q.get()  # used
    """,
    "or default": """
        def f(q=None):
            q = q or Queue()  # made
            q.get()  # used
    """,
    "instance attribute": """
        class C:
            def __init__(self):
                self.q = Queue()  # made
            def take(self):
                return self.q.get()  # used
        def f():
            C().take()
    """,
    "two objects of a class": """
        class C:
            def __init__(self, q):
                self.q = q
        def f():
            a = C(Queue())  # made
            b = C(Queue())  # other
            a.q.get()  # used
    """,
    "class attribute": """
        class C:
            q = Queue()  # made
        def f():
            C.q.get()  # used
    """,
    "class attribute through an object": """
        class C:
            q = Queue()  # made
            def take(self):
                self.q.get()  # used
    """,
    "class attribute set from outside": """
        class C:
            q = None
        def f():
            C.q = Queue()  # made
            C.q.get()  # used
    """,
    "inherited": """
        class Base:
            def __init__(self):
                self.q = Queue()  # made
        class C(Base):
            def take(self):
                self.q.get()  # used
        def f():
            C().take()
    """,
    "super": """
        class Base:
            def __init__(self, q):
                self.q = q
        class C(Base):
            def __init__(self, q):
                super().__init__(q)
        def f():
            C(Queue()).q.get()  # made, used
    """,
    "explicit base call": """
        class Base:
            def __init__(self, q):
                self.q = q
        class C(Base):
            def __init__(self, q):
                Base.__init__(self, q)
        def f():
            C(Queue()).q.get()  # made, used
    """,
    "property": """
        class C:
            def __init__(self):
                self._q = Queue()  # made
            @property
            def q(self):
                return self._q
        def f():
            C().q.get()  # used
    """,
    "cached property": """
        from functools import cached_property
        class C:
            @cached_property
            def q(self):
                return Queue()  # made
        def f():
            C().q.get()  # used
    """,
    "static method": """
        class C:
            @staticmethod
            def take(q):
                q.get()  # used
        def f():
            C.take(Queue())  # made
    """,
    "class method": """
        class C:
            def __init__(self, q):
                self.q = q
            @classmethod
            def make(cls):
                return cls(Queue())  # made
        def f():
            C.make().q.get()  # used
    """,
    "bound method as a value": """
        class C:
            def __init__(self):
                self.q = Queue()  # made
            def take(self):
                return self.q.get()  # used
        def f():
            take = C().take
            take()
    """,
    "callable object": """
        class C:
            def __call__(self, q):
                q.get()  # used
        def f():
            C()(Queue())  # made
    """,
    "subscript method": """
        class C:
            def __init__(self):
                self.q = Queue()  # made
            def __getitem__(self, key):
                return self.q
        def f():
            C()["x"].get()  # used
    """,
    "dataclass argument": """
        from dataclasses import dataclass
        @dataclass
        class C:
            n: int
            q: Queue
        def f():
            C(1, Queue()).q.get()  # made, used
    """,
    "dataclass keyword": """
        from dataclasses import dataclass
        @dataclass
        class C:
            n: int
            q: Queue = None
        def f():
            C(1, q=Queue()).q.get()  # made, used
    """,
    "dataclass factory": """
        from dataclasses import dataclass, field
        @dataclass
        class C:
            q: Queue = field(default_factory=Queue)  # made
        def f():
            C().q.get()  # used
    """,
    "post init": """
        from dataclasses import dataclass
        @dataclass
        class C:
            n: int
            def __post_init__(self):
                self.q = Queue()  # made
        def f():
            C(1).q.get()  # used
    """,
    "getattr": """
        class C:
            def __init__(self):
                self.q = Queue()  # made
        def f():
            getattr(C(), "q").get()  # used
    """,
    "getattr with default": """
        def f():
            getattr(object(), "q", Queue()).get()  # made, used
    """,
    "method by getattr": """
        def f():
            q = Queue()  # made
            getattr(q, "get")()  # used
    """,
    "bound library method": """
        def f():
            take = Queue().get  # made
            take()  # used
    """,
    "unbound library method": """
        def f():
            q = Queue()  # made
            Queue.get(q)  # used
    """,
    "subscripted class": """
        def f():
            q = Queue[int]()  # made
            q.get()  # used
    """,
    "subclass of a queue": """
        class Jobs(Queue):
            def take(self):
                return self.get()  # used
        def f():
            Jobs().take()  # made
    """,
    "queue class in a variable": """
        def f(sized):
            kind = Queue
            q = kind()  # made
            q.get()  # used
    """,
    "decorator that is left as it is": """
        import functools
        def logged(function):
            @functools.wraps(function)
            def inner(*args):
                return function(*args)
            return inner
        @logged
        def take(q):
            q.get()  # used
        def f():
            take(Queue())  # made
    """,
    "cast": """
        from typing import cast
        def f():
            q = cast("Queue", Queue())  # made
            q.get()  # used
    """,
    "generator": """
        def make():
            yield Queue()  # made
        def f():
            for q in make():
                q.get()  # used
    """,
    "yield from": """
        def make():
            yield Queue()  # made
        def also():
            yield from make()
        def f():
            for q in also():
                q.get()  # used
    """,
    "generator expression": """
        def f():
            for q in (Queue() for _ in range(3)):  # made
                q.get()  # used
    """,
    "list of a generator": """
        def make():
            yield Queue()  # made
        def f():
            list(make())[0].get()  # used
    """,
    "iterator object": """
        class Several:
            def __iter__(self):
                return self
            def __next__(self):
                return Queue()  # made
        def f():
            for q in Several():
                q.get()  # used
    """,
    "context manager function": """
        from contextlib import contextmanager
        @contextmanager
        def opened():
            yield Queue()  # made
        def f():
            with opened() as q:
                q.get()  # used
    """,
    "context manager object": """
        class Opened:
            def __enter__(self):
                return Queue()  # made
            def __exit__(self, *args):
                return None
        def f():
            with Opened() as q:
                q.get()  # used
    """,
    "closing": """
        from contextlib import closing
        class C:
            def __init__(self):
                self.q = Queue()  # made
            def close(self):
                self.q.put(None)  # used
        def f():
            with closing(C()) as c:
                print(c)
    """,
    "closing binds the thing": """
        from contextlib import closing
        class C:
            def __init__(self):
                self.q = Queue()  # made
            def close(self):
                pass
        def f():
            with closing(C()) as c:
                c.q.get()  # used
    """,
    "exit stack": """
        from contextlib import ExitStack
        class C:
            def __init__(self):
                self.q = Queue()  # made
            def __enter__(self):
                return self
            def __exit__(self, *args):
                self.q.put(None)  # used
        def f():
            with ExitStack() as stack:
                stack.enter_context(C())
    """,
    "exit stack callback": """
        from contextlib import ExitStack
        def end(q):
            q.put(None)  # used
        def f():
            with ExitStack() as stack:
                stack.callback(end, Queue())  # made
    """,
    "coroutine": """
        async def make():
            return Queue()  # made
        async def f():
            q = await make()
            q.get()  # used
    """,
    "asynchronous loop": """
        async def make():
            yield Queue()  # made
        async def f():
            async for q in make():
                q.get()  # used
    """,
    "asynchronous with": """
        class Opened:
            async def __aenter__(self):
                return Queue()  # made
            async def __aexit__(self, *args):
                return None
        async def f():
            async with Opened() as q:
                q.get()  # used
    """,
    "queue in a queue": """
        def f():
            outer = Queue()  # other
            outer.put(Queue())  # made
            inner = outer.get()
            inner.get_nowait()  # used
    """,
    "iter with a sentinel": """
        def f():
            q = Queue()  # made
            for item in iter(q.get, None):  # used
                print(item)
    """,
    "annotated parameter": """
        class Owner:
            def __init__(self):
                self.q = Queue()  # made
        owner = Owner()
        def f(who: Owner):
            who.q.get()  # used
    """,
    "recursion": """
        def walk(n, q):
            if n:
                walk(n - 1, q)
            q.get()  # used
        def f():
            walk(3, Queue())  # made
    """,
    "match statement": """
        def f(kind):
            match (kind, Queue()):  # made
                case (1, q):
                    q.get()  # used
    """,
}


MISSED = {"starred unpacking": "`*rest` holds the elements themselves instead of a list of them"}


@pytest.mark.parametrize(
    "source",
    [pytest.param(text, id=name, marks=[pytest.mark.xfail(reason=MISSED[name], strict=True)] if name in MISSED else [])
     for name, text in CARRIERS.items()],
)
def test_a_queue_is_followed(source: str) -> None:
    found = analyse("from queue import Queue\n" + source.replace("\n        ", "\n"))
    assert found.text.marked("made"), "the program names its queue"
    assert found.subjects_at("used") == found.text.marked("made")


MODULES = {
    "from import": {"a.py": "from b import q\ndef f():\n    q.get()  # used\n", "b.py": "import queue\nq = queue.Queue()  # made\n"},
    "import": {"a.py": "import b\ndef f():\n    b.q.get()  # used\n", "b.py": "import queue\nq = queue.Queue()  # made\n"},
    "renamed": {
        "a.py": "import b as c\nfrom b import q as r\ndef f():\n    r.get(), c.q.put(1)  # used\n",
        "b.py": "from queue import Queue as Q\nq = Q()  # made\n",
    },
    "star import": {"a.py": "from b import *\ndef f():\n    q.get()  # used\n", "b.py": "import queue\nq = queue.Queue()  # made\n"},
    "star import of what a star gives": {
        "a.py": "from b import *\ndef f():\n    q.get()  # used\n",
        "b.py": "from c import *\n",
        "c.py": "import queue\nq = queue.Queue()  # made\n",
    },
    "star import of a library": {"a.py": "from queue import *\ndef f():\n    q = Queue()  # made\n    q.get()  # used\n"},
    "relative import": {
        "p/__init__.py": "",
        "p/a.py": "from .b import q\nfrom . import b\ndef f():\n    q.get(), b.q.put(1)  # used\n",
        "p/b.py": "import queue\nq = queue.Queue()  # made\n",
    },
    "import from above": {
        "p/__init__.py": "",
        "p/s/__init__.py": "",
        "p/s/a.py": "from ..b import q\ndef f():\n    q.get()  # used\n",
        "p/b.py": "import queue\nq = queue.Queue()  # made\n",
    },
    "dotted import": {
        "p/__init__.py": "",
        "p/b.py": "import queue\nq = queue.Queue()  # made\n",
        "a.py": "import p.b\ndef f():\n    p.b.q.get()  # used\n",
    },
    "through a package": {
        "p/__init__.py": "from .b import make\n",
        "p/b.py": "import queue\ndef make():\n    return queue.Queue()  # made\n",
        "a.py": "import p\ndef f():\n    p.make().get()  # used\n",
    },
    "set from outside": {
        "a.py": "import queue, b\ndef f():\n    b.q = queue.Queue()  # made\n    b.take()\n",
        "b.py": "q = None\ndef take():\n    q.get()  # used\n",
    },
    "cycle": {
        "a.py": "import b\nimport queue\nq = queue.Queue()  # made\ndef f():\n    b.take()\n",
        "b.py": "import a\ndef take():\n    a.q.get()  # used\n",
    },
}


@pytest.mark.parametrize("files", MODULES.values(), ids=list(MODULES))
def test_a_queue_is_followed_between_modules(files: dict[str, str]) -> None:
    found = analyse(files)
    assert found.subjects_at("used") == found.text.marked("made") != set()


def test_names_with_an_underscore_and_names_outside_all_are_not_star_imported() -> None:
    hidden = {
        "a.py": "from b import *\nfrom c import *\ndef f():\n    _q.get()  # used\n    other.get()  # used\n",
        "b.py": "import queue\n_q = queue.Queue()\n",
        "c.py": "import queue\n__all__ = ['this']\nother = queue.Queue()\nthis = 1\n",
    }
    assert analyse(hidden).subjects_at("used") == set()


def test_objects_of_one_place_are_told_apart_by_their_callers() -> None:
    found = analyse(
        """
        from queue import Queue
        def make():
            return Queue()
        def f():
            a, b = make(), make()
            a.get()  # used
            b.put(None)  # ended
        """
    )
    (received,) = {e.subject for e in found.events(OpKind.RECEIVE)}
    (sent,) = {e.subject for e in found.events(OpKind.SEND)}
    assert received is not sent
    assert found.made_at(received) == found.made_at(sent)


def test_a_queue_that_may_be_one_of_two_is_not_sole() -> None:
    found = analyse(
        """
        from queue import Queue
        def f(flag):
            a = Queue()  # made
            b = Queue()  # made
            q = a if flag else b
            q.get()  # used
        """
    )
    assert found.subjects_at("used") == found.text.marked("made")
    assert not any(event.sole for event in found.events(OpKind.RECEIVE))


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
    groups = [group for group in found.model.groups if group.spawn is not None and group.spawn.kind is EntryKind.SPAWN]
    assert [(group.actor, found.text.place(group.at)) for group in groups] == [(actor, *found.text.marked("spawned"))]
    assert not any(group.endings for group in groups)


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
    assert [(group.actor, found.text.place(group.at)) for group in found.model.groups] == [("task", *found.text.marked("spawned"))]
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
    assert [(group.actor, found.text.place(group.at)) for group in found.model.groups] == [("task", *found.text.marked("spawned"))]
    assert found.codes() == ["CHN101"]


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
    roles = {event.kind: getattr(event.handle, "role", None) for event in found.events(OpKind.SEND, OpKind.RECEIVE, OpKind.CLOSE)}
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


def test_effects_of_a_later_python_do_not_exist_in_an_older_one() -> None:
    source = "import queue\ndef f():\n    q = queue.Queue()\n    q.get()\n    q.shutdown()\n"
    assert len(analyse(source, (3, 13)).events(OpKind.CLOSE)) == 1
    assert analyse(source, (3, 12)).events(OpKind.CLOSE) == []


def test_values_of_a_dict_are_a_container_of_their_own() -> None:
    found = analyse("d = {'a': 1}\nv = d.values()\n")
    module = found.analysis.points.module_frame("a.py")
    (held,) = found.analysis.points.graph.points[module.variables["v"]]
    (whole,) = found.analysis.points.graph.points[module.variables["d"]]
    assert isinstance(held, Container) and held is not whole


def test_nothing_is_found_in_a_program_without_channels() -> None:
    found = model("import os\nclass C:\n    def f(self):\n        return os.getcwd()\nprint(C().f())\n")
    assert found.model.groups == [] and found.model.cleared == [] and found.codes() == []
