"""What searches cost and find on 20,000 vectors: the index, filters of all selectivities, TOAST."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection, database_url
from tests.sql.searching import Vectors, distances, literal, make_items, rows, unit_vectors

COUNT = 20_000
VECTORS = unit_vectors(COUNT, 32)
QUERIES = unit_vectors(20, 32, seed=1)
NTH = np.arange(COUNT) % 1000

#: Filters by the share of rows that pass.
FILTERS = {0.5: 500, 0.1: 100, 0.01: 10, 0.001: 1}

# Then the vector index is the only way to the nearest rows.
FORCE_INDEX = "set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off"


@pytest.fixture(scope="module")
def database(server_url: str, admin: Connection, template: str) -> Iterator[str]:
    """URL of a database with 20,000 items and an HNSW index."""
    name = f"items_{uuid.uuid4().hex[:8]}"
    identifier = sql.Identifier(name)
    admin.execute(
        sql.SQL("create database {} template {}").format(identifier, sql.Identifier(template))
    )
    url = database_url(server_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        make_items(connection, VECTORS)
        connection.execute("create index item_nth on item (nth)")
        connection.execute(
            "create index item_hnsw on item using hnsw (embedding vector_cosine_ops)"
        )
        connection.execute("vacuum analyze item")
    yield url
    admin.execute(sql.SQL("drop database {} with (force)").format(identifier))


@pytest.fixture
def items(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def search(
    connection: Connection, query: Vectors, k: int, filter: str | None = None, mode: str = "vector"
) -> list[int]:
    statement = (
        "select (base).id from sqlembed.vector_search(null::item, %s, %s, filter => %s, mode => %s)"
    )
    return [row[0] for row in rows(connection, statement, literal(query), k, filter, mode)]


def nearest(query: Vectors, k: int, below: int = 1000) -> list[int]:
    """Return what is right, among the rows with ``nth`` below a number."""
    passing = np.flatnonzero(below > NTH)
    order = np.argsort(1 - VECTORS[passing].astype(np.float64) @ query.astype(np.float64))
    return [int(number) for number in passing[order[:k]]]


def recall(found: list[list[int]], right: list[list[int]]) -> float:
    hits = sum(len(set(some) & set(all)) for some, all in zip(found, right, strict=True))
    return hits / sum(len(all) for all in right)


def index_scans(connection: Connection, index: str = "item_hnsw") -> int:
    rows(connection, "select pg_stat_force_next_flush()")
    [(scans,)] = rows(
        connection, "select idx_scan from pg_stat_user_indexes where indexrelname = %s", index
    )
    return int(scans)


def scans(connection: Connection) -> int:
    rows(connection, "select pg_stat_force_next_flush()")
    [(scans,)] = rows(
        connection, "select seq_scan + idx_scan from pg_stat_user_tables where relname = 'item'"
    )
    return int(scans)


def test_the_index_is_used_unless_exact(items: Connection) -> None:
    before = index_scans(items)
    search(items, QUERIES[0], 10)
    search(items, QUERIES[0], 10, "nth < 500")
    assert index_scans(items) == before + 2

    items.execute("set enable_seqscan = off; set enable_sort = off")
    search(items, QUERIES[0], 10, mode="exact")
    search(items, QUERIES[0], 10, "nth < 500", mode="exact")
    assert index_scans(items) == before + 2


def test_another_metric_than_the_index_has(items: Connection) -> None:
    before = index_scans(items)
    statement = (
        "select (base).id from sqlembed.vector_search(null::item, %s, metric => 'euclidean')"
    )

    found = [row[0] for row in rows(items, statement, literal(QUERIES[0]))]

    # On vectors of length 1 both metrics have the same order.
    assert found == nearest(QUERIES[0], 10)
    assert index_scans(items) == before


@pytest.mark.parametrize("k", [1, 10, 100, 1000])
def test_recall(items: Connection, k: int) -> None:
    found = [search(items, query, k) for query in QUERIES]

    assert {len(some) for some in found} == {k}
    assert recall(found, [nearest(query, k) for query in QUERIES]) >= 0.95


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("share", FILTERS)
def test_k_rows_come_back_whenever_k_rows_match(
    items: Connection, share: float, forced: bool
) -> None:
    below = FILTERS[share]
    if forced:
        items.execute(FORCE_INDEX)

    # The planner takes this for a third of the rows, whatever the number.
    found = [search(items, query, 10, f"nth * 1 < {below}") for query in QUERIES]

    assert {len(some) for some in found} == {10}
    assert {NTH[number] < below for some in found for number in some} == {True}
    assert recall(found, [nearest(query, 10, below) for query in QUERIES]) >= 0.95
    if share == 0.5:
        before = scans(items)
        found = [search(items, query, 10, f"nth < {below}") for query in QUERIES]
        assert recall(found, [nearest(query, 10, below) for query in QUERIES]) >= 0.95
        # The estimate is right, so that none of them had to be done again without the index.
        assert scans(items) == before + len(QUERIES)


def test_without_these_settings_rows_are_missing(items: Connection) -> None:
    """What the tests above protect from; it would have to be seen if pgvector changed."""
    items.execute(FORCE_INDEX)
    by_hand = "select id from item where nth * 1 < 10 order by embedding <=> %s limit 10"

    assert len(rows(items, by_hand, literal(QUERIES[0]))) < 10


def test_an_index_that_gives_up_is_not_believed(items: Connection) -> None:
    items.execute(FORCE_INDEX)
    # The caller's own limits, under which the index finds too few.
    items.execute("set hnsw.max_scan_tuples = 1; set hnsw.scan_mem_multiplier = 1")
    items.execute("set hnsw.iterative_scan = strict_order; set hnsw.ef_search = 100")
    by_hand = "select id from item where nth * 1 < 1 order by embedding <=> %s limit 20"
    assert len(rows(items, by_hand, literal(QUERIES[0]))) < 20

    for k in (10, 20):
        assert search(items, QUERIES[0], k, "nth * 1 < 1") == nearest(QUERIES[0], k, 1)
    # Only 20 rows match.
    assert search(items, QUERIES[0], 30, "nth * 1 < 1") == nearest(QUERIES[0], 20, 1)


def test_a_hundred_rows(items: Connection) -> None:
    """Pgvector's own default stops at 40."""
    items.execute(FORCE_INDEX)
    by_hand = "select id from item order by embedding <=> %s limit 100"
    assert len(rows(items, by_hand, literal(QUERIES[0]))) == 40

    assert len(search(items, QUERIES[0], 100)) == 100


def test_nearest_first(items: Connection) -> None:
    items.execute(FORCE_INDEX)
    items.execute("set hnsw.iterative_scan = relaxed_order; set hnsw.ef_search = 100")
    filter = "nth * 1 < 50"
    by_hand = f"select embedding <=> %s from item where {filter} order by 1 limit 10"
    search = "select distance from sqlembed.vector_search(null::item, %s, filter => %s)"
    unordered = 0

    for query in QUERIES:
        first = [row[0] for row in rows(items, by_hand, literal(query))]
        unordered += first != sorted(first)
        found = [row[0] for row in rows(items, search, literal(query), filter)]
        assert found == sorted(found)

    # What it protects from: an index in relaxed order.
    assert unordered > 0 or not has_iterative_scans(items)


def has_iterative_scans(items: Connection) -> bool:
    """Tell whether pgvector is 0.8 or later; before, an index gives ``ef_search`` rows at most."""
    row = items.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
    assert row is not None
    return [*map(int, str(row[0]).split("."))] >= [0, 8]


def test_an_index_is_not_believed_about_its_order(items: Connection) -> None:
    """In relaxed order it says that its rows come nearest first; they do so batch by batch."""
    if not has_iterative_scans(items):
        pytest.skip("there is no relaxed order before pgvector 0.8")
    items.execute("set hnsw.iterative_scan = relaxed_order; set hnsw.ef_search = 10")
    ((limited,), (unlimited,)) = rows(
        items,
        "select sqlembed._search_statement(t, ' and (nth * 1 < 500)', 1, p)"
        " from sqlembed._search_target('vector_search', null::item, null, null) as t,"
        " unnest(array[200, null]) as visits,"
        " jsonb_populate_record("
        "null::sqlembed.search_path, jsonb_build_object('visits', visits)) as p",
    )
    for statement in (limited, unlimited):
        for query in QUERIES:
            text = statement.replace("%", "%%").replace("$1", f"'{literal(query)}'::vector")
            found = [row[1] for row in rows(items, text.replace("$2", "50"))]
            assert (len(found), found) == (50, sorted(found))


def test_exact_is_exact(items: Connection) -> None:
    items.execute(FORCE_INDEX)

    for query in QUERIES[:5]:
        assert search(items, query, 100, mode="exact") == nearest(query, 100)
        assert search(items, query, 100, "nth < 10", mode="exact") == nearest(query, 100, 10)


OPERATOR_CLASSES = {
    "cosine": "vector_cosine_ops",
    "euclidean": "vector_l2_ops",
    "inner_product": "vector_ip_ops",
    "l1": "vector_l1_ops",
}


@pytest.mark.parametrize("metric", OPERATOR_CLASSES)
def test_every_metric_with_a_filter(connection: Connection, metric: str) -> None:
    vectors = VECTORS[:, :16] * np.linspace(0.5, 1.5, COUNT, dtype=np.float32)[:, None]
    make_items(connection, vectors)
    operator_class = OPERATOR_CLASSES[metric]
    connection.execute(f"create index own on item using hnsw (embedding {operator_class})".encode())
    connection.execute("vacuum analyze item")
    passing = np.flatnonzero(NTH < 500)
    found, right = [], []

    for query in QUERIES[:10, :16]:
        statement = (
            "select (base).id, distance from sqlembed.vector_search("
            "null::item, %s, 10, filter => 'nth < 500', metric => %s)"
        )
        hits = rows(connection, statement, literal(query), metric)
        order = passing[distances(vectors[passing], query, metric).argsort()[:10]]
        found.append([number for number, _ in hits])
        right.append([int(number) for number in order])
        assert [one for _, one in hits] == sorted(one for _, one in hits)

    assert index_scans(connection, "own") == 10
    assert recall(found, right) >= 0.95


def test_a_selective_filter_may_use_its_own_index(items: Connection) -> None:
    before = index_scans(items, "item_nth")

    assert search(items, QUERIES[0], 10, "nth = 0") == nearest(QUERIES[0], 10, 1)

    assert index_scans(items, "item_nth") == before + 1


def test_rows_that_pass_and_are_all_far_away(connection: Connection) -> None:
    """A filter that keeps a cluster on the other side: what an index looks at never passes."""
    near, far = unit_vectors(19_000, 16), unit_vectors(1_000, 16, seed=2)
    near[:, 0], far[:, 0] = np.abs(near[:, 0]) + 1, -np.abs(far[:, 0]) - 1
    vectors = np.concatenate([near, far])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    make_items(connection, vectors)
    connection.execute("create index on item using hnsw (embedding vector_cosine_ops)")
    connection.execute("alter table item add cluster int not null default 0")
    connection.execute("update item set cluster = 1 where id >= 19000")
    connection.execute("vacuum analyze item")
    right = np.argsort(-vectors[19_000:].astype(float) @ vectors[0].astype(float)) + 19_000

    for filter in ("cluster = 1", "cluster * 1 = 1"):
        for k in (10, 1000):
            found = search(connection, vectors[0], k, filter)
            assert len(found) == k
            assert set(found[:10]) == set(right[:10])


def test_what_a_policy_shows_is_all_far_away(connection: Connection, role: str) -> None:
    """An index that is left to go on until k rows are shown gives what it has come across."""
    vectors = unit_vectors(COUNT, 16)
    query = vectors[0]
    make_items(connection, vectors[np.argsort(-vectors @ query)])
    for statement in (
        "create index on item using hnsw (embedding vector_cosine_ops)",
        "alter table item enable row level security; grant select on item to public",
        "create policy far on item using (id + 0 >= 5000)",
        "vacuum analyze item",
    ):
        connection.execute(statement.encode())
    connection.execute(f"set role {role}; set work_mem = '1MB'".encode())
    connection.execute("set hnsw.iterative_scan = relaxed_order")
    by_hand = "select id from item order by embedding <=> %s limit 10"
    right = list(range(5000, 5010))
    assert [row[0] for row in rows(connection, by_hand, literal(query))] != right

    for filter in (None, "nth >= 0"):
        assert search(connection, query, 10, filter) == right
    assert rows(connection, "show hnsw.iterative_scan") == [("relaxed_order",)]


def test_ivfflat_goes_on_as_well(connection: Connection) -> None:
    vectors = unit_vectors(2000, 8)
    make_items(connection, vectors)
    connection.execute(
        "create index on item using ivfflat (embedding vector_cosine_ops) with (lists = 40)"
    )
    connection.execute(FORCE_INDEX)
    query = literal(vectors[0])
    by_hand = "select id from item where id %% 20 = 0 order by embedding <=> %s limit 50"
    assert len(rows(connection, by_hand, query)) < 50

    statement = "select from sqlembed.vector_search(null::item, %s, 50, filter => 'id %% 20 = 0')"
    assert len(rows(connection, statement, query)) == 50


def test_a_partial_index_over_the_rows_with_a_vector(connection: Connection) -> None:
    make_items(connection, unit_vectors(200, 8))
    connection.execute(
        "create index partial on item using hnsw (embedding vector_cosine_ops)"
        " where embedding is not null"
    )
    connection.execute(FORCE_INDEX)

    search(connection, unit_vectors(1, 8)[0], 10)

    assert index_scans(connection, "partial") == 1


@pytest.mark.parametrize("mode", ["vector", "exact"])
def test_only_rows_that_are_found_are_read_out_of_toast(connection: Connection, mode: str) -> None:
    connection.execute("create table item (id int primary key, body text, v vector(2))")
    connection.execute("alter table item alter body set storage external")
    connection.execute(
        "insert into item select n, repeat('x', 20000), array[n, 1]::vector"
        " from generate_series(1, 200) n"
    )
    connection.execute("vacuum analyze item")

    def toast_blocks() -> int:
        rows(connection, "select pg_stat_force_next_flush()")
        [(blocks,)] = rows(
            connection,
            "select toast_blks_read + toast_blks_hit from pg_statio_user_tables"
            " where relname = 'item'",
        )
        return int(blocks)

    search = (
        "select length((base).body) from sqlembed.vector_search(null::item, '[1,0]', 2, mode => %s)"
    )
    before = toast_blocks()
    assert rows(connection, search, mode) == [(20000,)] * 2
    of_two = toast_blocks() - before
    rows(connection, "select count(*) from item where body like '%y'")
    of_all = toast_blocks() - before - of_two

    assert 0 < of_two < of_all / 20
