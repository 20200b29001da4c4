"""Tables on the command line: their names, and the embeddings that they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlembed.cli.database import scalar
from sqlembed.errors import InputError

if TYPE_CHECKING:
    from psycopg import sql

    from sqlembed.cli.database import Connection
    from sqlembed.clustering import ClusterMetric

EMBEDDED = "select distinct relation::regclass::text from sqlembed.embedding order by 1"
SHOWN = "select pg_catalog.to_regclass(%s)::text"

DECLARED = """
select
    (e.found).name::text, (e.found).embedder, (e.found).metric, (e.found).storage, (e.found).source,
    (e.found).full_text,
    (e.found).source_columns::text[], (e.found).key_columns::text[],
    array(
        select a.attname::text
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t on t.oid = a.atttypid
        where a.attrelid = (e.found).relation and a.attnum > 0 and not a.attisdropped
            and t.typname not in ('vector', 'halfvec', 'sparsevec', 'tsvector')
        order by a.attnum
    ),
    coalesce((e.found).side, (e.found).relation)::text,
    coalesce(s.from_clause, pg_catalog.format('%%s as %%I', (e.found).relation, c.relname)),
    coalesce(s.vector, pg_catalog.format('%%I.%%I', c.relname, (e.found).name)),
    c.relname::text
from (select sqlembed._embedding_of(%s::regclass, %s)) as e (found)
join pg_catalog.pg_class as c on c.oid = (e.found).relation
cross join lateral sqlembed._side_source(e.found, c.relname) as s
"""


@dataclass(frozen=True)
class Declared:
    """An embedding of a table."""

    #: The table, as SQL writes it.
    relation: str
    #: The vector column.
    name: str
    embedder: str
    metric: str
    storage: str
    #: The expression that is embedded.
    source: str
    #: The text search configuration of its words, if it was declared.
    full_text: str | None
    source_columns: list[str]
    key_columns: list[str]
    #: All columns of the table but vectors, which nobody reads.
    columns: list[str]
    #: What holds the vectors: the table, or the one beside it.
    holder: str
    #: What to select the rows with their vectors from, as SQL; the table has its own name there.
    rows: str
    #: The vector there, as SQL.
    vector: str
    #: The table's name without its schema.
    alias: str

    @property
    def cluster_metric(self) -> ClusterMetric:
        """The one of the two metrics that k-means knows which comes close to the declared one."""
        return "euclidean" if self.metric in {"euclidean", "l1"} else "cosine"


def relation_of(connection: Connection, name: str) -> str:
    """Return a table as SQL writes it, found as SQL finds it.

    Raises:
        InputError: there is none; the hint names those that are embedded.
    """
    from sqlembed.loading import parse_table_name

    wanted = parse_table_name(name)
    found = scalar(connection, SHOWN, (wanted.identifier.as_string(),))
    if found is None:
        embedded = [str(row[0]) for row in connection.execute(EMBEDDED)]
        raise InputError(f"there is no table {wanted}", hint=_nearest(str(wanted), embedded))
    return str(found)


def declared_embedding(connection: Connection, relation: str, name: str | None) -> Declared:
    """Return an embedding of a table, without a name its only one.

    Raises:
        psycopg.Error: SE013, the table has none, several, or not this one.
    """
    row = connection.execute(DECLARED.encode(), (relation, name)).fetchone()
    assert row is not None
    return Declared(relation, *row)


def literally(text: str) -> sql.SQL:
    """Return SQL that is not ours, for a statement with parameters: its ``%`` are only that."""
    from psycopg import sql

    return sql.SQL(text.replace("%", "%%"))


def _nearest(wanted: str, embedded: list[str]) -> str:
    import difflib

    if near := difflib.get_close_matches(wanted, embedded, n=1):
        return f"Did you mean {near[0]}?"
    if embedded:
        return f"These have embeddings: {', '.join(embedded)}."
    return "Load one: sqlembed load FILE --table TABLE --source COLUMN"
