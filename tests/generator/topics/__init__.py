"""The topics beside blocked consumers, each with a grammar of its own."""

from __future__ import annotations

from generator.form import Form, Topic, draw_from
from generator.topics import acknowledgements, capacity, locks, owners, pipes, process_joins, producers, streams

TOPICS: tuple[Topic, ...] = (
    producers.TOPIC,
    capacity.TOPIC,
    acknowledgements.TOPIC,
    process_joins.TOPIC,
    streams.TOPIC,
    owners.TOPIC,
    locks.TOPIC,
    pipes.TOPIC,
)


def draw_form(seed: int, number: int) -> Form:
    """The form of program ``number`` of a seed."""
    return draw_from(TOPICS, seed, number)
