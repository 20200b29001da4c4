"""Measures the ways to store and index vectors on a sample, which is a temporary table."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlembed.advice import Measured, Option
from sqlembed.cli.database import scalar

if TYPE_CHECKING:
    from sqlembed.cli.database import Connection
    from sqlembed.types import Storage

# Of rows at equal distances each is as right as the other.
NEAREST = """
with ranked as materialized (
    select id, embedding {operator} {query} as distance from pg_temp.sqlembed_advice
)
select array_agg(id)
from ranked
where distance <= (select max(distance) from (
    select distance from ranked order by distance limit {k}
) as nearest) + 1e-9
"""
OPERATOR = "select sqlembed._metric_operator(%s)"
# As a search would go about it in a table in which the index is worth while.
PATH = """
select
    sqlembed._search_statement(s.target, '', case when %(is_exact)s then 2 else 1 end, p.path),
    sqlembed._enter_search(p.path)
from (
    select sqlembed._search_target('vector_search', null::pg_temp.sqlembed_advice, 'embedding', %(metric)s)
    offset 0
) as s (target)
cross join lateral (
    select sqlembed._search_path(s.target, %(query)s::{schema}.vector, %(k)s, 'vector', '', null, null, null, null)
    offset 0
) as p (path)
"""  # noqa: E501
SEARCH = """
select
    pg_catalog.clock_timestamp(),
    array(select (f.base).id from ({statement}) as f (base, distance, attempt, embedding, chunk)),
    pg_catalog.clock_timestamp()
"""
INDEX = """
select sqlembed._index_sql(
    'sqlembed_advice_index', 'pg_temp.sqlembed_advice', 'embedding', %s, %s::jsonb, %s, %s, %s
)
"""
SIZES = """
select
    pg_catalog.sum(pg_catalog.pg_column_size(embedding)),
    pg_catalog.pg_relation_size(pg_catalog.to_regclass('pg_temp.sqlembed_advice_index'))
from pg_temp.sqlembed_advice
"""


class Bench:
    """Tries options on the sample."""

    def __init__(
        self,
        connection: Connection,
        schema: str,
        queries: Sequence[str],
        k: int,
        *,
        metric: str,
        storage: Storage,
        dimensions: int,
    ) -> None:
        self._connection = connection
        #: Where pgvector is, as SQL.
        self._schema = schema
        self._queries = queries
        self._k = k
        self._metric = metric
        self._storage = storage
        self._dimensions = dimensions

    def nearest(self) -> list[set[int]]:
        """Return what is really nearest to each of the queries, by the vectors as they are."""
        operator = scalar(self._connection, OPERATOR, (self._metric,))
        found = []
        for query in self._queries:
            statement = NEAREST.format(operator=operator, query=self._literal(query), k=self._k)
            found.append(set(scalar(self._connection, statement)))
        return found

    def measure(self, option: Option, right: Sequence[set[int]], growth: float) -> Measured:
        """Store and index the sample as an option says, and search it."""
        self._store(option.storage)
        seconds = self._build(option)
        try:
            column_size, index_size = self._connection.execute(SIZES.encode()).fetchone() or (0, 0)
            found, milliseconds = self._search(option)
        finally:
            if not self._connection.broken:
                self._connection.execute("drop index if exists pg_temp.sqlembed_advice_index")
        hits = sum(len(set(some) & all_) for some, all_ in zip(found, right, strict=True))
        wanted = sum(min(self._k, len(all_)) for all_ in right)
        return Measured(
            option,
            recall=min(1.0, hits / wanted),
            milliseconds=milliseconds,
            column_size=round(int(column_size) * growth),
            index_size=round((index_size or 0) * growth),
            build_seconds=seconds,
        )

    def _store(self, storage: Storage) -> None:
        if storage != self._storage:
            self._connection.execute(
                "alter table pg_temp.sqlembed_advice alter column embedding"
                f" type {self._schema}.{storage}({self._dimensions})".encode()
            )
            self._connection.execute("vacuum (analyze) pg_temp.sqlembed_advice")
            self._storage = storage

    def _build(self, option: Option) -> float:
        if option.index == "none":
            return 0.0
        wanted = (
            option.index,
            json.dumps(option.index_options),
            option.storage,
            self._dimensions,
            self._metric,
        )
        statement = scalar(self._connection, INDEX, wanted)
        began = time.perf_counter()
        self._connection.execute(statement.encode())
        return time.perf_counter() - began

    def _search(self, option: Option) -> tuple[list[list[int]], float]:
        """Return what was found for each query, and the median time."""
        found: list[list[int]] = []
        times: list[float] = []
        with self._connection.transaction():
            # The sample may be too small for PostgreSQL to think an index worth while.
            if option.index != "none":
                self._connection.execute("set local enable_seqscan = off")
            parameters = {
                "is_exact": option.index == "none",
                "metric": self._metric,
                "query": self._queries[0],
                "k": self._k,
            }
            path = PATH.format(schema=self._schema).encode()
            row = self._connection.execute(path, parameters).fetchone()
            assert row is not None
            statement = SEARCH.format(statement=row[0]).replace("$2", str(self._k))
            for is_timed in (False, True):
                for query in self._queries:
                    bound = statement.replace("$1", self._literal(query)).encode()
                    row = self._connection.execute(bound).fetchone()
                    assert row is not None
                    began, ids, ended = row
                    if is_timed:
                        times.append(1000 * (ended - began).total_seconds())
                    else:
                        found.append(ids)
        return found, statistics.median(times)

    def _literal(self, query: str) -> str:
        return f"'{query}'::{self._schema}.vector"
