"""Autogenerate of generations: what leads to another embedder while the present one is used."""

from __future__ import annotations

import logging
from typing import Any

from alembic.operations import MigrateOperation
from sqlalchemy import Connection

from sqlembed.alembic import catalogue
from sqlembed.alembic.catalogue import Declared
from sqlembed.alembic.differences import differences
from sqlembed.alembic.embeddings import EMPTYING, AlterEmbeddingOp, CreateEmbeddingOp
from sqlembed.alembic.generations import (
    GENERATED,
    Beside,
    CreateGenerationOp,
    DropBesideOp,
    RollbackGenerationOp,
    SwitchGenerationOp,
)

log = logging.getLogger(__name__)


def succession(
    connection: Connection, present: Declared, wanted: CreateEmbeddingOp
) -> list[MigrateOperation] | None:
    """Return what is to be done about generations; ``None`` where they have no part in it.

    Nothing is to be done while the one that the model declares is being built.
    """
    changes, existing = differences(connection, present, wanted)
    if not changes.keys() & set(GENERATED):
        return None
    if present.beside is not None and _is_wanted(connection, present.beside, wanted):
        return _exchanged(connection, present, present.beside, wanted)
    if not changes.keys() & set(EMPTYING):
        return None
    log.info("Detected another embedder of %r on table %r", wanted.embedding, wanted.table_name)
    operations: list[MigrateOperation] = []
    if present.beside is not None:
        operations.append(dropped(connection, present, present.beside, wanted))
    # The generation takes over the rest; and words are made of the source of the present one.
    first = set(changes) - set(GENERATED) | ({"source"} if wanted.full_text else set())
    if altered := {name: value for name, value in changes.items() if name in first}:
        alter = AlterEmbeddingOp(
            **_target(wanted),
            changes=altered,
            existing={name: existing[name] for name in altered},
        )
        operations.append(alter)
    created = {name: value for name, value in changes.items() if name not in first}
    operations.append(CreateGenerationOp(**_target(wanted), changes=created))
    return operations


def dropped(
    connection: Connection, present: Declared, beside: Declared, embedding: CreateEmbeddingOp
) -> DropBesideOp:
    """Return the drop of the generation beside an embedding, which knows how that was made."""
    as_declared = CreateEmbeddingOp(
        table_name=beside.table_name,
        embedder=beside.embedder,
        source=beside.declared_source,
        dimensions=beside.dimensions,
        metric=beside.metric,
        storage=beside.storage,
        index=beside.index,
        index_options=beside.index_options,
        chunking=beside.chunking,
    )
    changes, _ = differences(connection, present, as_declared)
    made = {name: value for name, value in changes.items() if name in GENERATED}
    generation: Beside = "previous" if beside.generation == "previous" else "next"
    create = CreateGenerationOp(**_target(embedding), changes=made, generation=generation)
    return create.reverse()


def _is_wanted(connection: Connection, beside: Declared, wanted: CreateEmbeddingOp) -> bool:
    changes, _ = differences(connection, beside, wanted)
    return not changes.keys() & set(GENERATED)


def _exchanged(
    connection: Connection, present: Declared, beside: Declared, wanted: CreateEmbeddingOp
) -> list[MigrateOperation]:
    if beside.generation == "previous":
        log.info(
            "Detected the previous generation of %r on table %r as what is wanted",
            wanted.embedding,
            wanted.table_name,
        )
        return [RollbackGenerationOp(**_target(wanted))]
    if not catalogue.is_filled(connection, present):
        log.info(
            "The next generation of %r on table %r is not filled yet, so its switch is left to a"
            " later revision",
            wanted.embedding,
            wanted.table_name,
        )
        return []
    log.info(
        "Detected the next generation of %r on table %r as filled",
        wanted.embedding,
        wanted.table_name,
    )
    switch = SwitchGenerationOp(
        **_target(wanted),
        # The size of the vectors decides no other index.
        dimensions=beside.dimensions if beside.index == "binary" else None,
        metric=beside.metric,
        storage=None if beside.storage == "vector" else beside.storage,
        # A partitioned table takes none that is built concurrently, as a script would.
        index=beside.index if present.is_plain else "none",
        index_options=beside.index_options or None,
        place=beside.place,
    )
    return [switch]


def _target(wanted: CreateEmbeddingOp) -> dict[str, Any]:
    return {
        "table_name": wanted.table_name,
        "embedding": wanted.embedding,
        "schema": wanted.schema,
    }
