"""Alembic environment of the schema ``sqlembed``; run through ``sqlembed.schema.migrate``."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from sqlembed.schema.functions import verbatim
from sqlembed.schema.loopback import LOCK
from sqlembed.schema.revisions import PREREQUISITES


def run_offline() -> None:
    # Without "named" the script would show every % twice.
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},
        output_buffer=context.config.output_buffer,
        version_table_schema="sqlembed",
    )
    with context.begin_transaction():
        context.execute(verbatim(PREREQUISITES.read_text(encoding="utf-8")))
        context.run_migrations()


def run_online(connection: Connection) -> None:
    context.configure(connection=connection, version_table_schema="sqlembed")
    with context.begin_transaction():
        # Upgrades started together wait here for the first, then find nothing left to do.
        connection.execute(verbatim(LOCK))
        connection.execute(verbatim(PREREQUISITES.read_text(encoding="utf-8")))
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online(context.config.attributes["connection"])
