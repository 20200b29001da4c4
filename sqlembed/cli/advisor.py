"""What ``sqlembed advise`` does: copy a sample, build each index on it, search and compare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlembed.advice import Choice, Measured, Option, options_for, recommend
from sqlembed.cli.bench import Bench
from sqlembed.cli.database import scalar
from sqlembed.cli.output import patience
from sqlembed.cli.progress import rows_bar
from sqlembed.cli.tables import relation_of
from sqlembed.errors import ConfigError, InputError

if TYPE_CHECKING:
    from sqlembed.cli.database import Connection
    from sqlembed.types import Storage

# Found as a search finds it, declared or not.
COLUMN = """
select
    (s.target).vector_relation::text, (s.target).embedding::text, (s.target).metric,
    (s.target).from_clause, (s.target).vector, t.typname::text, a.atttypmod, e.id,
    pg_catalog.jsonb_build_object(
        'storage', e.storage, 'index', e.index, 'prefix', e.index_options -> 'dimensions'
    )
from (select sqlembed._search_target('vector_search', null::{relation}, %s, null)) as s (target)
join pg_catalog.pg_attribute as a
    on a.attrelid = (s.target).vector_relation and a.attname = (s.target).embedding
join pg_catalog.pg_type as t on t.oid = a.atttypid
left join sqlembed.embedding as e
    on e.relation = (s.target).relation and e.name = (s.target).embedding
"""
COUNT = "select count({vector}) from {rows}"
DIMENSIONS = "select {schema}.vector_dims({vector}) from {rows} where {vector} is not null limit 1"

SAMPLE = """
create temporary table sqlembed_advice as
select
    (pg_catalog.row_number() over ())::integer as id,
    ({vector})::{schema}.{storage}({dimensions}) as embedding
from {rows}
where {vector} is not null and pg_catalog.random() < {share}
limit {size}
"""
# The same ones every time, from all over the table.
HELD_OUT = """
delete from pg_temp.sqlembed_advice
where id in (
    select id from pg_temp.sqlembed_advice order by pg_catalog.hashint4(id), id limit %s
)
returning embedding::text
"""
# With what is left out standing for itself.
DECLARATION = """
select pg_catalog.jsonb_build_object(
    'relation', relation::text, 'embedder', embedder, 'source', declared_source, 'embedding', name,
    'timing', nullif(timing, 'async'), 'on_change', nullif(on_change, 'hide'),
    'metric', nullif(metric, 'cosine'), 'place', nullif(place, 'row'), 'chunking', chunking::text,
    'full_text', full_text
)
from sqlembed.embedding
where id = %s
"""
ALTER_TABLE = """
select pg_catalog.format(
    'alter table %%s alter column %%I type %%s(%%s)', %s::text, %s::text, %s::text, %s::integer
)
"""
CREATE_INDEX = "select sqlembed._index_sql(null, %s, %s, %s, %s::jsonb, %s, %s, %s)"

SAMPLED = "select count(*) from pg_temp.sqlembed_advice"
EXTENSION = """
select pg_catalog.quote_ident(n.nspname)
from pg_catalog.pg_extension as e
join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
where e.extname = 'vector'
"""

#: Local buffers for the sample, its indexes and what is left over from those before them.
BUFFERS = "set temp_buffers = '1GB'"

#: With fewer there is nothing to measure.
LEAST_ROWS = 100


@dataclass(frozen=True)
class Column:
    """A column of vectors."""

    #: The table as the user named it, and what holds the vectors, as SQL.
    relation: str
    holder: str
    name: str
    metric: str
    #: What to select from, and the vector there, as SQL.
    rows: str
    vector: str
    storage: Storage
    dimensions: int
    #: How many vectors there are.
    total: int
    #: Number of the embedding; ``None`` where nobody has declared it.
    embedding: int | None
    #: How it is stored and indexed, where it is declared.
    declared: dict[str, Any]


@dataclass(frozen=True)
class Advice:
    """What is printed."""

    column: Column
    #: Rows of the sample, and those that were taken out of it to be searched for.
    sampled: int
    queries: int
    k: int
    measured: list[Measured]
    choice: Choice
    #: SQL that leads from what is there to what was chosen; empty where it is there.
    statements: list[str]

    @property
    def growth(self) -> float:
        """How many times as many rows the table has as the sample."""
        return self.column.total / self.sampled


@dataclass(frozen=True)
class Trial:
    """What to try, and how."""

    sample: int
    queries: int
    k: int
    recall: float


def advice(connection: Connection, table: str, embedding: str | None, trial: Trial) -> Advice:
    """Measure the options for a column on a sample of its rows, which is gone afterwards.

    Raises:
        InputError: there is no such table, or too few rows to measure anything.
        ConfigError: this role may not make temporary tables.
        psycopg.Error: SE013, the table has no column of vectors, several, or not this one.
    """
    schema = str(scalar(connection, EXTENSION))
    column = column_of(connection, schema, relation_of(connection, table), embedding)
    options = options_for(column.storage, column.dimensions)
    measured: list[Measured] = []
    with _sample(connection, schema, column, trial) as queries:
        sampled = int(scalar(connection, SAMPLED))
        growth = column.total / sampled
        bench = Bench(
            connection,
            schema,
            queries,
            trial.k,
            metric=column.metric,
            storage=column.storage,
            dimensions=column.dimensions,
        )
        with patience("comparing every row"):
            right = bench.nearest()
        with rows_bar("measuring") as advance:
            for option in options:
                advance(len(measured), len(options))
                measured.append(bench.measure(option, right, growth))
    choice = recommend(measured, trial.recall, growth)
    return Advice(
        column,
        sampled,
        len(queries),
        trial.k,
        measured,
        choice,
        how_to(connection, column, choice.option),
    )


def column_of(connection: Connection, schema: str, relation: str, embedding: str | None) -> Column:
    """Return a column of vectors, without a name the only one."""
    statement = COLUMN.format(relation=relation.replace("%", "%%"))
    row = connection.execute(statement.encode(), (embedding,)).fetchone()
    assert row is not None
    holder, name, metric, rows, vector, storage, dimensions, number, declared = row
    total = _number(connection, COUNT.format(vector=vector, rows=rows))
    if total < LEAST_ROWS:
        raise InputError(
            f"{relation} has {total} rows with a vector, too few to measure anything",
            hint="So few need no index: say index => 'none'."
            if total
            else "A worker makes them: sqlembed worker, and sqlembed status says how far it is.",
        )
    if dimensions < 1:
        found = DIMENSIONS.format(schema=schema, vector=vector, rows=rows)
        dimensions = _number(connection, found)
    return Column(
        relation, holder, name, metric, rows, vector, storage, dimensions, total, number, declared
    )


def how_to(connection: Connection, column: Column, option: Option) -> list[str]:
    """Return the SQL that leads from what is there to an option."""
    wanted = {"storage": option.storage, "index": option.index, "prefix": option.prefix}
    if column.declared == wanted:
        return []
    found = []
    if option.storage != column.storage:
        changed = (column.holder, column.name, option.storage, column.dimensions)
        found.append(str(scalar(connection, ALTER_TABLE, changed)))
    if column.embedding is None:
        if option.index != "none":
            arguments = (
                column.holder,
                column.name,
                option.index,
                json.dumps(option.index_options),
                option.storage,
                column.dimensions,
                column.metric,
            )
            found.append(str(scalar(connection, CREATE_INDEX, arguments)))
        return found
    changes: dict[str, str | None] = {"index": option.index, "index_options": None}
    if option.index_options:
        changes["index_options"] = json.dumps(option.index_options)
    if not found:
        return [
            call(
                "alter_embedding", {"relation": column.relation, "embedding": column.name} | changes
            )
        ]
    # To another type PostgreSQL converts the vectors that are there.
    row = connection.execute(DECLARATION.encode(), (column.embedding,)).fetchone()
    assert row is not None
    drop = call("drop_embedding", {"relation": column.relation, "embedding": column.name})
    return [drop, *found, call("create_embedding", row[0] | changes)]


def call(function: str, arguments: Mapping[str, str | None]) -> str:
    """Return the call of a function with named arguments; those that are ``None`` are left out."""
    from psycopg import sql

    named = [
        sql.SQL("{} => {}").format(sql.SQL(name), value)
        for name, value in arguments.items()
        if value is not None
    ]
    made = sql.SQL("select sqlembed.{}({})").format(sql.SQL(function), sql.SQL(", ").join(named))
    return made.as_string()


def _number(connection: Connection, statement: str) -> int:
    # Names may hold per cent signs.
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def _sample(
    connection: Connection, schema: str, column: Column, trial: Trial
) -> Iterator[list[str]]:
    """Copy rows into a temporary table; yields some that are taken out of it, to search for."""
    import psycopg

    share = min(1.0, 1.1 * (trial.sample + trial.queries) / column.total)
    statement = SAMPLE.format(
        schema=schema,
        vector=column.vector,
        storage=column.storage,
        dimensions=column.dimensions,
        rows=column.rows,
        share=share,
        size=trial.sample + trial.queries,
    )
    connection.execute(BUFFERS.encode())
    connection.execute("select pg_catalog.setseed(0)")
    try:
        with patience("copying a sample"):
            connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigError(
            f"the sample cannot be copied: {error.diag.message_primary}",
            hint="It takes the right to read the table, and to make temporary tables in the"
            " database: grant temporary on database ... to ...",
        ) from error
    try:
        copied = int(scalar(connection, SAMPLED))
        held_out = min(trial.queries, copied // 10)
        rows = connection.execute(HELD_OUT.encode(), (held_out,)).fetchall()
        connection.execute("vacuum (analyze) pg_temp.sqlembed_advice")
        yield [str(row[0]) for row in rows]
    finally:
        # Where the connection is broken, the server does it.
        if not connection.broken:
            connection.execute("drop table if exists pg_temp.sqlembed_advice")
