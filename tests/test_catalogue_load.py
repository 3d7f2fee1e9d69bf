"""Reading and checking library knowledge: what is accepted, what is refused and how, and what a configuration adds."""

import json
import re
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from chanlint.catalogue import libraries, load
from chanlint.catalogue.entries import EFFECT_KEYS, TYPE_KEYS, Place, parse_arg_ref
from chanlint.catalogue.libraries import read_libraries, write_copy
from chanlint.catalogue.load import CatalogueError, load_catalogue
from chanlint.catalogue.schema import ArgRef, Catalogue, Category, OpKind, World


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def guide() -> str:
    return (Path(__file__).parent.parent / "docs" / "adding_a_library.md").read_text(encoding="utf-8")


def build(text: str, *more: str) -> Catalogue:
    """The catalogue of library files with these texts."""
    builder = load._Builder({}, {}, {}, set())
    for number, content in enumerate((text, *more)):
        builder.add_library(tomllib.loads(content), Place(f"lib{number}.toml"))
    return builder.build("")


HEAD = '[library]\nname = "x"\n'
QUEUE = HEAD + '[types."x.Q"]\ncategory = "channel"\nconstructor = "make"\n'


# -- what is in it -----------------------------------------------------------------------------------------------------------


def test_queue_is_described(catalogue: Catalogue) -> None:
    info = catalogue.types["queue.Queue"]
    assert (info.category, info.world, info.title) == (Category.CHANNEL, World.THREAD, "queue")
    assert (info.capacity, info.default_capacity, info.unbounded_from) == (ArgRef("maxsize", 0), None, 0)
    assert catalogue.functions["queue.Queue"].makes == "queue.Queue"
    get = catalogue.method("queue.Queue", "get")
    assert get is not None
    assert (get.op, get.block, get.timeout) == (OpKind.RECEIVE, ArgRef("block", 0), ArgRef("timeout", 1))
    assert get.raises == ("queue.Empty",)
    shutdown = catalogue.method("queue.PriorityQueue", "shutdown")
    assert shutdown is not None
    assert (shutdown.op, shutdown.since, shutdown.wakes) == (OpKind.CLOSE, (3, 13), "all")
    assert catalogue.method("queue.SimpleQueue", "shutdown") is None
    assert catalogue.method("queue.SimpleQueue", "join") is None


def test_bases_give_their_fields(catalogue: Catalogue) -> None:
    lifo = catalogue.types["queue.LifoQueue"]
    assert (lifo.category, lifo.capacity) == (Category.CHANNEL, ArgRef("maxsize", 0))
    assert (lifo.unbounded_from, lifo.order) == (0, "lifo")
    assert lifo.methods == {}
    assert catalogue.method("queue.LifoQueue", "get") == catalogue.method("queue.Queue", "get")


def test_like_gives_methods_but_is_no_base(catalogue: Catalogue) -> None:
    info = catalogue.types["multiprocessing.managers.SyncManager.Queue"]
    assert info.bases == ()
    assert (info.world, info.pickles_items, info.pipe_backed) == (World.PROCESS, True, False)
    assert info.methods["get"] == catalogue.types["queue.Queue"].methods["get"]


def test_context_makes_what_the_module_makes(catalogue: Catalogue) -> None:
    got = catalogue.functions["multiprocessing.get_context"]
    assert got.op is OpKind.GET
    assert got.makes == "multiprocessing.context.BaseContext"
    for name in ("Queue", "JoinableQueue", "SimpleQueue", "Process", "Event", "Pipe"):
        assert catalogue.method(got.makes, name) == catalogue.functions[f"multiprocessing.{name}"]


def test_pairs_have_two_described_ends(catalogue: Catalogue) -> None:
    pairs = {name: info for name, info in catalogue.types.items() if info.ends}
    assert set(pairs) == {"anyio.create_memory_object_stream", "trio.open_memory_channel", "multiprocessing.Pipe"}
    for name, info in pairs.items():
        assert catalogue.functions[name].makes == name
        sends = [catalogue.method(end, "send") for end, role in zip(info.ends, info.roles, strict=True) if role != "receive"]
        assert all(effect is not None and effect.op is OpKind.SEND for effect in sends)
        assert info.world is catalogue.types[info.ends[0]].world
    assert catalogue.types["anyio.create_memory_object_stream"].default_capacity == 0


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Queue.Queue", "queue.Queue"),
        ("six.moves.queue.LifoQueue", "queue.LifoQueue"),
        ("asyncio.queues.Queue", "asyncio.Queue"),
        ("asyncio.exceptions.TimeoutError", "builtins.TimeoutError"),
        ("multiprocessing.queues.JoinableQueue", "multiprocessing.JoinableQueue"),
        ("multiprocessing.queues.Empty", "queue.Empty"),
        ("multiprocessing.dummy.Queue", "queue.Queue"),
        ("multiprocess.dummy.Process", "threading.Thread"),
        ("billiard.queues.SimpleQueue", "multiprocessing.SimpleQueue"),
        ("torch.multiprocessing.Queue", "multiprocessing.Queue"),
        ("torch.multiprocessing.spawn", "torch.multiprocessing.spawn"),
        ("concurrent.futures.thread.ThreadPoolExecutor", "concurrent.futures.ThreadPoolExecutor"),
        ("janus.SyncQueueEmpty", "queue.Empty"),
        ("gevent.queue.Empty", "queue.Empty"),
        ("eventlet.greenthread.spawn", "eventlet.spawn"),
        ("_thread.RLock", "threading.RLock"),
        ("queue_of_mine.Queue", "queue_of_mine.Queue"),
    ],
)
def test_aliases_lead_to_the_canonical_name(catalogue: Catalogue, written: str, canonical: str) -> None:
    assert catalogue.canonical(written) == canonical


def test_every_name_is_canonical(catalogue: Catalogue) -> None:
    assert [name for name in (*catalogue.types, *catalogue.functions) if catalogue.canonical(name) != name] == []


def test_names_may_be_resolved_part_by_part(catalogue: Catalogue) -> None:
    """``import multiprocessing.queues as m`` and then ``m.Empty`` is what ``multiprocessing.queues.Empty`` is."""
    wrong = []
    for alias in catalogue.aliases:
        head, dot, last = alias.rpartition(".")
        if dot and catalogue.canonical(f"{catalogue.canonical(head)}.{last}") != catalogue.canonical(alias):
            wrong.append(alias)
    assert wrong == []


def test_needles_cover_every_maker_of_a_channel(catalogue: Catalogue) -> None:
    made = {name: catalogue.types[effect.makes] for name, effect in catalogue.functions.items() if effect.makes}
    makers = [name for name, info in made.items() if info.category is Category.CHANNEL]
    makers += [alias for alias, target in catalogue.aliases.items() if target in makers]
    assert len(makers) > 40
    missed = [name for name in makers if not any(needle in name.encode() for needle in catalogue.needles)]
    assert missed == []


def test_needles_see_flags_as_they_are_written(catalogue: Catalogue) -> None:
    for line in (b"e = Event()", b"e = threading.Event()", b"default_factory=asyncio.Event", b"f = loop.create_future()"):
        assert any(needle in line for needle in catalogue.needles), line
    assert not any(needle in b"class KeyboardEvent(Base): import threading" for needle in catalogue.needles)


def test_harmless_calls_are_listed(catalogue: Catalogue) -> None:
    for name in ("builtins.print", "builtins.len", "time.sleep", "logging.info", "contextlib.suppress"):
        assert catalogue.functions[name].op is OpKind.HARMLESS
    info = catalogue.method("logging.Logger", "info")
    assert info is not None
    assert info.op is OpKind.HARMLESS
    assert "builtins.int" not in catalogue.functions  # raises
    assert "builtins.list" not in catalogue.functions  # keeps its argument


def test_every_file_has_a_head_and_a_needle_where_it_makes_channels() -> None:
    for path in resources.files("chanlint.catalogue").joinpath("python").iterdir():
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        makes = any(t.get("category") == "channel" and "constructor" in t for t in raw.get("types", {}).values())
        assert not makes or raw["library"]["needles"], path.name


def test_catalogues_of_two_calls_are_independent(catalogue: Catalogue) -> None:
    changed = load_catalogue()
    del changed.types["queue.Queue"]
    assert "queue.Queue" in load_catalogue().types
    assert load_catalogue().digest == catalogue.digest


def test_importing_the_loader_does_not_import_the_parser() -> None:
    code = "import sys; sys.modules.pop('tomllib', None); import chanlint.catalogue.load; sys.exit('tomllib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0  # coverage reads TOML itself


# -- the guide ---------------------------------------------------------------------------------------------------------------


def test_examples_of_the_guide_load(guide: str) -> None:
    library, configuration = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    built = build(library)
    assert built.canonical("conveyor.belts.Belt") == "conveyor.Belt"
    assert built.method("conveyor.SlidingBelt", "halt") == built.types["conveyor.Belt"].methods["halt"]
    extended = load_catalogue(tomllib.loads(configuration)["tool"]["chanlint"])
    assert {"put", "fetch", "stop"} <= set(extended.types["acme.jobs.JobQueue"].methods)
    assert extended.functions["acme.tasks.in_background"].op is OpKind.SPAWN


def test_the_guide_explains_every_key_and_op(guide: str) -> None:
    words = {*TYPE_KEYS, *EFFECT_KEYS, *(op.value for op in OpKind), *(c.value for c in Category), *(w.value for w in World)}
    assert sorted(word for word in words if f"`{word}`" not in guide) == []


# -- argument references -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("timeout@1", ArgRef("timeout", 1)),
        ("daemon", ArgRef("daemon", None)),
        ("@0", ArgRef(None, 0)),
        ("*1", ArgRef(None, 1, rest=True)),
    ],
)
def test_argument_references(text: str, ref: ArgRef) -> None:
    assert parse_arg_ref(text, Place("f")) == ref


@pytest.mark.parametrize("text", ["", "a b", "@", "*", "a@", "a@x", "@-1", "*a", "1", "a@1\n", 7, None, True, "a@100"])
def test_bad_argument_references(text: object) -> None:
    with pytest.raises(CatalogueError, match="is no argument: write 'timeout@1'"):
        parse_arg_ref(text, Place("f"))


# -- refusals ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("[libary]\n", "", "unknown key 'libary' (did you mean 'library'?)"),
        ("library = 3\n", "library", "expected a table, found a number"),
        ("[library]\n", "library.name", "expected a text, found nothing"),
        ('[library]\nname = ""\n', "library.name", "expected a text, found an empty text"),
        ('[library]\nname = "x"\nneedles = "Q"\n', "library.needles", "expected a list of texts"),
        (HEAD + 'aliases = { "a b" = "c" }\n', "library.aliases", "'a b' is not a dotted name"),
        (HEAD + 'aliases = { "a" = "a" }\n', "library.aliases", "an alias of itself"),
        (QUEUE + "capasity = 3\n", 'types."x.Q"', "unknown key 'capasity' (did you mean 'capacity'?)"),
        (QUEUE + 'exit = "closed"\n', 'types."x.Q".exit', "unknown value 'closed' (did you mean 'close'?)"),
        (
            QUEUE + 'world = "qqq"\n',
            'types."x.Q".world',
            "(one of anyio, asyncio, curio, green, process, thread, tornado, trio)",
        ),
        (QUEUE + 'pipe_backed = "yes"\n', 'types."x.Q".pipe_backed', "expected true or false"),
        (QUEUE + "default_capacity = true\n", 'types."x.Q".default_capacity', "expected a whole number, found a truth value"),
        (QUEUE + 'ends = ["x.Q"]\nroles = ["send"]\n', 'types."x.Q"', "'ends' and 'roles' need two values each"),
        (QUEUE + 'ends = ["x.Q", "x.R"]\nroles = ["send", "receive"]\n', 'types."x.Q"', "no type 'x.R' is described"),
        (QUEUE + 'attributes = { sync_q = "x.R" }\n', 'types."x.Q"', "no type 'x.R' is described (did you mean 'x.Q'?)"),
        (QUEUE + 'parts = { out = "" }\n', 'types."x.Q".parts.out', "'' is no argument"),
        (QUEUE + 'delegates = { put = ["out"] }\n', 'types."x.Q".delegates.put', "a part and what is called on it"),
        (
            QUEUE + 'parts = { out = "@0" }\ndelegates = { put = ["ot.put"] }\n',
            'types."x.Q".delegates.put',
            "no part 'ot' (did you mean 'out'?)",
        ),
        (QUEUE + 'yields = "zzz"\n', 'types."x.Q"', "no type 'zzz' is described"),
        (QUEUE + 'bases = ["x.P"]\n', 'types."x.Q".bases', "no type 'x.P' is described (did you mean 'x.Q'?)"),
        (QUEUE + 'bases = ["x.Q"]\n', 'types."x.Q"', "its bases go in a circle: x.Q > x.Q"),
        (QUEUE + 'like = "x.P"\n', 'types."x.Q".like', "no type 'x.P' is described"),
        (QUEUE + 'methods = { get = "recieve" }\n', "methods.get.op", "unknown value 'recieve' (did you mean 'receive'?)"),
        (QUEUE + 'methods = { get = { op = "receive", timeout = "1" } }\n', "methods.get.timeout", "'1' is no argument"),
        (QUEUE + 'methods = { get = { timeout = "t@1" } }\n', "methods.get", "no 'op' says what this call does"),
        (QUEUE + 'methods = { get = { op = "receive", tiemout = "t@1" } }\n', "methods.get", "(did you mean 'timeout'?)"),
        (QUEUE + 'methods = { put = "send" }\n', "methods.put", "op 'send' needs the key 'item'"),
        (QUEUE + 'methods = { close = "close" }\n', "methods.close", "a channel's close needs the key 'wakes'"),
        (QUEUE + 'methods = { c = { op = "close", wakes = "one" } }\n', "methods.c.wakes", "unknown value 'one'"),
        (
            QUEUE + 'methods = { c = { op = "poll", since = "3" } }\n',
            "methods.c.since",
            "'3' is no Python version: write '3.13'",
        ),
        (QUEUE + 'methods = { c = { op = "poll", raises = "E" } }\n', "methods.c.raises", "expected a list of texts"),
        (QUEUE + 'methods = { c = { like = "x.Qu" } }\n', "methods.c", "like 'x.Qu': no such function (did you mean 'x.Q'?)"),
        (QUEUE + 'methods = { c = { op = "make", makes = "x.R" } }\n', "methods.c.makes", "no type 'x.R' is described"),
        (QUEUE + "methods = { c = 3 }\n", "methods.c", "expected a table, found a number"),
        (QUEUE + '[functions]\n"x.Q" = "harmless"\n', 'types."x.Q"', "'x.Q' has a constructor and is a function too"),
        (HEAD + '[types."x.Q"]\ntitle = "q"\n', 'types."x.Q"', "no 'category' says what it is (one of actor, channel"),
        (HEAD + '[types."x-y"]\ncategory = "lock"\n', 'types."x-y"', "'x-y' is not a dotted name"),
        (
            HEAD + '[functions]\n"x.f" = { op = "spawn", target = "f@0" }\n',
            'functions."x.f"',
            "op 'spawn' needs the key 'actor'",
        ),
        (HEAD + '[functions]\n"x.f" = { op = "get", makes = "x.T" }\n', 'functions."x.f".makes', "no type 'x.T' is described"),
        (HEAD + '[harmless]\nnames = ["x.f", "x.f"]\n', "harmless", "function 'x.f' is described twice"),
        (HEAD + '[harmless]\nname = ["x.f"]\n', "harmless", "unknown key 'name' (did you mean 'names'?)"),
    ],
)
def test_refusals_name_place_and_problem(text: str, place: str, problem: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        build(text)
    assert caught.value.place.file == "lib0.toml"
    assert caught.value.place.entry.endswith(place)
    assert problem in caught.value.problem
    assert str(caught.value).startswith("lib0.toml: ")


def test_names_are_described_once_in_all_files() -> None:
    with pytest.raises(CatalogueError, match=r"lib1.toml: types.*type 'x.Q' is described twice"):
        build(QUEUE, QUEUE)
    with pytest.raises(CatalogueError, match=r"lib1.toml: library.aliases: 'a' is already an alias of 'b'"):
        build(HEAD + 'aliases = { "a" = "b" }\n', HEAD + 'aliases = { "a" = "c" }\n')
    assert build(HEAD + 'aliases = { "a" = "b" }\n', HEAD + 'aliases = { "a" = "b" }\n').aliases == {"a": "b"}


def test_types_may_name_types_of_later_files() -> None:
    lifo = '[types."x.L"]\nbases = ["x.Q"]\norder = "lifo"\nattributes = { b = "x.Q" }\n'
    built = build(HEAD + lifo, QUEUE + 'attributes = { a = "x.Q" }\n')
    assert built.types["x.L"].category is Category.CHANNEL
    assert built.types["x.L"].attributes == {"a": "x.Q", "b": "x.Q"}


def test_unknown_methods_and_types_have_no_effect(catalogue: Catalogue) -> None:
    assert catalogue.method("queue.Queue", "fetch") is None
    assert catalogue.method("queue.Nothing", "get") is None


def test_circles_of_aliases_end() -> None:
    circle = build(HEAD + 'aliases = { "a" = "b", "b" = "a" }\n')
    assert circle.canonical("a") in ("a", "b")


def test_own_keys_go_before_those_of_the_model() -> None:
    built = build(
        QUEUE
        + 'methods = { get = { op = "receive", timeout = "t@0" }, take = { like = "x.f", timeout = "s@1" } }\n'
        + '[types."x.R"]\nlike = "x.Q"\nconstructor = { like = "x.Q" }\nmethods = { get = "poll" }\n'
        + '[functions]\n"x.f" = { op = "receive", block = "b@0" }\n'
    )
    take = built.types["x.R"].methods["take"]
    assert (take.op, take.block, take.timeout) == (OpKind.RECEIVE, ArgRef("b", 0), ArgRef("s", 1))
    assert built.types["x.R"].methods["get"].op is OpKind.POLL
    assert built.functions["x.R"].makes == "x.R"


def test_broken_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "notes.txt").write_text("not read")
    (folder / "bad.toml").write_text("[library\n")
    monkeypatch.setattr(libraries, "_FOLDER", str(folder))
    load._builtin.cache_clear()
    try:
        with pytest.raises(CatalogueError, match=r"^bad\.toml: Expected"):
            load_catalogue()
        (folder / "bad.toml").write_bytes(b"\xff")
        with pytest.raises(CatalogueError, match=r"^bad\.toml: 'utf-8' codec"):
            load_catalogue()
    finally:
        monkeypatch.undo()
        load._builtin.cache_clear()
    assert "queue.Queue" in load_catalogue().types


def test_the_copy_says_what_the_files_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    digest, copied = read_libraries()
    assert Path(libraries.COPY).read_text(encoding="utf-8") == write_copy(), "run scripts/catalogue_copy.py"
    assert json.loads(Path(libraries.COPY).read_text(encoding="utf-8"))[0] == digest, "run scripts/catalogue_copy.py"
    monkeypatch.setattr(libraries, "COPY", str(tmp_path / "gone.json"))
    assert read_libraries() == (digest, copied)
    assert write_copy() == json.dumps([digest, copied], separators=(",", ":")) + "\n"


@pytest.mark.parametrize(
    "copy", ["", "[", "1", '["{digest}"]', '["{digest}", 1]', '["{digest}", [1]]', '["old", [["a.toml", {{}}]]]']
)
def test_a_copy_of_other_files_or_a_broken_one_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, copy: str) -> None:
    digest, found = read_libraries()
    (tmp_path / "copy.json").write_text(copy.format(digest=digest))
    monkeypatch.setattr(libraries, "COPY", str(tmp_path / "copy.json"))
    assert read_libraries() == (digest, found)


# -- the configuration's entries ----------------------------------------------------------------------------------------------


def test_configured_channel_like_a_known_one(catalogue: Catalogue) -> None:
    entry = {
        "name": "acme.jobs.JobQueue",
        "like": "queue.Queue",
        "title": "job queue",
        "aliases": ["acme.JobQueue"],
        "methods": {"fetch": {"op": "receive", "timeout": "wait@0"}},
    }
    extended = load_catalogue({"channels": [entry]})
    info = extended.types["acme.jobs.JobQueue"]
    assert (info.category, info.title, info.capacity) == (Category.CHANNEL, "job queue", ArgRef("maxsize", 0))
    assert info.methods["put"] == catalogue.types["queue.Queue"].methods["put"]
    assert info.methods["fetch"].timeout == ArgRef("wait", 0)
    assert extended.functions["acme.jobs.JobQueue"].makes == "acme.jobs.JobQueue"
    assert extended.canonical("acme.JobQueue") == "acme.jobs.JobQueue"
    assert b"JobQueue" in extended.needles
    assert extended.digest != catalogue.digest
    assert "acme.jobs.JobQueue" not in load_catalogue().types


def test_configured_channel_from_nothing() -> None:
    entry = {"name": "acme.open", "needles": ["acme"], "constructor": {"op": "make", "since": "3.12"}}
    extended = load_catalogue({"channels": [entry]})
    assert extended.types["acme.open"].category is Category.CHANNEL
    assert extended.functions["acme.open"].since == (3, 12)
    assert b"acme" in extended.needles
    assert b"open" not in extended.needles


def test_configured_spawners() -> None:
    extended = load_catalogue(
        {
            "spawners": [
                {"name": "acme.go", "target": "func@0", "args": "*1", "rest_kwargs": True, "actor": "thread"},
                {"name": "acme.later", "like": "acme.go", "target": "func@1", "args": "*2"},
                {"name": "acme.Crew", "bases": ["concurrent.futures.ThreadPoolExecutor"], "title": "crew"},
                {"name": "acme.Set", "category": "group", "methods": {"stop": "cancel"}},
            ]
        }
    )
    assert extended.functions["acme.go"].op is OpKind.SPAWN
    assert extended.functions["acme.later"].target == ArgRef("func", 1)
    crew = extended.functions["acme.Crew"]
    assert (crew.op, crew.makes, crew.count) == (OpKind.MAKE, "acme.Crew", ArgRef("max_workers", 0))
    assert extended.method("acme.Crew", "submit") is not None
    assert extended.types["acme.Crew"].exit == "join"
    assert extended.functions["acme.Set"].op is OpKind.MAKE
    assert extended.needles == load_catalogue().needles


def test_configuration_replaces_a_known_type() -> None:
    extended = load_catalogue({"channels": [{"name": "janus.SyncQueue", "methods": {"get": "receive"}}]})
    assert set(extended.types["janus.SyncQueue"].methods) == {"get"}
    assert set(load_catalogue().types["janus.SyncQueue"].methods) > {"get", "put"}


def test_nothing_configured_changes_nothing(catalogue: Catalogue) -> None:
    nothing: tuple[dict[str, object] | None, ...] = (None, {}, {"channels": [], "spawners": []})
    for extra in nothing:
        assert load_catalogue(extra).types == catalogue.types


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"chanels": []}, "configuration: unknown key 'chanels' (did you mean 'channels'?)"),
        ({"channels": {}}, "configuration: channels: expected a list of tables"),
        ({"channels": ["x"]}, "configuration: channels[1]: expected a table, found a text"),
        ({"channels": [{}]}, "configuration: channels[1].name: expected a text, found nothing"),
        ({"channels": [{"name": "a.Q"}, {"name": "a.R", "lik": "x"}]}, "channels[2]: unknown key 'lik' (did you mean 'like'?)"),
        ({"channels": [{"name": "a.Q", "like": "queue.Queu"}]}, "channels[1] (a.Q).like: no type 'queue.Queu' is described"),
        ({"channels": [{"name": "a.Q", "bases": "queue.Queue"}]}, "channels[1] (a.Q).bases: expected a list of texts"),
        ({"channels": [{"name": "a.Q", "needles": [""]}]}, "channels[1] (a.Q).needles: expected a text"),
        ({"channels": [{"name": "a.Q", "op": "send"}]}, "channels[1] (a.Q): unknown key 'op'"),
        ({"channels": [{"name": "a.Q", "aliases": ["thread"]}]}, "(a.Q).aliases: 'thread' is already an alias of '_thread'"),
        ({"spawners": [{"name": "a.f", "target": "f@0"}]}, "spawners[1] (a.f): op 'spawn' needs the key 'actor'"),
        ({"spawners": [{"name": "a.f", "target": "f@0", "actor": "fibre"}]}, "unknown value 'fibre'"),
        ({"spawners": [{"name": "a.F", "methods": {}}]}, "spawners[1] (a.F): no 'category' says what it is"),
    ],
)
def test_bad_configuration(extra: dict[str, object], message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(extra)
    assert message in str(caught.value)
