"""What finders of defects start from: the analysis, and what is known of channels, actors and consumers by then."""

from __future__ import annotations

from typing import NamedTuple

from chanlint.analysis.program import Analysis
from chanlint.model.actors import Actors
from chanlint.model.channel import Channel, Group
from chanlint.model.coverage import Coverages
from chanlint.model.endings import Endings
from chanlint.model.lifetime import Lifetimes


class Survey(NamedTuple):
    """A program's channels with their judged consumers, and who answers further questions.

    Attributes:
        channels: in the order of discovery.
        groups: the consumers that may stay blocked, each with its endings and their coverage.
    """

    analysis: Analysis
    lifetimes: Lifetimes
    endings: Endings
    coverages: Coverages
    actors: Actors
    channels: tuple[Channel, ...]
    groups: tuple[Group, ...]
