"""Options of the test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-lowering", action="store_true", help="write the current IR into tests/lowering/*.txt")
    parser.addoption("--rewrite-tutorial", action="store_true", help="write the current outputs into docs/tutorial.md")
