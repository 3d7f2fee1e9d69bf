"""What is left of a result when known findings and those of old code are taken out.

Nouns:

* **Known**: in the baseline.
* **Untouched**: no place of the finding lies in the diff, and it was there before it, too.

Both are applied after everything else, to findings from a cache as to fresh ones.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from chanlint.engine.filesystem import FileSystem

if TYPE_CHECKING:
    from chanlint.diagnostics import Diagnostic
    from chanlint.engine.config import Settings
    from chanlint.engine.result import Result


def narrow(result: Result, settings: Settings, filesystem: FileSystem, look: Callable[[Settings, FileSystem], Result]) -> None:
    """Leaves in ``result`` what the baseline and the revision of ``settings`` do not take out.

    Args:
        result: is changed.
        settings: as they were given, or resolved.
        filesystem: where the baseline is.
        look: the result for other settings and contents of the files, without this step.

    Raises:
        ConfigurationError: the baseline or the revision cannot be used.
    """
    from chanlint.engine.config import resolve_settings

    settings = resolve_settings(settings, filesystem)
    if settings.baseline is not None:
        _leave_out_known(result, settings, settings.baseline, filesystem)
    if settings.diff_base is not None:
        _leave_out_untouched(result, settings, settings.diff_base, look)


def _leave_out_known(result: Result, settings: Settings, path: str, filesystem: FileSystem) -> None:
    """Takes out what the baseline knows."""
    from chanlint.engine.baseline import BaselineError, read_baseline, unknown_to
    from chanlint.engine.errors import ConfigurationError
    from chanlint.engine.paths import display_path

    try:
        entries = read_baseline(path, filesystem)
    except BaselineError as error:
        raise ConfigurationError(f"{display_path(path, settings.cwd)}: {error}") from None
    before = len(result.diagnostics)
    result.diagnostics, left = unknown_to(entries, result.diagnostics)
    result.known = before - len(result.diagnostics)
    root = settings.project_root or settings.cwd
    result.stale = Counter(
        {
            identity: count
            for identity, count in left.items()
            if identity.path in result.report.modules or not filesystem.exists(os.path.join(root, identity.path))
        }
    )


def _leave_out_untouched(result: Result, settings: Settings, base: str, look: Callable[[Settings, FileSystem], Result]) -> None:
    """Keeps findings with a place in the diff, and those that were not there before it: a close may be gone from anywhere."""
    from chanlint.engine.baseline import entries_of, unknown_to
    from chanlint.engine.changes import DiffError, changes_since
    from chanlint.engine.errors import ConfigurationError

    try:
        changes = changes_since(base, settings.cwd)
    except DiffError as error:
        raise ConfigurationError(f"--diff-base: {error}") from None
    untouched = [one for one in result.diagnostics if not changes.touches(one, settings.cwd)]
    caused: list[Diagnostic] = []
    if untouched and changes.deletes:
        before = look(settings._replace(diff_base=None), FileSystem(changes.before))
        caused, _ = unknown_to(entries_of(before.diagnostics), untouched)
    passed = {*untouched} - {*caused}
    result.diagnostics = [one for one in result.diagnostics if one not in passed]
