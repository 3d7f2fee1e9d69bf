"""The documentation: the site builds, the tutorial is what happens, links lead somewhere, and nothing is left out."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

import terminal
from chanlint.cli.group import COMMANDS
from chanlint.cli.options import FILES, OUTPUT, SELECTING
from chanlint.engine.keys import KEYS, schema
from chanlint.report.base import FORMATS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TUTORIAL = DOCS / "tutorial.md"
CI = DOCS / "ci.md"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]+)?(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, rest of the opening line and text of each fenced block of a page."""
    return [(each["language"] or "", each["info"], each["text"]) for each in _FENCE.finditer(page.read_text())]


def titled(page: Path) -> dict[str, str]:
    """The blocks with a title, by title."""
    found = ((re.search(r'title="([^"]+)"', info), text) for _, info, text in blocks(page))
    return {title[1]: text for title, text in found if title is not None}


# -- the site ---------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in PAGES:
        name = page.relative_to(DOCS).with_suffix("")
        folder = name.parent if name.name in ("index", "README") else name
        assert (tmp_path / "site" / folder / "index.html").is_file(), name
    assert (tmp_path / "site" / "chanlint.schema.json").is_file()


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"([\w/-]+\.md)", (ROOT / "mkdocs.yml").read_text()))
    there = {page.relative_to(DOCS).as_posix() for page in PAGES}
    assert listed == there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    text = _FENCE.sub("", page.read_text())
    for target, heading in re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)", text):
        there = (page.parent / target).resolve() if target else page
        assert there.is_file() and there.is_relative_to(DOCS), target
        if heading:
            assert heading in anchors(there), f"{target}#{heading}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as Python-Markdown makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[-\s]+", "-", heading) for heading in plain}


# -- the tutorial -----------------------------------------------------------------------------------------------------------


def played(page: str, folder: Path) -> str:
    """A page with the outputs of its commands as they are, on a terminal 100 columns wide without colours."""

    def play(block: re.Match[str]) -> str:
        title = re.search(r'title="([^"]+)"', block["info"])
        if title is not None:
            (folder / title[1]).write_text(block["text"])
        if block["language"] != "console":
            return block[0]
        shown = ""
        for command in re.findall(r"^\$ (.+)$", block["text"], re.MULTILINE):
            _, written = terminal.on_terminal(["bash", "-c", command], folder, {"TERM": "dumb"})  # no progress on slow machines
            shown += f"$ {command}\n{written}"
        return f"```console\n{shown}```"

    return _FENCE.sub(play, page)


def test_the_tutorial_is_what_happens(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = TUTORIAL.read_text()
    now = played(text, tmp_path)
    if request.config.getoption("--rewrite-tutorial"):
        TUTORIAL.write_text(now)
    assert now == TUTORIAL.read_text()


def test_the_tutorial_ends_without_a_finding_and_began_with_one() -> None:
    outputs = [text for language, _, text in blocks(TUTORIAL) if language == "console"]
    codes = [code for text in outputs for code in re.findall(r"CHN\d{3}", text)]
    assert list(dict.fromkeys(codes)) == ["CHN101", "CHN103", "CHN102"]
    assert "no leaks" in outputs[-2]


# -- nothing is left out, nothing is invented -------------------------------------------------------------------------------


def everything() -> str:
    return "\n".join(page.read_text() for page in PAGES if page.parent == DOCS)


def test_every_key_has_its_section() -> None:
    headings = "\n".join(re.findall(r"^#+ .+$", (DOCS / "configuration.md").read_text(), re.MULTILINE))
    assert [name for name in KEYS if f"`{name}`" not in headings] == []


def test_every_option_of_check_and_every_command_is_named() -> None:
    text = everything()
    assert [option for option in options_of_check() if not re.search(rf"{option}(?![\w-])", text)] == []
    assert [command for command in COMMANDS if f"chanlint {command}" not in text] == []


def options_of_check() -> set[str]:
    def decorated() -> None: ...

    for option in (*SELECTING, *FILES, *OUTPUT):
        option(decorated)
    parameters = decorated.__click_params__  # type: ignore[attr-defined]
    return {name for each in parameters for name in (*each.opts, *each.secondary_opts) if name.startswith("--")}


def test_every_option_that_is_named_exists() -> None:
    known = options_of_check() | {"--help", "--version", "--prune", "--schema", "--check", "--channels"}  # of other commands
    for page in (
        "tutorial.md",
        "configuration.md",
        "suppressions.md",
        "baseline.md",
        "ci.md",
        "formats.md",
        "how_it_decides.md",
    ):
        spans = re.findall(r"chanlint (?:check|baseline|config|explain|dump|rule)[^`\n]*", (DOCS / page).read_text())
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", " ".join(spans)):
            assert option in known, f"{page}: {option}"


def test_every_format_has_its_sample() -> None:
    text = (DOCS / "formats.md").read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    named = {name for heading in headings for name in re.findall(r"`([\w-]+)`", heading)}
    assert named == set(FORMATS)


# -- samples ----------------------------------------------------------------------------------------------------------------

_CONFIGURATIONS = [
    pytest.param(page, text, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, (language, _, text) in enumerate(blocks(page))
    if language == "toml" and page.name != "adding_a_library.md" and "lint.external" not in text
]


@pytest.mark.parametrize(("page", "text"), _CONFIGURATIONS)
def test_configurations_are_valid(page: Path, text: str, tmp_path: Path) -> None:
    whole = tomllib.loads(text)
    table = whole["tool"]["chanlint"] if "tool" in whole else whole
    jsonschema.Draft7Validator(schema()).validate(table)
    (tmp_path / ("pyproject.toml" if "tool" in whole else "chanlint.toml")).write_text(text)
    if "extend" in table:
        (tmp_path / table["extend"]).write_text("")
    command = [sys.executable, "-m", "chanlint", "config", "--check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


_SCHEMAS = {
    ".github/workflows/": "vendor.github-workflows",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
    "azure-pipelines.yml": "vendor.azure-pipelines",
}
_SNIPPETS = [
    pytest.param(title, text, schema, id=title)
    for title, text in (titled(CI) if CI.exists() else {}).items()
    for start, schema in _SCHEMAS.items()
    if title.startswith(start)
]


def valid(path: Path, name: str) -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--regex-variant", "python", "--builtin-schema", name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("title", "text", "name"), _SNIPPETS)
def test_snippets_for_ci_services_fit_their_schemas(title: str, text: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / os.path.basename(title)  # noqa: PTH119
    path.write_text(text)
    valid(path, name)


def test_there_are_snippets_for_all_services() -> None:
    assert {name for start in _SCHEMAS for name in titled(CI) if name.startswith(start)} >= {
        ".github/workflows/chanlint.yml",
        ".gitlab-ci.yml",
        "azure-pipelines.yml",
    }


def test_the_action_fits_its_schema_and_its_inputs_are_told() -> None:
    valid(ROOT / "action.yml", "vendor.github-actions")
    inputs = re.findall(r"^  ([\w-]+):$", (ROOT / "action.yml").read_text().partition("runs:")[0], re.MULTILINE)
    assert [name for name in inputs if f"`{name}`" not in CI.read_text()] == []


def test_the_configuration_of_pre_commit_is_valid(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    from pre_commit.clientlib import load_config, load_manifest

    path = tmp_path / "config.yaml"
    path.write_text(titled(CI)[".pre-commit-config.yaml"])
    used = {hook["id"] for repo in load_config(path)["repos"] for hook in repo["hooks"]}
    assert used == {hook["id"] for hook in load_manifest(ROOT / ".pre-commit-hooks.yaml")} == {"chanlint", "chanlint-all"}


def test_the_container_is_linted() -> None:
    hadolint = Path(terminal.SCRIPTS) / "hadolint"
    if not hadolint.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
