"""Edits of a project that was checked before: what is remembered of its groups and files never changes what is printed."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chanlint.diagnostics import Blocked, Confidence, Role, Severity
from chanlint.engine import groups, trace
from chanlint.engine.cache import run_cached
from chanlint.engine.carriers import Carriers, Imported
from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.notes import KeptNotes, Note
from chanlint.engine.packing import meaning, pack
from chanlint.engine.pipeline import run
from chanlint.engine.reading import lower_bytes
from chanlint.engine.result import Result
from chanlint.engine.store import FOLDER, KINDS, Store
from chanlint.engine.trace import Watcher, digest_of
from chanlint.engine.verdicts import KeptVerdicts, Verdict, asking, read_verdict, write_verdict
from chanlint.engine.weighing import Weighed, read_weighed, weigh, write_weighed
from chanlint.findings import Finding, Place
from chanlint.frontends.base import Lowered
from chanlint.ir.ids import HEADER, FunctionId, OpId
from chanlint.model.channel import Cleared
from chanlint.report.base import FORMATS, Context, format_named
from engine_fakes import write

MAKER = "import queue\n\n\ndef make():\n    return queue.Queue()\n"
HANDED_ON = "from {group}.origin import make\n"
USER = """\
import threading

from {group}.maker import make


def handle(items):
    q = make()

    def work():
        while True:
            item = q.get()
            if item is None:
                return

    threading.Thread(target=work).start()
    for item in items:
        q.put(item)
"""
REPAIR = "    q.put(None)\n"
SILENT = "    q = make()  # chanlint: ignore[CHN101] on purpose\n"
HELPER = "def feed(q, items):\n    for item in items:\n        q.put(item)\n"
LOUD_HELPER = "def feed(q, items):\n    while True:\n        print(q.get())\n"
FED = """\
import queue

from {group}.helper import feed


def start(items):
    q = queue.Queue()
    feed(q, items)
    return q.get()
"""
OWN_CHANNEL = '[[channels]]\nname = "g0.helper.feed"\nlike = "queue.Queue"\n'
CONFIGURATIONS = ("", 'target-version = "3.13"\n', OWN_CHANNEL, 'extend-exclude = ["g1"]\n', 'src = ["g0"]\n')
GROUPS = ("g0", "g1", "g2")


def settings_for(root: Path, *paths: str, **more: object) -> Settings:
    return Settings(paths=paths or (".",), cwd=str(root), **more)  # type: ignore[arg-type]


def remembered(settings: Settings, *, fresh: bool = False) -> Result:
    return run_cached(settings, FileSystem(), fresh=fresh)


def anew(settings: Settings) -> Result:
    return run(settings._replace(no_cache=True), FileSystem())


def shown(result: Result, *, cleared: bool = False) -> dict[str, str]:
    """The result in every format, and all that is told besides."""
    context = Context(source=result.source, checked=lambda: result.report.names)
    texts = {name: format_named(name)(result.diagnostics, context) for name in FORMATS}
    rest = (result.report.names, result.with_channels, result.skipped, result.limits, result.report.paths, result.crashes)
    more = {"cleared": repr(result.cleared())} if cleared else {}
    return texts | {"rest": repr(rest), "modules": repr(sorted(result.report.modules))} | more


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The groups that are analysed from now on, by the first file of each."""
    done: list[str] = []
    honest = groups.Groups._analyse

    def analyse(self: groups.Groups, group: list[str], *rest: object) -> object:
        done.append(group[0])
        return honest(self, group, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(groups.Groups, "_analyse", analyse)
    return done


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are parsed from now on."""
    done: list[str] = []

    def lower(module: str, data: bytes, target: tuple[int, int]) -> object:
        done.append(module)
        return lower_bytes(module, data, target)

    monkeypatch.setattr("chanlint.engine.lowering.lower_bytes", lower)
    return done


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is young: marks count at once."""
    monkeypatch.setattr(trace, "YOUNG", -(10**15))


def make_project(root: Path) -> None:
    write(root, {"pyproject.toml": "", "plain.py": "x = 1\n"})
    for group in GROUPS:
        texts = {"__init__": "", "maker": MAKER, "user": USER, "helper": HELPER, "fed": FED}
        write(root, {f"{group}/{name}.py": text.format(group=group) for name, text in texts.items()})


# -- edits at random ---------------------------------------------------------------------------------------------------------


class Editor:
    """Edits a project of several groups at random."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.chance = random.Random(seed)
        self.more: dict[str, object] = {}
        self.actions: dict[str, Callable[[str], None]] = {
            "comment": self.comment,
            "silence": self.silence,
            "repair": self.repair,
            "move": self.move,
            "helper": self.helper,
            "import": self.bring_together,
            "shadow": self.shadow,
            "outside": self.outside,
            "again": self.outside,
            "configure": self.configure,
            "settings": self.settings,
            "remove": self.remove,
            "undo": self.undo,
            "forget": self.forget,
        }

    def step(self) -> str:
        """Changes something, and says what."""
        action = self.chance.choice([*self.actions, "comment", "repair", "import"])
        self.actions[action](self.chance.choice(GROUPS))
        return action

    def toggle(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        if path.exists():
            text = path.read_text()
            path.write_text(text.replace(old, new) if old in text else text.replace(new, old))

    def comment(self, group: str) -> None:
        path = self.root / group / f"{self.chance.choice(['maker', 'user', 'helper', 'fed'])}.py"
        if path.exists():
            above = self.chance.choice(["# a comment\n", "\n\n", '"""A docstring."""\n'])
            path.write_text(above + path.read_text())

    def silence(self, group: str) -> None:
        self.toggle(f"{group}/user.py", "    q = make()\n", SILENT)

    def repair(self, group: str) -> None:
        path = self.root / group / "user.py"
        if path.exists():
            text = path.read_text()
            path.write_text(text.removesuffix(REPAIR) if text.endswith(REPAIR) else text + REPAIR)

    def move(self, group: str) -> None:
        """The definition of ``make`` moves to another module and back; its old one hands it on, or does no longer."""
        handed_on = HANDED_ON.format(group=group)
        if (self.root / group / "maker.py").exists() and (self.root / group / "maker.py").read_text() != handed_on:
            write(self.root, {f"{group}/origin.py": MAKER, f"{group}/maker.py": handed_on})
        else:
            (self.root / group / "origin.py").unlink(missing_ok=True)
            write(self.root, {f"{group}/maker.py": self.chance.choice([MAKER, ""])})

    def helper(self, group: str) -> None:
        self.toggle(f"{group}/helper.py", HELPER, LOUD_HELPER)

    def bring_together(self, group: str) -> None:
        """Two groups become one, or part again."""
        other = self.chance.choice(GROUPS)
        kind = self.chance.choice(["user", "fed"])
        self.toggle(f"{group}/{kind}.py", f"from {group}.maker import make\n", f"from {other}.maker import make\n")
        self.toggle(f"{group}/fed.py", f"from {group}.helper import", f"from {other}.helper import")

    def shadow(self, group: str) -> None:
        """A package beats a module of the same name: an import leads elsewhere, though nothing of its group was edited."""
        folder = self.root / group / "maker"
        if folder.exists():
            shutil.rmtree(folder)
        else:
            write(folder, {"__init__.py": self.chance.choice([MAKER, "def make():\n    return None\n"])})

    def outside(self, group: str) -> None:
        contents = [
            "x = 1\n",
            "x = 2\n",
            f"import {group}.user\n",
            f"from {group}.maker import make\n",
            "make = 1\n",
            SILENT.strip(),
        ]
        write(self.root, {"plain.py": self.chance.choice([*contents, USER.format(group=group)])})

    def configure(self, group: str) -> None:
        write(self.root, {"chanlint.toml": self.chance.choice(CONFIGURATIONS)})

    def settings(self, group: str) -> None:
        choices: list[dict[str, object]] = [
            {},
            {"prefilter": False},
            {"min_confidence": Confidence.LOW},
            {"cache_strict": True},
        ]
        self.more = self.chance.choice(choices)

    def remove(self, group: str) -> None:
        name = self.chance.choice(["maker", "user", "helper"])
        texts = {"maker": MAKER, "user": USER, "helper": HELPER}
        path = self.root / group / f"{name}.py"
        if path.exists():
            path.unlink()
        else:
            write(self.root, {f"{group}/{name}.py": texts[name].format(group=group)})

    def undo(self, group: str) -> None:
        make_project(self.root)

    def forget(self, group: str) -> None:
        kind = self.chance.choice(KINDS)
        shutil.rmtree(self.root / FOLDER / kind, ignore_errors=True)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_edited_the_groups_are_as_a_cold_run_sees_them(tmp_path: Path, seed: int, analysed: list[str]) -> None:
    editor = Editor(tmp_path / "project", seed)
    make_project(editor.root)
    done, warm, cold = [], 0, 0
    for _ in range(40):
        done.append(editor.step())
        path = editor.chance.choice([".", ".", "g0", "g1/user.py"])
        settings = settings_for(editor.root, path if (editor.root / path).exists() else ".", **editor.more)
        fresh = editor.chance.random() < 0.3
        analysed.clear()
        once = shown(remembered(settings, fresh=fresh), cleared=fresh)
        warm += len(analysed)
        analysed.clear()
        assert once == shown(anew(settings), cleared=fresh), done
        cold += len(analysed)
    assert warm < cold / 2


@pytest.mark.usefixtures("patient")
def test_the_same_holds_where_unchanged_files_are_not_read(tmp_path: Path) -> None:
    editor = Editor(tmp_path / "project", 11)
    make_project(editor.root)
    for _ in range(25):
        editor.step()
        settings = settings_for(editor.root, **editor.more)
        assert shown(remembered(settings)) == shown(anew(settings))


# -- what an edit costs ------------------------------------------------------------------------------------------------------


def test_an_edit_costs_the_analysis_of_its_own_group(tmp_path: Path, analysed: list[str], lowered: list[str]) -> None:
    make_project(tmp_path)
    settings = settings_for(tmp_path)

    def costs() -> tuple[list[str], list[str]]:
        analysed.clear()
        lowered.clear()
        result = shown(remembered(settings))
        found = [*analysed], sorted({*lowered})
        assert result == shown(anew(settings))
        return found

    assert len(costs()[0]) >= 2 * len(GROUPS)
    write(tmp_path, {"plain.py": "x = 2\n"})
    assert costs() == ([], [])
    user = (tmp_path / "g1" / "user.py").read_text()
    write(tmp_path, {"g1/user.py": "# a comment\n\n" + user})
    assert costs() == ([], ["g1/user.py"])
    write(tmp_path, {"g1/user.py": "# a comment\n\n" + user + REPAIR})
    assert costs() == (["g1/maker.py"], ["g1/maker.py", "g1/user.py"])
    write(tmp_path, {"g1/user.py": user.replace("g1.maker", "g2.maker")})
    assert costs()[0] == ["g1/maker.py", "g1/user.py"]  # the first is alone now, the second joined the third group
    write(tmp_path, {"g1/user.py": user})
    assert costs() == ([], ["g1/user.py"])


def test_the_same_files_are_another_group_where_an_import_leads_elsewhere(tmp_path: Path, analysed: list[str]) -> None:
    user = "import one.m\nimport two.m\n" + USER.replace("{group}.maker", "m")
    other = "import queue\n\nJOBS = queue.Queue()\n\n\ndef make():\n    return JOBS\n"
    write(tmp_path, {"pyproject.toml": "", "user.py": user, "one/m.py": MAKER, "two/m.py": other})
    messages = set()
    for _ in range(2):
        for folders in (["one", "two"], ["two", "one"]):
            write(tmp_path, {"chanlint.toml": f"src = {json.dumps(folders)}\n"})
            analysed.clear()
            result = shown(remembered(settings_for(tmp_path)))
            assert analysed == ["one/m.py"]
            assert result == shown(anew(settings_for(tmp_path)))
            messages.add(result["concise"])
    assert len(messages) == 2


def test_what_a_file_hands_on_depends_on_what_others_give_it(tmp_path: Path) -> None:
    """An edit makes another file, itself unchanged, one that gives channels away: files that it reaches join the set."""
    middle = "import queue\n\nfrom maker import make\n\n_OWN = queue.Queue()\n\n\ndef provide():\n    return make()\n"
    user = USER.replace("from {group}.maker import make", "from middle import provide").replace("make()", "provide()")
    write(tmp_path, {"pyproject.toml": "", "maker.py": "", "middle.py": middle, "user.py": user})
    found = []
    for text in ("def make():\n    return []\n", MAKER, "", MAKER):
        write(tmp_path, {"maker.py": text})
        result = remembered(settings_for(tmp_path))
        assert shown(result) == shown(anew(settings_for(tmp_path)))
        found.append(len(result.diagnostics))
    assert found == [0, 1, 0, 1]


def test_what_was_there_before_a_revision_is_remembered_too(tmp_path: Path, analysed: list[str], lowered: list[str]) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    make_project(tmp_path)
    user = (tmp_path / "g1" / "user.py").read_text()
    write(tmp_path, {".gitignore": f"{FOLDER}\n", "g1/user.py": user + REPAIR})
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    settings = settings_for(tmp_path, diff_base="HEAD")
    assert remembered(settings).diagnostics == []
    write(tmp_path, {"g1/user.py": user})
    for number in range(3):
        analysed.clear()
        lowered.clear()
        write(tmp_path, {"plain.py": f"x = {number}\n"})
        result = remembered(settings)
        done = [*analysed], {*lowered}
        assert [one.filename for one in result.diagnostics] == ["g1/user.py"]
        assert shown(result) == shown(anew(settings))
        assert number == 0 or done == ([], {"g1/user.py"})  # as it was before: it is too small to be kept


@pytest.mark.usefixtures("patient")
def test_files_whose_marks_are_the_same_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path)
    remembered(settings_for(tmp_path))
    write(tmp_path, {"plain.py": "x = 2\n"})
    read: list[str] = []
    honest = FileSystem.load

    def load(self: FileSystem, path: str) -> object:
        read.append(Path(path).name)
        return honest(self, path)

    monkeypatch.setattr(FileSystem, "load", load)
    remembered(settings_for(tmp_path))
    assert "plain.py" in read
    assert {"fed.py", "helper.py"}.isdisjoint(read)
    read.clear()
    write(tmp_path, {"plain.py": "x = 3\n"})
    remembered(settings_for(tmp_path, cache_strict=True))
    assert {"user.py", "maker.py", "fed.py", "helper.py"} <= {*read}


def test_positions_are_no_part_of_what_is_analysed() -> None:
    def ir(text: str) -> str:
        lowered = lower_bytes("m.py", text.encode(), (3, 11))
        assert isinstance(lowered, Lowered)
        return meaning(pack(lowered))

    text = USER.format(group="g")
    assert ir(text) == ir("# a comment\n\n" + text.replace("q = make()\n", "q = make()  # chanlint: ignore\n"))
    assert ir(text) != ir(text + REPAIR)
    assert ir("def f(:\n" * 3) != ir(text)
    assert meaning(b"[[],[]]\n") == ""


def test_runs_at_the_same_time_after_an_edit_agree(tmp_path: Path) -> None:
    make_project(tmp_path)
    command = [sys.executable, "-m", "chanlint", "check", "--verbose", "--output-format", "json", str(tmp_path)]
    subprocess.run(command, capture_output=True)
    user = (tmp_path / "g1" / "user.py").read_text()
    write(tmp_path, {"g1/user.py": "# a comment\n\n" + user, "g2/user.py": user, "g0/user.py": user + REPAIR})
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(5)]
    outputs = {process.communicate()[0] for process in running}
    outputs.add(subprocess.run(command, capture_output=True).stdout)
    outputs.add(subprocess.run([*command, "--no-cache"], capture_output=True).stdout)
    assert len(outputs) == 1
    assert [path for path in (tmp_path / FOLDER).rglob("*") if path.name.endswith(".tmp")] == []


# -- as text -----------------------------------------------------------------------------------------------------------------

AT = OpId(FunctionId("a.py", "work"), 3)
TOP = OpId(FunctionId("b.py", "<module>"), HEADER)
VERDICT = Verdict(
    findings=[
        Finding("CHN101", "one line", Severity.ERROR, Confidence.HIGH, AT),
        Finding(
            code="CHN102",
            message="é\ud800",
            severity=Severity.WARNING,
            confidence=Confidence.LOW,
            at=TOP,
            related=(Place(Role.CREATED, "made here", AT),),
            function=AT.function,
            blocked=Blocked("thread", "many", "call"),
            help="close it",
            channel="q",
        ),
    ],
    cleared=[Cleared("q", AT, "closed", TOP, (Place(Role.CLOSES, "here", TOP),)), Cleared("p", TOP, "unknown")],
    limits={"steps": 2},
    questions={("a.py", "b", 0): "b.py", ("b.py", "", 1): None},
)


def test_a_verdict_is_read_as_it_was_written() -> None:
    assert read_verdict(write_verdict(VERDICT), {"a.py", "b.py"}) == VERDICT
    assert read_verdict(write_verdict(Verdict()), ()) == Verdict()


def _parts(value: object) -> Iterator[tuple[list[object] | dict[str, object], int | str]]:
    """All places in lists and tables where something could be put instead."""
    pairs = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, inner in [*pairs]:
        yield value, key  # type: ignore[misc]
        yield from _parts(inner)


def test_a_verdict_that_nobody_wrote_is_refused() -> None:
    body = write_verdict(VERDICT)
    refused = 0
    for number in range(sum(1 for _ in _parts(json.loads(body)))):
        for bad in (None, 1.5, -2, [], {}, "x" * 70_000, True, 1 << 40, "\ud800"):
            whole = json.loads(body)
            where, key = [*_parts(whole)][number]
            where[key] = bad  # type: ignore[index]
            try:
                verdict = read_verdict(json.dumps(whole).encode(), {"a.py", "b.py"})
            except (ValueError, TypeError, LookupError):
                refused += 1
            else:
                write_verdict(verdict)
                assert {op.function.module for op in verdict.ops(whole=True)} <= {"a.py", "b.py"}
    assert refused > 300
    for bad_body in (b"", b"[]", b"{", b"[" * 100_000, b"\xff", b"[[],[],{}]", b"null"):
        with pytest.raises((ValueError, TypeError, LookupError, RecursionError)):
            read_verdict(bad_body, {"a.py"})
    with pytest.raises(ValueError, match="another group"):
        read_verdict(body, {"a.py"})


def test_a_verdict_counts_while_imports_lead_to_the_same_modules(tmp_path: Path) -> None:
    kept = KeptVerdicts(Store(str(tmp_path / "kept")), "this chanlint")
    found: dict[str, str | None] = {"b": "b.py"}

    def resolve(importer: str, module: str, level: int) -> str | None:
        return found.get(module)

    verdict = Verdict()
    ask = asking(resolve, verdict.questions)
    assert [ask("a.py", "b", 0), ask("a.py", "b", 0), ask("a.py", "c", 0)] == ["b.py", "b.py", None]
    name = kept.name(["a.py", "b.py"])
    kept.keep(name, verdict)
    assert kept.find(name, {"a.py", "b.py"}, resolve) is None  # not before the run is over
    kept.save()
    assert kept.find(name, {"a.py", "b.py"}, resolve) == verdict
    assert kept.find(kept.name(["a.py", "b.p", "y"]), {"a.py", "b.py"}, resolve) is None
    assert KeptVerdicts(Store(str(tmp_path / "kept")), "another").name(["a.py", "b.py"]) != name
    found["c"] = "a.py"
    assert kept.find(name, {"a.py", "b.py"}, resolve) is None


def test_what_find_carriers_was_told_is_kept_with_what_it_said() -> None:
    told = {Imported("a", "x", 0): 1, Imported("a", None, 1): None}

    def find(carried: Callable[[Imported], int | None]) -> Carriers:
        depth = carried(Imported("a", "x", 0))
        carried(Imported("a", None, 1))
        assert depth is not None
        return Carriers({"x": depth}, frozenset({Imported("b", "*", 2)}), {"x": frozenset({Imported("a", "x", 0)})})

    one = weigh(find, told.get)
    assert one.holds(told.get)
    assert not one.holds(lambda source: 0)
    assert read_weighed(json.loads(json.dumps(write_weighed(one)))) == one
    for number in range(sum(1 for _ in _parts(write_weighed(one)))):
        for bad in (None, 1.5, -2, [], {}, [[]], "\ud800"):
            whole = json.loads(json.dumps(write_weighed(one)))
            where, key = [*_parts(whole)][number]
            where[key] = bad  # type: ignore[index]
            with suppress(ValueError, TypeError, LookupError):
                assert isinstance(read_weighed(whole), Weighed)


# -- what nobody meant well --------------------------------------------------------------------------------------------------


def _signed(body: bytes) -> bytes:
    return digest_of(body).encode() + b"\n" + body


def _other_ops(body: bytes) -> bytes:
    whole = json.loads(body)
    for finding in whole[0]:
        finding[1][2] = 12345
    return _signed(json.dumps(whole).encode())


def _other_message(body: bytes) -> bytes:
    return body.replace(b"blocked", b"happy")  # the sum does not fit


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda body: b"",
    "garbage": lambda body: bytes(range(256)) * 50,
    "cut short": lambda body: _signed(body)[:-10],
    "nothing": lambda body: _signed(b""),
    "not utf-8": lambda body: _signed(b"\xff" + body),
    "nested": lambda body: _signed(b"[" * 100_000),
    "other lists": lambda body: _signed(b"[[],[],{},[]]"),
    "the sum is wrong": _other_message,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["groups", "notes", "lowered"])
def test_broken_entries_are_ignored(tmp_path: Path, kind: str, damage: str) -> None:
    make_project(tmp_path)
    settings = settings_for(tmp_path)
    remembered(settings)
    for entry in (tmp_path / FOLDER / kind).glob("*"):
        entry.write_bytes(DAMAGES[damage](entry.read_bytes().partition(b"\n")[2]))
    write(tmp_path, {"plain.py": "x = 2\n"})
    for _ in range(2):
        assert shown(remembered(settings, fresh=True), cleared=True) == shown(anew(settings), cleared=True)
        shutil.rmtree(tmp_path / FOLDER / "answers")


def test_ops_that_there_are_not_are_no_findings(tmp_path: Path, analysed: list[str]) -> None:
    make_project(tmp_path)
    settings = settings_for(tmp_path)
    remembered(settings)
    for entry in (tmp_path / FOLDER / "groups").glob("*"):
        entry.write_bytes(_other_ops(entry.read_bytes().partition(b"\n")[2]))
    write(tmp_path, {"more.py": ""})
    analysed.clear()
    result = shown(remembered(settings))
    assert {*analysed} == {f"{group}/maker.py" for group in GROUPS}
    assert result == shown(anew(settings))


def test_notes_that_nobody_wrote_lead_to_no_error(tmp_path: Path) -> None:
    """Whatever a part of a note is, it is checked when it is used; what it says instead may be wrong, as all lies are."""
    make_project(tmp_path)
    settings = settings_for(tmp_path)
    remembered(settings)
    write(tmp_path, {"plain.py": "x = 2\n"})
    remembered(settings)
    (entry,) = (tmp_path / FOLDER / "notes").glob("*")
    head, *lines = entry.read_bytes().partition(b"\n")[2].decode().split("\n")
    chance = random.Random(5)
    bads = (None, 1.5, -2, [], {}, [[]], "\ud800", "x", 0, 1 << 31, [["x", 1 << 31]], [["", 0]], True)
    for _ in range(60):
        bad = [*lines]
        number = chance.randrange(len(bad))
        columns = bad[number].split("\t")
        column = chance.choice([number_ for number_, text in enumerate(columns) if text] if number else [0])
        try:
            whole = json.loads(columns[column])
            parts = [*_parts(whole)]
            where, key = chance.choice(parts)
            where[key] = chance.choice(bads)  # type: ignore[index]
            columns[column] = json.dumps(whole)
        except (ValueError, IndexError):
            columns[column] = chance.choice(["", "x", "[", "é", "\r", "{}"])
        bad[number] = "\t".join(columns)
        entry.write_bytes(_signed("\n".join((head, *bad)).encode()))
        shutil.rmtree(tmp_path / FOLDER / "answers", ignore_errors=True)
        result = remembered(settings, fresh=True)
        shown(result, cleared=True)
        assert not result.crashes


def test_notes_are_for_one_content(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x = 1\n"})
    store, path = Store(str(tmp_path / "kept")), str(tmp_path / "a.py")

    def notes() -> tuple[KeptNotes, Watcher]:
        watcher = Watcher()
        watcher.started += 10**12  # nothing is young
        kept = KeptNotes(store, "this chanlint", watcher)
        kept.open("", {"a.py": path})
        return kept, watcher

    first, watcher = notes()
    assert first.still("a.py") is None
    watcher.read(path)
    assert first.same("a.py")[0] is None
    first.current["a.py"] = Note("", first.same("a.py")[1], "n")
    first.mentions["x"] = {"a.py"}
    first.save()
    second, watcher = notes()
    known = second.still("a.py")
    assert known is not None
    assert (known.flags, second.mentioned("x"), second.mentioned("y")) == ("n", ["a.py"], None)
    assert watcher.contents[path][1] == known.digest
    write(tmp_path, {"a.py": "x = 22\n"})
    third, watcher = notes()
    assert third.still("a.py") is None
    watcher.read(path)
    assert third.same("a.py")[0] is None
    (tmp_path / "a.py").unlink()
    assert notes()[0].still("a.py") is None
