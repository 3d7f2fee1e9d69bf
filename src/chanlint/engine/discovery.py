"""From the paths that were named to the files to look at.

Nouns:

* **Discovery**: the files found, in order, and what went wrong on the way.
* **Named one by one**: a file that stands on the command line itself. It is taken as Python whatever its suffix, and excludes
  do not apply to it unless they are forced.

Folders are walked with a list of folders still to visit, not by recursion. Symbolic links to folders are not followed, so a
walk always ends.
"""

from __future__ import annotations

import os

from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.ignore import IGNORE_FILE, Chain, Excludes, chain_above, extend, ignored

SUFFIXES = (".py", ".pyw", ".ipynb")
"""Files that a walk takes. Stubs (``.pyi``) hold no code."""

MAX_PROJECT_FILES = 50_000
"""A walk for context stops here: a project root may turn out to be somebody's whole home folder."""


class Discovery:
    """What was found.

    Attributes:
        files: absolute paths, sorted; the value tells whether the file was named one by one.
        unreadable: folders (and files) that could not be opened, with the reason.
        missing: paths that do not exist, as given.
        truncated: whether the walk stopped at `MAX_PROJECT_FILES`.
    """

    def __init__(self) -> None:
        self.files: dict[str, bool] = {}
        self.unreadable: list[tuple[str, str]] = []
        self.missing: list[str] = []
        self.truncated = False


def discover(settings: Settings, filesystem: FileSystem) -> Discovery:
    """The report set: every file that the paths of ``settings`` name."""
    walk = _Walk(settings, filesystem)
    for given in settings.paths:
        path = settings.absolute(settings.stdin_filename or "<stdin>" if given == "-" else given)
        if filesystem.is_folder(path):
            if not (settings.force_exclude and walk.left_out(path, is_folder=True)):
                walk.folder(path)
        elif filesystem.exists(path):
            if not (settings.force_exclude and walk.left_out(path, is_folder=False)):
                walk.found.files[path] = True
        else:
            walk.found.missing.append(given)
    walk.found.files = dict(sorted(walk.found.files.items()))
    return walk.found


def discover_project(settings: Settings, filesystem: FileSystem, report: Discovery) -> list[str]:
    """Every file of the project and of the report set, sorted: where channels may come from and go to."""
    root = settings.project_root or settings.cwd
    if any(settings.absolute(path) == root for path in settings.paths if path != "-"):
        return list(report.files)
    walk = _Walk(settings, filesystem, limit=MAX_PROJECT_FILES)
    walk.folder(root)
    report.truncated = walk.found.truncated
    return sorted({*walk.found.files, *report.files})


class _Walk:
    def __init__(self, settings: Settings, filesystem: FileSystem, limit: int | None = None) -> None:
        self._settings = settings
        self._filesystem = filesystem
        self._root = settings.project_root or settings.cwd
        self._excludes = Excludes((*settings.exclude, *settings.extend_exclude), self._root)
        self._limit = limit
        self.found = Discovery()

    def folder(self, top: str) -> None:
        """Adds the files below ``top``."""
        waiting: list[tuple[str, Chain]] = [(top, self._chain_for(top))]
        while waiting:
            folder, chain = waiting.pop()
            try:
                entries = self._filesystem.entries(folder)
            except OSError as error:
                self.found.unreadable.append((folder, error.strerror or str(error)))
                continue
            if self._settings.respect_gitignore and any(entry.name == IGNORE_FILE for entry in entries):
                chain = extend(chain, folder, self._filesystem)
            if folder != top and any(entry.name == "pyvenv.cfg" for entry in entries):
                continue  # a virtual environment, whatever its name
            below: list[tuple[str, Chain]] = []
            for name, is_file, is_folder in entries:
                if not is_folder and not (is_file and name.endswith(SUFFIXES)):
                    continue
                path = os.path.join(folder, name)
                if self._excludes.match(path, name) or ignored(chain, path, is_folder):
                    continue
                if is_folder:
                    below.append((path, chain))
                else:
                    self.found.files.setdefault(path, False)
            waiting.extend(reversed(below))
            if self._limit is not None and len(self.found.files) >= self._limit:
                self.found.truncated = True
                return

    def left_out(self, path: str, is_folder: bool) -> bool:
        """Whether excludes or ignore files leave out a path that was named, or a folder above it within the project."""
        relative = os.path.relpath(path, self._root)
        if relative.startswith(os.pardir) or relative == os.curdir:
            return False
        current = self._root
        parts = relative.split(os.sep)
        chain: Chain = chain_above(self._root, self._root, self._filesystem) if self._settings.respect_gitignore else ()
        for position, name in enumerate(parts):
            if self._settings.respect_gitignore:
                chain = extend(chain, current, self._filesystem)
            current = os.path.join(current, name)
            if self._excludes.match(current, name) or ignored(chain, current, is_folder or position < len(parts) - 1):
                return True
        return False

    def _chain_for(self, top: str) -> Chain:
        """The ignore files above a named folder; one that leaves out this very folder is not asked."""
        if not self._settings.respect_gitignore:
            return ()
        above = chain_above(top, self._root, self._filesystem)
        return tuple(ignore for ignore in above if not ignore.decide(top, is_folder=True))
