"""Source text of the ways through the sending function: where it may raise or return, and where the ending stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from generator.grammar import Shape


def block(head: str, lines: list[str]) -> list[str]:
    """``head:`` with its indented body."""
    return [f"{head}:", *("    " + line if line else "" for line in lines)]


@dataclass(frozen=True)
class Pieces:
    """What a path is made of.

    Attributes:
        send: makes the statement that sends a value.
        ending: the statements of the ending.
    """

    shape: Shape
    send: Callable[[str], str]
    ending: list[str]

    @property
    def _guard(self) -> list[str]:
        return block("if not row.isdigit()", ["raise ValueError(row)"])

    @property
    def _converted(self) -> str:
        return {"parse": "parse(row)", "json": "json.loads(row)", "raise": "int(row)"}[self.shape.fault]

    @property
    def faulty(self) -> list[str]:
        """Sends every row, converting it on the way, which may raise."""
        guard = self._guard if self.shape.fault == "raise" else []
        return block("for row in rows", [*guard, self.send(self._converted)])

    @property
    def convert(self) -> list[str]:
        """Converts all rows before anything is sent."""
        if self.shape.fault == "raise":
            return ["values = []", *block("for row in rows", [*self._guard, "values.append(int(row))"])]
        return [f"values = [{self._converted} for row in rows]"]

    @property
    def send_values(self) -> list[str]:
        """Sends what was converted; cannot raise."""
        return block("for value in values", [self.send("value")])

    @property
    def plain(self) -> list[str]:
        """Sends the rows as they are; cannot raise."""
        return block("for row in rows", [self.send("row")])

    @property
    def until_bad(self) -> list[str]:
        """Sends the rows up to the first bad one."""
        return block("for row in rows", [*block("if not row.isdigit()", ["break"]), self.send("row")])


def path_lines(pieces: Pieces) -> tuple[list[str], list[str]]:
    """The statements before the consumers are started, and those after."""
    p, end = pieces, pieces.ending
    leave = block("if not rows", ["return"])
    excepted = "except (ValueError, KeyError)"
    paths: dict[str, tuple[list[str], list[str]]] = {
        "straight": (p.convert, [*p.send_values, *end]),
        "faulty": ([], [*p.faulty, *end]),
        "finally": ([], [*block("try", p.faulty), *block("finally", end)]),
        "late_try": ([], [*p.convert, *block("try", p.send_values), *block("finally", end)]),
        "early_return": ([], [*leave, *p.plain, *end]),
        "early_before": (leave, [*p.plain, *end]),
        "early_finally": ([], [*block("try", [*leave, *p.plain]), *block("finally", end)]),
        "except_only": ([], [*block("try", p.faulty), *block(excepted, end)]),
        "except_reraise": ([], [*block("try", p.faulty), *block("except BaseException", [*end, "raise"]), *end]),
        "except_swallow": ([], [*block("try", p.faulty), *block(excepted, ['save("bad row")']), *end]),
        "inside_try": ([], [*block("try", [*p.faulty, *end]), *block(excepted, ['save("bad row")'])]),
        "for_else": ([], [*p.until_bad, *block("else", end)]),
        "break_out": ([], [*p.until_bad, *end]),
        "conditional": ([], [*p.plain, *block("if verbose", end)]),
        "exit_stack": (
            [],
            [
                *block("def end_consumers()", end),
                "",
                *block("with ExitStack() as stack", ["stack.callback(end_consumers)", *p.faulty]),
            ],
        ),
        "manager_finally": ([], p.faulty),
        "manager_plain": ([], p.faulty),
    }
    return paths[p.shape.path]
