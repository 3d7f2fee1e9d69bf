"""Which rules are in force.

Nouns:

* **Selector**: a rule's code (``CHN101``), a prefix of codes (``CHN1``) or a rule's name (``unclosed-channel``).
* **Selection**: the codes that selectors leave in force.

The longest selector that fits a rule decides, as in ruff: ``--select CHN1 --ignore CHN101`` leaves out one rule,
``--ignore CHN1 --select CHN101`` leaves one in. Between equals, ignoring wins. Unreadable files (CHN000) are always reported
unless they are ignored by their full code or name: silence about a file that was not understood would mislead.
"""

from __future__ import annotations

from chanlint.engine.housekeeping import PAGES

UNREADABLE = "CHN000"
UNUSED_SUPPRESSION = "CHN001"
UNKNOWN_SUPPRESSION = "CHN002"

NAMES = {code: name for code, (name, _) in PAGES.items()}
"""Findings that the engine makes itself, by code."""


class UnknownSelectorError(ValueError):
    """A selector that fits no rule; the message suggests one that does."""


def known_codes() -> dict[str, str]:
    """Every code with its rule's name, in order."""
    from chanlint.rules.registry import RULES

    return dict(sorted({**NAMES, **{rule.code: rule.name for rule in RULES}}.items()))


def fit(selector: str, code: str, name: str) -> int:
    """How closely ``selector`` fits a rule: the length of the code that it names, or -1 where it does not fit."""
    if selector in (code, name):
        return len(code)
    if selector == "ALL":
        return 0
    return len(selector) if selector.startswith("CHN") and code.startswith(selector) else -1


def unknown(word: str, known: dict[str, str]) -> str:
    """The message for a word that names no rule, with a suggestion; ``known`` as `known_codes` returns it."""
    import difflib  # only where a word is wrong

    close = difflib.get_close_matches(word.upper(), known, 1) or difflib.get_close_matches(word.lower(), known.values(), 1)
    hint = f"did you mean {close[0]}?" if close else "'chanlint rules' lists all of them."
    return f"no rule is called {word!r}; {hint}"
