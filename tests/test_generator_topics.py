"""Random programs of topics: who stays where when they run, and whether each rule knows."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from generator import scores
from generator.campaign import RECORDED_TOPICS, ask_chanlint, codes_of
from generator.scores import Play, write_plays
from generator.topics import TOPICS, draw_form
from generator.truth import find_truth
from test_generator import names_defined

RERUN = 30
LEAST_RECALL = 0.95


def recorded() -> dict[str, Any]:
    return dict(json.loads(RECORDED_TOPICS.read_text(encoding="utf-8")))


def rewritten(folder: Path, entries: list[dict[str, Any]]) -> list[Play]:
    """The recorded programs on disk, with what was seen when they were recorded."""
    plays = write_plays(recorded()["seed"], [entry["number"] for entry in entries], folder)
    for play, entry in zip(plays, entries, strict=True):
        assert str(play.form) == entry["form"], "the grammar changed: scripts/random_programs.py --topics --record"
        play.observed = entry["observed"]
    return plays


def test_every_rule_agrees_with_the_recorded_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = recorded()["programs"]
    plays = rewritten(tmp_path, entries)
    reported = codes_of(ask_chanlint(plays, tmp_path))
    with capsys.disabled():
        print("\n" + "\n".join(scores.table(plays, reported)))
    changed = [
        f"{play.number} was {entry['chanlint']}, is {sorted(reported[play.number])}, wanted {sorted(play.wanted)}: {play.form}"
        for play, entry in zip(plays, entries, strict=True)
        if sorted(reported[play.number]) != entry["chanlint"]
    ]
    assert not changed, "record again with scripts/random_programs.py --topics --record:\n" + "\n".join(changed)


def test_no_rule_is_wrong_and_few_mistakes_are_missed(tmp_path: Path) -> None:
    entries = recorded()["programs"]
    plays = rewritten(tmp_path, entries)
    found = scores.scores(plays, {entry["number"]: set(entry["chanlint"]) for entry in entries})
    assert {code: score.false for code, score in found.items() if score.false} == {}
    poor = {code: score.missed for code, score in found.items() if (score.recall or 0) < LEAST_RECALL}
    assert poor == {}


def test_recorded_truth_is_still_true(tmp_path: Path) -> None:
    entries = [entry for entry in recorded()["programs"] if "process" not in entry["form"]]
    entries = entries[:: max(1, len(entries) // RERUN)]
    plays = rewritten(tmp_path, entries)
    wanted = {play.number: play.wanted for play in plays}
    again = plays
    for _ in range(2):  # what contradicts the record is run once more, with fewer others beside it
        for play in again:
            play.observed = {}
        find_truth(again)
        again = [play for play in again if play.observed and play.wanted != wanted[play.number]]
    assert sum(bool(play.observed) for play in plays) >= RERUN // 2
    assert [(play.number, play.observed) for play in again] == []


def test_the_record_has_good_and_bad_programs_of_every_topic() -> None:
    counts: Counter[tuple[str, bool]] = Counter()
    wanted: Counter[str] = Counter()
    for entry in recorded()["programs"]:
        form = draw_form(recorded()["seed"], entry["number"])
        codes = form.codes(entry["observed"])
        counts[form.topic.name, bool(codes)] += 1
        wanted.update(codes)
    assert all(counts[topic.name, bad] >= 2 for topic in TOPICS for bad in (True, False)), counts
    assert all(wanted[code] >= 3 for topic in TOPICS for code in topic.codes), wanted


def test_the_same_seed_gives_the_same_program() -> None:
    assert [str(draw_form(5, n)) for n in range(50)] == [str(draw_form(5, n)) for n in range(50)]
    assert [str(draw_form(5, n)) for n in range(50)] != [str(draw_form(6, n)) for n in range(50)]
    assert scores.source(draw_form(5, 3)) == scores.source(draw_form(5, 3))


def test_programs_are_complete_python() -> None:
    for number in range(600):
        form = draw_form(11, number)
        tree = ast.parse(scores.source(form))
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        assert used <= names_defined(tree), (str(form), used - names_defined(tree))


def test_every_part_of_every_grammar_is_drawn() -> None:
    seen = {(form.topic.name, *choice) for form in (draw_form(3, n) for n in range(4000)) for choice in form.values}
    assert seen == {(topic.name, part, value) for topic in TOPICS for part, values in topic.parts.items() for value in values}


def play(observed: dict[str, list[str]]) -> Play:
    number = next(n for n in range(100) if draw_form(1, n).topic.name == "capacity")
    return Play(number, draw_form(1, number), Path(), observed)


BAD, GOOD = {"normal": ["run queue.put"], "no rows": []}, {"normal": [], "no rows": []}


def test_the_truth_is_what_was_seen() -> None:
    assert play(BAD).wanted == {"CHN202"}
    assert play(GOOD).wanted == set()
    with pytest.raises(LookupError, match="nobody knows whose mistake"):
        assert play({"normal": ["run queue.get"]}).wanted


def test_rules_are_scored_one_by_one() -> None:
    bad, good = play(BAD), play(GOOD)
    good.number = bad.number + 1
    told = {bad.number: {"CHN202", "CHN101"}, good.number: {"CHN202"}}
    found = scores.scores([bad, good], told)
    assert (found["CHN202"].precision, found["CHN202"].recall) == (0.5, 1.0)
    assert (found["CHN101"].precision, found["CHN101"].recall) == (0.0, None)
    assert "CHN202: precision 0.500, recall 1.000  (right 1, false 1, missed 0)" in scores.table([bad, good], told)
    assert scores.wrong([bad, good], told) == [bad, good]
    assert scores.scores([play({})], {bad.number: {"CHN202"}}) == {}
