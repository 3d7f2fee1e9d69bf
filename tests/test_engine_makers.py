"""Which files make channels, judged without parsing them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chanlint.catalogue.load import load_catalogue
from chanlint.catalogue.schema import Catalogue
from chanlint.catalogue.words import maker_words
from chanlint.engine.config import Settings
from chanlint.engine.files import Files, Sought
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.makers import Makers
from chanlint.engine.project import Index
from chanlint.frontends.python.outline import Import, Outliner
from engine_fakes import write


def makers_of(root: Path, files: dict[str, str]) -> set[str]:
    write(root, files)
    index = Index(Settings(cwd=str(root), project_root=str(root)), [str(root / name) for name in files])

    def read(module: str) -> bytes:
        return FileSystem().read(index.paths[module])

    files_known, makers = judge(index, load_catalogue(), read)
    return {module for module in files_known.index.paths if makers.is_maker(module)}


def judge(index: Index, catalogue: Catalogue, read: Callable[[str], bytes]) -> tuple[Files, Makers]:
    words = maker_words(catalogue)
    known = Files(index, read, Sought(catalogue.needles, words.sure, words.hand_overs, words.words))
    return known, Makers(known, catalogue, words)


@pytest.mark.parametrize(
    "text",
    [
        "import queue\nq = queue.Queue()\n",
        "import queue as jobs\nq = jobs.LifoQueue()\n",
        "from queue import Queue as Q\nq = Q()\n",
        "from queue import (\n    Empty,  # nothing there\n    SimpleQueue as Q,\n)\nq = Q()\n",
        "from queue import *\nq = Queue()\n",
        "import asyncio\nfactory = asyncio.Queue\n",
        "import asyncio.queues\nq = asyncio.queues.Queue()\n",
        "from asyncio import queues\nq = queues.PriorityQueue()\n",
        "import multiprocessing as mp\nq = mp.get_context('spawn').Queue()\n",
        "def run(context):\n    return context.Queue()\n",
        "def run(manager):\n    return manager.JoinableQueue()\n",
        "from six.moves import queue\nq = queue.Queue()\n",
        "from six.moves.queue import Queue\nq = Queue()\n",
        "import trio\nsend, receive = trio.open_memory_channel[int](0)\n",
        "from anyio import create_memory_object_stream as pair\nends = pair(1)\n",
        "import threading\ndone = threading.Event()\n",
        "import asyncio\ndef handle(jobs: 'asyncio.Queue[int]'): ...\n",
        "import asyncio\ndef handle(jobs: asyncio.Queue | None): ...\n",
        "from .compat import Queue\nq = Queue()\n",  # nobody knows what that is
        "try:\n    from queue import Queue\nexcept ImportError:\n    from elsewhere import Queue\n",
        "from gevent.queue import Channel\n",
        "import queue; text = 'a \\' #'; q = queue.Queue()\n",
        "import asyncio, threading\ndef f(loop):\n    threading.Thread(target=loop.create_future().set_result).start()\n",
    ],
)
def test_makers(tmp_path: Path, text: str) -> None:
    assert makers_of(tmp_path, {"m.py": text}) == {"m.py"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "from kombu import Queue\nq = Queue('tasks')\n",
        "import kombu\nq = kombu.Queue('tasks')\n",
        "class Queue:\n    pass\nq = Queue()\n",
        "import asyncio\n# asyncio.Queue is not used here\n",
        '"""Nothing like a queue.Queue, or a Pipe."""\nimport queue\n',
        "import queue\ntext = 'we say queue.Queue here'\n",
        "from events import Event\nEvent()\n",
        "class KeyboardEvent: ...\nKeyboardEvent()\n",
        "import asyncio\nfuture = asyncio.Future()\n",  # no thread may touch it
    ],
)
def test_files_that_only_seem_to_make_channels(tmp_path: Path, text: str) -> None:
    assert makers_of(tmp_path, {"m.py": text}) == set()


def test_names_are_followed_through_modules_of_the_project(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .made import Queue\nfrom .entity import Entity, Queue as AmqpQueue\n",
        "pkg/made.py": "from queue import Queue\n",
        "pkg/entity.py": "class Queue:\n    pass\n\nclass Entity:\n    pass\n",
        "real.py": "from pkg import Queue\nq = Queue()\n",
        "deep.py": "import pkg.made\nq = pkg.made.Queue()\n",
        "other.py": "from pkg.entity import Queue\nq = Queue()\n",
        "alias.py": "from pkg import AmqpQueue\nq = AmqpQueue()\n",
        "one.py": "from two import Queue\n",
        "two.py": "from one import Queue\n",
    }
    assert makers_of(tmp_path, files) == {"pkg/__init__.py", "pkg/made.py", "real.py", "deep.py", "one.py", "two.py"}


def test_a_text_that_ends_within_a_string_is_left_to_the_parser(tmp_path: Path) -> None:
    assert makers_of(tmp_path, {"m.py": '"""\nimport queue\nqueue.Queue()\n'}) == {"m.py"}


def test_channels_of_the_configuration_need_no_closer_look(tmp_path: Path) -> None:
    extra = {"channels": [{"name": "acme.open", "needles": ["acme"], "like": "queue.Queue"}]}
    write(tmp_path, {"m.py": "import acme\nbelt = acme.open()\n"})
    index = Index(Settings(cwd=str(tmp_path), project_root=str(tmp_path)), [str(tmp_path / "m.py")])
    _, makers = judge(index, load_catalogue(extra), lambda module: (tmp_path / module).read_bytes())
    assert makers.is_maker("m.py")


def test_every_maker_of_the_catalogue_is_known_by_its_own_name() -> None:
    catalogue = load_catalogue()
    words = maker_words(catalogue)
    assert {"queue.Queue", "asyncio.Event", "trio.open_memory_channel"} <= words.makers
    assert "asyncio.Future" in words.futures
    assert "asyncio.Future" not in words.makers
    assert {"Queue", "JoinableQueue", "Pipe", "create_memory_object_stream"} <= words.telling
    assert "Channel" not in words.telling  # far too common
    assert "create_future" in words.telling_futures
    assert b"gevent" in words.sure
    assert b"Queue" not in words.sure


def test_outlines_see_code_and_nothing_else() -> None:
    text = (
        b'import a.b as c, d.e\nfrom ..x import (y,\n  z as w)  # z\nr"""Queue"""; f"\\"" ; q.Queue; z . Queue\nclass K: ...\n'
    )
    outline = Outliner({"Queue"}).outline(text)
    assert outline.mentions == {"q.Queue", "?Queue"} or outline.mentions == {"q.Queue", "Queue"}
    assert outline.imports == (
        Import("a.b", None, 0, "c"),
        Import("d.e", None, 0, "d"),
        Import("x", "y", 2, "y"),
        Import("x", "z", 2, "w"),
    )
    assert outline.defined == {"K"}
    assert not outline.broken


@pytest.mark.parametrize("length", [1_000, 100_000])
def test_outlines_of_hostile_texts_take_no_time(length: int) -> None:
    outliner = Outliner({"Queue"})
    for piece in (b"a.", b'"', b"'", b"\\", b'"""', b"(", b"import a as ", b"from . import ", b"#", b"\n", b'f"{', b"Queue."):
        outliner.outline(piece * length)
