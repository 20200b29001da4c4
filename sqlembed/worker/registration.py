"""Make a registry's embedders known to a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from sqlembed import errors
from sqlembed.worker.link import connect

if TYPE_CHECKING:
    from sqlembed.embedders import Registry
    from sqlembed.worker.link import Connection

REGISTER = "select sqlembed.register_embedder(%s, %s, %s, 'python', %s)"


def register(connection: Connection, registry: Registry) -> None:
    """Store name, dimensions and fingerprint of every embedder; all of them or none.

    Raises:
        errors.RegistrationRefused: the database knows a name with another fingerprint or other
            dimensions.
    """
    with connection.transaction():
        for embedder in registry:
            values = (
                embedder.name,
                embedder.dimensions,
                embedder.fingerprint,
                embedder.asymmetric,
            )
            try:
                connection.execute(REGISTER, values)
            except psycopg.Error as error:
                if error.sqlstate != "SE002":
                    raise
                reason = error.diag.message_primary or str(error)
                if error.diag.message_detail:
                    reason = f"{reason} ({error.diag.message_detail})"
                raise errors.RegistrationRefused(reason, hint=error.diag.message_hint) from error


def register_embedders(url: str, registry: Registry) -> None:
    """Connect and store every embedder of a registry, as a worker does when it starts."""
    with connect(url, name="sqlembed") as connection:
        register(connection, registry)
