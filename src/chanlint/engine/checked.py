"""Values from a text that anybody may have written: each function gives its argument back, or raises ValueError."""

from __future__ import annotations

from typing import Any

MAX_TEXT = 1 << 16
"""Characters of one text."""


def listed(value: object, length: int | None = None) -> list[Any]:
    """A list, of that length."""
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise ValueError("not such a list")
    return value


def table(value: object) -> dict[str, Any]:
    """A table."""
    if not isinstance(value, dict):
        raise ValueError("not a table")
    return value


def number(value: object) -> int:
    """A number that no honest run exceeds."""
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise ValueError("not such a number")
    return value


def text(value: object) -> str:
    """A text of bounded length."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError("not such a text")
    return value


def text_or_none(value: object) -> str | None:
    """The same, or None."""
    return None if value is None else text(value)


def plain(value: object) -> str:
    """A word of chanlint's own, as formats print it unseen."""
    word = text(value)
    if not word.isascii() or not word.isprintable():
        raise ValueError("not such a word")
    return word


def count(value: object) -> int | str:
    """How many: a number or a word."""
    return plain(value) if isinstance(value, str) else number(value)
