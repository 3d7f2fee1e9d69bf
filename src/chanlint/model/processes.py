"""In which process code runs.

Nouns:

* **Start**: an entry that begins another process: ``Process.start``, a job or the initializer of a process pool.
* **Lift**: for one op the ops of its callers, and theirs, that lead to it in the same actor.
"""

from __future__ import annotations

from chanlint.analysis import recognise
from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import argument, channel_of
from chanlint.analysis.objects import Const, Obj
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind
from chanlint.ir.ops import Op

MOST_FRAMES_UP = 200
MOST_LEVELS = 10


class Processes:
    """Answers about processes."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._known: dict[Frame, frozenset[Entry | None]] = {}

    def of(self, frame: Frame) -> frozenset[Entry | None]:
        """The starts of the processes that run ``frame``; None stands for the process of the program itself."""
        known = self._known.get(frame)
        if known is None:
            known = self._known[frame] = self._climb(frame)
        return known

    def _climb(self, frame: Frame) -> frozenset[Entry | None]:
        found: set[Entry | None] = set()
        seen, waiting = {frame}, [frame]
        while waiting and len(seen) < MOST_FRAMES_UP:
            current = waiting.pop()
            if not current.entries:
                found.add(None)
            for entry in current.entries:
                if self.is_start(entry):
                    found.add(entry)
                elif entry.caller is None or entry.kind is EntryKind.ROOT:
                    found.add(None)
                elif entry.caller not in seen:
                    seen.add(entry.caller)
                    waiting.append(entry.caller)
        return frozenset(found)

    def is_start(self, entry: Entry) -> bool:
        """Whether an entry begins another process."""
        if entry.caller is None or entry.op is None:
            return False
        calls = entry.caller.lib_calls.get(entry.op.index, ())
        if entry.kind is EntryKind.CALL:  # pool.apply(f) waits for the job
            return any(call.effect.op is OpKind.CALL and call.effect.actor == "process" for call in calls)
        if entry.kind is not EntryKind.SPAWN:
            return False
        own = [call for call in calls if call.receiver is not None and call.receiver is entry.actor] or list(calls)
        for call in own:
            if call.effect.actor:
                return call.effect.actor == "process"
            info = recognise.type_of(self.analysis.points, call.receiver)
            if info is not None and info.actor:
                return info.actor == "process"
        info = recognise.type_of(self.analysis.points, entry.actor)
        return info is not None and info.actor == "process"

    def waited_for(self, entry: Entry) -> list[Obj]:
        """The processes and pools whose join waits for the process of a start."""
        assert entry.caller is not None and entry.op is not None
        held = [entry.actor, *(channel_of(call.receiver) for call in entry.caller.lib_calls.get(entry.op.index, ()))]
        found: dict[Obj, None] = {}
        for obj in held:
            info = recognise.type_of(self.analysis.points, obj)
            if obj is not None and info is not None and info.actor == "process":
                found.setdefault(obj)
        return list(found)

    def lifted(self, frame: Frame, op: Op) -> dict[Frame, set[int]]:
        """The lift of ``op``: for each frame of its actor the indexes of the ops that lead to it."""
        found: dict[Frame, set[int]] = {frame: {op.index}}
        waiting = [(frame, 0)]
        while waiting:
            current, depth = waiting.pop(0)
            for entry in current.entries:
                if entry.kind is not EntryKind.CALL or entry.caller is None or entry.op is None or self.is_start(entry):
                    continue
                new = entry.caller not in found
                found.setdefault(entry.caller, set()).add(entry.op.index)
                if new and depth < MOST_LEVELS:
                    waiting.append((entry.caller, depth + 1))
        return found

    def waits(self, event: Event) -> bool:
        """Whether a join waits for the end without bound."""
        if event.kind is not OpKind.JOIN or not event.blocks:
            return False
        call = event.call
        return call.arguments is None or self.flag(argument(call.arguments, call.effect.wait), default=True) is True

    def flag(self, node: int | None, *, default: bool) -> bool | None:
        """The truth of an argument that decides; None where it is not known."""
        if node is None:
            return default
        held = list(self.analysis.points.graph.points[node])
        values = {bool(obj.value) for obj in held if isinstance(obj, Const)}
        return values.pop() if len(values) == 1 and all(isinstance(obj, Const) for obj in held) else None

    def joins_itself(self, entry: Entry) -> bool:
        """Whether the start waits for the end of what it starts (torch's ``spawn``)."""
        if entry.caller is None or entry.op is None:
            return False
        for call in entry.caller.lib_calls.get(entry.op.index, ()):
            if call.effect.op is OpKind.SPAWN and call.effect.wait is not None and call.arguments is not None:
                return self.flag(argument(call.arguments, call.effect.wait), default=True) is True
        return False
