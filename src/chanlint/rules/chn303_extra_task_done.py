"""``task_done`` is called although nothing was taken, or a second time for one item.

Why
---
A surplus ``task_done`` raises ``ValueError`` and so ends the worker (or hides the exception that was under way); where other
items are still in work it settles one of theirs, and ``join()`` returns too early.

Bad
---
```python
import queue
import threading


def handle(items=(1, 2)):
    jobs = queue.Queue()

    def work():
        while True:
            try:
                item = jobs.get(timeout=1)
                print(item)
            except queue.Empty:
                return
            finally:
                jobs.task_done()  # error: [CHN303]

    for item in items:
        jobs.put(item)
    threading.Thread(target=work).start()
    jobs.join()
```

Good
----
```python
import queue
import threading


def handle(items=(1, 2)):
    jobs = queue.Queue()

    def work():
        while True:
            try:
                item = jobs.get(timeout=1)
            except queue.Empty:
                return
            try:
                print(item)
            finally:
                jobs.task_done()

    for item in items:
        jobs.put(item)
    threading.Thread(target=work).start()
    jobs.join()
```

Limits
------
Counted along one actor: silent where one actor takes and another acknowledges, where items are taken in batches, and where a
flag that others change decides.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.drains import ExtraTaskDone
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name

CAUSES = {
    "refused": "although the get gave up without an item",
    "cancelled": "although the get was cancelled and took no item",
    "repeated": "a second time for one item",
}


def tell(defect: ExtraTaskDone) -> Finding:
    """The finding about one surplus call."""
    where = display_name(defect.function.qualname)
    message = (
        f"{where} calls task_done of {wording.channel(defect)} {CAUSES[defect.cause]}: "
        "it raises ValueError or settles another item"
    )
    if defect.cause == "repeated":
        help = "Call task_done once for each item, in one finally block, outside any retry."
    else:
        help = "Begin the try whose finally calls task_done behind the get, so that it runs only when an item was taken."
    return wording.defect(RULE.code, defect, message, severity=Severity.ERROR, help=help)


RULE = Rule("CHN303", "extra-task-done", about(ExtraTaskDone, tell), __name__)
