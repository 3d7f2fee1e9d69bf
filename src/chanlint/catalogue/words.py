"""By which words a file shows that it makes a channel, a flag or a future: what the search for makers asks the catalogue.

Nouns:

* **Maker**: a constructor, or a type that an annotation may name, by canonical name.
* **Telling word**: a last part of such a name that says enough where nothing is known of what stands before it
  (``context.Queue``, ``loop.create_future``). ``Channel`` is none: too many things are called so.
* **Sure needle**: one that is no part of such a name (that of a whole library); a file that contains it needs no closer look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from chanlint.catalogue.schema import Catalogue, Category, OpKind

_LASTING = (Category.CHANNEL, Category.FLAG)


class MakerWords(NamedTuple):
    """The words of a catalogue.

    Attributes:
        makers: canonical names of what makes channels and flags.
        futures: the same for futures, about which there is something to say only where a thread may touch them.
        words: the last parts of all these names and of methods that make such things.
        telling: those of them that say enough alone.
        telling_futures: the same for futures.
        sure: needles that need no closer look.
        hand_overs: a file must contain one of these for its futures to count.
    """

    makers: frozenset[str]
    futures: frozenset[str]
    words: frozenset[str]
    telling: frozenset[str]
    telling_futures: frozenset[str]
    sure: tuple[bytes, ...]
    hand_overs: tuple[bytes, ...]


def maker_words(catalogue: Catalogue) -> MakerWords:
    """The words by which files of ``catalogue``'s libraries are found."""
    makers, futures = (frozenset(_names(catalogue, kinds)) for kinds in (_LASTING, (Category.FUTURE,)))
    methods = {kinds: frozenset(_methods(catalogue, kinds)) for kinds in (_LASTING, (Category.FUTURE,))}
    stems = [needle.decode(errors="replace").removesuffix("()").rpartition(".")[2] for needle in catalogue.needles]
    lasts = {name: name.rpartition(".")[2] for name in makers | futures}

    def telling(names: frozenset[str]) -> frozenset[str]:
        return frozenset(word for name in names if any(stem in (word := lasts[name]) for stem in stems))

    words = frozenset(lasts.values()).union(*methods.values())
    return MakerWords(
        makers,
        futures,
        words,
        telling(makers) | methods[_LASTING],
        telling(futures) | methods[Category.FUTURE,],
        tuple(needle for needle, stem in zip(catalogue.needles, stems, strict=True) if not any(stem in word for word in words)),
        catalogue.hand_overs,
    )


def _names(catalogue: Catalogue, kinds: tuple[Category, ...]) -> Iterator[str]:
    for name, info in catalogue.types.items():
        if info.category in kinds:
            yield name
    for name, effect in catalogue.functions.items():
        if effect.op is OpKind.MAKE and _is_of(catalogue, effect.makes, kinds):
            yield name


def _methods(catalogue: Catalogue, kinds: tuple[Category, ...]) -> Iterator[str]:
    for info in catalogue.types.values():
        for name, effect in info.methods.items():
            if effect.op is OpKind.MAKE and _is_of(catalogue, effect.makes, kinds):
                yield name


def _is_of(catalogue: Catalogue, type_name: str | None, kinds: tuple[Category, ...]) -> bool:
    info = catalogue.types.get(type_name or "")
    return info is not None and info.category in kinds
