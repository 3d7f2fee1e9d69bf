"""Source text of the consuming loops."""

from __future__ import annotations

from textwrap import dedent, indent

from generator.grammar import Shape
from generator.paths import block

# {get}: one receive; {q}: the queue; {end}: what is done just before leaving; {flag}: the stop flag.
_LOOPS = {
    "until_none": """\
        while True:
            item = {get}
            if item is None:
        {end2}        break
            save(item)
        """,
    "return_inside_try": """\
        while True:
            item = {get}
            try:
                if item is None:
        {end3}            return
                save(item)
            finally:
                save("done")
        """,
    "iter_none": """\
        for item in iter({q}.get, None):
            save(item)
        {end0}""",
    "walrus": """\
        while (item := {get}) is not None:
            save(item)
        {end0}""",
    "match_none": """\
        while True:
            match {get}:
                case None:
        {end3}            break_
                case item:
                    save(item)
        """,
    "stop_object": """\
        while True:
            item = {get}
            if item is STOP:
        {end2}        break
            save(item)
        """,
    "iter_object": """\
        for item in iter({q}.get, STOP):
            save(item)
        {end0}""",
    "isinstance": """\
        while True:
            item = {get}
            if isinstance(item, Stop):
        {end2}        break
            save(item)
        """,
    "text": """\
        while True:
            item = {get}
            if item == "stop":
        {end2}        break
            save(item)
        """,
    "tuple_head": """\
        while True:
            kind, value = {get}
            if kind == "stop":
        {end2}        break
            save(value)
        """,
    "falsy": """\
        while item := {get}:
            save(item)
        {end0}""",
    "forever": """\
        while True:
            save({get})
        """,
    "flag_timed": """\
        while not {flag}.is_set():
            try:
                item = {timed}
            except {empty}:
                continue
            save(item)
        """,
    "flag_plain": """\
        while not {flag}.is_set():
            save({get})
        """,
    "idle_out": """\
        while True:
            try:
                item = {timed}
            except {empty}:
                break
            save(item)
        """,
    "drained": """\
        while True:
            try:
                item = {q}.get_nowait()
            except {empty_now}:
                break
            save(item)
        """,
    "counted": """\
        for _ in range(len(rows)):
            save({get})
        """,
}


def loop_lines(shape: Shape, queue: str, flag: str, in_caller: bool = False) -> list[str]:
    """The loop over ``queue``.

    Args:
        flag: the expression of the stop flag, where the loop has one.
        in_caller: the loop stands in the middle of a function, which it must not leave.
    """
    wait = "await " if shape.is_async else ""
    timed = f"await asyncio.wait_for({queue}.get(), 0.05)" if shape.is_async else f"{queue}.get(timeout=0.05)"
    last = f"{wait}{queue}.put({shape.marker})\n" if shape.ending == "passed_on" else ""
    text = dedent(_LOOPS[shape.loop]).format(
        get=f"{wait}{queue}.get()",
        q=queue,
        flag=flag,
        timed=timed,
        empty="TimeoutError" if shape.is_async else "queue.Empty",
        empty_now="asyncio.QueueEmpty" if shape.is_async else "queue.Empty",
        end0=last,
        end2=indent(last, " " * 8),
        end3=indent(last, " " * 12),
    )
    # A break inside match leaves the loop as well; inside a try the loop of the caller goes on after it.
    text = text.replace("break_", "break")
    if in_caller:
        text = text.replace("return\n", "break\n")
    lines = text.rstrip("\n").split("\n")
    if shape.ending == "shutdown":
        closed = "asyncio.QueueShutDown" if shape.is_async else "queue.ShutDown"
        lines = [*block("try", lines), f"except {closed}:", "    pass"]
    return lines
