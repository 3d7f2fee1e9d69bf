"""Conditions that are decided before the program runs.

`truth` answers for constants, ``TYPE_CHECKING`` (false when code runs) and tests on ``sys.version_info`` with constants,
which the target version decides. Tests on the platform are not decided: both arms count.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import libcst as cst

from chanlint.frontends.python.lower_context import Unit
from chanlint.frontends.python.strings import integer

_NAMES = {"True": True, "False": False, "None": False, "__debug__": True, "TYPE_CHECKING": False}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "LessThan": operator.lt,
    "LessThanEqual": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEqual": operator.ge,
    "Equal": operator.eq,
    "NotEqual": operator.ne,
}
_FLIPPED = {
    "LessThan": "GreaterThan",
    "LessThanEqual": "GreaterThanEqual",
    "GreaterThan": "LessThan",
    "GreaterThanEqual": "LessThanEqual",
}


def truth(node: cst.BaseExpression, unit: Unit) -> bool | None:
    """Whether ``node`` is always true or always false; None where that depends on the run."""
    match node:
        case cst.Name():
            return _NAMES.get(node.value)
        case cst.Attribute():
            return False if node.attr.value == "TYPE_CHECKING" else None
        case cst.Integer():
            return node.value not in ("0", "0x0")
        case cst.Comparison() if len(node.comparisons) == 1:
            target = node.comparisons[0]
            return _version_test(node.left, type(target.operator).__name__, target.comparator, unit)
    return None


def _version_test(left: cst.BaseExpression, operation: str, right: cst.BaseExpression, unit: Unit) -> bool | None:
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


def _version(node: cst.BaseExpression, unit: Unit) -> int | tuple[int, ...] | None:
    """The part of the version that ``node`` means; a third part of -1 stands for all that is unknown."""
    whole = (*unit.version, -1)
    if _is_version_info(node, unit):
        return whole
    if isinstance(node, cst.Attribute) and _is_version_info(node.value, unit):
        return {"major": whole[0], "minor": whole[1]}.get(node.attr.value)
    if not isinstance(node, cst.Subscript) or not _is_version_info(node.value, unit) or len(node.slice) != 1:
        return None
    part = node.slice[0].slice
    if isinstance(part, cst.Index):
        index = _constant(part.value)
        return whole[index] if index in (0, 1) and isinstance(index, int) else None
    if isinstance(part, cst.Slice) and part.lower is None and part.step is None and part.upper is not None:
        upper = _constant(part.upper)
        return whole[:upper] if upper in (1, 2) and isinstance(upper, int) else None
    return None


def _is_version_info(node: cst.BaseExpression, unit: Unit) -> bool:
    if isinstance(node, cst.Name):
        return node.value in unit.version_names
    return (
        isinstance(node, cst.Attribute)
        and node.attr.value == "version_info"
        and isinstance(node.value, cst.Name)
        and node.value.value in unit.sys_names
    )


def _constant(node: cst.BaseExpression) -> int | tuple[int, ...] | None:
    if isinstance(node, cst.Integer):
        return integer(node.value)
    if isinstance(node, cst.Tuple):
        values = [integer(element.value.value) for element in node.elements if isinstance(element.value, cst.Integer)]
        numbers = tuple(value for value in values if value is not None)
        return numbers if len(numbers) == len(node.elements) else None
    return None
