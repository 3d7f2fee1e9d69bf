"""The values of literals as written in Python source."""

from __future__ import annotations

import ast


def string_value(text: str) -> str | bytes | None:
    """The value of one string or bytes literal with prefix and quotes; None for one that has no value."""
    if "\\" not in text and "\r" not in text:
        quote = text[0]
        if quote in "\"'":
            return text[3:-3] if text.startswith(quote * 3) and len(text) >= 6 else text[1:-1]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, (str, bytes)) else None


def integer(text: str) -> int | None:
    """The value of an integer literal; None where it has more digits than Python converts."""
    try:
        return int(text.replace("_", ""), 0)
    except ValueError:
        return None
