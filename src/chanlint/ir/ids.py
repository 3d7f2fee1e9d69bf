"""Stable, ordered names of the things in a program.

* **ModuleId**: the module's path from the project root; two files are two modules whatever their names.
* **FunctionId**: a function in its module by qualified name; a second definition of a name gets ``#2``. The module's own
  statements are the function ``<module>``, a class body is the function ``<class Name>``.
* **ClassId**: a class in its module by qualified name.
* **BlockId**: a basic block in its function; **OpId**: an op in its function.
"""

from __future__ import annotations

from typing import NamedTuple

ModuleId = str
BlockId = int


class FunctionId(NamedTuple):
    """A function, a lambda, a class body or a module body."""

    module: ModuleId
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}::{self.qualname}"


class ClassId(NamedTuple):
    """A class definition."""

    module: ModuleId
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}::{self.qualname}"


class OpId(NamedTuple):
    """One op: ``op`` is its index, unique in its function and follows evaluation order. ``-1`` is the function's own header."""

    function: FunctionId
    op: int

    def __str__(self) -> str:
        return f"{self.function}:{self.op}"


MODULE_BODY = "<module>"
HEADER = -1
