"""What stands between hostile text and the parsers: a scan that counts work before any of it is done.

Python's own parser survives anything, and a text that is not long cannot keep it busy. A long one is scanned first, token by
token and in one pass, for what drives the costs; so is every text that Python's parser rejects, before libcst may try it:
libcst has no limits of its own. There deep nesting overflows the stack and kills the process, long chains cost time with the
square of their length, nested ``case`` patterns double per level, and memory grows with the sum of bracket depths.

* **depth**: how many brackets are open; **depths**: the sum of that over all opening brackets.
* **links**: operators, dots, brackets behind a value and words like ``or`` and ``lambda`` between two commas of one bracket:
  what a parser may build as one nested expression. **chains**: the sum of positions in such rows, a measure of their squares.
* **patterns**: the same for brackets in ``case`` headers, where each level doubles the work (``{`` quadruples it).
* **tokens**: how many tokens of these kinds there are at all.

All limits count; none measures time, so the answer is the same on every machine. The scan knows strings, f-strings within
f-strings and comments; it also hands out the comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_SIZE = 2_000_000
"""Characters in a file."""
MAX_TOKENS = 400_000
MAX_DEPTH = 200
MAX_DEPTHS = 100_000
MAX_CHAINS = 4_000_000
MAX_PATTERNS = 10_000

_TOKEN = re.compile(
    r"""
      (?P<string> [rRbBuU]{0,2}+ (?:
          \"{3} [^"\\]*+ (?: (?: \\. | "(?!"") ) [^"\\]*+ )*+ \"{3}
        | '{3} [^'\\]*+ (?: (?: \\. | '(?!'') ) [^'\\]*+ )*+ '{3}
        | "(?!"") [^"\\\r\n]*+ (?: \\ (?: \r\n | . ) [^"\\\r\n]*+ )*+ "
        | '(?!'') [^'\\\r\n]*+ (?: \\ (?: \r\n | . ) [^'\\\r\n]*+ )*+ '
      ) )
    | (?P<formatted> (?: [fFtT][rR]?+ | [rR][fFtT] ) (?P<quote> \"{3} | '{3} | ["'] ) )
    | (?P<comment> \#[^\r\n]*+ )
    | (?P<word> (?: lambda | if | else | elif | not | and | or | in | is | for | await | case ) \b )
    | (?P<joined> \\ (?: \r\n | \n | \r ) )
    | (?P<newline> \r\n | \n | \r )
    | (?P<open> [(\[{] )
    | (?P<close> [)\]}] )
    | (?P<mark> [,;:] )
    | (?P<operator> [-+*/%@&|^~<>=!.]++ )
    | (?P<broken> ["'] )
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_FORMATTED = re.compile(
    r"""
    (?: " (?!"") (?: [^"\\\r\n{}] | \\[^N{}\r\n] | \{\{ | \}\} | \{ [^"'\\\r\n{}()\[\]\#:]{0,60}+ \} )*+ "
      | ' (?!'') (?: [^'\\\r\n{}] | \\[^N{}\r\n] | \{\{ | \}\} | \{ [^"'\\\r\n{}()\[\]\#:]{0,60}+ \} )*+ '
    )
    """,
    re.VERBOSE,
)  # an f-string with small fields and nothing nested: by far the most common
_LITERAL = re.compile(r"\\[^{}]|\{\{|\}\}|[{}]|\"\"\"|'''|[\"'\r\n]", re.DOTALL)
_WEIGHTS = {"lambda": 8, "if": 2, "else": 2, "elif": 0, "for": 1, "case": 0}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_SHORT = 40  # rows of links up to here cost nothing worth counting


@dataclass(slots=True)
class _Level:
    """One open bracket. ``quote`` is set for a field of a formatted string; ``spec``: one inside a format specification."""

    closing: str
    links: int = 0
    lambdas: int = 0
    factor: int = 1
    quote: str | None = None
    spec: bool = False


@dataclass(slots=True)
class Scan:
    """What a scan found.

    Attributes:
        over: the limit that was exceeded, in words, and the offset where; the scan stops there.
        outermost: where the first of the brackets opens that are open at the end of the scan; else the same offset.
        broken: brackets or strings do not match, so no parser can accept the text. What was counted is then not reliable.
        comments: the offsets of all comments.
    """

    tokens: int = 0
    depth: int = 0
    depths: int = 0
    chains: int = 0
    patterns: int = 0
    over: tuple[str, int] | None = None
    outermost: int = 0
    broken: bool = False
    comments: list[tuple[int, int]] = field(default_factory=list)


def scan(text: str) -> Scan:
    """Counts the work that parsing ``text`` would be."""
    result = Scan()
    if len(text) > MAX_SIZE:
        result.over = (f"too large: more than {MAX_SIZE:,} characters", 0)
        return result
    _Scanner(text, result).run()
    return result


class _Scanner:
    """One scan: a position in the text and the brackets open there."""

    def __init__(self, text: str, result: Scan) -> None:
        self.text = text
        self.result = result
        self.levels = [_Level("")]
        self.in_case = False
        self.outermost = 0

    def run(self) -> None:
        """Scans to the end, to the first breach of a limit or to the first sign of broken text."""
        position: int | None = 0
        while position is not None:
            position = self._code(position)
        if self.result.over is not None:
            self.result.outermost = self.outermost if len(self.levels) > 1 else self.result.over[1]
        elif len(self.levels) > 1:
            self.result.broken = True

    def _code(self, position: int) -> int | None:
        """Scans code until a formatted string changes the rules; answers where to go on."""
        result = self.result
        level = self.levels[-1]
        for match in _TOKEN.finditer(self.text, position):
            kind = match.lastgroup
            result.tokens += 1
            if kind == "operator":
                level.links += len(match[0])
                if level.links > _SHORT and not self._chain(level, len(match[0]), match.start()):
                    return None
            elif kind == "open":
                if not self._open(match[0], match.start()):
                    return None
                level = self.levels[-1]
            elif kind == "close":
                if len(self.levels) == 1 or level.closing != match[0]:
                    result.broken = True
                    return None
                self.levels.pop()
                if level.quote is not None:
                    return self._literal(match.end(), level.quote, level.spec)
                level = self.levels[-1]
            elif kind == "mark":
                if self._mark(match[0], level):
                    return self._literal(match.end(), level.quote or "", True)
            elif kind == "newline":
                if len(self.levels) == 1:
                    level.links = level.lambdas = 0
                    self.in_case = False
            elif kind == "word":
                if not self._word(match[0], match.start(), level):
                    return None
            elif kind == "comment":
                result.comments.append(match.span())
            elif kind == "quote" or kind == "formatted":
                return self._formatted(match)
            elif kind == "broken":
                result.broken = True
                return None
            if result.tokens > MAX_TOKENS:
                result.over = (f"too large: more than {MAX_TOKENS:,} tokens", match.start())
                return None
        return None

    def _chain(self, level: _Level, weight: int, position: int) -> bool:
        self.result.chains += level.links * weight
        if self.result.chains > MAX_CHAINS:
            self.result.over = ("too deeply nested: expressions with too many parts", position)
        return self.result.over is None

    def _open(self, bracket: str, position: int) -> bool:
        """Enters a bracket; false where that is one too many."""
        result = self.result
        outer = self.levels[-1]
        outer.links += 1
        if outer.links > _SHORT and not self._chain(outer, 1, position):
            return False
        level = _Level(_CLOSING[bracket])
        depth = len(self.levels)
        if depth == 1:
            self.outermost = position
        self.levels.append(level)
        result.depths += depth
        result.depth = max(result.depth, depth)
        if self.in_case:
            level.factor = outer.factor * (4 if bracket == "{" else 2)
            if level.factor > 4:
                result.patterns += level.factor
        if depth > MAX_DEPTH:
            result.over = (f"too deeply nested: more than {MAX_DEPTH} open brackets", position)
        elif result.depths > MAX_DEPTHS:
            result.over = ("too deeply nested: too many brackets within brackets", position)
        elif result.patterns > MAX_PATTERNS:
            result.over = ("too deeply nested: case patterns", position)
        return result.over is None

    def _mark(self, mark: str, level: _Level) -> bool:
        """A comma, semicolon or colon; true where a format specification begins."""
        if mark == ":":
            if level.lambdas:
                level.lambdas -= 1
                return False
            if level.quote is not None:
                return True
        elif level.lambdas and mark == ",":
            return False  # between a lambda's parameters
        level.links = 0
        return False

    def _word(self, word: str, position: int, level: _Level) -> bool:
        """A keyword, unless it is the end of a name; false where the chain gets too long."""
        before = self.text[position - 1] if position else "\n"
        if before.isalnum() or before in "_.":
            return True
        if word == "lambda":
            level.lambdas += 1
        elif word == "if" and len(self.levels) == 1:
            self.in_case = False  # the guard of a pattern is an ordinary expression
        elif word == "case" and len(self.levels) == 1:
            row = max(self.text.rfind("\n", 0, position), self.text.rfind("\r", 0, position)) + 1
            self.in_case = not self.text[row:position].strip(" \t\f")
        weight = _WEIGHTS.get(word, 1)
        level.links += weight
        return level.links <= _SHORT or self._chain(level, weight, position)

    # -- formatted strings ----------------------------------------------------------------------------------------------

    def _formatted(self, match: re.Match[str]) -> int | None:
        """A formatted string's prefix and opening quote: goes past it, or into its first field."""
        plain = _PLAIN_FORMATTED.match(self.text, match.start("quote"))
        if plain is not None:
            return plain.end()
        return self._literal(match.end(), match["quote"], False)

    def _literal(self, position: int, quote: str, spec: bool) -> int | None:
        """Scans the literal part of a formatted string; answers where code goes on (in a field, or behind the string)."""
        for match in _LITERAL.finditer(self.text, position):
            token = match[0]
            if token == "{":
                if not self._open("{", match.start()):
                    return None
                self.levels[-1].quote = quote
                self.levels[-1].spec = spec
                return match.end()
            if token[0] in "{}" and spec:  # in a specification "}}" is two ends
                if token[0] == "{":
                    return self._open_field_pair(match, quote)
                return self._end_specification(match.start() + 1)
            if token == quote or (token == quote[0] * 3 and len(quote) == 1):
                if spec:
                    break
                return match.start() + len(quote)
            if token in "\r\n" and len(quote) == 1:
                break
        self.result.broken = True
        return None

    def _open_field_pair(self, match: re.Match[str], quote: str) -> int | None:
        """``{{`` in a specification: a field whose expression begins with a brace."""
        if not self._open("{", match.start()):
            return None
        self.levels[-1].quote = quote
        self.levels[-1].spec = True
        return match.start() + 1

    def _end_specification(self, position: int) -> int | None:
        level = self.levels.pop()
        if level.quote is None:
            self.result.broken = True
            return None
        return self._literal(position, level.quote, level.spec)
