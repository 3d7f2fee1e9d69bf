"""The folder in which results are kept from run to run.

Nouns:

* **Store**: one cache folder. What cannot be read from it is not there; what cannot be written to it is not kept.
* **Kind**: a folder within, for entries of one sort (``answers``, ``gists``, ``groups``, ``lowered``, ``notes``).
* **Tag**: the file ``CACHEDIR.TAG``, by which backups know a cache, and chanlint its own.

The contents are trusted no further than their reader checks them. A folder or file of another user, or one that others may
write to, is not used at all. Entries appear under their names complete or not at all, so runs may share a folder. The folder
is kept below `MAX_BYTES`: what was not used for longest goes first.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress

FOLDER = ".chanlint_cache"
"""Its name where none is configured."""

KINDS = ("answers", "gists", "groups", "lowered", "notes")
MAX_BYTES = 100 << 20
MAX_ENTRIES = 20_000
MAX_ENTRY = 32 << 20
"""No larger entry is written or read."""

_TAG, _IGNORE = "CACHEDIR.TAG", ".gitignore"
_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
_FILES = {
    _TAG: _SIGNATURE + b"\n# This folder was made by chanlint. It may be deleted at any time.\n",
    _IGNORE: b"# Made by chanlint.\n*\n",
}
_NAME = re.compile(r"[0-9a-f]{16,64}(?:\.[0-9a-z.]{1,40}\.tmp)?")
_ABANDONED = 3600
"""Seconds after which a file that somebody began to write is taken for left behind."""
_USED_AFTER = 600
"""Seconds between two notes that an entry is in use."""
_KEPT = 0.9
"""How full the folder is left when entries have to go."""


class Store:
    """A cache folder.

    Args:
        folder: its absolute path.

    Attributes:
        problem: why it is not used, or None.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.problem: str | None = None
        try:
            status = os.lstat(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            self.problem = error.strerror or str(error)
            return
        self.problem = _distrust(status, is_folder=True) or _taken(folder)

    def read(self, kind: str, name: str) -> bytes | None:
        """An entry, or None."""
        if self.problem is not None or _distrusted(os.path.join(self.folder, kind)):
            return None
        path = os.path.join(self.folder, kind, name)
        try:
            handle = os.open(path, os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK") | _flag("O_BINARY"))
        except OSError:
            return None
        try:
            status = os.fstat(handle)
            if _distrust(status, is_folder=False) or status.st_size > MAX_ENTRY:
                return None
            with open(handle, "rb", buffering=0, closefd=False) as file:
                data = file.read(MAX_ENTRY + 1)
            if time.time() - status.st_mtime > _USED_AFTER:
                os.utime(path)
        except OSError:
            return None
        finally:
            os.close(handle)
        return data

    def write(self, kind: str, name: str, data: bytes) -> None:
        """Keeps an entry, if that is possible."""
        if self.problem is not None or len(data) > MAX_ENTRY:
            return
        place = os.path.join(self.folder, kind)
        try:
            self._prepare()
            os.makedirs(place, mode=0o700, exist_ok=True)
            if not _distrusted(place):
                _write(os.path.join(place, name), data)
        except OSError as error:
            self.problem = error.strerror or str(error)

    def shrink(self) -> None:
        """Removes what was not used for longest where there is too much."""
        if self.problem is not None:
            return
        entries: list[tuple[float, int, str]] = []
        for kind in KINDS:
            entries += [(status.st_mtime, status.st_size, path) for path, status in _entries(os.path.join(self.folder, kind))]
        total, count = sum(size for _, size, _ in entries), len(entries)
        if total <= MAX_BYTES and count <= MAX_ENTRIES:
            return
        for _, size, path in sorted(entries):
            if total <= MAX_BYTES * _KEPT and count <= MAX_ENTRIES * _KEPT:
                break
            if _removed(path):
                total, count = total - size, count - 1

    def _prepare(self) -> None:
        """Makes the folder with its tag."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        for name, content in _FILES.items():
            path = os.path.join(self.folder, name)
            if not os.path.lexists(path):
                _write(path, content)


def clean(folder: str) -> tuple[int, int]:
    """Removes a cache folder: how many entries went, and how many files stay because chanlint did not write them.

    Raises:
        FileNotFoundError: there is none.
        PermissionError: it is no cache folder of chanlint, or it cannot be removed.
    """
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or not _is_tagged(folder):
        raise PermissionError("chanlint did not make this folder: it lacks the tag")
    removed = 0
    for kind in KINDS:
        place = os.path.join(folder, kind)
        if os.path.islink(place):
            continue
        removed += sum(_removed(path) for path, _ in _entries(place, abandoned=0.0))
        _emptied(place)
    others = [name for name in os.listdir(folder) if name not in _FILES]
    if not others:  # the tag goes last: what was cut short can be gone on with
        for name in sorted(_FILES, key=lambda name: name == _TAG):
            _removed(os.path.join(folder, name))
        os.rmdir(folder)
    return removed, len(others)


def _taken(folder: str) -> str | None:
    """Why an existing folder is none for a cache: something else is in it."""
    try:
        if _is_tagged(folder) or not os.listdir(folder):
            return None
    except OSError as error:
        return error.strerror or str(error)
    return "there is something else in it"


def _is_tagged(folder: str) -> bool:
    try:
        handle = os.open(os.path.join(folder, _TAG), os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK"))
    except OSError:
        return False
    try:
        return os.read(handle, 1000) == _FILES[_TAG]
    except OSError:
        return False
    finally:
        os.close(handle)


def _distrusted(folder: str) -> bool:
    """Whether a folder within is missing, a link, or not the user's alone."""
    try:
        return _distrust(os.lstat(folder), is_folder=True) is not None
    except OSError:
        return True


def _distrust(status: os.stat_result, *, is_folder: bool) -> str | None:
    """Why something is not used, or None."""
    if not (stat.S_ISDIR if is_folder else stat.S_ISREG)(status.st_mode):
        return "it is no folder"
    if not hasattr(os, "geteuid"):
        return None
    if status.st_uid != os.geteuid():
        return "it belongs to another user"
    return "others may write to it" if status.st_mode & 0o022 else None


def _entries(place: str, abandoned: float = _ABANDONED) -> list[tuple[str, os.stat_result]]:
    """What chanlint wrote; files that somebody else may be writing only after a while."""
    found = []
    now = time.time()
    try:
        with os.scandir(place) as listing:
            for item in listing:
                status = item.stat(follow_symlinks=False)
                if not _NAME.fullmatch(item.name) or not stat.S_ISREG(status.st_mode):
                    continue
                if not item.name.endswith(".tmp") or now - status.st_mtime >= abandoned:
                    found.append((item.path, status))
    except OSError:
        pass  # removed by another run
    return found


def _write(path: str, data: bytes) -> None:
    """Writes a file beside its place and moves it there."""
    temporary = f"{path}.{os.getpid()}.{time.monotonic_ns()}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _flag("O_NOFOLLOW") | _flag("O_BINARY"), 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        _removed(temporary)
        raise


def _removed(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def _emptied(folder: str) -> None:
    with suppress(OSError):
        os.rmdir(folder)


def _flag(name: str) -> int:
    flag: int = getattr(os, name, 0)
    return flag
