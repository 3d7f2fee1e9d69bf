"""How many items a channel takes before a send waits.

Nouns:

* **Capacity**: the bound of a channel: a number, an expression's name, or (both None) some number that nobody here knows.
* **Load**: how many items are sent: an expression's number and so many more.

A channel that may be unbounded has no capacity: nothing is said about it. A parameter that may be 0 bounds the channel only
where a test of it guards the place that makes the channel.
"""

from __future__ import annotations

from dataclasses import dataclass

from chanlint.analysis.frames import Frame
from chanlint.analysis.multiplicity import Count
from chanlint.analysis.objects import Const, Instance, LibName
from chanlint.analysis.program import Analysis
from chanlint.catalogue.schema import ArgRef, OpKind
from chanlint.ir import ops
from chanlint.ir.ops import Register
from chanlint.model.channel import Channel

MOST_STEPS = 12
NUMBERS = frozenset({"os.cpu_count", "multiprocessing.cpu_count", "builtins.max", "builtins.int"})


@dataclass(frozen=True, slots=True)
class Capacity:
    """The bound of a channel; ``fitted``: it is computed from the length of something, perhaps of what is sent."""

    count: Count
    fitted: bool = False

    @property
    def words(self) -> str:
        """``1 item``, ``20 items``, ``so many items``."""
        number = self.count.number
        return "so many items" if number is None else "1 item" if number == 1 else f"{number} items"


@dataclass(frozen=True, slots=True)
class Load:
    """``number`` items, and as many as ``expression`` says; ``many``: nobody knows how many more."""

    number: int = 0
    expression: object = None
    many: bool = False

    def __add__(self, count: Count) -> Load:
        if count.number is not None:
            return Load(self.number + count.number, self.expression, self.many)
        expression, offset = _split(count.expression)
        if expression is None or self.expression is not None:
            return Load(self.number, self.expression, True)
        return Load(self.number + offset, expression, self.many)

    def exceeds(self, capacity: Capacity, taken: int = 0) -> int | None:
        """By how many items at least it is more than fits where ``taken`` are received; None where that is not known."""
        expression, offset = _split(capacity.count.expression)
        room = capacity.count.number if expression is None else offset
        if room is None or self.many or self.expression != expression:
            return None
        return left if (left := self.number - room - taken) > 0 else None

    @property
    def endless(self) -> bool:
        """Whether it may be any number."""
        return self.many or self.expression is not None


def _split(expression: object) -> tuple[object, int]:
    """An expression as a plain one and what is added to it."""
    if isinstance(expression, tuple) and expression[0] == "plus":
        return expression[1], int(expression[2])
    return expression, 0


def of(analysis: Analysis, channel: Channel) -> Capacity | None:
    """The capacity of a channel, None where it is, or may be, without bound."""
    info = channel.info
    if info.capacity is None:
        return None
    places = list(_arguments(analysis, channel, info.capacity))
    if not places:
        return None
    found = [_judge(analysis, frame, register, info.unbounded_from) for frame, register in places if register is not None]
    if len(found) < len(places):
        return None if info.default_capacity is None else Capacity(Count(info.default_capacity))
    return found[0] if len(found) == 1 else None


def _arguments(analysis: Analysis, channel: Channel, ref: ArgRef) -> list[tuple[Frame, Register | None]]:
    """Where the capacity is given; None: it is not."""
    obj = channel.obj
    if isinstance(obj, Instance):
        inits = [event.call for event in channel.events if event.kind is OpKind.MAKE]
        if inits:
            return [(call.frame, _argument(analysis, call.frame, call.op, ref)) for call in inits if _plain(call.op)]
    if channel.maker is None:
        return []
    made = analysis.shapes.of(channel.maker.function).by_index.get(channel.created.op)
    return [(channel.maker, _argument(analysis, channel.maker, made, ref))] if made is not None and _plain(made) else []


def _plain(op: ops.Op) -> bool:
    return isinstance(op, ops.Call) and not any(argument.unpack for argument in op.args)


def _argument(analysis: Analysis, frame: Frame, op: ops.Op, ref: ArgRef) -> Register | None:
    """The register of the argument that ``ref`` names; ``Queue.__init__(self, 5)`` passes itself first."""
    if not isinstance(op, ops.Call):
        return None
    unbound = any(isinstance(o, LibName) and o.dotted.endswith(".__init__") for o in analysis.points.holds(frame, op.callee))
    positional = [argument.value for argument in op.args if argument.keyword is None][1 if unbound else 0 :]
    named = [argument.value for argument in op.args if argument.keyword is not None and argument.keyword == ref.keyword]
    if named:
        return named[0]
    return positional[ref.position] if ref.position is not None and ref.position < len(positional) else None


def _judge(analysis: Analysis, frame: Frame, register: Register, unbounded_from: int | None) -> Capacity | None:
    """What an expression given as a capacity bounds."""
    fitted = False
    made = _leaves(analysis, frame, register)
    if made is None:
        return None
    held = analysis.points.holds(frame, register)
    for obj in held:
        if isinstance(obj, Const):
            number = obj.value
            bounds = isinstance(number, int) and (unbounded_from is None or number > unbounded_from)
            if not bounds and not (number in (0, None) and len(held) >= 1 and _guarded(analysis, frame, register)):
                return None
        elif isinstance(obj, LibName):
            return None  # math.inf
    for op in made:
        if isinstance(op, ops.Call):
            names = {obj.dotted for obj in analysis.points.holds(frame, op.callee) if isinstance(obj, LibName)}
            fitted = fitted or "builtins.len" in names
            if not names & NUMBERS and not fitted:
                return None
    return Capacity(analysis.counts.value(frame, register), fitted)


def _leaves(analysis: Analysis, frame: Frame, register: Register) -> list[ops.Op] | None:
    """The ops that an arithmetic expression is made of, None where it is none, or may be negative."""
    definitions = analysis.shapes.of(frame.function).definitions
    waiting, found = [register], list[ops.Op]()
    for _ in range(MOST_STEPS):
        if not waiting:
            return found
        made = definitions.get(waiting.pop(), [])
        if len(made) != 1:
            return None
        found.append(made[0])
        match made[0]:
            case ops.Compute(operator="+" | "*" | "-" | "//", operands=operands):
                waiting.extend(operands)
            case ops.Call(args=args):
                known = {o.dotted for o in analysis.points.holds(frame, made[0].callee) if isinstance(o, LibName)}
                waiting.extend([] if "builtins.len" in known else [argument.value for argument in args])
            case ops.Const() | ops.LoadVar() | ops.LoadAttr():
                pass
            case _:
                return None
    return None


def _guarded(analysis: Analysis, frame: Frame, register: Register) -> bool:
    """Whether the expression is read only where a test of the same variable said that it is true, or more than something."""
    shape = analysis.shapes.of(frame.function)
    (load,) = shape.definitions[register]
    if not isinstance(load, ops.LoadVar):
        return False
    goal = shape.positions[load.index].block
    for block in shape.blocks.values():
        end = block.terminator
        if isinstance(end, ops.Branch) and _says_positive(analysis, frame, end.condition, load):
            seen, waiting = {end.true}, [frame.function.cfg.entry]
            while waiting:
                current = waiting.pop()
                if current not in seen:
                    seen.add(current)
                    waiting.extend(shape.targets(current))
            if goal == end.true or goal not in seen:
                return True
    return False


def _says_positive(analysis: Analysis, frame: Frame, condition: Register, load: ops.LoadVar) -> bool:
    definitions = analysis.shapes.of(frame.function).definitions
    for made in definitions.get(condition, ()):
        if isinstance(made, ops.Compare) and made.operator == ">":
            return any(isinstance(op, ops.LoadVar) and op.var == load.var for op in definitions.get(made.left, ()))
        if isinstance(made, ops.LoadVar) and made.var == load.var:
            return True
    return False
