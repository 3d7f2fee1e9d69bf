"""Comments that silence findings.

Nouns:

* **Suppression**: one such comment, as the front end read it.
* **Places**: the primary place of a finding and its related ones; a comment on any of them can silence it.
* **Ledger**: remembers which code of which comment silenced something, so that the others can be told.

``# noqa: CODES`` counts on the row where a place starts, and takes codes and prefixes as flake8 does. ``# chanlint:
ignore[...]`` counts on every row of a place and takes names, too. ``# chanlint: skip-file`` silences what has its primary place
in that file. A bare ``# noqa`` silences nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from chanlint.diagnostics import Confidence, Diagnostic, Severity
from chanlint.engine.codes import NAMES, UNKNOWN_SUPPRESSION, UNUSED_SUPPRESSION, fit, unknown
from chanlint.frontends.base import Suppression

HOUSEKEEPING = (UNUSED_SUPPRESSION, UNKNOWN_SUPPRESSION)


class Ledger:
    """Applies the comments of a run.

    Args:
        comments: the suppressions of each file, by its name as diagnostics have it.
    """

    def __init__(self, comments: Mapping[str, Sequence[Suppression]]) -> None:
        self._comments = comments
        self._used: set[tuple[str, int, str]] = set()

    def silences(self, diagnostic: Diagnostic) -> bool:
        """Whether a comment silences ``diagnostic``; every comment that does is noted."""
        places = [(diagnostic.filename, diagnostic.location.row, diagnostic.end_location.row)]
        places += [(place.filename, place.location.row, place.end_location.row) for place in diagnostic.related]
        silenced = False
        for position, (filename, first, last) in enumerate(places):
            for number, comment in enumerate(self._comments.get(filename, ())):
                for code in _silencing(comment, diagnostic, first, last, is_primary=position == 0):
                    self._used.add((filename, number, code))
                    silenced = True
        return silenced

    def leftovers(self, known: Mapping[str, str], in_force: Callable[[str], frozenset[str]]) -> Iterator[Diagnostic]:
        """Findings about codes that silence nothing (CHN001) and about words that are no code (CHN002).

        Args:
            known: the rules' names by code.
            in_force: the codes that were looked for in a file; others cannot be judged.
        """
        for filename, comments in self._comments.items():
            for number, comment in enumerate(comments):
                unused = []
                for code in dict.fromkeys(comment.codes):
                    if comment.kind == "noqa" and not code.startswith("CHN"):
                        continue  # some other tool's
                    fitting = {each for each, name in known.items() if _means(comment, code, each, name)}
                    if not fitting:
                        yield _about(UNKNOWN_SUPPRESSION, filename, comment, unknown(code, dict(known)))
                    elif (filename, number, code) not in self._used and fitting - {*HOUSEKEEPING} & in_force(filename):
                        unused.append(code)
                if unused:
                    message = f"unused suppression: nothing here is reported as {', '.join(unused)}"
                    yield _about(UNUSED_SUPPRESSION, filename, comment, message)


def _means(comment: Suppression, selector: str, code: str, name: str) -> bool:
    return code.startswith(selector) if comment.kind == "noqa" else fit(selector, code, name) >= 0


def _silencing(comment: Suppression, diagnostic: Diagnostic, first: int, last: int, is_primary: bool) -> Iterable[str]:
    """The codes of ``comment`` that silence a finding with a place on these rows; ``""`` for a whole file."""
    match comment.kind:
        case "skip-file":
            return [""] if is_primary else []
        case "noqa" if comment.row == first:
            pass
        case "ignore" if first <= comment.row <= last:
            pass
        case _:
            return []
    return [code for code in comment.codes if code and _means(comment, code, diagnostic.code, diagnostic.name)]


def _about(code: str, filename: str, comment: Suppression, message: str) -> Diagnostic:
    return Diagnostic(
        code=code,
        name=NAMES[code],
        message=message,
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        filename=filename,
        location=comment.span.start,
        end_location=comment.span.end,
    )
