"""chanlint as a library: the same check as on the command line, with values in place of text.

.. code-block:: python

    import chanlint

    for finding in chanlint.check(["src"]):
        print(finding.filename, finding.location.row, finding.code, finding.message)
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from chanlint.diagnostics import Diagnostic
from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.pipeline import run

__all__ = ["Diagnostic", "InternalError", "Settings", "check"]


class InternalError(Exception):
    """chanlint itself failed on some files. ``diagnostics`` holds what was found in the others."""

    def __init__(self, message: str, diagnostics: list[Diagnostic]) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics


def check(paths: Iterable[str | os.PathLike[str]] = (".",), settings: Settings | None = None) -> list[Diagnostic]:
    """The findings in files and folders, in the order in which the command line prints them.

    Args:
        paths: files and folders; they take the place of ``settings.paths``.
        settings: everything else; by default what ``chanlint check --isolated`` does in the current folder.

    Raises:
        FileNotFoundError: a path does not exist.
        UnknownSelectorError: a selector names no rule (a `ValueError`).
        InternalError: chanlint failed on some files.
    """
    chosen = (settings or Settings())._replace(paths=tuple(os.fspath(path) for path in paths))
    if not chosen.cwd:
        chosen = chosen._replace(cwd=os.getcwd())  # noqa: PTH109 - the command line does without pathlib
    result = run(chosen, FileSystem())
    if result.missing:
        raise FileNotFoundError(f"no such file or folder: {', '.join(result.missing)}")
    if result.crashes:
        where = ", ".join(crash.path or "the analysis" for crash in result.crashes)
        raise InternalError(f"internal error in {where}: {result.crashes[0].message}", result.diagnostics)
    return result.diagnostics
