"""Writes ``src/chanlint/catalogue/python.json``: what the library files say, in a form that is read faster than TOML.

``python scripts/catalogue_copy.py`` writes it. As long as it is not made of the present files, chanlint reads those.
"""

from __future__ import annotations

import sys
from pathlib import Path

from chanlint.catalogue.libraries import COPY, write_copy


def main() -> int:
    """Writes the copy."""
    Path(COPY).write_text(write_copy(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
