"""What a run found.

Nouns:

* **Report set**: the files that the user named.
* **Result**: the diagnostics in their final order, and what people want to know besides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from chanlint.engine.paths import display_path

if TYPE_CHECKING:
    from chanlint.diagnostics import Diagnostic, Identity
    from chanlint.engine.reading import Crash
    from chanlint.engine.rendering import Clearance
    from chanlint.ir.ids import ModuleId
    from chanlint.source import SourceFile

Progress = Callable[[str, int], None]
"""Told what is being done, and how many files were read closely so far."""


class ReportSet:
    """The files that are reported on; their names and paths are made when somebody asks: most runs only count them.

    Args:
        modules: their ids.
        paths: gives their absolute paths, in the same order.
        cwd: the current folder.
    """

    def __init__(self, modules: Sequence[ModuleId] = (), paths: Callable[[], Sequence[str]] = tuple, cwd: str = "") -> None:
        self.ids = modules
        self._paths = paths
        self._cwd = cwd

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def modules(self) -> frozenset[ModuleId]:
        """The files as modules."""
        return frozenset(self.ids)

    @cached_property
    def names(self) -> list[str]:
        """The files as diagnostics show them, in order."""
        return [display_path(path, self._cwd) for path in self._paths()]

    @cached_property
    def paths(self) -> dict[str, str]:
        """The absolute path of each file by its name in diagnostics."""
        return dict(zip(self.names, self._paths(), strict=True))


class Result:
    """What a run found.

    Attributes:
        diagnostics: sorted.
        report: see above.
        with_channels: how many of them name a channel's constructor.
        missing: paths that do not exist, as given.
        crashes: errors of chanlint's own.
        cleared: gives every channel about which nothing is reported, with the reason; looking up the places costs
            as much as for findings, so it is done on demand.
        skipped: a line for every file that a comment takes out of the check.
        limits: limits that were reached, with how often.
        ignored: a line for every summary that was of no use.
        source: the text of a file by the name under which diagnostics show it.
        known: how many findings the baseline took out.
        stale: entries of the baseline for which there is nothing any more.
        closely: the files that were read closely.
        lasting: whether another run would find the same in the same files.
        docs_url: where rule pages are, as the project root's configuration says.
    """

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.report = ReportSet()
        self.with_channels = 0
        self.missing: list[str] = []
        self.crashes: list[Crash] = []
        self.cleared: Callable[[], list[Clearance]] = list
        self.skipped: list[str] = []
        self.limits: dict[str, int] = {}
        self.ignored: list[str] = []
        self.source: Callable[[str], SourceFile | None] = lambda filename: None
        self.known = 0
        self.stale: Counter[Identity] = Counter()
        self.closely: frozenset[ModuleId] = frozenset()
        self.lasting = True
        self.docs_url: str | None = None
