"""Files lowered beforehand: ``chanlint summarize``, and ``chanlint check --summaries``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from chanlint.cli import main
from chanlint.engine import lowering
from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.reading import Crash
from chanlint.engine.summaries import Summaries, summary
from chanlint.engine.summarizing import summarize
from engine_fakes import QUEUE, check, fake_rule, write  # noqa: F401 - a fixture
from scripts_under_test import script

FIXTURES = Path(__file__).parent / "fixtures"
TARGET = (3, 11)
MADE = "def make():\n    import queue\n    return queue.Queue()\n"
USED = "from a import make\n\n\ndef work():\n    q = make()\n    q.get()\n"


def summarized(root: Path, *paths: str, target: tuple[int, int] = TARGET) -> bytes:
    settings = Settings(paths=paths, cwd=str(root), project_root=str(root), target_version=target)
    data, complaints = summarize(settings, FileSystem())
    assert complaints == []
    return data


@pytest.fixture
def no_lowering(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are lowered all the same."""
    lowered: list[str] = []
    real = lowering.lower_bytes

    def note(module: str, data: bytes, target: tuple[int, int]) -> object:
        lowered.append(module)
        return real(module, data, target)

    monkeypatch.setattr(lowering, "lower_bytes", note)
    return lowered


# -- one run, or eight and one ------------------------------------------------------------------------------------------


def test_shards_find_what_one_run_finds(tmp_path: Path, no_lowering: list[str]) -> None:
    files = sorted(FIXTURES.glob("chn10*/*.py"))
    write(tmp_path, {f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8") for path in files})
    write(tmp_path, {"a.py": MADE, "b.py": USED, "broken.py": "import queue\ndef f(:\n    Queue\n", "pyproject.toml": ""})
    whole = check(tmp_path)
    assert no_lowering
    no_lowering.clear()
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py"))
    for number in range(8):
        out = tmp_path / "out" / f"shard{number}.chanlint"
        out.parent.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "chanlint", "summarize", "--project-root", ".", "-o", str(out), *names[number::8]]
        subprocess.run(command, cwd=tmp_path, check=True)
    pieced = check(tmp_path, summaries=(str(tmp_path / "out"),))
    assert no_lowering == []
    assert pieced.diagnostics == whole.diagnostics
    assert len(whole.diagnostics) > 20
    assert pieced.ignored == []


CORPORA = [Path(name) for name in os.environ.get("CHANLINT_TEST_CORPORA", "").split(os.pathsep) if name]
"""Folders of real sources; each is checked whole and in pieces. Nothing is written there."""


@pytest.mark.parametrize("corpus", CORPORA or [None], ids=lambda path: path.name if path else "none")
def test_shards_of_real_sources_find_what_one_run_finds(tmp_path: Path, corpus: Path | None) -> None:
    if corpus is None:
        pytest.skip("set CHANLINT_TEST_CORPORA to folders of Python sources, separated as in PATH")
    assert shards_differ(corpus, tmp_path) == []


def test_shards_of_generated_sources_find_what_one_run_finds(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    script("benchmark").write_project(tmp_path / "project", "channels", 4_000)
    assert shards_differ(tmp_path / "project", tmp_path) == []


def shards_differ(folder: Path, scratch: Path) -> list[str]:
    """What one run tells and a run over eight shards, made by processes of their own, does not, or the other way round.

    That is every finding, and every channel that was cleared with the reason, so that sources without a leak count as well.
    """
    common = ["--isolated", "--project-root", ".", "--target-version", "3.12"]

    def chanlint(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "chanlint", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    def told(*arguments: str) -> tuple[Counter[str], str]:
        options = ["--no-cache", "--exit-zero", "--min-confidence", "low", "--output-format", "json", "--verbose"]
        done = chanlint("check", *common, *options, *arguments, ".")
        findings = [json.dumps(one, sort_keys=True) for one in json.loads(done.stdout)]
        return Counter([*findings, *(line for line in done.stderr.splitlines() if line.startswith("cleared: "))]), done.stderr

    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    (scratch / "out").mkdir()
    for number in range(8):
        chanlint("summarize", *common, "-o", str(scratch / "out" / f"{number}.chanlint"), *names[number::8])
    whole, _ = told()
    pieced, said = told("--summaries", str(scratch / "out"))
    assert "summary ignored" not in said
    print(f"{folder.name}: {len(names)} files, {whole.total()} findings and channels cleared")
    return sorted([*(whole - pieced), *(pieced - whole)])


@pytest.mark.usefixtures("fake_rule")
def test_what_has_no_summary_is_read(tmp_path: Path, no_lowering: list[str]) -> None:
    write(tmp_path, {"a.py": QUEUE, "b.py": QUEUE})
    (tmp_path / "one.chanlint").write_bytes(summarized(tmp_path, "a.py"))
    result = check(tmp_path, summaries=(str(tmp_path / "one.chanlint"),))
    assert [one.filename for one in result.diagnostics] == ["a.py", "b.py"]
    assert no_lowering == ["b.py"]


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    write(tmp_path, {"x/a.py": MADE, "x/b.py": USED, "y/a.py": MADE, "y/b.py": USED})
    assert summarized(tmp_path / "x", "a.py", "b.py") == summarized(tmp_path / "y", "b.py", "a.py")
    parts = [summarized(tmp_path / "x", name) for name in ("a.py", "b.py")]
    assert summarized(tmp_path / "x", ".") == b"".join(parts)


# -- summaries that are of no use ---------------------------------------------------------------------------------------


def ignored(root: Path, data: bytes, no_lowering: list[str]) -> list[str]:
    """What a check says about summaries, none of which it uses."""
    (root / "some.chanlint").write_bytes(data)
    result = check(root, summaries=(str(root),), target_version=TARGET)
    assert [one.filename for one in result.diagnostics] == ["a.py"]
    assert no_lowering == ["a.py"]
    return result.ignored


@pytest.mark.usefixtures("fake_rule")
def test_a_file_that_has_changed(tmp_path: Path, no_lowering: list[str]) -> None:
    write(tmp_path, {"a.py": QUEUE + "# changed\n"})
    data = summarized(tmp_path, "a.py")
    write(tmp_path, {"a.py": QUEUE})
    assert ignored(tmp_path, data, no_lowering) == ["some.chanlint: a.py: the file has changed since"]


@pytest.mark.usefixtures("fake_rule")
def test_a_file_of_another_project(tmp_path: Path, no_lowering: list[str]) -> None:
    write(tmp_path, {"a.py": QUEUE, "b.py": QUEUE})
    data = summarized(tmp_path, "b.py")
    (tmp_path / "b.py").unlink()
    assert ignored(tmp_path, data, no_lowering) == ["some.chanlint: b.py: the project has no such file"]


@pytest.mark.usefixtures("fake_rule")
def test_another_python(tmp_path: Path, no_lowering: list[str]) -> None:
    write(tmp_path, {"a.py": QUEUE})
    data = summarized(tmp_path, "a.py", target=(3, 13))
    assert ignored(tmp_path, data, no_lowering) == ["some.chanlint: a.py: it is for another version of Python"]


@pytest.mark.usefixtures("fake_rule")
def test_another_chanlint(tmp_path: Path, no_lowering: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": QUEUE})
    monkeypatch.setattr("chanlint.engine.summaries.__version__", "0.0.1")
    data = summarized(tmp_path, "a.py")
    monkeypatch.setattr("chanlint.engine.summaries.__version__", "0.0.2")
    assert ignored(tmp_path, data, no_lowering) == ["some.chanlint: a.py: it is of chanlint 0.0.1, and this is 0.0.2"]


@pytest.mark.usefixtures("fake_rule")
@pytest.mark.parametrize("damage", ["text", "head", "cut", "body", "folder", "head-size", "nested"])
def test_damage(tmp_path: Path, no_lowering: list[str], damage: str) -> None:
    write(tmp_path, {"a.py": QUEUE})
    good = summarized(tmp_path, "a.py")
    row, _, rest = good.partition(b"\n")
    data = {
        "text": b"hello\n",
        "head": row + b"\n[" + rest[1:],
        "cut": good[:-5],
        "body": good[:-5] + b"xxxxx",
        "folder": good.replace(b'"module"', b'"modula"'),
        "head-size": b"chanlint-summary 1 9999 1\n" + rest,
        "nested": b"chanlint-summary 1 9999 1\n" + b"[" * 9999,
    }[damage]
    (line,) = ignored(tmp_path, data, no_lowering)
    assert "damaged" in line


@pytest.mark.usefixtures("fake_rule")
def test_a_packed_file_of_another_module_is_not_used(tmp_path: Path, no_lowering: list[str]) -> None:
    write(tmp_path, {"a.py": QUEUE, "b.py": QUEUE})
    forged = summarized(tmp_path, "b.py").replace(b'"module":"b.py"', b'"module":"a.py"')
    (tmp_path / "b.py").unlink()
    assert ignored(tmp_path, forged, no_lowering) == []  # its checksum holds: only reading it shows what it is


def test_summaries_that_go_away(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": QUEUE})
    path = tmp_path / "some.chanlint"
    path.write_bytes(summarized(tmp_path, "a.py"))
    found = Summaries([str(path)], TARGET)
    path.unlink()
    assert found.find("a.py", QUEUE.encode()) is None
    assert found.ignored == [f"{path}: a.py: it is damaged"]
    assert "cannot be read" in Summaries([str(path)], TARGET).ignored[0]


def test_a_summary_names_what_it_is_of() -> None:
    row = summary("a.py", b"text", b"packed", TARGET).split(b"\n", 1)[1]
    head = json.loads(row[: row.index(b"}") + 1])
    assert (head["module"], head["target"]) == ("a.py", [3, 11])


# -- the command line ---------------------------------------------------------------------------------------------------


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"pkg/a.py": MADE, "pkg/b.py": USED.replace("from a", "from pkg.a"), "pkg/__init__.py": ""})
    assert main(["summarize", "--isolated", "--project-root", ".", "-o", "pkg.chanlint", "pkg"]) == 0
    assert main(["check", "--isolated", "--no-cache", "--summaries", "pkg.chanlint", "-v", "."]) == 1
    out, err = capsys.readouterr()
    assert "CHN" in out
    assert "summary ignored" not in err
    write(tmp_path, {"pkg/a.py": MADE + "\n"})
    assert main(["check", "--isolated", "--no-cache", "--summaries", "pkg.chanlint", "-v", "."]) == 1
    assert "summary ignored: pkg.chanlint: pkg/a.py: the file has changed since" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "1000"])
def test_jobs_is_a_number_or_auto(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--jobs", jobs, "."]) == 2
    assert "neither 'auto' nor a number" in capsys.readouterr().err


def test_files_that_cannot_be_summarized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"bad.ipynb": "no notebook", "crash.py": "x = 1\n"})
    monkeypatch.setattr("chanlint.engine.summarizing.lower_bytes", lambda module, data, target: Crash(module, "Oops: no", ""))
    assert main(["summarize", "-o", "out.chanlint", "missing.py", "bad.ipynb", "crash.py"]) == 2
    err = capsys.readouterr().err
    assert "missing.py: no such file or folder" in err
    assert "bad.ipynb: not a notebook" in err
    assert "internal error in crash.py: Oops: no" in err
    assert not (tmp_path / "out.chanlint").exists()


def test_a_broken_configuration_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"chanlint.toml": "nonsense = 1\n", "a.py": MADE})
    assert main(["summarize", "-o", "out.chanlint", "a.py"]) == 2
    assert "nonsense" in capsys.readouterr().err
