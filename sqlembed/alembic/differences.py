"""What a model says of an embedding, and in what that differs from what is declared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table

from sqlembed.alembic import catalogue
from sqlembed.alembic.catalogue import Declared
from sqlembed.alembic.embeddings import CreateEmbeddingOp
from sqlembed.alembic.indexes import natural_storage
from sqlembed.orm.embedded import Embedded, in_postgresql

#: Compared as they stand.
PLAIN = ("timing", "on_change", "metric", "index")


def created(table: Table, column: Column[Any], embedded: Embedded) -> CreateEmbeddingOp:
    """Return the operation that declares what a model says."""
    storage = embedded.check(column)
    dimensions: int = in_postgresql(column.type).dim  # type: ignore[attr-defined]
    return CreateEmbeddingOp(
        table_name=table.name,
        embedding=column.name,
        schema=table.schema,
        embedder=embedded.embedder,
        source=embedded.source,
        dimensions=dimensions,
        timing=embedded.timing,
        on_change=embedded.on_change,
        metric=embedded.metric,
        storage=None if storage == natural_storage(dimensions) else storage,
        index=embedded.index,
        index_options=embedded.index_options or None,
        place=embedded.place,
        chunking=embedded.chunking,
        adopt=embedded.adopt,
        full_text=embedded.full_text,
    )


def is_remade(present: Declared, wanted: CreateEmbeddingOp) -> bool:
    """Whether the difference is one that only a drop and a new declaration can make."""
    was = present.place == "side", present.chunking is not None
    return was != (wanted.is_beside, wanted.chunking is not None)


def differences(
    connection: Connection, present: Declared, wanted: CreateEmbeddingOp
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is to change, and what it was."""
    changes: dict[str, Any] = {}
    existing: dict[str, Any] = {}
    if (present.embedder, present.dimensions) != (wanted.embedder, wanted.dimensions):
        changes |= {"embedder": wanted.embedder, "dimensions": wanted.dimensions}
        existing |= {"embedder": present.embedder, "dimensions": present.dimensions}
    if not catalogue.is_same_source(connection, present, wanted.source):
        changes["source"] = wanted.source
        existing["source"] = (
            present.declared_source
            if catalogue.is_same_source(connection, present, present.declared_source)
            else present.source
        )
    for name in PLAIN:
        was, is_to_be = getattr(present, name), getattr(wanted, name)
        if was != is_to_be:
            changes[name], existing[name] = is_to_be, was
    storage = wanted.storage or natural_storage(wanted.dimensions)
    if storage != present.storage:
        changes["storage"], existing["storage"] = storage, present.storage
    was_said, is_said = dict(present.index_options or {}), dict(wanted.index_options or {})
    if was_said != is_said:
        changes["index_options"], existing["index_options"] = is_said, was_said
    if not catalogue.is_same_chunking(connection, present, wanted.chunking):
        changes["chunking"], existing["chunking"] = wanted.chunking, present.chunking
    if not catalogue.is_same_full_text(connection, present, wanted.full_text):
        # In SQL, NULL leaves it as it is.
        changes["full_text"], existing["full_text"] = (
            wanted.full_text or "",
            present.full_text or "",
        )
    return changes, existing
