"""``chanlint check --statistics``: findings counted by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chanlint.diagnostics import Diagnostic


def statistics(diagnostics: Sequence[Diagnostic], as_json: bool) -> str:
    """A line per rule (or one JSON array), most frequent first."""
    counts = Counter((one.code, one.name) for one in diagnostics)
    rows = sorted(((number, code, name) for (code, name), number in counts.items()), key=lambda row: (-row[0], row[1]))
    if as_json:
        import json

        return json.dumps([{"code": code, "name": name, "count": number} for number, code, name in rows], indent=2) + "\n"
    width = len(str(rows[0][0])) if rows else 0
    return "".join(f"{number:>{width}}  {code}  {name}\n" for number, code, name in rows)
