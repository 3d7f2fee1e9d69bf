"""Conditions that are decided before the program runs.

`truth` answers for constants, ``TYPE_CHECKING`` (false when code runs) and tests on ``sys.version_info`` with constants,
which the target version decides. Tests on the platform are not decided: both arms count.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from chanlint.frontends.python.lower_context import Unit

_NAMES = {"__debug__": True, "TYPE_CHECKING": False}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
}
_FLIPPED = {"Lt": "Gt", "LtE": "GtE", "Gt": "Lt", "GtE": "LtE"}


def truth(node: ast.expr, unit: Unit) -> bool | None:
    """Whether ``node`` is always true or always false; None where that depends on the run."""
    match node:
        case ast.Constant(value=bool() | int() | None as value):
            return bool(value)
        case ast.Name():
            return _NAMES.get(node.id)
        case ast.Attribute():
            return False if node.attr == "TYPE_CHECKING" else None
        case ast.Compare() if len(node.ops) == 1:
            return _version_test(node.left, type(node.ops[0]).__name__, node.comparators[0], unit)
    return None


def _version_test(left: ast.expr, operation: str, right: ast.expr, unit: Unit) -> bool | None:
    actual = _version(left, unit)
    wanted = _constant(right)
    if actual is None:
        actual, wanted = _version(right, unit), _constant(left)
        operation = _FLIPPED.get(operation, operation)
    compare = _OPERATORS.get(operation)
    if actual is None or wanted is None or compare is None or isinstance(actual, int) is not isinstance(wanted, int):
        return None
    if isinstance(actual, tuple) and isinstance(wanted, tuple) and actual[2:] and wanted[:2] == actual[:2]:
        if len(wanted) > 2:
            return None  # decided by the micro version, which nobody states
        return compare(1, 0)  # the whole version is longer, hence greater, than its first two parts
    if isinstance(actual, tuple):
        return compare(actual[:2], wanted)
    return compare(actual, wanted)


def _version(node: ast.expr, unit: Unit) -> int | tuple[int, ...] | None:
    """The part of the version that ``node`` means; a third part of -1 stands for all that is unknown."""
    whole = (*unit.version, -1)
    if _is_version_info(node, unit):
        return whole
    if isinstance(node, ast.Attribute) and _is_version_info(node.value, unit):
        return {"major": whole[0], "minor": whole[1]}.get(node.attr)
    if not isinstance(node, ast.Subscript) or not _is_version_info(node.value, unit):
        return None
    part = node.slice
    if isinstance(part, ast.Slice):
        if part.lower is None and part.step is None and part.upper is not None:
            upper = _constant(part.upper)
            return whole[:upper] if upper in (1, 2) and isinstance(upper, int) else None
        return None
    index = _constant(part)
    return whole[index] if index in (0, 1) and isinstance(index, int) else None


def _is_version_info(node: ast.expr, unit: Unit) -> bool:
    if isinstance(node, ast.Name):
        return node.id in unit.version_names
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "version_info"
        and isinstance(node.value, ast.Name)
        and node.value.id in unit.sys_names
    )


def _constant(node: ast.expr) -> int | tuple[int, ...] | None:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Tuple):
        numbers = tuple(value for element in node.elts if isinstance(value := _constant(element), int))
        return numbers if len(numbers) == len(node.elts) else None
    return None
