"""Configuration files: which one counts, what a wrong one gets, what the command line puts aside."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

from chanlint.diagnostics import Confidence, Severity
from chanlint.engine.config import Settings, configurations_of, resolve_settings
from chanlint.engine.configuration import Configuration
from chanlint.engine.errors import ConfigurationError
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.keys import KEYS, row_of, schema
from chanlint.engine.selection import Selections, rule_url

LEAK = """\
import queue
import threading


def handle(items):
    jobs = queue.Queue()

    def work():
        while True:
            print(jobs.get())

    threading.Thread(target=work, daemon=True).start()
    for item in items:
        jobs.put(item)
"""


def nearest(root: Path, folder: str = "", **settings: object) -> Configuration | None:
    chosen = Settings(cwd=str(root), **settings)  # type: ignore[arg-type]
    return configurations_of(chosen, FileSystem()).nearest(str(root / folder))


def wrong(root: Path, text: str, name: str = "chanlint.toml") -> str:
    (root / name).write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        nearest(root)
    return str(caught.value)


def chanlint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chanlint", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


# -- which file -------------------------------------------------------------------------------------------------------------


def test_the_nearest_file_decides_alone(tmp_path: Path) -> None:
    (tmp_path / "chanlint.toml").write_text('ignore = ["CHN4"]\nmin-confidence = "low"\n')
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pyproject.toml").write_text('[tool.chanlint]\nselect = ["CHN1"]\n')
    found = nearest(tmp_path, "inner")
    assert found is not None
    assert found.values == {"select": ("CHN1",)}
    assert found.origins["select"].row == 2


def test_chanlint_toml_goes_first_and_a_foreign_pyproject_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert nearest(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text('[tool.chanlint]\nselect = ["CHN2"]\n')
    (tmp_path / "chanlint.toml").write_text('select = ["CHN1"]\n')
    found = nearest(tmp_path)
    assert found is not None and found.values["select"] == ("CHN1",)


def test_the_search_ends_at_the_root_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "chanlint.toml").write_text('select = ["CHN1"]\n')
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "src").mkdir()
    assert nearest(tmp_path, "repo/src") is None


def test_isolated_reads_nothing_and_an_explicit_file_is_used_everywhere(tmp_path: Path) -> None:
    (tmp_path / "chanlint.toml").write_text('select = ["CHN1"]\n')
    (tmp_path / "other.toml").write_text('select = ["CHN2"]\n')
    assert nearest(tmp_path, isolated=True) is None
    found = nearest(tmp_path, config=str(tmp_path / "other.toml"))
    assert found is not None and found.values["select"] == ("CHN2",)


def test_extend_adds_what_the_file_does_not_say_itself(tmp_path: Path) -> None:
    base = 'select = ["CHN1"]\nignore = ["CHN103"]\n[[channels]]\nname = "a.B"\nlike = "queue.Queue"\n'
    (tmp_path / "base.toml").write_text(base)
    own = 'extend = "base.toml"\nselect = ["CHN2"]\n[[channels]]\nname = "c.D"\nlike = "queue.Queue"\n'
    (tmp_path / "chanlint.toml").write_text(own)
    found = nearest(tmp_path)
    assert found is not None
    assert found.values["select"] == ("CHN2",)
    assert found.values["ignore"] == ("CHN103",)
    assert found.origins["ignore"].path.endswith("base.toml")
    assert [entry["name"] for entry in found.values["channels"]] == ["a.B", "c.D"]


# -- wrong files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("select = [\n", "chanlint.toml: "),
        ('\nselct = ["CHN1"]\n', "chanlint.toml:2: unknown key 'selct'; did you mean 'select'?"),
        ('select = "CHN1"\n', "chanlint.toml:1: 'select' takes a list of texts, not a text"),
        ('select = ["CHN999"]\n', "chanlint.toml:1: no rule is called 'CHN999'"),
        ('force-exclude = "yes"\n', "'force-exclude' takes true or false, not a text"),
        ('min-confidence = "hihg"\n', "'hihg' is none of high, medium, low; did you mean 'high'?"),
        ('target-version = "2.7"\n', "'2.7' is not a version"),
        ('[severity]\nCHN101 = "fatal"\n', "chanlint.toml:2: 'severity': 'fatal' is none of error, warning, info"),
        ('[per-file-ignores]\n"a" = ["no-such"]\n', "chanlint.toml:2: no rule is called 'no-such'"),
        ("severity = 3\n", "'severity' takes a table, not a number"),
        ("docs-url = ''\n", "'docs-url' takes a text, not an empty text"),
        ("channels = 3\n", "'channels' is a list of tables: write [[channels]]"),
        ('extend = "gone.toml"\n', "chanlint.toml:1: 'extend': there is no gone.toml"),
        ('extend = "chanlint.toml"\n', "extends this file in turn"),
    ],
)
def test_a_wrong_file_is_told_with_its_row(tmp_path: Path, text: str, says: str) -> None:
    told = wrong(tmp_path, text)
    assert says in told
    assert "\n" not in told


def test_rows_in_pyproject_are_those_of_the_table(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\nselct = 1\n\n[tool.chanlint]\n# a word\nselct = 1\n'
    assert wrong(tmp_path, text, "pyproject.toml").startswith("pyproject.toml:7: ")


def test_a_circle_of_extends_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('extend = "chanlint.toml"\n')
    assert "extends this file in turn" in wrong(tmp_path, 'extend = "b.toml"\n')
    (tmp_path / "chanlint.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        nearest(tmp_path)


def test_a_wrong_configuration_ends_the_run_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "chanlint.toml").write_text("select = 3\n")
    (tmp_path / "a.py").write_text(LEAK)
    for arguments in (["check"], ["config"], ["config", "--check"], ["baseline"]):
        done = chanlint(tmp_path, *arguments)
        assert done.returncode == 2, arguments
        assert done.stderr == "chanlint: chanlint.toml:1: 'select' takes a list of texts, not a number\n"


def test_own_channels_are_checked_and_their_row_is_told(tmp_path: Path) -> None:
    (tmp_path / "chanlint.toml").write_text('select = ["ALL"]\n[[channels]]\nname = "a.B"\nlik = "queue.Queue"\n')
    (tmp_path / "a.py").write_text("")
    done = chanlint(tmp_path, "config", "--check")
    assert done.returncode == 2
    assert "chanlint.toml:2: channels[1]" in done.stderr and "did you mean 'like'?" in done.stderr


@pytest.mark.parametrize(
    ("path", "row"),
    [
        (("select",), 1),
        (("a", "b"), 3),
        (("a", "c.d"), 4),
        (("list", 1, "x"), 9),
        (("list",), 5),
        (("list", 1), 7),
        (("nothing",), None),
        (("a", "unknown"), 2),
        (("list", 1, "dotted", "key"), 10),
    ],
)
def test_rows_of_keys(path: tuple[str | int, ...], row: int | None) -> None:
    text = 'select = []\n[a]\nb = 1\n"c.d" = 2\n[[list]]\nx = 0\n[[list]] # second\ny = 0\nx = 1\ndotted.key = 1\n'
    assert row_of(text, path) == row


# -- what holds -------------------------------------------------------------------------------------------------------------


def test_what_is_given_goes_before_the_configuration(tmp_path: Path) -> None:
    text = 'select = ["CHN2"]\nignore = ["CHN103"]\nmin-confidence = "low"\nextend-exclude = ["gen"]\ntarget-version = "3.13"\n'
    (tmp_path / "chanlint.toml").write_text(text)
    settings = Settings(cwd=str(tmp_path), select=("CHN1",), extend_exclude=("old",), given=frozenset({"min_confidence"}))
    configurations = configurations_of(settings, FileSystem())
    resolved = resolve_settings(settings, FileSystem(), configurations)
    assert resolved.target_version == (3, 13)
    assert resolved.extend_exclude == ("gen", "old")
    chosen = Selections(resolved, configurations).of(str(tmp_path / "a.py"))
    assert chosen.min_confidence is Confidence.MEDIUM
    assert "CHN103" in chosen.codes and "CHN201" not in chosen.codes


def test_selection_differs_from_file_to_file(tmp_path: Path) -> None:
    text = """
extend-ignore = ["CHN106"]
[severity]
CHN1 = "warning"
CHN102 = "error"
[per-file-ignores]
"tests/**" = ["CHN1"]
"!src/**" = ["unread-me"]
"""
    (tmp_path / "chanlint.toml").write_text(text.replace('"unread-me"', '"CHN104"'))
    settings = Settings(cwd=str(tmp_path))
    selections = Selections(settings, configurations_of(settings, FileSystem()))
    tests, src = selections.of(str(tmp_path / "tests/a.py")), selections.of(str(tmp_path / "src/a.py"))
    assert not {"CHN101", "CHN104"} & tests.codes and "CHN000" in tests.codes
    assert {"CHN101", "CHN104"} <= src.codes and "CHN106" not in src.codes
    assert src.severities["CHN101"] is Severity.WARNING and src.severities["CHN102"] is Severity.ERROR


def test_options_of_the_command_line_do_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LEAK)
    (tmp_path / "chanlint.toml").write_text('[severity]\nCHN101 = "warning"\n')
    assert chanlint(tmp_path, "check").returncode == 1
    assert chanlint(tmp_path, "check", "--min-severity", "error").stdout == ""
    assert chanlint(tmp_path, "check", "--per-file-ignores", "*.py:CHN101").stdout == ""
    assert chanlint(tmp_path, "check", "--per-file-ignores", "*.py").returncode == 2
    assert chanlint(tmp_path, "check", "--per-file-ignores", "*.py:CHN9").returncode == 2
    assert chanlint(tmp_path, "check", "--config", "chanlint.toml", "--isolated").returncode == 2
    assert json.loads(chanlint(tmp_path, "check", "--output-format", "json").stdout)[0]["severity"] == "warning"


@pytest.mark.parametrize(
    ("base", "url"),
    [
        (None, None),
        ("https://x/rules/", "https://x/rules/CHN101-unclosed-channel/"),
        ("https://x/{code}#{name}", "https://x/CHN101#unclosed-channel"),
        ("https://x/{page}.html", "https://x/CHN101-unclosed-channel.html"),
    ],
)
def test_rule_pages_have_an_address(base: str | None, url: str | None) -> None:
    assert rule_url(base, "CHN101", "unclosed-channel") == url


# -- the schema and the command ---------------------------------------------------------------------------------------------

GOOD = """
extend = "base.toml"
select = ["CHN1"]
target-version = "3.12"
baseline = "chanlint-baseline.json"
[severity]
CHN1 = "warning"
[per-file-ignores]
"tests/**" = ["CHN4"]
[[channels]]
name = "acme.Jobs"
like = "queue.Queue"
methods = { fetch = { op = "receive" } }
"""


def test_the_schema_takes_what_is_right_and_nothing_else() -> None:
    validator = jsonschema.Draft7Validator(schema())
    jsonschema.Draft7Validator.check_schema(schema())
    assert not list(validator.iter_errors(tomllib.loads(GOOD)))
    for text in ("selct = []", "select = 1", 'min-severity = "bad"', 'target-version = "2"', "[[channels]]\nlike = 'x'"):
        assert list(validator.iter_errors(tomllib.loads(text))), text


def test_the_shipped_schema_is_fresh() -> None:
    shipped = Path(__file__).parent.parent / "docs" / "chanlint.schema.json"
    assert json.loads(shipped.read_text()) == schema(), "run: chanlint config --schema > docs/chanlint.schema.json"


def test_config_shows_every_key_with_its_origin(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nrequires-python = ">=3.12"\n\n[tool.chanlint]\nmin-severity = "warning"\n'
        '[[tool.chanlint.spawners]]\nname = "acme.go"\ntarget = "f@0"\nactor = "thread"\n'
    )
    done = chanlint(tmp_path, "config", "--output-format", "json")
    rows = {row["key"]: row for row in json.loads(done.stdout)}
    assert rows["min-severity"] == {"key": "min-severity", "value": "warning", "from": "pyproject.toml:6"}
    assert rows["target-version"]["value"] == "3.12" and "requires-python" in rows["target-version"]["from"]
    assert rows["spawners"]["value"] == ["acme.go"]
    assert {key for key, each in KEYS.items() if each.field} <= rows.keys()
    assert 'min-severity = "warning"' in chanlint(tmp_path, "config").stdout
    (tmp_path / "a.py").write_text("")
    assert chanlint(tmp_path, "config", "--check").stdout == "pyproject.toml: 2 settings, 1 channels and spawners added\n"
    assert json.loads(chanlint(tmp_path, "config", "--schema").stdout) == schema()
