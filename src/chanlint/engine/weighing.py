"""What `find_carriers` was told and what it answered, as text and back.

Nouns:

* **Weighed**: one module's carriers with the answers that other modules gave meanwhile. It is what `find_carriers` says as long
  as the module's IR and those answers are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from chanlint.engine.carriers import Carriers, Imported
from chanlint.engine.checked import listed, number, table, text, text_or_none

Carried = Callable[[Imported], int | None]


class Weighed(NamedTuple):
    """See above."""

    answers: dict[Imported, int | None]
    carriers: Carriers

    def holds(self, carried: Carried) -> bool:
        """Whether the others would answer the same now."""
        return all(carried(source) == answer for source, answer in self.answers.items())


def weigh(find: Callable[[Carried], Carriers], carried: Carried) -> Weighed:
    """What ``find`` says, with a note of what it was told."""
    answers: dict[Imported, int | None] = {}

    def told(source: Imported) -> int | None:
        if source not in answers:
            answers[source] = carried(source)
        return answers[source]

    return Weighed(answers, find(told))


def write_weighed(one: Weighed) -> list[object]:
    """Lists and texts."""
    found = one.carriers
    return [
        [[*source, answer] for source, answer in one.answers.items()],
        found.depths,
        sorted(([*source] for source in found.reach), key=str),
        {name: sorted(([*source] for source in sources), key=str) for name, sources in found.bindings.items()},
    ]


def read_weighed(raw: object) -> Weighed:
    """What `write_weighed` was given; ValueError where it is none."""
    answers, depths, reach, bindings = listed(raw, 4)
    told = {}
    for row in listed(answers):
        *source, answer = listed(row, 4)
        told[_imported(source)] = None if answer is None else number(answer)
    return Weighed(
        told,
        Carriers(
            {_name(name): number(depth) for name, depth in table(depths).items()},
            frozenset(map(_imported, listed(reach))),
            {name: frozenset(map(_imported, listed(sources))) for name, sources in table(bindings).items()},
        ),
    )


def _name(raw: str) -> str:
    raw.encode(errors="surrogateescape")  # a name that no file can contain is none
    return raw


def _imported(raw: object) -> Imported:
    module, name, level = listed(raw, 3)
    return Imported(text(module), text_or_none(name), number(level))
