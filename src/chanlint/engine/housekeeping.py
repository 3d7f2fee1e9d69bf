"""The pages of the findings that the engine makes itself: about files and comments, not about channels."""

from __future__ import annotations

PAGES: dict[str, tuple[str, str]] = {
    "CHN000": (
        "unreadable-file",
        """A file could not be read or understood.

**Why**: what chanlint cannot read it cannot judge, so silence about such a file would mislead. The message says what is in
the way: a syntax error, an encoding, a missing permission, or code nested too deeply.

**Limits**: reported for files in which a channel could be, and for files named one by one on the command line. It stays
in force under `--select CHN1` and the like, unless it is ignored by its code or name.
""",
    ),
    "CHN001": (
        "unused-suppression",
        """A comment silences a finding that is not there.

**Why**: the leak was repaired, or the code moved. A comment that stays behind hides the next leak in that line.

**Limits**: in `# noqa` only codes that begin with CHN are judged. A code is judged only where its rule is in force in this run,
the file was understood and no limit of the analysis was reached; under flake8 and for standard input, where only one file is
seen, none is. `# chanlint: skip-file` is never judged.
""",
    ),
    "CHN002": (
        "unknown-suppression-code",
        """A comment names a rule that does not exist.

**Why**: it silences nothing, although it looks as if it did. The message suggests a rule with a similar name.

**Limits**: in `# noqa` only codes that begin with CHN are looked at: others belong to other tools.
""",
    ),
}
"""Name and documentation of each, by code."""
