"""What a run asked of the file system, and whether it would be answered the same again.

Nouns:

* **Observation**: one question with its answer: a folder's listing, a file's content, whether something exists.
* **Trace**: all observations of a run. The run is a function of them, its settings and chanlint's own code; so while they hold,
  so does its result.
* **Mark**: a file's size, times and inode. While it is the same, so is the content, unless the file is *young*.
* **Young**: changed less than two seconds before the observation, or later: another change may have left the same mark, so the
  content is compared.
* **Held**: the listings of a trace that would be answered the same again, although the whole would not: where somebody edits a
  file, they are most of it, and the run that follows need not look again.
* **Edit**: a file with another content in a listing that is else the same.
* **Fence**: the paths that a trace may name. It comes from the settings, never from the trace.

A listing holds what a walk takes an interest in: folders, Python files, ignore files and what tells a virtual environment.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from chanlint.engine.config import ROOT_MARKERS
from chanlint.engine.copying import can_fork, in_a_copy
from chanlint.engine.discovery import SUFFIXES
from chanlint.engine.filesystem import Entry, FileSystem

_Answer = TypeVar("_Answer")

YOUNG = 2_000_000_000
"""Nanoseconds; the coarsest clock of a file system in use (FAT) ticks every two seconds."""

MANY_FOLDERS = 600
"""Listings that are worth a second process."""

_TELLING = frozenset({".gitignore", "pyvenv.cfg"})
_ASKED_ABOVE = frozenset({*ROOT_MARKERS, *_TELLING})
_UNREAD, _FAILED, _NO_MARK = "-", "!", "?"
_TAB, _LINE = "\t", "\n"


class MalformedError(ValueError):
    """A text that is no trace, or one that names what it may not."""


def digest_of(data: bytes) -> str:
    """What stands for a content."""
    import hashlib

    return hashlib.sha256(data).hexdigest()


def mark_of(status: os.stat_result) -> str:
    """The mark of a file in that state."""
    return f"{status.st_size}.{status.st_mtime_ns}.{status.st_ctime_ns}.{status.st_ino}"


def lasting_mark(status: os.stat_result, since: int) -> str:
    """The mark, or ``?`` for a file that was young at the time ``since``."""
    return _NO_MARK if max(status.st_mtime_ns, status.st_ctime_ns) > since - YOUNG else mark_of(status)


class Fence:
    """The paths that a trace may name.

    Args:
        tops: folders and files below which anything may be named.
        others: further paths.
    """

    def __init__(self, tops: Iterable[str], others: Iterable[str] = ()) -> None:
        self._tops = tuple(dict.fromkeys(tops))
        self._below = tuple(top.rstrip(os.sep) + os.sep for top in self._tops)
        self._others = frozenset(others)

    def holds(self, path: str) -> bool:
        """Whether ``path`` lies within."""
        return path in self._tops or (path.startswith(self._below) and os.path.normpath(path) == path)

    def admits(self, path: str) -> bool:
        """Whether a file may be looked at: within, or a configuration or ignore file, wherever it is."""
        if self.holds(path) or path in self._others:
            return True
        name = os.path.basename(path)
        return os.path.isabs(path) and os.path.normpath(path) == path and (name in _ASKED_ABOVE or name.endswith(".toml"))


class Watcher(FileSystem):
    """The machine's files, with a note of everything that was asked.

    Args:
        strict: compare contents even where marks agree.
        overlay: as of `FileSystem`; what it says holds for this run only, so its trace is of no use to others.
        held: what was just looked at.
    """

    def __init__(
        self, *, strict: bool = False, overlay: Mapping[str, bytes | None] | None = None, held: Held | None = None
    ) -> None:
        super().__init__(overlay)
        self._strict = strict
        self._held = held if held is not None and not overlay else {}
        self._held_marks: dict[str, str] = {}
        self.started = time.time_ns()
        self.contents: dict[str, tuple[str, str]] = {}
        self.listings: dict[str, list[Entry] | str] = {}
        self.present: dict[str, bool] = {}
        self.folders: dict[str, bool] = {}
        self.torn = False
        """Whether one question got two answers: somebody wrote meanwhile."""
        self._marks: dict[str, str] = {}

    def read(self, path: str) -> bytes:
        """As `FileSystem.read`."""
        if path in self.overlay:
            data = super().read(path)
            self._note(self.contents, path, (_NO_MARK, digest_of(data)))
            return data
        try:
            data, status = self.load(path)
        except OSError as error:
            self._note(self.contents, path, (_NO_MARK, _FAILED + (error.strerror or str(error))))
            raise
        mark = mark_of(status)
        if self._marks.get(path) != mark:
            self._note(self.contents, path, (lasting_mark(status, self.started), digest_of(data)))
            self._marks[path] = mark
        return data

    def observed(self, path: str) -> str:
        """What was seen of a file that was read, as text for this watcher's copy in another process."""
        return " ".join((self._marks.get(path, _NO_MARK), *self.contents[path]))

    def observe(self, path: str, observed: str) -> None:
        """Takes what `observed` told in another process; that file counts as read."""
        mark, lasting, digest = observed.split(" ")
        self._note(self.contents, path, (lasting, digest))
        self._marks[path] = mark

    def is_still(self, path: str, mark: str, digest: str) -> bool:
        """Whether a file has that mark, which stands for that content; then it counts as read."""
        if self._strict or mark == _NO_MARK or path in self.overlay:
            return False
        if self._held_marks.get(path) != mark:
            try:
                if mark_of(os.stat(path)) != mark:
                    return False
            except OSError:
                return False
        self._note(self.contents, path, (mark, digest))
        self._marks[path] = mark
        return True

    def exists(self, path: str) -> bool:
        """As `FileSystem.exists`."""
        return self._note(self.present, path, super().exists(path))

    def is_folder(self, path: str) -> bool:
        """As `FileSystem.is_folder`."""
        return self._note(self.folders, path, super().is_folder(path))

    def entries(self, folder: str) -> list[Entry]:
        """As `FileSystem.entries`; of what is held, only what tells."""
        held = self._held.get(folder)
        if held is not None:
            prefix = folder.rstrip(os.sep) + os.sep
            self._held_marks.update({prefix + name: mark for name, mark in zip(held.names, held.marks, strict=True)})
            found = held.entries()
            self._note(self.listings, folder, found)
            return found
        try:
            found = super().entries(folder)
        except OSError as error:
            self._note(self.listings, folder, _FAILED + (error.strerror or str(error)))
            raise
        self._note(self.listings, folder, found)
        return found

    def _note(self, notes: dict[str, _Answer], path: str, answer: _Answer) -> _Answer:
        self.torn |= notes.setdefault(path, answer) != answer
        return answer


class _Folder:
    """One listing: names in order, those of folders with ``/`` at the end; mark and digest of each file that was read."""

    __slots__ = ("digests", "marks", "names", "path")

    def __init__(self, path: str, names: list[str], marks: list[str], digests: list[str]) -> None:
        self.path = path
        self.names = names
        self.marks = marks
        self.digests = digests

    def entries(self) -> list[Entry]:
        """The listing."""
        return sorted(Entry(name.removesuffix("/"), not name.endswith("/"), name.endswith("/")) for name in self.names)


Held = Mapping[str, _Folder]
"""See above, by path."""


class Edit(NamedTuple):
    """See above: the file's path, its listing and its position there."""

    path: str
    folder: _Folder
    position: int


class Trace:
    """See above.

    Attributes:
        hidden: names that no walk takes an interest in.
        renewed: whether marks were added or put right since the trace was made.
        edits: all that keeps the trace from holding, or None where that is more than edits.
        held: see above; nothing as long as `holds` was not asked, or where anything but a listing changed.
    """

    def __init__(self, hidden: list[str] | None = None) -> None:
        self.hidden = hidden or []
        self.renewed = False
        self.edits: list[Edit] | None = None
        self.held: Held = {}
        self._folders: list[_Folder] = []
        self._files: list[list[str]] = []
        self._asked: list[list[str]] = []

    @classmethod
    def of(cls, watcher: Watcher, hidden: Iterable[str]) -> Trace:
        """What a watcher saw, in an order that depends on nothing else."""
        trace = cls(sorted(hidden))
        unseen = frozenset(trace.hidden)
        listed = set()
        for path, entries in sorted(watcher.listings.items()):
            if isinstance(entries, str):
                trace._asked.append(["D", path, entries])
                continue
            names = sorted(_told(entry) for entry in entries if _tells(entry, unseen))
            inside = [os.path.join(path, name) for name in names]
            read = [watcher.contents.get(each, (_UNREAD, "")) for each in inside]
            listed.update(inside)
            trace._folders.append(_Folder(path, names, [mark for mark, _ in read], [digest for _, digest in read]))
        trace._files = [[path, *found] for path, found in sorted(watcher.contents.items()) if path not in listed]
        for kind, answers in (("E", watcher.present), ("I", watcher.folders)):
            trace._asked += [[kind, path, str(int(answer))] for path, answer in sorted(answers.items())]
        return trace

    def check(self, fence: Fence) -> None:
        """Raises `MalformedError` where a trace read from its text would be refused: such a one is not worth keeping."""
        for folder in self._folders:
            if not fence.holds(folder.path):
                raise MalformedError("a folder lies outside the project")
        for path, *_ in (*self._files, *(parts[1:] for parts in self._asked)):
            if not fence.admits(path):
                raise MalformedError("something lies outside the project")

    # -- as text --------------------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """The trace as text."""
        yield _row("N", self.hidden)
        for folder in self._folders:
            yield _row("F", [folder.path, *folder.names])
            yield _row("M", folder.marks)
            yield _row("H", folder.digests)
        for parts in self._files:
            yield _row("C", parts)
        for kind, *parts in self._asked:
            yield _row(kind, parts)

    @classmethod
    def read(cls, lines: Iterable[str], fence: Fence) -> Trace:
        """The trace of `lines`; `MalformedError` where it is none."""
        trace = cls()
        for line in lines:
            kind, *parts = line.split(_TAB)
            if kind == "F" and parts and fence.holds(parts[0]):
                if any(os.sep in name.removesuffix("/") or name in ("../", "./") for name in parts[1:]):
                    raise MalformedError("a name is a path")
                trace._folders.append(_Folder(parts[0], parts[1:], [], []))
            elif kind == "M" and trace._folders and len(parts) == len(trace._folders[-1].names):
                trace._folders[-1].marks = parts
            elif kind == "H" and trace._folders and len(parts) == len(trace._folders[-1].names):
                trace._folders[-1].digests = parts
            elif kind == "C" and len(parts) == 3 and fence.admits(parts[0]):
                trace._files.append(parts)
            elif kind in ("D", "E", "I") and len(parts) == 2 and fence.admits(parts[0]):
                trace._asked.append([kind, *parts])
            elif kind == "N":
                trace.hidden = parts
            else:
                raise MalformedError("something lies outside the project")
        if any(len(each.names) != len(each.marks) or len(each.names) != len(each.digests) for each in trace._folders):
            raise MalformedError("marks are missing")
        return trace

    # -- whether it holds -----------------------------------------------------------------------------------------------

    def holds(self, *, strict: bool, jobs: int = 1) -> bool:
        """Whether every question would be answered the same now.

        Args:
            strict: compare contents even where marks agree.
            jobs: how many processes may look at many folders.
        """
        filesystem = FileSystem()
        now = time.time_ns()
        if not (
            all(_asked_again(filesystem, *parts) for parts in self._asked)
            and all(self._holds_file(parts, now, strict) for parts in self._files)
        ):
            return False
        found = self._look(now, strict, jobs)
        if not any(edits != [] for edits in found):
            return True
        self.held = {folder.path: folder for folder, edits in zip(self._folders, found, strict=True) if edits == []}
        self.edits = None if None in found else [edit for edits in found for edit in edits or ()]
        return False

    def _look(self, now: int, strict: bool, jobs: int) -> list[list[Edit] | None]:
        """The edits in every listing, or None where more than that changed."""
        hidden, folders = frozenset(self.hidden), self._folders

        def look(folder: _Folder) -> list[Edit] | None:
            return self._edits(folder, hidden, now, strict)

        def look_there(folder: _Folder) -> bool:
            self.renewed = False
            return look(folder) == [] and not self.renewed  # a mark that is put right has to be put right here

        if strict or jobs < 2 or len(folders) < MANY_FOLDERS or not can_fork():
            return [*map(look, folders)]
        half = len(folders) // 2
        ask = in_a_copy(lambda: bytes(map(look_there, folders[half:])))
        here = [*map(look, folders[:half])]
        there = ask() or bytes(len(folders) - half)
        return here + [[] if holds else look(folder) for holds, folder in zip(there, folders[half:], strict=True)]

    def _edits(self, folder: _Folder, hidden: frozenset[str], now: int, strict: bool) -> list[Edit] | None:
        edits = []
        try:
            found = _entries(folder.path, hidden)
            if len(found) != len(folder.names):
                return None
            for position, (name, mark) in enumerate(zip(folder.names, folder.marks, strict=True)):
                entry = found.get(name)
                if entry is None:
                    return None
                if mark == _UNREAD or (not strict and mark == mark_of(_status(entry))):
                    continue
                fresh = _mark_if(entry.path, folder.digests[position], now)
                if fresh is not None:
                    self.renewed |= fresh != mark
                    folder.marks[position] = fresh
                elif name in _TELLING or folder.digests[position].startswith(_FAILED):
                    return None
                else:
                    edits.append(Edit(entry.path, folder, position))
        except OSError:
            return None
        return edits

    def take(self, edit: Edit, mark: str, digest: str) -> None:
        """Goes on with what an edit left."""
        edit.folder.marks[edit.position] = mark
        edit.folder.digests[edit.position] = digest
        self.renewed = True

    def _holds_file(self, parts: list[str], now: int, strict: bool) -> bool:
        path, mark, digest = parts
        try:
            if not strict and mark == mark_of(os.stat(path)):
                return True
        except OSError:
            pass  # that may be the answer
        fresh = _mark_if(path, digest, now)
        if fresh is None:
            return False
        self.renewed |= fresh != mark
        parts[1] = fresh
        return True

    def digests(self) -> dict[str, str]:
        """The digest of every file that was read."""
        found = {path: digest for path, _, digest in self._files}
        for folder in self._folders:
            for name, digest in zip(folder.names, folder.digests, strict=True):
                if digest and not digest.startswith(_FAILED):
                    found[os.path.join(folder.path, name)] = digest
        return found


def _row(kind: str, parts: Iterable[str]) -> str:
    """One line; `MalformedError` where a part would not come back from it."""
    parts = list(parts)
    if any(_TAB in part or _LINE in part or "\r" in part for part in parts):
        raise MalformedError("a name with a control character")
    return _TAB.join((kind, *parts))


def _told(entry: Entry) -> str:
    return f"{entry.name}/" if entry.is_folder else entry.name


def _tells(entry: Entry, hidden: Collection[str]) -> bool:
    """Whether a walk takes an interest in an entry."""
    if entry.name in _TELLING:
        return True
    return entry.name not in hidden and (entry.is_folder or (entry.is_file and entry.name.endswith(SUFFIXES)))


def _entries(folder: str, hidden: Collection[str]) -> dict[str, os.DirEntry[str]]:
    """The entries that tell, as `_tells` has it, without more system calls than that takes."""
    found = {}
    with os.scandir(folder) as listing:
        for item in listing:
            name = item.name
            if name in _TELLING:
                found[f"{name}/" if item.is_dir(follow_symlinks=False) else name] = item
            elif name in hidden:
                continue
            elif item.is_dir(follow_symlinks=False):
                found[f"{name}/"] = item
            elif name.endswith(SUFFIXES) and _is_file(item):
                found[name] = item
    return found


def _is_file(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_file()
    except OSError:  # a link that leads round in a circle
        return False


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    return os.stat(entry.path) if os.name == "nt" else entry.stat()  # a listing on Windows knows no inode


def _mark_if(path: str, digest: str, now: int) -> str | None:
    """The mark of a file if its content is what ``digest`` says, else None."""
    try:
        data, status = FileSystem().load(path)
    except OSError as error:
        return _NO_MARK if digest == _FAILED + (error.strerror or str(error)) else None
    return lasting_mark(status, now) if digest == digest_of(data) else None


def _asked_again(filesystem: FileSystem, kind: str, path: str, answer: str) -> bool:
    if kind == "D":
        try:
            filesystem.entries(path)
        except OSError as error:
            return answer == _FAILED + (error.strerror or str(error))
        return False
    found = filesystem.exists(path) if kind == "E" else filesystem.is_folder(path)
    return answer == str(int(found))
