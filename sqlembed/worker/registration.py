"""Make a registry's embedders known to the database of a libpq URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from sqlembed import config
from sqlembed.schema import migrate
from sqlembed.worker.link import OPTIONS, end_transaction_timeout

if TYPE_CHECKING:
    from sqlembed.embedders import Registry


def register_embedders(url: str, registry: Registry) -> None:
    """Connect and store every embedder of a registry, as a worker does when it starts.

    Raises:
        errors.SchemaError: sqlembed is not installed in the database, or in another version.
        errors.RegistrationRefused: the database knows a name with another fingerprint or other
            dimensions.
        psycopg.Error: anything else the database said.
    """
    engine = sa.create_engine(
        config.sqlalchemy_url(url), poolclass=sa.NullPool, connect_args={"options": OPTIONS}
    )
    sa.event.listen(engine, "connect", lambda opened, _: _prepare(opened))
    try:
        with engine.connect() as connection:
            migrate.check(connection)
        registry.sync(engine)
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from None
        raise


def _prepare(opened: psycopg.Connection[Any]) -> None:
    end_transaction_timeout(opened)
    # What is set in a transaction that is rolled back is forgotten.
    opened.commit()
