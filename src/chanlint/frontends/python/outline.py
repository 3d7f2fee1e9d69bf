"""What a file says about some words, read off its bytes without parsing it: a hundred times as fast as a parser.

Nouns:

* **Mention**: a dotted name whose last part is one of the words, outside comments and strings; ``context.Queue``. Of what
  stands before the dots, only names are seen: in ``make().Queue`` it is ``?.Queue``.
* **Binding**: what an import gives a name of the file: a module, or something from a module.

It errs towards too much (imports in docstrings, words within a short string, which may be an annotation) and never fails:
a file that it cannot follow to its end is `broken`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

_STRINGS = (
    rb'"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+(?:"""|(?P<open>\\?\Z))',
    rb"'''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+(?:'''|(?P<single_open>\\?\Z))",
    rb'"(?!"")[^"\\\r\n]*+(?:\\(?:\r\n|.)[^"\\\r\n]*+)*+"',
    rb"'(?!'')[^'\\\r\n]*+(?:\\(?:\r\n|.)[^'\\\r\n]*+)*+'",
    rb'"(?P<torn>)',
    rb"'(?P<single_torn>)",
)
"""Strings from their quotes on; ``torn`` is one without an end."""
_COMMENTED = rb"#[^\r\n]*+"
_PREFIXES_OF_STRINGS = frozenset(bytes((letter,)) for letter in b"rRbBuUfFtT")
_HASH = ord("#")
_BEFORE = re.compile(rb"[\w.\x80-\xff]*\Z")
_LONGEST_NAME = 200
_ANNOTATION = re.compile(rb"[\"'](?!.*\w \w)[\w.\[\], |]{1,80}[\"']")
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(?P<source>\.*[ \t]*[\w.]*)[ \t]+import[ \t]*(?P<names>\([^)]*\)|[^\n#;]*)"
    rb"|import[ \t]+(?P<modules>[^\n#;]+))",
    re.MULTILINE,
)
_ITEM = re.compile(rb"(?P<name>[^\W\d][\w.]*|\*)(?:[ \t]+as[ \t]+(?P<alias>\w+))?")
_COMMENT = re.compile(rb"#[^\r\n]*")
_DEFINED = re.compile(rb"^[ \t]*(?:class|(?:async[ \t]+)?def)[ \t]+(\w+)", re.MULTILINE)


class Import(NamedTuple):
    """One item of an import: ``name`` is None for a module itself, ``*`` for all; ``bound``: the name that it binds."""

    module: str
    name: str | None
    level: int
    bound: str


@dataclass(frozen=True, slots=True)
class Outline:
    """What was found.

    Attributes:
        mentions: see above.
        imports: all imports, wherever they stand.
        defined: the names of classes and functions that the file defines, wherever they stand.
        broken: the text ends within a string.
    """

    mentions: frozenset[str] = frozenset()
    imports: tuple[Import, ...] = ()
    defined: frozenset[str] = frozenset()
    broken: bool = False
    by_name: dict[str, list[Import]] = field(default_factory=dict)


def outlined(mentions: Iterable[str], imports: Iterable[Import], defined: Iterable[str], *, broken: bool) -> Outline:
    """An outline of these parts."""
    imports, by_name = tuple(imports), dict[str, list[Import]]()
    for one in imports:
        by_name.setdefault(one.bound, []).append(one)
    return Outline(frozenset(mentions), imports, frozenset(defined), broken, by_name)


class Outliner:
    """Makes outlines for one set of words."""

    def __init__(self, words: Iterable[str]) -> None:
        sorted_words = sorted(words, key=lambda word: (-len(word), word))
        bounded = [re.escape(word.encode()) + rb"\b" for word in sorted_words]
        self._word = re.compile(b"|".join(bounded))
        # Each alternative begins with a letter of its own: what begins with no such letter is passed over nine times as fast.
        self._code = re.compile(b"|".join((*_STRINGS, _COMMENTED, *bounded)), re.DOTALL)

    def outline(self, data: bytes) -> Outline:
        """The outline of a file's bytes, whatever encoding they are in that keeps ASCII."""
        mentions: set[str] = set()
        broken = False
        for match in self._code.finditer(data):
            kind, start = match.lastgroup, match.start()
            if kind == "open" or kind == "single_open":
                broken = True
            elif kind is not None:  # a string without an end; going on would look for the end again at each further quote
                broken = True
                break
            elif data[start] in b"\"'":
                if _ANNOTATION.fullmatch(match[0]) and data[start - 1 : start] not in _PREFIXES_OF_STRINGS:
                    inner = match[0][1:-1]
                    mentions.update(self._mention(inner, word.start(), word.end()) for word in self._word.finditer(inner))
            elif data[start] != _HASH:
                mentions.add(self._mention(data, start, match.end()))
        return outlined(mentions, imports_of(data), (name.decode() for name in _DEFINED.findall(data)), broken=broken)

    def _mention(self, data: bytes, start: int, end: int) -> str:
        before = _BEFORE.search(data, max(0, start - _LONGEST_NAME), start)
        chain = (before[0] if before else b"") + data[start:end]
        text = chain.decode("ascii", errors="replace")
        return "?" + text if text.startswith(".") else text


def imports_of(data: bytes) -> Iterable[Import]:
    """The imports of a file, one by one."""
    for match in _IMPORT.finditer(data.replace(b"\\\n", b" ").replace(b"\\\r\n", b" ")):
        if match["modules"] is not None:
            for item in _ITEM.finditer(match["modules"]):
                name = item["name"].decode(errors="replace")
                alias = item["alias"].decode(errors="replace") if item["alias"] else name.partition(".")[0]
                yield Import(name, None, 0, alias)
            continue
        text = match["source"].decode(errors="replace").replace(" ", "").replace("\t", "")
        module = text.lstrip(".")
        for item in _ITEM.finditer(_COMMENT.sub(b"", match["names"])):
            name = item["name"].decode(errors="replace")
            yield Import(module, name, len(text) - len(module), item["alias"].decode() if item["alias"] else name)
