"""The prefilter spares files, not findings: with it and without it, the same is found."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from chanlint.diagnostics import Diagnostic
from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.pipeline import run
from engine_fakes import write

FIXTURES = Path(__file__).parent / "fixtures"

TASKS = """\
class Task:
    def run(self, recorder):
        raise NotImplementedError


class Stop(Task):
    def run(self, recorder):
        recorder.stopped = True
"""
RECORDER = """\
import queue
import threading

from tasks import Stop


class Recorder(threading.Thread):
    def __init__(self, bus):
        super().__init__()
        self._queue = queue.SimpleQueue()
        bus.listen("end", self._end)

    def run(self):
        self.stopped = False
        while not self.stopped:
            self._do(self._queue.get())

    def _do(self, task):
        try:
            task.run(self)
        except ValueError as error:
            print(error)

    def _end(self, event):
        self._queue.put(Stop())
"""
START = "from recorder import Recorder\n\n\ndef start(bus):\n    Recorder(bus).start()\n"
WRAPPED = """\
from acme.belts import Belt
from threading import Thread


def handle(items):
    belt = Belt()
    Thread(target=work, args=(belt,)).start()


def work(belt):
    while True:
        print(belt.get())
"""
OWN = '[tool.chanlint]\nchannels = [{ name = "acme.belts.Belt", methods = { get = "receive" } }]\n'
FACTORY = {
    "made.py": "from queue import Queue as _Q\n\n\ndef make():\n    return _Q()\n",
    "kinds.py": "from made import make as create\n",
    "user.py": """\
import threading

import kinds


def handle(items):
    todo = kinds.create()
    threading.Thread(target=todo.get).start()
""",
}
BASES = {
    "base.py": "import queue\n\n\nclass Base:\n    def __init__(self):\n        self.todo = queue.Queue()\n",
    "middle.py": "from base import Base\n\n\nclass Middle(Base):\n    pass\n",
    "user.py": """\
import threading

from middle import Middle


class Worker(Middle):
    def __init__(self):
        super().__init__()
        threading.Thread(target=self._work).start()

    def _work(self):
        while True:
            print(self.todo.get())
""",
}
PROJECTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "an item of a class that no channel reaches sets the flag": (
        {"tasks.py": TASKS, "recorder.py": RECORDER, "start.py": START},
        [],
    ),
    "a channel that only the configuration knows": ({"pyproject.toml": OWN, "user.py": WRAPPED}, ["CHN101"]),
    "a factory under another name, through another module": (FACTORY, ["CHN101"]),
    "a queue of a base class's base class": (BASES, ["CHN101"]),
}


def found(root: Path, *, prefilter: bool) -> tuple[list[Diagnostic], int]:
    settings = Settings(cwd=str(root), project_root=str(root), prefilter=prefilter, given=frozenset({"min_confidence"}))
    read: list[int] = []
    result = run(settings, FileSystem(), lambda what, count: read.append(count))
    assert result.crashes == []
    return result.diagnostics, max(read, default=0)


def codes(diagnostics: Iterable[Diagnostic]) -> list[str]:
    return [one.code for one in diagnostics]


@pytest.mark.parametrize("name", PROJECTS)
def test_files_that_work_together(tmp_path: Path, name: str) -> None:
    files, expected = PROJECTS[name]
    write(tmp_path, {"plain.py": "x = 1\n", **files})
    (few, read), (all_of_them, all_read) = (found(tmp_path, prefilter=prefilter) for prefilter in (True, False))
    assert codes(few) == expected
    assert few == all_of_them
    assert read < all_read


def test_all_fixtures_in_one_project(tmp_path: Path) -> None:
    for path in sorted(FIXTURES.rglob("*.py")):
        write(tmp_path, {f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8")})
    few, _ = found(tmp_path, prefilter=True)
    all_of_them, _ = found(tmp_path, prefilter=False)
    assert len(few) > 300
    assert few == all_of_them
