"""The front end for Python: bytes to text, text to a guarded parse, a tree to IR, and the comments that steer chanlint.

Importing this package loads neither libcst nor ast; the first file that is lowered does.
"""

from __future__ import annotations

from chanlint.frontends.base import Lowered, Problem
from chanlint.interrupts import pass_on_interrupt
from chanlint.source import Location, SourceFile, Span

__all__ = ["PythonFrontEnd"]


class PythonFrontEnd:
    """Lowers Python files; see `chanlint.frontends.base.FrontEnd`."""

    suffixes: frozenset[str] = frozenset({".py", ".pyw", ".ipynb"})

    def lower(self, source: SourceFile, target_version: tuple[int, int]) -> Lowered:
        """The IR of ``source`` as Python ``target_version`` would run it. Never raises: what cannot be read is a problem."""
        from chanlint.frontends.python.read import read

        try:
            return read(source, target_version)
        except Exception as error:  # a defect here must not end the run: it becomes a finding on this file
            pass_on_interrupt(error)
            message = f"chanlint's Python front end failed: {type(error).__name__}"
            start = Location(1, 1)
            return Lowered(source, None, None, problems=(Problem(message, Span(start, start)),))
