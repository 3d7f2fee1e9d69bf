"""Files lowered in other processes: the same results, and what happens to files that kill the parser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from chanlint.engine import lowering, worker, workers
from chanlint.engine.copying import usable_cpus
from chanlint.engine.elsewhere import DIED, TOO_LONG, Answer, can_start
from chanlint.engine.lowering import Lowerer
from chanlint.engine.packing import pack, unpack
from chanlint.engine.reading import Crash, lower_bytes
from chanlint.engine.workers import Workers
from chanlint.frontends.base import Lowered
from chanlint.ir.codec import CodecError
from chanlint.ir.ids import HEADER, OpId
from chanlint.ir.printer import print_module
from engine_fakes import QUEUE, check, fake_rule, write  # noqa: F401 - a fixture

FIXTURES = Path(__file__).parent / "fixtures"
TARGET = (3, 12)

TRAPS = """
import os, sys, time
sys.path[:] = sys.argv[1:]
from chanlint.engine import worker
real = worker.lower_bytes
def lower_bytes(module, data, target):
    if "kill" in module:
        os._exit(7)
    if "sleep" in module:
        time.sleep(60)
    if "once" in module and not os.path.exists(data.decode().strip("# \\n")):
        open(data.decode().strip("# \\n"), "w").close()
        os._exit(7)
    if "crash" in module:
        try:
            raise RuntimeError("on purpose")
        except RuntimeError:
            return worker.Crash(module, "RuntimeError: on purpose", "its trace")
    print("noise")
    return real(module, data, target)
worker.lower_bytes = lower_bytes
worker.main()
"""
"""A worker in which some files do harm, by their names."""


def trapped(*source: str) -> list[str]:
    """The command for a worker that runs some code."""
    return [sys.executable, "-c", source[0] if source else TRAPS, *workers._search_path()]


def texts(*names: str) -> dict[str, bytes]:
    return {name: f"import queue\n{Path(name).stem} = queue.Queue()\n".encode() for name in names}


def answers_of(made: Workers, files: Mapping[str, bytes]) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    made.lower(files, found.__setitem__)
    return found


@pytest.fixture
def two() -> Iterator[Workers]:
    made = Workers(2, TARGET, trapped(), seconds=2.0)
    yield made
    made.close()


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are started for the smallest of tasks."""
    monkeypatch.setattr(lowering, "WORTH_FILES", 2)
    monkeypatch.setattr(lowering, "WORTH_BYTES", 1)
    monkeypatch.setattr(lowering, "BYTES_PER_WORKER", 1)
    monkeypatch.setattr(lowering, "can_fork", lambda: False)


# -- the same results ---------------------------------------------------------------------------------------------------


def everything(lowered: Mapping[str, Lowered]) -> list[object]:
    """All that is known about files, in order, with some places."""
    return [
        (
            name,
            one.source.path,
            one.source.text,
            one.source.digest,
            one.suppressions,
            one.problems,
            one.module and print_module(one.module),
            one.module and one.source_map and one.source_map.span(OpId(one.module.body.id, HEADER)),
        )
        for name, one in lowered.items()
    ]


@pytest.mark.usefixtures("eager")
def test_the_number_of_processes_changes_nothing() -> None:
    paths = sorted(FIXTURES.glob("*/*.py"))[::5]
    files = {path.relative_to(FIXTURES).as_posix(): path.read_bytes() for path in paths}
    files["broken.py"] = b"def f(:\n"
    files["latin.py"] = b"# coding: latin-1\nx = '\xe9' # noqa: CHN101 # chanlint: ignore[CHN1] why\n"
    files["undecodable.py"] = b"\xff\n"
    seen = []
    for jobs in (1, 2, 4):
        lowerer = Lowerer(TARGET, jobs)
        found = lowerer.lower(files)
        assert [*found] == [*files]
        assert (lowerer._workers is None) == (jobs == 1)
        lowerer.close()
        seen.append(everything(found))
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.usefixtures("eager", "fake_rule")
def test_findings_do_not_depend_on_it_either(tmp_path: Path) -> None:
    write(tmp_path, {f"m{number}.py": QUEUE for number in range(6)})
    one, many = (check(tmp_path, jobs=jobs).diagnostics for jobs in (1, 3))
    assert one == many
    assert len(one) == 6


def test_few_files_start_no_workers() -> None:
    lowerer = Lowerer(TARGET, jobs=4)
    assert [*lowerer.lower(texts("a.py", "b.py", "c.py", "d.py"))] == ["a.py", "b.py", "c.py", "d.py"]
    assert lowerer._workers is None
    lowerer.close()


@pytest.mark.usefixtures("eager")
def test_workers_stay_for_the_next_batch() -> None:
    lowerer = Lowerer(TARGET, jobs=2)
    lowerer.lower(texts("a.py", "b.py"))
    first = lowerer._workers
    assert first is not None
    lowerer.lower(texts("c.py", "d.py"))
    assert lowerer._workers is first
    lowerer.close()
    assert all(slot.process is None for slot in first._slots)


def test_trees_are_kept_for_some_files_only(monkeypatch: pytest.MonkeyPatch) -> None:
    files = texts("a.py", "b.py")
    before = everything(Lowerer(TARGET).lower(files))
    monkeypatch.setattr(lowering, "BYTES_OF_TREES", len(files["a.py"]))
    lowered = Lowerer(TARGET).lower(files)
    assert [type(one.source_map).__name__ for one in lowered.values()] == ["PythonSourceMap", "LaterSourceMap"]
    assert everything(lowered) == before


def test_ops_have_the_same_numbers_every_time() -> None:
    for path in sorted(FIXTURES.glob("*/*.py"))[::9]:
        first, second = (lower_bytes(path.name, path.read_bytes(), TARGET) for _ in range(2))
        assert isinstance(first, Lowered) and isinstance(second, Lowered)
        assert first.module is not None and second.module is not None
        assert print_module(first.module) == print_module(second.module)


# -- harm ---------------------------------------------------------------------------------------------------------------


def test_a_file_that_kills_the_parser_costs_only_itself(two: Workers) -> None:
    files = texts("a.py", "kill1.py", "b.py", "kill2.py", "c.py")
    found = answers_of(two, files)
    assert {name for name, answer in found.items() if answer is DIED} == {"kill1.py", "kill2.py"}
    for name in ("a.py", "b.py", "c.py"):
        answer = found[name]
        assert isinstance(answer, bytes)
        assert unpack(answer, name, files[name], TARGET).module is not None


def test_a_file_gets_a_second_try(two: Workers, tmp_path: Path) -> None:
    found = answers_of(two, {"once.py": f"# {tmp_path / 'been here'}\n".encode()})
    assert isinstance(found["once.py"], bytes)


def test_a_file_that_takes_too_long_is_given_up(two: Workers) -> None:
    found = answers_of(two, texts("a.py", "sleep.py"))
    assert found["sleep.py"] is TOO_LONG
    assert isinstance(found["a.py"], bytes)


def test_a_crash_comes_with_its_trace(two: Workers) -> None:
    found = answers_of(two, texts("crash.py", "a.py"))
    assert found["crash.py"] == Crash("crash.py", "RuntimeError: on purpose", "its trace")


@pytest.mark.usefixtures("eager", "fake_rule")
def test_files_that_kill_the_parser_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(workers, "_ENTRY", TRAPS)
    write(tmp_path, {"a.py": QUEUE, "kill.py": QUEUE, "crash.py": QUEUE})
    result = check(tmp_path, jobs=2)
    assert [(one.filename, one.code, one.message) for one in result.diagnostics] == [
        ("a.py", "CHN901", "a get"),
        ("kill.py", "CHN000", "chanlint's parser died on this file"),
    ]
    assert [one.path for one in result.crashes] == ["crash.py"]


@pytest.mark.parametrize("command", [["/nonexistent/python"], [sys.executable, "-c", "print('something else')"]])
@pytest.mark.usefixtures("eager")
def test_without_workers_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    files = texts("a.py", "b.py", "c.py")
    made = Workers(2, TARGET, command)
    assert answers_of(made, files) == {}
    made.close()
    monkeypatch.setattr(workers, "Workers", lambda count, target: Workers(count, target, command))
    lowerer = Lowerer(TARGET, jobs=2)
    assert [*lowerer.lower(files)] == [*files]
    lowerer.close()


def test_without_threads_there_are_no_answers(two: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert answers_of(two, texts("a.py")) == {}


def test_closed_workers_answer_nothing(two: Workers) -> None:
    two.close()
    assert answers_of(two, texts("a.py", "b.py")) == {}


def test_an_interrupt_ends_the_workers(two: Workers) -> None:
    processes = []

    def interrupt(module: str, answer: Answer) -> None:
        processes.extend(slot.process for slot in two._slots if slot.process is not None)
        raise KeyboardInterrupt

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        two.lower({**texts("sleep.py", "sleep2.py"), "longest.py": b"# first\n" * 100}, interrupt)
    assert time.monotonic() - before < 30
    assert processes
    assert all(process.poll() is not None for process in processes)
    assert not [thread for thread in threading.enumerate() if thread.name == "chanlint-worker"]


@pytest.mark.skipif(os.name != "posix", reason="signals to a group of processes")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    write(tmp_path, {f"m{number}.py": QUEUE + "x = [1, 2, 3]\n" * 20_000 for number in range(40)})
    command = [sys.executable, "-m", "chanlint", "check", "--jobs", "2", "--no-cache", "--isolated", "."]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while len(_group(process.pid)) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    assert len(_group(process.pid)) >= 3, "no workers were started"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, "", "chanlint: interrupted")
    while _group(process.pid) and time.monotonic() < deadline:  # whoever was just started ends by the signal itself
        time.sleep(0.05)
    assert _group(process.pid) == []


def _group(leader: int) -> list[int]:
    """The processes of a group."""
    listing = subprocess.run(["ps", "-eo", "pid=,pgid="], capture_output=True, text=True, check=True).stdout
    return [int(pid) for pid, group in (row.split() for row in listing.splitlines()) if int(group) == leader]


def test_memory_is_limited_where_that_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    limits: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: limits.append((kind, pair)))
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (worker.MEMORY // 2, worker.MEMORY))
    worker.limit_memory()
    assert limits == []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    worker.limit_memory()
    assert limits == [(resource.RLIMIT_AS, (worker.MEMORY, resource.RLIM_INFINITY))]
    monkeypatch.setattr(resource, "setrlimit", _refuse)
    worker.limit_memory()
    monkeypatch.setitem(sys.modules, "resource", None)
    worker.limit_memory()


def _refuse(kind: int, pair: tuple[int, int]) -> None:
    raise ValueError("not here")


# -- how many -----------------------------------------------------------------------------------------------------------


def test_cpus_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert usable_cpus() >= 1


def test_a_frozen_program_starts_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_start()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert not can_start()
    assert Lowerer(TARGET, jobs=4)._jobs == 1


def test_workers_find_chanlint_without_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", "/somewhere"])
    found = workers._search_path()
    assert found[0] == "/somewhere"
    assert (Path(found[1]) / "chanlint").is_dir()


# -- packed files -------------------------------------------------------------------------------------------------------


def packed(text: bytes) -> bytes:
    lowered = lower_bytes("m.py", text, TARGET)
    assert isinstance(lowered, Lowered)
    return pack(lowered)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[[],[]]\nrubbish",
        b'[[["noqa","1",[],[1,1,1,1],""]],[]]\n',
        b'[[["noqa",1,[2],[1,1,1,1],""]],[]]\n',
        b'[[],[["message",[1,1,1,"1"],null]]]\n',
        b'[[],[["message",[1,1,1],null]]]\n',
        b'[[],[["message",[1,1,1,1],3]]]\n',
    ],
)
def test_bytes_that_are_no_packed_file(data: bytes) -> None:
    with pytest.raises(CodecError):
        unpack(data, "m.py", b"", TARGET)


def test_a_packed_file_is_of_one_module() -> None:
    data = b"x = 1\n"
    assert unpack(packed(data), "m.py", data, TARGET).module is not None
    with pytest.raises(CodecError, match="another module"):
        unpack(packed(data), "n.py", data, TARGET)
