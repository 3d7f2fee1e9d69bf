"""Configuration files: found, read, checked.

Nouns:

* **Configuration**: the values of one file (and of those that it extends), each with where it stands.
* **Nearest**: the first folder, from a file upwards, that has a configuration; it decides alone.

``chanlint.toml`` goes before ``pyproject.toml`` in the same folder; a ``pyproject.toml`` without ``[tool.chanlint]`` does not
count. The search ends at the root of the repository.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from chanlint.engine.codes import known_codes
from chanlint.engine.config import CONFIGURATIONS
from chanlint.engine.errors import ConfigurationError
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.keys import check_values, row_of
from chanlint.engine.paths import display_path

MOST_EXTENDED = 16
"""Configurations that may extend each other in a row."""
PATHS = ("baseline", "cache-dir")
"""Keys whose values are paths from the folder of their file."""
ADDED_UP = ("channels", "spawners")
"""Keys whose values add up where one configuration extends another; of all others the extending one counts."""


class Origin(NamedTuple):
    """Where a value stands: the absolute path of the file, and the row (None: not found)."""

    path: str
    row: int | None = None


class Configuration:
    """One configuration.

    Args:
        path: absolute path of the file.
        values: by key, as `chanlint.engine.keys` reads them.

    Attributes:
        origins: where each value stands.
        entries: where each table of a list of tables stands.
    """

    def __init__(self, path: str, values: dict[str, Any]) -> None:
        self.path = path
        self.values = values
        self.origins: dict[str, Origin] = {}
        self.entries: dict[str, list[Origin]] = {}

    @property
    def folder(self) -> str:
        """Where the paths and patterns of this file start."""
        return os.path.dirname(self.path)


class Configurations:
    """Reads configuration files, each once.

    Args:
        filesystem: where they are read from.
        cwd: the current folder; errors name files as seen from there.
        explicit: the absolute path of the one file to use for everything, if one was named.
        isolated: there is no configuration at all.
    """

    def __init__(self, filesystem: FileSystem, cwd: str, explicit: str | None = None, *, isolated: bool = False) -> None:
        self._filesystem = filesystem
        self._cwd = cwd
        self._explicit = explicit
        self._isolated = isolated
        self._by_folder: dict[str, Configuration | None] = {}
        self._read: dict[str, Configuration | None] = {}

    def nearest(self, folder: str) -> Configuration | None:
        """The configuration that decides for files in ``folder`` (an absolute path), or None.

        Raises:
            ConfigurationError: it cannot be used.
        """
        if self._isolated:
            return None
        if self._explicit is not None:
            return self._required(self._explicit)
        passed: list[str] = []
        found: Configuration | None = None
        while folder not in self._by_folder:
            passed.append(folder)
            found = self._in(folder)
            parent = os.path.dirname(folder)
            if found is not None or parent == folder or self._filesystem.exists(os.path.join(folder, ".git")):
                break
            folder = parent
        else:
            found = self._by_folder[folder]
        for each in passed:
            self._by_folder[each] = found
        return found

    def _in(self, folder: str) -> Configuration | None:
        for name in CONFIGURATIONS:
            path = os.path.join(folder, name)
            if self._filesystem.exists(path) and (found := self._file(path)) is not None:
                return found
        return None

    def _required(self, path: str) -> Configuration:
        found = self._file(path)
        if found is None:
            raise ConfigurationError(f"{self._shown(path)}: has no [tool.chanlint] table")
        return found

    def _file(self, path: str) -> Configuration | None:
        if path not in self._read:
            self._read[path] = self._load(path, ())
        return self._read[path]

    def _load(self, path: str, above: tuple[str, ...]) -> Configuration | None:
        try:
            data = self._filesystem.read(path)
        except OSError as error:
            raise ConfigurationError(f"{self._shown(path)}: {error.strerror or error}") from None
        inside = os.path.basename(path) == "pyproject.toml"
        if inside and b"chanlint" not in data:
            return None
        text, whole = self._parse(path, data, inside)
        table = self._table(path, text, whole) if inside else whole
        if table is None:
            return None
        prefix = ("tool", "chanlint") if inside else ()

        def complain(at: tuple[str | int, ...], problem: str) -> ConfigurationError:
            return self._error(path, row_of(text, (*prefix, *at)), problem)

        own = Configuration(path, check_values(table, known_codes(), complain))
        own.origins = {key: Origin(path, row_of(text, (*prefix, key))) for key in own.values}
        for kind in ADDED_UP:
            count = len(own.values.get(kind, ()))
            own.entries[kind] = [Origin(path, row_of(text, (*prefix, kind, number))) for number in range(count)]
        for key in PATHS:
            if key in own.values:
                own.values[key] = os.path.normpath(os.path.join(own.folder, own.values[key]))
        if "per-file-ignores" in own.values:
            own.values["per-file-ignores"] = tuple((own.folder, *entry) for entry in own.values["per-file-ignores"])
        extended = own.values.pop("extend", None)
        if extended is None:
            return own
        target = os.path.normpath(os.path.join(own.folder, extended))
        row = row_of(text, (*prefix, "extend"))
        if target == path or target in above or len(above) >= MOST_EXTENDED:
            raise self._error(path, row, f"'extend': {extended} extends this file in turn")
        if not self._filesystem.exists(target):
            raise self._error(path, row, f"'extend': there is no {extended}")
        base = self._load(target, (*above, path))
        if base is None:
            raise self._error(path, row, f"'extend': {extended} has no [tool.chanlint] table")
        return _extended(own, base)

    def _parse(self, path: str, data: bytes, inside: bool) -> tuple[str, dict[str, Any]]:
        import tomllib

        try:
            text = data.decode().replace("\r\n", "\n")
            return text, tomllib.loads(text)
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{self._shown(path)}: not UTF-8: {error.reason}") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{self._shown(path)}: {error}") from None
        except RecursionError:
            raise ConfigurationError(f"{self._shown(path)}: too deeply nested") from None

    def _table(self, path: str, text: str, whole: Mapping[str, Any]) -> dict[str, Any] | None:
        tool = whole.get("tool", {})
        found = tool.get("chanlint") if isinstance(tool, dict) else None
        if found is not None and not isinstance(found, dict):
            raise self._error(path, row_of(text, ("tool", "chanlint")), "'tool.chanlint' is a table: write [tool.chanlint]")
        return found

    def _error(self, path: str, row: int | None, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self._shown(path)}{f':{row}' if row else ''}: {problem}")

    def _shown(self, path: str) -> str:
        return display_path(path, self._cwd)


def _extended(own: Configuration, base: Configuration) -> Configuration:
    """``own`` with what only ``base`` says."""
    for key, value in base.values.items():
        if key in ADDED_UP and key in own.values:
            own.values[key] = [*value, *own.values[key]]
            own.entries[key] = [*base.entries[key], *own.entries[key]]
        elif key not in own.values:
            own.values[key] = value
            own.origins[key] = base.origins[key]
            own.entries[key] = base.entries.get(key, [])
    return own
