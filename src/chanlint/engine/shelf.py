"""What was learnt from single files, kept from run to run: an edit of one file costs the reading of that file.

Nouns:

* **Kept file**: one packed file under a digest of everything that it depends on: its content, its place in the project, the
  target version, and chanlint's own code.
"""

from __future__ import annotations

from collections.abc import Callable

from chanlint.engine.packing import meaning
from chanlint.engine.store import Store
from chanlint.engine.trace import digest_of
from chanlint.ir.ids import ModuleId

KIND = "lowered"
_SMALLEST = 2_000
"""Bytes of source; a smaller file is lowered as fast as it is looked up."""


class KeptFiles:
    """The kept files of a project; a `chanlint.engine.lowering.Shelf`.

    Args:
        store: where they are.
        depends: what all of them depend on, besides the files themselves.
    """

    def __init__(self, store: Store, depends: str) -> None:
        self._store = store
        self._depends = depends
        self.meanings: dict[ModuleId, str] = {}
        """A digest of the IR of every file that went through here."""

    def find(self, module: ModuleId, data: bytes) -> bytes | None:
        """The packed file, or None."""
        if len(data) < _SMALLEST:
            return None
        checksum, _, packed = (self._store.read(KIND, self._name(module, data)) or b"").partition(b"\n")
        if checksum != digest_of(packed).encode():
            return None
        self.meanings[module] = meaning(packed)
        return packed

    def keep(self, module: ModuleId, data: bytes, packed: Callable[[], bytes]) -> None:
        """Keeps a file that was lowered now."""
        if self._store.problem is not None:
            return
        content = packed()
        self.meanings[module] = meaning(content)
        if len(data) >= _SMALLEST:
            self._store.write(KIND, self._name(module, data), digest_of(content).encode() + b"\n" + content)

    def _name(self, module: ModuleId, data: bytes) -> str:
        parts = (self._depends.encode(), module.encode(errors="surrogatepass"), data)
        return digest_of(b"".join(b"%d:%b" % (len(part), part) for part in parts))
