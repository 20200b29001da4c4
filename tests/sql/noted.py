"""The table ``note``, whose words and vectors are known, for tests of searches by both."""

from __future__ import annotations

from typing import Any

from sqlembed.embedders import HashEmbedder
from tests.fix_database import Connection
from tests.sql.searching import rows

TEXTS = (
    "Bread is baked in an oven.",
    "The oven stands in the kitchen.",
    "Sailing boats on a lake.",
    "A lake of fire, and an oven.",
    "Nothing in particular.",
)


def declare(connection: Connection, *, texts: tuple[str, ...] = TEXTS, more: str = "") -> None:
    """Make the table with vectors at 0, 10, 20, … degrees from that of every query."""
    register_plane(connection)
    connection.execute("create table note (id int primary key, body text, year int default 2020)")
    connection.execute(f"select sqlembed.create_embedding('note', 'plane', 'body'{more})".encode())
    for number, text in enumerate(texts, start=1):
        rows(
            connection,
            "insert into note (id, body, year, embedding)"
            " values (%s, %s, 2000 + %s, array[cosd(%s), sind(%s)]::vector) returning id",
            number, text, number, number * 10 - 10, number * 10 - 10,
        )  # fmt: skip


def register_plane(connection: Connection) -> None:
    """Make the embedder ``plane`` known, which has two dimensions."""
    fingerprint = HashEmbedder("plane", 2).fingerprint
    rows(connection, "select sqlembed.register_embedder('plane', 2, %s)", fingerprint)


def ask(connection: Connection, *queries: str) -> None:
    """Put the vector [1,0] of queries into the cache, which answers without a worker."""
    fingerprint = HashEmbedder("plane", 2).fingerprint
    for query in queries:
        rows(
            connection,
            "insert into sqlembed.cache (fingerprint, kind, input_hash, embedding)"
            " values (%s, 'document', sha256(convert_to(%s, 'UTF8')), '[1,0]')"
            " on conflict do nothing returning 1",
            fingerprint, query,
        )  # fmt: skip


def hits(
    connection: Connection, query: str, more: str = "k => 10", mode: str = "hybrid"
) -> list[tuple[Any, ...]]:
    """Return the key, distance and score of what a search finds."""
    ask(connection, query)
    return rows(
        connection,
        "select (base).id, distance, score"
        f" from sqlembed.search(null::note, %s, mode => %s, {more.replace('%', '%%')})",
        query, mode,
    )  # fmt: skip


def found(
    connection: Connection, query: str, more: str = "k => 10", mode: str = "hybrid"
) -> list[int]:
    """Return the keys of what a search finds."""
    return [hit[0] for hit in hits(connection, query, more, mode)]
