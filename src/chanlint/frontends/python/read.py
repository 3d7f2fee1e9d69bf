"""One file, from text to `Lowered`: parse, lowering, comments."""

from __future__ import annotations

import ast

from chanlint.frontends.base import Lowered
from chanlint.frontends.python.comments import suppressions
from chanlint.frontends.python.deep import call_deep
from chanlint.frontends.python.lower import LoweredTree, lower_tree
from chanlint.frontends.python.parse import parse, too_deep
from chanlint.frontends.python.positions import PythonSourceMap
from chanlint.source import SourceFile


def read(source: SourceFile, version: tuple[int, int]) -> Lowered:
    """Reads ``source``; what cannot be understood is in the result's problems."""
    silenced = suppressions(source.text)
    parsed = parse(source.text)
    if parsed.tree is None:
        return Lowered(source, None, None, silenced, parsed.problems)
    try:
        lowered = _lower(parsed.tree, source, version)
    except RecursionError:
        return Lowered(source, None, None, silenced, too_deep(1).problems)
    source_map = PythonSourceMap(source.text, lowered.places, lowered.headers)
    return Lowered(source, lowered.module, source_map, silenced, parsed.problems)


def _lower(tree: ast.Module, source: SourceFile, version: tuple[int, int]) -> LoweredTree:
    try:
        return lower_tree(tree, source, version)
    except RecursionError:  # rare, and a thread for each file is not for nothing
        return call_deep(lambda: lower_tree(tree, source, version))
