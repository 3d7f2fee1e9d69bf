"""Which queue a receive or send means, through objects, classes, generators and ``with``.

Each program marks the line that makes the queue (``# made``), the line that uses it (``# used``), and queues that must not be
mixed up with it (``# other``).
"""

from __future__ import annotations

import pytest

from programs import analyse

CARRIERS = {
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


@pytest.mark.parametrize("source", CARRIERS.values(), ids=list(CARRIERS))
def test_a_queue_is_followed(source: str) -> None:
    found = analyse("from queue import Queue\n" + source.replace("\n        ", "\n"))
    assert found.text.marked("made"), "the program names its queue"
    assert found.subjects_at("used") == found.text.marked("made")
