"""The cache: whatever changes, a remembered result is the one that a fresh run finds."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from chanlint.cli import main
from chanlint.diagnostics import Confidence
from chanlint.engine import cache, store, trace
from chanlint.engine.answers import read_answer, write_answer
from chanlint.engine.cache import run_cached
from chanlint.engine.config import Settings
from chanlint.engine.errors import ConfigurationError
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.pipeline import run
from chanlint.engine.result import Result
from chanlint.engine.store import FOLDER, Store
from chanlint.report.base import FORMATS, Context, format_named
from engine_fakes import QUEUE, write

LEAK = """\
import queue
import threading


def handle(items):
    q = queue.Queue()

    def work():
        while True:
            item = q.get()
            if item is None:
                return

    threading.Thread(target=work).start()
    for item in items:
        q.put(item)
"""
REPAIRED = LEAK + "    q.put(None)\n"
HOLDER = "import queue\n\n\nclass Box:\n    def __init__(self):\n        self.items = queue.Queue()\n"
USER = LEAK.replace("q = queue.Queue()", "q = make()").replace("import queue", "from maker import make")
MAKER = "import queue\n\n\ndef make():\n    return queue.Queue()\n"
OWN = "from shop import Till\n" + LEAK.replace("queue.Queue()", "Till()").replace("import queue\n", "")
OWN_CHANNEL = '[[channels]]\nname = "shop.Till"\nlike = "queue.Queue"\n'
PLAIN = "def nothing():\n    return 1\n"
SILENCED = LEAK.replace("q = queue.Queue()", "q = queue.Queue()  # chanlint: ignore[CHN101] on purpose")
USELESS = "x = 1  # chanlint: ignore[CHN101] nothing here\n"
BROKEN = "import queue\nqueue.Queue(\n"
CONTENTS = (LEAK, REPAIRED, HOLDER, USER, MAKER, OWN, PLAIN, SILENCED, USELESS, BROKEN)


def settings_for(root: Path, *paths: str, **more: object) -> Settings:
    return Settings(paths=paths or (".",), cwd=str(root), **more)  # type: ignore[arg-type]


def remembered(settings: Settings) -> Result:
    return run_cached(settings, FileSystem())


def fresh(settings: Settings) -> Result:
    return run(settings._replace(no_cache=True), FileSystem())


def shown(result: Result) -> dict[str, str]:
    """The result in every format, and all that is told besides."""
    context = Context(source=result.source, checked=lambda: result.report.names)
    texts = {name: format_named(name)(result.diagnostics, context) for name in FORMATS}
    rest = (
        result.report.names,
        result.with_channels,
        result.skipped,
        result.limits,
        result.docs_url,
        result.report.paths,
        result.known,
    )
    return texts | {"rest": repr(rest), "modules": repr(sorted(result.report.modules)), "stale": repr(result.stale)}


def outcome(check: Callable[[Settings], Result], settings: Settings) -> dict[str, str] | str:
    """The result, or the error that users are told."""
    try:
        return shown(check(settings))
    except ConfigurationError as error:
        return str(error)


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, looking at files anew is a failure."""

    def forbid() -> None:
        def work(self: object, progress: object, **more: object) -> None:
            raise AssertionError("looked anew")

        monkeypatch.setattr(cache._Memory, "work", work)

    return forbid


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is young: tests need not wait."""
    monkeypatch.setattr(trace, "YOUNG", -(10**15))
    monkeypatch.setattr(cache, "YOUNG", -(10**15))


# -- the same as without -----------------------------------------------------------------------------------------------------


ACTIONS = ("edit", "edit", "keep time", "add", "remove", "rename", "configure", "configure", "ignore", "settings", "rest")
CONFIGURATIONS = (
    "",
    'select = ["CHN101"]\n',
    'target-version = "3.13"\n',
    'exclude = ["pkg"]\n',
    'severity = {CHN101 = "info"}\n',
    'extend = "../base.toml"\n',
    '[per-file-ignores]\n"a.py" = ["CHN1"]\n',
    "select = 1\n",
    OWN_CHANNEL,
    OWN_CHANNEL,
)
IGNORES = ("", "b.py\n", "*.py\n!a.py\n", "new/\n")


class Walk:
    """A project that changes at random."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.chance = random.Random(seed)
        self.more: dict[str, object] = {}
        write(root, {"pyproject.toml": "", "maker.py": MAKER, "a.py": USER, "pkg/__init__.py": "", "pkg/b.py": LEAK})

    def names(self) -> list[Path]:
        return sorted(path for path in self.root.rglob("*.py") if FOLDER not in path.parts)

    def step(self) -> str:
        """Changes something, and says what."""
        chance, root = self.chance, self.root
        names = self.names()
        action = chance.choice(ACTIONS)
        if action in ("edit", "keep time") and names:
            path = chance.choice(names)
            status = path.stat()
            old = path.read_text()
            new = old.replace("q.put(None)", "q.put(1234)") if action == "keep time" else chance.choice(CONTENTS)
            path.write_text(new)
            if action == "keep time":
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        elif action == "add":
            folder = chance.choice(["", "pkg/", "new/", "__pycache__/", "build/"])
            write(root, {f"{folder}{chance.choice(['c', 'd', 'e', 'shop'])}.py": chance.choice(CONTENTS)})
        elif action == "remove" and names:
            chance.choice(names).unlink()
        elif action == "rename" and names:
            path = chance.choice(names)
            path.rename(path.with_name(f"r{chance.randrange(9)}.py"))
        elif action == "configure":
            write(root.parent, {"base.toml": 'ignore = ["CHN102"]\n'})
            (root / chance.choice(["", "pkg"])).mkdir(exist_ok=True)
            write(root, {chance.choice(["chanlint.toml", "pkg/chanlint.toml"]): chance.choice(CONFIGURATIONS)})
        elif action == "ignore":
            write(root, {chance.choice([".gitignore", "pkg/.gitignore"]): chance.choice(IGNORES)})
        elif action == "settings":
            choices: list[dict[str, object]] = [{}, {"target_version": (3, 13)}, {"min_confidence": Confidence.LOW}]
            choices += [{"select": ("CHN101",)}, {"isolated": True}, {"prefilter": False}, {"cache_strict": True}]
            self.more = chance.choice(choices)
        return action


@pytest.mark.parametrize("seed", range(3))
def test_whatever_changes_a_remembered_result_is_what_a_fresh_run_finds(tmp_path: Path, seed: int) -> None:
    walk = Walk(tmp_path / "project", seed)
    done = []
    for _ in range(45):
        done.append(walk.step())
        path = walk.chance.choice([".", "pkg"]) if (walk.root / "pkg").is_dir() else "."
        settings = settings_for(walk.root, path, **walk.more)
        once, twice = outcome(remembered, settings), outcome(remembered, settings)
        expected = outcome(fresh, settings)
        assert once == expected, done
        assert twice == expected, done


def test_own_channels_and_ignore_files_are_part_of_what_was_seen(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": OWN, "chanlint.toml": ""})

    def findings() -> int:
        return len(remembered(settings_for(tmp_path)).diagnostics)

    assert [findings(), findings()] == [0, 0]
    write(tmp_path, {"chanlint.toml": OWN_CHANNEL})
    assert [findings(), findings()] == [1, 1]
    write(tmp_path, {".gitignore": "a.py\n", "b.py": ""})
    assert [findings(), findings()] == [0, 0]
    write(tmp_path, {".gitignore": ""})
    assert [findings(), findings()] == [1, 1]


@pytest.mark.usefixtures("patient")
def test_the_same_holds_where_marks_alone_are_compared(tmp_path: Path) -> None:
    """With the window of young files closed, too: the change time tells an edit that keeps size and time."""
    walk = Walk(tmp_path / "project", 7)
    for _ in range(25):
        time.sleep(0.02)  # a tick of the coarsest clock of a kernel
        walk.step()
        settings = settings_for(walk.root, **walk.more)
        assert outcome(remembered, settings) == outcome(fresh, settings)


def test_nothing_is_looked_at_anew_where_nothing_changed(tmp_path: Path, no_work: Callable[[], None]) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK, "b.py": PLAIN, ".gitignore": "x\n"})
    settings = settings_for(tmp_path)
    expected = shown(remembered(settings))
    no_work()
    for name in ("notes.txt", ".mypy_cache/x.py", "__pycache__/a.pyc"):
        write(tmp_path, {name: "not of interest"})
        assert shown(remembered(settings)) == expected
    os.utime(tmp_path / "a.py", (1, 1))  # another time, the same content
    assert shown(remembered(settings)) == expected
    with pytest.raises(AssertionError, match="anew"):
        remembered(settings._replace(target_version=(3, 13)))
    (tmp_path / "c").mkdir()
    with pytest.raises(AssertionError, match="anew"):
        remembered(settings)


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    """Two edits within one tick of the clock leave the same mark; a young file is compared by its content."""
    write(tmp_path, {"pyproject.toml": "", "a.py": REPAIRED})
    settings = settings_for(tmp_path)
    status = (tmp_path / "a.py").stat()
    assert remembered(settings).diagnostics == []
    (tmp_path / "a.py").write_text(REPAIRED.replace("q.put(None)", "q.put(1234)"))
    os.utime(tmp_path / "a.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(remembered(settings).diagnostics) == 1


@pytest.mark.usefixtures("patient")
def test_strict_compares_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": REPAIRED})
    settings = settings_for(tmp_path)
    monkeypatch.setattr(trace, "mark_of", lambda status: str(status.st_size))  # a file system that knows sizes only
    assert remembered(settings).diagnostics == []
    write(tmp_path, {"a.py": REPAIRED.replace("q.put(None)", "q.put(1234)")})
    assert remembered(settings).diagnostics == []
    assert len(remembered(settings._replace(cache_strict=True)).diagnostics) == 1
    assert len(remembered(settings).diagnostics) == 1


def test_marks_are_put_right_once_a_file_is_no_longer_young(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK})
    settings = settings_for(tmp_path)
    remembered(settings)
    (entry,) = (tmp_path / FOLDER / "answers").iterdir()
    assert "M\t?" in entry.read_text()
    monkeypatch.setattr(trace, "YOUNG", -(10**15))
    monkeypatch.setattr(cache, "YOUNG", -(10**15))
    remembered(settings)
    assert "M\t?" not in entry.read_text()
    before = entry.stat().st_mtime_ns
    remembered(settings)
    assert entry.stat().st_mtime_ns == before


def test_other_code_of_chanlint_is_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    write(own, {"__init__.py": "", "rules/a.py": "1", "rules/.x/a.py": "1", "catalogue/b.toml": "1", "notes.md": "1"})
    monkeypatch.setattr(cache.version, "__file__", str(own / "__init__.py"))
    write(tmp_path, {"project/pyproject.toml": "", "project/a.py": LEAK})
    settings = settings_for(tmp_path / "project")
    looked = []
    honest = cache._Memory.work

    def work(self: cache._Memory, progress: None, *, whole: bool) -> object:
        looked.append(1)
        return honest(self, progress, whole=whole)

    monkeypatch.setattr(cache._Memory, "work", work)

    def looks() -> int:
        cache._Kin.now.cache_clear()
        looked.clear()
        remembered(settings)
        return len(looked)

    assert [looks(), looks()] == [1, 0]
    write(own, {"notes.md": "2", "rules/.x/a.py": "2"})
    os.utime(own / "rules" / "a.py", (1, 1))
    assert looks() == 0
    write(own, {"rules/a.py": "2"})
    assert [looks(), looks()] == [1, 0]
    write(own, {"catalogue/b.toml": "2"})
    assert looks() == 1
    shutil.rmtree(own)
    assert [looks(), looks()] == [1, 1]
    cache._Kin.now.cache_clear()


def test_the_baseline_is_applied_to_remembered_results(tmp_path: Path) -> None:
    write(tmp_path, {"chanlint.toml": 'baseline = "known.json"\n', "a.py": LEAK})
    identity = fresh(settings_for(tmp_path, isolated=True)).diagnostics[0].identity
    assert identity is not None
    entry = {"code": identity.code, "path": "a.py", "function": identity.function, "channel": identity.channel, "count": 1}
    write(tmp_path, {"known.json": json.dumps({"version": 1, "findings": [entry]})})
    settings = settings_for(tmp_path)
    for _ in range(2):
        result = remembered(settings)
        assert (result.diagnostics, result.known) == ([], 1)
    write(tmp_path, {"known.json": json.dumps({"version": 1, "findings": []})})
    result = remembered(settings)
    assert (len(result.diagnostics), result.known) == (1, 0)


def test_one_edit_costs_the_reading_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chanlint.engine import lowering

    long = LEAK + "\n\n".join(f"def f{n}():\n    return {n}" for n in range(200)) + "\n"
    write(tmp_path, {"pyproject.toml": "", "a.py": long, "b.py": long, "c.py": LEAK})
    remembered(settings_for(tmp_path))
    read: list[str] = []
    honest = lowering.lower_bytes

    def lower(module: str, data: bytes, target: tuple[int, int]) -> object:
        read.append(module)
        return honest(module, data, target)

    monkeypatch.setattr(lowering, "lower_bytes", lower)
    write(tmp_path, {"a.py": long + "# more\n"})
    settings = settings_for(tmp_path)
    result = shown(remembered(settings))
    assert {*read} == {"a.py"}
    assert result == shown(fresh(settings))


def test_what_was_written_to_meanwhile_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK})
    honest = trace.Watcher.entries

    def entries(self: trace.Watcher, folder: str) -> object:
        self.read(str(tmp_path / "a.py"))
        write(tmp_path, {"a.py": REPAIRED})
        return honest(self, folder)

    monkeypatch.setattr(trace.Watcher, "entries", entries)
    remembered(settings_for(tmp_path))
    assert not (tmp_path / FOLDER / "answers").exists()


@pytest.mark.parametrize("name", ["a\tb.py", "a\nb.py"])
def test_names_that_the_format_has_no_room_for_are_not_kept(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"pyproject.toml": "", name: LEAK})
    told: list[str] = []
    settings = settings_for(tmp_path)
    for _ in range(2):
        result = run_cached(settings, FileSystem(), tell=told.append)
        assert shown(result) == shown(fresh(settings))
    assert told == [f"no cache in {FOLDER}: a name with a control character"] * 2


def test_what_rests_on_a_file_outside_is_not_kept(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"base": 'ignore = ["CHN101"]\n', "p/chanlint.toml": 'extend = "../base"\n', "p/a.py": LEAK, "p/b.py": USELESS},
    )
    told: list[str] = []
    result = run_cached(settings_for(tmp_path / "p"), FileSystem(), tell=told.append)
    assert told == [f"no cache in {FOLDER}: something lies outside the project"]
    assert shown(result) == shown(fresh(settings_for(tmp_path / "p")))


def test_crashes_and_missing_paths_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK})
    assert remembered(settings_for(tmp_path, "a.py", "gone.py")).missing == ["gone.py"]
    assert not (tmp_path / FOLDER / "answers").exists()
    shutil.rmtree(tmp_path / FOLDER)
    monkeypatch.setattr("chanlint.model.build.build_model", lambda *given: 1 / 0)
    assert remembered(settings_for(tmp_path)).crashes
    monkeypatch.undo()
    assert not remembered(settings_for(tmp_path)).crashes
    assert len(remembered(settings_for(tmp_path)).diagnostics) == 1


def test_unreadable_files_are_part_of_what_was_seen(tmp_path: Path, no_work: Callable[[], None]) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK, "b.py": LEAK})
    (tmp_path / "b.py").chmod(0)
    if os.access(tmp_path / "b.py", os.R_OK):  # nothing is unreadable for root: a file may still be too large
        with (tmp_path / "b.py").open("r+b") as file:
            file.truncate(17 << 20)
    settings = settings_for(tmp_path)
    expected = shown(remembered(settings))
    assert "CHN000" in expected["concise"]
    no_work()
    assert shown(remembered(settings)) == expected


# -- several at once ---------------------------------------------------------------------------------------------------------


def test_runs_at_the_same_time_agree(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", **{f"m{n}.py": LEAK for n in range(5)}})
    command = [sys.executable, "-m", "chanlint", "check", "--output-format", "json", str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(5)]
    outputs = {process.communicate()[0] for process in running}
    assert len(outputs) == 1
    assert subprocess.run(command, capture_output=True).stdout in outputs
    left = [path.name for path in (tmp_path / FOLDER).rglob("*") if path.name.endswith(".tmp")]
    assert left == []


# -- caches that nobody meant well -------------------------------------------------------------------------------------------


def _entry(root: Path) -> Path:
    (entry,) = (root / FOLDER / "answers").iterdir()
    return entry


def _signed(body: str) -> bytes:
    return f"{cache._head(body)}\n{body}".encode("utf-8", "surrogateescape")


def _damages() -> dict[str, Callable[[str], bytes]]:
    def line(number: int, text: str) -> Callable[[str], bytes]:
        def change(body: str) -> bytes:
            lines = body.split("\n")
            lines[number] = text
            return _signed("\n".join(lines))

        return change

    return {
        "empty": lambda body: b"",
        "garbage": lambda body: bytes(range(256)) * 50,
        "cut short": lambda body: _signed(body)[:-100],
        "nothing but a head": lambda body: _signed(""),
        "one line": lambda body: _signed("x"),
        "another request": line(0, "0.1.0"),
        "other code": lambda body: _signed(
            "\n".join(["x" if n in (1, 2) else part for n, part in enumerate(body.split("\n"))])
        ),
        "no answer": line(3, "[]"),
        "no JSON": line(3, "{"),
        "deep": line(3, "[" * 100_000),
        "deeper": line(3, '{"diagnostics":' + "[" * 100_000 + "]" * 100_000 + "}"),
        "unknown field": line(3, '{"evil": 1}'),
        "wrong type": line(3, '{"diagnostics": 1}'),
        "wrong number": line(3, '{"with_channels": true}'),
        "large number": line(3, '{"with_channels": ' + "9" * 5000 + "}"),
        "no diagnostic": line(3, '{"diagnostics": [[1, 2, 3, 4, 5, 6, 7, 8, 9]]}'),
        "no text": line(3, '{"skipped": [1]}'),
        "no table": line(3, '{"limits": []}'),
        "long text": line(3, json.dumps({"skipped": ["x" * 100_000]})),
        "bad code": lambda body: _signed(body.replace('["CHN', '["\\u001b[2JCHN')),
        "bad actor": lambda body: _signed(body.replace('["thread"', '["thr\\u001bead"')),
        "bad severity": lambda body: _signed(body.replace('"error"', '"worst"').replace('"warning"', '"worst"')),
        "foreign folder": line(-2, "F\t/etc\tpasswd"),
        "foreign file": line(-2, "C\t/etc/passwd\t?\tx"),
        "climbing file": lambda body: _signed(body + "C\t" + "x/../../etc/passwd\t?\tx\n"),
        "unknown line": line(-2, "Z\tx"),
        "name with a folder": lambda body: _signed(body.replace("\ta.py", "\t../a.py")),
        "name of the parent": lambda body: _signed(body.replace("\ta.py", "\t../")),
        "marks are missing": lambda body: _signed("\n".join(each for each in body.split("\n") if not each.startswith("M"))),
        "too few digests": lambda body: _signed(body.replace("\nH\t", "\nH\tx\t")),
    }


@pytest.mark.parametrize("damage", _damages())
def test_a_cache_that_makes_no_sense_is_as_if_it_were_not_there(tmp_path: Path, damage: str) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK})
    settings = settings_for(tmp_path)
    expected = shown(remembered(settings))
    entry = _entry(tmp_path)
    good = entry.read_bytes()
    body = good.decode().partition("\n")[2]
    assert _signed(body) == good
    entry.write_bytes(_damages()[damage](body))
    assert entry.read_bytes() != good
    assert shown(remembered(settings)) == expected
    assert _entry(tmp_path).read_bytes().startswith(b"chanlint answer")


def test_a_cache_names_no_file_to_print(tmp_path: Path) -> None:
    """Even one whose trace holds: texts come from the project's own files, and from those with the content that was seen."""
    (tmp_path / "secret.py").write_text("password\n")
    write(tmp_path / "project", {"pyproject.toml": "", "a.py": LEAK})
    settings = settings_for(tmp_path / "project")
    remembered(settings)
    entry = _entry(tmp_path / "project")
    body = entry.read_bytes().decode().partition("\n")[2]
    digest = trace.digest_of(b"password\n")
    secret = tmp_path / "secret.py"
    entry.write_bytes(_signed(body.replace('"a.py"', json.dumps(str(secret))) + f"C\t{secret}\t?\t{digest}\n"))
    result = remembered(settings)
    assert [one.filename for one in result.diagnostics] == ["a.py"]
    assert result.source(str(secret)) is None
    assert remembered(settings).source("a.py") is not None
    lasting = remembered(settings)
    write(tmp_path / "project", {"a.py": PLAIN})
    assert lasting.source("a.py") is None  # no excerpt of another text
    (tmp_path / "project" / "a.py").unlink()
    assert remembered(settings_for(tmp_path / "project")).diagnostics == []


def test_control_characters_of_a_cache_do_not_reach_a_terminal(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK})
    settings = settings_for(tmp_path)
    message = remembered(settings).diagnostics[0].message
    entry = _entry(tmp_path)
    body = entry.read_bytes().decode().partition("\n")[2]
    entry.write_bytes(_signed(body.replace(json.dumps(message), '"\\u001b[2J"')))
    found = shown(remembered(settings))
    for name in FORMATS:
        assert "\x1b" not in found[name], name


def test_a_kept_file_that_is_damaged_is_read_anew(tmp_path: Path) -> None:
    long = LEAK + "\n\n".join(f"def f{n}():\n    return {n}" for n in range(200)) + "\n"
    write(tmp_path, {"pyproject.toml": "", "a.py": long})
    settings = settings_for(tmp_path)
    expected = shown(remembered(settings))
    (kept,) = (tmp_path / FOLDER / "lowered").iterdir()
    good = kept.read_bytes()
    for bad in (good[:-1], b"", b"\n", good.replace(b"Queue", b"Quiet"), trace.digest_of(b"[]").encode() + b"\n[]"):
        shutil.rmtree(tmp_path / FOLDER / "answers")
        kept.write_bytes(bad)
        assert shown(remembered(settings)) == expected


def test_only_a_folder_of_the_users_own_is_used(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK})
    told: list[str] = []

    def used() -> bool:
        told.clear()
        run_cached(settings_for(tmp_path), FileSystem(), tell=told.append)
        return not told

    folder = tmp_path / FOLDER
    folder.mkdir(mode=0o700)
    assert used()
    folder.chmod(0o777)
    assert not used()
    assert told == [f"no cache in {FOLDER}: others may write to it"]
    folder.chmod(0o700)
    (folder / "answers").chmod(0o777)
    assert Store(str(folder)).read("answers", "0" * 16) is None
    shutil.rmtree(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    assert not used()
    assert told == [f"no cache in {FOLDER}: it is no folder"]
    assert list(elsewhere.iterdir()) == []
    folder.unlink()
    write(folder, {"mine.txt": "x"})
    assert not used()
    assert told == [f"no cache in {FOLDER}: there is something else in it"]
    shutil.rmtree(folder)
    folder.write_text("")
    assert not used()


def test_another_users_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(str(tmp_path / "kept")).write("answers", "0" * 16, b"x")
    assert Store(str(tmp_path / "kept")).read("answers", "0" * 16) == b"x"
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert Store(str(tmp_path / "kept")).problem == "it belongs to another user"
    assert Store(str(tmp_path / "kept")).read("answers", "0" * 16) is None
    monkeypatch.delattr(os, "geteuid")
    assert Store(str(tmp_path / "kept")).problem is None


def test_where_nothing_can_be_written_there_is_no_cache(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK, "file": ""})
    told: list[str] = []
    settings = settings_for(tmp_path, cache_dir="file/below")
    assert len(run_cached(settings, FileSystem(), tell=told.append).diagnostics) == 1
    assert told == ["no cache in file/below: Not a directory"]


def test_a_link_in_place_of_an_entry_is_not_followed(tmp_path: Path) -> None:
    kept = Store(str(tmp_path / "kept"))
    kept.write("answers", "1" * 16, b"x")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "kept" / "answers" / ("0" * 16)).symlink_to(tmp_path / "secret")
    assert kept.read("answers", "0" * 16) is None
    kept.write("answers", "0" * 16, b"y")
    assert (tmp_path / "secret").read_text() == "secret"
    assert kept.read("answers", "0" * 16) == b"y"
    os.mkfifo(tmp_path / "kept" / "answers" / ("2" * 16))
    assert kept.read("answers", "2" * 16) is None


# -- size and removal --------------------------------------------------------------------------------------------------------


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Store(str(tmp_path / "kept"))
    names = [f"{n:016x}" for n in range(20)]
    for age, name in enumerate(names):
        kept.write("lowered", name, b"x" * 1000)
        past = time.time() - 10_000 + age
        os.utime(tmp_path / "kept" / "lowered" / name, (past, past))
    (tmp_path / "kept" / "lowered" / f"{names[0]}.1.2.tmp").write_bytes(b"")  # somebody is writing
    (tmp_path / "kept" / "lowered" / "a stranger").write_bytes(b"")
    assert kept.read("lowered", names[0]) is not None  # used: now the youngest
    kept.shrink()
    assert all(kept.read("lowered", name) for name in names[:1])
    monkeypatch.setattr(store, "MAX_BYTES", 10_000)
    kept.shrink()
    left = {path.name for path in (tmp_path / "kept" / "lowered").iterdir()}
    assert left == {"a stranger", f"{names[0]}.1.2.tmp", names[0], *names[12:]}
    monkeypatch.setattr(store, "MAX_ENTRIES", 4)
    kept.shrink()
    assert len(list((tmp_path / "kept" / "lowered").iterdir())) == 2 + 3


def test_an_entry_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Store(str(tmp_path / "kept"))
    kept.write("answers", "0" * 16, b"x" * 100)
    monkeypatch.setattr(store, "MAX_ENTRY", 50)
    assert kept.read("answers", "0" * 16) is None
    kept.write("answers", "1" * 16, b"x" * 100)
    assert kept.read("answers", "1" * 16) is None


def test_clean_removes_what_chanlint_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    kept = Store(str(folder))
    kept.write("answers", "0" * 16, b"x")
    kept.write("lowered", "0" * 64, b"x")
    (folder / "answers" / f"{'0' * 16}.1.2.tmp").write_bytes(b"")
    assert (folder / ".gitignore").read_text().endswith("*\n")
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    (folder / "mine").write_text("")
    assert store.clean(str(folder)) == (3, 1)
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "CACHEDIR.TAG", "mine"]
    (folder / "mine").unlink()
    assert store.clean(str(folder)) == (0, 0)
    assert not folder.exists()
    with pytest.raises(FileNotFoundError):
        store.clean(str(folder))


@pytest.mark.parametrize("tag", [None, "Signature: 8a477f597d28d172789f06886806bc55\n# some other tool's\n"])
def test_clean_touches_no_other_folder(tmp_path: Path, tag: str | None) -> None:
    write(tmp_path, {"answers/" + "0" * 16: "x", **({"CACHEDIR.TAG": tag} if tag else {})})
    with pytest.raises(PermissionError, match="tag"):
        store.clean(str(tmp_path))
    assert (tmp_path / "answers" / ("0" * 16)).exists()


def test_the_command_says_what_it_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": LEAK})
    monkeypatch.chdir(tmp_path)
    assert main(["check", "-q", "a.py"]) == main(["check", "-q"]) == 1
    write(tmp_path, {f"{FOLDER}/mine": ""})
    capsys.readouterr()
    assert [main(["clean"]), main(["clean"])] == [0, 0]
    (tmp_path / FOLDER / "mine").unlink()
    assert [main(["clean", "a.py"]), main(["clean", "."])] == [0, 0]
    assert capsys.readouterr().out.splitlines() == [
        f"{FOLDER}: 6 results removed; it stays: 1 file in it chanlint did not write",
        f"{FOLDER}: 0 results removed; it stays: 1 file in it chanlint did not write",
        f"{FOLDER}: 0 results removed; the folder is gone",
        f"nothing to remove: there is no {FOLDER}",
    ]
    assert main(["clean", "--cache-dir", "."]) == 2
    assert (
        capsys.readouterr().err == f"chanlint: {tmp_path}: not removed: chanlint did not make this folder: it lacks the tag\n"
    )
    write(tmp_path, {"chanlint.toml": "cache-dir = 1\n"})
    assert main(["clean"]) == 2
    assert "'cache-dir' takes a text" in capsys.readouterr().err
    assert main(["clean", "--isolated"]) == 0
    (tmp_path / "chanlint.toml").unlink()
    write(tmp_path, {"x/mine": ""})
    assert main(["check", "-v", "--cache-dir", "x"]) == 1
    assert "no cache in x: there is something else in it" in capsys.readouterr().err


def test_clean_follows_no_link(tmp_path: Path) -> None:
    kept = Store(str(tmp_path / "kept"))
    kept.write("answers", "0" * 16, b"x")
    write(tmp_path / "elsewhere", {"1" * 16: "x"})
    (tmp_path / "kept" / "lowered").symlink_to(tmp_path / "elsewhere")
    assert store.clean(str(tmp_path / "kept")) == (1, 1)
    assert (tmp_path / "elsewhere" / ("1" * 16)).exists()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    with pytest.raises(PermissionError):
        store.clean(str(tmp_path / "link"))


# -- where ------------------------------------------------------------------------------------------------------------------


def test_the_cache_is_where_the_option_or_the_configuration_says(tmp_path: Path) -> None:
    write(tmp_path, {"base.toml": 'cache-dir = "kept"\n', "p/chanlint.toml": "", "p/a.py": LEAK, "p/.git/x": ""})

    def folder(**more: object) -> str:
        return os.path.relpath(cache.cache_folder(settings_for(tmp_path / "p", **more), FileSystem()), tmp_path)

    assert folder() == f"p/{FOLDER}"
    assert folder(cache_dir="../there") == "there"
    assert folder(config=str(tmp_path / "base.toml")) == "kept"
    write(tmp_path, {"p/chanlint.toml": 'extend-exclude = ["x"]\n'})
    assert folder() == f"p/{FOLDER}"
    write(tmp_path, {"p/chanlint.toml": 'extend = "../base.toml"\n'})
    assert folder() == "kept"
    assert folder(isolated=True) == f"p/{FOLDER}"
    write(tmp_path, {"p/chanlint.toml": 'cache-dir = ".kept"\n'})
    assert folder() == "p/.kept"
    remembered(settings_for(tmp_path / "p"))
    assert (tmp_path / "p" / ".kept" / "CACHEDIR.TAG").exists()
    (tmp_path / "p" / "chanlint.toml").unlink()
    write(tmp_path, {"p/pyproject.toml": '[tool.other]\ncache-dir = "x"\n'})
    assert folder() == f"p/{FOLDER}"


def test_nothing_is_kept_without_files_or_where_it_is_not_wanted(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": ""})
    remembered(settings_for(tmp_path))
    write(tmp_path, {"a.py": LEAK})
    remembered(settings_for(tmp_path, no_cache=True))
    run_cached(settings_for(tmp_path, "-"), FileSystem({str(tmp_path / "<stdin>"): QUEUE.encode()}))
    assert not (tmp_path / FOLDER).exists()


def test_an_answer_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": USER, "maker.py": MAKER, "b.py": BROKEN})
    result = fresh(settings_for(tmp_path))
    again, names = read_answer(write_answer(result))
    assert again.diagnostics == result.diagnostics
    assert {"a.py", "maker.py"} <= names
    assert write_answer(Result()) == "{}"


def test_a_record_is_checked_by_its_sum() -> None:
    assert cache._head("x") == f"chanlint answer 2 {zlib.crc32(b'x'):08x}"


# -- start-up ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "form", "loaded"), [(LEAK, "concise", set()), (PLAIN, "full", set()), (LEAK, "full", {"rich"})]
)
def test_a_run_without_changes_loads_little(tmp_path: Path, content: str, form: str, loaded: set[str]) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.chanlint]\n", ".gitignore": "x\n", "a.py": content, "b.py": PLAIN})
    script = (
        "import sys; from chanlint.cli import main; main(sys.argv[1:]); "
        "heavy = ['libcst', 'rich', 'tomllib', 'pathspec', 'multiprocessing', 'chanlint.engine.pipeline', "
        "'chanlint.rules.registry', 'chanlint.analysis', 'chanlint.model', 'chanlint.catalogue']; "
        "print(*[name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, "check", "-q", "--output-format", form, str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    first, second = (subprocess.run(command, capture_output=True, text=True, env=environment) for _ in range(2))
    assert first.stdout == second.stdout
    assert "libcst" not in first.stderr  # which is for syntax that is newer than the Python that runs
    assert set(second.stderr.split()) == loaded
