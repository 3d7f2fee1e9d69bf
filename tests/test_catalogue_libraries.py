"""What the catalogue says about libraries, against the libraries themselves."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chanlint.catalogue.load import load_catalogue
from chanlint.catalogue.schema import ArgRef, Category, Effect, OpKind

PROBE = Path(__file__).with_name("catalogue_probe.py")
STDLIB = sys.stdlib_module_names

# Described although the probed versions lack them, with the reason.
GONE = {
    "anyio.abc.TaskGroup.spawn": "anyio 2 and 3",
    "anyio.from_thread.BlockingPortal.spawn_task": "anyio 2 and 3",
    "multiprocessing.managers.SyncManager.shutdown": "an attribute that start() sets",
    "curio.TimeoutScope": "has no public name",
}
# May be missing where an older release is installed.
NEWER = {
    "anyio.TaskHandle": "anyio 4.14",
    "anyio.abc.TaskGroup.create_task": "anyio 4.14",
    "anyio.abc.TaskGroup.cancel": "anyio 4.14",
    "anyio.from_thread.BlockingPortalProvider": "anyio 4.4",
}


def interpreter(version: str) -> str | None:
    """A Python of that version: this one, one of $CHANLINT_TEST_PYTHONS, of PATH, or of pyenv; it must really run."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    found = os.environ.get("CHANLINT_TEST_PYTHONS", "").split(os.pathsep)
    found += [shutil.which(f"python{version}") or ""]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"))]
    test = f"import sys; sys.exit(sys.version_info[:2] != {tuple(map(int, version.split('.')))})"
    for path in filter(None, found):
        try:
            if subprocess.run([path, "-c", test], capture_output=True, timeout=30, check=False).returncode == 0:
                return path
        except OSError:
            continue
    return None


def exists(effect: Effect, version: tuple[int, int]) -> bool:
    return (effect.since is None or effect.since <= version) and (effect.until is None or version < effect.until)


def claim(name: str, effect: Effect, method: str | None = None) -> dict[str, object]:
    refs = [value for value in (getattr(effect, field) for field in Effect.__slots__) if isinstance(value, ArgRef)]
    return {"name": name, "method": method, "refs": [list(ref) for ref in refs], "rest_kwargs": effect.rest_kwargs}


def claims(version: tuple[int, int]) -> list[dict[str, object]]:
    """All that the catalogue says about names and parameters, as the probe reads it."""
    catalogue = load_catalogue()
    made: list[dict[str, object]] = []
    exceptions: set[str] = set()
    for name, effect in catalogue.functions.items():
        if exists(effect, version):
            made.append(claim(name, effect))
            exceptions.update(effect.raises)
    for name, info in catalogue.types.items():
        constructor = catalogue.functions.get(name)
        if constructor is not None and not exists(constructor, version):
            continue
        if not info.ends:  # a pair has no class
            made.append({"name": name, "refs": [list(ref) for ref in info.parts.values()], "rest_kwargs": False})
        for method, effect in info.methods.items():
            # A maker of a context or manager hands its arguments on as they are.
            if exists(effect, version) and not (info.category is Category.NAMESPACE and effect.op is OpKind.MAKE):
                made.append(claim(name, effect, method))
            exceptions.update(effect.raises, effect.closed)
    if version < (3, 13):
        exceptions -= {"queue.ShutDown", "asyncio.QueueShutDown"}
    made += [{"name": name, "refs": [], "rest_kwargs": False} for name in sorted(exceptions)]
    absent = {**GONE, **NEWER}
    return [c for c in made if c["name"] not in absent and f"{c['name']}.{c.get('method')}" not in absent]


def probe(python: str, chosen: list[dict[str, object]]) -> dict[str, object]:
    done = subprocess.run(
        [python, str(PROBE)], input=json.dumps(chosen), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_standard_library_is_as_described(version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} found in $CHANLINT_TEST_PYTHONS, on PATH or in pyenv")
    numbers = tuple(map(int, version.split(".")))
    chosen = [c for c in claims((numbers[0], numbers[1])) if str(c["name"]).partition(".")[0] in STDLIB]
    result = probe(python, chosen)
    assert result["problems"] == []
    assert result["missing"] == []
    assert result["checked"] == len(chosen) > 300


@pytest.mark.parametrize("library", ["anyio", "trio", "janus", "culsans", "aiologic", "gevent", "eventlet", "tornado", "curio"])
def test_installed_library_is_as_described(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    chosen = [c for c in claims((sys.version_info[0], sys.version_info[1])) if str(c["name"]).partition(".")[0] == library]
    result = probe(sys.executable, chosen)
    if result["missing"]:
        pytest.skip(f"{library} cannot be imported on this Python")
    assert result["problems"] == []
    assert result["checked"] == len(chosen) > 5
