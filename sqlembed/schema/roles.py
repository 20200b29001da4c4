"""The roles of readers, writers and workers, made on request: the least that each of them needs.

They belong to the cluster; what they may do belongs to each database that asked for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlembed.schema.functions import sql_files, verbatim

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Dropped in this order.
ROLES = ("sqlembed_writer", "sqlembed_reader", "sqlembed_worker")

CREATE = """
do $roles$
declare
    missing text;
begin
    for missing in
        select name
        from pg_catalog.unnest('{sqlembed_reader,sqlembed_writer,sqlembed_worker}'::text[]) as name
        where pg_catalog.to_regrole(name) is null
    loop
        begin
            execute pg_catalog.format('create role %I nologin', missing);
        exception
            when duplicate_object or unique_violation then
                -- Another database of the cluster made it this moment.
                null;
            when insufficient_privilege then
                raise exception 'sqlembed: role % does not exist', missing
                    using errcode = '42501', hint = 'The README has what an administrator runs.';
        end;
    end loop;
    -- Where a statement embeds in the writing transaction, whoever writes embeds.
    if not pg_catalog.pg_has_role('sqlembed_writer', 'sqlembed_reader', 'usage') then
        grant sqlembed_reader to sqlembed_writer;
    end if;
end
$roles$;
"""

GRANT = """
grant select on sqlembed.alembic_version to sqlembed_reader, sqlembed_writer, sqlembed_worker;
grant execute on function {functions} to sqlembed_worker;
"""

#: Of those that are registered later, ``register_embedder`` takes care.
GRANT_EMBEDDERS = """
select sqlembed.grant_embedder(e.name, 'sqlembed_reader') from sqlembed.embedder as e;
"""

IN_USE = "select sqlembed._has_roles()"


def worker_functions() -> list[str]:
    """Return the names of the functions that workers call and nobody else."""
    files = sql_files()
    return [
        "sqlembed.register_embedder",
        *(f"sqlembed.{file.partition('/')[2]}" for file in files if file.startswith("worker/")),
    ]


def script() -> str:
    """Return the SQL that makes the roles, and gives them their rights in a database."""
    return f"{CREATE}{_grants()}{GRANT_EMBEDDERS}"


def grant(connection: Connection, *, asked: bool) -> None:
    """Give the roles their rights in a database that asked for them, now or earlier.

    Args:
        connection: in a transaction, as the role that owns sqlembed.
        asked: whether it asks now; the roles are made where they are missing.
    """
    if connection.exec_driver_sql(IN_USE).scalar_one():
        # Functions may have come since. Embedders stay as their owner has granted them.
        connection.execute(verbatim(_grants()))
    elif asked:
        connection.execute(verbatim(script()))


def _grants() -> str:
    return GRANT.format(functions=", ".join(worker_functions()))
