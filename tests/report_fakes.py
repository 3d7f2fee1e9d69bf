"""Diagnostics for tests of the formats."""

from __future__ import annotations

from chanlint.diagnostics import Blocked, Confidence, Diagnostic, RelatedLocation, Role, Severity
from chanlint.report.base import Context
from chanlint.source import Location, SourceFile

JOBS = """import queue, threading

class Pool:
    def __init__(self):
        self.jobs = queue.Queue()

    def start(self):
        threading.Thread(target=self.run).start()

    def run(self):
        while True:
            job = self.jobs.get(
                True,

                None,
                *more,
            )
"""


def place(role: Role, message: str, filename: str, *numbers: int) -> RelatedLocation:
    row, column, end_row, end_column = numbers
    return RelatedLocation(role, message, filename, Location(row, column), Location(end_row, end_column))


def diagnostic(**changes: object) -> Diagnostic:
    values: dict[str, object] = {
        "code": "CHN101",
        "name": "unclosed-channel",
        "message": "nothing ends the thread that reads 'self.jobs'",
        "severity": Severity.ERROR,
        "confidence": Confidence.HIGH,
        "filename": "app/jobs.py",
        "location": Location(8, 9),
        "end_location": Location(8, 50),
        "related": (
            place(Role.CREATED, "channel made here", "app/jobs.py", 5, 21, 5, 34),
            place(Role.SPAWNED, "spawned here", "app/jobs.py", 8, 9, 8, 50),
            place(Role.RECEIVES, "received here", "app/jobs.py", 12, 19, 17, 14),
        ),
        "function": "app.jobs.Pool.start",
        "blocked": Blocked("thread", 1, "call"),
        "help": "send a marker that the loop tests for",
        "fingerprint": "0123",
    }
    return Diagnostic(**{**values, **changes})  # type: ignore[arg-type]


def context(width: int = 100, color: bool = False, **texts: str) -> Context:
    """A context whose files are ``app/jobs.py`` and ``<name>.py`` for every further text."""
    sources = {"app/jobs.py": SourceFile("app/jobs.py", JOBS)}
    sources |= {f"{name}.py": SourceFile(f"{name}.py", text) for name, text in texts.items()}
    return Context(sources.get, width, color)
