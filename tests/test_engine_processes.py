"""Large projects: what is shared by processes, cold, remembered and edited, is reported as by one that remembers nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chanlint.engine.files import WORTH_FILES
from chanlint.engine.trace import MANY_FOLDERS
from engine_fakes import write

linux = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux only")

LEAK = """\
import queue
import threading


class Queue{number}(queue.Queue):
    pass


def handle{number}(items):
    jobs = Queue{number}()
    threading.Thread(target=work, args=(jobs,)).start()


def work(jobs):
    while True:
        print(jobs.get())
"""
USER = """\
import threading

from part{number} import Queue{number}


def use(items):
    held = Queue{number}()
    threading.Thread(target=held.get).start()
"""
KINDS = (
    lambda number: "x = 1\n",
    lambda number: f"from part{number - 1} import thing\n",
    lambda number: LEAK.format(number=number) if number % 80 == 2 else f"Queue = [{number}]\n",
    lambda number: USER.format(number=number - 1) if number % 80 == 3 else "import os, queue\n",
    lambda number: "def broken(\n" if number % 3 else "x = 1  # chanlint: ignore[CHN101]\n",
)
"""The files of a project, by turns."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("large")
    count = max(WORTH_FILES, MANY_FOLDERS) + 120
    write(root, {"pyproject.toml": ""})
    write(root, {f"part{number}/__init__.py": KINDS[number % len(KINDS)](number) for number in range(count)})
    return root


@pytest.fixture
def project(large: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(large, tmp_path / "large"))


def check(root: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "chanlint", "check", "--min-confidence", "low", "--output-format", "json", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def plainly(root: Path) -> tuple[int, str, str]:
    """One process, which remembers nothing."""
    found = check(root, "--no-cache", "--jobs", "1")
    assert found[0] == 1 and "CHN101" in found[1]
    return found


@linux
def test_a_large_project_is_reported_the_same_however_it_is_done(project: Path) -> None:
    alone = plainly(project)
    assert check(project, "--no-cache", "--jobs", "2") == alone
    assert check(project, "--no-cache", "--jobs", "3") == alone
    assert check(project, "--jobs", "2") == alone  # nothing is remembered yet
    assert check(project, "--jobs", "2") == alone
    assert check(project, "--jobs", "1") == alone


@linux
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_edits_are_seen_however_it_is_done(project: Path, jobs: str) -> None:
    check(project, "--jobs", jobs)
    for edit in (
        {"part0/__init__.py": "y = 2\n"},  # as unknown as before
        {"part1000/__init__.py": "from part2 import Queue2\n\nheld = Queue2()\n"},
        {"part2/__init__.py": LEAK.format(number=2).replace("print", "str")},
        {
            "part2/__init__.py": LEAK.format(number=2).replace("jobs.get()", "1"),
            "part5/__init__.py": "from part2 import handle2\n",
        },
        {"part3/more.py": USER.format(number=82)},
        {"part700/__init__.py": LEAK.format(number=700)},
    ):
        write(project, edit)
        assert check(project, "--jobs", jobs) == plainly(project)
    (project / "part3" / "more.py").unlink()
    shutil.rmtree(project / "part162")
    assert check(project, "--jobs", jobs) == plainly(project)
    assert check(project, "--jobs", jobs, "--cache-strict") == plainly(project)


# -- copies of a process ----------------------------------------------------------------------------------------------------

COPYING = """
import os, signal
from chanlint.engine import copying
from chanlint.engine.copying import in_a_copy, meanwhile
here, done = os.getpid(), []
{what}
"""


@linux
@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("print(in_a_copy(lambda: b'%d' % (os.getpid() != here))())", "b'1'"),
        ("print(len(in_a_copy(lambda: b'x' * 1_000_000)()))", "1000000"),  # more than a pipe holds
        ("print(in_a_copy(lambda: 1 / 0)())", "None"),
        ("print(in_a_copy(lambda: os.kill(os.getpid(), signal.SIGKILL))())", "None"),
        ("ask = meanwhile(lambda: done.append(os.getpid()), 2); ask(); print(done)", "[]"),
        ("meanwhile(lambda: done.append(os.getpid()), 1)(); print(done == [here])", "True"),
        ("meanwhile(lambda: done.append(os.getpid() == here or 1 / 0), 2)(); print(done)", "[True]"),  # then it is done here
        ("copying.can_fork = lambda: False; meanwhile(lambda: done.append(1), 2)(); print(done)", "[1]"),
    ],
)
def test_a_copy_gives_bytes_or_comes_to_harm(what: str, told: str) -> None:
    command = [sys.executable, "-c", COPYING.format(what=what)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == told
