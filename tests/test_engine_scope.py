"""Which files are analysed: those that make channels, and those that channels reach."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from chanlint.engine import scope as scope_module
from chanlint.engine.carriers import Carriers, Imported, find_carriers
from chanlint.engine.config import Settings
from chanlint.engine.files import Files, Sought
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.project import Index
from chanlint.engine.reading import FIRST_COLUMN, lower_bytes
from chanlint.engine.scope import Scope, ScopeFinder
from chanlint.frontends.base import Lowered, Problem
from engine_fakes import write

WORDS = ("Queue", "Pipe")
NEEDLES = (b"Queue", b"Pipe")


def scope_of(root: Path, files: dict[str, str], everything: bool = False, always: tuple[str, ...] = ()) -> Scope:
    write(root, files)
    index = Index(Settings(cwd=str(root), project_root=str(root)), [str(root / name) for name in files])

    def read(module: str) -> bytes | Problem:
        return Problem("unreadable", FIRST_COLUMN) if "unreadable" in module else FileSystem().read(index.paths[module])

    known = Files(index, read, Sought(NEEDLES))
    finder = ScopeFinder(known, WORDS, partial(lowered, known))
    return finder.everything() if everything else finder.find(always)


def lowered(files: Files, modules: Sequence[str]) -> dict[str, Lowered]:
    batch = {module: data for module in modules if "broken" not in module and (data := files.read(module)) is not None}
    results = {module: lower_bytes(module, data, (3, 11)) for module, data in batch.items()}
    return {module: result for module, result in results.items() if isinstance(result, Lowered)}


def carriers_of(text: str, **carried: int) -> Carriers:
    result = lower_bytes("m.py", text.encode(), (3, 11))
    assert isinstance(result, Lowered)
    assert result.module is not None
    return find_carriers(result.module, lambda word: "Queue" in word, lambda source: carried.get(source.name or ""))


@pytest.mark.parametrize(
    ("text", "depths"),
    [
        ("import queue\nJOBS = queue.Queue()\n", {"JOBS": 0}),
        ("from queue import Queue\nJOBS = OTHER = [Queue(), Queue()]\n", {"JOBS": 0, "OTHER": 0}),
        ("from queue import Queue\nJOBS = {}\nJOBS['a'] = Queue()\n", {"JOBS": 0}),
        ("from queue import Queue\nJOBS = [Queue() for _ in range(3)]\n", {"JOBS": 0}),
        ("from queue import Queue\ndef make():\n    q = Queue()\n    return q\n", {"make": 0}),
        ("from queue import Queue\ndef make():\n    return Queue(), 1\n", {"make": 0}),
        ("from queue import Queue\ndef make():\n    yield Queue()\n", {"make": 0}),
        (
            "from queue import Queue\nasync def make():\n    return Queue()\nasync def outer():\n    return await make()\n",
            {"make": 0, "outer": 0},
        ),
        ("from queue import Queue\ndef inner():\n    q = Queue()\n    q.put(1)\n    return 1\n", {}),
        ("from queue import Queue\nclass Pool:\n    def __init__(self):\n        self.jobs = Queue()\n", {"Pool": 1}),
        ("from queue import Queue\nclass Pool:\n    jobs = Queue()\n", {"Pool": 1}),
        ("from queue import Queue\nclass Pool:\n    def subscribe(self):\n        return Queue()\n", {"Pool": 1}),
        ("import queue\nclass Jobs(queue.Queue):\n    pass\nJ = Jobs()\n", {"Jobs": 0, "J": 0}),
        (
            "from queue import Queue\nclass Pool:\n    def __init__(self):\n        self.jobs = Queue()\n"
            "class Owner:\n    def __init__(self):\n        self.pool = Pool()\n"
            "POOL = Pool()\ndef pool():\n    return Pool()\n",
            {"Pool": 1, "POOL": 1, "pool": 1},
        ),
        (
            "from dataclasses import dataclass, field\nfrom queue import Queue\n@dataclass\nclass Box:\n"
            "    jobs: Queue = field(default_factory=Queue)\n",
            {"Box": 1},
        ),
        (
            "from queue import Queue\nclass Pool:\n    def a(self):\n        def start():\n            self.jobs = Queue()\n"
            "        start()\n    def b(self):\n        return self.jobs\n",
            {"Pool": 1},
        ),
        ("def size(jobs):\n    return len(jobs)\nN = 3\n", {}),
        (
            "from queue import Queue\nq = Queue() if N else None\nwith q as w:\n    pass\nfor one in [Queue()]:\n    pass\n",
            {"q": 0, "w": 0, "one": 0},
        ),
        ("from queue import *\nq = Queue()\na, b = Queue(), Queue()\n", {"q": 0, "a": 0, "b": 0}),
    ],
)
def test_carriers_give_a_channel_or_an_object_that_holds_one(text: str, depths: dict[str, int]) -> None:
    assert carriers_of(text).depths == depths


def test_what_another_module_gives_is_carried_on() -> None:
    found = carriers_of("from a import make, Pool, other\nQ = make()\nP = Pool()\nO = other()\n", make=0, Pool=1)
    assert found.depths == {"make": 0, "Pool": 1, "Q": 0, "P": 1}
    assert found.bindings["make"] == {Imported("a", "make", 0)}
    assert carriers_of("import a\nclass B(a.Pool):\n    pass\n", Pool=1).depths == {"B": 1}


def test_channels_reach_what_is_called_with_them() -> None:
    text = (
        "import queue, helpers, threading\nfrom .work import run, unused\nfrom .marks import STOP\nfrom .hold import Holder\n"
        "class Pool(Base):\n    def start(self):\n        self.jobs = queue.Queue()\n"
        "        threading.Thread(target=run, args=(self.jobs,))\n        helpers.feed(self.jobs)\n"
        "        self.jobs.put(STOP)\n        return Holder(self.jobs)\n"
    )
    reach = {(source.module, source.name) for source in carriers_of(text).reach}
    assert {("work", "run"), ("helpers", "feed"), ("marks", "STOP"), ("hold", "Holder")} <= reach
    assert ("work", "unused") not in reach


def test_bases_of_holders_are_read() -> None:
    text = (
        "from queue import Queue\nfrom base import Service, Other\n"
        "class A(Service):\n    q = Queue()\nclass B(Other):\n    pass\n"
    )
    assert {source.name for source in carriers_of(text).reach} == {"Service"}


def test_only_files_that_channels_reach_are_read(tmp_path: Path) -> None:
    files = {
        "app/__init__.py": "from .jobs import Pool\n",
        "app/jobs.py": "import queue\nfrom .work import run\n"
        "class Pool:\n    def __init__(self):\n        self.q = queue.Queue()\n        run(self.q)\n",
        "app/work.py": "def run(q):\n    q.get()\n",
        "app/user.py": "from . import Pool\np = Pool()\n",
        "app/direct.py": "import app.jobs\np = app.jobs.Pool()\n",
        "app/star.py": "from app.jobs import *\np = Pool()\n",
        "app/multi.py": "from app.jobs import (\n    Pool,\n)\n",
        "app/back.py": "from app.jobs import \\\n    Pool\n",
        "app/namesake.py": "class Pool: pass\n",
        "app/stranger.py": "import app.work\n",
    }
    found = scope_of(tmp_path, files)
    assert found.makers == {"app/jobs.py"}
    assert sorted(found.lowered) == [
        "app/__init__.py",
        "app/back.py",
        "app/direct.py",
        "app/jobs.py",
        "app/multi.py",
        "app/star.py",
        "app/user.py",
        "app/work.py",
    ]
    assert found.limits == {}


def test_reach_follows_reexports_and_submodules(tmp_path: Path) -> None:
    files = {
        "app/__init__.py": "",
        "app/lib/__init__.py": "from .deep import run\nfrom .loop import again\n",
        "app/lib/deep.py": "def run(q): pass\n",
        "app/lib/loop.py": "from . import again\n",
        "app/lib/mod.py": "def go(q): pass\n",
        "main.py": "import queue\nfrom app.lib import run, mod, again\nq = queue.Queue()\nrun(q)\nmod.go(q)\nagain(q)\n",
    }
    assert sorted(scope_of(tmp_path, files).lowered) == [
        "app/lib/__init__.py",
        "app/lib/deep.py",
        "app/lib/loop.py",
        "app/lib/mod.py",
        "main.py",
    ]


def test_everything_reads_every_file(tmp_path: Path) -> None:
    files = {"a.py": "x = 1\n", "b.py": "import queue\nq = queue.Queue()\n", "unreadable.py": "", "broken.py": ""}
    found = scope_of(tmp_path, files, everything=True)
    assert sorted(found.lowered) == ["a.py", "b.py"]
    assert found.makers == {"b.py"}


def test_named_files_are_read_whatever_they_contain(tmp_path: Path) -> None:
    files = {"a.py": "x = 1\n", "b.py": "y = 1\n", "unreadable.py": "Queue\n"}
    assert sorted(scope_of(tmp_path, files, always=("b.py",)).lowered) == ["b.py"]


def test_a_common_name_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope_module, "MAX_FILES_PER_NAME", 3)
    files = {f"u{n}.py": "from maker import run\n" for n in range(4)}
    found = scope_of(tmp_path, {"maker.py": "import queue\nrun = queue.Queue()\n", **files})
    assert sorted(found.lowered) == ["maker.py"]
    assert found.limits == {"common names": 1}


def test_the_rounds_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope_module, "MAX_ROUNDS", 3)
    files = {f"m{n}.py": f"from m{n - 1} import v{n - 1}\nv{n} = v{n - 1}\n" for n in range(1, 9)}
    found = scope_of(tmp_path, {"m0.py": "import queue\nv0 = queue.Queue()\n", **files})
    assert sorted(found.lowered) == ["m0.py", "m1.py", "m2.py", "m3.py"]
    assert found.limits == {"import rounds": 1}
