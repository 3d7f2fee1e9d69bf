"""Summaries made: files in, bytes out."""

from __future__ import annotations

from chanlint.engine.config import DEFAULT_TARGET, Settings, resolve_settings
from chanlint.engine.discovery import discover
from chanlint.engine.filesystem import FileSystem
from chanlint.engine.packing import pack
from chanlint.engine.paths import display_path
from chanlint.engine.project import Index
from chanlint.engine.reading import Crash, lower_bytes, read_bytes
from chanlint.engine.summaries import summary
from chanlint.frontends.base import Problem


def summarize(settings: Settings, filesystem: FileSystem) -> tuple[bytes, list[str]]:
    """The summaries of the files that ``settings`` name, and a line for everything that could not be summarized.

    Raises:
        ConfigurationError: a configuration file cannot be used.
    """
    settings = resolve_settings(settings, filesystem)
    target = settings.target_version or DEFAULT_TARGET
    found = discover(settings, filesystem)
    index = Index(settings, found.files)
    complaints = [f"{path}: no such file or folder" for path in found.missing]
    complaints += [f"{display_path(path, settings.cwd)}: folder cannot be read: {why}" for path, why in found.unreadable]
    pieces = []
    for module, path in sorted(index.paths.items()):
        data = read_bytes(filesystem, path)
        if isinstance(data, Problem):
            complaints.append(f"{display_path(path, settings.cwd)}: {data.message}")
            continue
        lowered = lower_bytes(module, data, target)
        if isinstance(lowered, Crash):
            complaints.append(f"internal error in {display_path(path, settings.cwd)}: {lowered.message}")
        else:
            pieces.append(summary(module, data, pack(lowered), target))
    return b"".join(pieces), complaints
