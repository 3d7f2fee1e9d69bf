"""A run that remembers earlier ones.

Nouns:

* **Request**: what a run was asked for: its settings, the current folder, the Python and the libraries that it runs with.
* **Record**: the answer to one request, with the trace that it rests on and a digest of chanlint's own code. It counts as long
  as both are what they were.
* **Kin**: chanlint's own files, code and catalogue.

Whatever can change a finding is either in the request or was read through the watched file system, so nothing has to be
listed here: configurations, ignore files and sources are all parts of the trace. The baseline and the revision to compare with
are applied to remembered results as to fresh ones.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from chanlint import version
from chanlint.engine.answers import read_answer, write_answer
from chanlint.engine.config import CONFIGURATIONS, Settings, find_project_root, resolve_settings
from chanlint.engine.copying import meanwhile, usable_jobs
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.ignore import Excludes
from chanlint.engine.paths import display_path
from chanlint.engine.result import Progress, ReportSet, Result
from chanlint.engine.store import FOLDER, Store
from chanlint.engine.trace import YOUNG, Fence, Held, MalformedError, Trace, Watcher, digest_of, lasting_mark
from chanlint.source import SourceFile

if TYPE_CHECKING:
    from chanlint.engine.kept import Kept
    from chanlint.ir.ids import ModuleId

MANY_EDITS = 100
"""Edits after which all files are looked at as usual."""

MANY_FILES = 1_000
"""Files whose notes are worth a second process to write them."""

_MAGIC = "chanlint answer 2"
_NOT_ASKED = frozenset({"no_cache", "cache_dir", "cache_strict", "baseline", "diff_base", "jobs"})
"""Settings that change nothing in what is kept."""
_LIBRARIES = ("libcst", "pathspec")
"""What decides, besides chanlint's own code, how a file is understood and which files are seen."""
_SAYS_WHERE = re.compile(rb"cache-dir|\bextend\b(?!-)")


def run_cached(
    settings: Settings,
    filesystem: FileSystem,
    progress: Progress | None = None,
    *,
    fresh: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> Result:
    """Checks what ``settings`` name, or remembers what came of it.

    Args:
        fresh: put the result together anew, because what is not kept with it is wanted, too (``Result.cleared``).
        tell: takes a line that says why there is no cache.

    Raises: as `chanlint.engine.pipeline.run`.
    """
    if settings.no_cache or settings.summaries or "-" in settings.paths:
        from chanlint.engine.pipeline import run

        return run(settings, filesystem, progress)
    memory = _Memory(settings, filesystem)
    found = None if fresh else memory.recall()
    if found is None:
        found = memory.work(progress, whole=fresh)
    if memory.store.problem is not None:
        tell(f"no cache in {display_path(memory.store.folder, settings.cwd)}: {memory.store.problem}")
    if found.narrowed or settings.baseline is not None or settings.diff_base is not None:
        from chanlint.engine.narrowing import narrow

        narrow(found.result, settings, filesystem, partial(memory.look, progress=progress))
    return found.result


def cache_folder(settings: Settings, filesystem: FileSystem) -> str:
    """Where the cache of a project is: the option, the configuration, else in the project root."""
    if settings.cache_dir is not None:
        return settings.absolute(settings.cache_dir)
    root = _root_of(settings, filesystem)
    if _configuration_says_where(settings, root, filesystem):
        configured = resolve_settings(settings, filesystem).cache_dir
        if configured is not None:
            return configured
    return os.path.join(root, FOLDER)


def _configuration_says_where(settings: Settings, root: str, filesystem: FileSystem) -> bool:
    """Whether some configuration may name a cache folder; reading their bytes costs less than loading a parser for them."""
    if settings.isolated:
        return False
    paths = [settings.config] if settings.config is not None else []
    folder = root
    while settings.config is None:
        paths += [os.path.join(folder, name) for name in CONFIGURATIONS]
        parent = os.path.dirname(folder)
        if parent == folder or filesystem.exists(os.path.join(folder, ".git")):
            break
        folder = parent
    for path in paths:
        try:
            data = filesystem.read(path)
        except OSError:
            continue
        if _SAYS_WHERE.search(data) and (b"chanlint" in data or os.path.basename(path) != "pyproject.toml"):
            return True
    return False


def _root_of(settings: Settings, filesystem: FileSystem) -> str:
    given = settings.project_root
    return settings.absolute(given) if given is not None else find_project_root(settings, filesystem)


class _Found(NamedTuple):
    """A result, and whether the configuration has a baseline to apply to it."""

    result: Result
    narrowed: bool


class _Memory:
    """What is remembered about one request."""

    def __init__(self, settings: Settings, filesystem: FileSystem) -> None:
        self._settings = settings
        self._jobs = usable_jobs(settings.jobs)
        self._root = _root_of(settings, filesystem)
        self._held: Held = {}
        self._fence = Fence(
            (self._root, *map(settings.absolute, settings.paths)), [settings.config] if settings.config is not None else []
        )
        self._request = _request(settings)
        self._name = f"{zlib.crc32(self._request.encode()):08x}{zlib.adler32(self._request.encode()):08x}"
        self.store = Store(cache_folder(settings, filesystem))

    # -- remembering ----------------------------------------------------------------------------------------------------

    def recall(self) -> _Found | None:
        """The kept result, if what it rests on is as it was."""
        data = self.store.read("answers", self._name)
        if data is None:
            return None
        try:
            return self._recalled(data)
        except ValueError:  # not written by this chanlint, or not by any
            return None

    def _recalled(self, data: bytes) -> _Found | None:
        head, _, body = data.decode("utf-8", "surrogateescape").partition("\n")
        if head != _head(body):
            return None
        request, digest, state, answer, narrowed, modules, basis, *lines = body.split("\n")
        if request != self._request:
            return None
        now, kin = time.time_ns(), _Kin.now()
        if kin is None or not kin.is_of(state, digest):
            return None
        trace = Trace.read(lines[:-1], self._fence)
        if not trace.holds(strict=self._settings.cache_strict, jobs=self._jobs):
            self._held = trace.held
            if not self._means_the_same(trace, basis):
                return None
        result, texts = read_answer(answer)
        lasting = kin.lasting(now)
        if trace.renewed or lasting != state:
            self._keep([request, digest, lasting, answer, narrowed, modules, basis, *trace.lines()])
        result.source = _Sources(trace, self._fence, self._settings.cwd, texts).get
        result.report = self._report_set(modules.split("\t") if modules else [])
        return _Found(result, narrowed == "1")

    def _means_the_same(self, trace: Trace, basis: str) -> bool:
        """Whether all that is not as it was are some files that mean to the result what they meant; the trace takes that."""
        edits = trace.edits
        if not edits or len(edits) > MANY_EDITS:
            return False
        from chanlint.engine.gists import KIND, Gists

        gists = Gists.read(self.store.read(KIND, self._name) or b"", basis)
        if gists is None:
            return False
        filesystem, now = FileSystem(), time.time_ns()
        try:
            seen = {edit: filesystem.load(edit.path) for edit in edits}
        except OSError:
            return False
        if not gists.fit({edit.path: data for edit, (data, _) in seen.items()}, self._settings):
            return False
        for edit, (data, status) in seen.items():
            trace.take(edit, lasting_mark(status, now), digest_of(data))
        return True

    def _report_set(self, modules: list[str]) -> ReportSet:
        def paths() -> list[str]:
            return [os.path.join(self._root, module.replace("/", os.sep)) for module in modules]

        return ReportSet(modules, paths, self._settings.cwd)

    # -- keeping --------------------------------------------------------------------------------------------------------

    def work(self, progress: Progress | None, *, whole: bool) -> _Found:
        """The fresh result; it is kept if it can be. ``whole``: with what is told about cleared channels."""
        from chanlint.engine.pipeline import run_whole

        kin = _Kin.now()
        if kin is None:
            self.store.problem = "chanlint's own files cannot be listed"
            return _Found(run_whole(self._settings, FileSystem(), progress), narrowed=True)
        watcher = Watcher(strict=self._settings.cache_strict, held=self._held)
        resolved = resolve_settings(self._settings, watcher)
        kept = self._kept(kin, resolved, watcher, whole=whole)
        result = run_whole(self._settings, watcher, progress, kept)
        found = _Found(result, resolved.baseline is not None)
        if result.lasting and result.report and not (result.crashes or watcher.torn):
            saved = meanwhile(kept.save, self._jobs if len(result.report) >= MANY_FILES else 1)
            if not result.missing:
                self._keep_found(found, watcher, resolved, kin, kept)
            saved()
        self.store.shrink()
        return found

    def look(self, settings: Settings, filesystem: FileSystem, progress: Progress | None) -> Result:
        """The result for resolved settings and other contents of some files: of them, groups alone are kept."""
        from chanlint.engine.pipeline import run_whole

        kin = _Kin.now()
        if kin is None:
            return run_whole(settings, filesystem, progress)
        watcher = Watcher(strict=self._settings.cache_strict, overlay=filesystem.overlay)
        kept = self._kept(kin, settings, watcher, whole=False)
        result = run_whole(settings, watcher, progress, kept)
        if result.lasting and not (result.crashes or watcher.torn):
            kept.verdicts.save()
        return result

    def _kept(self, kin: _Kin, resolved: Settings, watcher: Watcher, *, whole: bool) -> Kept:
        from chanlint.engine.kept import Kept

        depends = f"{kin.digest()} {_versions()} {resolved.target_version} {self._root}"
        return Kept.of(self.store, depends, watcher, whole=whole)

    def _keep_found(self, found: _Found, watcher: Watcher, resolved: Settings, kin: _Kin, kept: Kept) -> None:
        from chanlint.engine.gists import KIND, Gists

        result = found.result
        hidden = Excludes((*resolved.exclude, *resolved.extend_exclude), self._root).names
        try:
            modules = self._as_text(result.report.ids)
            trace = Trace.of(watcher, hidden)
            trace.check(self._fence)
            state, narrowed = kin.lasting(watcher.started), str(int(found.narrowed))
            lines = [*trace.lines()]
            basis = digest_of("\n".join((self._request, *lines)).encode("utf-8", "surrogateescape"))
            self._keep([self._request, kin.digest(), state, write_answer(result), narrowed, modules, basis, *lines])
            gists = Gists.of(kept.notes.mentions, kept.notes.gists(), result.closely)
            self.store.write(KIND, self._name, gists.write(basis))
        except ValueError as error:  # such a project is looked at anew each time
            self.store.problem = str(error)

    def _keep(self, lines: list[str]) -> None:
        body = "\n".join((*lines, ""))
        self.store.write("answers", self._name, f"{_head(body)}\n{body}".encode("utf-8", "surrogateescape"))

    def _as_text(self, modules: Sequence[ModuleId]) -> str:
        whole = "\t".join(modules)
        if whole.count("\t") != len(modules) - 1 or "\n" in whole:
            raise MalformedError("a name with a control character")
        if any(os.path.isabs(module) and not self._fence.holds(module.replace("/", os.sep)) for module in modules):
            raise MalformedError("a file lies outside the project")
        return whole


class _Sources:
    """The texts of the files that a trace names, as they were when it was made."""

    def __init__(self, trace: Trace, fence: Fence, cwd: str, known: Collection[str]) -> None:
        self._trace = trace
        self._fence = fence
        self._cwd = cwd
        self._files: dict[str, tuple[str, str]] | None = None
        self._known = known
        self._texts: dict[str, SourceFile] = {}

    def get(self, filename: str) -> SourceFile | None:
        """The text of a file, or of a cell of a notebook, by the name that diagnostics show."""
        if filename in self._known and filename not in self._texts:
            from chanlint.engine.reading import file_of

            self._texts.update(self._read(file_of(filename)))
        return self._texts.get(filename)

    def _read(self, shown: str) -> dict[str, SourceFile]:
        from chanlint.engine.reading import source_of, texts_of

        if self._files is None:
            digests = self._trace.digests().items()
            self._files = {display_path(path, self._cwd): (path, digest) for path, digest in digests}
        path, digest = self._files.get(shown, ("", ""))
        try:
            data = FileSystem().read(path) if self._fence.holds(path) else b""
        except OSError:
            return {}
        return texts_of(shown, source_of(shown, data)) if digest_of(data) == digest else {}


class _Kin:
    """The state of chanlint's own files.

    Args:
        state: their names, sizes and times.
        newest: the time of the last change to one of them.
        paths: where they are.
    """

    def __init__(self, state: str, newest: int, paths: list[str]) -> None:
        self.state = state
        self._newest = newest
        self._paths = paths
        self._digest = ""

    @classmethod
    @functools.cache  # what is loaded stays loaded, whatever happens to the files during a watch
    def now(cls) -> _Kin | None:
        """The present state, or None where chanlint is not run from files."""
        waiting, found = [os.path.dirname(version.__file__)], []
        try:
            while waiting:
                with os.scandir(waiting.pop()) as listing:
                    for item in listing:
                        if item.name.endswith((".py", ".toml", ".json")):
                            status = item.stat()
                            found.append((item.path, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
                        elif not item.name.startswith((".", "__")) and item.is_dir():
                            waiting.append(item.path)
        except OSError:
            return None
        found.sort()
        newest = max((max(each[2:]) for each in found), default=0)
        return cls(repr(found), newest, [path for path, *_ in found])

    def lasting(self, since: int) -> str:
        """The state, or nothing where a file was young at the time ``since``."""
        return "" if self._newest > since - YOUNG else self.state

    def is_of(self, state: str, digest: str) -> bool:
        """Whether an earlier run, which left these two, was made with the same contents."""
        if self.state == state:
            self._digest = digest
        return self.digest() == digest

    def digest(self) -> str:
        """What stands for their contents."""
        if not self._digest:
            filesystem = FileSystem()
            top = os.path.dirname(version.__file__)
            parts = [os.fsencode(os.path.relpath(path, top)) + b"\0" + filesystem.read(path) for path in self._paths]
            self._digest = digest_of(b"".join(b"%d:%b" % (len(part), part) for part in parts))
        return self._digest


def _head(body: str) -> str:
    """The first line of a record: a check that all of it is there."""
    return f"{_MAGIC} {zlib.crc32(body.encode('utf-8', 'surrogateescape')):08x}"


def _request(settings: Settings) -> str:
    """One line."""
    asked = {*settings._fields} - _NOT_ASKED
    parts = [_versions()]
    for name, value in zip(settings._fields, settings, strict=True):
        if name not in _NOT_ASKED:
            parts.append(f"{name}={sorted(value & asked) if isinstance(value, frozenset) else value!r}")
    return "; ".join(parts).replace("\n", " ")


def _versions() -> str:
    """What runs chanlint, and what chanlint runs with."""
    return f"{version.__version__}; {sys.version}; {_libraries()}"


def _libraries() -> str:
    """The versions of the libraries that findings depend on, by the names of the folders that installers write."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        found = [name for name in names if name.startswith(_LIBRARIES) and name.endswith("-info")]
        if found:
            return " ".join(sorted(found))
    return ""
