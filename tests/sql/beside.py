"""What tests of side tables share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.writing import HASH, Connection, rows


def beside(connection: Connection, side: str = "article_embedding") -> list[Any]:
    """Return the first key of every row of a side table, in order."""
    return [row[0] for row in rows(connection, f"select * from {side} order by 1")]


def wrong(
    connection: Connection,
    join: str = "article as t full join article_embedding as s using (id)",
    source: str = "t.title",
    vector: str = "s.embedding",
) -> list[Any]:
    """Return texts whose vector beside is missing, out of date or left over, and such vectors."""
    found = rows(connection, f"select {source}, {vector}::vector::real[] from {join}")
    return [
        (text, given)
        for text, given in found
        if (text is None or not text.strip())
        != (given is None or not np.allclose(given, HASH.embed([text or "x"])[0], atol=1e-3))
    ]


def found(connection: Connection, relation: str = "article", **options: object) -> list[Any]:
    """Return the ids of the rows that a search for any vector gives, in order."""
    named = "".join(f", {name} => %s" for name in options)
    statement = (
        f"select (base).id from sqlembed.vector_search(null::{relation},"
        f" '[1,1,1,1,1,1,1,1]'{named})"
    )
    return sorted(row[0] for row in rows(connection, statement, *options.values()))
