"""What files that are not read closely mean to a run: most edits change a file, but not that.

Nouns:

* **Gist**: all that a run asked of a file that it did not read closely: its flags, which of the names searched for stand in it
  and, where somebody wanted to know, its imports and its outline. Another content with the same gist leads to the same result.
* **Basis**: stands for the result that gists belong to.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence, Set

from chanlint.engine.additions import catalogue_with
from chanlint.engine.checked import listed, text
from chanlint.engine.config import Settings, configurations_of, resolve_settings
from chanlint.engine.files import Files, Sought
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.project import Index
from chanlint.engine.reading import read_bytes
from chanlint.ir.ids import ModuleId

KIND = "gists"

_MAGIC = "chanlint gists 1"


class Gists:
    """The gists of the files of one result.

    Args:
        names: the names that were searched for.
        plain: files that say nothing of interest.
        others: the gists of those that say something.
    """

    def __init__(self, names: Sequence[str], plain: Iterable[ModuleId], others: Mapping[ModuleId, str]) -> None:
        self._names = names
        self._plain = frozenset(plain)
        self._others = others

    @classmethod
    def of(cls, names: Iterable[str], gists: Mapping[ModuleId, str], closely: Set[ModuleId]) -> Gists:
        """The ``gists`` of a run but those of files read ``closely``."""
        far = gists.keys() - closely
        return cls(sorted(names), (id for id in far if not gists[id]), {id: gists[id] for id in sorted(far) if gists[id]})

    # -- as text --------------------------------------------------------------------------------------------------------

    def write(self, basis: str) -> bytes:
        """A text that `read` understands."""
        body = json.dumps([basis, self._names, sorted(self._plain), self._others], separators=(",", ":")).encode()
        return f"{_MAGIC} {zlib.crc32(body):08x}\n".encode() + body

    @classmethod
    def read(cls, data: bytes, basis: str) -> Gists | None:
        """The gists of the result that ``basis`` stands for, or None where ``data`` holds others or none."""
        head, _, body = data.partition(b"\n")
        if head != f"{_MAGIC} {zlib.crc32(body):08x}".encode():
            return None
        try:
            found, names, plain, others = listed(json.loads(body), 4)
            return cls([*map(text, listed(names))], listed(plain), dict(others)) if found == basis else None
        except (ValueError, TypeError, RecursionError):
            return None

    # -- other contents -------------------------------------------------------------------------------------------------

    def fit(self, contents: Mapping[str, bytes], settings: Settings) -> bool:
        """Whether a run with ``settings`` ends the same where the files at these absolute paths have these contents.

        Raises: as `chanlint.engine.pipeline.run`.
        """
        filesystem = FileSystem(contents)
        configurations = configurations_of(settings, filesystem)
        resolved = resolve_settings(settings, filesystem, configurations)
        index = Index(resolved, contents)
        if not all(module in self._plain or module in self._others for module in index.paths):
            return False
        catalogue = catalogue_with(configurations.nearest(resolved.project_root or resolved.cwd), resolved.cwd)
        files = Files(index, lambda module: read_bytes(filesystem, index.paths[module]), Sought.of(catalogue))
        mentions = files.with_words(self._names)
        return all(self._fits(module, files, mentions) for module in index.paths)

    def _fits(self, module: ModuleId, files: Files, mentions: Mapping[str, Set[ModuleId]]) -> bool:
        gist = self._others.get(module, "")
        try:
            _, _, imports, outline, _ = listed(json.loads(gist), 5) if gist else ("", (), False, False, "")
        except (ValueError, TypeError, RecursionError):
            return False
        words = sorted(name for name, modules in mentions.items() if module in modules)
        return files.gist(module, words, imports=bool(imports), outline=bool(outline)) == gist
