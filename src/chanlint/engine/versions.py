"""Versions of Python as people write them."""

from __future__ import annotations

import re


def parse_version(text: str) -> tuple[int, int] | None:
    """``3.12`` or ``py312`` as (3, 12); None for anything else."""
    match = re.fullmatch(r"(?:py)?3\.?(\d{1,2})", text.strip())
    return (3, int(match[1])) if match else None


def lower_bound(requirement: str) -> tuple[int, int] | None:
    """The lowest version that ``requires-python`` admits, such as (3, 9) for ``>=3.9,<4``; None where it names none."""
    match = re.search(r"(?:>=|~=|==|>)\s*3\.(\d{1,2})", requirement)
    return (3, int(match[1])) if match else None
