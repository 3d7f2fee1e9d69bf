"""An asyncio queue, event or future is touched from another thread than that of its event loop.

Why
---
asyncio's queues are not made for threads. ``put_nowait()`` in another thread marks the waiting task as ready, but does not
wake the event loop, which sleeps on: the item is there, and nobody takes it until something else happens by chance.

Bad
---
```python
import asyncio
import threading


async def handle():
    results = asyncio.Queue()

    def work():
        results.put_nowait("done")  # error: [CHN403]

    threading.Thread(target=work, daemon=True).start()
    print(await results.get())


asyncio.run(handle())
```

Good
----
```python
import asyncio
import threading


async def handle():
    results = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def work():
        loop.call_soon_threadsafe(results.put_nowait, "done")

    threading.Thread(target=work, daemon=True).start()
    print(await results.get())


asyncio.run(handle())
```

Limits
------
Only where the thread is seen to start, and the one who awaits is seen elsewhere. Callbacks that a library calls from a thread
of its own are not known.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.foreign_threads import ForeignTouch
from chanlint.rules import wording
from chanlint.rules.base import Rule, about


def tell(defect: ForeignTouch) -> Finding:
    """The finding about a touch from another thread."""
    where = "outside the thread that runs its event loop" if defect.own_loop else "in another thread than its event loop"
    waiter = "await" if defect.waits == "await" else f"{defect.waits}()"
    message = f"{defect.method}() on {wording.channel(defect)} runs {where}: whoever waits in {waiter} is not woken"
    help = f"Hand it to the loop: `loop.call_soon_threadsafe({defect.channel.name}.{defect.method}, ...)`."
    return wording.defect(RULE.code, defect, message, severity=Severity.ERROR, help=help)


RULE = Rule("CHN403", "cross-thread-asyncio-queue", about(ForeignTouch, tell), __name__)
