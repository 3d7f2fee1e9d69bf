"""Library code that nobody here calls, and what it leaves open is closed in ways that are easily overlooked."""

import pytest

from programs import model

WAKE_UP = """
import queue
import threading

_stopping = False

def stop_all(threads):
    global _stopping
    _stopping = True
    for wake in threads:
        wake.put(None)

def manage(owner, pending, results):
    while True:
        result = results.get()
        if result is not None:
            pending.pop(result.number).set_result(result.value)
        pool = owner()
        if _stopping or pool is None or pool.stopped:
            if not pending:
                return
        del pool

class Pool:
    def __init__(self):
        self._results = queue.Queue()
        self._pending = {}
        self.stopped = False
        threading.Thread(target=manage, args=(lambda: self, self._pending, self._results), daemon=True).start()

    def submit(self, work):
        self._results.put(None)

    def shutdown(self):
        self.stopped = True
        self._results.put(None)
"""

PROTOCOL = """
import queue
import threading

class Server:
    def __init__(self):
        self._inbox = queue.Queue()
        self._open = True
        threading.Thread(target=self._serve, daemon=True).start()

    def receive(self, frame):
        self._inbox.put(frame)

    def _serve(self):
        while self._open:
            frame = self._inbox.get()
            getattr(self, "_on_" + frame.kind)(frame)

    def _on_close(self, frame):
        self._open = False

    def _on_data(self, frame):
        print(frame.data)
"""

BASE_CLASS = """
import asyncio

class Writer:
    def close(self):
        self._closed = True

class BackgroundWriter(Writer):
    def __init__(self):
        self._queue = asyncio.Queue()

    def start(self):
        self._task = asyncio.ensure_future(self.run())

    async def run(self):
        while True:
            print(await self._queue.get())

    def write(self, item):
        self._queue.put_nowait(item)

    def close(self):
        self._task.cancel()
        super().close()
"""

THROUGH_THE_LOOP = """
import asyncio

END = object()

class Stream:
    def __init__(self, source, loop):
        self._source = source
        self._loop = loop
        self._queue = asyncio.Queue()

    @property
    def _messages(self):
        return self._queue

    def _put(self, item):
        self._messages.put_nowait(item)

    async def fetch(self):
        try:
            async for message in self._source:
                self._loop.call_soon_threadsafe(self._put, message)
        finally:
            self._loop.call_soon_threadsafe(self._put, END)

    def __aiter__(self):
        return self

    async def __anext__(self):
        item = await self._messages.get()
        if item is END:
            raise StopAsyncIteration
        return item
"""

GREEN_LINKS = """
import gevent
from gevent.queue import Channel

def results():
    first = gevent.spawn(lambda: 101)
    second = gevent.spawn(lambda: 102)
    answers = Channel()
    first.link(answers.put)
    second.link(answers.put)
    return [answers.get().get(), answers.get().get()]
"""

FILLED_AT_ONCE = """
from gevent.queue import JoinableQueue

def drain():
    items = [1, 2, 3]
    jobs = JoinableQueue(items=items)
    for item in items:
        assert item == jobs.get()
        jobs.task_done()
    jobs.join()
"""

POOL = """
import queue
import threading

class Pool:
    def __init__(self, count):
        self.tasks = queue.Queue(1000)
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self):
        while True:
            task = self.tasks.get()
            if task is None:
                self.tasks.put(None)
                return
            task.function(*task.arguments)

    def add(self, task):
        self.tasks.put(task)

    def close(self):
        self.tasks.put(None)
"""

CLOSED_ONCE = """
import queue
import threading

class Connection:
    closed = False

    def __init__(self):
        self._lock = threading.Lock()
        self._outbox = queue.Queue()
        self._writer = threading.Thread(target=self._write)
        self._writer.start()

    def close(self):
        with self._lock:
            if self.closed:
                return
            self.closed = True
        print("closing")
        self._outbox.put(None)

    def send(self, data):
        self._outbox.put(data)

    def _write(self):
        while True:
            data = self._outbox.get()
            if data is None:
                return
            print(data)
"""

INTERRUPTIBLE = """
import queue
import threading

END = object()

class Interruptible(queue.Queue):
    def __init__(self, flag):
        super().__init__()
        self._flag = flag

    def get(self, block=True, timeout=None):
        if not block or timeout is not None:
            return super().get(block, timeout)
        while True:
            if self._flag.is_set():
                raise InterruptedError()
            try:
                return super().get(block=True, timeout=0.5)
            except queue.Empty:
                pass

def work(todo, handle):
    try:
        while True:
            item = todo.get()
            if item is END:
                todo.task_done()
                break
            try:
                handle(item)
            finally:
                todo.task_done()
    except InterruptedError:
        pass

def start(handle, items):
    todo = Interruptible(threading.Event())
    for item in items:
        todo.put(item)
    thread = threading.Thread(target=work, args=(todo, handle))
    thread.start()
    todo.put(END)
    todo.join()
    thread.join()
"""

WATCHED = """
import asyncio
import multiprocessing

async def fork(target):
    ready, told = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.Process(target=target, args=(told,))
    child.start()
    told.close()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(ready.fileno(), begun.set)
    await begun.wait()
    ready.recv_bytes()
"""

ELSEWHERE = """
import threading

import apps

@apps.in_a_pool
def slow(gate):
    gate.wait()

def main():
    def run():
        gate = threading.Event()
        slow(gate)
        gate.set()
    threading.Thread(target=run).start()
"""

PUBLISHER = """
import queue
import threading

class Publisher:
    def __init__(self, numbers):
        self._events = queue.Queue(maxsize=10)
        self._numbers = numbers
        self._running = True
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def publish(self, event):
        self._events.put(event)

    def shutdown(self):
        self._running = False
        self._events.put(None)
        self._thread.join()

    def _work(self):
        while self._running:
            try:
                event = self._events.get(timeout=0.1)
                if event is None:
                    break
            except queue.Empty:
                continue
            try:
                print(next(self._numbers), event)
            except Exception as error:
                print(error)
"""

SILENT = {
    "wake-up calls": WAKE_UP,
    "the peer ends it": PROTOCOL,
    "a base class that closes, too": BASE_CLASS,
    "a marker through the loop": THROUGH_THE_LOOP,
    "links of greenlets": GREEN_LINKS,
    "a queue that is made with items": FILLED_AT_ONCE,
    "a pool that outlives one of its readers": POOL,
    "a close that is done once, under a lock": CLOSED_ONCE,
    "a get that is asked again and again": INTERRUPTIBLE,
    "a pipe that the event loop watches": WATCHED,
    "a function that a decorator runs elsewhere": ELSEWHERE,
    "a loop that goes on after an error": PUBLISHER,
}


@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_said(name: str) -> None:
    assert model(SILENT[name]).messages() == []


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("the peer ends it", "        self._open = False\n\n    def _on_data", "        pass\n\n    def _on_data", "CHN101"),
        ("a base class that closes, too", "        self._task.cancel()\n", "", "CHN101"),
        ("a marker through the loop", "(self._put, END)", "(print, END)", "CHN101"),
        ("a queue that is made with items", "(items=items)", "()", "CHN101"),
        ("a close that is done once, under a lock", "        self._outbox.put(None)\n", "", "CHN101"),
        ("a get that is asked again and again", "handle(item)\n", "handle(item)\n                todo.task_done()\n", "CHN303"),
        (
            "a pipe that the event loop watches",
            "    loop.add_reader(ready.fileno(), begun.set)\n",
            "    begun.set()\n",
            "CHN404",
        ),
        ("a loop that goes on after an error", "                print(error)\n", "                break\n", "CHN201"),
        ("a function that a decorator runs elsewhere", "@apps.in_a_pool\n", "", "CHN304"),
    ],
)
def test_what_is_missing_is_told(name: str, old: str, new: str, code: str) -> None:
    changed = SILENT[name].replace(old, new)
    assert changed != SILENT[name]
    assert model(changed).codes() == [code]


def test_a_call_of_a_class_is_not_the_likeliest_to_raise() -> None:
    found = model("""
    import asyncio
    from models import Filter
    from net import fetch

    async def run(names):
        ready = asyncio.Event()

        async def consume():
            chosen = Filter(names)
            await fetch(chosen)  # likely
            ready.set()

        task = asyncio.create_task(consume())
        await ready.wait()
        await task
    """)
    (group,) = [each for each in found.model.groups if each.coverage is not None and each.coverage.witness is not None]
    witness = group.coverage.witness
    assert found.text.place(witness.frame.op_id(witness.op)) in found.text.marked("likely")


def test_readers_of_which_each_must_die_are_told_as_many() -> None:
    found = model("""
    import queue
    import threading

    def run(urls, fetch, count):
        jobs = queue.Queue(10)

        def work():
            while (url := jobs.get()) is not None:
                fetch(url)

        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for url in urls:
            jobs.put(url)
        for _ in threads:
            jobs.put(None)
        for thread in threads:
            thread.join()
    """)
    assert any("exceptions can end every run.work, and nobody else receives" in message for message in found.messages())
