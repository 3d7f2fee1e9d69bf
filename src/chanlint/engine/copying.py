"""Whether and how this process is copied; loads nothing, because a run that only remembers wants it, too.

A copy knows all that this process knows. It copies locks that other threads hold, so there is none while another thread runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def can_fork() -> bool:
    """Whether this process may be copied: on Linux, and while it has one thread."""
    if sys.platform != "linux":
        return False
    threading = sys.modules.get("threading")  # who has not loaded it has one
    return threading is None or threading.active_count() == 1


def in_a_copy(holds: Callable[[], bool]) -> Callable[[], bool]:
    """Begins to ask in a copy whether something holds; gives a function that waits for the answer, once.

    The answer is no also where the copy comes to harm.
    """
    process = os.fork()
    if process:
        return lambda: os.waitpid(process, 0)[1] == 0
    answer = 1
    try:
        answer = 0 if holds() else 1
    finally:
        os._exit(answer)
