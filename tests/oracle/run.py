"""Runs scenarios, each in a process of its own, and compares what happened with their names.

Nouns:

* **Outcome**: what one scenario did: raised, hung, left survivors, kept its interpreter from exiting.
* **Patience**: a factor on every time limit. A scenario that contradicts its name gets a second try alone and with more
  patience, so that a busy machine does not decide.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from oracle.fixture import Fixture, Scenario
from oracle.interpreters import Interpreter, choose

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".oracle_cache"
LANES = int(os.environ.get("CHANLINT_ORACLE_LANES", "8"))  # the scenarios mostly sleep
START_SECONDS = 30.0  # a child that has not written its result by then did not even start
EXIT_SECONDS = 2.5
SECOND_TRY_PATIENCE = 4.0


@dataclass
class Outcome:
    """What running one scenario showed.

    Attributes:
        hung: a call never returned.
        raised: the exceptions that left it, as text.
        counts: survivors after the first and after the third call.
        lost: tasks that the collector destroyed while pending.
        exits: whether the interpreter ended by itself; True where a leak made the question moot.
        survivors: their stacks, for people.
        problem: what went wrong with the run itself, or empty.
    """

    hung: bool = False
    raised: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    lost: int = 0
    exits: bool = True
    survivors: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""

    @property
    def grew(self) -> bool:
        """Whether every call leaves something behind."""
        return len(self.counts) == 2 and self.counts[1] > self.counts[0]

    def contradiction(self, scenario: Scenario) -> str:
        """Why this is not what the scenario's name says, or empty."""
        if self.problem:
            return self.problem
        raised = bool(self.raised) and not scenario.may_raise
        if self.grew and not all(s["blocked"] for s in self.survivors):
            return f"a survivor is not in a receive or a send: {self.survivors}"
        agrees = {
            "ok": not (self.hung or self.grew or self.lost or raised or not self.exits),
            "leak": self.grew and not self.hung,
            "hang": self.hung or not self.exits,
            "raise": raised and not self.hung,
            "lost": self.lost > 0 and not self.grew and not self.hung,
        }[scenario.kind]
        return "" if agrees else f"{scenario.name}: {self}"


def observe(fixture: Fixture, scenario: Scenario, interpreter: Interpreter, patience: float) -> Outcome:
    """Runs one scenario once."""
    with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        result, log = Path(folder, "result.json"), Path(folder, "stderr.txt")
        command = [interpreter.path, "-m", "oracle.child", str(fixture.path), scenario.name, str(result), str(patience)]
        environment = os.environ | {"PYTHONPATH": str(HERE.parent), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": folder}
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
                start_new_session=True,
            )
            try:
                return _await(process, result, log, scenario, patience)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _await(process: subprocess.Popen[bytes], result: Path, log: Path, scenario: Scenario, patience: float) -> Outcome:
    deadline = time.monotonic() + START_SECONDS * patience
    while not result.exists():
        if process.poll() is not None and not result.exists():
            return Outcome(problem=f"{scenario.name} died: {log.read_text(errors='replace')[-2000:]}")
        if time.monotonic() > deadline:
            return Outcome(problem=f"{scenario.name} wrote no result within {START_SECONDS * patience:.0f} s")
        time.sleep(0.02)
    outcome = Outcome(**json.loads(result.read_text(encoding="utf-8")))
    moot = outcome.hung or (outcome.grew and scenario.kind != "hang")
    if not moot:
        try:
            process.wait(EXIT_SECONDS * patience)
        except subprocess.TimeoutExpired:
            outcome.exits = False
    return outcome


@functools.cache
def _own_digest() -> bytes:
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(HERE.glob("*.py")))).digest()


def _key(fixture: Fixture, interpreter: Interpreter) -> str:
    digest = hashlib.sha256(_own_digest())
    # Helper modules lie beside the fixture or in a package below it.
    helpers = [p for p in fixture.path.parent.rglob("*.py") if p.name.startswith("_") or p.parent != fixture.path.parent]
    for path in [fixture.path, *sorted(helpers)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(repr((interpreter, interpreter.versions_of(fixture.needs))).encode())
    return digest.hexdigest()[:32]


@dataclass
class Report:
    """The verdict about all scenarios of one file: contradictions by scenario, or why the file was skipped."""

    fixture: Fixture
    skipped: str = ""
    contradictions: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)


def confirm(files: Iterable[Fixture]) -> list[Report]:
    """Runs every scenario of some fixtures, several at a time, remembering the results."""
    reports = [Report(fixture) for fixture in files]
    pending: list[tuple[Report, Scenario, Interpreter]] = []
    keys: dict[int, Path] = {}
    for report in reports:
        fixture = report.fixture
        interpreter = choose(fixture.lowest_python, fixture.needs)
        if interpreter is None:
            report.skipped = f"no interpreter >= {fixture.lowest_python} with {', '.join(fixture.needs) or 'nothing else'}"
            continue
        keys[id(report)] = CACHE / f"{_key(fixture, interpreter)}.json"
        with suppress(OSError, ValueError):
            stored = json.loads(keys[id(report)].read_text(encoding="utf-8"))
            report.outcomes = {name: Outcome(**data) for name, data in stored.items()}
        for scenario in fixture.scenarios:
            if not scenario.cannot_show and scenario.name not in report.outcomes:
                pending.append((report, scenario, interpreter))
    with ThreadPoolExecutor(LANES) as pool:
        runs = [(job, pool.submit(observe, job[0].fixture, job[1], job[2], 1.0)) for job in pending]
    second_tries = []
    for (report, scenario, interpreter), run in runs:
        report.outcomes[scenario.name] = run.result()
        if run.result().contradiction(scenario):
            second_tries.append((report, scenario, interpreter))
    with ThreadPoolExecutor(4) as pool:
        runs = [(job, pool.submit(observe, job[0].fixture, job[1], job[2], SECOND_TRY_PATIENCE)) for job in second_tries]
    for (report, scenario, _), run in runs:
        report.outcomes[scenario.name] = run.result()
    CACHE.mkdir(exist_ok=True)
    for report in reports:
        for scenario in report.fixture.scenarios:
            if scenario.name in report.outcomes and (why := report.outcomes[scenario.name].contradiction(scenario)):
                report.contradictions[scenario.name] = why
        if not report.skipped and not report.contradictions:
            data = {name: asdict(outcome) for name, outcome in report.outcomes.items()}
            keys[id(report)].write_text(json.dumps(data), encoding="utf-8")
    return reports
