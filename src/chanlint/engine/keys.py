"""The keys of a configuration: what may stand in ``chanlint.toml`` and in ``[tool.chanlint]``.

Nouns:

* **Key**: a setting's name, what values it takes, what it means. The JSON schema and the checks are made from the same table.
* **Reach**: ``run`` for keys that hold for a whole run and are read from the project root, ``file`` for keys of which the
  nearest configuration above each file decides.
* **Locator**: tells the row in which a key stands; TOML parsers keep no places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from chanlint.diagnostics import Confidence, Severity
from chanlint.engine.versions import parse_version

SCHEMA_DIALECT = "http://json-schema.org/draft-07/schema#"

Complain = Callable[[tuple[str | int, ...], str], Exception]
"""Makes the error for a problem at a path of keys."""


class Key(NamedTuple):
    """One key.

    Attributes:
        kind: ``codes``, ``texts``, ``flag``, ``text``, ``version``, ``confidence``, ``severity``, ``codes-by-pattern``,
            ``severity-by-code`` or ``tables``.
        field: the field of `Settings` that it fills, or None where it is read by other means.
    """

    name: str
    kind: str
    reach: str
    field: str | None
    help: str


KEYS: dict[str, Key] = {
    key.name: key
    for key in (
        Key("extend", "text", "run", None, "Another configuration file to start from; a relative path starts at this file."),
        Key("select", "codes", "file", "select", "Rules to report: codes, prefixes of codes or names."),
        Key("ignore", "codes", "file", "ignore", "Rules not to report."),
        Key("extend-select", "codes", "file", "extend_select", "Rules to report besides those of 'select'."),
        Key("extend-ignore", "codes", "file", "extend_ignore", "Rules not to report besides those of 'ignore'."),
        Key(
            "per-file-ignores",
            "codes-by-pattern",
            "file",
            "per_file_ignores",
            "Rules not to report in files that fit a pattern, which is read as in .gitignore from this file's folder; "
            "'!' before it means the files that do not fit.",
        ),
        Key("severity", "severity-by-code", "file", "severity", "Other severities for some rules."),
        Key("min-confidence", "confidence", "file", "min_confidence", "Leave out findings that chanlint is less sure of."),
        Key("min-severity", "severity", "file", "min_severity", "Leave out findings that are less severe."),
        Key("exclude", "texts", "run", "exclude", "Names or globs of files and folders to leave out, not the usual ones."),
        Key("extend-exclude", "texts", "run", "extend_exclude", "Names or globs to leave out besides those of 'exclude'."),
        Key("force-exclude", "flag", "run", "force_exclude", "Leave out excluded paths even where they are named."),
        Key("respect-gitignore", "flag", "run", "respect_gitignore", "Leave out what .gitignore files leave out."),
        Key(
            "target-version",
            "version",
            "run",
            "target_version",
            "The Python that the code runs on, such as '3.12'; else the lower bound of 'requires-python', else 3.11.",
        ),
        Key("src", "texts", "run", "source_roots", "Folders below the project root where absolute imports start."),
        Key("baseline", "text", "run", "baseline", "The baseline file; a relative path starts at this file."),
        Key("cache-dir", "text", "run", "cache_dir", "Where results are kept from run to run, from this file's folder."),
        Key(
            "docs-url",
            "text",
            "file",
            "docs_url",
            "Where rule pages are, such as the address of docs/rules on your site; {code}, {name} and {page} are filled in.",
        ),
        Key("channels", "tables", "run", None, "Channel types of your own or of further libraries; see adding_a_library.md."),
        Key("spawners", "tables", "run", None, "Functions and types that start threads, tasks or processes for their callers."),
    )
}
"""Every key, in the order in which ``chanlint config`` shows them."""


def check_values(table: Mapping[str, Any], codes: Mapping[str, str], complain: Complain) -> dict[str, Any]:
    """The values of a configuration table by key, read into what `Settings` holds; entries of ``tables`` are left as they are.

    Args:
        table: what the file says.
        codes: the rules' names by code.

    Raises:
        Exception: what ``complain`` makes: an unknown key, or a value that the key does not take.
    """
    values: dict[str, Any] = {}
    for name, value in table.items():
        key = KEYS.get(name)
        if key is None:
            raise complain((name,), f"unknown key '{name}'{_hint(name, KEYS)}")
        values[name] = _Reader(codes, complain).read(key, value)
    return values


class _Reader:
    def __init__(self, codes: Mapping[str, str], complain: Complain) -> None:
        self._codes = codes
        self._complain = complain

    def read(self, key: Key, value: object) -> Any:
        at = (key.name,)
        match key.kind:
            case "codes":
                return self._selectors(at, value)
            case "texts":
                return self._texts(at, value)
            case "text":
                return self._text(at, value)
            case "flag":
                if not isinstance(value, bool):
                    raise self._wrong(at, "true or false", value)
                return value
            case "version":
                version = parse_version(self._text(at, value))
                if version is None:
                    raise self._complain(at, f"'{key.name}': {value!r} is not a version such as '3.12'")
                return version
            case "confidence":
                return Confidence(self._choice(at, value, [each.value for each in Confidence]))
            case "severity":
                return Severity(self._choice(at, value, [each.value for each in Severity]))
            case "codes-by-pattern":
                table = self._table(at, value)
                return tuple((pattern, self._selectors((*at, pattern), listed)) for pattern, listed in table.items())
            case "severity-by-code":
                return tuple(self._severity((*at, code), code, name) for code, name in self._table(at, value).items())
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._complain(at, f"'{key.name}' is a list of tables: write [[{key.name}]]")
        return value

    def _severity(self, at: tuple[str | int, ...], selector: str, name: object) -> tuple[str, Severity]:
        self._selector(at, selector)
        return selector, Severity(self._choice(at, name, [each.value for each in Severity]))

    def _selectors(self, at: tuple[str | int, ...], value: object) -> tuple[str, ...]:
        found = self._texts(at, value)
        for selector in found:
            self._selector(at, selector)
        return found

    def _selector(self, at: tuple[str | int, ...], selector: str) -> None:
        from chanlint.engine.codes import fit, unknown

        if all(fit(selector, code, name) < 0 for code, name in self._codes.items()):
            raise self._complain(at, unknown(selector, dict(self._codes)))

    def _texts(self, at: tuple[str | int, ...], value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(at, "a list of texts", value)
        return tuple(value)

    def _text(self, at: tuple[str | int, ...], value: object) -> str:
        if not isinstance(value, str) or not value:
            raise self._wrong(at, "a text", value)
        return value

    def _table(self, at: tuple[str | int, ...], value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(at, "a table", value)
        return value

    def _choice(self, at: tuple[str | int, ...], value: object, known: list[str]) -> str:
        if not isinstance(value, str) or value not in known:
            near = _hint(value, known) if isinstance(value, str) else ""
            raise self._complain(at, f"'{at[0]}': {value!r} is none of {', '.join(known)}{near}")
        return value

    def _wrong(self, at: tuple[str | int, ...], wanted: str, value: object) -> Exception:
        kinds = {bool: "a truth value", str: "a text", int: "a number", list: "a list", dict: "a table", float: "a number"}
        found = "an empty text" if value == "" else kinds.get(type(value), f"a {type(value).__name__}")
        return self._complain(at, f"'{at[0]}' takes {wanted}, not {found}")


def _hint(word: str, known: Collection[str]) -> str:
    import difflib  # only where a word is wrong

    near = difflib.get_close_matches(word, known, 1)
    return f"; did you mean '{near[0]}'?" if near else ""


# -- the schema -------------------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """The JSON schema of ``chanlint.toml`` and of ``[tool.chanlint]``."""
    words = "A code (CHN101), a prefix (CHN1), a name (unclosed-channel) or ALL."
    selector = {"type": "string", "description": words, "minLength": 1}
    severity = {"enum": [each.value for each in Severity]}
    selectors = {"type": "array", "items": {"$ref": "#/definitions/selector"}}
    shapes: dict[str, dict[str, Any]] = {
        "codes": selectors,
        "texts": {"type": "array", "items": {"type": "string"}},
        "text": {"type": "string", "minLength": 1},
        "flag": {"type": "boolean"},
        "version": {"type": "string", "pattern": r"^\s*(py)?3\.?\d{1,2}\s*$"},
        "confidence": {"enum": [each.value for each in Confidence]},
        "severity": {"$ref": "#/definitions/severity"},
        "codes-by-pattern": {"type": "object", "additionalProperties": selectors},
        "severity-by-code": {"type": "object", "additionalProperties": {"$ref": "#/definitions/severity"}},
        "tables": {"type": "array", "items": {"$ref": "#/definitions/entry"}},
    }
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "Settings of chanlint",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"description": key.help, **shapes[key.kind]} for name, key in KEYS.items()},
        "definitions": {"selector": selector, "severity": severity, "entry": _entry_schema()},
    }


def _entry_schema() -> dict[str, Any]:
    """A table of ``channels`` or ``spawners``: its keys; what they mean together is checked when the catalogue is loaded."""
    from chanlint.catalogue.entries import EFFECT_KEYS, TYPE_KEYS

    properties: dict[str, Any] = dict.fromkeys(EFFECT_KEYS | TYPE_KEYS, True)
    properties["name"] = {"type": "string", "description": "The dotted name under which programs import it.", "minLength": 1}
    properties |= {name: {"type": "array", "items": {"type": "string"}} for name in ("aliases", "needles")}
    known = dict(sorted(properties.items()))
    return {"type": "object", "required": ["name"], "additionalProperties": False, "properties": known}


# -- places -----------------------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]\n]+)\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*((?:"[^"\n]*"|'[^'\n]*'|[\w-]+)(?:\s*\.\s*(?:"[^"\n]*"|'[^'\n]*'|[\w-]+))*)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*\.?""")


def row_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The row (from 1) of the key at ``path``, or of the nearest table around it; None where not even its first part is found.

    Numbers in the path count the tables of an array from 0.
    """
    best: tuple[int, int] | None = None
    table: tuple[str | int, ...] = ()
    arrays: dict[tuple[str | int, ...], int] = {}
    for row, line in enumerate(text.split("\n"), 1):
        header = _HEADER.match(line)
        if header is not None:
            table = _parts(header[2])
            if header[1] == "[[":
                number = arrays[table] = arrays.get(table, -1) + 1
                table = (*table, number)
            found = table
        else:
            assignment = _ASSIGNMENT.match(line)
            if assignment is None:
                continue
            found = (*table, *_parts(assignment[1]))
        common = path[: len(found)] if len(found) <= len(path) else found[: len(path)]
        if found[: len(common)] == path[: len(common)] and (best is None or len(common) > best[0]):
            best = (len(common), row)
    return best[1] if best is not None else None


def _parts(dotted: str) -> tuple[str | int, ...]:
    return tuple(next(part for part in match.groups() if part is not None) for match in _PART.finditer(dotted))
