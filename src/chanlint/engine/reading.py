"""From a path to a lowered file: the step that is the same for every file and depends on nothing else.

Nouns:

* **Read**: a file's text, or the reason why there is none.
* **Crash**: an error of chanlint's own while it lowered a file. It is reported, and the other files go on.

`lower_text` is a pure function of its arguments, so it can run in any process and its result can be kept.
"""

from __future__ import annotations

import hashlib
import sys
from typing import NamedTuple

from chanlint.engine.filesystem import FileSystem
from chanlint.frontends.base import Lowered, Problem
from chanlint.interrupts import pass_on_interrupt
from chanlint.report.base import with_cell
from chanlint.source import Location, SourceFile, Span

NOTEBOOK = ".ipynb"

FIRST_COLUMN = Span(Location(1, 1), Location(1, 1))
"""Where a problem stands that concerns the whole file."""


class Crash(NamedTuple):
    """An internal error: the file (or ``""`` for the whole program), one line for users, and the traceback."""

    path: str
    message: str
    trace: str


def crash(path: str) -> Crash:
    """The exception that is being handled, as a value.

    Raises:
        KeyboardInterrupt: it was made of an interrupt.
    """
    error = sys.exc_info()[1]
    if error is not None:
        pass_on_interrupt(error)
    import traceback  # only after a defect

    lines = traceback.format_exc().strip().splitlines()
    return Crash(path, lines[-1] if lines else "unknown error", "\n".join(lines))


def read_bytes(filesystem: FileSystem, path: str) -> bytes | Problem:
    """The file's bytes (of a notebook: the module that its cells make), or why it cannot be read."""
    try:
        data = filesystem.read(path)
    except OSError as error:
        return Problem(f"cannot be read: {error.strerror or error}", FIRST_COLUMN)
    if not path.endswith(NOTEBOOK):
        return data
    from chanlint.frontends.python.notebook import module_of

    return module_of(data)


def lower_bytes(module: str, data: bytes, target: tuple[int, int]) -> Lowered | Crash:
    """Decodes and lowers one file, called ``module``, as Python ``target`` would run it."""
    from chanlint.frontends.python.decode import decode
    from chanlint.frontends.registry import front_end_for

    try:
        decoded = decode(data)
        if isinstance(decoded, Problem):
            return Lowered(SourceFile(module, ""), None, None, problems=(decoded,))
        source = SourceFile(module, decoded, hashlib.sha256(data).hexdigest())
        return front_end_for(module).lower(source, target)
    except Exception:  # a defect of ours must not hide what the other files hold
        return crash(module)


def source_of(name: str, data: bytes) -> SourceFile:
    """The text of a file (of a notebook: of the module that its cells make); empty where there is none."""
    from chanlint.frontends.python.decode import decode
    from chanlint.frontends.python.notebook import module_of

    module = module_of(data) if name.endswith(NOTEBOOK) else data
    decoded = decode(module) if isinstance(module, bytes) else module
    return SourceFile(name, decoded if isinstance(decoded, str) else "")


def texts_of(filename: str, source: SourceFile) -> dict[str, SourceFile]:
    """The text under the name of its file, and that of every cell of a notebook, as `with_cell` names it."""
    texts = {filename: source}
    if filename.endswith(NOTEBOOK):
        from chanlint.frontends.python.notebook import cell_rows

        rows = source.rows
        cells = cell_rows(rows)
        for number, (start, end) in enumerate(zip(cells, [*cells[1:], len(rows) + 1], strict=True), 1):
            texts[with_cell(filename, number)] = SourceFile(filename, "\n".join(rows[start : end - 1]))
    return texts


def file_of(shown: str) -> str:
    """The file of a name that may be that of a cell."""
    name, cell, number = shown.rpartition(":cell ")
    return name if cell and number.isdecimal() and name.endswith(NOTEBOOK) else shown
