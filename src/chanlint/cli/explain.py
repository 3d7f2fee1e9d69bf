"""``chanlint explain``: why the channel at a place is reported, or why not."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR
from chanlint.cli.options import current_folder, read_version
from chanlint.cli.output import write_error, write_out
from chanlint.report.base import named_with_cell, with_cell
from chanlint.report.text import visible

if TYPE_CHECKING:
    from chanlint.diagnostics import Diagnostic, RelatedLocation
    from chanlint.engine.rendering import Clearance
    from chanlint.engine.result import Result

_PLACE = re.compile(r"(?P<path>.+?)(?::cell (?P<cell>\d+))?:(?P<row>\d+)(?::\d+)?")


@click.command(
    name="explain",
    epilog="""\b
Examples:
  chanlint explain app/jobs.py:14     the line may make the channel, start its reader, send, receive or close
  chanlint explain app/jobs.py:14:9   as findings name places; the column does not matter
  chanlint explain 'a.ipynb:cell 2:3' the third row of a notebook's second code cell
""",
)
@click.argument("place", metavar="PATH:LINE")
@click.option("--target-version", callback=read_version, metavar="VERSION", help="Python that the code runs on, such as 3.12.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The configuration to use.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
def command(place: str, target_version: tuple[int, int] | None, config: str | None, isolated: bool) -> int:
    """Say why the channel at PATH:LINE is reported, or what cleared it.

    It is the ending that was found, the policy that was applied, the place where the channel gets into code that is not
    analysed, or a limit that was reached.
    """
    from chanlint.cli.progress import progress_on
    from chanlint.diagnostics import Confidence
    from chanlint.engine.config import Settings
    from chanlint.engine.errors import ConfigurationError
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.paths import display_path
    from chanlint.engine.pipeline import run

    match = _PLACE.fullmatch(place)
    if match is None:
        raise click.UsageError(f"{place!r} is not PATH:LINE, such as app/jobs.py:14.")
    cwd = current_folder()
    path, row, cell = match["path"], int(match["row"]), int(match["cell"]) if match["cell"] else None
    if not os.path.isfile(path):
        raise click.UsageError(f"{path}: there is no such file.")
    if path.endswith(".ipynb") and cell is None:
        raise click.UsageError(f"rows of a notebook count from the top of their cell: '{path}:cell 1:{row}'.")
    settings = Settings(
        paths=(path,),
        cwd=cwd,
        target_version=target_version,
        min_confidence=Confidence.LOW,
        config=os.path.join(cwd, config) if config else None,
        isolated=isolated,
        jobs=0,
        given=frozenset({"min_confidence", "select", "ignore", "baseline", "per_file_ignores"}),
    )
    try:
        with progress_on(sys.stderr, quiet=False) as progress:
            result = run(settings, FileSystem(), progress)
    except ConfigurationError as error:
        write_error(f"chanlint: {visible(str(error))}")
        return EXIT_ERROR
    lines = list(_explained(result, with_cell(display_path(settings.absolute(path), cwd), cell), row))
    if not lines:
        lines = [
            f"{with_cell(path, cell)}:{row}: no channel is made, read, fed or closed in this line, as far as chanlint sees"
        ]
        lines += [f"  the file is not understood: {one.message}" for one in result.diagnostics if one.code == "CHN000"]
    lines += [f"  limit reached: {name}; what it hides is not reported" for name in sorted(result.limits)]
    write_out("".join(f"{visible(line)}\n" for line in lines))
    return EXIT_ERROR if result.crashes else EXIT_CLEAN


def _explained(result: Result, filename: str, row: int) -> Iterator[str]:
    """What is to be said about a row of a file, or of a cell if ``filename`` names one."""
    told: set[tuple[str, int]] = set()
    for one in map(named_with_cell, result.diagnostics):
        places = [(one.filename, one.location.row, one.end_location.row)]
        places += [(at.filename, at.location.row, at.end_location.row) for at in one.related]
        if any(name == filename and first <= row <= last for name, first, last in places):
            told |= {(at.filename, at.location.row) for at in one.related if at.role == "created"}
            yield from _reported(one)
    for cleared in result.cleared():
        if (_file(cleared.place), cleared.place.location.row) in told:
            continue  # other consumers of it are in order
        if any(_stands_in(at, filename, row) for at in (cleared.place, *cleared.places)):
            yield from _cleared(cleared)


def _reported(one: Diagnostic) -> Iterator[str]:
    sure = f"{one.severity.value}, confidence {one.confidence.value}"
    yield f"{one.filename}:{one.location.row}: reported as {one.code} {one.name}, {sure}"
    yield f"  {one.message}"
    for at in one.related:
        yield f"  {at.filename}:{at.location.row}: {at.message}"
    if one.help:
        yield f"  help: {one.help}"
    if one.confidence.value == "low":
        yield "  only 'chanlint check --min-confidence low' shows it"


def _cleared(one: Clearance) -> Iterator[str]:
    yield f"{_file(one.place)}:{one.place.location.row}: '{one.channel}' is not reported: {one.reason}"
    if one.at is not None:
        yield f"  {_file(one.at)}:{one.at.location.row}: this is where it is seen"
    yield from dict.fromkeys(f"  {_file(at)}:{at.location.row}: {at.message}" for at in one.places)


def _file(place: RelatedLocation) -> str:
    return with_cell(place.filename, place.cell)


def _stands_in(place: RelatedLocation, filename: str, row: int) -> bool:
    return _file(place) == filename and place.location.row <= row <= place.end_location.row
