"""Streams that an object keeps, though only one run of one of its methods ever uses them.

Nouns:

* **Session**: the run of one function in which everything that is ever done with a stream happens, in that function itself, in
  what it calls and in the tasks that it starts and waits for.
* **Keeper**: the object that has the stream in an attribute.
* **Offered** method: one that code outside the program may call, so that what it does may happen at any time.

To such a function the stream is as good as its own: when its senders are done and an end is still open, nobody can close it.
"""

from __future__ import annotations

from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.library import channel_of
from chanlint.analysis.objects import ClassRef, Instance, Obj
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.catalogue.schema import OpKind, TypeInfo, World
from chanlint.ir import ops
from chanlint.ir.program import FunctionKind
from chanlint.model.channel import Home, HomeKind
from chanlint.model.lifetime import Lifetimes

MOST_FRAMES = 64
ENTERED = frozenset({EntryKind.CALL, EntryKind.SPAWN})


class Sessions:
    """Answers whether a kept stream has a session."""

    def __init__(self, analysis: Analysis, lifetimes: Lifetimes) -> None:
        self.analysis = analysis
        self.lifetimes = lifetimes

    def home(self, channel: Obj, info: TypeInfo, kept: Home) -> Home:
        """The session of a stream as its home; the home that it has where there is none."""
        keeper = kept.owner
        if kept.kind is not HomeKind.OBJECT or not info.ends or info.world is World.PROCESS or not isinstance(keeper, Instance):
            return kept
        events = self.analysis.by_subject.get(channel, [])
        used = [event for event in events if event.kind is not OpKind.MAKE]
        frame = self._common(used)
        if frame is None or self.lifetimes.is_live(channel) or not self._is_waited_for(used, frame):
            return kept
        if not self._is_seen(keeper):
            handles = self.lifetimes.handles(channel)
            if self._has_open_name(handles) or self._is_offered(handles, keeper, frame):
                return kept
        return Home(HomeKind.CALL, frame, keeper)

    # -- where everything happens ---------------------------------------------------------------------------------------------

    def _common(self, events: list[Event]) -> Frame | None:
        """The innermost function through which every way to an event leads."""
        frames = list(dict.fromkeys(event.frame for event in events))
        if not frames:
            return None
        for candidate in self._above(frames[0], None) or ():
            if candidate.function.kind in (FunctionKind.MODULE, FunctionKind.CLASS):
                continue
            if all(self._leads_through(frame, candidate) for frame in frames):
                return candidate
        return None

    def _above(self, frame: Frame, stop: Frame | None) -> list[Frame] | None:
        """A frame and those that call or start it, up to ``stop``, nearest first; None where there are too many."""
        found = [frame]
        for current in found:
            if current is stop:
                continue
            if len(found) > MOST_FRAMES:
                return None
            callers = [entry.caller for entry in current.entries if entry.kind in ENTERED and entry.caller is not None]
            found.extend(dict.fromkeys(caller for caller in callers if caller not in found))
        return found

    def _leads_through(self, frame: Frame, top: Frame) -> bool:
        between = self._above(frame, top)
        if between is None or top not in between:
            return False
        return all(
            each is top or (bool(each.entries) and all(entry.kind in ENTERED for entry in each.entries)) for each in between
        )

    def _is_waited_for(self, events: list[Event], top: Frame) -> bool:
        """Whether each task below ``top`` that receives belongs to a group that ``top``, or what it calls, waits for."""
        for event in events:
            if event.kind is OpKind.RECEIVE:
                for each in self._above(event.frame, top) or ():
                    spawns = [entry for entry in each.entries if entry.kind is EntryKind.SPAWN and each is not top]
                    if not all(self._is_grouped(spawn, top) for spawn in spawns):
                        return False
        return True

    def _is_grouped(self, spawn: Entry, top: Frame) -> bool:
        if spawn.caller is None or spawn.op is None:
            return False
        groups = {channel_of(call.receiver) for call in spawn.caller.lib_calls.get(spawn.op.index, ())}
        return any(
            call.name == "__enter__" and call.receiver in groups
            for frame in self._above(spawn.caller, top) or ()
            for calls in frame.lib_calls.values()
            for call in calls
        )

    # -- who else can get at it ----------------------------------------------------------------------------------------------

    def _is_seen(self, keeper: Instance) -> bool:
        """Whether the keeper never leaves the functions that are seen to use it."""
        if keeper.synthetic or keeper.maker is None or self.analysis.escapes.of(keeper) is not None:
            return False
        return not self.lifetimes.is_live(keeper) and self.lifetimes.home(keeper, keeper.maker).kind is HomeKind.CALL

    def _has_open_name(self, handles: set[Obj]) -> bool:
        """Whether an attribute with an open name holds an end: whoever has the keeper may close it."""
        return any(
            not name.startswith("_")
            for handle in handles
            for holder, name in self.analysis.escapes.holders(handle)
            if isinstance(holder, Instance | ClassRef)
        )

    def _is_offered(self, handles: set[Obj], keeper: Instance, top: Frame) -> bool:
        """Whether a method that anybody may call, other than ``top`` itself, takes an end out of the keeper."""
        for frame in self.analysis.points.frames:
            if frame is top or not self._takes(frame, handles, keeper):
                continue
            above = self._above(frame, top)
            if above is None:
                return True
            for each in above:
                name = each.function.name
                is_open = not name.startswith("_") or name.endswith("__")
                if each is not top and each.function.cls is not None and each.receiver is keeper and is_open:
                    return True
        return False

    def _takes(self, frame: Frame, handles: set[Obj], keeper: Instance) -> bool:
        for op in frame.function.cfg.ops():
            if isinstance(op, ops.LoadAttr) and keeper in self.analysis.points.holds(frame, op.obj):
                if any(obj in handles for obj in self.analysis.points.holds(frame, op.dst)):
                    return True
        return False
