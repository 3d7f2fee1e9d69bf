"""``chanlint check --watch``: checks again whenever a file changes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click

from chanlint.cli import EXIT_CLEAN
from chanlint.cli.output import write_error

SUFFIXES = (".py", ".pyw", ".ipynb", "chanlint.toml", "pyproject.toml", ".gitignore")
"""Files that can change what is found."""

_CLEAR = "\x1b[2J\x1b[3J\x1b[H"


def watch(paths: Sequence[str], check: Callable[[], int]) -> int:
    """Runs ``check`` now and after every change below ``paths``, until it is interrupted; returns the exit code for that.

    Raises:
        click.UsageError: the library that watches files is not installed, or standard input was to be watched.
    """
    if "-" in paths:
        raise click.UsageError("--watch watches files; standard input is none.")
    try:
        import watchfiles
    except ImportError:
        raise click.UsageError("--watch needs the package watchfiles: pip install 'chanlint[watch]'") from None

    def matters(change: watchfiles.Change, path: str) -> bool:
        return path.endswith(SUFFIXES)

    check()
    write_error("chanlint: watching for changes, Ctrl-C ends it")
    for _ in watchfiles.watch(*paths, watch_filter=matters, raise_interrupt=False):
        if sys.stdout.isatty():
            sys.stdout.write(_CLEAR)
        check()
        write_error("chanlint: watching for changes, Ctrl-C ends it")
    return EXIT_CLEAN
