"""What a rule is: a value with a pure function.

The docstring of a rule's module is its documentation, always in this order: one line that says what it finds, a paragraph
**Why**, a **Bad** block, a **Good** block, **Limits**. Pages and ``chanlint rule`` are made from it, and its blocks run as
tests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

from chanlint.findings import Finding
from chanlint.ir.ids import OpId
from chanlint.model.channel import ChannelModel, D, Group


class Rule(NamedTuple):
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


class Lifecycle(NamedTuple):
    """A rule about consumers that may stay blocked: at most one finding for each group, from the first rule that holds.

    Attributes:
        find: the finding about one group, or None.
        more: findings of the same rule that are about no group; the group's own is told instead where both name one place.
    """

    code: str
    name: str
    find: Callable[[Group], Finding | None]
    module: str
    more: Callable[[ChannelModel], Iterable[Finding]] | None = None


def about(kind: type[D], tell: Callable[[D], Finding]) -> Callable[[ChannelModel], Iterable[Finding]]:
    """The check that tells one finding about each place with a defect of ``kind``."""

    def check(model: ChannelModel) -> Iterable[Finding]:
        told: set[OpId] = set()
        for defect in model.of(kind):
            if defect.at not in told:
                told.add(defect.at)  # one op in several contexts is one defect
                yield tell(defect)

    return check


def in_precedence(rules: tuple[Lifecycle, ...]) -> tuple[Rule, ...]:
    """Rules of which only the first that holds speaks about a group."""

    def first(group: Group) -> Finding | None:
        if group.silence is not None or group.escaped is not None:
            return None
        return next((found for rule in rules if (found := rule.find(group)) is not None), None)

    def check_for(rule: Lifecycle) -> Callable[[ChannelModel], Iterable[Finding]]:
        def check(model: ChannelModel) -> Iterable[Finding]:
            told: set[OpId] = set()
            for group in model.groups:
                found = first(group)
                if found is not None and found.code == rule.code and found.at not in told:
                    told.add(found.at)  # one op in several contexts is one defect
                    yield found
            if rule.more is not None:
                yield from (found for found in rule.more(model) if found.at not in told)

        return check

    return tuple(Rule(rule.code, rule.name, check_for(rule), rule.module) for rule in rules)


def display_name(qualname: str) -> str:
    """A function's name for people: ``handle``, ``Pool.start``, ``the module``."""
    plain = qualname.replace(".<locals>", "")
    return "the module" if plain == "<module>" else plain
