"""What keeps sqlembed from working in a database, and how to mend each thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from sqlembed import errors
from sqlembed.schema import migrate
from sqlembed.schema.functions import verbatim

if TYPE_CHECKING:
    from collections.abc import Iterator

State = Literal["ok", "warning", "error"]

#: The oldest PostgreSQL that has what the schema needs.
OLDEST_SERVER = 150000
OLDEST_VECTOR = (0, 7)
#: Since this version a filtered index search goes on until it has k rows.
ITERATIVE_VECTOR = (0, 8)

EXTENSIONS = """
select e.extname, e.extversion, n.nspname, has_schema_privilege('public', n.oid, 'usage')
from pg_extension as e
join pg_namespace as n on n.oid = e.extnamespace
where e.extname in ('vector', 'dblink')
"""

LOOPBACK_ROLE = """
select r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolbypassrls
       or exists (select from pg_auth_members as m where m.member = r.oid)
from pg_roles as r
where r.rolname = 'sqlembed_loopback'
"""

LOOPBACK_DATABASE = """
select (
    select split_part(o, '=', 2) from unnest(s.srvoptions) as o where starts_with(o, 'dbname=')
), current_database()
from pg_foreign_server as s
where s.srvname = 'sqlembed_loopback'
"""

EMBEDDERS = """
select e.name, e.fingerprint is not null,
       exists (select from sqlembed.worker as w where e.name = any (w.embedders)),
       exists (select from sqlembed.embedder_key as k where k.embedder = e.name)
from sqlembed.embedder as e
order by e.name
"""

TRIGGERS = """
select e.relation::text, e.name::text, string_agg(u.member::text, ', ' order by u.member)
from sqlembed.embedding as e
cross join lateral sqlembed._unattached(e) as u
where u.state <> 'changed'
group by e.relation, e.name
order by 1, 2
"""

# Source expressions and triggers run with the rights of the worker.
STRONG_WORKERS = """
select exists (
    select from pg_stat_activity as a
    join pg_roles as r on r.rolname = a.usename and r.rolsuper
    where a.application_name = 'sqlembed worker' and a.datname = current_database()
) and exists (
    select from sqlembed.embedding as e
    join pg_class as c on c.oid = e.relation
    join pg_roles as r on r.oid = c.relowner and not r.rolsuper
)
"""

CONNECTIONS = """
select count(*), current_setting('max_connections')::integer
from pg_stat_activity
where backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    #: What was looked at, in a few words.
    subject: str
    state: State
    #: What was found.
    detail: str
    #: How to mend it; empty when there is nothing to mend.
    mend: str = ""


def examine(engine: sa.Engine) -> list[Finding]:
    """Look at everything that sqlembed needs; writes nothing.

    Args:
        engine: leads to the database, as the role that owns sqlembed or will own it.
    """
    with engine.connect() as connection:
        findings = [*_server(connection), *_extensions(connection)]
        try:
            migrate.check(connection)
        except errors.SchemaError as error:
            return [*findings, Finding("schema", "error", error.message, error.hint or "")]
        findings.append(Finding("schema", "ok", f"revision {migrate.head()}"))
        findings += [
            *_loopback(connection),
            *_embedders(connection),
            *_workers(connection),
            *_triggers(connection),
            *_status(connection),
        ]
    return findings


def _server(connection: sa.Connection) -> Iterator[Finding]:
    number = int(connection.exec_driver_sql("show server_version_num").scalar_one())
    version = connection.exec_driver_sql("show server_version").scalar_one()
    if number < OLDEST_SERVER:
        yield Finding("server", "error", f"PostgreSQL {version}", "Use PostgreSQL 15 or newer.")
    else:
        yield Finding("server", "ok", f"PostgreSQL {version}")
    used, most = connection.exec_driver_sql(CONNECTIONS).one()
    if used * 2 > most:
        yield Finding(
            "connections",
            "warning",
            f"{used} of {most} are in use, and every session that calls embed() takes a second one",
            "Raise max_connections, or put a pooler before the applications.",
        )
    else:
        yield Finding("connections", "ok", f"{used} of {most} in use")


def _extensions(connection: sa.Connection) -> Iterator[Finding]:
    found = {name: rest for name, *rest in connection.exec_driver_sql(EXTENSIONS)}
    if "vector" not in found:
        yield Finding(
            "vector",
            "error",
            "the extension is not installed",
            "Install pgvector on the server, then as a superuser: create extension vector; "
            "sqlembed migrate does it where it may.",
        )
    else:
        version = found["vector"][0]
        numbers = tuple(int(part) for part in version.split(".")[:2])
        if numbers < OLDEST_VECTOR:
            yield Finding("vector", "error", f"pgvector {version}", "Use pgvector 0.7 or newer.")
        elif numbers < ITERATIVE_VECTOR:
            yield Finding(
                "vector",
                "warning",
                f"pgvector {version}: filtered searches read the whole table",
                "Update to pgvector 0.8: alter extension vector update.",
            )
        else:
            yield Finding("vector", "ok", f"pgvector {version}")
    if "dblink" not in found:
        yield Finding(
            "dblink",
            "error",
            "the extension is not installed",
            "As a superuser: create schema sqlembed_dblink; "
            "create extension dblink schema sqlembed_dblink.",
        )
    elif found["dblink"][2]:
        yield Finding(
            "dblink",
            "warning",
            f"everybody may call it in schema {found['dblink'][1]}, and so reach the loopback",
            "If nobody needs it there: alter extension dblink set schema sqlembed_dblink, "
            "then sqlembed migrate.",
        )
    else:
        yield Finding("dblink", "ok", f"in schema {found['dblink'][1]}")


def _loopback(connection: sa.Connection) -> Iterator[Finding]:
    too_strong = connection.exec_driver_sql(LOOPBACK_ROLE).scalar_one_or_none()
    if too_strong:
        yield Finding(
            "loopback role",
            "error",
            "sqlembed_loopback has rights or memberships it must not have",
            "alter role sqlembed_loopback nosuperuser nocreaterole nocreatedb nobypassrls, "
            "and revoke the roles granted to it.",
        )
    found = connection.exec_driver_sql(LOOPBACK_DATABASE).one_or_none()
    if found is None:
        yield Finding("loopback", "error", "it is not set up", "Run: sqlembed migrate.")
        return
    target, here = found
    if target != here:
        yield Finding(
            "loopback",
            "error",
            f"it leads to {target}: this database is a copy",
            "Run: sqlembed migrate.",
        )
        return
    try:
        with connection.begin_nested():
            connection.execute(verbatim("select sqlembed._probe_loopback()"))
    except sa.exc.DBAPIError as error:
        yield Finding(
            "loopback",
            "error",
            f"role sqlembed_loopback cannot log in: {str(error.orig).strip().splitlines()[0]}",
            "Let it in by password in pg_hba.conf, for instance: "
            "host all sqlembed_loopback 127.0.0.1/32 scram-sha-256. Then: sqlembed migrate.",
        )
    else:
        yield Finding("loopback", "ok", "logs in")


def _embedders(connection: sa.Connection) -> Iterator[Finding]:
    rows = connection.exec_driver_sql(EMBEDDERS).all()
    if not rows:
        yield Finding(
            "embedders", "warning", "none is registered", "Start a worker: sqlembed worker."
        )
    for name, known, served, granted in rows:
        subject = f"embedder {name}"
        if not known:
            detail, mend = "no worker has ever served it", f"Start a worker that has {name}."
        elif not served:
            detail = "no worker that serves it is alive"
            mend = "Start one: sqlembed worker --registry module:object."
        elif not granted:
            detail = "served, but not granted to this role"
            mend = f"As its owner: select sqlembed.grant_embedder('{name}', 'role')."
        else:
            yield Finding(subject, "ok", "served")
            continue
        yield Finding(subject, "warning", detail, mend)


def _workers(connection: sa.Connection) -> Iterator[Finding]:
    if connection.exec_driver_sql(STRONG_WORKERS).scalar_one():
        yield Finding(
            "workers",
            "warning",
            "one runs as a superuser, and with it the source expressions and triggers of others",
            "Run workers as a role of their own.",
        )


def _triggers(connection: sa.Connection) -> Iterator[Finding]:
    for relation, name, members in connection.exec_driver_sql(TRIGGERS):
        yield Finding(
            f"{relation}.{name}",
            "error",
            f"triggers of {members} are missing or disabled: changes are not noticed",
            f"As its owner: select sqlembed.refresh_embedding('{relation}').",
        )


def _status(connection: sa.Connection) -> Iterator[Finding]:
    rows = connection.exec_driver_sql(
        "select relation::text, embedding::text, total, embedded, pending, failed, last_error"
        " from sqlembed.status order by 1, 2"
    )
    for relation, name, total, embedded, pending, failed, last_error in rows:
        detail = f"{embedded} of {total} rows embedded, {pending} waiting, {failed} given up"
        if failed:
            yield Finding(
                f"{relation}.{name}",
                "warning",
                f"{detail}; last error: {last_error}",
                f"Mend the cause, then: sqlembed retry {relation}.",
            )
        else:
            yield Finding(f"{relation}.{name}", "ok", detail)
