"""The language-neutral program: ops, control flow and modules. Knows no syntax, no library and no language name."""
