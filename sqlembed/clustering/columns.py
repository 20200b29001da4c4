"""Columns of clusters from Python: those that are kept up to date, and those a worker writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sqlalchemy as sa

from sqlembed.clustering.models import FORGET, ChooseBy, ClusterMetric, KMeansModel

if TYPE_CHECKING:
    from collections.abc import Mapping

RunState: TypeAlias = Literal["waiting", "running", "done", "failed"]

CREATE = sa.text("""
select name, num_clusters, iterations, loss
from sqlembed.create_clustering(
    cast(:relation as regclass), :name, embedding => :embedding, cluster_column => :cluster_column,
    num_clusters => :num_clusters, metric => :metric, seed => :seed, choose_by => :choose_by
)
""")
REFIT = sa.text("""
select name, num_clusters, iterations, loss
from sqlembed.refit_clustering(:name, num_clusters => :num_clusters)
""")
DROP = sa.text("select sqlembed.drop_clustering(:name, keep_column => :keep_column)")
STATUS = sa.text("""
select
    name, cast(relation as text), cast(embedding as text), cast(cluster_column as text),
    num_clusters, fitted_at, fitted_rows, total, embedded, assigned, size_shift, distance_growth
from sqlembed.clustering_status
order by name
""")
ASK = sa.text("""
select sqlembed.create_clusters(
    cast(:relation as regclass), :method, label_column => :label_column, embedding => :embedding,
    parameters => cast(:parameters as jsonb)
)
""")
WAIT = sa.text("""
call sqlembed.wait_until_clustered(cast(:relation as regclass), :label_column, :timeout)
""")
RUNS = sa.text("""
select
    cast(relation as text), cast(label_column as text), method, parameters, state, labelled,
    num_clusters, error, asked_at, finished_at
from sqlembed.cluster_run
order by 1, 2
""")


@dataclass(frozen=True)
class ClusteringStatus:
    """A clustering, and how far its table has drifted since the fit."""

    name: str
    #: The table, as SQL writes it.
    relation: str
    #: ``None`` when the vector column, or that of the clusters, was dropped.
    embedding: str | None
    cluster_column: str | None
    num_clusters: int
    fitted_at: datetime
    #: Rows that it was fitted on.
    fitted_rows: int
    #: Rows now, those of them with a vector, and those with a cluster.
    total: int | None
    embedded: int | None
    assigned: int | None
    #: Share of rows that would have to change clusters for these to be as large as they were.
    size_shift: float | None
    #: How many times as far as at the fit rows lie from their centroids.
    distance_growth: float | None


@dataclass(frozen=True)
class ClusterRun:
    """What became of ``create_clusters``."""

    #: The table, as SQL writes it.
    relation: str
    label_column: str
    method: str
    parameters: Mapping[str, Any]
    state: RunState
    #: How many rows got a label.
    labelled: int | None
    num_clusters: int | None
    #: Why it failed.
    error: str | None
    asked_at: datetime
    finished_at: datetime | None


def create_clustering(
    connection: sa.Connection,
    relation: str,
    name: str,
    *,
    embedding: str | None = None,
    cluster_column: str = "cluster",
    num_clusters: int | None = None,
    metric: ClusterMetric | None = None,
    seed: int = 0,
    choose_by: ChooseBy = "silhouette",
    replace: bool = False,
) -> KMeansModel:
    """Clusters a table and keeps each row's cluster in a column; does not commit.

    Whoever writes a vector from then on writes the row's cluster with it. The model of this name
    serves all functions of models, except that it is refitted and dropped by those below.

    Args:
        connection: of the table's owner.
        relation: the table, as SQL writes it.
        name: what the clustering and its model are called.
        embedding: which vector column, where the table has several.
        cluster_column: where the clusters are written; an integer, added if it is missing.
        num_clusters: by default the best of several by ``choose_by``.
        metric: by default the declared one, or what comes next to it.
        seed: the same rows and seed give the same clusters.
        choose_by: as in ``create_kmeans``.
        replace: whether a model of this name is forgotten first; not one that keeps a column.
    """
    if replace:
        connection.execute(FORGET, {"name": name})
    given = {
        "relation": relation,
        "name": name,
        "embedding": embedding,
        "cluster_column": cluster_column,
        "num_clusters": num_clusters,
        "metric": metric,
        "seed": seed,
        "choose_by": choose_by,
    }
    return KMeansModel(*connection.execute(CREATE, given).one())


def refit_clustering(
    connection: sa.Connection, name: str, *, num_clusters: int | None = None
) -> KMeansModel:
    """Fits a clustering anew to the rows as they are, and labels them; does not commit.

    Clusters that stayed keep their numbers; ``num_clusters`` is as before unless given.
    """
    given = {"name": name, "num_clusters": num_clusters}
    return KMeansModel(*connection.execute(REFIT, given).one())


def drop_clustering(connection: sa.Connection, name: str, *, keep_column: bool = True) -> None:
    """Stops keeping a column of clusters, and forgets the model; does not commit.

    The column and what is in it stay, unless told otherwise.
    """
    connection.execute(DROP, {"name": name, "keep_column": keep_column})


def clustering_status(connection: sa.Connection) -> list[ClusteringStatus]:
    """Returns the clusterings of the connection's role, by name; reads their tables."""
    return [ClusteringStatus(*row) for row in connection.execute(STATUS)]


def create_clusters(
    connection: sa.Connection,
    relation: str,
    method: str = "hdbscan",
    *,
    label_column: str = "cluster",
    embedding: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """Asks a worker to cluster a table by a Python function; it begins after the commit.

    Args:
        connection: of the table's owner.
        relation: the table, as SQL writes it.
        method: the function's name in the worker's registry.
        label_column: where the labels are written; an integer, added if it is missing.
        embedding: which vector column, where the table has several.
        parameters: what the function is given besides the vectors, by name.
    """
    given = {
        "relation": relation,
        "method": method,
        "label_column": label_column,
        "embedding": embedding,
        "parameters": json.dumps(dict(parameters or {})),
    }
    connection.execute(ASK, given)


def wait_until_clustered(
    engine: sa.Engine,
    relation: str,
    *,
    label_column: str = "cluster",
    timeout: timedelta = timedelta(minutes=10),
) -> None:
    """Returns when the labels that ``create_clusters`` asked for are in the table.

    Args:
        engine: leads to the database; inside a transaction nobody could wait.
        relation: the table, as SQL writes it.
        label_column: where they are written.
        timeout: how long to wait at most.

    Raises:
        sqlalchemy.exc.DBAPIError: SQLSTATE SE003 when no living worker has the function, SE004 when
            it takes too long, SE023 when it failed.
    """
    given = {"relation": relation, "label_column": label_column, "timeout": timeout}
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(WAIT, given)


def cluster_runs(connection: sa.Connection) -> list[ClusterRun]:
    """Returns what became of ``create_clusters``, the last time for each column."""
    return [ClusterRun(*row) for row in connection.execute(RUNS)]
