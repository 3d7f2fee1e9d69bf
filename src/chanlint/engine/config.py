"""Settings: everything that a run depends on besides the files themselves.

Nouns:

* **Settings**: the frozen values of one run. Nothing below the engine reads the environment or the current folder.
* **Defaults**: what holds where neither an option nor the project says otherwise.

* **Given**: a value that was set on purpose, by an option or by whoever uses the library. It goes before configurations.

What holds for the whole run comes from the configuration nearest to the project root (`resolve_settings`); what may differ from
file to file is put in force by `chanlint.engine.selection`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from chanlint.diagnostics import Confidence, Severity
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.versions import lower_bound

if TYPE_CHECKING:
    from chanlint.engine.configuration import Configuration, Configurations

DEFAULT_TARGET = (3, 11)
"""The Python version assumed where the project names none."""

DEFAULT_EXCLUDES = (
    ".bzr",
    ".chanlint_cache",
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
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)
"""Names of folders that hold no code of the project; the same list that ruff uses, and caches in which nothing is to
be found."""

CONFIGURATIONS = ("chanlint.toml", "pyproject.toml")
"""Files that may hold a configuration of a folder, by precedence."""

ROOT_MARKERS = ("chanlint.toml", "pyproject.toml", "setup.cfg", "setup.py", ".git")
"""A folder that holds one of these is a project root."""


class Settings(NamedTuple):
    """The values of one run.

    Attributes:
        paths: files and folders to report on, as given; ``-`` is standard input.
        cwd: absolute path of the current folder; file names are shown relative to it.
        select, ignore, extend_select, extend_ignore: codes, prefixes of codes or rule names.
        per_file_ignores: (folder, pattern, codes): not reported in files below the folder that fit the pattern.
        severity: (selector, severity): other severities for some rules.
        min_confidence, min_severity: findings less sure or less severe than this are left out.
        exclude: names or globs of files and folders left out; `extend_exclude` adds to it.
        force_exclude: apply excludes and ignore files to paths that were named one by one, too.
        respect_gitignore: leave out what ``.gitignore`` files leave out.
        target_version: the (major, minor) of Python that the program runs on; None: ask the project.
        project_root: absolute path, or None: look for a marker.
        source_roots: folders, relative to the project root, where absolute imports start.
        prefilter: read closely only files in which a channel can be; False reads every file.
        baseline: absolute path of the baseline file, or None.
        diff_base: report only what was changed or caused since this revision, or None.
        docs_url: where rule pages are, or None.
        config: absolute path of the one configuration file to use, or None: look for them.
        isolated: read no configuration file.
        no_cache: neither read nor write a cache.
        cache_dir: the folder of the cache, or None: ``.chanlint_cache`` in the project root.
        cache_strict: compare the contents of all files with the cache, also of those whose size and times are the same.
        stdin_filename: the path that standard input stands for.
        jobs: how many processes may read files closely; 0: as many as there are processors, if there is enough to do.
        summaries: absolute paths of summary files and of folders that hold some.
        single_file: nothing but the paths can be seen, so whatever has an open name may be used by code that is not analysed.
        given: the fields that were set on purpose although they hold their default.
    """

    paths: tuple[str, ...] = (".",)
    cwd: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    extend_ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    severity: tuple[tuple[str, Severity], ...] = ()
    min_confidence: Confidence = Confidence.MEDIUM
    min_severity: Severity = Severity.INFO
    exclude: tuple[str, ...] = DEFAULT_EXCLUDES
    extend_exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    respect_gitignore: bool = True
    target_version: tuple[int, int] | None = None
    project_root: str | None = None
    source_roots: tuple[str, ...] = (".", "src")
    prefilter: bool = True
    baseline: str | None = None
    diff_base: str | None = None
    docs_url: str | None = None
    config: str | None = None
    isolated: bool = False
    no_cache: bool = False
    cache_dir: str | None = None
    cache_strict: bool = False
    stdin_filename: str | None = None
    jobs: int = 1
    summaries: tuple[str, ...] = ()
    single_file: bool = False
    given: frozenset[str] = frozenset()

    def absolute(self, path: str) -> str:
        """``path`` as an absolute, normalized path (symbolic links are kept)."""
        return os.path.normpath(os.path.join(self.cwd, path))

    def is_given(self, field: str) -> bool:
        """Whether a field was set on purpose."""
        return field in self.given or getattr(self, field) != _DEFAULTS[field]


_DEFAULTS = Settings._field_defaults
_ADDED_UP = frozenset({"extend_select", "extend_ignore", "extend_exclude"})
_PUT_ASIDE_BY_SELECT = frozenset({"ignore", "extend_select", "extend_ignore"})


def resolve_settings(settings: Settings, filesystem: FileSystem, configurations: Configurations | None = None) -> Settings:
    """Fills in what the project decides for the whole run: its root, its configuration, the target version.

    Raises:
        ConfigurationError: the configuration cannot be used.
    """
    root = settings.project_root
    root = find_project_root(settings, filesystem) if root is None else settings.absolute(root)
    configuration = (configurations or configurations_of(settings, filesystem)).nearest(root)
    if configuration is not None:
        settings = layered(settings, configuration, "run")
    target = settings.target_version or _required_python(root, filesystem) or DEFAULT_TARGET
    return settings._replace(project_root=root, target_version=target)


def configurations_of(settings: Settings, filesystem: FileSystem) -> Configurations:
    """The reader of configuration files for a run."""
    from chanlint.engine.configuration import Configurations  # a run that only remembers asks for none

    return Configurations(filesystem, settings.cwd, settings.config, isolated=settings.isolated)


def layered(settings: Settings, configuration: Configuration, reach: str) -> Settings:
    """``settings`` with what a configuration says about keys of that reach, where nothing was given."""
    from chanlint.engine.keys import KEYS

    changes: dict[str, Any] = {}
    for name, value in configuration.values.items():
        field = KEYS[name].field
        if field is None or KEYS[name].reach != reach:
            continue
        if field in _PUT_ASIDE_BY_SELECT and settings.is_given("select"):
            continue
        if field in _ADDED_UP:
            changes[field] = (*value, *getattr(settings, field))
        elif not settings.is_given(field):
            changes[field] = value
    return settings._replace(**changes)


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
    return lower_bound(required) if isinstance(required, str) else None
