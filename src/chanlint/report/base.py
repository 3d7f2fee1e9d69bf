"""What every format is given, and the list of formats.

Nouns:

* **Context**: what a format may need besides the diagnostics: width, colour, and the texts they stand in.
* **Format**: a function from diagnostics and context to text that ends in a newline, or is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from chanlint.diagnostics import Diagnostic
from chanlint.source import SourceFile


@dataclass(frozen=True, slots=True)
class Context:
    """Where the text is going.

    Attributes:
        source: the text of a file by the name under which diagnostics show it, or None where it is not at hand.
        width: columns of the terminal.
        color: whether escape sequences for colours are wanted.
    """

    source: Callable[[str], SourceFile | None] = lambda filename: None
    width: int = 100
    color: bool = False


Format = Callable[[Sequence[Diagnostic], Context], str]

FORMATS: dict[str, str] = {
    "full": "chanlint.report.full",
    "concise": "chanlint.report.concise",
    "flake8": "chanlint.report.concise",
    "json": "chanlint.report.json",
    "json-lines": "chanlint.report.json_lines",
}
"""The module of each format; it is imported when it is asked for."""


def format_named(name: str) -> Format:
    """The format called ``name``; KeyError if there is none."""
    render: Format = import_module(FORMATS[name]).render
    return render
