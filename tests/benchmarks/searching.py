"""Searches: their time against the query by hand, and recall against exact search."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import Vector

from tests.benchmarks.stage import Connection, Result, connect, ratios, seconds

Rows = NDArray[np.float32]

#: Conditions by the share of rows that pass; the last keeps one cluster, and asks from others.
FILTERS = {
    "all": None,
    "50 %": "nth < 500",
    "10 %": "nth < 100",
    "1 %": "nth < 10",
    "0.1 %": "nth < 1",
    "far away": "cluster = 0",
}


def clustered(count: int, dimensions: int, clusters: int = 200, seed: int = 0) -> tuple[Rows, Any]:
    """Return unit vectors in clusters of unlike shapes, as embeddings of texts are, and whose."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(clusters, dimensions))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    of = generator.integers(0, clusters, count)
    # The directions in which texts differ are far fewer than the dimensions.
    basis = generator.normal(size=(48, dimensions)) / np.sqrt(dimensions)
    within = generator.normal(size=(count, 48)) @ basis / np.sqrt(48)
    noise = generator.normal(size=(count, dimensions)) / np.sqrt(dimensions)
    vectors = centres[of] + 0.9 * within * generator.uniform(0.5, 1.5, (count, 1)) + 0.3 * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), of


def make_table(connection: Connection, vectors: Rows, of: Any) -> None:
    connection.execute(
        "create table item (id bigserial primary key, title text, nth integer, cluster integer,"
        f" embedding vector({vectors.shape[1]}))".encode()
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy item (title, nth, cluster, embedding) from stdin (format binary)"
        ) as copy,
    ):
        copy.set_types(["text", "int4", "int4", "vector"])
        for number, row in enumerate(vectors):
            copy.write_row((f"item {number}", number % 1000, int(of[number]), Vector(row)))
    connection.execute("set maintenance_work_mem = '1GB'")
    connection.execute("create index on item using hnsw (embedding vector_cosine_ops)")
    embedder = f"null {vectors.shape[1]}"
    connection.execute("select sqlembed.register_embedder(%s, %s)", (embedder, vectors.shape[1]))
    connection.execute("select sqlembed.create_embedding('item', %s, 'title')", (embedder,))
    connection.execute("vacuum analyze item")


def search_by_function_and_by_hand(url: str) -> Iterator[Result]:
    for count, dimensions in ((20_000, 64), (100_000, 384)):
        vectors, of = clustered(count + 200, dimensions)
        queries = [Vector(row) for row in vectors[count:]]
        with connect(url) as connection:
            make_table(connection, vectors[:count], of)
            values = _against_by_hand(connection, queries)
            connection.execute("select sqlembed.drop_embedding('item'); drop table item")
        what = f"vector_search(), {count:,} x {dimensions}, k = 10"
        yield Result(what, "the query by hand", values, "times", "1.1")


def _against_by_hand(connection: Connection, queries: list[Vector]) -> list[float]:
    def by_function() -> None:
        for query in queries:
            connection.execute(
                "select (base).id, (base).title, distance"
                " from sqlembed.vector_search(null::item, %s, k => 10)",
                (query,),
            ).fetchall()

    def by_hand() -> None:
        for query in queries:
            connection.execute(
                "select id, title, embedding <=> %s from item order by embedding <=> %s limit 10",
                (query, query),
            ).fetchall()

    connection.execute("select vector_dims('[1]'::vector)")
    # What a search sets by itself.
    connection.execute("set hnsw.ef_search = 100; set hnsw.iterative_scan = relaxed_order")
    values = ratios(by_function, by_hand)
    connection.execute("reset hnsw.ef_search; reset hnsw.iterative_scan")
    return values


def recall_and_time_of_filters(url: str) -> Iterator[Result]:
    count = 100_000
    vectors, of = clustered(count + 100, 384)
    queries = [
        Vector(row)
        for row, cluster in zip(vectors[count:], of[count:], strict=True)
        if cluster != 0
    ][:50]
    with connect(url) as connection:
        make_table(connection, vectors[:count], of)
        for name, condition in FILTERS.items():
            yield from _against_exact(connection, f"filter keeps {name}", condition, queries)
        connection.execute("create index on item (nth); analyze item")
        for name in ("10 %", "1 %", "0.1 %"):
            what = f"filter with an index keeps {name}"
            yield from _against_exact(connection, what, FILTERS[name], queries)


def _against_exact(
    connection: Connection, what: str, condition: str | None, queries: list[Vector]
) -> Iterator[Result]:
    search = partial(_search, connection, condition)
    found = [search(query, "vector") for query in queries]
    right = [search(query, "exact") for query in queries]
    hits = [len(set(a) & set(b)) / len(b) for a, b in zip(found, right, strict=True)]
    yield Result(f"{what}: recall@10", "exact", [float(np.mean(hits))], "", "0.95")
    for mode in ("vector", "exact"):
        times = [seconds(partial(search, query, mode)) * 1000 for query in queries]
        yield Result(f"{what}: time, {mode}", "", times, "ms", "")


def _search(connection: Connection, condition: str | None, query: Vector, mode: str) -> list[int]:
    return [
        int(str(row[0]))
        for row in connection.execute(
            "select (base).id from sqlembed.vector_search("
            "null::item, %s, k => 10, filter => %s, mode => %s)",
            (query, condition, mode),
        )
    ]
