"""All reading of files and folders.

Nouns:

* **FileSystem**: the machine's files, with texts laid over them that are not saved (standard input, an editor's buffer).
* **Entry**: one name in a folder, with what stands behind it.

Paths are ``str`` as `os.fsdecode` makes them: bytes that are not UTF-8 are kept as surrogates.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from typing import NamedTuple

MAX_BYTES = 16 << 20
"""No larger file is read: nobody writes sources of that size by hand."""


class Entry(NamedTuple):
    """One name in a folder. A symbolic link to a folder counts as neither: it is not followed."""

    name: str
    is_file: bool
    is_folder: bool


class FileSystem:
    """Reads; never writes, never runs anything.

    Args:
        overlay: contents by absolute path that hide what the machine has there; None hides the file itself.
    """

    def __init__(self, overlay: Mapping[str, bytes | None] | None = None) -> None:
        self.overlay = dict(overlay or {})

    def read(self, path: str) -> bytes:
        """The bytes of a regular file; OSError where that is impossible."""
        if path in self.overlay:
            content = self.overlay[path]
            if content is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            return content
        return self.load(path)[0]

    def load(self, path: str) -> tuple[bytes, os.stat_result]:
        """What the machine itself has at ``path``, and the file's state before it was read; OSError as `read`."""
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise OSError("not a regular file")
            if status.st_size > MAX_BYTES:
                raise OSError(f"larger than {MAX_BYTES >> 20} MiB")
            return _read_all(handle, status.st_size), status
        finally:
            os.close(handle)

    def exists(self, path: str) -> bool:
        """Whether there is anything at ``path``."""
        return self.overlay[path] is not None if path in self.overlay else os.path.exists(path)

    def is_folder(self, path: str) -> bool:
        """Whether ``path`` is a folder (or a link to one)."""
        return path not in self.overlay and os.path.isdir(path)

    def entries(self, folder: str) -> list[Entry]:
        """What is in ``folder``, by name; OSError where it cannot be listed."""
        found = []
        with os.scandir(folder) as listing:
            for item in listing:
                try:
                    found.append(Entry(item.name, item.is_file(), item.is_dir(follow_symlinks=False)))
                except OSError:  # a link that leads round in a circle
                    continue
        hidden = {path for path, content in self.overlay.items() if content is None}
        kept = [entry for entry in found if not hidden or os.path.join(folder, entry.name) not in hidden]
        names = {entry.name for entry in kept}
        laid = [os.path.basename(path) for path in self.overlay.keys() - hidden if os.path.dirname(path) == folder]
        return sorted([*kept, *(Entry(name, True, False) for name in laid if name not in names)])


def _read_all(handle: int, size: int) -> bytes:
    """Reads up to `MAX_BYTES`; one system call for a file that nobody is writing to."""
    chunks = []
    total = 0
    while chunk := os.read(handle, min(max(size - total, 0) + 1, MAX_BYTES + 1)):
        chunks.append(chunk)
        total += len(chunk)
        if total > MAX_BYTES:
            raise OSError(f"larger than {MAX_BYTES >> 20} MiB")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
