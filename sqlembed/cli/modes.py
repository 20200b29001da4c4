"""The ways to search a table from the command line, by a text, by its vector, or by both."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg import sql

MODES = ("vector", "exact", "hybrid", "text")

WHAT_THEY_DO = (
    "vector uses the index; exact compares every row; text looks for the words of a query;"
    " hybrid does both."
)

BY_TEXT = """
sqlembed.search(
    null::{relation}, %(query)s, k => %(k)s, embedding => %(embedding)s, filter => %(filter)s,
    mode => %(mode)s, text_weight => %(text_weight)s, diversity => %(diversity)s
)
"""
BY_VECTOR = """
sqlembed.vector_search(
    null::{relation}, %(vector)s, k => %(k)s, embedding => %(embedding)s, filter => %(filter)s,
    mode => %(mode)s, diversity => %(diversity)s
)
"""
BY_BOTH = """
sqlembed._hybrid_search(
    null::{relation}, %(query)s, %(vector)s, %(k)s, %(embedding)s, %(filter)s,
    %(text_weight)s
)
"""


EXPLAIN_BY_TEXT = """
sqlembed.explain_search(
    null::{relation}, %(query)s::text, k => %(k)s, embedding => %(embedding)s,
    filter => %(filter)s, mode => %(mode)s
)
"""
# The metric, the declared one, tells the vector from a text.
EXPLAIN_BY_VECTOR = """
sqlembed.explain_search(
    null::{relation}, %(vector)s, k => %(k)s, embedding => %(embedding)s,
    filter => %(filter)s, mode => %(mode)s, metric => null
)
"""


def call(relation: str, mode: str, *, given_vector: bool) -> sql.Composed:
    """Return the call that finds rows, with named parameters.

    Args:
        relation: the table, as SQL writes it.
        mode: one of ``MODES``.
        given_vector: whether the query's vector is at hand; else the database asks a worker.
            Words need none.
    """
    from psycopg import sql

    if mode == "text" or not given_vector:
        template = BY_TEXT
    else:
        template = BY_BOTH if mode == "hybrid" else BY_VECTOR
    return sql.SQL(template).format(relation=sql.SQL(relation))


def explaining(relation: str, *, given_vector: bool) -> sql.Composed:
    """Return the call that says how a search by vectors goes, with named parameters."""
    from psycopg import sql

    template = EXPLAIN_BY_VECTOR if given_vector else EXPLAIN_BY_TEXT
    return sql.SQL(template).format(relation=sql.SQL(relation))
