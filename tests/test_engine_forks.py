"""Copies of this process: what they share out, and what is left when one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chanlint.engine.forks import WORTH, Forks, can_fork, shares_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux only")

FORKING = """
import os, signal, time
from chanlint.engine.forks import Forks, can_fork
assert can_fork()
def work(task):
    {work}
    return b"%d done" % task
with Forks([[1, 4], [2, 3]], work) as forks:
    print([(task, answer and answer.decode()) for task, answer in forks.answers()])
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("nobody left")
"""


def forked(work: str) -> str:
    """What a program prints that has one thread, as the processes that run tests do not."""
    program = FORKING.format(work=work)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_the_heaviest_tasks_are_dealt_first() -> None:
    weights = {0: 2 * WORTH, 1: WORTH, 2: 5 * WORTH, 3: WORTH}
    assert shares_of(weights, 2) == [[2], [0, 1, 3]]
    assert shares_of(weights, 1) == [[0, 1, 2, 3]]


def test_a_share_that_is_not_worth_a_process_stays() -> None:
    assert shares_of({0: 9 * WORTH, 1: WORTH - 1}, 2) == [[0, 1]]
    assert shares_of({0: 9 * WORTH}, 2) == [[0]]


@linux
def test_all_answers_come() -> None:
    assert forked("pass") == "[(1, '1 done'), (4, '4 done'), (2, '2 done'), (3, '3 done')]\nnobody left\n"


@linux
@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "raise MemoryError", "os._exit(3)"])
def test_a_process_that_dies_loses_its_task_and_those_after_it(end: str) -> None:
    assert forked(f"if task == 2: {end}") == "[(1, '1 done'), (4, '4 done'), (2, None)]\nnobody left\n"


@linux
def test_answers_larger_than_a_pipe_come_whole() -> None:
    assert forked("if task == 1: return b'x' * 3_000_000").count("x") == 3_000_000


@linux
def test_processes_end_with_the_block() -> None:
    def sleep(_: int) -> bytes:
        time.sleep(600)
        return b""

    before = time.monotonic()
    with pytest.raises(KeyError), Forks([[1]], sleep) as forks:
        process = forks._forks[0].process
        raise KeyError
    assert time.monotonic() - before < 60
    with pytest.raises(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def test_none_is_made_beside_another_thread() -> None:
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    assert not can_fork()
    go_on.set()
    thread.join()


# -- whole runs -------------------------------------------------------------------------------------------------------------

FILE = """
import queue, threading

def handle{number}(items):
    jobs = queue.Queue()
    for item in items:
        jobs.put(item)
    def work():
        while True:
            print(jobs.get())
    threading.Thread(target=work).start()
"""


@linux
def test_groups_shared_by_processes_are_reported_as_by_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    for number in range(6):
        (tmp_path / f"m{number}.py").write_text("\n".join(FILE.format(number=f"{number}_{each}") for each in range(WORTH // 4)))

    def check(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "chanlint", "check", "--no-cache", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    one, three = check("--jobs", "1"), check("--jobs", "3")
    assert one.returncode == 1 and one.stdout.count("CHN101") == 6 * (WORTH // 4)
    assert (three.returncode, three.stdout, three.stderr) == (one.returncode, one.stdout, one.stderr)


BROKEN = """
import os, signal, sys
import chanlint.model.build as build
from chanlint.cli import main
whole, parent = build.build_model, os.getpid()
def broken(program, *rest):
    if any(os.path.basename(id).startswith("m{number}") for id in program.modules):
        {what}
    return whole(program, *rest)
build.build_model = broken
sys.exit(main(["check", "--no-cache", "--jobs", "2"]))
"""


def broken_check(folder: Path, number: int, what: str) -> subprocess.CompletedProcess[str]:
    for each in range(4):
        count = WORTH // 4 + 10 * each  # the first and the last file weigh as much as the others
        (folder / f"m{each}.py").write_text("\n".join(FILE.format(number=f"{each}_{one}") for one in range(count)))
    (folder / "pyproject.toml").write_text("")
    command = [sys.executable, "-c", BROKEN.format(number=number, what=what)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@linux
@pytest.mark.parametrize("number", range(4))
def test_a_defect_in_one_group_is_told_whichever_process_meets_it(tmp_path: Path, number: int) -> None:
    done = broken_check(tmp_path, number, "raise ValueError('a defect')")
    assert done.returncode == 2
    assert f"m{number}.py" in done.stderr and "a defect" in done.stderr
    assert {line.partition(":")[0] for line in done.stdout.splitlines() if "CHN101" in line} == {
        f"m{each}.py" for each in range(4) if each != number
    }


@linux
def test_a_group_that_kills_its_process_costs_itself(tmp_path: Path) -> None:
    told = [
        broken_check(tmp_path, number, "os.getpid() == parent or os.kill(os.getpid(), signal.SIGKILL)") for number in range(4)
    ]
    died = [done for done in told if done.returncode == 2]
    assert len(died) == 2  # the others were this process' own
    for done in died:
        assert "died" in done.stderr
        assert len({line.partition(":")[0] for line in done.stdout.splitlines() if "CHN101" in line}) == 3
