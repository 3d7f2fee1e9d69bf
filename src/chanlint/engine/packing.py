"""What was learnt from one file as bytes: for other processes, for a cache and for summaries.

Nouns:

* **Packed**: a row of JSON with suppressions and problems, then the module as `chanlint.ir.codec` writes it, or nothing where
  the file could not be read. The text itself is not in it: whoever unpacks has the file.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from chanlint.frontends.base import LaterSourceMap, Lowered, Problem, Suppression
from chanlint.frontends.python.decode import decode as decode_text
from chanlint.frontends.registry import front_end_for
from chanlint.ir.codec import CodecError, decode, encode
from chanlint.ir.ids import ModuleId
from chanlint.source import Location, SourceFile, Span

_BROKEN = (ValueError, TypeError, LookupError, AttributeError, RecursionError)

Comments = tuple[tuple[Suppression, ...], tuple[Problem, ...]]
"""The comments of a file that steer chanlint, and what was not understood of it."""


def pack(lowered: Lowered) -> bytes:
    """``lowered`` as bytes: the same for equal files."""
    head = json.dumps(write_comments((lowered.suppressions, lowered.problems)), separators=(",", ":"))
    return head.encode() + b"\n" + (encode(lowered.module) if lowered.module is not None else b"")


def meaning(packed: bytes) -> str:
    """A digest of the IR in a packed file, ``""`` where there is none: positions and comments are no part of it."""
    body = packed[packed.find(b"\n") + 1 :]
    return hashlib.sha256(body).hexdigest() if body else ""


def unpack(packed: bytes, module: ModuleId, data: bytes, target: tuple[int, int]) -> Lowered:
    """What `pack` was given; places are looked up by reading the file again.

    Args:
        packed: the bytes.
        module: the module's id.
        data: the file's bytes.
        target: the Python version for which the file was lowered.

    Raises:
        CodecError: ``packed`` was not written by `pack` of this version of chanlint for this module.
    """
    head, _, body = packed.partition(b"\n")
    try:
        suppressions, told = read_comments(json.loads(head))
    except _BROKEN as error:
        raise CodecError(f"not a packed file: {type(error).__name__}") from None
    decoded = decode_text(data)
    source = SourceFile(module, "")
    if isinstance(decoded, str):
        source = SourceFile(module, decoded, hashlib.sha256(data).hexdigest())
    if not body:
        return Lowered(source, None, None, suppressions, told)
    lowered = decode(body)
    if lowered.id != module:
        raise CodecError("the bytes are those of another module")
    return Lowered(source, lowered, LaterSourceMap(front_end_for(module), source, target), suppressions, told)


def write_comments(comments: Comments) -> list[object]:
    """Lists, texts and numbers."""
    suppressions, problems = comments
    return [
        [[one.kind, one.row, one.codes, _numbers(one.span), one.reason] for one in suppressions],
        [[one.message, _numbers(one.span), one.definition] for one in problems],
    ]


def read_comments(raw: Any) -> Comments:
    """What `write_comments` was given; ValueError, TypeError or LookupError where it is none."""
    suppressions, problems = raw
    return (
        tuple(_suppression(*one) for one in suppressions),
        tuple(Problem(_text(message), _span(span), _maybe_text(name)) for message, span, name in problems),
    )


def _suppression(kind: Any, row: Any, codes: Any, span: Any, reason: Any) -> Suppression:
    if type(row) is not int:
        raise TypeError
    return Suppression(_text(kind), row, tuple(map(_text, codes)), _span(span), _text(reason))


def _numbers(span: Span) -> list[int]:
    return [span.start.row, span.start.column, span.end.row, span.end.column]


def _span(numbers: Any) -> Span:
    row, column, last_row, last_column = numbers
    if {*map(type, numbers)} != {int}:
        raise TypeError
    return Span(Location(row, column), Location(last_row, last_column))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _maybe_text(value: Any) -> str | None:
    return None if value is None else _text(value)
