"""What came of a group of files, kept from run to run: an edit costs the analysis of the groups whose meaning it changes.

Nouns:

* **Verdict**: the findings about one group, the channels that it clears and the limits that were reached. It is a function of
  the group's IR, the catalogue, the options, chanlint's own code, and of where the imports lead for which the analysis asked.
* **Question**: importer, dotted name and level of an import for which the analysis asked, with the module that it led to.

Positions are no part of it, because the IR has none: a comment that is added changes no verdict. Reading takes nothing on
trust: what an honest run cannot have written is no verdict.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from chanlint.diagnostics import Blocked, Confidence, Role, Severity
from chanlint.engine.checked import count, listed, number, plain, table, text, text_or_none
from chanlint.engine.store import Store
from chanlint.engine.trace import digest_of
from chanlint.findings import Cleared, Finding, Place
from chanlint.ir.ids import HEADER, FunctionId, ModuleId, OpId
from chanlint.ir.program import ImportResolver

KIND = "groups"

_BROKEN = (ValueError, TypeError, LookupError, RecursionError)

Questions = dict[tuple[ModuleId, str, int], ModuleId | None]


@dataclass(slots=True)
class Verdict:
    """See above."""

    findings: list[Finding] = field(default_factory=list)
    cleared: list[Cleared] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    questions: Questions = field(default_factory=dict)

    def ops(self, *, whole: bool) -> Iterator[OpId]:
        """All ops that the findings name; ``whole``: and what is told about cleared channels."""
        for finding in self.findings:
            yield from (finding.at, *(place.at for place in finding.related))
        for one in self.cleared if whole else ():
            yield from (one.created, *(place.at for place in one.places), *([one.at] if one.at is not None else []))


class KeptVerdicts:
    """The verdicts of a project.

    Args:
        store: where they are.
        depends: what all of them depend on, besides their files.
        whole: whether somebody wants to know about cleared channels.
    """

    def __init__(self, store: Store, depends: str, *, whole: bool = False) -> None:
        self._store = store
        self._depends = depends
        self.whole = whole
        self._fresh: dict[str, Verdict] = {}

    def name(self, parts: Iterable[str]) -> str:
        """The name of the verdict that depends on ``parts``."""
        whole = [self._depends.encode(), *(part.encode(errors="surrogatepass") for part in parts)]
        return digest_of(b"".join(b"%d:%b" % (len(part), part) for part in whole))

    def find(self, name: str, group: Collection[ModuleId], resolve: ImportResolver) -> Verdict | None:
        """The verdict about a group, if its imports still lead to the same modules."""
        checksum, _, body = (self._store.read(KIND, name) or b"").partition(b"\n")
        if not body or checksum != digest_of(body).encode():
            return None
        try:
            verdict = read_verdict(body, group)
        except _BROKEN:
            return None
        holds = all(resolve(*question) == answer for question, answer in verdict.questions.items())
        return verdict if holds else None

    def keep(self, name: str, verdict: Verdict) -> None:
        """Keeps a verdict once the run is over."""
        self._fresh[name] = verdict

    def save(self) -> None:
        """Writes what this run found out."""
        for name, verdict in self._fresh.items():
            body = write_verdict(verdict)
            self._store.write(KIND, name, digest_of(body).encode() + b"\n" + body)
        self._fresh.clear()


def asking(resolve: ImportResolver, questions: Questions) -> ImportResolver:
    """``resolve``, with a note of every question and its answer."""

    def ask(importer: ModuleId, module: str, level: int) -> ModuleId | None:
        question = (importer, module, level)
        if question not in questions:
            questions[question] = resolve(importer, module, level)
        return questions[question]

    return ask


# -- as text ----------------------------------------------------------------------------------------------------------------


def write_verdict(verdict: Verdict) -> bytes:
    """The verdict as bytes."""
    asked: dict[ModuleId, list[list[object]]] = {}
    for (importer, module, level), answer in verdict.questions.items():
        asked.setdefault(importer, []).append([module, level, answer])
    cleared = [_packed_clearance(one) for one in verdict.cleared]
    whole = [[_packed(one) for one in verdict.findings], cleared, verdict.limits, asked]
    return json.dumps(whole, separators=(",", ":")).encode()


def read_verdict(body: bytes, group: Collection[ModuleId]) -> Verdict:
    """The verdict of `write_verdict`.

    Raises:
        ValueError, TypeError, LookupError, RecursionError: it is none about this group.
    """
    findings, cleared, limits, asked = listed(json.loads(body), 4)
    questions: Questions = {}
    for importer, rows in table(asked).items():
        _member(importer, group)
        for row in listed(rows):
            module, level, answer = listed(row, 3)
            questions[importer, text(module), number(level)] = None if answer is None else _member(answer, group)
    return Verdict(
        [_unpacked(one, group) for one in listed(findings)],
        [_unpacked_clearance(one, group) for one in listed(cleared)],
        {text(name): number(times) for name, times in table(limits).items()},
        questions,
    )


def _packed(one: Finding) -> list[object]:
    blocked = one.blocked
    return [
        [one.code, one.message, one.severity.value, one.confidence.value, one.channel],
        [*_op(one.at)],
        _packed_places(one.related),
        [*one.function] if one.function is not None else None,
        [blocked.actor, blocked.count, blocked.per] if blocked is not None else None,
        one.help,
    ]


def _packed_clearance(one: Cleared) -> list[object]:
    seen = [*_op(one.at)] if one.at is not None else None
    return [one.channel, [*_op(one.created)], one.reason, seen, _packed_places(one.places)]


def _packed_places(places: Iterable[Place]) -> list[list[object]]:
    return [[place.role.value, place.message, *_op(place.at)] for place in places]


def _op(at: OpId) -> tuple[str, str, int]:
    return (at.function.module, at.function.qualname, at.op)


def _unpacked(raw: object, group: Collection[ModuleId]) -> Finding:
    head, at, related, function, blocked, help_ = listed(raw, 6)
    code, message, severity, confidence, channel = map(text, listed(head, 5))
    if not (code.isascii() and code.isalnum()):
        raise ValueError("no rule is called that")
    return Finding(
        code=code,
        message=message,
        severity=Severity(severity),
        confidence=Confidence(confidence),
        at=_op_of(at, group),
        related=_places(related, group),
        function=None if function is None else _function(function, group),
        blocked=None if blocked is None else _blocked(blocked),
        help=text_or_none(help_),
        channel=channel,
    )


def _unpacked_clearance(raw: object, group: Collection[ModuleId]) -> Cleared:
    channel, created, reason, seen, places = listed(raw, 5)
    at = None if seen is None else _op_of(seen, group)
    return Cleared(text(channel), _op_of(created, group), text(reason), at, _places(places, group))


def _places(raw: object, group: Collection[ModuleId]) -> tuple[Place, ...]:
    places = []
    for place in listed(raw):
        role, words, *where = listed(place, 5)
        places.append(Place(Role(text(role)), text(words), _op_of(where, group)))
    return tuple(places)


def _op_of(raw: object, group: Collection[ModuleId]) -> OpId:
    module, qualname, op = listed(raw, 3)
    return OpId(_function([module, qualname], group), HEADER if op == HEADER else number(op))


def _function(raw: object, group: Collection[ModuleId]) -> FunctionId:
    module, qualname = listed(raw, 2)
    return FunctionId(_member(module, group), text(qualname))


def _member(module: object, group: Collection[ModuleId]) -> ModuleId:
    if not isinstance(module, str) or module not in group:
        raise ValueError("a module of another group")
    return module


def _blocked(raw: object) -> Blocked:
    actor, many, per = listed(raw, 3)
    return Blocked(plain(actor), count(many), plain(per))
