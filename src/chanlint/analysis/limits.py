"""All bounds of the analysis, counted and deterministic: findings never depend on a clock or the machine.

A bound that is reached makes the answer less known, never wrong: the object becomes unknown, and unknown code may close a
channel, so the finding stays silent. `Limits` counts how often each was reached.
"""

from __future__ import annotations

from collections import Counter

POINTS_TO = 32  # objects that one register or variable may hold
CONTEXTS = 8  # frames of one function before its callers share one
SPAWN_CONTEXTS = 64  # the same for the starts of actors, each of which is an actor of its own
CALL_DEPTH = 3  # callers that a frame remembers
ARGUMENTS = 8  # arguments that nested partials may add up to
UNWRAPS = 8  # different arguments with which one partial is called at one place
STEPS = 10_000_000  # objects that are passed along one flow, in all; beyond it nothing is reported
FRAMES = 6_000  # frames of the whole program
INSTANCES = 6  # objects of one class that are told apart by where they are made
WALK_STEPS = 1_500  # states of one walk through a consumer's loop
WALK_CALLERS = 6  # helpers between a receive and the loop that calls it
PATH_STEPS = 8_000  # states of one search for a witness path
BLOCKS = 5_000  # blocks of a function whose paths are searched
EVENTS = 400  # places that use one channel
CLONES = 6  # channels made at one place in different contexts that are judged apart


class Limits:
    """Counts the bounds reached in one analysis."""

    def __init__(self) -> None:
        self.reached: Counter[str] = Counter()

    def hit(self, name: str) -> None:
        """Notes that bound ``name`` was reached once more."""
        self.reached[name] += 1
