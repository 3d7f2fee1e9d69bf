"""Ctrl-C that gets through wherever it arrives.

Python runs its handler between two instructions of the main thread, whichever they are. Where these belong to a finalizer or to
the callback of a weak reference (the import system has one for each module), the `KeyboardInterrupt` has no caller to go to: it
is shown as "Exception ignored in", and the program goes on as if nobody had asked it to stop. Where they belong to the
``__set_name__`` of a class that is being made, Python before 3.12 turns it into a `RuntimeError`.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from typing import Any

_SECONDS = 0.02
"""After this time the callback that swallowed an interrupt is over; if the next one swallows it too, it comes again."""


def keep_interrupts() -> None:
    """Lets an interrupt that was swallowed come again, for the rest of this process."""
    others = sys.unraisablehook
    coming = False

    def again(unraisable: Any) -> None:  # sys.UnraisableHookArgs, which only stubs know
        nonlocal coming
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            others(unraisable)
        elif not coming:  # two that were swallowed in a row come again as one: the second would disturb the tidying up
            coming = True
            timer = threading.Timer(_SECONDS, come)
            timer.daemon = True
            timer.start()

    def come() -> None:
        nonlocal coming
        coming = False
        _interrupt()

    sys.unraisablehook = again


def _interrupt() -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # also ends a call of the system that it waits in
    else:
        _thread.interrupt_main()


def pass_on_interrupt(error: BaseException) -> None:
    """For whoever handles every error: raises the interrupt that ``error`` was made of, if there is one.

    Raises:
        KeyboardInterrupt: one is among the causes and contexts of ``error``.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
