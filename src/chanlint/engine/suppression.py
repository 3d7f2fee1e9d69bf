"""Comments that silence findings.

Nouns:

* **Suppression**: one such comment, as the front end read it.
* **Places**: the primary place of a finding and its related ones; a comment on any of them can silence it.

``# noqa: CODES`` counts on the row where a place starts, and takes codes and prefixes as flake8 does. ``# chanlint:
ignore[...]`` counts on every row of a place and takes names, too. ``# chanlint: skip-file`` silences what has its primary place
in that file. A bare ``# noqa`` silences nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chanlint.diagnostics import Diagnostic
from chanlint.engine.codes import fit
from chanlint.frontends.base import Suppression


def is_suppressed(diagnostic: Diagnostic, comments: Mapping[str, Iterable[Suppression]]) -> bool:
    """Whether a comment silences ``diagnostic``; ``comments`` is by file name as diagnostics have it."""
    places = [(diagnostic.filename, diagnostic.location.row, diagnostic.end_location.row)]
    places += [(place.filename, place.location.row, place.end_location.row) for place in diagnostic.related]
    for position, (filename, first, last) in enumerate(places):
        for comment in comments.get(filename, ()):
            if _silences(comment, diagnostic, first, last, is_primary=position == 0):
                return True
    return False


def _silences(comment: Suppression, diagnostic: Diagnostic, first: int, last: int, is_primary: bool) -> bool:
    match comment.kind:
        case "skip-file":
            return is_primary
        case "noqa":
            return comment.row == first and any(code and diagnostic.code.startswith(code) for code in comment.codes)
        case "ignore":
            fits = any(fit(code, diagnostic.code, diagnostic.name) >= 0 for code in comment.codes)
            return fits and first <= comment.row <= last
    return False
