"""A consumer waits for its own end.

Why
---
Who processes an item cannot wait until its queue is drained, because that item is not done yet; a callback that a loop runs
cannot wait for the end of that loop; the only worker of a pool cannot wait for another job of the pool. They wait for ever. A
thread or task that joins itself gets a ``RuntimeError``, and what should follow the join is not done.

Bad
---
```python
import queue
import threading


def record(lines):
    jobs = queue.Queue()

    def work():
        while (line := jobs.get()) is not None:
            if line == "flush":
                jobs.join()  # error: [CHN304]
            print(line)
            jobs.task_done()

    threading.Thread(target=work).start()
    for line in lines:
        jobs.put(line)
    jobs.put(None)
```

Good
----
```python
import queue
import threading


def record(lines):
    jobs = queue.Queue()

    def work():
        while (line := jobs.get()) is not None:
            print(line)
            jobs.task_done()

    threading.Thread(target=work).start()
    for line in lines:
        jobs.put(line)
    jobs.put(None)
```

Limits
------
Only where the calls lead from the start of the actor to the wait. Silent where any code on that way asks for the current thread
or task, and where the wait depends on a flag or argument.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.self_joins import SelfJoin
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name

CURES = {
    "queue": "Call `task_done()` for the item before the join, or join from another thread or task.",
    "end": "Leave the loop instead, or skip the join where `threading.current_thread()` or `asyncio.current_task()` is it.",
    "flag": "Wait in another thread or task, or skip the wait where the actor itself asks for its end.",
    "job": "Call the function directly, or give the pool more workers.",
}


def tell(defect: SelfJoin) -> Finding:
    """The finding about one wait."""
    where, what = display_name(defect.function.qualname), wording.channel(defect)
    if defect.raised is not None:
        message = f"{where} joins the {defect.actor} that runs it, {what}, which raises {defect.raised}"
    else:
        blocked = (
            f"{where}, called by the {defect.actor} itself, waits for ever for"
            if defect.actor != "caller"
            else f"{where} waits for ever for"
        )
        message = (
            f"{blocked} "
            + {
                "queue": f"{what} to be drained, while the item in its hand is not done",
                "flag": f"{what}, which only that {defect.actor} sets, later",
                "job": f"a job of {what}, whose only worker it is",
                "end": what,
            }[defect.waits_for]
        )
    return wording.defect(RULE.code, defect, message, severity=Severity.ERROR, help=CURES[defect.waits_for])


RULE = Rule("CHN304", "self-join", about(SelfJoin, tell), __name__)
