"""More than 1,000 clusters: the nearest centroid is found by an index of the centroids."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
from sklearn.cluster import KMeans, kmeans_plusplus

from tests.fix_database import Connection
from tests.sql.clustered import (
    QUERY,
    blobs,
    centroids,
    distances,
    fit,
    labels,
    make_points,
    overlapping,
)
from tests.sql.searching import literal, rows

CLUSTERS = 1050


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_many_clusters(connection: Connection, metric: str) -> None:
    points = overlapping(2000, 6)
    make_points(connection, points)

    name, number, _, loss = fit(connection, num_clusters=CLUSTERS, metric=metric)

    assert (name, number) == ("m", CLUSTERS)
    theirs = KMeans(CLUSTERS, n_init=1, max_iter=20, random_state=0).fit(points).inertia_
    # Of unit vectors a squared distance is twice the other; a mean direction is a little nearer.
    assert loss <= 1.01 * theirs / (2 if metric == "cosine" else 1)
    ((sizes, smallest, cells),) = rows(
        connection,
        "select sum(cluster_size), min(cluster_size), count(distinct cell)"
        " from sqlembed.cluster_centroid",
    )
    assert (sizes, smallest > 0) == (2000, True)
    assert 25 < cells <= 35
    others = overlapping(500, 6, seed=1)
    make_points(connection, others, table="other")
    exact = distances(others, centroids(connection), metric)
    assigned = labels(connection, query="table other")
    assert np.mean(assigned == exact.argmin(axis=1) + 1) > 0.99
    predicted = rows(connection, "select sqlembed.predict('m', embedding) from other order by id")
    assert [row[0] for row in predicted] == assigned.tolist()
    nearest = rows(
        connection,
        "select centroid_id from sqlembed.nearest_centroids('m', %s::vector, 3)",
        literal(others[0]),
    )
    assert [row[0] for row in nearest] == (np.argsort(exact[0])[:3] + 1).tolist()


def test_every_function_takes_them(connection: Connection) -> None:
    points = overlapping(1500, 4)
    make_points(connection, points)
    fit(connection, num_clusters=1100, max_iterations=2, metric="euclidean")
    before = labels(connection)

    ((index, mean_square, silhouette),) = rows(connection, "select * from sqlembed.evaluate('m')")
    anomalies = rows(connection, "select * from sqlembed.detect_anomalies('m')")
    examples = rows(connection, "select * from sqlembed.cluster_examples('m', %s, 1)", QUERY)
    terms = rows(
        connection,
        "select * from sqlembed.cluster_terms('m', %s, 1, 'simple')",
        "select 'word' || id, embedding from point where id < 50",
    )
    rows(connection, "select sqlembed.refit_kmeans('m', max_iterations => 1)")

    nearest = distances(points, centroids(connection), "euclidean").min(axis=1)
    assert index > 0
    assert mean_square == pytest.approx((nearest**2).mean(), rel=0.2)
    assert silhouette > 0
    assert [row[3] for row in sorted(anomalies, key=lambda row: int(row[0]))] == before.tolist()
    assert len(examples) == len(set(before))
    assert len(terms) == len(set(before[:50]))
    assert np.mean(labels(connection) == before) > 0.9
    rows(connection, "select sqlembed.drop_model('m')")
    assert rows(connection, "select * from sqlembed.cluster_centroid") == []


def test_what_has_no_cluster(connection: Connection) -> None:
    make_points(connection, overlapping(1100, 4))
    fit(connection, num_clusters=1050, max_iterations=1)

    found = rows(
        connection,
        "select * from sqlembed.assign('m', 'values (1, null::vector), (2, ''[0,0,0,0]'')')"
        " order by id",
    )

    assert found == [("1", None), ("2", None)]
    assert rows(connection, "select sqlembed.predict('m', '[0,0,0,0]'::vector)") == [(None,)]
    with pytest.raises(psycopg.Error) as caught:
        rows(connection, "select * from sqlembed.assign('m', 'values (1, ''[1,2]''::vector)')")
    assert caught.value.sqlstate == "SE014"


def test_a_clustering(connection: Connection) -> None:
    points = overlapping(1500, 4)
    make_points(connection, points)
    rows(connection, "select sqlembed.create_clustering('point', 'm', num_clusters => 1050)")
    given = rows(connection, "select cluster from point order by id")
    assert [row[0] for row in given] == labels(connection).tolist()

    connection.execute("insert into point select id + 1500, embedding from point where id < 20")

    assert rows(connection, "select cluster from point where id >= 1500 order by id") == given[:20]


def test_first_centroids_are_chosen_in_cells(connection: Connection) -> None:
    points = overlapping(2000, 6)
    make_points(connection, points)
    seeds = (
        "select embedding::real[] from unnest(sqlembed._kmeans_seed_in_cells("
        "array(select embedding from point order by id), %s, 'euclidean', 0)) as s(embedding)"
    )
    theirs, _ = kmeans_plusplus(points, 300, random_state=0)

    chosen = np.array([row[0] for row in rows(connection, seeds, 300)], dtype=np.float32)

    assert len(np.unique(chosen, axis=0)) == 300
    assert {tuple(point) for point in chosen} <= {tuple(point) for point in points}
    loss, reference = (
        (distances(points, those, "euclidean").min(axis=1) ** 2).sum() for those in (chosen, theirs)
    )
    assert loss <= 1.1 * reference


def test_cells_that_are_short_of_points_leave_them_to_others(connection: Connection) -> None:
    rare, _ = blobs(130, 4, 3)
    often = 5 + np.arange(6, dtype=np.float32)[:, None].repeat(3, axis=1)
    make_points(connection, np.concatenate([rare, often.repeat(500, axis=0)]))
    seeds = (
        "select count(distinct embedding) from unnest(sqlembed._kmeans_seed_in_cells("
        "array(select embedding from point order by id), %s, 'euclidean', 0)) as s(embedding)"
    )

    assert rows(connection, seeds, 136) == [(136,)]
    assert rows(connection, seeds, 140) == [(136,)]


def test_duplicates_leave_no_cluster_empty(connection: Connection) -> None:
    points, _ = blobs(1150, 20, 4)
    make_points(connection, np.concatenate([points, points[:600], points[:50].repeat(10, axis=0)]))

    assert fit(connection, num_clusters=1100)[1] == 1100
    assert rows(connection, "select min(cluster_size) > 0 from sqlembed.centroids('m')") == [
        (True,)
    ]


@pytest.mark.parametrize(
    ("different", "clusters", "message", "hint"),
    [
        (1010, 1020, "only 1010 different vectors for 1020 clusters", "num_clusters => 1010"),
        (1010, 10_000, "only 2020 vectors for 10000 clusters", "num_clusters => 2020"),
    ],
)
def test_too_few_rows(
    connection: Connection, different: int, clusters: int, message: str, hint: str
) -> None:
    points = overlapping(different, 4)
    make_points(connection, points.repeat(2, axis=0))

    with pytest.raises(psycopg.Error) as caught:
        fit(connection, num_clusters=clusters)

    assert caught.value.sqlstate == "SE022"
    assert message in (caught.value.diag.message_primary or "")
    assert hint in (caught.value.diag.message_hint or "")


def test_centroids_that_are_too_large(connection: Connection) -> None:
    query = (
        "select i, array_fill(i::real, array[16000])::vector from generate_series(1, 10000) as i"
    )

    with pytest.raises(psycopg.Error) as caught:
        fit(connection, query=query, num_clusters=10_000, metric="euclidean")

    assert caught.value.sqlstate == "SE014"
    assert "10000 centroids of 16000 dimensions" in (caught.value.diag.message_primary or "")
    assert "num_clusters => 3999" in (caught.value.diag.message_hint or "")


def test_the_same_seed_gives_the_same_model(connection: Connection) -> None:
    make_points(connection, overlapping(1500, 4))
    connection.execute("create table shuffled as select * from point order by md5(id::text)")

    first = fit(connection, "a", num_clusters=1010, max_iterations=2)
    again = fit(connection, "b", "table shuffled", 1010, max_iterations=2)

    assert first[1:] == again[1:]
    assert np.array_equal(centroids(connection, "a"), centroids(connection, "b"))


def test_the_index_is_used_in_parallel(connection: Connection) -> None:
    make_points(connection, overlapping(3000, 4))
    fit(connection, num_clusters=1010, max_iterations=1)
    connection.execute("set parallel_setup_cost = 0")
    connection.execute("set parallel_tuple_cost = 0")
    connection.execute("set min_parallel_table_scan_size = 0")
    ((statement,),) = rows(connection, "select sqlembed._assigned_sql('m', %s, true)", QUERY)
    connection.execute(
        "prepare assigning (sqlembed.centroid_index) as"
        f" select centroid_id, sum(distance) from ({statement}) as r group by 1".encode()
    )

    plan = rows(connection, "explain execute assigning (sqlembed._model_index('m'))")

    assert any("Parallel Seq Scan" in line for (line,) in plan)
