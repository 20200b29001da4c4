"""Options, the report's header and a clean environment; fixtures live in the fix_ modules."""

from __future__ import annotations

import os

import pytest

# In this order: what one module imports must have been registered before it.
pytest_plugins = [
    "tests.fix_database",
    "tests.fix_scram",
    "tests.fix_hostile",
    "tests.fix_worker",
    "tests.fix_gate",
    "tests.fix_browser",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--docker",
        action="store_true",
        help="run the tests in a pgvector container, where a Docker engine answers",
    )


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores, because tests also wait; each has its own server."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_configure() -> None:
    for name in list(os.environ):
        if name.startswith("PG") or (name.startswith("SQLEMBED_") and "TEST" not in name):
            del os.environ[name]
