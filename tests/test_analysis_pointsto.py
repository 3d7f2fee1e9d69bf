"""Which queue a receive or send means, through containers, arguments, closures and modules.

Each program marks the line that makes the queue (``# made``), the line that uses it (``# used``), and queues that must not be
mixed up with it (``# other``).
"""

from __future__ import annotations

import pytest

from chanlint.catalogue.schema import OpKind
from programs import analyse

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
}

MISSED = {"starred unpacking": "`*rest` holds the elements themselves instead of a list of them"}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(text, id=name, marks=[pytest.mark.xfail(reason=MISSED[name], strict=True)] if name in MISSED else [])
        for name, text in CARRIERS.items()
    ],
)
def test_a_queue_is_followed(source: str) -> None:
    found = analyse("from queue import Queue\n" + source.replace("\n        ", "\n"))
    assert found.text.marked("made"), "the program names its queue"
    assert found.subjects_at("used") == found.text.marked("made")


MODULES = {
    "from import": {
        "a.py": "from b import q\ndef f():\n    q.get()  # used\n",
        "b.py": "import queue\nq = queue.Queue()  # made\n",
    },
    "import": {"a.py": "import b\ndef f():\n    b.q.get()  # used\n", "b.py": "import queue\nq = queue.Queue()  # made\n"},
    "renamed": {
        "a.py": "import b as c\nfrom b import q as r\ndef f():\n    r.get(), c.q.put(1)  # used\n",
        "b.py": "from queue import Queue as Q\nq = Q()  # made\n",
    },
    "star import": {
        "a.py": "from b import *\ndef f():\n    q.get()  # used\n",
        "b.py": "import queue\nq = queue.Queue()  # made\n",
    },
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
