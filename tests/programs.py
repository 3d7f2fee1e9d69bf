"""Small programs given as text: lowered, linked, analysed and judged, with places told by row.

Rows are told by marks: ``# made`` at the end of a line names it "made". One line may carry several marks, apart by commas.
"""

from __future__ import annotations

import functools
import posixpath
from dataclasses import dataclass
from textwrap import dedent

from chanlint.analysis.frames import EntryKind
from chanlint.analysis.objects import Instance, LibInstance, Obj
from chanlint.analysis.options import AnalysisOptions
from chanlint.analysis.program import Analysis
from chanlint.analysis.recognise import Event
from chanlint.catalogue.load import load_catalogue
from chanlint.catalogue.schema import Catalogue, OpKind
from chanlint.frontends.python import PythonFrontEnd
from chanlint.ir.ids import ModuleId, OpId
from chanlint.ir.program import Module, Program
from chanlint.ir.source_map import SourceMap
from chanlint.model.build import build_model
from chanlint.model.channel import ChannelModel, Group
from chanlint.rules.registry import RULES
from chanlint.source import SourceFile

Files = dict[str, str]
NAME = "a.py"


@functools.cache
def catalogue() -> Catalogue:
    """The built-in catalogue, loaded once."""
    return load_catalogue()


@dataclass(slots=True)
class Text:
    """A linked program with the means to name its places."""

    program: Program
    maps: dict[ModuleId, SourceMap]
    sources: Files

    def row(self, at: OpId) -> int:
        """The row of an op."""
        return self.maps[at.function.module].span(at).start.row

    def place(self, at: OpId) -> tuple[str, int]:
        """The file and row of an op."""
        return at.function.module, self.row(at)

    def marked(self, label: str) -> set[tuple[str, int]]:
        """The places of the lines that carry a mark."""
        found = set()
        for path, source in self.sources.items():
            for row, line in enumerate(source.splitlines(), 1):
                marks = line.rpartition("# ")[2] if "# " in line else ""
                if label in [mark.strip() for mark in marks.split(",")]:
                    found.add((path, row))
        return found


def link(files: str | Files, version: tuple[int, int] = (3, 11)) -> Text:
    """The program of these files; a single text is the file ``a.py``."""
    named = {NAME: files} if isinstance(files, str) else files
    sources = {path: dedent(text).lstrip("\n") for path, text in named.items()}
    modules: dict[ModuleId, Module] = {}
    maps: dict[ModuleId, SourceMap] = {}
    for path, text in sources.items():
        lowered = PythonFrontEnd().lower(SourceFile(path, text), version)
        assert lowered.module is not None and lowered.source_map is not None and not lowered.problems, lowered.problems
        modules[path], maps[path] = lowered.module, lowered.source_map
    return Text(Program(modules, functools.partial(_resolve, modules)), maps, sources)


def _resolve(modules: dict[ModuleId, Module], importer: ModuleId, module: str, level: int) -> ModuleId | None:
    folder = posixpath.dirname(importer)
    for _ in range(level - 1):
        folder = posixpath.dirname(folder)
    path = posixpath.join(folder if level else "", *module.split(".")) if module else folder
    return next((p for p in (f"{path}.py", posixpath.join(path, "__init__.py")) if p in modules), None)


@dataclass(slots=True)
class Analysed:
    """An analysed program."""

    text: Text
    analysis: Analysis

    def made_at(self, obj: Obj) -> tuple[str, int]:
        """Where an object is made."""
        assert isinstance(obj, LibInstance | Instance)
        return self.text.place(obj.site)

    def events(self, *kinds: OpKind) -> list[Event]:
        """The events of these kinds on objects that the program makes."""
        return [e for e in self.analysis.events if e.kind in kinds and isinstance(e.subject, LibInstance | Instance)]

    def event_at(self, label: str, *kinds: OpKind) -> Event:
        """The one event in a marked line."""
        (found,) = [e for e in self.events(*kinds) if self.text.place(e.frame.op_id(e.op)) in self.text.marked(label)]
        return found

    def subjects_at(self, label: str) -> set[tuple[str, int]]:
        """Where the objects are made that sends, receives, closes and joins in the marked lines are about."""
        kinds = (OpKind.SEND, OpKind.SEND_MANY, OpKind.RECEIVE, OpKind.CLOSE, OpKind.JOIN, OpKind.CANCEL, OpKind.SET_FLAG)
        places = self.text.marked(label)
        return {self.made_at(e.subject) for e in self.events(*kinds) if self.text.place(e.frame.op_id(e.op)) in places}

    def entries(self, function: str) -> list[EntryKind]:
        """How control gets into a function, over all its frames, without repetition."""
        frames = [frame for frame in self.analysis.points.frames if frame.function.name == function]
        return sorted({entry.kind for frame in frames for entry in frame.entries})


def analyse(files: str | Files, version: tuple[int, int] = (3, 11)) -> Analysed:
    """The program of these files, analysed."""
    text = link(files, version)
    return Analysed(text, Analysis(text.program, catalogue(), AnalysisOptions(target_version=version)))


@dataclass(slots=True)
class Modelled:
    """The channel model of a program."""

    text: Text
    model: ChannelModel

    def findings(self) -> list[tuple[str, str, int]]:
        """Code, file and row of each finding."""
        found = [finding for rule in RULES for finding in rule.check(self.model)]
        return sorted((finding.code, *self.text.place(finding.at)) for finding in found)

    def codes(self) -> list[str]:
        """The codes of the findings."""
        return [code for code, _, _ in self.findings()]

    def messages(self) -> list[str]:
        """The texts of the findings."""
        return sorted(finding.message for rule in RULES for finding in rule.check(self.model))

    def group(self) -> Group:
        """The one group of consumers."""
        (only,) = self.model.groups
        return only

    def reasons(self) -> list[str]:
        """Why channels were cleared."""
        return [cleared.reason for cleared in self.model.cleared]


def model(files: str | Files, version: tuple[int, int] = (3, 11)) -> Modelled:
    """The channel model of these files."""
    text = link(files, version)
    return Modelled(text, build_model(text.program, catalogue(), AnalysisOptions(target_version=version)))
