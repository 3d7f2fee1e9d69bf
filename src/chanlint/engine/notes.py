"""What is known of single files, kept from run to run: what did not change is not looked at again.

Nouns:

* **Note**: what one file's content told: flags, what it imports, its outline, what reading it closely gave. It counts for that
  content only, which its mark (see `chanlint.engine.trace`) stands for where the file is not young.
* **Flag**: a letter for something that the bytes contain; `chanlint.engine.files` says which there are.
* **Closely**: the part of a note for which the file was lowered: a digest of its IR, its comments, its carriers, places.
* **Mentions**: in which files a name was found that the search went for.

A note is parsed when it is asked for, and what cannot be parsed is not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from chanlint.engine.checked import listed, number, table, text, text_or_none
from chanlint.engine.packing import Comments, read_comments, write_comments
from chanlint.engine.store import Store
from chanlint.engine.trace import Watcher, digest_of
from chanlint.engine.weighing import Weighed, read_weighed, write_weighed
from chanlint.frontends.python.outline import Import, Outline, outlined
from chanlint.ir.ids import HEADER, ModuleId
from chanlint.source import Location, Span

KIND = "notes"

_Part = TypeVar("_Part")

_MAGIC = "chanlint notes 1"
_BROKEN = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_DIGEST = re.compile("[0-9a-f]{64}")
Wanted = tuple[tuple[str, int], ...]
"""What a module imports: dotted names and levels."""
PlaceKey = tuple[str, int]
"""A function's qualified name and an op in it."""


@dataclass(slots=True)
class Closely:
    """See above.

    Attributes:
        ir: a digest of the module's IR, ``""`` where the file could not be understood.
        imports: what the ops import.
        comments: suppressions and problems.
        weighed: carriers under different answers of other modules.
        places: where some ops stand.
        changed: whether that is more than was read from text.
    """

    ir: str
    imports: Wanted
    comments: Comments
    weighed: list[Weighed] = field(default_factory=list)
    places: dict[PlaceKey, Span] = field(default_factory=dict)
    changed: bool = True


class Note:
    """See above. ``imports``, ``outline`` and ``closely`` are None as long as nobody has asked for them.

    Args:
        mark: the file's mark when it was noted.
        digest: that of its content.
        flags: see above.
        texts: the other parts as text.
        row: the row of text that all this was read from.
    """

    __slots__ = ("_closely", "_imports", "_outline", "_row", "_texts", "digest", "flags", "mark")

    def __init__(self, mark: str, digest: str, flags: str, texts: Iterable[str] = ("", "", ""), row: str = "") -> None:
        self.mark = mark
        self.digest = digest
        self.flags = flags
        self._texts = [*texts]
        self._row = row
        self._imports: tuple[Import, ...] | None = None
        self._outline: Outline | None = None
        self._closely: Closely | None = None

    @property
    def imports(self) -> tuple[Import, ...] | None:
        """What the text imports."""
        if self._imports is None:
            self._imports = self._parsed(0, _read_imports)
        return self._imports

    @imports.setter
    def imports(self, imports: tuple[Import, ...]) -> None:
        self._imports, self._row = imports, ""

    @property
    def outline(self) -> Outline | None:
        """What the file says without a parser."""
        if self._outline is None and self.imports is not None:
            self._outline = self._parsed(1, partial(_read_outline, self.imports))
        return self._outline

    @outline.setter
    def outline(self, outline: Outline) -> None:
        self._outline, self._imports, self._row = outline, outline.imports, ""

    @property
    def closely(self) -> Closely | None:
        """What reading it closely gave."""
        if self._closely is None:
            self._closely = self._parsed(2, _read_closely)
        return self._closely

    @closely.setter
    def closely(self, closely: Closely) -> None:
        self._closely = closely

    def _parsed(self, part: int, read: Callable[[object], _Part]) -> _Part | None:
        if self._texts[part]:
            try:
                return read(json.loads(self._texts[part]))
            except _BROKEN:
                self._texts[part] = self._row = ""
        return None

    def seen(self) -> tuple[str, str]:
        """What the text imports and the outline, as text."""
        imports, outline, _ = self._texts
        if self._imports is not None and not imports:
            imports = _text_of(self._imports)
        if self._outline is not None and not outline:
            outline = _text_of(_write_outline(self._outline))
        return imports, outline

    def gist(self, words: Sequence[str]) -> str:
        """See `chanlint.engine.gists`; ``words`` are the names searched for that stand in the file."""
        imports, outline = self.seen()
        if not (self.flags or words or imports or outline):
            return ""
        told = digest_of(f"{imports}\n{outline}".encode(errors="surrogateescape")) if imports or outline else ""
        return _text_of([self.flags, words, bool(imports), bool(outline), told])

    def line(self, module: ModuleId, mark: str) -> str:
        """The note as a row of text."""
        if self._row and mark == self.mark and (self._closely is None or not self._closely.changed):
            return self._row
        texts = [*self.seen(), self._texts[2]]
        if self._closely is not None:
            texts[2] = _text_of(_write_closely(self._closely))
        return "\t".join((module, mark, self.digest, self.flags, *texts))


class KeptNotes:
    """The notes of a project.

    Args:
        store: where they are.
        depends: what all of them depend on, besides the files.
        watcher: how files are looked at.
    """

    def __init__(self, store: Store, depends: str, watcher: Watcher) -> None:
        self._store = store
        self._depends = depends
        self._watcher = watcher
        self._name = ""
        self._paths: Mapping[ModuleId, str] = {}
        self._known: dict[ModuleId, Note] = {}
        self._mentions: dict[str, list[ModuleId]] = {}
        self.current: dict[ModuleId, Note] = {}
        """The notes of this run."""
        self.mentions: dict[str, set[ModuleId]] = {}
        """The mentions of this run."""

    def open(self, depends: str, paths: Mapping[ModuleId, str]) -> None:
        """Reads the notes of earlier runs about files at ``paths`` that depended on the same."""
        self._paths = paths
        self._name = digest_of(f"{self._depends}\n{depends}".encode(errors="surrogateescape"))
        data = self._store.read(KIND, self._name) or b""
        checksum, _, body = data.partition(b"\n")
        if checksum == digest_of(body).encode():
            try:
                self._read(body.decode("utf-8", "surrogateescape"))
            except _BROKEN:
                self._known, self._mentions = {}, {}

    def still(self, module: ModuleId) -> Note | None:
        """The note of a file whose mark says that its content is the one noted."""
        note = self._known.get(module)
        return note if note is not None and self._watcher.is_still(self._paths[module], note.mark, note.digest) else None

    def same(self, module: ModuleId) -> tuple[Note | None, str]:
        """The note of a file that was just read, if the content is the one noted; and the content's digest."""
        note, digest = self._known.get(module), self._watcher.contents[self._paths[module]][1]
        return note if note is not None and note.digest == digest else None, digest

    def has_any(self) -> bool:
        """Whether earlier runs left notes."""
        return bool(self._known)

    def observed(self, module: ModuleId) -> str:
        """What was seen of a file that was read, as text for the same watcher in another process."""
        return self._watcher.observed(self._paths[module])

    def observe(self, module: ModuleId, observed: str) -> None:
        """Takes what another process has seen."""
        self._watcher.observe(self._paths[module], observed)

    def mentioned(self, name: str) -> list[ModuleId] | None:
        """The files in which earlier runs found a name, or None where they did not look."""
        return self._mentions.get(name)

    def gists(self) -> dict[ModuleId, str]:
        """The gist of every file of this run."""
        words: dict[ModuleId, list[str]] = {}
        for name, modules in sorted(self.mentions.items()):
            for module in modules:
                words.setdefault(module, []).append(name)
        return {module: note.gist(words.get(module, ())) for module, note in self.current.items()}

    def save(self) -> None:
        """Writes the notes of this run."""
        if not self._name or not self.current:
            return
        numbers: dict[ModuleId, int] = {}
        lines: list[str] = []
        for module, note in self.current.items():
            if "\t" in module or "\n" in module or "\r" in module:
                continue
            numbers[module] = len(lines)
            lines.append(note.line(module, self._watcher.contents[self._paths[module]][0]))
        mentions = {
            name: sorted(numbers[module] for module in modules)
            for name, modules in sorted(self.mentions.items())
            if modules <= numbers.keys()
        }
        body = "\n".join((_MAGIC, _text_of(mentions), *lines)).encode("utf-8", "surrogateescape")
        self._store.write(KIND, self._name, digest_of(body).encode() + b"\n" + body)

    def _read(self, body: str) -> None:
        magic, mentions, *lines = body.split("\n")
        if magic != _MAGIC:
            return
        for line in lines:
            module, mark, digest, flags, *texts = line.split("\t")
            if not _DIGEST.fullmatch(digest):
                raise ValueError("no digest")
            imports, outline, closely = texts
            self._known[module] = Note(mark, digest, flags, (imports, outline, closely), line)
        modules = [*self._known]
        for name, numbers in table(json.loads(mentions)).items():
            self._mentions[name] = [modules[number(one)] for one in listed(numbers)]


# -- as text ----------------------------------------------------------------------------------------------------------------


def _text_of(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _wanted(raw: object) -> Wanted:
    return tuple((text(name), number(level)) for name, level in map(_pair, listed(raw)))


def _pair(raw: object) -> list[object]:
    return listed(raw, 2)


def _read_imports(raw: object) -> tuple[Import, ...]:
    imports = []
    for row in listed(raw):
        module, name, level, bound = listed(row, 4)
        imports.append(Import(text(module), text_or_none(name), number(level), text(bound)))
    return tuple(imports)


def _write_outline(one: Outline) -> list[object]:
    return [sorted(one.mentions), sorted(one.defined), one.broken]


def _read_outline(imports: tuple[Import, ...], raw: object) -> Outline:
    mentions, defined, broken = listed(raw, 3)
    return outlined(map(text, listed(mentions)), imports, map(text, listed(defined)), broken=broken is True)


def _write_closely(one: Closely) -> list[object]:
    places = [
        [qualname, op, span.start.row, span.start.column, span.end.row, span.end.column]
        for (qualname, op), span in one.places.items()
    ]
    return [one.ir, one.imports, write_comments(one.comments), [*map(write_weighed, one.weighed)], places]


def _read_closely(raw: object) -> Closely:
    ir, imports, comments, weighed, places = listed(raw, 5)
    return Closely(
        text(ir),
        _wanted(imports),
        read_comments(comments),
        [*map(read_weighed, listed(weighed))],
        dict(_read_places(places)),
        changed=False,
    )


def _read_places(raw: object) -> Iterator[tuple[PlaceKey, Span]]:
    for row in listed(raw):
        qualname, op, *numbers = listed(row, 6)
        start, column, end, last = map(number, numbers)
        if not (start and column and end and last):
            raise ValueError("rows and columns count from 1")
        yield (text(qualname), HEADER if op == HEADER else number(op)), Span(Location(start, column), Location(end, last))
