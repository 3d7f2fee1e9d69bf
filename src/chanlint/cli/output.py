"""Writing to terminals, pipes and files: encoding, colour, and readers that go away.

Nouns:

* **Reader gone**: the program behind the pipe has ended (``| head``). That is no error of ours: the rest is dropped quietly.
* **Full**: whatever else is in the way of an output (no space left) is an error, told in one line.
"""

from __future__ import annotations

import errno
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
    """Writes a file in UTF-8, all of it or nothing; a usage error where that is impossible."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: str, data: bytes) -> None:
    """Writes a file, all of it or nothing; a usage error where that is impossible."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror or error}") from None


def replace_file(path: str, data: bytes) -> None:
    """Writes a file, all of it or nothing; OSError where that is impossible.

    A regular file is written beside its place and moved there, its mode kept; a device or a pipe is written to.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            file.write(data)
        return
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        if os.path.exists(target):
            if not os.access(target, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour: ``--color`` first, then FORCE_COLOR and NO_COLOR, then whether ``stream`` is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def knows_hyperlinks(stream: TextIO) -> bool:
    """Whether the terminal behind ``stream`` is known to follow links (OSC 8); FORCE_HYPERLINK decides where it is set.

    Source: the variables by which terminals name themselves, as the ``supports-hyperlinks`` packages read them.
    """
    forced = os.environ.get("FORCE_HYPERLINK")
    if forced is not None:
        return forced not in ("", "0")
    if not stream.isatty() or os.environ.get("TERM") == "dumb" or os.environ.get("CI"):
        return False
    if os.environ.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm", "vscode", "Hyper", "ghostty", "rio"):
        return True
    vte = os.environ.get("VTE_VERSION", "")
    if vte.isdigit():
        return int(vte) >= 5000
    named = any(os.environ.get(name) for name in ("WT_SESSION", "KONSOLE_VERSION", "DOMTERM"))
    return named or os.environ.get("TERM", "") in ("xterm-kitty", "alacritty", "foot", "foot-extra", "xterm-ghostty")


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
    except OSError as error:
        # Python flushes its streams once more on exit: give it something that can be written to.
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, stream.fileno())
        os.close(sink)
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise click.ClickException(f"cannot write to standard output: {error.strerror or error}") from None
