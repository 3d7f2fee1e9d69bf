"""chanlint finds unclosed channels and leaked consumers in Python programs, without importing or running them.

The names of `chanlint.api` are loaded on first use, so that ``import chanlint`` costs nothing.
"""

from __future__ import annotations

from chanlint.version import __version__

TYPE_CHECKING = False  # not imported: with ``python -m`` a typing.py in the current folder would be taken for the real one
if TYPE_CHECKING:
    from chanlint.api import Diagnostic, InternalError, Settings, check

__all__ = ["Diagnostic", "InternalError", "Settings", "__version__", "check"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("chanlint.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
