"""An end marker is sent that the consumer does not test for.

Why
---
The marker is taken for an ordinary item: the consumer goes on and stays in its next receive. It looks like an ending and is
none.

Bad
---
```python
import queue
import threading

STOP = object()


def handle(items):
    jobs = queue.Queue()

    def work():
        while True:
            job = jobs.get()
            if job is STOP:
                break
            print(job)

    threading.Thread(target=work, daemon=True).start()
    for item in items:
        jobs.put(item)
    jobs.put(None)  # error: [CHN104]
```

Good
----
```python
import queue
import threading

STOP = object()


def handle(items):
    jobs = queue.Queue()

    def work():
        while True:
            job = jobs.get()
            if job is STOP:
                break
            print(job)

    threading.Thread(target=work, daemon=True).start()
    try:
        for item in items:
            jobs.put(item)
    finally:
        jobs.put(STOP)
```

Limits
------
Values that can hardly be anything else count as markers (None, ``...``, ``object()``, classes), and, where they are sent
outside loops, strings and objects like those that the consumer compares its items with.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.channel import Group
from chanlint.model.endings import COPIED, NEVER_TESTED, TESTED_ONCE
from chanlint.rules import wording
from chanlint.rules.base import Lifecycle

WRONG = {
    NEVER_TESTED: (
        "is not one that the consumer of {} tests for",
        "Send the value that the consumer tests for, and test for it at every receive.",
    ),
    TESTED_ONCE: (
        "is tested for at only one of the receives in the loop over {}",
        "Test for the marker after every receive.",
    ),
    COPIED: (
        "is another object when it comes out of {}, which pickles it: a test by identity never holds",
        "Send None, a class or an enum member, or test with isinstance() or ==.",
    ),
}


def find(group: Group) -> Finding | None:
    """The finding about a marker that does not end its consumer."""
    wrong = group.failing("marker")
    if not wrong or group.effective() or group.possible():
        return None
    what, cure = WRONG[wrong[0].why]
    return wording.finding(
        RULE.code,
        group,
        f"the end marker sent here {what.format(wording.channel(group))}: {wording.who_blocks(group)}",
        severity=Severity.WARNING if group.collected else Severity.ERROR,
        help=cure,
        at=wrong[0].at,
    )


RULE = Lifecycle("CHN104", "sentinel-never-tested", find, __name__)
