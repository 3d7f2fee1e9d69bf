"""Measures what a check costs: how its time grows with its input (``growth``), and what other linters take (``peers``).

``python scripts/benchmark.py`` measures growth, which should be about linear in the number of lines, on programs of its own;
``python scripts/benchmark.py peers --corpora DIR`` runs chanlint and others in turn on real sources (``benchmark_peers.py``).
Both print tables for ``docs/performance.md``; ``growth --plot docs/performance.svg`` draws the picture there.

Nouns:

* **Kind** of input: code that names no channel (which the byte search passes over), the same read closely, and code in which
  every function works with a channel.
* **Start-up**: the time for the smallest input of a kind: the interpreter, the imports, the catalogue.
* **Growth**: the exponent k for which the time beyond start-up fits lines to the power of k; 1 is linear.

Every time is that of a whole process, measured from outside, the best of some.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import benchmark_peers
import benchmark_plot

SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
LINES_PER_FILE = 500
SMALLEST = 10  # lines: one function
NOISE = 0.02  # seconds: less than this beyond start-up says nothing

PLAIN = """

def total_{n}(rows, limit=10):
    found = {{}}
    for row in rows:
        key = row.get("name") or "nobody"
        try:
            found[key] = found.get(key, 0) + int(row["count"])
        except ValueError:
            continue
        if len(found) > limit:
            break
    return sorted(found.items(), key=lambda pair: pair[1])
"""
CHANNELS = (
    """

def spread_{n}(rows, workers=4):
    jobs = queue.Queue()

    def work():
        for row in iter(jobs.get, None):
            print(row)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        for row in rows:
            jobs.put(row)
    finally:
        for _ in threads:
            jobs.put(None)
""",
    """

class Writer{n}:
    def __init__(self, path):
        self._path = path
        self._rows = queue.Queue(maxsize=100)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            row = self._rows.get()
            if row is None:
                return
            print(self._path, row)

    def write(self, row):
        self._rows.put(row)

    def close(self):
        self._rows.put(None)
        self._thread.join()
""",
    """

async def serve_{n}(rows):
    jobs = asyncio.Queue()

    async def work():
        while True:
            row = await jobs.get()
            print(row)
            jobs.task_done()

    task = asyncio.create_task(work())
    for row in rows:
        await jobs.put(row)
    await jobs.join()
""",
)
KINDS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {  # head of each file, its pieces, options of the check
    "no channels": ("", (PLAIN,), ()),
    "no channels, read closely": ("", (PLAIN,), ("--no-prefilter",)),
    "channels": ("import asyncio\nimport queue\nimport threading\n", CHANNELS, ()),
}


@dataclass(frozen=True)
class Sample:
    """One measurement: so many lines in so many files took so many seconds."""

    lines: int
    files: int
    seconds: float


def source(head: str, pieces: Sequence[str], first: int, lines: int) -> str:
    """A module of at least so many lines whose names are numbered from ``first`` on."""
    parts, length = [head], head.count("\n")
    while length < lines:
        piece = pieces[(first + len(parts)) % len(pieces)].format(n=first + len(parts))
        parts.append(piece)
        length += piece.count("\n")
    return "".join(parts)


def write_project(folder: Path, kind: str, lines: int) -> tuple[int, int]:
    """Writes a project of a kind; returns its real number of lines and of files."""
    head, pieces, _ = KINDS[kind]
    (folder / "pyproject.toml").write_text("")
    written = files = 0
    while written < lines:
        text = source(head, pieces, files * 1000, min(LINES_PER_FILE, lines - written))
        (folder / f"module_{files}.py").write_text(text)
        written += text.count("\n")
        files += 1
    return written, files


def measure(kind: str, lines: int, repeat: int) -> Sample:
    """The best time of some runs."""
    with tempfile.TemporaryDirectory() as name:
        written, files = write_project(Path(name), kind, lines)
        command = [sys.executable, "-m", "chanlint", "check", "--isolated", "--no-cache", "--quiet", "--exit-zero"]
        command += ["--project-root", ".", *KINDS[kind][2], "."]
        best = math.inf
        for _ in range(repeat):
            start = time.perf_counter()
            subprocess.run(command, cwd=name, stdout=subprocess.DEVNULL, check=True, timeout=600)
            best = min(best, time.perf_counter() - start)
    return Sample(written, files, best)


def growth(samples: Sequence[Sample], start_up: float) -> float | None:
    """The exponent that fits best, the slope of log seconds over log lines; None where the times are too short to tell."""
    beyond = [(sample.lines, sample.seconds - start_up) for sample in samples]
    points = [(math.log(lines), math.log(seconds)) for lines, seconds in beyond if seconds > NOISE]
    if len({x for x, _ in points}) < 2 or 2 * len(points) < len(samples):
        return None
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / sum((x - middle_x) ** 2 for x, _ in points)


def main(arguments: list[str] | None = None) -> int:
    """Measures one or the other and prints."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["peers"]:
        return benchmark_peers.main(given[1:])
    return measure_growth(given[1:] if given[:1] == ["growth"] else given)


def measure_growth(arguments: list[str]) -> int:
    """Measures growth and prints a table."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s [growth] [OPTIONS]\n       %(prog)s peers --corpora DIR [OPTIONS]",
        description=__doc__.partition("\n")[0],
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="LINES", help="sizes of input in lines")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), help="kinds of input (default: all)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the best counts (default: 3)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the times as SVG as well")
    options = parser.parse_args(arguments)
    print(f"{'input':26} {'lines':>7} {'files':>6} {'seconds':>8} {'ms per 1000 lines beyond start-up':>34}")
    series: dict[str, list[tuple[float, float]]] = {}
    for kind in options.kinds:
        start_up = measure(kind, SMALLEST, options.repeat)
        samples = []
        print(_row(kind, start_up, "start-up"), flush=True)
        for size in sorted(options.sizes):
            sample = measure(kind, size, options.repeat)
            samples.append(sample)
            each = 1e6 * (sample.seconds - start_up.seconds) / sample.lines
            print(_row(kind, sample, f"{max(0.0, each):.1f}"), flush=True)
        power = growth(samples, start_up.seconds)
        grows = f"lines to the power of {power:.2f}" if power is not None else "too little to measure"
        print(f"{kind:26} growth: {grows}")
        series[kind] = [(sample.lines, sample.seconds) for sample in samples]
    if options.plot is not None:
        options.plot.write_text(benchmark_plot.svg(series, "lines", "seconds"), encoding="utf-8")
    return 0


def _row(kind: str, sample: Sample, note: str) -> str:
    return f"{kind:26} {sample.lines:7} {sample.files:6} {sample.seconds:8.2f} {note:>34}"


if __name__ == "__main__":
    sys.exit(main())
