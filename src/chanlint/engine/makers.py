"""Which files make channels: those that contain a needle and, looked at closer, name what makes one.

Many things are called ``Queue``. A name counts where its imports lead to a maker of the catalogue, through the project's own
modules too, and where nothing is known of what stands before it (``context.Queue()``). It does not count where the imports
lead to other libraries, or to a class of the project: if that is a channel, its own file is a maker, and carriers lead on.
"""

from __future__ import annotations

from chanlint.catalogue.schema import Catalogue
from chanlint.catalogue.words import MakerWords
from chanlint.engine.files import Files
from chanlint.frontends.python.outline import Import, Outline
from chanlint.ir.ids import ModuleId

MOST_RE_EXPORTS = 8
"""How many modules a name may be handed on by."""


class Makers:
    """Judges files.

    Args:
        files: the project's files.
        catalogue: what makes channels.
        words: its words.
    """

    def __init__(self, files: Files, catalogue: Catalogue, words: MakerWords) -> None:
        self._files = files
        self._index = files.index
        self._catalogue = catalogue
        self._known = words

    def is_maker(self, module: ModuleId) -> bool:
        """Whether a file of the project makes channels as far as can be seen without parsing it."""
        if not self._files.has_needle(module):
            return False
        if self._files.has_sure_needle(module):
            return True
        outline = self._files.outline(module)
        if outline is None or outline.broken:
            return True
        futures = self._files.hands_over(module)
        names = {*outline.mentions, *(one.bound for one in outline.imports if one.name in self._known.words)}
        return any(self._makes(module, outline, name, MOST_RE_EXPORTS, futures) for name in names)

    def _makes(self, module: ModuleId, outline: Outline, dotted: str, hops: int, futures: bool) -> bool:
        """Whether ``dotted``, as ``module`` understands it, may be something that makes channels."""
        head, _, rest = dotted.partition(".")
        bindings = outline.by_name.get(head, ())
        if not bindings:
            if head in outline.defined and not rest:
                return False
            return self._tells(dotted.rpartition(".")[2], futures)
        return any(self._leads_to_maker(module, one, rest, hops, futures) for one in bindings)

    def _leads_to_maker(self, module: ModuleId, one: Import, rest: str, hops: int, futures: bool) -> bool:
        """Whether ``rest`` of what an import binds may make channels."""
        binds_top = one.name is None and one.module.partition(".")[0] == one.bound  # `import a.b` binds a
        whole = ".".join(part for part in (one.bound if binds_top else one.module, one.name, rest) if part)
        parts = whole.split(".")
        for length in range(len(parts), -1, -1):
            target = self._index.resolve(module, ".".join(parts[:length]), one.level)
            if target is not None:
                return self._member_makes(target, parts[length:], hops, futures)
        if one.level:
            return self._tells(parts[-1], futures)
        canonical = self._catalogue.canonical(whole)
        for name in (canonical, canonical.rpartition(".")[0]):
            if name in self._known.makers or (futures and name in self._known.futures):
                return True
        return False

    def _member_makes(self, target: ModuleId, parts: list[str], hops: int, futures: bool) -> bool:
        """Whether a member of a module of the project may make channels."""
        if not parts:
            return False
        outline = self._files.outline(target) if hops else None
        last = parts[-1]
        if outline is None:
            return self._tells(last, futures)
        if parts[0] in outline.by_name:
            return self._makes(target, outline, ".".join(parts), hops - 1, futures)
        is_own_class = len(parts) == 1 and last in outline.defined
        return not is_own_class and self._tells(last, futures)

    def _tells(self, word: str, futures: bool) -> bool:
        return word in self._known.telling or (futures and word in self._known.telling_futures)
