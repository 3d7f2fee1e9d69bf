"""All rules, one line each: those about blocked consumers in their order of precedence, then the others."""

from __future__ import annotations

from chanlint.rules import (
    chn101_unclosed_channel,
    chn102_close_not_on_all_paths,
    chn103_too_few_sentinels,
    chn104_sentinel_never_tested,
    chn106_ineffective_ending,
)
from chanlint.rules.base import Rule, in_precedence

_LIFECYCLE = in_precedence(
    (
        chn104_sentinel_never_tested.RULE,
        chn106_ineffective_ending.RULE,
        chn103_too_few_sentinels.RULE,
        chn102_close_not_on_all_paths.RULE,
        chn101_unclosed_channel.RULE,
    )
)

_OTHERS: tuple[Rule, ...] = ()

RULES: tuple[Rule, ...] = tuple(sorted((*_LIFECYCLE, *_OTHERS), key=lambda rule: rule.code))
