"""Measures chanlint beside other linters: whole commands, in turn on the same files, so that both see the same machine.

``python scripts/benchmark.py peers --corpora DIR`` prints the tables of ``docs/performance.md``. Nothing is written below DIR.

Nouns:

* **Corpus**: a folder of Python sources below DIR; each command runs in it.
* **Command**: one linter with its options and, if it has one, a cache of its own.
* **Edit**: before each run a statement is added to one file of a copy of the corpus: ``channels``, the first file that makes a
  queue, so that chanlint has to analyse it and what imports it, or ``any``, the file in the middle.
* **Round**: every command of a corpus once, in turn. One more round that is not counted fills the caches.
* **Pair**: a command of chanlint and one of a peer that are comparable; their ratio is taken round by round.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import resource
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("S", "M", "M/aiohttp", "L", "STD")
SLOW_LINES = 50_000  # a corpus with more lines than that would keep the slow peers busy for minutes
MAKES_QUEUE = re.compile(rb"\b(?:queue|asyncio|multiprocessing)\.(?:Joinable|Simple|Lifo|Priority)?Queue\(")
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


@dataclass(frozen=True)
class Command:
    """One way of running one linter. ``CACHE`` in an argument stands for its cache folder.

    Attributes:
        name: as the table calls it.
        program: which option says where the linter is.
        arguments: what follows the linter's own name.
        fine: exit codes of a run that did its work.
        edit: see above; empty for none.
        slow: not worth waiting for on large corpora.
    """

    name: str
    program: str
    arguments: tuple[str, ...]
    fine: frozenset[int] = frozenset({0})
    edit: str = ""
    slow: bool = False

    @property
    def cached(self) -> bool:
        """Whether it needs a run that is not counted, to fill its cache."""
        return any("CACHE" in each for each in self.arguments)


def _chanlint(name: str, *options: str, edit: str = "") -> Command:
    check = ("check", "--isolated", "--project-root", ".", "--quiet", "--exit-zero")
    return Command(f"chanlint, {name}", "chanlint", (*check, *options, "."), edit=edit)


def _ruff(name: str, *options: str, edit: str = "") -> Command:
    check = ("check", "--isolated", "--select", "ASYNC,RUF006", "--quiet", "--exit-zero")
    return Command(f"ruff, {name}", "ruff", (*check, *options, "."), edit=edit)


COLD_1 = _chanlint("no cache, 1 process", "--no-cache", "--jobs", "1")
COLD_2 = _chanlint("no cache, 2 processes", "--no-cache", "--jobs", "2")
WARM = _chanlint("cache, nothing changed", "--cache-dir", "CACHE")
EDITED = _chanlint("cache, a file edited", "--cache-dir", "CACHE", edit="any")
EDITED_CHANNELS = _chanlint("cache, channels edited", "--cache-dir", "CACHE", edit="channels")
RUFF = _ruff("no cache", "--no-cache")
RUFF_WARM = _ruff("cache, nothing changed", "--cache-dir", "CACHE")
RUFF_EDITED = _ruff("cache, a file edited", "--cache-dir", "CACHE", edit="any")
FLAKE8 = Command(
    "flake8-async, 2 processes", "flake8", ("--isolated", "--select", "ASYNC", "-j2", "--exit-zero", "."), slow=True
)
FIXIT = Command("fixit, default rules", "fixit", ("--quiet", "lint", "."), frozenset({0, 1}), slow=True)
PYLINT = Command(
    "pylint, unreachable, 1 process",
    "pylint",
    ("--rcfile", os.devnull, "--disable=all", "--enable=unreachable", "-j1", "--recursive=y", "--exit-zero", "."),
    slow=True,
)
COMMANDS = (COLD_1, RUFF, COLD_2, WARM, RUFF_WARM, EDITED, RUFF_EDITED, EDITED_CHANNELS, FLAKE8, FIXIT, PYLINT)
PAIRS = (
    (COLD_1, RUFF),
    (COLD_2, RUFF),
    (WARM, RUFF_WARM),
    (EDITED, RUFF_EDITED),
    (EDITED_CHANNELS, RUFF_EDITED),
    (COLD_2, FLAKE8),
    (COLD_2, FIXIT),
    (COLD_1, PYLINT),
)


@dataclass(frozen=True)
class Run:
    """One finished process: seconds of processor (children included) and of the clock, and the largest process in MiB."""

    cpu: float
    wall: float
    peak: float


class Failed(Exception):
    """A run that did not do its work; the message says why, in one line."""


def run(command: Sequence[str], folder: Path, fine: frozenset[int], seconds: float, scratch: Path) -> Run:
    """Runs a command in a folder.

    Raises:
        Failed: it took too long, or its exit code is none of ``fine``.
    """
    environment = {**os.environ, "PYLINTHOME": str(scratch), "NO_COLOR": "1"}
    late = threading.Event()
    with (scratch / "stderr").open("w+b") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )

        def stop() -> None:
            late.set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(seconds, stop)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if late.is_set():
            raise Failed(f"not done after {seconds:g} s")
        if process.returncode not in fine:
            errors.seek(0)
            said = errors.read().decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(said) if line.strip()), "nothing said")
            raise Failed(f"exit code {process.returncode}: {last[:200]}")
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * _MAXRSS_UNIT / 2**20)


@dataclass
class Measured:
    """What is known of the commands of one corpus: their runs by round, and why some were not run or not counted."""

    name: str
    files: int
    lines: int
    runs: dict[Command, list[Run]] = field(default_factory=dict)
    missing: dict[Command, str] = field(default_factory=dict)

    def ratio(self, ours: Command, theirs: Command, what: str) -> float | None:
        """The median over the rounds of how many times as much chanlint takes."""
        pairs = zip(self.runs.get(ours, ()), self.runs.get(theirs, ()), strict=False)
        ratios = [getattr(mine, what) / getattr(other, what) for mine, other in pairs if getattr(other, what)]
        return statistics.median(ratios) if ratios else None


class Bench:
    """Runs all commands on one corpus after the other.

    Args:
        programs: the command line of each linter, or None where it is not installed.
        repeat: rounds that count.
        seconds: how long one run may take.
    """

    def __init__(self, programs: dict[str, list[str] | None], repeat: int, seconds: float) -> None:
        self._programs = programs
        self._repeat = repeat
        self._seconds = seconds

    def measure(self, name: str, folder: Path) -> Measured:
        """All rounds on one corpus."""
        files, lines = _size(folder)
        measured = Measured(name, files, lines)
        with tempfile.TemporaryDirectory() as scratch:
            commands = list(self._worth_running(measured))
            copies = {command: Path(scratch) / f"copy{number}" for number, command in enumerate(commands) if command.edit}
            for copy in copies.values():  # each sees its own edits only
                shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
            for number in range(-1, self._repeat):
                for command in commands:
                    if (number >= 0 or command.cached) and command not in measured.missing:
                        self._once(measured, command, copies.get(command, folder), Path(scratch), number)
        return measured

    def _worth_running(self, measured: Measured) -> Iterator[Command]:
        for command in COMMANDS:
            if self._programs[command.program] is None:
                measured.missing[command] = "skipped: not installed"
            elif command.slow and measured.lines > SLOW_LINES:
                measured.missing[command] = f"skipped: takes minutes on more than {SLOW_LINES:,} lines"
            else:
                measured.runs[command] = []
                yield command

    def _once(self, measured: Measured, command: Command, folder: Path, scratch: Path, number: int) -> None:
        own = scratch / f"{COMMANDS.index(command)}"
        own.mkdir(exist_ok=True)
        if command.edit:
            _edit(folder, command.edit, number)
        line = [
            *(self._programs[command.program] or ()),
            *(str(own / "cache") if a == "CACHE" else a for a in command.arguments),
        ]
        try:
            done = run(line, folder, command.fine, self._seconds, own)
        except (Failed, OSError) as error:
            measured.missing[command] = f"failed: {error}"
            del measured.runs[command]
            return
        if number >= 0:
            measured.runs[command].append(done)


def _size(folder: Path) -> tuple[int, int]:
    counts = [path.read_bytes().count(b"\n") for path in folder.rglob("*.py") if path.is_file()]
    return len(counts), sum(counts)


def _edit(folder: Path, kind: str, number: int) -> None:
    """Adds a statement to one file of a copy."""
    paths = sorted(path for path in folder.rglob("*.py") if path.is_file())
    middle = paths[len(paths) // 2]
    path = middle if kind == "any" else next((path for path in paths if MAKES_QUEUE.search(path.read_bytes())), middle)
    with path.open("a", encoding="utf-8") as out:
        out.write(f"\nedited_{number + 1} = {number}\n")


# -- what is printed --------------------------------------------------------------------------------------------------------


def table(measured: Measured) -> Iterator[str]:
    """The rows for one corpus."""
    yield f"{measured.name}: {measured.files:,} files, {measured.lines:,} lines"
    yield ""
    yield f"{'command':32} {'runs':>5} {'cpu s':>8} {'wall s':>8} {'peak MiB':>9}"
    for command in COMMANDS:
        runs = measured.runs.get(command)
        if runs:
            cpu, wall = (statistics.median(getattr(each, what) for each in runs) for what in ("cpu", "wall"))
            yield f"{command.name:32} {len(runs):5} {cpu:8.3f} {wall:8.3f} {max(each.peak for each in runs):9.0f}"
        elif command in measured.missing:
            yield f"{command.name:32} {measured.missing[command]}"
    yield ""
    yield f"{'chanlint takes':32} {'times the cpu':>14} {'and wall time':>14}  of"
    for ours, theirs in PAIRS:
        cpu, wall = (measured.ratio(ours, theirs, what) for what in ("cpu", "wall"))
        if cpu is not None and wall is not None:
            yield f"{ours.name.partition(', ')[2]:32} {cpu:14.3f} {wall:14.3f}  {theirs.name}"
    yield ""


def circumstances(programs: dict[str, list[str] | None]) -> Iterator[str]:
    """What was measured, and on what."""
    busy = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    yield f"{time.strftime('%Y-%m-%d')}, {system}, Python {platform.python_version()}, load {busy}"
    least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT / 2**20
    yield f"peaks below {least:.0f} MiB, those of the measuring process, cannot be seen"
    for name, command in programs.items():
        if command is None:
            yield f"{name}: not installed"
            continue
        try:
            done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60, check=False)
            said = " ".join((done.stdout or done.stderr).split())[:100]
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        yield f"{name}: {said}"


def _program(given: str | None, name: str) -> list[str] | None:
    """The command line of a linter: as given, as installed beside this interpreter, or as found on PATH."""
    if given is not None:
        words = shlex.split(given)
        return [shutil.which(words[0]) or words[0], *words[1:]]
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    found = beside if name == "chanlint" and beside else shutil.which(name) or beside
    return None if found is None else [found]


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="benchmark.py peers", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--corpora", type=Path, required=True, metavar="DIR", help="a folder with a folder of sources per corpus"
    )
    parser.add_argument(
        "--names",
        nargs="+",
        default=NAMES,
        metavar="NAME",
        help=f"corpora, also parts such as M/aiohttp (default: {' '.join(NAMES)})",
    )
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds that count (default: 5)")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="for one run (default: 600)")
    linters = list(dict.fromkeys(command.program for command in COMMANDS))
    for name in linters:
        parser.add_argument(f"--{name}", metavar="CMD", help=f"how to run {name} (default: as found on PATH)")
    options = parser.parse_args(arguments)
    programs = {name: _program(getattr(options, name), name) for name in linters}
    if programs["chanlint"] is None:
        parser.error("chanlint is not installed; say where it is with --chanlint")
    for line in circumstances(programs):
        print(line)
    print(flush=True)
    bench = Bench(programs, options.repeat, options.timeout)
    left_out = 0
    for name in options.names:
        folder = options.corpora.resolve() / name
        if not any(folder.rglob("*.py")):
            print(f"{name}: skipped: no Python files there\n", flush=True)
            left_out += 1
            continue
        for line in table(bench.measure(name, folder)):
            print(line, flush=True)
    print(f"load at the end: {os.getloadavg()[0]:.1f}")
    return 1 if left_out == len(options.names) else 0
