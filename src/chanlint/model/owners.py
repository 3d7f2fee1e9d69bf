"""Finds objects that own a consumer, offer a close that ends it, and are dropped without that close.

Nouns:

* **Owner**: the object in which the channel of a consumer lives.
* **Keeper**: the object that decides when the owner ends: the owner itself, or an object that keeps it and closes it.
* **Offer**: a method of the keeper that reaches the ending; nobody has to call it.
* **Chain**: the op that starts the consumer from outside the keeper, then the calls around it, up to the keeper's home.

Everything is asked about one object that one function has to itself: an object that others may hold or close is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from chanlint.analysis import recognise
from chanlint.analysis.attributes import mro
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.limits import INSTANCES
from chanlint.analysis.objects import Bound, ClassRef, Container, FunctionRef, Instance, LibInstance, LibName, Obj
from chanlint.analysis.paths import Search, Witness
from chanlint.catalogue.schema import OpKind
from chanlint.diagnostics import Confidence, Role
from chanlint.findings import Place
from chanlint.ir import ops
from chanlint.ir.ids import FunctionId, OpId
from chanlint.ir.ops import Op
from chanlint.ir.program import ParamKind
from chanlint.model.channel import Defect, Effectiveness, Ending, Group, Home, HomeKind, Paths
from chanlint.model.survey import Survey

MOST_KEEPERS = 3
MOST_HANDLES = 16
CLOSES = ("close", "aclose", "stop", "astop", "shutdown", "terminate", "join", "__exit__", "__aexit__")
"""What classes call their close, the most telling first."""
DELIBERATE = frozenset({"marker", "close", "cancel", "flag"})

Chain = list[tuple[Frame, Op]]
Covering = dict[Frame, set[int]]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class UnclosedOwner(Defect):
    """An object that is dropped while its consumer waits.

    Attributes:
        owner: the class of the object.
        close: the method that would end the consumer.
        dropped_in: the function that drops it.
        witness: the way on which it is dropped.
        never: no way closes it.
        collected: the collector ends the consumer.
    """

    owner: str
    close: str
    dropped_in: FunctionId
    witness: Witness
    never: bool
    collected: bool


@dataclass(frozen=True, slots=True)
class _Case:
    """One group of consumers whose owner is judged.

    ``inner`` are the owner and its keepers, the outermost last; ``covering`` the ops by which an ending is reached.
    """

    group: Group
    inner: tuple[Instance, ...]
    covering: Covering
    handles: frozenset[Obj] = field(default_factory=frozenset)

    @property
    def keeper(self) -> Instance:
        return self.inner[-1]


def find(survey: Survey) -> Iterator[UnclosedOwner]:
    """The objects that are dropped without their close, in the order of their consumers."""
    finder = _Finder(survey)
    for group in survey.groups:
        found = finder.judge(group)
        if found is not None:
            yield found


class _Finder:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.analysis = survey.analysis
        self.points = survey.analysis.points
        self.lent = {obj.receiver for obj in self.analysis.escapes.where if isinstance(obj, Bound)}

    def judge(self, group: Group) -> UnclosedOwner | None:
        """The finding about one group, if its owner has a right close that nobody calls."""
        owner = group.channel.home.owner
        if group.channel.home.kind is not HomeKind.OBJECT or not isinstance(owner, Instance) or owner.synthetic:
            return None
        if group.spawn is None or group.silence is not None or group.escaped is not None:
            return None
        if group.coverage.paths is not Paths.ALL:
            return None
        done = self._done(group, owner)
        if not done or any(ending.does is not Effectiveness.ENDS or ending.kind not in DELIBERATE for ending in done):
            return None
        covering = self.survey.coverages.covering(done)
        inner: tuple[Instance, ...] = (owner,)
        for _ in range(MOST_KEEPERS):
            case = _Case(group, inner, covering, self._handles(inner[-1]))
            close = self._offer(case)
            home = self.survey.lifetimes.home(case.keeper, case.keeper.maker)
            if close is None or self._is_shared(case) or self._is_left_by_its_base(case.keeper):
                return None
            if home.kind is HomeKind.CALL and home.frame is not None:
                return self._in_call(case, close, home.frame)
            if home.kind is not HomeKind.OBJECT or not isinstance(home.owner, Instance) or home.owner in inner:
                return None
            if not self._reaches(covering, home.owner):
                return self._kept(case, close, home)
            if home.owner.synthetic:
                return None
            inner = (*inner, home.owner)
        return None

    def _is_left_by_its_base(self, keeper: Instance) -> bool:
        """Whether a ``with`` leaves it and its ``__exit__`` is that of a base outside the program, which may call the close."""
        if keeper not in self._entered:
            return False
        bases = mro(self.points, keeper.cls)
        own = {name for base in bases if isinstance(base, ClassRef) for name in base.frame.variables}
        foreign = any(isinstance(base, LibName) and base.dotted != "builtins.object" for base in bases)
        return foreign and own.isdisjoint({"__exit__", "__aexit__"})

    @cached_property
    def _entered(self) -> frozenset[Obj]:
        """Everything that a ``with`` enters."""
        return frozenset(obj for frame, op in self.analysis.each(ops.Enter) for obj in self.points.holds(frame, op.manager))

    # -- what ends it -----------------------------------------------------------------------------------------------------

    def _done(self, group: Group, owner: Instance) -> list[Ending]:
        """The endings that count: not those that only a method that nobody calls may bring about by the way."""
        endings = [ending for ending in group.endings if ending.does is not Effectiveness.FAILS]
        return [e for e in endings if e.does is Effectiveness.ENDS or not (e.frame.api and e.frame.receiver is owner)]

    def _reaches(self, covering: Covering, obj: Instance) -> bool:
        return any(frame.receiver is obj for frame in covering)

    def _offer(self, case: _Case) -> str | None:
        """The public method of the keeper that reaches the ending on every path, the best known name first."""
        found: list[str] = []
        for frame, covered in case.covering.items():
            if frame.receiver is not case.keeper or frame.function.cls is None:
                continue
            name = frame.function.name
            if name == "__del__" and not self.survey.endings.barriers.keeps(case.group, case.keeper):
                return None  # it runs when the object is dropped
            if name == "__init__" or (name.startswith("_") and name not in CLOSES) or self._needs_arguments(frame):
                continue
            ways = self.analysis.paths.witnesses(Search(frame, None, frozenset(covered), guards=True))
            if ways is not None and not any(way.kind == "return" for way in ways):
                found.append(name)
        return min(found, key=lambda name: (CLOSES.index(name) if name in CLOSES else len(CLOSES), name), default=None)

    def _needs_arguments(self, frame: Frame) -> bool:
        plain = (ParamKind.POSITIONAL_ONLY, ParamKind.POSITIONAL, ParamKind.KEYWORD_ONLY)
        required = [p for p in frame.function.params[1:] if not p.has_default and p.kind in plain]
        return bool(required) and not frame.function.name.startswith("__")

    # -- who else may close it ----------------------------------------------------------------------------------------------

    def _handles(self, obj: Instance) -> frozenset[Obj]:
        """The object and the containers that hold it."""
        found: set[Obj] = {obj}
        waiting: list[Obj] = [obj]
        while waiting and len(found) < MOST_HANDLES:
            for holder, _ in self.analysis.escapes.holders(waiting.pop()):
                if isinstance(holder, Container) and holder not in found:
                    found.add(holder)
                    waiting.append(holder)
        return frozenset(found)

    def _is_shared(self, case: _Case) -> bool:
        """Whether somebody else may hold the keeper, or the keeper stands for objects made at several places."""
        known = self.points.instances.get(case.keeper.cls, [])
        if len(known) >= INSTANCES and known[-1] is case.keeper:
            return True
        if case.keeper in self.lent:
            return True
        for handle in case.handles:
            if self.analysis.escapes.of(handle) is not None or self.survey.lifetimes.is_live(handle):
                return True
            if any(
                isinstance(holder, LibInstance | FunctionRef | ClassRef) for holder, _ in self.analysis.escapes.holders(handle)
            ):
                return True
        return self._closes_at_exit(case)

    def _closes_at_exit(self, case: _Case) -> bool:
        """Whether the object itself sees to it that it is closed: at exit, or when it is collected."""
        for frame, covered in case.covering.items():
            for entry in frame.entries:
                if entry.kind is EntryKind.LATER and entry.caller is not None and entry.caller.receiver in case.inner:
                    return True
            for index in covered if frame.receiver in case.inner else ():
                if any(call.effect.op is OpKind.CALL_AT_EXIT for call in frame.lib_calls.get(index, ())):
                    return True
        return False

    def _closed_elsewhere(self, case: _Case, chain: Chain) -> bool:
        """Whether an ending is reached from a function that the chain does not call, which somebody may run."""
        above: set[Frame] = {frame for frame, _ in chain}
        waiting = list(above)
        while waiting:
            for entry in waiting.pop().entries:
                if entry.caller is not None and entry.caller not in above:
                    above.add(entry.caller)
                    waiting.append(entry.caller)
        for frame in case.covering:
            open_to_all = not frame.entries or any(entry.kind is EntryKind.ROOT for entry in frame.entries)
            if open_to_all and frame not in above and not (frame.api and frame.receiver in case.inner):
                return True
        return False

    def _is_captured(self, case: _Case, chain: Chain) -> bool:
        """Whether a nested function that unknown code may call refers to the keeper."""
        frames = {frame for frame, _ in chain}
        for ref in self.analysis.escapes.where:
            if not isinstance(ref, FunctionRef) or ref.definer not in frames:
                continue
            for op in ref.function.cfg.ops():
                if isinstance(op, ops.LoadVar) and op.var.owner == ref.definer.function.id:
                    node = ref.definer.variables.get(op.var.name)
                    if node is not None and case.handles & set(self.points.graph.points[node]):
                        return True
        return False

    # -- where it is dropped --------------------------------------------------------------------------------------------------

    def _in_call(self, case: _Case, close: str, home: Frame) -> UnclosedOwner | None:
        """Judges a keeper that one function has to itself."""
        for chain in self._chains(case, home):
            if any(frame.merged for frame, _ in chain) or self._closed_elsewhere(case, chain) or self._is_captured(case, chain):
                return None
            if self._lives_on(case.group, *chain[-1]):
                return None
            witness = self._dropped(case, chain)
            if witness is not None:
                never = not any(case.covering.get(frame, set()) - {op.index} for frame, op in chain)
                return self._defect(case, close, self._place(case.keeper, witness.frame), witness, never=never)
        return None

    def _lives_on(self, group: Group, frame: Frame, op: Op) -> bool:
        """Whether policy lets an object made here live to the end of the program."""
        spawn = group.spawn
        assert spawn is not None
        info = recognise.type_of(self.points, spawn.actor)
        keeps = bool(info and info.keeps_interpreter) or group.actor == "job"
        made = Entry(EntryKind.SPAWN, frame, op, spawn.callee, spawn.actor)
        home = Home(HomeKind.CALL, frame)
        return self.survey.lifetimes.silence(home, made, daemon=group.daemon, keeps_interpreter=keeps) is not None

    def _chains(self, case: _Case, home: Frame) -> Iterator[Chain]:
        """The ways from the ops outside the keeper that start the consumer up to the keeper's home, in source order."""
        spawn = case.group.spawn
        if spawn is None or spawn.caller is None or spawn.op is None:
            return
        found: dict[tuple[Frame, int], Chain] = {}
        for way in self.analysis.ways_up(spawn.caller):
            steps = [(level.frame, level.op) for level in way.levels]
            steps[0] = (spawn.caller, spawn.op)
            inside = [position for position, (frame, _) in enumerate(steps) if frame.receiver in case.inner]
            outside = steps[inside[-1] + 1 :] if inside else steps
            top = next((position for position, (frame, _) in enumerate(outside) if frame is home), None)
            if top is not None:
                chain = outside[: top + 1]
                found.setdefault((chain[0][0], chain[0][1].index), chain)
        yield from sorted(found.values(), key=lambda chain: (len(chain), chain[0][0].number, chain[0][1].index))

    def _dropped(self, case: _Case, chain: Chain) -> Witness | None:
        """A way on which the keeper is dropped without its close."""
        kinds = ["return"]
        for frame, op in chain:
            given = self._hand_overs(case, frame)
            reached: list[Witness] = []
            for kind in kinds:
                covered = case.covering.get(frame, set()) | given
                if op.index in covered and not self._ends_inside(case, frame, op):
                    covered = covered - {op.index}
                again = self._again(case, frame, op)
                search = Search(frame, op, frozenset(covered), raised=kind != "return", joins=again, gives=True)
                reached.extend(self.analysis.paths.witnesses(search) or ())
            if given:  # it made the object: what it does not hand over is lost
                if reached:
                    return reached[0]
                kinds = ["return"]
                continue
            if not reached or frame is chain[-1][0]:
                return min(reached, key=lambda way: way.kind not in ("return", "join"), default=None)
            kinds = sorted({"return" if way.kind == "join" else way.kind for way in reached})
        return None

    def _hand_overs(self, case: _Case, frame: Frame) -> set[int]:
        """The ops that give the keeper to the caller."""
        return {
            op.index
            for op in frame.function.cfg.ops()
            if isinstance(op, ops.Return) and op.src is not None and case.handles & set(self.points.holds(frame, op.src))
        }

    def _again(self, case: _Case, frame: Frame, op: Op) -> frozenset[int]:
        """The start itself, where coming to it again means that the object before was dropped."""
        alone = len(case.handles) == 1 and not self.analysis.escapes.holders(case.keeper)
        made_here = self._place(case.keeper, frame) == frame.op_id(op)
        return frozenset({op.index}) if alone and made_here else frozenset()

    def _ends_inside(self, case: _Case, frame: Frame, op: Op) -> bool:
        """Whether the consumer is ended before the start is over, on the normal way."""
        for entry in frame.calls.get(op.index, ()):
            covered = case.covering.get(entry.callee)
            if entry.kind is not EntryKind.CALL or not covered:
                continue
            ways = self.analysis.paths.witnesses(Search(entry.callee, None, frozenset(covered)))
            if ways is None or not any(way.kind == "return" for way in ways):
                return True
        return False

    # -- what is told -------------------------------------------------------------------------------------------------------

    def _place(self, keeper: Instance, frame: Frame) -> OpId:
        """Where ``frame`` gets the keeper: the construction, or the call that returns it."""
        at, op = keeper.maker, keeper.site
        for _ in range(MOST_HANDLES):
            if at is frame or at is None:
                return op
            callers = [e for e in at.entries if e.kind is EntryKind.CALL and e.caller is not None and e.op is not None]
            if len(callers) != 1 or callers[0].caller is None or callers[0].op is None:
                break
            at, op = callers[0].caller, callers[0].caller.op_id(callers[0].op)
        return keeper.site

    def _kept(self, case: _Case, close: str, home: Home) -> UnclosedOwner | None:
        """A keeper that another object keeps for itself, whose methods never close it."""
        maker = case.keeper.maker
        if maker is None or maker.receiver is not home.owner or maker.merged:
            return None
        if home.public and not self._is_seen(home.owner):
            return None
        if any(frame.receiver not in case.inner for frame in case.covering) or not self._methods_are_known(home.owner):
            return None
        made = self.analysis.shapes.of(maker.function).by_index.get(case.keeper.site.op)
        if made is None:
            return None
        witness = Witness("forgets", maker, made)
        return self._defect(case, close, case.keeper.site, witness, never=True, confidence=Confidence.MEDIUM)

    def _is_seen(self, obj: Obj | None) -> bool:
        """Whether no unknown code can reach the attributes of an object."""
        if not isinstance(obj, Instance) or obj.synthetic or self.analysis.escapes.of(obj) is not None:
            return False
        return not self.survey.lifetimes.is_live(obj) and obj.maker is not None and not obj.maker.merged

    def _methods_are_known(self, obj: Obj | None) -> bool:
        """Whether it was seen what every method of an object does."""
        if not isinstance(obj, Instance):
            return False
        bases = mro(self.points, obj.cls)
        if any(isinstance(base, LibName) and base.dotted != "builtins.object" for base in bases):
            return False
        if any(not self.points.graph.points[node] for base in bases if isinstance(base, ClassRef) for node in base.bases):
            return False
        seen = {frame.function.name for frame in self.points.frames if frame.receiver is obj}
        bodies = [base.frame for base in bases if isinstance(base, ClassRef)]
        held = [each for body in bodies for node in body.variables.values() for each in self.points.graph.points[node]]
        return all(ref.function.name in seen for ref in held if isinstance(ref, FunctionRef))

    def _defect(
        self,
        case: _Case,
        close: str,
        at: OpId,
        witness: Witness,
        *,
        never: bool,
        confidence: Confidence = Confidence.HIGH,
    ) -> UnclosedOwner:
        group = case.group
        related = [Place(Role.SPAWNED, f"{group.actor} started here", group.at)]
        related += [Place(Role.RECEIVES, "blocks here", consumer.at) for consumer in group.consumers]
        if witness.kind != "forgets" and not never:
            related.append(Place(Role.SKIPS_CLOSE, "this way out skips the close", witness.frame.op_id(witness.op)))
        return UnclosedOwner(
            channel=group.channel,
            at=at,
            function=at.function,
            actor=group.actor,
            count=group.count,
            confidence=confidence,
            related=tuple(related),
            owner=case.keeper.cls.cls.qualname.rpartition(".")[2],
            close=close,
            dropped_in=at.function,
            witness=witness,
            never=never,
            collected=group.collected,
        )
