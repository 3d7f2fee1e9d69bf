"""Programs of topics: what chanlint says about them, rule by rule.

Nouns:

* **Wanted**: the codes of the mistakes that running a program showed.
* **Score**: of one rule, how many of its reports were wanted (precision) and how many of the wanted ones came (recall).

A leak of a consumer may be told by any of the rules about consumers; here no program has one that is meant, so whatever they
say of a program is counted against them unless that very code is wanted.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator.form import Form
from generator.render import complete
from generator.topics import draw_form


@dataclass
class Play:
    """One program of a topic on disk.

    Attributes:
        observed: for each input who stays where (see ``witness``); empty until it was run.
    """

    number: int
    form: Form
    folder: Path
    observed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def wanted(self) -> set[str]:
        """The codes that should be reported."""
        return self.form.codes(self.observed)


def write_plays(seed: int, numbers: Sequence[int], folder: Path) -> list[Play]:
    """Draws and writes programs, each into a folder of its own."""
    plays = []
    for number in numbers:
        form = draw_form(seed, number)
        own = folder / f"t{number:05}"
        own.mkdir(parents=True, exist_ok=True)
        (own / "main.py").write_text(source(form), encoding="utf-8")
        plays.append(Play(number, form, own))
    return plays


def source(form: Form) -> str:
    """The text of a program."""
    return complete(str(form), ["", "", *form.topic.render(form.choices)])


@dataclass
class Score:
    """How one rule did."""

    right: list[int] = field(default_factory=list)
    false: list[int] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    @property
    def precision(self) -> float | None:
        """The part of its reports that was wanted."""
        return _part(len(self.right), len(self.right) + len(self.false))

    @property
    def recall(self) -> float | None:
        """The part of what was wanted that it reported."""
        return _part(len(self.right), len(self.right) + len(self.missed))


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def scores(plays: Sequence[Play], reported: Mapping[int, set[str]]) -> dict[str, Score]:
    """The score of every rule that spoke or should have; programs that were not run are left out."""
    found: dict[str, Score] = defaultdict(Score)
    for play in plays:
        if not play.observed:
            continue
        for code in sorted(play.wanted | reported[play.number]):
            score = found[code]
            kind = score.missed if code not in reported[play.number] else score.right if code in play.wanted else score.false
            kind.append(play.number)
    return dict(sorted(found.items()))


def table(plays: Sequence[Play], reported: Mapping[int, set[str]]) -> list[str]:
    """The scores as lines, and how many programs of each topic were bad and good."""
    lines = []
    for code, score in scores(plays, reported).items():
        precision, recall = (f"{part:.3f}" if part is not None else "  -  " for part in (score.precision, score.recall))
        counts = f"right {len(score.right)}, false {len(score.false)}, missed {len(score.missed)}"
        lines.append(f"{code}: precision {precision}, recall {recall}  ({counts})")
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for play in plays:
        kinds[play.form.topic.name]["bad" if play.observed and play.wanted else "good" if play.observed else "not run"] += 1
    return [*lines, "", *(f"{name}: {dict(counts)}" for name, counts in sorted(kinds.items()))]


def wrong(plays: Sequence[Play], reported: Mapping[int, set[str]]) -> list[Play]:
    """The programs about which chanlint and the truth disagree, the plainest first."""
    differ = [play for play in plays if play.observed and play.wanted != reported[play.number]]
    return sorted(differ, key=lambda play: (play.form.complexity, play.number))


def record(path: Path, seed: int, plays: Sequence[Play], reported: Mapping[int, set[str]]) -> None:
    """Writes what the tests compare with: one line for each program."""
    lines = []
    for play in plays:
        codes = sorted(reported[play.number])
        entry = {"number": play.number, "form": str(play.form), "observed": play.observed, "chanlint": codes}
        lines.append(json.dumps(entry))
    path.write_text(f'{{"seed": {seed}, "programs": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
