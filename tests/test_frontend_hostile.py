"""Inputs made to crash, hang or starve a parser: each ends in a result or a problem, in bounded time and memory."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

INPUTS = {
    "parentheses": "'(' * N + '1' + ')' * N",
    "open parentheses": "'(' * N",
    "closing parentheses": "')' * N",
    "lists": "'[' * N + ']' * N",
    "deep calls": "'f(' * N + ')' * N",
    "rows of deep calls": "('f(' * 100 + ')' * 100 + '\\n') * 600",
    "rows of deep subscripts": "('a[' * 90 + '1' + ']' * 90 + '\\n') * 300",
    "nested f-strings": "'f\"{' * N + '1' + '}\"' * N",
    "nested format specifications": "'f\"' + '{a:' * N + '}' * N + '\"'",
    "nested f-strings of two quotes": "''.join('f' + '\"\\''[i % 2] + '{' for i in range(N))",
    "lambdas": "'lambda:' * N + '1'",
    "lambdas with parameters": "'lambda x, y:' * N + '1'",
    "or": "'a or ' * N + 'a'",
    "not": "'not ' * N + 'a'",
    "minus": "'-' * N + 'a'",
    "elif": "'if a:0\\n' + 'elif a:0\\n' * N",
    "conditionals": "'a if b else ' * N + 'a'",
    "method calls": "'a' + '.b()' * N",
    "rows of method calls": "('a' + '.b()' * 140 + '\\n') * 2000",
    "subscripts": "'a' + '[0]' * N",
    "attributes": "'a' + '.b' * N",
    "sums": "'a' + '+a' * N",
    "rows of sums": "('a' + '+a' * 500 + '\\n') * 100",
    "comparisons": "'a' + '<a' * N",
    "import": "'import a' + '.a' * 200_000",
    "from import": "'from ' + '.' * N + ' import a'",
    "strings": "'\"a\" ' * N",
    "rows of strings": "'x = (' + '\"a\"\\n' * N + ')'",
    "assignments": "'a = ' * N + '1'",
    "case parentheses": "'match a:\\n case ' + '(' * 40 + 'b' + ')' * 40 + ':0'",
    "case mappings": "'match a:\\n case ' + '{1:' * 12 + 'b' + '}' * 12 + ':0'",
    "case classes": "'match a:\\n' + (' case ' + 'A(' * 9 + 'b' + ')' * 9 + ':0\\n') * 100",
    "case in brackets later": "'match a:\\n case 1:0\\n' + ' case ' + '[*_, (' * 10 + 'b' + ')]' * 10 + ':0\\n'",
    "calls in rows": "'v = f(v, i)\\n' * 50_000",
    "dict": "'{' + '\"k\": 1,\\n' * 15_000 + '}'",
    "list of integers": "'[' + '1,' * 500_000 + ']'",
    "functions": "'def f():\\n    for x in q: use(x, 1)\\n' * 5_000",
    "statements in one function": "'def f():\\n' + ' v = f(v, i)\\n' * 50_000",
    "statements on one row": "'a;' * 100_000",
    "blank rows": "'\\n' * 1_000_000",
    "comments": "'# noqa: A1\\n' * 50_000",
    "one long string": "'\"' + 'a' * 1_000_000 + '\"'",
    "one long name": "'a' * 1_000_000",
    "escapes": "'\"' + '\\\\\\\\' * 400_000 + '\"'",
    "open triple quotes": '\'"""\\\\\' * 100_000',
    "indentation": "''.join(' ' * i + 'if a:\\n' for i in range(150)) + ' ' * 150 + 'a'",
    "try in try": "''.join(' ' * i + 'try:\\n' for i in range(90)) + ' ' * 90 + 'a\\n' "
    "+ ''.join(' ' * i + 'finally: b()\\n' for i in reversed(range(90)))",
    "finally in finally": "'def f():\\n' + ''.join(' ' * (i + 1) + 'try: return g()\\n' + ' ' * (i + 1) + 'finally:\\n' "
    "for i in range(60)) + ' ' * 61 + 'a'",
    "with items": "'with ' + 'a, ' * 3_000 + 'b: c'",
    "comprehension clauses": "'[a ' + 'for a in b ' * 3_000 + ']'",
    "decorators": "'@a\\n' * 3_000 + 'def f(): 0'",
    "too long": "'a\\n' * 1_000_001",
    "newer syntax around a chain": "'lambda:' * N + 'a\\nx = 1 1'",
    "surrogates": "'\\ud800 = 1'",
    "null": "'a\\0b'",
    "digits": "'1' * 10_000",
    "carriage returns": "'a = 1\\r' * 1_000 + 'b = (\\r'",
}

_PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
resource.setrlimit(resource.RLIMIT_CPU, (10, 10))  # of the processor, so that a busy machine changes nothing
from chanlint.frontends.python import PythonFrontEnd
from chanlint.ir.ids import OpId
from chanlint.ir.verify import verify
from chanlint.source import SourceFile
N = 30_000
lowered = PythonFrontEnd().lower(SourceFile("hostile.py", eval(sys.argv[1])), (3, 11))
if lowered.module is None:
    print("problem", lowered.problems[0].message)
else:
    assert verify(lowered.module) == []
    body = lowered.module.body
    for op in list(body.cfg.ops())[:3]:
        lowered.source_map.span(OpId(body.id, op.index))
    print("module", len(lowered.problems))
"""


def _run(source: str) -> tuple[int, str]:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, source], capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, "took too long"
    return done.returncode, done.stdout + done.stderr[-2000:]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[int, str]]:
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(INPUTS, pool.map(_run, INPUTS.values()), strict=True))


@pytest.mark.parametrize("name", INPUTS)
def test_ends_in_a_result_or_a_problem(name: str, outcomes: dict[str, tuple[int, str]]) -> None:
    code, output = outcomes[name]
    assert code == 0, output
    assert output.startswith(("problem ", "module ")), output
    assert "front end failed" not in output


def test_ordinary_but_large_files_are_read(outcomes: dict[str, tuple[int, str]]) -> None:
    for name in ("functions", "dict", "comments", "one long string", "decorators", "with items", "try in try"):
        assert outcomes[name][1] == "module 0\n", name
