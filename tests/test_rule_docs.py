"""The documentation of the rules: its blocks are run, its pages are fresh, its order never varies."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from chanlint import api
from chanlint.engine.codes import known_codes
from chanlint.engine.config import Settings
from chanlint.rules.base import Rule
from chanlint.rules.registry import RULES

ROOT = Path(__file__).resolve().parent.parent
_EXPECTED = re.compile(r"# (error|warning|info): \[(CHN\d{3})\]")


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rule_docs", ROOT / "scripts" / "rule_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rule_docs = load()
EVERY_BLOCK = [
    pytest.param(rule, section, block, id=f"{rule.code}-{section}-{number}")
    for rule in RULES
    for section in ("Bad", "Good")
    for number, block in enumerate(rule_docs.blocks(rule.documentation, section), 1)
]


def said(block: str, folder: Path) -> list[tuple[int, str, str]]:
    """Line, severity and code of every finding in a block."""
    path = folder / "block.py"
    path.write_text(block)
    found = api.check([path], Settings(cwd=str(folder), project_root=str(folder), isolated=True, no_cache=True))
    return sorted((one.location.row, one.severity.value, one.code) for one in found)


def expected(block: str) -> list[tuple[int, str, str]]:
    """What the comments of a block ask for."""
    lines = enumerate(block.splitlines(), 1)
    return sorted((number, match[1], match[2]) for number, line in lines for match in _EXPECTED.finditer(line))


@pytest.mark.parametrize(("rule", "section", "block"), EVERY_BLOCK)
def test_blocks_are_reported_as_their_comments_say(rule: Rule, section: str, block: str, tmp_path: Path) -> None:
    wanted = expected(block)
    assert {code for _, _, code in wanted} == ({rule.code} if section == "Bad" else set())
    assert said(block, tmp_path) == wanted


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_shows_both_sides(rule: Rule) -> None:
    assert rule_docs.blocks(rule.documentation, "Bad")
    assert rule_docs.blocks(rule.documentation, "Good")
    assert re.fullmatch(r"[^\n]+\.", rule.summary), "the first line is a sentence"


def test_pages_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert rule_docs.main(["--check"]) == 0, capsys.readouterr().err


def test_there_is_a_page_for_each_rule_and_the_index_links_them_all() -> None:
    pages = rule_docs.pages()
    assert set(pages) == {"README.md"} | {f"{code}-{name}.md" for code, name in known_codes().items()}
    assert set(re.findall(r"\]\((.+?)\)", pages["README.md"])) == set(pages) - {"README.md"}


def test_a_page_holds_the_documentation_as_markdown() -> None:
    page = rule_docs.pages()["CHN101-unclosed-channel.md"]
    assert page.splitlines()[2] == "# CHN101 unclosed-channel"
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings == ["Why", "Bad", "Good", "Limits", "How to suppress"]
    assert page.count("```") == 4
    assert "`daemon=True`" in page and "``daemon" not in page


def test_writing_then_checking_is_silent_and_pages_of_lost_rules_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "rules"
    assert rule_docs.main(["--folder", str(folder)]) == 0
    assert rule_docs.main(["--folder", str(folder), "--check"]) == 0
    (folder / "CHN999-gone.md").write_text("old")
    (folder / "CHN101-unclosed-channel.md").write_text("edited by hand")
    capsys.readouterr()
    assert rule_docs.main(["--folder", str(folder), "--check"]) == 1
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == [
        "CHN101-unclosed-channel.md",
        "CHN999-gone.md",
    ]
    rule_docs.main(["--folder", str(folder)])
    assert capsys.readouterr().out.splitlines() == ["wrote CHN101-unclosed-channel.md", "removed CHN999-gone.md"]
    assert not (folder / "CHN999-gone.md").exists()


@pytest.mark.parametrize(
    "text",
    [
        "No section.",
        "S.\n\nWhy\n---\na\n\nBad\n---\nb\n\nGood\n----\nc\n",
        "S.\n\nWhy\n---\na\n\nGood\n----\nc\n\nBad\n---\nb\n\nLimits\n------\nd\n",
        "S.\n\nWhy\n---\na\n\nBad\n---\nb\n\nGood\n----\n\nLimits\n------\nd\n",
    ],
    ids=["none", "one too few", "another order", "an empty one"],
)
def test_another_shape_is_refused(text: str) -> None:
    with pytest.raises(rule_docs.MalformedError, match="they must be Why, Bad, Good, Limits"):
        rule_docs.sections(text)


def test_the_rule_with_another_shape_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Rule("CHN999", "nothing", lambda model: (), "json")
    monkeypatch.setattr(rule_docs, "RULES", (*RULES, broken))
    with pytest.raises(rule_docs.MalformedError, match=r"^CHN999: sections are"):
        rule_docs.pages()


def test_the_others_are_written_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Rule("CHN999", "nothing", lambda model: (), "json")
    monkeypatch.setattr(rule_docs, "RULES", (*RULES, broken))
    assert rule_docs.main(["--folder", str(tmp_path)]) == 1
    assert "CHN999: sections are" in capsys.readouterr().err
    assert (tmp_path / "CHN101-unclosed-channel.md").is_file()
    assert rule_docs.main(["--folder", str(tmp_path), "--check"]) == 1


def test_every_family_has_its_name_and_every_page_its_place() -> None:
    assert {code.removeprefix("CHN")[0] for code in known_codes()} <= rule_docs.FAMILIES.keys()
    text = (ROOT / "mkdocs.yml").read_text()
    assert rule_docs.navigated(text) == text
    lines = rule_docs.navigated("nav:\n  - Rules:\n      - rules/old.md\n      - rules/older.md\n  - x.md\n").splitlines()
    assert lines[2] == "      - rules/README.md" and lines[-1] == "  - x.md" and len(lines) == len(known_codes()) + 4
