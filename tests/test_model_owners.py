"""Owners that are dropped without their close: what a fixture cannot show."""

from __future__ import annotations

import pytest

from chanlint.analysis.limits import INSTANCES
from programs import model

OWNER = """
import queue, threading

class Owner:
    def __init__(self):
        self.q = queue.Queue()
        threading.Thread(target=self._run, daemon={daemon}).start()

    def _run(self):
        for item in iter(self.q.get, None):
            print(item)

    def close(self):
        self.q.put(None)

"""
DAEMON, KEEPS = OWNER.format(daemon=True), OWNER.format(daemon=False)


def test_objects_beyond_the_bound_are_left_alone() -> None:
    used = "".join(f"def f{n}():\n    Owner().q.put(1)\n" for n in range(INSTANCES + 3))
    found = model(DAEMON + used)
    assert found.codes() == ["CHN107"] * (INSTANCES - 1)


@pytest.mark.parametrize(("source", "codes"), [(DAEMON, []), (KEEPS, ["CHN107"])])
def test_an_object_of_main_lives_as_long_as_the_program(source: str, codes: list[str]) -> None:
    body = "def main():\n    Owner().q.put(1)\nif __name__ == '__main__':\n    main()\n"
    assert model(source + body).codes() == codes


@pytest.mark.parametrize(
    "use",
    [
        "return Owner()",
        "register(Owner())",
        "owner = Owner()\n    register(lambda: owner.close())",
        "owner = Owner()\n    register(owner.close)",
        "register([Owner()])",
        "kept.append(Owner())",
        "app.owner = Owner()",
    ],
)
def test_what_others_may_hold_is_theirs_to_close(use: str) -> None:
    assert model(DAEMON + f"kept = []\ndef handle(register, app):\n    {use}\n").codes() == []


def test_a_base_class_that_is_not_seen_may_close_what_is_kept() -> None:
    keeper = "class Keeper({base}):\n    def __init__(self):\n        self._owner = Owner()\n"
    assert model(DAEMON + keeper.format(base="object")).codes() == ["CHN107"]
    assert model("from elsewhere import Base\n" + DAEMON + keeper.format(base="Base")).codes() == []
