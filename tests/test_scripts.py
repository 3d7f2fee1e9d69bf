"""The script that measures how accurate chanlint is: how findings are counted."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts_under_test import script

accuracy = script("accuracy")

LEAKING = """\
import queue
import threading


def work(jobs):
    while True:
        print(jobs.get())


def handle(items):
    jobs = queue.Queue()
    threading.Thread(target=work, args=(jobs,), daemon=True).start()
    for item in items:
        jobs.put(item)
"""
COLUMNS = "package,version,path,line,channel_kind,consumer,spawn_kind,verdict,rule,confidence,why\n"


def label(verdict: str, line: int, *, rule: str = "", consumer: str = "none", confidence: int = 3, path: str = "a.py") -> Any:
    return accuracy.Label("p-1", path, line, consumer, verdict, rule, confidence, f"{verdict} at {line}")


def finding(row: int, *related: int, code: str = "CHN101", filename: str = "a.py") -> dict[str, Any]:
    def place(number: int) -> dict[str, Any]:
        return {"filename": filename, "location": {"row": number, "column": 1}}

    return {"code": code, "message": "stays", **place(row), "related": [place(number) for number in related]}


def judged(labels: list[Any], *findings: dict[str, Any]) -> Any:
    return accuracy.judge(accuracy.Run("p-1", findings, 1), labels)


@pytest.mark.parametrize(
    ("row", "verdict"), [(7, "unlabelled"), (8, "right"), (10, "right"), (12, "right"), (13, "unlabelled")]
)
def test_near_is_two_lines(row: int, verdict: str) -> None:
    score = judged([label("leak", 10, rule="CHN101@b.py:40")], finding(row))
    assert [given for _, given, _ in score.verdicts] == [verdict]


@pytest.mark.parametrize(
    "item",
    [finding(99, 10), finding(30), finding(40, filename="b.py"), finding(1, 40, filename="b.py")],
    ids=["related place", "consumer", "line to name", "line to name is related"],
)
def test_every_anchor_counts_and_so_does_every_place(item: dict[str, Any]) -> None:
    score = judged([label("leak", 10, rule="CHN102@b.py:40", consumer="a.py:30")], item)
    assert score.count("right") == 1
    assert (score.found, score.found_as_labelled) == ({"CHN102@b.py:40"}, set())


@pytest.mark.parametrize(
    ("verdicts", "given"),
    [
        (["clean"], "false alarm"),
        (["lifetime"], "false alarm"),
        (["no-consumer"], "false alarm"),
        (["escape"], "open"),
        (["unclear", "clean"], "false alarm"),
        (["clean", "leak"], "right"),
        ([], "unlabelled"),
    ],
)
def test_verdict_follows_from_the_labels_touched(verdicts: list[str], given: str) -> None:
    score = judged([label(verdict, 10) for verdict in verdicts], finding(10))
    assert score.count(given) == len(score.verdicts) == 1


def test_labels_that_share_a_defect_count_once_and_arguable_ones_not_at_all() -> None:
    labels = [label("leak", 10, rule="CHN101@a.py:12"), label("leak", 50, rule="CHN101@a.py:12")]
    labels.append(label("leak", 80, rule="CHN102@a.py:81", confidence=1))
    score = judged(labels, finding(10), finding(50), finding(80))
    assert score.count("right") == 3
    assert score.leaks == score.found == score.found_as_labelled == {"CHN101@a.py:12"}


def test_the_page_adds_up() -> None:
    labels = [label("leak", 10, rule="CHN101@a.py:12"), label("leak", 50, rule="CHN105@a.py:52"), label("clean", 90)]
    scores = [judged(labels, finding(10), finding(90, code="CHN102"), finding(200, code="CHN103"))]
    library = [accuracy.Run("python9.9", (finding(1), finding(2)), 7), accuracy.Run("other", failure="not done")]
    text = accuracy.page(scores, library)
    assert "on 1 published packages, labelled by hand: 3 places" in text
    assert "**1 right, 1 false alarms** (precision 0.50);\n**1 of 2 leaks found** (recall 0.50), 1 of them" in text
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    assert ["CHN101 unclosed-channel", "1", "0", "0", "1", "1"] in rows
    assert ["CHN102 close-not-on-all-paths", "0", "1", "0", "0", "0"] in rows
    assert ["CHN103 too-few-sentinels", "0", "0", "1", "0", "0"] in rows
    assert [row[3:] for row in rows if row[0].startswith("CHN105")] == [["0", "1", "0"]]
    assert ["p 1", "1", "3", "1", "1", "1", "1 of 2"] in rows
    assert ["python9.9", "7", "2", "none"] in rows and ["other", "0", "0", "failed"] in rows
    assert list(accuracy.listing(scores)) == [
        "false alarm: p-1/a.py:90: CHN102 stays | clean at 90",
        "unlabelled: p-1/a.py:200: CHN103 stays",
        "missed: p-1: CHN105@a.py:52",
    ]


def test_nothing_found_is_no_division_by_zero() -> None:
    assert accuracy.ratio(0, 0) == "-"
    assert "(precision -)" in accuracy.page([judged([label("clean", 1)])], [])


def test_accuracy_from_labels_and_folders_to_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "corpora" / "leaky-thing-1.0"
    package.mkdir(parents=True)
    (package / "jobs.py").write_text(LEAKING)
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "broken.py").write_text("import queue\nqueue.Queue(\n")
    labels = tmp_path / "labels.csv"
    row = "leaky-thing,1.0,jobs.py,11,queue.Queue,jobs.py:7,Thread,leak,CHN101@jobs.py:12,3,nothing ends it\n"
    labels.write_text(COLUMNS + row)
    page = tmp_path / "accuracy.md"
    arguments = ["--labels", str(labels), "--corpora", str(tmp_path / "corpora"), "--output", str(page)]
    assert accuracy.main([*arguments, "--stdlib", str(tmp_path / "library"), "--list"]) == 0
    assert capsys.readouterr().out.strip() == ""
    text = page.read_text()
    assert "**1 right, 0 false alarms** (precision 1.00)" in text
    assert "| leaky-thing 1.0 | 1 | 1 | 1 | 0 | 0 | 1 of 1 |" in text
    assert "| library | 1 | none |" in text
    assert str(tmp_path) not in text

    labels.write_text(COLUMNS + row + row.replace("leaky", "lost"))
    assert accuracy.main(arguments) == 1
    assert capsys.readouterr().err == "lost-thing-1.0: not there\n"
    assert "| lost-thing 1.0 | failed | 1 | 0 | 0 | 0 | 0 of 1 |" in page.read_text()


def test_a_run_that_takes_too_long_has_failed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LEAKING)
    assert accuracy.run_chanlint(tmp_path, seconds=0.001).failure == "not done after 0.001 s"


@pytest.mark.parametrize(("code", "printed"), [(2, "[]"), (1, ""), (-9, "")], ids=["internal error", "no output", "killed"])
def test_a_run_without_an_answer_has_failed(code: int, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = subprocess.CompletedProcess([], code, printed, "what went wrong\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    run = accuracy.run_chanlint(tmp_path, seconds=30)
    assert (run.failure, run.findings) == (f"exit code {code}: what went wrong", ())
