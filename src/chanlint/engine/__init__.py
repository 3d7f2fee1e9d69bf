"""Runs a check: which files, what was found in them, and what of that is shown. The only layer that reads files."""
