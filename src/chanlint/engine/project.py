"""The project's modules and how imports find them.

Nouns:

* **Index**: every file of the project by module id. Only what is in it can be the target of an import; everything else is
  code that is not analysed.
* **Source root**: a folder where absolute imports start. A file's own source root is its first ancestor folder without an
  ``__init__.py``.

An absolute import tries the importer's own source root first, then those of the settings in order. A package beats a module
of the same name; a folder without ``__init__.py`` is a namespace and has no module of its own. Relative imports go by path.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from chanlint.engine.config import Settings
from chanlint.ir.ids import ModuleId

_PACKAGE = "__init__.py"


class Index:
    """Module ids by path and by import.

    Args:
        settings: resolved settings.
        paths: absolute paths of all files of the project and of the report set.
    """

    def __init__(self, settings: Settings, paths: Iterable[str]) -> None:
        self._root = settings.project_root or settings.cwd
        self.paths: dict[ModuleId, str] = {self.module_id(path): path for path in paths}
        roots = [os.path.normpath(os.path.join(self._root, folder)) for folder in settings.source_roots]
        self._roots = [self.module_id(root) for root in roots]
        self._own_roots: dict[str, str] = {}
        self._found: dict[tuple[str, str], ModuleId | None] = {}

    def module_id(self, path: str) -> ModuleId:
        """The path from the project root with ``/``, or the absolute path of a file outside it."""
        prefix = self._root.rstrip(os.sep) + os.sep
        if path == self._root:
            return ""
        return (path[len(prefix) :] if path.startswith(prefix) else path).replace(os.sep, "/")

    def resolve(self, importer: ModuleId, module: str, level: int) -> ModuleId | None:
        """The file that an import names, or None where it is not one of the project's."""
        if level:
            folder = _parent(importer)
            for _ in range(level - 1):
                if not folder:
                    return None
                folder = _parent(folder)
            return self._below(folder, module)
        if not module:
            return None
        for root in (self._own_root(importer), *self._roots):
            found = self._below(root, module)
            if found is not None and found != importer:
                return found
        return None

    def dotted(self, module: ModuleId) -> str:
        """The name under which ``module`` is imported: its path from its own source root with dots."""
        root = self._own_root(module)
        path = module[len(root) :].lstrip("/") if module.startswith(root) else module
        stem = path[: -len(_PACKAGE)].rstrip("/") if path.rpartition("/")[2] == _PACKAGE else path.rpartition(".")[0] or path
        return stem.replace("/", ".") or _parent(module).rpartition("/")[2]

    def _below(self, folder: str, module: str) -> ModuleId | None:
        key = (folder, module)
        try:
            return self._found[key]
        except KeyError:
            found = self._found[key] = self._look_up(folder, module)
            return found

    def _look_up(self, folder: str, module: str) -> ModuleId | None:
        stem = _join(folder, module.replace(".", "/"))
        package = _join(stem, _PACKAGE)
        if package in self.paths:
            return package
        return f"{stem}.py" if module and f"{stem}.py" in self.paths else None

    def _own_root(self, module: ModuleId) -> str:
        known = self._own_roots.get(module)
        if known is None:
            start = folder = _parent(module)
            known = self._own_roots.get(start)
            if known is None:
                while _join(folder, _PACKAGE) in self.paths and folder:
                    folder = _parent(folder)
                known = self._own_roots[start] = folder
            self._own_roots[module] = known
        return known


def _parent(path: str) -> str:
    head, slash, _ = path.rpartition("/")
    return head or (slash if path != "/" else "")


def _join(folder: str, name: str) -> str:
    if not folder or not name:
        return folder or name
    return f"{folder.rstrip('/')}/{name}"
