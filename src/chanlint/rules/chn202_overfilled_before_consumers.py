"""More items are sent than the channel holds before anybody can receive.

Why
---
A bounded channel makes its sender wait for room. Where the reader is started only after the sends, or the same function
receives only after them, there is nobody to make room: the send hangs for ever, every time there is one item too many.

Bad
---
```python
import queue
import threading


def handle():
    jobs = queue.Queue(maxsize=2)

    def work():
        while jobs.get() is not None:
            pass

    for number in range(3):
        jobs.put(number)  # error: [CHN202]
    threading.Thread(target=work).start()
    jobs.put(None)
```

Good
----
```python
import queue
import threading


def handle():
    jobs = queue.Queue(maxsize=2)

    def work():
        while jobs.get() is not None:
            pass

    threading.Thread(target=work).start()
    try:
        for number in range(3):
            jobs.put(number)
    finally:
        jobs.put(None)
```

Limits
------
Silent where it is not known how many items are sent or how many fit; as many items as fit are fine. A method that puts an item
and then starts the reader is reported where somebody calls another method before it that fills the channel; where nobody here
calls them, only with ``--min-confidence low``.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.overfills import Overfilled
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name


def tell(defect: Overfilled) -> Finding:
    """The finding about a send that nobody can serve."""
    where = display_name(defect.function.qualname)
    later = "it receives only afterwards" if defect.own else "its reader is started only afterwards"
    surplus = "1 item" if defect.surplus == 1 else f"{defect.surplus} items"
    room = defect.capacity.count.number
    if defect.earlier is not None:
        fits = f"holds {defect.capacity.words}, if {defect.earlier} was called before"
    elif room is None:
        fits = f"has room for {surplus} less"
    elif room == 0:
        fits = "holds nothing without a receiver"
    else:
        fits = f"holds {defect.capacity.words}, {surplus} too many"
    message = f"{where} hangs in a send to {wording.channel(defect)}, which {fits}: {later}"
    return wording.defect(
        RULE.code,
        defect,
        message,
        severity=Severity.ERROR,
        help=f"Start the reader before the sends, or give {defect.channel.name} room for all of them.",
    )


RULE = Rule("CHN202", "overfilled-before-consumers", about(Overfilled, tell), __name__)
