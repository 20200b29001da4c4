"""What ``sqlembed evaluate`` does: embed the judged queries, search by every mode, measure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlembed.cli import serving
from sqlembed.cli.modes import call
from sqlembed.cli.output import remark
from sqlembed.cli.progress import rows_bar
from sqlembed.cli.tables import Declared, declared_embedding, relation_of
from sqlembed.errors import InputError
from sqlembed.evaluation import Judgements, mean_measures

if TYPE_CHECKING:
    from psycopg import sql

    from sqlembed.cli.database import Connection

FOUND = """
select (s.base).{id}::text
from {call} with ordinality as s (base, distance, score, chunk, place)
order by s.place
"""
EMBED = """
select v.vector::text
from pg_catalog.unnest(sqlembed.embed(%s, %s::text[])) with ordinality as v (vector, place)
order by v.place
"""
KNOWN = """
select count(*) from (select distinct {id}::text as id from {relation}) as r
where r.id = any (%s::text[])
"""
HAS_COLUMN = """
select exists (
    select from pg_catalog.pg_attribute
    where attrelid = %s::regclass and attname = %s and attnum > 0 and not attisdropped
)
"""

#: Queries that a worker is asked for at once: it has a few seconds to answer.
ASKED_AT_ONCE = 32
COMPUTED_AT_ONCE = 256


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    modes: Sequence[str]
    k: int
    id_column: str | None
    text_weight: float
    embedding: str | None
    registry: str | None


@dataclass(frozen=True)
class Result:
    """How well one mode does."""

    mode: str
    ndcg_at_10: float
    recall: float
    mrr: float
    milliseconds: float


@dataclass(frozen=True)
class Evaluation:
    """What is printed."""

    table: str
    embedding: str
    k: int
    queries: int
    judgements: int
    results: list[Result]


def evaluation(
    connection: Connection,
    table: str,
    texts: dict[str, str],
    judged: Judgements,
    options: Options,
) -> Evaluation:
    """Search for every judged query in every mode, and measure what comes back.

    Raises:
        InputError: queries, judgements and table do not belong together.
    """
    relation = relation_of(connection, table)
    declared = declared_embedding(connection, relation, options.embedding)
    id_column = _id_column(connection, declared, options.id_column)
    wanted = {query: text for query, text in texts.items() if query in judged}
    if not wanted:
        raise InputError(
            "none of the queries is judged",
            hint="Both files name queries by the same ids: _id here, query-id there.",
        )
    _check_documents(connection, declared, id_column, {d for q in wanted for d in judged[q]})
    vectors = {}
    if set(options.modes) != {"text"}:
        vectors = _vectors(connection, declared, wanted, options.registry)
    results: list[Result] = []
    with rows_bar("searching") as advance:
        total = len(wanted) * len(options.modes)
        for mode in options.modes:
            statement = _statement(relation, id_column, mode)
            found, seconds = {}, 0.0
            for query, text in wanted.items():
                parameters = _parameters(declared, mode, text, vectors.get(query), options)
                began = time.perf_counter()
                rows = connection.execute(statement, parameters).fetchall()
                seconds += time.perf_counter() - began
                found[query] = [row[0] for row in rows]
                advance(len(results) * len(wanted) + len(found), total)
            means = mean_measures(judged, found)
            milliseconds = 1000 * seconds / len(wanted)
            results.append(Result(mode, means.ndcg, means.recall, means.mrr, milliseconds))
    judgements = sum(len(judged[query]) for query in wanted)
    return Evaluation(relation, declared.name, options.k, len(wanted), judgements, results)


def _id_column(connection: Connection, declared: Declared, wanted: str | None) -> str:
    from sqlembed.cli.database import scalar

    if wanted is None:
        if len(declared.key_columns) != 1:
            raise InputError(
                f"{declared.relation} has a key of several columns",
                hint="Say which column corpus-id means with --id-column.",
            )
        return declared.key_columns[0]
    if not scalar(connection, HAS_COLUMN, (declared.relation, wanted)):
        raise InputError(
            f"{declared.relation} has no column {wanted}",
            hint=f"It has: {', '.join(declared.columns)}.",
        )
    return wanted


def _check_documents(
    connection: Connection, declared: Declared, id_column: str, documents: set[str]
) -> None:
    """Say what is judged and not there; it cannot be found."""
    from psycopg import sql

    statement = sql.SQL(KNOWN).format(
        id=sql.Identifier(id_column), relation=sql.SQL(declared.relation)
    )
    row = connection.execute(statement, (list(documents),)).fetchone()
    assert row is not None
    if row[0] == 0:
        raise InputError(
            f"none of the judged documents is in {declared.relation}",
            hint=f"corpus-id is looked up in the column {id_column}: --id-column names another.",
        )
    if missing := len(documents) - row[0]:
        remark(f"{missing} of {len(documents)} judged documents are not in {declared.relation}.")


def _vectors(
    connection: Connection, declared: Declared, texts: dict[str, str], registry: str | None
) -> dict[str, str]:
    """Return the vectors of queries as pgvector writes them."""
    found: list[str] = []
    is_served = serving.is_served(connection, declared.embedder)
    embedder = None
    if not is_served:
        embedder = serving.matching_embedder(
            connection, serving.load_registry(registry), declared.embedder
        )
    step = ASKED_AT_ONCE if is_served else COMPUTED_AT_ONCE
    inputs = list(texts.values())
    with rows_bar(f"embedding queries with {declared.embedder}") as advance:
        for first in range(0, len(inputs), step):
            batch = inputs[first : first + step]
            if embedder is None:
                rows = connection.execute(EMBED.encode(), (declared.embedder, batch)).fetchall()
                found += [row[0] for row in rows]
            else:
                found += map(serving.written, embedder.embed(batch, "query"))
            advance(len(found), len(inputs))
    return dict(zip(texts, found, strict=True))


def _statement(relation: str, id_column: str, mode: str) -> sql.Composed:
    from psycopg import sql

    return sql.SQL(FOUND).format(
        id=sql.Identifier(id_column), call=call(relation, mode, given_vector=True)
    )


def _parameters(
    declared: Declared, mode: str, text: str, vector: str | None, options: Options
) -> dict[str, Any]:
    return {
        "relation": declared.relation,
        "query": text,
        "vector": vector,
        "k": options.k,
        "embedding": declared.name,
        "filter": None,
        "mode": mode,
        "text_weight": options.text_weight,
        "diversity": None,
    }
