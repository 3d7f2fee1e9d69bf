"""Invariants of the IR. A front end that breaks one has a defect; analyses rely on all of them.

`verify` answers with one line per breach, and with nothing for sound modules.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.ir import ops
from chanlint.ir.cfg import RAISE_EXIT, Block
from chanlint.ir.ids import MODULE_BODY, BlockId, FunctionId
from chanlint.ir.operands import operands
from chanlint.ir.program import Function, Module


def verify(module: Module) -> list[str]:
    """What is wrong with ``module``, one line each, functions in order."""
    return list(_module(module))


def _module(module: Module) -> Iterator[str]:
    if FunctionId(module.id, MODULE_BODY) not in module.functions:
        yield f"{module.id}: no module body"
    for id, function in module.functions.items():
        where = f"{id}"
        if function.id != id:
            yield f"{where}: is registered under another id than its own, {function.id}"
        if function.parent is not None and function.parent not in module.functions:
            yield f"{where}: parent {function.parent} does not exist"
        if function.cls is not None and function.cls not in module.classes:
            yield f"{where}: class {function.cls} does not exist"
        for message in _function(function, module):
            yield f"{where}: {message}"
    for class_id, cls in module.classes.items():
        for needed in (cls.body, cls.parent):
            if needed not in module.functions:
                yield f"{class_id}: function {needed} does not exist"


def _function(function: Function, module: Module) -> Iterator[str]:
    cfg = function.cfg
    if cfg.entry not in cfg.blocks:
        yield f"entry block b{cfg.entry} does not exist"
    for id, block in cfg.blocks.items():
        if block.id != id:
            yield f"block b{block.id} is registered as b{id}"
        yield from _block(block, cfg.blocks)
    yield from _indices(function)
    yield from _registers(function)
    yield from _references(function, module)


def _block(block: Block, blocks: dict[BlockId, Block]) -> Iterator[str]:
    if block.handler != RAISE_EXIT and block.handler not in blocks:
        yield f"b{block.id}: handler b{block.handler} does not exist"
    for edge in block.edges():
        if edge.target >= 0 and edge.target not in blocks:
            yield f"b{block.id}: leads to b{edge.target}, which does not exist"
    if any(isinstance(op, ops.Terminator) for op in block.ops):
        yield f"b{block.id}: a terminator stands among its ops"
    if not isinstance(block.terminator, ops.Terminator):
        yield f"b{block.id}: ends in {type(block.terminator).__name__}, which is no terminator"
    if isinstance(block.terminator, ops.Unreachable) and block.terminator.index < 0:
        yield f"b{block.id}: was never ended"


def _indices(function: Function) -> Iterator[str]:
    seen: set[int] = set()
    for block in function.cfg.blocks.values():
        last = -1
        for op in (*block.ops, block.terminator):
            if op.index in seen:
                yield f"b{block.id}: index {op.index} is used twice"
            if op.index <= last:
                yield f"b{block.id}: index {op.index} follows {last}"
            seen.add(op.index)
            last = op.index


def _registers(function: Function) -> Iterator[str]:
    written: dict[int, ops.Op] = {}
    for op in function.cfg.ops():
        dst: int | None = getattr(op, "dst", None)
        if dst is None:
            continue
        if not 0 <= dst < function.registers:
            yield f"op {op.index} writes %{dst}, beyond the {function.registers} registers"
        first = written.setdefault(dst, op)
        if first is not op and not (isinstance(op, ops.Copy) and isinstance(first, ops.Copy)):
            yield f"op {op.index} writes %{dst} again, which is not a meeting of copies"
    for op in function.cfg.ops():
        for register in operands(op):
            if register not in written:
                yield f"op {op.index} reads %{register}, which no op writes"


def _references(function: Function, module: Module) -> Iterator[str]:
    enters = {op.index for op in function.cfg.ops() if isinstance(op, ops.Enter)}
    for op in function.cfg.ops():
        if isinstance(op, ops.Exit) and op.enter not in enters:
            yield f"op {op.index} leaves the with of op {op.enter}, which enters none"
        if isinstance(op, ops.MakeFunction) and op.function not in module.functions:
            yield f"op {op.index} makes {op.function}, which does not exist"
        if isinstance(op, ops.MakeClass) and (op.cls not in module.classes or op.body not in module.functions):
            yield f"op {op.index} makes {op.cls}, which does not exist"
        if isinstance(op, (ops.LoadVar, ops.StoreVar, ops.DeleteVar)) and op.var.owner not in module.functions:
            yield f"op {op.index} names a variable of {op.var.owner}, which does not exist"
