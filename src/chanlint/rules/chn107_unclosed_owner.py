"""An object with a consumer of its own is dropped without the close that its class offers.

Why
---
The class does it right: its ``close()`` ends the thread that it started. Whoever makes the object and forgets ``close()``
leaves that thread in its receive, one for each object. The object looks like a value, and its thread keeps it alive.

Bad
---
```python
import queue
import threading


class Uploader:
    def __init__(self):
        self.jobs = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while (job := self.jobs.get()) is not None:
            print(job)

    def close(self):
        self.jobs.put(None)


def handle(request):
    uploader = Uploader()  # error: [CHN107]
    uploader.jobs.put(request)
```

Good
----
```python
import contextlib
import queue
import threading


class Uploader:
    def __init__(self):
        self.jobs = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while (job := self.jobs.get()) is not None:
            print(job)

    def close(self):
        self.jobs.put(None)


def handle(request):
    with contextlib.closing(Uploader()) as uploader:
        uploader.jobs.put(request)
```

Limits
------
Objects that are returned to callers outside the project, handed to unknown code, or kept in globals are left to whoever has
them. Objects that another object keeps are followed only where one of its methods closes them, or where they are private and
none does.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.owners import UnclosedOwner
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name


def tell(defect: UnclosedOwner) -> Finding:
    """The finding about an object that is dropped without its close."""
    kind = defect.witness.kind
    where = display_name(defect.dropped_in.qualname)
    close = "leaves its with block" if defect.close in ("__exit__", "__aexit__") else f"calls {defect.close}()"
    if defect.never and kind == "forgets":
        how = f"{where} keeps it, and no method {close}"
    elif defect.never:
        how = f"{where} makes it and never {close}"
    elif kind == "raise":
        how = f"an exception in {where} drops it before anybody {close}"
    elif kind == "close":
        how = f"closing the generator {where} drops it before anybody {close}"
    elif kind == "join":
        how = f"{where} makes the next one before anybody {close}"
    else:
        how = f"a path through {where} drops it before anybody {close}"
    actors = defect.actor if defect.count.number == 1 else wording.plural(defect.actor)
    message = f"the {actors} of {defect.owner} stay{'s' if defect.count.number == 1 else ''} blocked: {how}"
    if defect.collected:
        message += " until the garbage collector destroys it, its work is lost"
    late = kind in ("raise", "close")
    return wording.defect(
        RULE.code,
        defect,
        message,
        severity=Severity.WARNING if late or defect.collected else Severity.ERROR,
        help=_cure(defect.close),
    )


def _cure(close: str) -> str:
    """What to write instead."""
    if close in ("__exit__", "__aexit__"):
        return f"Make the object in {'an async with' if close == '__aexit__' else 'a with'} statement."
    if close in ("close", "aclose"):
        scope = "async with contextlib.aclosing" if close == "aclose" else "with contextlib.closing"
        return f"Make it in `{scope}(...)`, or call {close}() in a finally block."
    return f"Call {close}() in a finally block that starts right after the object is made."


RULE = Rule("CHN107", "unclosed-owner", about(UnclosedOwner, tell), __name__)
