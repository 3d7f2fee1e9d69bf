"""Which names stand in a text."""

from __future__ import annotations

import pytest

from chanlint.engine.words import FEW_NAMES, words_among

TEXT = b"xname1 name2 name3x 'name4' name5.name6(name7_) name8\xc3\xa9 # name9"


@pytest.mark.parametrize("besides", [0, FEW_NAMES + 5])
def test_words_are_whole_words(besides: int) -> None:
    names = frozenset(b"name%d" % number for number in range(1, 10)) | {b"other%d" % number for number in range(besides)}
    assert words_among(names, TEXT) == {b"name2", b"name4", b"name5", b"name6", b"name9"}
    assert words_among(names, b"nothing here") == words_among(names, b"") == words_among(frozenset(), TEXT) == set()
