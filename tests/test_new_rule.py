"""A rule that ``scripts/new_rule.py`` begins is one: listed, documented, and its fixture is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = "Somebody waits for a thing that nobody brings."


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the script and the fixture test need, without the fixtures of other rules."""
    copy = tmp_path / "tree"
    unwanted = shutil.ignore_patterns("__pycache__", "chn*", ".*")
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs" / "rules", copy / "docs" / "rules")
    for name in ("scripts", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with the packages of the copy."""
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=120, check=False)


def begin(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(tree, "scripts/new_rule.py", *arguments)


@pytest.mark.parametrize("kind", [[], ["--whole"]], ids=["about a group", "about the model"])
def test_a_new_rule_is_listed_and_its_fixture_is_found(tree: Path, kind: list[str]) -> None:
    done = begin(tree, "CHN199", "never-brought", SUMMARY, *kind)
    assert (done.returncode, done.stderr) == (0, "")
    module = "src/chanlint/rules/chn199_never_brought.py"
    fixture = "tests/fixtures/chn199_never_brought/first_steps.py"
    assert done.stdout.splitlines()[:3] == [module, fixture, "src/chanlint/rules/registry.py"]

    listed = python(tree, "-m", "chanlint", "rules").stdout.splitlines()
    assert any("CHN199" in line and "never-brought" in line and SUMMARY.rstrip(".") in line for line in listed)
    told = python(tree, "-m", "chanlint", "rule", "CHN199").stdout
    assert all(part in told for part in (SUMMARY, "Why", "Bad", "Good", "Limits"))

    tests = ["-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", "-q", "tests/test_fixtures.py", "-k", "chn199"]
    tested = python(tree, *tests)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "3 passed" in tested.stdout
    assert begin(tree, "CHN199", "brought-twice", SUMMARY).returncode == 2


def test_two_new_rules_leave_the_registry_in_order(tree: Path) -> None:
    assert begin(tree, "CHN599", "later-one", SUMMARY, "--whole").returncode == 0
    assert begin(tree, "CHN598", "earlier-one", SUMMARY, "--whole").returncode == 0
    text = (tree / "src" / "chanlint" / "rules" / "registry.py").read_text()
    assert text.index("chn598_earlier_one,") < text.index("chn599_later_one,")
    assert text.index("chn598_earlier_one.RULE,") < text.index("chn599_later_one.RULE,")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("CHN101", "never-brought", SUMMARY), "CHN101 is in use: a code is never used twice"),
        (("CHN000", "never-brought", SUMMARY), "CHN000 is in use: a code is never used twice"),
        (("chn199", "never-brought", SUMMARY), "'chn199' is no code: it must be CHN and three digits"),
        (("CHN1999", "never-brought", SUMMARY), "'CHN1999' is no code: it must be CHN and three digits"),
        (("CHN199", "NeverBrought", SUMMARY), "'NeverBrought' is no name: it must be lower-case words with dashes"),
        (("CHN199", "../never-brought", SUMMARY), "'../never-brought' is no name: it must be lower-case words with dashes"),
        (("CHN199", "unclosed-channel", SUMMARY), "unclosed-channel is the name of another rule"),
        (("CHN199", "never-brought", "no sentence"), "'no sentence' is no summary: it must be one sentence"),
    ],
)
def test_bad_words_are_refused_in_one_line(words: tuple[str, str, str], why: str, tree: Path) -> None:
    before = sorted(path for path in tree.rglob("*") if path.is_file())
    done = begin(tree, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"new_rule.py: {why}") and done.stderr.count("\n") == 1
    assert sorted(path for path in tree.rglob("*") if path.is_file()) == before
