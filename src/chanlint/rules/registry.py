"""All rules, one line each."""

from __future__ import annotations

from chanlint.rules.base import Rule

RULES: tuple[Rule, ...] = ()
