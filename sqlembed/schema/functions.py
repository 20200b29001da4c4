"""SQL functions kept as files: one file, one function, always the current truth."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import DDL, Connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

#: Areas in the order in which they are installed: a view needs its functions.
AREAS = (
    "common",
    "wire",
    "embed",
    "declare",
    "generation",
    "sync",
    "worker",
    "search",
    "cluster",
    "uses",
    "view",
)

# pg_get_functiondef normalizes spacing and defaults, so equal text means equal function.
INSTALLED = """
select p.oid::regprocedure::text,
       pg_get_functiondef(p.oid)
       || coalesce(obj_description(p.oid, 'pg_proc'), '')
       || coalesce(
           (select string_agg(acl::text, ' ' order by acl::text) from unnest(p.proacl) as acl), ''
       )
from pg_proc as p
where p.pronamespace in (to_regnamespace('sqlembed'), to_regnamespace('sqlembed_wire'))
    -- Made by create_embedding, one an embedding.
    and p.proname !~ '^_(note|note_row|hide)_[0-9]+$'
union all
select c.oid::regclass::text,
       pg_get_viewdef(c.oid) || coalesce(obj_description(c.oid, 'pg_class'), '')
from pg_class as c
where c.relnamespace = 'sqlembed'::regnamespace and c.relkind = 'v'
"""

BODIES = """
select p.prosrc
from pg_proc as p
where p.pronamespace in ('sqlembed'::regnamespace, 'sqlembed_wire'::regnamespace)
"""

# Rights of a role that was not there when the database was restored are not there either.
IS_WIRE_OPEN = """
select has_schema_privilege('sqlembed_loopback', 'sqlembed_wire', 'usage') and bool_and(
    has_function_privilege('sqlembed_loopback', p.oid, 'execute')
)
from pg_proc as p
where p.pronamespace = 'sqlembed_wire'::regnamespace
"""

BODY = re.compile(r"^as (\$\w+\$)(.*?)\1", re.MULTILINE | re.DOTALL)

EXTENSION_SCHEMAS = """
select (select quote_ident(n.nspname) from pg_extension as e
        join pg_namespace as n on n.oid = e.extnamespace where e.extname = 'vector'),
       (select quote_ident(n.nspname) from pg_extension as e
        join pg_namespace as n on n.oid = e.extnamespace where e.extname = 'dblink')
"""


def verbatim(sql: str) -> DDL:
    """Wrap SQL text so that nothing in it is read as a parameter.

    ``text()`` gives ``:name`` a meaning and the driver gives ``%I`` one; function bodies hold both.
    """
    return DDL(sql.replace("%", "%%"))  # type: ignore[no-untyped-call]


def placed(connection: Connection, sql: str) -> str:
    """Return the SQL text with the schemas in which ``vector`` and ``dblink`` really are."""
    vector, dblink = connection.exec_driver_sql(EXTENSION_SCHEMAS).one()
    sql = re.sub(r"\bsqlembed_dblink\.", lambda _: f"{dblink}.", sql)
    return re.sub(r"\bpublic\.", lambda _: f"{vector}.", sql)


def frozen(revision_file: str, part: str) -> DDL:
    """Return the SQL that a revision keeps beside itself, ready to be executed by ``op.execute``.

    Args:
        revision_file: the revision's ``__file__``; ``0001_initial.py`` keeps ``0001_<part>.sql``.
        part: which of its files.
    """
    from alembic import op

    path = Path(revision_file)
    sql = path.with_name(f"{path.stem.split('_')[0]}_{part}.sql").read_text(encoding="utf-8")
    if not op.get_context().as_sql:
        sql = placed(op.get_bind(), sql)
    # As pg_dump does: a body may name a function that is created after it.
    return verbatim(f"set local check_function_bodies = off;\n{sql}")


def sql_files() -> dict[str, str]:
    """Return the text of every file below ``sql``, keyed by ``area/name``, in installing order."""

    def walk(folder: Traversable) -> Iterator[tuple[str, str]]:
        for area in AREAS:
            for entry in sorted((folder / area).iterdir(), key=lambda entry: entry.name):
                if entry.name.endswith(".sql"):
                    name = f"{area}/{entry.name.removesuffix('.sql')}"
                    yield name, entry.read_text(encoding="utf-8")

    return dict(walk(resources.files("sqlembed.schema") / "sql"))


def script() -> str:
    """Return all files as one script: what the newest revision keeps a frozen copy of."""
    return "\n".join(sql_files().values())


def installed(connection: Connection) -> dict[str, str]:
    """Return the definition of every installed function and view, keyed by its signature."""
    return {row[0]: row[1] for row in connection.exec_driver_sql(INSTALLED)}


def replace_all(connection: Connection) -> None:
    """Create or replace every function and view."""
    connection.execute(verbatim("set local check_function_bodies = off"))
    connection.execute(verbatim(placed(connection, script())))


def mend(connection: Connection) -> None:
    """Make functions and the loopback's rights as they should be, where they are not.

    An extension may have been moved to another schema since, and a database restored on a server
    that did not have the loopback's role yet.
    """
    is_open = connection.exec_driver_sql(IS_WIRE_OPEN).scalar_one()
    found = set(connection.exec_driver_sql(BODIES).scalars())
    if is_open and found >= {body for _, body in BODY.findall(placed(connection, script()))}:
        return
    connection.execute(verbatim("grant usage on schema sqlembed_wire to sqlembed_loopback"))
    replace_all(connection)


def drift(connection: Connection) -> dict[str, tuple[str | None, str | None]]:
    """Compare the database with the files; empty means they agree.

    Each value is the pair (in the database, in the files). For tests: it drops every function
    inside a savepoint, which locks the tables that use them.
    """
    found = installed(connection)
    with connection.begin_nested() as savepoint:
        for signature, definition in found.items():
            kind = "routine" if definition.startswith("CREATE") else "view"
            connection.execute(verbatim(f"drop {kind} if exists {signature} cascade"))
        replace_all(connection)
        wanted = installed(connection)
        savepoint.rollback()
    return {
        name: (found.get(name), wanted.get(name))
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    }


if __name__ == "__main__":
    import sys

    sys.stdout.write(script())
