"""Bring the schema ``sqlembed`` of a database to a revision, or take it away."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from sqlembed import errors
from sqlembed.schema import functions, loopback, roles
from sqlembed.schema.functions import verbatim
from sqlembed.schema.loopback import LOCK
from sqlembed.schema.revisions import migrations_folder

if TYPE_CHECKING:
    from collections.abc import Callable

# Alembic keeps what an environment sees in a global, so threads take turns.
_ALEMBIC = threading.Lock()

UNINSTALL = """
drop server if exists sqlembed_loopback cascade;
drop schema if exists sqlembed_wire cascade;
drop schema if exists sqlembed cascade;
"""

ROLES = "select rolname::text from pg_catalog.pg_roles where rolname ~ '^sqlembed_'"

#: What an administrator may have made, or other databases use.
UNINSTALL_SHARED = {
    # Only where migrate placed it: an extension of the user's own stays.
    "schema sqlembed_dblink": "drop schema if exists sqlembed_dblink cascade",
    **{f"role {role}": f"drop role {role}" for role in (*roles.ROLES, "sqlembed_loopback")},
}


def _config(output: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=output)
    # Alembic's settings are %-interpolated, and a path may hold one.
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """Return the newest revision that this code knows."""
    revision = _scripts().get_current_head()
    assert revision is not None
    return revision


def check_revision(revision: str) -> None:
    """Raise unless this code knows a revision.

    Raises:
        errors.InputError: it does not.
    """
    known = [script.revision for script in _scripts().walk_revisions()]
    if revision not in (*known, "head"):
        raise errors.InputError(
            f"sqlembed has no revision {revision!r}", hint=f"It has {', '.join(sorted(known))}."
        )


def is_reached(revision: str, found: str) -> bool:
    """Whether a database at one revision has another one behind it, or is at it."""
    walked = _scripts().iterate_revisions(found, "base")
    return (head() if revision == "head" else revision) in {step.revision for step in walked}


def steps(revision: str, *, down: bool = False) -> Callable[[Any, MigrationContext], Any]:
    """Return what leads an Alembic ``MigrationContext`` to a revision, as its option ``fn``."""
    scripts = _scripts()
    lead = scripts._downgrade_revs if down else scripts._upgrade_revs
    return lambda found, _: lead(revision, found)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


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
    engine: sa.Engine,
    revision: str = "head",
    *,
    loopback_password: str | None = None,
    with_roles: bool = False,
) -> list[str]:
    """Bring the database to a revision and set up the loopback; commits.

    Idempotent, and safe when several run at once.

    Args:
        engine: leads to the database, as the role that is to own sqlembed.
        revision: an Alembic revision.
        loopback_password: of the role ``sqlembed_loopback`` where an administrator has made it;
            otherwise the one that another database of the cluster uses, or a new one.
        with_roles: make the roles of readers, writers and workers as well.

    Returns:
        What keeps the loopback from working, empty when it works. Everything but ``embed`` and
        text searches from SQL does without it.
    """
    config = _config()
    with _ALEMBIC, engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        if current(connection) == head():
            functions.mend(connection)
            roles.grant(connection, asked=with_roles)
    return loopback.configure(engine, loopback_password)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take the database back to an earlier revision, ``base`` for none; commits."""
    config = _config()
    with _ALEMBIC, engine.begin() as connection:
        if current(connection) is None:
            raise errors.NotInstalled("sqlembed is not installed in this database")
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def script(revision: str = "head", *, with_roles: bool = False) -> str:
    """Return the SQL that ``upgrade`` would run on an empty database.

    It expects ``vector`` in schema ``public`` and ``dblink`` in ``sqlembed_dblink``.
    """
    output = io.StringIO()
    with _ALEMBIC:
        command.upgrade(_config(output), revision, sql=True)
    return (
        f"{output.getvalue()}\n{roles.script() if with_roles else ''}"
        "-- After the commit, because it logs in as the role made above; and twice, because the\n"
        "-- first time it may give that role its password. Where other databases of the cluster\n"
        "-- have sqlembed, give it the present one: sqlembed._configure_loopback('password').\n"
        "SELECT sqlembed._configure_loopback();\n"
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
        present = set(connection.execute(verbatim(ROLES)).scalars())
    kept = []
    for what, statement in UNINSTALL_SHARED.items():
        kind, _, name = what.partition(" ")
        if kind == "role" and name not in present:
            continue
        try:
            with engine.begin() as connection:
                connection.execute(verbatim(statement))
        except sa.exc.DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            kept.append(f"{what}: {reason}")
    return kept
