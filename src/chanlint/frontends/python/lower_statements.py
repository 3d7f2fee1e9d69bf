"""Statements to ops and blocks.

Python's own desugaring, spelled out: ``for`` is `IterStart` and `Iterate`, ``with`` is `Enter` and one `Exit` per way out,
``finally`` is one copy of its body per way out. A ``finally`` in a ``finally`` in a ``finally`` would double each time, so a
body is copied at most `FINALLY_COPIES` times in a function; after that, control joins the first exceptional copy, as if the
exception path stood for the rest.

An ``except*`` handler that has run goes on behind the whole statement; that the rest of the group may meet a later handler
too, or be raised again, is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from chanlint.frontends.python.flow import Cleanup, Header, Loop, Stretch
from chanlint.frontends.python.lower_context import Body, Unit, in_class
from chanlint.frontends.python.lower_definitions import DefinitionLowerer
from chanlint.frontends.python.lower_simple import SIMPLE, SimpleLowerer
from chanlint.frontends.python.names import has_yield
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Catch, Caught, DeleteVar, Enter, Exit, Raise, Register, Return

FINALLY_COPIES = 8
"""How often a ``finally`` body is copied in one function."""


class StatementLowerer(SimpleLowerer):
    """Lowers the statements of one body."""

    def __init__(self, unit: Unit, body: Body) -> None:
        super().__init__(unit, body.function, body.scope)
        self.cls = body.cls
        self.found = []
        self._copies: dict[int, int] = {}
        self._raise_copies: dict[int, BlockId] = {}
        self._lower(body)

    def _lower(self, body: Body) -> None:
        function = body.function
        if len(body.code) == 1 and isinstance(body.code[0], cst.BaseExpression):
            expression = body.code[0]
            self.leave_with(self.expression(expression), self._none(expression), expression)
        else:
            self.statements(body.code)
            if self.reachable:
                place = self.unit.headers[function.id]
                self.end(Return(self.at(place), None))
        function.cfg = self.cfg
        function.registers = self.registers
        self.unit.places[function.id] = self.places
        if in_class(function):
            function.is_generator = False

    def statements(self, body: Sequence[cst.CSTNode]) -> None:
        """A run of statements; what stands behind a ``return`` or the like is dropped."""
        for position, statement in enumerate(body):
            if not self.reachable:
                self.dropped(body[position:])
                return
            kind = type(statement)
            if kind is cst.SimpleStatementLine:
                for part in statement.body:  # type: ignore[attr-defined]  # narrowed by its type just above
                    if self.reachable:
                        self.statement(part)
                    else:
                        self.dropped([part])
            else:
                self.statement(statement)

    def dropped(self, statements: Sequence[cst.CSTNode]) -> None:
        """Code that control never reaches; a ``yield`` in it still makes the function a generator."""
        if self.unit.yields and not self.function.is_generator and has_yield(statements):
            self.function.is_generator = True

    def statement(self, node: cst.CSTNode) -> None:
        """One statement."""
        name = type(node).__name__
        lower = SIMPLE.get(name) or _COMPOUND.get(name)
        if lower is not None:
            lower(self, node)

    # -- branches and loops ---------------------------------------------------------------------------------------------

    def _if(self, node: cst.If) -> None:
        end = self.new_block()
        arm: cst.If | cst.Else | None = node
        while isinstance(arm, cst.If):
            true, false = self.new_block(), self.new_block()
            self.condition(arm.test, true, false)
            self._arm(true, arm.body, end, arm)
            arm = arm.orelse
            if not self.start(false):
                while isinstance(arm, cst.If):
                    self.dropped(arm.body.body)
                    arm = arm.orelse
        if isinstance(arm, cst.Else):
            self.statements(arm.body.body)
        self.jump(end, node)
        self.start(end)

    def _arm(self, block: BlockId, body: cst.BaseSuite, end: BlockId, place: cst.CSTNode) -> None:
        if self.start(block):
            self.statements(body.body)
            self.jump(end, place)
        else:
            self.dropped(body.body)

    def _while(self, node: cst.While) -> None:
        head, body, done, after = (self.new_block() for _ in range(4))
        self.jump(head, node)
        self.start_always(head)
        self.condition(node.test, body, done)
        self._loop_body(body, node, Loop(after, head))
        self._loop_else(done, node.orelse, after, node)

    def _for(self, node: cst.For) -> None:
        is_async = node.asynchronous is not None
        iterator = self.iterator(node.iter, node.iter, is_async)
        head, item, done, after = (self.new_block() for _ in range(4))
        self.loop_head(Stretch(node, node.iter), head, iterator, item, done, node.target, is_async)
        body = self.new_block()
        self.jump(body, node)
        self._loop_body(body, node, Loop(after, head))
        self._loop_else(done, node.orelse, after, node)

    def _loop_body(self, block: BlockId, node: cst.For | cst.While, loop: Loop) -> None:
        self.push(loop)
        self._arm(block, node.body, loop.again, node)
        self.pop()

    def _loop_else(self, done: BlockId, orelse: cst.Else | None, after: BlockId, node: cst.CSTNode) -> None:
        self.start(done)
        if orelse is not None:
            self.statements(orelse.body.body)
        self.jump(after, node)
        self.start(after)

    def _match(self, node: cst.Match) -> None:
        subject = self.expression(node.subject)
        end = self.new_block()
        for case in node.cases:
            other = self.new_block()
            self.pattern(case.pattern, subject, other)
            body = self.new_block()
            if case.guard is None:
                self.jump(body, case)
            else:
                self.condition(case.guard, body, other)
            self._arm(body, case.body, end, case)
            self.start(other)
        self.jump(end, node)
        self.start(end)

    # -- regions with a cleanup -----------------------------------------------------------------------------------------

    def _region(self, place: cst.CSTNode, inside: Callable[[], None], cleanup: Cleanup) -> tuple[BlockId, BlockId]:
        """Lowers ``inside`` with a cleanup on all ways out but the exceptional one, whose block it begins.

        Answers that block, and the block where control goes on afterwards.
        """
        raised = self.new_block()
        outer = self.guard(raised, place)
        self.push(cleanup)
        inside()
        self.pop()
        normal = self.new_block()
        self.jump(normal, place)
        self.handler = outer
        after = self.new_block()
        if self.start(normal):
            cleanup.write()
            self.jump(after, place)
        self.write_ways(cleanup)
        self.start_always(raised)
        return raised, after

    def _with(self, node: cst.With) -> None:
        self._with_items(node, 0)

    def _with_items(self, node: cst.With, position: int) -> None:
        if position == len(node.items):
            self.statements(node.body.body)
            return
        item = node.items[position]
        place = item.item
        is_async = node.asynchronous is not None
        manager = self.expression(place)
        value = self.register()
        enter = self.at(place)
        self.ops.append(Enter(enter, value, manager, is_async))

        def leave(raising: bool) -> Register:
            dst = self.register()
            self.ops.append(Exit(self.at(place), dst, manager, enter, is_async, raising))
            return dst

        def inside() -> None:
            if item.asname is not None:
                self.assign(item.asname.name, value)
            self._with_items(node, position + 1)

        _, after = self._region(place, inside, Cleanup(lambda: void(leave(raising=False))))
        swallowed = leave(raising=True)
        again = self.new_block()
        self.branch(swallowed, after, again, place)
        self.start(again)
        self.end(Raise(self.at(place), None))
        self.start(after)

    def _try(self, node: cst.Try | cst.TryStar) -> None:
        if node.finalbody is None:
            self._try_except(node)
            return
        final = node.finalbody

        def write() -> None:
            self._final_copy(final)

        raised, after = self._region(node, lambda: self._try_except(node), Cleanup(write))
        self._raise_copies.setdefault(id(final), raised)
        self._final_copy(final)
        self.end(Raise(self.at(final), None))
        self.start(after)

    def _final_copy(self, node: cst.Finally) -> None:
        count = self._copies[id(node)] = self._copies.get(id(node), 0) + 1
        shared = self._raise_copies.get(id(node))
        if count > FINALLY_COPIES and shared is not None:
            self.jump(shared, node)
        else:
            self.statements(node.body.body)

    def _try_except(self, node: cst.Try | cst.TryStar) -> None:
        if not node.handlers:
            self.statements(node.body.body)
            return
        dispatch, after = self.new_block(), self.new_block()
        outer = self.guard(dispatch, node)
        self.statements(node.body.body)
        normal = self.new_block()
        self.jump(normal, node)
        self.handler = outer
        if self.start(normal):
            if node.orelse is not None:
                self.statements(node.orelse.body.body)
            self.jump(after, node)
        elif node.orelse is not None:
            self.dropped(node.orelse.body.body)
        self.start_always(dispatch)
        for handler in node.handlers:
            if not self.reachable:
                self.dropped(handler.body.body)
                continue
            self._handler(handler, after, isinstance(node, cst.TryStar))
        self.end(Raise(self.at(node), None))
        self.start(after)

    def _handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler, after: BlockId, star: bool) -> None:
        place = Header(node, node.body)
        types = self._exception_types(node.type)
        matched, unmatched = self.new_block(), self.new_block()
        self.reach(matched)
        if node.type is not None:
            self.reach(unmatched)
        self.end(Catch(self.at(place), types, matched, unmatched if node.type is not None else matched, star))
        self.start(matched)
        caught = self.register()
        self.ops.append(Caught(self.at(place), caught))
        name = None if node.name is None else node.name.name
        if name is not None:
            self.assign(name, caught)
        self.statements(node.body.body)
        if self.reachable and isinstance(name, cst.Name):
            self.ops.append(DeleteVar(self.at(name), self.scope.store(name.value)))
        self.jump(after, node)
        self.start(unmatched)

    def _exception_types(self, node: cst.BaseExpression | None) -> tuple[Register, ...]:
        if node is None:
            return ()
        if isinstance(node, cst.Tuple) and all(isinstance(element, cst.Element) for element in node.elements):
            types = tuple(self.expression(element.value) for element in node.elements)
            return types or (self.expression(node),)
        return (self.expression(node),)


def void(_: object) -> None:
    """Drops a value."""


_COMPOUND: dict[str, Callable[[Any, Any], None]] = {
    "If": StatementLowerer._if,
    "While": StatementLowerer._while,
    "For": StatementLowerer._for,
    "With": StatementLowerer._with,
    "Try": StatementLowerer._try,
    "TryStar": StatementLowerer._try,
    "Match": StatementLowerer._match,
    "FunctionDef": DefinitionLowerer.define_function,
    "ClassDef": DefinitionLowerer.define_class,
}
