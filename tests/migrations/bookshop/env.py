"""The environment of the bookshop's history, given all that differs by the test."""

from __future__ import annotations

from alembic import context

import sqlembed.alembic  # noqa: F401

config = context.config
options = config.attributes["options"]
if context.is_offline_mode():
    options = {"dialect_opts": {"paramstyle": "named"}} | options
    context.configure(dialect_name="postgresql", literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with config.attributes["engine"].connect() as connection:
        prepare = config.attributes["prepare"]
        connection = prepare(connection)
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
