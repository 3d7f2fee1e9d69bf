"""Whether and how this process is copied; loads nothing, because a run that only remembers wants it, too.

A copy knows all that this process knows. It copies locks that other threads hold, so there is none while another thread runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

AUTO = 0
"""As many processes as there are processors, up to `MOST`."""

MOST = 16
"""More processes than this are only started on request: what one process does besides, for the others, takes longer by then."""


def usable_jobs(jobs: int) -> int:
    """How many processes ``jobs`` stands for, which may be `AUTO`."""
    return min(usable_cpus(), MOST) if jobs == AUTO else jobs


def usable_cpus() -> int:
    """How many processors this process may use, by affinity and by the quota of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    with suppress(OSError, ValueError), open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
        quota, period = file.read().split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    return count


def can_fork() -> bool:
    """Whether this process may be copied: on Linux, and while it has one thread."""
    if sys.platform != "linux":
        return False
    threading = sys.modules.get("threading")  # who has not loaded it has one
    return threading is None or threading.active_count() == 1


def in_a_copy(work: Callable[[], bytes]) -> Callable[[], bytes | None]:
    """Begins work in a copy; gives a function that waits for what comes of it, once: None where the copy comes to harm."""
    receiving, sending = os.pipe()
    process = os.fork()
    if not process:
        failed = 1
        try:
            os.close(receiving)
            with open(sending, "wb") as stream:
                stream.write(work())
            failed = 0
        finally:
            os._exit(failed)
    os.close(sending)

    def result() -> bytes | None:
        with open(receiving, "rb") as stream:
            found = stream.read()
        return found if os.waitpid(process, 0)[1] == 0 else None

    return result


def meanwhile(work: Callable[[], None], jobs: int) -> Callable[[], None]:
    """Begins work that leaves nothing in memory, in a copy where ``jobs`` allow it; gives a function that sees to its end."""
    if jobs < 2 or not can_fork():
        return work

    def done() -> bytes:
        work()
        return b""

    result = in_a_copy(done)
    return lambda: work() if result() is None else None
