"""The formats that CI services read, each checked by somebody else's reader."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import jsonschema
import junitparser
import pytest

from chanlint.diagnostics import Role, Severity
from chanlint.report.base import FORMATS, Context, RulePage, format_named
from chanlint.source import Location
from report_fakes import context, diagnostic, place

HOSTILE = "a\x1b[31m%0A::error::b\r\n<&\"'>,;:][x](1)\u202e"
BELOW = Context(folder="services/jobs", root="/srv/tree")


def render(name: str, *diagnostics: object, within: Context | None = None) -> str:
    return format_named(name)(diagnostics, within or context())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_control_character_gets_through(name: str) -> None:
    one = diagnostic(
        message=HOSTILE,
        filename=HOSTILE,
        help=HOSTILE,
        function=HOSTILE,
        related=(place(Role.CREATED, HOSTILE, HOSTILE, 1, 1, 1, 2),),
    )
    text = render(name, one)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_nothing_found_is_still_a_whole_report(name: str) -> None:
    text = render(name)
    if name in ("json", "gitlab", "sarif", "rdjson"):
        json.loads(text)
    elif name == "junit":
        assert len(junitparser.JUnitXml.fromstring(text.encode())) == 1
    else:
        assert text == ""


# -- github -----------------------------------------------------------------------------------------------------------------


def parse_command(line: str) -> tuple[str, dict[str, str], str]:
    """What the runner of GitHub makes of a command: its own rules of escaping, backwards."""
    head, _, message = line[2:].partition("::")
    command, _, listed = head.partition(" ")
    properties = dict(part.split("=", 1) for part in listed.split(","))

    def back(text: str) -> str:
        for code, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
            text = text.replace(code, character)
        return text

    return command, {key: back(value) for key, value in properties.items()}, back(message)


def test_github_survives_hostile_names() -> None:
    lines = render("github", diagnostic(message=HOSTILE, filename=HOSTILE, help=None)).splitlines()
    assert len(lines) == 1
    command, properties, message = parse_command(lines[0])
    assert command == "error"
    assert properties["file"] == message
    assert "::error::b" in message
    assert set(properties) == {"file", "line", "endLine", "col", "endColumn", "title"}


def test_github_shows_the_worst_first_and_no_columns_over_lines() -> None:
    mild = diagnostic(severity=Severity.INFO, message="mild")
    warning = diagnostic(severity=Severity.WARNING, message="warning", end_location=Location(9, 3))
    lines = render("github", mild, warning, diagnostic(message="bad")).splitlines()
    assert [parse_command(line)[0] for line in lines] == ["error", "warning", "notice"]
    assert "col" not in parse_command(lines[1])[1]
    assert parse_command(lines[1])[1]["endLine"] == "9"


def test_github_adds_the_help_on_a_line_of_its_own() -> None:
    _, _, message = parse_command(render("github", diagnostic()).splitlines()[0])
    assert message.split("\n") == ["nothing ends the thread that reads 'self.jobs'", "send a marker that the loop tests for"]


@pytest.mark.parametrize("name", ["github", "azure", "gitlab", "sarif", "rdjson"])
def test_services_get_paths_from_the_root_of_the_repository(name: str) -> None:
    assert "services/jobs/app/jobs.py" in render(name, diagnostic(), within=BELOW)


# -- azure ------------------------------------------------------------------------------------------------------------------


def test_azure_keeps_properties_apart() -> None:
    (line,) = render("azure", diagnostic(filename=HOSTILE, message=HOSTILE)).splitlines()
    head, _, message = line.partition("]")
    assert head.startswith("##vso[task.logissue type=error;sourcepath=")
    properties = dict(part.split("=", 1) for part in head.split(" ", 1)[1].rstrip(";").split(";"))
    assert properties["code"] == "CHN101"
    assert "%AZP250A" in message


def test_azure_knows_nothing_below_a_warning() -> None:
    assert "type=warning;" in render("azure", diagnostic(severity=Severity.INFO))


# -- gitlab -----------------------------------------------------------------------------------------------------------------


def test_gitlab_has_what_its_documentation_asks_for() -> None:
    (issue,) = json.loads(render("gitlab", diagnostic()))
    assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
    assert issue["severity"] == "major"
    assert issue["location"] == {"path": "app/jobs.py", "lines": {"begin": 8, "end": 8}}


# -- junit ------------------------------------------------------------------------------------------------------------------


def test_junit_is_read_back() -> None:
    within = context()._replace(checked=lambda: ("app/jobs.py", "app/clean.py"))
    report = junitparser.JUnitXml.fromstring(render("junit", diagnostic(message=HOSTILE), within=within).encode())
    (suite,) = report
    failed, passed = suite
    assert (suite.tests, suite.failures, suite.errors) == (2, 1, 0)
    assert isinstance(failed.result[0], junitparser.Failure)
    assert "::error::b" in failed.result[0].message
    assert "app/jobs.py:5: channel made here" in failed.result[0].text
    assert passed.is_passed
    assert passed.classname == "app/clean.py"


# -- rdjson -----------------------------------------------------------------------------------------------------------------


def test_rdjson_counts_columns_in_bytes() -> None:
    one = diagnostic(filename="wide.py", location=Location(1, 4), end_location=Location(1, 9), related=(), url="https://x/y")
    (found,) = json.loads(render("rdjson", one, within=context(wide="äöü = q.get()\n")))["diagnostics"]
    assert found["location"]["range"] == {"start": {"line": 1, "column": 7}, "end": {"line": 1, "column": 12}}
    assert found["code"] == {"value": "CHN101", "url": "https://x/y"}
    assert "relatedLocations" not in found


# -- sarif ------------------------------------------------------------------------------------------------------------------

PAGES = {"CHN101": RulePage("CHN101", "unclosed-channel", "Nothing ends it.", "# Why", "https://example.org/CHN101")}


def sarif(*diagnostics: object, **changes: object) -> dict[str, object]:
    within = context()._replace(rules=PAGES, root="/srv/tree", version="1.2.3", **changes)  # type: ignore[arg-type]
    log = json.loads(render("sarif", *diagnostics, within=within))
    assert isinstance(log, dict)
    return log


def test_sarif_is_valid() -> None:
    given = os.environ.get("CHANLINT_SARIF_SCHEMA")
    if not given:
        pytest.skip("CHANLINT_SARIF_SCHEMA names no copy of the SARIF 2.1.0 schema")
    schema = json.loads(Path(given).read_text(encoding="utf-8"))
    outside = diagnostic(filename="/elsewhere/x y.py", code="CHN000", related=(), function=None)
    jsonschema.validators.validator_for(schema)(schema).validate(sarif(diagnostic(message=HOSTILE), diagnostic(), outside))


def test_sarif_tells_the_story_in_order() -> None:
    (run,) = sarif(diagnostic())["runs"]  # type: ignore[misc, attr-defined]
    (result,) = run["results"]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    told = [step["location"]["message"]["text"] for step in steps]
    assert told == ["channel made here", "spawned here", diagnostic().message, "received here"]


def test_sarif_links_the_message_to_its_places_and_escapes_brackets() -> None:
    (run,) = sarif(diagnostic(message="jobs[0] stays"))["runs"]  # type: ignore[misc, attr-defined]
    (result,) = run["results"]
    text = result["message"]["text"]
    assert text.startswith("jobs\\[0\\] stays ([channel made here](1), ")
    assert [place["id"] for place in result["relatedLocations"]] == [1, 2, 3]


def test_sarif_primary_region_stays_on_one_line() -> None:
    (run,) = sarif(diagnostic(location=Location(12, 19), end_location=Location(17, 14)))["runs"]  # type: ignore[misc, attr-defined]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 12, "startColumn": 19, "endLine": 12, "endColumn": 33}


def test_sarif_knows_the_rules_and_the_root() -> None:
    (run,) = sarif()["runs"]  # type: ignore[misc, attr-defined]
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["helpUri"] == "https://example.org/CHN101"
    assert run["originalUriBaseIds"] == {"SRCROOT": {"uri": "file:///srv/tree/"}}
    assert run["columnKind"] == "unicodeCodePoints"


# -- plain text -------------------------------------------------------------------------------------------------------------


def test_grouped_names_each_file_once() -> None:
    text = render("grouped", diagnostic(), diagnostic(location=Location(12, 3)), diagnostic(filename="b.py"))
    assert text == (
        "app/jobs.py:\n"
        "  8:9   CHN101 nothing ends the thread that reads 'self.jobs'\n"
        "  12:3  CHN101 nothing ends the thread that reads 'self.jobs'\n"
        "\n"
        "b.py:\n"
        "  8:9  CHN101 nothing ends the thread that reads 'self.jobs'\n"
    )


def test_pylint_is_parseable() -> None:
    line = render("pylint", diagnostic())
    assert re.fullmatch(r"(?P<path>.+?):(?P<line>\d+): \[(?P<code>\w+)\((?P<name>[\w-]+)\), (?P<where>[\w.]*)\] .+\n", line)
