"""Files lowered beforehand, so that a build system can do it file by file, anywhere, and keep the results.

Nouns:

* **Summary**: one packed file behind a head that tells the module's path from the project root, the digest of its content, the
  target version and the version of chanlint. What libraries do is looked up after lowering, so no catalogue is named.
* **Summary file**: summaries one after another; two of them joined are one again. Equal inputs give equal bytes.

Nothing in a summary is trusted: one that does not fit, or cannot be read, is as if it were not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple

from chanlint.ir.codec import schema
from chanlint.ir.ids import ModuleId
from chanlint.version import __version__

SUFFIX = ".chanlint"
"""How summary files are named; others in a folder of summaries are not read."""

_FIRST_ROW = re.compile(rb"chanlint-summary 1 (\d{1,4}) (\d{1,9})\n\Z")
_LONGEST_ROW = 80


class _Entry(NamedTuple):
    """Where a packed file is, and what its head says; ``shown`` names it for people."""

    path: str
    offset: int
    size: int
    digest: str
    checksum: str
    shown: str


def summary(module: ModuleId, data: bytes, packed: bytes, target: tuple[int, int]) -> bytes:
    """A summary of the file that held ``data``."""
    head = {
        "checksum": hashlib.sha256(packed).hexdigest(),
        "digest": hashlib.sha256(data).hexdigest(),
        "form": schema(),
        "module": module,
        "target": [*target],
        "version": __version__,
    }
    row = json.dumps(head, separators=(",", ":")).encode()
    return b"chanlint-summary 1 %d %d\n" % (len(row), len(packed)) + row + packed


class Summaries:
    """The summaries in some files and folders; a `chanlint.engine.lowering.Shelf`.

    Args:
        paths: absolute paths of summary files, and of folders that hold some at any depth.
        target: the Python version of the run.
        show: makes a path readable for people.
    """

    def __init__(self, paths: Iterable[str], target: tuple[int, int], show: Callable[[str], str] = str) -> None:
        self._target = target
        self._show = show
        self._entries: dict[ModuleId, list[_Entry]] = {}
        self.ignored: list[str] = []
        """A line for every summary that was of no use."""
        for path in paths:
            for file in _files(path):
                self._scan(file)

    def find(self, module: ModuleId, data: bytes) -> bytes | None:
        """The packed file, where there is a summary of the same content."""
        entries = self._entries.get(module, [])
        digest = hashlib.sha256(data).hexdigest() if entries else ""
        for entry in entries:
            if entry.digest != digest:
                self.ignored.append(f"{entry.shown}: the file has changed since")
                continue
            packed = _read(entry)
            if packed is not None:
                return packed
            self.ignored.append(f"{entry.shown}: it is damaged")
        return None

    def keep(self, module: ModuleId, data: bytes, packed: Callable[[], bytes]) -> None:
        """Does nothing: summaries are written by a command of their own."""

    def strangers(self, known: Iterable[ModuleId]) -> list[str]:
        """A line for every summary of a file that the project does not have."""
        foreign = sorted(self._entries.keys() - {*known})
        return [f"{entry.shown}: the project has no such file" for module in foreign for entry in self._entries[module]]

    def _scan(self, path: str) -> None:
        """Notes the summaries in a file."""
        shown = self._show(path)
        try:
            with open(path, "rb") as file:
                while row := file.readline(_LONGEST_ROW):
                    match = _FIRST_ROW.match(row)
                    if match is None or not self._note(file, path, shown, int(match[1]), int(match[2])):
                        self.ignored.append(f"{shown}: it is not a summary, or damaged")
                        return
        except OSError as error:
            self.ignored.append(f"{shown}: it cannot be read: {error.strerror}")

    def _note(self, file: BinaryIO, path: str, shown: str, head_size: int, size: int) -> bool:
        """Notes the summary whose head comes next; false where there is none."""
        try:
            head = json.loads(file.read(head_size))
            module, digest, checksum, version = (str(head[key]) for key in ("module", "digest", "checksum", "version"))
            form, target = head["form"], head["target"]
        except (ValueError, TypeError, LookupError, RecursionError):
            return False
        entry = _Entry(path, file.tell(), size, digest, checksum, f"{shown}: {module}")
        if version != __version__ or form != schema():
            self.ignored.append(f"{entry.shown}: it is of chanlint {version}, and this is {__version__}")
        elif target != [*self._target]:
            self.ignored.append(f"{entry.shown}: it is for another version of Python")
        else:
            self._entries.setdefault(module, []).append(entry)
        file.seek(size, os.SEEK_CUR)
        return True


def _read(entry: _Entry) -> bytes | None:
    """The packed file of an entry, unless it is damaged."""
    try:
        with open(entry.path, "rb") as file:
            file.seek(entry.offset)
            packed = file.read(entry.size)
    except OSError:
        return None
    return packed if hashlib.sha256(packed).hexdigest() == entry.checksum else None


def _files(path: str) -> list[str]:
    """The summary files at a path, in order."""
    if not os.path.isdir(path):
        return [path]
    return sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if name.endswith(SUFFIX) and os.path.isfile(os.path.join(folder, name))
    )
