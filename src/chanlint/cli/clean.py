"""``chanlint clean``: removes the cache of a project."""

from __future__ import annotations

import os

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR
from chanlint.cli.options import current_folder
from chanlint.cli.output import write_error, write_out
from chanlint.cli.summary import count
from chanlint.report.text import visible


@click.command(
    name="clean",
    epilog="""\b
Examples:
  chanlint clean                        the cache of the project in the current folder
  chanlint clean ../other               that of another project
  chanlint clean --cache-dir /tmp/kept  a cache that 'check' was told to put there
""",
)
@click.argument("path", default=".", type=click.Path(exists=True))
@click.option("--cache-dir", metavar="FOLDER", help="The cache itself, where 'check' was given one.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The configuration to use.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
def command(path: str, cache_dir: str | None, config: str | None, isolated: bool) -> int:
    """Remove the results that 'chanlint check' keeps for the project at PATH.

    Only what chanlint wrote is removed, and only from a folder that carries its tag.
    """
    from chanlint.engine.cache import cache_folder
    from chanlint.engine.config import Settings
    from chanlint.engine.errors import ConfigurationError
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.paths import display_path
    from chanlint.engine.store import clean

    cwd = current_folder()
    explicit = os.path.join(cwd, config) if config else None
    settings = Settings(paths=(path,), cwd=cwd, cache_dir=cache_dir, config=explicit, isolated=isolated)
    try:
        folder = cache_folder(settings, FileSystem())
        shown = visible(display_path(folder, cwd))
        removed, others = clean(folder)
    except ConfigurationError as error:
        write_error(f"chanlint: {visible(str(error))}")
        return EXIT_ERROR
    except FileNotFoundError:
        write_out(f"nothing to remove: there is no {shown}\n")
        return EXIT_CLEAN
    except OSError as error:
        write_error(f"chanlint: {shown}: not removed: {error.strerror or error}")
        return EXIT_ERROR
    rest = f"it stays: {count(others, 'file')} in it chanlint did not write" if others else "the folder is gone"
    write_out(f"{shown}: {count(removed, 'result')} removed; {rest}\n")
    return EXIT_CLEAN
