"""What is reported about each file: the rules in force, their severities, how sure and how severe a finding must be.

Nouns:

* **Selection**: the answer for one file.
* **Layers**: the command line goes before the nearest configuration above the file. ``--select`` there puts aside what
  configurations select and ignore; ``extend-`` options add up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from chanlint.diagnostics import Confidence, Diagnostic, Severity
from chanlint.engine.codes import NAMES, UNREADABLE, fit, known_codes, unknown
from chanlint.engine.config import Settings, layered
from chanlint.engine.configuration import Configuration, Configurations
from chanlint.engine.errors import UnknownSelectorError


class Selection(NamedTuple):
    """What is reported about one file.

    Attributes:
        codes: the rules in force.
        severities: of the rules whose severity was changed, by code.
        docs_url: where rule pages are, or None.
    """

    codes: frozenset[str]
    severities: dict[str, Severity]
    min_confidence: Confidence
    min_severity: Severity
    docs_url: str | None

    def takes(self, diagnostic: Diagnostic) -> bool:
        """Whether a finding is reported."""
        return (
            diagnostic.code in self.codes
            and diagnostic.confidence.rank >= self.min_confidence.rank
            and diagnostic.severity.rank >= self.min_severity.rank
        )

    def dress(self, diagnostic: Diagnostic) -> Diagnostic:
        """The finding with the severity and the link that are configured."""
        severity = self.severities.get(diagnostic.code, diagnostic.severity)
        url = rule_url(self.docs_url, diagnostic.code, diagnostic.name)
        if (severity, url) == (diagnostic.severity, diagnostic.url):
            return diagnostic
        return diagnostic._replace(severity=severity, url=url)


class Selections:
    """Answers for every file of a run.

    Args:
        settings: those of the command line, resolved.
        configurations: the project's.
    """

    def __init__(self, settings: Settings, configurations: Configurations) -> None:
        self._settings = settings
        self._configurations = configurations
        self._known = known_codes()
        self._layers: dict[str, Settings] = {}
        self._found: dict[tuple[str, tuple[str, ...]], Selection] = {}

    def of(self, path: str) -> Selection:
        """The selection for the file at an absolute path.

        Raises:
            ConfigurationError: the nearest configuration cannot be used.
        """
        configuration = self._configurations.nearest(os.path.dirname(path))
        key = configuration.path if configuration is not None else ""
        settings = self._layers.get(key)
        if settings is None:
            settings = self._layers[key] = self._layer(configuration)
        fitting = [codes for folder, pattern, codes in settings.per_file_ignores if _fits(path, folder, pattern)]
        ignored = tuple(code for codes in fitting for code in codes)
        found = self._found.get((key, ignored))
        if found is None:
            found = self._found[key, ignored] = self._selection(settings, ignored)
        return found

    def _layer(self, configuration: Configuration | None) -> Settings:
        return layered(self._settings, configuration, "file") if configuration is not None else self._settings

    def _selection(self, settings: Settings, ignored: tuple[str, ...]) -> Selection:
        codes = selected_codes(settings) - matching(ignored, self._known)
        severities: dict[str, Severity] = {}
        for code, name in self._known.items():
            fitting = [(fit(selector, code, name), severity) for selector, severity in settings.severity]
            best = max(fitting, key=lambda pair: pair[0], default=(-1, Severity.ERROR))
            if best[0] >= 0:
                severities[code] = best[1]
        return Selection(codes, severities, settings.min_confidence, settings.min_severity, settings.docs_url)


def selected_codes(settings: Settings) -> frozenset[str]:
    """The codes in force, by the longest selector that fits each; `UnknownSelectorError` for a selector that fits no rule."""
    known = known_codes()
    selects = [*_checked(settings.select, known), *_checked(settings.extend_select, known)]
    ignores = [*_checked(settings.ignore, known), *_checked(settings.extend_ignore, known)]
    start = -1 if settings.select else 0
    chosen = set()
    for code, name in known.items():
        on = max((fit(selector, code, name) for selector in selects), default=-1)
        off = max((fit(selector, code, name) for selector in ignores), default=-1)
        if max(on, start) > off:
            chosen.add(code)
    if not {UNREADABLE, NAMES[UNREADABLE]} & {*ignores}:
        chosen.add(UNREADABLE)
    return frozenset(chosen)


def matching(selectors: Iterable[str], known: Mapping[str, str]) -> frozenset[str]:
    """The codes that some selector fits; unreadable files only by their full code or name."""
    found = {code for code, name in known.items() for selector in selectors if fit(selector, code, name) >= 0}
    return frozenset(found if {UNREADABLE, NAMES[UNREADABLE]} & {*selectors} else found - {UNREADABLE})


def rule_url(base: str | None, code: str, name: str) -> str | None:
    """The address of a rule's page: ``{code}``, ``{name}`` and ``{page}`` are filled in; without them the page is added."""
    if not base:
        return None
    page = f"{code}-{name}"  # as in docs/rules, so that the address of that folder is enough
    parts = {"{code}": code, "{name}": name, "{page}": page}
    if not any(part in base for part in parts):
        return f"{base.rstrip('/')}/{page}/"
    for part, value in parts.items():
        base = base.replace(part, value)
    return base


def known_selectors(selectors: Iterable[str]) -> None:
    """Raises `UnknownSelectorError` for the first selector that fits no rule."""
    _checked(selectors, known_codes())


def _checked(selectors: Iterable[str], known: Mapping[str, str]) -> list[str]:
    tidy = [selector.strip() for selector in selectors if selector.strip()]
    for selector in tidy:
        if all(fit(selector, code, name) < 0 for code, name in known.items()):
            raise UnknownSelectorError(unknown(selector, known))
    return tidy


def _fits(path: str, folder: str, pattern: str) -> bool:
    """Whether a file fits a pattern of ``per-file-ignores``, read as in ``.gitignore`` from ``folder``."""
    import pathspec

    inverted = pattern.startswith("!")
    prefix = folder.rstrip(os.sep) + os.sep
    if not path.startswith(prefix):
        return False  # a configuration speaks for what lies below it
    relative = path[len(prefix) :].replace(os.sep, "/")
    try:
        spec = pathspec.GitIgnoreSpec.from_lines([pattern[1:] if inverted else pattern])
    except ValueError:
        return False
    return bool(spec.match_file(relative)) is not inverted
