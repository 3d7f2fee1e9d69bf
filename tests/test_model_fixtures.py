"""The findings of the fixtures through the library interface: the same as on the command line, and the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

import chanlint
from oracle.expected import run_on_fixtures
from oracle.fixture import Fixture, fixtures

FOLDER = Path(__file__).parent / "fixtures"
RULES = sorted(path for path in FOLDER.glob("chn*"))

Told = set[tuple[str, str, int]]


def told(of: list[Fixture]) -> Told:
    """Code, file and row of the findings that ``chanlint.check`` gives for fixtures."""
    found: Told = set()
    for version in sorted({fixture.lowest_python for fixture in of}):
        settings = chanlint.Settings(cwd=str(FOLDER), isolated=True, no_cache=True, target_version=version)
        for each in chanlint.check([fixture.path for fixture in of if fixture.lowest_python == version], settings):
            found.add((each.code, Path(each.filename).name, each.location.row))
    return found


def below(folder: Path) -> list[Fixture]:
    return [fixture for fixture in fixtures(FOLDER) if folder in fixture.path.parents]


@pytest.mark.parametrize("folder", RULES, ids=lambda path: path.name)
def test_the_library_says_what_the_command_line_says(folder: Path) -> None:
    printed = run_on_fixtures(below(folder), FOLDER)
    by_command = {(each["code"], path.name, each["location"]["row"]) for path, several in printed.items() for each in several}
    assert told(below(folder)) == by_command != set()


def test_two_runs_say_the_same() -> None:
    assert told(below(RULES[0])) == told(below(RULES[0]))
