"""The invariants of the IR: each breach is named, a sound module has none. And the printer's corners."""

from __future__ import annotations

import pytest

from chanlint.frontends.python import PythonFrontEnd
from chanlint.ir import ops
from chanlint.ir.cfg import RAISE_EXIT, RETURN_EXIT, Block, Cfg, EdgeKind
from chanlint.ir.ids import ClassId, FunctionId
from chanlint.ir.operands import operands
from chanlint.ir.printer import print_function, print_module
from chanlint.ir.program import Class, Function, FunctionKind, Module, Param, ParamKind
from chanlint.ir.verify import verify
from chanlint.source import SourceFile

BODY = FunctionId("m.py", "<module>")
OTHER = FunctionId("m.py", "other")
X = ops.Variable(BODY, "x")


def module(*blocks: Block, registers: int = 4, **changes: object) -> Module:
    function = Function(BODY, "<module>", FunctionKind.MODULE, cfg=Cfg({block.id: block for block in blocks}))
    function.registers = registers
    for name, value in changes.items():
        setattr(function, name, value)
    return Module("m.py", {BODY: function})


def block(*content: ops.Op, id: int = 0, handler: int = RAISE_EXIT) -> Block:
    *before, end = content
    return Block(id, handler, before, end)  # type: ignore[arg-type]  # on purpose: some are no terminators


END = ops.Return(9, None)

BREACHES = {
    "entry block b0 does not exist": module(),
    "b0: handler b7 does not exist": module(block(END, handler=7)),
    "b0: leads to b5, which does not exist": module(block(ops.Jump(0, 5))),
    "b0: a terminator stands among its ops": module(block(ops.Return(0, None), END)),
    "b0: ends in DeleteVar, which is no terminator": module(block(ops.DeleteVar(0, X))),
    "b0: was never ended": module(Block(0)),
    "b0: index 9 is used twice": module(block(ops.DeleteVar(9, X), END)),
    "b0: index 9 follows 10": module(block(ops.DeleteVar(10, X), END)),
    "op 0 writes %4, beyond the 4 registers": module(block(ops.Const(0, 4, None), END)),
    "op 1 writes %0 again, which is not a meeting of copies": module(block(ops.Const(0, 0, 1), ops.Const(1, 0, 1), END)),
    "op 9 reads %3, which no op writes": module(block(ops.Return(9, 3))),
    "op 1 leaves the with of op 5, which enters none": module(block(ops.Const(0, 0, 1), ops.Exit(1, 1, 0, 5), END)),
    "op 0 makes m.py::other, which does not exist": module(block(ops.MakeFunction(0, 0, OTHER), END)),
    "op 0 makes m.py::A, which does not exist": module(block(ops.MakeClass(0, 0, ClassId("m.py", "A"), BODY), END)),
    "op 0 names a variable of m.py::other, which does not exist": module(
        block(ops.LoadVar(0, 0, ops.Variable(OTHER, "x")), END)
    ),
    "is registered under another id than its own, m.py::other": module(block(END), id=OTHER),
    "parent m.py::other does not exist": module(block(END), parent=OTHER),
    "class m.py::A does not exist": module(block(END), cls=ClassId("m.py", "A")),
}


@pytest.mark.parametrize("message", BREACHES)
def test_a_breach_is_named(message: str) -> None:
    assert f"{BODY}: {message}" in verify(BREACHES[message])


def test_breaches_of_modules() -> None:
    sound = module(block(END))
    assert verify(sound) == []
    assert verify(Module("m.py")) == ["m.py: no module body"]
    cls = ClassId("m.py", "A")
    sound.classes[cls] = Class(cls, "A", OTHER, BODY)
    assert verify(sound) == [f"{cls}: function {OTHER} does not exist"]
    misplaced = module(block(END))
    misplaced.body.cfg.blocks[0].id = 3
    assert f"{BODY}: block b3 is registered as b0" in verify(misplaced)


def test_copies_may_meet() -> None:
    meeting = module(block(ops.Const(0, 0, 1), ops.Copy(1, 1, 0), ops.Copy(2, 1, 0), ops.Return(3, 1)))
    assert verify(meeting) == []


def test_edges() -> None:
    branch = block(ops.Branch(0, 0, 1, 2), handler=3)
    assert [(edge.target, edge.kind) for edge in branch.edges()] == [
        (1, EdgeKind.TRUE),
        (2, EdgeKind.FALSE),
        (3, EdgeKind.RAISE),
    ]
    assert [edge.target for edge in block(ops.Return(0, None)).edges()] == [RETURN_EXIT, RAISE_EXIT]
    assert [edge.target for edge in block(ops.Raise(0, None), handler=4).edges()] == [4]


def test_operands_are_all_registers_read() -> None:
    assert list(operands(ops.Raise(0, 1, 2))) == [1, 2]
    assert list(operands(ops.Append(0, 1, 2, 3))) == [1, 2, 3]
    assert list(operands(ops.Build(0, 0, "dict", (1, 2), (None, 3)))) == [1, 2, 3]
    assert list(operands(ops.MakeClass(0, 0, ClassId("m.py", "A"), BODY, (1,), (("k", 2),)))) == [1, 2]
    assert list(operands(ops.Call(0, 0, 1, (ops.Argument(2),)))) == [1, 2]
    assert list(operands(ops.DeleteItem(0, 1, 2))) == [1, 2]
    assert list(operands(ops.Const(0, 0, None))) == []


def test_parameters_print_as_python_writes_them() -> None:
    kinds = ParamKind
    cases = {
        "a, /": [Param("a", kinds.POSITIONAL_ONLY)],
        "a, /, b": [Param("a", kinds.POSITIONAL_ONLY), Param("b")],
        "*, k: int = ...": [Param("k", kinds.KEYWORD_ONLY, True, "int")],
        "a, *rest, k, **more": [
            Param("a"),
            Param("rest", kinds.VARIADIC),
            Param("k", kinds.KEYWORD_ONLY),
            Param("more", kinds.KEYWORDS),
        ],
    }
    for text, params in cases.items():
        function = Function(OTHER, "other", FunctionKind.FUNCTION, tuple(params), cfg=Cfg({0: block(END)}))
        assert print_function(function).splitlines()[0] == f"function other({text}):"


def test_an_unreachable_end_prints() -> None:
    assert "unreachable" in print_module(module(block(ops.Unreachable(0))))


def test_printing_is_stable() -> None:
    source = SourceFile("m.py", "def f(*a):\n    with x: return [y for y in a]\n")
    first, second = (PythonFrontEnd().lower(source, (3, 11)).module for _ in range(2))
    assert first is not None
    assert second is not None
    assert print_module(first) == print_module(second)
