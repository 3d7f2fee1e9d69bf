"""What a project's configuration adds to the catalogue: ``channels`` and ``spawners``.

They are read from ``chanlint.toml``, or from ``[tool.chanlint]`` of ``pyproject.toml``, in the project root; entries have the
schema of the catalogue and are checked when it is loaded. Other settings are given on the command line.
"""

from __future__ import annotations

import difflib
import os
from typing import Any

from chanlint.engine.filesystem import FileSystem

KEYS = ("channels", "spawners")


class ConfigurationError(Exception):
    """A configuration that cannot be used; the text names file, place and what is wrong, in one line."""


def catalogue_additions(root: str, filesystem: FileSystem) -> tuple[str, dict[str, Any]] | None:
    """The file that adds to the catalogue and what it adds, or None.

    Raises:
        ConfigurationError: the file is no TOML, or has a key that is not known.
    """
    for name in ("chanlint.toml", "pyproject.toml"):
        path = os.path.join(root, name)
        try:
            data = filesystem.read(path)
        except OSError:
            continue
        if name == "pyproject.toml" and b"chanlint" not in data:
            continue
        table = _table(name, data)
        if table is None:
            continue
        _check_keys(name, table)
        return (path, table) if table else None
    return None


def _table(name: str, data: bytes) -> dict[str, Any] | None:
    import tomllib

    try:
        whole = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        if name == "pyproject.toml":
            return None  # other tools will say so; chanlint's own file is its own business
        raise ConfigurationError(f"{name}: {error}") from None
    if name == "chanlint.toml":
        return whole
    tool = whole.get("tool", {})
    found = tool.get("chanlint") if isinstance(tool, dict) else None
    if found is not None and not isinstance(found, dict):
        raise ConfigurationError(f"{name}: tool.chanlint: expected a table")
    return found


def _check_keys(name: str, table: dict[str, Any]) -> None:
    for key in table:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f", did you mean '{near[0]}'?" if near else f"; known are {' and '.join(KEYS)}"
            raise ConfigurationError(f"{name}: unknown key '{key}'{hint}")
