"""The benchmark: its inputs, its arithmetic and its tables; the linters that it runs here are small scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scripts_under_test import script

benchmark = script("benchmark")
peers = script("benchmark_peers")
plot = script("benchmark_plot")
SVG = "{http://www.w3.org/2000/svg}"

# -- growth -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(benchmark.KINDS))
def test_benchmark_input_is_as_long_as_asked_for_and_compiles(kind: str, tmp_path: Path) -> None:
    lines, files = benchmark.write_project(tmp_path, kind, 1200)
    modules = sorted(tmp_path.glob("*.py"))
    assert (1200 <= lines < 1300, files) == (True, len(modules))
    for path in modules:
        compile(path.read_text(), path.name, "exec")


def test_growth_is_the_exponent() -> None:
    samples = [benchmark.Sample(lines, 1, 0.5 + (lines / 1000) ** 1.5) for lines in (1000, 2000, 8000)]
    assert benchmark.growth(samples, 0.5) == pytest.approx(1.5)
    assert benchmark.growth(samples[:1], 0.5) is None
    assert benchmark.growth([benchmark.Sample(lines, 1, 0.51) for lines in (10, 1000)], 0.5) is None


def test_benchmark_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--sizes", "60", "120", "--repeat", "1", "--kinds", "channels", "no channels"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert [line.split()[0] for line in lines] == ["input", *["channels"] * 4, *["no"] * 4]
    assert sum("growth: " in line for line in lines) == 2


def test_growth_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "growth.svg"
    arguments = ["growth", "--sizes", "60", "120", "--repeat", "1", "--kinds", "no channels", "--plot", str(picture)]
    assert benchmark.main(arguments) == 0
    root = ElementTree.parse(picture).getroot()
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert {"lines", "seconds", "no channels", "10", "1,000", "0.1"} <= set(texts)
    assert len(list(root.iter(f"{SVG}circle"))) == 2


def test_a_picture_has_logarithmic_axes() -> None:
    root = ElementTree.fromstring(plot.svg({"a<b": [(10, 1), (100, 10), (1000, 100)], "nothing": [(0, 1)]}, "x", "y"))
    (line,) = root.iter(f"{SVG}polyline")
    places = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
    (ax, ay), (bx, by), (cx, cy) = places
    assert (bx - ax, by - ay) == pytest.approx((cx - bx, cy - by))
    assert bx > ax and by < ay
    assert "nothing" not in [each.text for each in root.iter(f"{SVG}text")]


# -- peers ------------------------------------------------------------------------------------------------------------------

FAKE = """\
#!{python}
import json, os, pathlib, sys, time
if "--version" in sys.argv:
    print("{name} 1.2.3")
    raise SystemExit
seen = [path.read_text() for path in sorted(pathlib.Path().glob("*.py"))]
with open({log!r}, "a") as log:
    log.write(json.dumps(["{name}", sys.argv[1:], os.getcwd(), seen]) + "\\n")
{body}
"""


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    folder = tmp_path / "corpora" / "S"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("import queue\nq = queue.Queue()\n")
    (folder / "b.py").write_text("x = 1\n")
    return folder.parent


@pytest.fixture
def fake(tmp_path: Path) -> Any:
    def make(name: str, body: str = "") -> str:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(FAKE.format(python=sys.executable, name=name, log=str(tmp_path / "log"), body=body))
        path.chmod(0o755)
        return str(path)

    return make


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_peers_from_folders_to_the_tables(tmp_path: Path, corpora: Path, fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(corpora)
    arguments = ["peers", "--corpora", str(corpora), "--names", "S", "L", "--repeat", "2", "--timeout", "20"]
    arguments += ["--chanlint", fake("chanlint", "sum(range(2_000_000))"), "--ruff", fake("ruff")]
    arguments += ["--flake8", fake("flake8", "sys.exit('something\\nwent wrong')"), "--fixit", fake("fixit", "sys.exit(1)")]
    arguments += ["--pylint", str(tmp_path / "nowhere")]
    assert benchmark.main(arguments) == 0
    assert contents(corpora) == before

    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    assert "ruff: ruff 1.2.3" in out and "S: 2 files, 3 lines" in out and "L: skipped: no Python files there" in out
    assert "flake8-async, 2 processes        failed: exit code 1: went wrong" in out
    assert ["pylint,", "unreachable,", "1", "process", "failed:"] in [row[:5] for row in rows]
    (measured,) = [row for row in rows if row[:3] == ["fixit,", "default", "rules"]]
    assert measured[3] == "2" and all(float(each) > 0 for each in measured[4:])
    ratios = out.partition("times the cpu")[2].splitlines()[1:]
    assert [line.partition("  ")[0] for line in ratios[:6]] == [
        "no cache, 1 process",
        "no cache, 2 processes",
        "cache, nothing changed",
        "cache, a file edited",
        "cache, channels edited",
        "no cache, 2 processes",
    ]
    assert not any("pylint" in line or "flake8" in line for line in ratios)

    log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    names = [name for name, _, _, _ in log]
    one_round = ["chanlint", "ruff", "chanlint", "chanlint", "ruff", "chanlint", "ruff", "chanlint"]
    assert names[5:] == [*one_round, "flake8", "fixit", *one_round, "fixit"]  # the first five fill the caches
    edited = [(Path(cwd).name, *seen) for _, _, cwd, seen in log if Path(cwd) != corpora / "S"]
    assert len(edited) == len({*edited}) == 9
    untouched = [
        {seen[number] for seen in edited if len({one[number] for one in edited if one[0] == seen[0]}) == 1} for number in (1, 2)
    ]
    assert untouched == [{"import queue\nq = queue.Queue()\n"}, {"x = 1\n"}]  # two change another file, one the queue's


def test_a_linter_that_is_not_there_or_takes_too_long_is_said_so(corpora: Path, fake: Any) -> None:
    programs = {"chanlint": [fake("chanlint")], "ruff": [fake("ruff", "time.sleep(60)")]}
    programs |= dict.fromkeys(["flake8", "fixit", "pylint"])
    measured = peers.Bench(programs, 1, 2.0).measure("S", corpora / "S")
    assert measured.missing[peers.PYLINT] == "skipped: not installed"
    assert measured.missing[peers.RUFF] == "failed: not done after 2 s"
    assert peers.RUFF not in measured.runs and len(measured.runs[peers.COLD_1]) == 1
    assert peers._program(None, "no-such-linter") is None
    assert peers._program("python3 -m linter", "linter")[1:] == ["-m", "linter"]


def test_slow_peers_are_spared_large_corpora(monkeypatch: pytest.MonkeyPatch, corpora: Path, fake: Any) -> None:
    monkeypatch.setattr(peers, "SLOW_LINES", 2)
    programs = {name: [fake(name)] for name in ("chanlint", "ruff", "flake8", "fixit", "pylint")}
    text = "\n".join(peers.table(peers.Bench(programs, 1, 20).measure("S", corpora / "S")))
    assert text.count("skipped: takes minutes on more than 2 lines") == 3


def test_ratios_are_taken_round_by_round() -> None:
    measured = peers.Measured("S", 1, 1)
    measured.runs[peers.COLD_1] = [peers.Run(cpu, 1.0, 30) for cpu in (2, 30, 8)]
    measured.runs[peers.RUFF] = [peers.Run(cpu, 0.5, 10) for cpu in (1, 10, 2)]
    assert measured.ratio(peers.COLD_1, peers.RUFF, "cpu") == 3
    assert measured.ratio(peers.COLD_1, peers.RUFF, "wall") == 2
    assert measured.ratio(peers.WARM, peers.RUFF_WARM, "cpu") is None
    rows = [line.split() for line in peers.table(measured)]
    assert ["chanlint,", "no", "cache,", "1", "process", "3", "8.000", "1.000", "30"] in rows


def test_the_processor_time_of_children_counts(tmp_path: Path) -> None:
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(20_000_000))'])"
    done = peers.run([sys.executable, "-c", busy], tmp_path, frozenset({0}), 60, tmp_path)
    assert done.cpu > 0.15 and done.wall > 0 and 5 < done.peak < 500
    assert [path.name for path in tmp_path.iterdir()] == ["stderr"]
