"""What a program of a topic is made of: choices, its source text, and who is to blame for what.

Nouns:

* **Topic**: a kind of mistake with a grammar of its own: abandoned producers, unacknowledged items, owners never closed, ....
* **Choices**: one value for each **part** of a topic's grammar; a part's first value is the plainest.
* **Form**: one program of a topic.
* **Blame**: which rule's mistake it is that an actor stays where it was seen. An actor that only waits for another one that is
  stuck is a consequence, and nobody's mistake.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Choices = dict[str, str]


@dataclass(frozen=True)
class Topic:
    """A grammar of its own.

    Attributes:
        codes: the rules that it is about.
        parts: the values of each part; a value that stands twice is drawn twice as often.
        fits: whether these choices make a program whose behaviour hangs on nothing but its input.
        render: the program's lines, without imports and shared definitions.
        blame: pairs of a pattern for a sighting (``feed queue.put``) and the code to blame, or an empty one for a consequence;
            the first that matches counts.
        weight: how often the topic is drawn, compared with others.
    """

    name: str
    codes: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]
    fits: Callable[[Choices], bool]
    render: Callable[[Choices], list[str]]
    blame: Callable[[Choices], list[tuple[str, str]]]
    weight: int = 4


@dataclass(frozen=True)
class Form:
    """One program of a topic; ``world`` is ``thread``, ``task``, ``process``, ``anyio`` or ``trio``."""

    topic: Topic
    values: tuple[tuple[str, str], ...]

    @property
    def choices(self) -> Choices:
        """The choices by part."""
        return dict(self.values)

    @property
    def world(self) -> str:
        """What its actors are."""
        return self.choices["world"]

    @property
    def target(self) -> tuple[int, int]:
        """The oldest Python that it runs on."""
        return (3, 11)

    @property
    def needs(self) -> tuple[str, ...]:
        """Libraries that it imports."""
        return (self.world,) if self.world in ("anyio", "trio") else ()

    @property
    def complexity(self) -> int:
        """How many of its choices are not the plainest."""
        return sum(value != self.topic.parts[part][0] for part, value in self.values)

    def codes(self, observed: Mapping[str, list[str]]) -> set[str]:
        """The rules that should speak, by what was seen with any input."""
        found = set()
        for sighting in {each for seen in observed.values() for each in seen}:
            for pattern, code in self.topic.blame(self.choices):
                if re.search(pattern, sighting):
                    found.add(code)
                    break
            else:
                raise LookupError(f"nobody knows whose mistake {sighting!r} is: {self}")
        return found - {""}

    def __str__(self) -> str:
        return " ".join([self.topic.name, *(value for _, value in self.values)])


def draw_from(topics: tuple[Topic, ...], seed: int, number: int) -> Form:
    """The form of program ``number`` of a seed; the same arguments give the same form on every Python."""
    rng = random.Random(f"topics/{seed}/{number}")
    topic = rng.choice([topic for topic in topics for _ in range(topic.weight)])
    while True:
        choices = {part: rng.choice(values) for part, values in topic.parts.items()}
        if topic.fits(choices):
            return Form(topic, tuple(choices.items()))
