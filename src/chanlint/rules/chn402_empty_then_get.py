"""A receive waits behind a check of ``empty()`` or ``qsize()`` that another reader makes stale.

Why
---
Between ``not q.empty()`` and ``q.get()`` another reader can take the last item. The ``get()`` then waits for an item that
nobody sends: the worker does not end, and whoever joins it waits too. It happens rarely, and under load.

Bad
---
```python
import queue
import threading


def handle(items):
    jobs = queue.Queue()
    for item in items:
        jobs.put(item)

    def work():
        while not jobs.empty():
            print(jobs.get())  # warning: [CHN402]

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
```

Good
----
```python
import queue
import threading


def handle(items):
    jobs = queue.Queue()
    for item in items:
        jobs.put(item)

    def work():
        while True:
            try:
                print(jobs.get_nowait())
            except queue.Empty:
                break

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
```

Limits
------
Silent where one actor reads, where a lock is held from the check to the receive, and between coroutines that do not await in
between. A method that is tested without a call (``while not q.empty:``) is reported whoever reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.channel import ChannelModel
from chanlint.model.stale_checks import StaleCheck, UncalledCheck
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name


def tell(defect: StaleCheck) -> Finding:
    """The finding about a receive behind a stale check."""
    if defect.rival is None:
        who = f"another of the {wording.plural(defect.actor)}"
    else:
        who = f"another reader ({display_name(defect.rival.qualname)})"
    message = (
        f"{defect.method}() on {wording.channel(defect)} can wait for ever: "
        f"{who} may take the item after the check of {defect.check}()"
    )
    help = (
        f"Do not ask first: `{defect.channel.name}.get_nowait()`, and leave the loop where it raises that the queue is empty."
    )
    return wording.defect(RULE.code, defect, message, severity=Severity.WARNING, help=help)


def tell_uncalled(defect: UncalledCheck) -> Finding:
    """The finding about a check that is not called."""
    message = f"{defect.check} of {wording.channel(defect)} is tested without being called: that is always true"
    help = f"Write `{defect.channel.name}.{defect.check}()`."
    return wording.defect(RULE.code, defect, message, severity=Severity.WARNING, help=help)


def check(model: ChannelModel) -> Iterable[Finding]:
    """All findings of this rule."""
    yield from about(StaleCheck, tell)(model)
    yield from about(UncalledCheck, tell_uncalled)(model)


RULE = Rule("CHN402", "empty-then-get", check, __name__)
