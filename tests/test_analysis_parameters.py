"""What a parameter is on one way into its function."""

from __future__ import annotations

import pytest

from chanlint.analysis.objects import LibInstance
from chanlint.analysis.parameters import subjects
from chanlint.catalogue.schema import OpKind
from programs import analyse

CALLS = {
    "by position": ("def take(other, jobs):\n    jobs.get()\n", "take(1, self.jobs)"),
    "by name": ("def take(*others, jobs=None):\n    jobs.get()\n", "take(1, 2, jobs=self.jobs)"),
    "a method": ("class Taker:\n    def take(self, jobs):\n        jobs.get()\nTAKER = Taker()\n", "TAKER.take(self.jobs)"),
    "a function of a class": (
        "class Taker:\n    def take(self, jobs):\n        jobs.get()\nTAKER = Taker()\n",
        "Taker.take(TAKER, self.jobs)",
    ),
    "a generator": ("def take(jobs):\n    while True:\n        yield jobs.get()\n", "for each in take(self.jobs): print(each)"),
    "through another": ("def get(jobs):\n    jobs.get()\ndef take(jobs):\n    get(jobs)\n", "take(self.jobs)"),
}

SEVERAL = """
import queue
{taker}
class Worker:
    def __init__(self):
        self.jobs = queue.Queue()
    def start(self): self.work()
    def work(self): self.turn()
    def turn(self):
        {call}
one, two = Worker(), Worker()
one.start()
two.start()
"""


def meant(taker: str, call: str) -> list[set[LibInstance]]:
    """The queues that the get may mean on each way up."""
    analysis = analyse(SEVERAL.format(taker=taker, call=call)).analysis
    gets = {(e.frame, e.op.index): e for e in analysis.events if e.kind is OpKind.RECEIVE}
    ways = [(event, way) for event in gets.values() for way in analysis.ways_up(event.frame)]
    return [{obj for obj in subjects(analysis, e, way.levels) if isinstance(obj, LibInstance)} for e, way in ways]


@pytest.mark.parametrize(("taker", "call"), CALLS.values(), ids=list(CALLS))
def test_each_caller_gives_its_own(taker: str, call: str) -> None:
    found = meant(taker, call)
    assert [len(each) for each in found] == [1, 1]
    assert found[0] != found[1]


UNKNOWN = {
    "bound anew": ("def take(jobs):\n    jobs = jobs\n    jobs.get()\n", "take(self.jobs)"),
    "unpacked": ("def take(jobs):\n    jobs.get()\n", "take(*[self.jobs])"),
    "handed on": ("def take(*jobs):\n    get(*jobs)\ndef get(jobs):\n    jobs.get()\n", "take(self.jobs)"),
}


@pytest.mark.parametrize(("taker", "call"), UNKNOWN.values(), ids=list(UNKNOWN))
def test_what_cannot_be_told_is_all_of_them(taker: str, call: str) -> None:
    assert {len(each) for each in meant(taker, call)} == {2}
