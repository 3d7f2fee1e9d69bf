"""Finds sends on a channel that the same function has closed before: they raise, and the item is lost.

Nouns:

* **Name**: how a function gets at a channel: a variable, then attributes. The same name means the same channel until one of
  them is bound again.
* **Act**: a close or a send in one function: an operation of its own, or the call of a helper that does it on every way.

A send is surely dead where the close is in the same function, and every way on from it without an exception comes to the
send, or round the loop to it. Conditions in between, handlers of what a send then raises, and ``with`` blocks that expect it
are respected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.objects import End, Instance
from chanlint.analysis.paths import Search
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import Category, OpKind
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ops import Op, Register, Variable
from chanlint.model.channel import Channel, Defect, HomeKind
from chanlint.model.survey import Survey

HELPERS = 3  # calls between the function that does both and the operations
MOST_ACTS = 64
Name = tuple[Variable, tuple[str, ...]]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class ClosedSend(Defect):
    """A send after the close.

    Attributes:
        method, closer: the names of the two methods.
        again: the close is at the end of one round of a loop, the send in the next.
    """

    method: str
    closer: str
    again: bool


class _Act(NamedTuple):
    """An operation, as seen from ``frame``."""

    event: Event
    frame: Frame
    op: Op
    name: Name


def find(survey: Survey) -> Iterator[ClosedSend]:
    """The sends after a close, channel by channel."""
    finder = _Finder(survey)
    for channel in survey.channels:
        yield from finder.about(channel)


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self._stores: dict[str, list[tuple[Frame, Op]]] | None = None

    def about(self, channel: Channel) -> Iterator[ClosedSend]:
        """The sends after a close of one channel."""
        closes = [event for event in channel.events if event.kind is OpKind.CLOSE and event.sole]
        sends = [event for event in channel.events if event.kind in (OpKind.SEND, OpKind.SEND_MANY) and event.sole]
        if not closes or not sends:
            return
        closing = [act for event in closes for act in self._acts(event)][:MOST_ACTS]
        for send in sends:
            for act in self._acts(send):
                found = next((dead for close in closing if (dead := self._dead(channel, close, act)) is not None), None)
                if found is not None:
                    yield found
                    break

    def _defect(self, channel: Channel, close: _Act, send: _Act, again: bool) -> ClosedSend:
        event = send.event
        related = [Place(Role.CLOSES, "closed here", close.event.frame.op_id(close.event.op))]
        if close.op is not close.event.op:
            related.append(Place(Role.CLOSES, "which is called here", close.frame.op_id(close.op)))
        if send.op is not event.op:
            related.append(Place(Role.SENDS, "sent here", event.frame.op_id(event.op)))
        return ClosedSend(
            channel=channel,
            at=send.frame.op_id(send.op),
            function=send.frame.function.id,
            confidence=Confidence.MEDIUM if channel.home.kind is HomeKind.OBJECT else Confidence.HIGH,
            related=tuple(related),
            method=event.call.name,
            closer="the end of the with block" if close.event.call.name == "__exit__" else f"{close.event.call.name}()",
            again=again,
        )

    # -- acts -----------------------------------------------------------------------------------------------------------------

    def _acts(self, event: Event) -> list[_Act]:
        """The event in its own function, and in those that call it for sure."""
        register = _receiver(self.analysis.shapes.of(event.frame.function).definitions, event)
        name = self._name(event.frame, register) if register is not None else None
        if name is None or event.call.actor is not None:
            return []
        found = [_Act(event, event.frame, event.op, name)]
        waiting = list(found)
        for _ in range(HELPERS):
            following = []
            for act in waiting:
                if self._is_sure(act):
                    above = (self._lift(act, entry) for entry in act.frame.entries)
                    following += [each for each in above if each is not None]
            found += following
            waiting = following
        return found

    def _is_sure(self, act: _Act) -> bool:
        """Whether every way through the helper comes to the act: none returns before, none raises on purpose."""
        witnesses = self.analysis.paths.witnesses(Search(act.frame, None, frozenset({act.op.index})))
        return witnesses is not None and not any(w.kind == "return" or isinstance(w.op, ops.Raise) for w in witnesses)

    def _lift(self, act: _Act, entry: Entry) -> _Act | None:
        """The act as the caller of the helper sees it."""
        caller = entry.caller
        if entry.kind is not EntryKind.CALL or caller is None or entry.op is None or caller.lib_calls.get(entry.op.index):
            return None
        definitions = self.analysis.shapes.of(caller.function).definitions
        call = entry.op
        if isinstance(call, ops.Await):
            made = definitions.get(call.src, [])
            call = made[0] if len(made) == 1 else call
        if not isinstance(call, ops.Call):
            return None
        root, attributes = act.name
        if root.owner != act.frame.function.id:
            return act._replace(frame=caller, op=entry.op)  # a variable that both see
        base = self._argument(act.frame, caller, call, root.name)
        given = self._name(caller, base) if base is not None else None
        if given is None:
            return None
        return _Act(act.event, caller, entry.op, (given[0], given[1] + attributes))

    def _argument(self, frame: Frame, caller: Frame, call: ops.Call, name: str) -> Register | None:
        """What the caller gives for a parameter of the helper that the helper does not bind again."""
        params = [param.name for param in frame.function.params]
        if name not in params or self.analysis.writes_of(Variable(frame.function.id, name)):
            return None
        position = params.index(name)
        if frame.receiver is not None:
            if position == 0:
                made = self.analysis.shapes.of(caller.function).definitions.get(call.callee, [])
                return made[0].obj if len(made) == 1 and isinstance(made[0], ops.LoadAttr) else None
            position -= 1
        if any(argument.unpack for argument in call.args):
            return None
        named = [argument.value for argument in call.args if argument.keyword == name]
        positional = [argument.value for argument in call.args if argument.keyword is None]
        return named[0] if named else positional[position] if position < len(positional) else None

    def _name(self, frame: Frame, register: Register) -> Name | None:
        """The name by which a register was loaded."""
        definitions = self.analysis.shapes.of(frame.function).definitions
        attributes: list[str] = []
        for _ in range(4):
            made = definitions.get(register, [])
            if len(made) != 1:
                return None
            if isinstance(made[0], ops.LoadVar):
                return made[0].var, tuple(reversed(attributes))
            if not isinstance(made[0], ops.LoadAttr):
                return None
            attributes.append(made[0].attr)
            register = made[0].obj
        return None

    # -- is it dead -----------------------------------------------------------------------------------------------------------

    def _dead(self, channel: Channel, close: _Act, send: _Act) -> ClosedSend | None:
        """The defect where the send finds the channel closed, for sure."""
        if close.frame is not send.frame or close.op is send.op or not self._same(close, send):
            return None
        if self._is_expected(close, send):
            return None
        rebinding = self._rebinding(close.frame, send.name)
        if self._comes_to(close, send, rebinding):
            return self._defect(channel, close, send, again=False)
        return self._defect(channel, close, send, again=True) if self._comes_round(close, send, rebinding) else None

    def _same(self, close: _Act, send: _Act) -> bool:
        """Whether the close is that of the very end (or of the whole) that the send uses."""
        handle, closed = send.event.handle, close.event.handle
        if send.name == close.name:
            return handle is closed
        whole = send.name[0] == close.name[0] and send.name[1][: len(close.name[1])] == close.name[1]
        return whole and isinstance(handle, End) and handle.role == "facet" and not isinstance(closed, End)

    def _comes_to(self, close: _Act, send: _Act, rebinding: frozenset[int]) -> bool:
        """Whether every way on from the close comes to the send."""
        shape = self.analysis.shapes.of(close.frame.function)
        return shape.can_follow(send.op, close.op) and self._surely(close.frame, close.op, {send.op.index}, rebinding)

    def _comes_round(self, close: _Act, send: _Act, rebinding: frozenset[int]) -> bool:
        """Whether a loop sends, closes, and comes round to the send with the same channel."""
        shape = self.analysis.shapes.of(close.frame.function)
        block = shape.positions[send.op.index].block
        loop = shape.loop(send.op)
        if shape.positions[close.op.index].block not in loop or not self._surely(
            close.frame, send.op, {close.op.index}, rebinding
        ):
            return False
        heads = {end.index for end in shape.loop_heads(send.op)}
        if len(heads) != 1 or block not in loop or any(shape.positions[index].block in loop for index in rebinding):
            return False
        return self._goes_straight(close.frame, close.op, heads)

    def _goes_straight(self, frame: Frame, start: Op, heads: set[int]) -> bool:
        """Whether no condition lies between ``start`` and the head of its loop."""
        shape = self.analysis.shapes.of(frame.function)
        block = shape.positions[start.index].block
        for _ in range(len(shape.blocks)):
            end = shape.blocks[block].terminator
            if end.index in heads:
                return True
            if not isinstance(end, ops.Jump):
                return False
            block = end.target
        return False

    def _surely(self, frame: Frame, start: Op, goals: set[int], rebinding: frozenset[int]) -> bool:
        """Whether every way on from ``start``, exceptions aside, comes to one of ``goals`` before the name is bound again."""
        search = Search(frame, start, frozenset(goals), joins=rebinding)
        witnesses = self.analysis.paths.witnesses(search)
        if witnesses is None or not self.analysis.paths.covered:
            return False
        return not any(w.kind in ("return", "join") or isinstance(w.op, ops.Raise) for w in witnesses)

    def _rebinding(self, frame: Frame, name: Name) -> frozenset[int]:
        """The ops after which a name may mean another channel: stores in this function, or in what it calls."""
        root, attributes = name
        found = {op.index for op in frame.function.cfg.ops() if isinstance(op, ops.StoreVar | ops.DeleteVar) and op.var == root}
        stores = self.analysis.stores(root.owner, root.name) if root.owner != frame.function.id else []
        places = [(at, op) for at, op in stores if at is not frame]
        places += [place for attribute in attributes for place in self._stores_of(attribute)]
        for at, op in places:
            found |= self._from(at, op, frame)
        return frozenset(found)

    def _stores_of(self, attribute: str) -> list[tuple[Frame, Op]]:
        """The places that bind an attribute of this name, of whatever object."""
        if self._stores is None:
            self._stores = {}
            for frame, op in self.analysis.each(ops.StoreAttr):
                self._stores.setdefault(op.attr, []).append((frame, op))
        return self._stores.get(attribute, [])

    def _from(self, at: Frame, op: Op, frame: Frame) -> set[int]:
        """The ops of ``frame`` by which ``op`` is reached through calls."""
        found: set[int] = set()
        waiting, seen = [(at, op)], {at}
        for _ in range(HELPERS + 2):
            following = []
            for inner, place in waiting:
                if inner is frame:
                    found.add(place.index)
                    continue
                for entry in inner.entries:
                    if entry.kind is EntryKind.CALL and entry.caller is not None and entry.op is not None:
                        if entry.caller is frame or entry.caller not in seen:
                            seen.add(entry.caller)
                            following.append((entry.caller, entry.op))
            waiting = following
        return found

    def _is_expected(self, close: _Act, send: _Act) -> bool:
        """Whether a handler, or a ``with`` that stands round the send alone, takes what it raises."""
        shape = self.analysis.shapes.of(send.frame.function)
        for act in (send, _Act(send.event, send.event.frame, send.event.op, send.name)):
            handler = act.frame.function.cfg.blocks[
                self.analysis.shapes.of(act.frame.function).positions[act.op.index].block
            ].handler
            if handler >= 0 and self._catches(act.frame, handler):
                return True
        for index, region in shape.regions.items():
            enter = shape.by_index[index]
            if send.op.index in region and close.op.index not in region and isinstance(enter, ops.Enter):
                if not self._lets_out(send.frame, enter):
                    return True
        return False

    def _catches(self, frame: Frame, handler: int) -> bool:
        """Whether some ``except`` follows before the exception is out of the function."""
        seen, waiting = set[int](), [handler]
        while waiting:
            block = waiting.pop()
            if block < 0 or block in seen:
                continue
            seen.add(block)
            end = frame.function.cfg.blocks[block].terminator
            if isinstance(end, ops.Catch):
                return True
            waiting.extend(self.analysis.shapes.of(frame.function).normal_targets(block))
        return False

    def _lets_out(self, frame: Frame, enter: ops.Enter) -> bool:
        """Whether a ``with`` is known to pass exceptions on: a lock, a group, a scope, a channel."""
        held = self.analysis.points.holds(frame, enter.manager)
        quiet = {Category.LOCK, Category.GROUP, Category.CHANNEL, Category.SCOPE}
        return bool(held) and all(
            recognise.category_of(self.analysis.points, obj) in quiet or (isinstance(obj, Instance) and not obj.synthetic)
            for obj in held
        )


def _receiver(definitions: dict[Register, list[Op]], event: Event) -> Register | None:
    """The register that holds the object whose method an event calls."""
    op = event.call.op
    if isinstance(op, ops.Exit):
        return op.manager
    if not isinstance(op, ops.Call):
        return None
    made = definitions.get(op.callee, [])
    return made[0].obj if len(made) == 1 and isinstance(made[0], ops.LoadAttr) else None
