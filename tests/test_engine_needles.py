"""Searching a text for many byte strings at once."""

from __future__ import annotations

import random

import pytest

from chanlint.catalogue.load import load_catalogue
from chanlint.engine.needles import LENGTH, Needles


@pytest.mark.parametrize("seed", range(20))
def test_roots_say_what_every_word_asked_alone_says(seed: int) -> None:
    choice = random.Random(seed)

    def text(most: int) -> bytes:
        return bytes(choice.choice(b"abQu_") for _ in range(choice.randint(1, most)))

    shared = [text(LENGTH + 2) for _ in range(3)]
    words = [text(4) + choice.choice(shared) + text(4) for _ in range(choice.randint(0, 12))] + [text(LENGTH + 1)]
    needles = Needles(words)
    for _ in range(300):
        searched = text(40) + choice.choice([b"", *words, *shared]) + text(10)
        assert needles.are_in(searched) == any(word in searched for word in words)


def test_every_needle_of_the_catalogue_is_found_by_itself() -> None:
    needles = load_catalogue().needles
    search = Needles(needles)
    assert needles and all(search.are_in(b"x = " + needle) for needle in needles)
    assert not search.are_in(b"x = 1\n") and not search.are_in(b"")


def test_nothing_to_look_for_is_in_no_text() -> None:
    assert not Needles(()).are_in(b"Queue")
