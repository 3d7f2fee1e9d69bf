"""The house rules: style, types, direction of imports, sizes, start-up, and words that do not belong in the tree."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chanlint

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src" / "chanlint").rglob("*.py"))
MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 60


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """A tool, without measuring the tool's own coverage."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "mypy", "--strict"],
        ["-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"],
    ],
    ids=["ruff check", "ruff format", "mypy", "imports"],
)
def test_tools_have_nothing_to_say(command: list[str]) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno + 1 <= MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_files_and_environment_are_read_by_the_upper_layers_only(path: Path) -> None:
    layer = path.relative_to(ROOT / "src" / "chanlint").parts[0]
    if layer in ("engine", "cli", "api.py", "flake8_plugin.py") or path.match(
        "catalogue/libraries.py"
    ):  # the catalogue reads chanlint's own data
        return
    forbidden = {"open", "environ", "getenv", "getcwd", "cwd", "read_text", "read_bytes", "write_text", "popen", "system"}
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not (names - {"open"} | called) & forbidden


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_nothing_runs_or_imports_what_it_was_given(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {node.id for node in calls if isinstance(node, ast.Name)} | {
        node.attr for node in calls if isinstance(node, ast.Attribute)
    }
    assert not names & {"exec", "eval", "__import__", "run_path", "run_module", "exec_module", "check_output", "check_call"}
    assert not _imported(path) & {"pickle", "marshal", "shelve", "runpy", "dill"}  # a cache may be somebody else's
    starts_programs = bool(_imported(path) & {"subprocess", "multiprocessing"}) or "Popen" in names
    assert starts_programs == (path.stem in STARTS_PROGRAMS and path.parent.name == "engine")


STARTS_PROGRAMS = {"changes": "git", "workers": "chanlint itself"}
"""Modules that start other programs, and which."""


def _imported(path: Path) -> set[str]:
    """The first part of every module that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module.partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def _forbidden() -> re.Pattern[str]:
    """Words that tell where and by whom the tree was written; spelled so that this file does not contain them."""
    words = [
        ("/wor", "k/"),
        ("\\.\\./sha", "red"),
        ("dev", "set"),
        ("/ro", "ot/"),
        ("/ho", "me/[a-z]"),
        ("pypi\\.", "org"),
        ("pythonhos", "ted"),
        ("proxy\\.gol", "ang"),
        ("\\bhel", "per sess"),
        ("before-", "stop"),
        ("\\bissue ", "#?[0-9]"),
        ("\\b(?:GH|fixes|closes) ", "#[0-9]"),
        ("sub", "agent"),
        ("\\bA", "I-generated"),
    ]
    return re.compile("|".join(map("".join, words)), re.IGNORECASE)


def _tracked() -> list[Path]:
    """The files of the repository, or of the folder where there is none."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 0 and done.stdout:
        return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [
        path for folder in ("src", "tests", "docs", "scripts", ".ci") for path in (ROOT / folder).rglob("*") if path.is_file()
    ]


def test_no_word_tells_where_the_tree_was_written() -> None:
    pattern = _forbidden()
    found = []
    for path in _tracked():
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1):
            match = pattern.search(line)
            if match:
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert found == []


def test_the_pattern_finds_what_it_is_for() -> None:
    pattern = _forbidden()
    assert pattern.search("see /wo" + "rk/tmp")
    assert pattern.search("Fixes " + "#12")
    assert not pattern.search("a workshop at home")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["check", "--help"], ["rules", "--help"]])
def test_start_up_loads_neither_the_parser_nor_what_draws(arguments: list[str]) -> None:
    script = (
        "import sys; from chanlint.cli import main; code = main(sys.argv[1:]); "
        "heavy = {'libcst', 'rich', 'pathspec', 'multiprocessing', 'asyncio', 'tomllib'} & set(sys.modules); "
        "sys.exit(f'loaded: {heavy}' if heavy or code else 0)"
    )
    done = run("-c", script, *arguments)
    assert done.returncode == 0, done.stderr


def test_a_run_without_channels_does_not_load_the_parser(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    script = (
        "import os, sys; os.chdir(sys.argv[1]); from chanlint.cli import main; code = main(['check', '--quiet', '.']); "
        "sys.exit('loaded' if {'libcst', 'rich'} & set(sys.modules) or code else 0)"
    )
    done = run("-c", script, str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_importing_the_package_loads_nothing_else() -> None:
    done = run(
        "-c",
        "import sys, chanlint\n"
        "sys.exit(' '.join({n for n in sys.modules if n.startswith('chanlint.')} - {'chanlint.version'}) or 0)",
    )
    assert done.returncode == 0, done.stderr


def test_one_version_is_told_everywhere() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert f'\nversion = "{chanlint.__version__}"\n' in project
    assert re.search(
        rf"^## (?:{re.escape(chanlint.__version__)}|Unreleased)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )


def test_the_ci_script_is_what_people_run_too() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "python -m pytest" in script.read_text()
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0
