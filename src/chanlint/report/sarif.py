"""The ``sarif`` format: SARIF 2.1.0, as code scanning services read it.

Besides the place of a finding it carries its story: related places that the message links to, and a code flow from the making
of the channel to the exit that misses its close. Source: the OASIS standard, and GitHub's "SARIF support for code scanning".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from chanlint.diagnostics import Diagnostic, RelatedLocation, Role, Severity
from chanlint.report.base import Context, RulePage, is_absolute, with_cell
from chanlint.report.text import visible
from chanlint.source import Location

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
BASE = "SRCROOT"
STORY = (Role.CREATED, Role.SPAWNED)
"""Places that come before the primary one in a code flow."""


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """One log with one run."""
    codes = sorted({one.code for one in diagnostics} | set(context.rules))
    worst: dict[str, Severity] = {}
    for one in diagnostics:
        worst[one.code] = max(worst.get(one.code, Severity.INFO), one.severity, key=lambda severity: severity.rank)
    rules = [_rule(code, context.rules.get(code), worst.get(code, Severity.ERROR)) for code in codes]
    index = {code: position for position, code in enumerate(codes)}
    driver = {"name": "chanlint", "rules": rules} | ({"version": context.version} if context.version else {})
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, index[one.code], context) for one in diagnostics],
    }
    if context.root:
        run["originalUriBaseIds"] = {BASE: {"uri": PurePath(context.root).as_uri().rstrip("/") + "/"}}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str, page: RulePage | None, severity: Severity) -> dict[str, Any]:
    properties = {"precision": "high", "problem.severity": PROBLEMS[severity], "tags": ["correctness", "concurrency"]}
    rule: dict[str, Any] = {"id": code, "defaultConfiguration": {"level": LEVELS[severity]}, "properties": properties}
    if page is not None:
        rule |= {
            "name": page.name,
            "shortDescription": {"text": page.summary},
            "fullDescription": {"text": page.summary},
            "help": {"text": page.text, "markdown": page.text},
        }
        if page.url:
            rule["helpUri"] = page.url
    return rule


def _result(one: Diagnostic, rule: int, context: Context) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": rule,
        "level": LEVELS[one.severity],
        "message": {"text": _message(one)},
        "locations": [_primary(one, context)],
        "partialFingerprints": {"chanlint/v1": one.fingerprint},
        "properties": {"confidence": one.confidence.value},
    }
    if one.related:
        result["relatedLocations"] = [
            {"id": number, **_place(at.filename, at.location, at.end_location, visible(at.message), context)}
            for number, at in enumerate(one.related, 1)
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": step} for step in _story(one, context)]}]}]
    return result


def _message(one: Diagnostic) -> str:
    """The message, with links to the related places; a bracket that is no link is escaped."""
    links = [f"[{_literal(at.message)}]({number})" for number, at in enumerate(one.related, 1)]
    return _literal(one.message) + (f" ({', '.join(links)})" if links else "")


def _literal(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _story(one: Diagnostic, context: Context) -> list[dict[str, Any]]:
    def step(at: RelatedLocation) -> dict[str, Any]:
        return _place(at.filename, at.location, at.end_location, visible(at.message), context)

    before = [step(at) for at in one.related if at.role in STORY]
    here = _place(one.filename, one.location, one.end_location, visible(one.message), context)
    return [*before, here, *(step(at) for at in one.related if at.role not in STORY)]


def _primary(one: Diagnostic, context: Context) -> dict[str, Any]:
    """The place of a result: on one line, because services show it beside that line."""
    end = one.end_location
    if end.row != one.location.row:
        source = context.source(with_cell(one.filename, one.cell))
        rows = source.rows if source is not None else []
        length = len(rows[one.location.row - 1]) if one.location.row <= len(rows) else one.location.column
        end = Location(one.location.row, max(length, one.location.column) + 1)
    place = _place(one.filename, one.location, end, None, context)
    if one.function:
        place["logicalLocations"] = [{"fullyQualifiedName": visible(one.function), "kind": "function"}]
    return place


def _place(filename: str, start: Location, end: Location, message: str | None, context: Context) -> dict[str, Any]:
    name = context.from_root(filename)
    if is_absolute(name):
        artifact = {"uri": PurePath(name).as_uri()}
    else:
        artifact = {"uri": quote(name, safe="/"), "uriBaseId": BASE}
    region = {"startLine": start.row, "startColumn": start.column, "endLine": end.row, "endColumn": end.column}
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    return place | ({"message": {"text": message}} if message is not None else {})
