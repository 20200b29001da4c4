"""Indexes over less than whole vectors: what they find is ranked by all of the vector."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.fix_database import Connection, database_url
from tests.sql.searching import Vectors, distances, literal, make_items, rows

COUNT = 10_000
DIMENSIONS = 128
NTH = np.arange(COUNT) % 1000

PREFIX = '{"dimensions": 32}'

BY_HAND = {
    "binary": "order by binary_quantize(embedding)::bit(128) <~> binary_quantize(%s::vector)",
    "prefix": "order by subvector(embedding, 1, 32)::vector(32) <=> subvector(%s::vector, 1, 32)",
}


def clustered(count: int, seed: int) -> Vectors:
    """Return vectors of length 1 around a few centres, the first dimensions of which say most."""
    centres = np.random.default_rng(0).standard_normal((100, DIMENSIONS))
    random = np.random.default_rng(seed)
    near = centres[random.integers(0, len(centres), count)]
    vectors = near + 0.5 * random.standard_normal((count, DIMENSIONS))
    vectors *= np.linspace(2, 0.2, DIMENSIONS)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


VECTORS = clustered(COUNT, 1)
QUERIES = clustered(20, 2)


def declare(connection: Connection, table: str, index: str, **options: str | None) -> None:
    arguments = {"embedder": "vectors", "source": "nth::text", "index": index} | options
    named = ", ".join(f"{name} => %s" for name in arguments)
    rows(connection, f"select sqlembed.create_embedding('{table}', {named})", *arguments.values())


@pytest.fixture(scope="module")
def database(server_url: str, admin: Connection, template: str) -> Iterator[str]:
    """URL of a database with 10,000 items in each of several tables."""
    name = f"smaller_{uuid.uuid4().hex[:8]}"
    identifier = sql.Identifier(name)
    admin.execute(
        sql.SQL("create database {} template {}").format(identifier, sql.Identifier(template))
    )
    url = database_url(server_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        rows(connection, "select sqlembed.register_embedder('vectors', %s)", DIMENSIONS)
        make_items(connection, VECTORS)
        for table, columns in {
            "half": f"id, nth, embedding::halfvec({DIMENSIONS})",
            "beside": "id, nth",
            "bare": "id, nth, embedding",
        }.items():
            connection.execute(f"create table {table} as select {columns} from item".encode())
            connection.execute(f"alter table {table} add primary key (id)".encode())
        declare(connection, "item", "binary")
        declare(connection, "half", "prefix", index_options=PREFIX)
        declare(connection, "beside", "none", place="side")
        connection.execute(
            "insert into beside_embedding (id, embedding, source_hash)"
            " select id, embedding, sha256(convert_to(nth::text, 'UTF8')) from item"
        )
        # Every item is a chunk of one of 2,000 texts.
        connection.execute("create table cut (id int primary key, nth int)")
        declare(connection, "cut", "none", chunking='{"characters": 10}')
        connection.execute("insert into cut select id, 0 from item where id < 2000")
        connection.execute(
            "insert into cut_embedding"
            " (id, ordinal, span, chunk, chunk_hash, source_hash, embedding)"
            " select id % 2000, id / 2000, '[1,2)', id::text, '', sha256('0'), embedding from item"
        )
        for table in ("beside", "cut"):
            rows(connection, "select sqlembed.alter_embedding(%s, index => 'binary')", table)
        connection.execute("vacuum analyze")
    yield url
    admin.execute(sql.SQL("drop database {} with (force)").format(identifier))


@pytest.fixture
def items(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def nearest(query: Vectors, k: int, below: int = 1000, metric: str = "cosine") -> list[int]:
    """Return what is right, among the rows with ``nth`` below a number."""
    passing = np.flatnonzero(below > NTH)
    order = np.argsort(distances(VECTORS[passing], query, metric), kind="stable")
    return [int(number) for number in passing[order[:k]]]


def search(
    connection: Connection, table: str, query: Vectors, k: int = 10, **options: Any
) -> list[int]:
    named = "".join(f", {name} => %s" for name in options)
    statement = f"select (base).id from sqlembed.vector_search(null::{table}, %s, %s{named})"
    return [row[0] for row in rows(connection, statement, literal(query), k, *options.values())]


def recall(found: list[list[int]], right: list[list[int]]) -> float:
    hits = sum(len(set(some) & set(all)) for some, all in zip(found, right, strict=True))
    return hits / sum(len(all) for all in right)


def explained(connection: Connection, table: str, **options: Any) -> dict[str, Any]:
    named = "".join(f", {name} => %s" for name in options)
    statement = f"select * from sqlembed.explain_search(null::{table}, %s::vector{named})"
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            statement.encode(), [literal(QUERIES[0]), *options.values()]
        ).fetchone()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("table", "kind", "index"),
    [
        ("item", "binary", "item_embedding_binary_1"),
        ("half", "prefix", "half_embedding_prefix_2"),
        ("beside", "binary", "beside_embedding_binary_3"),
    ],
)
def test_the_index_serves_and_says_so(items: Connection, table: str, kind: str, index: str) -> None:
    found = explained(items, table)

    assert (found["path"], found["index_name"], found["rows_found"]) == ("index", index, 10)
    assert f"an index of kind {kind} finds is ranked by the whole vectors" in found["reason"]
    assert found["ef_search"] == 200
    assert found["remarks"] == []


@pytest.mark.parametrize("table", ["item", "half", "beside"])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_recall(items: Connection, table: str, k: int) -> None:
    right = [nearest(query, k) for query in QUERIES]

    found = [search(items, table, query, k) for query in QUERIES]

    assert {len(some) for some in found} == {k}
    assert recall(found, right) >= 0.95


def test_chunks(items: Connection) -> None:
    """Each row once by its best chunk, of which the index knows less than the whole vector."""
    statement = "select (base).id, chunk::int from sqlembed.vector_search(null::cut, %s)"
    found, right = [], []
    for query in QUERIES:
        ranked = nearest(query, 100)
        right.append(list(dict.fromkeys(number % 2000 for number in ranked))[:10])
        hits = rows(items, statement, literal(query))
        assert all(key == number % 2000 for key, number in hits)
        found.append([key for key, _ in hits])

    assert {len(set(some)) for some in found} == {10}
    assert recall(found, right) >= 0.95
    explanation = explained(items, "cut")
    assert (explanation["path"], explanation["index_name"]) == ("index", "cut_embedding_binary_4")


@pytest.mark.parametrize("kind", BY_HAND)
def test_without_ranking_them_again_much_is_missing(items: Connection, kind: str) -> None:
    """What the re-ranking is for; both read the same rows, exactly in the rough order."""
    by_hand = f"select id from item {BY_HAND[kind]} limit 10"
    right = [nearest(query, 10) for query in QUERIES]

    found = [[row[0] for row in rows(items, by_hand, literal(query))] for query in QUERIES]

    assert recall(found, right) < 0.75


def test_distances_are_those_of_the_metric(items: Connection) -> None:
    statement = "select (base).id, distance from sqlembed.vector_search(null::item, %s)"
    found = rows(items, statement, literal(QUERIES[0]))
    right = distances(VECTORS, QUERIES[0], "cosine")

    assert [distance for _, distance in found] == sorted(distance for _, distance in found)
    for number, distance in found:
        assert distance == pytest.approx(right[number], abs=1e-5)


@pytest.mark.parametrize("metric", ["euclidean", "inner_product", "l1"])
def test_bits_serve_every_metric(items: Connection, metric: str) -> None:
    found = [search(items, "item", query, metric=metric) for query in QUERIES]

    assert recall(found, [nearest(query, 10, metric=metric) for query in QUERIES]) >= 0.9
    assert explained(items, "item", metric=metric)["index_name"] == "item_embedding_binary_1"


def test_a_prefix_serves_its_own_metric_alone(items: Connection) -> None:
    found = explained(items, "half", metric="l1")

    assert (found["path"], found["index_name"]) == ("exact", None)
    assert "no index serves the metric l1" in found["remarks"][0]
    right = nearest(QUERIES[0], 10, metric="l1")
    assert len(set(search(items, "half", QUERIES[0], metric="l1")) & set(right)) >= 9


@pytest.mark.parametrize("table", ["item", "half", "beside"])
@pytest.mark.parametrize(("below", "path"), [(500, "iterative"), (1, "exact")])
def test_filters(items: Connection, table: str, below: int, path: str) -> None:
    filter = f"nth < {below}"
    right = [nearest(query, 10, below) for query in QUERIES]

    found = [search(items, table, query, filter=filter) for query in QUERIES]

    assert recall(found, right) >= 0.95
    assert {number % 1000 < below for some in found for number in some} == {True}
    if table == "item":
        assert explained(items, table, filter=filter)["path"] == path


def test_more_than_the_index_gives_at_once(items: Connection) -> None:
    """Candidates beyond ef_search's limit of 1,000."""
    items.execute("set enable_seqscan = off")

    found = search(items, "item", QUERIES[0], 300)

    assert recall([found], [nearest(QUERIES[0], 300)]) >= 0.95
    assert len(search(items, "item", QUERIES[0], 1000)) == 1000


def test_similar_and_recall(items: Connection) -> None:
    ((found,),) = rows(items, "select sqlembed.recall('half', queries => 20)")
    assert 0.95 <= found <= 1
    near = rows(items, "select (base).id from sqlembed.similar(null::item, '[7]', 5)")
    assert [row[0] for row in near] == nearest(VECTORS[7], 6)[1:]


def test_pages_go_on_exactly(items: Connection) -> None:
    """How far the rough order had come, nobody knows: the next page compares every row."""
    statement = (
        "select (base).id, distance from sqlembed.vector_search(null::item, %s, 50,"
        " after_distance => %s::float8, after_key => %s::jsonb)"
    )
    pages: list[int] = []
    last: tuple[Any, Any] = (None, None)
    for _ in range(4):
        found = rows(items, statement, literal(QUERIES[0]), *last)
        pages += [row[0] for row in found]
        last = (found[-1][1], f"[{found[-1][0]}]")

    assert len(set(pages)) == 200
    assert recall([pages], [nearest(QUERIES[0], 200)]) >= 0.95


def test_few_rows_are_compared_one_by_one(connection: Connection) -> None:
    make_items(connection, VECTORS[:500])
    rows(connection, "select sqlembed.register_embedder('vectors', %s)", DIMENSIONS)
    declare(connection, "item", "binary")
    connection.execute("analyze item")

    found = explained(connection, "item")

    assert (found["path"], found["remarks"]) == ("exact", [])
    assert "comparing them costs" in found["reason"]


def test_without_its_index_every_row_is_compared(items: Connection) -> None:
    with items.transaction(force_rollback=True):
        items.execute("drop index item_embedding_binary_1")
        assert search(items, "item", QUERIES[0], 100) == nearest(QUERIES[0], 100)
        assert "no index serves" in explained(items, "item")["remarks"][0]


@pytest.mark.parametrize("kind", BY_HAND)
def test_an_undeclared_column(items: Connection, kind: str) -> None:
    definition = {
        "binary": "((binary_quantize(embedding)::bit(128)) bit_hamming_ops)",
        "prefix": "((subvector(embedding, 1, 32)::vector(32)) vector_cosine_ops)",
    }
    with items.transaction(force_rollback=True):
        items.execute(f"create index mine on bare using hnsw {definition[kind]}".encode())
        found = explained(items, "bare")
        assert (found["path"], found["index_name"]) == ("index", "mine")
        if kind == "binary":
            # One over whole vectors is better.
            items.execute("create index whole on bare using hnsw (embedding vector_cosine_ops)")
            found = explained(items, "bare")
            assert (found["path"], found["index_name"]) == ("index", "whole")
            assert found["ef_search"] == 100


@pytest.mark.parametrize("table", ["item", "half"])
def test_a_query_of_other_dimensions(items: Connection, table: str) -> None:
    for dimensions in (2, 64, 200):
        with pytest.raises(psycopg.Error) as raised:
            search(items, table, np.ones(dimensions, dtype=np.float32))
        assert raised.value.sqlstate == "SE014"
        assert f"the query has {dimensions} dimensions" in str(raised.value)


def test_rows_come_back_whole(connection: Connection) -> None:
    """Dropped columns, generated ones, nothing but NULLs, names that need quotes."""
    connection.execute(
        'create table "T %s\'" (gone int, id int primary key, "distance" text, "Ü ""x" text,'
        " twice int generated always as (id * 2) stored, embedding vector(128))"
    )
    connection.execute('alter table "T %s\'" drop gone, add column key_1 jsonb')
    with connection.cursor() as cursor:
        cursor.executemany(
            'insert into "T %%s\'" (id, "distance", "Ü ""x", embedding) values (%s, %s, %s, %s)',
            [(n, None, "x" * 5000, literal(vector)) for n, vector in enumerate(VECTORS[:1500])],
        )
    connection.execute(
        'create index on "T %s\'" using hnsw'
        " ((binary_quantize(embedding)::bit(128)) bit_hamming_ops)"
    )
    connection.execute("set enable_seqscan = off")
    statement = (
        'select (base).id, (base)."distance", length((base)."Ü ""x"), (base).twice, (base).key_1'
        ' from sqlembed.vector_search(null::"T %%s\'", %s, 3)'
    )

    found = rows(connection, statement, literal(VECTORS[7]))

    assert found[0] == (7, None, 5000, 14, None)
    assert len(found) == 3
