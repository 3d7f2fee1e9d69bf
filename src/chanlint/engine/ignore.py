"""What is left out of a walk: excluded names, globs and ``.gitignore`` files.

Nouns:

* **Excludes**: names and globs from the settings.
* **IgnoreFile**: the patterns of one ``.gitignore``; it speaks for its own folder and everything below.
* **Chain**: the ignore files that speak for a folder, outermost first; the innermost that has an opinion decides.
"""

from __future__ import annotations

import fnmatch
import os
import re
from typing import TYPE_CHECKING

from chanlint.engine.filesystem import FileSystem

if TYPE_CHECKING:
    import pathspec

IGNORE_FILE = ".gitignore"

_GLOB = re.compile(r"[*?\[/]")


class Excludes:
    """Names and globs.

    A plain name leaves out every file and folder of that name. A glob or a path is compared with the name and with the path
    from the project root; ``*`` also crosses folders.

    Attributes:
        names: the plain names.
    """

    def __init__(self, patterns: tuple[str, ...], root: str) -> None:
        tidy = [pattern.strip().replace(os.sep, "/").removeprefix("./").rstrip("/") for pattern in patterns]
        self.names = frozenset(pattern for pattern in tidy if not _GLOB.search(pattern))
        globs = [fnmatch.translate(pattern) for pattern in tidy if _GLOB.search(pattern)]
        self._globs = re.compile("|".join(globs)) if globs else None
        self._root = root

    def match(self, path: str, name: str) -> bool:
        """Whether the entry ``name`` at the absolute ``path`` is left out."""
        if name in self.names:
            return True
        if self._globs is None:
            return False
        relative = os.path.relpath(path, self._root).replace(os.sep, "/")
        return any(self._globs.match(text) for text in (name, relative, path.replace(os.sep, "/")))


class IgnoreFile:
    """The patterns of one ignore file."""

    def __init__(self, folder: str, data: bytes) -> None:
        self._prefix = folder.rstrip(os.sep) + os.sep
        self._spec = _compile(data)

    def decide(self, path: str, is_folder: bool) -> bool | None:
        """True: ignored, False: expressly not ignored, None: no opinion."""
        relative = path[len(self._prefix) :].replace(os.sep, "/")
        return self._spec.check_file(relative + "/" if is_folder else relative).include


Chain = tuple[IgnoreFile, ...]


def ignored(chain: Chain, path: str, is_folder: bool) -> bool:
    """Whether the innermost ignore file with an opinion leaves ``path`` out."""
    for ignore in reversed(chain):
        decision = ignore.decide(path, is_folder)
        if decision is not None:
            return decision
    return False


def chain_above(folder: str, top: str, filesystem: FileSystem) -> Chain:
    """The ignore files that speak for ``folder`` itself: those of its proper ancestors.

    The search goes up to the repository's root, or to ``top`` where there is no repository.
    """
    ancestors: list[str] = []
    current = folder
    while not filesystem.exists(os.path.join(current, ".git")):
        parent = os.path.dirname(current)
        if parent == current:
            inside = (folder + os.sep).startswith(top.rstrip(os.sep) + os.sep)
            ancestors = [a for a in ancestors if inside and (a + os.sep).startswith(top.rstrip(os.sep) + os.sep)]
            break
        current = parent
        ancestors.append(current)
    chain: Chain = ()
    for ancestor in reversed(ancestors):
        chain = extend(chain, ancestor, filesystem)
    return chain


def extend(chain: Chain, folder: str, filesystem: FileSystem) -> Chain:
    """``chain`` with the ignore file of ``folder`` added, if it has a readable one."""
    try:
        data = filesystem.read(os.path.join(folder, IGNORE_FILE))
    except OSError:
        return chain
    return (*chain, IgnoreFile(folder, data))


def _compile(data: bytes) -> pathspec.GitIgnoreSpec:
    """The usable patterns; like git, a line that makes no sense is passed over."""
    import pathspec

    lines = []
    for line in os.fsdecode(data).splitlines():
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error):
            continue
        lines.append(line)
    return pathspec.GitIgnoreSpec.from_lines(lines)
