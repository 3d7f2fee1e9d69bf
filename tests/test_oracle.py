"""The oracle confirms every fixture's names by running them, and notices names that lie."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from oracle.fixture import Fixture, fixtures
from oracle.interpreters import choose, interpreters
from oracle.run import confirm

FIXTURES = Path(__file__).parent / "fixtures"

LIES = {
    "ok_but_leaks": """
        import queue, threading
        def ok_but_leaks():
            threading.Thread(target=queue.Queue().get, daemon=True).start()
    """,
    "ok_but_hangs": """
        import queue
        def ok_but_hangs():
            queue.Queue().get()
    """,
    "ok_but_raises": """
        def ok_but_raises():
            raise ValueError
    """,
    "ok_but_never_exits": """
        import queue, threading
        held = []
        def ok_but_never_exits():
            if not held:
                held.append(threading.Thread(target=queue.Queue().get))
                held[0].start()
    """,
    "ok_but_lost": """
        import asyncio
        async def ok_but_lost():
            asyncio.create_task(asyncio.Queue().get())
            await asyncio.sleep(0)
    """,
    "leak_but_lost": """
        import asyncio
        async def work():
            await asyncio.Queue().get()
        async def leak_but_lost():
            asyncio.create_task(work())
            await asyncio.sleep(0)
    """,
    "leak_but_ends": """
        import queue, threading
        def leak_but_ends():
            jobs = queue.Queue()
            threading.Thread(target=jobs.get).start()
            jobs.put(None)
    """,
    "leak_but_once": """
        import queue, threading
        held = []
        def leak_but_once():
            if not held:
                held.append(threading.Thread(target=queue.Queue().get, daemon=True))
                held[0].start()
    """,
    "leak_but_not_in_a_receive": """
        import threading, time
        def work():
            while True:
                time.sleep(0.01)
        def leak_but_not_in_a_receive():
            threading.Thread(target=work, daemon=True).start()
    """,
    "leak_but_process_ends": """
        import multiprocessing
        def work(jobs):
            jobs.get()
        def leak_but_process_ends():
            jobs = multiprocessing.Queue()
            multiprocessing.Process(target=work, args=(jobs,)).start()
            jobs.put(None)
    """,
    "hang_but_returns": """
        def hang_but_returns():
            return 1
    """,
    "raise_but_returns": """
        def raise_but_returns():
            return 1
    """,
    "lost_but_ends": """
        import asyncio
        async def lost_but_ends():
            await asyncio.create_task(asyncio.sleep(0))
    """,
}


def test_names_are_true(capsys: pytest.CaptureFixture[str]) -> None:
    reports = confirm(fixtures(FIXTURES))
    with capsys.disabled():
        for report in reports:
            if report.skipped:
                print(f"\nskipped {report.fixture.path.relative_to(FIXTURES)}: {report.skipped}")
    assert sum(len(report.outcomes) for report in reports) > 300
    wrong = [f"{r.fixture.path.relative_to(FIXTURES)}: {why}" for r in reports for why in r.contradictions.values()]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_skipped_for_a_python_that_is_there() -> None:
    newest = max(interpreter.version for interpreter in interpreters())
    plain = [f for f in fixtures(FIXTURES) if not f.needs and f.lowest_python <= newest[:2]]
    assert not [f.path.name for f in plain if choose(f.lowest_python, ()) is None]


def test_lies_are_noticed(tmp_path: Path) -> None:
    files = []
    for name, source in LIES.items():
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        files.append(Fixture(path))
    reports = confirm(files)
    assert [r.fixture.path.stem for r in reports if not r.contradictions] == []
    assert all(not outcome.problem for r in reports for outcome in r.outcomes.values())


def test_a_scenario_that_cannot_start_is_a_problem_and_not_a_verdict(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import module_that_does_not_exist\n\ndef ok_broken():\n    pass\n", encoding="utf-8")
    (report,) = confirm([Fixture(path)])
    assert "module_that_does_not_exist" in report.contradictions["ok_broken"]


def test_header_chooses_the_interpreter(tmp_path: Path) -> None:
    path = tmp_path / "future.py"
    path.write_text('"""Doc."""\n# python: >=3.99\n\ndef ok_future():\n    pass\n', encoding="utf-8")
    (report,) = confirm([Fixture(path)])
    assert report.skipped == "no interpreter >= (3, 99) with nothing else"
    assert choose((3, 11), ("module_that_does_not_exist",)) is None
    chosen = choose((3, 11), ())
    assert chosen is not None and chosen.version >= (3, 11)


def test_results_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracle.run.CACHE", tmp_path / "cache")
    path = tmp_path / "plain.py"
    path.write_text("def ok_plain():\n    pass\n", encoding="utf-8")
    (first,) = confirm([Fixture(path)])
    monkeypatch.setattr("oracle.run.observe", None)
    (second,) = confirm([Fixture(path)])
    assert second.outcomes == first.outcomes
    path.write_text("def ok_plain():\n    return 2\n", encoding="utf-8")
    with pytest.raises(TypeError):
        confirm([Fixture(path)])
