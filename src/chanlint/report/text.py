"""Makes text safe and predictable on a terminal.

Nouns:

* **Visible text**: text in which every character either prints as itself or stands there as an escape (``\\x1b``, ``\\u202e``).
* **Cell**: one column of a terminal. East Asian wide characters take two, combining ones none.
"""

from __future__ import annotations

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that move the cursor, turn the writing direction, or do not show at all."""


def visible(text: str) -> str:
    """``text`` with every control, formatting and unassigned character written as an escape; line ends and tabs, too."""
    return text if text.isascii() and text.isprintable() else "".join(map(visible_character, text))


def visible_character(character: str) -> str:
    """One character, or its escape."""
    if " " <= character <= "~":
        return character
    import unicodedata  # most text is ASCII

    if unicodedata.category(character) not in _HIDDEN and character != "\u2800":
        return character
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that was not UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def width_of(text: str) -> int:
    """How many columns visible text takes."""
    return len(text) if text.isascii() else sum(map(cells, text))


def cells(character: str) -> int:
    """How many columns a visible character takes."""
    if character.isascii():
        return 1
    import unicodedata

    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
