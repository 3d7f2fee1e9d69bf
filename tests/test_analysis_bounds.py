"""Programs that would go on for ever if the analysis did not count."""

from __future__ import annotations

import pytest

from programs import model

LEAK = """
import queue, threading

def handle(rows):
    q = queue.Queue()
    threading.Thread(target=lambda: list(iter(q.get, None)), daemon=True).start()
    for row in rows:
        q.put(row)
"""
PARTIALS = """
from functools import partial

def chain(function, first, *rest):
    step = function
    for model in rest:
        step = partial(step, model)
        step = partial(step, first)
    step = partial(step)
    return step(first)

chain(print, 1, 2, 3)
"""


def test_partials_of_partials_come_to_an_end() -> None:
    found = model({"a.py": PARTIALS + LEAK})
    assert found.codes() == ["CHN101"]
    assert found.model.limits["arguments"] > 0


def test_an_analysis_that_had_to_stop_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chanlint.analysis.graph.STEPS", 5)
    found = model({"a.py": LEAK})
    assert found.codes() == []
    assert found.model.limits["steps"] >= 1


def test_a_channel_that_is_used_everywhere_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chanlint.model.build.EVENTS", 1)
    found = model({"a.py": LEAK})
    assert found.codes() == []
    assert found.model.limits["events"] == 1


def test_a_list_of_tasks_that_holds_itself_comes_to_an_end() -> None:
    text = """
import asyncio

async def main(rows):
    tasks = [asyncio.create_task(asyncio.sleep(row)) for row in rows]
    tasks.append(tasks)
    await asyncio.gather(*tasks)
    done, pending = await asyncio.wait(tasks)
    tasks.append(done)
    await asyncio.wait(tasks)
"""
    found = model({"a.py": text + LEAK})
    assert found.codes() == ["CHN101"]
    assert "steps" not in found.model.limits
