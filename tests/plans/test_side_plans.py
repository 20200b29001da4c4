"""What a search costs and finds when the vectors stand in a side table: its index is used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection, database_url
from tests.plans.test_search_plans import index_scans, recall
from tests.sql.searching import literal, make_items, rows, unit_vectors

COUNT = 5_000
VECTORS = unit_vectors(COUNT, 32)
QUERIES = unit_vectors(10, 32, seed=1)
NTH = np.arange(COUNT) % 1000
INDEX = "entry_embedding_hnsw"


@pytest.fixture(scope="module")
def database(server_url: str, admin: Connection, template: str) -> Iterator[str]:
    """URL of a database with a table, its vectors beside it; of half the rows they are stale."""
    name = f"entries_{uuid.uuid4().hex[:8]}"
    identifier = sql.Identifier(name)
    admin.execute(
        sql.SQL("create database {} template {}").format(identifier, sql.Identifier(template))
    )
    url = database_url(server_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        make_items(connection, VECTORS)
        for statement in (
            "create table entry (id integer primary key, nth integer, title text)",
            "insert into entry select id, nth, 'text ' || id from item",
            "select sqlembed.register_embedder('hash', 32)",
            "select sqlembed.create_embedding('entry', 'hash', 'title', place => 'side')",
            "insert into entry_embedding"
            " select i.id, entry_embedding_hash(e), i.embedding"
            " from item as i join entry as e using (id)",
            "update entry set title = 'newer' where id % 2 = 1",
            "create role entries_reader",
            "grant select on entry, entry_embedding to entries_reader",
            "create policy lower on entry using (nth < 900)",
            "alter table entry enable row level security",
        ):
            connection.execute(statement.encode())
        connection.execute("vacuum analyze")
        ((index,),) = rows(connection, "select index_name from sqlembed.embedding")
        connection.execute(f"alter index {index} rename to {INDEX}")
    yield url
    admin.execute(sql.SQL("drop database {} with (force)").format(identifier))
    admin.execute("drop role entries_reader")


@pytest.fixture
def entries(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def search(connection: Connection, number: int, k: int, filter: str | None = None) -> list[int]:
    statement = (
        "select (base).id from sqlembed.vector_search(null::public.entry, %s, %s, filter => %s)"
    )
    return [row[0] for row in rows(connection, statement, literal(QUERIES[number]), k, filter)]


def nearest(number: int, k: int, below: int = 1000) -> list[int]:
    """Return what is right: of the rows whose vector is up to date, with ``nth`` below a number."""
    passing = np.flatnonzero((below > NTH) & (np.arange(COUNT) % 2 == 0))
    order = np.argsort(1 - VECTORS[passing].astype(np.float64) @ QUERIES[number])
    return [int(row) for row in passing[order[:k]]]


@pytest.mark.parametrize("k", [10, 100])
@pytest.mark.parametrize("role", ["postgres", "entries_reader"])
def test_the_side_table_s_index_is_used_and_k_rows_come_back(
    entries: Connection, role: str, k: int
) -> None:
    """Though half the rows that the index gives are hidden, and a policy hides others."""
    entries.execute(f"set role {role}".encode())
    below = 900 if role == "entries_reader" else 1000
    before = index_scans(entries, INDEX)

    found = [search(entries, number, k) for number in range(10)]
    filtered = [search(entries, number, k, "nth * 1 < 500") for number in range(10)]

    if k == 10:
        # For more, of so few rows, PostgreSQL may well read the whole table.
        assert index_scans(entries, INDEX) == before + 20
    assert {len(some) for some in found + filtered} == {k}
    assert recall(found, [nearest(number, k, below) for number in range(10)]) >= 0.95
    assert recall(filtered, [nearest(number, k, 500) for number in range(10)]) >= 0.95


def test_the_plan(entries: Connection) -> None:
    """The hash is tested on the rows that the index gives, and as part of the query."""
    ((from_clause, vector),) = rows(
        entries,
        "select s.from_clause, s.vector from sqlembed.embedding as e,"
        " sqlembed._side_source(e, 'entry') as s",
    )
    plan = "\n".join(
        row[0]
        for row in rows(
            entries,
            f"explain (costs off) select entry.id from {from_clause}"
            f" order by {vector} <=> %s limit 10",
            literal(QUERIES[0]),
        )
    )
    assert "Nested Loop" in plan and f"Index Scan using {INDEX}" in plan
    assert "Index Scan using entry_pkey" in plan
    assert "sha256(convert_to" in plan and "entry_embedding_hash" not in plan
    assert "Sort" not in plan and "Seq Scan" not in plan
