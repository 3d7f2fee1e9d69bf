"""The command line: one file per command. `main` is what the ``chanlint`` script runs.

Start-up is part of every run, so a command imports what it needs when it is called: neither the parser library nor the one
that draws is loaded for ``--version`` or ``--help``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit code: 0 nothing found, 1 findings, 2 bad usage or an error of chanlint's own.

    Without ``arguments`` it is the process' own command line that is run.
    """
    import click

    from chanlint.cli.group import cli

    try:
        code = cli.main(args=None if arguments is None else list(arguments), prog_name="chanlint", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return EXIT_ERROR
    except (click.Abort, KeyboardInterrupt):
        print("chanlint: interrupted", file=sys.stderr, flush=True)
        if arguments is None:
            os._exit(EXIT_INTERRUPTED)  # a thread may be deep inside the parser: it cannot be stopped, only left behind
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else EXIT_CLEAN
