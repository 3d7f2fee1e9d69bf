"""Reading the library files under ``python/``.

Nouns:

* **Library file**: one TOML file; its tables are ``[library]``, ``[types]``, ``[functions]`` and ``[harmless]``.
* **Copy**: ``python.json``, what all of them say, in a form that is read thirty times as fast: every run asks for it. It counts
  where it was made from the very files that are there; ``scripts/catalogue_copy.py`` makes it anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from chanlint.catalogue.entries import CatalogueError, Place

_HERE = os.path.dirname(__file__)  # importlib.resources loads a dozen modules
_FOLDER = os.path.join(_HERE, "python")
COPY = os.path.join(_HERE, "python.json")

Libraries = list[tuple[str, dict[str, Any]]]
"""Raw tables with the name of the file, in order."""


def read_libraries() -> tuple[str, Libraries]:
    """A digest of the files, and what they say.

    Raises:
        CatalogueError: a file is no TOML.
    """
    import hashlib

    digest, contents = hashlib.sha256(), [*_contents()]
    for name, content in contents:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    made_of, libraries = _copied()
    if made_of != digest.hexdigest():
        libraries = [(name, _parsed(name, content)) for name, content in contents]
    return digest.hexdigest(), libraries


def write_copy() -> str:
    """The text of the copy."""
    return json.dumps(read_libraries(), separators=(",", ":")) + "\n"


def _contents() -> Iterator[tuple[str, bytes]]:
    for name in sorted(os.listdir(_FOLDER)):
        if name.endswith(".toml"):
            with open(os.path.join(_FOLDER, name), "rb") as file:
                yield name, file.read()


def _copied() -> tuple[str, Libraries]:
    try:
        with open(COPY, "rb") as file:
            made_of, libraries = json.loads(file.read())
        return made_of, [(name, raw) for name, raw in libraries]
    except (OSError, ValueError, TypeError):
        return "", []


def _parsed(name: str, content: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(content.decode())
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise CatalogueError(Place(name), str(error)) from None
