"""Which rules are in force.

Nouns:

* **Selector**: a rule's code (``CHN101``), a prefix of codes (``CHN1``) or a rule's name (``unclosed-channel``).
* **Selection**: the codes that selectors leave in force.

The longest selector that fits a rule decides, as in ruff: ``--select CHN1 --ignore CHN101`` leaves out one rule,
``--ignore CHN1 --select CHN101`` leaves one in. Between equals, ignoring wins. Unreadable files (CHN000) are always reported
unless they are ignored by their full code or name: silence about a file that was not understood would mislead.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping

from chanlint import rules
from chanlint.engine.housekeeping import PAGES

UNREADABLE = "CHN000"
UNUSED_SUPPRESSION = "CHN001"
UNKNOWN_SUPPRESSION = "CHN002"

_RULE_FILE = re.compile(r"(chn\d{3})_(\w+)\.pyc?")

NAMES = {code: name for code, (name, _) in PAGES.items()}
"""Findings that the engine makes itself, by code."""


def known_codes() -> dict[str, str]:
    """Every code with its rule's name, in order."""
    return dict(sorted({**NAMES, **rule_names()}.items()))


@functools.cache
def rule_names() -> Mapping[str, str]:
    """The rules' names by code, as their files are called: loading the rules takes as long as a run that only remembers."""
    found = {}
    for file in os.listdir(os.path.dirname(rules.__file__)):
        match = _RULE_FILE.fullmatch(file)
        if match is not None:
            code, name = match.groups()
            found[code.upper()] = name.replace("_", "-")
    return found


def fit(selector: str, code: str, name: str) -> int:
    """How closely ``selector`` fits a rule: the length of the code that it names, or -1 where it does not fit."""
    if selector in (code, name):
        return len(code)
    if selector == "ALL":
        return 0
    return len(selector) if selector.startswith("CHN") and code.startswith(selector) else -1


def unknown(word: str, known: Mapping[str, str]) -> str:
    """The message for a word that names no rule, with a suggestion; ``known`` as `known_codes` returns it."""
    import difflib  # only where a word is wrong

    close = difflib.get_close_matches(word.upper(), known, 1) or difflib.get_close_matches(word.lower(), known.values(), 1)
    hint = f"did you mean {close[0]}?" if close else "'chanlint rules' lists all of them."
    return f"no rule is called {word!r}; {hint}"
