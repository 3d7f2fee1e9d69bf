"""What may be wrong with what a user asks for. It stands alone, because every run loads it."""

from __future__ import annotations


class ConfigurationError(Exception):
    """A configuration that cannot be used; the text names file, row and what is wrong, in one line."""


class UnknownSelectorError(ValueError):
    """A selector that fits no rule; the message suggests one that does."""
