"""Ctrl-C that arrives where Python has nobody to tell."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from chanlint.engine.reading import crash
from chanlint.frontends.python import PythonFrontEnd
from chanlint.source import SourceFile

SWALLOWED = """
import os, signal, sys, time
from chanlint.interrupts import keep_interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)
{keep}
class Swallows:
    def __del__(self):
        {what}
one = Swallows()
del one
try:
    time.sleep({seconds})
    print("went on")
except KeyboardInterrupt:
    print("stopped")
"""


def run(keep: str, what: str, seconds: float) -> subprocess.CompletedProcess[str]:
    program = SWALLOWED.format(keep=keep, what=what, seconds=seconds)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


INTERRUPT = f"os.kill(os.getpid(), {int(signal.SIGINT)}); time.sleep(0.01)"


def test_python_itself_goes_on_when_a_finalizer_swallows_an_interrupt() -> None:
    done = run("", INTERRUPT, 0.2)
    assert done.stdout == "went on\n"
    assert "Exception ignored in" in done.stderr


def test_a_swallowed_interrupt_comes_again() -> None:
    done = run("keep_interrupts()", INTERRUPT, 30)
    assert done.stdout == "stopped\n"
    assert done.stderr == ""


def test_it_comes_as_often_as_it_is_swallowed() -> None:
    again = SWALLOWED.replace("del one\n", "del one\nthen = Swallows()\ndel then\n")
    program = again.format(keep="keep_interrupts()", what=f"{INTERRUPT}; time.sleep(0.1)", seconds=30)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_other_errors_of_finalizers_are_shown_as_ever() -> None:
    done = run("keep_interrupts()", "raise ValueError('no')", 0.0)
    assert done.stdout == "went on\n"
    assert "Exception ignored in" in done.stderr and "ValueError: no" in done.stderr


def test_an_interrupt_in_disguise_is_no_crash() -> None:
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise RuntimeError("Error calling __set_name__") from interrupt
    except RuntimeError:
        with pytest.raises(KeyboardInterrupt):
            crash("a.py")
    try:
        raise RuntimeError
    except RuntimeError:
        assert crash("a.py").message == "RuntimeError"


def test_a_front_end_that_is_interrupted_says_nothing_of_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise ValueError from KeyboardInterrupt()

    monkeypatch.setattr("chanlint.frontends.python.read.read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        PythonFrontEnd().lower(SourceFile("a.py", "x = 1\n"), (3, 11))
