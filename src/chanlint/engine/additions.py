"""What a configuration adds to the catalogue: ``channels`` and ``spawners``, with the schema of the catalogue itself."""

from __future__ import annotations

import re

from chanlint.catalogue.schema import Catalogue
from chanlint.engine.configuration import Configuration, Origin
from chanlint.engine.errors import ConfigurationError
from chanlint.engine.paths import display_path

KINDS = ("channels", "spawners")


def catalogue_with(configuration: Configuration | None, cwd: str) -> Catalogue:
    """The catalogue with what a configuration adds to it.

    Raises:
        ConfigurationError: an entry that the schema does not allow; it names the file as seen from ``cwd``, and the row.
    """
    from chanlint.catalogue.entries import CatalogueError
    from chanlint.catalogue.load import load_catalogue

    extra = {kind: configuration.values[kind] for kind in KINDS if kind in configuration.values} if configuration else {}
    if configuration is None or not extra:
        return load_catalogue()
    try:
        return load_catalogue(extra)
    except CatalogueError as error:
        origin = _origin(configuration, error.place.entry, next(iter(extra)))
        shown = display_path(origin.path, cwd)
        where = f"{shown}:{origin.row}" if origin.row else shown
        raise ConfigurationError(f"{where}: {error.place.entry}: {error.problem}") from None


def _origin(configuration: Configuration, entry: str, otherwise: str) -> Origin:
    """Where the table stands that an error calls ``channels[2] (name)``."""
    match = re.match(r"(\w+)\[(\d+)\]", entry)
    if match is None:
        return configuration.origins[otherwise]
    return configuration.entries[match[1]][int(match[2]) - 1]
