"""The points-to graph: nodes, flows between them, and the worklist that solves it (Andersen's analysis).

Nouns:

* **Node**: a register of a frame, a variable, an attribute of an object or a cell of a container; a small integer.
* **Flow**: what one node may hold, another may hold too.
* **Watcher**: called once for each object that comes to a node.

Inclusion constraints are solved by propagating each new object once along each flow (L. O. Andersen, "Program analysis and
specialization for the C programming language", 1994). Everything is ordered by discovery, so two runs do the same. Calls are
handled only when nothing else is left to propagate, so that classes and imports are known before methods are looked up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from chanlint.analysis.limits import POINTS_TO, STEPS, Limits
from chanlint.analysis.objects import Container, Obj

Watcher = Callable[..., object]
"""Is called with the context that it was given and the object."""
_Watch = tuple[Any, ...]
"""A watcher and its context, after None where it waits until nothing else is left: a tuple is a fifth of a closure's size."""
_Watches = tuple[_Watch, ...] | list[_Watch]
_Flows = tuple[int, ...] | dict[int, None]
ANY = "[*]"
_FEW = 8  # flows out of one node, or watchers of it, that are kept in a tuple, which is small; most nodes have one or two


class Graph:
    """Nodes, flows, watchers and the worklist."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.points: list[tuple[Obj, ...]] = []  # never many each: see POINTS_TO
        self.full: set[int] = set()
        self.steps = 0
        self.exhausted = False
        self._flows: list[_Flows] = []
        self._watchers: list[_Watches] = []
        self._attributes: dict[tuple[Obj, str], int] = {}
        self._names: dict[Obj, list[str]] = {}
        self._queue: deque[tuple[Obj, _Flows, _Watches, int]] = deque()
        """What came to a node, with the flows and watchers (and their number) that it had then: later ones have seen it."""
        self._deferred: deque[tuple[_Watch, Obj]] = deque()

    def new_nodes(self, count: int) -> int:
        """Makes ``count`` nodes and gives the first."""
        first = len(self.points)
        nothing: list[tuple[()]] = [()] * count
        self.points.extend(nothing)
        self._flows.extend(nothing)
        self._watchers.extend(nothing)
        return first

    def attribute(self, obj: Obj, name: str) -> int:
        """The node of attribute ``name`` of ``obj``."""
        key = (obj, name)
        node = self._attributes.get(key)
        if node is None:
            node = self._attributes[key] = self.new_nodes(1)
            self._names.setdefault(obj, []).append(name)
        return node

    def known_attribute(self, obj: Obj, name: str) -> int | None:
        """The node of an attribute if anybody has named it."""
        return self._attributes.get((obj, name))

    def attribute_names(self, obj: Obj) -> list[str]:
        """The attributes and cells of ``obj`` named so far, in order."""
        return self._names.get(obj, [])

    def attribute_nodes(self) -> list[tuple[tuple[Obj, str], int]]:
        """Every attribute and cell with its node, in the order of discovery."""
        return list(self._attributes.items())

    def cell(self, container: Obj, key: object) -> int:
        """The node of one element of a container; every element flows into the cell of all."""
        name = ANY if key is ANY else f"[{key!r}]"
        known = self._attributes.get((container, name))
        node = self.attribute(container, name)
        if known is None and name != ANY:
            self.flow(node, self.elements(container))
        return node

    def elements(self, container: Obj) -> int:
        """The node that holds whatever any cell holds."""
        node = container.elements if type(container) is Container else self._attributes.get((container, "[all]"))
        if node is None:
            node = self.attribute(container, "[all]")
            if type(container) is Container:
                container.elements = node
            self.flow(self.attribute(container, ANY), node)
        return node

    def add(self, node: int, obj: Obj) -> None:
        """Says that ``node`` may hold ``obj``."""
        held = self.points[node]
        if obj in held:
            return
        if len(held) >= POINTS_TO:
            self._overflow(node)
            return
        self.points[node] = (*held, obj)
        flows, watchers = self._flows[node], self._watchers[node]
        if flows or watchers:
            self._queue.append((obj, flows, watchers, len(watchers)))

    def put(self, node: int, obj: Obj) -> None:
        """Says that a new node, from which nothing flows yet, holds ``obj``."""
        self.points[node] = (obj,)

    def _overflow(self, node: int) -> None:
        if node not in self.full:
            self.full.add(node)
            self.limits.hit("points-to")

    def flow(self, source: int, target: int) -> None:
        """Says that ``target`` may hold what ``source`` may hold."""
        if source == target:
            return
        flows = self._flows[source]
        if target in flows:
            return
        if isinstance(flows, dict):
            flows[target] = None
        elif len(flows) < _FEW:
            self._flows[source] = (*flows, target)
        else:
            self._flows[source] = {**dict.fromkeys(flows), target: None}
        for obj in self.points[source]:
            self.add(target, obj)

    def watch(self, node: int, watcher: Watcher, *context: object) -> None:
        """Calls ``watcher(*context, obj)`` for each object that ``node`` holds now or later."""
        self._watch(node, (watcher, *context))
        for obj in self.points[node]:
            watcher(*context, obj)

    def _watch(self, node: int, watch: _Watch) -> None:
        watchers = self._watchers[node]
        if isinstance(watchers, list):
            watchers.append(watch)
        elif len(watchers) < _FEW:
            self._watchers[node] = (*watchers, watch)
        else:
            self._watchers[node] = [*watchers, watch]

    def watch_later(self, node: int, watcher: Watcher, *context: object) -> None:
        """Like `watch`, but only once nothing else is left to propagate."""
        watch = (None, watcher, *context)
        self._watch(node, watch)
        for obj in self.points[node]:
            self._deferred.append((watch, obj))

    def settle(self) -> None:
        """Frees what only propagation needs. The model may still ask for nodes, but nothing flows any more."""
        nothing: list[tuple[()]] = [()] * len(self.points)
        self._flows, self._watchers = [*nothing], [*nothing]

    def solve(self) -> None:
        """Propagates until nothing changes."""
        queue, deferred, points = self._queue, self._deferred, self.points
        while queue or deferred:
            if self.steps > STEPS:
                self.limits.hit("steps")
                self.exhausted = True
                queue.clear()
                deferred.clear()
                return
            while queue:
                self.steps += 1
                obj, flows, watchers, count = queue.popleft()
                for target in flows:  # `add`, written out: most of the time is spent here
                    held = points[target]
                    if obj in held:
                        continue
                    if len(held) >= POINTS_TO:
                        self._overflow(target)
                        continue
                    points[target] = (*held, obj)
                    further, watching = self._flows[target], self._watchers[target]
                    if further or watching:
                        queue.append((obj, further, watching, len(watching)))
                for watch in watchers if type(watchers) is tuple else watchers[:count]:
                    if watch[0] is None:
                        deferred.append((watch, obj))
                    else:
                        watch[0](*watch[1:], obj)
            if deferred:
                self.steps += 1
                watch, obj = deferred.popleft()
                watch[1](*watch[2:], obj)
