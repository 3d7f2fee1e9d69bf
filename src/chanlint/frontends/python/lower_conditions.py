"""Conditions and patterns to branches.

In a condition ``and``, ``or``, ``not`` and chained comparisons are control flow only: no value is made of them. An arm that
`chanlint.frontends.python.versions.truth` rules out is never reached, so it is never written. A pattern is a row of tests
that all lead to one block where it does not match; names are bound as it goes.
"""

from __future__ import annotations

import ast

from chanlint.frontends.python.lower_loops import LoopLowerer
from chanlint.frontends.python.versions import truth
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import IsInstance, LoadItem, Register, StoreVar, Unpack

_SELF_MATCHING = frozenset(
    {"bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"}
)  # ``case int(x)`` binds the subject itself to x


class ConditionLowerer(LoopLowerer):
    """Lowers what decides between blocks."""

    def condition(self, node: ast.expr, true: BlockId, false: BlockId) -> None:
        """Goes to ``true`` or ``false`` by the truth of ``node``; ends the current block."""
        known = truth(node, self.unit)
        if known is not None:
            self.jump(true if known else false, node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.condition(node.operand, false, true)
        elif isinstance(node, ast.BoolOp):
            self._boolean_condition(node, true, false)
        elif isinstance(node, ast.Compare) and len(node.ops) > 1:
            self._chain_condition(node, true, false)
        else:
            self.branch(self.expression(node), true, false, node)

    def _boolean_condition(self, node: ast.BoolOp, true: BlockId, false: BlockId) -> None:
        decides_true = isinstance(node.op, ast.Or)
        for operand in node.values[:-1]:
            more = self.new_block()
            if decides_true:
                self.condition(operand, true, more)
            else:
                self.condition(operand, more, false)
            if not self.start(more):
                return
        self.condition(node.values[-1], true, false)

    def _chain_condition(self, node: ast.Compare, true: BlockId, false: BlockId) -> None:
        left = self.expression(node.left)
        last = len(node.ops) - 1
        for position in range(last):
            result, left = self.compare(node, left, position)
            more = self.new_block()
            self.branch(result, more, false, node)
            self.start(more)
        result, _ = self.compare(node, left, last)
        self.branch(result, true, false, node)

    # -- patterns -------------------------------------------------------------------------------------------------------

    def pattern(self, node: ast.pattern, subject: Register, fail: BlockId) -> None:
        """Goes on where ``subject`` matches ``node``, and to ``fail`` where it does not."""
        match node:
            case ast.MatchAs():
                if node.pattern is not None:
                    self.pattern(node.pattern, subject, fail)
                self._capture(node, node.name, subject)
            case ast.MatchValue():
                value = self.expression(node.value)
                self._test(node, self.compared(node, "==", subject, value), fail)
            case ast.MatchSingleton():
                value = self.constant(node, node.value)
                self._test(node, self.compared(node, "is", subject, value), fail)
            case ast.MatchOr():
                self._alternatives(node, subject, fail)
            case ast.MatchClass():
                self._class_pattern(node, subject, fail)
            case ast.MatchMapping():
                self._mapping_pattern(node, subject, fail)
            case ast.MatchSequence():
                self._sequence_pattern(node, subject, fail)
            case _:
                self._test(node, self.unknown(node, subject), fail)

    def _test(self, node: ast.AST, result: Register, fail: BlockId) -> None:
        more = self.new_block()
        self.branch(result, more, fail, node)
        self.start(more)

    def _capture(self, place: ast.pattern, name: str | None, value: Register) -> None:
        if name is not None:
            self.ops.append(StoreVar(self.at(place), self.scope.store(name), value))

    def _alternatives(self, node: ast.MatchOr, subject: Register, fail: BlockId) -> None:
        matched = self.new_block()
        for pattern in node.patterns[:-1]:
            other = self.new_block()
            self.pattern(pattern, subject, other)
            self.jump(matched, node)
            if not self.start(other):
                break
        else:
            self.pattern(node.patterns[-1], subject, fail)
            self.jump(matched, node)
        self.start(matched)

    def _class_pattern(self, node: ast.MatchClass, subject: Register, fail: BlockId) -> None:
        cls = self.expression(node.cls)
        dst = self.register()
        self.ops.append(IsInstance(self.at(node), dst, subject, cls))
        self._test(node, dst, fail)
        own = isinstance(node.cls, ast.Name) and node.cls.id in _SELF_MATCHING
        for position, pattern in enumerate(node.patterns):
            if own:
                value = subject
            else:
                value = self.register()  # which attribute it is, __match_args__ says
                self.ops.append(Unpack(self.at(pattern), value, subject, position))
            self.pattern(pattern, value, fail)
        for name, pattern in zip(node.kwd_attrs, node.kwd_patterns, strict=True):
            self.pattern(pattern, self.load_attribute(pattern, subject, name), fail)

    def _mapping_pattern(self, node: ast.MatchMapping, subject: Register, fail: BlockId) -> None:
        keys = [self.expression(key) for key in node.keys]
        self._test(node, self.compute(node, "match-mapping", subject, *keys), fail)
        for pattern, key in zip(node.patterns, keys, strict=True):
            value = self.register()
            self.ops.append(LoadItem(self.at(pattern), value, subject, key))
            self.pattern(pattern, value, fail)
        if node.rest is not None:
            rest = self.unknown(node, subject)
            self._capture(node, node.rest, rest)

    def _sequence_pattern(self, node: ast.MatchSequence, subject: Register, fail: BlockId) -> None:
        self._test(node, self.compute(node, "match-sequence", subject), fail)
        after_star = False
        for position, pattern in enumerate(node.patterns):
            star = isinstance(pattern, ast.MatchStar)
            value = self.register()
            index = position - len(node.patterns) if after_star else position
            self.ops.append(Unpack(self.at(pattern), value, subject, index, star))
            if isinstance(pattern, ast.MatchStar):
                after_star = True
                self._capture(pattern, pattern.name, value)
            else:
                self.pattern(pattern, value, fail)
