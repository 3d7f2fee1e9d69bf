"""``chanlint check --add-ignores``: writes a comment at every finding."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR
from chanlint.cli.output import replace_file, write_error, write_out
from chanlint.cli.summary import count, is_housekeeping
from chanlint.report.text import visible

if TYPE_CHECKING:
    from chanlint.engine.config import Settings
    from chanlint.engine.result import Result


def add_ignores(result: Result, settings: Settings, reason: str) -> int:
    """Writes the comments, and returns the exit code: 2 where some could not be written."""
    from chanlint.engine.adding_ignores import NoPlaceError, with_ignores
    from chanlint.engine.filesystem import FileSystem

    if visible(reason) != reason or "#" in reason:
        raise click.UsageError("--add-ignores takes a reason in one line, without '#'.")
    if "-" in settings.paths:
        raise click.UsageError("--add-ignores writes files; standard input is none.")
    filesystem = FileSystem()
    leaks = [one for one in result.diagnostics if not is_housekeeping(one)]
    code, written, files = EXIT_CLEAN, 0, 0
    for filename, found in groupby(leaks, key=lambda one: one.filename):
        listed = list(found)
        path = result.report.paths[filename]
        try:
            replace_file(path, with_ignores(filesystem.read(path), listed, reason.strip()))
        except (NoPlaceError, OSError) as error:
            problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            write_error(f"chanlint: {visible(filename)}: {visible(problem)}")
            code = EXIT_ERROR
            continue
        written += len(listed)
        files += 1
    for crash in result.crashes:
        write_error(f"chanlint: internal error in {visible(crash.path)}: {visible(crash.message)}")
        code = EXIT_ERROR
    write_out(f"{count(written, 'finding')} in {count(files, 'file')} silenced\n")
    return code
