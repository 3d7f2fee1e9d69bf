"""What files that are lowered in other processes come back as.

Nouns:

* **Death**: a file on which a process died twice, or that took too long. It costs this file only.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from chanlint.engine.reading import Crash

SECONDS = 300.0
"""How long a worker may take for one file. The guards count work, so this is for what nobody has thought of."""


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
