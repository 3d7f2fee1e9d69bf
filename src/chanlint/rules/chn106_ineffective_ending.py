"""An ending exists, but it cannot reach the receive.

Why
---
A flag that is read only between items does not wake a ``get()`` without a timeout; a cancel that the loop swallows changes
nothing; ``close()`` of a process queue wakes nobody in other processes; a job that runs in an executor cannot be cancelled.
These look right, and are the worst.

Bad
---
```python
import queue
import threading


class Writer:
    def __init__(self):
        self._jobs = queue.Queue()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while not self._stopped.is_set():
            print(self._jobs.get())

    def write(self, row):
        self._jobs.put(row)

    def close(self):
        self._stopped.set()  # error: [CHN106]
```

Good
----
```python
import queue
import threading


class Writer:
    def __init__(self):
        self._jobs = queue.Queue()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while not self._stopped.is_set():
            try:
                print(self._jobs.get(timeout=1))
            except queue.Empty:
                continue

    def write(self, row):
        self._jobs.put(row)

    def close(self):
        self._stopped.set()
```

Limits
------
A flag counts as effective where an item is sent after it by the same function.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.channel import Group
from chanlint.rules import wording
from chanlint.rules.base import Lifecycle

CURES = {
    "flag": "Give the receive a timeout and read the flag again, or send an item after setting the flag.",
    "cancel": "Let the cancellation out of the loop: catch it outside, or raise it again.",
    "deputy": "Send an end marker, too: a thread that receives for a task cannot be cancelled.",
    "copy": "Set a multiprocessing.Event, or send an end marker: nothing else that the parent stores reaches the process.",
    "finalizer": "Offer a close() that callers use, or let the thread run a function that does not hold the object.",
    "close": "Send one end marker for each consumer, or let the exception of the close leave the loop.",
}


def find(group: Group) -> Finding | None:
    """The finding about an ending that does not reach the receive."""
    wrong = group.failing(*CURES)
    if not wrong or group.effective() or group.possible():
        return None
    first = wrong[0]
    who = "" if first.kind == "deputy" else f"; {wording.who_blocks(group)}"
    return wording.finding(
        RULE.code,
        group,
        f"this does not end the consumer of {wording.channel(group)}: {first.why}{who}",
        severity=Severity.WARNING if group.collected else Severity.ERROR,
        help=CURES[first.kind],
        at=first.at,
    )


RULE = Lifecycle("CHN106", "ineffective-ending", find, __name__)
