"""``create_all`` declares the embeddings of a model in the database, ``drop_all`` takes them back.

The listeners stand on every table and metadata of the process, and do nothing for a table without
an ``Embedded`` or for another database than PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, event, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from sqlembed.errors import NotInstalled
from sqlembed.orm.embedded import Embedded, embedded_columns
from sqlembed.orm.literals import for_driver, literal, relation_name

INSTALLED = text("select to_regclass('sqlembed.embedding') is not null")

DECLARED = text("select name from sqlembed.embedding where relation = to_regclass(:relation)")

EXISTS = text("select to_regclass(:relation) is not null")


class CreateEmbedding(ExecutableDDLElement):
    """``select sqlembed.create_embedding(...)`` for an ``Embedded`` column.

    Args:
        table: name of the table.
        column: the vector column, its type included.
        embedded: what is declared for it.
        schema: of the table; ``None`` leaves it to the search path.
        if_not_exists: whether an embedding that is declared alike is no error.
    """

    def __init__(
        self,
        table: str,
        column: Column[Any],
        embedded: Embedded,
        *,
        schema: str | None = None,
        if_not_exists: bool = True,
    ) -> None:
        self.table = table
        self.schema = schema
        self.arguments: dict[str, str | None] = {
            "embedder": embedded.embedder,
            "source": embedded.source,
            "embedding": column.name,
            "timing": embedded.timing,
            "on_change": embedded.on_change,
            "metric": embedded.metric,
            "storage": embedded.check(column),
            "index": embedded.index,
            "place": embedded.place,
            "chunking": _json(embedded.chunking),
            "adopt": embedded.adopt,
            "full_text": embedded.full_text,
            "index_options": _json(embedded.index_options),
        }
        self.if_not_exists = if_not_exists


class DropEmbeddings(ExecutableDDLElement):
    """``select sqlembed.drop_embedding(...)`` for whatever is declared on a table.

    Args:
        table: name of the table, which need not exist.
        schema: of the table; ``None`` leaves it to the search path.
    """

    def __init__(self, table: str, *, schema: str | None = None) -> None:
        self.table = table
        self.schema = schema


@compiles(CreateEmbedding)
def _create_embedding(element: CreateEmbedding, compiler: DDLCompiler, **_: Any) -> str:
    relation = relation_name(compiler.preparer, element.table, element.schema)
    arguments = {"relation": relation, **element.arguments}
    rendered = [f"{name} => {literal(value)}" for name, value in arguments.items()]
    rendered.append(f"if_not_exists => {str(element.if_not_exists).lower()}")
    return for_driver(compiler.preparer, f"SELECT sqlembed.create_embedding({', '.join(rendered)})")


@compiles(DropEmbeddings)
def _drop_embeddings(element: DropEmbeddings, compiler: DDLCompiler, **_: Any) -> str:
    relation = relation_name(compiler.preparer, element.table, element.schema)
    return for_driver(
        compiler.preparer,
        "SELECT sqlembed.drop_embedding(relation, name) "
        f"FROM sqlembed.embedding WHERE relation = to_regclass({literal(relation)})",
    )


@event.listens_for(Table, "before_create")
def _require_sqlembed(table: Table, connection: Connection, **_: Any) -> None:
    if _concerns(connection, table):
        _check_installed(connection)


@event.listens_for(Table, "after_create")
def _declare(table: Table, connection: Connection, **_: Any) -> None:
    if _concerns(connection, table):
        schema = connection.schema_for_object(table)
        for column, embedded in embedded_columns(table):
            connection.execute(CreateEmbedding(table.name, column, embedded, schema=schema))


@event.listens_for(MetaData, "after_create")
def _declare_on_existing(
    metadata: MetaData,
    connection: Connection,
    *,
    tables: Collection[Table] | None = None,
    checkfirst: object = False,
    **_: Any,
) -> None:
    """Declares what is missing on tables that were there before, and only that.

    A table that is declared otherwise is left to a migration, as one with other columns is.
    """
    # Without checkfirst no table was there, and a mock connection cannot be asked.
    if not checkfirst or not isinstance(connection, Connection):
        return
    created = set(tables or ())
    for table in metadata.tables.values():
        if table in created or not _concerns(connection, table):
            continue
        schema = connection.schema_for_object(table)
        preparer = connection.dialect.identifier_preparer
        relation = {"relation": relation_name(preparer, table.name, schema)}
        if not connection.scalar(EXISTS, relation):
            continue
        _check_installed(connection)
        declared = set(connection.scalars(DECLARED, relation))
        for column, embedded in embedded_columns(table):
            if column.name not in declared:
                connection.execute(CreateEmbedding(table.name, column, embedded, schema=schema))


@event.listens_for(Table, "before_drop")
def _take_back(table: Table, connection: Connection, **_: Any) -> None:
    if _concerns(connection, table) and _is_installed(connection):
        schema = connection.schema_for_object(table)
        connection.execute(DropEmbeddings(table.name, schema=schema))


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(dict(value))


def _concerns(connection: Connection, table: Table) -> bool:
    return connection.dialect.name == "postgresql" and any(True for _ in embedded_columns(table))


def _is_installed(connection: Connection) -> bool:
    # A mock connection, which writes a script, has nothing to ask.
    return not isinstance(connection, Connection) or bool(connection.scalar(INSTALLED))


def _check_installed(connection: Connection) -> None:
    if not _is_installed(connection):
        raise NotInstalled(
            "sqlembed is not installed in this database", hint="Run: sqlembed migrate"
        )
