"""What files that are lowered in other processes come back as, and how many such processes there may be.

Nouns:

* **Death**: a file on which a process died twice, or that took too long. It costs this file only.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NamedTuple

from chanlint.engine.reading import Crash

SECONDS = 300.0
"""How long a worker may take for one file. The guards count work, so this is for what nobody has thought of."""

MOST = 16
"""More processes than this are only started on request: what one process does besides, for the others, takes longer by then."""


class Death(NamedTuple):
    """Why a file has no answer."""

    message: str


DIED = Death("chanlint's parser died on this file")
TOO_LONG = Death(f"chanlint's parser did not finish this file within {SECONDS:.0f} seconds")

Answer = bytes | Crash | Death
"""A packed file, or why there is none."""


def can_start() -> bool:
    """Whether there is a Python to start: a program that brings its own would start itself again."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def usable_cpus() -> int:
    """How many processors this process may use, by affinity and by the quota of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    with suppress(OSError, ValueError), open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
        quota, period = file.read().split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    return count
