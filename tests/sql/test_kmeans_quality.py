"""How good a model is, how it came to be, what lies outside of it, and the choice of k."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import psycopg
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import davies_bouldin_score, silhouette_score

from tests.fix_database import Connection
from tests.sql.clustered import (
    QUERY,
    Points,
    blobs,
    centroids,
    distances,
    fit,
    labels,
    make_points,
    overlapping,
)
from tests.sql.searching import literal, rows


def points_of(metric: str) -> Points:
    """Return digits for euclidean, vectors like those of texts for cosine."""
    if metric == "euclidean":
        return np.asarray(load_digits().data, dtype=np.float32)
    return overlapping(1500, 64) * np.float32(3)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_evaluate_says_what_scikit_learn_says(connection: Connection, metric: str) -> None:
    points = points_of(metric)
    make_points(connection, points)
    fit(connection, num_clusters=10, metric=metric)

    ((index, mean_square, silhouette),) = rows(
        connection, "select * from sqlembed.evaluate('m', sample_size => null)"
    )

    assigned = labels(connection)
    exact = points.astype(np.float64)
    if metric == "cosine":
        exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    nearest = distances(points, centroids(connection), metric).min(axis=1)
    assert index == pytest.approx(davies_bouldin_score(exact, assigned), abs=1e-6)
    assert silhouette == pytest.approx(silhouette_score(exact, assigned, metric=metric), abs=1e-6)
    assert mean_square == pytest.approx((nearest**2).mean(), rel=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_silhouettes_of_a_sample(connection: Connection, metric: str) -> None:
    make_points(connection, points_of(metric))
    fit(connection, num_clusters=10, metric=metric)
    evaluate = "select silhouette from sqlembed.evaluate('m', sample_size => %s)"

    (exact, sampled, again) = (rows(connection, evaluate, n)[0][0] for n in (None, 500, 500))

    assert sampled == again != exact
    assert sampled == pytest.approx(exact, abs=0.03)


def test_other_rows_are_evaluated(connection: Connection) -> None:
    points, _ = blobs(400, 4, 8)
    make_points(connection, points)
    fit(connection, num_clusters=4)
    make_points(connection, overlapping(400, 8), table="other")

    own = rows(connection, "select * from sqlembed.evaluate('m')")[0]
    other = rows(connection, "select * from sqlembed.evaluate('m', 'table other')")[0]

    assert own[0] < other[0]
    assert own[1] < other[1]
    assert own[2] > 0.8 > 0.5 > other[2]


def test_one_cluster_has_no_index(connection: Connection) -> None:
    make_points(connection, overlapping(50, 4))
    fit(connection, num_clusters=1)

    ((index, mean_square, silhouette),) = rows(connection, "select * from sqlembed.evaluate('m')")

    assert index is None
    assert silhouette is None
    assert mean_square > 0


def test_clusters_of_one_row(connection: Connection) -> None:
    points = np.array([[0, 0], [0, 1], [1, 0], [50, 50], [-90, 90]], dtype=np.float32)
    make_points(connection, points)
    fit(connection, num_clusters=3, metric="euclidean")

    ((index, _, silhouette),) = rows(connection, "select * from sqlembed.evaluate('m')")

    assigned = labels(connection)
    assert index == pytest.approx(davies_bouldin_score(points, assigned), abs=1e-6)
    assert silhouette == pytest.approx(silhouette_score(points, assigned), abs=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("count", [1500, 25_000])
def test_training_info_ends_with_the_loss(connection: Connection, metric: str, count: int) -> None:
    make_points(connection, overlapping(count, 12))
    _, _, iterations, loss = fit(connection, num_clusters=8, metric=metric)

    found = rows(connection, "select * from sqlembed.training_info('m') order by iteration")

    assert [row[0] for row in found] == list(range(1, iterations + 1))
    assert found[-1][1] == pytest.approx(loss)
    assert found[-1][2] == count
    assert found[0][1] > found[-1][1]
    assert all(number <= count for _, _, number in found)
    for (_, before, seen), (_, after, seen_next) in pairwise(found):
        if seen == seen_next:
            assert after <= before * 1.0001


@pytest.mark.parametrize("kind", ["vector", "halfvec"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_nearest_centroids(connection: Connection, metric: str, kind: str) -> None:
    points = overlapping(300, 8)
    make_points(connection, points)
    fit(connection, num_clusters=7, metric=metric)
    point = points[3] * np.float32(2)

    found = rows(
        connection,
        f"select * from sqlembed.nearest_centroids('m', %s::{kind}, k => 3)",
        literal(point),
    )

    expected = distances(point[None], centroids(connection), metric)[0]
    order = np.argsort(expected)[:3]
    assert [row[0] for row in found] == (order + 1).tolist()
    assert [row[1] for row in found] == pytest.approx(expected[order], abs=2e-3)


def test_nearest_centroids_of_nothing(connection: Connection) -> None:
    make_points(connection, overlapping(30, 3))
    fit(connection, num_clusters=4)
    nearest = "select * from sqlembed.nearest_centroids('m', %s::vector)"

    assert len(rows(connection, nearest, "[1,2,3]")) == 4
    assert rows(connection, nearest, None) == []
    assert rows(connection, nearest, "[0,0,0]") == []
    for bad in ("'m', '[1,2]'::vector", "'m', '[1,2,3]'::vector, 0", "'n', '[1]'::vector"):
        with pytest.raises(psycopg.Error) as caught:
            rows(connection, f"select * from sqlembed.nearest_centroids({bad})")
        assert caught.value.sqlstate in ("SE014", "SE020")


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_anomalies_are_what_lies_far_out(connection: Connection, metric: str) -> None:
    points, _ = blobs(500, 4, 8)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    make_points(connection, points)
    fit(connection, num_clusters=4, metric=metric)
    odd = -centroids(connection).mean(axis=0)
    connection.execute(
        "create table new as select * from (values (1, %s::vector), (2, null), (3, %s)) as v(a, b)",
        (literal(odd), literal(centroids(connection)[0])),
    )

    own = rows(connection, "select * from sqlembed.detect_anomalies('m', contamination => 0.05)")
    none = rows(connection, "select * from sqlembed.detect_anomalies('m', contamination => 0)")
    new = rows(connection, "select * from sqlembed.detect_anomalies('m', 'table new') order by id")

    near = distances(points, centroids(connection), metric)
    radii = rows(connection, "select cluster_radius from sqlembed.centroids('m')")
    expected = near.min(axis=1) / np.ravel(radii)[near.argmin(axis=1)]
    by_id = {int(id): (flag, distance, number) for id, flag, distance, number in own}
    assert [by_id[i][1] for i in range(500)] == pytest.approx(expected, rel=1e-2, abs=1e-3)
    assert sum(flag for flag, _, _ in by_id.values()) == 25
    assert {i for i in by_id if by_id[i][0]} == set(np.argsort(-expected)[:25])
    assert not any(row[1] for row in none)
    assert [row[1] for row in new] == [True, None, False]
    assert new[1] == ("2", None, None, None)


def test_contamination_is_a_share(connection: Connection) -> None:
    make_points(connection, overlapping(30, 3))
    fit(connection, num_clusters=2)

    for bad in ("-0.1", "0.6", "null", "'nan'"):
        with pytest.raises(psycopg.Error) as caught:
            rows(connection, f"select * from sqlembed.detect_anomalies('m', null, {bad})")
        assert caught.value.sqlstate == "SE014"


@pytest.mark.parametrize("choose_by", ["silhouette", "davies_bouldin"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("clusters", [3, 7, 21])
def test_the_number_of_clusters_is_found(
    connection: Connection, choose_by: str, metric: str, clusters: int
) -> None:
    points, _ = blobs(1200, clusters, 24)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    make_points(connection, points)

    assert fit(connection, metric=metric, choose_by=choose_by)[1] == clusters


def test_candidates_are_all_that_is_tried(connection: Connection) -> None:
    points, _ = blobs(300, 6, 16)
    make_points(connection, points)

    assert fit(connection, "a", candidates=[2, 9, 900])[1] in (2, 9)
    assert fit(connection, "b", candidates=[4, 6])[1] == 6
    assert fit(connection, "c", QUERY, 5, candidates=[4, 6])[1] == 5


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_clusters_of_few_rows(connection: Connection, count: int) -> None:
    make_points(connection, overlapping(count, 4))

    assert 1 <= fit(connection)[1] <= count


@pytest.mark.parametrize(
    "call", ["evaluate('nope')", "training_info('nope')", "detect_anomalies('nope')",
             "refit_kmeans('nope')"],
)  # fmt: skip
def test_unknown_models(connection: Connection, call: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        rows(connection, f"select * from sqlembed.{call}")
    assert caught.value.sqlstate == "SE020"
