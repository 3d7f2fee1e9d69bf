"""Whose variable a name is: Python's scopes, resolved while lowering.

Nouns:

* **Scope**: one level of names: a module, a function, a class body, a comprehension or a list of type parameters.
* **private name**: ``__x`` written inside ``class A`` means ``_A__x``.

A comprehension and a list of type parameters run in the frame of the function around them; their names get a suffix
(``x#1``) that keeps them apart from that function's own.
"""

from __future__ import annotations

import enum

from chanlint.ir.ids import FunctionId
from chanlint.ir.ops import Variable


class ScopeKind(enum.Enum):
    """What a scope belongs to."""

    MODULE = "module"
    FUNCTION = "function"
    CLASS = "class"
    COMPREHENSION = "comprehension"
    TYPES = "types"


def mangle(name: str, private: str | None) -> str:
    """The name that ``name`` stands for inside the class called ``private`` (None: outside any class)."""
    if private is None or not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    stripped = private.lstrip("_")
    return f"_{stripped}{name}" if stripped else name


class Scope:
    """One level of names.

    Attributes:
        owner: the function whose frame holds the variables.
        bound: names bound anywhere in this scope (known before its code is lowered), mangled.
        globals, nonlocals: names declared so, mangled.
        private: the class whose name mangles private names here, or None.
        stored: for class bodies, the names bound so far: before that, a name means the one outside.
    """

    __slots__ = ("_cache", "bound", "globals", "kind", "nonlocals", "owner", "parent", "private", "stored", "suffix")

    def __init__(
        self, kind: ScopeKind, owner: FunctionId, parent: Scope | None, private: str | None = None, suffix: str = ""
    ) -> None:
        self.kind = kind
        self.owner = owner
        self.parent = parent
        self.private = private
        self.suffix = suffix
        self.bound: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.stored: set[str] = set()
        self._cache: dict[str, Variable] = {}

    def load(self, name: str) -> Variable:
        """The variable that reading ``name`` here reads."""
        if self.private is not None and name.startswith("__"):
            name = mangle(name, self.private)
        if self.kind is ScopeKind.CLASS and name not in self.stored and name in self.bound and name not in self.globals:
            return self._outer(name)
        return self._find(name)

    def store(self, name: str) -> Variable:
        """The variable that binding ``name`` here binds."""
        if self.private is not None and name.startswith("__"):
            name = mangle(name, self.private)
        if self.kind is ScopeKind.CLASS:
            self.stored.add(name)
        return self._find(name)

    def store_walrus(self, name: str) -> Variable:
        """The variable that ``name := ...`` binds: it passes by comprehensions."""
        scope = self
        while scope.kind is ScopeKind.COMPREHENSION and scope.parent is not None:
            scope = scope.parent
        return scope.store(name)

    def _find(self, name: str) -> Variable:
        found = self._cache.get(name)
        if found is None:
            found = self._cache[name] = self._search(name)
        return found

    def _search(self, name: str) -> Variable:
        if self.parent is None:
            return Variable(self.owner, name)
        if name in self.globals:
            return Variable(self._module().owner, name)
        if name in self.bound and name not in self.nonlocals:
            return Variable(self.owner, name + self.suffix)
        return self._outer(name)

    def _outer(self, name: str) -> Variable:
        scope = self.parent
        if self.kind is ScopeKind.TYPES and scope is not None and scope.kind is ScopeKind.CLASS and name in scope.bound:
            return scope._find(name)  # type parameters see the names of the class around them, bodies do not
        while scope is not None:
            hidden = scope.kind is ScopeKind.CLASS or (scope.kind is ScopeKind.TYPES and name not in scope.bound)
            if not hidden:
                return scope._find(name)
            scope = scope.parent
        return Variable(self._module().owner, name)

    def _module(self) -> Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope
