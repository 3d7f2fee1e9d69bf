"""What a rule is: a value with a pure function.

The docstring of a rule's module is its documentation, always in this order: one line that says what it finds, a paragraph
**Why**, a **Bad** block, a **Good** block, **Limits**. Pages and ``chanlint rule`` are made from it, and its blocks run as
tests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chanlint.findings import Finding
from chanlint.model.channel import ChannelModel


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        code: ``CHN101``.
        name: what it finds, in words that read well after "allow" (``unclosed-channel``).
        check: the findings of this rule in a program, in any order.
        module: the module whose docstring documents the rule.
    """

    code: str
    name: str
    check: Callable[[ChannelModel], Iterable[Finding]]
    module: str

    @property
    def documentation(self) -> str:
        """The rule's module docstring."""
        return sys.modules[self.module].__doc__ or ""

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.strip().partition("\n")[0]
