"""Embeddings inside any PostgreSQL with pgvector: kept up to date, searched, clustered in SQL.

The names below are loaded when they are first used, so that importing sqlembed costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlembed.embedders import Embedder, Registry
    from sqlembed.errors import RetryLater, SqlembedError
    from sqlembed.orm import Embedded, attach, chunks, embed, search

__version__ = "0.1.0"

__all__ = [
    "Embedded",
    "Embedder",
    "Registry",
    "RetryLater",
    "SqlembedError",
    "attach",
    "chunks",
    "embed",
    "search",
]

_HOMES = {
    "Embedded": "sqlembed.orm",
    "Embedder": "sqlembed.embedders",
    "Registry": "sqlembed.embedders",
    "RetryLater": "sqlembed.errors",
    "SqlembedError": "sqlembed.errors",
    "attach": "sqlembed.orm",
    "chunks": "sqlembed.orm",
    "embed": "sqlembed.orm",
    "search": "sqlembed.orm",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sqlembed' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
