"""The command line, in this process: options, exit codes, and what goes where."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from chanlint import __version__
from chanlint.cli import main
from chanlint.cli.output import terminal_width, wants_color
from engine_fakes import QUEUE, fake_rule, write

__all__ = ["fake_rule"]
pytestmark = pytest.mark.usefixtures("fake_rule")

LOW = "import queue\n\n\ndef low_sure():\n    q = queue.Queue()\n    q.get()\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path, {"pyproject.toml": "", "a.py": QUEUE, "pkg/b.py": "x = 1\n"})
    return tmp_path


def test_findings_go_to_standard_output_and_a_summary_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 1
    out, err = capsys.readouterr()
    assert out == "a.py:6:5: CHN901 a get\n"
    assert err == "1 leak in 1 file; 2 files checked, 1 with channels\n"


def test_nothing_found_is_told_and_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "pkg"]) == 0
    assert capsys.readouterr() == ("", "no leaks; 1 file checked, 0 with channels\n")


def test_quiet_says_nothing_besides_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--quiet", "--exit-zero"]) == 0
    assert capsys.readouterr() == ("a.py:6:5: CHN901 a get\n", "")


def test_verbose_tells_why(capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "-v"])
    assert capsys.readouterr().err.splitlines() == [
        "cleared: a.py:5:9: q: it is a fake (a.py:5:9)",
        "limit reached: fake limit (2 times)",
        "1 leak in 1 file; 2 files checked, 1 with channels",
    ]


def test_no_python_file_is_a_warning(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "empty").mkdir()
    assert main(["check", "empty"]) == 0
    assert capsys.readouterr().err == "chanlint: warning: no Python files found\n"


def test_a_missing_path_is_an_error_and_the_rest_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.py", "no\x1bpe.py", "--output-format", "json"]) == 2
    out, err = capsys.readouterr()
    assert [one["code"] for one in json.loads(out)] == ["CHN901"]
    assert err.splitlines()[0] == "chanlint: no\\x1bpe.py: no such file or folder"


def test_an_internal_error_keeps_the_output_valid(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"explode.py": QUEUE})
    assert main(["check", "--output-format", "json"]) == 2
    out, err = capsys.readouterr()
    assert [one["filename"] for one in json.loads(out)] == ["a.py"]
    assert "chanlint: internal error in explode.py: RuntimeError: exploded on purpose" in err
    assert "Traceback" not in err
    assert main(["check", "-v", "--exit-zero"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--select", "CHN902"], "no rule is called 'CHN902'; did you mean CHN901?"),
        (["check", "--selct", "CHN901"], "--select'"),
        (["check", "--output-format", "jsn"], "'jsn'"),
        (["check", "--target-version", "two"], "'two' is not a version such as 3.12 or py312."),
        (["check", "--fix"], "No such option"),
        (["check", "--project-root", "nowhere"], "does not exist"),
        (["check", "--output-file", "no/such/folder/x"], "cannot write no/such/folder/x"),
        (["chek"], "No such command 'chek'. Did you mean 'check'?"),
        (["xyz"], "'chanlint --help' lists the commands."),
        (["rule", "CHN90"], "no rule is called 'CHN90'; did you mean CHN901?"),
        (["dump", "nope.py"], "does not exist"),
    ],
)
def test_bad_usage_ends_with_two(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_selection_and_confidence(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"low.py": LOW})
    assert main(["check", "low.py"]) == 0
    assert main(["check", "low.py", "--min-confidence", "low"]) == 1
    assert main(["check", "--ignore", "CHN0,CHN901"]) == 0
    assert main(["check", "--extend-ignore", "fake-get"]) == 0
    assert main(["check", "--select", "CHN0", "--extend-select", "fake-get"]) == 1
    assert "CHN901" in capsys.readouterr().out


def test_files_are_chosen_by_options(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {".gitignore": "hidden.py\n", "hidden.py": "", "gen/c.py": "", "build/d.py": ""})

    def shown(*arguments: str) -> list[str]:
        assert main(["check", "--show-files", *arguments]) == 0
        return capsys.readouterr().out.split()

    assert shown() == ["a.py", "gen/c.py", "pkg/b.py"]
    assert shown("--no-respect-gitignore") == ["a.py", "gen/c.py", "hidden.py", "pkg/b.py"]
    assert shown("--extend-exclude", "gen,pkg") == ["a.py"]
    assert shown("--exclude", "pkg") == ["a.py", "build/d.py", "gen/c.py"]
    assert shown("hidden.py", "build/d.py") == ["build/d.py", "hidden.py"]
    assert shown("hidden.py", "build/d.py", "--force-exclude") == []
    assert main(["check", "--show-files", "nope"]) == 2


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, shown in (("pkg/new.py", "pkg/new.py"), (None, "<stdin>")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(QUEUE.encode())))
        assert main(["check", "-", *(["--stdin-filename", name] if name else [])]) == 1
        assert capsys.readouterr().out == f"{shown}:6:5: CHN901 a get\n"


def test_several_outputs_in_one_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--output-file", "json:out.json", "--output-file", "concise:out.txt"]) == 1
    assert capsys.readouterr().out == "a.py:6:5: CHN901 a get\n"
    assert len(json.loads((project / "out.json").read_text())) == 1
    assert (project / "out.txt").read_text() == "a.py:6:5: CHN901 a get\n"
    assert main(["check", "-o", "only.json", "--output-format", "json"]) == 1
    assert capsys.readouterr().out == ""
    assert len(json.loads((project / "only.json").read_text())) == 1


def test_statistics_count_by_rule(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"c.py": QUEUE + "    q.get()\n"})
    assert main(["check", "--statistics"]) == 1
    assert capsys.readouterr().out == "3  CHN901  fake-get\n"
    main(["check", "--statistics", "--output-format", "json"])
    assert json.loads(capsys.readouterr().out) == [{"code": "CHN901", "name": "fake-get", "count": 3}]
    assert main(["check", "--statistics", "pkg"]) == 0
    assert capsys.readouterr().out == ""


def test_full_output_names_every_place(capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "--output-format", "full", "--color", "always"])
    colored = capsys.readouterr().out
    assert "\x1b[1;31merror[CHN901]" in colored
    main(["check", "--output-format", "full"])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "5 |     q = queue.Queue()\n  |         ------------- made here\n" in out


def test_options_that_change_nothing_yet_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    plain = [main(["check"]), capsys.readouterr()]
    options = ["--isolated", "--no-cache", "--no-prefilter", "--target-version", "3.13", "--project-root", "."]
    assert [main(["check", *options]), capsys.readouterr()] == plain


def test_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("CHN000  unreadable-file           A file could not be read")
    assert last.startswith("CHN901  fake-get                  A rule and a model for tests")
    assert main(["rules", "--output-format", "json"]) == 0
    names = ["unreadable-file", "unused-suppression", "unknown-suppression-code", "fake-get"]
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == names


@pytest.mark.parametrize("word", ["CHN901", "chn901", "fake-get", "Fake-Get"])
def test_a_rule_is_explained(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", word]) == 0
    out = capsys.readouterr().out
    assert out.startswith("CHN901 fake-get\n\nA rule and a model")
    assert "# chanlint: ignore[CHN901] reason" in out


def test_a_file_is_dumped(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", "a.py"]) == 0
    out = capsys.readouterr().out
    assert "function work():" in out
    assert out.endswith("\n")
    assert main(["dump", "--channels", "a.py", "--target-version", "py312"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "cleared: a.py:5:9: q: it is a fake (a.py:5:9)",
        "reported: a.py:6:5: CHN901 a get",
    ]
    write(project, {"explode.py": QUEUE})
    assert main(["dump", "--channels", "explode.py"]) == 2


def test_a_dump_tells_what_is_in_the_way(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(project / "pipe")
    assert main(["dump", "pipe"]) == 2
    assert capsys.readouterr().err == "chanlint: pipe: cannot be read: not a regular file\n"
    write(project, {"broken.py": "def f(:\n"})
    assert main(["dump", "broken.py"]) == 2
    assert capsys.readouterr().err.startswith("broken.py:1:")
    monkeypatch.setattr("chanlint.frontends.python.PythonFrontEnd.lower", lambda *_: 1 / 0)
    assert main(["dump", "a.py"]) == 2
    assert "internal error in a.py: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["check"], ["rule"], ["rules"], ["dump"]])
def test_help_has_examples(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    assert "Examples:\n" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"chanlint {__version__}\n"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_follows_the_option_then_the_environment_then_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color("auto", _Terminal())
    assert not wants_color("auto", io.StringIO())
    assert wants_color("always", io.StringIO())
    assert not wants_color("never", _Terminal())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert wants_color("auto", io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color("auto", _Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_color("auto", _Terminal())


def test_the_width_is_never_absurd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "3")
    assert terminal_width() == 40
    monkeypatch.setenv("COLUMNS", "133")
    assert terminal_width() == 133


def test_progress_shows_on_a_terminal_once_a_run_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    from chanlint.cli import progress

    monkeypatch.setenv("TERM", "xterm")
    with progress.progress_on(io.StringIO(), quiet=False) as update:
        assert update is None
    with progress.progress_on(_Terminal(), quiet=True) as update:
        assert update is None
    short = _Terminal()
    with progress.progress_on(short, quiet=False) as update:
        assert update is not None
        update("reading", 1)
    assert short.getvalue() == ""
    monkeypatch.setattr(progress, "SHOWN_AFTER", -1.0)
    long = _Terminal()
    with progress.progress_on(long, quiet=False) as update:
        assert update is not None
        update("reading", 1)
        update("reading", 2)
    assert "files read" in long.getvalue()


def test_an_interrupt_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*rest: object, **options: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("chanlint.engine.cache.run_cached", interrupt)
    assert main(["check"]) == 130
    assert capsys.readouterr().err.strip() == "chanlint: interrupted"


def test_a_current_folder_that_is_gone_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "gone").mkdir()
    monkeypatch.chdir(project / "gone")
    (project / "gone").rmdir()
    assert main(["check"]) == 2
    assert "the current folder is gone" in capsys.readouterr().err
