"""What every front end gives back for one file.

Nouns:

* **Lowered**: the module's IR, its source map, its comments that steer chanlint, and what could not be read.
* **Suppression**: one comment that silences findings.
* **Problem**: why a file (or one definition in it) was not understood; becomes a CHN000 finding.
* **LaterSourceMap**: the places of a file whose syntax tree is gone, or was never here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from chanlint.ir.ids import OpId
from chanlint.ir.program import Module
from chanlint.ir.source_map import SourceMap
from chanlint.source import SourceFile, Span


class Problem(NamedTuple):
    """Something that could not be read; ``message`` is one line for users, ``definition`` names what was left out."""

    message: str
    span: Span
    definition: str | None = None


class Suppression(NamedTuple):
    """One comment that silences findings.

    Attributes:
        kind: ``"noqa"`` (codes as flake8 reads them), ``"ignore"`` (``# chanlint: ignore[...]``) or ``"skip-file"``.
        row: the row of the comment (from 1).
        codes: codes, prefixes or rule names, as written.
        span: the comment itself.
        reason: the text after the brackets.
    """

    kind: str
    row: int
    codes: tuple[str, ...]
    span: Span
    reason: str = ""


@dataclass(slots=True)
class Lowered:
    """One file, lowered. ``module`` is None where the file could not be read at all; ``problems`` then says why."""

    source: SourceFile
    module: Module | None
    source_map: SourceMap | None
    suppressions: tuple[Suppression, ...] = ()
    problems: tuple[Problem, ...] = field(default=())

    @property
    def has_module(self) -> bool:
        """Whether the file could be read: then there are places in it."""
        return self.source_map is not None

    def forget(self) -> None:
        """Frees the IR, for which nobody may ask any more."""
        self.module = None


class FrontEnd(Protocol):
    """Lowers files of one language. Never raises for any input."""

    suffixes: frozenset[str]

    def lower(self, source: SourceFile, target_version: tuple[int, int]) -> Lowered:
        """The IR of ``source`` as Python ``target_version`` would run it."""
        ...


class LaterSourceMap:
    """A source map that lowers its file on the first question: few files have findings, and trees are large.

    Lowering is deterministic, so the ops of the second time are those of the first.

    Args:
        front_end: the one that lowered the file.
        source: its text.
        target_version: as it was lowered for.
    """

    def __init__(self, front_end: FrontEnd, source: SourceFile, target_version: tuple[int, int]) -> None:
        self._front_end = front_end
        self._source = source
        self._target = target_version
        self._places: SourceMap | None = None

    def span(self, op: OpId) -> Span:
        """The span of what ``op`` came from; LookupError where the file can no longer be read."""
        if self._places is None:
            self._places = self._front_end.lower(self._source, self._target).source_map
            if self._places is None:
                raise LookupError(f"{self._source.path} cannot be lowered again")
        return self._places.span(op)
