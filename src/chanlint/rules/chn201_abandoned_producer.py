"""A producer stays in the send of a bounded channel, because whoever reads can stop first.

Why
---
A bounded channel makes a producer wait for its reader. Where the reader returns early, times out, is a generator that its
caller closes, or dies of an exception, nobody takes the next item: the producer stays in its send for ever, and whoever joins
it, too.

Bad
---
```python
import queue
import threading


def read_ahead(rows):
    ready = queue.Queue(maxsize=2)

    def feed():
        for row in rows:
            ready.put(row)  # error: [CHN201]
        ready.put(None)

    threading.Thread(target=feed, daemon=True).start()
    for row in iter(ready.get, None):
        yield row
```

Good
----
```python
import queue
import threading


def read_ahead(rows):
    ready = queue.Queue(maxsize=2)
    stopped = threading.Event()

    def feed():
        for row in rows:
            while not stopped.is_set():
                try:
                    ready.put(row, timeout=0.1)
                    break
                except queue.Full:
                    pass
        while not stopped.is_set():
            try:
                ready.put(None, timeout=0.1)
                break
            except queue.Full:
                pass

    threading.Thread(target=feed, daemon=True).start()
    try:
        for row in iter(ready.get, None):
            yield row
    finally:
        stopped.set()
```

Limits
------
A reader that leaves its loop because of what it read is taken to have read the last item. Where anything takes items out after
the reader stopped, cancels the producer or shuts the channel down, nothing is said, whether or not it does so often enough.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.producers import AbandonedProducer
from chanlint.model.readers import Leaving
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name


def tell(defect: AbandonedProducer) -> Finding:
    """The finding about a producer that nobody reads from any more."""
    message = f"{_who(defect)} in a send to {wording.channel(defect, 'send')}: {_why(defect)}"
    if defect.collected:
        message += ", until the garbage collector destroys it, its work is lost"
    mild = defect.collected or defect.exceptional
    severity = Severity.WARNING if mild else Severity.ERROR
    return wording.defect(RULE.code, defect, message, severity=severity, help=_help(defect))


def _who(defect: AbandonedProducer) -> str:
    where = display_name(defect.function.qualname)
    if defect.actor == "caller":
        return f"{where} can stay blocked"
    number = defect.count.number
    if number == 1:
        return f"a {defect.actor} ({where}) can stay blocked"
    return f"{'' if number is None else f'{number} '}{wording.plural(defect.actor)} ({where}) can stay blocked"


def _why(defect: AbandonedProducer) -> str:
    reader = display_name(defect.reader.function.id.qualname) if defect.reader is not None else ""
    then = " and waits for it" if defect.joined else ""
    closed = "it is closed" if _is_generator(defect) else "nobody iterates any longer"
    hangs = ", and whoever joins it hangs" if defect.joined else ""
    ended = f"exceptions can end every {reader}" if defect.readers_are_many else f"an exception ends {reader}"
    room = "nothing without a receiver" if defect.capacity.count.number == 0 else f"only {defect.capacity.words}"
    return {
        Leaving.NOBODY: f"nobody receives from it, and it holds {room}",
        Leaving.RETURN: f"a path through {reader} leaves without receiving{then}",
        Leaving.JOIN: f"a path through {reader} waits for it without receiving, and the channel holds {room}",
        Leaving.TIMEOUT: f"{reader} gives up after a time, and nobody receives what comes later",
        Leaving.FEWER: f"{reader} receives fewer items than are sent",
        Leaving.CLOSED: f"{reader} receives no more once {closed}",
        Leaving.ERROR: f"{ended}, and nobody else receives{then}",
        Leaving.STOPPED: f"{reader} tells it to stop without taking out what it waits to send{hangs}",
    }[defect.leaving]


def _is_generator(defect: AbandonedProducer) -> bool:
    return defect.reader is not None and defect.reader.function.is_generator


def _help(defect: AbandonedProducer) -> str:
    name = defect.channel.name
    info = defect.channel.info
    if info.ends:
        return "Receive inside `async with` on the receive end: leaving it wakes the sender with an exception."
    if defect.leaving is Leaving.NOBODY:
        return f"Start a consumer for {name}, or make it unbounded."
    if defect.leaving is Leaving.FEWER:
        return f"Receive once for each send, or give {name} room for all of them."
    if defect.actor == "task" and not defect.blocks_its_thread:
        return "Cancel the producer's task in a finally block of the reader."
    if defect.leaving is Leaving.ERROR:
        return f"Catch the exception in the reader and let it take out the rest of {name}, or send with a timeout."
    return f"Set a flag in a finally block of the reader that the producer tests between timed sends, or empty {name} there."


RULE = Rule("CHN201", "abandoned-producer", about(AbandonedProducer, tell), __name__)
