"""k-means in the database, from Python: the functions of the SQL surface, typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import sqlalchemy as sa

from sqlembed.schema import functions

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The two of the metrics for which a mean is the best centroid.
ClusterMetric: TypeAlias = Literal["cosine", "euclidean"]

#: How the number of clusters is found where none is given.
ChooseBy: TypeAlias = Literal["silhouette", "davies_bouldin", "rows"]

CREATE = sa.text("""
select name, num_clusters, iterations, loss
from sqlembed.create_kmeans(
    name => :name, query => :query, num_clusters => :num_clusters, metric => :metric,
    max_iterations => :max_iterations, min_rel_progress => :min_rel_progress, seed => :seed,
    standardize => :standardize, weights => cast(:weights as double precision[]),
    choose_by => :choose_by
)
""")
REFIT = sa.text("""
select name, num_clusters, iterations, loss
from sqlembed.refit_kmeans(name => :name, num_clusters => :num_clusters)
""")
EVALUATE = sa.text("""
select davies_bouldin_index, mean_squared_distance, silhouette
from sqlembed.evaluate(:name, :query, :sample_size)
""")
ANOMALIES = sa.text("""
select id, is_anomaly, normalized_distance, centroid_id
from sqlembed.detect_anomalies(:name, :query, :contamination)
""")
# Whether or not the driver knows pgvector's types: every vector can be read as an array.
CENTROIDS = sa.text("""
select centroid_id, cast(centroid as real[]), cluster_size, cluster_radius
from sqlembed.centroids(:name)
order by centroid_id
""")
PREDICT = "select sqlembed.predict(:name, cast(:embedding as public.vector))"
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
DROP = sa.text("select sqlembed.drop_model(:name)")
FORGET = sa.text("""
select sqlembed.drop_model(m.name) from sqlembed.cluster_model as m where m.name = :name
""")


@dataclass(frozen=True)
class KMeansModel:
    """What ``create_kmeans`` says of the model that it made."""

    name: str
    num_clusters: int
    #: How often the centroids were moved.
    iterations: int
    #: Over all rows: the sum of 1 - cos under cosine, of squared distances under euclidean.
    loss: float


@dataclass(frozen=True)
class Quality:
    """What ``evaluate`` says of a model; the indexes are ``None`` for a single cluster."""

    #: The lower the better.
    davies_bouldin_index: float | None
    mean_squared_distance: float
    #: From -1 to 1, the higher the better.
    silhouette: float | None


@dataclass(frozen=True)
class Anomaly:
    """How far out a row lies; all but the id is ``None`` without a vector."""

    id: str
    is_anomaly: bool | None
    #: Distance to the centroid, divided by the radius of the cluster.
    normalized_distance: float | None
    centroid_id: int | None


@dataclass(frozen=True)
class Centroid:
    """A cluster of a model, as it was when the model was fitted."""

    centroid_id: int
    centroid: tuple[float, ...]
    cluster_size: int
    #: Root of the mean squared distance of its rows to the centroid; ``None`` without rows.
    cluster_radius: float | None


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


def create_kmeans(
    connection: sa.Connection,
    name: str,
    query: str,
    *,
    num_clusters: int | None = None,
    metric: ClusterMetric = "cosine",
    max_iterations: int = 20,
    min_rel_progress: float = 0.01,
    seed: int = 0,
    standardize: bool = True,
    weights: Iterable[float] | None = None,
    choose_by: ChooseBy = "silhouette",
    replace: bool = False,
) -> KMeansModel:
    """Fits a k-means model to the rows of a query and keeps it in the database; does not commit.

    Args:
        connection: where to fit it; the query runs with its role's rights.
        name: what the model is called from then on.
        query: a SELECT of an id of any type and a vector, under euclidean also of numbers.
        num_clusters: from 1 to 10,000; by default the best of several by ``choose_by``.
        metric: cosine or euclidean.
        max_iterations: how often the centroids are moved at most.
        min_rel_progress: it stops when further iterations promise less than this share of what has
            been gained so far.
        seed: the same rows and seed give the same clusters.
        standardize: whether the vector, where numbers stand beside it, and each of them are scaled
            to a variance of 1.
        weights: what the squared distances of the vector and of each number count; 1 each.
        choose_by: silhouette and davies_bouldin try several numbers of clusters; rows takes the
            root of half the number of rows.
        replace: whether a model of this name is forgotten first.

    Raises:
        sqlalchemy.exc.DBAPIError: with an SQLSTATE of ``errors.SQLSTATES``: SE014 for an impossible
            argument, SE021 when there is a model of this name, SE022 when there is too little to
            cluster.
    """
    if replace:
        connection.execute(FORGET, {"name": name})
    row = connection.execute(
        CREATE,
        {
            "name": name,
            "query": query,
            "num_clusters": num_clusters,
            "metric": metric,
            "max_iterations": max_iterations,
            "min_rel_progress": min_rel_progress,
            "seed": seed,
            "standardize": standardize,
            "weights": None if weights is None else list(weights),
            "choose_by": choose_by,
        },
    ).one()
    return KMeansModel(*row)


def refit_kmeans(
    connection: sa.Connection, name: str, *, num_clusters: int | None = None
) -> KMeansModel:
    """Fits a model anew to the rows of its query; does not commit.

    Clusters that stayed keep their numbers; ``num_clusters`` is as before unless given.
    """
    row = connection.execute(REFIT, {"name": name, "num_clusters": num_clusters}).one()
    return KMeansModel(*row)


def evaluate(
    connection: sa.Connection,
    name: str,
    query: str | None = None,
    *,
    sample_size: int | None = 2000,
) -> Quality:
    """Returns how good the clusters of a model are, for its own rows or those of another query.

    The silhouette is that of a sample of rows, or of all for ``None``.
    """
    wanted = {"name": name, "query": query, "sample_size": sample_size}
    return Quality(*connection.execute(EVALUATE, wanted).one())


def detect_anomalies(
    connection: sa.Connection, name: str, query: str | None = None, *, contamination: float = 0.02
) -> list[Anomaly]:
    """Returns which rows, by default the model's own, lie far from all clusters.

    That is farther than its own rows do, but for a share of ``contamination``.
    """
    wanted = {"name": name, "query": query, "contamination": contamination}
    return [Anomaly(*row) for row in connection.execute(ANOMALIES, wanted)]


def centroids(connection: sa.Connection, name: str) -> list[Centroid]:
    """Returns the clusters of a model, by number."""
    rows = connection.execute(CENTROIDS, {"name": name})
    return [Centroid(number, tuple(values), size, radius) for number, values, size, radius in rows]


def predict(connection: sa.Connection, name: str, embedding: Iterable[float]) -> int | None:
    """Returns the number of the cluster whose centroid is nearest to a vector.

    Under cosine a vector of zeros, which has no direction, belongs to none: ``None``.
    """
    statement = sa.text(functions.placed(connection, PREDICT))
    vector = f"[{','.join(map(str, map(float, embedding)))}]"
    found: int | None = connection.execute(
        statement, {"name": name, "embedding": vector}
    ).scalar_one()
    return found


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


def drop_model(connection: sa.Connection, name: str) -> None:
    """Forgets a model; does not commit.

    Raises:
        sqlalchemy.exc.DBAPIError: SQLSTATE SE020 when there is none of this name.
    """
    connection.execute(DROP, {"name": name})
