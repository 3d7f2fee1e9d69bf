"""A path from a get to the next get, or out of the worker, misses ``task_done``, and somebody joins the queue.

Why
---
``join()`` returns when every item was acknowledged. An item that is never acknowledged, because its processing raised or a
``continue`` skipped the call, keeps whoever joins waiting for ever: at shutdown, long after the cause.

Bad
---
```python
import queue
import threading


def total(texts=("1", "2")):
    jobs = queue.Queue()
    found = []

    def work():
        while True:
            text = jobs.get()  # error: [CHN301]
            if text is None:
                break
            found.append(int(text))
            jobs.task_done()

    threading.Thread(target=work, daemon=True).start()
    for text in texts:
        jobs.put(text)
    jobs.join()
    jobs.put(None)
    return sum(found)
```

Good
----
```python
import queue
import threading


def total(texts=("1", "2")):
    jobs = queue.Queue()
    found = []

    def work():
        while True:
            text = jobs.get()
            if text is None:
                break
            try:
                found.append(int(text))
            finally:
                jobs.task_done()

    threading.Thread(target=work, daemon=True).start()
    for text in texts:
        jobs.put(text)
    jobs.join()
    jobs.put(None)
    return sum(found)
```

Limits
------
Silent where others may acknowledge: another actor, a callback, a method offered to callers, code that was not analysed; where
items are acknowledged in batches; where every join gives up after a time; where the end marker is sent after the last join. A
cancellation in the middle of an item is not counted.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.drains import MissingTaskDone
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name


def tell(defect: MissingTaskDone) -> Finding:
    """The finding about one get."""
    worker, leaves = display_name(defect.function.qualname), display_name(defect.exit.qualname)
    item = "the end marker" if defect.marker else "an item"
    if defect.never:
        how = f"{worker} takes items and never calls task_done"
    elif defect.lapse == "raise":
        how = f"an exception ends {worker} before task_done"
    elif defect.caught:
        how = f"an exception in {leaves} skips task_done"
    elif defect.lapse == "return":
        how = f"{leaves} leaves with {item} and no task_done"
    else:
        how = f"a path in {worker} skips task_done"
    message = f"join() of {wording.channel(defect)} in {display_name(defect.joiner.qualname)} never returns: {how}"
    return wording.defect(RULE.code, defect, message, severity=Severity.ERROR, help=cure(defect))


def cure(defect: MissingTaskDone) -> str:
    """What to write instead."""
    name = defect.channel.name
    if defect.never:
        return f"Call `{name}.task_done()` once for each item that was taken, in a finally block, or do not join the queue."
    if defect.marker:
        return f"Call `{name}.task_done()` for the end marker, too, before the loop is left."
    return f"Take the item first, then process it in `try: ... finally: {name}.task_done()`."


RULE = Rule("CHN301", "missing-task-done", about(MissingTaskDone, tell), __name__)
