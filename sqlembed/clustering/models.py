"""Models of clusters from Python: to fit, to judge, to look into and to forget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import sqlalchemy as sa

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
    choose_by => :choose_by, candidates => cast(:candidates as integer[])
)
""")
REFIT = sa.text("""
select name, num_clusters, iterations, loss
from sqlembed.refit_kmeans(
    name => :name, num_clusters => :num_clusters, max_iterations => :max_iterations,
    min_rel_progress => :min_rel_progress
)
""")
TRAINING = sa.text("""
select iteration, loss, num_rows from sqlembed.training_info(:name) order by iteration
""")
EVALUATE = sa.text("""
select davies_bouldin_index, mean_squared_distance, silhouette
from sqlembed.evaluate(:name, :query, :sample_size)
""")
# Whether or not the driver knows pgvector's types: every vector can be read as an array.
CENTROIDS = sa.text("""
select centroid_id, cast(centroid as real[]), cluster_size, cluster_radius, numbers
from sqlembed.centroids(:name)
order by centroid_id
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
class Iteration:
    """What ``training_info`` says of one of the iterations of a fit."""

    #: From 1.
    iteration: int
    #: After it, extrapolated to all rows.
    loss: float
    #: How many rows it looked at.
    num_rows: int


@dataclass(frozen=True)
class Quality:
    """What ``evaluate`` says of a model; the indexes are ``None`` for a single cluster."""

    #: The lower the better.
    davies_bouldin_index: float | None
    mean_squared_distance: float
    #: From -1 to 1, the higher the better.
    silhouette: float | None


@dataclass(frozen=True)
class Centroid:
    """A cluster of a model, as it was when the model was fitted."""

    centroid_id: int
    #: ``None`` where the weight of the vectors is 0.
    centroid: tuple[float, ...] | None
    cluster_size: int
    #: Root of the mean squared distance of its rows to the centroid; ``None`` without rows.
    cluster_radius: float | None
    #: Means of the numbers beside the vectors; ``None`` for one whose weight is 0.
    numbers: tuple[float | None, ...] = ()


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
    candidates: Iterable[int] | None = None,
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
        candidates: the numbers of clusters to try; by default from 2 up to 100.
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
            "candidates": None if candidates is None else list(candidates),
        },
    ).one()
    return KMeansModel(*row)


def refit_kmeans(
    connection: sa.Connection,
    name: str,
    *,
    num_clusters: int | None = None,
    max_iterations: int = 20,
    min_rel_progress: float = 0.01,
) -> KMeansModel:
    """Fits a model anew to the rows of its query; does not commit.

    Clusters that stayed keep their numbers; ``num_clusters`` is as before unless given.
    """
    given = {
        "name": name,
        "num_clusters": num_clusters,
        "max_iterations": max_iterations,
        "min_rel_progress": min_rel_progress,
    }
    return KMeansModel(*connection.execute(REFIT, given).one())


def training_info(connection: sa.Connection, name: str) -> list[Iteration]:
    """Returns the loss after each iteration of a model's fit."""
    return [Iteration(*row) for row in connection.execute(TRAINING, {"name": name})]


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


def centroids(connection: sa.Connection, name: str) -> list[Centroid]:
    """Returns the clusters of a model, by number."""
    rows = connection.execute(CENTROIDS, {"name": name})
    return [
        Centroid(number, None if values is None else tuple(values), size, radius, tuple(numbers))
        for number, values, size, radius, numbers in rows
    ]


def drop_model(connection: sa.Connection, name: str) -> None:
    """Forgets a model; does not commit.

    Raises:
        sqlalchemy.exc.DBAPIError: SQLSTATE SE020 when there is none of this name.
    """
    connection.execute(DROP, {"name": name})
