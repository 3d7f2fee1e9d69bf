"""Reads channel events off the catalogued calls, once all receivers are known: the only place where catalogue meets program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chanlint.analysis.frames import Frame, LibCall
from chanlint.analysis.library import argument, channel_of, channel_types
from chanlint.analysis.objects import Const, Container, End, LibInstance, Obj
from chanlint.catalogue.schema import Category, OpKind, TypeInfo
from chanlint.ir.ops import Op

if TYPE_CHECKING:
    from chanlint.analysis.pointsto import PointsTo

TIMED_OUT = "builtins.TimeoutError"
OPPOSITE = {"send": "receive", "receive": "send", "both": "both2", "both2": "both"}


@dataclass(eq=False, slots=True)
class Event:
    """One operation on a channel, a flag, an actor or a group.

    Attributes:
        subject: the channel (for an end or facet: the whole), flag, actor, group or scope.
        handle: the very object whose method was called.
        frame, op: where it takes effect (for awaitable calls: where it is awaited).
        sole: no other object can be meant at this op.
        blocks: a receive or send that may wait without bound.
    """

    kind: OpKind
    subject: Obj
    handle: Obj
    frame: Frame
    op: Op
    call: LibCall
    sole: bool
    blocks: bool


def type_of(state: PointsTo, obj: Obj | None) -> TypeInfo | None:
    """The catalogued type of an object, with what it inherits filled in by the loader or looked up through bases."""
    if obj is None:
        return None
    for name in channel_types(state, obj):
        info = state.catalogue.types.get(name)
        if info is not None:
            return info
    return None


def category_of(state: PointsTo, obj: Obj | None) -> Category | None:
    """What kind of thing an object is."""
    info = type_of(state, obj)
    return info.category if info is not None else None


def has_parts(state: PointsTo, obj: Obj) -> bool:
    """Whether a library object works through what its constructor was given."""
    info = state.catalogue.types.get(obj.type) if isinstance(obj, LibInstance) else None
    return info is not None and bool(info.parts)


def is_opposite(one: Obj, other: Obj) -> bool:
    """Whether what happens at ``one`` is noticed at ``other``: the ends of a pair, or a channel without ends."""
    if not isinstance(one, End) or not isinstance(other, End):
        return True
    return OPPOSITE.get(one.role, other.role) == other.role  # two facets of one queue are no ends


def events(state: PointsTo) -> Iterator[Event]:
    """Every event of the program, frame by frame in the order of discovery."""
    for frame in state.frames:
        for calls in frame.lib_calls.values():
            for call in calls:
                yield from _events_of(state, call, calls)


def _events_of(state: PointsTo, call: LibCall, siblings: list[LibCall]) -> Iterator[Event]:
    if call.receiver is None:
        return
    subject = channel_of(call.receiver)
    if subject is None:
        return
    sole = len({id(other.whole or channel_of(other.receiver)) for other in siblings if other.effect.op is call.effect.op}) == 1
    places = call.awaited if call.effect.awaitable or call.name in ("__iter__", "__exit__") else [(call.frame, call.op)]
    blocks = not never_blocks(state, call)
    for frame, op in places:
        yield Event(call.effect.op, subject, call.receiver, frame, op, call, sole, blocks)


def never_blocks(state: PointsTo, call: LibCall) -> bool:
    """Whether a receive or send gives up by itself: non-blocking, or with a timeout."""
    effect = call.effect
    if effect.nonblocking or effect.always_timed or call.timed:
        return True
    if call.arguments is None:
        return False
    block = argument(call.arguments, effect.block)
    if block is not None:
        held = list(state.graph.points[block])
        if held and all(isinstance(obj, Const) and not obj.value for obj in held):
            return True
    timeout = argument(call.arguments, effect.timeout)
    if timeout is None:
        return bool(call.arguments.double_stars and (effect.timeout or effect.block))
    held = list(state.graph.points[timeout])
    return not held or not all(isinstance(obj, Const) and obj.value is None for obj in held)


def immediate(state: PointsTo, call: LibCall) -> bool:
    """Whether a receive or send does not wait at all."""
    if call.effect.nonblocking:
        return True
    block = argument(call.arguments, call.effect.block) if call.arguments is not None else None
    held = list(state.graph.points[block]) if block is not None else []
    return bool(held) and all(isinstance(obj, Const) and not obj.value for obj in held)


def refusals(call: LibCall) -> tuple[str, ...]:
    """What a receive that gives up raises."""
    if call.timed:
        return (TIMED_OUT,)
    return call.effect.raises[:1]


def items(state: PointsTo, call: LibCall) -> tuple[int | None, list[Obj]]:
    """The node of what a send sends, and the objects it may be."""
    if call.arguments is None:
        return None, []
    node = argument(call.arguments, call.effect.item)
    if node is not None:
        return node, list(state.graph.points[node])
    spread = [obj for star in call.arguments.stars for obj in state.graph.points[star] if isinstance(obj, Container)]
    return None, [each for obj in spread for each in state.graph.points[state.graph.elements(obj)]]


def sends_anything(state: PointsTo, call: LibCall) -> bool:
    """Whether nothing is known of what a send sends: ``put(*args)``."""
    return call.arguments is not None and bool(call.arguments.stars) and items(state, call) == (None, [])
