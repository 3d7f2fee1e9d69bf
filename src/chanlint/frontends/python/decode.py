"""Bytes to text, as PEP 263 says, whatever Python runs chanlint.

A byte order mark means UTF-8; else a coding cookie in one of the first two rows names the encoding; else it is UTF-8. Only
the text encodings that come with Python are known: a name is looked up in a fixed table, never handed to the import system.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases

from chanlint.frontends.base import Problem
from chanlint.frontends.python.rows import Rows, point

_ROW_END = re.compile(rb"\r\n|\n|\r")
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"[ \t\f]*(?:#.*)?\Z")
_NOT_TEXT = frozenset(
    {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}  # bytes or str to the same
    | {"mbcs", "utf_7", "idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}  # ASCII is not itself in them
    | {"utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"}  # no cookie could be read in them
)
_ENCODINGS = (frozenset(aliases.values()) | {"utf_8_sig", "koi8_u", "cp720", "cp856", "cp874", "cp1006"}) - _NOT_TEXT
_UTF8 = frozenset({"utf_8", "utf_8_sig"})


def decode(data: bytes) -> str | Problem:
    """The text of a file without its byte order mark, or why its bytes are no Python source."""
    marked = data.startswith(codecs.BOM_UTF8)
    if marked:
        data = data[len(codecs.BOM_UTF8) :]
    row, name = _cookie(data)
    encoding = "utf_8" if name is None else _known(name)
    if encoding is None:
        return Problem(f"unknown encoding: {name}", point(row, 1))
    if marked and encoding not in _UTF8:
        return Problem(f"encoding {name} contradicts the UTF-8 byte order mark", point(row, 1))
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = Rows(data[: error.start].decode(encoding, "replace") + " ")
        place = before.location(len(data[: error.start].decode(encoding, "replace")))
        shown = encoding.replace("_", "-")
        return Problem(f"cannot be decoded as {shown}: byte 0x{data[error.start]:02x}", point(place.row, place.column))
    if "\0" in text:
        place = Rows(text).location(text.index("\0"))
        return Problem("contains a NUL character", point(place.row, place.column))
    return text


def _cookie(data: bytes) -> tuple[int, str | None]:
    """The row and the name of the coding cookie; no name where there is none."""
    for row, line in enumerate(_ROW_END.split(data[:2000], maxsplit=2)[:2], 1):
        match = _COOKIE.match(line)
        if match is not None:
            return row, match[1].decode("ascii", "replace")
        if _BLANK.match(line) is None:
            break
    return 1, None


def _known(name: str) -> str | None:
    normal = re.sub(r"[^a-z0-9.]+", "_", name.lower())
    if normal == "utf_8" or normal.startswith("utf_8_"):
        return "utf_8"  # as Python reads it: utf-8-unix and the like
    if normal.startswith(("latin_1_", "iso_8859_1_", "iso_latin_1_")):
        return "latin_1"
    encoding = aliases.get(normal.replace(".", "_"), normal)
    return encoding if encoding in _ENCODINGS else None
