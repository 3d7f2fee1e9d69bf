"""All rules, one line each: those about blocked consumers in their order of precedence, then the others."""

from __future__ import annotations

from chanlint.rules import (
    chn101_unclosed_channel,
    chn102_close_not_on_all_paths,
    chn103_too_few_sentinels,
    chn104_sentinel_never_tested,
    chn105_unclosed_stream,
    chn106_ineffective_ending,
    chn107_unclosed_owner,
    chn201_abandoned_producer,
    chn202_overfilled_before_consumers,
    chn301_missing_task_done,
    chn302_join_before_drain,
    chn303_extra_task_done,
    chn304_self_join,
    chn401_send_after_close,
    chn402_empty_then_get,
    chn403_cross_thread_asyncio_queue,
    chn404_blocking_call_in_async,
    chn405_unawaited_channel_op,
    chn406_thread_queue_across_processes,
    chn501_channel_op_under_lock,
)
from chanlint.rules.base import Rule, in_precedence

_LIFECYCLE = in_precedence(
    (
        chn104_sentinel_never_tested.RULE,
        chn106_ineffective_ending.RULE,
        chn103_too_few_sentinels.RULE,
        chn105_unclosed_stream.RULE,
        chn102_close_not_on_all_paths.RULE,
        chn101_unclosed_channel.RULE,
    )
)

_OTHERS: tuple[Rule, ...] = (
    chn107_unclosed_owner.RULE,
    chn201_abandoned_producer.RULE,
    chn202_overfilled_before_consumers.RULE,
    chn301_missing_task_done.RULE,
    chn302_join_before_drain.RULE,
    chn303_extra_task_done.RULE,
    chn304_self_join.RULE,
    chn401_send_after_close.RULE,
    chn402_empty_then_get.RULE,
    chn403_cross_thread_asyncio_queue.RULE,
    chn404_blocking_call_in_async.RULE,
    chn405_unawaited_channel_op.RULE,
    chn406_thread_queue_across_processes.RULE,
    chn501_channel_op_under_lock.RULE,
)

RULES: tuple[Rule, ...] = tuple(sorted((*_LIFECYCLE, *_OTHERS), key=lambda rule: rule.code))
