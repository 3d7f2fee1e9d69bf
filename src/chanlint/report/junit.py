"""The ``junit`` format: a test report, one failed test case for each finding, one passed for each file without any.

Jenkins, GitLab, CircleCI and others show it; there is no official schema, so only what all of them read is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from chanlint.diagnostics import Diagnostic
from chanlint.report.base import Context
from chanlint.report.text import visible


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """The report as XML."""
    found = {one.filename for one in diagnostics}
    passed = [filename for filename in context.checked() if filename not in found]
    counts: dict[str, str] = {"tests": str(len(diagnostics) + len(passed)), "failures": str(len(diagnostics)), "errors": "0"}
    suites = Xml.Element("testsuites", {"name": "chanlint", **counts})
    suite = Xml.SubElement(suites, "testsuite", {"name": "chanlint", "skipped": "0", "time": "0", **counts})
    for one in diagnostics:
        _failed(suite, one)
    for filename in passed:
        Xml.SubElement(suite, "testcase", name="chanlint", classname=visible(filename), file=visible(filename), time="0")
    Xml.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(suites, encoding="unicode") + "\n"


def _failed(suite: Xml.Element, one: Diagnostic) -> None:
    filename = visible(one.filename)
    row, column = one.location.row, one.location.column
    case = Xml.SubElement(
        suite, "testcase", name=f"{one.code} {row}:{column}", classname=filename, file=filename, line=str(row), time="0"
    )
    failure = Xml.SubElement(case, "failure", type=one.severity.value, message=f"{one.code} {visible(one.message)}")
    lines = [f"{filename}:{row}:{column}: {one.code} {visible(one.message)}"]
    lines += [f"{visible(at.filename)}:{at.location.row}: {visible(at.message)}" for at in one.related]
    failure.text = "\n".join([*lines, *([visible(one.help)] if one.help else [])])
