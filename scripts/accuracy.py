"""Measures how right chanlint is on real packages, and writes ``docs/accuracy.md``.

Nouns:

* **Label**: a hand-made judgement of one place where a channel is made: a row of the labels file.
* **Anchors** of a label: the place where the channel is made, its consumer, and the line that a finding should name.
* A finding **touches** a label when one of its places, primary or related, is within `NEAR` lines of an anchor.
* **Note**: what a person found out by reading: why a leak is missed, or whether an unlabelled finding is a defect.
* **Verdict** on a finding: *right* when it touches a leak; a *false alarm* when it touches a label that says that all is well,
  and no leak; *open* when it only touches labels that could not be decided; *unlabelled* when it touches none.

The packages are read where they lie, ``CORPORA/package-version/``; nothing of them is run. Labels are a CSV file with the
columns ``package, version, path, line, consumer, verdict, rule, confidence, why``; ``consumer`` is ``path:line`` and ``rule``
``CODE@path:line``. Leaks of confidence 1 are arguable: finding one is right, missing one costs nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chanlint import __version__
from chanlint.engine.codes import known_codes

PAGE = Path(__file__).resolve().parent.parent / "docs" / "accuracy.md"
NOTES = Path(__file__).resolve().parent / "accuracy_notes.toml"
NEAR = 2
FINE = frozenset({"clean", "lifetime", "no-consumer"})
Place = tuple[str, int]


@dataclass(frozen=True)
class Label:
    """One row of the labels file; ``verdict`` is ``leak``, one of `FINE`, or a word for "cannot be decided"."""

    package: str
    path: str
    line: int
    consumer: str
    verdict: str
    rule: str
    confidence: int
    why: str

    @property
    def anchors(self) -> list[Place]:
        """Where a finding about this channel may point."""
        found = [(self.path, self.line)]
        for text in (self.consumer, self.rule.partition("@")[2]):
            path, _, line = text.rpartition(":")
            if path and line.isdigit():
                found.append((path, int(line)))
        return found

    @property
    def code(self) -> str:
        """The code that a finding about this leak should have."""
        return self.rule.partition("@")[0]


@dataclass(frozen=True)
class Run:
    """What chanlint said about one folder.

    Attributes:
        findings: as in the JSON output, without those about unreadable files and comments.
        files: how many files were checked.
        failure: why there is no answer (an internal error, the time limit), or empty.
    """

    name: str
    findings: tuple[dict[str, Any], ...] = ()
    files: int = 0
    failure: str = ""


@dataclass
class Score:
    """The verdicts on the findings in one package, and which of its leaks were found."""

    run: Run
    labels: list[Label]
    verdicts: list[tuple[dict[str, Any], str, str]] = field(default_factory=list)
    found: set[str] = field(default_factory=set)
    found_as_labelled: set[str] = field(default_factory=set)

    @property
    def leaks(self) -> set[str]:
        """The leaks that should be found: several labels can share one defect, and then it counts once."""
        return {label.rule for label in self.labels if label.verdict == "leak" and label.confidence > 1}

    def count(self, verdict: str, code: str = "") -> int:
        """How many findings got this verdict, of all or of one rule."""
        return sum(given == verdict and item["code"].startswith(code) for item, given, _ in self.verdicts)


def read_labels(path: Path) -> dict[str, list[Label]]:
    """The labels by ``package-version``, in the order of these names."""
    labels: dict[str, list[Label]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = f"{row['package']}-{row['version']}"
            label = Label(
                name,
                path=row["path"],
                line=int(row["line"]),
                consumer=row["consumer"],
                verdict=row["verdict"],
                rule=row["rule"],
                confidence=int(row["confidence"]),
                why=row["why"],
            )
            labels.setdefault(name, []).append(label)
    return dict(sorted(labels.items()))


def run_chanlint(folder: Path, seconds: float) -> Run:
    """Checks one folder as a project of its own, in a process that may take so many seconds."""
    if not folder.is_dir():
        return Run(folder.name, failure="not there")
    command = [sys.executable, "-P", "-m", "chanlint", "check", "--isolated", "--no-cache", "--project-root", "."]
    command += ["--no-respect-gitignore", "--output-format", "json", "."]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return Run(folder.name, failure=f"not done after {seconds:g} s")
    if done.returncode not in (0, 1) or not done.stdout.startswith("["):
        return Run(folder.name, failure=f"exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    counted = re.search(r"(\d+) files? checked", done.stderr)
    findings = tuple(item for item in json.loads(done.stdout) if not item["code"].startswith("CHN0"))
    return Run(folder.name, findings, int(counted[1]) if counted else 0)


def judge(run: Run, labels: list[Label]) -> Score:
    """Gives every finding its verdict."""
    score = Score(run, labels)
    for item in run.findings:
        places = [(one["filename"], one["location"]["row"]) for one in (item, *item["related"])]
        touched = [label for label in labels if _near(places, label.anchors)]
        leaks = [label for label in touched if label.verdict == "leak"]
        fine = [label for label in touched if label.verdict in FINE]
        if leaks:
            defects = {label.rule for label in leaks if label.confidence > 1}
            score.found |= defects
            score.found_as_labelled |= {rule for rule in defects if rule.startswith(item["code"])}
            score.verdicts.append((item, "right", leaks[0].why))
        elif fine:
            score.verdicts.append((item, "false alarm", fine[0].why))
        else:
            score.verdicts.append((item, "open" if touched else "unlabelled", touched[0].why if touched else ""))
    return score


def _near(places: Iterable[Place], anchors: list[Place]) -> bool:
    return any(path == where and abs(row - line) <= NEAR for path, row in places for where, line in anchors)


def ratio(part: int, whole: int) -> str:
    """``0.95``, or a dash where there is nothing to divide."""
    return f"{part / whole:.2f}" if whole else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def page(scores: Sequence[Score], library: Sequence[Run], notes: dict[str, list[dict[str, str]]] | None = None) -> str:
    """The text of ``docs/accuracy.md``."""
    right = sum(score.count("right") for score in scores)
    wrong = sum(score.count("false alarm") for score in scores)
    leaks = sum(len(score.leaks) for score in scores)
    found = sum(len(score.found) for score in scores)
    exact = sum(len(score.found_as_labelled) for score in scores)
    labels = sum(len(score.labels) for score in scores)
    parts = [
        "<!-- Made by scripts/accuracy.py: run that instead of editing. -->\n",
        "# How right chanlint is\n",
        f"chanlint {__version__} on {len(scores)} published packages, labelled by hand: {labels} places where a channel is",
        "made, each read and judged. A finding is *right* when it is about a labelled leak, a *false alarm* when it is about a",
        "channel that was judged to be fine. Findings elsewhere are *unlabelled*: nobody has judged them, and they count for",
        "nothing.\n",
        f"**{right} right, {wrong} false alarms** (precision {ratio(right, right + wrong)});",
        f"**{found} of {leaks} leaks found** (recall {ratio(found, leaks)}), {exact} of them under the code of the label.\n",
        "## By rule\n",
        _by_rule(scores),
        "## By package\n",
        _by_package(scores),
    ]
    if notes is not None:
        parts += ["## What is missed, and why\n", _missed(scores, notes)]
        parts += ["## Findings that no label settles\n", _judged(library, scores, notes)]
    if library:
        parts += ["## On the standard library\n", "Nothing here is labelled.\n", _by_library(library)]
    return "\n".join(parts)


def _by_rule(scores: Sequence[Score]) -> str:
    codes = [code for code in known_codes() if not code.startswith("CHN0")]
    labelled = Counter(rule.partition("@")[0] for score in scores for rule in score.leaks)
    rows = []
    for code in sorted({*codes, *labelled}):
        counts = [sum(score.count(verdict, code) for score in scores) for verdict in ("right", "false alarm", "unlabelled")]
        found = sum(rule.startswith(code) for score in scores for rule in score.found)
        rows.append((f"{code} {known_codes().get(code, '(no rule yet)')}", *counts, labelled[code], found))
    return table(("rule", "right", "false alarms", "unlabelled", "leaks labelled", "found (any code)"), rows)


def _by_package(scores: Sequence[Score]) -> str:
    rows: list[Sequence[object]] = []
    for score in scores:
        name, _, version = score.run.name.rpartition("-")
        counts = [score.count(verdict) for verdict in ("right", "false alarm", "unlabelled")]
        files = "failed" if score.run.failure else score.run.files
        rows.append((f"{name} {version}", files, len(score.labels), *counts, f"{len(score.found)} of {len(score.leaks)}"))
    return table(("package", "files", "labels", "right", "false alarms", "unlabelled", "leaks found"), rows)


def read_notes(path: Path) -> dict[str, list[dict[str, str]]]:
    """The lists ``missed`` (package, code, cause) and ``judged`` (package, place, code, verdict, reason)."""
    notes: dict[str, list[dict[str, str]]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return notes


def _missed(scores: Sequence[Score], notes: dict[str, list[dict[str, str]]]) -> str:
    """Every leak that is missed, with its general cause."""
    causes = {(note["package"], note["code"]): note["cause"] for note in notes.get("missed", [])}
    rows = []
    for score in scores:
        name = score.run.name.rpartition("-")[0]
        for code, count in sorted(Counter(rule.partition("@")[0] for rule in score.leaks - score.found).items()):
            rows.append((f"{name} {code}", count, causes.get((name, code), "not yet understood")))
    return table(("package and rule", "missed", "because"), rows)


def _judged(runs: Sequence[Run], scores: Sequence[Score], notes: dict[str, list[dict[str, str]]]) -> str:
    """Every finding that is not right by a label, with what reading it showed."""
    known = {(note["package"], note["place"], note["code"]): note for note in notes.get("judged", [])}
    found = [(score.run.name, item) for score in scores for item, verdict, _ in score.verdicts if verdict != "right"]
    found += [(run.name, item) for run in runs for item in run.findings]
    rows = []
    for name, item in found:
        place = f"{item['filename']}:{item['location']['row']}"
        note = known.get((name, place, item["code"]), {"verdict": "not read", "reason": ""})
        rows.append((f"{name} {place}", item["code"], note["verdict"], note["reason"]))
    return table(("finding", "rule", "judged by reading", "because"), rows)


def _by_library(library: Sequence[Run]) -> str:
    codes = sorted({item["code"] for run in library for item in run.findings})
    rows = []
    for run in library:
        counts = Counter(item["code"] for item in run.findings)
        rows.append((run.name, run.files, *[counts[code] for code in codes], "failed" if run.failure else "none"))
    return table(("folder", "files", *codes, "crashes"), rows)


def listing(scores: Sequence[Score]) -> Iterable[str]:
    """A line for each finding that is not right, and for each leak that was missed."""
    for score in scores:
        for item, verdict, why in score.verdicts:
            if verdict != "right":
                where = f"{score.run.name}/{item['filename']}:{item['location']['row']}"
                yield f"{verdict}: {where}: {item['code']} {item['message']}" + (f" | {why}" if why else "")
        for rule in sorted(score.leaks - score.found):
            yield f"missed: {score.run.name}: {rule}"


def main(arguments: list[str] | None = None) -> int:
    """Runs chanlint on everything and writes the page; 1 where chanlint failed somewhere."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--labels", type=Path, required=True, help="the labels, a CSV file")
    parser.add_argument("--corpora", type=Path, required=True, help="a folder with one folder package-version for each package")
    parser.add_argument("--stdlib", type=Path, nargs="*", default=[], help="folders of standard libraries, counted only")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to write (default: docs/accuracy.md)")
    parser.add_argument("--processes", type=int, default=2, help="runs at the same time (default: 2)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each run (default: 300)")
    parser.add_argument("--list", action="store_true", help="print what was wrong, missed or is unlabelled")
    options = parser.parse_args(arguments)
    labels = read_labels(options.labels)
    folders = [options.corpora / name for name in labels] + [path.resolve() for path in options.stdlib]
    with ThreadPoolExecutor(options.processes) as pool:
        runs = list(pool.map(lambda folder: run_chanlint(folder, options.timeout), folders))
    scores = [judge(run, rows) for run, rows in zip(runs, labels.values(), strict=False)]
    options.output.write_text(page(scores, runs[len(scores) :], read_notes(NOTES)), encoding="utf-8", newline="\n")
    if options.list:
        print("\n".join(listing(scores)))
    failed = [run for run in runs if run.failure]
    for run in failed:
        print(f"{run.name}: {run.failure}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
