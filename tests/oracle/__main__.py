"""Confirms the names of all scenarios in some files or folders: ``python -m oracle tests/fixtures`` (from ``tests/``)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from oracle.fixture import Fixture, fixtures
from oracle.run import confirm


def main(arguments: list[str]) -> int:
    """Prints every contradiction; 1 if there is one."""
    files: list[Fixture] = []
    for argument in arguments:
        path = Path(argument).resolve()
        files += fixtures(path) if path.is_dir() else [Fixture(path)]
    start = time.monotonic()
    reports = confirm(files)
    for report in reports:
        if report.skipped:
            print(f"{report.fixture.path.name}: skipped, {report.skipped}")
        for contradiction in report.contradictions.values():
            print(f"{report.fixture.path.name}: {contradiction}")
    count = sum(len(r.fixture.scenarios) for r in reports)
    print(f"{count} scenarios in {len(reports)} files, {time.monotonic() - start:.0f} s")
    return int(any(r.contradictions for r in reports))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
