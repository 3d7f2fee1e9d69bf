"""Which files a run looks at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chanlint.engine.config import Settings
from chanlint.engine.discovery import MAX_PROJECT_FILES, Discovery, discover, discover_project
from chanlint.engine.filesystem import MAX_BYTES, FileSystem
from engine_fakes import write


def found(root: Path, *paths: str, **settings: object) -> list[str]:
    given = Settings(paths=paths or (".",), cwd=str(root), project_root=str(root), **settings)  # type: ignore[arg-type]
    return [os.path.relpath(path, root) for path in discover(given, FileSystem()).files]


def test_a_walk_takes_python_files_in_order_and_leaves_out_stubs_and_the_usual_folders(tmp_path: Path) -> None:
    names = ["b.py", "a.pyw", "c.pyi", "d.txt", "pkg/e.py", ".venv/x.py", "build/x.py", "node_modules/x.py", "venv2/lib/x.py"]
    write(tmp_path, dict.fromkeys(names, ""))
    write(tmp_path, {"venv2/pyvenv.cfg": ""})
    assert found(tmp_path) == ["a.pyw", "b.py", "pkg/e.py"]


def test_a_named_file_is_taken_whatever_its_suffix_and_whatever_excludes_say(tmp_path: Path) -> None:
    write(tmp_path, {"script": "", "build/x.py": "", "build/y.py": ""})
    assert found(tmp_path, "script", "build/x.py") == ["build/x.py", "script"]
    assert found(tmp_path, "build") == ["build/x.py", "build/y.py"]
    assert found(tmp_path, "script", "build/x.py", "build", force_exclude=True) == ["script"]


def test_files_named_twice_are_looked_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "", "pkg/b.py": ""})
    assert found(tmp_path, ".", "a.py", "./a.py", "pkg/../a.py", str(tmp_path / "pkg")) == ["a.py", "pkg/b.py"]
    given = Settings(paths=(".", "a.py"), cwd=str(tmp_path))
    named = {Path(path).name: one for path, one in discover(given, FileSystem()).files.items()}
    assert named == {"a.py": True, "b.py": False}


def test_missing_paths_are_told_as_given(tmp_path: Path) -> None:
    result = discover(Settings(paths=("nope.py", "no/where"), cwd=str(tmp_path)), FileSystem())
    assert result.missing == ["nope.py", "no/where"]
    assert result.files == {}


def test_excludes_are_names_paths_or_globs(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(["a.py", "gen/b.py", "x/gen/c.py", "x/d_pb2.py", "x/y/e.py", "build/f.py"], ""))
    assert found(tmp_path, exclude=("gen",)) == ["a.py", "build/f.py", "x/d_pb2.py", "x/y/e.py"]
    assert found(tmp_path, extend_exclude=("gen/", "*_pb2.py")) == ["a.py", "x/y/e.py"]
    assert found(tmp_path, extend_exclude=("./x/y/", "gen")) == ["a.py", "x/d_pb2.py"]
    assert found(tmp_path, extend_exclude=("x/*.py",)) == ["a.py", "gen/b.py"]


def test_ignore_files_count_where_they_stand_and_inner_ones_win(tmp_path: Path) -> None:
    write(
        tmp_path, dict.fromkeys(["a.py", "gen/b.py", "x/gen/c.py", "x/keep.py", "x/drop.py", "y/drop.py", "z/only/drop.py"], "")
    )
    write(tmp_path, {".gitignore": "/gen/\ndrop.py\n[bad\n", "x/.gitignore": "!drop.py\nkeep.py\n", "z/.gitignore": "only/\n"})
    assert found(tmp_path) == ["a.py", "x/drop.py", "x/gen/c.py"]
    assert found(tmp_path, respect_gitignore=False) == sorted(
        ["a.py", "gen/b.py", "x/gen/c.py", "x/keep.py", "x/drop.py", "y/drop.py", "z/only/drop.py"]
    )


def test_ignore_files_above_count_but_not_against_the_named_folder_itself(tmp_path: Path) -> None:
    write(
        tmp_path, {".gitignore": "out/\n*_gen.py\n", ".git/config": "", "out/a.py": "", "out/b_gen.py": "", "src/c_gen.py": ""}
    )
    write(tmp_path, {"src/d.py": ""})
    assert found(tmp_path, "src") == ["src/d.py"]
    assert found(tmp_path, "out") == ["out/a.py", "out/b_gen.py"]
    assert found(tmp_path, "out", force_exclude=True) == []
    assert found(tmp_path, "src/c_gen.py") == ["src/c_gen.py"]
    assert found(tmp_path, "src/c_gen.py", force_exclude=True) == []
    assert found(tmp_path, "src/c_gen.py", force_exclude=True, respect_gitignore=False) == ["src/c_gen.py"]


def test_an_ignore_file_above_the_project_root_counts_only_within_a_repository(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "a.py\n", "proj/sub/a.py": "", "proj/.gitignore": "b.py\n", "proj/sub/b.py": ""})
    settings = Settings(paths=("sub",), cwd=str(tmp_path / "proj"), project_root=str(tmp_path / "proj"))
    assert [Path(path).name for path in discover(settings, FileSystem()).files] == ["a.py"]
    (tmp_path / ".git").mkdir()
    assert discover(settings, FileSystem()).files == {}


def test_links_to_folders_are_not_followed_and_circles_end(tmp_path: Path) -> None:
    write(tmp_path, {"pkg/a.py": ""})
    (tmp_path / "pkg" / "round").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    (tmp_path / "link.py").symlink_to(tmp_path / "pkg" / "a.py")
    (tmp_path / "folder").symlink_to(tmp_path / "pkg")
    assert found(tmp_path) == ["link.py", "pkg/a.py"]
    assert found(tmp_path, "folder") == ["folder/a.py"]
    assert discover(Settings(paths=("self.py",), cwd=str(tmp_path)), FileSystem()).missing == ["self.py"]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": "", "shut/b.py": ""})
    honest = FileSystem.entries

    def refuse(self: FileSystem, folder: str) -> list[object]:
        if folder.endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return honest(self, folder)  # type: ignore[return-value]

    monkeypatch.setattr(FileSystem, "entries", refuse)
    result = discover(Settings(cwd=str(tmp_path)), FileSystem())
    assert [Path(path).name for path in result.files] == ["a.py"]
    assert result.unreadable == [(str(tmp_path / "shut"), "Permission denied")]


def test_standard_input_stands_for_its_file(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "old"})
    path = str(tmp_path / "a.py")
    filesystem = FileSystem({path: b"new"})
    settings = Settings(paths=("-",), cwd=str(tmp_path), stdin_filename="a.py")
    assert discover(settings, filesystem).files == {path: True}
    assert filesystem.read(path) == b"new"
    assert not filesystem.is_folder(path)


def test_the_project_is_walked_once_when_it_is_the_report_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": "", "pkg/b.py": ""})
    settings = Settings(cwd=str(tmp_path), project_root=str(tmp_path))
    report = discover(settings, FileSystem())
    monkeypatch.setattr(FileSystem, "entries", lambda self, folder: pytest.fail("walked again"))
    assert discover_project(settings, FileSystem(), report) == [str(tmp_path / "a.py"), str(tmp_path / "pkg" / "b.py")]


def test_the_walk_for_context_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chanlint.engine.discovery.MAX_PROJECT_FILES", 2)
    write(tmp_path, {f"p{n}/{m}.py": "" for n in range(4) for m in range(2)})
    report = Discovery()
    report.files = {str(tmp_path / "p3" / "1.py"): True}
    settings = Settings(paths=("p3/1.py",), cwd=str(tmp_path), project_root=str(tmp_path))
    names = [os.path.relpath(path, tmp_path) for path in discover_project(settings, FileSystem(), report)]
    assert names == ["p0/0.py", "p0/1.py", "p3/1.py"]
    assert report.truncated
    assert MAX_PROJECT_FILES >= 10_000


def test_only_regular_files_of_a_sane_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(OSError, match="not a regular file"):
        FileSystem().read(str(tmp_path / "pipe.py"))
    with (tmp_path / "big.py").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(OSError, match="larger than 16 MiB"):
        FileSystem().read(str(tmp_path / "big.py"))
    (tmp_path / "a.py").write_bytes(b"x" * 100_000)
    assert len(FileSystem().read(str(tmp_path / "a.py"))) == 100_000
    (tmp_path / "empty.py").write_bytes(b"")
    assert FileSystem().read(str(tmp_path / "empty.py")) == b""
