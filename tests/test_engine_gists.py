"""Edits of files that are not read closely: where such a file means the same, so does the result, and nothing is run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from chanlint.engine import cache, gists, trace
from chanlint.engine.cache import run_cached
from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.gists import Gists
from chanlint.engine.notes import Note
from chanlint.engine.pipeline import run
from chanlint.engine.result import Result
from chanlint.engine.store import FOLDER
from engine_fakes import write

MAKER = "import queue\n\n\ndef make():\n    return queue.Queue()\n"
USER = """\
import threading

from maker import make


def handle(items):
    q = make()
    threading.Thread(target=work, args=(q,)).start()


def work(q):
    while True:
        print(q.get())
"""
BYSTANDER = "import os\n\nmake = os.sep\n"
"""It holds a name that is searched for, so that somebody wants to know what it imports."""
HIDDEN = "from other import Queue\n\nfound = Queue()\n"
OTHER = "class Queue:\n    pass\n"
"""It holds the name of a constructor, which is another's."""
NOTEBOOK = {"cells": [{"cell_type": "code", "source": ["x = 1\n"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    texts = {
        "maker": MAKER,
        "user": USER,
        "bystander": BYSTANDER,
        "hidden": HIDDEN,
        "plain": "x = 1\n",
        "other": OTHER,
    }
    write(tmp_path, {"pyproject.toml": "", "book.ipynb": json.dumps(NOTEBOOK)})
    write(tmp_path, {f"{name}.py": text for name, text in texts.items()})
    return tmp_path


@pytest.fixture
def whole_runs(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of the runs from now on that look at everything."""
    done: list[Settings] = []
    honest = cache._Memory.work

    def work(self: cache._Memory, *args: object, **more: object) -> object:
        done.append(self._settings)
        return honest(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(cache._Memory, "work", work)
    return done


def settings_for(root: Path, *paths: str, **more: object) -> Settings:
    return Settings(paths=paths or (".",), cwd=str(root), **more)  # type: ignore[arg-type]


def shown(result: Result) -> str:
    sources = [result.source(one.filename) for one in result.diagnostics]
    texts = [source.text for source in sources if source is not None]
    return repr((result.diagnostics, texts, result.report.names, result.with_channels, result.skipped, result.limits))


def checked(settings: Settings) -> Result:
    """A run that remembers; it says what a run that does not says."""
    result = run_cached(settings, FileSystem())
    assert shown(result) == shown(run(settings._replace(no_cache=True), FileSystem()))
    return result


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("plain.py", "x = 2\n"),
        ("plain.py", "# a comment\nx = 1\n"),
        ("plain.py", "import re\nx = 1\n"),  # nobody has asked what it imports
        ("plain.py", "def broken(\n"),  # it is not parsed
        ("plain.py", ""),
        ("bystander.py", BYSTANDER + "x = 2\n"),
        ("hidden.py", HIDDEN.replace("found =", "kept =")),
        ("other.py", OTHER + "\n\nx = 2\n"),
    ],
)
def test_what_means_the_same_costs_no_run(project: Path, whole_runs: list[Settings], file: str, text: str) -> None:
    settings = settings_for(project)
    assert [one.code for one in checked(settings).diagnostics] == ["CHN101"]
    for content in (text, (project / file).read_text(), text):
        write(project, {file: content})
        checked(settings)
        checked(settings)
    assert len(whole_runs) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("plain.py", "make = 2\n"),  # a name that is searched for
        ("plain.py", "from maker import make\n"),
        ("plain.py", MAKER),
        ("plain.py", "x = 1  # chanlint: ignore[CHN101]\n"),
        ("bystander.py", "import os\n\nmade = os.sep\n"),
        ("bystander.py", "import os\nimport maker\n\nmake = os.sep\n"),
        ("other.py", "Queue = list\n"),
        ("hidden.py", "from queue import Queue\n\nfound = Queue()\n"),
        ("hidden.py", HIDDEN + "y = nobody.Queue()\n"),
        ("user.py", USER.replace("    q = make()\n", "    q = make()\n    q.put(1)\n")),  # it is read closely
        ("user.py", "# a comment\n" + USER),
        ("maker.py", MAKER.replace("queue.Queue()", "[]")),
        ("more.py", "x = 1\n"),
        (".gitignore", "plain.py\n"),
        ("chanlint.toml", "min-confidence = 'low'\n"),
        ("book.ipynb", json.dumps(NOTEBOOK).replace("x = 1", "x = 2")),  # as all notebooks are
    ],
)
def test_what_means_something_else_is_looked_at(project: Path, whole_runs: list[Settings], file: str, text: str) -> None:
    settings = settings_for(project)
    checked(settings)
    write(project, {file: text})
    checked(settings)
    assert len(whole_runs) == 2
    checked(settings)
    assert len(whole_runs) == 2


def test_an_ignore_file_is_no_file_like_others(project: Path, whole_runs: list[Settings]) -> None:
    write(project, {".gitignore": "nothing\n"})
    settings = settings_for(project)
    checked(settings)
    write(project, {".gitignore": "user.py\n"})
    assert checked(settings).diagnostics == []
    assert len(whole_runs) == 2


def test_a_file_that_is_named_is_read_closely(project: Path, whole_runs: list[Settings]) -> None:
    settings = settings_for(project, "plain.py")
    checked(settings)
    write(project, {"plain.py": "def broken(\n"})
    assert [one.code for one in checked(settings).diagnostics] == ["CHN000"]
    assert len(whole_runs) == 2


@pytest.mark.parametrize("more", [{"prefilter": False}, {"single_file": True}])
def test_so_are_all_where_that_is_asked_for(project: Path, whole_runs: list[Settings], more: dict[str, object]) -> None:
    settings = settings_for(project, **more)
    checked(settings)
    write(project, {"plain.py": "x = 2\n"})
    checked(settings)
    assert len(whole_runs) == 2


def test_each_request_has_its_own(project: Path, whole_runs: list[Settings]) -> None:
    one, other = settings_for(project), settings_for(project, "plain.py", "maker.py")
    checked(one)
    checked(other)
    write(project, {"plain.py": "x = 2\n"})
    checked(one)
    checked(other)
    assert whole_runs == [one, other, other]


def test_edits_add_up(project: Path, whole_runs: list[Settings]) -> None:
    settings = settings_for(project)
    checked(settings)
    write(project, {"plain.py": "x = 2\n"})
    write(project, {"bystander.py": BYSTANDER + "x = 3\n"})
    checked(settings)
    write(project, {"plain.py": "x = 4\n", "other.py": OTHER + "\n\nx = 2\n"})
    checked(settings)
    assert len(whole_runs) == 1
    write(project, {"plain.py": "x = 5\n", "user.py": USER + "\n\nwork(None)\n"})
    checked(settings)
    assert len(whole_runs) == 2


def test_many_edits_are_looked_at_together(project: Path, whole_runs: list[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MANY_EDITS", 1)
    settings = settings_for(project)
    checked(settings)
    write(project, {"plain.py": "x = 2\n", "other.py": OTHER + "\n\nx = 2\n"})
    checked(settings)
    assert len(whole_runs) == 2


def test_with_several_processes_too(project: Path, whole_runs: list[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MANY_FOLDERS", 2)
    monkeypatch.setattr(cache, "MANY_FILES", 1)
    write(project, {f"package/part{number}/__init__.py": "x = 1\n" for number in range(6)})
    settings = settings_for(project, jobs=2)
    checked(settings)
    write(project, {"package/part5/__init__.py": "x = 2\n", "package/part0/__init__.py": "x = 3\n"})
    checked(settings)
    checked(settings)
    assert len(whole_runs) == 1
    write(project, {"package/part5/__init__.py": "from maker import make\n"})
    checked(settings)
    assert len(whole_runs) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="whoever may read everything sees no difference")
def test_a_file_that_cannot_be_read_any_more(project: Path, whole_runs: list[Settings]) -> None:
    settings = settings_for(project)
    checked(settings)
    (project / "plain.py").chmod(0)
    assert [one.code for one in checked(settings).diagnostics] == ["CHN000", "CHN101"]
    assert len(whole_runs) == 2


@pytest.mark.parametrize("damage", [b"", b"chanlint gists 1 00000000\n[]", None])
def test_without_gists_everything_is_looked_at(project: Path, whole_runs: list[Settings], damage: bytes | None) -> None:
    settings = settings_for(project)
    checked(settings)
    for path in (project / FOLDER / gists.KIND).iterdir():
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage)
    write(project, {"plain.py": "x = 2\n"})
    checked(settings)
    assert len(whole_runs) == 2


@pytest.mark.parametrize("gist", [1, [], "", "[", "[]", '["",[],true,false]', "[" * 100_000])
def test_a_gist_that_is_none_fits_nothing(project: Path, gist: object) -> None:
    known = Gists(["make"], [], {"bystander.py": gist})  # type: ignore[dict-item]
    again = Gists.read(known.write("basis"), "basis")
    contents = {str(project / "bystander.py"): BYSTANDER.encode()}
    assert again is not None and not again.fit(contents, settings_for(project, "bystander.py"))


# -- as text ----------------------------------------------------------------------------------------------------------------


def test_gists_are_read_as_they_were_written() -> None:
    known = Gists.of({"b", "a"}, {"x.py": "", "y.py": '["n",[],true,false,"0"]', "z.py": ""}, {"z.py"})
    text = known.write("basis")
    again = Gists.read(text, "basis")
    assert again is not None and again.write("basis") == text
    assert Gists.read(text, "another basis") is None
    assert Gists.read(text[:-1], "basis") is None
    assert b"z.py" not in text


def test_a_gist_tells_what_was_asked() -> None:
    assert Note("", "", "").gist([]) == ""
    noted = [Note("", "", "n"), Note("", "", "", ("[]", "", "")), Note("", "", "", ("[]", "[[],[],false]", ""))]
    told = [note.gist(words) for note in noted for words in ([], ["make"])]
    assert len({*told, ""}) == 7
