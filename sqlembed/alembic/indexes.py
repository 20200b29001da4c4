"""Indexes that are built while the table is written to, and then handed to their embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alembic.operations import Operations

from sqlembed.alembic.embeddings import Target
from sqlembed.alembic.statements import relation, run, shortened, translated
from sqlembed.errors import InputError
from sqlembed.orm.literals import relation_name
from sqlembed.types import Storage

OPERATORS = {"cosine": "cosine", "euclidean": "l2", "inner_product": "ip", "l1": "l1"}

#: Options that PostgreSQL keeps with the index.
PARAMETERS = ("m", "ef_construction")


def build_concurrently(
    operations: Operations, target: Target, wanted: Mapping[str, Any], name: str | None = None
) -> str:
    """Build an index in an autocommit block; returns its name.

    Args:
        operations: where to run it.
        target: the vector column and its table, of which nothing is read.
        wanted: its metric, storage, dimensions, index and index_options as they are to be.
        name: what it is called; without it, one that says all of it.
    """
    preparer = operations.migration_context.dialect.identifier_preparer
    name = name or _name(target, wanted)
    schema = translated(operations, target.schema)
    column = relation_name(preparer, target.embedding, None)
    with operations.get_context().autocommit_block():
        # What an earlier attempt has left is not valid, or not known to be.
        run(
            operations,
            f"DROP INDEX CONCURRENTLY IF EXISTS {relation_name(preparer, name, schema)}",
        )
        run(
            operations,
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {relation_name(preparer, name, None)}"
            f" ON {relation(operations, target.table_name, target.schema)}"
            f" USING hnsw ({_indexed(column, wanted)}){_with(wanted)}",
        )
    return name


def natural_storage(dimensions: int | None) -> Storage:
    """Return what ``create_embedding`` chooses where no storage is said."""
    return "halfvec" if (dimensions or 0) > 2_000 else "vector"


def _name(target: Target, wanted: Mapping[str, Any]) -> str:
    """Return a name that says all of an index, so that the one which it replaces has another."""
    options = wanted.get("index_options") or {}
    parts = [target.table_name, target.embedding, wanted["index"], wanted["metric"]]
    parts += [f"{name[0]}{options[name]}" for name in sorted(options)]
    return shortened("_".join(parts))


def _indexed(column: str, wanted: Mapping[str, Any]) -> str:
    metric = OPERATORS[wanted["metric"]]
    if wanted["index"] == "binary":
        dimensions = _needed(wanted, "dimensions")
        return f"(binary_quantize({column})::bit({dimensions})) bit_hamming_ops"
    storage = _needed(wanted, "storage")
    if wanted["index"] == "prefix":
        length = int((wanted.get("index_options") or {})["dimensions"])
        column = f"(subvector({column}, 1, {length})::{storage}({length}))"
    return f"{column} {storage}_{metric}_ops"


def _needed(wanted: Mapping[str, Any], name: str) -> Any:
    if wanted.get(name) is None:
        raise InputError(
            f"an index {wanted['index']!r} that is built concurrently needs {name}",
            hint=f"Say {name}=..., or existing_{name}=... where it does not change.",
        )
    return wanted[name]


def _with(wanted: Mapping[str, Any]) -> str:
    options = wanted.get("index_options") or {}
    said = [f"{name} = {int(options[name])}" for name in PARAMETERS if name in options]
    return f" WITH ({', '.join(said)})" if said else ""
