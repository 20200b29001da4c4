"""From what the user said to a database that is there, reachable and has the schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlembed import config, errors
from sqlembed.cli.failures import reason
from sqlembed.cli.output import patience, warn
from sqlembed.schema.revisions import newest_revision

if TYPE_CHECKING:
    import psycopg
    import sqlalchemy as sa

    from sqlembed.cli.options import Place
    from sqlembed.server import Server

    Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

INSTALLED = "select pg_catalog.to_regclass('sqlembed.alembic_version') is not null"
MAY_READ = "select pg_catalog.has_table_privilege('sqlembed.alembic_version', 'select')"
REVISION = "select version_num from sqlembed.alembic_version"

EXTENSIONS = """
select name from pg_catalog.unnest(array['vector', 'dblink']) as name
where not exists (select from pg_catalog.pg_available_extensions as e where e.name = name.name)
    and not exists (select from pg_catalog.pg_extension as e where e.extname = name.name)
"""

OLDEST_SERVER = 150_000

HOW_TO_INSTALL = {
    "vector": "install pgvector 0.7 or newer on the server: the package postgresql-NN-pgvector, the"
    " image pgvector/pgvector, or https://github.com/pgvector/pgvector#installation.",
    "dblink": "it is one of PostgreSQL's contrib modules, in the package postgresql-contrib.",
}


@dataclass(frozen=True)
class Database:
    """A database that answers."""

    #: A libpq URL; empty for what libpq's own variables say.
    url: str
    #: The embedded server, if it is its own.
    server: Server | None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection in autocommit.

        Raises:
            ConfigError: there is no way in; the message is libpq's.
        """
        import psycopg

        try:
            connection = psycopg.connect(
                self.url, autocommit=True, application_name="sqlembed", client_encoding="utf8"
            )
        except psycopg.OperationalError as error:
            raise errors.ConfigError(
                f"cannot connect to the database: {reason(error)}",
                hint="It comes from --database-url, SQLEMBED_DATABASE_URL or PG*; without these"
                " sqlembed starts a PostgreSQL of its own.",
            ) from error
        with connection:
            yield connection

    @contextmanager
    def engine(self) -> Iterator[sa.Engine]:
        """Make a SQLAlchemy engine that keeps no connection."""
        import sqlalchemy as sa

        engine = sa.create_engine(config.sqlalchemy_url(self.url), poolclass=sa.NullPool)
        try:
            yield engine
        finally:
            engine.dispose()


def open_database(place: Place, *, with_schema: bool = True) -> Database:
    """Return the database of a command, reachable.

    The embedded server is started and brought to the newest revision when that is needed; a
    database of the user's own is left as it is.

    Args:
        place: what the user said.
        with_schema: whether the schema sqlembed is needed.

    Raises:
        ConfigError: the URL is wrong or leads nowhere.
        NotInstalled, VersionMismatch: the schema of the user's own database does not fit.
        ServerError: the embedded server does not start.
    """
    url = chosen_url(place)
    if url is not None:
        database = Database(url, None)
        with database.connect() as connection:
            if with_schema and not _is_current(connection):
                _check(database)
        return database
    server = embedded_server(place)
    with patience(f"starting PostgreSQL in {server.data_dir}"):
        server.start()
    database = Database(server.url(), server)
    with database.connect() as connection:
        ready = not with_schema or _is_current(connection)
    if not ready:
        with patience("installing sqlembed in the database"):
            install(database)
    return database


def chosen_url(place: Place) -> str | None:
    """Return the libpq URL of the user's own database, ``None`` for the embedded server."""
    return None if place.data_dir else config.database_url(place.url, os.environ)


def embedded_server(place: Place) -> Server:
    """Return the embedded server, which may not run."""
    from sqlembed.server import Server, default_data_dir

    return Server(place.data_dir or default_data_dir())


def install(database: Database, loopback_password: str | None = None) -> None:
    """Bring the schema to the newest revision; warns of what does not work yet.

    Raises:
        ConfigError: the server is too old, or does not have an extension that is needed.
    """
    from sqlembed.schema import migrate

    with database.connect() as connection:
        check_server(connection)
    with database.engine() as engine:
        for problem in migrate.upgrade(engine, loopback_password=loopback_password):
            warn(f"embed() will not work from SQL: {problem}")


def check_server(connection: Connection) -> None:
    """Raise if the server cannot have sqlembed.

    Raises:
        ConfigError: PostgreSQL is too old, or an extension is not available.
    """
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.parameter_status("server_version")
        raise errors.ConfigError(
            f"this is PostgreSQL {version}", hint="sqlembed needs 15 or newer."
        )
    missing = [str(name) for (name,) in connection.execute(EXTENSIONS)]
    if missing:
        raise errors.ConfigError(
            f"this server does not have the extension {' and '.join(missing)}",
            hint="\n".join(f"{name}: {HOW_TO_INSTALL[name]}" for name in missing),
        )


def _is_current(connection: Connection) -> bool:
    """Tell whether the schema is at the newest revision, quickly and without Alembic."""
    if not scalar(connection, INSTALLED):
        return False
    if not scalar(connection, MAY_READ):
        # A role without rights of its own; the functions it may call will say what they miss.
        return True
    return bool(scalar(connection, REVISION) == newest_revision())


def _check(database: Database) -> None:
    from sqlembed.schema import migrate

    with database.engine() as engine, engine.connect() as connection:
        migrate.check(connection)


def scalar(connection: Connection, statement: str, parameters: tuple[Any, ...] = ()) -> Any:
    """Return the first value of the first row, ``None`` without rows."""
    row = connection.execute(statement.encode(), parameters).fetchone()
    return row[0] if row else None
