"""Texts made to crash, hang or starve whoever reads them.

Nouns:

* **Reading**: inputs that cost a parser too much: deep nesting, long chains, many tokens; as expressions over ``N``.
* **Inside**: the same within a function named ``hostile``, which is what may be left out of an otherwise ordinary file.
* **Following**: ordinary syntax, but a great deal of code for channels to be followed through.
"""

from __future__ import annotations

from collections.abc import Callable

N = 30_000

READING = {
    "open parentheses": "'(' * N",
    "closing parentheses": "')' * N",
    "rows of deep calls": "('f(' * 100 + ')' * 100 + '\\n') * 600",
    "rows of deep subscripts": "('a[' * 90 + '1' + ']' * 90 + '\\n') * 300",
    "nested f-strings of two quotes": "''.join('f' + '\"\\''[i % 2] + '{' for i in range(N))",
    "lambdas with parameters": "'lambda x, y:' * N + '1'",
    "rows of method calls": "('a' + '.b()' * 140 + '\\n') * 2000",
    "rows of sums": "('a' + '+a' * 500 + '\\n') * 100",
    "import": "'import a' + '.a' * 200_000",
    "from import": "'from ' + '.' * N + ' import a'",
    "rows of strings": "'x = (' + '\"a\"\\n' * N + ')'",
    "case parentheses": "'match a:\\n case ' + '(' * 40 + 'b' + ')' * 40 + ':0'",
    "case mappings": "'match a:\\n case ' + '{1:' * 12 + 'b' + '}' * 12 + ':0'",
    "case classes": "'match a:\\n' + (' case ' + 'A(' * 9 + 'b' + ')' * 9 + ':0\\n') * 100",
    "case in brackets later": "'match a:\\n case 1:0\\n' + ' case ' + '[*_, (' * 10 + 'b' + ')]' * 10 + ':0\\n'",
    "calls in rows": "'v = f(v, i)\\n' * 50_000",
    "dict": "'{' + '\"k\": 1,\\n' * 15_000 + '}'",
    "functions": "'def f():\\n    for x in q: use(x, 1)\\n' * 5_000",
    "statements on one row": "'a;' * 100_000",
    "blank rows": "'\\n' * 1_000_000",
    "comments": "'# noqa: A1\\n' * 50_000",
    "one long string": "'\"' + 'a' * 1_000_000 + '\"'",
    "one long name": "'a' * 1_000_000",
    "escapes": "'\"' + '\\\\\\\\' * 400_000 + '\"'",
    "open triple quotes": '\'"""\\\\\' * 100_000',
    "open quotes": "'\"\\\\' * 500_000",
    "many open quotes": "'\"\\\\\\n' * 300_000",
    "indentation": "''.join(' ' * i + 'if a:\\n' for i in range(150)) + ' ' * 150 + 'a'",
    "try in try": "''.join(' ' * i + 'try:\\n' for i in range(90)) + ' ' * 90 + 'a\\n' "
    "+ ''.join(' ' * i + 'finally: b()\\n' for i in reversed(range(90)))",
    "finally in finally": "'def f():\\n' + ''.join(' ' * (i + 1) + 'try: return g()\\n' + ' ' * (i + 1) + 'finally:\\n' "
    "for i in range(60)) + ' ' * 61 + 'a'",
    "with items": "'with ' + 'a, ' * 3_000 + 'b: c'",
    "decorators": "'@a\\n' * 3_000 + 'def f(): 0'",
    "too long": "'a\\n' * 1_000_001",
    "newer syntax around a chain": "'lambda:' * N + 'a\\nx = 1 1'",
    "surrogates": "'\\ud800 = 1'",
    "null": "'a\\0b'",
    "digits": "'1' * 10_000",
    "carriage returns": "'a = 1\\r' * 1_000 + 'b = (\\r'",
}

INSIDE = {
    "parentheses": "'(' * N + '1' + ')' * N",
    "parentheses within the limit": "'(' * 150 + '1' + ')' * 150",
    "lists": "'[' * N + ']' * N",
    "dicts": "'{1:' * N + '1' + '}' * N",
    "sets in tuples": "'({1,' * 95 + '1' + '})' * 95",
    "deep calls": "'f(' * N + ')' * N",
    "deep calls within the limit": "'f(' * 150 + ')' * 150",
    "star arguments": "'f(*' * N + 'a' + ')' * N",
    "double-star arguments": "'f(**' * 90 + 'a' + ')' * 90",
    "many star arguments": "'f(' + '*a, ' * N + ')'",
    "nested f-strings": "'f\"{' * N + '1' + '}\"' * N",
    "nested f-strings of two quotes": "'f\"{f\\'{' * 2 + 'a' + '}\\'}\"' * 2",
    "nested format specifications": "'f\"' + '{a:' * N + '}' * N + '\"'",
    "fields of one f-string": "'f\"' + '{a}' * N + '\"'",
    "lambdas": "'lambda: ' * N + '1'",
    "lambdas within the limit": "'lambda: ' * 60 + '1'",
    "walrus": "'(a := ' * N + '1' + ')' * N",
    "walrus in a row": "'[' + '(a := a), ' * 10_000 + ']'",
    "or": "'a or ' * N + 'a'",
    "and of or": "'(a or b) and ' * 5_000 + 'a'",
    "not": "'not ' * N + 'a'",
    "minus": "'-' * N + 'a'",
    "await": "'await ' * N + 'a'",
    "conditionals": "'a if b else ' * N + 'a'",
    "conditional conditions": "'(' * 150 + 'a' + ' if b else c)' * 150",
    "method calls": "'a' + '.b()' * N",
    "method calls within the limit": "'a' + '.b()' * 180",
    "subscripts": "'a' + '[0]' * N",
    "attributes": "'a' + '.b' * N",
    "sums": "'a' + '+a' * N",
    "powers": "'a' + '**a' * N",
    "comparisons": "'a' + '<a' * N",
    "comparisons of words": "'a' + ' not in a' * N",
    "strings": "'\"a\" ' * N",
    "assignments": "'a = ' * N + '1'",
    "yields": "'(yield ' * N + ')' * N",
    "comprehensions in comprehensions": "'[' * 150 + 'a' + ' for a in b]' * 150",
    "comprehension sources": "'[a for a in ' * 150 + 'b' + ']' * 150",
    "comprehension clauses": "'[a ' + 'for a in b ' * 3_000 + ']'",
    "comprehension conditions": "'[a for a in b ' + 'if a ' * 3_000 + ']'",
    "statements": "'0\\n' + ' v = f(v, i)\\n' * 50_000",
    "list of integers": "'[' + '1,' * 500_000 + ']'",
    "elif": "'0\\n if a: 0\\n' + ' elif a: 0\\n' * N",
    "else": "'0\\n' + ''.join(' ' * i + 'if a: 0\\n' + ' ' * i + 'else:\\n' for i in range(1, 95)) + ' ' * 95 + 'a'",
    "loops in loops": "'0\\n' + ''.join(' ' * i + 'for a in b:\\n' for i in range(1, 19)) + ' ' * 19 + 'a'",
    "blocks": "'0\\n' + ''.join(' ' * i + 'if a:\\n' for i in range(1, 99)) + ' ' * 99 + 'a'",
    "with in with": "'0\\n' + ''.join(' ' * i + 'with a as b:\\n' for i in range(1, 19)) + ' ' * 19 + 'a'",
    "try in try": "'0\\n' + ''.join(' ' * i + 'try:\\n' for i in range(1, 19)) + ' ' * 19 + 'a()\\n' "
    "+ ''.join(' ' * i + 'except A: c()\\n' + ' ' * i + 'finally: b()\\n' for i in range(18, 0, -1))",
    "try in finally": "'0\\n' + ''.join(' ' * i + 'try: return g()\\n' + ' ' * i + 'except A: h()\\n' "
    "+ ' ' * i + 'finally:\\n' for i in range(1, 90)) + ' ' * 90 + 'a'",
    "try in except": "'0\\n' + ''.join(' ' * i + 'try: g()\\n' + ' ' * i + 'except A:\\n' for i in range(1, 19)) "
    "+ ' ' * 19 + 'a'",
    "many try": "'0\\n' + ' try: a()\\n except B: c()\\n finally: d()\\n' * 2_000",
    "many excepts": "'0\\n try: a()\\n' + ' except B as b: c(b)\\n' * 3_000",
    "with items": "'0\\n with ' + 'a, ' * 3_000 + 'b: c'",
    "with parentheses": "'0\\n with (' + 'a() as b, ' * 3_000 + '): c'",
    "functions in functions": "'0\\n' + ''.join(' ' * i + 'def f():\\n' for i in range(1, 90)) + ' ' * 90 + 'a'",
    "classes in classes": "'0\\n' + ''.join(' ' * i + 'class A:\\n' for i in range(1, 90)) + ' ' * 90 + 'a = 1'",
    "decorators": "'0\\n' + ' @a\\n' * 3_000 + ' def f(): 0'",
    "decorator calls": "'0\\n' + ' @a(lambda f: f)\\n' * 3_000 + ' def f(): 0'",
    "parameters": "'lambda ' + ', '.join(f'a{i}=f(b)' for i in range(20_000)) + ': 0'",
    "case parentheses": "'0\\n match a:\\n  case ' + '(' * 40 + 'b' + ')' * 40 + ':0'",
    "case alternatives": "'0\\n match a:\\n  case ' + '|'.join('A(b=1)' for i in range(5_000)) + ':0'",
    "case lists": "'0\\n match a:\\n  case ' + '[*_, ' * 10 + 'b' + ']' * 10 + ':0'",
    "case classes": "'0\\n match a:\\n' + ('  case ' + 'A(' * 9 + 'b' + ')' * 9 + ':0\\n') * 100",
    "many cases": "'0\\n match a:\\n' + ''.join(f'  case {{\"k\": [A({i}), *_]}}: f()\\n' for i in range(3_000))",
    "match in match": "'0\\n' + ''.join(' ' * i + 'match a:\\n' + ' ' * (i + 1) + 'case 1:\\n' for i in range(1, 90, 2)) "
    "+ ' ' * 92 + 'a'",
    "targets": "'0\\n ' + '(' * 150 + 'a' + ',)' * 150 + ' = b'",
    "many targets": "'0\\n ' + ', '.join(f'a{i}' for i in range(20_000)) + ' = b'",
    "slices": "'a[' + '::,' * N + ']'",
    "deletes": "'0\\n del ' + 'a.b, ' * 10_000 + 'c'",
    "globals": "'0\\n global ' + ', '.join(f'a{i}' for i in range(20_000))",
}

LEAK = """\
import asyncio
import queue
import threading


def leaking(rows):
    jobs = queue.Queue()

    def work():
        while True:
            print(jobs.get())

    threading.Thread(target=work, daemon=True).start()
    for row in rows:
        jobs.put(row)


"""
"""An ordinary defect, CHN101, to stand beside a hostile input."""


def inside(name: str) -> str:
    """A file with a leak, a function with an input of `INSIDE`, and the same leak again."""
    body = eval(INSIDE[name], {"N": N})
    return f"{LEAK}async def hostile():\n {body}\n\n\n{LEAK.replace('leaking', 'leaking_too')}"


def _functions(count: int) -> str:
    return "".join(LEAK.partition("\n\n\n")[2].replace("leaking", f"f{n}") for n in range(count))


def _classes(count: int) -> str:
    head = "class C0:\n    def __init__(self): self.q = queue.Queue()\n    def run(self):\n        while True: self.q.get()\n"
    each = "class C{n}(C{m}):\n    def m{n}(self): self.q.put({n}); super().run()\n"
    start = "def start():\n    c = C{n}()\n    threading.Thread(target=c.run).start()\n    c.q.put(1)\n"
    return head + "".join(each.format(n=n, m=n - 1) for n in range(1, count)) + start.format(n=count - 1)


def _statements(count: int) -> str:
    lines = ("    q.put({n})\n", "    v = q.get()\n", "    if v: q.put(v)\n", "    for x in v: q.put(x)\n")
    return "def long(v):\n    q = queue.Queue()\n" + "".join(lines[n % 4].format(n=n) for n in range(count))


def _chain(count: int) -> str:
    head = "def start():\n    q = queue.Queue()\n    threading.Thread(target=c0, args=(q,)).start()\n    q.put(1)\n"
    return head + "".join(f"def c{n}(q): c{n + 1}(q)\n" for n in range(count)) + f"def c{count}(q):\n    while True: q.get()\n"


def _mutual(count: int) -> str:
    each = "def c{n}(q, d):\n    r = queue.Queue()\n    if d: c{a}(q, d - 1); c{b}(r, d)\n    q.get(); r.put(1)\n"
    made = (each.format(n=n, a=(n * 7 + 1) % count, b=(n * 3 + 2) % count) for n in range(count))
    return "".join(made) + "def start(): c0(queue.Queue(), 5)\n"


def _methods(count: int) -> str:
    head = "class A:\n    def __init__(self): self.q = queue.Queue(); self.v = None\n"
    each = "    def m{n}(self):\n        self.v = self.q.get(); self.m{m}(); self.q.put(self.v)\n"
    return head + "".join(each.format(n=n, m=n + 1) for n in range(count)) + f"    def m{count}(self): pass\n"


def _everybody(count: int) -> str:
    calls = "".join(f"    c{n}(q)\n" for n in range(count))
    return "def start():\n    q = queue.Queue()\n    c0(q)\n" + "".join(
        f"def c{n}(q):\n    q.put(1)\n{calls}" for n in range(count)
    )


def _closures(count: int) -> str:
    each = "def c{n}(q):\n    f = c{m}(q)\n    return lambda: f()\n"
    start = "def start():\n    q = queue.Queue()\n    threading.Thread(target=c{n}(q)).start()\n    q.put(1)\n"
    made = "".join(each.format(n=n, m=n - 1) for n in range(1, count))
    return "def c0(q): return lambda: q.get()\n" + made + start.format(n=count - 1)


def _table(count: int) -> str:
    made = "".join(f"def c{n}(q): q.put({n})\ntable[{n}] = c{n}\n" for n in range(count))
    return f"table = {{}}\n{made}def start(k):\n    q = queue.Queue()\n    table[k](q)\n    q.get()\n"


def _one_queue(count: int) -> str:
    each = "def c{n}():\n    threading.Thread(target=d{n}).start(); q.put({n})\ndef d{n}():\n    while True: q.get()\n"
    return "q = queue.Queue()\n" + "".join(each.format(n=n) for n in range(count))


def _circle(count: int) -> str:
    made = "".join(f"class A{n}:\n    def __init__(self, o): self.a = o; self.q = queue.Queue()\n" for n in range(count))
    nested = "".join(f"    v = A{n}(v)\n" for n in range(count))
    return f"{made}def start():\n    v = None\n{nested}    while v: v.q.put(1); v.q.get(); v = v.a\n"


CONSUMED = "def start(a):\n    q = queue.Queue()\n    threading.Thread(target=lambda: list(iter(q.get, None))).start()\n"


def _branches(count: int) -> str:
    return CONSUMED + "".join(f"    if a == {n}: q.put(None)\n" for n in range(count))


def _plain_branches(count: int) -> str:
    return CONSUMED + "".join(f"    if a == {n}: print(a)\n" for n in range(count)) + "    q.put(None)\n"


def _tries(depth: int) -> str:
    before = "".join("{0}try:\n{0}    if a: return a()\n".format("    " * n) for n in range(1, depth))
    after = "".join("{0}except E: a()\n{0}finally: q.put(a)\n".format("    " * n) for n in range(depth - 1, 0, -1))
    return CONSUMED + before + "    " * depth + "a()\n" + after


def _tasks(count: int) -> str:
    tasks = "".join(f"    t{n} = asyncio.create_task(w(q))\n" for n in range(count))
    worker = "async def w(q):\n    while True: await q.get()\n"
    return f"{worker}async def start():\n    q = asyncio.Queue()\n{tasks}    await q.put(1)\n"


def _partials(count: int) -> str:
    made = "".join(f"    f{n} = partial(f{n - 1}, {n})\n" for n in range(1, count))
    worker = "from functools import partial\ndef w(q, *a):\n    while True: q.get()\n"
    start = f"    threading.Thread(target=f{count - 1}).start()\n    q.put(1)\n"
    return f"{worker}def start():\n    q = queue.Queue()\n    f0 = partial(w, q)\n{made}{start}"


def _nested(depth: int) -> str:
    made = "".join("  " * n + f"def f{n}(q{n}=queue.Queue()):\n" for n in range(depth))
    return made + "  " * depth + "return [" + ", ".join(f"q{n}.get()" for n in range(depth)) + "]\n"


def _properties(count: int) -> str:
    made = "".join(f"    @property\n    def p{n}(self): return self.p{n - 1}\n" for n in range(1, count))
    start = f"def start():\n    a = A()\n    a.p{count - 1}.put(1)\n    a.p{count - 1}.get()\n"
    return f"class A:\n    def __init__(self): self.p0 = queue.Queue()\n{made}{start}"


def _listed(count: int) -> str:
    return "def start():\n    l = []\n" + "    l.append(queue.Queue())\n" * count + "    for q in l: q.put(1); q.get()\n"


def _knot(count: int) -> str:
    each = "        v{n} = v{a} if v{b} else v{c}\n"
    mixed = (each.format(n=n, a=(n * 7 + 1) % count, b=n * 3 % count, c=(n * 5 + 3) % count) for n in range(count))
    made = "".join(f"    v{n} = queue.Queue()\n" for n in range(count))
    return f"def start():\n{made}    while True:\n{''.join(mixed)}        v0.get()\n"


FOLLOWING: dict[str, tuple[Callable[[int], str], int]] = {
    "functions with a queue": (_functions, 5_000),
    "fewer functions with a queue": (_functions, 1_000),
    "classes derived from one another": (_classes, 2_000),
    "statements": (_statements, 8_000),
    "chain of calls": (_chain, 5_000),
    "mutual recursion": (_mutual, 300),
    "everybody calls everybody": (_everybody, 80),
    "functions that return functions": (_closures, 2_000),
    "a table of functions": (_table, 3_000),
    "one queue of all functions": (_one_queue, 2_000),
    "many methods": (_methods, 3_000),
    "objects in a circle": (_circle, 500),
    "branches": (_branches, 5_000),
    "branches without the queue": (_plain_branches, 5_000),
    "tries and returns": (_tries, 15),
    "tasks of one function": (_tasks, 2_000),
    "partials of partials": (_partials, 3_000),
    "nested functions": (_nested, 90),
    "properties": (_properties, 2_000),
    "queues in a list": (_listed, 5_000),
    "a knot of variables": (_knot, 200),
}


def following(name: str) -> str:
    """A file with a leak and an input of `FOLLOWING`."""
    make, count = FOLLOWING[name]
    return LEAK + make(count)


def reading(name: str) -> str:
    """A file with a leak and an input of `READING`."""
    return LEAK + eval(READING[name], {"N": N})
