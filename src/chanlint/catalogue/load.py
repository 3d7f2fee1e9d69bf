"""Making the catalogue: of the library files, then what a user's configuration teaches.

Nouns:

* **Extra**: the lists ``channels`` and ``spawners`` of a configuration, in the same terms.
* **Builder**: collects raw entries of all files first, so that a file may name a type of another, then makes the catalogue.

A wrong entry is an error that names its place, never a thing that is passed over.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from chanlint.catalogue.entries import (
    EFFECT_KEYS,
    TYPE_KEYS,
    CatalogueError,
    Place,
    as_name,
    as_table,
    as_text,
    as_texts,
    check_keys,
    parse_effect,
    parse_type,
    suggestion,
)
from chanlint.catalogue.libraries import read_libraries
from chanlint.catalogue.schema import Catalogue, Category, Effect, OpKind, TypeInfo

__all__ = ["CatalogueError", "Place", "load_catalogue"]

_CONFIGURATION = "configuration"


def load_catalogue(extra: Mapping[str, Any] | None = None) -> Catalogue:
    """All library knowledge: what chanlint brings, and what ``extra`` adds.

    Args:
        extra: the configuration's ``channels`` and ``spawners``, each a list of tables (docs/adding_a_library.md). An entry
            with the name of a built-in one replaces it.

    Returns:
        A catalogue whose tables belong to the caller; the entries in them are shared and must not be changed.

    Raises:
        CatalogueError: an entry that the schema does not allow, or that names a type which nothing describes.
    """
    builtin = _builtin()
    builder = _Builder(
        dict(builtin.types), dict(builtin.functions), dict(builtin.aliases), set(builtin.needles), set(builtin.hand_overs)
    )
    if not extra:
        return builder.build(builtin.digest)
    import hashlib
    import json

    builder.add_extra(extra)
    text = json.dumps(extra, sort_keys=True, default=str)
    return builder.build(hashlib.sha256(f"{builtin.digest}\n{text}".encode(errors="surrogatepass")).hexdigest())


@functools.cache
def _builtin() -> Catalogue:
    """The catalogue of the files alone, read once."""
    builder = _Builder({}, {}, {}, set())
    digest, libraries = read_libraries()
    for name, raw in libraries:
        builder.add_library(raw, Place(name))
    return builder.build(digest)


class _Builder:
    """Raw entries, and the catalogue that becomes of them."""

    def __init__(
        self,
        types: dict[str, TypeInfo],
        functions: dict[str, Effect],
        aliases: dict[str, str],
        needles: set[bytes],
        hand_overs: set[bytes] | None = None,
    ) -> None:
        self._types = types
        self._functions = functions
        self._aliases = aliases
        self._needles = needles
        self._hand_overs = set() if hand_overs is None else hand_overs
        self._raw_types: dict[str, tuple[dict[str, Any], Place]] = {}
        self._raw_functions: dict[str, tuple[object, Place]] = {}
        self._open: list[str] = []  # types being made, outermost first: finds circles of bases

    def add_library(self, raw: Mapping[str, Any], place: Place) -> None:
        """Take in one library file."""
        check_keys(raw, ("library", "types", "functions", "harmless"), place)
        head_place = place.within("library")
        head = as_table(raw.get("library", {}), head_place)
        check_keys(head, ("name", "aliases", "needles", "hand_overs"), head_place)
        as_text(head.get("name"), head_place.within("name"))
        aliases_place = head_place.within("aliases")
        for name, target in as_table(head.get("aliases", {}), aliases_place).items():
            self._add_alias(name, target, aliases_place)
        self._add_needles(head.get("needles", []), head_place.within("needles"))
        hand_overs = as_texts(head.get("hand_overs", []), head_place.within("hand_overs"))
        self._hand_overs.update(word.encode() for word in hand_overs)
        types_place, functions_place = place.within("types"), place.within("functions")
        for name, entry in as_table(raw.get("types", {}), types_place).items():
            self._add_type(name, entry, types_place.within(f'"{name}"'))
        for name, entry in as_table(raw.get("functions", {}), functions_place).items():
            self._add_function(name, entry, functions_place.within(f'"{name}"'))
        harmless_place = place.within("harmless")
        harmless = as_table(raw.get("harmless", {}), harmless_place)
        check_keys(harmless, ("names",), harmless_place)
        for name in as_texts(harmless.get("names", []), harmless_place):
            self._add_function(name, OpKind.HARMLESS.value, harmless_place)

    def add_extra(self, extra: Mapping[str, Any]) -> None:
        """Take in a configuration's entries; they replace built-in ones of the same name."""
        place = Place(_CONFIGURATION)
        check_keys(extra, ("channels", "spawners"), place)
        for kind in ("channels", "spawners"):
            entries = extra.get(kind, [])
            if not isinstance(entries, list):
                raise CatalogueError(place.within(kind), "expected a list of tables")
            for number, entry in enumerate(entries, 1):
                self._add_extra_entry(kind, entry, place.within(f"{kind}[{number}]"))

    def _add_extra_entry(self, kind: str, raw: object, place: Place) -> None:
        entry = dict(as_table(raw, place))
        check_keys(entry, {"name", "aliases", "needles"} | TYPE_KEYS | EFFECT_KEYS, place)
        name = as_name(entry.pop("name", None), place.within("name"))
        place = Place(place.file, f"{place.entry} ({name})")
        for alias in as_texts(entry.pop("aliases", []), place.within("aliases")):
            self._add_alias(alias, name, place.within("aliases"))
        needles = entry.pop("needles", None)
        if kind == "channels":
            needles = [name.rpartition(".")[2]] if needles is None else needles
            if "bases" not in entry and "like" not in entry:
                entry.setdefault("category", Category.CHANNEL.value)
        if needles is not None:
            self._add_needles(needles, place.within("needles"))
        if kind == "channels" or entry.keys() & (TYPE_KEYS - EFFECT_KEYS):
            entry.setdefault("constructor", self._usual_constructor(entry))
            self._raw_types[name] = (entry, place)
            self._types.pop(name, None)
        else:
            if "like" not in entry:
                entry.setdefault("op", OpKind.SPAWN.value)
            self._raw_functions[name] = (entry, place)

    def _usual_constructor(self, entry: Mapping[str, Any]) -> object:
        """A type is made as the type it is like, or its first base, is made; else by a plain call."""
        bases = entry.get("bases")
        model = entry.get("like") or (bases[0] if isinstance(bases, list) and bases else None)
        return {"like": model} if isinstance(model, str) and model in self._functions else OpKind.MAKE.value

    def _add_alias(self, name: object, target: object, place: Place) -> None:
        alias, canonical = as_name(name, place), as_name(target, place.within(str(name)))
        if alias == canonical:
            raise CatalogueError(place, f"{alias!r} is an alias of itself")
        if self._aliases.get(alias, canonical) != canonical:
            raise CatalogueError(place, f"{alias!r} is already an alias of {self._aliases[alias]!r}")
        self._aliases[alias] = canonical

    def _add_needles(self, raw: object, place: Place) -> None:
        self._needles.update(needle.encode() for needle in as_texts(raw, place))

    def _add_type(self, name: str, raw: object, place: Place) -> None:
        as_name(name, place)
        if name in self._raw_types:
            raise CatalogueError(place, f"type {name!r} is described twice")
        self._raw_types[name] = (as_table(raw, place), place)

    def _add_function(self, name: str, raw: object, place: Place) -> None:
        as_name(name, place)
        if name in self._raw_functions:
            raise CatalogueError(place, f"function {name!r} is described twice")
        self._raw_functions[name] = (raw, place)

    def build(self, digest: str) -> Catalogue:
        """The catalogue of everything taken in.

        Raises:
            CatalogueError: an entry that the schema does not allow, or that names what nothing describes.
        """
        self._make_functions()
        for name in self._raw_types:
            self._make_type(name)
        self._check_names()
        needles, hand_overs = tuple(sorted(self._needles)), tuple(sorted(self._hand_overs))
        return Catalogue(self._types, self._functions, self._aliases, needles, hand_overs, digest)

    def _make_functions(self) -> None:
        waiting: list[tuple[str, object, Place, str | None]] = []
        for name, (raw, place) in self._raw_functions.items():
            waiting.append((name, raw, place, None))
        for name, (entry, place) in self._raw_types.items():
            if "constructor" in entry:
                if name in self._raw_functions:
                    raise CatalogueError(place, f"{name!r} has a constructor and is a function too")
                waiting.append((name, entry["constructor"], place.within("constructor"), name))
        # What is like another comes after what is not.
        for name, raw, place, makes in sorted(waiting, key=lambda item: isinstance(item[1], dict) and "like" in item[1]):
            self._functions[name] = parse_effect(raw, place, functions=self._functions, makes=makes)

    def _make_type(self, name: str) -> TypeInfo:
        known = self._types.get(name)
        if known is not None:
            return known
        raw, place = self._raw_types[name]
        if name in self._open:
            raise CatalogueError(place, f"its bases go in a circle: {' > '.join([*self._open, name])}")
        self._open.append(name)
        bases_place = place.within("bases")
        names = as_texts(raw.get("bases", []), bases_place)
        bases = tuple(self._related(as_name(base, bases_place), bases_place) for base in names)
        like_place = place.within("like")
        model = self._related(as_name(raw["like"], like_place), like_place) if "like" in raw else None
        info = parse_type(name, raw, place, functions=self._functions, inherited=bases, model=model)
        self._open.pop()
        self._types[name] = info
        return info

    def _related(self, name: str, place: Place) -> TypeInfo:
        if name not in self._types and name not in self._raw_types:
            raise CatalogueError(place, self._unknown_type(name))
        return self._make_type(name)

    def _unknown_type(self, name: str) -> str:
        return f"no type {name!r} is described{suggestion(name, {*self._types, *self._raw_types})}"

    def _check_names(self) -> None:
        """Every type name that a new entry mentions is described."""
        for name, (_, place) in self._raw_types.items():
            info = self._types[name]
            mentioned = [*info.attributes.values(), *info.ends, *([info.yields] if info.yields else [])]
            for target in mentioned:
                if target not in self._types:
                    raise CatalogueError(place, self._unknown_type(target))
            for method, effect in info.methods.items():
                self._check_makes(effect, place.within(f"methods.{method}"))
            if name in self._functions:
                self._check_makes(self._functions[name], place.within("constructor"))
        for name, (_, place) in self._raw_functions.items():
            self._check_makes(self._functions[name], place)

    def _check_makes(self, effect: Effect, place: Place) -> None:
        if effect.makes is not None and effect.makes not in self._types:
            raise CatalogueError(place.within("makes"), self._unknown_type(effect.makes))
