"""Which registers an op reads."""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.ir import ops


def operands(op: ops.Op) -> Iterator[ops.Register]:
    """The registers that ``op`` reads, in the order of its fields."""
    match op:
        case ops.Copy() | ops.StoreVar() | ops.Unpack() | ops.Await() | ops.Yield() | ops.IterStart():
            yield op.src
        case ops.LoadAttr() | ops.DeleteAttr():
            yield op.obj
        case ops.StoreAttr():
            yield from (op.obj, op.src)
        case ops.LoadItem() | ops.DeleteItem():
            yield from (op.obj, op.key)
        case ops.StoreItem():
            yield from (op.obj, op.key, op.src)
        case ops.Build():
            yield from op.items
            yield from (key for key in op.keys if key is not None)
        case ops.Append():
            yield from (op.container, op.item)
            yield from () if op.key is None else (op.key,)
        case ops.Compute():
            yield from op.operands
        case ops.Compare():
            yield from (op.left, op.right)
        case ops.IsInstance():
            yield from (op.value, op.cls)
        case ops.MakeFunction():
            yield from (register for _, register in op.defaults)
        case ops.MakeClass():
            yield from op.bases
            yield from (register for _, register in op.keywords)
        case _:
            yield from _control_operands(op)


def _control_operands(op: ops.Op) -> Iterator[ops.Register]:
    match op:
        case ops.Call():
            yield op.callee
            yield from (argument.value for argument in op.args)
        case ops.Enter() | ops.Exit():
            yield op.manager
        case ops.Branch():
            yield op.condition
        case ops.Iterate():
            yield op.iterator
        case ops.Catch():
            yield from op.types
        case ops.Return():
            yield from () if op.src is None else (op.src,)
        case ops.Raise():
            yield from (register for register in (op.exception, op.cause) if register is not None)
