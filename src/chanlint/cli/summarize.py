"""``chanlint summarize``: lowers files beforehand, for ``chanlint check --summaries``."""

from __future__ import annotations

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR
from chanlint.cli.options import current_folder, read_version
from chanlint.cli.output import write_bytes, write_error
from chanlint.report.text import visible


@click.command(
    name="summarize",
    epilog="""\b
Examples:
  chanlint summarize --project-root . app/jobs.py -o jobs.chanlint  one file
  chanlint summarize src/app -o app.chanlint                        all files of a folder
  chanlint check --summaries out/                                   what they are for
""",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="PATH...")
@click.option("-o", "--output-file", required=True, metavar="FILE", help="Where to write; the name should end in .chanlint.")
@click.option("--project-root", type=click.Path(exists=True, file_okay=False), help="Where the project's modules are.")
@click.option("--target-version", callback=read_version, metavar="VERSION", help="Python that the code runs on, such as 3.12.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
def command(
    paths: tuple[str, ...],
    output_file: str,
    project_root: str | None,
    target_version: tuple[int, int] | None,
    isolated: bool,
) -> int:
    """Read files closely and write down what was understood, for a later check.

    A check costs mostly the reading. A build system can do that file by file, in parallel and on other machines, and keep what
    comes of it: that depends on the file, its path from the project root, the target version and chanlint's own version only.
    """
    from chanlint.engine.config import Settings
    from chanlint.engine.errors import ConfigurationError
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.summarizing import summarize

    settings = Settings(
        paths=paths, cwd=current_folder(), project_root=project_root, target_version=target_version, isolated=isolated
    )
    try:
        summaries, complaints = summarize(settings, FileSystem())
    except ConfigurationError as error:
        write_error(f"chanlint: {visible(str(error))}")
        return EXIT_ERROR
    for line in complaints:
        write_error(f"chanlint: {visible(line)}")
    if complaints:
        return EXIT_ERROR
    write_bytes(output_file, summaries)
    return EXIT_CLEAN
