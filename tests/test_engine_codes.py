"""Selecting rules, and comments that silence findings."""

from __future__ import annotations

import pytest

from chanlint.diagnostics import Confidence, Diagnostic, RelatedLocation, Role, Severity
from chanlint.engine import codes
from chanlint.engine.config import Settings
from chanlint.engine.errors import UnknownSelectorError
from chanlint.engine.selection import selected_codes
from chanlint.engine.suppression import Ledger
from chanlint.frontends.base import Suppression
from chanlint.rules.registry import RULES
from chanlint.source import Location, Span

NAMES_OF_FILES = codes.rule_names()


@pytest.fixture(autouse=True)
def few_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"CHN101": "unclosed-channel", "CHN102": "close-not-on-all-paths", "CHN201": "abandoned-producer"}
    monkeypatch.setattr(codes, "rule_names", lambda: named)


def test_files_are_called_as_their_rules() -> None:
    assert {rule.code: rule.name for rule in RULES} == NAMES_OF_FILES


@pytest.mark.parametrize(
    ("settings", "chosen"),
    [
        ({}, "CHN000 CHN001 CHN002 CHN101 CHN102 CHN201"),
        ({"select": ("CHN1",)}, "CHN000 CHN101 CHN102"),
        ({"select": ("CHN1",), "ignore": ("CHN101",)}, "CHN000 CHN102"),
        ({"select": ("CHN101",), "ignore": ("CHN1",)}, "CHN000 CHN101"),
        ({"select": ("CHN101",), "ignore": ("CHN101",)}, "CHN000"),
        ({"select": ("unclosed-channel",)}, "CHN000 CHN101"),
        ({"ignore": ("ALL",), "extend_select": ("CHN2",)}, "CHN000 CHN201"),
        ({"select": ("ALL",), "extend_ignore": ("close-not-on-all-paths",)}, "CHN000 CHN001 CHN002 CHN101 CHN201"),
        ({"select": ("CHN2",), "extend_select": ("CHN102", " ")}, "CHN000 CHN102 CHN201"),
        ({"ignore": ("CHN",)}, "CHN000"),
        ({"ignore": ("CHN0",)}, "CHN000 CHN101 CHN102 CHN201"),
        ({"ignore": ("CHN000",)}, "CHN001 CHN002 CHN101 CHN102 CHN201"),
        ({"ignore": ("unreadable-file",)}, "CHN001 CHN002 CHN101 CHN102 CHN201"),
    ],
)
def test_the_longest_selector_decides(settings: dict[str, tuple[str, ...]], chosen: str) -> None:
    assert sorted(selected_codes(Settings(**settings))) == chosen.split()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("CHN1011", "did you mean CHN101?"),
        ("unclosed-chanel", "did you mean unclosed-channel?"),
        ("E501", "'chanlint rules' lists all of them."),
        ("chn1", "did you mean"),
        ("C", "lists all"),
    ],
)
def test_an_unknown_selector_is_told_with_a_suggestion(selector: str, hint: str) -> None:
    with pytest.raises(UnknownSelectorError) as caught:
        selected_codes(Settings(extend_ignore=(selector,)))
    assert f"no rule is called {selector!r}" in str(caught.value)
    assert hint in str(caught.value)


def finding(**changes: object) -> Diagnostic:
    values: dict[str, object] = {
        "code": "CHN101",
        "name": "unclosed-channel",
        "message": "m",
        "severity": Severity.ERROR,
        "confidence": Confidence.HIGH,
        "filename": "a.py",
        "location": Location(10, 5),
        "end_location": Location(12, 6),
        "related": (RelatedLocation(Role.CREATED, "made here", "b.py", Location(3, 1), Location(3, 9)),),
    }
    return Diagnostic(**{**values, **changes})  # type: ignore[arg-type]


def comment(kind: str, row: int, *words: str) -> Suppression:
    return Suppression(kind, row, words, Span(Location(row, 1), Location(row, 2)))


@pytest.mark.parametrize(
    ("filename", "one", "silent"),
    [
        ("a.py", comment("noqa", 10, "CHN101"), True),
        ("a.py", comment("noqa", 10, "E501", "CHN1"), True),
        ("a.py", comment("noqa", 10, "chn101"), False),
        ("a.py", comment("noqa", 10, "unclosed-channel"), False),
        ("a.py", comment("noqa", 10), False),
        ("a.py", comment("noqa", 10, ""), False),
        ("a.py", comment("noqa", 12, "CHN101"), False),
        ("b.py", comment("noqa", 3, "CHN101"), True),
        ("b.py", comment("noqa", 10, "CHN101"), False),
        ("a.py", comment("ignore", 10, "CHN101"), True),
        ("a.py", comment("ignore", 12, "unclosed-channel"), True),
        ("a.py", comment("ignore", 13, "CHN101"), False),
        ("a.py", comment("ignore", 10, "CHN102", "unclosed"), False),
        ("a.py", comment("ignore", 10), False),
        ("b.py", comment("ignore", 3, "CHN1"), True),
        ("a.py", comment("skip-file", 1), True),
        ("b.py", comment("skip-file", 1), False),
        ("c.py", comment("skip-file", 1), False),
        ("a.py", comment("something new", 10, "CHN101"), False),
    ],
)
def test_a_comment_silences_findings_on_any_of_their_places(filename: str, one: Suppression, silent: bool) -> None:
    assert Ledger({filename: [one]}).silences(finding()) is silent
