"""A project's own channels and spawners, and what a broken configuration gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WORKER = """\
from acme.jobs import JobQueue
from acme.tasks import in_background


def handle(rows):
    jobs = JobQueue()

    def work():
        while True:
            if jobs.fetch() is None:
                break

    in_background(work)
    for row in rows:
        jobs.put(row)
"""
ENTRIES = """\
[[{prefix}channels]]
name = "acme.jobs.JobQueue"
like = "queue.Queue"
methods = {{ fetch = {{ op = "receive" }} }}

[[{prefix}spawners]]
name = "acme.tasks.in_background"
target = "func@0"
actor = "thread"
"""


def check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chanlint", "check", "--output-format", "concise", *options, "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("name", "prefix"), [("chanlint.toml", ""), ("pyproject.toml", "tool.chanlint.")])
def test_a_project_teaches_its_own_queue_and_spawner(tmp_path: Path, name: str, prefix: str) -> None:
    (tmp_path / "app.py").write_text(WORKER)
    (tmp_path / name).write_text(ENTRIES.format(prefix=prefix))
    done = check(tmp_path)
    assert done.returncode == 1 and "app.py:13:5: CHN101" in done.stdout
    assert check(tmp_path, "--isolated").returncode == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("channels = 3", "'channels' is a list of tables"),
        ("chanels = []", "unknown key 'chanels'; did you mean 'channels'?"),
        ("colour = 1", "unknown key 'colour'"),
        ("[[channels", "chanlint.toml: "),
        ('[[channels]]\nname = "a.B"\nlike = "queue.Queu"', "queue.Queue"),
    ],
)
def test_a_broken_configuration_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "app.py").write_text(WORKER)
    (tmp_path / "chanlint.toml").write_text(text)
    done = check(tmp_path)
    assert done.returncode == 2 and says in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("text", ["[tool.other]\nchanlint = 1", "[tool", "# chanlint is not configured here"])
def test_a_pyproject_that_says_nothing_of_chanlint_changes_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "app.py").write_text("import queue\n")
    (tmp_path / "pyproject.toml").write_text(text)
    assert check(tmp_path).returncode == 0


def test_a_table_is_expected(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import queue\n")
    (tmp_path / "pyproject.toml").write_text("[tool]\nchanlint = 3")
    done = check(tmp_path)
    assert done.returncode == 2 and "write [tool.chanlint]" in done.stderr
