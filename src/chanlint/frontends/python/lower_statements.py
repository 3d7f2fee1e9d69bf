"""Statements to ops and blocks.

Python's own desugaring, spelled out: ``for`` is `IterStart` and `Iterate`, ``with`` is `Enter` and one `Exit` per way out,
``finally`` is one copy of its body per way out. A ``finally`` in a ``finally`` in a ``finally`` would double each time, so a
body is copied at most `FINALLY_COPIES` times in a function; after that, control joins the first exceptional copy, as if the
exception path stood for the rest.

An ``except*`` handler that has run goes on behind the whole statement; that the rest of the group may meet a later handler
too, or be raised again, is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from chanlint.frontends.python.flow import Cleanup, Header, Loop, Stretch
from chanlint.frontends.python.lower_context import Body, Unit, in_class
from chanlint.frontends.python.lower_definitions import DefinitionLowerer
from chanlint.frontends.python.lower_simple import SIMPLE, SimpleLowerer
from chanlint.frontends.python.names import has_yield
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import Catch, Caught, DeleteVar, Enter, Exit, Raise, Register, Return, StoreVar

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
        if isinstance(body.code, ast.expr):
            self.leave_with(self.expression(body.code), self._none(body.code), body.code)
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

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """A run of statements; what stands behind a ``return`` or the like is dropped."""
        for position, statement in enumerate(body):
            if not self.reachable:
                self.dropped(body[position:])
                return
            lower = _STATEMENTS.get(type(statement).__name__)
            if lower is not None:
                lower(self, statement)

    def dropped(self, statements: Sequence[ast.stmt]) -> None:
        """Code that control never reaches; a ``yield`` in it still makes the function a generator."""
        if self.unit.yields and not self.function.is_generator and has_yield(statements):
            self.function.is_generator = True

    # -- branches and loops ---------------------------------------------------------------------------------------------

    def _if(self, node: ast.If) -> None:
        end = self.new_block()
        arm = node
        while True:
            true, false = self.new_block(), self.new_block()
            self.condition(arm.test, true, false)
            self._arm(true, arm.body, end, arm)
            rest = arm.orelse
            if not self.start(false):
                self.dropped(rest)
                break
            if len(rest) != 1 or type(rest[0]) is not ast.If:
                self.statements(rest)
                break
            arm = rest[0]
        self.jump(end, node)
        self.start(end)

    def _arm(self, block: BlockId, body: Sequence[ast.stmt], end: BlockId, place: ast.AST) -> None:
        if self.start(block):
            self.statements(body)
            self.jump(end, place)
        else:
            self.dropped(body)

    def _while(self, node: ast.While) -> None:
        head, body, done, after = (self.new_block() for _ in range(4))
        self.jump(head, node)
        self.start_always(head)
        self.condition(node.test, body, done)
        self._loop_body(body, node, Loop(after, head))
        self._loop_else(done, node.orelse, after, node)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        is_async = isinstance(node, ast.AsyncFor)
        iterator = self.iterator(node.iter, is_async)
        head, item, done, after = (self.new_block() for _ in range(4))
        self.loop_head(Stretch(node, node.iter), head, iterator, item, done, node.target, is_async)
        body = self.new_block()
        self.jump(body, node)
        self._loop_body(body, node, Loop(after, head))
        self._loop_else(done, node.orelse, after, node)

    def _loop_body(self, block: BlockId, node: ast.For | ast.AsyncFor | ast.While, loop: Loop) -> None:
        self.push(loop)
        self._arm(block, node.body, loop.again, node)
        self.pop()

    def _loop_else(self, done: BlockId, orelse: Sequence[ast.stmt], after: BlockId, node: ast.AST) -> None:
        self.start(done)
        self.statements(orelse)
        self.jump(after, node)
        self.start(after)

    def _match(self, node: ast.Match) -> None:
        subject = self.expression(node.subject)
        end = self.new_block()
        for case in node.cases:
            other = self.new_block()
            self.pattern(case.pattern, subject, other)
            body = self.new_block()
            if case.guard is None:
                self.jump(body, case.pattern)
            else:
                self.condition(case.guard, body, other)
            self._arm(body, case.body, end, case.pattern)
            self.start(other)
        self.jump(end, node)
        self.start(end)

    # -- regions with a cleanup -----------------------------------------------------------------------------------------

    def _region(self, place: ast.AST, inside: Callable[[], None], cleanup: Cleanup) -> tuple[BlockId, BlockId]:
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

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        self._with_items(node, 0)

    def _with_items(self, node: ast.With | ast.AsyncWith, position: int) -> None:
        if position == len(node.items):
            self.statements(node.body)
            return
        item = node.items[position]
        place = item.context_expr
        is_async = isinstance(node, ast.AsyncWith)
        manager = self.expression(place)
        value = self.register()
        enter = self.at(place)
        self.ops.append(Enter(enter, value, manager, is_async))

        def leave(raising: bool) -> Register:
            dst = self.register()
            self.ops.append(Exit(self.at(place), dst, manager, enter, is_async, raising))
            return dst

        def inside() -> None:
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
            self._with_items(node, position + 1)

        _, after = self._region(place, inside, Cleanup(lambda: void(leave(raising=False))))
        swallowed = leave(raising=True)
        again = self.new_block()
        self.branch(swallowed, after, again, place)
        self.start(again)
        self.end(Raise(self.at(place), None))
        self.start(after)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        if not node.finalbody:
            self._try_except(node)
            return

        def write() -> None:
            self._final_copy(node)

        raised, after = self._region(node, lambda: self._try_except(node), Cleanup(write))
        self._raise_copies.setdefault(id(node), raised)
        self._final_copy(node)
        self.end(Raise(self.at(node.finalbody[0]), None))
        self.start(after)

    def _final_copy(self, node: ast.Try | ast.TryStar) -> None:
        count = self._copies[id(node)] = self._copies.get(id(node), 0) + 1
        shared = self._raise_copies.get(id(node))
        if count > FINALLY_COPIES and shared is not None:
            self.jump(shared, node.finalbody[0])
        else:
            self.statements(node.finalbody)

    def _try_except(self, node: ast.Try | ast.TryStar) -> None:
        if not node.handlers:
            self.statements(node.body)
            return
        dispatch, after = self.new_block(), self.new_block()
        outer = self.guard(dispatch, node)
        self.statements(node.body)
        normal = self.new_block()
        self.jump(normal, node)
        self.handler = outer
        if self.start(normal):
            self.statements(node.orelse)
            self.jump(after, node)
        else:
            self.dropped(node.orelse)
        self.start_always(dispatch)
        for handler in node.handlers:
            if not self.reachable:
                self.dropped(handler.body)
                continue
            self._handler(handler, after, isinstance(node, ast.TryStar))
        self.end(Raise(self.at(node), None))
        self.start(after)

    def _handler(self, node: ast.ExceptHandler, after: BlockId, star: bool) -> None:
        place = Header(node)
        types = self._exception_types(node.type)
        matched, unmatched = self.new_block(), self.new_block()
        self.reach(matched)
        if node.type is not None:
            self.reach(unmatched)
        self.end(Catch(self.at(place), types, matched, unmatched if node.type is not None else matched, star))
        self.start(matched)
        caught = self.register()
        self.ops.append(Caught(self.at(place), caught))
        if node.name is not None:
            self.ops.append(StoreVar(self.at(place), self.scope.store(node.name), caught))
        self.statements(node.body)
        if self.reachable and node.name is not None:
            self.ops.append(DeleteVar(self.at(place), self.scope.store(node.name)))
        self.jump(after, node)
        self.start(unmatched)

    def _exception_types(self, node: ast.expr | None) -> tuple[Register, ...]:
        if node is None:
            return ()
        if isinstance(node, ast.Tuple) and not any(isinstance(element, ast.Starred) for element in node.elts):
            types = tuple(self.expression(element) for element in node.elts)
            return types or (self.expression(node),)
        return (self.expression(node),)


def void(_: object) -> None:
    """Drops a value."""


_STATEMENTS: dict[str, Callable[[Any, Any], None]] = {
    **SIMPLE,
    "If": StatementLowerer._if,
    "While": StatementLowerer._while,
    "For": StatementLowerer._for,
    "AsyncFor": StatementLowerer._for,
    "With": StatementLowerer._with,
    "AsyncWith": StatementLowerer._with,
    "Try": StatementLowerer._try,
    "TryStar": StatementLowerer._try,
    "Match": StatementLowerer._match,
    "FunctionDef": DefinitionLowerer.define_function,
    "AsyncFunctionDef": DefinitionLowerer.define_function,
    "ClassDef": DefinitionLowerer.define_class,
}
