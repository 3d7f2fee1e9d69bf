"""Random programs: what they do when run, and whether chanlint knows."""

from __future__ import annotations

import ast
import builtins
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from generator.campaign import RECORDED, ask_chanlint, by_rule, cause, judge, tables
from generator.grammar import MARKERS, PATHS, WRONG_MARKERS, Shape, draw
from generator.render import render
from generator.truth import Program, find_truth, write_programs

RERUN = 20


def recorded() -> dict[str, Any]:
    return dict(json.loads(RECORDED.read_text(encoding="utf-8")))


def rewritten(folder: Path, entries: list[dict[str, Any]]) -> list[Program]:
    """The recorded programs on disk, with what was observed when they were recorded."""
    programs = write_programs(recorded()["seed"], [entry["number"] for entry in entries], folder)
    for program, entry in zip(programs, entries, strict=True):
        assert str(program.shape) == entry["shape"], "the grammar changed: scripts/random_programs.py --record"
        program.observed = entry["observed"]
    return programs


def test_chanlint_agrees_with_the_recorded_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = recorded()["programs"]
    programs = rewritten(tmp_path, entries)
    reports = ask_chanlint(programs, tmp_path)
    with capsys.disabled():
        print("\n" + "\n".join([*tables(programs, reports)[:2], *by_rule(programs, reports)]))
    said = []
    for program, entry in zip(programs, entries, strict=True):
        outcome = judge(program, reports[program.number])
        if outcome != entry["chanlint"]:
            better = "fixed, record again with scripts/random_programs.py --record: " if outcome in ("right", "silent") else ""
            said.append(f"{better}program {program.number} was {entry['chanlint']}, is {outcome}: {program.shape}")
    assert not said, "\n".join(said)


def test_recorded_truth_is_still_true(tmp_path: Path) -> None:
    entries = recorded()["programs"]
    entries = entries[:: max(1, len(entries) // RERUN)]
    programs = rewritten(tmp_path, entries)
    find_truth(programs)
    known = [program for program in programs if program.observed]
    assert len(known) >= RERUN // 2
    wrong = [
        (p.number, p.observed) for p, e in zip(programs, entries, strict=True) if p.observed and p.observed != e["observed"]
    ]
    assert not wrong


def test_the_record_holds_every_verdict() -> None:
    verdicts: Counter[str] = Counter()
    for entry in recorded()["programs"]:
        verdicts[Program(entry["number"], draw(recorded()["seed"], entry["number"]), Path(), entry["observed"]).verdict] += 1
    assert len(recorded()["programs"]) >= 150
    assert min(verdicts["always"], verdicts["sometimes"], verdicts["never"]) >= 20


def test_the_same_seed_gives_the_same_program() -> None:
    assert [draw(5, n) for n in range(50)] == [draw(5, n) for n in range(50)]
    assert [draw(5, n) for n in range(50)] != [draw(6, n) for n in range(50)]
    assert render(draw(5, 3)) == render(draw(5, 3))


def names_defined(tree: ast.Module) -> set[str]:
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    bound |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    bound |= {a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
    return bound | {n.name for n in ast.walk(tree) if isinstance(n, ast.MatchAs) and n.name} | set(dir(builtins))


def test_programs_are_complete_python() -> None:
    for number in range(400):
        for text in render(draw(11, number)).values():
            tree = ast.parse(text)
            used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
            assert used <= names_defined(tree), (draw(11, number), used - names_defined(tree))


def test_every_part_of_the_grammar_is_drawn() -> None:
    shapes = [draw(3, number) for number in range(1500)]
    assert {shape.path for shape in shapes} == {*PATHS, "manager_finally", "manager_plain"}
    assert set(MARKERS) <= {shape.loop for shape in shapes}
    assert {shape.world for shape in shapes} == {"thread", "task", "process", "caller", "async_caller"}
    endings = {"none", "each", "one", "fewer", "wrong", "passed_on", "flag", "flag_wake", "shutdown", "cancel", "terminate"}
    assert {shape.ending for shape in shapes} == endings
    assert {shape.target for shape in shapes} == {(3, 11), (3, 13)}


def test_a_wrong_marker_is_another_one() -> None:
    assert set(MARKERS.values()) == set(WRONG_MARKERS)
    assert all(marker != wrong for marker, wrong in WRONG_MARKERS.items())


def program(observed: dict[str, str]) -> Program:
    shape: Shape = draw(1, 1)
    return Program(1, shape, Path(), observed)


ALWAYS = {"normal": "leaks", "bad row": "leaks", "no rows": "ends"}
SOMETIMES = {"normal": "ends", "bad row": "hangs", "no rows": "ends"}
NEVER = {"normal": "ends", "bad row": "ends", "no rows": "ends"}


def test_verdicts() -> None:
    assert program(ALWAYS).verdict == "always"
    assert program(SOMETIMES).verdict == "sometimes"
    assert program(NEVER).verdict == "never"
    assert program({}).verdict == "unknown"


def test_judgement() -> None:
    leak, other = [{"code": "CHN102"}], [{"code": "CHN404"}]
    assert judge(program(ALWAYS), leak) == judge(program(SOMETIMES), leak) == "right"
    assert judge(program(ALWAYS), other) == judge(program(SOMETIMES), []) == "missed"
    assert judge(program(NEVER), leak) == "false"
    assert judge(program(NEVER), other) == "silent"
    assert judge(program({}), leak) == "unknown"


def test_tables_count_precision_and_recall() -> None:
    programs = [program(ALWAYS), program(NEVER)]
    programs[1].number = 2
    lines = tables(programs, {1: [{"code": "CHN101"}], 2: [{"code": "CHN103"}]})
    assert lines[1] == "precision 0.500, recall 1.000"
    assert "CHN103: {'never': 1}" in lines


def test_each_rule_has_its_own_precision_and_recall() -> None:
    number = next(n for n in range(200) if draw(1, n).ending == "wrong")
    bad, good = Program(number, draw(1, number), Path(), ALWAYS), program(NEVER)
    good.number = number + 1
    assert (cause(bad), cause(good)) == ("CHN104", "")
    lines = by_rule([bad, good], {number: [{"code": "CHN101"}], number + 1: [{"code": "CHN103"}]})
    assert lines[0].startswith("CHN101: precision 1.000, recall   -  ")
    assert lines[1].startswith("CHN103: precision 0.000, recall   -  ")
    assert lines[2].startswith("CHN104: precision   -  , recall 1.000")
