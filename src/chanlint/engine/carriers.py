"""Which names of a module carry a channel out of it, and where channels are handed in: read off its IR, by names alone.

Nouns:

* **Channel value**: what a call of something that is named like a channel's constructor returns, and whatever it is stored in.
* **Depth**: 0 for a channel (or a container of channels), 1 for an object that holds one.
* **Carrier**: a top-level name that gives others a value of depth 0 or 1: a class that holds a channel, a function that returns
  or yields one, a global. An object that holds such an object carries nothing here: somewhere it has to end.
* **Reach**: what was imported and is called with a channel value: where channels go.

This decides which files are read, before any of them is analysed. It knows no order of statements and no types, so it errs
towards too many carriers: a file too many costs time, a file too few costs findings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from chanlint.ir import ops
from chanlint.ir.program import Function, Module

CHANNEL = 0
HOLDER = 1

_MAX_PASSES = 6
"""How often the module is gone through; values rarely pass through more names than this."""


class Imported(NamedTuple):
    """What an import asks for; ``name`` is None for a whole module and ``*`` for a star import."""

    module: str
    name: str | None
    level: int

    def attribute(self, attr: str) -> Imported:
        """What ``attr`` of it is."""
        if self.name is None:
            return Imported(self.module, attr, self.level)
        return Imported(f"{self.module}.{self.name}" if self.module else self.name, attr, self.level)

    @property
    def word(self) -> str:
        """Its own name."""
        return self.name or self.module.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Carriers:
    """What a module tells.

    Attributes:
        depths: carriers with their depth.
        reach: imports that are called with a channel value, and bases of classes that hold one.
        bindings: the module's imports by the name that they bind (re-exports).
    """

    depths: dict[str, int] = field(default_factory=dict)
    reach: frozenset[Imported] = frozenset()
    bindings: dict[str, frozenset[Imported]] = field(default_factory=dict)


def find_carriers(module: Module, is_channel: Callable[[str], bool], carried: Callable[[Imported], int | None]) -> Carriers:
    """The carriers of ``module``.

    Args:
        module: a lowered file.
        is_channel: whether a name could be that of a channel's constructor.
        carried: the depth of what an import brings in from another module of the project, or None.
    """
    reader = _Reader(module, is_channel, carried)
    told = [(function, [op for op in function.cfg.ops() if type(op) in _READERS]) for function in module.functions.values()]
    for _ in range(_MAX_PASSES):
        before = reader.state()
        for function, some in told:
            reader.read(function, some)
        if reader.state() == before:
            break
    return reader.result()


@dataclass(slots=True)
class _Value:
    """What is known of a register or variable."""

    depth: int | None = None
    origin: Imported | None = None
    word: str = ""
    target: str = ""
    """The qualified name of the function or class of this module that it is."""
    home: ops.Variable | str | None = None
    """The variable, or the name of the attribute, that it was read from."""
    owner: _Value | None = None
    """The object whose attribute it is."""


_UNKNOWN = _Value()
_Values = dict[ops.Register, _Value]


class _Reader:
    def __init__(self, module: Module, is_channel: Callable[[str], bool], carried: Callable[[Imported], int | None]) -> None:
        self._module = module
        self._body = module.body.id
        self._is_channel = is_channel
        self._carried = carried
        self._variables: dict[ops.Variable, _Value] = {}
        self._attributes: set[str] = set()  # names of attributes that hold a channel
        self._returns: dict[str, int] = {}  # by function name: methods are called by name
        self._classes: dict[str, int] = {}  # depth of instances, by qualified name of the class
        self._bindings: dict[str, set[Imported]] = {}
        self._reach: set[Imported] = set()
        self._bases: dict[str, set[Imported]] = {}

    def state(self) -> tuple[int, ...]:
        """Grows as long as there is news."""
        values = sum(2 - value.depth for value in self._variables.values() if value.depth is not None)
        found = (self._returns, self._classes)
        return (values, len(self._attributes), *(sum(2 - depth for depth in some.values()) for some in found), len(self._reach))

    def result(self) -> Carriers:
        """What was found."""
        depths: dict[str, int] = {}
        for variable, value in self._variables.items():
            if variable.owner == self._body and value.depth is not None and not self._is_foreign(variable.name):
                depths[variable.name] = value.depth
        for name, value in ((v.name, value) for v, value in self._variables.items() if v.owner == self._body):
            gives = self._gives(value)
            if gives is not None and (value.origin is None or self._carried(value.origin) is not None):
                depths[name] = min(gives, depths.get(name, gives))
        reach = set(self._reach)
        for name, bases in self._bases.items():
            if name in self._classes:
                reach |= bases
        return Carriers(depths, frozenset(reach), {name: frozenset(found) for name, found in self._bindings.items()})

    def read(self, function: Function, told: list[ops.Op]) -> None:
        """One pass over the ops of a function that tell something."""
        values: _Values = {}
        for op in told:
            _READERS[type(op)](self, op, function, values)

    # -- ops ------------------------------------------------------------------------------------------------------------

    def _load_var(self, op: ops.LoadVar, function: Function, values: _Values) -> None:
        known = self._variables.get(op.var)
        if known is None:
            values[op.dst] = _Value(word=op.var.name, home=op.var)
        else:
            values[op.dst] = _Value(known.depth, known.origin, known.word or op.var.name, known.target, op.var)

    def _store_var(self, op: ops.StoreVar, function: Function, values: _Values) -> None:
        self._store(op.var, values.get(op.src, _UNKNOWN), function)

    def _load_attr(self, op: ops.LoadAttr, function: Function, values: _Values) -> None:
        owner = values.get(op.obj, _UNKNOWN)
        origin = owner.origin.attribute(op.attr) if owner.origin else None
        depth = CHANNEL if op.attr in self._attributes else None
        values[op.dst] = _Value(depth, origin, op.attr, "" if origin else f".{op.attr}", op.attr, owner)

    def _store_attr(self, op: ops.StoreAttr, function: Function, values: _Values) -> None:
        self._put(op.attr, values.get(op.src, _UNKNOWN).depth, function)

    def _import(self, op: ops.Import, function: Function, values: _Values) -> None:
        word = op.name or op.module.rpartition(".")[2]
        values[op.dst] = _Value(origin=Imported(op.module, op.name, op.level), word=word)

    def _import_star(self, op: ops.ImportStar, function: Function, values: _Values) -> None:
        self._bindings.setdefault("*", set()).add(Imported(op.module, "*", op.level))

    def _make_function(self, op: ops.MakeFunction, function: Function, values: _Values) -> None:
        values[op.dst] = _Value(target=op.function.qualname)

    def _make_class(self, op: ops.MakeClass, function: Function, values: _Values) -> None:
        self._derive(op.cls.qualname, [values.get(base, _UNKNOWN) for base in op.bases])
        values[op.dst] = _Value(target=op.cls.qualname)

    def _calls(self, op: ops.Call, function: Function, values: _Values) -> None:
        values[op.dst] = self._call(op, function, values)

    def _return(self, op: ops.Return, function: Function, values: _Values) -> None:
        if op.src is not None:
            self._leave(function, values.get(op.src, _UNKNOWN).depth)

    def _yield(self, op: ops.Yield, function: Function, values: _Values) -> None:
        self._leave(function, values.get(op.src, _UNKNOWN).depth)

    def _append(self, op: ops.Append, function: Function, values: _Values) -> None:
        self._fill(op.container, op.item, function, values)

    def _store_item(self, op: ops.StoreItem, function: Function, values: _Values) -> None:
        self._fill(op.obj, op.src, function, values)

    def _fill(self, container: ops.Register, item: ops.Register, function: Function, values: _Values) -> None:
        known, depth = values.get(container, _UNKNOWN), values.get(item, _UNKNOWN).depth
        if depth is not None:
            values[container] = replace(known, depth=depth)
            self._put(known.home, depth, function)

    # -- ops that only pass values on -----------------------------------------------------------------------------------

    def _meet(self, op: ops.Copy | ops.Await | ops.Unpack, function: Function, values: _Values) -> None:
        values[op.dst] = self._either(values.get(op.dst), values.get(op.src, _UNKNOWN))

    def _iter_start(self, op: ops.IterStart, function: Function, values: _Values) -> None:
        values[op.dst] = values.get(op.src, _UNKNOWN)

    def _load_item(self, op: ops.LoadItem, function: Function, values: _Values) -> None:
        values[op.dst] = values.get(op.obj, _UNKNOWN)

    def _enter(self, op: ops.Enter, function: Function, values: _Values) -> None:
        values[op.dst] = values.get(op.manager, _UNKNOWN)

    def _iterate(self, op: ops.Iterate, function: Function, values: _Values) -> None:
        values[op.dst] = values.get(op.iterator, _UNKNOWN)

    def _build(self, op: ops.Build, function: Function, values: _Values) -> None:
        origin = next((values[item].origin for item in op.items if item in values and values[item].origin), None)
        values[op.dst] = _Value(self._lowest(values, op.items), origin)

    def _call(self, op: ops.Call, function: Function, values: _Values) -> _Value:
        callee = values.get(op.callee, _UNKNOWN)
        arguments = [values.get(argument.value, _UNKNOWN) for argument in op.args]
        given = [value.depth for value in arguments if value.depth is not None]
        if op.decorator and arguments and callee.origin is not None and self._carried(callee.origin) is None:
            return arguments[0]
        if given and callee.owner is not None and callee.owner.origin is None:  # self.clients.append(q)
            self._put(callee.owner.home, min(given), function)
        if given or callee.depth is not None or (callee.owner is not None and callee.owner.depth is not None):
            self._reach.update(value.origin for value in (callee, *arguments) if value.origin is not None)
        depth = self._gives(callee)
        if depth is None and any(self._makes(value) for value in arguments):
            depth = CHANNEL  # field(default_factory=Queue), partial(Queue, 5)
        if depth is None and CHANNEL in given and (callee.origin is not None or callee.word[:1].isupper()):
            depth = HOLDER  # Worker(jobs)
        return _Value(depth)

    # -- what is known --------------------------------------------------------------------------------------------------

    def _makes(self, value: _Value) -> bool:
        """Whether ``value`` is named like a constructor of channels."""
        return value.depth is None and bool(value.word) and self._is_channel(value.word) and value.word[:1] != "_"

    def _gives(self, callee: _Value) -> int | None:
        """The depth of what calling ``callee`` returns."""
        if callee.target in self._classes:
            return self._classes[callee.target]
        name = callee.target.rpartition(".")[2]
        if callee.target and name in self._returns:
            return self._returns[name]
        if callee.origin is not None:
            depth = self._carried(callee.origin)
            if depth is not None:
                return depth
        return (
            CHANNEL
            if self._makes(callee) and not (callee.target and callee.origin is None and "." not in callee.target)
            else None
        )

    def _store(self, variable: ops.Variable, value: _Value, function: Function) -> None:
        if value.origin is not None and variable.owner == self._body and value.depth is None:
            self._bindings.setdefault(variable.name, set()).add(value.origin)
        self._variables[variable] = self._either(self._variables.get(variable), value)
        if function.kind == "class" and value.depth == CHANNEL:
            self._attributes.add(variable.name)
            self._hold(function, HOLDER)

    def _put(self, home: ops.Variable | str | None, depth: int | None, function: Function) -> None:
        """Something is put into an attribute, or into what a variable or an attribute holds."""
        if depth == CHANNEL and isinstance(home, str):
            self._attributes.add(home)
            self._hold(function, HOLDER)
        elif depth is not None and isinstance(home, ops.Variable):
            self._variables[home] = self._either(self._variables.get(home), _Value(depth))

    def _either(self, one: _Value | None, other: _Value) -> _Value:
        if one is None or one is other:
            return other
        depths = [value.depth for value in (one, other) if value.depth is not None]
        return _Value(min(depths, default=None), one.origin or other.origin, other.word or one.word, one.target or other.target)

    def _lowest(self, values: _Values, registers: tuple[int, ...]) -> int | None:
        depths = [values[register].depth for register in registers if register in values]
        return min((depth for depth in depths if depth is not None), default=None)

    def _leave(self, function: Function, depth: int | None) -> None:
        """A value leaves a function: by its name for callers, and through its class for everybody else."""
        if depth is None:
            return
        self._returns[function.name] = min(depth, self._returns.get(function.name, depth))
        if depth == CHANNEL and function.cls is not None:
            self._classes.setdefault(function.cls.qualname, HOLDER)

    def _hold(self, function: Function, depth: int) -> None:
        """The class in whose method or body this happens holds a channel."""
        current: Function | None = function
        while current is not None:
            if current.cls is not None:
                self._classes.setdefault(current.cls.qualname, depth)
                return
            for cls in self._module.classes.values() if current.kind == "class" else ():
                if cls.body == current.id:
                    self._classes.setdefault(cls.id.qualname, depth)
                    return
            current = self._module.functions.get(current.parent) if current.parent else None

    def _derive(self, cls: str, bases: list[_Value]) -> None:
        self._bases.setdefault(cls, set()).update(base.origin for base in bases if base.origin is not None)
        for base in bases:
            depth = self._gives(base)
            if depth is not None:
                self._classes[cls] = min(depth, self._classes.get(cls, depth))

    def _is_foreign(self, name: str) -> bool:
        return name in self._bindings


_READERS: dict[type[ops.Op], Callable[[_Reader, Any, Function, _Values], None]] = {
    ops.LoadVar: _Reader._load_var,
    ops.StoreVar: _Reader._store_var,
    ops.LoadAttr: _Reader._load_attr,
    ops.StoreAttr: _Reader._store_attr,
    ops.Import: _Reader._import,
    ops.ImportStar: _Reader._import_star,
    ops.MakeFunction: _Reader._make_function,
    ops.MakeClass: _Reader._make_class,
    ops.Call: _Reader._calls,
    ops.Return: _Reader._return,
    ops.Yield: _Reader._yield,
    ops.Append: _Reader._append,
    ops.StoreItem: _Reader._store_item,
    ops.Copy: _Reader._meet,
    ops.Await: _Reader._meet,
    ops.Unpack: _Reader._meet,
    ops.IterStart: _Reader._iter_start,
    ops.LoadItem: _Reader._load_item,
    ops.Enter: _Reader._enter,
    ops.Iterate: _Reader._iterate,
    ops.Build: _Reader._build,
}
