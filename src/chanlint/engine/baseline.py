"""Findings that a team knows of and does not want to hear about again.

Nouns:

* **Baseline**: a file with one entry for each known finding: what it is about, and how many there are of it.
* **Stale**: an entry of which there are more than findings; the leak was repaired, or the code is gone.

An entry holds no row. It is matched exactly first, then without the path (the file was renamed), then without the function (the
code was moved within its file), and is used as often as it counts. So reformatting, renaming and moving bring nothing back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from chanlint.diagnostics import Diagnostic, Identity
from chanlint.engine.filesystem import FileSystem

VERSION = 1
FILE_NAME = "chanlint-baseline.json"
_FIELDS = ("code", "path", "function", "channel")

Entries = Counter[Identity]


class BaselineError(Exception):
    """A baseline that cannot be used; the text says what is wrong, in one line."""


def read_baseline(path: str, filesystem: FileSystem) -> Entries:
    """The entries of a file.

    Raises:
        BaselineError: it cannot be read, is no baseline, or is one of another version.
    """
    try:
        whole = json.loads(filesystem.read(path).decode())
    except FileNotFoundError:
        raise BaselineError("there is no such baseline; 'chanlint baseline' makes one") from None
    except OSError as error:
        raise BaselineError(f"cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"is no baseline: {error}") from None
    if not isinstance(whole, dict) or "version" not in whole:
        raise BaselineError("is no baseline: it has no version")
    if whole["version"] != VERSION:
        raise BaselineError(
            f"has version {whole['version']!r}, this chanlint reads {VERSION}: make it anew with 'chanlint baseline'"
        )
    listed = whole.get("findings")
    if not isinstance(listed, list):
        raise BaselineError("is no baseline: it has no list of findings")
    entries: Entries = Counter()
    for number, raw in enumerate(listed, 1):
        values = [raw.get(name, "") for name in _FIELDS] if isinstance(raw, dict) else []
        count = raw.get("count", 1) if isinstance(raw, dict) else 0
        if not values or not all(isinstance(value, str) for value in values) or type(count) is not int or count < 1:
            raise BaselineError(f"is no baseline: finding {number} is not right")
        entries[Identity(*values)] += count
    return entries


def write_baseline(entries: Entries) -> str:
    """The text of a file, an entry on each line so that a diff reads well."""
    lines = []
    for identity in sorted(entries, key=lambda one: (one.path, one.code, one.function, one.channel)):
        if entries[identity] > 0:
            fields = {name: getattr(identity, name) for name in _FIELDS}
            lines.append(json.dumps({**fields, "count": entries[identity]}))
    listed = "".join(f"    {line},\n" for line in lines).removesuffix(",\n")
    return (
        f'{{\n  "version": {VERSION},\n  "findings": [\n{listed}\n  ]\n}}\n'
        if lines
        else (f'{{\n  "version": {VERSION},\n  "findings": []\n}}\n')
    )


def entries_of(diagnostics: Iterable[Diagnostic]) -> Entries:
    """The entries for findings."""
    return Counter(one.identity for one in diagnostics if one.identity is not None)


_MATCHES: tuple[Callable[[Identity], Identity], ...] = (
    lambda identity: identity,
    lambda identity: identity._replace(path=""),
    lambda identity: identity._replace(function=""),
)


def unknown_to(entries: Entries, diagnostics: Sequence[Diagnostic]) -> tuple[list[Diagnostic], Entries]:
    """The findings that no entry takes, in their order, and what is left of the entries."""
    left = Counter(entries)
    waiting = list(diagnostics)
    for match in _MATCHES:
        by_match: dict[Identity, list[Identity]] = {}
        for identity in sorted(left, key=lambda one: (one.path, one.function)):
            by_match.setdefault(match(identity), []).append(identity)
        missed = []
        for one in waiting:
            fitting = by_match.get(match(one.identity), []) if one.identity is not None else []
            taken = next((identity for identity in fitting if left[identity] > 0), None)
            if taken is None:
                missed.append(one)
            else:
                left[taken] -= 1
        waiting = missed
    return waiting, +left
