"""Suppressions, baselines, diffs and the flake8 plugin, through real processes: chanlint, git and flake8."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from chanlint.cli import main
from chanlint.diagnostics import Identity
from chanlint.engine.adding_ignores import NoPlaceError, with_ignores
from chanlint.engine.baseline import BaselineError, read_baseline, unknown_to, write_baseline
from chanlint.engine.changes import DiffError, changes_since
from chanlint.engine.filesystem import FileSystem
from chanlint.flake8_plugin import Plugin
from chanlint.source import Location
from report_fakes import diagnostic

LEAK = """\
import queue
import threading


def {name}(items):
    jobs = queue.Queue()

    def work():
        while True:
            job = jobs.get()
            if job is None:
                break

    threading.Thread(target=work, daemon=True).start(){comment}
    for item in items:
        jobs.put(item)
    {ending}
"""


def leak(name: str = "handle", comment: str = "", ending: str = "return") -> str:
    return LEAK.format(name=name, comment=f"  # {comment}" if comment else "", ending=ending)


def run(folder: Path, *command: str, code: int | None = None, text: str | None = None) -> str:
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=120, check=False)
    if code is not None:
        assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + ("" if done.returncode in (0, 1) else done.stderr)


def chanlint(folder: Path, *arguments: str, code: int | None = None) -> str:
    return run(folder, sys.executable, "-m", "chanlint", *arguments, code=code)


def check(folder: Path, *arguments: str, code: int | None = None) -> list[str]:
    found = json.loads(chanlint(folder, "check", "--output-format", "json", *arguments, code=code))
    return [f"{one['code']}@{one['filename']}:{one['location']['row']}" for one in found]


# -- suppressions that silence nothing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("noqa: CHN101", []),
        ("noqa: E501,CHN1", []),
        ("chanlint: ignore[unclosed-channel] because", []),
        ("chanlint: ignore[CHN101, CHN103]", ["CHN001@a.py:14"]),
        ("noqa: CHN103", ["CHN001@a.py:14", "CHN101@a.py:14"]),
        ("noqa: E501", ["CHN101@a.py:14"]),
        ("noqa", ["CHN101@a.py:14"]),
        ("noqa: CHN999", ["CHN002@a.py:14", "CHN101@a.py:14"]),
        ("chanlint: ignore[unclosed-chanel]", ["CHN002@a.py:14", "CHN101@a.py:14"]),
        ("chanlint: ignore[CHN103, CHN001] both", ["CHN101@a.py:14"]),
    ],
)
def test_unused_and_unknown_suppressions_are_findings(tmp_path: Path, comment: str, found: list[str]) -> None:
    (tmp_path / "a.py").write_text(leak(comment=comment))
    assert sorted(check(tmp_path)) == found


def test_what_is_not_looked_for_cannot_be_unused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(leak(comment="noqa: CHN101, CHN103"))
    assert check(tmp_path, "--select", "CHN0,CHN101") == []
    assert check(tmp_path, "--ignore", "CHN001", code=0) == []
    assert check(tmp_path, "--select", "CHN0,CHN103") == ["CHN001@a.py:14"]


def test_comments_in_files_without_channels_are_judged_too(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1  # noqa: CHN101\n")
    (tmp_path / "b.py").write_text("x = 1  # noqa: CHNX\ny = 'chanlint: ignore[CHN1]'\n")
    assert check(tmp_path) == ["CHN001@a.py:1"]


def test_noqa_means_the_same_to_flake8(tmp_path: Path) -> None:
    for number, comment in enumerate(["noqa: CHN101", "noqa:CHN1", "NoQA: CHN101,E1", "  noqa: CHN101", "noqa : CHN101"]):
        (tmp_path / f"f{number}.py").write_text(leak(name="_handle", comment=comment))
    ours = {one.split("@")[1].split(":")[0] for one in check(tmp_path, "--select", "CHN101")}
    lines = run(tmp_path, sys.executable, "-m", "flake8", "--select", "CHN101", ".").splitlines()
    theirs = {os.path.basename(line.split(":")[0]) for line in lines}  # noqa: PTH119
    assert theirs == {"f3.py"}
    assert ours == {"f3.py", "f4.py"}  # "# noqa :" is a bare one, which silences everything for flake8 and nothing for us


# -- comments that are written ----------------------------------------------------------------------------------------------


def test_add_ignores_silences_what_was_found_and_keeps_everything_else(tmp_path: Path) -> None:
    text = leak(comment="a word").replace("\n", "\r\n").encode("latin-1")
    (tmp_path / "a.py").write_bytes(b"# coding: latin-1\r\n# \xe9\r\n" + text)
    chanlint(tmp_path, "check", "--add-ignores", "older than the check", code=0)
    after = (tmp_path / "a.py").read_bytes()
    added = b"  # chanlint: ignore[unclosed-channel] older than the check"
    assert after.replace(added, b"") == b"# coding: latin-1\r\n# \xe9\r\n" + text
    assert check(tmp_path, code=0) == []


def at(row: int, end: int, name: str = "unclosed-channel") -> object:
    return diagnostic(name=name, location=Location(row, 1), end_location=Location(end, 2))


def test_a_comment_stands_at_a_row_that_python_ends() -> None:
    data = b'x = """a\nb""" + \\\n  "c"\ny = (1,\n 2)\n'
    assert with_ignores(data, [at(1, 3)], "r") == data.replace(b'"c"\n', b'"c"  # chanlint: ignore[unclosed-channel] r\n')
    with pytest.raises(NoPlaceError, match="no comment can stand at row 1"):
        with_ignores(data, [at(1, 2)], "r")


def test_names_are_added_to_a_comment_that_is_there() -> None:
    data = b"f()  # chanlint: ignore[CHN103] why\n"
    after = with_ignores(data, [at(1, 1), at(1, 1), at(1, 1, "too-few-sentinels")], "r")
    assert after == b"f()  # chanlint: ignore[CHN103, unclosed-channel, too-few-sentinels] why\n"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"# coding: nonsense\n", b"(\n"])
def test_files_that_cannot_be_read_are_left_alone(data: bytes) -> None:
    with pytest.raises(NoPlaceError, match="cannot be read"):
        with_ignores(data, [at(1, 1)], "r")


def test_add_ignores_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(leak())
    assert "without '#'" in chanlint(tmp_path, "check", "--add-ignores", "a # b", code=2)
    (tmp_path / "a.py").chmod(0o444)
    if os.access(tmp_path / "a.py", os.W_OK):
        return  # the superuser writes everything
    chanlint(tmp_path, "check", "--add-ignores", "r", code=2)
    assert (tmp_path / "a.py").read_text() == leak()


# -- baselines --------------------------------------------------------------------------------------------------------------


def test_a_baseline_outlives_reformatting_renaming_and_moving(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(leak("first") + leak("second"))
    chanlint(tmp_path, "baseline", code=0)
    assert check(tmp_path, "--baseline", "chanlint-baseline.json", code=0) == []
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    (tmp_path / "b.py").write_text("# new\n\n\n" + leak("second") + leak("moved"))
    assert len(check(tmp_path, "--baseline", "chanlint-baseline.json")) == 1  # renamed and moved at once is one too much
    (tmp_path / "b.py").rename(tmp_path / "a.py")
    assert check(tmp_path, "--baseline", "chanlint-baseline.json", code=0) == []
    (tmp_path / "a.py").write_text(leak("first") + leak("second") + leak("third"))
    assert check(tmp_path, "--baseline", "chanlint-baseline.json", code=1) == ["CHN101@a.py:48"]


def test_stale_entries_are_told_and_pruned(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.chanlint]\nbaseline = "known.json"\n')
    (tmp_path / "a.py").write_text(leak("first") + leak("second"))
    (tmp_path / "b.py").write_text(leak())
    assert chanlint(tmp_path, "baseline", code=0) == "known.json: 3 findings noted, 3 of them new; 0 forgotten\n"
    (tmp_path / "a.py").write_text(
        leak("second") + leak("fresh", ending="jobs.put(None)").replace("jobs = ", "others = jobs = ")
    )
    (tmp_path / "c.py").write_text(leak("other"))
    command = [sys.executable, "-m", "chanlint", "check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "1 of the baseline are repaired" in done.stderr and "(2 more in the baseline)" in done.stderr
    assert chanlint(tmp_path, "baseline", "--prune", "a.py", code=0).endswith("2 findings noted, 0 of them new; 1 forgotten\n")
    assert chanlint(tmp_path, "baseline", "c.py", code=0).endswith("3 findings noted, 1 of them new; 0 forgotten\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "is no baseline"),
        ("[]", "it has no version"),
        ('{"version": 2, "findings": []}', "has version 2, this chanlint reads 1"),
        ('{"version": 1}', "no list of findings"),
        ('{"version": 1, "findings": [3]}', "finding 1 is not right"),
        ('{"version": 1, "findings": [{"code": "CHN101", "count": 0}]}', "finding 1 is not right"),
    ],
)
def test_a_wrong_baseline_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.py").write_text(leak())
    (tmp_path / "known.json").write_text(text)
    told = chanlint(tmp_path, "check", "--baseline", "known.json", code=2)
    assert told.startswith("chanlint: known.json: ") and says in told and told.count("\n") == 1
    assert "there is no such baseline" in chanlint(tmp_path, "check", "--baseline", "gone.json", code=2)


def test_entries_are_counted_and_written_in_order(tmp_path: Path) -> None:
    one, two = Identity("CHN101", "a.py", "f", "q"), Identity("CHN101", "a.py", "f", 'a "quoted" name')
    text = write_baseline(Counter({one: 2, two: 1}))
    (tmp_path / "known.json").write_text(text)
    entries = read_baseline(str(tmp_path / "known.json"), FileSystem())
    assert entries == Counter({one: 2, two: 1})
    three = [diagnostic(identity=one, fingerprint=str(number)) for number in range(3)]
    fresh, left = unknown_to(entries, three)
    assert fresh == three[2:] and left == Counter({two: 1})
    with pytest.raises(BaselineError, match="cannot be read"):
        read_baseline(str(tmp_path), FileSystem())


# -- diffs ------------------------------------------------------------------------------------------------------------------

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    run(tmp_path, "git", "init", "--quiet", "--initial-branch", "main", code=0)
    for key, value in (("user.email", "a@example.org"), ("user.name", "a"), ("commit.gpgsign", "false")):
        run(tmp_path, "git", "config", key, value, code=0)
    return tmp_path


def commit(repository: Path) -> None:
    run(repository, "git", "add", "--all", code=0)
    run(repository, "git", "commit", "--quiet", "--message", "x", code=0)


POOL = """\
import queue
import threading


class Pool:
    def __init__(self):
        self._jobs = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while (job := self._jobs.get()) is not None:
            print(job)

    def put(self, job):
        self._jobs.put(job)

{gap}
    def close(self):
        {ending}
"""


@needs_git
def test_a_close_deleted_far_away_is_caught_and_old_leaks_are_not(repository: Path) -> None:
    gap = "    # ...\n" * 20
    (repository / "pool.py").write_text(POOL.format(gap=gap, ending="self._jobs.put(None)\n        self._done = True"))
    (repository / "old.py").write_text(leak())
    commit(repository)
    assert check(repository, "--diff-base", "HEAD", code=0) == []
    (repository / "pool.py").write_text(POOL.format(gap=gap, ending="self._done = True"))
    assert check(repository) == ["CHN101@old.py:14", "CHN101@pool.py:8"]
    assert check(repository, "--diff-base", "HEAD", code=1) == ["CHN101@pool.py:8"]
    (repository / "odd näme.py").write_text(leak())
    assert "CHN101@odd näme.py:14" in check(repository, "--diff-base", "HEAD")


@needs_git
def test_the_base_is_where_the_branch_began(repository: Path) -> None:
    (repository / "a.py").write_text("")
    commit(repository)
    run(repository, "git", "checkout", "--quiet", "-b", "work", code=0)
    (repository / "b.py").write_text(leak())
    commit(repository)
    run(repository, "git", "checkout", "--quiet", "main", code=0)
    (repository / "a.py").write_text(leak())
    commit(repository)
    run(repository, "git", "checkout", "--quiet", "work", code=0)
    changes = changes_since("main", str(repository))
    assert set(changes.rows) == {str(repository / "b.py")} and not changes.deletes
    assert check(repository, "--diff-base", "main") == ["CHN101@b.py:14"]


@needs_git
def test_renamed_deleted_and_binary_files(repository: Path) -> None:
    (repository / "a.py").write_text(leak())
    (repository / "gone.py").write_text("x = 1\n")
    (repository / "bin").write_bytes(b"\0\1\2" * 100)
    commit(repository)
    (repository / "a.py").rename(repository / "tab\there.py")
    (repository / "gone.py").unlink()
    (repository / "bin").write_bytes(b"\0\3" * 100)
    run(repository, "git", "add", "--all", code=0)
    changes = changes_since("HEAD", str(repository))
    assert changes.before[str(repository / "tab\there.py")] is None
    assert changes.before[str(repository / "gone.py")] == b"x = 1\n"
    assert not changes.rows
    assert check(repository, "--diff-base", "HEAD", code=0) == []


@needs_git
def test_hooks_and_filters_of_the_repository_are_not_run(repository: Path) -> None:
    (repository / "a.py").write_text("")
    commit(repository)
    mark = repository / "was-run"
    for key in ("diff.external", "core.fsmonitor", "diff.evil.textconv"):
        run(repository, "git", "config", key, f"touch {mark}; true", code=0)
    (repository / ".gitattributes").write_text("*.py diff=evil\n")
    (repository / "a.py").write_text(leak())
    assert check(repository, "--diff-base", "HEAD") == ["CHN101@a.py:14"]
    assert not mark.exists()


@needs_git
def test_revisions_that_are_none(repository: Path) -> None:
    (repository / "a.py").write_text("")
    commit(repository)
    for revision in ("nope", "--output=x", ""):
        with pytest.raises(DiffError, match="revision"):
            changes_since(revision, str(repository))
    assert (
        chanlint(repository, "check", "--diff-base", "nope", code=2) == "chanlint: --diff-base: there is no revision 'nope'\n"
    )


def test_a_diff_outside_a_repository(tmp_path: Path) -> None:
    with pytest.raises(DiffError):
        changes_since("HEAD", str(tmp_path))


# -- flake8 -----------------------------------------------------------------------------------------------------------------


def flake8(folder: Path, *arguments: str, text: str | None = None) -> list[str]:
    return run(folder, sys.executable, "-m", "flake8", "--isolated", "--select", "CHN", *arguments, text=text).splitlines()


def test_flake8_reports_rows_and_columns_as_chanlint_does(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(leak(name="_handle"))
    ours = chanlint(tmp_path, "check", "--output-format", "flake8", code=1).splitlines()
    assert flake8(tmp_path, "a.py") == ours and len(ours) == 1
    assert flake8(tmp_path, "--stdin-display-name", "a.py", "-", text=leak(name="_handle")) == ours


def test_flake8_says_less_than_chanlint_never_more(tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(POOL.replace("_jobs", "jobs").format(gap="", ending="pass"))
    assert check(tmp_path) == ["CHN101@pool.py:8"]
    assert flake8(tmp_path, "pool.py") == []


def test_flake8_honours_its_own_noqa_and_our_comments(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text(leak(comment="noqa"))
    (tmp_path / "ours.py").write_text(leak(comment="chanlint: ignore[CHN101] known"))
    (tmp_path / "unused.py").write_text("import queue  # noqa: CHN101\n")
    assert flake8(tmp_path, ".") == []


def test_flake8_gets_one_line_for_a_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "chanlint.toml").write_text("selct = 1\n")
    (tmp_path / "a.py").write_text(leak())
    assert flake8(tmp_path, "a.py") == ["a.py:1:1: CHN000 chanlint.toml:1: unknown key 'selct'; did you mean 'select'?"]


def test_flake8_reads_other_encodings(tmp_path: Path) -> None:
    text = "# coding: latin-1\n" + leak(name="_handle").replace("items", "é")
    (tmp_path / "a.py").write_bytes(text.encode("latin-1"))
    assert flake8(tmp_path, "a.py") == chanlint(tmp_path, "check", "--output-format", "flake8").splitlines()


def test_flake8_is_told_of_an_error_of_ours_and_survives_odd_encodings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = leak(name="_handle").splitlines(keepends=True)
    for first in ("# coding: nonsense\n", "# coding: ascii\n", "# é\n"):
        list(Plugin(ast.parse(""), "a.py", [first, "# é\n", *lines]).run())
    monkeypatch.setattr("chanlint.frontends.python.PythonFrontEnd.lower", lambda *_: 1 / 0)
    ((row, column, text, kind),) = Plugin(ast.parse(""), "a.py", lines).run()
    assert (row, column, kind) == (1, 0, Plugin)
    assert text.startswith("CHN000 internal error: ZeroDivisionError")


# -- what goes wrong in commands --------------------------------------------------------------------------------------------


def test_a_baseline_is_not_written_after_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(leak())
    monkeypatch.setattr("chanlint.frontends.python.PythonFrontEnd.lower", lambda *_: 1 / 0)
    assert main(["baseline"]) == 2
    assert "internal error in a.py: ZeroDivisionError" in capsys.readouterr().err
    assert not (tmp_path / "chanlint-baseline.json").exists()
    assert main(["check", "--add-ignores", "r"]) == 2
    assert main(["explain", "a.py:1"]) == 2


def test_watching_runs_once_at_first_and_then_for_changes_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[bool] = []

    def watch(*paths: str, watch_filter: Callable[[int, str], bool], **rest: object) -> list[set[int]]:
        seen.extend(watch_filter(1, name) for name in ("a.py", "b.ipynb", "sub/chanlint.toml", "a.txt", "x.json"))
        return [set(), set(), {1}, set()]

    monkeypatch.setitem(sys.modules, "watchfiles", SimpleNamespace(watch=watch))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["check", "--watch", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert seen == [True, True, True, False, False]
    assert err.count("Ctrl-C ends it") == 2 and out.count("\x1b[2J") == 1
