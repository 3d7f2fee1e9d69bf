"""A coroutine of a channel (``put``, ``get``, ``join``, ``send``, ``aclose``) is called and never awaited.

Why
---
Calling a coroutine function does nothing but make the coroutine: no item is sent, and the consumer waits for ever. All that can
be seen is a warning "coroutine ... was never awaited", printed when the collector comes by.

Bad
---
```python
import asyncio


async def work(jobs):
    while (job := await jobs.get()) is not None:
        print(job)


async def handle(items):
    jobs = asyncio.Queue()
    worker = asyncio.create_task(work(jobs))
    for item in items:
        jobs.put(item)  # error: [CHN405]
    await jobs.put(None)
    await worker
```

Good
----
```python
import asyncio


async def work(jobs):
    while (job := await jobs.get()) is not None:
        print(job)


async def handle(items):
    jobs = asyncio.Queue()
    worker = asyncio.create_task(work(jobs))
    for item in items:
        await jobs.put(item)
    await jobs.put(None)
    await worker
```

Limits
------
Silent as soon as anything gets hold of the coroutine that may await it: a call, a container, an attribute, a ``return``.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.unawaited import UnawaitedOp
from chanlint.rules import wording
from chanlint.rules.base import Rule, about

NOTHING = {
    "send": "nothing is sent",
    "send_many": "nothing is sent",
    "receive": "nothing is received",
    "close": "nothing is closed",
    "await_drained": "nobody waits",
}


def tell(defect: UnawaitedOp) -> Finding:
    """The finding about a coroutine that nobody awaits."""
    name, method = defect.channel.name, defect.method
    if defect.handed:
        missing = f"is handed over as a plain function, and its coroutine is never awaited: {NOTHING[defect.kind]}"
    elif defect.used:
        missing = "is used without await: its result is a coroutine, not an item"
    else:
        missing = f"is never awaited: {NOTHING[defect.kind]}"
    message = f"{method}() on {wording.channel(defect)} {missing}"
    plain = defect.handed and defect.kind == "send"
    help = f"Hand over `{name}.{method}_nowait`." if plain else f"Write `await {name}.{method}(...)`."
    return wording.defect(RULE.code, defect, message, severity=Severity.ERROR, help=help)


RULE = Rule("CHN405", "unawaited-channel-op", about(UnawaitedOp, tell), __name__)
