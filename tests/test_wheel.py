"""The wheel holds everything, and what it installs works on its own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_code_catalogue_types_and_licence_and_nothing_else(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in (source / "chanlint").rglob("*")
        if path.is_file() and path.suffix in (".py", ".toml", ".typed") and "cache" not in path.parts[-2]
    }
    assert wanted <= packed
    assert "chanlint/py.typed" in packed
    assert "chanlint/catalogue/python/queue.toml" in packed
    assert all(name.startswith(("chanlint/", "chanlint-")) for name in packed)
    assert any(name.endswith("licenses/LICENSE") for name in packed)


def test_what_it_installs_works(wheel: Path, tmp_path: Path) -> None:
    """Installed by unpacking, beside the packages of this interpreter: no index is asked."""
    target = tmp_path / "site"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("import queue\nq = queue.Queue()\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment["PYTHONPATH"] = str(target)
    script = target / "bin" / "chanlint"
    version = subprocess.run([sys.executable, str(script), "--version"], capture_output=True, text=True, env=environment)
    assert version.stdout == "chanlint 0.1.0\n", version.stderr
    where = "import chanlint; print(chanlint.__file__)"
    assert str(target) in subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, env=environment).stdout
    command = [sys.executable, str(script), "check", "."]
    checked = subprocess.run(command, cwd=tmp_path / "code", capture_output=True, text=True, env=environment)
    assert checked.returncode == 0, checked.stderr
    assert "1 with channels" in checked.stderr
