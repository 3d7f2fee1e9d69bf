"""``chanlint config``: the settings in force, where each comes from, and the schema of configuration files."""

from __future__ import annotations

import enum
import json
import os
from typing import TYPE_CHECKING, Any

import click

from chanlint.cli import EXIT_CLEAN, EXIT_ERROR
from chanlint.cli.options import current_folder
from chanlint.cli.output import write_error, write_out
from chanlint.report.text import visible

if TYPE_CHECKING:
    from chanlint.engine.config import Settings
    from chanlint.engine.configuration import Configuration, Configurations, Origin
    from chanlint.engine.filesystem import FileSystem

Row = tuple[str, Any, str]
"""Key, value and origin."""


@click.command(
    name="config",
    epilog="""\b
Examples:
  chanlint config                    the settings for the current folder, each with its origin
  chanlint config src/app/jobs.py    the settings for one file
  chanlint config --check            is every configuration file here right? (exit code 2 if not)
  chanlint config --schema           the JSON schema, for editors
""",
)
@click.argument("path", default=".", type=click.Path(exists=True))
@click.option("--config", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The configuration to use.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("--check", is_flag=True, help="Check the configuration files of all files in PATH, and what they add.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of configuration files.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print.")
def command(path: str, config: str | None, isolated: bool, check: bool, schema: bool, output_format: str) -> int:
    """Show the settings in force for PATH, and where each comes from."""
    from chanlint.engine.config import Settings, configurations_of
    from chanlint.engine.errors import ConfigurationError
    from chanlint.engine.filesystem import FileSystem
    from chanlint.engine.keys import schema as schema_of_keys

    if schema:
        write_out(json.dumps(schema_of_keys(), indent=2) + "\n")
        return EXIT_CLEAN
    if config and isolated:
        raise click.UsageError("--config names a configuration, and --isolated reads none: give one of them.")
    cwd = current_folder()
    explicit = os.path.join(cwd, config) if config else None
    settings = Settings(paths=(path,), cwd=cwd, config=explicit, isolated=isolated)
    filesystem = FileSystem()
    configurations = configurations_of(settings, filesystem)
    if check:
        return _check(settings, configurations, filesystem)
    try:
        rows = list(_in_force(settings, configurations, filesystem))
    except ConfigurationError as error:
        write_error(f"chanlint: {visible(str(error))}")
        return EXIT_ERROR
    write_out(_as_json(rows) if output_format == "json" else _as_text(rows))
    return EXIT_CLEAN


def _as_json(rows: list[Row]) -> str:
    return json.dumps([{"key": key, "value": value, "from": origin} for key, value, origin in rows], indent=2) + "\n"


def _as_text(rows: list[Row]) -> str:
    lines = [(visible(f"{key} = {json.dumps(value)}"), visible(origin)) for key, value, origin in rows]
    width = min(60, max(len(line) for line, _ in lines))
    return "".join(f"{line:<{width}}  # {origin}\n" for line, origin in lines)


def _in_force(settings: Settings, configurations: Configurations, filesystem: FileSystem) -> list[Row]:
    """Every setting, with the value for the first path."""
    from chanlint.engine.config import layered, resolve_settings
    from chanlint.engine.keys import KEYS

    resolved = resolve_settings(settings, filesystem, configurations)
    root = resolved.project_root or settings.cwd
    target = settings.absolute(settings.paths[0])
    nearest = configurations.nearest(target if os.path.isdir(target) else os.path.dirname(target))
    of_run = configurations.nearest(root)
    in_force = layered(resolved, nearest, "file") if nearest is not None else resolved
    rows: list[Row] = [("project-root", root, "the nearest folder with a project's file")]
    for name, key in KEYS.items():
        source: Configuration | None = of_run if key.reach == "run" else nearest
        said = source.values.get(name) if source is not None else None
        if key.field is None and said is None:
            continue
        value = getattr(in_force, key.field) if key.field is not None else [entry.get("name") for entry in said or ()]
        origin = _shown(source.origins[name], settings) if source is not None and said is not None else _default(name, resolved)
        rows.append((name, _plain(value) or ({} if key.kind.endswith(("-by-pattern", "-by-code")) else _plain(value)), origin))
    return rows


def _default(name: str, settings: Settings) -> str:
    from chanlint.engine.config import DEFAULT_TARGET

    if name == "target-version" and settings.target_version != DEFAULT_TARGET:
        return "requires-python in pyproject.toml"
    return "default"


def _shown(origin: Origin, settings: Settings) -> str:
    from chanlint.engine.paths import display_path

    shown = display_path(origin.path, settings.cwd)
    return f"{shown}:{origin.row}" if origin.row else shown


def _plain(value: Any) -> Any:
    """A value as JSON has it, in the form in which a configuration file holds it."""
    if isinstance(value, enum.Enum):
        return value.value
    if not isinstance(value, tuple):
        return value
    if len(value) == 2 and all(isinstance(part, int) for part in value):
        return f"{value[0]}.{value[1]}"
    if value and all(isinstance(part, tuple) for part in value):
        return {part[-2]: _plain(part[-1]) for part in value}
    return [_plain(part) for part in value]


def _check(settings: Settings, configurations: Configurations, filesystem: FileSystem) -> int:
    """Reads the configuration of the project root and of every file, and loads what each adds to the catalogue."""
    from chanlint.engine.additions import KINDS, catalogue_with
    from chanlint.engine.config import find_project_root
    from chanlint.engine.discovery import discover
    from chanlint.engine.errors import ConfigurationError
    from chanlint.engine.paths import display_path

    found: dict[str, Configuration] = {}
    code = EXIT_CLEAN
    folders = {os.path.dirname(path) for path in discover(settings, filesystem).files}
    for folder in [find_project_root(settings, filesystem), *sorted(folders)]:
        try:
            configuration = configurations.nearest(folder)
            if configuration is not None and configuration.path not in found:
                catalogue_with(configuration, settings.cwd)
                found[configuration.path] = configuration
        except ConfigurationError as error:
            write_error(f"chanlint: {visible(str(error))}")
            code = EXIT_ERROR
            break  # everything below this folder would say the same
    for path, configuration in sorted(found.items()):
        added = sum(len(configuration.values.get(kind, ())) for kind in KINDS)
        more = f", {added} channels and spawners added" if added else ""
        write_out(f"{visible(display_path(path, settings.cwd))}: {len(configuration.values)} settings{more}\n")
    if not found and code == EXIT_CLEAN:
        write_out("no configuration file: the defaults are in force\n")
    return code
