"""What a user sees: findings with every place resolved and every text rendered.

Nouns:

* **Diagnostic**: one finding, ready to be printed.
* **RelatedLocation**: a further place of a finding, with its role in the story (``created``, ``spawned``, ...).
* **Severity** and **Confidence**: how bad it is, and how much of the program was seen before saying so.
* **Blocked**: who stays behind, and how many of them.
* **Identity**: by what a finding is known again after its file was edited, moved or renamed.

Formats read these values only; nothing here knows a rule, a library or a syntax tree.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from chanlint.source import Location


class Severity(enum.StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Larger is worse."""
        return {"error": 3, "warning": 2, "info": 1}[self.value]


class Confidence(enum.StrEnum):
    """How much was seen: every actor and ending (high), all but what others could reach (medium), or an escape (low)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """Larger is surer."""
        return {"high": 3, "medium": 2, "low": 1}[self.value]


class Role(enum.StrEnum):
    """What a related place is in the story of a finding."""

    CREATED = "created"
    SPAWNED = "spawned"
    RECEIVES = "receives"
    SENDS = "sends"
    CLOSES = "closes"
    JOINS = "joins"
    SKIPS_CLOSE = "skips-close"
    ESCAPES = "escapes"


class Blocked(NamedTuple):
    """Who stays blocked.

    Attributes:
        actor: the kind of actor: ``thread``, ``task``, ``process``, ``greenlet``, ``caller``.
        count: how many, a number or ``"many"``.
        per: what it grows with: ``"call"``, ``"object"``, ``"program"``.
    """

    actor: str
    count: int | str  # type: ignore[assignment]  # the method of tuples, which nobody misses here
    per: str


class Identity(NamedTuple):
    """What a finding is about, however its file is edited: no row, nothing of the wording.

    Attributes:
        path: from the project root.
        function: the function's name within its module, ``""`` at module level.
        channel: the channel's name in the source.
    """

    code: str
    path: str
    function: str = ""
    channel: str = ""


class RelatedLocation(NamedTuple):
    """A further place of a finding."""

    role: Role
    message: str
    filename: str
    location: Location
    end_location: Location
    cell: int | None = None


class Diagnostic(NamedTuple):
    """One finding as the formats print it; the fields are those of the JSON contract.

    ``filename`` is relative to the current folder when below it, else absolute, with ``/`` separators. In a notebook places are
    rows of the code cell ``cell``, counted from 1.
    """

    code: str
    name: str
    message: str
    severity: Severity
    confidence: Confidence
    filename: str
    location: Location
    end_location: Location
    related: tuple[RelatedLocation, ...] = ()
    function: str | None = None
    blocked: Blocked | None = None
    help: str | None = None
    fingerprint: str = ""
    url: str | None = None
    identity: Identity | None = None
    cell: int | None = None

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """The order in which findings are printed, in every format and every run."""
        return (self.filename, self.location.row, self.location.column, self.code, self.message)
