"""Generates programs, runs them, asks chanlint about them and counts.

A report is right where the program leaks: any CHN1xx where the plain call leaks, and for a leak under a fault as well. Silence
is right where no input leaks.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from generator import scores
from generator.scores import Play
from generator.truth import TESTS, Program, find_truth, write_programs
from oracle.expected import Printed, run_chanlint

RECORDED = TESTS / "generator" / "recorded.json"
RECORDED_TOPICS = TESTS / "generator" / "recorded_topics.json"
CHUNK = 40  # chanlint gives up on names that very many files of a project share: each project stays small


def _target(program: Program | Play) -> tuple[int, int]:
    return program.form.target if isinstance(program, Play) else program.shape.target


def ask_chanlint(programs: Sequence[Program | Play], folder: Path) -> dict[int, list[Printed]]:
    """The findings about each program."""
    reports: dict[int, list[Printed]] = {program.number: [] for program in programs}
    for target in sorted({_target(program) for program in programs}):
        members = [program for program in programs if _target(program) == target]
        for start in range(0, len(members), CHUNK):
            chunk = members[start : start + CHUNK]
            found = run_chanlint([program.folder for program in chunk], folder, target)
            for program in chunk:
                files = program.folder.resolve().glob("*.py")
                reports[program.number] = [printed for file in files for printed in found.get(file, [])]
    return reports


def judge(program: Program, findings: Sequence[Printed]) -> str:
    """``right``, ``missed``, ``false`` (alarm) or ``silent``; ``unknown`` where the truth is."""
    if program.verdict == "unknown":
        return "unknown"
    reported = any(printed["code"].startswith("CHN1") for printed in findings)
    if program.verdict == "never":
        return "false" if reported else "silent"
    return "right" if reported else "missed"


def cause(program: Program) -> str:
    """The rule whose mistake the program makes, by what it was made of; empty where nothing stays."""
    shape = program.shape
    if program.verdict not in ("always", "sometimes"):
        return ""
    if shape.ending == "none":
        return "CHN101"
    if shape.ending == "wrong" or (shape.loop == "forever" and shape.ending in ("each", "one", "fewer", "passed_on")):
        return "CHN104"
    if shape.ending in ("one", "fewer") and shape.count != "1":
        return "CHN103"
    if shape.loop == "flag_plain" and shape.ending == "flag":
        return "CHN106"
    return "CHN107" if shape.home == "owner" else "CHN102"


def by_rule(programs: Sequence[Program], reports: dict[int, list[Printed]]) -> list[str]:
    """For each rule how many of its reports are right, and how many of its mistakes are reported (by whichever rule)."""
    reported: dict[str, Counter[bool]] = defaultdict(Counter)
    caused: dict[str, Counter[bool]] = defaultdict(Counter)
    for program in programs:
        codes = {printed["code"] for printed in reports[program.number]}
        for code in codes:
            reported[code][program.verdict in ("always", "sometimes")] += program.verdict != "unknown"
        if code := cause(program):
            caused[code][any(each.startswith("CHN1") for each in codes)] += 1
    return [
        f"{code}: precision {_ratio(reported[code][True], reported[code].total())}, "
        f"recall {_ratio(caused[code][True], caused[code].total())}  ({caused[code].total()} programs)"
        for code in sorted({*reported, *caused})
    ]


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "  -  "


def tables(programs: Sequence[Program], reports: dict[int, list[Printed]]) -> list[str]:
    """Precision and recall: altogether, by verdict, by rule, by ending and by home."""
    outcome = {program.number: judge(program, reports[program.number]) for program in programs}
    total = Counter(outcome.values())
    lines = [
        f"{len(programs)} programs: {dict(total)}",
        f"precision {_ratio(total['right'], total['right'] + total['false'])}, "
        f"recall {_ratio(total['right'], total['right'] + total['missed'])}",
        "",
    ]
    lines += [*by_rule(programs, reports), ""]
    by_code: dict[str, Counter[str]] = defaultdict(Counter)
    for program in programs:
        for code in {printed["code"] for printed in reports[program.number]}:
            by_code[code][program.verdict] += 1
    lines += [f"{code}: {dict(sorted(counts.items()))}" for code, counts in sorted(by_code.items())]
    for aspect in ("verdict", "world", "home", "loop", "ending", "path"):
        lines += ["", f"by {aspect}"]
        groups: dict[str, Counter[str]] = defaultdict(Counter)
        for program in programs:
            key = program.verdict if aspect == "verdict" else getattr(program.shape, aspect)
            groups[key][outcome[program.number]] += 1
        for key, counts in sorted(groups.items()):
            precision = _ratio(counts["right"], counts["right"] + counts["false"])
            recall = _ratio(counts["right"], counts["right"] + counts["missed"])
            lines.append(f"  {key:18} {counts.total():5}  precision {precision}  recall {recall}  {dict(counts)}")
    return lines


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="random_programs.py", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="how many programs")
    parser.add_argument("--start", type=int, default=0, help="number of the first program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--python", action="append", default=[], help="a further interpreter to run programs with")
    parser.add_argument("--keep", type=Path, help="write the programs here and leave them")
    parser.add_argument("--truth", type=Path, help="read what was observed from here, or write it here")
    parser.add_argument("--record", action="store_true", help=f"write truth and chanlint's outcome to {RECORDED.name}")
    parser.add_argument("--show", type=int, default=20, help="how many disagreements are printed")
    parser.add_argument("--no-chanlint", action="store_true", help="only run the programs")
    parser.add_argument(
        "--topics",
        action="store_true",
        help="programs about producers, joins, streams, owners, locks, each rule scored by itself",
    )
    return parser.parse_args(arguments)


def _label(program: Program | Play) -> str:
    return str(program.form if isinstance(program, Play) else program.shape)


def _observe(programs: Sequence[Program | Play], store: Path | None) -> None:
    if store is not None and store.exists():
        known = json.loads(store.read_text(encoding="utf-8"))
        for program in programs:
            entry = known.get(str(program.number), {})
            if entry.get("shape") == _label(program):
                program.observed = entry["observed"]
    find_truth([program for program in programs if not program.observed])
    if store is not None:
        known = {str(p.number): {"shape": _label(p), "observed": p.observed} for p in programs}
        store.write_text(json.dumps(known, indent=0) + "\n", encoding="utf-8")


def reuse_record(seed: int, programs: Sequence[Program]) -> None:
    """Takes over what was observed when the same programs were recorded, so that only chanlint's part is new."""
    if not RECORDED.exists() or (stored := json.loads(RECORDED.read_text(encoding="utf-8")))["seed"] != seed:
        return
    known = {entry["number"]: entry for entry in stored["programs"]}
    for program in programs:
        if (entry := known.get(program.number)) is not None and entry["shape"] == str(program.shape):
            program.observed = entry["observed"]


def record(seed: int, programs: Sequence[Program], reports: dict[int, list[Printed]]) -> None:
    """Writes what the tests compare with: one line for each program."""
    lines = []
    for program in programs:
        outcome = judge(program, reports[program.number])
        entry = {"number": program.number, "shape": str(program.shape), "observed": program.observed, "chanlint": outcome}
        lines.append(json.dumps(entry))
    RECORDED.write_text(f'{{"seed": {seed}, "programs": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


def _consumers(options: argparse.Namespace, folder: Path) -> int:
    """Programs about blocked consumers."""
    programs = write_programs(options.seed, range(options.start, options.start + options.count), folder)
    began = time.monotonic()
    if options.record:
        reuse_record(options.seed, programs)
    _observe(programs, options.truth)
    print(f"run in {time.monotonic() - began:.0f} s: {dict(Counter(p.verdict for p in programs))}")
    if options.no_chanlint:
        return 0
    began = time.monotonic()
    reports = ask_chanlint(programs, folder)
    print(f"checked in {time.monotonic() - began:.0f} s")
    print("\n".join(tables(programs, reports)))
    if options.record:
        record(options.seed, programs, reports)
    wrong = [p for p in programs if judge(p, reports[p.number]) in ("missed", "false")]
    wrong.sort(key=lambda p: (p.shape.complexity, p.number))
    for program in wrong[: options.show]:
        codes = sorted(printed["code"] for printed in reports[program.number])
        print(f"\n{judge(program, reports[program.number])} {program.folder.name}: {program.shape}")
        print(f"    truth {program.observed}, chanlint {codes}")
    return int(bool(wrong))


def codes_of(reports: dict[int, list[Printed]]) -> dict[int, set[str]]:
    """The codes reported of each program, but those about files and comments."""
    return {number: {found["code"] for found in printed if found["code"] > "CHN1"} for number, printed in reports.items()}


def _topics(options: argparse.Namespace, folder: Path) -> int:
    """Programs of the other topics, each rule scored by itself."""
    plays = scores.write_plays(options.seed, range(options.start, options.start + options.count), folder)
    began = time.monotonic()
    _observe(plays, options.truth)
    print(f"run in {time.monotonic() - began:.0f} s: {sum(bool(play.observed) for play in plays)} of {len(plays)}")
    if options.no_chanlint:
        return 0
    began = time.monotonic()
    reported = codes_of(ask_chanlint(plays, folder))
    print(f"checked in {time.monotonic() - began:.0f} s")
    print("\n".join(scores.table(plays, reported)))
    if options.record:
        scores.record(RECORDED_TOPICS, options.seed, plays, reported)
    wrong = scores.wrong(plays, reported)
    for play in wrong[: options.show]:
        print(f"\n{play.folder.name}: {play.form}")
        print(f"    wanted {sorted(play.wanted)}, chanlint {sorted(reported[play.number])}, seen {play.observed}")
    return int(bool(wrong))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where chanlint and the truth disagree."""
    options = _arguments(arguments)
    if options.python:
        known = os.environ.get("CHANLINT_TEST_PYTHONS", "")
        os.environ["CHANLINT_TEST_PYTHONS"] = os.pathsep.join([*options.python, known])
    with tempfile.TemporaryDirectory(prefix="programs-") as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        return _topics(options, folder) if options.topics else _consumers(options, folder)


if __name__ == "__main__":
    sys.exit(main())
