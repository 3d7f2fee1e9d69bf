"""The command line: one file per command. `main` is what the ``chanlint`` script runs.

Start-up is part of every run, so a command imports what it needs when it is called: neither the parser library nor the one
that draws is loaded for ``--version`` or ``--help``.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from chanlint.interrupts import keep_interrupts

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit code: 0 nothing found, 1 findings, 2 bad usage or an error of chanlint's own.

    Without ``arguments`` it is the process' own command line that is run, and the process ends here: nothing is tidied up that
    the system tidies up faster, which on a large project is seconds.
    """
    if arguments is not None:
        return _run(list(arguments))
    keep_interrupts()
    gc.disable()  # nearly all that a run makes is needed to its end: looking through it for cycles only costs time
    code = _run(None)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # Python itself has the words for that
        return code
    os._exit(code)


def _run(arguments: list[str] | None) -> int:
    import click

    from chanlint.cli.group import cli

    try:
        code = cli.main(args=arguments, prog_name="chanlint", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return EXIT_ERROR
    except (click.Abort, KeyboardInterrupt):
        print("chanlint: interrupted", file=sys.stderr, flush=True)
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else EXIT_CLEAN
