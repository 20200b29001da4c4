"""``create_kmeans``: whether it finds the clusters, and as good ones as scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from tests.fix_database import Connection
from tests.sql.clustered import (
    QUERY,
    Labels,
    Points,
    blobs,
    centroids,
    distances,
    fit,
    labels,
    make_points,
    overlapping,
)
from tests.sql.searching import rows


def spherical_loss(points: Points, labels: Labels) -> float:
    """Return the sum of 1 - cos of unit vectors to the mean directions of their clusters."""
    sums = [points[labels == label].sum(axis=0, dtype=np.float64) for label in np.unique(labels)]
    return float(len(points) - np.linalg.norm(sums, axis=1).sum())


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("clusters", [2, 7, 20])
def test_blobs_are_found(connection: Connection, metric: str, clusters: int) -> None:
    points, truth = blobs(1500, clusters, 24)
    if metric == "euclidean":
        # Else their lengths are what differs most.
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    make_points(connection, points)

    _, found, _, _ = fit(connection, num_clusters=clusters, metric=metric)

    assert found == clusters
    assert adjusted_rand_score(truth, labels(connection)) == 1


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_what_it_reports_is_so(connection: Connection, metric: str) -> None:
    points = overlapping(1200, 16) * np.float32(3)
    make_points(connection, points)

    _, _, _, loss = fit(connection, num_clusters=9, metric=metric)

    to_centroids = distances(points, centroids(connection), metric)
    nearest = to_centroids.min(axis=1)
    assert np.array_equal(labels(connection), to_centroids.argmin(axis=1) + 1)
    assert loss == pytest.approx((nearest if metric == "cosine" else nearest**2).sum(), rel=1e-4)
    sizes = rows(
        connection,
        "select cluster_size, cluster_radius from sqlembed.centroids('m') order by centroid_id",
    )
    for number, (size, radius) in enumerate(sizes):
        own = nearest[to_centroids.argmin(axis=1) == number]
        assert size == len(own)
        assert radius == pytest.approx(np.sqrt((own**2).mean()), rel=1e-4)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_centroids_are_means(connection: Connection, metric: str) -> None:
    points, _ = blobs(400, 3, 8)
    make_points(connection, points)

    fit(connection, num_clusters=3, metric=metric)

    found, assigned = centroids(connection), labels(connection)
    for number in (1, 2, 3):
        own = points[assigned == number]
        if metric == "cosine":
            own = own / np.linalg.norm(own, axis=1, keepdims=True)
        mean = own.mean(axis=0)
        if metric == "cosine":
            mean /= np.linalg.norm(mean)
        assert found[number - 1] == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("clusters", [5, 20, 60])
def test_cosine_loss_is_within_a_percent_of_scikit_learn(
    connection: Connection, clusters: int
) -> None:
    points = overlapping(4000, 32)
    make_points(connection, points)
    theirs = [
        spherical_loss(points, KMeans(clusters, n_init=1, random_state=seed).fit(points).labels_)
        for seed in range(3)
    ]

    ours = [fit(connection, f"m{seed}", num_clusters=clusters, seed=seed)[3] for seed in range(3)]

    assert np.mean(ours) <= 1.01 * np.mean(theirs)


def test_euclidean_loss_is_within_a_percent_of_scikit_learn(connection: Connection) -> None:
    digits = load_digits().data.astype(np.float32)
    make_points(connection, digits)
    theirs = [KMeans(10, n_init=1, random_state=seed).fit(digits).inertia_ for seed in range(5)]

    ours = [
        fit(connection, f"m{seed}", num_clusters=10, metric="euclidean", seed=seed)[3]
        for seed in range(3)
    ]

    assert np.mean(ours) <= 1.01 * np.mean(theirs)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_large_table_is_fitted_on_a_sample(connection: Connection, metric: str) -> None:
    points = overlapping(30_000, 12)
    make_points(connection, points)
    model = KMeans(10, n_init=1, random_state=0).fit(points)
    theirs = spherical_loss(points, model.labels_) if metric == "cosine" else model.inertia_

    _, _, _, loss = fit(connection, num_clusters=10, metric=metric)

    assert loss <= 1.01 * theirs
    (size,) = rows(connection, "select sum(cluster_size) from sqlembed.centroids('m')")[0]
    assert size == 30_000
    (sampled,) = rows(
        connection,
        "select cardinality(sqlembed._kmeans_sample("
        "'select id::text as id, embedding from point', 30000, 12, 10000, 0))",
    )[0]
    assert 9_500 < sampled < 10_500


def test_the_same_seed_gives_the_same_model(connection: Connection) -> None:
    points = overlapping(2000, 16)
    make_points(connection, points)
    connection.execute("create table shuffled as select * from point order by md5(id::text)")

    first = fit(connection, "a", num_clusters=12, seed=5)
    again = fit(connection, "b", num_clusters=12, seed=5)
    shuffled = fit(connection, "c", "select id, embedding from shuffled", 12, seed=5)
    other = fit(connection, "d", num_clusters=12, seed=6)

    assert first[1:] == again[1:] == shuffled[1:]
    assert np.array_equal(centroids(connection, "a"), centroids(connection, "b"))
    assert np.array_equal(centroids(connection, "a"), centroids(connection, "c"))
    assert not np.array_equal(centroids(connection, "a"), centroids(connection, "d"))
    assert other[3] != first[3]


def test_the_same_seed_gives_the_same_model_of_a_large_table(connection: Connection) -> None:
    make_points(connection, overlapping(25_000, 8))
    connection.execute("create table shuffled as select * from point order by md5(id::text)")

    first = fit(connection, "a", num_clusters=8)
    # Several processes add in another order.
    connection.execute("set parallel_setup_cost = 0")
    connection.execute("set min_parallel_table_scan_size = 0")
    second = fit(connection, "b", "select id, embedding from shuffled", 8)

    assert second[2] == first[2]
    assert second[3] == pytest.approx(first[3], rel=1e-6)
    assert centroids(connection, "b") == pytest.approx(centroids(connection, "a"), abs=1e-6)


def test_more_iterations_do_not_lose(connection: Connection) -> None:
    make_points(connection, overlapping(3000, 16))

    one = fit(connection, "one", num_clusters=20, max_iterations=1)
    default = fit(connection, "default", num_clusters=20)
    long = fit(connection, "long", num_clusters=20, max_iterations=200, min_rel_progress=0)

    assert one[2] == 1
    assert 1 < default[2] <= 20
    assert default[2] < long[2] < 200
    assert long[3] <= default[3] < one[3]


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (2, 2), (50, 5), (800, 20)])
def test_number_of_clusters_by_rows(connection: Connection, count: int, expected: int) -> None:
    make_points(connection, overlapping(count, 8))

    assert fit(connection, query=QUERY, choose_by="rows")[1] == expected
