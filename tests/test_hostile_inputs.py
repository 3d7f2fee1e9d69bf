"""Inputs made to crash, hang or starve chanlint: each ends in a result or a CHN000 finding, in bounded time and memory.

What is measured is a whole check in a process of its own: the processor's time, so that a busy machine changes little, and the
largest memory. Every module that is read is verified as well.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import chanlint
import hostile_inputs
from chanlint import flake8_plugin
from hostile_inputs import FOLLOWING, INSIDE, READING, following, inside, reading

CPU = 5.0  # seconds
MEMORY = 1_000  # MB
NEVER = 20  # where a process that has gone wrong is killed
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]), int(sys.argv[1])))
from chanlint.cli import main
from chanlint.frontends.python import PythonFrontEnd
from chanlint.ir.ids import OpId
from chanlint.ir.verify import verify

lower = PythonFrontEnd.lower

def checked(self, source, version):
    lowered = lower(self, source, version)
    if lowered.module is not None and verify(lowered.module):
        sys.exit("the module is not well-formed")
    if lowered.module is not None:
        body = lowered.module.body
        for op in list(body.cfg.ops())[:3]:
            lowered.source_map.span(OpId(body.id, op.index))
    return lowered

PythonFrontEnd.lower = checked
options = ["--isolated", "--no-cache", "--no-prefilter", "--jobs", "1", "--exit-zero", "--output-format", "json"]
sys.exit(main(["check", *options, "hostile.py"]))
"""


@dataclass(frozen=True)
class Check:
    """What a check found, as code and function (that of a leak, or what was left out), and what it cost."""

    found: list[tuple[str, str]]
    messages: list[str]
    seconds: float
    megabytes: float

    @property
    def leaks(self) -> list[str]:
        return [function for code, function in self.found if code == "CHN101"]

    @property
    def left_out(self) -> list[str]:
        return [function for code, function in self.found if code == "CHN000"]


def check(folder: Path, text: str) -> Check:
    """Checks a file with this text in a process of its own."""
    (folder / "hostile.py").write_bytes(text.encode("utf-8", "surrogatepass"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # it would be measured, too
    with (folder / "out").open("w+b") as out, (folder / "err").open("w+b") as err:
        command = [sys.executable, "-c", _PROGRAM, str(NEVER)]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = err.read().decode(errors="replace")
        assert process.returncode == 0, said[-2000:] or f"killed after {NEVER} s of the processor"
        results = json.loads(out.read())
    found = [(one["code"], (one["function"] or "").rpartition(".")[2]) for one in results]
    messages = [one["message"] for one in results if one["code"] == "CHN000"]
    return Check(found, messages, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _MAXRSS_UNIT / 1e6)


def bounded(folder: Path, text: str) -> Check:
    """Checks, within the bounds."""
    done = check(folder, text)
    assert done.seconds <= CPU
    assert done.megabytes <= MEMORY
    assert not any("front end failed" in message or "internal" in message for message in done.messages)
    return done


# -- reading ----------------------------------------------------------------------------------------------------------------

BROKEN = frozenset(
    {
        "closing parentheses",
        "open triple quotes",
        "open quotes",
        "many open quotes",
        "surrogates",
        "null",
        "carriage returns",
        "newer syntax around a chain",
    }
)
"""Not Python at all, and not only in one statement."""
TOO_MANY = frozenset(
    {
        "rows of method calls",
        "calls in rows",
        "statements on one row",
        "blank rows",
        "too long",
    }
)
"""Too large a file, but no statement in it is too large."""
ORDINARY = frozenset({"functions", "dict", "comments", "one long string", "decorators", "with items", "try in try"})
"""Large, and read all the same."""


@pytest.mark.parametrize("name", READING)
def test_a_file_ends_in_a_result_or_a_problem(name: str, tmp_path: Path) -> None:
    done = bounded(tmp_path, reading(name))
    if name in BROKEN | TOO_MANY:
        assert done.messages and done.leaks == []
        assert name in BROKEN or done.messages[0].startswith("too ")
    else:
        assert done.leaks == ["leaking"]
        assert len(done.left_out) <= (name not in ORDINARY)


@pytest.mark.parametrize("name", INSIDE)
def test_only_the_definition_that_is_too_much_is_left_out(name: str, tmp_path: Path) -> None:
    done = bounded(tmp_path, inside(name))
    assert done.leaks == ["leaking", "leaking_too"]
    assert done.left_out in ([], ["hostile"])
    assert all("hostile is left out" in message for message in done.messages)


# -- following --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FOLLOWING)
def test_channels_are_followed_within_bounds(name: str, tmp_path: Path) -> None:
    done = bounded(tmp_path, following(name))
    if name == "functions with a queue":
        assert done.messages == ["too large: more than 150,000 syntax nodes"]
    else:
        assert done.left_out == []
        assert "leaking" in done.leaks
    if name == "fewer functions with a queue":
        assert len(done.leaks) == 1_001


# -- other ways in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["deep calls", "elif", "statements", "with items"])
def test_the_library_leaves_out_the_same(name: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.py").write_text(inside(name))
    result = chanlint.check([tmp_path / "hostile.py"])
    found = [(one.function or "").rpartition(".")[2] for one in result if one.code == "CHN101"]
    assert found == ["leaking", "leaking_too"]


@pytest.mark.parametrize("name", ["decorators", "method calls within the limit"])
def test_flake8_gets_the_same(name: str) -> None:
    text = hostile_inputs.inside(name)
    plugin = flake8_plugin.Plugin(ast.parse(text), "hostile.py", text.splitlines(keepends=True))
    assert [message[:6] for _, _, message, _ in plugin.run()] == ["CHN101", "CHN101"]
