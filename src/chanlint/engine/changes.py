"""What changed since a revision, as git tells it.

Nouns:

* **Changes**: the rows that were added or changed in each file, where rows were deleted, and the files as they were.
* **Base**: the commit at which the current branch left the revision, so that work done there since is not counted.

git is asked with its hooks, monitors, external diffs and text filters turned off: nothing of the repository is executed.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field

from chanlint.diagnostics import Diagnostic

SECONDS = 120
"""How long one question to git may take."""

_SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.quotePath=false")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([abtnvfr"\\]|[0-7]{3})')
_PLAIN = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


class DiffError(Exception):
    """git cannot tell what changed; the text says why, in one line."""


@dataclass(slots=True)
class Changes:
    """What changed.

    Attributes:
        rows: first and last row that is new, by the absolute path of the file.
        gaps: the row after which rows were deleted, by the absolute path of the file.
        before: the content of every changed file at the base, by absolute path; None where it was not there.
    """

    rows: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    gaps: dict[str, list[int]] = field(default_factory=dict)
    before: dict[str, bytes | None] = field(default_factory=dict)

    @property
    def deletes(self) -> bool:
        """Whether anything was taken away: an ending may have stood anywhere."""
        return bool(self.gaps)

    def touches(self, diagnostic: Diagnostic, cwd: str) -> bool:
        """Whether any place of a finding is on a row that is new, or between two that once were apart."""
        places = [(diagnostic.filename, diagnostic.location.row, diagnostic.end_location.row)]
        places += [(place.filename, place.location.row, place.end_location.row) for place in diagnostic.related]
        return any(self._touches(os.path.normpath(os.path.join(cwd, name)), first, last) for name, first, last in places)

    def _touches(self, path: str, first: int, last: int) -> bool:
        if path.endswith(".ipynb"):  # rows of a cell are not those of the file
            return path in self.rows or path in self.gaps
        if any(first <= end and start <= last for start, end in self.rows.get(path, ())):
            return True
        return any(first <= gap + 1 and gap <= last for gap in self.gaps.get(path, ()))


def changes_since(revision: str, cwd: str) -> Changes:
    """The changes from the base of ``revision`` to the files as they are now, files that git does not know of included.

    Raises:
        DiffError: there is no git, no repository, or no such revision.
    """
    if not revision or revision.startswith("-"):
        raise DiffError(f"{revision!r} is no revision")
    top = os.fsdecode(_git(cwd, "rev-parse", "--show-toplevel").rstrip(b"\n"))
    commit = _git(cwd, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip().decode()
    base = _git(cwd, "merge-base", commit, "HEAD", may_fail=True).split(b"\n")[0].strip().decode() or commit
    changes = Changes()
    options = ("--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules", "-M")
    _read_diff(_git(top, "diff", *options, "--src-prefix=a/", "--dst-prefix=b/", base, "--"), top, base, changes)
    for name in _git(top, "ls-files", "--others", "--exclude-standard", "-z").split(b"\0"):
        if name:
            path = os.path.join(top, os.fsdecode(name))
            changes.rows[path] = [(1, _ENDLESS)]
            changes.before[path] = None
    return changes


_ENDLESS = 1 << 40


def _read_diff(diff: bytes, top: str, base: str, changes: Changes) -> None:
    lines = diff.split(b"\n")
    old = new = ""
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith(b"diff --git "):
            old = new = ""
        elif line.startswith((b"--- ", b"rename from ")):
            old = _path(line.partition(b" ")[2] if line.startswith(b"---") else line[12:], b"a/", top)
        elif line.startswith((b"+++ ", b"rename to ")):
            new = _path(line.partition(b" ")[2] if line.startswith(b"+++") else line[10:], b"b/", top)
            for path in (old, new):
                if path and path not in changes.before and path.endswith((".py", ".pyw", ".ipynb")):
                    changes.before[path] = _content(top, base, path) if path == old else None
            if old and not new:
                changes.gaps.setdefault(old, []).append(0)  # the whole file is gone
        elif (hunk := _HUNK.match(line)) is not None:
            removed, start, added = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
            number += removed + added
            while number < len(lines) and lines[number].startswith(b"\\"):
                number += 1  # "\ No newline at end of file"
            if new and added:
                changes.rows.setdefault(new, []).append((start, start + added - 1))
            if new and removed:
                changes.gaps.setdefault(new, []).append(start if not added else start + added - 1)


def _content(top: str, base: str, path: str) -> bytes | None:
    name = os.path.relpath(path, top).replace(os.sep, "/")
    try:
        return _git(top, "cat-file", "blob", f"{base}:{name}")
    except DiffError:
        return None


def _path(name: bytes, prefix: bytes, top: str) -> str:
    """The absolute path of a name in a diff; empty for ``/dev/null``."""
    if name.startswith(b'"'):
        name = _ESCAPE.sub(_unescaped, name[1:].rstrip(b'\t"'))
    name = name.rstrip(b"\t")
    if name == b"/dev/null":
        return ""
    return os.path.join(top, os.fsdecode(name.removeprefix(prefix)))


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else _PLAIN.get(code, code)


def _git(folder: str, *arguments: str, may_fail: bool = False) -> bytes:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_EXTERNAL")}
    try:
        done = subprocess.run(
            ["git", *_SAFE, *arguments],
            cwd=folder,
            env={**environment, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise DiffError("git is not installed") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise DiffError(f"git: {error}") from None
    if done.returncode and not may_fail:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        if "rev-parse" in arguments and "--verify" in arguments:
            raise DiffError(f"there is no revision {arguments[-1].removesuffix('^{commit}')!r}")
        raise DiffError(said[-1] if said else f"git {arguments[0]} failed")
    return done.stdout if not done.returncode else b""
