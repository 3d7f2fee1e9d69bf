"""``python -m chanlint``."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the current folder: a click.py among the files under analysis must not be imported
    from chanlint.cli import main

    sys.exit(main())
