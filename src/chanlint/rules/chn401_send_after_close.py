"""A channel is sent to after the same function has closed it.

Why
---
What is put after ``close()`` or ``shutdown()`` never arrives: the send raises, in the middle of a clean-up that nobody
expects to fail, and whoever waits for that last item or end marker stays blocked.

Bad
---
```python
import multiprocessing


def work(jobs):
    while (job := jobs.get()) is not None:
        print(job)


def handle(items):
    jobs = multiprocessing.Queue()
    worker = multiprocessing.Process(target=work, args=(jobs,), daemon=True)
    worker.start()
    try:
        for item in items:
            jobs.put(item)
    finally:
        jobs.close()
        jobs.put(None)  # warning: [CHN401]
    worker.join()
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
    worker = multiprocessing.Process(target=work, args=(jobs,), daemon=True)
    worker.start()
    try:
        for item in items:
            jobs.put(item)
    finally:
        jobs.put(None)
        jobs.close()
    worker.join()
```

Limits
------
Only where every way on from the close comes to the send. Silent where a handler takes the exception, and where close and send
are in functions that only others call.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.closed_sends import ClosedSend
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name


def tell(defect: ClosedSend) -> Finding:
    """The finding about a send after the close."""
    when = "closes it at the end of one round of the loop and sends in the next" if defect.again else "has closed it before"
    message = (
        f"{defect.method}() on {wording.channel(defect)} fails: "
        f"{display_name(defect.function.qualname)} {when} ({defect.closer})"
    )
    help = "Send the last item before the close, or close after the loop."
    return wording.defect(RULE.code, defect, message, severity=Severity.WARNING, help=help)


RULE = Rule("CHN401", "send-after-close", about(ClosedSend, tell), __name__)
