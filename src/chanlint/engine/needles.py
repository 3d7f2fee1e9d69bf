"""Whether a text contains one of many byte strings, asked of every file of a project.

Nouns:

* **Root**: what several strings have in common: a text without it contains none of them. Most texts contain few roots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LENGTH = 5
"""Bytes in a root; shorter ones are in too many texts."""


class Needles:
    """Byte strings to look for.

    Args:
        words: the strings.
    """

    def __init__(self, words: Iterable[bytes]) -> None:
        self._groups = [*_groups({*words})]

    def are_in(self, text: bytes) -> bool:
        """Whether ``text`` contains one of them."""
        return any(root in text and any(word in text for word in words) for root, words in self._groups)


def _groups(words: set[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """The words by root, those first that most words have in common; a word that shares nothing is its own root."""
    holding: dict[bytes, set[bytes]] = {}
    for word in words:
        for start in range(len(word) - LENGTH + 1):
            holding.setdefault(word[start : start + LENGTH], set()).add(word)
    for root, among in sorted(holding.items(), key=lambda item: (-len(item[1]), item[0])):
        below = sorted(among & words)
        if len(below) > 1:
            yield root, below
            words = words.difference(below)
    for word in sorted(words):
        yield word, [word]
