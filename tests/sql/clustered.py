"""What tests of clustering share: points of known clusters, and the sums NumPy gives for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from tests.fix_database import Connection
from tests.sql.searching import literal, rows

Points = NDArray[np.float32]
Labels = NDArray[np.int64]

QUERY = "select id, embedding from point"


def blobs(
    count: int, clusters: int, dimensions: int, *, spread: float = 0.05, seed: int = 0
) -> tuple[Points, Labels]:
    """Return points around random directions, of lengths from 0.5 to 2, and whose they are."""
    random = np.random.default_rng(seed)
    centers = random.standard_normal((clusters, dimensions))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    labels = random.integers(clusters, size=count)
    points = centers[labels] + random.standard_normal((count, dimensions)) * spread
    points *= random.uniform(0.5, 2, (count, 1))
    return points.astype(np.float32), labels


def overlapping(count: int, dimensions: int, *, groups: int = 40, seed: int = 0) -> Points:
    """Return unit vectors as texts have them: groups of groups, which run into each other."""
    random = np.random.default_rng(seed)
    topics = random.standard_normal((5, dimensions))
    centers = topics[random.integers(5, size=groups)] + random.standard_normal((groups, dimensions))
    labels = random.choice(groups, count, p=random.dirichlet(np.ones(groups)))
    scales = 1.5 / np.sqrt(1 + np.arange(dimensions) / 4)
    points = centers[labels] + random.standard_normal((count, dimensions)) * scales
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float32)


def make_points(
    connection: Connection, points: NDArray[Any], kind: str = "vector", table: str = "point"
) -> None:
    """Make a table (id from 0, embedding) of points."""
    name = sql.Identifier(table)
    connection.execute(
        sql.SQL("create table {} (id integer primary key, embedding {})").format(
            name, sql.SQL(f"{kind}({points.shape[1]})")
        )
    )
    with connection.cursor().copy(sql.SQL("copy {} from stdin").format(name)) as copy:
        for number, point in enumerate(points):
            copy.write_row((number, literal(point)))
    connection.execute(sql.SQL("analyze {}").format(name))


def fit(
    connection: Connection, name: str = "m", query: str = QUERY, num_clusters: int | None = None,
    **others: object,
) -> tuple[str, int, int, float]:  # fmt: skip
    """Call ``create_kmeans`` and return its row."""
    given = {"name": name, "query": query, "num_clusters": num_clusters, **others}
    arguments = ", ".join(f"{key} => %s" for key in given)
    ((name, num_clusters, iterations, loss),) = rows(
        connection, f"select * from sqlembed.create_kmeans({arguments})", *given.values()
    )
    assert num_clusters is not None
    return name, num_clusters, iterations, loss


def centroids(connection: Connection, name: str = "m") -> Points:
    """Return the centroids of a model in order."""
    found = rows(
        connection,
        "select centroid::real[] from sqlembed.centroids(%s) order by centroid_id",
        name,
    )
    return np.array([row[0] for row in found], dtype=np.float32)


def labels(connection: Connection, name: str = "m", query: str = QUERY) -> Labels:
    """Return the clusters of rows with numbers as ids, in the order of the ids."""
    found = rows(
        connection,
        "select centroid_id from sqlembed.assign(%s, %s) order by id::integer",
        name, query,
    )  # fmt: skip
    return np.array([row[0] for row in found])


def distances(points: Points, to: Points, metric: str) -> NDArray[np.float64]:
    """Return the distance of each point to each of others."""
    a, b = points.astype(np.float64), to.astype(np.float64)
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=2))
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    return np.asarray(1 - a @ b.T)
