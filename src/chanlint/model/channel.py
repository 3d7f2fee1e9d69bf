"""Channels as rules see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from chanlint.ir.ids import OpId


@dataclass(frozen=True, slots=True)
class Cleared:
    """Why nothing was reported about a channel: the ending found, the policy applied, the escape, the limit reached."""

    channel: str
    created: OpId
    reason: str
    at: OpId | None = None


@dataclass(slots=True)
class ChannelModel:
    """Everything that rules can ask about a program.

    Attributes:
        cleared: for every channel without a finding the reason.
        limits: names of analysis limits that were reached, with how often.
    """

    cleared: list[Cleared] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
