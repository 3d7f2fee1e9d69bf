"""What is owed where a path ends, and what is acknowledged though nothing is owed.

Nouns:

* **Lapse**: a path from one get that comes to a get, a join or the end of the actor and still owes the item.
* **Surplus**: an acknowledgement for which nothing is owed.
"""

from __future__ import annotations

from typing import NamedTuple

from chanlint.analysis import evaluate, recognise
from chanlint.analysis.evaluate import Data, Known, Value, from_item
from chanlint.analysis.frames import Frame
from chanlint.analysis.objects import CallIterator
from chanlint.analysis.program import Analysis, Way
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind
from chanlint.ir import ops
from chanlint.ir.ops import Op
from chanlint.model.ledger import Ledger
from chanlint.model.tally import MOST_OWED, Call, Flight, State, Walk, names_of

REFUSAL = "builtins.ValueError"


class Lapse(NamedTuple):
    """How a path ends that owes an item.

    ``kind`` is ``again`` (at a get), ``join`` (at its own join), ``return`` or ``raise`` (out of the actor); ``flight`` is the
    last exception on the path; ``tags`` say what its branches hang on.
    """

    kind: str
    frame: Frame
    op: Op
    flight: Flight | None
    tags: frozenset[str]


class Surplus(NamedTuple):
    """An acknowledgement that nothing is owed for: after a get that took nothing, or after another acknowledgement."""

    frame: Frame
    op: Op
    refused: Flight | None
    earlier: Op | None


class After(Walk):
    """From one get that took an item: which paths owe it when they come to a get, to a join, or to the end of the actor?"""

    def __init__(self, analysis: Analysis, ledger: Ledger, event: Event, way: Way, home: Frame | None, item: Value) -> None:
        super().__init__(analysis, ledger)
        self.event = event
        self.lapses: list[Lapse] = []
        self.settled = False
        levels = list(way.levels)
        for position, level in enumerate(levels):
            if level.frame is home:
                levels = levels[: position + 1]  # another run of the home has a channel of its own
                break
        calls: list[Call] = []
        for position in range(len(levels) - 1, -1, -1):
            above = levels[position + 1].op if position + 1 < len(levels) else None
            calls.append(Call(levels[position].frame, above))
        at = analysis.shapes.of(event.frame.function).positions[event.op.index]
        start = State(tuple(calls), at.block, at.offset, owed=1)
        if isinstance(event.op, ops.Iterate) and isinstance(item, Known) and _by_marker(analysis, event.frame, event.op):
            self.go(start, event.op.done)
        else:
            self.after(start, item)
        self.run()

    def takes(self, state: State, event: Event) -> None:
        """The same get again owes the item still; another one takes one more."""
        if event.op is self.event.op or state.owed >= MOST_OWED:
            self._lapse("again", state, event.frame, event.op)
            return
        for names in refused(event):
            self.throw(state, Flight(names, False, event.frame, event.op))
        state = state.fork()
        state.owed += 1
        self.after(state, Data())

    def takes_step(self, state: State) -> None:
        """The generator goes on to its get."""
        self._lapse("again", state, state.frame, self.op_at(state))

    def acknowledges(self, state: State, op: Op) -> bool:
        """The path is over when nothing is owed any more."""
        self.settled = True
        state.owed -= 1
        return state.owed > 0

    def joins(self, state: State, op: Op) -> bool:
        """It waits for itself."""
        self._lapse("join", state, state.frame, op)
        return False

    def ends(self, state: State, op: Op) -> None:
        """The item stays owed."""
        self._lapse("raise" if state.flying is not None else "return", state, state.frame, op)

    def computes(self, state: State, frame: Frame, op: Op) -> None:
        """An ordinary item may be of any kind, and equal to anything that is no end marker."""
        super().computes(state, frame, op)
        if self._asks(state, frame, op):
            state.values[state.level, op.dst] = evaluate.DERIVED  # type: ignore[attr-defined]  # each of these ops has one

    def _asks(self, state: State, frame: Frame, op: Op) -> bool:
        match op:
            case ops.IsInstance(value=value):
                read = [value]
            case ops.Compare(operator=operator, left=left, right=right) if operator in ("==", "!=", "in", "not-in"):
                if any(getattr(obj, "value", ...) is None for obj in self.analysis.points.holds(frame, right)):
                    return False
                read = [left, right]
            case ops.Call(callee=callee, args=args) if args and names_of(self.analysis, frame, callee) & {
                "builtins.isinstance"
            }:
                read = [args[0].value]
            case _:
                return False
        return any(isinstance(state.values.get((state.level, register)), Data) for register in read)

    def doubts(self, state: State, frame: Frame, op: Op) -> bool:
        """What the item is handed to, or does itself, may well raise: that is what the acknowledgement is for."""
        if not isinstance(op, ops.Call):
            return False
        registers = [op.callee, *(argument.value for argument in op.args)]
        return any(from_item(state.values.get((state.level, register))) for register in registers)

    def _lapse(self, kind: str, state: State, frame: Frame, op: Op) -> None:
        self.lapses.append(Lapse(kind, frame, op, state.past, state.tags))


class Along(Walk):
    """From the entry of a frame: which acknowledgements come when nothing is owed?"""

    def __init__(self, analysis: Analysis, ledger: Ledger, frame: Frame) -> None:
        super().__init__(analysis, ledger)
        self.found: list[Surplus] = []
        self.most = 0
        self.push(State((Call(frame, None),), frame.function.cfg.entry))
        self.run()

    def takes(self, state: State, event: Event) -> None:
        """An item more is owed, or the get fails."""
        op = self.op_at(state)
        if not event.sole:
            return
        for flight in self._failures(event):
            failed = state.fork()
            failed.earlier, failed.tags = None, frozenset()
            self.throw(failed, flight)
        if isinstance(op, ops.Iterate):
            ended = state.fork()
            if _by_marker(self.analysis, state.frame, op):  # the marker was taken, too
                ended.owed, ended.past, ended.earlier = min(state.owed + 1, MOST_OWED), None, None
            self.go(ended, op.done)
        self.takes_step(state)

    def takes_step(self, state: State) -> None:
        """One more is owed, of an ordinary item and of a marker."""
        nothing = Known(self.analysis.points.heap.const(None))
        for item in (Data(), nothing):
            taken = state.fork()
            taken.owed = min(state.owed + 1, MOST_OWED)
            taken.past = taken.earlier = None
            taken.tags = frozenset()
            self.most = max(self.most, taken.owed)
            self.after(taken, item)

    def _failures(self, event: Event) -> list[Flight]:
        found = [Flight(names, False, event.frame, event.op) for names in refused(event)]
        if event.call.effect.awaitable:
            found.append(Flight((), True, event.frame, event.op))
        if any(each.kind is OpKind.CLOSE for each in self.ledger.events):
            found.extend(Flight((name,), False, event.frame, event.op) for name in event.call.effect.closed)
        return found

    def acknowledges(self, state: State, op: Op) -> bool:
        """One less is owed, or it is surplus."""
        if self.ledger.acknowledges_elsewhere(state.frame, op):
            state.owed = max(0, state.owed - 1)
            return True
        if state.owed == 0:
            self._surplus(state, op)
            return False
        if state.owed < MOST_OWED:
            state.owed -= 1
        state.earlier, state.tags = op, frozenset()
        return True

    def _surplus(self, state: State, op: Op) -> None:
        refused_here = state.past if state.past is not None and self._is_get(state.past) else None
        if state.earlier is None and refused_here is None:
            return  # what was taken before this frame began
        if state.earlier is not None and "flag" in state.tags:
            return
        if self._is_refused(state):
            return
        self.found.append(Surplus(state.frame, op, None if state.earlier is not None else refused_here, state.earlier))

    def _is_refused(self, state: State) -> bool:
        """Whether the code round it expects that the queue refuses it (``except ValueError``)."""
        blocks = state.frame.function.cfg.blocks
        block = blocks[state.block].handler
        while block >= 0 and isinstance(end := blocks[block].terminator, ops.Catch):
            if REFUSAL in self.analysis.raises.caught_names(state.frame, end):
                return True
            block = end.unmatched
        return False

    def _is_get(self, flight: Flight) -> bool:
        return any(event.frame is flight.frame and event.op is flight.op for event in self.ledger.gets)


def refused(event: Event) -> list[tuple[str, ...]]:
    """What a get raises that gives up."""
    return [] if event.blocks else [(name,) for name in recognise.refusals(event.call)]


def _by_marker(analysis: Analysis, frame: Frame, op: ops.Iterate) -> bool:
    """Whether an iteration ends when it takes the marker of ``iter(get, marker)``."""
    return any(isinstance(obj, CallIterator) for obj in analysis.points.holds(frame, op.iterator))
