"""What earlier runs left for this one, and what it leaves for others.

Nouns:

* **Kept**: packed files, notes and verdicts of one project, for one chanlint and one version of Python.
"""

from __future__ import annotations

from typing import NamedTuple

from chanlint.engine.notes import KeptNotes
from chanlint.engine.shelf import KeptFiles
from chanlint.engine.store import Store
from chanlint.engine.trace import Watcher
from chanlint.engine.verdicts import KeptVerdicts


class Kept(NamedTuple):
    """See above."""

    files: KeptFiles
    notes: KeptNotes
    verdicts: KeptVerdicts

    @classmethod
    def of(cls, store: Store, depends: str, watcher: Watcher, *, whole: bool) -> Kept:
        """What is in a store.

        Args:
            depends: what all of it depends on, besides the files.
            watcher: how files are looked at.
            whole: whether somebody wants to know about cleared channels.
        """
        return cls(KeptFiles(store, depends), KeptNotes(store, depends, watcher), KeptVerdicts(store, depends, whole=whole))

    def save(self) -> None:
        """Leaves what this run found out."""
        self.notes.save()
        self.verdicts.save()
