"""What the analysis may be told from outside."""

from __future__ import annotations

from typing import NamedTuple


class AnalysisOptions(NamedTuple):
    """Settings that change what is found.

    Attributes:
        target_version: the (major, minor) of Python that the program runs on; decides which methods exist.
        closed_world: False where only one file can be seen (the flake8 plugin, standard input): then every name without a
            leading underscore is reachable by code that was not analysed.
    """

    target_version: tuple[int, int] = (3, 11)
    closed_world: bool = True
