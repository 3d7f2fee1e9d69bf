"""The command group: knows every command by name and imports the one that is called."""

from __future__ import annotations

from importlib import import_module

import click

from chanlint import __version__

COMMANDS = {
    "check": "Check files and folders for leaks.",
    "rule": "Explain one rule.",
    "rules": "List all rules.",
    "baseline": "Note the findings of today, so that only new ones are reported.",
    "summarize": "Read files closely now, for a check later.",
    "explain": "Say why a channel is reported, or why not.",
    "config": "Show the settings in force and where they come from.",
    "clean": "Remove the results that are kept from run to run.",
    "dump": "Show how chanlint understands a file.",
}
"""Commands in the order of ``--help``, each with its one line."""


class _LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"chanlint.cli.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS and not ctx.resilient_parsing:
            import difflib

            close = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f"Did you mean '{close[0]}'?" if close else "'chanlint --help' lists the commands."
            ctx.fail(f"No such command '{name}'. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 nothing found, 1 findings, 2 bad usage, missing path or internal error.",
)
@click.version_option(__version__, "-V", "--version", message="chanlint %(version)s")
def cli() -> None:
    """Finds unclosed channels and leaked consumers in Python programs.

    chanlint never imports or runs the code that it checks.

    \b
    Examples:
      chanlint check                    check the current folder
      chanlint check src/app/jobs.py    check one file, in the light of its project
      chanlint rule CHN101              why a rule exists, and what to write instead
    """
