"""An end of a stream or pipe is left open, so that whoever receives on the other side never comes to an end.

Why
---
A receiver of a memory stream, or of a pipe, learns that nothing more will come when the last send end is closed: the original,
every clone, and the copy of a pipe's end that a parent keeps after it gave it to a child. One that is forgotten, or closed only
on some ways out, leaves the receiver waiting; the task group or the parent that waits for it hangs as well.

Bad
---
```python
import anyio


async def produce(send, items):
    async with send:
        for item in items:
            await send.send(item)


async def main(jobs):
    send, recv = anyio.create_memory_object_stream()  # error: [CHN105]
    async with anyio.create_task_group() as group:
        for items in jobs:
            group.start_soon(produce, send.clone(), items)
        async for item in recv:
            print(item)
```

Good
----
```python
import anyio


async def produce(send, items):
    async with send:
        for item in items:
            await send.send(item)


async def main(jobs):
    send, recv = anyio.create_memory_object_stream()
    async with anyio.create_task_group() as group:
        async with send:
            for items in jobs:
                group.start_soon(produce, send.clone(), items)
        async for item in recv:
            print(item)
```

Limits
------
An open end that keeps nobody waiting is not reported, though Python may warn of it (``ResourceWarning``). Silent where unknown
code gets hold of an end, and where the receiver is cancelled, gives up after a time, or polls before it receives.
"""

from __future__ import annotations

from collections.abc import Iterable

from chanlint.diagnostics import Role, Severity
from chanlint.findings import Finding, Place
from chanlint.model.channel import ChannelModel, Group, HomeKind, Paths
from chanlint.model.ends import Open, OpenEnd
from chanlint.rules import wording
from chanlint.rules.base import Lifecycle, about, display_name


def find(group: Group) -> Finding | None:
    """The finding about consumers of a stream that nothing ends, or not on every path."""
    coverage = group.coverage
    witness = coverage.witness
    if not group.channel.info.ends or (witness is None and (group.endings or coverage.paths is not Paths.NEVER)):
        return None
    if witness is None and group.channel.is_closed_in_part:
        return None  # told of the end that stays open
    waited_for = witness is not None and witness.kind == "join"
    more: tuple[Place, ...] = ()
    sends = f" '{name}'" if (name := group.channel.ends.get("send")) else ""
    if waited_for and witness is not None:
        missing = f"its send end{sends} is not closed before the caller waits for its consumer"
        more = (Place(Role.JOINS, "waits for it here", witness.frame.op_id(witness.op)),)
    elif witness is not None:
        missing, more = wording.skipped(coverage, wording.ending(group)), (wording.skip(coverage),)
    else:
        where = f", no method of {wording.owner(group)} does it" if group.channel.home.kind is HomeKind.OBJECT else ""
        missing = f"its send end{sends} is never closed{where}"
    mild = group.collected or (witness is not None and witness.kind in ("raise", "close"))
    return wording.finding(
        RULE.code,
        group,
        f"{wording.who_blocks(group)} on {wording.channel(group, 'receive')}: {missing}",
        severity=Severity.WARNING if mild else Severity.ERROR,
        help=wording.cure(group),
        more=more,
        at=group.channel.created,
    )


def tell(found: OpenEnd) -> Finding:
    """The finding about an end that stays open."""
    which = "a clone of its send end" if found.clone else "its end"
    which += f" '{found.end}'" if found.end else ""
    who = f"{display_name(found.receiver)} stays blocked on {wording.channel(found, 'receive')}"
    witness = found.coverage.witness
    never = "never closed" if witness is None else "not closed on every way out"
    text, cure = {
        Open.HELD: (f"{who}: {which} is still open when it begins to receive", "Close it before the loop that receives"),
        Open.SKIPPED: (f"{who}: {which} is {never}", "Hold it in an `async with` where it is used"),
        Open.PARKED: (f"{who}: the sender ends, and nobody closes {which}", "Close it in a finally block of the sender"),
        Open.COPIED: (
            f"{who}: the parent keeps its copy of {which} open, so that there is no EOFError when the child "
            f"{'dies without an answer' if found.dies else 'is done'}",
            "Close the parent's copy right after the child is started",
        ),
    }[found.why]
    mild = found.why is Open.SKIPPED and witness is not None and witness.kind in ("raise", "close")
    severity = Severity.WARNING if mild else Severity.ERROR
    return wording.defect(RULE.code, found, text, severity=severity, help=f"{cure}.")


def single(model: ChannelModel) -> Iterable[Finding]:
    """The findings about single ends."""
    return about(OpenEnd, tell)(model)


RULE = Lifecycle("CHN105", "unclosed-stream", find, __name__, single)
