"""k-means in the database against taking the vectors out to scikit-learn and the labels back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import (
    adjusted_rand_score,
    normalized_mutual_info_score,
    pairwise_distances_argmin_min,
)

from sqlembed.embedders import builtin
from sqlembed.worker import Worker, register_embedders
from tests.benchmarks.stage import Connection, Result, connect
from tests.benchmarks.uses import make, read, value
from tests.sql.clustered import overlapping

ROWS = 100_000
DIMENSIONS = 384
SEEDS = range(10)
#: Shares of the rows, and numbers of clusters.
GROWTH = [(0.25, 20), (0.5, 20), (1, 20), (1, 100), (1, 1000), (1, 10_000)]

FIT = "select loss from sqlembed.create_kmeans('m', %s, %s, 'euclidean', seed => %s)"
LABEL = """
update point as p set label = a.centroid_id
from sqlembed.assign('m', %s) as a
where p.id = a.id::int
"""

Estimator = Callable[[int, int], Any]


def k_means(
    url: str, rows: int = ROWS, clusters: tuple[int, ...] = (20, 100), rounds: int = 3
) -> Iterator[Result]:
    with connect(url) as connection:
        fill(connection, overlapping(rows, DIMENSIONS, groups=200))
        for k in clusters:
            yield from against(connection, k, "KMeans", k_means_of_theirs, rounds)
            yield from against(connection, k, "MiniBatchKMeans", mini_batches, rounds)
        yield from growth(connection, rows)
        yield from recall(connection)
    yield from banking(url)


def fill(connection: Connection, points: NDArray[np.float32]) -> None:
    """Make the table point (id, embedding, label)."""
    connection.execute(
        f"create table point (id int primary key, embedding vector({DIMENSIONS}), label int)"
        " with (fillfactor = 70)".encode()
    )
    with connection.cursor().copy("copy point (id, embedding) from stdin (format binary)") as copy:
        copy.set_types(["int4", "vector"])
        for number, point in enumerate(points):
            copy.write_row((number, point))
    connection.execute("vacuum analyze point")


def k_means_of_theirs(k: int, seed: int) -> Any:
    return KMeans(k, n_init=1, max_iter=20, random_state=seed)


def mini_batches(k: int, seed: int) -> Any:
    return MiniBatchKMeans(k, n_init=1, random_state=seed)


def ours(connection: Connection, k: int, seed: int = 0, query: str = "") -> float:
    """Fit and label in SQL; return the loss."""
    query = query or "select id, embedding from point"
    with connection.transaction(force_rollback=True):
        loss = value(connection, FIT, query, k, seed)
        connection.execute(LABEL.encode(), (query,))
    return loss


def theirs(connection: Connection, k: int, estimator: Estimator, seed: int = 0) -> float:
    """Take vectors out, fit, and write the labels back; return the loss."""
    with connection.transaction(force_rollback=True):
        ids, points = taken_out(connection)
        found = estimator(k, seed).fit(points)
        connection.execute("create temp table labels (id int, label int) on commit drop")
        with connection.cursor().copy("copy labels from stdin (format binary)") as copy:
            copy.set_types(["int4", "int4"])
            for row in zip(ids.tolist(), found.labels_.tolist(), strict=True):
                copy.write_row(row)
        connection.execute("analyze labels")
        connection.execute(
            "update point as p set label = l.label from labels as l where l.id = p.id"
        )
    return float(found.inertia_)


def taken_out(connection: Connection) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the ids and vectors of the table, by a binary COPY read as one block."""
    with connection.cursor().copy("copy point (id, embedding) to stdout (format binary)") as copy:
        data = b"".join(bytes(block) for block in copy)
    # Two columns, the length of the first, the id, that of the second, dimensions, unused, values.
    row = np.dtype(
        [("head", "V6"), ("id", ">i4"), ("size", "V8"), ("vector", ">f4", (DIMENSIONS,))]
    )
    table = np.frombuffer(data, row, count=(len(data) - 21) // row.itemsize, offset=19)
    return table["id"].astype(np.int32), table["vector"].astype(np.float32)


def timed(connection: Connection, function: Callable[[], float]) -> tuple[float, float]:
    """Return how long a call takes, and what it returns; without what the call before left."""
    connection.execute("vacuum point")
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def against(
    connection: Connection, k: int, name: str, estimator: Estimator, rounds: int
) -> Iterator[Result]:
    """Yield the ratios of time and of loss, alternated, each round with another seed."""
    times, losses = [], []
    for seed in range(rounds):
        our_time, our_loss = timed(connection, lambda: ours(connection, k, seed))  # noqa: B023
        their_time, their_loss = timed(
            connection,
            lambda: theirs(connection, k, estimator, seed),  # noqa: B023
        )
        times.append(our_time / their_time)
        losses.append(our_loss / their_loss)
    what = f"create_kmeans and assign, {{}}, k = {k}"
    other = f"COPY, scikit-learn {name}, COPY"
    goal = "0.5" if estimator is k_means_of_theirs else ""
    yield Result(what.format("time"), other, times, "x", goal)
    yield Result(what.format("loss"), other, losses, "x", "1.01")


def growth(connection: Connection, rows: int) -> Iterator[Result]:
    """Yield the time for more rows and for more clusters, in that of the first line."""
    unit = None
    for count, k in GROWTH:
        query = f"select id, embedding from point where id < {rows * count}"
        taken, _ = timed(connection, lambda: ours(connection, k, query=query))  # noqa: B023
        unit = unit or taken
        what = f"create_kmeans and assign, {rows * count:,.0f} rows, k = {k:,}"
        yield Result(what, "the first of these", [taken / unit], "x", "")


def recall(connection: Connection, k: int = 10_000) -> Iterator[Result]:
    """Yield how often the index of the centroids leads to the nearest, and what that costs."""
    query = "select id, embedding from point"
    with connection.transaction(force_rollback=True):
        loss = value(connection, FIT, query, k, 0)
        numbers = connection.execute(
            "select centroid_id from sqlembed.assign('m', %s) order by id::int", (query,)
        ).fetchall()
        found = np.array([row[0] for row in numbers]) - 1
        rows = connection.execute(
            "select centroid::real[] from sqlembed.centroids('m') order by centroid_id"
        ).fetchall()
        centroids = np.array([row[0] for row in rows], dtype=np.float32)
        points = taken_out(connection)[1]
    nearest, distances = pairwise_distances_argmin_min(points, centroids)
    what = f"assign, k = {k:,}: {{}}"
    right = float(np.mean(found == nearest))
    yield Result(what.format("rows given to the nearest"), "", [right], "", "0.99")
    exact = float((distances**2).sum())
    yield Result(what.format("loss"), "every centroid looked at", [loss / exact], "x", "1.01")


def banking(url: str) -> Iterator[Result]:
    """Yield how near our clusters come to the intents of Banking77, and theirs."""
    registry = builtin.registry()
    register_embedders(url, registry)
    with connect(url) as connection:
        make(connection, "bank_train", read("banking77/train.csv"))
        Worker(url, registry).run(burst=True)
        rows = connection.execute(
            "select category, embedding::real[] from bank_train order by id"
        ).fetchall()
        truth = [row[0] for row in rows]
        points = np.array([row[1] for row in rows], dtype=np.float32)
        query = "select id, embedding from bank_train"
        for name, score in (
            ("adjusted Rand index", adjusted_rand_score),
            ("normalised mutual information", normalized_mutual_info_score),
        ):
            found = [score(truth, labels_of(connection, query, seed)) for seed in SEEDS]
            reference = [
                score(truth, KMeans(77, n_init=1, random_state=seed).fit(points).labels_)
                for seed in SEEDS
            ]
            what = f"create_kmeans, Banking77, k = 77: {name}"
            yield Result(what, f"scikit-learn: {mean(reference):.3f}", found, "", "within 0.01")


def labels_of(connection: Connection, query: str, seed: int) -> list[Any]:
    with connection.transaction(force_rollback=True):
        value(connection, FIT, query, 77, seed)
        found = connection.execute(
            "select centroid_id from sqlembed.assign('m', %s) order by id::int", (query,)
        ).fetchall()
    return [row[0] for row in found]
