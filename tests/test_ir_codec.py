"""Modules as bytes: what comes back is what went in, and bytes that are no module are told apart from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chanlint
from chanlint.frontends.base import Lowered
from chanlint.frontends.python import PythonFrontEnd
from chanlint.ir import codec
from chanlint.ir.codec import CodecError, decode, encode, schema
from chanlint.ir.ids import FunctionId
from chanlint.ir.ops import Const, Variable
from chanlint.ir.printer import print_module
from chanlint.ir.program import Function, Module
from chanlint.ir.verify import verify
from chanlint.source import SourceFile

TESTS = Path(__file__).parent
OWN = Path(chanlint.__file__).parent
EVERYTHING = """
import asyncio.queues, os.path as p
from .. import sibling
from m import *
__all__ = ["C", "f"]
X: int = 1
@decorate(1)
class C(Base, metaclass=M):
    field: "Queue[int]"
    def __init__(self, a, /, b: int = 2, *args, key=None, **rest) -> None:
        self.value: str = f"{a!r:>{b}}"
        self.items[0], *tail = args
        del self.items[1], self.gone, tail
async def f(xs, *, y=lambda q: q):
    async with lock as l, other:
        async for x in xs:
            try:
                await x
                yield x
            except* (A, B) as error:
                raise E from error
            finally:
                print({**a, 1: 2}, [*xs], {1}, (1,), *xs, **y)
    match xs:
        case [1, *_] | {"k": C(value=2)}:
            return
    assert x < 1 <= 2 is not None and x not in y, "no"
    total = 0
    total += -x @ y[1:2, ...]
    numbers = [1e400, -0.0, 1.5, 3j, 1000000000000000000000000000000000, ..., None, True] or total
    texts = [b"\\xff", "\\ud800\\udc00\u00e9"]
    return [i async for i in xs if i], {k: v for k, v in xs}
def g():
    with open(p) as h:
        yield from h
    global X
    X = 3
    while True:
        break
    else:
        raise
"""


def lower(text: str, path: str = "package/__init__.py") -> Module:
    lowered = PythonFrontEnd().lower(SourceFile(path, text), (3, 13))
    assert lowered.module is not None, lowered.problems
    return lowered.module


def same(first: Module, second: Module) -> bool:
    """Whether two modules agree in everything that is printed and in what is not."""
    plain = [(one.id, one.is_package, one.exports, [*one.functions], [*one.classes]) for one in (first, second)]
    more = [
        [
            (f.id, f.name, f.kind, f.params, f.parent, f.cls, f.registers, f.cfg.entry, f.decorators)
            for f in one.functions.values()
        ]
        + [(c.id, c.name, c.body, c.parent, c.decorators, c.annotations) for c in one.classes.values()]
        for one in (first, second)
    ]
    return plain[0] == plain[1] and more[0] == more[1] and print_module(first) == print_module(second)


# -- there and back -----------------------------------------------------------------------------------------------------


def test_every_kind_of_op_comes_back() -> None:
    module = lower(EVERYTHING)
    used = {type(op) for function in module.functions.values() for op in function.cfg.ops()}
    assert {cls.__name__ for cls in codec._OP_CLASSES.values()} - {cls.__name__ for cls in used} <= {"Unreachable"}
    back = decode(encode(module))
    assert same(module, back)
    assert verify(back) == []


@pytest.mark.parametrize("folder", ["fixtures", "lowering", "own"])
def test_real_files_come_back(folder: str) -> None:
    root = OWN if folder == "own" else TESTS / folder
    count = 0
    for path in sorted(root.rglob("*.py")):
        lowered = PythonFrontEnd().lower(SourceFile(path.name, path.read_text(encoding="utf-8")), (3, 13))
        if lowered.module is not None:
            data = encode(lowered.module)
            back = decode(data)
            assert same(lowered.module, back), path
            assert encode(back) == data, path
            count += 1
    assert count > 50 or folder == "lowering"


def test_literals_keep_type_and_value() -> None:
    values = [
        1,
        True,
        1.0,
        -0.0,
        0,
        False,
        None,
        "1",
        b"1",
        1j,
        ...,
        10**40,
        -(10**40),
        1 << 63,
        float("inf"),
        "\ud83d",
        "\ud83d\ude00",
    ]
    module = lower("x = 0\n" * len(values))
    consts = [op for op in module.body.cfg.ops() if isinstance(op, Const)]
    for op, value in zip(consts, values, strict=True):
        op.value = value
    back = [op.value for op in decode(encode(module)).body.cfg.ops() if isinstance(op, Const)]
    assert [*map(repr, back)] == [*map(repr, values)]
    consts[0].value = float("nan")
    assert repr(next(op.value for op in decode(encode(module)).body.cfg.ops() if isinstance(op, Const))) == "nan"


def test_bytes_do_not_depend_on_the_process() -> None:
    assert encode(lower(EVERYTHING)) == encode(lower(EVERYTHING))


def test_names_of_other_modules_are_refused() -> None:
    module = lower("x = 1\n")
    for op in module.body.cfg.ops():
        if hasattr(op, "var"):
            op.var = Variable(FunctionId("other.py", "<module>"), "x")
    with pytest.raises(ValueError, match="other modules"):
        encode(module)


def test_a_new_type_of_field_needs_a_layout() -> None:
    with pytest.raises(TypeError, match="no layout"):
        codec._layout(list[bytes])


# -- other bytes --------------------------------------------------------------------------------------------------------

GOOD = encode(lower(EVERYTHING))


def refused(data: bytes) -> bool:
    try:
        decode(data)
    except CodecError:
        return True
    return False


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[[],[],[]]",
        b"\xff",
        b"[" * 100_000,
        b"1" * 5_000,
        GOOD[:-1],
        GOOD + b"x",
        GOOD.replace(b"[", b"{", 1),
    ],
)
def test_bytes_that_are_no_module(data: bytes) -> None:
    assert refused(data)


def test_another_version_of_chanlint_is_told() -> None:
    with pytest.raises(CodecError, match="another version"):
        decode(GOOD.replace(schema().encode(), b"0123456789abcdef"))


def test_sizes_are_bounded() -> None:
    with pytest.raises(CodecError):
        codec._unfolded(0, codec.MAX_ITEMS + 1)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    assert refused(data)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=4)), min_size=1, max_size=4))
def test_damaged_bytes_are_refused_or_are_a_module(changes: list[tuple[int, bytes]]) -> None:
    data = GOOD
    for position, replacement in changes:
        data = data[:position] + replacement + data[position + len(replacement) :]
    try:
        module = decode(data)
    except CodecError:
        return
    assert isinstance(module, Module)
    assert all(isinstance(function, Function) for function in module.functions.values())


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10),
    st.sampled_from([10**9, 1e9]),
    st.text(max_size=2),
    st.just([]),
    st.just({}),
    st.just([[1]]),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=300)
@given(st.data())
def test_values_of_other_shapes_are_refused_or_are_a_module(data: st.DataObject) -> None:
    whole = json.loads(GOOD)
    place: Any = whole
    while True:
        keys = [*range(len(place))] if isinstance(place, list) else sorted(place)
        key = data.draw(st.sampled_from(keys))
        if not place[key] or not isinstance(place[key], list | dict) or data.draw(st.integers(0, 4)) == 0:
            place[key] = data.draw(VALUES)
            break
        place = place[key]
    try:
        module = decode(json.dumps(whole).encode())
    except CodecError:
        return
    print_module(module)
    assert isinstance(Lowered(SourceFile("", ""), module, None).module, Module)
