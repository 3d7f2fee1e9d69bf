"""``chanlint dump``: how chanlint understands a file, for people who wonder about a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR
from chanlint.cli.options import current_folder, read_version
from chanlint.cli.output import write_error, write_out
from chanlint.report.text import visible

if TYPE_CHECKING:
    from chanlint.engine.config import Settings


@click.command(
    name="dump",
    epilog="""\b
Examples:
  chanlint dump app/jobs.py               the file as ops and control flow
  chanlint dump --channels app/jobs.py    its channels, and why nothing is said about them
""",
)
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@click.option("--channels", is_flag=True, help="List channels: those reported, and why the others were cleared.")
@click.option("--target-version", callback=read_version, metavar="VERSION", help="Python that the code runs on, such as 3.12.")
def command(path: str, channels: bool, target_version: tuple[int, int] | None) -> int:
    """Show how chanlint understands a file."""
    from chanlint.engine.config import Settings

    settings = Settings(paths=(path,), cwd=current_folder(), target_version=target_version, jobs=0)
    return _channels(settings) if channels else _program(settings, path)


def _program(settings: Settings, path: str) -> int:
    from chanlint.engine.config import DEFAULT_TARGET, resolve_settings
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.reading import Crash, lower_bytes, read_bytes
    from chanlint.frontends.base import Problem
    from chanlint.ir.printer import print_module

    filesystem = FileSystem()
    settings = resolve_settings(settings, filesystem)
    data = read_bytes(filesystem, settings.absolute(path))
    if isinstance(data, Problem):
        write_error(f"chanlint: {visible(path)}: {visible(data.message)}")
        return EXIT_ERROR
    lowered = lower_bytes(path, data, settings.target_version or DEFAULT_TARGET)
    if isinstance(lowered, Crash):
        write_error(f"chanlint: internal error in {visible(path)}: {visible(lowered.message)}")
        return EXIT_ERROR
    for problem in lowered.problems:
        start = problem.span.start
        write_error(f"{visible(path)}:{start.row}:{start.column}: {visible(problem.message)}")
    if lowered.module is None:
        return EXIT_ERROR
    write_out("".join(f"{visible(line)}\n" for line in print_module(lowered.module).split("\n")).rstrip("\n") + "\n")
    return EXIT_CLEAN


def _channels(settings: Settings) -> int:
    from chanlint.diagnostics import Confidence
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.pipeline import run
    from chanlint.report.base import Context, format_named

    result = run(settings._replace(min_confidence=Confidence.LOW), FileSystem())
    write_out("".join(f"cleared: {visible(one.line())}\n" for one in result.cleared()))
    write_out("".join(f"reported: {line}\n" for line in format_named("concise")(result.diagnostics, Context()).splitlines()))
    return EXIT_ERROR if result.crashes else EXIT_CLEAN
