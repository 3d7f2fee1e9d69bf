"""A coroutine waits on a queue for threads or processes, and the whole event loop with it.

Why
---
``queue.Queue.get()`` in an ``async def`` stops every task of the loop until an item comes. Where that item is to come from
another task, it never comes: the program stands still.

Bad
---
```python
import asyncio
import queue


async def produce(jobs):
    await asyncio.sleep(0)
    jobs.put("job")


async def handle():
    jobs = queue.Queue()
    producer = asyncio.create_task(produce(jobs))
    print(jobs.get())  # warning: [CHN404]
    await producer
```

Good
----
```python
import asyncio
import queue


async def produce(jobs):
    await asyncio.sleep(0)
    jobs.put("job")


async def handle():
    jobs = queue.Queue()
    producer = asyncio.create_task(produce(jobs))
    print(await asyncio.to_thread(jobs.get))
    await producer
```

Limits
------
Silent for a wait with a timeout, after a look at the queue (``empty()``), where an item was put before, and in a coroutine
that is alone on an event loop of its own thread.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.blocking_async import BlockingOp
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name


def tell(defect: BlockingOp) -> Finding:
    """The finding about a wait on an event loop."""
    until = {"send": "while it is full", "receive": "while it is empty"}.get(defect.kind, "until it is drained")
    message = (
        f"{defect.method}() on {wording.channel(defect)} stops the event loop {until}: "
        f"no other task runs while {display_name(defect.coroutine)} waits"
    )
    help = f"Write `await asyncio.to_thread({defect.channel.name}.{defect.method}, ...)`, or use a queue of the event loop."
    return wording.defect(RULE.code, defect, message, severity=Severity.WARNING, help=help)


RULE = Rule("CHN404", "blocking-call-in-async", about(BlockingOp, tell), __name__)
