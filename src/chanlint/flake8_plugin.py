"""chanlint as a plugin of flake8: what can be found by looking at one file alone.

flake8 hands over one file at a time, so every name without a leading underscore may be used by files that are not seen, and
what the plugin reports is a part of what ``chanlint check`` reports. Source: flake8's documentation, "Writing Plugins"; rows
count from 1, columns from 0.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence

from chanlint import __version__


class Plugin:
    """One file as flake8 sees it; flake8 makes one for each."""

    name = "chanlint"
    version = __version__

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self._filename = filename
        self._lines = lines

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Row, column, code with message, and this class, for every finding."""
        from chanlint.engine.config import Settings
        from chanlint.engine.errors import ConfigurationError
        from chanlint.engine.filesystem import FileSystem
        from chanlint.engine.pipeline import run

        cwd = os.getcwd()
        name = "stdin.py" if self._filename in ("stdin", "-") else self._filename
        path = os.path.normpath(os.path.join(cwd, name))
        settings = Settings(paths=(path,), cwd=cwd, single_file=True, no_cache=True)
        try:
            result = run(settings, FileSystem({path: _encoded("".join(self._lines))}))
        except ConfigurationError as error:
            yield 1, 0, f"CHN000 {error}", type(self)
            return
        for crash in result.crashes:
            yield 1, 0, f"CHN000 internal error: {crash.message}", type(self)
        for one in result.diagnostics:
            if one.code != "CHN000":  # flake8 itself reports what cannot be parsed
                yield one.location.row, one.location.column - 1, f"{one.code} {one.message}", type(self)


def _encoded(text: str) -> bytes:
    """The bytes of a file with this text, in the encoding that its first two rows declare."""
    import io
    import tokenize

    data = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return text.encode(encoding)
    except (SyntaxError, LookupError, UnicodeEncodeError):
        return data
