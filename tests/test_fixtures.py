"""chanlint says about every fixture what its comments say, and the comments agree with the names that the oracle confirms."""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path

import pytest

from oracle.expected import Printed, disagreements, name_conflicts, run_chanlint, run_on_fixtures
from oracle.fixture import Fixture, fixtures

FOLDER = Path(__file__).parent / "fixtures"
ALL = fixtures(FOLDER)


@functools.cache
def printed() -> dict[Path, list[Printed]]:
    return run_on_fixtures(ALL, FOLDER)


def identify(fixture: Fixture) -> str:
    return str(fixture.path.relative_to(FOLDER))


@pytest.mark.parametrize("fixture", ALL, ids=identify)
def test_findings_are_those_of_the_comments(fixture: Fixture) -> None:
    said = disagreements(fixture, printed().get(fixture.path, []))
    assert not said, "\n" + "\n".join(said)


@pytest.mark.parametrize("fixture", ALL, ids=identify)
def test_comments_agree_with_names(fixture: Fixture) -> None:
    assert name_conflicts(fixture) == []
    assert fixture.text.startswith('"""'), "a fixture opens with what it shows"


@pytest.mark.parametrize("folder", sorted(p for p in FOLDER.glob("chn*")), ids=lambda p: p.name)
def test_every_rule_shows_bugs_and_twins_without(folder: Path) -> None:
    code = folder.name[:6].upper()
    own = [f for f in ALL if folder in f.path.parents]
    kinds = Counter(scenario.kind == "ok" for fixture in own for scenario in fixture.scenarios)
    assert kinds[True] >= 1 and kinds[False] >= 1
    assert any(e.code == code for fixture in own for e in fixture.expectations)


def test_one_file_alone_gets_the_findings_of_the_whole_run() -> None:
    helpers = [f for f in ALL if f.path.parent.name == "modules" and not f.path.name.startswith("_")]
    assert helpers
    for fixture in helpers:
        alone = run_chanlint([fixture.path], FOLDER, fixture.lowest_python).get(fixture.path, [])
        assert [(p["code"], p["location"]) for p in alone] == [
            (p["code"], p["location"]) for p in printed().get(fixture.path, [])
        ]


def test_precision_and_recall_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    table: dict[str, Counter[str]] = {}
    for fixture in ALL:
        rule = fixture.path.relative_to(FOLDER).parts[0]
        places = {p["location"]["row"] for p in printed().get(fixture.path, [])}
        places |= {r["location"]["row"] for p in printed().get(fixture.path, []) for r in p["related"]}
        for scenario in fixture.scenarios:
            reported = bool(places & set(scenario.lines if scenario.kind == "ok" else scenario.reach))
            outcome = {(True, True): "right", (True, False): "missed", (False, True): "false"}.get(
                (scenario.kind != "ok", reported), "silent"
            )
            table.setdefault(rule, Counter())[outcome] += 1
    with capsys.disabled():
        print()
        for rule, counts in table.items():
            recall = counts["right"] / max(1, counts["right"] + counts["missed"])
            precision = counts["right"] / max(1, counts["right"] + counts["false"])
            print(f"{rule:36} {counts.total():4} scenarios, precision {precision:.3f}, recall {recall:.3f}")
    assert sum(counts.total() for counts in table.values()) > 300


def finding(line: int, code: str = "CHN101", severity: str = "error", message: str = "never closed") -> Printed:
    return {"code": code, "severity": severity, "message": message, "location": {"row": line, "column": 1}, "related": []}


def written(tmp_path: Path, *lines: str) -> Fixture:
    path = tmp_path / "sample.py"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Fixture(path)


def test_comparison_wants_code_line_severity_and_words(tmp_path: Path) -> None:
    fixture = written(tmp_path, 'spawn()  # error: [CHN101] "never"')
    assert disagreements(fixture, [finding(1)]) == []
    assert len(disagreements(fixture, [])) == 1
    for other in (finding(2), finding(1, code="CHN102"), finding(1, severity="warning"), finding(1, message="closed")):
        assert len(disagreements(fixture, [other])) == 2
    assert len(disagreements(fixture, [finding(1), finding(1)])) == 1


def test_known_mistakes_ask_to_be_removed_once_right(tmp_path: Path) -> None:
    missing = written(tmp_path, "spawn()  # missing: [CHN101] aliases of aliases")
    assert disagreements(missing, []) == []
    assert "fixed, remove the marker" in disagreements(missing, [finding(1)])[0]
    spurious = written(tmp_path, "spawn()  # spurious: [CHN101] counts")
    assert disagreements(spurious, [finding(1)]) == []
    assert "fixed, remove the marker" in disagreements(spurious, [])[0]


def test_names_and_comments_must_agree(tmp_path: Path) -> None:
    silent = written(tmp_path, "def leak_x():", "    spawn()")
    assert "no finding" in name_conflicts(silent)[0]
    loud = written(tmp_path, "def ok_x():", "    spawn()  # error: [CHN101]")
    assert len(name_conflicts(loud)) == 2
    lines = ["def start():", "    spawn()  # error: [CHN101]", "def ok_x():", "    start()", "def leak_x():", "    start()"]
    helper = written(tmp_path, *lines)
    assert name_conflicts(helper) == []
