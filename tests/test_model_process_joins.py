"""Joins of processes that fixtures cannot show: libraries that are not installed, and how much is put."""

from __future__ import annotations

import pytest

from programs import model

TORCH = """
import torch.multiprocessing as mp
class Launcher:
    def launch(self, function, count):
        results = mp.get_context("spawn").SimpleQueue()
        arguments = [function, results]
        {}
    def _run(self, rank, function, results):
        if rank == 0:
            results.put(function())
"""
SENT = """
import multiprocessing, os, time
class Finished(Exception):
    pass
def helper(number):
    return number + 1
def child(results, given):
    {}
def handle(count):
    results = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=child, args=(results, number)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [results.get() for _ in processes]
"""
SMALL = (
    "results.put(given)",
    "results.put((os.getpid(), given * 2, 'done'))",
    "results.put(helper(given))",
    "results.put({'started': time.time(), 'number': helper(given)})",
    "results.put(f'{given} is done')",
    "results.put(Finished('done'))",
    "for index in range(3):\n        results.put(index)",
    "for index, _ in enumerate([given, given]):\n        results.put(index)",
    "try:\n        work()\n    except ValueError as error:\n        results.put(error)",
    "found = None\n    results.put(found is None)",
)
LARGE = (
    "results.put(work(given))",
    "results.put([work(given)])",
    "results.put('x' * 100_000)",
    "found = []\n    for index in range(given):\n        found.append(index)\n    results.put(found)",
    "for index in range(given):\n        results.put(index)",
    "while work():\n        results.put(True)",
    "text = ''\n    for part in work():\n        text += part\n    results.put(text)",
    "results.put(open('a').read())",
)


def told(text: str) -> list[tuple[str, int]]:
    """The rows of the early joins."""
    return [(code, row) for code, _, row in model(text).findings() if code == "CHN302"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("mp.spawn(self._run, arguments, count)\n        return results.get()", [6]),
        ("mp.start_processes(self._run, args=arguments, nprocs=count, join=True)\n        return results.get()", [6]),
        ("all = mp.spawn(self._run, arguments, count, join=False)\n        while not all.join():\n            pass", [7]),
        ("all = mp.spawn(self._run, arguments, count, False)\n        got = results.get()\n        all.join()", []),
        ("mp.spawn(self._run, arguments, count, join=bool(count))\n        return results.get()", []),
    ],
)
def test_spawn_of_torch_joins_unless_told_otherwise(body: str, expected: list[int]) -> None:
    assert told(TORCH.format(body)) == [("CHN302", row) for row in expected]


@pytest.mark.parametrize("sent", SMALL)
def test_what_surely_fits_the_pipe_is_no_defect(sent: str) -> None:
    assert told(SENT.format(sent)) == []


@pytest.mark.parametrize("sent", LARGE)
def test_what_may_be_large_is_one(sent: str) -> None:
    assert len(told(SENT.format(sent))) == 1


def test_a_process_that_leaves_at_once_waits_for_no_reader() -> None:
    assert told(SENT.format("results.put(work(given))\n    os._exit(0)")) == []
