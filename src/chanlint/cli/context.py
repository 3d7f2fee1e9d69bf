"""What formats are told about a run and about the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from chanlint import __version__
from chanlint.cli.output import knows_hyperlinks, terminal_width, wants_color
from chanlint.report.base import Context, RulePage

if TYPE_CHECKING:
    from chanlint.engine.config import Settings
    from chanlint.engine.result import Result


def context_of(result: Result, settings: Settings) -> Context:
    """Everything but the terminal."""
    root = repository_root(settings.cwd)
    folder = os.path.relpath(settings.cwd, root).replace(os.sep, "/") if root != settings.cwd else ""
    return Context(
        source=result.source,
        rules=_Pages(result.docs_url),
        checked=lambda: result.report.names,
        folder=folder,
        root=root,
        version=__version__,
    )


def on_screen(context: Context, color: str) -> Context:
    """The same for standard output, with ``--color`` as given."""
    colored = wants_color(color, sys.stdout)
    return context._replace(width=terminal_width(), color=colored, hyperlinks=colored and knows_hyperlinks(sys.stdout))


def repository_root(folder: str) -> str:
    """The nearest folder above that holds ``.git``, else ``folder`` itself."""
    current = folder
    while not os.path.exists(os.path.join(current, ".git")):
        parent = os.path.dirname(current)
        if parent == current:
            return folder
        current = parent
    return current


class _Pages(Mapping[str, RulePage]):
    """The rules' pages, made when a format asks for them: most do not."""

    def __init__(self, docs_url: str | None) -> None:
        self._docs_url = docs_url
        self._made: dict[str, RulePage] | None = None

    def _pages(self) -> dict[str, RulePage]:
        if self._made is None:
            from chanlint.engine.selection import rule_url
            from chanlint.rules.registry import RULES

            self._made = {}
            for rule in RULES:
                url = rule_url(self._docs_url, rule.code, rule.name)
                self._made[rule.code] = RulePage(rule.code, rule.name, rule.summary, rule.documentation.strip(), url)
        return self._made

    def __getitem__(self, code: str) -> RulePage:
        return self._pages()[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pages())

    def __len__(self) -> int:
        return len(self._pages())
