"""Compares what chanlint printed about a fixture with the fixture's comments.

Nouns:

* **Printed**: one finding of chanlint's JSON output.
* **Disagreement**: a sentence about a line where the comments and chanlint differ.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from oracle.fixture import Expectation, Fixture

Printed = dict[str, Any]


def run_chanlint(paths: Sequence[Path], root: Path, target: tuple[int, int] = (3, 11)) -> dict[Path, list[Printed]]:
    """The findings of ``chanlint check`` about some files, by the file of their primary place.

    Raises:
        RuntimeError: chanlint reported bad usage or an internal error.
    """
    command = [sys.executable, "-m", "chanlint", "check", "--isolated", "--no-cache", "--output-format", "json"]
    command += ["--project-root", str(root), "--target-version", f"{target[0]}.{target[1]}", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=600, check=False)
    if done.returncode not in (0, 1) or not done.stdout:  # a crash of the interpreter leaves with 1 as well
        raise RuntimeError(f"chanlint left with {done.returncode}: {done.stderr[-3000:]}")
    found: dict[Path, list[Printed]] = defaultdict(list)
    for item in json.loads(done.stdout):
        found[(root / item["filename"]).resolve()].append(item)
    return found


def run_on_fixtures(fixtures: Iterable[Fixture], root: Path) -> dict[Path, list[Printed]]:
    """The findings about fixtures, each checked for the Python that it names."""
    by_target: dict[tuple[int, int], list[Path]] = defaultdict(list)
    for fixture in fixtures:
        by_target[fixture.lowest_python].append(fixture.path)
    found: dict[Path, list[Printed]] = {}
    for target, paths in by_target.items():
        found |= run_chanlint(paths, root, target)
    return found


def _says(expectation: Expectation, printed: Printed) -> bool:
    return bool(
        printed["code"] == expectation.code
        and printed["location"]["row"] == expectation.line
        and (expectation.word == "spurious" or printed["severity"] == expectation.word)
        and expectation.text in printed["message"]
    )


def _relates(expectation: Expectation, printed: Printed) -> bool:
    return printed["code"] == expectation.code and any(
        place["location"]["row"] == expectation.line and expectation.text in place["message"] for place in printed["related"]
    )


def disagreements(fixture: Fixture, findings: Sequence[Printed]) -> list[str]:
    """Every difference between the comments of one file and the findings in it."""
    unexplained = list(findings)
    said = []
    for expectation in fixture.expectations:
        where = f"{fixture.path.name}:{expectation.line}"
        if expectation.word == "related":
            if not any(_relates(expectation, printed) for printed in findings):
                said.append(f'{where}: no {expectation.code} has a related place "{expectation.text}" here')
        elif expectation.word == "missing":
            if any(p["code"] == expectation.code and p["location"]["row"] == expectation.line for p in findings):
                said.append(f"{where}: {expectation.code} is no longer missing: fixed, remove the marker")
        elif match := next((p for p in unexplained if _says(expectation, p)), None):
            unexplained.remove(match)
        elif expectation.word == "spurious":
            said.append(f"{where}: {expectation.code} is no longer reported: fixed, remove the marker")
        else:
            said.append(f'{where}: expected {expectation.word} {expectation.code} "{expectation.text}"')
    allowed = {(e.line, e.code) for e in fixture.expectations if e.word == "missing"}
    for printed in unexplained:
        row, code = printed["location"]["row"], printed["code"]
        if (row, code) not in allowed:
            said.append(f"{fixture.path.name}:{row}: unexpected {printed['severity']} {code} {printed['message']}")
    return said


def name_conflicts(fixture: Fixture) -> list[str]:
    """Where the names of scenarios and the comments that they reach contradict each other."""
    conflicts = []
    marks = [e for e in fixture.expectations if e.word != "related"]
    related = {e.line for e in fixture.expectations if e.word == "related"}
    bad_reach = frozenset().union(*(s.reach for s in fixture.scenarios if s.kind != "ok"))
    for scenario in fixture.scenarios:
        if scenario.kind == "ok":
            if any(e.line in scenario.lines and e.word != "spurious" for e in marks):
                conflicts.append(f"{fixture.path.name}: {scenario.name} is ok and says that it is not")
        elif not any(e.line in scenario.reach and e.word != "spurious" for e in marks) and not related & scenario.reach:
            # The primary place may be in a helper module; then a related place marks the scenario.
            conflicts.append(f"{fixture.path.name}: {scenario.name} has no finding and no missing one")
    if fixture.scenarios:
        for expectation in marks:
            if expectation.word != "spurious" and expectation.line not in bad_reach:
                conflicts.append(f"{fixture.path.name}:{expectation.line}: no scenario shows this {expectation.code}")
    return conflicts
