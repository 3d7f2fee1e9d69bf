"""A consumer's ending is skipped on some path.

Why
---
The marker, close or cancel is there, but an early return, an exception between the start of the consumer and the ending, or a
producer that dies before it sends the marker leaves the consumer in its receive. It is the leak that tests do not see.

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

from chanlint.diagnostics import Role, Severity
from chanlint.findings import Finding, Place
from chanlint.model.channel import Group, Paths
from chanlint.rules import wording
from chanlint.rules.base import Lifecycle, display_name

SKIPS = {
    "return": "this way out skips the ending",
    "raise": "an exception here skips the ending",
    "close": "closing the generator here skips the ending",
    "forgets": "this method does not reach the ending",
}


def find(group: Group) -> Finding | None:
    """The finding about consumers whose ending is skipped on some path."""
    coverage = group.coverage
    if coverage.paths is not Paths.SOME or coverage.witness is None or coverage.witness.kind == "join":
        return None
    witness = coverage.witness
    normal = witness.kind in ("return", "forgets")
    ending = wording.ending(group)
    where = display_name(witness.frame.function.id.qualname)
    how = {
        "return": f"a path through {where} leaves without {ending}",
        "raise": f"an exception in {where} skips {ending}",
        "close": f"closing the generator {where} skips {ending}",
        "forgets": f"{where} ends without {ending}",
    }[witness.kind]
    severity = Severity.ERROR if normal and not group.collected else Severity.WARNING
    return wording.finding(
        RULE.code,
        group,
        f"{wording.who_blocks(group)} on {wording.channel(group)}: {how}",
        severity=severity,
        help=f"Put {ending} into a finally block that starts right after the consumer does.",
        more=(Place(Role.SKIPS_CLOSE, SKIPS[witness.kind], witness.frame.op_id(witness.op)),),
    )


RULE = Lifecycle("CHN102", "close-not-on-all-paths", find, __name__)
