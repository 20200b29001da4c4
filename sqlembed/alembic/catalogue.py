"""What is declared in a database, as autogenerate compares it with models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from sqlembed.orm.literals import relation_name
from sqlembed.types import Generation, Index, Metric, OnChange, Place, Storage, Timing

DECLARED = sa.text("""
select
    e.id, e.generation_of, e.generation,
    n.nspname::text as schema, c.relname::text as table_name, c.relkind = 'r' as is_plain,
    e.name::text as embedding, e.embedder, e.dimensions, e.source, e.declared_source,
    e.source_columns::text[] as source_columns, e.timing,
    e.on_change, e.metric, e.storage, e.index, e.index_options, e.place, e.chunking, e.full_text
from sqlembed.embedding as e
join pg_catalog.pg_class as c on c.oid = e.relation
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
order by schema, table_name, embedding
""")

# Partitions have parts of an index, and inherit the column of the full text.
MANAGED = sa.text("""
with held as (
    select
        m.member as relation, e.full_text_column, e.index_name, e.side,
        case when e.generation <> 'current' then e.name end as hidden_column
    from sqlembed.embedding as e
    cross join unnest(array[e.relation::oid, e.side::oid] || e.members::oid[]) as m (member)
),
index as (
    select i.indrelid, i.indexrelid
    from held as h
    join pg_catalog.pg_index as i on i.indrelid = h.relation
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    where c.relname = h.index_name
        or coalesce(pg_catalog.pg_partition_root(i.indexrelid), i.indexrelid) in (
            select r.oid
            from pg_catalog.pg_class as r
            where r.relname = h.index_name and r.relkind in ('i', 'I')
        )
        or exists (
            select
            from pg_catalog.pg_attribute as a
            where a.attrelid = i.indrelid
                and a.attname = h.full_text_column
                and a.attnum = any (i.indkey)
        )
),
managed as (
    select 'table' as kind, h.side::oid as relation, null::text as name
    from held as h
    where h.side is not null
    union
    select 'column', h.relation, h.full_text_column::text
    from held as h
    where h.full_text_column is not null
    union
    select 'column', h.relation, h.hidden_column::text
    from held as h
    where h.hidden_column is not null
    union
    select 'index', i.indrelid, c.relname::text
    from index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
)
select m.kind, n.nspname::text as schema, c.relname::text as table_name, m.name
from managed as m
join pg_catalog.pg_class as c on c.oid = m.relation
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
""")

PLAIN = sa.text("select relkind = 'r' from pg_catalog.pg_class where oid = to_regclass(:relation)")

INSTALLED = sa.text("select to_regclass('sqlembed.embedding') is not null")

CANONICAL = sa.text(
    "select expression from sqlembed._canonical_source(cast(:relation as regclass), :source)"
)
FILLED = sa.text("""
select sqlembed._has_vectors(c.present)
from sqlembed._current(cast(:relation as regclass), :embedding, null) as c
cross join lateral sqlembed._refuse_unfilled(c.present, c.beside, '10 s')
""")
CHUNKING = sa.text("select sqlembed._checked_chunking(cast(:chunking as jsonb))")
CONFIG = sa.text("select sqlembed._text_search_config(cast(:config as regconfig))")


@dataclass(frozen=True, kw_only=True)
class Declared:
    """An embedding as the database has it."""

    schema: str
    table_name: str
    #: Whether the table is neither partitioned nor foreign.
    is_plain: bool
    embedding: str
    embedder: str
    dimensions: int
    #: As PostgreSQL writes it.
    source: str
    declared_source: str
    source_columns: Sequence[str]
    timing: Timing
    on_change: OnChange
    metric: Metric
    storage: Storage
    index: Index
    index_options: Mapping[str, int] | None
    place: Place
    chunking: Mapping[str, Any] | None
    full_text: str | None
    generation: Generation
    #: The generation that stands beside the current one.
    beside: Declared | None = None


@dataclass(frozen=True)
class Managed:
    """What sqlembed has made for embeddings: ``(kind, schema, table, name)``."""

    objects: frozenset[tuple[str, str, str, str | None]]

    def has(self, kind: str, schema: str | None, table: str | None, name: str | None) -> bool:
        """Whether a table, column or index is one of them."""
        if kind == "table":
            table, name = name, None
        return (kind, schema, table, name) in self.objects


def is_installed(connection: sa.Connection) -> bool:
    """Whether the schema sqlembed is in the database."""
    return bool(connection.scalar(INSTALLED))


def is_plain(connection: sa.Connection, schema: str, table_name: str) -> bool:
    """Whether a table is not partitioned, and so takes an index that is built concurrently."""
    preparer = connection.dialect.identifier_preparer
    relation = relation_name(preparer, table_name, schema)
    return bool(connection.scalar(PLAIN, {"relation": relation}))


def declared(connection: sa.Connection) -> list[Declared]:
    """Return the embeddings of the database, each with the generation beside it."""
    current: dict[int, dict[str, Any]] = {}
    beside: dict[int, Declared] = {}
    for row in connection.execute(DECLARED).mappings():
        values = dict(row)
        id, of = values.pop("id"), values.pop("generation_of")
        if of is None:
            current[id] = values
        else:
            beside[of] = Declared(**values)
    return [Declared(**values, beside=beside.get(id)) for id, values in current.items()]


def is_filled(connection: sa.Connection, embedding: Declared) -> bool:
    """Whether the generation beside an embedding has all vectors, and there are any."""
    preparer = connection.dialect.identifier_preparer
    values = {
        "relation": relation_name(preparer, embedding.table_name, embedding.schema),
        "embedding": embedding.embedding,
    }
    return bool(_tried(connection, FILLED, values))


def managed(connection: sa.Connection) -> Managed:
    """Return what sqlembed has made for them beside the vectors."""
    return Managed(frozenset((*row,) for row in connection.execute(MANAGED)))


def is_same_source(connection: sa.Connection, embedding: Declared, source: str) -> bool:
    """Whether PostgreSQL makes of an expression what it has made of the declared one.

    One that cannot be parsed, perhaps because it uses a column that is yet to be added, is another.
    """
    preparer = connection.dialect.identifier_preparer
    relation = relation_name(preparer, embedding.table_name, embedding.schema)
    found = _tried(connection, CANONICAL, {"relation": relation, "source": source})
    return bool(found == embedding.source)


def is_same_full_text(connection: sa.Connection, embedding: Declared, config: str | None) -> bool:
    """Whether a text search configuration is the declared one."""
    if config is None or embedding.full_text is None:
        return config == embedding.full_text
    return bool(_tried(connection, CONFIG, {"config": config}) == embedding.full_text)


def is_same_chunking(
    connection: sa.Connection, embedding: Declared, chunking: Mapping[str, Any] | None
) -> bool:
    """Whether texts are to be cut as they are, with everything that was left out."""
    if chunking is None:
        return embedding.chunking is None
    found = _tried(connection, CHUNKING, {"chunking": json.dumps(dict(chunking))})
    return bool(found == embedding.chunking)


def _tried(connection: sa.Connection, statement: sa.TextClause, values: Mapping[str, Any]) -> Any:
    """Return what a statement gives, ``None`` where it fails."""
    try:
        with connection.begin_nested():
            return connection.scalar(statement, values)
    except sa.exc.DBAPIError:
        return None
