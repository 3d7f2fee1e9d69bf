"""``chanlint check --watch``: checks again whenever a file changes."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import click

from chanlint.cli import EXIT_CLEAN
from chanlint.cli.output import write_error

SUFFIXES = (".py", ".pyw", ".ipynb", "chanlint.toml", "pyproject.toml", ".gitignore")
"""Files that can change what is found."""

_CLEAR = "\x1b[2J\x1b[3J\x1b[H"
_MILLISECONDS = 200
"""How long to wait for a change before looking whether the first run is still to be made."""


def watch(paths: Sequence[str], check: Callable[[], int]) -> int:
    """Runs ``check`` now and after every change below ``paths``, until it is interrupted; then returns 0.

    Raises:
        click.UsageError: the library that watches files is not installed, or a path is missing or standard input.
    """
    if "-" in paths:
        raise click.UsageError("--watch watches files; standard input is none.")
    try:
        import watchfiles
    except ImportError:
        raise click.UsageError("--watch needs the package watchfiles: pip install 'chanlint[watch]'") from None

    missing = next((path for path in paths if not os.path.exists(path)), None)
    if missing is not None:
        raise click.UsageError(f"--watch: {missing}: no such file or folder.")

    def matters(change: watchfiles.Change, path: str) -> bool:
        return path.endswith(SUFFIXES)

    # The watch begins before the first run, so that what is saved while it goes on is not missed.
    batches = watchfiles.watch(
        *paths, watch_filter=matters, raise_interrupt=False, rust_timeout=_MILLISECONDS, yield_on_timeout=True
    )
    with suppress(KeyboardInterrupt):  # the usual end, also in the middle of a check
        for number, changes in enumerate(batches):
            if number and not changes:
                continue
            if number and sys.stdout.isatty():
                sys.stdout.write(_CLEAR)
            check()
            gc.collect()  # the command line does without a collector that comes by itself
            write_error("chanlint: watching for changes, Ctrl-C ends it")
    return EXIT_CLEAN
