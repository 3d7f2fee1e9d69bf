"""The formats for programs, and making text safe."""

from __future__ import annotations

import json

import pytest

from chanlint.report.base import FORMATS, Context, format_named
from chanlint.report.text import cells, visible, width_of
from report_fakes import diagnostic


def test_json_has_the_fields_of_the_contract_in_order() -> None:
    (one,) = json.loads(format_named("json")([diagnostic()], Context()))
    assert list(one) == [
        "code",
        "name",
        "message",
        "severity",
        "confidence",
        "filename",
        "location",
        "end_location",
        "related",
        "function",
        "blocked",
        "fix",
        "fingerprint",
        "url",
    ]
    assert one["location"] == {"row": 8, "column": 9}
    assert one["end_location"] == {"row": 8, "column": 50}
    assert one["blocked"] == {"actor": "thread", "count": 1, "per": "call"}
    assert one["related"][0] == {
        "role": "created",
        "message": "channel made here",
        "filename": "app/jobs.py",
        "location": {"row": 5, "column": 21},
        "end_location": {"row": 5, "column": 34},
    }
    assert one["fix"] is one["url"] is None


def test_json_lines_are_the_same_objects() -> None:
    both = [diagnostic(), diagnostic(blocked=None, function=None, filename="\u202e\x1b.py")]
    lines = format_named("json-lines")(both, Context()).splitlines()
    array = format_named("json")(both, Context())
    assert [json.loads(line) for line in lines] == json.loads(array)
    assert array.isascii()
    assert "\x1b" not in array
    assert json.loads(lines[1])["blocked"] is None


@pytest.mark.parametrize(
    ("name", "empty"), [("json", "[]\n"), ("json-lines", ""), ("concise", ""), ("flake8", ""), ("full", "")]
)
def test_nothing_found(name: str, empty: str) -> None:
    assert format_named(name)([], Context()) == empty


def test_concise_is_one_line_per_finding() -> None:
    text = format_named("concise")([diagnostic(), diagnostic(filename="a\nb.py", message="two\nlines")], Context())
    assert text == (
        "app/jobs.py:8:9: CHN101 nothing ends the thread that reads 'self.jobs'\na\\x0ab.py:8:9: CHN101 two\\x0alines\n"
    )
    assert FORMATS["flake8"] == FORMATS["concise"]


def test_every_format_can_be_loaded_and_an_unknown_one_cannot() -> None:
    for name in FORMATS:
        assert callable(format_named(name))
    with pytest.raises(KeyError):
        format_named("nope")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本 \u0301", "plain é 日本 \u0301"),
        ("\t\n\r\x00\x7f\x85", "\\x09\\x0a\\x0d\\x00\\x7f\\x85"),
        ("\u200b\u2066\ufeff\u2028\u2800", "\\u200b\\u2066\\ufeff\\u2028\\u2800"),
        ("\U000e0041\ud800\udcff", "\\U000e0041\\ud800\\xff"),
    ],
)
def test_what_does_not_print_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_cells() -> None:
    assert [cells(character) for character in "a日ｱé\u0301"] == [1, 2, 1, 1, 0]
    assert width_of("日本a") == 5
