"""What the operations on embeddings do, online and in a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alembic.operations import Operations

from sqlembed.alembic.embeddings import (
    ALTERABLE,
    INDEXED,
    AlterEmbeddingOp,
    CreateEmbeddingOp,
    DropEmbeddingOp,
    Target,
)
from sqlembed.alembic.statements import (
    call,
    relation,
    run,
    run_patiently,
    shortened,
    translated,
)
from sqlembed.errors import InputError
from sqlembed.orm.literals import literal, relation_name

OPERATORS = {"cosine": "cosine", "euclidean": "l2", "inner_product": "ip", "l1": "l1"}

NO_INDEX = {"index": "none"}

CREATE_ARGUMENTS = (*ALTERABLE, "place", "chunking", "adopt")


@Operations.implementation_for(CreateEmbeddingOp)
def _create_embedding(operations: Operations, operation: CreateEmbeddingOp) -> None:
    arguments = {name: getattr(operation, name) for name in CREATE_ARGUMENTS}
    if not operation.concurrently or operation.index == "none":
        _perform(operations, operation, "create_embedding", arguments)
        return
    if operation.place == "side":
        raise InputError(
            "create_embedding: concurrently goes with place='row' only",
            hint="A side table is new and empty, so its index is built at once: leave it out.",
        )
    # The index comes last, and what is declared is left so: a revision that stopped in between can
    # be run again.
    create = _call(operations, operation, "create_embedding", arguments | NO_INDEX)
    declare = f"""
            if not exists (
                select from sqlembed.embedding as e where {_is(operations, operation)}
            ) then
                perform {create};
            end if"""
    name = _build_concurrently(operations, operation, arguments, declare=declare)
    changes = {"index": operation.index, "index_name": name}
    _perform(operations, operation, "alter_embedding", changes)


@Operations.implementation_for(AlterEmbeddingOp)
def _alter_embedding(operations: Operations, operation: AlterEmbeddingOp) -> None:
    changes = dict(operation.changes)
    wanted = {"metric": "cosine", "index": "hnsw"} | operation.existing | changes
    # A column made anew is empty, and so its index is built at once.
    is_emptied = bool(changes.keys() & {"embedder", "storage"})
    is_indexed = bool(changes.keys() & set(INDEXED)) and wanted["index"] != "none"
    if operation.concurrently and is_indexed and not is_emptied:
        changes["index_name"] = _build_concurrently(operations, operation, wanted)
    _perform(operations, operation, "alter_embedding", changes)


@Operations.implementation_for(DropEmbeddingOp)
def _drop_embedding(operations: Operations, operation: DropEmbeddingOp) -> None:
    arguments = {"keep_column": operation.keep_column}
    _perform(operations, operation, "drop_embedding", arguments)


def _perform(
    operations: Operations, target: Target, function: str, arguments: Mapping[str, Any]
) -> None:
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


def _build_concurrently(
    operations: Operations,
    target: Target,
    wanted: Mapping[str, Any],
    *,
    declare: str | None = None,
) -> str:
    """Build an index while the table is written to; returns its name.

    Args:
        operations: where to run it.
        target: the embedding.
        wanted: metric, storage and kind of index.
        declare: PL/pgSQL to be run and committed before.
    """
    if wanted["index"] != "hnsw":
        raise InputError(
            f"an index {wanted['index']!r} cannot be built concurrently here",
            hint="Leave concurrently out.",
        )
    if "storage" not in wanted:
        raise InputError(
            "alter_embedding: concurrently needs existing_storage",
            hint="Say existing_storage='vector', or 'halfvec' where the column is one.",
        )
    preparer = operations.migration_context.dialect.identifier_preparer
    # Said in its name, so that it is never that of the index in whose place it comes.
    name = shortened(f"{target.table_name}_{target.embedding}_hnsw_{wanted['metric']}")
    schema = translated(operations, target.schema)
    operator_class = f"{wanted['storage']}_{OPERATORS[wanted['metric']]}_ops"
    if declare is not None:
        run_patiently(operations, declare)
    with operations.get_context().autocommit_block():
        # What an earlier attempt has left is not valid, or not known to be.
        run(
            operations,
            f"DROP INDEX CONCURRENTLY IF EXISTS {relation_name(preparer, name, schema)}",
        )
        run(
            operations,
            f"CREATE INDEX CONCURRENTLY {relation_name(preparer, name, None)}"
            f" ON {relation(operations, target.table_name, target.schema)}"
            f" USING hnsw ({relation_name(preparer, target.embedding, None)} {operator_class})",
        )
    return name
