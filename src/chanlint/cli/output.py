"""Writing to terminals, pipes and files: encoding, colour, and readers that go away.

Nouns:

* **Reader gone**: the program behind the pipe has ended (``| head``). That is no error of ours: the rest is dropped quietly.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click


def write_out(text: str) -> None:
    """Writes ``text`` to standard output; characters that its encoding lacks become escapes."""
    _write(sys.stdout, text)


def write_error(text: str) -> None:
    """Writes a line to standard error."""
    _write(sys.stderr, text + "\n")


def write_file(path: str, text: str) -> None:
    """Writes ``text`` to a file in UTF-8; a usage error where that is impossible."""
    try:
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror or error}") from None


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour: ``--color`` first, then FORCE_COLOR and NO_COLOR, then whether ``stream`` is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Columns to fill: the terminal's, COLUMNS, or 100; never less than 40."""
    import shutil

    return max(40, shutil.get_terminal_size((100, 24)).columns)


def _write(stream: TextIO, text: str) -> None:
    if not text:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    safe = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        stream.write(safe)
        stream.flush()
    except BrokenPipeError:
        # Python flushes its streams once more on exit: give it something that can be written to.
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, stream.fileno())
        os.close(sink)
