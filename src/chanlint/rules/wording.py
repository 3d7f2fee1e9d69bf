"""How findings say things: who stays blocked, on what, and what to write instead."""

from __future__ import annotations

from chanlint.diagnostics import Blocked, Role, Severity
from chanlint.findings import Finding, Place
from chanlint.ir.ids import OpId
from chanlint.model.channel import Coverage, Defect, Group, HomeKind
from chanlint.rules.base import display_name

PLURALS = {"process": "processes"}


def plural(actor: str) -> str:
    """``threads``, ``tasks``, ``processes``."""
    return PLURALS.get(actor, f"{actor}s")


def per(about: Group | Defect) -> str:
    """What the number of blocked actors grows with."""
    kind = about.channel.home.kind
    return {HomeKind.CALL: "call", HomeKind.OBJECT: "object", HomeKind.PROGRAM: "program"}[kind]


def who_blocks(group: Group) -> str:
    """``100 threads per call of handle stay blocked``."""
    where = display_name(group.function.qualname)
    if group.iterator:
        return f"whoever iterates stays blocked in {where}"
    if group.spawn is None:
        return f"{where} stays blocked"
    count = group.count.number
    each = f"per {per(group)} of {where}" if per(group) == "call" else f"per {per(group)}"
    if count == 1:
        return f"a {group.actor} {each} stays blocked"
    if count is not None:
        return f"{count} {plural(group.actor)} {each} stay blocked"
    return f"{plural(group.actor)} stay blocked {each}"


def them(group: Group) -> str:
    """The consumers, as a pronoun."""
    return "it" if group.count.number == 1 else "them"


def channel(about: Group | Defect, end: str = "") -> str:
    """The channel, as messages call it: by the name of one ``end`` where that is meant (``send``, ``receive``)."""
    return f"{about.channel.info.title or 'channel'} '{about.channel.called(end)}'"


def ending(group: Group) -> str:
    """The ending that is there, as a noun."""
    kinds = [found.kind for found in group.effective()]
    names = {"marker": "the end marker", "close": "the close", "cancel": "the cancel", "answer": "what it waits for"}
    return names.get(kinds[0] if kinds else "", "the ending")


def wait(group: Group) -> str:
    """The one operation in which somebody waits: ``a single get on queue 'box'``, ``a get ...`` where a loop counts them."""
    return f"a {'' if group.counted else 'single '}{group.consumers[0].event.call.name} on {channel(group)}"


SKIPS = {
    "return": "this way out skips the ending",
    "raise": "an exception here skips the ending",
    "close": "closing the generator here skips the ending",
    "forgets": "this method does not reach the ending",
    "cancel": "a task that is cancelled here has not run yet, nor will its finally block",
}


def skipped(coverage: Coverage, ending: str) -> str:
    """How a path misses an ending: ``a path through handle leaves without the close``."""
    witness = coverage.witness
    assert witness is not None
    where = display_name(witness.frame.function.id.qualname)
    return {
        "return": f"a path through {where} leaves without {ending}",
        "raise": f"an exception in {where} skips {ending}",
        "close": f"closing the generator {where} skips {ending}",
        "forgets": f"{where} ends without {ending}",
        "cancel": f"a cancel in {where} before the producer first runs skips {ending}",
    }[witness.kind]


def skip(coverage: Coverage) -> Place:
    """The place where a path misses an ending."""
    witness = coverage.witness
    assert witness is not None
    return Place(Role.SKIPS_CLOSE, SKIPS[witness.kind], witness.frame.op_id(witness.op))


def owner(group: Group) -> str:
    """The class whose objects the channel belongs to."""
    name = group.channel.home.class_name
    return display_name(name) if name is not None else "its class"


def severity(group: Group) -> Severity:
    """Error, or warning where the collector ends the actor."""
    return Severity.WARNING if group.collected else Severity.ERROR


def cure(group: Group) -> str:
    """What to write instead."""
    info = group.channel.info
    name = group.channel.name
    several = group.count.number != 1 and group.spawn is not None
    if info.ends:
        return "Close every send end when the last item is sent, best with `async with send_end:`."
    if group.actor == "task":
        return "Cancel the tasks in a finally block, or send one end marker for each."
    if "shutdown" in info.methods:
        marker = f"send one end marker for each consumer in a finally block; from Python 3.13 on `{name}.shutdown()` ends all"
        return marker[0].upper() + marker[1:] + "."
    if several:
        return "Send one end marker for each consumer in a finally block, and let the consumer leave its loop on it."
    return "Send an end marker in a finally block, and let the consumer leave its loop on it."


def finding(
    code: str,
    group: Group,
    message: str,
    *,
    severity: Severity,
    help: str,
    more: tuple[Place, ...] = (),
    at: OpId | None = None,
) -> Finding:
    """A finding about a group, with every place of its story."""
    count = group.count.number
    related = [Place(Role.CREATED, "channel made here", group.channel.created)]
    primary = at if at is not None else group.at
    if group.spawn is not None and primary != group.at:
        related.append(Place(Role.SPAWNED, f"{group.actor} started here", group.at))
    for consumer in group.consumers:
        if consumer.at != primary:
            related.append(Place(Role.RECEIVES, "blocks here", consumer.at))
    if group.collected:
        message += " until the garbage collector destroys it, its work is lost"
    return Finding(
        code=code,
        message=message,
        severity=severity,
        confidence=group.confidence,
        at=primary,
        related=tuple(place for place in _unique((*related, *more)) if place.at != primary),
        function=group.function,
        blocked=Blocked(group.actor, "many" if count is None else count, per(group)),
        help=help,
        channel=group.channel.name,
    )


def defect(code: str, about: Defect, message: str, *, severity: Severity, help: str) -> Finding:
    """A finding about a defect, with every place of its story."""
    count = about.count.number
    info = about.channel.info  # of a flag, thread or pool where that is waited for
    made = "channel" if info.category == "channel" else info.title or "object"
    created = Place(Role.CREATED, f"{made} made here", about.channel.created)
    return Finding(
        code=code,
        message=message,
        severity=severity,
        confidence=about.confidence,
        at=about.at,
        related=tuple(place for place in _unique((created, *about.related)) if place.at != about.at),
        function=about.function,
        blocked=Blocked(about.actor, "many" if count is None else count, per(about)),
        help=help,
        channel=about.channel.name,
    )


def _unique(places: tuple[Place, ...]) -> tuple[Place, ...]:
    """The places without repetition, in their order."""
    return tuple({(place.role, place.at): place for place in reversed(places)}.values())[::-1]
