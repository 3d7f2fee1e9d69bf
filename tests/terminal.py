"""Runs a command as a person would: on a terminal of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SCRIPTS = str(Path(sys.executable).parent)
_TELLING = ("NO_COLOR", "FORCE_COLOR", "FORCE_HYPERLINK", "CI", "TERM_PROGRAM", "VTE_VERSION", "WT_SESSION", "KONSOLE_VERSION")


def environment(**changes: str) -> dict[str, str]:
    """The environment without what would tell something about this terminal; the scripts of this interpreter come first."""
    kept = {name: value for name, value in os.environ.items() if name not in _TELLING}
    kept["PATH"] = f"{SCRIPTS}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "TERM": "xterm-256color", "COLUMNS": "100", **changes}


def on_terminal(command: Sequence[str], folder: Path, changes: Mapping[str, str] | None = None) -> tuple[int, str]:
    """The exit code of a command, and everything that it writes to a terminal."""
    outer, inner = os.openpty()
    process = subprocess.Popen(
        command, cwd=folder, env=environment(**(changes or {})), stdin=inner, stdout=inner, stderr=inner, start_new_session=True
    )
    os.close(inner)
    written = b""
    end = time.monotonic() + 120
    try:
        while time.monotonic() < end:
            if not select.select([outer], [], [], 1)[0]:
                continue
            try:
                part = os.read(outer, 65536)
            except OSError:  # the last one who held the other side is gone
                part = b""
            if not part:
                break
            written += part
        return process.wait(timeout=10), written.decode().replace("\r\n", "\n")
    finally:
        os.close(outer)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
