"""Fewer end markers are sent than there are consumers that each take one.

Why
---
A marker ends the consumer that takes it, and only that one. The others stay in their receive for ever.

Bad
---
```python
import queue
import threading


def handle(items, workers=4):
    jobs = queue.Queue()

    def work():
        for job in iter(jobs.get, None):
            print(job)

    for _ in range(workers):
        threading.Thread(target=work, daemon=True).start()  # error: [CHN103]
    try:
        for item in items:
            jobs.put(item)
    finally:
        jobs.put(None)
```

Good
----
```python
import queue
import threading


def handle(items, workers=4):
    jobs = queue.Queue()

    def work():
        for job in iter(jobs.get, None):
            print(job)

    for _ in range(workers):
        threading.Thread(target=work, daemon=True).start()
    try:
        for item in items:
            jobs.put(item)
    finally:
        for _ in range(workers):
            jobs.put(None)
```

Limits
------
Numbers are compared only where both are known, or where one marker meets consumers that are started in a loop. A consumer that
sends to its own queue is taken to pass the marker on.
"""

from __future__ import annotations

from chanlint.diagnostics import Role, Severity
from chanlint.findings import Finding, Place
from chanlint.model.channel import Group
from chanlint.rules import wording
from chanlint.rules.base import Lifecycle


def find(group: Group) -> Finding | None:
    """The finding about consumers that get no marker."""
    sent, count = group.sent, group.together
    if sent is None or group.passes_on or group.spawn is None:
        return None
    short = sent.falls_short_of(count)
    if short is None and not (sent.number == 1 and count.number is None):
        return None
    if count.number is not None:
        left = f"{short} of {count.number}"
    else:
        left = "all but one of the" if short is None else f"{short} of the"
    if sent.number is None:
        markers = f"{short} end marker{'s' if short != 1 else ''} too few"
    else:
        markers = "1 end marker is sent" if sent.number == 1 else f"{sent.number} end markers are sent"
    ending = group.effective()[0]
    return wording.finding(
        RULE.code,
        group,
        f"{left} {wording.plural(group.actor)} stay blocked on {wording.channel(group)}: {markers}, and each ends only one",
        severity=Severity.WARNING if group.collected else Severity.ERROR,
        help="Send one end marker for each consumer, in a loop over the same number or over the list of consumers.",
        more=(Place(Role.SENDS, "end marker sent here", ending.at),),
    )


RULE = Lifecycle("CHN103", "too-few-sentinels", find, __name__)
