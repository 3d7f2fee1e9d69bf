"""``chanlint check``: the command that everything else is there for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR, EXIT_FINDINGS
from chanlint.cli.context import context_of, on_screen
from chanlint.cli.options import FILES, OUTPUT, SELECTING, current_folder
from chanlint.cli.output import write_error, write_file, write_out
from chanlint.report.base import FORMATS, format_named
from chanlint.report.text import visible

if TYPE_CHECKING:
    from chanlint.engine.config import Settings
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.result import Result

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
    if options["watch"]:
        from chanlint.cli.watch import watch

        return watch(paths or (".",), lambda: _once(paths, options))
    return _once(paths, options)


for _option in (*SELECTING, *FILES, *OUTPUT):
    command = _option(command)


def _once(paths: tuple[str, ...], options: dict[str, Any]) -> int:
    """One run, from options to exit code."""
    from chanlint.cli.progress import progress_on
    from chanlint.engine.cache import run_cached
    from chanlint.engine.errors import ConfigurationError, UnknownSelectorError

    verbose = options["verbose"]
    notes: list[str] = []
    try:
        settings, filesystem = prepare(paths, options)
        if options["show_files"]:
            return _show_files(settings, filesystem)
        with progress_on(sys.stderr, quiet=options["quiet"]) as progress:
            result = run_cached(settings, filesystem, progress, fresh=verbose, tell=notes.append)
    except UnknownSelectorError as error:
        raise click.UsageError(str(error)) from None
    except ConfigurationError as error:
        write_error(f"chanlint: {visible(str(error))}")
        return EXIT_ERROR
    if options["add_ignores"] is not None:
        from chanlint.cli.add_ignores import add_ignores

        return add_ignores(result, settings, options["add_ignores"])
    _print(result, settings, options)
    code = _complain(result.missing)
    for crash in result.crashes:
        where = f" in {visible(crash.path)}" if crash.path else ""
        write_error(f"chanlint: internal error{where}: {visible(crash.message)}")
        if verbose:
            write_error(crash.trace)
        code = EXIT_ERROR
    if verbose:
        for note in notes:
            write_error(visible(note))
    _summarize(result, options)
    if code == EXIT_CLEAN and result.diagnostics and not options["exit_zero"]:
        return EXIT_FINDINGS
    return code


def _show_files(settings: Settings, filesystem: FileSystem) -> int:
    """Lists the report set."""
    from chanlint.engine.config import resolve_settings
    from chanlint.engine.discovery import discover
    from chanlint.engine.paths import display_path

    found = discover(resolve_settings(settings, filesystem), filesystem)
    write_out("".join(f"{visible(display_path(path, settings.cwd))}\n" for path in found.files))
    return _complain(found.missing)


def prepare(paths: tuple[str, ...], options: dict[str, Any]) -> tuple[Settings, FileSystem]:
    """The settings that options ask for, and the files to read; what no option says is left to configurations."""
    from chanlint.diagnostics import Confidence, Severity
    from chanlint.engine.config import DEFAULT_EXCLUDES, Settings
    from chanlint.engine.filesystem import FileSystem

    if options["config"] and options["isolated"]:
        raise click.UsageError("--config names a configuration, and --isolated reads none: give one of them.")
    cwd = current_folder()
    for _, codes in options["per_file_ignores"]:
        from chanlint.engine.selection import known_selectors

        known_selectors(codes)
    settings = Settings(
        paths=paths or (".",),
        cwd=cwd,
        select=options["select"],
        ignore=options["ignore"],
        extend_select=options["extend_select"],
        extend_ignore=options["extend_ignore"],
        per_file_ignores=tuple((cwd, pattern, codes) for pattern, codes in options["per_file_ignores"]),
        min_confidence=Confidence(options["min_confidence"]),
        min_severity=Severity(options["min_severity"]),
        exclude=options["exclude"] or DEFAULT_EXCLUDES,
        extend_exclude=options["extend_exclude"],
        force_exclude=options["force_exclude"],
        respect_gitignore=options["respect_gitignore"],
        target_version=options["target_version"],
        project_root=options["project_root"],
        prefilter=not options["no_prefilter"],
        baseline=os.path.normpath(os.path.join(cwd, options["baseline"])) if options["baseline"] else None,
        diff_base=options["diff_base"],
        config=os.path.join(cwd, options["config"]) if options["config"] else None,
        isolated=options["isolated"],
        no_cache=options["no_cache"],
        cache_dir=options["cache_dir"],
        cache_strict=options["cache_strict"],
        jobs=options["jobs"],
        summaries=tuple(os.path.normpath(os.path.join(cwd, path)) for path in options["summaries"]),
        stdin_filename=options["stdin_filename"],
        given=_given(),
    )
    overlay = {}
    if "-" in settings.paths:
        overlay[settings.absolute(settings.stdin_filename or "<stdin>")] = sys.stdin.buffer.read()
    return settings, FileSystem(overlay)


def _given() -> frozenset[str]:
    """The options that stand on the command line."""
    context = click.get_current_context()
    source = click.core.ParameterSource
    return frozenset(name for name in context.params if context.get_parameter_source(name) is source.COMMANDLINE)


def _print(result: Result, settings: Settings, options: dict[str, Any]) -> None:
    """Writes every output that was asked for."""
    main = options["output_format"] or ("full" if sys.stdout.isatty() else "concise")
    context = context_of(result, settings)
    to_screen = True
    for target in options["output_file"]:
        name, colon, path = target.partition(":")
        if colon and name in FORMATS:
            write_file(path, format_named(name)(result.diagnostics, context))
        else:
            to_screen = False
            write_file(target, format_named(main)(result.diagnostics, context))
    if not to_screen:
        return
    if options["statistics"]:
        from chanlint.cli.statistics import statistics

        write_out(statistics(result.diagnostics, as_json=main.startswith("json")))
        return
    if main == "full":  # the only one that minds the terminal
        if not result.diagnostics:
            return  # nor is what draws loaded for nothing
        context = on_screen(context, options["color"])
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
    if not result.report and not result.missing:
        write_error("chanlint: warning: no Python files found")
    elif not options["quiet"] and result.report:
        write_error(summary(result))
