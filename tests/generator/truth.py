"""What programs really do, found by running them.

Nouns:

* **Verdict**: ``always`` (the plain call leaves a consumer blocked, or never returns), ``sometimes`` (only an input that
  raises or leaves early does), ``never``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from generator.grammar import Shape, draw
from generator.render import render
from generator.scores import Play
from oracle.interpreters import choose

TESTS = Path(__file__).resolve().parent.parent
BATCH = 20
LANES = int(os.environ.get("CHANLINT_ORACLE_LANES", "5"))
BATCH_SECONDS = 240.0
WITNESS_OF_CONSUMERS, WITNESS = "generator.batch", "generator.witness"


@dataclass
class Program:
    """One generated program on disk.

    Attributes:
        observed: what each input led to; empty until it was run.
    """

    number: int
    shape: Shape
    folder: Path
    observed: dict[str, str]

    @property
    def verdict(self) -> str:
        """``always``, ``sometimes``, ``never``, or ``unknown`` where it was not run."""
        if not self.observed:
            return "unknown"
        if self.observed["normal"] != "ends":
            return "always"
        return "sometimes" if set(self.observed.values()) != {"ends"} else "never"


def write_programs(seed: int, numbers: Sequence[int], folder: Path) -> list[Program]:
    """Draws and writes programs, each into a folder of its own."""
    programs = []
    for number in numbers:
        shape = draw(seed, number)
        own = folder / f"p{number:05}"
        own.mkdir(parents=True, exist_ok=True)
        for name, text in render(shape).items():
            (own / name).write_text(text, encoding="utf-8")
        programs.append(Program(number, shape, own, {}))
    return programs


def _run_batch(python: str, batch: Sequence[Program | Play], module: str) -> None:
    with tempfile.TemporaryDirectory(prefix="batch-") as folder:
        result, log = Path(folder, "result.json"), Path(folder, "stderr.txt")
        command = [python, "-m", module, str(result), *(str(p.folder) for p in batch)]
        environment = os.environ | {"PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
                start_new_session=True,
            )
            with suppress(subprocess.TimeoutExpired):
                process.wait(BATCH_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        found = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
        for program in batch:
            program.observed = found.get(str(program.folder), {})
        if not found:
            raise RuntimeError(f"a batch found nothing: {log.read_text(errors='replace')[-2000:]}")


def find_truth(programs: Sequence[Program | Play]) -> None:
    """Runs programs and fills in what was observed; those without an interpreter stay unknown."""
    groups: dict[tuple[tuple[int, int], tuple[str, ...], str, bool], list[Program | Play]] = defaultdict(list)
    for program in programs:
        shape, module = (program.form, WITNESS) if isinstance(program, Play) else (program.shape, WITNESS_OF_CONSUMERS)
        needs = shape.needs if isinstance(program, Play) else ()
        # A fork copies whatever locks other threads hold: processes stay among themselves.
        groups[shape.target, needs, module, shape.world == "process"].append(program)
    batches = []
    for (target, needs, module, _), members in groups.items():
        interpreter = choose(target, needs)
        if interpreter is not None:
            size = min(BATCH, -(-len(members) // LANES))
            batches += [(interpreter.path, members[i : i + size], module) for i in range(0, len(members), size)]
    with ThreadPoolExecutor(LANES) as pool:
        for run in [pool.submit(_run_batch, *batch) for batch in batches]:
            run.result()
