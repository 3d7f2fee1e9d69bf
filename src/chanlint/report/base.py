"""What every format is given, and the list of formats.

Nouns:

* **Context**: what a format may need besides the diagnostics: width, colour, the texts they stand in, the rules' own words.
* **RulePage**: what is known of a rule: its name, its first line, its whole documentation.
* **Format**: a function from diagnostics and context to text that ends in a newline, or is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

from chanlint.diagnostics import Diagnostic
from chanlint.source import SourceFile


class RulePage(NamedTuple):
    """A rule, for formats that carry descriptions.

    Attributes:
        summary: one sentence.
        text: the whole documentation, in Markdown.
        url: where it can be read, or None.
    """

    code: str
    name: str
    summary: str
    text: str
    url: str | None = None


class Context(NamedTuple):
    """Where the text is going.

    Attributes:
        source: the text of a file by the name under which diagnostics show it, or None where it is not at hand.
        width: columns of the terminal.
        color: whether escape sequences for colours are wanted.
        hyperlinks: whether the terminal follows links.
        rules: the page of each rule by its code.
        checked: gives every file that was looked at, as diagnostics show them.
        folder: the current folder below the root of the repository, with ``/``; empty at the root or outside a repository.
            Services that read reports want paths from the root.
        root: the absolute path of the repository's root, or of the current folder outside a repository.
        version: chanlint's own.
    """

    source: Callable[[str], SourceFile | None] = lambda filename: None
    width: int = 100
    color: bool = False
    hyperlinks: bool = False
    rules: Mapping[str, RulePage] = MappingProxyType({})
    checked: Callable[[], Sequence[str]] = tuple
    folder: str = ""
    root: str = ""
    version: str = ""

    def from_root(self, filename: str) -> str:
        """``filename`` as seen from the repository's root; absolute names stay as they are."""
        return f"{self.folder}/{filename}" if self.folder and not is_absolute(filename) else filename


def is_absolute(filename: str) -> bool:
    """Whether a shown file name starts at the root of a file system (``/x``, ``C:/x``)."""
    return filename.startswith("/") or filename[1:3] == ":/"


Format = Callable[[Sequence[Diagnostic], Context], str]

FORMATS: dict[str, str] = {
    "full": "chanlint.report.full",
    "concise": "chanlint.report.concise",
    "flake8": "chanlint.report.concise",
    "json": "chanlint.report.json",
    "json-lines": "chanlint.report.json_lines",
    "grouped": "chanlint.report.grouped",
    "pylint": "chanlint.report.pylint",
    "github": "chanlint.report.github",
    "gitlab": "chanlint.report.gitlab",
    "azure": "chanlint.report.azure",
    "sarif": "chanlint.report.sarif",
    "junit": "chanlint.report.junit",
    "rdjson": "chanlint.report.rdjson",
}
"""The module of each format; it is imported when it is asked for."""


FOR_READERS = frozenset({"full", "concise", "flake8", "grouped", "pylint"})
"""Formats that name a cell of a notebook together with its file, because they have no other place for it."""

WITH_CELLS = frozenset({"json", "json-lines"})
"""Formats with a field for the cell. In all others a service looks for the file, so the message names the cell."""


def format_named(name: str) -> Format:
    """The format called ``name``; KeyError if there is none."""
    render: Format = import_module(FORMATS[name]).render
    if name in WITH_CELLS:
        return render
    named = named_with_cell if name in FOR_READERS else told_with_cell
    return lambda diagnostics, context: render([named(one) for one in diagnostics], context)


def named_with_cell(one: Diagnostic) -> Diagnostic:
    """The same finding with ``notebook.ipynb:cell 3`` as its file."""
    if one.cell is None and all(at.cell is None for at in one.related):
        return one
    related = tuple(at._replace(filename=with_cell(at.filename, at.cell)) for at in one.related)
    return one._replace(filename=with_cell(one.filename, one.cell), related=related)


def told_with_cell(one: Diagnostic) -> Diagnostic:
    """The same finding with ``cell 3: `` before its message."""
    if one.cell is None and all(at.cell is None for at in one.related):
        return one
    related = tuple(at if at.cell is None else at._replace(message=f"cell {at.cell}: {at.message}") for at in one.related)
    return one._replace(message=one.message if one.cell is None else f"cell {one.cell}: {one.message}", related=related)


def with_cell(filename: str, cell: int | None) -> str:
    """A file's name, with the cell if there is one."""
    return filename if cell is None else f"{filename}:cell {cell}"
