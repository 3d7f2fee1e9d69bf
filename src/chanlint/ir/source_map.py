"""Where ops stand in the text: kept beside the IR, never in it, and asked for lazily (positions cost more than parsing)."""

from __future__ import annotations

from typing import Protocol

from chanlint.ir.ids import OpId
from chanlint.source import Span


class SourceMap(Protocol):
    """Answers for one module."""

    def span(self, op: OpId) -> Span:
        """The span of the expression or statement that ``op`` came from.

        ``HEADER`` as index asks for the function's own header: ``def name`` up to the colon, the lambda, or the module's
        first row. The first call may cost as much as a parse; later ones are dictionary look-ups.
        """
        ...
