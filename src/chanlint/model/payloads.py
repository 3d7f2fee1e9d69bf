"""How much a process puts into a pipe: what surely fits the pipe's buffer lets the process end although nobody reads.

Nouns:

* **Payload**: what one send sends.
* **Small**: surely at most a few hundred bytes when pickled: a number, a short text, a tuple of these, an exception. Where
  ordinary code would have to be strange to make it large (a formatted message, arithmetic on things that are not known), it
  counts as small: it is better to be silent.
"""

from __future__ import annotations

from collections.abc import Sequence

from chanlint.analysis.frames import EntryKind, Frame
from chanlint.analysis.library import argument
from chanlint.analysis.objects import Bound, ClassRef, Const, Container, FunctionRef, Instance, LibName, Obj
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.ir import ops
from chanlint.ir.ops import Op, Register
from chanlint.model.processes import Processes

SHORT = 2_000  # characters of a short text
FEW = 500  # small payloads that fit the buffer together
DEEPEST = 12  # steps from a payload back to what it is made of

SMALL_CALLS = frozenset(
    f"{module}.{name}"
    for module, names in {
        "builtins": "len int float bool complex round abs id hash ord chr isinstance issubclass callable hasattr type any all "
        "sum repr divmod pow hex bin oct object BaseException",
        "os": "getpid getppid cpu_count getcwd times kill path.exists",
        "time": "time monotonic perf_counter process_time time_ns sleep ctime",
        "random": "random randint randrange uniform getrandbits",
        "threading": "get_ident get_native_id active_count current_thread",
        "multiprocessing": "current_process get_start_method",
        "sys": "exc_info getrefcount",
        "traceback": "format_exc",
        "socket": "gethostname",
        "uuid": "uuid4",
        "datetime": "datetime.now",
        "gc": "collect",
    }.items()
    for name in names.split()
)
SMALL_METHODS = frozenset(
    ("is_set", "is_alive", "qsize", "empty", "full", "hexdigest", "digest", "isoformat", "total_seconds", "item", "fileno")
)
SMALL_ATTRIBUTES = frozenset(("pid", "ident", "exitcode", "name", "daemon", "value", "errno", "__name__", "returncode"))
CHOOSERS = frozenset(("builtins.min", "builtins.max", "builtins.str", "builtins.tuple", "builtins.list", "builtins.sorted"))
COUNTING = frozenset(("builtins.range", "builtins.enumerate"))


class Payloads:
    """Judges what is sent."""

    def __init__(self, analysis: Analysis, processes: Processes) -> None:
        self.analysis = analysis
        self.processes = processes

    def fits(self, event: Event) -> bool:
        """Whether all that one process sends here surely fits the buffer of the pipe."""
        arguments = event.call.arguments
        node = argument(arguments, event.call.effect.item) if arguments is not None else None
        if node is None:
            return True  # what is sent is not seen
        if not self._register_of(event.call.frame, node, DEEPEST):
            return False
        return self._few(event)

    def _few(self, event: Event) -> bool:
        """Whether one process surely sends only a few times here."""
        for way in self.analysis.ways_up(event.frame):
            times: int | None = 1
            for position, level in enumerate(way.levels):
                op = event.op if position == 0 else level.op
                count = self.analysis.counts.of(level.frame, op).number
                times = times * count if times is not None and count is not None else None
            if times is None or times > FEW:
                return False
        return True

    def _register_of(self, frame: Frame, node: int, depth: int) -> bool:
        register = frame.register(node)
        if register is not None and register < frame.function.registers:
            return self._small(frame, register, depth)
        return self._all_small(self.analysis.points.graph.points[node])

    def _small(self, frame: Frame, register: Register, depth: int) -> bool:
        made = self.analysis.shapes.of(frame.function).definitions.get(register, [])
        return bool(made) and depth > 0 and all(self._op(frame, op, depth - 1) for op in made)

    def _all_small(self, held: Sequence[Obj]) -> bool:
        return bool(held) and all(self._is_small(obj) for obj in held)

    def _is_small(self, obj: Obj) -> bool:
        if isinstance(obj, Const):
            return not isinstance(obj.value, str | bytes) or len(obj.value) <= SHORT
        if isinstance(obj, ClassRef | FunctionRef | LibName):
            return True
        return isinstance(obj, Instance) and not self.analysis.points.graph.attribute_names(obj)

    def _op(self, frame: Frame, op: Op, depth: int) -> bool:
        match op:
            case ops.Const():
                return not isinstance(op.value, str | bytes) or len(op.value) <= SHORT
            case ops.Compare() | ops.IsInstance() | ops.Caught():
                return True
            case ops.Copy():
                return self._small(frame, op.src, depth)
            case ops.Build():
                return self._build(frame, op, depth)
            case ops.Compute():
                return self._computed(frame, op, depth)
            case ops.Unpack():
                return not op.star and (self._counter(frame, op) or self._small(frame, op.src, depth))
            case ops.Iterate():
                return self._element(frame, op, depth)
            case ops.LoadVar():
                return self._variable(frame, op, depth)
            case ops.LoadAttr():
                return self._attribute(frame, op, depth)
            case ops.Call():
                return self._call(frame, op, depth)
        return False

    def _build(self, frame: Frame, op: ops.Build, depth: int) -> bool:
        if op.starred or not all(self._small(frame, item, depth) for item in op.items):
            return False
        if op.kind == "tuple":
            return True
        filled = [obj for obj in self.analysis.points.holds(frame, op.dst) if isinstance(obj, Container)]
        return not any(key is None for key in op.keys) and not any(self.analysis.fillings(obj) for obj in filled)

    def _computed(self, frame: Frame, op: ops.Compute, depth: int) -> bool:
        if op.operator.startswith("*") and op.operator not in ("**", "**="):
            return not any(self._is_sequence(frame, operand) for operand in op.operands)
        if op.operator.startswith("+") and len(op.operands) == 2:
            return any(self._is_number(frame, operand) for operand in op.operands) or all(
                self._small(frame, operand, depth) for operand in op.operands
            )
        return op.operator not in ("slice", "unknown", "|", "&", "|=", "&=")

    def _is_sequence(self, frame: Frame, register: Register) -> bool:
        held = self.analysis.points.holds(frame, register)
        return any(
            isinstance(obj, Container) or (isinstance(obj, Const) and isinstance(obj.value, str | bytes)) for obj in held
        )

    def _is_number(self, frame: Frame, register: Register) -> bool:
        held = self.analysis.points.holds(frame, register)
        return bool(held) and all(isinstance(obj, Const) and isinstance(obj.value, int | float) for obj in held)

    # -- where values come from -----------------------------------------------------------------------------------------------

    def _counter(self, frame: Frame, op: ops.Unpack) -> bool:
        """Whether it is the number that ``enumerate`` gives."""
        made = self.analysis.shapes.of(frame.function).definitions.get(op.src, [])
        return op.position == 0 and all(
            isinstance(head, ops.Iterate) and self._iterated(frame, head) == "builtins.enumerate" for head in made
        )

    def _element(self, frame: Frame, op: ops.Iterate, depth: int) -> bool:
        if self._iterated(frame, op) == "builtins.range":
            return True
        for start in self.analysis.shapes.of(frame.function).definitions.get(op.iterator, ()):
            if not isinstance(start, ops.IterStart):
                return False
            for made in self.analysis.shapes.of(frame.function).definitions.get(start.src, ()):
                if not isinstance(made, ops.Build | ops.Const | ops.LoadVar) or not self._op(frame, made, depth):
                    return False
        return True

    def _iterated(self, frame: Frame, op: ops.Iterate) -> str | None:
        """``range`` or ``enumerate`` where the loop is over one of them."""
        definitions = self.analysis.shapes.of(frame.function).definitions
        for start in definitions.get(op.iterator, ()):
            for made in definitions.get(start.src, ()) if isinstance(start, ops.IterStart) else ():
                for callee in self.analysis.points.holds(frame, made.callee) if isinstance(made, ops.Call) else ():
                    if isinstance(callee, LibName) and callee.dotted in COUNTING:
                        return callee.dotted
        return None

    def _variable(self, frame: Frame, op: ops.LoadVar, depth: int) -> bool:
        owner = self._owner(frame, op)
        if owner is None:
            return self._all_small(self.analysis.points.holds(frame, op.dst))
        stores = [made for made in owner.function.cfg.ops() if isinstance(made, ops.StoreVar) and made.var == op.var]
        names = [param.name for param in owner.function.params]
        if self.analysis.written_elsewhere(op.var) or not (stores or op.var.name in names):
            return self._all_small(self.analysis.points.holds(frame, op.dst))
        if any(self._grows(owner, store) for store in stores):
            return False
        if not all(self._small(owner, store.src, depth) for store in stores):
            return False
        return op.var.name not in names or self._parameter(owner, names.index(op.var.name), depth)

    def _owner(self, frame: Frame, op: ops.LoadVar) -> Frame | None:
        """The frame whose variable it is."""
        at: Frame | None = frame
        while at is not None and at.function.id != op.var.owner:
            at = at.parent
        return at

    def _grows(self, frame: Frame, store: ops.StoreVar) -> bool:
        """Whether a text or list is added to in a loop."""
        made = self.analysis.shapes.of(frame.function).definitions.get(store.src, ())
        if not self.analysis.shapes.of(frame.function).in_loop(store):
            return False
        return any(
            isinstance(op, ops.Compute) and op.operator == "+=" and self._is_sequence(frame, op.operands[0]) for op in made
        )

    def _parameter(self, frame: Frame, position: int, depth: int) -> bool:
        """Whether every caller and spawner gives something small for a parameter."""
        param = frame.function.params[position]
        offset = position - (1 if frame.receiver is not None else 0)
        if not frame.entries or depth <= 0:
            return False
        for entry in frame.entries:
            given = self._given(entry.caller, entry.op, entry.kind, entry.actor, offset, param.name)
            if given is None and param.has_default and entry.caller is not None:
                continue
            if given is None or not self._small(given[0], given[1], depth):
                return False
        return True

    def _given(
        self, caller: Frame | None, op: Op | None, kind: EntryKind, actor: Obj | None, offset: int, name: str
    ) -> tuple[Frame, Register] | None:
        """The register that holds the argument at one entry."""
        if caller is None or not isinstance(op, ops.Call):
            return None
        if kind is EntryKind.CALL and not caller.lib_calls.get(op.index):
            keyword = next((each.value for each in op.args if each.keyword == name), None)
            if keyword is not None:
                return caller, keyword
            plain = [each.value for each in op.args if each.keyword is None and not each.unpack]
            return (caller, plain[offset]) if 0 <= offset < len(plain) else None
        prepared = self.analysis.points.prepared.get(actor) if actor is not None else None
        if prepared is not None:
            frame, _, effect, arguments = prepared
        else:
            known = [call for call in caller.lib_calls.get(op.index, ()) if call.effect.args is not None]
            if not known or known[0].arguments is None or known[0].effect.each:
                return None
            frame, effect, arguments = caller, known[0].effect, known[0].arguments
        if effect.args is not None and effect.args.rest:
            at = offset + (effect.args.position or 0)
            register = frame.register(arguments.positional[at]) if 0 <= at < len(arguments.positional) else None
            return (frame, register) if register is not None else None
        packed = argument(arguments, effect.args)
        return self._packed(frame, packed, offset) if packed is not None else None

    def _packed(self, frame: Frame, packed: int, offset: int) -> tuple[Frame, Register] | None:
        for obj in self.analysis.points.graph.points[packed]:
            if isinstance(obj, Container):
                made = self.analysis.shapes.of(obj.maker.function).by_index.get(obj.site.op)
                if isinstance(made, ops.Build) and not made.starred and 0 <= offset < len(made.items):
                    return obj.maker, made.items[offset]
        return None

    def _attribute(self, frame: Frame, op: ops.LoadAttr, depth: int) -> bool:
        if op.attr in SMALL_ATTRIBUTES:
            return True
        owners = [obj for obj in self.analysis.points.holds(frame, op.obj) if isinstance(obj, Instance)]
        stores = [store for owner in owners for store in self.analysis.stores(owner, op.attr)]
        if not stores:
            return self._all_small(self.analysis.points.holds(frame, op.dst))
        return all(isinstance(store, ops.StoreAttr) and self._small(at, store.src, depth) for at, store in stores)

    def _call(self, frame: Frame, op: ops.Call, depth: int) -> bool:
        inner = [entry.callee for entry in frame.calls.get(op.index, ()) if entry.kind is EntryKind.CALL]
        if inner:
            return all(self._returns_small(callee, depth) for callee in inner)
        callees = self.analysis.points.holds(frame, op.callee)
        for callee in callees:
            if isinstance(callee, LibName):
                if callee.dotted in CHOOSERS:
                    return all(self._small(frame, each.value, depth) for each in op.args)
                if callee.dotted not in SMALL_CALLS and not callee.dotted.endswith(("Error", "Exception", "Exit")):
                    return False
            elif isinstance(callee, ClassRef):
                return all(self._small(frame, each.value, depth) for each in op.args)
            elif isinstance(callee, Bound | FunctionRef):
                return False
        if callees:
            return all(isinstance(callee, LibName) for callee in callees) or self._small_method(frame, op)
        return self._small_method(frame, op)

    def _small_method(self, frame: Frame, op: ops.Call) -> bool:
        made = self.analysis.shapes.of(frame.function).definitions.get(op.callee, ())
        return bool(made) and all(isinstance(load, ops.LoadAttr) and load.attr in SMALL_METHODS for load in made)

    def _returns_small(self, callee: Frame, depth: int) -> bool:
        if callee.function.is_generator or callee.function.is_async:
            return False
        if callee.function.name == "__init__":
            return False
        ends = [block.terminator for block in callee.function.cfg.blocks.values()]
        return all(end.src is None or self._small(callee, end.src, depth) for end in ends if isinstance(end, ops.Return))
