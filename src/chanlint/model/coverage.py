"""On which paths an ending is reached, from the start of its consumer to the end of the channel's home.

The question is asked frame by frame: from the function that starts the consumer up to the function in which the channel
lives. An ending in a helper covers the op that calls the helper; an ending in a producer covers the op that starts the
producer, and then the producer is asked whether each of its own ways out sends it.
"""

from __future__ import annotations

from chanlint.analysis.frames import Entry, EntryKind, Frame
from chanlint.analysis.paths import Search, Witness
from chanlint.analysis.program import Analysis
from chanlint.ir.ops import Op
from chanlint.model.channel import Coverage, Effectiveness, Ending, Group, HomeKind, Paths

MOST_FRAMES_UP = 8


class Coverages:
    """Computes coverage."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def of(self, group: Group) -> Coverage:
        """The coverage of a group's endings."""
        endings = [e for e in group.endings if e.does is not Effectiveness.FAILS]
        if not endings:
            return Coverage(Paths.NEVER)
        everywhere = Coverage(Paths.ALL)
        if any(ending.kind in ("timeout", "scope", "data", "unknown", "flag") for ending in endings):
            return everywhere
        if any(ending.does is Effectiveness.POSSIBLE for ending in endings):
            return everywhere
        home = group.channel.home
        if home.kind is not HomeKind.CALL or home.frame is None:
            return everywhere
        covering, producers = self._covering(endings)
        late = self._producers(group, endings, producers)
        if late is not None:
            return late
        start = self._start(group)
        if start is None:
            return everywhere
        return self._climb(start, covering, home.frame)

    def _start(self, group: Group) -> list[tuple[Frame, Op]] | None:
        """The op that starts the consumer, then the calls around it; None for a caller."""
        spawn = group.spawn
        if spawn is None or spawn.caller is None or spawn.op is None:
            return None
        return self._upward(spawn.caller, spawn.op)

    def _upward(self, frame: Frame, op: Op) -> list[tuple[Frame, Op]]:
        """An op, the op that calls its frame, and so on, as long as there is one caller."""
        chain = [(frame, op)]
        for _ in range(MOST_FRAMES_UP):
            callers = [e for e in frame.entries if e.kind is EntryKind.CALL and e.caller is not None and e.op is not None]
            if len(frame.entries) != 1 or len(callers) != 1:
                break
            entry = callers[0]
            if entry.caller is None or entry.op is None or any(entry.caller is seen for seen, _ in chain):
                break
            frame = entry.caller
            chain.append((frame, entry.op))
        return chain

    def _covering(self, endings: list[Ending]) -> tuple[dict[Frame, set[int]], list[tuple[Entry, Ending]]]:
        """For each frame the ops by which an ending is reached, and the producers that reach one."""
        covering: dict[Frame, set[int]] = {}
        producers: list[tuple[Entry, Ending]] = []
        for ending in endings:
            waiting: list[tuple[Frame, Op, int]] = [(ending.frame, ending.op, 0)]
            seen: set[Frame] = set()
            while waiting:
                frame, op, depth = waiting.pop()
                covering.setdefault(frame, set()).add(op.index)
                if frame in seen or depth > MOST_FRAMES_UP:
                    continue
                seen.add(frame)
                for entry in frame.entries:
                    if entry.caller is None or entry.op is None:
                        continue
                    if entry.kind is EntryKind.SPAWN:
                        producers.append((entry, ending))
                    waiting.append((entry.caller, entry.op, depth + 1))
            if ending.event is not None and ending.event.call.actor is not None:
                covering.setdefault(ending.event.call.frame, set()).add(ending.event.call.op.index)
        return covering, producers

    def _producers(
        self, group: Group, endings: list[Ending], producers: list[tuple[Entry, Ending]]
    ) -> Coverage | None:
        """A producer that can die without the ending that only it sends."""
        for entry, _ in producers:
            if any(not self._runs_in(ending.frame, entry.callee) for ending in endings):
                continue
            if group.spawn is not None and entry.callee is group.spawn.callee:
                continue
            covering: dict[Frame, set[int]] = {}
            for ending in endings:
                for frame, op in self._down_from(entry.callee, ending):
                    covering.setdefault(frame, set()).add(op.index)
            search = Search(entry.callee, None, frozenset(covering.get(entry.callee, ())))
            found = self.analysis.paths.witnesses(search)
            if found:
                return Coverage(Paths.SOME, found[0], entry)
        return None

    def _runs_in(self, frame: Frame, top: Frame) -> bool:
        return any(level.frame is top for way in self.analysis.ways_up(frame) for level in way.levels)

    def _down_from(self, top: Frame, ending: Ending) -> list[tuple[Frame, Op]]:
        """The op of ``top`` (or of what it calls) by which it reaches the ending."""
        found = []
        for way in self.analysis.ways_up(ending.frame):
            for position, level in enumerate(way.levels):
                if level.frame is top:
                    found.append((top, ending.op if position == 0 else level.op))
        return found

    def _climb(self, chain: list[tuple[Frame, Op]], covering: dict[Frame, set[int]], home: Frame) -> Coverage:
        """Follows the ways out from the start up to the home."""
        kinds = ["return"]
        witness: Witness | None = None
        for frame, op in chain:
            reached: list[Witness] = []
            for kind in kinds:
                search = Search(frame, op, frozenset(covering.get(frame, ())), raised=kind != "return" and witness is not None)
                found = self.analysis.paths.witnesses(search)
                if found is None:
                    return Coverage(Paths.ALL)
                reached.extend(found)
            if not reached:
                return Coverage(Paths.ALL)
            witness = self._prefer(reached, witness)
            kinds = sorted({found.kind for found in reached})
            if frame is home:
                return Coverage(Paths.SOME, witness)
        return Coverage(Paths.ALL)

    def _prefer(self, reached: list[Witness], before: Witness | None) -> Witness:
        """The most telling witness: a normal way out, else the deepest op that raises."""
        for found in reached:
            if found.kind == "return":
                return found
        if before is not None and before.kind != "return":
            return before
        return reached[0]
