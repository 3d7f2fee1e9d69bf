"""What a rule returns: a finding that names program points, not text positions.

Nouns:

* **Finding**: rule, message, a primary op and related ops.
* **Place**: a related op with its role.
* **Cleared**: a channel about which there is none, and why.
"""

from __future__ import annotations

from typing import NamedTuple

from chanlint.diagnostics import Blocked, Confidence, Role, Severity
from chanlint.ir.ids import FunctionId, OpId


class Place(NamedTuple):
    """A related program point: ``message`` stands beside it in the full format ("channel made here")."""

    role: Role
    message: str
    at: OpId


class Finding(NamedTuple):
    """One defect, before its places are looked up in the source.

    Attributes:
        code: the rule's code, such as ``CHN101``.
        message: one line that stands alone.
        at: the primary place.
        related: the other places of the story, in the order in which they are told.
        function: the function that the finding is about, or None at module level.
        blocked: who stays behind.
        help: what to write instead, one or two sentences.
        channel: the channel's name in the source (part of the fingerprint).
    """

    code: str
    message: str
    severity: Severity
    confidence: Confidence
    at: OpId
    related: tuple[Place, ...] = ()
    function: FunctionId | None = None
    blocked: Blocked | None = None
    help: str | None = None
    channel: str = ""


class Cleared(NamedTuple):
    """Why nothing was reported about a channel: the ending found, the policy applied, the escape, the limit reached."""

    channel: str
    created: OpId
    reason: str
    at: OpId | None = None
    places: tuple[Place, ...] = ()
