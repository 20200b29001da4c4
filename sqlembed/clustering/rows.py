"""Rows and the clusters of a model from Python: which each is in, and what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa

from sqlembed.clustering.models import Centroid, centroids
from sqlembed.schema import functions

if TYPE_CHECKING:
    from collections.abc import Iterable

    Numbers: TypeAlias = Iterable[float | None]

ANOMALIES = sa.text("""
select id, is_anomaly, normalized_distance, centroid_id
from sqlembed.detect_anomalies(:name, :query, :contamination)
""")
PREDICT = """
select sqlembed.predict(
    :name, cast(:embedding as public.vector), cast(:numbers as double precision[])
)
"""
NEAREST = """
select centroid_id, distance
from sqlembed.nearest_centroids(
    :name, cast(:embedding as public.vector), :k, cast(:numbers as double precision[])
)
order by distance, centroid_id
"""
ASSIGN = sa.text("select id, centroid_id from sqlembed.assign(:name, :query)")
EXAMPLES = sa.text("""
select centroid_id, id, distance
from sqlembed.cluster_examples(:name, :query, :examples)
order by centroid_id, distance, id
""")
TERMS = sa.text("""
select centroid_id, term
from sqlembed.cluster_terms(:name, :query, terms => :terms, config => cast(:config as regconfig))
order by centroid_id, weight desc, term
""")


@dataclass(frozen=True)
class Anomaly:
    """How far out a row lies; all but the id is ``None`` without a vector."""

    id: str
    is_anomaly: bool | None
    #: Distance to the centroid, divided by the radius of the cluster.
    normalized_distance: float | None
    centroid_id: int | None


@dataclass(frozen=True)
class Example:
    """A row near a centroid."""

    #: The first column of the query, as text.
    id: str
    distance: float


@dataclass(frozen=True)
class Cluster:
    """A cluster, and the rows that say what it is about."""

    centroid: Centroid
    #: Nearest first.
    examples: tuple[Example, ...]
    #: The words that tell it from the others, most telling first.
    terms: tuple[str, ...] = ()


def predict(
    connection: sa.Connection, name: str, embedding: Iterable[float], numbers: Numbers = ()
) -> int | None:
    """Returns the number of the cluster whose centroid is nearest to a vector.

    Under cosine a vector of zeros, which has no direction, belongs to none: ``None``.

    Args:
        connection: where the model is.
        name: the model.
        embedding: the vector.
        numbers: those beside the vector, where the model has them, in their order; ``None`` counts
            as the mean.
    """
    statement = sa.text(functions.placed(connection, PREDICT))
    found: int | None = connection.scalar(statement, _point(name, embedding, numbers))
    return found


def nearest_centroids(
    connection: sa.Connection,
    name: str,
    embedding: Iterable[float],
    numbers: Numbers = (),
    *,
    k: int = 5,
) -> list[tuple[int, float]]:
    """Returns the ``k`` clusters nearest to a vector, with their distances, as ``predict`` does."""
    statement = sa.text(functions.placed(connection, NEAREST))
    found = connection.execute(statement, _point(name, embedding, numbers) | {"k": k})
    return [(number, distance) for number, distance in found]


def _point(name: str, embedding: Iterable[float], numbers: Numbers) -> dict[str, object]:
    vector = f"[{','.join(map(str, map(float, embedding)))}]"
    return {"name": name, "embedding": vector, "numbers": list(numbers)}


def assign(connection: sa.Connection, name: str, query: str) -> list[tuple[str, int | None]]:
    """Returns the id, as text, and the cluster of each row of a query of an id and a vector.

    The cluster is ``None`` where the vector is NULL, and as ``predict`` says.
    """
    return [
        (id, number) for id, number in connection.execute(ASSIGN, {"name": name, "query": query})
    ]


def describe_clusters(
    connection: sa.Connection,
    name: str,
    query: str,
    *,
    examples: int = 3,
    terms: int = 0,
    config: str | None = None,
) -> list[Cluster]:
    """Returns the clusters of a model, by number, with what they are about.

    Args:
        connection: where the model is.
        name: the model.
        query: a SELECT of what to show of a row, such as its title, and its vector.
        examples: how many of the rows nearest to its centroid to show of each cluster, at most.
        terms: how many of the words that tell it from the others, at most; 0 reads no texts.
        config: the text search configuration of the words, by default the session's.
    """
    found: dict[int, list[Example]] = {}
    wanted: dict[str, object] = {"name": name, "query": query, "examples": examples}
    for number, id, distance in connection.execute(EXAMPLES, wanted):
        found.setdefault(number, []).append(Example(id, distance))
    words: dict[int, list[str]] = {}
    if terms:
        wanted = {"name": name, "query": query, "terms": terms, "config": config}
        for number, term in connection.execute(TERMS, wanted):
            words.setdefault(number, []).append(term)
    return [
        Cluster(
            centroid,
            tuple(found.get(centroid.centroid_id, ())),
            tuple(words.get(centroid.centroid_id, ())),
        )
        for centroid in centroids(connection, name)
    ]


def detect_anomalies(
    connection: sa.Connection, name: str, query: str | None = None, *, contamination: float = 0.02
) -> list[Anomaly]:
    """Returns which rows, by default the model's own, lie far from all clusters.

    That is farther than its own rows do, but for a share of ``contamination``.
    """
    wanted = {"name": name, "query": query, "contamination": contamination}
    return [Anomaly(*row) for row in connection.execute(ANOMALIES, wanted)]
