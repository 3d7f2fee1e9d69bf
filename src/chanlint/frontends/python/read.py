"""One file, from text to `Lowered`: scan, parse, lowering, comments."""

from __future__ import annotations

from chanlint.frontends.base import Lowered
from chanlint.frontends.python.comments import suppressions
from chanlint.frontends.python.cuts import opened
from chanlint.frontends.python.deep import call_deep
from chanlint.frontends.python.lower import lower_tree
from chanlint.frontends.python.parse import parse
from chanlint.frontends.python.positions import PythonSourceMap
from chanlint.source import SourceFile


def read(source: SourceFile, version: tuple[int, int]) -> Lowered:
    """Reads ``source``; what cannot be understood is in the result's problems."""
    text = opened(source.text)
    silenced = suppressions(source.text, text.scan.comments)
    parsed = parse(text)
    tree = parsed.tree
    if tree is None:
        return Lowered(source, None, None, silenced, parsed.problems)
    lowered = call_deep(lambda: lower_tree(tree, source, version))
    source_map = PythonSourceMap(tree, lowered.places, lowered.headers)
    return Lowered(source, lowered.module, source_map, silenced, parsed.problems)
