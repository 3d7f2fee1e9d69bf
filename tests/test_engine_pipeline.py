"""Whole runs with a rule that is known beforehand."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

import chanlint
from chanlint.diagnostics import Confidence
from chanlint.engine import groups
from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.pipeline import Result, run
from chanlint.frontends.base import Lowered
from engine_fakes import QUEUE, check, fake_rule, write

__all__ = ["fake_rule"]
pytestmark = pytest.mark.usefixtures("fake_rule")


def places(result: Result) -> list[tuple[str, int, int, str]]:
    return [(one.filename, one.location.row, one.location.column, one.code) for one in result.diagnostics]


def test_findings_carry_their_places_names_and_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, {"pkg/__init__.py": "", "pkg/a.py": QUEUE})
    result = check(tmp_path)
    (one,) = result.diagnostics
    assert (one.code, one.name, one.filename, one.function) == ("CHN901", "fake-get", "pkg/a.py", "pkg.a.work")
    assert (one.location.row, one.location.column, one.end_location.column) == (6, 5, 12)
    (made,) = one.related
    assert (made.filename, made.location.row, made.location.column) == ("pkg/a.py", 5, 9)
    assert len(one.fingerprint) == 32
    assert result.report.names == ["pkg/__init__.py", "pkg/a.py"]
    assert result.with_channels == 1
    assert [one.line() for one in result.cleared()] == ["pkg/a.py:5:9: q: it is a fake (pkg/a.py:5:9)"]
    assert result.limits == {"fake limit": 2}
    source = result.source("pkg/a.py")
    assert source is not None
    assert source.text == QUEUE


def test_a_fingerprint_survives_edits_above_and_tells_equals_apart(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": QUEUE + "    q.get()\n"})
    before = [one.fingerprint for one in check(tmp_path).diagnostics]
    write(tmp_path, {"a.py": "# a comment\n\n" + QUEUE + "    q.get()\n"})
    after = [one.fingerprint for one in check(tmp_path).diagnostics]
    assert before == after
    assert len(set(before)) == 2
    write(tmp_path, {"b.py": QUEUE})
    assert check(tmp_path, "b.py").diagnostics[0].fingerprint not in before


def test_one_file_and_the_whole_project_say_the_same(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"pyproject.toml": "", "a.py": QUEUE, "b.py": "from a import work\n" + QUEUE, "c/d.py": QUEUE, "e.py": "x = 1\n"},
    )
    whole = check(tmp_path).diagnostics
    single = [one for name in ("a.py", "b.py", "c/d.py", "e.py") for one in check(tmp_path, name).diagnostics]
    assert single == whole
    assert check(tmp_path, prefilter=False).diagnostics == whole
    assert len(whole) == 3


def test_file_names_are_relative_to_the_current_folder_when_below_it(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "app/a.py": QUEUE, "other/b.py": QUEUE})
    result = check(tmp_path / "app", "..")
    assert [one.filename for one in result.diagnostics] == sorted([str(tmp_path / "other" / "b.py"), "a.py"])
    assert {one.function for one in result.diagnostics} == {"a.work", "b.work"}


def test_confidence_and_selection_filter(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": QUEUE + "\ndef low_sure(q):\n    q.get()\n"})
    assert len(check(tmp_path).diagnostics) == 1
    assert len(check(tmp_path, min_confidence=Confidence.LOW).diagnostics) == 2
    assert check(tmp_path, select=("CHN000",)).diagnostics == []
    assert check(tmp_path, ignore=("fake-get",)).diagnostics == []


def test_an_internal_error_in_the_analysis_spares_unrelated_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.py": QUEUE,
            "explode.py": "import friend\n" + QUEUE,
            "friend.py": QUEUE,
            "pkg/__init__.py": "",
            "pkg/b.py": "from . import c\nfrom pkg import d\nfrom .c import *\n" + QUEUE,
            "pkg/c.py": QUEUE,
        },
    )
    result = check(tmp_path)
    assert [one.filename for one in result.diagnostics] == ["a.py", "pkg/b.py", "pkg/c.py"]
    (crash,) = result.crashes
    assert crash.path in ("explode.py", "friend.py")
    assert crash.message == "RuntimeError: exploded on purpose"
    assert "Traceback" in crash.trace
    assert result.limits == {"fake limit": 4}


def test_files_that_nothing_links_to_the_report_set_are_not_analysed(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": QUEUE, "explode.py": QUEUE})
    result = check(tmp_path, "a.py")
    assert (len(result.diagnostics), result.crashes) == (1, [])


def test_an_internal_error_in_one_file_spares_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chanlint.frontends.python import PythonFrontEnd

    honest = PythonFrontEnd.lower

    def lower(self: PythonFrontEnd, source: object, version: tuple[int, int]) -> Lowered:
        if source.path == "bad.py":  # type: ignore[attr-defined]
            raise RuntimeError("no")
        return honest(self, source, version)  # type: ignore[arg-type]

    monkeypatch.setattr(PythonFrontEnd, "lower", lower)
    write(tmp_path, {"a.py": QUEUE, "bad.py": QUEUE})
    result = check(tmp_path)
    assert [one.filename for one in result.diagnostics] == ["a.py"]
    assert [(crash.path, crash.message) for crash in result.crashes] == [("bad.py", "RuntimeError: no")]


def test_a_place_that_cannot_be_looked_up_does_not_lose_the_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chanlint.frontends.python.positions import PythonSourceMap

    def span(self: object, op: object) -> object:
        raise KeyError("gone")

    monkeypatch.setattr(PythonSourceMap, "span", span)
    write(tmp_path, {"a.py": QUEUE})
    result = check(tmp_path)
    assert places(result) == [("a.py", 1, 1, "CHN901")]
    assert {crash.path for crash in result.crashes} == {"a.py"}


def test_unreadable_files_and_folders_are_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": QUEUE, "shut.py": "", "dir/b.py": ""})
    honest_read, honest_entries = FileSystem.read, FileSystem.entries

    def read(self: FileSystem, path: str) -> bytes:
        if path.endswith("shut.py"):
            raise PermissionError(13, "Permission denied")
        return honest_read(self, path)

    def entries(self: FileSystem, folder: str) -> object:
        if folder.endswith("dir"):
            raise PermissionError(13, "Permission denied")
        return honest_entries(self, folder)

    monkeypatch.setattr(FileSystem, "read", read)
    monkeypatch.setattr(FileSystem, "entries", entries)
    found = [(one.filename, one.code, one.message) for one in check(tmp_path, select=("CHN9",)).diagnostics]
    assert found == [
        ("a.py", "CHN901", "a get"),
        ("dir", "CHN000", "folder cannot be read: Permission denied"),
        ("shut.py", "CHN000", "cannot be read: Permission denied"),
    ]
    assert [one.code for one in check(tmp_path, ignore=("CHN000",)).diagnostics] == ["CHN901"]


def test_nothing_to_do_is_an_empty_result(tmp_path: Path) -> None:
    result = check(tmp_path, "nope.py")
    assert (result.diagnostics, result.report.names, result.missing) == ([], [], ["nope.py"])
    assert result.source("a.py") is None


def test_the_collector_is_left_as_it_was(tmp_path: Path) -> None:
    before = gc.get_threshold()
    check(tmp_path)
    assert gc.get_threshold() == before


def test_progress_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": QUEUE, "b.py": QUEUE})
    told: list[tuple[str, int]] = []
    run(Settings(cwd=str(tmp_path)), FileSystem(), lambda doing, count: told.append((doing, count)))
    assert told == [("reading", 1), ("reading", 2), ("following channels", 2)]


def test_standard_input_without_a_name_sees_an_open_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import engine_fakes

    seen: list[bool] = []

    def build(program: object, catalogue: object, options: object) -> object:
        seen.append(options.closed_world)  # type: ignore[attr-defined]
        return engine_fakes._build(program, catalogue, options)  # type: ignore[arg-type]

    monkeypatch.setattr("chanlint.model.build.build_model", build)
    settings = Settings(paths=("-",), cwd=str(tmp_path))
    overlay = FileSystem({str(tmp_path / "<stdin>"): QUEUE.encode()})
    assert places(run(settings, overlay)) == [("<stdin>", 6, 5, "CHN901")]
    named = settings._replace(stdin_filename="a.py")
    assert places(run(named, FileSystem({str(tmp_path / "a.py"): QUEUE.encode()}))) == [("a.py", 6, 5, "CHN901")]
    assert seen == [False, True]


def test_the_library_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": QUEUE, "explode/x.py": "import queue\nqueue.Queue().get()\n"})
    monkeypatch.chdir(tmp_path)
    assert [one.code for one in chanlint.check(["a.py"], chanlint.Settings(project_root="nowhere"))] == ["CHN901"]
    with pytest.raises(FileNotFoundError, match=r"nope\.py"):
        chanlint.check([Path("nope.py")])
    with pytest.raises(chanlint.InternalError, match="exploded on purpose") as caught:
        chanlint.check()
    assert [one.filename for one in caught.value.diagnostics] == ["a.py"]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        chanlint.nothing  # noqa: B018 - the look-up itself is tested


def test_what_was_analysed_is_forgotten_and_the_largest_group_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, list[str]]] = []
    honest = groups.Groups._fresh

    def fresh(self: groups.Groups, group: list[str]) -> object:
        done.append((group[0], [id for id, one in self._lowered.items() if one.module is None]))
        return honest(self, group)

    monkeypatch.setattr(groups.Groups, "_fresh", fresh)
    write(tmp_path, {"a.py": QUEUE * 3, "b.py": QUEUE, "c.py": QUEUE * 2})
    assert len(check(tmp_path).diagnostics) == 6
    assert done == [("b.py", []), ("c.py", ["b.py"]), ("a.py", ["b.py", "c.py"])]
