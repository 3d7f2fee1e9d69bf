"""Copies of this process: what they share out, and what is left when one dies."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chanlint.engine.copying import can_fork
from chanlint.engine.forks import Forks
from chanlint.engine.groups import WORTH

linux = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux only")

FORKING = """
import os, signal, threading, time
from chanlint.engine.copying import can_fork
from chanlint.engine.forks import Forks
assert can_fork()
def work(task):
    {work}
    return b"%d done" % task
with Forks([1, 4, 2, 3], {copies}, work, {seconds}) as forks:
    own = [*forks.tasks()] if {takes} else []
    answers = {{task: answer and answer.decode() for task, answer in forks.answers()}}
    left = [*forks.tasks()]
print(sorted(answers.items()), sorted(forks.overdue), left)
assert own == [] if not {takes} else set(own) | answers.keys() >= {{1, 2, 3, 4}}
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("nobody left")
"""


def forked(work: str, copies: int = 2, seconds: float | None = None, *, takes: bool = False) -> str:
    """What a program prints that has one thread, as the processes that run tests do not."""
    program = FORKING.format(work=work, copies=copies, seconds=seconds, takes=takes)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


ALL = "[(1, '1 done'), (2, '2 done'), (3, '3 done'), (4, '4 done')]"


def all_but(task: int) -> str:
    return ALL.replace(f"'{task} done'", "None")


@linux
@pytest.mark.parametrize("copies", [1, 2, 3, 9])
def test_all_answers_come(copies: int) -> None:
    assert forked("pass", copies) == f"{ALL} [] []\nnobody left\n"


@linux
def test_this_process_takes_tasks_from_the_same_row() -> None:
    answers, rest = forked("time.sleep(0.5)", takes=True).split(" [] ")
    assert len(eval(answers)) < 4
    assert rest == "[]\nnobody left\n"


@linux
@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "raise MemoryError", "os._exit(3)"])
def test_a_process_that_dies_loses_its_task_alone(end: str) -> None:
    assert forked(f"if task == 2: {end}") == f"{all_but(2)} [] []\nnobody left\n"


@linux
def test_where_all_die_their_tasks_are_told_and_the_others_left() -> None:
    assert forked("os._exit(3)") == "[(1, None), (4, None)] [] [2, 3]\nnobody left\n"


@linux
def test_a_task_that_takes_too_long_ends_its_process() -> None:
    told = forked("task == 4 and time.sleep(60)", seconds=0.5)
    assert told == f"{all_but(4)} [4] []\nnobody left\n"


@linux
def test_answers_larger_than_a_pipe_come_whole() -> None:
    assert forked("if task == 1: return b'x' * 3_000_000").count("x") == 3_000_000


@linux
def test_processes_end_with_the_block() -> None:
    program = (
        "import os, signal, time\n"
        "from chanlint.engine.forks import Forks\n"
        "try:\n"
        "    with Forks([1, 2], 1, lambda task: time.sleep(600)) as forks:\n"
        "        process = forks._forks[0].process\n"
        "        raise KeyError\n"
        "except KeyError:\n"
        "    try:\n"
        "        os.kill(process, signal.SIGCONT)\n"
        "    except ProcessLookupError:\n"
        "        print('ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "ended\n"


def test_none_is_made_beside_another_thread() -> None:
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    assert not can_fork()
    with Forks([1, 2], 2, lambda task: b"") as forks:
        assert [*forks.tasks()] == [1, 2]
        assert [*forks.answers()] == []
    go_on.set()
    thread.join()


# -- files ------------------------------------------------------------------------------------------------------------------

LOWERING = """
import os, signal, time
import chanlint.engine.copies as copies
from chanlint.engine.elsewhere import DIED, TOO_LONG
real, parent = copies.lower_bytes, os.getpid()
def lower_bytes(module, data, target):
    assert os.getpid() != parent
    if "kill" in module:
        os.kill(os.getpid(), signal.SIGKILL)
    if "once" in module and not os.path.exists("{folder}/been here"):
        open("{folder}/been here", "w").close()
        os._exit(7)
    if "sleep" in module:
        time.sleep(60)
    if "hungry" in module:
        bytearray(3 << 30)
    if "crash" in module:
        return copies.Crash(module, "RuntimeError: on purpose", "its trace")
    return real(module, data, target)
copies.lower_bytes = lower_bytes
answers = {{}}
made = copies.Copies(2, (3, 12), seconds=2.0)
made.lower({{name: b"x = 1\\n" * n for n, name in enumerate({names}, 1)}}, answers.__setitem__)
made.close()
for name, answer in sorted(answers.items()):
    print(name, "died" if answer is DIED else "late" if answer is TOO_LONG else type(answer).__name__)
"""


@linux
@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "b", "c"], "a bytes\nb bytes\nc bytes\n"),
        (["a", "kill1", "kill2", "kill3", "b"], "a bytes\nb bytes\nkill1 died\nkill2 died\nkill3 died\n"),
        (["once", "a"], "a bytes\nonce bytes\n"),
        (["a", "sleep"], "a bytes\nsleep late\n"),
        (["a", "hungry"], "a bytes\nhungry died\n"),
        (["crash", "a"], "a bytes\ncrash Crash\n"),
    ],
)
def test_a_file_that_does_harm_costs_itself(names: list[str], told: str, tmp_path: Path) -> None:
    program = LOWERING.format(folder=tmp_path, names=[f"{name}" for name in names])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == told


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
MANY = WORTH // 40
"""So many of these functions in each of several files are worth processes."""


@linux
def test_groups_shared_by_processes_are_reported_as_by_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    for number in range(6):
        (tmp_path / f"m{number}.py").write_text("\n".join(FILE.format(number=f"{number}_{each}") for each in range(MANY)))

    def check(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "chanlint", "check", "--no-cache", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    one, three = check("--jobs", "1"), check("--jobs", "3")
    assert one.returncode == 1 and one.stdout.count("CHN101") == 6 * MANY
    assert (three.returncode, three.stdout, three.stderr) == (one.returncode, one.stdout, one.stderr)


BROKEN = """
import os, signal, sys, time
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
        count = MANY + 10 * each  # the first and the last file weigh as much as the others
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
    # this process is slow, so that others take what it leaves
    what = "time.sleep(1) if os.getpid() == parent else os.kill(os.getpid(), signal.SIGKILL)"
    told = [broken_check(tmp_path, number, what) for number in range(4)]
    died = [done for done in told if done.returncode == 2]
    assert died
    for done in told:
        assert ("died" in done.stderr) == (done in died)
        assert len({line.partition(":")[0] for line in done.stdout.splitlines() if "CHN101" in line}) == 4 - (done in died)
