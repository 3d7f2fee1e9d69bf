"""A line on the terminal while a long run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.status import Status

SHOWN_AFTER = 1.0
"""Seconds of silence: a short run needs no progress, and need not load the library that draws it."""


@contextmanager
def progress_on(stream: TextIO, quiet: bool) -> Iterator[Callable[[str, int], None] | None]:
    """A function to report progress to, or None where ``stream`` is no terminal."""
    if quiet or not stream.isatty():
        yield None
        return
    line = _Line(stream)
    try:
        yield line.update
    finally:
        line.end()


class _Line:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._status: Status | None = None

    def update(self, doing: str, files: int) -> None:
        """Shows what is being done, once the run has lasted a while."""
        if self._status is None:
            if time.monotonic() - self._started < SHOWN_AFTER:
                return
            from rich.console import Console

            self._status = Console(file=self._stream).status("")
            self._status.start()
        self._status.update(f"{doing} ({files} files read)")

    def end(self) -> None:
        """Wipes the line."""
        if self._status is not None:
            self._status.stop()
