"""The README shows what really happens: its outputs, commands, lists and comments are compared with chanlint itself."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from chanlint import api
from chanlint.engine.codes import known_codes
from chanlint.engine.config import Settings
from chanlint.report.base import FORMATS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
LEAKING = """\
import queue
import threading


def work(jobs):
    while True:
        print(jobs.get())


def handle():
    jobs = queue.Queue()
    threading.Thread(target=work, args=(jobs,)).start()
"""


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def chanlint(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    environment.pop("FORCE_COLOR", None)
    command = [sys.executable, "-m", "chanlint", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
    )
    assert done.returncode in (0, 1), done.stdout
    return done


def shown(block: str) -> tuple[list[str], str]:
    """The arguments of chanlint in a block that begins with ``$ chanlint``, and the output below."""
    command, _, output = block.partition("\n")
    assert command.startswith("$ chanlint ")
    return shlex.split(command)[2:], output


def test_the_finding_that_it_shows_is_what_chanlint_prints() -> None:
    (block,) = blocks("console")
    arguments, output = shown(block)
    assert chanlint(*arguments, "--output-format", "full").stdout == output


def test_the_page_of_the_examples_shows_what_chanlint_prints() -> None:
    text = (ROOT / "examples" / "README.md").read_text()
    block = text[text.index("$ chanlint") :].removesuffix("```\n")
    arguments, output = shown(block)
    assert chanlint(*arguments, "--quiet").stdout == output


def test_its_two_commands_are_these() -> None:
    first, second, *_ = blocks("bash")
    assert first == "python -m pip install . && chanlint check examples --exit-zero\n"
    assert second == 'python -m pip install ".[test]" && python -m pytest\n'


def test_the_main_job_finds_something_and_leaves_with_zero() -> None:
    (arguments,) = re.findall(r"&& chanlint (.+)$", blocks("bash")[0], re.MULTILINE)
    done = chanlint(*arguments.split())
    assert (done.returncode, "CHN101" in done.stdout) == (0, True)
    assert chanlint(*arguments.replace(" --exit-zero", "").split()).returncode == 1


def test_the_rules_are_those_that_exist() -> None:
    rows = re.findall(r"^\| (CHN\d+) \| \[`([\w-]+)`\]\((.+?)\) \|", README, re.MULTILINE)
    assert {code: name for code, name, _ in rows} == known_codes()
    assert [code for code, _, _ in rows] == sorted(known_codes())


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "examples" / "README.md", ROOT / "docs" / "adding_a_rule.md"):
        links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
        assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_option_that_it_names_exists() -> None:
    known = set(re.findall(r"--[a-z-]+", chanlint("check", "--help").stdout + chanlint("dump", "--help").stdout))
    assert set(re.findall(r"--[a-z][a-z-]+", README)) <= known


def test_every_command_that_it_names_exists() -> None:
    named = set(re.findall(r"chanlint ([a-z]+)\b", "".join(blocks("bash")) + " ".join(re.findall(r"`(.+?)`", README))))
    for command in named:
        assert chanlint(command, "--help").returncode == 0
    assert {"check", "baseline", "explain", "rule"} <= named


def test_the_formats_are_those_that_exist() -> None:
    (paragraph,) = re.findall(r"\*\*Formats\*\*.*?\n\n", README, re.DOTALL)
    words = set(re.findall(r"`([a-z0-9-]+)`", paragraph))
    assert words - {"--output-format"} == set(FORMATS)


def test_the_libraries_are_those_of_the_catalogue() -> None:
    (item,) = re.findall(r"It knows (.*?)\. Another", README, re.DOTALL)
    named = {word.strip("`") for word in re.split(r",\s+|\s+and\s+", item)}
    files = (ROOT / "src" / "chanlint" / "catalogue" / "python").glob("*.toml")
    names = {tomllib.loads(path.read_text())["library"]["name"] for path in files}
    assert named == {name for name in names if " " not in name}, "names with a blank are no libraries"


def test_its_library_example_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "jobs.py").write_text(LEAKING)
    monkeypatch.chdir(tmp_path)
    (code,) = [block for block in blocks("python") if "import chanlint" in block]
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("src/jobs.py 12 CHN101 a thread per call of handle stays blocked")


def findings(folder: Path, source: str) -> list[str]:
    (folder / "jobs.py").write_text(source)
    found = api.check([folder / "jobs.py"], Settings(cwd=str(folder), project_root=str(folder), isolated=True))
    return [one.code for one in found]


COMMENTS = [line[line.index("#") :] for block in blocks("python") for line in block.splitlines() if "#" in line]


@pytest.mark.parametrize("comment", COMMENTS)
def test_each_of_its_comments_silences_the_line(comment: str, tmp_path: Path) -> None:
    assert findings(tmp_path, LEAKING) == ["CHN101"]
    assert findings(tmp_path, LEAKING.replace(".start()\n", f".start()  {comment}\n")) == []


def test_a_comment_counts_on_the_other_places_and_a_bare_one_nowhere(tmp_path: Path) -> None:
    assert len(COMMENTS) == 4
    assert findings(tmp_path, LEAKING.replace("queue.Queue()\n", "queue.Queue()  # noqa: CHN101\n")) == []
    assert findings(tmp_path, LEAKING.replace(".start()\n", ".start()  # noqa\n")) == ["CHN101"]
