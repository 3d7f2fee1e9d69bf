"""How ops and other small dataclasses show themselves to whoever looks for a defect of chanlint's own."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True, eq=False, repr=False)
class Shown:
    """The base of dataclasses with one ``repr`` for all: making one for each takes longer than loading all else of a module."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self))
        return f"{type(self).__name__}({shown})"
