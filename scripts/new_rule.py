"""Begins a rule: ``python scripts/new_rule.py CHN199 what-it-finds "One sentence that says what it finds."``.

Writes what every rule has, for its author to fill in: the module with the parts of its documentation and its value, a folder
with a first fixture, and the lines in the registry. A ``Lifecycle`` rule asks about one group of blocked consumers, a ``Rule``
(with ``--whole``) about the whole model. Nothing is written where the code, the name or the summary will not do.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_CODE = re.compile(r"CHN\d{3}")
_NAME = re.compile(r"[a-z]+(-[a-z]+)+")
_LONGEST_SUMMARY = 120

_DOCUMENTATION = '''\
"""{summary}

Why
---
What goes wrong, and why it is not noticed.

Bad
---
```python
import queue

jobs = queue.Queue()
print(jobs.get())  # error: [{code}]
```

Good
----
```python
import queue

jobs = queue.Queue()
jobs.put(1)
print(jobs.get())
```

Limits
------
Where it stays silent although something may be wrong.
"""

from __future__ import annotations

'''

_LIFECYCLE = '''\
from chanlint.findings import Finding
from chanlint.model.channel import Group
from chanlint.rules.base import Lifecycle


def find(group: Group) -> Finding | None:
    """The finding about consumers that ...."""
    return None


RULE = Lifecycle("{code}", "{name}", find, __name__)
'''

_WHOLE = '''\
from collections.abc import Iterable

from chanlint.findings import Finding
from chanlint.model.channel import ChannelModel
from chanlint.rules.base import Rule


def check(model: ChannelModel) -> Iterable[Finding]:
    """The findings about ...."""
    return ()


RULE = Rule("{code}", "{name}", check, __name__)
'''

_FIXTURE = '''\
"""What the simplest program looks like, and its repaired twin."""

import threading


def leak_replace_this():
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire, daemon=True).start()  # missing: [{code}] the rule is not written yet


def ok_replace_this():
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire, daemon=True).start()
    lock.release()
'''


class RefusedError(ValueError):
    """The rule cannot be begun like this; the text says why in one line."""


def known_codes(root: Path) -> set[str]:
    """The codes in use, and those whose page is still there."""
    texts = [path.read_text(encoding="utf-8") for path in (root / "src").rglob("*.py")]
    texts += [path.name for path in (root / "docs" / "rules").glob("*.md")]
    return {code for text in texts for code in _CODE.findall(text)}


def known_names(root: Path) -> set[str]:
    """The names of the rules that have a module."""
    modules = (root / "src" / "chanlint" / "rules").glob("chn*.py")
    return {path.stem.partition("_")[2].replace("_", "-") for path in modules}


def refuse(root: Path, code: str, name: str, summary: str) -> None:
    """Checks the three words of a new rule.

    Raises:
        RefusedError: one of them will not do.
    """
    if not _CODE.fullmatch(code):
        raise RefusedError(f"{code!r} is no code: it must be CHN and three digits")
    if code in known_codes(root):
        raise RefusedError(f"{code} is in use: a code is never used twice")
    if not _NAME.fullmatch(name):
        raise RefusedError(f"{name!r} is no name: it must be lower-case words with dashes, as in close-not-on-all-paths")
    if name in known_names(root):
        raise RefusedError(f"{name} is the name of another rule")
    if "\n" in summary or len(summary) > _LONGEST_SUMMARY or not re.fullmatch(r"[A-Z`].*[^.\s]\.", summary):
        raise RefusedError(f"{summary!r} is no summary: it must be one sentence of at most {_LONGEST_SUMMARY} characters")


def _with_element(text: str, opening: str, element: str) -> str:
    """``text`` with one more element, in alphabetical order, in the bracket that ``opening`` opens."""
    start = text.index(opening) + len(opening)
    end = text.index(")", start)
    elements = {each.strip() for each in text[start:end].split(",") if each.strip()}
    lines = "".join(f"    {each},\n" for each in sorted({*elements, element}))
    return f"{text[:start]}\n{lines}{text[end:]}"


def registered(text: str, module: str, whole: bool) -> str:
    """The text of the registry with one more rule; a rule about groups goes first, for its author to move."""
    text = _with_element(text, "from chanlint.rules import (", module)
    if whole:
        return _with_element(text, "_OTHERS: tuple[Rule, ...] = (", f"{module}.RULE")
    return text.replace("in_precedence(\n    (\n", f"in_precedence(\n    (\n        {module}.RULE,\n", 1)


def write(root: Path, code: str, name: str, summary: str, *, whole: bool) -> list[Path]:
    """Writes the parts of a new rule and returns them, the registry last."""
    stem = f"{code.lower()}_{name.replace('-', '_')}"
    module = root / "src" / "chanlint" / "rules" / f"{stem}.py"
    fixture = root / "tests" / "fixtures" / stem / "first_steps.py"
    registry = root / "src" / "chanlint" / "rules" / "registry.py"
    text = _DOCUMENTATION + (_WHOLE if whole else _LIFECYCLE)
    module.write_text(text.format(code=code, name=name, summary=summary), encoding="utf-8")
    fixture.parent.mkdir(parents=True, exist_ok=True)
    fixture.write_text(_FIXTURE.format(code=code), encoding="utf-8")
    registry.write_text(registered(registry.read_text(encoding="utf-8"), stem, whole), encoding="utf-8")
    return [module, fixture, registry]


def main(arguments: list[str] | None = None) -> int:
    """Begins the rule; 2 where its code, name or summary will not do."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("code", help="CHN and three digits, not used before")
    parser.add_argument("name", help="what it finds, in words that read well after 'allow': unclosed-channel")
    parser.add_argument("summary", help="one sentence that says what it finds")
    parser.add_argument("--whole", action="store_true", help="a question about the whole model, not about blocked consumers")
    options = parser.parse_args(arguments)
    try:
        refuse(ROOT, options.code, options.name, options.summary)
    except RefusedError as error:
        print(f"new_rule.py: {error}", file=sys.stderr)
        return 2
    for path in write(ROOT, options.code, options.name, options.summary, whole=options.whole):
        print(path.relative_to(ROOT))
    print("Then: docs/adding_a_rule.md, from 'The module' on.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
