"""A module as text: stable, for people and for tests. Two equal modules print alike; nothing else is promised.

Nouns:

* **line of an op**: ``index  %dst = op operands``; registers are ``%3``, variables ``name``, blocks ``b2``.
* **foreign variable**: a variable of another function prints as ``name@owner``.
"""

from __future__ import annotations

from collections.abc import Iterator

from chanlint.ir import ops
from chanlint.ir.cfg import RAISE_EXIT, RETURN_EXIT, Block
from chanlint.ir.ids import BlockId, FunctionId
from chanlint.ir.program import Class, Function, Module, ParamKind

_STARS = {ParamKind.VARIADIC: "*", ParamKind.KEYWORDS: "**"}


def print_module(module: Module) -> str:
    """The whole module, functions and classes in the order they were lowered; ends with a newline."""
    lines: list[str] = []
    if module.exports is not None:
        lines.append(f"exports {', '.join(module.exports)}")
    for cls in module.classes.values():
        lines.extend(_class(cls))
    for function in module.functions.values():
        if lines:
            lines.append("")
        lines.extend(_function(function))
    return "\n".join(lines) + "\n"


def print_function(function: Function) -> str:
    """One function; ends with a newline."""
    return "\n".join(_function(function)) + "\n"


def _class(cls: Class) -> Iterator[str]:
    for decorator in cls.decorators:
        yield f"@{decorator}"
    yield f"class {cls.id.qualname}"
    for name, annotation in cls.annotations.items():
        yield f"    {name}: {annotation}"


def _function(function: Function) -> Iterator[str]:
    for decorator in function.decorators:
        yield f"@{decorator}"
    words = ["async"] if function.is_async else []
    words += ["generator"] if function.is_generator else []
    params = ", ".join(_params(function))
    returns = "" if function.returns is None else f" -> {function.returns}"
    header = f"({params}){returns}" if function.kind in ("function", "lambda") else ""
    yield " ".join([*words, function.kind.value, function.id.qualname]) + f"{header}:"
    for block in function.cfg.blocks.values():
        yield from _block(block, function)


def _params(function: Function) -> Iterator[str]:
    for position, param in enumerate(function.params):
        previous = function.params[position - 1].kind if position else None
        if param.kind is ParamKind.KEYWORD_ONLY and previous not in (ParamKind.KEYWORD_ONLY, ParamKind.VARIADIC):
            yield "*"
        if previous is ParamKind.POSITIONAL_ONLY and param.kind is not ParamKind.POSITIONAL_ONLY:
            yield "/"
        text = _STARS.get(param.kind, "") + param.name
        if param.annotation is not None:
            text += f": {param.annotation}"
        yield text + (" = ..." if param.has_default else "")
    if function.params and function.params[-1].kind is ParamKind.POSITIONAL_ONLY:
        yield "/"


def _block(block: Block, function: Function) -> Iterator[str]:
    handler = "" if block.handler == RAISE_EXIT else f"  (raises to {_target(block.handler)})"
    yield f"  b{block.id}:{handler}"
    for op in [*block.ops, block.terminator]:
        yield f"    {op.index:>3}  {_Line(function).text(op)}"


def _target(block: BlockId) -> str:
    return {RETURN_EXIT: "return", RAISE_EXIT: "raise"}.get(block, f"b{block}")


class _Line:
    """Writes the ops of one function."""

    def __init__(self, function: Function) -> None:
        self._id: FunctionId = function.id

    def text(self, op: ops.Op) -> str:
        """One op without its index."""
        dst = getattr(op, "dst", None)
        body = self._value(op) if dst is not None else self._effect(op)
        return body if dst is None else f"%{dst} = {body}"

    def _var(self, var: ops.Variable) -> str:
        return var.name if var.owner == self._id else f"{var.name}@{var.owner.qualname}"

    def _value(self, op: ops.Op) -> str:
        match op:
            case ops.Const():
                return f"const {op.value!r}"
            case ops.Copy():
                return f"copy %{op.src}"
            case ops.LoadVar():
                return f"load {self._var(op.var)}"
            case ops.LoadAttr():
                return f"attr %{op.obj}.{op.attr}"
            case ops.LoadItem():
                return f"item %{op.obj}[%{op.key}]"
            case ops.Unpack():
                return f"unpack %{op.src} {'*' if op.star else ''}{op.position}"
            case ops.Build():
                return f"build {op.kind}({_items(op)})"
            case ops.Compute():
                return " ".join([f"compute {op.operator}", *(f"%{operand}" for operand in op.operands)])
            case ops.Compare():
                return f"compare %{op.left} {op.operator} %{op.right}"
            case ops.IsInstance():
                return f"isinstance %{op.value} %{op.cls}"
            case ops.MakeFunction():
                return " ".join([f"function {op.function.qualname}", *(f"{name}=%{value}" for name, value in op.defaults)])
            case ops.MakeClass():
                bases = [f"%{base}" for base in op.bases] + [f"{name}=%{value}" for name, value in op.keywords]
                return f"class {op.cls.qualname}({', '.join(bases)}) body {op.body.qualname}"
            case ops.Import():
                source = "." * op.level + op.module
                return f"import {source}{' (top)' if op.top else ''}" if op.name is None else f"from {source} import {op.name}"
            case _:
                return self._control_value(op)

    def _control_value(self, op: ops.Op) -> str:
        match op:
            case ops.Call():
                arguments = ", ".join(_argument(argument) for argument in op.args)
                return f"{'decorate' if op.decorator else 'call'} %{op.callee}({arguments})"
            case ops.Await():
                return f"await %{op.src}"
            case ops.Yield():
                return f"yield {'from ' if op.delegate else ''}%{op.src}"
            case ops.IterStart():
                return f"{_async(op.is_async)}iter %{op.src}"
            case ops.Enter():
                return f"{_async(op.is_async)}enter %{op.manager}"
            case ops.Exit():
                return f"{_async(op.is_async)}exit %{op.manager} of {op.enter}{' raising' if op.raising else ''}"
            case ops.Caught():
                return "caught"
            case ops.Iterate():
                return f"{_async(op.is_async)}next %{op.iterator} ? {_target(op.item)} : {_target(op.done)}"
            case _:
                return type(op).__name__.lower()

    def _effect(self, op: ops.Op) -> str:
        match op:
            case ops.StoreVar():
                return f"{self._var(op.var)} = %{op.src}"
            case ops.DeleteVar():
                return f"del {self._var(op.var)}"
            case ops.StoreAttr():
                return f"%{op.obj}.{op.attr} = %{op.src}"
            case ops.DeleteAttr():
                return f"del %{op.obj}.{op.attr}"
            case ops.StoreItem():
                return f"%{op.obj}[%{op.key}] = %{op.src}"
            case ops.DeleteItem():
                return f"del %{op.obj}[%{op.key}]"
            case ops.Append():
                return f"append %{op.container} {'' if op.key is None else f'%{op.key}: '}%{op.item}"
            case ops.ImportStar():
                return f"from {'.' * op.level}{op.module} import *"
            case _:
                return _terminator(op)


def _terminator(op: ops.Op) -> str:
    match op:
        case ops.Jump():
            return f"jump {_target(op.target)}"
        case ops.Branch():
            return f"branch %{op.condition} ? {_target(op.true)} : {_target(op.false)}"
        case ops.Catch():
            types = " ".join(f"%{kind}" for kind in op.types) or "all"
            return f"catch{'*' if op.star else ''} {types} ? {_target(op.matched)} : {_target(op.unmatched)}"
        case ops.Return():
            return "return" if op.src is None else f"return %{op.src}"
        case ops.Raise():
            cause = "" if op.cause is None else f" from %{op.cause}"
            return "raise again" if op.exception is None else f"raise %{op.exception}{cause}"
        case _:
            return type(op).__name__.lower()


def _async(is_async: bool) -> str:
    return "async " if is_async else ""


def _items(op: ops.Build) -> str:
    if op.kind == "dict":
        pairs = zip(op.keys, op.items, strict=True)
        return ", ".join(f"**%{item}" if key is None else f"%{key}: %{item}" for key, item in pairs)
    return ", ".join(f"{'*' if position in op.starred else ''}%{item}" for position, item in enumerate(op.items))


def _argument(argument: ops.Argument) -> str:
    name = "" if argument.keyword is None else f"{argument.keyword}="
    return f"{'*' * argument.unpack}{name}%{argument.value}"
