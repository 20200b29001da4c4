"""Bring the schema ``sqlembed`` of a database to a revision, or take it away."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from sqlembed import errors
from sqlembed.schema.functions import verbatim

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every migration of a database takes this lock; the second of two then finds nothing left to do.
LOCK = "select pg_advisory_xact_lock(hashtext('sqlembed migrate'))"

HAS_MAPPING = "select exists (select from pg_user_mappings where srvname = 'sqlembed_loopback')"

PASSWORD = """
select substr(option, length('password=') + 1)
from pg_user_mappings, unnest(umoptions) as option
where srvname = 'sqlembed_loopback' and starts_with(option, 'password=')
"""

SIBLINGS = """
select datname from pg_database
where datallowconn and datname <> current_database() and has_database_privilege(datname, 'connect')
order by datname
"""

UNINSTALL = """
drop server if exists sqlembed_loopback cascade;
drop schema if exists sqlembed_wire cascade;
drop schema if exists sqlembed cascade;
-- Only where migrate placed it: an extension of the user's own stays.
drop schema if exists sqlembed_dblink cascade;
"""


def migrations_folder() -> Path:
    """Return the folder of the revisions: inside a wheel, or beside an editable install."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"


def _config(output: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=output)
    # Alembic's settings are %-interpolated, and a path may hold one.
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """Return the newest revision that this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def current(connection: sa.Connection) -> str | None:
    """Return the revision of the database, ``None`` where sqlembed is not installed."""
    options = {"version_table_schema": "sqlembed"}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def check(connection: sa.Connection) -> None:
    """Raise unless the database is at the revision of this code.

    Raises:
        errors.NotInstalled: there is no schema sqlembed.
        errors.VersionMismatch: it is at another revision.
    """
    found = current(connection)
    if found is None:
        raise errors.NotInstalled(
            "sqlembed is not installed in this database", hint="Run: sqlembed migrate"
        )
    if found != head():
        raise errors.VersionMismatch(
            f"the schema sqlembed is at revision {found}, this code needs {head()}",
            hint="Run: sqlembed migrate (with the newer of the two versions of sqlembed).",
        )


def upgrade(
    engine: sa.Engine, revision: str = "head", *, loopback_password: str | None = None
) -> list[str]:
    """Bring the database to a revision and set up the loopback; commits.

    Idempotent, and safe when several run at once.

    Args:
        engine: leads to the database, as the role that is to own sqlembed.
        revision: an Alembic revision.
        loopback_password: of the role ``sqlembed_loopback`` where an administrator has made it;
            otherwise the one that another database of the cluster uses, or a new one.

    Returns:
        What keeps the loopback from working, empty when it works. Everything but ``embed`` and
        text searches from SQL does without it.
    """
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return _configure_loopback(engine, loopback_password)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take the database back to an earlier revision, ``base`` for none; commits."""
    config = _config()
    with engine.begin() as connection:
        if current(connection) is None:
            raise errors.NotInstalled("sqlembed is not installed in this database")
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def script(revision: str = "head") -> str:
    """Return the SQL that ``upgrade`` would run on an empty database.

    It expects ``vector`` in schema ``public`` and ``dblink`` in ``sqlembed_dblink``.
    """
    output = io.StringIO()
    command.upgrade(_config(output), revision, sql=True)
    return (
        f"{output.getvalue()}\n"
        "-- After the commit, because it logs in as the role made above.\n"
        "SELECT sqlembed._configure_loopback();\n"
    )


def uninstall(engine: sa.Engine) -> list[str]:
    """Remove everything that ``upgrade`` made and the triggers on embedded tables; commits.

    Columns with vectors and their indexes stay, and so does the extension ``vector``, which they
    need.

    Returns:
        What had to stay, in words.
    """
    with engine.begin() as connection:
        connection.execute(verbatim(LOCK))
        connection.execute(verbatim(UNINSTALL))
    kept = []
    try:
        with engine.begin() as connection:
            connection.execute(verbatim("drop role if exists sqlembed_loopback"))
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).splitlines()[0]
        kept.append(f"role sqlembed_loopback: {reason}")
    return kept


def _configure_loopback(engine: sa.Engine, password: str | None) -> list[str]:
    with engine.begin() as connection:
        connection.execute(verbatim(LOCK))
        if password is None and not connection.exec_driver_sql(HAS_MAPPING).scalar_one():
            password = next(_sibling_passwords(engine, connection), None)
        usable = connection.execute(
            sa.text("select sqlembed._configure_loopback(:password)"), {"password": password}
        ).scalar_one()
    if usable:
        return []
    try:
        with engine.begin() as connection:
            connection.execute(verbatim("select sqlembed._probe_loopback()"))
    except sa.exc.DBAPIError as error:
        return [str(error.orig).strip()]
    return []


def _sibling_passwords(engine: sa.Engine, connection: sa.Connection) -> Iterator[str]:
    """Yield the password of the loopback as other databases of the cluster know it.

    The role belongs to the cluster: a new password for this database would lock the others out.
    """
    for name in connection.exec_driver_sql(SIBLINGS).scalars().all():
        sibling = sa.create_engine(engine.url.set(database=name), poolclass=sa.NullPool)
        try:
            with sibling.connect() as other:
                yield from other.exec_driver_sql(PASSWORD).scalars().all()
        except sa.exc.OperationalError:
            continue
