"""Points-to for a whole program: what every register may hold, and who calls, spawns and iterates whom.

Objects are named by where they are made and by the frame that made them; functions are analysed once per context (their
call site, or the object whose method they are), within the bounds of `chanlint.analysis.limits`.

The work is split: `transfer` turns ops into flows, `attributes` looks names up in objects, `calls` binds arguments, `library`
does what the catalogue says, `containers` knows the built-in containers and functions.
"""

from __future__ import annotations

from collections import Counter

from chanlint.analysis import attributes, calls, transfer
from chanlint.analysis.attributes import MentionedAttributes
from chanlint.analysis.calls import Arguments
from chanlint.analysis.frames import Entry, EntryKind, Frame, LibCall
from chanlint.analysis.graph import Graph
from chanlint.analysis.limits import CALL_DEPTH, CONTEXTS, FRAMES, SPAWN_CONTEXTS, Limits
from chanlint.analysis.objects import Awaitable, ClassRef, Container, FunctionRef, Heap, Instance, LibName, Obj, Partial
from chanlint.analysis.options import AnalysisOptions
from chanlint.analysis.plans import Plan, plan_of
from chanlint.catalogue.schema import Catalogue, Category, Effect
from chanlint.ir.ids import MODULE_BODY, FunctionId, ModuleId, OpId
from chanlint.ir.ops import Const as ConstOp
from chanlint.ir.ops import Constant, ImportStar, LoadAttr, LoadVar, Op, Register, StoreVar, Variable
from chanlint.ir.program import Function, FunctionKind, Program


class PointsTo:
    """The state of the analysis, and its result."""

    def __init__(self, program: Program, catalogue: Catalogue, options: AnalysisOptions) -> None:
        self.program = program
        self.catalogue = catalogue
        self.options = options
        self.limits = Limits()
        self.heap = Heap()
        self.graph = Graph(self.limits)
        self.frames: list[Frame] = []
        self.of_function: dict[FunctionId, list[Frame]] = {}
        self.classes: list[ClassRef] = []
        self.instances: dict[ClassRef, list[Instance]] = {}
        self.prepared: dict[Obj, tuple[Frame, Op, Effect, Arguments]] = {}
        self.partials: dict[Partial, Arguments] = {}
        self.awaitables: dict[Awaitable, list[LibCall]] = {}
        self.refs: dict[FunctionId, list[FunctionRef]] = {}
        self.unwrapped: set[tuple[object, ...]] = set()
        self.unwraps: Counter[tuple[Partial, Frame, int]] = Counter()
        self.makers: dict[ClassRef, bool] = {}
        self.mros: dict[ClassRef, list[Obj]] = {}  # emptied whenever a base class comes to light
        self.attributes_of: dict[FunctionId, MentionedAttributes] = {}
        self.maker_names = frozenset(
            name.rpartition(".")[2] for name, info in catalogue.types.items() if info.category is Category.CHANNEL
        )
        self.readings: dict[tuple[Instance, str], attributes.Reading] = {}
        self.unresolved: dict[tuple[Frame, int], bool] = {}
        self.by_key: dict[tuple[object, ...], Frame] = {}
        self._contexts: Counter[FunctionId] = Counter()
        self._plans: dict[FunctionId, Plan] = {}
        self._foreign: dict[ModuleId, frozenset[Variable]] = {}
        self._entered: set[tuple[object, ...]] = set()
        self._constants: dict[FunctionId, dict[Register, Constant]] = {}
        self._stored: dict[ModuleId, set[str]] = {}
        self._stars: dict[ModuleId, list[ImportStar]] = {}

    # -- solving --------------------------------------------------------------------------------------------------------

    def run(self) -> PointsTo:
        """Analyses every module, then every function and class that nothing analysed so far reaches."""
        for module in self.program.modules.values():
            self.module_frame(module.id)
        self.graph.solve()
        called = self._names_mentioned()
        for first in (True, False):
            self._enter_unreached(called if first else set())
            for cls in list(self.classes):
                attributes.exercise_class(self, cls, only_unmentioned=first, mentioned=called)
                self.graph.solve()
        done = 0
        while done < len(self.classes):  # classes made inside functions come to light while others are exercised
            attributes.exercise_class(self, self.classes[done], only_unmentioned=False, mentioned=called)
            self.graph.solve()
            done += 1
        self._enter_unreached(set())
        for cls in list(self.classes):
            attributes.exercise_base(self, cls)
        self.graph.solve()
        attributes.exercise_instances(self)
        self.graph.solve()
        self._enter_unreached(set())  # callbacks that those methods define
        self.graph.settle()
        self._entered.clear()
        self._plans.clear()
        return self

    def _enter_unreached(self, besides: set[str]) -> None:
        """Calls every function that nothing analysed so far reaches, but those with a name in ``besides``.

        A function inside a function counts anew for each frame that makes it. More of them come to light meanwhile.
        """
        tried: set[FunctionRef] = set()
        while fresh := [ref for ref in self._functions() if ref not in tried]:
            tried.update(fresh)
            for ref in fresh:
                if not self._is_reached(ref) and ref.function.name not in besides:
                    calls.enter_root(self, ref, api=ref.definer.api)
                    self.graph.solve()

    def _is_reached(self, ref: FunctionRef) -> bool:
        frames = self.of_function.get(ref.function.id, ())
        return any(frame.parent is ref.definer for frame in frames) or (bool(frames) and len(self.frames) >= FRAMES)

    def _functions(self) -> list[FunctionRef]:
        return [
            ref
            for refs in list(self.refs.values())
            for ref in refs
            if ref.function.cls is None and ref.function.kind in (FunctionKind.FUNCTION, FunctionKind.LAMBDA)
        ]

    def _names_mentioned(self) -> set[str]:
        variables = {op.var.name for _, op in self.program.every(LoadVar)}
        return variables | {op.attr for _, op in self.program.every(LoadAttr)}

    # -- nodes ----------------------------------------------------------------------------------------------------------

    def holds(self, frame: Frame, register: Register) -> tuple[Obj, ...]:
        """What ``register`` of ``frame`` may hold."""
        return self.graph.points[frame.nodes[register]]

    def spread(self, frame: Frame, register: Register) -> list[Obj]:
        """What ``register`` may hold, with the elements of containers in their place (``except (A, B)``)."""
        found: list[Obj] = []
        for obj in self.holds(frame, register):
            found.extend(self.graph.points[self.graph.elements(obj)] if isinstance(obj, Container) else [obj])
        return found

    def variable(self, frame: Frame, var: Variable) -> int:
        """The node of a variable as seen from ``frame``."""
        at: Frame | None = frame
        while at is not None and at.function.id != var.owner:
            at = at.parent
        if at is None:
            at = self.module_frame(var.owner.module)
        node = at.variables.get(var.name)
        if node is None:
            node = at.variables[var.name] = self.graph.new_nodes(1)
            if at.function.kind is FunctionKind.MODULE and var.name not in self._stored[var.owner.module]:
                self._find_global(at, var.name, node)
        return node

    def _find_global(self, module: Frame, name: str, node: int) -> None:
        """A name that its module never stores: from a star import, or a builtin."""
        for star in self._stars[module.function.id.module]:
            target = self.program.resolve(module.function.id.module, star.module, star.level)
            if target is not None:
                exports = self.program.modules[target].exports
                if (name in exports if exports is not None else not name.startswith("_")) and (
                    name in self.stored_names(target) or self._stars.get(target)
                ):
                    owner = FunctionId(target, MODULE_BODY)
                    self.graph.flow(self.variable(self.module_frame(target), Variable(owner, name)), node)
                    return
            elif not star.level:
                dotted = self.catalogue.canonical(f"{star.module}.{name}")
                if dotted in self.catalogue.functions:
                    self.graph.add(node, self.heap.make(LibName, dotted))
                    return
        if name == "Ellipsis":
            self.graph.add(node, self.heap.const(...))
        else:
            self.graph.add(node, self.heap.make(LibName, f"builtins.{name}"))

    def constants(self, function: Function) -> dict[Register, Constant]:
        """The registers of ``function`` that hold a literal."""
        known = self._constants.get(function.id)
        if known is None:
            known = {op.dst: op.value for op in self.program.ops(function, ConstOp)}
            self._constants[function.id] = known
        return known

    def stored_names(self, module: ModuleId) -> set[str]:
        """The names that a module's frame holds."""
        names = self._stored.get(module)
        if names is None:
            owner = FunctionId(module, MODULE_BODY)
            names = self._stored[module] = set()
            stars = self._stars[module] = []
            for function in self.program.modules[module].functions.values():
                names.update(op.var.name for op in self.program.ops(function, StoreVar) if op.var.owner == owner)
                stars += self.program.ops(function, ImportStar)
        return names

    # -- frames ---------------------------------------------------------------------------------------------------------

    def module_frame(self, module: ModuleId) -> Frame:
        """The one frame of a module's own statements."""
        function = FunctionId(module, MODULE_BODY)
        known = self.of_function.get(function)
        if known:
            return known[0]
        self.stored_names(module)
        return self.make_frame((function,), self.program.modules[module].body, None, None, ())

    def make_frame(
        self,
        key: tuple[object, ...],
        function: Function,
        parent: Frame | None,
        receiver: Obj | None,
        chain: tuple[FunctionId, ...],
    ) -> Frame:
        """The frame with that key, made and lowered into flows if it is new."""
        frame = self.by_key.get(key)
        if frame is not None:
            return frame
        self._contexts[function.id] += 1
        plan = self._plan(function)
        base = self.graph.new_nodes(plan.size + 2)
        frame = Frame(
            number=len(self.frames),
            function=function,
            parent=parent,
            receiver=receiver,
            nodes=[],
            returned=base + plan.size,
            yielded=base + plan.size + 1,
            chain=chain,
        )
        self.by_key[key] = frame
        self.frames.append(frame)
        self.of_function.setdefault(function.id, []).append(frame)
        outer = [self.variable(frame, var) for var in plan.outer]
        frame.nodes = [base + slot if slot >= 0 else outer[~slot] for slot in plan.slots]
        for name, slot in plan.variables.items():
            frame.variables[name] = base + slot if slot >= 0 else outer[~slot]
        for slot, value in plan.constants:
            self.graph.put(base + slot, self.heap.const(value))
        transfer.lower_frame(self, frame, plan)
        return frame

    def _plan(self, function: Function) -> Plan:
        plan = self._plans.get(function.id)
        if plan is None:
            foreign = self._foreign_stores(function.id.module)
            plan = self._plans[function.id] = plan_of(function, transfer.is_lowered, foreign)
        return plan

    def _foreign_stores(self, module: ModuleId) -> frozenset[Variable]:
        """The variables that a function of the module stores although they are another's."""
        known = self._foreign.get(module)
        if known is None:
            stores = (
                op.var
                for function in self.program.modules[module].functions.values()
                for op in self.program.ops(function, StoreVar)
                if op.var.owner != function.id
            )
            known = self._foreign[module] = frozenset(stores)
        return known

    def frame_for(
        self,
        ref: FunctionRef,
        receiver: Obj | None,
        caller: Frame,
        op: Op,
        has_arguments: bool,
        kind: EntryKind = EntryKind.CALL,
    ) -> Frame:
        """The frame of ``ref`` in the context of a call, or of the start of an actor."""
        fid = ref.function.id
        key: tuple[object, ...] = (fid, ref.definer.number, receiver)
        chain = (*caller.chain, caller.function.id)
        spawned = kind is EntryKind.SPAWN or ref.function.is_async  # a coroutine is called first and spawned then
        most = SPAWN_CONTEXTS if spawned else CONTEXTS * (2 if receiver else 1)
        merged = fid in chain
        if merged:
            key = (*key, "recursive")
        elif receiver is not None:
            key = (*key, caller.function.id, op.index) if has_arguments else key
        elif len(chain) <= CALL_DEPTH:
            key = (*key, caller.number, op.index)
        else:
            key = (*key, caller.function.id, op.index)
        if not merged and key not in self.by_key and (self._contexts[fid] >= most or len(self.frames) >= FRAMES):
            self.limits.hit("contexts")
            key, merged = (fid, ref.definer.number, "merged"), True
        frame = self.make_frame(key, ref.function, ref.definer, receiver, chain[-CALL_DEPTH:])
        frame.merged = frame.merged or merged
        return frame

    def enter(self, kind: EntryKind, caller: Frame | None, op: Op | None, callee: Frame, actor: Obj | None = None) -> None:
        """Notes an edge into ``callee`` once."""
        key = (kind, caller, op, callee, actor)
        if key in self._entered:
            return
        self._entered.add(key)
        entry = Entry(kind, caller, op, callee, actor)
        callee.entries.append(entry)
        if caller is not None and op is not None:
            caller.calls.setdefault(op.index, []).append(entry)

    def site(self, frame: Frame, op: Op) -> OpId:
        """The place of an op."""
        return OpId(frame.function.id, op.index)
