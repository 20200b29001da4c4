"""SQL text of the operations: the same online and in a script, quoted once and run as it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Any

from alembic.operations import Operations

from sqlembed.orm.literals import literal, relation_name

#: How long DDL waits for a table before it lets others pass, unless ``context.configure`` is given
#: another ``sqlembed_lock_timeout``.
LOCK_TIMEOUT = "2s"

#: How often it tries (``sqlembed_lock_attempts``): with its pauses, a few minutes in all.
LOCK_ATTEMPTS = 40

# A subtransaction gives back the locks that it got: while it pauses, nobody waits behind it.
PATIENTLY = """DO {tag}
declare
    before text := pg_catalog.current_setting('lock_timeout');
begin
    for attempt in 1..{attempts} loop
        begin
            perform pg_catalog.set_config('lock_timeout', {timeout}, true);
            {statement};
            perform pg_catalog.set_config('lock_timeout', before, true);
            return;
        exception when lock_not_available or deadlock_detected then
            if attempt operator(pg_catalog.=) {attempts} then
                raise;
            end if;
        end;
        perform pg_catalog.pg_sleep(least(0.1 * attempt, 5));
    end loop;
end
{tag}"""


def run(operations: Operations, sql: str) -> None:
    """Run a statement as it stands, or write it to the script: nothing in it is a parameter."""
    context = operations.migration_context
    if context.as_sql:
        # Compiled as a construct, its tabs would become spaces, and its percent signs double.
        context.impl.static_output(f"{sql};")
    else:
        options = {"no_parameters": True}
        operations.get_bind().exec_driver_sql(sql, execution_options=options)


def run_patiently(operations: Operations, statement: str) -> None:
    """Run PL/pgSQL that locks a table of the user's, again where the table is busy."""
    options = operations.migration_context.opts
    run(
        operations,
        PATIENTLY.format(
            tag=_tag(statement),
            attempts=int(options.get("sqlembed_lock_attempts", LOCK_ATTEMPTS)),
            timeout=literal(str(options.get("sqlembed_lock_timeout", LOCK_TIMEOUT))),
            statement=statement,
        ),
    )


def run_block(operations: Operations, block: str) -> None:
    """Run a block of PL/pgSQL that locks no table of the user's."""
    tag = _tag(block)
    run(operations, f"DO {tag}\n{block}\n{tag}")


def _tag(statement: str) -> str:
    tag = "$sqlembed$"
    while tag in statement:
        tag = f"{tag[:-1]}_$"
    return tag


def call(function: str, arguments: Mapping[str, Any]) -> str:
    """Return a call of a function of schema ``sqlembed``; what is ``None`` is left out."""
    named = [
        f"{name} => {constant(value)}" for name, value in arguments.items() if value is not None
    ]
    return f"sqlembed.{function}({', '.join(named)})"


class Expression(str):
    """A value of a call that is SQL text already."""

    __slots__ = ()


def constant(value: Any) -> str:
    """Return a value as a SQL literal."""
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return literal(json.dumps(dict(value)))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return literal(f"{{{', '.join(map(repr, value))}}}")
    return literal(str(value))


def relation(operations: Operations, table_name: str, schema: str | None) -> str:
    """Return a table's name as PostgreSQL reads it, in the schema that stands for its own."""
    preparer = operations.migration_context.dialect.identifier_preparer
    return relation_name(preparer, table_name, translated(operations, schema))


def translated(operations: Operations, schema: str | None) -> str | None:
    """Return the schema by ``schema_translate_map``, where the connection has one."""
    connection = None if operations.migration_context.as_sql else operations.get_bind()
    options = connection.get_execution_options() if connection is not None else {}
    chosen: str | None = options.get("schema_translate_map", {}).get(schema, schema)
    return chosen


def shortened(name: str) -> str:
    """Return a name of 63 bytes at most, as PostgreSQL takes them: a longer one is marked."""
    if len(name.encode()) <= 63:
        return name
    mark = f"_{md5(name.encode(), usedforsecurity=False).hexdigest()[:8]}"
    return name.encode()[: 63 - len(mark)].decode(errors="ignore") + mark
