"""The format for people."""

from __future__ import annotations

import itertools
import re

import pytest

from chanlint.diagnostics import Blocked, Confidence, Role, Severity
from chanlint.report.base import Context
from chanlint.report.full import render
from chanlint.report.text import width_of
from chanlint.source import Location
from report_fakes import context, diagnostic, place


def test_every_place_is_underlined_and_labelled() -> None:
    assert render([diagnostic()], context()) == (
        "error[CHN101]: nothing ends the thread that reads 'self.jobs'\n"
        "  --> app/jobs.py:8:9\n"
        "   |\n"
        " 5 |         self.jobs = queue.Queue()\n"
        "   |                     ------------- channel made here\n"
        "...\n"
        " 8 |         threading.Thread(target=self.run).start()\n"
        "   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ spawned here\n"
        "...\n"
        "12 |             job = self.jobs.get(\n"
        "   |                   -------------- received here\n"
        "...\n"
        "17 |             )\n"
        "   |             -\n"
        "   |\n"
        "   = help: send a marker that the loop tests for\n"
        "   = blocked: 1 thread per call of app.jobs.Pool.start\n"
        "   = confidence: high\n"
        "\n"
    )


def test_other_files_follow_and_a_single_row_between_is_shown() -> None:
    related = (
        place(Role.SPAWNED, "called here", "main.py", 3, 1, 3, 8),
        place(Role.CREATED, "made here", "main.py", 1, 1, 1, 4),
        place(Role.ESCAPES, "goes away here", "unseen.py", 9, 2, 9, 3),
    )
    one = diagnostic(related=related, help=None, blocked=None, function=None, severity=Severity.WARNING)
    assert render([one], context(main="a = 1\n\nPool(a)\n")) == (
        "warning[CHN101]: nothing ends the thread that reads 'self.jobs'\n"
        " --> app/jobs.py:8:9\n"
        "  |\n"
        "8 |         threading.Thread(target=self.run).start()\n"
        "  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  |\n"
        " ::: main.py:3:1\n"
        "  |\n"
        "1 | a = 1\n"
        "  | --- made here\n"
        "2 |\n"
        "3 | Pool(a)\n"
        "  | ------- called here\n"
        "  |\n"
        " ::: unseen.py:9:2\n"
        "  = confidence: high\n"
        "\n"
    )


def test_places_in_one_row_are_underlined_one_below_the_other() -> None:
    related = (
        place(Role.CREATED, "the class", "app/jobs.py", 8, 9, 8, 25),
        place(Role.SENDS, "the same place", "app/jobs.py", 8, 26, 8, 41),
        place(Role.SPAWNED, "again", "app/jobs.py", 8, 26, 8, 41),
    )
    one = diagnostic(related=related, location=Location(8, 26), end_location=Location(8, 41), help=None, blocked=None)
    assert render([one], context()).split("\n")[3:6] == [
        "8 |         threading.Thread(target=self.run).start()",
        "  |         ---------------- the class",
        "  |                          ^^^^^^^^^^^^^^^ the same place; again",
    ]


def test_wide_characters_and_tabs_are_underlined_in_cells() -> None:
    text = "\tf('日本', e\u0301, x)\n"
    one = diagnostic(
        filename="w.py", location=Location(1, 14), end_location=Location(1, 15), related=(), help=None, blocked=None
    )
    lines = render([one], context(w=text)).split("\n")
    assert lines[3:5] == ["1 |     f('日本', e\u0301, x)", "  |                  ^"]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = "x = [" + ", ".join(f"name{n}" for n in range(60)) + "]  # 日本語" + "語" * 60 + "\n"
    related = (
        place(Role.CREATED, "made here, and this label goes on for quite a while, too", "long.py", 1, 200, 1, 207),
        place(Role.SPAWNED, "a short one", "long.py", 1, 1, 1, 2),
        place(Role.SENDS, "wide", "long.py", 1, len(long) - 30, 1, len(long) - 20),
    )
    one = diagnostic(filename="long.py", location=Location(1, 100), end_location=Location(1, 107), related=related)
    lines = render([one], context(width, long=long)).split("\n")
    assert max(map(width_of, lines)) <= width
    assert sum("^^^^^^^" in line for line in lines) == 1
    joined = re.sub(r"[\s|]+", " ", " ".join(lines))
    assert "made here, and this label goes on for quite a while, too" in joined
    for row, under in itertools.pairwise(lines):
        if "^" in under:
            assert row[under.index("^") : under.rindex("^") + 1] == long[99:106]


def test_a_mark_wider_than_the_terminal_is_cut() -> None:
    text = "f(" + "a" * 300 + ")\n"
    one = diagnostic(
        filename="x.py", location=Location(1, 1), end_location=Location(1, 304), related=(), help=None, blocked=None
    )
    lines = render([one], context(60, x=text)).split("\n")
    assert lines[4] == "1 | f(" + "a" * 51 + "..."
    assert lines[5] == "  | " + "^" * 53


def test_nothing_from_the_program_reaches_the_terminal_raw() -> None:
    nasty = "\x1b[31m\u202e\u200b\x9b\r"
    text = f"x = '{nasty[:-1]}[bold]'\n"
    one = diagnostic(
        filename=f"n{nasty}.py",
        message=f"m{nasty}[red]m[/red]",
        help=f"h{nasty} :smile:",
        function=f"f{nasty}",
        location=Location(1, 1),
        end_location=Location(1, 2),
        related=(place(Role.CREATED, f"l{nasty}", f"n{nasty}.py", 1, 5, 1, 9),),
    )
    out = render([one], context(**{f"n{nasty}": text}))
    assert not set(out) & set("\x1b\u202e\u200b\x9b\r")
    assert "m\\x1b[31m\\u202e\\u200b\\x9b\\x0d[red]m[/red]" in out
    assert "x = '\\x1b[31m\\u202e\\u200b\\x9b[bold]'" in out
    assert ":smile:" in out


def test_colours_are_only_added_when_asked_for() -> None:
    plain = render([diagnostic()], context())
    colored = render([diagnostic()], context(color=True))
    assert "\x1b" not in plain
    assert "\x1b[1;31merror[CHN101]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_places_beyond_the_text_are_survived() -> None:
    one = diagnostic(location=Location(99, 1), end_location=Location(99, 5), related=())
    assert "app/jobs.py:99:1" in render([one], context())
    short = diagnostic(location=Location(2, 50), end_location=Location(2, 60), related=())
    assert "2 |\n  | ^\n" in render([short], context())
    upto = diagnostic(location=Location(7, 5), end_location=Location(8, 1), related=())
    assert "7 |     def start(self):\n  |     ^^^^^^^^^^^^^^^^\n" in render([upto], context())


def test_few_rows_of_a_span_are_all_shown() -> None:
    one = diagnostic(location=Location(12, 19), end_location=Location(15, 22), related=(), help=None, blocked=None)
    assert render([one], context()).split("\n")[3:10] == [
        "12 |             job = self.jobs.get(",
        "   |                   ^^^^^^^^^^^^^^",
        "13 |                 True,",
        "   |                 ^^^^^",
        "14 |",
        "15 |                 None,",
        "   |                 ^^^^^",
    ]


@pytest.mark.parametrize(
    ("blocked", "text"),
    [
        (Blocked("process", 2, "object"), "2 processes per object"),
        (Blocked("task", "many", "call"), "many tasks per call of app.jobs.Pool.start"),
        (Blocked("caller", 1, "program"), "1 caller per program"),
    ],
)
def test_who_stays_blocked_is_told(blocked: Blocked, text: str) -> None:
    assert f"= blocked: {text}\n" in render([diagnostic(blocked=blocked)], context())


def test_nothing_found_prints_nothing_and_low_confidence_is_told() -> None:
    assert render([], Context()) == ""
    assert "= confidence: low" in render([diagnostic(confidence=Confidence.LOW)], Context())
