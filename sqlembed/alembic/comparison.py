"""Embeddings of models and of the database, and the operations that lead from one to the other."""

from __future__ import annotations

import logging
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from sqlalchemy import Column, Table

from sqlembed.alembic import catalogue
from sqlembed.alembic.catalogue import Declared
from sqlembed.alembic.differences import created, differences, is_remade
from sqlembed.alembic.embeddings import (
    INDEXED,
    AlterEmbeddingOp,
    CreateEmbeddingOp,
    DropEmbeddingOp,
)
from sqlembed.alembic.indexes import natural_storage
from sqlembed.alembic.succession import dropped, succession
from sqlembed.orm.embedded import embedded_columns

log = logging.getLogger(__name__)


class Comparison:
    """Models and the database, of which it makes operations."""

    def __init__(
        self, context: AutogenContext, upgrade_ops: ops.UpgradeOps, present: list[Declared]
    ) -> None:
        self._context = context
        self._ops = upgrade_ops
        assert context.connection is not None
        self._connection = context.connection
        self._present: dict[tuple[str, str], dict[str, Declared]] = {}
        for one in present:
            self._present.setdefault((one.schema, one.table_name), {})[one.embedding] = one
        self._before: list[MigrateOperation] = []
        self._after: list[MigrateOperation] = []
        #: Whether a model declares an embedding.
        self.is_used = False

    def compare(self) -> None:
        new = {
            self._key(operation.schema, operation.table_name)
            for operation in self._ops.ops
            if isinstance(operation, ops.CreateTableOp)
        }
        for table in self._context.sorted_tables:
            if self._context.run_object_filters(table, table.name, "table", False, None):
                self._compare_table(table, self._table_key(table) in new)
        for operation in self._ops.ops:
            if isinstance(operation, ops.DropTableOp):
                key = self._key(operation.schema, operation.table_name)
                for one in self._present.pop(key, {}).values():
                    self._drop(one, operation.schema)
        self._ops.ops[:0] = self._before
        self._ops.ops += self._after

    def _compare_table(self, table: Table, is_new: bool) -> None:
        present = self._present.pop(self._table_key(table), {})
        for column, embedded in embedded_columns(table):
            self.is_used = True
            one = present.pop(column.name, None)
            if not self._context.run_object_filters(column, column.name, "column", False, None):
                continue
            wanted = created(table, column, embedded)
            if one is None:
                self._create(wanted, column, is_new)
            elif is_remade(one, wanted) or self._is_retyped(one):
                self._drop(one, table.schema)
                wanted.concurrently = self._is_concurrent(wanted, column)
                self._after.append(wanted)
            else:
                self._alter(one, wanted)
        for name, one in present.items():
            parents = {"table_name": table.name, "schema_name": table.schema}
            if self._context.run_name_filters(name, "column", parents):  # type: ignore[arg-type]
                self._drop(one, table.schema)

    def _create(self, wanted: CreateEmbeddingOp, column: Column[Any], is_new: bool) -> None:
        if is_new:
            # The table that it stands beside goes as well when that is reversed.
            wanted.keep_column = not wanted.is_beside
        else:
            if not wanted.is_beside:
                self._take_over_column(column)
            wanted.concurrently = self._is_concurrent(wanted, column)
        log.info("Detected added embedding %r on table %r", wanted.embedding, wanted.table_name)
        self._after.append(wanted)

    def _is_concurrent(self, wanted: CreateEmbeddingOp, column: Column[Any]) -> bool:
        """Whether the index is built while a table that is there is written to."""
        return (
            wanted.index != "none"
            and not wanted.is_beside
            # One of the model's own may be the very index.
            and not _is_indexed(column)
            and catalogue.is_plain(self._connection, *self._table_key(column.table))
        )

    def _is_retyped(self, one: Declared) -> bool:
        """Whether a column of the source changes its type, which triggers on it do not allow."""
        return any(
            change.modify_type is not None and change.column_name in one.source_columns
            for operation in self._ops.ops
            if isinstance(operation, ops.ModifyTableOps)
            and self._key(operation.schema, operation.table_name) == (one.schema, one.table_name)
            for change in operation.ops
            if isinstance(change, ops.AlterColumnOp)
        )

    def _take_over_column(self, column: Column[Any]) -> None:
        """Leave it to ``create_embedding`` to add a column, which stays when that is reversed."""
        if column.comment or _is_indexed(column):
            # Alembic then has more to do with it.
            return
        for operation in list(self._ops.ops):
            if not isinstance(operation, ops.ModifyTableOps) or (
                self._key(operation.schema, operation.table_name) != self._table_key(column.table)
            ):
                continue
            operation.ops = [
                one
                for one in operation.ops
                if not (isinstance(one, ops.AddColumnOp) and one.column.name == column.name)
            ]
            if operation.is_empty():
                self._ops.ops.remove(operation)

    def _alter(self, one: Declared, wanted: CreateEmbeddingOp) -> None:
        if (operations := succession(self._connection, one, wanted)) is not None:
            self._after += operations
            return
        changes, existing = differences(self._connection, one, wanted)
        if not changes:
            return
        log.info("Detected altered embedding %r on table %r", one.embedding, one.table_name)
        altered = AlterEmbeddingOp(
            table_name=wanted.table_name,
            embedding=wanted.embedding,
            schema=wanted.schema,
            changes=changes,
            existing=existing,
        )
        if one.is_plain and one.place == "row" and altered.exchanges_index():
            altered.concurrently = True
            was = {name: getattr(one, name) for name in (*INDEXED, "storage", "dimensions")}
            altered.existing |= {name: value for name, value in was.items() if value is not None}
        self._after.append(altered)

    def _drop(self, one: Declared, schema: str | None) -> None:
        log.info("Detected removed embedding %r on table %r", one.embedding, one.table_name)
        original = CreateEmbeddingOp(
            table_name=one.table_name,
            embedding=one.embedding,
            schema=schema,
            embedder=one.embedder,
            source=one.declared_source,
            dimensions=one.dimensions,
            timing=one.timing,
            on_change=one.on_change,
            metric=one.metric,
            storage=None if one.storage == natural_storage(one.dimensions) else one.storage,
            index=one.index,
            index_options=one.index_options,
            place=one.place,
            chunking=one.chunking,
            full_text=one.full_text,
        )
        if one.beside is not None:
            # Without it, what comes before in the history could not be taken back.
            self._before.append(dropped(self._connection, one, one.beside, original))
        # A side table is not the model's, so without its embedding nobody would know it.
        keep_column = one.place == "row"
        self._before.append(
            DropEmbeddingOp(
                table_name=one.table_name,
                embedding=one.embedding,
                schema=schema,
                keep_column=keep_column,
                original=original,
            )
        )

    def _table_key(self, table: Any) -> tuple[str, str]:
        return self._key(self._connection.schema_for_object(table), table.name)

    def _key(self, schema: str | None, table_name: str) -> tuple[str, str]:
        return schema or self._connection.dialect.default_schema_name or "public", table_name


def _is_indexed(column: Column[Any]) -> bool:
    return any(column.name in index.columns for index in column.table.indexes)
