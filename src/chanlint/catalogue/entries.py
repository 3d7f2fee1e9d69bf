"""One raw table of a catalogue file, checked and made into a value of the schema.

Nouns:

* **Place**: where an entry stands (``queue.toml``, ``types."queue.Queue".methods.get``); every complaint names it.
* **CatalogueError**: an entry that the schema does not allow; its text says what is wrong and what was probably meant.

Raw tables come from TOML or from a user's configuration, so anything may be in them: everything is checked here, once, and
nothing is repaired silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from chanlint.catalogue.schema import ArgRef, Category, Effect, OpKind, TypeInfo, World

_ARG_REF = re.compile(r"(?:(?P<keyword>[A-Za-z_]\w*)(?:@(?P<at>\d{1,2}))?|@(?P<only>\d{1,2})|\*(?P<rest>\d{1,2}))\Z")
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*\Z")
_VERSION = re.compile(r"(\d)\.(\d{1,2})\Z")

_OPS = {op.value: op for op in OpKind}
_CATEGORIES = {category.value: category for category in Category}
_WORLDS = {world.value: world for world in World}
_ACTORS = frozenset({"thread", "task", "process", "greenlet", "job"})
_WAKES = frozenset({"all", "last", "local", "none"})
_EXITS = frozenset({"close", "join", "cancel", "terminate", "abandon", "release", "none"})
_ROLES = frozenset({"send", "receive", "both"})

# What an effect cannot do without, apart from a constructor's `makes`, which is the type that it stands in.
_NEEDED: dict[OpKind, tuple[str, ...]] = {
    OpKind.MAKE: ("makes",),
    OpKind.GET: ("makes",),
    OpKind.CLONE: ("makes",),
    OpKind.SEND: ("item",),
    OpKind.SEND_MANY: ("item",),
    OpKind.SPAWN: ("target", "actor"),
    OpKind.PREPARE: ("makes", "actor"),
    OpKind.CALL: ("target",),
    OpKind.CALL_AT_EXIT: ("target",),
    OpKind.ADOPT: ("target",),
    OpKind.AWAIT_ALL: ("target",),
    OpKind.WRAP: ("target",),
}


class Place(NamedTuple):
    """Where a raw table stands: the ``file`` (or ``configuration``) and the dotted ``entry`` inside it."""

    file: str
    entry: str = ""

    def within(self, part: str) -> Place:
        """The place of ``part`` inside this entry."""
        return Place(self.file, f"{self.entry}.{part}" if self.entry else part)


class CatalogueError(ValueError):
    """Library knowledge that the schema does not allow.

    Attributes:
        place: the file and entry at fault.
        problem: what is wrong there, without the place.
    """

    def __init__(self, place: Place, problem: str) -> None:
        self.place = place
        self.problem = problem
        super().__init__(f"{place.file}: {place.entry}: {problem}" if place.entry else f"{place.file}: {problem}")


def suggestion(word: str, known: Collection[str]) -> str:
    """`` (did you mean 'x'?)`` for the known word nearest to ``word``, or nothing."""
    import difflib  # only where a word is wrong

    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def check_keys(raw: Mapping[str, Any], known: Collection[str], place: Place) -> None:
    """Complain about the first key of ``raw`` that is not known.

    Raises:
        CatalogueError: there is one.
    """
    for key in raw:
        if key not in known:
            raise CatalogueError(place, f"unknown key {key!r}{suggestion(str(key), known)}")


def as_table(value: object, place: Place) -> dict[str, Any]:
    """``value`` if it is a table with text keys, else a complaint."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise CatalogueError(place, f"expected a table, found {_kind(value)}")
    return value


def as_text(value: object, place: Place) -> str:
    """``value`` if it is a text that is not empty, else a complaint."""
    if not isinstance(value, str) or not value:
        raise CatalogueError(place, f"expected a text, found {_kind(value)}")
    return value


def as_texts(value: object, place: Place) -> tuple[str, ...]:
    """``value`` as a tuple if it is a list of texts, else a complaint."""
    if not isinstance(value, list):
        raise CatalogueError(place, f"expected a list of texts, found {_kind(value)}")
    return tuple(as_text(item, place) for item in value)


def as_name(value: object, place: Place) -> str:
    """``value`` if it is a dotted name, else a complaint."""
    text = as_text(value, place)
    if not _NAME.match(text):
        raise CatalogueError(place, f"{text!r} is not a dotted name")
    return text


def parse_arg_ref(value: object, place: Place) -> ArgRef:
    """Read ``"timeout@1"``, ``"daemon"``, ``"@0"`` or ``"*1"``.

    Raises:
        CatalogueError: it is none of these.
    """
    match = _ARG_REF.match(value) if isinstance(value, str) else None
    if match is None:
        shapes = "'timeout@1' (keyword and position), 'daemon' (keyword only), '@0' (position only) or '*1' (all from there on)"
        raise CatalogueError(place, f"{value!r} is no argument: write {shapes}")
    if match["rest"] is not None:
        return ArgRef(None, int(match["rest"]), rest=True)
    position = match["at"] or match["only"]
    return ArgRef(match["keyword"], int(position) if position is not None else None)


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if value == "":
        return "an empty text"
    known = {dict: "a table", list: "a list", str: "a text", bool: "a truth value", int: "a number"}
    return known.get(type(value), f"a {type(value).__name__}")


def _flag(value: object, place: Place) -> bool:
    if not isinstance(value, bool):
        raise CatalogueError(place, f"expected true or false, found {_kind(value)}")
    return value


def _number(value: object, place: Place) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise CatalogueError(place, f"expected a whole number, found {_kind(value)}")
    return value


def _version(value: object, place: Place) -> tuple[int, int]:
    match = _VERSION.match(value) if isinstance(value, str) else None
    if match is None:
        raise CatalogueError(place, f"{value!r} is no Python version: write '3.13'")
    return int(match[1]), int(match[2])


def _names(value: object, place: Place) -> tuple[str, ...]:
    return tuple(as_name(text, place) for text in as_texts(value, place))


def _one_of(known: Collection[str]) -> Callable[[object, Place], str]:
    def read(value: object, place: Place) -> str:
        text = as_text(value, place)
        if text not in known:
            raise CatalogueError(place, f"unknown value {text!r}{suggestion(text, known) or _choices(known)}")
        return text

    return read


def _choices(known: Collection[str]) -> str:
    return f" (one of {', '.join(sorted(known))})"


def _roles(value: object, place: Place) -> tuple[str, ...]:
    return tuple(_one_of(_ROLES)(text, place) for text in as_texts(value, place))


def _attributes(value: object, place: Place) -> dict[str, str]:
    return {name: as_name(target, place.within(name)) for name, target in as_table(value, place).items()}


def _parts(value: object, place: Place) -> dict[str, ArgRef]:
    return {name: parse_arg_ref(ref, place.within(name)) for name, ref in as_table(value, place).items()}


def _delegates(value: object, place: Place) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for method, called in as_table(value, place).items():
        names = _names(called, place.within(method))
        if not all(name.count(".") == 1 for name in names):
            raise CatalogueError(place.within(method), "expected a part and what is called on it: 'send_stream.aclose'")
        found[method] = tuple((name.partition(".")[0], name.partition(".")[2]) for name in names)
    return found


_EFFECT_FIELDS: dict[str, Callable[[object, Place], object]] = {
    "op": lambda value, place: _OPS[_one_of(_OPS)(value, place)],
    **dict.fromkeys(("item", "block", "timeout", "target", "args", "kwargs"), parse_arg_ref),
    **dict.fromkeys(("count", "daemon", "result", "wait"), parse_arg_ref),
    **dict.fromkeys(("nonblocking", "always_timed", "awaitable", "rest_kwargs", "ranked"), _flag),
    **dict.fromkeys(("coroutine", "each", "immediate", "cancels_on_timeout", "parted"), _flag),
    "makes": as_name,
    "actor": _one_of(_ACTORS),
    "wakes": _one_of(_WAKES),
    "returns_on_close": as_text,
    "raises": _names,
    "closed": _names,
    "since": _version,
    "until": _version,
}
EFFECT_KEYS = frozenset({"like", *_EFFECT_FIELDS})

_TYPE_FIELDS: dict[str, Callable[[object, Place], object]] = {
    "category": lambda value, place: _CATEGORIES[_one_of(_CATEGORIES)(value, place)],
    "world": lambda value, place: _WORLDS[_one_of(_WORLDS)(value, place)],
    "title": as_text,
    "attributes": _attributes,
    "parts": _parts,
    "delegates": _delegates,
    "iteration": _one_of(frozenset({"none", "sync", "async"})),
    "iteration_ends_with": as_name,
    "ends": _names,
    "roles": _roles,
    "duplex": parse_arg_ref,
    "capacity": parse_arg_ref,
    "default_capacity": _number,
    "unbounded_from": _number,
    **dict.fromkeys(("pickles_items", "pipe_backed", "collected", "keeps_interpreter"), _flag),
    "order": _one_of(frozenset({"fifo", "lifo", "priority"})),
    "exit": _one_of(_EXITS),
    "subclass_entry": as_name,
    "actor": _one_of(_ACTORS),
    "yields": as_name,
}
TYPE_KEYS = frozenset({"bases", "like", "methods", "constructor", *_TYPE_FIELDS})


def parse_effect(
    raw: object, place: Place, *, functions: Mapping[str, Effect] = MappingProxyType({}), makes: str | None = None
) -> Effect:
    """Make an effect of a table, or of a text that only names the op (``qsize = "poll"``).

    Args:
        raw: what the file says.
        place: where it says so.
        functions: effects that the table can be ``like``; what it says itself goes first.
        makes: the type that a constructor makes unless it says otherwise: its own.

    Raises:
        CatalogueError: unknown key or value, wrong type, or a key that this op needs is missing.
    """
    table = {"op": raw} if isinstance(raw, str) else as_table(raw, place)
    check_keys(table, EFFECT_KEYS, place)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key != "like":
            values[key] = _EFFECT_FIELDS[key](value, place.within(key))
    if makes is not None:
        values.setdefault("makes", makes)
    if "like" in table:
        model = functions.get(as_name(table["like"], place.within("like")))
        if model is None:
            raise CatalogueError(place, f"like {table['like']!r}: no such function{suggestion(table['like'], functions)}")
        return replace(model, **values)
    if "op" not in values:
        raise CatalogueError(place, "no 'op' says what this call does")
    for key in _NEEDED.get(values["op"], ()):
        if key not in values:
            raise CatalogueError(place, f"op {values['op'].value!r} needs the key {key!r}")
    return Effect(**values)


def parse_type(
    name: str,
    raw: Mapping[str, Any],
    place: Place,
    *,
    functions: Mapping[str, Effect] = MappingProxyType({}),
    inherited: tuple[TypeInfo, ...] = (),
    model: TypeInfo | None = None,
) -> TypeInfo:
    """Make a type of a table.

    What the table does not say is taken from the type it is ``like`` (its methods too), else from its first base (its
    methods are found there when asked for), else it is the schema's default.

    Args:
        name: canonical name.
        raw: what the file says.
        place: where it says so.
        functions: effects that methods can be ``like``.
        inherited: the types named by ``bases``.
        model: the type named by ``like``.

    Raises:
        CatalogueError: unknown key or value, wrong type, no category, ends and roles that do not fit.
    """
    check_keys(raw, TYPE_KEYS, place)
    values: dict[str, Any] = {}
    source = model or (inherited[0] if inherited else None)
    if source is not None:
        values = {key: getattr(source, key) for key in _TYPE_FIELDS}
    for key, value in raw.items():
        if key in _TYPE_FIELDS:
            values[key] = _TYPE_FIELDS[key](value, place.within(key))
    if source is not None:
        values["attributes"] = {**source.attributes, **values["attributes"]}
    if "category" not in values:
        raise CatalogueError(place, f"no 'category' says what it is{_choices(_CATEGORIES)}")
    methods = dict(model.methods) if model is not None else {}
    for method, effect in as_table(raw.get("methods", {}), place.within("methods")).items():
        methods[method] = parse_effect(effect, place.within(f"methods.{method}"), functions=functions)
    bases = tuple(base.name for base in inherited) or (model.bases if model is not None else ())
    info = TypeInfo(name=name, methods=methods, bases=bases, **values)
    if len(info.ends) != len(info.roles) or len(info.ends) not in (0, 2):
        raise CatalogueError(place, "'ends' and 'roles' need two values each")
    for method, called in info.delegates.items():
        for part, _ in called:
            if part not in info.parts:
                raise CatalogueError(place.within(f"delegates.{method}"), f"no part {part!r}{suggestion(part, info.parts)}")
    for method, known in info.methods.items():
        if info.category is Category.CHANNEL and known.op is OpKind.CLOSE and known.wakes is None:
            raise CatalogueError(place.within(f"methods.{method}"), "a channel's close needs the key 'wakes'")
    return info
