"""Settings: everything that a run depends on besides the files themselves.

Nouns:

* **Settings**: the frozen values of one run. Nothing below the engine reads the environment or the current folder.
* **Defaults**: what holds where neither an option nor the project says otherwise.

Today settings come from options and from ``requires-python``. A configuration file will be one more source for the same
values: it is looked up in `resolve_settings`, and nothing else has to change.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace

from chanlint.diagnostics import Confidence
from chanlint.engine.filesystem import FileSystem

DEFAULT_TARGET = (3, 11)
"""The Python version assumed where the project names none."""

DEFAULT_EXCLUDES = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)
"""Names of folders that hold no code of the project; the same list that ruff uses."""

ROOT_MARKERS = ("chanlint.toml", "pyproject.toml", "setup.cfg", "setup.py", ".git")
"""A folder that holds one of these is a project root."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of one run.

    Attributes:
        paths: files and folders to report on, as given; ``-`` is standard input.
        cwd: absolute path of the current folder; file names are shown relative to it.
        select, ignore, extend_select, extend_ignore: codes, prefixes of codes or rule names.
        min_confidence: findings less sure than this are left out.
        exclude: names or globs of files and folders left out; `extend_exclude` adds to it.
        force_exclude: apply excludes and ignore files to paths that were named one by one, too.
        respect_gitignore: leave out what ``.gitignore`` files leave out.
        target_version: the (major, minor) of Python that the program runs on; None: ask the project.
        project_root: absolute path, or None: look for a marker.
        source_roots: folders, relative to the project root, where absolute imports start.
        prefilter: read closely only files in which a channel can be; False reads every file.
        isolated: read no configuration file.
        no_cache: neither read nor write a cache.
        stdin_filename: the path that standard input stands for.
    """

    paths: tuple[str, ...] = (".",)
    cwd: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    extend_ignore: tuple[str, ...] = ()
    min_confidence: Confidence = Confidence.MEDIUM
    exclude: tuple[str, ...] = DEFAULT_EXCLUDES
    extend_exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    respect_gitignore: bool = True
    target_version: tuple[int, int] | None = None
    project_root: str | None = None
    source_roots: tuple[str, ...] = (".", "src")
    prefilter: bool = True
    isolated: bool = False
    no_cache: bool = False
    stdin_filename: str | None = None

    def absolute(self, path: str) -> str:
        """``path`` as an absolute, normalized path (symbolic links are kept)."""
        return os.path.normpath(os.path.join(self.cwd, path))


def resolve_settings(settings: Settings, filesystem: FileSystem) -> Settings:
    """Fills in what the project decides: its root and the target version."""
    root = settings.project_root
    root = find_project_root(settings, filesystem) if root is None else settings.absolute(root)
    target = settings.target_version or _required_python(root, filesystem) or DEFAULT_TARGET
    return replace(settings, project_root=root, target_version=target)


def find_project_root(settings: Settings, filesystem: FileSystem) -> str:
    """The nearest ancestor of the paths' common parent that holds a marker, else that parent."""
    paths = [settings.stdin_filename or "." if path == "-" else path for path in settings.paths]
    folders = [_folder_of(settings.absolute(path), filesystem) for path in paths]
    try:
        common = os.path.commonpath(folders)
    except ValueError:  # different drives, or no path at all
        return settings.cwd
    folder = common
    while True:
        if any(filesystem.exists(os.path.join(folder, marker)) for marker in ROOT_MARKERS):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return common
        folder = parent


def parse_version(text: str) -> tuple[int, int] | None:
    """``3.12`` or ``py312`` as (3, 12); None for anything else."""
    match = re.fullmatch(r"(?:py)?3\.?(\d{1,2})", text.strip())
    return (3, int(match[1])) if match else None


def _folder_of(path: str, filesystem: FileSystem) -> str:
    return path if filesystem.is_folder(path) else os.path.dirname(path)


def _required_python(root: str, filesystem: FileSystem) -> tuple[int, int] | None:
    """The lower bound of ``requires-python`` in the project's ``pyproject.toml``, if there is one."""
    try:
        data = filesystem.read(os.path.join(root, "pyproject.toml"))
    except OSError:
        return None
    if b"requires-python" not in data:
        return None
    import tomllib

    try:
        required = tomllib.loads(data.decode()).get("project", {}).get("requires-python", "")
    except (ValueError, AttributeError, RecursionError):  # somebody else's tool will complain about that file
        return None
    match = re.search(r"(?:>=|~=|==|>)\s*3\.(\d{1,2})", required) if isinstance(required, str) else None
    return (3, int(match[1])) if match else None
