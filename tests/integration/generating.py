"""A table of which the next generation is built, and the steps towards it."""

from __future__ import annotations

import pytest

from sqlembed.embedders import HashEmbedder, Registry
from tests.writing import Connection, declare, embed_all, run, scalar

SEARCH = "select (base).id from sqlembed.search(null::article, %s, 1)"
HELD = "select generation, place, embedder, dimensions from sqlembed.generation order by 1"


def two() -> Registry:
    """Return a registry of the embedder in use and the next one."""
    registry = Registry()
    registry.add(HashEmbedder("hash", 8))
    registry.add(HashEmbedder("wide", 12))
    return registry


@pytest.fixture(params=["row", "side"])
def article(request: pytest.FixtureRequest, connection: Connection, url: str) -> Connection:
    """A table of 20 embedded rows."""
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'text ' || i from generate_series(1, 20) as i")
    embed_all(url, two())
    declare(connection, "article", "title", index="hnsw", place=request.param)
    embed_all(url, two())
    return connection


def start(connection: Connection, **options: object) -> None:
    arguments = {"embedder": "wide"} | options
    named = ", ".join(f"{name} => %s" for name in arguments)
    statement = f"select sqlembed.create_generation('article', {named})"
    run(connection, statement, *arguments.values())


def build_index(connection: Connection) -> None:
    run(connection, scalar(connection, "select sqlembed.generation_index('article')"))


def ready(connection: Connection, url: str, **options: object) -> None:
    start(connection, **options)
    embed_all(url, two())
    build_index(connection)


def dimensions(connection: Connection) -> int:
    """Return how long the vectors are that a search compares with."""
    return int(
        scalar(
            connection,
            "select dimensions from sqlembed.generation where generation = 'current'",
        )
    )


def vectors(connection: Connection) -> str:
    """Return what holds the current vectors, to be counted and read."""
    place = scalar(connection, "select place from sqlembed.embedding where generation = 'current'")
    return {"row": "article", "side": "article_embedding"}[place]
