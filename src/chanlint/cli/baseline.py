"""``chanlint baseline``: notes the findings of today, so that only new ones are reported."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR
from chanlint.cli.options import current_folder
from chanlint.cli.output import write_error, write_file, write_out
from chanlint.report.text import visible

if TYPE_CHECKING:
    from chanlint.engine.baseline import Entries
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.result import Result


@click.command(
    name="baseline",
    epilog="""\b
Examples:
  chanlint baseline                          note every finding of the project
  chanlint baseline src/app                  the same for one folder; what is noted about other files stays
  chanlint baseline --prune                  forget what was repaired, note nothing new
  chanlint check --baseline chanlint-baseline.json
""",
)
@click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATHS]...")
@click.option("-o", "--output-file", metavar="FILE", help="The baseline. [default: chanlint-baseline.json]")
@click.option("--prune", is_flag=True, help="Only take out entries for which there is no finding any more.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The configuration to use.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
def command(paths: tuple[str, ...], output_file: str | None, prune: bool, config: str | None, isolated: bool) -> int:
    """Note the findings of today, so that only new ones are reported."""
    from chanlint.cli.progress import progress_on
    from chanlint.engine.baseline import FILE_NAME, BaselineError, entries_of, read_baseline, write_baseline
    from chanlint.engine.config import Settings, resolve_settings
    from chanlint.engine.errors import ConfigurationError
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.pipeline import run

    if config and isolated:
        raise click.UsageError("--config names a configuration, and --isolated reads none: give one of them.")
    cwd = current_folder()
    explicit = os.path.join(cwd, config) if config else None
    settings = Settings(paths=paths or (".",), cwd=cwd, config=explicit, isolated=isolated, jobs=0)
    filesystem = FileSystem()
    try:
        resolved = resolve_settings(settings, filesystem)
        root = resolved.project_root or cwd
        path = os.path.join(cwd, output_file) if output_file else resolved.baseline or os.path.join(root, FILE_NAME)
        before: Entries = read_baseline(path, filesystem) if filesystem.exists(path) else Counter()
        with progress_on(sys.stderr, quiet=False) as progress:
            result = run(settings._replace(given=frozenset({"baseline"})), filesystem, progress)
    except (ConfigurationError, BaselineError) as error:
        where = f"{path}: " if isinstance(error, BaselineError) else ""
        write_error(f"chanlint: {visible(where + str(error))}")
        return EXIT_ERROR
    if result.crashes:
        for crash in result.crashes:
            write_error(f"chanlint: internal error in {visible(crash.path)}: {visible(crash.message)}")
        return EXIT_ERROR
    found = entries_of(result.diagnostics)
    after = _pruned(before, result, root, filesystem) if prune else found + _elsewhere(before, result, root, filesystem)
    write_file(path, write_baseline(after))
    told = f"{after.total()} findings noted, {(after - before).total()} of them new; {(before - after).total()} forgotten"
    write_out(f"{visible(os.path.relpath(path, cwd))}: {told}\n")
    return EXIT_CLEAN


def _elsewhere(before: Entries, result: Result, root: str, filesystem: FileSystem) -> Entries:
    """What is noted about files that were not looked at this time and still exist."""
    return Counter(
        {
            identity: count
            for identity, count in before.items()
            if identity.path not in result.report.modules and filesystem.exists(os.path.join(root, identity.path))
        }
    )


def _pruned(before: Entries, result: Result, root: str, filesystem: FileSystem) -> Entries:
    """``before`` without what no finding answers to; what moved or was renamed is noted at its new place."""
    from chanlint.engine.baseline import entries_of, unknown_to

    others = _elsewhere(before, result, root, filesystem)
    fresh, _ = unknown_to(before - others, result.diagnostics)
    known = {*result.diagnostics} - {*fresh}
    return entries_of(one for one in result.diagnostics if one in known) + others
