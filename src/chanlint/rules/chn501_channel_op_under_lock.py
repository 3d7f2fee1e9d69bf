"""A send or receive waits while it holds a lock that the other side needs.

Why
---
The queue is full, and the producer waits in ``put`` with the lock in its hands; the consumer that would make room waits for
the lock. Neither ever moves again. It happens only when the queue is full (or empty, for a ``get``) at that moment, so it
passes every test and hangs in production.

Bad
---
```python
import queue
import threading


class Recorder:
    def __init__(self):
        self._rows = queue.Queue(maxsize=10)
        self._lock = threading.Lock()
        self._total = 0
        threading.Thread(target=self._run, daemon=True).start()

    def record(self, row):
        with self._lock:
            self._total += 1
            self._rows.put(row)  # error: [CHN501]

    def _run(self):
        while True:
            row = self._rows.get()
            if row is None:
                break
            with self._lock:
                self._total -= len(row)

    def close(self):
        self._rows.put(None)
```

Good
----
```python
import queue
import threading


class Recorder:
    def __init__(self):
        self._rows = queue.Queue(maxsize=10)
        self._lock = threading.Lock()
        self._total = 0
        threading.Thread(target=self._run, daemon=True).start()

    def record(self, row):
        with self._lock:
            self._total += 1
        self._rows.put(row)

    def _run(self):
        while True:
            row = self._rows.get()
            if row is None:
                break
            with self._lock:
                self._total -= len(row)

    def close(self):
        self._rows.put(None)
```

Limits
------
Silent where one actor of the other side does without the lock, where the operation gives up after a time, where a test under
the lock tells that the operation need not wait, for semaphores, and for locks and channels that are made in a loop.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.locks import OpUnderLock, Waiting
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name

STATES = {
    Waiting.RECEIVE: ("empty", "sender"),
    Waiting.SEND: ("full", "receiver"),
    Waiting.DRAINED: ("not drained", "receiver"),
}


def tell(found: OpUnderLock) -> Finding:
    """The finding about one operation under a lock."""
    held = f"{display_name(found.function.qualname)} waits with lock '{found.lock}' held"
    channel = wording.channel(found)
    if found.waits is Waiting.JOIN:
        message = f"{held} for a consumer of {channel}, which needs that lock to come back to its receive"
    else:
        state, other = STATES[found.waits]
        message = f"{held} when {channel} is {state}, and every {other} needs that lock first"
    return wording.defect(
        RULE.code,
        found,
        message,
        severity=Severity.ERROR,
        help="Give the lock back first: under it only change what it protects. Or give the operation a timeout.",
    )


RULE = Rule("CHN501", "channel-op-under-lock", about(OpUnderLock, tell), __name__)
