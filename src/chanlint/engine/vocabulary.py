"""Which names stand in which files: a search that comes back to the same files with other names.

Nouns:

* **Mark**: 32 bits of the hash of a word. A file's marks take a twentieth of its text, and a file without the mark of a name
  does not hold the name; whether one with it does, its text tells.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable

from chanlint.ir.ids import ModuleId

FEW_NAMES = 12
"""So few names are searched for one after the other, which is faster than taking a text to its words."""

_IN_WORDS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_APART = bytes(code if code in _IN_WORDS or code >= 0x80 else ord(" ") for code in range(256))
"""Turns whatever parts words into blanks; together with a split that is half as long as a search for words takes."""
_BITS = 0xFFFFFFFF


class Vocabulary:
    """The words of files, as marks.

    Args:
        read: a file's bytes, or None.
    """

    def __init__(self, read: Callable[[ModuleId], bytes | None]) -> None:
        self._read = read
        self._marks: dict[ModuleId, array[int]] = {}

    def searcher(self, names: Collection[bytes]) -> Callable[[ModuleId], Iterable[bytes]]:
        """A function that tells which of ``names`` stand in a file as whole words."""
        marked: dict[int, set[bytes]] = {}
        for name in names:
            marked.setdefault(hash(name) & _BITS, set()).add(name)

        def search(module: ModuleId) -> Iterable[bytes]:
            marks = self._marks.get(module)
            likely = {*names}
            if marks is not None:
                likely = {name for mark in marked.keys() & marks for name in marked[mark]}
            data = self._read(module) if likely else None
            if data is None:
                return ()
            if len(likely) <= FEW_NAMES:
                likely = {name for name in likely if name in data}
            if not likely:
                return ()
            words = {*data.translate(_APART).split()}
            if marks is None:
                self._marks[module] = array("I", {hash(word) & _BITS for word in words})
            return words & likely

        return search
