"""Room for deep recursion: a thread with a large stack and a high recursion limit, for one call at a time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

_STACK = 256 * 1024 * 1024
_FRAMES = 50_000
_T = TypeVar("_T")
_one_at_a_time = threading.Lock()


def call_deep(function: Callable[[], _T]) -> _T:
    """What ``function`` returns or raises, run with a stack of 256 MB.

    Both the stack size and the recursion limit are settings of the whole process; they are put back before this returns, and
    calls from several threads wait for each other. Do not nest.

    Raises:
        RuntimeError: no thread of that size can be started.
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # handed to the caller's thread, whatever it is
            errors.append(error)

    with _one_at_a_time:
        limit = sys.getrecursionlimit()
        size = threading.stack_size(_STACK)
        try:
            sys.setrecursionlimit(max(limit, _FRAMES))
            thread = threading.Thread(target=run, name="chanlint-parse", daemon=True)
            thread.start()
            thread.join()
        finally:
            threading.stack_size(size)
            sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]
