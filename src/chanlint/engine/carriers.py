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
from typing import NamedTuple

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
    for _ in range(_MAX_PASSES):
        before = reader.state()
        for function in module.functions.values():
            reader.read(function)
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

    def read(self, function: Function) -> None:
        """One pass over a function."""
        values: dict[int, _Value] = {}
        for op in function.cfg.ops():
            self._op(op, function, values)

    # -- ops ------------------------------------------------------------------------------------------------------------

    def _op(self, op: ops.Op, function: Function, values: dict[int, _Value]) -> None:
        match op:
            case ops.LoadVar(dst=dst, var=variable):
                known = self._variables.get(variable, _UNKNOWN)
                values[dst] = _Value(known.depth, known.origin, known.word or variable.name, known.target, variable)
            case ops.StoreVar(var=variable, src=src):
                self._store(variable, values.get(src, _UNKNOWN), function)
            case ops.LoadAttr(dst=dst, obj=obj, attr=attr):
                owner = values.get(obj, _UNKNOWN)
                origin = owner.origin.attribute(attr) if owner.origin else None
                depth = CHANNEL if attr in self._attributes else None
                values[dst] = _Value(depth, origin, attr, "" if origin else f".{attr}", attr, owner)
            case ops.StoreAttr(attr=attr, src=src):
                self._put(attr, values.get(src, _UNKNOWN).depth, function)
            case ops.Import(dst=dst, module=name, name=item, level=level):
                values[dst] = _Value(origin=Imported(name, item, level), word=item or name.rpartition(".")[2])
            case ops.ImportStar(module=name, level=level):
                self._bindings.setdefault("*", set()).add(Imported(name, "*", level))
            case ops.MakeFunction(dst=dst, function=made):
                values[dst] = _Value(target=made.qualname)
            case ops.MakeClass(dst=dst, cls=cls, bases=bases):
                self._derive(cls.qualname, [values.get(base, _UNKNOWN) for base in bases])
                values[dst] = _Value(target=cls.qualname)
            case ops.Call():
                values[op.dst] = self._call(op, function, values)
            case ops.Return(src=int(src)) | ops.Yield(src=src):
                self._leave(function, values.get(src, _UNKNOWN).depth)
            case ops.Append(container=container, item=item) | ops.StoreItem(obj=container, src=item):
                known, depth = values.get(container, _UNKNOWN), values.get(item, _UNKNOWN).depth
                if depth is not None:
                    values[container] = replace(known, depth=depth)
                    self._put(known.home, depth, function)
            case _:
                self._flow(op, values)

    def _flow(self, op: ops.Op, values: dict[int, _Value]) -> None:
        """Ops that only pass values on."""
        match op:
            case ops.Copy(dst=dst, src=src) | ops.Await(dst=dst, src=src) | ops.Unpack(dst=dst, src=src):
                values[dst] = self._either(values.get(dst), values.get(src, _UNKNOWN))
            case ops.IterStart(dst=dst, src=src) | ops.LoadItem(dst=dst, obj=src) | ops.Enter(dst=dst, manager=src):
                values[dst] = values.get(src, _UNKNOWN)
            case ops.Iterate(dst=dst, iterator=src):
                values[dst] = values.get(src, _UNKNOWN)
            case ops.Build(dst=dst, items=items):
                origin = next((values[item].origin for item in items if item in values and values[item].origin), None)
                values[dst] = _Value(self._lowest(values, items), origin)

    def _call(self, op: ops.Call, function: Function, values: dict[int, _Value]) -> _Value:
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

    def _lowest(self, values: dict[int, _Value], registers: tuple[int, ...]) -> int | None:
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
