"""Autogenerate: what sqlembed manages is hidden from it, what models declare is compared.

Alembic compares tables, columns and indexes first. Then drops of embeddings are put before what it
found and the others after, so that a column is there before its embedding and goes after it.
"""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import comparators
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import DispatchPriority, PriorityDispatchResult
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import Column, Connection

from sqlembed.alembic import catalogue
from sqlembed.alembic.catalogue import Managed
from sqlembed.alembic.comparison import Comparison
from sqlembed.alembic.installing import BASE, UpgradeSqlembedOp
from sqlembed.orm.embedded import embedded_in
from sqlembed.schema import migrate

#: Schemas that are sqlembed's own.
OWN_SCHEMAS = {"sqlembed", "sqlembed_wire", "sqlembed_dblink"}


@comparators.dispatch_for("schema", qualifier="postgresql", priority=DispatchPriority.FIRST)
def _hide_managed(
    context: AutogenContext, _: ops.UpgradeOps, schemas: set[str | None]
) -> PriorityDispatchResult:
    schemas -= OWN_SCHEMAS
    connection = _connection(context)
    if catalogue.is_installed(connection):
        managed = catalogue.managed(connection)
        default = connection.dialect.default_schema_name

        def is_shown(name: str | None, kind: str, parents: Any) -> bool:
            schema = parents.get("schema_name") or default
            return not managed.has(kind, schema, parents.get("table_name"), name)

        context._name_filters.append(is_shown)
    return PriorityDispatchResult.CONTINUE


@comparators.dispatch_for(
    "column", qualifier="postgresql", priority=DispatchPriority.FIRST, subgroup="types"
)
def _keep_type(
    _: AutogenContext,
    operation: ops.AlterColumnOp,
    __: str | None,
    ___: str,
    ____: str,
    present: Column[Any],
    wanted: Column[Any],
) -> PriorityDispatchResult:
    """Leave the type of a vector to ``alter_embedding``: ALTER TYPE would rewrite the table."""
    if embedded_in(wanted) is None or not isinstance(present.type, (VECTOR, HALFVEC)):
        return PriorityDispatchResult.CONTINUE
    operation.existing_type = present.type
    return PriorityDispatchResult.STOP


@comparators.dispatch_for("schema", qualifier="postgresql", priority=DispatchPriority.LAST)
def _compare(
    context: AutogenContext, upgrade_ops: ops.UpgradeOps, _: set[str | None]
) -> PriorityDispatchResult:
    connection = _connection(context)
    is_installed = catalogue.is_installed(connection)
    present = catalogue.declared(connection) if is_installed else []
    comparison = Comparison(context, upgrade_ops, present)
    comparison.compare()
    if is_installed:
        _forget_managed(upgrade_ops, catalogue.managed(connection), connection)
    if comparison.is_used:
        _install(connection, upgrade_ops)
    return PriorityDispatchResult.CONTINUE


def _connection(context: AutogenContext) -> Connection:
    assert context.connection is not None
    return context.connection


def _install(connection: Connection, upgrade_ops: ops.UpgradeOps) -> None:
    """Put the schema sqlembed first where it is not there, or older than this code."""
    found = migrate.current(connection)
    newest = migrate.head()
    if found is None or (found != newest and migrate.is_reached(found, newest)):
        install = UpgradeSqlembedOp(revision=newest, existing_revision=found or BASE)
        upgrade_ops.ops.insert(0, install)


def _forget_managed(upgrade_ops: ops.UpgradeOps, managed: Managed, connection: Connection) -> None:
    """Keep columns that ``create_embedding`` will add out of tables that a downgrade makes."""
    for operation in upgrade_ops.ops:
        if isinstance(operation, ops.DropTableOp) and operation._reverse is not None:
            schema = operation.schema or connection.dialect.default_schema_name
            operation._reverse.columns = [
                item
                for item in operation._reverse.columns
                if not (
                    isinstance(item, Column)
                    and managed.has("column", schema, operation.table_name, item.name)
                )
            ]
