"""The example services: running them shows what chanlint says about them, and nothing more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
CALLS = 2
Table = dict[tuple[str, str], list[int]]


def measured(*arguments: str) -> Table:
    """The blocked consumers before the first call and after each one, by service and route."""
    command = [sys.executable, str(EXAMPLES / "measure.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return table(done.stdout)


def table(text: str) -> Table:
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for line in text.splitlines():
        cells = line.split()
        if len(cells) == 5 and cells[2].isdigit():
            assert int(cells[2]) == len(rows[cells[0], cells[1]])
            rows[cells[0], cells[1]].append(int(cells[3]))
    return dict(rows)


@pytest.mark.parametrize("service", ["threads", "asyncio"])
def test_every_call_of_the_bug_leaves_a_hundred_consumers_and_none_of_the_fix_does(service: str) -> None:
    assert measured(service, "--calls", str(CALLS)) == {(service, "/bug"): [0, 100, 200], (service, "/bugfix"): [0, 0, 0]}


@pytest.mark.parametrize("arguments", [["fibers"], ["--calls", "0"], ["--calls", "21"]])
def test_measuring_is_bounded(arguments: list[str]) -> None:
    command = [sys.executable, str(EXAMPLES / "measure.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "between 1 and 20" in done.stderr


def test_the_numbers_of_the_readme_are_those_of_three_calls() -> None:
    text = (EXAMPLES / "README.md").read_text()
    expected = {
        (service, route): [step * call for call in range(4)]
        for service in ("threads", "asyncio")
        for route, step in (("/bug", 100), ("/bugfix", 0))
    }
    assert table(text) == expected


def test_chanlint_reports_the_bugs_and_nothing_else() -> None:
    command = [sys.executable, "-m", "chanlint", "check", "--isolated", "--no-cache", "--output-format", "json", "examples"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    spawns = {
        "examples/asyncio_service.py": "task = asyncio.create_task(consume(jobs))",
        "examples/threads_service.py": "threading.Thread(target=consume,",
    }
    findings = json.loads(done.stdout)
    assert [(one["code"], one["severity"], one["filename"], one["function"].rpartition(".")[2]) for one in findings] == [
        ("CHN101", "error", name, "bug") for name in spawns
    ]
    for one, actor in zip(findings, ("task", "thread"), strict=True):
        line = (ROOT / one["filename"]).read_text().splitlines()[one["location"]["row"] - 1]
        assert spawns[one["filename"]] in line
        assert f"100 {actor}s per call of bug stay blocked" in one["message"]
        assert one["blocked"] == {"actor": actor, "count": 100, "per": "call"}
