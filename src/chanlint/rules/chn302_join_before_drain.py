"""A process is joined before the pipe-backed queue that it fills is read.

Why
---
A process ends only when everything that it has put is in the pipe, and a pipe takes about 64 KiB. With more than that it waits
for a reader, and the caller, who reads after the join, waits for the process. Small test data passes, real data hangs.

Bad
---
```python
import multiprocessing


def work(results, text):
    results.put(text.split())


def words(texts):
    results = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=work, args=(results, text)) for text in texts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()  # error: [CHN302]
    return [results.get() for _ in processes]
```

Good
----
```python
import multiprocessing


def work(results, text):
    results.put(text.split())


def words(texts):
    results = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=work, args=(results, text)) for text in texts]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return found
```

Limits
------
Silent where what a process puts surely fits (a few numbers, flags or messages), where a receive comes before the join on every
path, where another thread or process may read meanwhile, and after a join with a timeout.
"""

from __future__ import annotations

from chanlint.diagnostics import Severity
from chanlint.findings import Finding
from chanlint.model.process_joins import EarlyJoin
from chanlint.rules import wording
from chanlint.rules.base import Rule, about, display_name


def tell(defect: EarlyJoin) -> Finding:
    """The finding about one join."""
    missing = "which is read only after the join" if defect.read_later else "which nobody reads"
    return wording.defect(
        RULE.code,
        defect,
        f"{display_name(defect.function.qualname)} waits for ever for a {defect.waits_for} that puts more than the pipe takes "
        f"(64 KiB) into {wording.channel(defect)}, {missing}",
        severity=Severity.ERROR,
        help="Receive as many items as the processes put before the join, or let a thread read meanwhile.",
    )


RULE = Rule("CHN302", "join-before-drain", about(EarlyJoin, tell), __name__)
