"""Settings that the project decides, and how imports find its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from chanlint.engine.config import Settings, resolve_settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.project import Index
from chanlint.engine.versions import parse_version
from engine_fakes import write


def resolved(root: Path, *paths: str, **settings: object) -> Settings:
    return resolve_settings(Settings(paths=paths or (".",), cwd=str(root), **settings), FileSystem())  # type: ignore[arg-type]


@pytest.mark.parametrize("marker", ["chanlint.toml", "pyproject.toml", "setup.cfg", "setup.py", ".git/HEAD"])
def test_the_project_root_is_the_nearest_ancestor_with_a_marker(tmp_path: Path, marker: str) -> None:
    write(tmp_path, {f"proj/{marker}": "", "proj/src/pkg/a.py": "", "proj/src/pkg/sub/b.py": ""})
    assert resolved(tmp_path / "proj" / "src", "pkg/a.py", "pkg/sub").project_root == str(tmp_path / "proj")


def test_without_a_marker_it_is_the_common_parent(tmp_path: Path) -> None:
    write(tmp_path, {"x/y/a.py": "", "x/z/b.py": ""})
    settings = resolved(tmp_path, "x/y/a.py", "x/z")
    # a folder above the temporary one may hold a marker; then that is the root
    assert settings.project_root == str(tmp_path / "x") or str(tmp_path).startswith(settings.project_root or "?")


def test_an_option_beats_the_marker(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "sub/a.py": ""})
    assert resolved(tmp_path, "sub/a.py", project_root="sub").project_root == str(tmp_path / "sub")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('[project]\nrequires-python = ">=3.9"\n', (3, 9)),
        ('[project]\nrequires-python = ">= 3.13.1, <4"\n', (3, 13)),
        ('[project]\nrequires-python = "~=3.12"\n', (3, 12)),
        ('[project]\nrequires-python = "<4"\n', (3, 11)),
        ("[project]\nrequires-python = 3\n", (3, 11)),
        ('project = "requires-python"\n', (3, 11)),
        ('requires-python = "broken', (3, 11)),
        ("# requires-python \udcff\n", (3, 11)),
        ("", (3, 11)),
    ],
)
def test_the_target_version_is_the_lower_bound_of_requires_python(tmp_path: Path, text: str, version: tuple[int, int]) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    assert resolved(tmp_path).target_version == version
    assert resolved(tmp_path, target_version=(3, 14)).target_version == (3, 14)


def test_versions_are_read_in_two_spellings() -> None:
    assert parse_version("3.12") == parse_version("py312") == (3, 12)
    assert [parse_version(text) for text in ("", "4.1", "3", "3.x", "py")] == [None] * 5


def index(root: str, *paths: str, **settings: object) -> Index:
    return Index(Settings(cwd=root, project_root=root, **settings), [f"{root}/{path}" for path in paths])  # type: ignore[arg-type]


def test_absolute_imports_start_at_the_source_roots() -> None:
    modules = index(
        "/p", "src/pkg/__init__.py", "src/pkg/a.py", "src/pkg/sub/__init__.py", "src/pkg/sub/b.py", "tool.py", "ns/c.py"
    )
    assert modules.resolve("src/pkg/a.py", "pkg", 0) == "src/pkg/__init__.py"
    assert modules.resolve("src/pkg/a.py", "pkg.sub", 0) == "src/pkg/sub/__init__.py"
    assert modules.resolve("tool.py", "pkg.sub.b", 0) == "src/pkg/sub/b.py"
    assert modules.resolve("src/pkg/sub/b.py", "tool", 0) == "tool.py"
    assert modules.resolve("tool.py", "ns.c", 0) == "ns/c.py"
    assert modules.resolve("tool.py", "ns", 0) is None, "a namespace has no module of its own"
    assert modules.resolve("tool.py", "queue", 0) is None
    assert modules.resolve("tool.py", "", 0) is None


def test_relative_imports_go_by_path() -> None:
    modules = index("/p", "pkg/__init__.py", "pkg/a.py", "pkg/sub/__init__.py", "pkg/sub/b.py")
    assert modules.resolve("pkg/a.py", "sub.b", 1) == "pkg/sub/b.py"
    assert modules.resolve("pkg/__init__.py", "a", 1) == "pkg/a.py"
    assert modules.resolve("pkg/sub/b.py", "a", 2) == "pkg/a.py"
    assert modules.resolve("pkg/sub/b.py", "", 2) == "pkg/__init__.py"
    assert modules.resolve("pkg/sub/b.py", "x", 9) is None


def test_a_package_beats_a_module_and_a_file_is_not_its_own_import() -> None:
    modules = index("/p", "a.py", "a/__init__.py", "scripts/queue.py", "scripts/main.py")
    assert modules.resolve("x.py", "a", 0) == "a/__init__.py"
    assert modules.resolve("scripts/queue.py", "queue", 0) is None
    assert modules.resolve("scripts/main.py", "queue", 0) == "scripts/queue.py"


def test_two_files_of_one_name_are_two_modules() -> None:
    modules = index("/p", "one/main.py", "one/util.py", "two/main.py", "two/util.py")
    assert modules.resolve("one/main.py", "util", 0) == "one/util.py"
    assert modules.resolve("two/main.py", "util", 0) == "two/util.py"


def test_files_outside_the_project_keep_their_absolute_path() -> None:
    modules = Index(Settings(cwd="/p", project_root="/p"), ["/p/a.py", "/q/b.py", "/q/c.py", "/d.py"])
    assert sorted(modules.paths) == ["/d.py", "/q/b.py", "/q/c.py", "a.py"]
    assert modules.resolve("/q/b.py", "c", 0) == "/q/c.py"
    assert modules.resolve("/q/b.py", "c", 1) == "/q/c.py"
    assert modules.resolve("/q/b.py", "d", 2) == "/d.py"


def test_dotted_names_start_at_the_source_root() -> None:
    modules = index("/p", "src/pkg/__init__.py", "src/pkg/a.py", "tool.py", "script")
    names = [modules.dotted(module) for module in ("src/pkg/__init__.py", "src/pkg/a.py", "tool.py", "script")]
    assert names == ["pkg", "pkg.a", "tool", "script"]
    assert Index(Settings(cwd="/p", project_root="/p"), ["/q/__init__.py", "/q/b.py"]).dotted("/q/b.py") == "q.b"
