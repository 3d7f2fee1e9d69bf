"""A queue for threads is handed to a process.

Why
---
A ``queue.Queue`` lives in the memory of one process. With the start method ``fork`` the new process gets a copy of its own, so
that what is put on one side never arrives on the other, and the reader waits for ever. With ``spawn`` and ``forkserver``, and
as an argument of a job of a process pool, it cannot be pickled, which raises ``TypeError``.

Bad
---
```python
import multiprocessing
import queue


def work(jobs):
    while (job := jobs.get()) is not None:
        print(job)


def handle(items):
    jobs = queue.Queue()
    process = multiprocessing.Process(target=work, args=(jobs,))  # error: [CHN406]
    process.start()
    for item in items:
        jobs.put(item)
    jobs.put(None)
    process.join()
```

Good
----
```python
import multiprocessing


def work(jobs):
    while (job := jobs.get()) is not None:
        print(job)


def handle(items):
    jobs = multiprocessing.Queue()
    process = multiprocessing.Process(target=work, args=(jobs,))
    process.start()
    for item in items:
        jobs.put(item)
    jobs.put(None)
    process.join()
```

Limits
------
Reported only where both sides use the queue: one process sends and the other receives. Silent where everything is put before
the start, because a forked process has it in its copy.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.copied_queues import CopiedQueue
from chanlint.rules import wording
from chanlint.rules.base import Rule, about


def tell(defect: CopiedQueue) -> Finding:
    """The finding about one process."""
    lost = "what is put outside never arrives in it" if defect.received_inside else "what it puts never arrives"
    return wording.defect(
        RULE.code,
        defect,
        f"{wording.channel(defect)} is handed to a process: {lost}, because with fork each process has a copy of its own, "
        f"and with spawn it cannot be pickled",
        severity=Severity.ERROR,
        help="Use `multiprocessing.Queue()`, or `multiprocessing.Manager().Queue()` for the jobs of a pool.",
    )


RULE = Rule("CHN406", "thread-queue-across-processes", about(CopiedQueue, tell), __name__)
