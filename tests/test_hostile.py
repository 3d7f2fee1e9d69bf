"""Input that nobody meant well, through real processes: no traceback, no escape sequence, valid output, the right exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine_fakes import QUEUE, write

CHANLINT = [sys.executable, "-m", "chanlint"]
LIMIT = 120


def chanlint(folder: Path, *arguments: str | bytes, **options: object) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run([*CHANLINT, *arguments], cwd=folder, capture_output=True, timeout=LIMIT, **options)  # type: ignore[call-overload]
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert not {*b"\x1b\x07\x9b"} & {*done.stdout}
    assert b"\x1b" not in done.stderr
    return done  # type: ignore[no-any-return]


def findings(folder: Path, *arguments: str | bytes, **options: object) -> list[tuple[str, str, str]]:
    """Code, file name and message of what is found; the exit code must fit."""
    done = chanlint(folder, "check", "--output-format", "json", *arguments, **options)
    found = json.loads(done.stdout)
    assert done.returncode == (1 if found else 0), done.stderr
    assert done.stdout.isascii()
    return [(one["code"], one["filename"], one["message"]) for one in found]


@pytest.mark.parametrize(
    "data",
    [
        b"def f(:\n",
        b"x = (\n",
        b")\n",
        b"if x:\npass\n",
        b"'''\n",
        b"\\\n",
        b"\x00import queue\n",
        b"x = 1\n\x00",
        b"# coding: no-such-codec\n",
        b"# coding: utf-8\nx = '\xff'\n",
        b"x = '\xff'\n",
        b"\xff\xfeq\x00u\x00",
        b"\xef\xbb\xbf# coding: latin-1\n",
    ],
)
def test_what_cannot_be_read_is_a_finding_in_its_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.py").write_bytes(data)
    found = findings(tmp_path, "bad.py")
    assert [(code, name) for code, name, _ in found] == [("CHN000", "bad.py")]
    assert found[0][2]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbfimport queue\nq = queue.Queue()\n",
        b"import queue\r\nq = queue.Queue()\r\n",
        b"import queue\rq = queue.Queue()\r",
        b"import queue\n\x0c\nq = queue.Queue()\n\x0c",
        b"import queue\nq = queue.Queue()  # no line end",
        b"# coding: latin-1\nimport queue\nq = queue.Queue('\xe9')\n",
        "import queue\nq = queue.Queue()  # \u2028 \x85 \u202e\n".encode(),
        b"#!/bin/sh\n# -*- coding: utf-8 -*-\nimport queue\nqueue.Queue()\n",
    ],
)
def test_odd_but_valid_files_are_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "odd.py").write_bytes(data)
    assert findings(tmp_path, "odd.py") == []


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "1" + ")" * 10_000,
        "[" * 10_000,
        "f(" * 10_000 + ")" * 10_000,
        "not " * 10_000 + "x",
        "x = " + "-" * 10_000 + "1",
        "a" + ".b" * 10_000,
        "lambda: " * 10_000 + "0",
        " or ".join(["a"] * 10_000),
        "\n".join(" " * n + "if x:" for n in range(150)) + "\n" + " " * 150 + "pass",
        "if a:\n    pass\n" + "elif a:\n    pass\n" * 10_000,
    ],
    ids=["parentheses", "unbalanced", "calls", "not", "minus", "dots", "lambdas", "or", "blocks", "elif"],
)
def test_deep_nesting_is_survived(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"deep.py": f"import queue\nqueue.Queue()\n{text}\n", "fine.py": "def f(: Queue\n"})
    found = findings(tmp_path, ".")
    assert {(code, name) for code, name, _ in found} - {("CHN000", "deep.py")} == {("CHN000", "fine.py")}


def test_a_long_file_is_survived(tmp_path: Path) -> None:
    write(tmp_path, {"long.py": "import queue\nq = queue.Queue()\n" + "v = f(v, 1)\n" * 50_000})
    assert {code for code, _, _ in findings(tmp_path, "long.py")} <= {"CHN000"}


def test_a_folder_without_permission_is_a_finding(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may read every folder")
    write(tmp_path, {"shut/a.py": QUEUE, "b.py": "x = 1\n"})
    (tmp_path / "shut").chmod(0)
    try:
        assert [(code, name) for code, name, _ in findings(tmp_path)] == [("CHN000", "shut")]
    finally:
        (tmp_path / "shut").chmod(0o700)


def test_links_in_circles_end(tmp_path: Path) -> None:
    write(tmp_path, {"pkg/a.py": "x = 1\n"})
    (tmp_path / "pkg" / "up").symlink_to(tmp_path)
    (tmp_path / "one.py").symlink_to(tmp_path / "two.py")
    (tmp_path / "two.py").symlink_to(tmp_path / "one.py")
    assert findings(tmp_path) == []
    assert chanlint(tmp_path, "check", "one.py").returncode == 2


def test_names_that_are_not_text_are_shown_as_bytes(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"b\xff.py")).write_bytes(b"def f(: Queue\n")
    except OSError:
        pytest.skip("this file system takes only names that are UTF-8")
    assert [(code, name) for code, name, _ in findings(tmp_path)] == [("CHN000", "b\\xff.py")]
    concise = chanlint(tmp_path, "check", b"b\xff.py")
    assert concise.stdout.startswith(b"b\\xff.py:1:")
    assert b"b\\xff.py" in chanlint(tmp_path, "check", "--output-format", "full").stdout


def test_escape_sequences_in_names_and_source_are_made_visible(tmp_path: Path) -> None:
    name = "a\x1b[31m\u202e\n.py"
    write(tmp_path, {name: "x = '\x1b[2J\u202e\x07'\ndef f(: Queue \x1b[1m\n"})
    for form in ("full", "concise", "json", "json-lines"):
        done = chanlint(tmp_path, "check", "--output-format", form, "--color", "never")
        assert done.returncode == 1
        assert "\u202e" not in done.stdout.decode()
    assert b"a\\x1b[31m\\u202e\\x0a.py:" in chanlint(tmp_path, "check").stdout
    assert b"\\x1b" in chanlint(tmp_path, "check", "no\x1bpe").stderr


def test_nothing_under_analysis_is_imported_or_run(tmp_path: Path) -> None:
    bomb = "import pathlib\npathlib.Path('boom').write_text('x')\nimport queue\nq = queue.Queue()\n"
    write(tmp_path, {"queue.py": bomb, "libcst.py": bomb, "click.py": bomb, "setup.py": bomb, "conftest.py": bomb})
    script = Path(sys.executable).parent / "chanlint"
    command = [str(script)] if script.exists() else [sys.executable, "-I", "-m", "chanlint"]
    done = subprocess.run([*command, "check", "--no-prefilter", "."], cwd=tmp_path, capture_output=True, timeout=LIMIT)
    assert done.returncode in (0, 1), done.stderr
    assert not (tmp_path / "boom").exists()


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    write(tmp_path, {f"f{n:04}.py": "def f(: Queue\n" for n in range(600)})
    command = " ".join([*CHANLINT, "check", "|", "head", "-n", "1"])
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=LIMIT)
    assert done.stdout.startswith(b"f0000.py:1:")
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def test_an_output_that_cannot_hold_the_text_gets_escapes(tmp_path: Path) -> None:
    write(tmp_path, {"é.py": "def f(: Queue é\n"})
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = chanlint(tmp_path, "check", "--output-format", "full", env=environment)
    assert done.returncode == 1
    assert b"--> \\xe9.py:1:" in done.stdout


def test_an_interrupt_ends_without_a_traceback(tmp_path: Path) -> None:
    write(tmp_path, {f"f{n}.py": "import queue\n" + "q = queue.Queue()\n" * 3000 for n in range(60)})
    process = subprocess.Popen([*CHANLINT, "check"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(2.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, err
    assert b"Traceback" not in err


def test_standard_input_through_a_pipe(tmp_path: Path) -> None:
    done = chanlint(tmp_path, "check", "-", "--stdin-filename", "new.py", input=b"def f(:\n")
    assert done.returncode == 1
    assert done.stdout.startswith(b"new.py:1:")


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_devices_are_not_read(tmp_path: Path, name: str) -> None:
    if not Path(name).exists():
        pytest.skip(f"there is no {name} here")
    assert findings(tmp_path, name) == [("CHN000", name, "cannot be read: not a regular file")]


@pytest.mark.parametrize("module", ["typing", "click", "libcst"])
def test_nothing_in_the_current_folder_is_imported(tmp_path: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text("raise SystemExit('imported')\n")
    command = [sys.executable, "-m", "chanlint", "check", "--isolated", "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "imported" not in done.stderr
