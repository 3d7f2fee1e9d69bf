"""The ``full`` format, for people: each finding with every place of it in the source.

.. code-block:: text

    error[CHN101]: nothing ends the thread that reads 'jobs'
      --> app/jobs.py:14:5
       |
     8 |     jobs = queue.Queue()
       |            ------------- channel made here
    ...
    14 |     threading.Thread(target=work, args=(jobs,)).start()
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ spawned here
       |
       = help: send a marker that the loop tests for, in a finally
       = confidence: high

Text from the program never reaches the terminal unescaped and never as markup: lines are built from styled pieces.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.style import Style
from rich.text import Text

from chanlint.diagnostics import Blocked, Diagnostic
from chanlint.report.base import Context
from chanlint.report.excerpt import ELLIPSIS, Mark, Strip, marks_of, window
from chanlint.report.text import visible, width_of
from chanlint.source import Location, Span

_SEVERITY_STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold blue"}
_RELATED_STYLES = ("cyan", "green", "magenta", "blue", "bright_cyan", "bright_green")
_FRAME = "bold blue"
_MIN_WIDTH = 40


def render(diagnostics: Sequence[Diagnostic], context: Context) -> str:
    """All findings, a blank line after each."""
    if not diagnostics:
        return ""
    file = io.StringIO()
    console = Console(
        file=file,
        width=max(context.width, _MIN_WIDTH),
        force_terminal=context.color,
        color_system="standard" if context.color else None,
        no_color=not context.color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for diagnostic in diagnostics:
        for line in _Page(diagnostic, context).lines():
            line.rstrip()
            console.print(line, soft_wrap=True)
        console.print()
    return file.getvalue()


class _Page:
    """One finding."""

    def __init__(self, diagnostic: Diagnostic, context: Context) -> None:
        self._diagnostic = diagnostic
        self._context = context
        self._width = max(context.width, _MIN_WIDTH)
        self._style = _SEVERITY_STYLES[diagnostic.severity.value]
        rows = [diagnostic.end_location.row, *(place.end_location.row for place in diagnostic.related)]
        self._gutter = max(len(str(row)) for row in rows)

    def lines(self) -> Iterator[Text]:
        """The finding from head to foot."""
        diagnostic = self._diagnostic
        head = f"{diagnostic.severity.value}[{diagnostic.code}]"
        wrapped = _wrap(f"{head}: {visible(diagnostic.message)}", self._width, "  ")
        linked = Style.parse(self._style)
        if diagnostic.url and self._context.hyperlinks:
            linked += Style(link=visible(diagnostic.url))
        yield Text.assemble((head, linked), (wrapped[0][len(head) :], "bold"))
        yield from (Text(line, "bold") for line in wrapped[1:])
        for position, (filename, marks, at) in enumerate(self._files()):
            arrow = "::: " if position else "--> "
            place = f"{visible(filename)}:{at.row}:{at.column}"
            yield Text.assemble((" " * self._gutter + arrow, _FRAME), place)
            yield from self._excerpt(filename, marks)
        yield from self._foot()

    def _files(self) -> Iterator[tuple[str, list[Mark], Location]]:
        """The files of the story, the primary place's first: name, marks and the first place in it."""
        diagnostic = self._diagnostic
        primary = Span(diagnostic.location, diagnostic.end_location)
        places: dict[str, list[tuple[Span, str, str, bool]]] = {diagnostic.filename: []}
        label = ""
        position = 0
        for related in diagnostic.related:
            span = Span(related.location, related.end_location)
            if related.filename == diagnostic.filename and span == primary:
                label = f"{label}; {related.message}" if label else related.message
                continue
            style = _RELATED_STYLES[position % len(_RELATED_STYLES)]
            position += 1
            places.setdefault(related.filename, []).append((span, visible(related.message), style, False))
        places[diagnostic.filename].insert(0, (primary, visible(label), self._style, True))
        for filename, stretches in places.items():
            source = self._context.source(filename)
            rows = source.rows if source is not None else []
            marks = [mark for span, text, style, main in stretches for mark in marks_of(span, rows, text, style, main)]
            yield filename, marks, stretches[0][0].start

    def _excerpt(self, filename: str, marks: list[Mark]) -> Iterator[Text]:
        """The marked rows with their underlines; ``...`` stands for rows left out, unless it is only one."""
        source = self._context.source(filename)
        if source is None or not marks:
            return
        yield self._frame()
        by_row: dict[int, list[Mark]] = {}
        for mark in marks:
            by_row.setdefault(mark.row, []).append(mark)
        previous = None
        for row in sorted(by_row):
            if previous is not None and row - previous == 2:
                yield from self._row(row - 1, source.rows[row - 2], [])
            elif previous is not None and row - previous > 2:
                yield Text("...", _FRAME)
            yield from self._row(row, source.rows[row - 1], sorted(by_row[row], key=lambda mark: (mark.start, mark.end)))
            previous = row
        yield self._frame()

    def _row(self, number: int, text: str, marks: list[Mark]) -> Iterator[Text]:
        """A row with its underlines; where they do not fit side by side, the row is shown once for each."""
        strip = Strip(text)
        width = self._width - self._gutter - 3
        stretches = [(strip.cell(mark.start), strip.cell(mark.end)) for mark in marks]
        low, high = min((start for start, _ in stretches), default=0), max((end for _, end in stretches), default=0)
        apart = len(marks) > 1 and strip.offsets[-1] > width and high - low > width - 2 * len(ELLIPSIS)
        for some in [[position] for position in range(len(marks))] if apart else [range(len(marks))]:
            if apart:
                low, high = stretches[some[0]]
            view = window(strip, low, high, width)
            yield Text.assemble((f"{number:>{self._gutter}} | ", _FRAME), view.text)
            for position in some:
                yield from self._underline(marks[position], *view.place(*stretches[position]), width)

    def _underline(self, mark: Mark, low: int, high: int, width: int) -> Iterator[Text]:
        """The underline, and the label beside it or, where that does not fit, below it."""
        sign = "^" if mark.is_primary else "-"
        line = Text.assemble(self._frame(" "), (" " * low + sign * (high - low), mark.style))
        if not mark.label:
            yield line
        elif high + 1 + width_of(mark.label) <= width:
            yield Text.assemble(line, (f" {mark.label}", mark.style))
        else:
            yield line
            indent = " " * min(low, max(width - 40, 0))
            for part in _wrap(indent + mark.label, width, indent):
                yield Text.assemble(self._frame(" "), (part, mark.style))

    def _foot(self) -> Iterator[Text]:
        diagnostic = self._diagnostic
        notes = [("help", diagnostic.help)] if diagnostic.help else []
        if diagnostic.blocked is not None:
            notes.append(("blocked", _blocked(diagnostic.blocked, diagnostic.function)))
        notes.append(("confidence", diagnostic.confidence.value))
        for name, text in notes:
            lead = " " * (self._gutter + 1)
            wrapped = _wrap(f"{lead}= {name}: {visible(text)}", self._width, lead + " " * (len(name) + 4))
            head = len(lead) + 2 + len(name)
            yield Text.assemble(
                (wrapped[0][: len(lead) + 2], _FRAME), (wrapped[0][len(lead) + 2 : head], "bold"), wrapped[0][head:]
            )
            yield from map(Text, wrapped[1:])

    def _frame(self, after: str = "") -> Text:
        return Text(" " * (self._gutter + 1) + "|" + after, _FRAME)


def _blocked(blocked: Blocked, function: str | None) -> str:
    """``100 threads per call of app.jobs.handle``."""
    plural = "" if blocked.count == 1 else "es" if blocked.actor.endswith("s") else "s"
    of = f" of {function}" if function and blocked.per == "call" else ""
    return f"{blocked.count} {blocked.actor}{plural} per {blocked.per}{of}"


def _wrap(text: str, width: int, indent: str) -> list[str]:
    """``text`` in rows of ``width``; the first keeps its own indentation, the others get ``indent``."""
    rows: Iterable[str] = textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
    return list(rows) or [""]
