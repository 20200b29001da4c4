"""Helpers of the tests that write rows and have them embedded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import psycopg
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import Worker

Connection = psycopg.Connection[Any]

HASH = HashEmbedder("hash", 8)


def rows(connection: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    return connection.execute(statement.encode(), values or None).fetchall()


def run(connection: Connection, statement: str, *values: object) -> None:
    """Run a statement."""
    connection.execute(statement.encode(), values or None)


def scalar(connection: Connection, statement: str, *values: object) -> Any:
    """Run a statement and return its only value."""
    ((value,),) = rows(connection, statement, *values)
    return value


def refused(connection: Connection, sqlstate: str, statement: str, *values: object) -> str:
    """Run a statement that must fail with a SQLSTATE; returns message and hint."""
    with pytest.raises(psycopg.Error) as raised:
        run(connection, statement, *values)
    assert raised.value.sqlstate == sqlstate, raised.value
    diagnostics = raised.value.diag
    return f"{diagnostics.message_primary}\n{diagnostics.message_hint or ''}"


def register(connection: Connection, *names: str, dimensions: int = 8) -> None:
    """Make embedders known that no worker has served."""
    for name in names or ("hash",):
        run(connection, "select sqlembed.register_embedder(%s, %s)", name, dimensions)


def declare(connection: Connection, relation: str, source: str, **options: object) -> int:
    """Call create_embedding with embedder ``hash`` and, unless told, without an index."""
    arguments = {"embedder": "hash", "source": source, "index": "none"} | options
    named = ", ".join(f"{name} => %s" for name in arguments)
    statement = f"select sqlembed.create_embedding(%s::regclass, {named})"
    return int(scalar(connection, statement, relation, *arguments.values()))


def changes(connection: Connection) -> list[Any]:
    """Return the keys in ``change``, in the order of arrival, and forget them."""
    return [
        key
        for (key,) in rows(
            connection,
            "with gone as (delete from sqlembed.change returning id, key)"
            " select key from gone order by id",
        )
    ]


def fold(connection: Connection) -> None:
    """Turn all changes into jobs, as a worker does."""
    run(connection, "select sqlembed._fold_changes(0, '{}', '{}', '{}', '1 min')")


def embed_all(url: str, registry: Registry | None = None, **options: Any) -> None:
    """Run a worker until nothing is left."""
    Worker(url, registry or hash_registry(), **options).run(burst=True)


def hash_registry(*names: str) -> Registry:
    """Return a registry of ``HashEmbedder`` of 8 dimensions."""
    registry = Registry()
    for name in names or ("hash",):
        registry.add(HashEmbedder(name, 8))
    return registry


def function_registry(
    function: Callable[[Sequence[str]], Any], *, name: str = "hash", batch_size: int = 64
) -> Registry:
    """Return a registry with one function of 8 dimensions."""
    registry = Registry()
    registry.embedder(name, dimensions=8, batch_size=batch_size)(function)
    return registry


def outdated(
    connection: Connection,
    relation: str,
    source: str,
    vector: str = "embedding",
    embedder: HashEmbedder = HASH,
) -> list[Any]:
    """Return what rows hold whose vector is not the one of their text; blank ones need none."""
    found = rows(
        connection,
        f"select (({source})::text), ({vector})::real[] from {relation}",
    )
    wrong = []
    for text, given in found:
        if text is None or not text.strip():
            if given is not None:
                wrong.append((text, given))
        elif given is None or not np.allclose(given, embedder.embed([text])[0], atol=1e-3):
            wrong.append((text, given))
    return wrong
