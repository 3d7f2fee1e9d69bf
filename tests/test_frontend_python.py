"""The Python front end around lowering: decoding, parsing and its limits, comments, versions, laziness."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from chanlint.frontends.base import LaterSourceMap, Lowered, Problem
from chanlint.frontends.python import PythonFrontEnd
from chanlint.frontends.python.decode import decode
from chanlint.frontends.python.deep import call_deep
from chanlint.frontends.python.guards import scan
from chanlint.frontends.python.lower import lower_tree
from chanlint.frontends.python.newer import Rejected, parse_newer
from chanlint.frontends.python.rows import Utf8Rows
from chanlint.frontends.registry import front_end_for
from chanlint.ir import ops
from chanlint.ir.ids import HEADER, FunctionId, OpId
from chanlint.ir.printer import print_module
from chanlint.ir.verify import verify
from chanlint.source import Location, SourceFile, Span

CASES = sorted((Path(__file__).parent / "lowering").glob("*.txt"))


def lower(text: str, version: tuple[int, int] = (3, 11), path: str = "example.py") -> Lowered:
    return PythonFrontEnd().lower(SourceFile(path, text), version)


def problem(text: str) -> tuple[str, int, int]:
    (only,) = lower(text).problems
    return only.message, only.span.start.row, only.span.start.column


def called(text: str, version: tuple[int, int] = (3, 11)) -> list[str]:
    """The names of the functions that the module body calls."""
    module = lower(text, version).module
    assert module is not None
    loads = {op.dst: op.var.name for op in module.body.cfg.ops() if isinstance(op, ops.LoadVar)}
    return [loads[op.callee] for op in module.body.cfg.ops() if isinstance(op, ops.Call)]


# -- the registry -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["a.py", "a.pyw", "script", "a.pyi", "a.txt"])
def test_every_file_named_is_python(path: str) -> None:
    assert isinstance(front_end_for(path), PythonFrontEnd)


def test_the_registry_loads_no_parser() -> None:
    program = (
        "import sys, chanlint.frontends.registry as r; r.front_end_for('a.py'); "
        "print([name for name in ('libcst', 'ast') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "libcst" not in done.stdout


def test_a_defect_in_the_front_end_is_a_problem_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("chanlint.frontends.python.read.lower_tree", fail)
    assert problem("a = 1") == ("chanlint's Python front end failed: KeyError", 1, 1)


# -- decoding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"x = 'caf\xc3\xa9'\r\n", "x = 'caf\u00e9'\r\n"),
        (b"\xef\xbb\xbfx", "x"),
        (b"\xef\xbb\xbf# coding: utf-8\nx", "# coding: utf-8\nx"),
        (b"# -*- coding: latin-1 -*-\n'\xe9'", "# -*- coding: latin-1 -*-\n'\u00e9'"),
        (b"#!python\n# vim: set fileencoding=cp1252 :\n'\x80'", "#!python\n# vim: set fileencoding=cp1252 :\n'\u20ac'"),
        (b"\r# coding: iso-8859-15\r'\xa4'", "\r# coding: iso-8859-15\r'\u20ac'"),
        (b"# coding: utf-8-unix\n'\xc3\xa9'", "# coding: utf-8-unix\n'\u00e9'"),
        (b"# coding: latin-1-dos\n'\xe9'", "# coding: latin-1-dos\n'\u00e9'"),
        (b"x = 1\n# coding: no-such\n", "x = 1\n# coding: no-such\n"),
        (b"\n\n# coding: no-such\n", "\n\n# coding: no-such\n"),
    ],
)  # fmt: skip
def test_bytes_are_decoded_as_python_does(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("data", "message", "place"),
    [
        (b"# coding: no-such\n", "unknown encoding: no-such", (1, 1)),
        (b"\n# coding: rot13\n", "unknown encoding: rot13", (2, 1)),
        (b"# coding: utf-7\n", "unknown encoding: utf-7", (1, 1)),
        (b"# coding: unicode_escape\n", "unknown encoding: unicode_escape", (1, 1)),
        (b"# coding: os.path\n", "unknown encoding: os.path", (1, 1)),
        (b"\xef\xbb\xbf# coding: latin-1\n", "encoding latin-1 contradicts the UTF-8 byte order mark", (1, 1)),
        (b"x = 1\r\n'\xc3\xa9\xff'", "cannot be decoded as utf-8: byte 0xff", (2, 3)),
        (b"x\rab\0c", "contains a NUL character", (2, 3)),
    ],
)
def test_bytes_that_are_no_source(data: bytes, message: str, place: tuple[int, int]) -> None:
    result = decode(data)
    assert isinstance(result, Problem)
    assert (result.message, (result.span.start.row, result.span.start.column)) == (message, place)


# -- parsing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "\n", "\r", "# only a comment", "(x): int = 1", "a = 1\r\nb = 2\r\n", "a = 1\rb = 2\r", "\fa = 1\n\f\nb = 2", "a"],
)
def test_odd_but_valid_files_are_read(text: str) -> None:
    result = lower(text)
    assert result.problems == ()
    assert result.module is not None
    assert verify(result.module) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ndef f(:\n", ("syntax error: invalid syntax", 2, 7)),
        ("x = (\n", ("syntax error: '(' was never closed", 1, 5)),
        ("a\n)\n", ("syntax error: unmatched ')'", 2, 1)),
        ("a = 'b\n", ("syntax error: unterminated string literal (detected at line 1)", 1, 5)),
        ("a\0b", ("contains a NUL character", 1, 2)),
    ],
)
def test_what_cannot_be_parsed_says_where(text: str, expected: tuple[str, int, int]) -> None:
    assert problem(text) == expected


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="needs syntax that the running Python does not know")
def test_syntax_newer_than_the_running_python_is_read() -> None:
    assert called("type A[T] = list[T]\ndef f[T](x: T): ...\nf(1)\n") == ["f"]


def test_a_limit_names_the_definition_where_it_was_met() -> None:
    deep = "def fine(): pass\ndef guilty():\n    return " + "(" * 300 + ")" * 300
    (only,) = lower(deep).problems
    assert only.definition == "guilty"
    assert only.message == "too deeply nested: guilty is left out"


def test_only_the_definition_that_is_too_deep_is_left_out() -> None:
    chain = "".join(f"    {word} a:\n        b()\n" for word in ["if"] + ["elif"] * 9_000)
    result = lower(f"before()\n@a\n@b\ndef guilty():\n{chain}after()\n")
    (only,) = result.problems
    assert (only.message, only.definition) == ("too deeply nested: guilty is left out", "guilty")
    assert only.span.start.row == 2
    assert result.module is not None
    assert result.source_map is not None
    calls = [op for op in result.module.body.cfg.ops() if isinstance(op, ops.Call)]
    rows = [result.source_map.span(OpId(result.module.body.id, op.index)).start.row for op in calls]
    assert rows == [1, 5 + 2 * 9_001]


DEEP = "(" * 300 + ")" * 300


@pytest.mark.parametrize(
    ("text", "names", "called_too"),
    [
        (f"a()\n@b\n@c(\n  1\n)\ndef guilty():\n    {DEEP}\nd()\n", ["guilty"], ["a", "d"]),
        (f"a()\nclass Guilty:\n    def f(self):\n        {DEEP}\n\n@d\ndef e(): pass\n", ["Guilty"], ["a", "d"]),
        (f"a()\nx = (\n{DEEP}\n)\nb()\n", [None], ["a", "b"]),
        (f"a()\n{DEEP}\nb()\n", [None], ["a", "b"]),
        (f"def f():\n    {DEEP}\nasync def g():\n    {DEEP}\na()", ["f", "g"], ["a"]),
        (f"a()\nif b:\n    {DEEP}\nelse:\n    c()\nd()\n", [None], ["a", "d"]),
        (
            "a()\ndef guilty():\n" + "".join(" " * n + "if x:\n" for n in range(1, 120)) + " " * 120 + "b()\nc()\n",
            ["guilty"],
            ["a", "c"],
        ),
    ],
)
def test_what_is_too_deep_is_left_out_with_all_that_belongs_to_it(text: str, names: list[str], called_too: list[str]) -> None:
    result = lower(text)
    assert [problem.definition for problem in result.problems] == names
    assert result.module is not None
    calls = [op.callee for op in result.module.body.cfg.ops() if isinstance(op, ops.Call)]
    loads = {op.dst: op.var.name for op in result.module.body.cfg.ops() if isinstance(op, ops.LoadVar)}
    assert [loads[callee] for callee in calls if callee in loads and loads[callee] in "abcd"] == called_too


@pytest.mark.parametrize(
    "text",
    [
        f"try:\n    a()\nexcept A:\n    b()\ndef f():\n    {DEEP}\n" * 6,
        f'def f():\n    """\nclass A:\n    {{{DEEP}\n    """\n    {DEEP}\ndef g(): return (\n',
        f"a = (\nb,\n{DEEP}\n)\nc()\n",
    ],
    ids=["too many", "broken anyway", "rows in brackets"],
)
def test_where_leaving_out_is_not_enough_the_file_is_not_read(text: str) -> None:
    result = lower(text)
    if result.module is None:
        assert "too deeply nested" in result.problems[0].message or "syntax error" in result.problems[0].message
    else:
        assert [problem.definition for problem in result.problems] == [None]


def test_only_the_definition_that_is_too_large_is_left_out() -> None:
    table = "table = {\n" + "    f(a, b): g(c, d),\n" * 20_000 + "}\n"
    result = lower(f"before()\n{table}after()\n")
    (only,) = result.problems
    assert only.message == "too large: this statement is left out"
    assert result.module is not None
    assert [op.var.name for op in result.module.body.cfg.ops() if isinstance(op, ops.LoadVar)] == ["before", "after"]


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        ("# a\n'# b' # c", 2),
        ("f'{a:{b}}' # c", 1),
        ("f'{\"#\"}' # c", 1),
        ("f'''{\n# c\na}''' # d", 2),
        ("f'{a!r:>{w}}' f\"{{#}}\" # c", 1),
        ("rb'\\'#' # c", 1),
        ("f'{x:{{1}[0]}}' # c", 1),
        ("f'\\{a}' f'{lambda: 1}' # c", 1),
        ("'''a'#''' # c", 1),
        ("f\"{d['#']}\" # c", 1),
    ],
)
def test_comments_are_found_outside_strings_only(text: str, comments: int) -> None:
    result = scan(text)
    assert not result.broken
    assert len(result.comments) == comments


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("a" * 2_000_001, "too large: more than 2,000,000 characters"),
        ("," * 400_001, "too large: more than 400,000 tokens"),
        ("f'{" + "a:{" * 300, "too deeply nested: more than 200 open brackets"),
        ("f'{a:" + "{{" * 300, "too deeply nested: more than 200 open brackets"),
        ("a" + "()" * 3_000, "too deeply nested: expressions with too many parts"),
        ("lambda a, b: " * 400, "too deeply nested: expressions with too many parts"),
        ("match a:\n case " + "{1:" * 8 + "}" * 8 + ": 0", "too deeply nested: case patterns"),
        ("[" * 100 + "]" * 100 + "\n", None),
        ("match a:\n case x if " + "(" * 20 + "1" + ")" * 20 + ": 0", None),
        ("a + " * 1_000 + "1", None),
        ("f(" + "lambda x, y: x, " * 5_000 + ")", None),
        ("f(" + "a + b, " * 10_000 + ")", None),
        ("selfif = notor\n" * 5_000, None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_scan_counts_work(text: str, limit: str | None) -> None:
    over = scan(text).over
    assert (None if over is None else over[0]) == limit


def test_a_scan_notes_the_measures() -> None:
    result = scan("f(a, [b])\ng()\n")
    assert (result.depth, result.depths, result.chains, result.patterns) == (2, 1 + 2 + 1, 0, 0)


@pytest.mark.parametrize("text", ["'a", '"""a', "(", "]", "(]", "f'{a", "f'a\n'", "f'{a:'", "f'{a:b\n}'", "f'{(a}'"])
def test_text_that_no_parser_accepts_is_seen_before(text: str) -> None:
    assert scan(text).broken


# -- comments -----------------------------------------------------------------------------------------------------------

# Written down from flake8 7.5: what `# noqa` comments mean to it; None is a blanket or no match.
_FLAKE8 = [
    ("# noqa: CHN101", ("CHN101",)),
    ("# noqa:CHN101,E501", ("CHN101", "E501")),
    ("# NoQA: CHN1 E5  ,W6", ("CHN1", "E5", "W6")),
    ("# noqa: chn101", ("chn101",)),
    ("# noqa", None),
    ("# noqa: words", None),
    ("# noqa : CHN101", None),
    ("#noqa: CHN101", None),
    ("#  noqa: CHN101", None),
    ("# noqa:  CHN101", None),
    ("# noqa: CHN101 because E501", ("CHN101",)),
    ("# type: ignore # noqa: CHN101", ("CHN101",)),
    ("# noqa # noqa: CHN101", None),
    ("# noqa: A1B2", ("A1B2",)),
    ("# noqa: CHN", None),
    ("# noqa:\tCHN101", ("CHN101",)),
    ("# nosec noqa: CHN101", None),
]


@pytest.mark.parametrize(("comment", "codes"), _FLAKE8)
def test_noqa_is_read_as_flake8_reads_it(comment: str, codes: tuple[str, ...] | None) -> None:
    found = [item for item in lower(f"a = 1  {comment}\n# CHN\n").suppressions if item.kind == "noqa"]
    assert [item.codes for item in found] == ([] if codes is None else [codes])


@pytest.mark.parametrize(("comment", "codes"), _FLAKE8)
def test_the_table_agrees_with_flake8_itself(comment: str, codes: tuple[str, ...] | None) -> None:
    defaults = pytest.importorskip("flake8.defaults", reason="flake8 is no dependency of chanlint's tests")
    match = defaults.NOQA_INLINE_REGEXP.search(comment)
    text = None if match is None else match["codes"]
    assert codes == (None if text is None else tuple(code for code in re.split(r"[,\s]+", text) if code))


def test_ignore_and_skip_file_comments() -> None:
    text = (
        "# chanlint: skip-file\n"
        "x = 1  # chanlint: ignore[CHN101, unclosed-channel] closed elsewhere  # noqa: E1\n"
        "y = '# chanlint: skip-file'\n"
        "# chanlint: skip-files\n"
        "# chanlint: ignore\n"
    )
    found = lower(text).suppressions
    assert [(item.kind, item.row, item.codes, item.reason) for item in found] == [
        ("skip-file", 1, (), ""),
        ("noqa", 2, ("E1",), ""),
        ("ignore", 2, ("CHN101", "unclosed-channel"), "closed elsewhere"),
    ]
    assert found[2].span == Span(Location(2, 8), Location(2, 81))


def test_comments_of_a_file_that_cannot_be_parsed_count() -> None:
    result = lower("# chanlint: skip-file\nx = = 1\n")
    assert result.module is None
    assert [item.kind for item in result.suppressions] == ["skip-file"]


# -- versions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "truth"),
    [
        ("sys.version_info >= (3, 11)", True),
        ("sys.version_info > (3, 11)", True),
        ("sys.version_info <= (3, 11)", False),
        ("sys.version_info == (3, 11)", False),
        ("sys.version_info < (3, 12)", True),
        ("sys.version_info >= (3,)", True),
        ("sys.version_info < (3, 11, 4)", None),
        ("sys.version_info < (3, 12, 4)", True),
        ("sys.version_info[:2] == (3, 11)", True),
        ("sys.version_info[:2] < (3, 11)", False),
        ("sys.version_info[:1] == (3,)", True),
        ("sys.version_info[0] == 2", False),
        ("sys.version_info[1] >= 8", True),
        ("sys.version_info.major < 3", False),
        ("sys.version_info.minor != 11", False),
        ("sys.version_info.micro > 1", None),
        ("sys.version_info[2] > 1", None),
        ("(3, 8) <= sys.version_info", True),
        ("(3, 8) > sys.version_info", False),
        ("not sys.version_info < (3, 8)", True),
        ("sys.version_info >= (3, 8) and version_info < (4,)", True),
        ("S.version_info < (3,) or os.name", None),
        ("sys.version_info >= 3", None),
        ("sys.version_info >= minimum", None),
        ("sys.version_info in versions", None),
        ("sys.hexversion >= 3", None),
        ("TYPE_CHECKING", False),
        ("t.TYPE_CHECKING", False),
        ("__debug__", True),
        ("1", True),
        ("0", False),
        ("None", False),
        ("sys.platform == 'win32'", None),
    ],
)
def test_what_the_target_version_decides(test: str, truth: bool | None) -> None:
    text = f"import sys, sys as S\nfrom sys import version_info\nif {test}: yes()\nelse: no()\n"
    assert called(text) == {True: ["yes"], False: ["no"], None: ["yes", "no"]}[truth]


def test_the_target_version_counts_and_not_the_running_one() -> None:
    text = "import sys\nif sys.version_info >= (3, 14): new()\n"
    assert called(text, (3, 13)) == []
    assert called(text, (3, 14)) == ["new"]


# -- modules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "exports"),
    [
        ("__all__ = ['a', 'b']", ("a", "b")),
        ("__all__: list[str] = ['a']", ("a",)),
        ("__all__ = ('a',)\n__all__ += ['b']", ("a", "b")),
        ("__all__ = names", None),
        ("__all__ = ['a']\n__all__ += more", None),
        ("def f():\n    __all__ = ['a']", None),
        ("__all__ = []", ()),
    ],
)
def test_exports(text: str, exports: tuple[str, ...] | None) -> None:
    module = lower(text).module
    assert module is not None
    assert module.exports == exports


def test_packages() -> None:
    package = lower("", path="pkg/__init__.py").module
    module = lower("", path="pkg/module.py").module
    assert package is not None
    assert module is not None
    assert (package.is_package, module.is_package) == (True, False)


def test_a_finally_body_is_copied_so_often_and_no_more() -> None:
    depth = 7
    text = "def f():\n"
    for level in range(1, depth + 1):
        indent = " " * level
        text += f"{indent}try: g{level}()\n{indent}finally:\n"
    text += " " * (depth + 1) + "last()\n"
    module = lower(text).module
    assert module is not None
    function = module.functions[FunctionId("example.py", "f")]
    loads = [op.var.name for op in function.cfg.ops() if isinstance(op, ops.LoadVar)]
    assert loads.count("last") == 8
    assert verify(module) == []


def test_a_function_in_a_finally_is_one_function() -> None:
    text = "def f():\n  try:\n    return g()\n  finally:\n    def done(): pass\n    class A: pass\n    h = lambda: 0\n"
    module = lower(text).module
    assert module is not None
    assert [id.qualname for id in module.functions] == [
        "<module>",
        "f",
        "f.<locals>.done",
        "f.<locals>.<class A>",
        "f.<locals>.<lambda>",
    ]


def test_dead_yields_make_generators() -> None:
    text = (
        "def a():\n    return\n    yield\n"
        "def b():\n    if 0:\n        yield\n"
        "def c():\n    raise E; yield 1\n"
        "def d():\n    try:\n        return\n    except E:\n        pass\n    else:\n        yield\n"
        "def e():\n    return\n    lambda: (yield)\n"
        "def f():\n    if 1: pass\n    elif x: yield\n"
        "class G:\n    def h(self):\n        while True: pass\n        def inner(): yield\n"
    )
    module = lower(text).module
    assert module is not None
    generators = {id.qualname for id, function in module.functions.items() if function.is_generator}
    assert generators == {"a", "b", "c", "d", "f"}


# -- positions ----------------------------------------------------------------------------------------------------------


def snippets(text: str, kind: type[ops.Op]) -> list[str]:
    """The text that the ops of one kind stand for, in all functions."""
    result = lower(text)
    assert result.module is not None
    assert result.source_map is not None
    found = []
    for function in result.module.functions.values():
        for op in function.cfg.ops():
            if type(op) is kind:
                span = result.source_map.span(OpId(function.id, op.index))
                assert span.start.row == span.end.row
                found.append(result.source.rows[span.start.row - 1][span.start.column - 1 : span.end.column - 1])
    return found


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (ops.Call, "x = a.b( c ) + d( )", ["a.b( c )", "d( )"]),
        (ops.LoadAttr, "\u00e9 = a . b.c", ["a . b", "a . b.c"]),
        (ops.Raise, "def f():\n  raise  E from  x ; pass", ["raise  E from  x"]),
        (ops.Iterate, "for  x in y : pass", ["for  x in y"]),
        (ops.Iterate, "[a  for a in b if c]", ["for a in b"]),
        (ops.Iterate, "async def f():\n  async for a in b: pass", ["async for a in b"]),
        (ops.Enter, "with a() as b, (c): pass", ["a()", "c"]),
        (ops.MakeFunction, "@d\nasync def f ( a = 1 ) -> X : pass", ["async def f ( a = 1 ) -> X"]),
        (ops.MakeClass, "@d\nclass A ( B ):\n  pass", ["class A ( B )"]),
        (ops.Catch, "try: a\nexcept E as e : pass", ["except E as e"]),
        (ops.Return, "def f(): return  1", ["def f(): return  1", "return  1"]),
        (ops.Await, "async def f():\r\n\tawait g()", ["await g()"]),
    ],
)
def test_spans(kind: type[ops.Op], text: str, expected: list[str]) -> None:
    found = snippets(text, kind)
    assert found[-len(expected) :] == expected


def test_headers() -> None:
    result = lower("'''doc'''\nclass A:\n    def f(self,\n          x) -> int: return x\ng = lambda: 1\n")
    assert result.module is not None
    assert result.source_map is not None
    spans = {id.qualname: result.source_map.span(OpId(id, HEADER)) for id in result.module.functions}
    assert spans == {
        "<module>": Span(Location(1, 1), Location(1, 10)),
        "<class A>": Span(Location(2, 1), Location(2, 8)),
        "A.f": Span(Location(3, 5), Location(4, 20)),
        "<lambda>": Span(Location(5, 5), Location(5, 14)),
    }


# -- the other parser ---------------------------------------------------------------------------------------------------

_ELSEWHERE = (ast.Tuple, ast.GeneratorExp, ast.MatchSequence, ast.keyword, ast.arg)  # libcst's places of these have no brackets
_NOT_COMPARED = frozenset({"ctx", "kind", "type_ignores", "simple", "type_comment", "type_params"})


def flat(tree: ast.AST) -> Iterator[object]:
    """A tree as a row of words: kinds of nodes, places and values, but for what is in formatted strings."""
    stack: list[object] = [tree]
    while stack:
        node = stack.pop()
        if not isinstance(node, ast.AST):
            yield node
            continue
        yield type(node).__name__
        if isinstance(node, ast.JoinedStr):
            yield sum(isinstance(part, ast.FormattedValue) for part in node.values)
            continue
        if isinstance(node, ast.expr | ast.stmt | ast.pattern) and not isinstance(node, _ELSEWHERE):
            yield (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        for name in node._fields:
            value = getattr(node, name, None)
            if name not in _NOT_COMPARED:
                stack.extend(value if isinstance(value, list) else [value])


def test_both_parsers_give_the_same_tree() -> None:
    names = ("queue.py", "asyncio/queues.py", "contextlib.py", "inspect.py", "tokenize.py", "dataclasses.py", "statistics.py")
    for path in [*stdlib(names), *stdlib()[::8]]:
        text = path.read_text("utf-8")
        assert [*flat(call_deep(lambda text=text: parse_newer(text)))] == [*flat(ast.parse(text))], path


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_both_parsers_lead_to_the_same_ops(path: Path) -> None:
    text = path.read_text().partition("\n====\n")[2].partition("----\n")[0]
    source = SourceFile("example.py", text)
    newer = lower_tree(parse_newer(text), source, (3, 12)).module
    assert print_module(newer) == path.read_text().partition("----\n")[2]


@pytest.mark.parametrize(
    ("text", "called_too"),
    [
        ("type A[T] = list[T]\ndef f[T: int, *Ts, **P](x: T): ...\nf(1)\n", ["f"]),
        ("class A[T: f()](B): pass\ng()\n", ["g"]),
        ("x = t'{f():>{g()}} a'", ["f", "g"]),
        ("x = f'{f('a')} {'b' f'{g()!r}'}'", ["f", "g"]),
        ("a = [*f() for x in b]\nc = {**g() for x in d}\n", ["f", "g"]),
        ("lazy import a.b as c\nlazy from d import e\nf()\n", ["f"]),
        ("try: f()\nexcept A, B: g()\n", ["f", "g"]),
    ],
)
def test_newer_syntax_is_read_whatever_python_runs(text: str, called_too: list[str]) -> None:
    module = lower_tree(parse_newer(text), SourceFile("example.py", text), (3, 14)).module
    assert verify(module) == []
    loads = {op.dst: op.var.name for op in module.body.cfg.ops() if isinstance(op, ops.LoadVar)}
    assert [loads[op.callee] for op in module.body.cfg.ops() if isinstance(op, ops.Call)] == called_too


def test_places_in_newer_syntax_count_characters() -> None:
    text = "type A = int\nx = '\u00e9\u20ac', f(  1 )\n"
    tree = parse_newer(text)
    assert isinstance(tree.body[1], ast.Assign) and isinstance(tree.body[1].value, ast.Tuple)
    call = tree.body[1].value.elts[1]
    assert Utf8Rows(text).text(call) == "f(  1 )"
    assert Utf8Rows(text).start(call) == Location(2, 11)


@pytest.mark.parametrize(("text", "row"), [("a\nb = = 1\n", 2), ("def f(:", 1), ("x = (", 1)])
def test_what_the_other_parser_rejects_says_where(text: str, row: int) -> None:
    with pytest.raises(Rejected) as rejected:
        parse_newer(text)
    assert rejected.value.row == row


def test_a_source_map_can_be_made_later() -> None:
    text = "for x in y:\n    try:\n        f(x)\n    finally:\n        g()\n"
    result = lower(text)
    assert result.module is not None and result.source_map is not None
    body = result.module.body
    ids = [OpId(body.id, op.index) for op in body.cfg.ops()] + [OpId(body.id, HEADER)]
    later = LaterSourceMap(PythonFrontEnd(), result.source, (3, 11))
    assert [later.span(id) for id in ids] == [result.source_map.span(id) for id in ids]
    broken = LaterSourceMap(PythonFrontEnd(), SourceFile("broken.py", "def ("), (3, 11))
    with pytest.raises(LookupError):
        broken.span(ids[0])


# -- corners of lowering ------------------------------------------------------------------------------------------------


def test_a_condition_that_is_never_true_ends_a_comprehension_clause() -> None:
    assert called("x = [f(a) for a in b if 0]\ng()") == ["g"]


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("'a' 'b'", "ab"),
        (r"b'\x00' rb'\x'", b"\0\\x"),
        ("0b1_0", 2),
        ("1_0.5e1", 105.0),
        ("1_0j", 10j),
        (r"'\N{BULLET}'", "\u2022"),
        ('"""a\r\nb"""', "a\nb"),
        ('"""it\'s"""', "it's"),
        ("''", ""),
        ("u'x'", "x"),
        ("...", ...),
        ("9" * 5_000, "unknown"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_literals(literal: str, value: object) -> None:
    module = lower(f"x = {literal}\n").module
    assert module is not None
    first = next(iter(module.body.cfg.ops()))
    assert isinstance(first, ops.Const | ops.Compute)
    assert (first.value if isinstance(first, ops.Const) else first.operator) == value


def loaded(text: str) -> dict[str, str]:
    """The owner of each variable that is read, by name (the last one wins)."""
    module = lower(text, (3, 12)).module
    assert module is not None
    loads = [op.var for function in module.functions.values() for op in function.cfg.ops() if isinstance(op, ops.LoadVar)]
    return {var.name: var.owner.qualname for var in loads}


@pytest.mark.parametrize(
    ("text", "name", "owner"),
    [
        ("class A:\n  n = 1\n  def f(self): return n", "n", "<module>"),
        ("class A:\n  n = 1\n  def f[T](self): return n", "n", "<module>"),
        ("class A:\n  n = 1\n  class B[T](n): pass", "n", "<class A>"),
        ("def f(T):\n  class B[T](T): pass", "T#1", "f"),
        ("class A:\n  n = 1\n  m = [n for _ in n]", "n", "<module>"),
        ("class A:\n  global n\n  n\n  n = 1", "n", "<module>"),
        ("def f():\n  n = 1\n  class A:\n    n = n", "n", "f"),
        ("def f():\n  n = 1\n  class A:\n    nonlocal n\n    n = 2\n    n", "n", "f"),
        ("def f():\n  global n\n  n = 1\n  def g(): return n", "n", "<module>"),
        ("def f():\n  if 0: n = 1\n  return n", "n", "f"),
        ("def f():\n  try: pass\n  except E as n: pass\n  return n", "n", "f"),
        ("def f(x):\n  match x:\n    case [*n] | {**n}: pass\n  return n", "n", "f"),
        ("def f(x):\n  with x as (n, m): return n", "n", "f"),
        ("def f(x):\n  while (n := x): pass\n  return n", "n", "f"),
        ("def f(x):\n  if g(n := x): pass\n  return lambda: n", "n", "f"),
        ("def f(x):\n  @d(n := x)\n  def g(): pass\n  return n", "n", "f"),
        ("def f(x):\n  g = lambda y=(n := x): 0\n  return n", "n", "f"),
        ("def f(x):\n  g = lambda y: (n := x)\n  return n", "n", "<module>"),
        ("g = lambda y: (n := y, n)", "n", "<lambda>"),
        ("def f():\n  import a.b, c as n\n  return a", "a", "f"),
        ("def f(): x = 1; del n; return n", "n", "f"),
        ("def f():\n  type n = int\n  return n", "n", "f"),
        ("def f():\n  n: int\n  return n", "n", "f"),
        ("class A:\n  def f(__n): return lambda: __n", "_A__n", "A.f"),
        ("class __:\n  def f(__n): return __n", "__n", "__.f"),
        ("def f():\n  return [n for n in x for m in n]", "n#1", "f"),
    ],
)
def test_whose_a_name_is(text: str, name: str, owner: str) -> None:
    assert loaded(text)[name] == owner


def test_dead_code_holds_no_functions() -> None:
    module = lower("if 0:\n    def f(): pass\nelif 1:\n    def g(): pass\nelse:\n    def h(): pass\n").module
    assert module is not None
    assert [id.qualname for id in module.functions] == ["<module>", "g"]


# -- real code ----------------------------------------------------------------------------------------------------------


def stdlib(names: tuple[str, ...] = ()) -> list[Path]:
    """Named files of the running Python's library, or every tenth of the others, its tests and its largest files left out."""
    root = Path(sysconfig.get_path("stdlib"))
    if names:
        return [root / name for name in names]
    skipped = {"test", "tests", "site-packages", "idlelib", "lib2to3", "idle_test"}
    paths = [path for path in sorted(root.rglob("*.py")) if skipped.isdisjoint(path.parts)]
    return [path for path in paths if path.stat().st_size < 60_000][::10]


def test_the_standard_library_lowers_soundly() -> None:
    paths = stdlib()
    assert len(paths) >= 40
    for path in paths:
        text = decode(path.read_bytes())
        assert isinstance(text, str)
        result = PythonFrontEnd().lower(SourceFile(str(path), text), (3, 13))
        assert result.problems == (), path
        assert result.module is not None
        assert verify(result.module) == [], path
