"""Random programs against chanlint: generates them, finds out by running what leaks, and prints precision and recall.

``scripts/random_programs.py --count 500 --seed 7``; ``--help`` lists the rest. The programs come from ``tests/generator``. With
``--topics`` they are about producers, capacity, acknowledgements, joins, streams, pipes, owners and locks, and each rule is
scored by itself: the run shows who stays where, and whose mistake that is.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    runpy.run_module("generator.campaign", run_name="__main__", alter_sys=True)
