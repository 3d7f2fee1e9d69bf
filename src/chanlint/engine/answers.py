"""A result as text, and back.

Nouns:

* **Answer**: what is kept of a result: its diagnostics and counts.

Reading takes nothing on trust: what an honest run cannot have written is no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chanlint.engine.checked import count, listed, number, plain, table, text, text_or_none
from chanlint.engine.result import Result

if TYPE_CHECKING:
    from chanlint.diagnostics import Diagnostic

_FIELDS = frozenset({"with_channels", "docs_url", "skipped", "limits", "diagnostics", "texts"})
_NOTHING = "{}"


def write_answer(result: Result) -> str:
    """One line of ASCII."""
    from chanlint.report.base import with_cell

    places = [(one.filename, one.cell) for one in result.diagnostics]
    places += [(at.filename, at.cell) for one in result.diagnostics for at in one.related]
    names = {name for filename, cell in places for name in (filename, with_cell(filename, cell))}
    kept: dict[str, object] = {
        "with_channels": result.with_channels,
        "docs_url": result.docs_url,
        "skipped": result.skipped,
        "limits": result.limits,
        "diagnostics": [_packed(one) for one in result.diagnostics],
        "texts": sorted(name for name in names if result.source(name) is not None),
    }
    kept = {name: value for name, value in kept.items() if value}
    if not kept:
        return _NOTHING
    import json

    return json.dumps(kept, separators=(",", ":"))


def read_answer(answer: str) -> tuple[Result, frozenset[str]]:
    """What `write_answer` was given, and the names under which diagnostics show files whose texts were at hand.

    Raises:
        ValueError: ``answer`` is none.
    """
    if answer == _NOTHING:
        return Result(), frozenset()  # the most frequent answer, and the cheapest
    import json

    try:
        raw = json.loads(answer)
        if not isinstance(raw, dict) or raw.keys() - _FIELDS:
            raise ValueError("no answer")
        result = Result()
        result.diagnostics = [_unpacked(one) for one in listed(raw.get("diagnostics", []))]
        result.with_channels = number(raw.get("with_channels", 0))
        result.skipped = [text(one) for one in listed(raw.get("skipped", []))]
        result.limits = {text(name): number(times) for name, times in table(raw.get("limits", {})).items()}
        result.docs_url = text_or_none(raw.get("docs_url"))
        return result, frozenset(map(text, listed(raw.get("texts", []))))
    except RecursionError:
        raise ValueError("too deeply nested") from None


def _packed(one: Diagnostic) -> list[object]:
    blocked, identity = one.blocked, one.identity
    return [
        [one.code, one.name, one.message, one.severity.value, one.confidence.value],
        _packed_place(one),
        [[at.role.value, at.message, *_packed_place(at)] for at in one.related],
        one.function,
        [blocked.actor, blocked.count, blocked.per] if blocked else None,
        one.help,
        one.fingerprint,
        one.url,
        [identity.code, identity.path, identity.function, identity.channel] if identity else None,
    ]


def _packed_place(at: Any) -> list[object]:
    start, end = at.location, at.end_location
    return [at.filename, start.row, start.column, end.row, end.column, at.cell]


def _unpacked(raw: object) -> Diagnostic:
    from chanlint.diagnostics import Blocked, Confidence, Diagnostic, Identity, RelatedLocation, Role, Severity

    head, place, related, function, blocked, help_, fingerprint, url, identity = listed(raw, 9)
    code, name, message, severity, confidence = map(text, listed(head, 5))
    if not (code.isascii() and code.isalnum() and name.isascii() and name.replace("-", "").isalnum()):
        raise ValueError("no rule is called that")
    places = []
    for at in listed(related):
        role, words, *where = listed(at, 8)
        places.append(RelatedLocation(Role(text(role)), text(words), **_place(where)))
    return Diagnostic(
        code=code,
        name=name,
        message=message,
        severity=Severity(severity),
        confidence=Confidence(confidence),
        **_place(place),
        related=tuple(places),
        function=text_or_none(function),
        blocked=None if blocked is None else Blocked(*_blocked(blocked)),
        help=text_or_none(help_),
        fingerprint=plain(fingerprint),
        url=text_or_none(url),
        identity=None if identity is None else Identity(*map(text, listed(identity, 4))),
    )


def _place(raw: object) -> dict[str, Any]:
    from chanlint.source import Location

    filename, *numbers, cell = listed(raw, 6)
    row, column, end_row, end_column = map(number, numbers)
    return {
        "filename": text(filename),
        "location": Location(row, column),
        "end_location": Location(end_row, end_column),
        "cell": None if cell is None else number(cell),
    }


def _blocked(raw: object) -> tuple[str, int | str, str]:
    actor, many, per = listed(raw, 3)
    return plain(actor), count(many), plain(per)
