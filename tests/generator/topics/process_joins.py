"""Processes that are joined before the queue is read into which they put more than a pipe holds (CHN302)."""

from __future__ import annotations

from generator.form import Choices, Topic
from generator.paths import block

PARTS = {
    "world": ("process",),
    "home": ("function", "subclass"),
    "queue": ("multiprocessing.Queue()", "multiprocessing.JoinableQueue()", "multiprocessing.Queue(maxsize=50)"),
    "count": ("1", "2"),
    "order": ("join_first", "join_first", "read_first", "timed_join", "no_join", "early_return"),
    "listed": ("loop", "comprehension"),
}
SIZE = "300_000"  # bytes: a pipe holds 65,536


def fits(c: Choices) -> bool:
    """Whether the choices do not contradict each other."""
    return c["count"] != "1" or c["listed"] == "loop"


def render(c: Choices) -> list[str]:
    """One program."""
    send = f'results.put("x" * {SIZE})'
    if c["home"] == "subclass":
        init = ["super().__init__(daemon=True)", "self.results = results"]
        methods = [*block("def __init__(self, results)", init), "", *block("def run(self)", [f"self.{send}"])]
        outer, made = block("class Worker(multiprocessing.Process)", methods), "Worker(results)"
    else:
        outer = block("def work(results)", [send])
        made = "multiprocessing.Process(target=work, args=(results,), daemon=True)"
    if c["count"] == "1":
        start, each = [f"worker = {made}", "worker.start()"], ["worker.join()"]
    elif c["listed"] == "loop":
        start = ["workers = []", *block("for _ in range(2)", [f"worker = {made}", "worker.start()", "workers.append(worker)"])]
        each = block("for worker in workers", ["worker.join()"])
    else:
        start = [f"workers = [{made} for _ in range(2)]", *block("for worker in workers", ["worker.start()"])]
        each = block("for worker in workers", ["worker.join()"])
    read = [f"found = [results.get() for _ in range({c['count']})]"]
    timed = [line.replace(".join()", ".join(0.2)") for line in each]
    order = {
        "join_first": [*each, *read],
        "read_first": [*read, *each],
        "timed_join": [*timed, *read],
        "no_join": read,
        "early_return": [*block("if not rows", [*each, "return []"]), *read, *each],
    }[c["order"]]
    return [
        *outer,
        "",
        "",
        *block('def run(rows=("1", "2"))', [f"results = {c['queue']}", *start, *order, "return len(found)"]),
    ]


def blame(choices: Choices) -> list[tuple[str, str]]:
    """The join of the process."""
    return [(r"^run process\.join$", "CHN302")]


TOPIC = Topic("process_joins", ("CHN302",), PARTS, fits, render, blame, weight=3)
