"""A rule and a model for tests of the engine: what they report is known beforehand, whatever the real rules think.

The fake rule reports every call of a method named ``get``, with the first call in the same module as the related place, and
says so at the confidence that the name of the enclosing function asks for (``low_...``: low).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chanlint.diagnostics import Confidence, Role, Severity
from chanlint.engine.config import Settings
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.pipeline import Result, run
from chanlint.findings import Finding, Place
from chanlint.ir import ops
from chanlint.ir.ids import OpId
from chanlint.ir.program import Module, Program
from chanlint.model.channel import ChannelModel, Cleared
from chanlint.rules.base import Rule


@dataclass(slots=True)
class FakeModel(ChannelModel):
    program: Program = field(default_factory=lambda: Program({}, lambda importer, module, level: None))


def calls(module: Module, attr: str) -> Iterator[OpId]:
    """The calls of methods named ``attr``."""
    for function in module.functions.values():
        methods = {op.dst for op in function.cfg.ops() if isinstance(op, ops.LoadAttr) and op.attr == attr}
        for op in function.cfg.ops():
            if isinstance(op, ops.Call) and op.callee in methods:
                yield OpId(function.id, op.index)


def _check(model: ChannelModel) -> Iterable[Finding]:
    assert isinstance(model, FakeModel)
    for module in model.program.modules.values():
        made = next(calls(module, "Queue"), None)
        for at in calls(module, "get"):
            low = at.function.qualname.startswith("low_")
            yield Finding(
                code="CHN901",
                message="a get",
                severity=Severity.ERROR,
                confidence=Confidence.LOW if low else Confidence.HIGH,
                at=at,
                related=(Place(Role.CREATED, "made here", made),) if made else (),
                function=at.function,
                channel="q",
            )


def _build(program: Program, catalogue: object, options: object) -> FakeModel:
    if any("explode" in module for module in program.modules):
        raise RuntimeError("exploded on purpose")
    made = [at for module in program.modules.values() for at in calls(module, "Queue")]
    cleared = [Cleared("q", at, "it is a fake", at) for at in made]
    return FakeModel(cleared=cleared, limits={"fake limit": 2}, program=program)


RULE = Rule("CHN901", "fake-get", _check, __name__)


@pytest.fixture
def fake_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chanlint.rules.registry.RULES", (RULE,))
    monkeypatch.setattr("chanlint.engine.codes.rule_names", lambda: {RULE.code: RULE.name})
    monkeypatch.setattr("chanlint.model.build.build_model", _build)


def write(root: Path, files: dict[str, str]) -> None:
    """Creates files below ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def check(root: Path, *paths: str, **settings: object) -> Result:
    """A run in ``root``."""
    return run(Settings(paths=paths or (".",), cwd=str(root), **settings), FileSystem())  # type: ignore[arg-type]


QUEUE = "import queue\n\n\ndef work():\n    q = queue.Queue()\n    q.get()\n"
