"""``chanlint check``: the command that everything else is there for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR, EXIT_FINDINGS
from chanlint.cli.options import FILES, OUTPUT, SELECTING, current_folder
from chanlint.cli.output import terminal_width, wants_color, write_error, write_file, write_out
from chanlint.report.base import FORMATS, Context, format_named
from chanlint.report.text import visible

if TYPE_CHECKING:
    from chanlint.engine.config import Settings
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.pipeline import Result

EPILOG = """\b
Examples:
  chanlint check                                    the current folder
  chanlint check src tests/helpers.py               a folder and a file
  chanlint check --select CHN1 --ignore CHN105      some rules only
  chanlint check --output-format json > leaks.json  for other programs
  chanlint check --output-file json:leaks.json      both at once
  git show HEAD:app/jobs.py | chanlint check --stdin-filename app/jobs.py -
"""


@click.command(name="check", epilog=EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(allow_dash=True), metavar="[PATHS]...")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Check files and folders for unclosed channels and leaked consumers.

    PATHS are files or folders, by default the current folder; '-' is standard input. The rest of the project is read as far
    as channels reach into it, but only PATHS are reported on.
    """
    from chanlint.engine.additions import ConfigurationError
    from chanlint.engine.codes import UnknownSelectorError
    from chanlint.engine.discovery import discover
    from chanlint.engine.pipeline import run
    from chanlint.engine.rendering import display_path

    settings, filesystem = _prepare(paths, options)
    if options["show_files"]:
        found = discover(settings, filesystem)
        write_out("".join(f"{visible(display_path(path, settings.cwd))}\n" for path in found.files))
        return _complain(found.missing)
    from chanlint.cli.progress import progress_on

    try:
        with progress_on(sys.stderr, quiet=options["quiet"]) as progress:
            result = run(settings, filesystem, progress)
    except UnknownSelectorError as error:
        raise click.UsageError(str(error)) from None
    except ConfigurationError as error:
        write_error(f"chanlint: {visible(str(error))}")
        return EXIT_ERROR
    _print(result, options)
    code = _complain(result.missing)
    for crash in result.crashes:
        where = f" in {visible(crash.path)}" if crash.path else ""
        write_error(f"chanlint: internal error{where}: {visible(crash.message)}")
        if options["verbose"]:
            write_error(crash.trace)
        code = EXIT_ERROR
    _summarize(result, options)
    if code == EXIT_CLEAN and result.diagnostics and not options["exit_zero"]:
        return EXIT_FINDINGS
    return code


for _option in (*SELECTING, *FILES, *OUTPUT):
    command = _option(command)


def _prepare(paths: tuple[str, ...], options: dict[str, Any]) -> tuple[Settings, FileSystem]:
    from chanlint.diagnostics import Confidence
    from chanlint.engine.config import DEFAULT_EXCLUDES, Settings
    from chanlint.engine.filesystem import FileSystem

    settings = Settings(
        paths=paths or (".",),
        cwd=current_folder(),
        select=options["select"],
        ignore=options["ignore"],
        extend_select=options["extend_select"],
        extend_ignore=options["extend_ignore"],
        min_confidence=Confidence(options["min_confidence"]),
        exclude=options["exclude"] or DEFAULT_EXCLUDES,
        extend_exclude=options["extend_exclude"],
        force_exclude=options["force_exclude"],
        respect_gitignore=options["respect_gitignore"],
        target_version=options["target_version"],
        project_root=options["project_root"],
        prefilter=not options["no_prefilter"],
        isolated=options["isolated"],
        no_cache=options["no_cache"],
        stdin_filename=options["stdin_filename"],
    )
    overlay = {}
    if "-" in settings.paths:
        overlay[settings.absolute(settings.stdin_filename or "<stdin>")] = sys.stdin.buffer.read()
    return settings, FileSystem(overlay)


def _print(result: Result, options: dict[str, Any]) -> None:
    """Writes every output that was asked for."""
    main = options["output_format"] or ("full" if sys.stdout.isatty() else "concise")
    to_screen = True
    for target in options["output_file"]:
        name, colon, path = target.partition(":")
        if colon and name in FORMATS:
            write_file(path, format_named(name)(result.diagnostics, Context(result.source)))
        else:
            to_screen = False
            write_file(target, format_named(main)(result.diagnostics, Context(result.source)))
    if not to_screen:
        return
    if options["statistics"]:
        from chanlint.cli.statistics import statistics

        write_out(statistics(result.diagnostics, as_json=main.startswith("json")))
        return
    context = Context(result.source, terminal_width(), wants_color(options["color"], sys.stdout))
    write_out(format_named(main)(result.diagnostics, context))


def _complain(missing: list[str]) -> int:
    """Names paths that do not exist."""
    for path in missing:
        write_error(f"chanlint: {visible(path)}: no such file or folder")
    return EXIT_ERROR if missing else EXIT_CLEAN


def _summarize(result: Result, options: dict[str, Any]) -> None:
    """Tells people what was looked at, so that finding nothing differs from looking at nothing."""
    from chanlint.cli.summary import details, summary

    if options["verbose"]:
        for line in details(result):
            write_error(visible(line))
    if not result.checked and not result.missing:
        write_error("chanlint: warning: no Python files found")
    elif not options["quiet"] and result.checked:
        write_error(summary(result))
