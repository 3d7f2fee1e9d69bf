"""The lines for people after a run: how much was found, and in how much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chanlint.diagnostics import Diagnostic
    from chanlint.engine.result import Result


def summary(result: Result) -> str:
    """``3 leaks in 2 files; 41 files checked, 6 with channels``."""
    leaks = [one for one in result.diagnostics if not is_housekeeping(one)]
    problems = len(result.diagnostics) - len(leaks)
    parts = []
    if leaks:
        parts.append(f"{count(len(leaks), 'leak')} in {count(len({one.filename for one in leaks}), 'file')}")
    if problems:
        parts.append(count(problems, "problem"))
    found = ", ".join(parts) or "no leaks"
    if result.known:
        found += f" ({result.known} more in the baseline)"
    checked = f"{found}; {count(len(result.report), 'file')} checked, {result.with_channels} with channels"
    if not result.stale:
        return checked
    stale = f"{result.stale.total()} of the baseline are repaired: 'chanlint baseline --prune' forgets them"
    return f"{checked}\nchanlint: {stale}"


def details(result: Result) -> Iterator[str]:
    """What ``--verbose`` adds: channels cleared and why, what was passed over, limits that were reached."""
    for one in result.cleared():
        yield f"cleared: {one.line()}"
    for line in result.skipped:
        yield f"skipped: {line}"
    for line in result.ignored:
        yield f"summary ignored: {line}"
    for limit, times in sorted(result.limits.items()):
        yield f"limit reached: {limit} ({count(times, 'time')})"


def is_housekeeping(diagnostic: Diagnostic) -> bool:
    """Whether it is about a file or a comment rather than about a channel."""
    return diagnostic.code.startswith("CHN0")


def count(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
