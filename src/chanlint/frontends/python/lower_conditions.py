"""Conditions and patterns to branches.

In a condition ``and``, ``or``, ``not`` and chained comparisons are control flow only: no value is made of them. An arm that
`chanlint.frontends.python.versions.truth` rules out is never reached, so it is never written. A pattern is a row of tests
that all lead to one block where it does not match; names are bound as it goes.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from chanlint.frontends.python.lower_loops import LoopLowerer
from chanlint.frontends.python.versions import truth
from chanlint.ir.ids import BlockId
from chanlint.ir.ops import IsInstance, LoadItem, Register, StoreVar, Unpack

_SELF_MATCHING = frozenset(
    {"bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"}
)  # ``case int(x)`` binds the subject itself to x


class ConditionLowerer(LoopLowerer):
    """Lowers what decides between blocks."""

    def condition(self, node: cst.BaseExpression, true: BlockId, false: BlockId) -> None:
        """Goes to ``true`` or ``false`` by the truth of ``node``; ends the current block."""
        known = truth(node, self.unit)
        if known is not None:
            self.jump(true if known else false, node)
        elif isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            self.condition(node.expression, false, true)
        elif isinstance(node, cst.BooleanOperation):
            self._boolean_condition(node, true, false)
        elif isinstance(node, cst.Comparison) and len(node.comparisons) > 1:
            self._chain_condition(node, true, false)
        else:
            self.branch(self.expression(node), true, false, node)

    def _boolean_condition(self, node: cst.BooleanOperation, true: BlockId, false: BlockId) -> None:
        more = self.new_block()
        if isinstance(node.operator, cst.Or):
            self.condition(node.left, true, more)
        else:
            self.condition(node.left, more, false)
        if self.start(more):
            self.condition(node.right, true, false)

    def _chain_condition(self, node: cst.Comparison, true: BlockId, false: BlockId) -> None:
        left = self.expression(node.left)
        for target in node.comparisons[:-1]:
            result, left = self.compare(node, left, target)
            more = self.new_block()
            self.branch(result, more, false, node)
            self.start(more)
        result, _ = self.compare(node, left, node.comparisons[-1])
        self.branch(result, true, false, node)

    # -- patterns -------------------------------------------------------------------------------------------------------

    def pattern(self, node: cst.MatchPattern, subject: Register, fail: BlockId) -> None:
        """Goes on where ``subject`` matches ``node``, and to ``fail`` where it does not."""
        match node:
            case cst.MatchAs():
                if node.pattern is not None:
                    self.pattern(node.pattern, subject, fail)
                self._capture(node.name, subject)
            case cst.MatchValue():
                value = self.expression(node.value)
                self._test(node, self.compared(node, "==", subject, value), fail)
            case cst.MatchSingleton():
                value = self.expression(node.value)
                self._test(node, self.compared(node, "is", subject, value), fail)
            case cst.MatchOr():
                self._alternatives(node, subject, fail)
            case cst.MatchClass():
                self._class_pattern(node, subject, fail)
            case cst.MatchMapping():
                self._mapping_pattern(node, subject, fail)
            case cst.MatchSequence():
                self._sequence_pattern(node, subject, fail)
            case _:
                self._test(node, self.unknown(node, subject), fail)

    def _test(self, node: cst.CSTNode, result: Register, fail: BlockId) -> None:
        more = self.new_block()
        self.branch(result, more, fail, node)
        self.start(more)

    def _capture(self, name: cst.Name | None, value: Register) -> None:
        if name is not None:
            self.ops.append(StoreVar(self.at(name), self.scope.store(name.value), value))

    def _alternatives(self, node: cst.MatchOr, subject: Register, fail: BlockId) -> None:
        matched = self.new_block()
        for element in node.patterns[:-1]:
            other = self.new_block()
            self.pattern(element.pattern, subject, other)
            self.jump(matched, node)
            if not self.start(other):
                break
        else:
            self.pattern(node.patterns[-1].pattern, subject, fail)
            self.jump(matched, node)
        self.start(matched)

    def _class_pattern(self, node: cst.MatchClass, subject: Register, fail: BlockId) -> None:
        cls = self.expression(node.cls)
        dst = self.register()
        self.ops.append(IsInstance(self.at(node), dst, subject, cls))
        self._test(node, dst, fail)
        own = isinstance(node.cls, cst.Name) and node.cls.value in _SELF_MATCHING
        for position, element in enumerate(node.patterns):
            if own:
                value = subject
            else:
                value = self.register()  # which attribute it is, __match_args__ says
                self.ops.append(Unpack(self.at(element.value), value, subject, position))
            self.pattern(element.value, value, fail)
        for keyword in node.kwds:
            self.pattern(keyword.pattern, self.load_attribute(keyword, subject, keyword.key.value), fail)

    def _mapping_pattern(self, node: cst.MatchMapping, subject: Register, fail: BlockId) -> None:
        keys = [self.expression(element.key) for element in node.elements]
        self._test(node, self.compute(node, "match-mapping", subject, *keys), fail)
        for element, key in zip(node.elements, keys, strict=True):
            value = self.register()
            self.ops.append(LoadItem(self.at(element), value, subject, key))
            self.pattern(element.pattern, value, fail)
        if node.rest is not None:
            rest = self.unknown(node.rest, subject)
            self._capture(node.rest, rest)

    def _sequence_pattern(self, node: cst.MatchSequence, subject: Register, fail: BlockId) -> None:
        self._test(node, self.compute(node, "match-sequence", subject), fail)
        elements: Sequence[cst.MatchSequenceElement | cst.MatchStar] = getattr(node, "patterns", ())
        after_star = False
        for position, element in enumerate(elements):
            star = isinstance(element, cst.MatchStar)
            value = self.register()
            index = position - len(elements) if after_star else position
            place = element if isinstance(element, cst.MatchStar) else element.value
            self.ops.append(Unpack(self.at(place), value, subject, index, star))
            if isinstance(element, cst.MatchStar):
                after_star = True
                self._capture(element.name, value)
            else:
                self.pattern(element.value, value, fail)
