"""The table that a file goes into, and its rows by COPY; the caller's transaction holds it all."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import psycopg
from psycopg import sql

from sqlembed.errors import InputError
from sqlembed.loading.names import TableName, checked_name, quoted
from sqlembed.loading.rows import Contents, RowFile, Tell

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

#: What to do where the table exists: refuse, add rows, or put these in place of those.
Existing: TypeAlias = Literal["refuse", "append", "replace"]

GENERATED_KEY = "id"

#: Where PostgreSQL finds the session's temporary tables.
TEMPORARY = "pg_temp"

FIND = """
select c.relkind::text, n.nspname, c.relname
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.oid = pg_catalog.to_regclass(%s)
"""

COLUMNS = """
select a.attname, case when t.typcategory = 'A' then 'array' else t.typname end
from pg_catalog.pg_attribute as a
join pg_catalog.pg_type as t on t.oid = a.atttypid
where a.attrelid = pg_catalog.to_regclass(%s) and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""

NEW_SCHEMA = "select coalesce(%s, pg_catalog.current_schema())"

HAS_SCHEMA = "select pg_catalog.to_regnamespace(pg_catalog.quote_ident(%s)) is not null"

OTHER_KEY = (
    "Name the columns that tell rows apart with --key (once for each), or let the rows be numbered"
    " in a new column with --generated-key NAME."
)

#: Value out of range, not null, unique, check and the like: the file is to blame.
DATA_ERRORS = ("22", "23")


@dataclass(frozen=True)
class Target:
    """A table that is ready for rows."""

    #: With its schema.
    name: TableName
    #: The columns that the file fills, and what they are: see ``RowFile.rows``.
    columns: list[str]
    types: list[str]
    #: The columns of the file that become the primary key; empty for a table that was there.
    key: list[str]
    #: The new column that numbers the rows instead.
    generated_key: str | None
    created: bool


def find_table(connection: Connection, name: TableName) -> TableName | None:
    """Return the table with its schema, looked for as SQL does; ``None`` if there is none.

    Raises:
        InputError: there is something of this name that is not a table.
    """
    found = connection.execute(FIND, (name.identifier.as_string(),)).fetchone()
    if found is None:
        return None
    kind, schema, table = found
    if kind not in ("r", "p"):
        raise InputError(f"{name} is not a table", hint="Choose another name with --table.")
    return TableName(schema, table)


def prepare_table(
    connection: Connection,
    name: TableName,
    contents: Contents,
    *,
    existing: Existing = "refuse",
    key: Sequence[str] = (),
    generated_key: str | None = None,
    trial: bool = False,
) -> Target:
    """Create the table, or find out how the file fits the one that exists.

    Args:
        connection: in a transaction, which the caller commits.
        name: of the table.
        contents: what the file holds.
        existing: what to do if the table exists; ``replace`` empties it.
        key: the file's columns that make the primary key; none means ``id``, or else numbers.
        generated_key: the name of a column to number the rows in.
        trial: use a temporary table of the same name instead, gone at the transaction's end.

    Raises:
        InputError: the table exists, the file does not fit it, or a column is missing.
    """
    found = find_table(connection, name)
    if found is None:
        return _create(connection, name, contents, key, generated_key, trial)
    if existing == "refuse":
        raise InputError(
            f"table {found} exists",
            hint="Say --append to add rows to it, or --replace to put these in place of its own.",
        )
    if key or generated_key:
        raise InputError(f"table {found} exists and has its key: --key is for a new table")
    types: dict[str, str] = dict(
        connection.execute(COLUMNS, (found.identifier.as_string(),)).fetchall()
    )
    wanted = [column.name for column in contents.columns]
    if strange := [column for column in wanted if column not in types]:
        raise InputError(
            f"table {found} has no column {', '.join(map(quoted, strange))}",
            hint=f"It has: {', '.join(map(quoted, types))}.",
        )
    if trial:
        copy = TableName(TEMPORARY, found.name)
        connection.execute(
            sql.SQL(
                "create temporary table {} (like {} including defaults including generated"
                " including identity) on commit drop"
            ).format(sql.Identifier(copy.name), found.identifier)
        )
        found = copy
    elif existing == "replace":
        connection.execute(sql.SQL("truncate {} restart identity").format(found.identifier))
    return Target(
        found, wanted, [types[column] for column in wanted], [], generated_key=None, created=False
    )


def fill(
    connection: Connection, file: RowFile, target: Target, contents: Contents, tell: Tell
) -> None:
    """Copy the file's rows into the table, and give a new one its primary key.

    Raises:
        InputError: PostgreSQL refuses a value (the message says which line), or the rows have no
            key.
    """
    statement = sql.SQL("copy {} ({}) from stdin").format(
        target.name.identifier, _identifiers(target.columns)
    )
    count = 0
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for _, row in file.rows(target.columns, target.types, tell):
                copy.write_row(row)
                count += 1
    except psycopg.Error as error:
        raise _refused(file, target, error) from error
    if count != contents.rows:
        raise InputError(
            f"{file.path.name} has changed while it was read",
            hint="Load it again when it is whole.",
        )
    if target.key:
        _add_primary_key(connection, file, target)


def _create(
    connection: Connection,
    name: TableName,
    contents: Contents,
    key: Sequence[str],
    generated_key: str | None,
    trial: bool,
) -> Target:
    columns = [column.name for column in contents.columns]
    if missing := [column for column in key if column not in columns]:
        raise InputError(
            f"the file has no column {', '.join(map(quoted, missing))}",
            hint=f"It has: {', '.join(map(quoted, columns))}.",
        )
    found = next(iter(connection.execute(NEW_SCHEMA, (name.schema,)).fetchone() or ()), None)
    schema = str(found) if found else "public"
    if not (connection.execute(HAS_SCHEMA, (schema,)).fetchone() or (False,))[0]:
        raise InputError(f"there is no schema {schema!r}", hint=f"create schema {quoted(schema)}")
    target = TableName(TEMPORARY if trial else schema, name.name)
    if generated_key is None and not key:
        key = [column for column in columns if column == GENERATED_KEY] or [
            column for column in columns if column.lower() == GENERATED_KEY
        ][:1]
        generated_key = None if key else GENERATED_KEY
    definitions = [
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type))
        for column in contents.columns
    ]
    if generated_key is not None:
        if checked_name(generated_key, "the name of the key") in columns:
            raise InputError(
                f"the file has a column {quoted(generated_key)}",
                hint="Give the numbers another name with --generated-key.",
            )
        definitions.insert(
            0,
            sql.SQL("{} bigint generated always as identity primary key").format(
                sql.Identifier(generated_key)
            ),
        )
    connection.execute(
        sql.SQL("create table {} (\n    {}\n)").format(
            target.identifier, sql.SQL(",\n    ").join(definitions)
        )
    )
    types = [column.type for column in contents.columns]
    return Target(target, columns, types, list(key), generated_key, created=True)


def _add_primary_key(connection: Connection, file: RowFile, target: Target) -> None:
    # After the rows: the database sorts better than a set of all keys in memory.
    names = ", ".join(map(quoted, target.key))
    try:
        connection.execute(
            sql.SQL("alter table {} add primary key ({})").format(
                target.name.identifier, _identifiers(target.key)
            )
        )
    except psycopg.errors.NotNullViolation as error:
        rows = file.rows(target.key, ["text"] * len(target.key), lambda _: None)
        line = next((line for line, values in rows if None in values), None)
        raise file.error(line, f"no value for the key ({names})", OTHER_KEY) from error
    except psycopg.errors.UniqueViolation as error:
        detail = error.diag.message_detail or "two rows have the same"
        raise file.error(
            None, f"({names}) cannot be the key: {detail.rstrip('.')}", OTHER_KEY
        ) from error


def _refused(file: RowFile, target: Target, error: psycopg.Error) -> Exception:
    """Return the error with the line of the file, where PostgreSQL says which row it was."""
    if (error.sqlstate or "")[:2] not in DATA_ERRORS:
        return error
    problem = error.diag.message_primary or str(error)
    if error.diag.message_detail:
        problem = f"{problem} ({error.diag.message_detail})"
    context = error.diag.context or ""
    line = None
    # "COPY report, line 3, column lat: …", in the language of the server.
    if found := re.search(r"^COPY .*?, \D*(\d+)", context, re.MULTILINE):
        rows = file.rows(target.columns, target.types, lambda _: None)
        line = next((line for line, _ in itertools.islice(rows, int(found[1]) - 1, None)), None)
    if (column := re.search(r"^COPY .*?, \D*\d+, \S+ ([^:]+):", context, re.MULTILINE)) is not None:
        problem = f"column {column[1]}: {problem}"
    return file.error(line, problem, "Nothing was loaded.")


def _identifiers(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
