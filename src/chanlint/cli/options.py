"""The options of ``chanlint check``, with ruff's names where ruff has them, and how their values are read."""

from __future__ import annotations

import os

import click

from chanlint.report.base import FORMATS


def read_codes(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Splits lists at commas; the option may also be repeated."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def read_patterns(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Reads ``PATTERN:CODES``; the pattern may hold colons, the codes cannot."""
    found = []
    for value in values:
        pattern, colon, codes = value.rpartition(":")
        if not colon or not pattern:
            raise click.BadParameter(f"{value!r} is not PATTERN:CODES, such as 'tests/**:CHN4'.")
        found.append((pattern, tuple(code.strip() for code in codes.split(",") if code.strip())))
    return tuple(found)


def read_version(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Reads ``3.12`` or ``py312``."""
    if value is None:
        return None
    from chanlint.engine.versions import parse_version

    version = parse_version(value)
    if version is None:
        raise click.BadParameter(f"{value!r} is not a version such as 3.12 or py312.")
    return version


def read_jobs(ctx: click.Context, parameter: click.Parameter, value: str) -> int:
    """Reads a number of processes; 0 stands for ``auto``."""
    if value == "auto":
        return 0
    if not value.isdecimal() or not 0 < int(value) <= 256:
        raise click.BadParameter(f"{value!r} is neither 'auto' nor a number from 1 to 256.")
    return int(value)


def current_folder() -> str:
    """The absolute path of the current folder; a usage error where it was removed."""
    try:
        return os.getcwd()
    except OSError as error:
        raise click.ClickException(f"the current folder is gone: {error.strerror}") from None


SELECTING = (
    click.option(
        "--select", multiple=True, callback=read_codes, metavar="CODES", help="Report only these codes, prefixes or names."
    ),
    click.option("--ignore", multiple=True, callback=read_codes, metavar="CODES", help="Do not report these."),
    click.option("--extend-select", multiple=True, callback=read_codes, metavar="CODES", help="Report these as well."),
    click.option("--extend-ignore", multiple=True, callback=read_codes, metavar="CODES", help="Do not report these either."),
    click.option(
        "--min-confidence",
        type=click.Choice(["high", "medium", "low"]),
        default="medium",
        show_default=True,
        help="Leave out findings that chanlint is less sure of.",
    ),
    click.option(
        "--min-severity",
        type=click.Choice(["error", "warning", "info"]),
        default="info",
        show_default=True,
        help="Leave out findings that are less severe.",
    ),
    click.option(
        "--per-file-ignores",
        multiple=True,
        callback=read_patterns,
        metavar="PATTERN:CODES",
        help="Do not report these codes in files that fit the pattern.",
    ),
    click.option(
        "--target-version", callback=read_version, metavar="VERSION", help="Python that the code runs on, such as 3.12."
    ),
)
FILES = (
    click.option(
        "--exclude",
        multiple=True,
        callback=read_codes,
        metavar="NAMES",
        help="Names or globs to leave out, not the usual ones.",
    ),
    click.option(
        "--extend-exclude", multiple=True, callback=read_codes, metavar="NAMES", help="Names or globs to leave out as well."
    ),
    click.option(
        "--force-exclude/--no-force-exclude", default=False, help="Leave out excluded paths even where they are named."
    ),
    click.option(
        "--respect-gitignore/--no-respect-gitignore",
        default=True,
        help="Leave out what .gitignore files leave out. [default: on]",
    ),
    click.option("--baseline", metavar="FILE", help="Leave out what this file knows ('chanlint baseline' makes it)."),
    click.option("--diff-base", metavar="REV", help="Report only what changes since this revision touch or cause."),
    click.option("--project-root", type=click.Path(exists=True, file_okay=False), help="Where the project's modules are."),
    click.option("--stdin-filename", metavar="PATH", help="The file that standard input stands for (with '-')."),
    click.option(
        "--config", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The configuration to use for all files."
    ),
    click.option("--isolated", is_flag=True, help="Read no configuration file."),
    click.option("--no-cache", is_flag=True, help="Neither read nor write a cache."),
    click.option(
        "--cache-dir", metavar="FOLDER", help="Where results are kept. [default: .chanlint_cache in the project's root]"
    ),
    click.option("--cache-strict", is_flag=True, help="Compare contents with the cache, not only sizes and times of files."),
    click.option(
        "--summaries",
        multiple=True,
        type=click.Path(exists=True),
        metavar="PATH",
        help="Use what 'chanlint summarize' wrote to this file or folder.",
    ),
    click.option(
        "-j",
        "--jobs",
        callback=read_jobs,
        default="auto",
        show_default=True,
        metavar="N",
        help="Processes that read files closely: a number, or as many as are worth it.",
    ),
    click.option("--no-prefilter", is_flag=True, help="Read every file closely, also those that name no channel."),
    click.option("--show-files", is_flag=True, help="List the files that would be checked, and stop."),
)
OUTPUT = (
    click.option("--output-format", type=click.Choice(list(FORMATS)), help="[default: full on a terminal, else concise]"),
    click.option(
        "-o",
        "--output-file",
        multiple=True,
        metavar="[FORMAT:]FILE",
        help="Write to FILE; with FORMAT: in addition to the output.",
    ),
    click.option("--watch", is_flag=True, help="Check again whenever a file changes (needs chanlint[watch])."),
    click.option("--statistics", is_flag=True, help="Count the findings by rule instead of listing them."),
    click.option(
        "--add-ignores",
        metavar="REASON",
        help="Write '# chanlint: ignore[...] REASON' at every finding instead of listing them.",
    ),
    click.option("--exit-zero", is_flag=True, help="Exit with 0 even where something was found."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colours."),
    click.option("-q", "--quiet", is_flag=True, help="No summary."),
    click.option(
        "-v", "--verbose", is_flag=True, help="Say why channels were cleared, what was passed over, which limits were hit."
    ),
)
