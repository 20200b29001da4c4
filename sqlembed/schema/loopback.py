"""The second connection through which ``embed`` asks workers: its password and its way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa

from sqlembed.config import libpq_url
from sqlembed.schema.functions import verbatim

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Every migration of a database takes this lock; the second of two then finds nothing left to do.
LOCK = "select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('sqlembed migrate'))"

HAS_MAPPING = """
select exists (select from pg_catalog.pg_user_mappings where srvname = 'sqlembed_loopback')
"""

PASSWORD = """
select substr(option, length('password=') + 1)
from pg_user_mappings, unnest(umoptions) as option
where srvname = 'sqlembed_loopback' and starts_with(option, 'password=')
"""

SIBLINGS = """
select datname from pg_catalog.pg_database
where datallowconn
    and datname <> pg_catalog.current_database()
    and pg_catalog.has_database_privilege(datname, 'connect')
order by datname
"""


def configure(engine: sa.Engine, password: str | None) -> list[str]:
    """Set the loopback up, or mend it; commits.

    Args:
        engine: leads to the database, as the role that owns sqlembed.
        password: of the role ``sqlembed_loopback``; without one the present one is kept, else
            that of another database of the cluster is taken, else a new one.

    Returns:
        What keeps it from working, empty when it works.
    """
    try:
        if not any(_set_up(engine, *attempt) for attempt in _attempts(engine, password)):
            with engine.begin() as connection:
                connection.execute(verbatim("select sqlembed._probe_loopback()"))
    except sa.exc.DBAPIError as error:
        # Not the whole text: it repeats the statement's values, the password among them.
        diagnosis = getattr(error.orig, "diag", None)
        parts = [str(error.orig).strip().partition("\n")[0]]
        if diagnosis is not None:
            parts += [diagnosis.message_detail, diagnosis.message_hint]
        return [" ".join(part.strip() for part in parts if part)]
    return []


def _set_up(engine: sa.Engine, password: str | None, is_guess: bool) -> bool:
    """Set the loopback up and tell whether it works; a guess that does not leaves no trace."""
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(verbatim(LOCK))
        # Where the server's sockets may not be known, the one that we came through is.
        driver = connection.connection.dbapi_connection
        host = getattr(getattr(driver, "info", None), "host", None)
        usable = connection.execute(
            sa.text("select sqlembed._configure_loopback(:password, :host)"),
            {"password": password, "host": host},
        ).scalar_one()
        if is_guess and not usable:
            transaction.rollback()
        return bool(usable)


def _attempts(engine: sa.Engine, given: str | None) -> Iterator[tuple[str | None, bool]]:
    """Yield what may be the loopback's password, and whether that is a guess.

    Without a password the present one is kept, or one is made.
    """
    if given is not None:
        yield given, False
        return
    with engine.connect() as connection:
        is_mapped = connection.exec_driver_sql(HAS_MAPPING).scalar_one()
        siblings = connection.exec_driver_sql(SIBLINGS).scalars().all()
    if is_mapped:
        yield None, False
    # The role belongs to the cluster: a new password for this database would lock the others out.
    known = list(sibling_passwords(engine.url, siblings))
    yield from ((password, True) for password in known)
    if is_mapped:
        return
    if known:
        yield known[0], False
    else:
        yield None, False
        # It was new, and nobody could log in with it before the commit.
        yield None, False


def sibling_passwords(url: sa.URL, names: Sequence[str]) -> Iterator[str]:
    """Yield the passwords of the loopback that other databases of the cluster know."""
    for name in names:
        sibling = libpq_url(url.set(database=name).render_as_string(hide_password=False))
        try:
            # The owner of a database chooses its search_path, and with it the functions that
            # we would call there with our rights.
            with psycopg.connect(sibling, options="-c search_path=pg_catalog") as connection:
                yield from (password for (password,) in connection.execute(PASSWORD))
        except psycopg.OperationalError:
            continue
