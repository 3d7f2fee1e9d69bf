"""A consumer's ending is skipped on some path.

Why
---
The marker, close or cancel is there, but an early return, an exception between the start of the consumer and the ending, or a
producer that dies before it sends the marker (or its only result) leaves the other side in its receive. It is the leak that
tests do not see.

Bad
---
```python
import json
import queue
import threading


def handle(rows):
    jobs = queue.Queue()
    threading.Thread(target=lambda: list(iter(jobs.get, None)), daemon=True).start()  # warning: [CHN102]
    for row in rows:
        jobs.put(json.loads(row))
    jobs.put(None)
```

Good
----
```python
import json
import queue
import threading


def handle(rows):
    jobs = queue.Queue()
    threading.Thread(target=lambda: list(iter(jobs.get, None)), daemon=True).start()
    try:
        for row in rows:
            jobs.put(json.loads(row))
    finally:
        jobs.put(None)
```

Limits
------
An exception counts where it is likely: an explicit ``raise``, a callback from outside, I/O, parsing, foreign work that is
awaited; not a logger. Channels that belong to an object are asked only whether some method ends their consumers.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.channel import Group, Paths
from chanlint.rules import wording
from chanlint.rules.base import Lifecycle


def find(group: Group) -> Finding | None:
    """The finding about consumers whose ending is skipped on some path."""
    coverage = group.coverage
    if group.channel.info.ends:
        return None  # stream ends have a rule of their own
    if coverage.paths is not Paths.SOME or coverage.witness is None or coverage.witness.kind == "join":
        return None
    witness = coverage.witness
    normal = witness.kind in ("return", "forgets")
    ending = wording.ending(group)
    on_what = f"in {wording.wait(group)}" if group.single else f"on {wording.channel(group)}"
    severity = Severity.ERROR if normal and not group.collected else Severity.WARNING
    return wording.finding(
        RULE.code,
        group,
        f"{wording.who_blocks(group)} {on_what}: {wording.skipped(coverage, ending)}",
        severity=severity,
        help=_help(group, ending),
        more=(wording.skip(coverage),),
    )


def _help(group: Group, ending: str) -> str:
    if group.single and group.spawn is None:
        return "Answer in a finally block of the one who is waited for, or send the exception in the place of the result."
    return f"Put {ending} into a finally block that starts right after the consumer does."


RULE = Lifecycle("CHN102", "close-not-on-all-paths", find, __name__)
