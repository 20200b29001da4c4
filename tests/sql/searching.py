"""What tests of searches share: tables with known vectors, and the answers NumPy gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from sqlembed.embedders import HashEmbedder
from tests.fix_database import Connection

Vectors = NDArray[np.float32]

#: The toy table of BigQuery's documentation.
ANIMALS = {
    "dog": "[1,2]",
    "wolf": "[2,4]",
    "snake": "[-2,3]",
    "lion": "[2,-2.5]",
    "tiger": "[3,-2]",
    "otter": "[-3,-1]",
    "whale": "[-5,-1]",
}


def rows(connection: Connection, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Return what a statement gives."""
    return connection.execute(statement.encode(), parameters or None).fetchall()


def literal(vector: NDArray[Any]) -> str:
    """Return a vector as pgvector writes it."""
    return "[" + ",".join(str(float(value)) for value in vector) + "]"


def unit_vectors(count: int, dimensions: int, seed: int = 0) -> Vectors:
    """Return random vectors of length 1: without clusters, the hardest case for an index."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def distances(vectors: Vectors, query: Vectors, metric: str) -> NDArray[np.float64]:
    """Return the distance of every vector to the query."""
    rows, one = vectors.astype(np.float64), query.astype(np.float64)
    if metric == "euclidean":
        return np.asarray(np.sqrt(((rows - one) ** 2).sum(axis=1)))
    if metric == "l1":
        return np.asarray(np.abs(rows - one).sum(axis=1))
    products = rows @ one
    if metric == "inner_product":
        return np.asarray(-products)
    return np.asarray(1 - products / (np.linalg.norm(rows, axis=1) * np.linalg.norm(one)))


def make_animals(connection: Connection) -> None:
    """Make the table ``animal`` (id, embedding), which nobody has declared."""
    connection.execute("create table animal (id text primary key, embedding vector(2))")
    with connection.cursor() as cursor:
        cursor.executemany("insert into animal values (%s, %s)", list(ANIMALS.items()))


def make_items(connection: Connection, vectors: Vectors, kind: str = "vector") -> None:
    """Make the table ``item`` (id from 0, nth = id % 1000, embedding) without an index."""
    connection.execute(
        sql.SQL("create table item (id integer primary key, nth integer, embedding {})").format(
            sql.SQL(f"{kind}({vectors.shape[1]})")
        )
    )
    with connection.cursor().copy("copy item from stdin") as copy:
        for number, vector in enumerate(vectors):
            copy.write_row((number, number % 1000, literal(vector)))
    connection.execute("analyze item")


def declare_articles(connection: Connection, *titles: str, metric: str = "cosine") -> None:
    """Make the table ``article`` (id, title, year, embedding) as a worker would leave it."""
    embedder = HashEmbedder("hash", 64)
    rows(connection, "select sqlembed.register_embedder('hash', 64, %s)", embedder.fingerprint)
    connection.execute(
        "create table article (id integer primary key, title text, year integer default 2020)"
    )
    rows(
        connection,
        "select sqlembed.create_embedding('article', 'hash', 'title', metric => %s)",
        metric,
    )
    for number, title in enumerate(titles, start=1):
        vector = literal(embedder.embed([title])[0])
        rows(
            connection,
            "insert into article values (%s, %s, 2000 + %s, %s) returning id",
            number, title, number, vector,
        )  # fmt: skip


def remember(connection: Connection, *texts: str, kind: str = "document") -> None:
    """Put the vectors of texts into the cache, which answers without a worker."""
    embedder = HashEmbedder("hash", 64)
    for text in texts:
        rows(
            connection,
            "insert into sqlembed.cache (fingerprint, kind, input_hash, embedding)"
            " values (%s, %s, sha256(convert_to(%s, 'UTF8')), %s)"
            " on conflict do nothing returning 1",
            embedder.fingerprint, kind, text, literal(embedder.embed([text])[0]),
        )  # fmt: skip
