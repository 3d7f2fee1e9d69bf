"""Pipes whose parent keeps the end open that it gave to its child, so that it never sees the end (CHN105)."""

from __future__ import annotations

from generator.form import Choices, Topic
from generator.paths import block

PARTS = {
    "world": ("process",),
    "home": ("function", "subclass"),
    "pipe": ("multiprocessing.Pipe(duplex=False)", "multiprocessing.Pipe()"),
    "close": ("none", "none", "after_start", "late", "finally", "early_return"),
    "loop": ("until_eof", "until_eof", "marker", "counted", "polled"),
}


def fits(c: Choices) -> bool:
    """Whether the choices do not contradict each other."""
    return c["close"] != "early_return" or c["loop"] == "until_eof"


def render(c: Choices) -> list[str]:
    """One program."""
    marker = ["theirs.send(None)"] if c["loop"] == "marker" else []
    sends = [*block("for row in rows", ["theirs.send(row)"]), *marker, "theirs.close()"]
    if c["home"] == "subclass":
        init = ["super().__init__(daemon=True)", "self.theirs = theirs", "self.rows = rows"]
        own = [line.replace("theirs", "self.theirs").replace("in rows", "in self.rows") for line in sends]
        methods = [*block("def __init__(self, theirs, rows)", init), "", *block("def run(self)", own)]
        outer, made = block("class Worker(multiprocessing.Process)", methods), "Worker(theirs, rows)"
    else:
        outer = block("def work(theirs, rows)", sends)
        made = "multiprocessing.Process(target=work, args=(theirs, rows), daemon=True)"
    attempt = [*block("try", ["found.append(ours.recv())"]), *block("except EOFError", ["break"])]
    loop = {
        "until_eof": block("while True", attempt),
        "marker": block("while (row := ours.recv()) is not None", ["found.append(row)"]),
        "counted": block("for _ in rows", ["found.append(ours.recv())"]),
        "polled": block("while ours.poll(0.2)", ["found.append(ours.recv())"]),
    }[c["loop"]]
    if c["loop"] == "polled":  # at the end a pipe without senders is readable, too
        loop = [*block("try", loop), *block("except EOFError", ["pass"])]
    start, close = [f"worker = {made}", "worker.start()"], ["theirs.close()"]
    body = {
        "none": [*start, *loop],
        "after_start": [*start, *close, *loop],
        "late": [*start, *loop, *close],
        "finally": [*start, *block("try", loop), *block("finally", close)],
        "early_return": [*start, *block("if rows", close), *loop],
    }[c["close"]]
    return [
        *outer,
        "",
        "",
        *block('def run(rows=("1", "2"))', [f"ours, theirs = {c['pipe']}", "found = []", *body, "return found"]),
    ]


def blame(choices: Choices) -> list[tuple[str, str]]:
    """The parent in its receive."""
    return [(r"^run connection\.recv$", "CHN105")]


TOPIC = Topic("pipes", ("CHN105",), PARTS, fits, render, blame, weight=2)
