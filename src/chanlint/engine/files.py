"""What is asked of the project's files, one by one, before anything is analysed.

Nouns:

* **Files**: answers from notes where a file's content is the one noted, else by looking.
* **LaterLowered**: a lowered file whose IR and text are fetched when they are needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from chanlint.catalogue.schema import Catalogue
from chanlint.catalogue.words import maker_words
from chanlint.engine.carriers import Carriers
from chanlint.engine.copying import can_fork
from chanlint.engine.forks import MOST_TASKS, Forks
from chanlint.engine.needles import Needles
from chanlint.engine.notes import Closely, KeptNotes, Note, Wanted
from chanlint.engine.project import Index
from chanlint.engine.weighing import Carried, weigh
from chanlint.engine.words import words_among
from chanlint.frontends.base import LaterSourceMap, Lowered, Problem
from chanlint.frontends.python.outline import Outline, Outliner, imports_of
from chanlint.frontends.registry import front_end_for
from chanlint.ir.ids import ModuleId, OpId
from chanlint.ir.ops import Import, ImportStar
from chanlint.ir.program import Module
from chanlint.source import SourceFile, Span

WORTH_FILES = 1_000
"""Fewer files are looked at sooner than a process is copied."""
CHUNK = 50
"""Files that are looked at together."""

MAX_WEIGHED = 4
"""Answers of one module that are kept for different answers of others."""

_NEEDLE, _SURE, _HAND_OVER, _COMMENTED = "nshc"
"""Flags of notes. A file without a needle has neither of the two that say more about needles."""
_STEERING = (b"chanlint:", b"CHN")


class Sought(NamedTuple):
    """What is looked for in every file.

    Attributes:
        needles: see `chanlint.engine.scope`.
        sure: needles that need no closer look.
        hand_overs: what a file that hands something to another thread contains.
        words: see `chanlint.frontends.python.outline`.
    """

    needles: tuple[bytes, ...]
    sure: tuple[bytes, ...] = ()
    hand_overs: tuple[bytes, ...] = ()
    words: frozenset[str] = frozenset()

    @classmethod
    def of(cls, catalogue: Catalogue) -> Sought:
        """What a catalogue is about."""
        words = maker_words(catalogue)
        return cls(catalogue.needles, words.sure, words.hand_overs, words.words)


class Files:
    """See above.

    Args:
        index: the project's modules.
        read: a file's bytes, or why there are none.
        sought: see above.
        kept: the notes of earlier runs; without them nothing is kept either.
        jobs: how many processes may look at many files.
    """

    def __init__(
        self,
        index: Index,
        read: Callable[[ModuleId], bytes | Problem],
        sought: Sought,
        kept: KeptNotes | None = None,
        jobs: int = 1,
    ) -> None:
        self.index = index
        self._jobs = jobs
        self._read = read
        self._needles = Needles(sought.needles)
        self._flags = ((_SURE, sought.sure), (_HAND_OVER, sought.hand_overs))
        self._outliner = Outliner(sought.words)
        self._kept = kept
        self._notes: dict[ModuleId, Note | None] = {}
        self._as_noted: set[ModuleId] = set()
        self.unreadable: dict[ModuleId, Problem] = {}

    def read(self, module: ModuleId) -> bytes | None:
        """A file's bytes, or None where it cannot be read."""
        data = self._read(module)
        if isinstance(data, Problem):
            self.unreadable[module] = data
            return None
        return data

    def look_at_all(self) -> None:
        """Looks at every file, in several processes where there are many that nothing is known of."""
        if self._kept is not None and self._kept.has_any():
            return  # most are known from before

        def look(chunk: Sequence[ModuleId]) -> list[list[str]]:
            return [row for module in chunk if (row := self._row(module)) is not None]

        for row in self._shared(sorted(self.index.paths), look):
            module, observed, flags, imports, outline = row
            if self._kept is not None:
                self._kept.observe(module, observed)
            digest = self._kept.same(module)[1] if self._kept is not None else ""
            self._add(module, Note("", digest, flags, (imports, outline, "")))

    def _row(self, module: ModuleId) -> list[str] | None:
        """What another process is told of a file; nothing of one that cannot be read, which it tries itself."""
        note = self._note(module)
        if note is None:
            return None
        if _NEEDLE in note.flags and _SURE not in note.flags:
            self.outline(module)
        observed = self._kept.observed(module) if self._kept is not None else ""
        return [module, observed, note.flags, *note.seen()]

    def _shared(
        self, modules: Sequence[ModuleId], work: Callable[[Sequence[ModuleId]], list[list[str]]]
    ) -> Iterator[list[str]]:
        """What ``work`` says about files, where it is worth a second process; nothing about those done in this one."""
        chunks = [modules[start : start + CHUNK] for start in range(0, len(modules), CHUNK)]
        if self._jobs < 2 or len(modules) < WORTH_FILES or len(chunks) > MOST_TASKS or not can_fork():
            return
        with Forks(range(len(chunks)), self._jobs - 1, lambda task: json.dumps(work(chunks[task])).encode()) as forks:
            for task in forks.tasks():
                work(chunks[task])
            for _, answer in forks.answers():
                yield from json.loads(answer or b"[]")

    def _add(self, module: ModuleId, note: Note | None) -> None:
        self._notes[module] = note
        if note is not None and self._kept is not None:
            self._kept.current[module] = note

    def _note(self, module: ModuleId) -> Note | None:
        """What is known of a file, or None where it cannot be read."""
        if module not in self._notes:
            self._add(module, self._look(module))
        return self._notes[module]

    def _look(self, module: ModuleId) -> Note | None:
        kept, digest = self._kept, ""
        known = kept.still(module) if kept is not None else None
        if known is None:
            data = self.read(module)
            if data is None:
                return None
            if kept is not None:
                known, digest = kept.same(module)
            if known is None:
                return Note("", digest, self._flags_of(data))
        self._as_noted.add(module)
        return known

    def _flags_of(self, data: bytes) -> str:
        found = [_COMMENTED] if any(word in data for word in _STEERING) else []
        if self._needles.are_in(data):
            found += [_NEEDLE, *(flag for flag, words in self._flags if any(word in data for word in words))]
        return "".join(found)

    # -- the text -------------------------------------------------------------------------------------------------------

    def has_needle(self, module: ModuleId) -> bool | None:
        """Whether a file contains a needle; None where it cannot be read."""
        note = self._note(module)
        return _NEEDLE in note.flags if note is not None else None

    def has_sure_needle(self, module: ModuleId) -> bool:
        """Whether it contains one that needs no closer look."""
        return self._has_flag(module, _SURE)

    def hands_over(self, module: ModuleId) -> bool:
        """Whether a file may hand something to another thread."""
        return self._has_flag(module, _HAND_OVER)

    def is_commented(self, module: ModuleId) -> bool:
        """Whether a file may contain comments that steer chanlint."""
        return self._has_flag(module, _COMMENTED)

    def _has_flag(self, module: ModuleId, flag: str) -> bool:
        note = self._note(module)
        return note is not None and flag in note.flags

    def outline(self, module: ModuleId) -> Outline | None:
        """What a file says without a parser, or None where it cannot be read."""
        note = self._note(module)
        if note is None:
            return None
        known = note.outline
        if known is None:
            known = note.outline = self._outliner.outline(self.read(module) or b"")
        return known

    def imports(self, module: ModuleId) -> Iterator[tuple[str, int]]:
        """What a file imports, read off its text: dotted names with their levels."""
        note = self._note(module)
        if note is None:
            return
        known = note.imports
        if known is None:
            known = note.imports = tuple(imports_of(self.read(module) or b""))
        seen: set[tuple[str, int]] = set()
        for one in known:
            if (one.module, one.level) not in seen:
                seen.add((one.module, one.level))
                yield one.module, one.level
            if one.name is not None:
                yield f"{one.module}.{one.name}" if one.module else one.name, one.level

    def with_words(self, names: Iterable[str]) -> dict[str, set[ModuleId]]:
        """Which of ``names`` stand as whole words in which files."""
        found: dict[str, set[ModuleId]] = {name: set() for name in names}
        news = {}
        for name, files in found.items():
            noted = self._kept.mentioned(name) if self._kept is not None else None
            if noted is None:
                news[name.encode(errors="surrogateescape")] = name
            else:
                files.update(self._as_noted.intersection(noted))
        every = {name.encode(errors="surrogateescape"): name for name in found}
        of_news, of_every = frozenset(news), frozenset(every)

        def search(chunk: Sequence[ModuleId]) -> list[list[str]]:
            told = []
            for module in chunk:
                wanted = of_news if module in self._as_noted else of_every
                words = [every[word] for word in words_among(wanted, (self.read(module) if wanted else None) or b"")]
                for word in words:
                    found[word].add(module)
                done.add(module)
                told.append([module, *words])
            return told

        done: set[ModuleId] = set()
        modules = [module for module in self.index.paths if news or module not in self._as_noted]
        for module, *words in self._shared(modules, search):
            done.add(module)
            for word in words:
                found[word].add(module)
        search([module for module in modules if module not in done])
        if self._kept is not None:
            self._kept.mentions.update(found)
        return found

    def gist(self, module: ModuleId, words: Sequence[str], *, imports: bool, outline: bool) -> str | None:
        """A file's gist (see `chanlint.engine.gists`), with its imports and outline if asked; None if it cannot be read.

        ``words`` are the names searched for that stand in it, in order.
        """
        note = self._note(module)
        if note is None:
            return None
        if outline:
            self.outline(module)
        elif imports:
            any(self.imports(module))
        return note.gist(words)

    # -- what reading it closely gives ----------------------------------------------------------------------------------

    def learn(self, module: ModuleId, lowered: Lowered, meaning: str | None) -> None:
        """Notes what lowering a file gave; ``meaning`` is a digest of its IR."""
        note = self._note(module) if self._kept is not None else None
        if note is not None and meaning is not None:
            imports = imports_of_ops(lowered.module) if lowered.module is not None else ()
            note.closely = Closely(meaning, imports, (lowered.suppressions, lowered.problems))

    def closely(self, module: ModuleId) -> Closely | None:
        """What reading a file closely gave, or None where nothing is kept."""
        note = self._note(module) if self._kept is not None else None
        return note.closely if note is not None else None

    def carriers(self, module: ModuleId, find: Callable[[Carried], Carriers], carried: Carried) -> Carriers:
        """What ``find`` says about a module where others answer ``carried``."""
        closely = self.closely(module)
        if closely is None:
            return find(carried)
        for known in closely.weighed:
            if known.holds(carried):
                return known.carriers
        closely.weighed = [weigh(find, carried), *closely.weighed][:MAX_WEIGHED]
        closely.changed = True
        return closely.weighed[0].carriers

    def span(self, op: OpId, look: Callable[[OpId], Span]) -> Span:
        """Where an op stands; ``look`` finds out."""
        closely = self.closely(op.function.module)
        if closely is None:
            return look(op)
        key = (op.function.qualname, op.op)
        if key not in closely.places:
            closely.places[key] = look(op)
            closely.changed = True
        return closely.places[key]


class LaterLowered(Lowered):
    """See above.

    Args:
        id: the module.
        closely: what is known of it.
        read: gives its text.
        load: gives its IR.
        target: the Python version that it was lowered for.
    """

    __slots__ = ("_has_module", "_id", "_load", "_read", "_target")

    def __init__(
        self,
        id: ModuleId,
        closely: Closely,
        read: Callable[[ModuleId], SourceFile],
        load: Callable[[ModuleId], Module | None],
        target: tuple[int, int],
    ) -> None:
        self.suppressions, self.problems = closely.comments
        self._has_module = bool(closely.ir)
        self._id = id
        self._read = read
        self._load = load
        self._target = target

    @property
    def has_module(self) -> bool:
        """As `Lowered.has_module`, without a look."""
        return self._has_module

    def __getattr__(self, name: str) -> Any:
        """Fetches what was not needed so far."""
        if name == "source":
            self.source = self._read(self._id)
        elif name == "module":
            self.module = self._load(self._id) if self._has_module else None
        elif name == "source_map":
            places = LaterSourceMap(front_end_for(self._id), self.source, self._target) if self._has_module else None
            self.source_map = places
        else:
            raise AttributeError(name)
        return getattr(self, name)


def imports_of_ops(module: Module) -> Wanted:
    """What the ops of a module import: dotted names with their levels."""
    found: dict[tuple[str, int], None] = {}
    for function in module.functions.values():
        for op in function.cfg.ops():
            if isinstance(op, Import) and op.name:
                found[f"{op.module}.{op.name}" if op.module else op.name, op.level] = None
            elif isinstance(op, Import | ImportStar):
                found[op.module, op.level] = None
    return tuple(found)
