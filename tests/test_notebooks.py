"""Jupyter notebooks: what of them is Python, and where a finding in a cell is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import junitparser
import pytest

from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.pipeline import Result, run
from chanlint.frontends.base import Problem
from chanlint.frontends.python.notebook import cell_rows, in_cell, module_of
from chanlint.report.base import FORMATS

IMPORTS = "%matplotlib inline\nimport queue\nimport threading\n"
LEAK = """\
def handle(items):
    jobs = queue.Queue()

    def work():
        while True:
            é = 1; job = jobs.get()
            if job is None:
                break

    threading.Thread(target=work, daemon=True).start()
    for item in items:
        jobs.put(item)
"""
PYTHON = {"language_info": {"name": "python"}}


def notebook(*cells: str | Sequence[str], metadata: object = PYTHON, first: Sequence[Any] = ()) -> bytes:
    listed = [{"cell_type": "code", "source": source, "outputs": []} for source in cells]
    return json.dumps({"cells": [*first, *listed], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def module(*cells: str | Sequence[str], **rest: Any) -> str:
    made = module_of(notebook(*cells, **rest))
    assert isinstance(made, bytes)
    return made.decode()


def checked(folder: Path, **settings: Any) -> Result:
    return run(Settings(cwd=str(folder), project_root=str(folder), **settings), FileSystem())


def chanlint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chanlint", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


# -- what of it is Python ---------------------------------------------------------------------------------------------------


def test_code_cells_are_one_module_and_others_are_left_out() -> None:
    text = {"cell_type": "markdown", "source": ["# title"]}
    made = module(["import queue\n", "q = 1"], "q\r\nq\n", first=[text, "nonsense", {"cell_type": "code"}])
    assert made == "\n# chanlint: cell 1\n\n# chanlint: cell 2\nimport queue\nq = 1\n# chanlint: cell 3\nq\nq\n"
    rows = made.split("\n")
    assert cell_rows(rows) == [2, 4, 7]
    assert [in_cell([2, 4, 7], row) for row in (1, 3, 5, 6, 9)] == [(1, 1), (1, 1), (2, 1), (2, 2), (3, 2)]


@pytest.mark.parametrize(
    ("row", "python"),
    [
        ("%time f()", "pass"),
        ("    %time f()", "    pass"),
        ("!ls -l", "pass"),
        ("?f", "pass"),
        ("f.g?", "pass"),
        ("f.g??  ", "pass"),
        ("files = !ls", "files = None"),
        ("a, b = %env", "a, b = None"),
        ("x[0] = %env", "x[0] = None"),
        ("# %time", "# %time"),
        ("x = a % b", "x = a % b"),
        ("x = a != b", "x = a != b"),
        ("print('really?')", "print('really?')"),
        ("# chanlint: skip-file", "# chanlint: skip-file"),
    ],
)
def test_what_only_ipython_understands_is_blanked_row_by_row(row: str, python: str) -> None:
    assert module(row).split("\n")[2] == python


def test_an_operator_at_the_left_of_a_row_is_no_magic() -> None:
    assert module("x = (7\n     % 4)\n%time\n").split("\n")[2:-1] == ["x = (7", "     % 4)", "pass"]


def test_a_magic_that_goes_on_is_blanked_as_a_whole() -> None:
    assert module("!find . \\\n  -name x \\\n  -print\ny = 1").split("\n")[2:-1] == ["pass", "", "", "y = 1"]


def test_cells_of_other_programs_are_left_out_and_timed_ones_are_not() -> None:
    made = module("%%bash\nfor i in *; do echo; done", "%%time\nx = 1", "\n%%html\n<b>").split("\n")
    assert made == [
        "",
        "# chanlint: cell 1",
        "",
        "",
        "# chanlint: cell 2",
        "pass",
        "x = 1",
        "# chanlint: cell 3",
        "",
        "",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("metadata", "read"),
    [
        ({"language_info": {"name": "python"}}, True),
        ({"kernelspec": {"language": "python"}}, True),
        ({"kernelspec": {"language": "R"}}, False),
        ({"language_info": {"name": "julia"}, "kernelspec": {"language": "python"}}, False),
        ({"language_info": {"name": 3}}, True),
        ({}, True),
        ([], True),
    ],
)
def test_notebooks_of_other_languages_hold_nothing(metadata: object, read: bool) -> None:
    assert (module("x = 1", metadata=metadata) != "") is read


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "not a notebook: Expecting property name"),
        (b"\xff\xfe", "not a notebook"),
        (b"[" * 200_000, "not a notebook"),
        (b"[]", "it has no cells"),
        (b'{"worksheets": []}', "not a notebook of format 4: it has no cells"),
        (b'{"cells": {}}', "it has no cells"),
    ],
)
def test_what_is_no_notebook_is_a_problem_in_one_line(data: bytes, says: str) -> None:
    problem = module_of(data)
    assert isinstance(problem, Problem)
    assert says in problem.message and "\n" not in problem.message


def test_a_broken_notebook_is_a_finding_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "broken.ipynb").write_text("{")
    (tmp_path / "old.ipynb").write_text('{"worksheets": []}')
    (tmp_path / "cell.ipynb").write_bytes(notebook("x = 1", "import queue\nqueue.Queue(\n"))
    (tmp_path / "fine.ipynb").write_bytes(notebook(IMPORTS, LEAK))
    found = {(one.code, one.filename, one.cell) for one in checked(tmp_path).diagnostics}
    assert found == {
        ("CHN000", "broken.ipynb", None),
        ("CHN000", "old.ipynb", None),
        ("CHN000", "cell.ipynb", 2),
        ("CHN101", "fine.ipynb", 2),
    }


def test_comments_count_in_cells(tmp_path: Path) -> None:
    silenced = LEAK.replace(".start()\n", ".start()  # chanlint: ignore[CHN101] a demonstration\n")
    (tmp_path / "a.ipynb").write_bytes(notebook(IMPORTS, silenced))
    (tmp_path / "b.ipynb").write_bytes(notebook("x = 1", "# chanlint: ignore[CHN101]"))
    (tmp_path / "c.ipynb").write_bytes(notebook("# chanlint: skip-file", IMPORTS, LEAK))
    (found,) = checked(tmp_path).diagnostics
    assert (found.code, found.filename, found.cell, found.location.row) == ("CHN001", "b.ipynb", 2, 1)


# -- where a finding is shown -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.ipynb").write_bytes(notebook(IMPORTS, LEAK))
    return tmp_path


MESSAGE = "a thread per call of handle stays blocked on queue 'jobs': it is never closed"
_SHOWN = {
    "full": "--> a.ipynb:cell 2:10:5\n",
    "concise": f"a.ipynb:cell 2:10:5: CHN101 {MESSAGE}\n",
    "flake8": f"a.ipynb:cell 2:10:5: CHN101 {MESSAGE}\n",
    "grouped": f"a.ipynb:cell 2:\n  10:5  CHN101 {MESSAGE}\n",
    "pylint": "a.ipynb:cell 2:10: [CHN101(unclosed-channel), a.handle]",
    "json": '"filename": "a.ipynb", "cell": 2, "location": {"row": 10, "column": 5}',
    "json-lines": '"filename": "a.ipynb", "cell": 2, "location": {"row": 10, "column": 5}',
    "github": f"file=a.ipynb,line=10,endLine=10,col=5,endColumn=47,title=CHN101 unclosed-channel::cell 2: {MESSAGE}",
    "gitlab": f'"description": "CHN101: cell 2: {MESSAGE}"',
    "azure": f"sourcepath=a.ipynb;linenumber=10;columnnumber=5;code=CHN101;]cell 2: {MESSAGE}",
    "sarif": f'"text": "cell 2: {MESSAGE} ([cell 2: channel made here](1)',
    "junit": f"a.ipynb:10:5: CHN101 cell 2: {MESSAGE}",
    "rdjson": f'"message": "cell 2: {MESSAGE}"',
}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_names_the_cell(folder: Path, name: str) -> None:
    done = chanlint(folder, "check", "--output-format", name)
    assert done.returncode == 1
    assert _SHOWN[name] in done.stdout


def test_excerpts_and_columns_are_those_of_the_cell(folder: Path) -> None:
    full = chanlint(folder, "check", "--output-format", "full").stdout
    assert "\n 6 |             é = 1; job = jobs.get()\n" in full
    (found,) = json.loads(chanlint(folder, "check", "--output-format", "rdjson").stdout)["diagnostics"]
    receive = next(at for at in found["relatedLocations"] if at["message"] == "cell 2: blocks here")
    assert receive["location"]["range"]["start"] == {"line": 6, "column": 27}, "the é before it has two bytes"


def test_a_file_with_a_finding_passes_no_test(folder: Path) -> None:
    (suite,) = junitparser.JUnitXml.fromstring(chanlint(folder, "check", "--output-format", "junit").stdout.encode())
    assert [case.classname for case in suite] == ["a.ipynb"]


def test_a_row_of_a_cell_is_explained(folder: Path) -> None:
    for row in (2, 6, 10):
        lines = chanlint(folder, "explain", f"a.ipynb:cell 2:{row}:1").stdout.splitlines()
        assert lines[0] == "a.ipynb:cell 2:10: reported as CHN101 unclosed-channel, error, confidence high"
        assert "  a.ipynb:cell 2:2: channel made here" in lines
    assert chanlint(folder, "explain", "a.ipynb:cell 1:2").stdout.startswith("a.ipynb:cell 1:2: no channel is made")
    done = chanlint(folder, "explain", "a.ipynb:2")
    assert done.returncode == 2 and "count from the top of their cell: 'a.ipynb:cell 1:2'" in done.stderr


def test_a_cleared_channel_is_shown_in_its_cell(folder: Path) -> None:
    (folder / "a.ipynb").write_bytes(notebook(IMPORTS, LEAK.partition("    for item")[0] + "    jobs.put(None)\n"))
    (line,) = [one.line() for one in checked(folder).cleared()]
    assert line.startswith("a.ipynb:cell 2:2:12: jobs: ") and line.endswith("(a.ipynb:cell 2:11:5)")


def test_comments_are_not_written_into_notebooks(folder: Path) -> None:
    before = (folder / "a.ipynb").read_bytes()
    done = chanlint(folder, "check", "--add-ignores", "old")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "chanlint: a.ipynb: comments are not written into notebooks")
    assert (folder / "a.ipynb").read_bytes() == before


def test_a_module_that_a_notebook_uses_is_followed(folder: Path) -> None:
    (folder / "jobs.py").write_text("import queue\n\n\ndef make():\n    return queue.Queue()\n")
    using = LEAK.replace("queue.Queue()", "jobs_module.make()")
    (folder / "a.ipynb").write_bytes(notebook("import threading\nimport jobs as jobs_module\n", using))
    (found,) = checked(folder, paths=("a.ipynb",)).diagnostics
    assert (found.code, found.cell) == ("CHN101", 2)
    assert [(at.filename, at.cell) for at in found.related if at.role == "created"] == [("jobs.py", None)]
