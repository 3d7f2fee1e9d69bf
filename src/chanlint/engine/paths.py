"""How paths are shown."""

from __future__ import annotations

import os


def display_path(path: str, cwd: str) -> str:
    """``path`` as users see it: relative to ``cwd`` when below it, ``/`` separators, bytes that are not UTF-8 as ``\\xNN``."""
    prefix = cwd.rstrip(os.sep) + os.sep
    shown = path[len(prefix) :] if path.startswith(prefix) else path
    shown = shown.replace(os.sep, "/")
    if shown.isascii():
        return shown
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in shown)
