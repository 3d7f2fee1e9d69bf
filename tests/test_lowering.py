"""What each construct of Python becomes: `tests/lowering/*.txt` are the documentation of lowering, checked here.

A file holds a title, a row ``====``, source, a row ``----`` and the IR of that source. ``pytest tests/test_lowering.py
--rewrite-lowering`` writes the IR anew: read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chanlint.frontends.python import PythonFrontEnd
from chanlint.ir.printer import print_function, print_module
from chanlint.ir.verify import verify
from chanlint.source import SourceFile

CASES = sorted((Path(__file__).parent / "lowering").glob("*.txt"))


def lowered(source: str) -> str:
    result = PythonFrontEnd().lower(SourceFile("example.py", source), (3, 12))
    assert result.module is not None, result.problems
    assert result.problems == ()
    assert verify(result.module) == []
    return print_module(result.module)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_lowering(path: Path, request: pytest.FixtureRequest) -> None:
    title, _, rest = path.read_text().partition("\n====\n")
    source, _, expected = rest.partition("----\n")
    assert title.strip()
    assert "\n" not in title
    actual = lowered(source)
    if request.config.getoption("--rewrite-lowering"):
        path.write_text(f"{title}\n====\n{source}----\n{actual}")
    else:
        assert actual == expected


def test_there_is_a_file_for_every_construct() -> None:
    assert len(CASES) >= 30


def test_one_function_prints_as_it_does_in_its_module() -> None:
    result = PythonFrontEnd().lower(SourceFile("example.py", "def f(): return 1\n"), (3, 12))
    assert result.module is not None
    module_text = print_module(result.module)
    assert all(print_function(function) in module_text for function in result.module.functions.values())
