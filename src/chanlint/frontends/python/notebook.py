"""Jupyter notebooks: the code cells as one module.

Nouns:

* **Cell row**: a comment row put before each code cell; it is how a row of the module is found again in its cell.

Code cells are numbered from 1 in the order of the file. What only IPython understands is blanked row by row: magics, shell
commands and help. A cell that another program runs (``%%bash``) is left out. Source: the notebook format 4 and IPython's
documentation of magics.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from chanlint.frontends.base import Problem
from chanlint.source import Location, Span

SUFFIX = ".ipynb"
_CELL = "# chanlint: cell "
_FIRST = Span(Location(1, 1), Location(1, 1))
_MAGIC = re.compile(r"(?P<indent>\s*)(?:[%!?]|[\w.]+\?{1,2}\s*$)")
_OPENING, _CLOSING = re.compile(r"[(\[{]"), re.compile(r"[)\]}]")
_ASSIGNED = re.compile(r"(?P<target>\s*[^\W\d][\w.,\s\[\]'\"]*=\s*)[%!]")
_KEPT_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun")
"""Cell magics that run their cell as Python."""


def module_of(data: bytes) -> bytes | Problem:
    """The Python module that a notebook's code cells make, in UTF-8, or why there is none."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError) as error:
        return Problem(f"not a notebook: {error}".splitlines()[0], _FIRST)
    cells = whole.get("cells") if isinstance(whole, dict) else None
    if not isinstance(cells, list):
        return Problem("not a notebook of format 4: it has no cells", _FIRST)
    if not _is_python(whole):
        return b""
    rows = [""]  # so that no row of a cell is the first or second of the module, where Python looks for an encoding
    number = 0
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            number += 1
            rows += [f"{_CELL}{number}", *_rows(cell.get("source"))]
    return ("\n".join(rows) + "\n").encode("utf-8", "backslashreplace")


def cell_rows(rows: Sequence[str]) -> list[int]:
    """The rows (from 1) before the cells of a module that `module_of` made, in order."""
    found: list[int] = []
    for row, text in enumerate(rows, 1):
        if text == f"{_CELL}{len(found) + 1}":
            found.append(row)
    return found


def in_cell(cells: Sequence[int], row: int) -> tuple[int, int]:
    """The number of the cell that holds a row of the module, and the row in the cell; cell 1 for what stands before it."""
    number = bisect_right(cells, row)
    return (number, row - cells[number - 1]) if number else (1, row)


def _is_python(whole: dict[str, Any]) -> bool:
    metadata = whole.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        told = metadata.get(key)
        if isinstance(told, dict) and isinstance(told.get(name), str):
            return str(told[name]).lower() in ("python", "ipython", "python3")
    return True


def _rows(source: object) -> list[str]:
    parts = source if isinstance(source, list) else [source]
    text = "".join(part for part in parts if isinstance(part, str))
    rows = re.split(r"\r\n|\n|\r", text.removesuffix("\n"))
    first = next((row.strip() for row in rows if row.strip()), "")
    if first.startswith("%%") and first.split()[0] not in _KEPT_CELLS:
        return ["" for _ in rows]
    blanked: list[str] = []
    continued, depth = False, 0
    for row in rows:
        shown = "" if continued else _plain(row) if depth <= 0 else row  # inside brackets a % at the left is an operator
        continued = (continued or shown != row) and row.endswith("\\")
        depth += len(_OPENING.findall(shown)) - len(_CLOSING.findall(shown))
        blanked.append(shown)
    return blanked


def _plain(row: str) -> str:
    """A row as Python reads it: a magic becomes ``pass``, what is assigned from one becomes None."""
    assigned = _ASSIGNED.match(row)
    if assigned is not None:
        return f"{assigned['target']}None"
    magic = _MAGIC.match(row)
    if magic is None or row.lstrip().startswith("#"):
        return row
    return f"{magic['indent']}pass"
