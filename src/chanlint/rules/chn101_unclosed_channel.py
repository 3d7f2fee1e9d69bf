"""A consumer receives from a channel that nothing ends.

Why
---
A thread, task or process that loops over a queue comes back from its last item into the receive and stays there. Each call of
the function that starts it leaves another one behind: memory climbs until the service is killed. ``daemon=True`` hides the
leak, it does not end it. The same holds for who waits once, for an item or an event, when nothing can answer.

Bad
---
```python
import queue
import threading


def handle(items):
    jobs = queue.Queue()

    def work():
        while True:
            job = jobs.get()
            if job is None:
                break
            print(job)

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()  # error: [CHN101]
    for item in items:
        jobs.put(item)
```

Good
----
```python
import queue
import threading


def handle(items):
    jobs = queue.Queue()

    def work():
        while True:
            job = jobs.get()
            if job is None:
                break
            print(job)

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    try:
        for item in items:
            jobs.put(item)
    finally:
        for _ in range(4):
            jobs.put(None)
```

Limits
------
Silent where unknown code gets hold of the channel, where an item's content may end the loop, and for consumers that are made
once for the life of the program. What a ``for`` loop sends for each of its rows is taken to be no empty item. An event that
nobody sets counts only where somebody else holds it: ``Event().wait()`` is a way to wait for ever. Numbers of items are
compared only where both are known.
"""

from __future__ import annotations

from chanlint.diagnostics import Role
from chanlint.findings import Finding, Place
from chanlint.model.channel import Group, HomeKind, Paths
from chanlint.rules import wording
from chanlint.rules.base import Lifecycle


def find(group: Group) -> Finding | None:
    """The finding about consumers that nothing ends."""
    if group.single:
        return _unanswered(group)
    if group.channel.info.ends:
        return None  # stream ends have a rule of their own
    witness = group.coverage.witness
    waited_for = witness is not None and witness.kind == "join"
    if not waited_for and not group.iterator and (group.endings or group.coverage.paths is not Paths.NEVER):
        return None
    if waited_for:
        missing = "it is never closed before the caller waits for its consumer"
    elif group.iterator:
        missing = "nothing sends the end marker that it tests for"
    elif group.channel.home.kind is HomeKind.OBJECT:
        missing = f"it is never closed, no method of {wording.owner(group)} ends {wording.them(group)}"
    else:
        missing = "it is never closed"
    return wording.finding(
        RULE.code,
        group,
        f"{wording.who_blocks(group)} on {wording.channel(group)}: {missing}",
        severity=wording.severity(group),
        help=wording.cure(group),
        more=(Place(Role.JOINS, "waits for it here", witness.frame.op_id(witness.op)),) if waited_for and witness else (),
    )


def _unanswered(group: Group) -> Finding | None:
    """The finding about actors that wait once, for more than ever comes."""
    short = group.shortage()
    witness = group.coverage.witness
    waited_for = witness is not None and witness.kind == "join"
    if short is None and not waited_for and (group.endings or group.coverage.paths is not Paths.NEVER):
        return None
    who = wording.who_blocks(group)
    missing = "it is never set" if group.channel.info.category == "flag" else "nothing is ever sent"
    if short is not None and group.answered is not None:
        if group.spawn is not None:
            left = "all but one of the" if short == 0 else f"{short} of {group.count.number or 'the'}"
            who = f"{left} {wording.plural(group.actor)} stay blocked"
        sent = group.answered.number
        missing = f"{sent} item{'s are' if sent != 1 else ' is'} sent" if sent is not None else f"{short} too few are sent"
    elif waited_for:
        missing = "nothing comes before the caller waits for its end"
    return wording.finding(
        RULE.code,
        group,
        f"{who} in {wording.wait(group)}: {missing}",
        severity=wording.severity(group),
        help=f"Send what it waits for on every path, or let the {group.consumers[0].event.call.name} give up after a time.",
        more=(Place(Role.JOINS, "waits for it here", witness.frame.op_id(witness.op)),) if waited_for and witness else (),
    )


RULE = Lifecycle("CHN101", "unclosed-channel", find, __name__)
