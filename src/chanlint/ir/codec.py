"""A module to bytes and back, for other processes and for files.

Nouns:

* **Column**: one field of all objects of a class, side by side; it is written, checked and read in one go.
* **Layout**: how a field of a certain type stands in a column. Layouts are made from the annotations of the dataclasses, so a
  new op needs no code here.
* **Pool**: texts, functions, classes and variables that occur more than once; columns hold their numbers.
* **Schema**: a digest of everything that decides the form of the bytes. Bytes of another schema are not read.

The bytes are JSON: nothing in them can be run, whoever wrote them. `decode` raises `CodecError` for bytes that it cannot read,
and nothing else; it checks types and references, not whether the module makes sense (`chanlint.ir.verify` does).
"""

from __future__ import annotations

import enum
import hashlib
import json
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import chain, islice
from typing import Any, get_args, get_origin

from chanlint.ir import ops
from chanlint.ir.cfg import Block, Cfg
from chanlint.ir.ids import MODULE_BODY, ClassId, FunctionId
from chanlint.ir.program import Class, Function, Module

MAX_ITEMS = 5_000_000
"""A module with more values than this is not read: the bytes lie, because no front end would have accepted the text."""

_FORM = 1
_SMALL = 1 << 63
_MANY = 1 << 16
_NUMBERS = [*range(1024)]
_ALL_OPS = [one for one in vars(ops).values() if isinstance(one, type) and issubclass(one, ops.Op)]
_OP_CLASSES: dict[str, type] = {
    chr(ord("0") + number): one for number, one in enumerate(_ALL_OPS) if one is not ops.Op and one is not ops.Terminator
}
"""The classes of ops by their code, a letter, in the order of their definition."""
_NO_MODULE = "the bytes hold no module"
_CAUSES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError, StopIteration)
"""What values of a wrong shape lead to."""


class CodecError(ValueError):
    """Bytes that no module can be read from."""


def encode(module: Module) -> bytes:
    """``module`` as bytes: the same for equal modules, in every process and on every machine."""
    writer = _Writer()
    functions = _table(Function)
    written = [
        schema(),
        module.id,
        module.is_package,
        module.exports,
        functions.write([*module.functions.values()], writer),
        _table(Class).write([*module.classes.values()], writer),
        len(module.functions),
        len(module.classes),
    ]
    coded = [[code, *_table(cls).write(writer.ops[code], writer)] for code, cls in _OP_CLASSES.items() if writer.ops[code]]
    variables = [*writer.variables.known]
    owners = [writer.functions.number(variable.owner) for variable in variables]
    names = [writer.texts.number(variable.name) for variable in variables]
    pools = [[*writer.texts.known], _qualnames(writer.functions, module), _qualnames(writer.classes, module), owners, names]
    return json.dumps([written, pools, coded], ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
        errors="surrogatepass"
    )


def decode(data: bytes) -> Module:
    """The module that `encode` wrote.

    Raises:
        CodecError: the bytes were not written by `encode` of this version of chanlint.
    """
    try:
        return _decode(json.loads(data.decode(errors="surrogatepass")))
    except CodecError:
        raise
    except _CAUSES as error:
        raise CodecError(f"{_NO_MODULE}: {type(error).__name__}") from None


@cache
def schema() -> str:
    """Names the form of the bytes; it changes with every op, field and layout."""
    classes: list[tuple[str, type]] = [*_OP_CLASSES.items(), ("function", Function), ("class", Class)]
    text = [[code, cls.__name__, [[one.name, str(one.type)] for one in fields(cls)]] for code, cls in classes]
    return hashlib.sha256(json.dumps([_FORM, text]).encode()).hexdigest()[:16]


def _decode(whole: Any) -> Module:
    (found, id, is_package, exports, functions, classes, function_count, class_count), pools, coded = whole
    if found != schema():
        raise CodecError("the bytes were written by another version of chanlint")
    if type(is_package) is not bool:
        raise CodecError(_NO_MODULE)
    reader = _Reader(_checked(str, [id])[0], *pools)
    reader.ops = _read_ops(functions, coded, reader)
    module = Module(id, is_package=is_package, exports=None if exports is None else tuple(_checked(str, exports)))
    module.functions = {one.id: one for one in _table(Function).read(functions, function_count, reader)}
    module.classes = {one.id: one for one in _table(Class).read(classes, class_count, reader)}
    complete = len(module.functions) == function_count and len(module.classes) == class_count
    if not complete or FunctionId(id, MODULE_BODY) not in module.functions:
        raise CodecError(_NO_MODULE)
    return module


def _read_ops(functions: Any, coded: Any, reader: _Reader) -> dict[str, Iterator[ops.Op]]:
    """The ops of each class, to be taken in the order in which blocks name them."""
    blocks = functions[_position(Function, "cfg")]
    codes = "".join(chain.from_iterable(block[2] for _, rows in blocks for block in rows))
    return {code: iter(_table(_OP_CLASSES[code]).read(columns, codes.count(code), reader)) for code, *columns in coded}


# -- pools --------------------------------------------------------------------------------------------------------------


class _Pool:
    """Numbers things in the order in which they are met."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def number(self, item: Any) -> int:
        """The number of ``item``; a new one where it was not met before."""
        return self.known.setdefault(item, len(self.known))


@dataclass(slots=True)
class _Writer:
    texts: _Pool = field(default_factory=_Pool)
    functions: _Pool = field(default_factory=_Pool)
    classes: _Pool = field(default_factory=_Pool)
    variables: _Pool = field(default_factory=_Pool)
    ops: dict[str, list[ops.Op]] = field(default_factory=lambda: {code: [] for code in _OP_CLASSES})


class _Reader:
    """Pools as they were written; ``ops`` gives the ops of a class one after the other."""

    def __init__(self, id: str, texts: Any, functions: Any, classes: Any, owners: Any, names: Any) -> None:
        self.texts: list[Any] = _checked(str, texts)
        self.functions: list[Any] = [FunctionId(id, name) for name in _checked(str, functions)]
        self.classes: list[Any] = [ClassId(id, name) for name in _checked(str, classes)]
        pairs = zip(_picked(self.functions, owners), _picked(self.texts, names), strict=True)
        self.variables: list[Any] = [ops.Variable(owner, name) for owner, name in pairs]
        self.ops: dict[str, Iterator[ops.Op]] = {}


def _qualnames(pool: _Pool, module: Module) -> list[str]:
    if any(id.module != module.id for id in pool.known):
        raise ValueError(f"{module.id} refers to functions or classes of other modules")
    return [id.qualname for id in pool.known]


# -- layouts ------------------------------------------------------------------------------------------------------------


class _Layout:
    """The base of all layouts: whole numbers."""

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        """A column: a list, or the one value that all have."""
        return _folded([*values])

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        """The ``count`` values of a column; raises something that `decode` knows where they are not what they should be."""
        return _shared(_unfolded(column, count))


class _Flag(_Layout):
    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        return _folded([*map(int, values)])

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        return _picked([False, True], _unfolded(column, count))


class _Pooled(_Layout):
    """Numbers of things in the pool called ``pool``."""

    def __init__(self, pool: str) -> None:
        self.pool = pool

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        return _folded([*map(getattr(writer, self.pool).number, values)])

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        return _picked(getattr(reader, self.pool), _unfolded(column, count))


class _Enumerated(_Layout):
    def __init__(self, kind: type[enum.StrEnum]) -> None:
        self.members = [*kind]

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        return _folded([*map(self.members.index, values)])

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        return _picked(self.members, _unfolded(column, count))


class _Maybe(_Layout):
    """None, or what another layout writes."""

    def __init__(self, inner: _Layout) -> None:
        self.inner = inner

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        present = [value for value in values if value is not None]
        if not present:
            return None
        missing = [number for number, value in enumerate(values) if value is None]
        return [missing, self.inner.write(present, writer)]

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        if column is None:
            return _unfolded(None, count)
        numbers, present = column
        missing = set(_checked(int, numbers))
        if not missing:
            return self.inner.read(present, count, reader)
        found = iter(self.inner.read(present, count - len(missing), reader))
        return [None if number in missing else next(found) for number in range(count)]


class _Many(_Layout):
    """Tuples or sets of what another layout writes: their lengths, and all items in a row."""

    def __init__(self, make: Callable[[Iterable[Any]], Any], inner: _Layout) -> None:
        self.make = make
        self.inner = inner

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        rows = [sorted(value) for value in values] if self.make is frozenset else values
        return [_folded([*map(len, rows)]), self.inner.write([*chain.from_iterable(rows)], writer)]

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        sizes, flat = column
        lengths = _checked(int, _unfolded(sizes, count))
        if lengths and min(lengths) < 0:
            raise CodecError(_NO_MODULE)
        items = iter(self.inner.read(flat, sum(lengths), reader))
        make = self.make
        return [make(islice(items, length)) if length else make(()) for length in lengths]


class _Record(_Layout):
    """Tuples of fixed fields, each in a column of its own."""

    def __init__(self, make: Callable[..., Any], parts: Sequence[_Layout]) -> None:
        self.make = make
        self.parts = parts

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        columns = zip(*values, strict=True) if values else [()] * len(self.parts)
        return [part.write(column, writer) for part, column in zip(self.parts, columns, strict=True)]

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        columns = [part.read(one, count, reader) for part, one in zip(self.parts, column, strict=True)]
        return [*map(self.make, *columns)]


class _Texts(_Layout):
    """Dictionaries from text to text."""

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        return [*values]

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        found = _checked(dict, _unfolded(column, count))
        for value in found:
            _checked(str, [*value.values()])
        return found


class _Constants(_Layout):
    """Literals: as JSON has them; what it has not, in a list with the name of its type."""

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        return [*map(_constant, values)]

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        return [_literal(value) if type(value) is list else _plain(value) for value in _unfolded(column, count)]


class _Cfgs(_Layout):
    """Control flow: of each block its number, its handler and the codes of its ops; the ops themselves stand in columns."""

    def write(self, values: Sequence[Any], writer: _Writer) -> Any:
        codes: dict[type, str] = {cls: code for code, cls in _OP_CLASSES.items()}
        rows = []
        for cfg in values:
            blocks = []
            for block in cfg.blocks.values():
                word = ""
                for op in (*block.ops, block.terminator):
                    code = codes[type(op)]
                    writer.ops[code].append(op)
                    word += code
                blocks.append([block.id, block.handler, word])
            rows.append([cfg.entry, blocks])
        return rows

    def read(self, column: Any, count: int, reader: _Reader) -> Sequence[Any]:
        take = reader.ops
        found: list[Cfg] = []
        for entry, rows in _checked(list, _unfolded(column, count)):
            blocks = {}
            for id, handler, word in rows:
                *body, end = [next(take[code]) for code in word]
                if not isinstance(end, ops.Terminator):
                    raise CodecError(_NO_MODULE)
                blocks[id] = Block(id, handler, body, end)
            _checked(int, [entry, *blocks, *(block.handler for block in blocks.values())])
            if len(blocks) != len(rows) or entry not in blocks:
                raise CodecError(_NO_MODULE)
            found.append(Cfg(blocks, entry))
        return found


class _Table:
    """All fields of a dataclass, each with its layout."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        hints = typing.get_type_hints(cls)
        self.columns = [(one.name, _layout(hints[one.name])) for one in fields(cls)]

    def write(self, objects: Sequence[Any], writer: _Writer) -> list[Any]:
        """The columns of ``objects``."""
        return [layout.write([getattr(one, name) for one in objects], writer) for name, layout in self.columns]

    def read(self, columns: Sequence[Any], count: int, reader: _Reader) -> list[Any]:
        """The ``count`` objects that were written."""
        pairs = zip(self.columns, columns, strict=True)
        return [*map(self.cls, *(layout.read(column, count, reader) for (_, layout), column in pairs))]


_tables: dict[type, _Table] = {}


def _table(cls: type) -> _Table:
    """The layouts of a dataclass' fields, made once."""
    if cls not in _tables:
        _tables[cls] = _Table(cls)
    return _tables[cls]


def _position(cls: type, name: str) -> int:
    return [one.name for one in fields(cls)].index(name)


def _layout(hint: Any) -> _Layout:
    """How values of an annotated type stand in a column."""
    simple = _SIMPLE.get(hint)
    if simple is not None:
        return simple
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, typing.Union) and len(parts) == 2 and parts[1] is type(None):
        return _Maybe(_layout(parts[0]))
    if origin is frozenset or (origin is tuple and parts[1:] == (...,)):
        return _Many(origin, _layout(parts[0]))
    if origin is tuple:
        return _Record(lambda *items: items, [*map(_layout, parts)])
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return _Enumerated(hint)
    if isinstance(hint, type) and issubclass(hint, tuple):
        return _Record(hint, [*map(_layout, typing.get_type_hints(hint).values())])
    raise TypeError(f"the codec has no layout for {hint}")


_SIMPLE: dict[Any, _Layout] = {
    int: _Layout(),
    bool: _Flag(),
    str: _Pooled("texts"),
    FunctionId: _Pooled("functions"),
    ClassId: _Pooled("classes"),
    ops.Variable: _Pooled("variables"),
    ops.Constant: _Constants(),
    dict[str, str]: _Texts(),
    Cfg: _Cfgs(),
}


# -- values -------------------------------------------------------------------------------------------------------------


def _folded(column: list[Any]) -> Any:
    """The one value that all places of a column hold, else the column. Values are numbers."""
    return column[0] if len(column) > 1 and column.count(column[0]) == len(column) else column


def _unfolded(column: Any, count: int) -> list[Any]:
    if not 0 <= count <= MAX_ITEMS:
        raise CodecError(_NO_MODULE)
    if type(column) is not list:
        return [column] * count
    if len(column) != count:
        raise CodecError(_NO_MODULE)
    return column


def _checked(kind: type, values: list[Any]) -> list[Any]:
    """``values``, all of which are exactly of type ``kind``."""
    if type(values) is not list or not {*map(type, values)} <= {kind}:
        raise CodecError(_NO_MODULE)
    return values


def _shared(numbers: list[Any]) -> list[Any]:
    """The same numbers, with one object for all equal ones: registers alone would take a third of a module's memory."""
    if _checked(int, numbers) and min(numbers) >= 0 and max(numbers) < _MANY:
        if len(_NUMBERS) <= max(numbers):
            _NUMBERS.extend(range(len(_NUMBERS), max(numbers) + 1))
        return [*map(_NUMBERS.__getitem__, numbers)]
    return numbers


def _picked(pool: list[Any], numbers: list[Any]) -> list[Any]:
    """The things with these numbers."""
    if _checked(int, numbers) and min(numbers) < 0:
        raise CodecError(_NO_MODULE)
    return [*map(pool.__getitem__, numbers)]


def _constant(value: ops.Constant) -> Any:
    """A literal as JSON."""
    if value is None or type(value) in (bool, str) or (type(value) is int and -_SMALL < value < _SMALL):
        return value
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, complex):
        return ["complex", value.real.hex(), value.imag.hex()]
    if isinstance(value, float):
        return ["float", value.hex()]
    return ["int", hex(value)] if isinstance(value, int) else ["ellipsis"]


def _literal(parts: list[Any]) -> ops.Constant:
    match _checked(str, parts):
        case ["bytes", digits]:
            return bytes.fromhex(digits)
        case ["complex", real, imaginary]:
            return complex(float.fromhex(real), float.fromhex(imaginary))
        case ["float", digits]:
            return float.fromhex(digits)
        case ["int", digits]:
            return int(digits, 16)
        case ["ellipsis"]:
            return ...
    raise CodecError(_NO_MODULE)


def _plain(value: Any) -> ops.Constant:
    if value is None or type(value) in (bool, int, str):
        return value  # type: ignore[no-any-return]
    raise CodecError(_NO_MODULE)
