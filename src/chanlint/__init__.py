"""chanlint finds unclosed channels and leaked consumers in Python programs, without importing or running them."""

from __future__ import annotations

__version__ = "0.1.0"
