"""Which front end lowers a file."""

from __future__ import annotations

from chanlint.frontends.base import FrontEnd
from chanlint.frontends.python import PythonFrontEnd

FRONT_ENDS: tuple[FrontEnd, ...] = (PythonFrontEnd(),)
"""All front ends. The first one also takes files of unknown suffix: a file named one by one is Python whatever its name."""


def front_end_for(path: str) -> FrontEnd:
    """The front end for a path, by its suffix; Python where no front end claims it."""
    for front_end in FRONT_ENDS:
        if path.endswith(tuple(front_end.suffixes)):
            return front_end
    return FRONT_ENDS[0]
