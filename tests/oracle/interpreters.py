"""The Python interpreters that scenarios can run on.

Looked for in ``$CHANLINT_TEST_PYTHONS`` (paths, separated like PATH), this very interpreter, ``pythonX.Y`` on PATH and pyenv's
versions. Each has to answer to count: the shim of a version that is not selected exists and only complains.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_MINORS = range(11, 16)
_ASK = "import sys, json; print(json.dumps([sys.executable, list(sys.version_info[:3])]))"


@dataclass(frozen=True)
class Interpreter:
    """A Python that answered."""

    path: str
    version: tuple[int, int, int]

    @functools.cache  # noqa: B019 - a handful of frozen values that live as long as the run
    def versions_of(self, modules: tuple[str, ...]) -> dict[str, str] | None:
        """The versions of some modules here, None unless all can be imported."""
        if not modules:
            return {}
        code = (
            "import json, importlib, importlib.metadata as m\n"
            f"names = {modules!r}\n"
            "[importlib.import_module(n) for n in names]\n"
            "print(json.dumps({n: m.version(n) for n in names}))"
        )
        answer = _run([self.path, "-c", code])
        return None if answer is None else dict(json.loads(answer))


def _run(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _candidates() -> list[str]:
    named = [p for p in os.environ.get("CHANLINT_TEST_PYTHONS", "").split(os.pathsep) if p]
    on_path = [p for minor in _MINORS if (p := shutil.which(f"python3.{minor}"))]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    managed = [str(p) for minor in _MINORS for p in sorted(pyenv.glob(f"3.{minor}.*/bin/python"))]
    return [*named, sys.executable, *on_path, *managed]


@functools.cache
def interpreters() -> tuple[Interpreter, ...]:
    """Every interpreter that answers, the preferred ones first, one for each minor version."""
    found: dict[tuple[int, int], Interpreter] = {}
    for candidate in dict.fromkeys(_candidates()):
        answer = _run([candidate, "-c", _ASK])
        if answer is None:
            continue
        major, minor, micro = json.loads(answer)[1]
        found.setdefault((major, minor), Interpreter(candidate, (major, minor, micro)))
    return tuple(found.values())


def choose(lowest: tuple[int, int], needs: tuple[str, ...]) -> Interpreter | None:
    """The first interpreter that is new enough and can import what is needed."""
    for interpreter in interpreters():
        if interpreter.version[:2] >= lowest and interpreter.versions_of(needs) is not None:
            return interpreter
    return None
