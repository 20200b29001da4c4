"""What the operations on embeddings do, online and in a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alembic.operations import Operations

from sqlembed.alembic.embeddings import (
    ALTERABLE,
    AlterEmbeddingOp,
    CreateEmbeddingOp,
    DropEmbeddingOp,
    Target,
)
from sqlembed.alembic.indexes import build_concurrently, natural_storage
from sqlembed.alembic.statements import call, relation, run_patiently
from sqlembed.errors import InputError
from sqlembed.orm.literals import literal

CREATE_ARGUMENTS = (*ALTERABLE, "place", "adopt")

NO_INDEX = {"index": "none", "index_options": None}


@Operations.implementation_for(CreateEmbeddingOp)
def _create_embedding(operations: Operations, operation: CreateEmbeddingOp) -> None:
    arguments = {name: getattr(operation, name) for name in CREATE_ARGUMENTS}
    if not operation.concurrently or operation.index == "none":
        perform(operations, operation, "create_embedding", arguments)
        return
    if operation.is_beside:
        raise InputError(
            "create_embedding: concurrently goes with vectors in the rows only",
            hint="A side table is new and empty, so its index is built at once: leave it out.",
        )
    # The index comes last, and what is declared is left so: a revision that stopped in between can
    # be run again.
    create = _call(operations, operation, "create_embedding", arguments | NO_INDEX)
    run_patiently(
        operations,
        f"""
            if not exists (
                select from sqlembed.embedding as e where {_is(operations, operation)}
            ) then
                perform {create};
            end if""",
    )
    wanted = arguments | {"storage": operation.storage or natural_storage(operation.dimensions)}
    indexed = {
        "index": operation.index,
        "index_options": operation.index_options,
        "index_name": build_concurrently(operations, operation, wanted),
    }
    perform(operations, operation, "alter_embedding", indexed)


@Operations.implementation_for(AlterEmbeddingOp)
def _alter_embedding(operations: Operations, operation: AlterEmbeddingOp) -> None:
    changes = dict(operation.changes)
    if operation.concurrently and operation.exchanges_index():
        wanted = {"metric": "cosine", "index": "hnsw"} | operation.existing | changes
        changes["index_name"] = build_concurrently(operations, operation, wanted)
    perform(operations, operation, "alter_embedding", changes)


@Operations.implementation_for(DropEmbeddingOp)
def _drop_embedding(operations: Operations, operation: DropEmbeddingOp) -> None:
    arguments = {"keep_column": operation.keep_column}
    perform(operations, operation, "drop_embedding", arguments)


def perform(
    operations: Operations, target: Target, function: str, arguments: Mapping[str, Any]
) -> None:
    """Call a function on an embedding, again where its table is busy."""
    run_patiently(operations, f"perform {_call(operations, target, function, arguments)}")


def _call(
    operations: Operations, target: Target, function: str, arguments: Mapping[str, Any]
) -> str:
    named = {
        "relation": relation(operations, target.table_name, target.schema),
        "embedding": target.embedding,
    }
    return call(function, named | dict(arguments))


def _is(operations: Operations, target: Target) -> str:
    name = relation(operations, target.table_name, target.schema)
    return f"e.relation = {literal(name)}::regclass and e.name = {literal(target.embedding)}"
