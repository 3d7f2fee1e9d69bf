"""Which names stand in which files, asked again and again."""

from __future__ import annotations

import pytest

from chanlint.engine import vocabulary
from chanlint.engine.vocabulary import FEW_NAMES, Vocabulary

TEXT = b"xname1 name2 name3x 'name4' name5.name6(name7_) name8\xc3\xa9 # name9"
MANY = {b"name%d" % number for number in range(FEW_NAMES + 5)}


def test_words_are_whole_words() -> None:
    words = Vocabulary({"a.py": TEXT, "b.py": b"nothing here"}.get)
    many = words.searcher(MANY)
    assert {*many("a.py")} == {b"name2", b"name4", b"name5", b"name6", b"name9"}
    assert {*many("b.py")} == {*many("gone.py")} == set()
    few = Vocabulary({"a.py": TEXT, "b.py": b"nothing here"}.get).searcher({b"name1", b"name2", b"name3", b"nothing"})
    assert [{*few(module)} for module in ("a.py", "b.py")] == [{b"name2"}, {b"nothing"}]


def test_a_file_without_the_marks_of_the_names_is_not_read_again() -> None:
    read = []

    def reading(module: str) -> bytes:
        read.append(module)
        return TEXT

    words = Vocabulary(reading)
    assert {*words.searcher(MANY)("a.py")} >= {b"name2"}
    assert [*words.searcher({b"other", b"names"})("a.py")] == []
    assert {*words.searcher({b"name5", b"other"})("a.py")} == {b"name5"}
    assert read == ["a.py"] * 2


def test_words_of_the_same_mark_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "_BITS", 1)
    words = Vocabulary({"a.py": TEXT}.get)
    assert {*words.searcher(MANY)("a.py")} == {*words.searcher(MANY)("a.py")}
    assert {*words.searcher({b"name1", b"name2", b"name3"})("a.py")} == {b"name2"}
