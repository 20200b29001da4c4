"""``refit_kmeans``: which clusters keep their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fix_database import Connection
from tests.sql.clustered import blobs, centroids, fit, labels, make_points, overlapping
from tests.sql.searching import rows


def refit(connection: Connection, arguments: str = "") -> tuple[int, float]:
    """Refit the model m; return its number of clusters and its loss."""
    ((number, loss),) = rows(
        connection, f"select num_clusters, loss from sqlembed.refit_kmeans('m'{arguments})"
    )
    return number, loss


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_all_stays_where_nothing_changed(connection: Connection, metric: str) -> None:
    make_points(connection, overlapping(1500, 12))
    loss = fit(connection, num_clusters=9, metric=metric)[3]
    before = labels(connection)

    number, after = refit(connection)

    assert number == 9
    assert after <= loss * 1.001
    assert np.mean(labels(connection) == before) > 0.9


def test_some_more_rows_change_little(connection: Connection) -> None:
    points = overlapping(1500, 12)
    make_points(connection, points)
    connection.execute("create table later as select * from point where id >= 1300")
    connection.execute("delete from point where id >= 1300")
    fit(connection, num_clusters=9)
    before = labels(connection)

    connection.execute("insert into point table later")
    refit(connection)

    assert np.mean(labels(connection)[:1300] == before) > 0.8


def test_a_new_cluster_has_a_new_number(connection: Connection) -> None:
    points, truth = blobs(800, 5, 16)
    make_points(connection, points)
    connection.execute("create table gone as select * from point where id = any (%s)",
                       (np.flatnonzero(truth == 4).tolist(),))  # fmt: skip
    connection.execute("delete from point using gone where point.id = gone.id")
    fit(connection, num_clusters=4)
    before = dict(rows(connection, "select * from sqlembed.assign('m', 'table point')"))

    connection.execute("insert into point table gone")
    number, _ = refit(connection, ", num_clusters => 5")

    after = dict(rows(connection, "select * from sqlembed.assign('m', 'table point')"))
    assert number == 5
    assert all(after[key] == label for key, label in before.items())
    assert {after[key] for key in after.keys() - before.keys()} == {5}


def test_numbers_are_not_given_again(connection: Connection) -> None:
    points, _ = blobs(800, 4, 16)
    make_points(connection, points)
    fit(connection, num_clusters=4)
    # A new topic, on the side of the first cluster; the second comes to its end.
    random = np.random.default_rng(1)
    first = centroids(connection)[0]
    aside = random.standard_normal(16)
    aside -= (aside @ first) * first
    aside /= np.linalg.norm(aside)
    make_points(
        connection, 0.8 * first + 0.6 * aside + random.normal(0, 0.02, (200, 16)), table="other"
    )

    connection.execute("delete from point where sqlembed.predict('m', embedding) = 2")
    connection.execute("insert into point select id + 1000, embedding from other")
    refit(connection)

    numbers = rows(connection, "select centroid_id from sqlembed.centroids('m')")
    assert [row[0] for row in numbers] == [1, 3, 4, 5]
    assert set(labels(connection)) == {row[0] for row in numbers}
    assert rows(
        connection, "select distinct sqlembed.predict('m', embedding) from point where id >= 1000"
    ) == [(5,)]


def test_other_dimensions_begin_anew(connection: Connection) -> None:
    make_points(connection, overlapping(200, 6))
    fit(connection, num_clusters=3)
    connection.execute("alter table point alter embedding type vector")
    connection.execute("update point set embedding = embedding || '[1,2]'::vector")

    refit(connection)

    assert set(labels(connection)) == {4, 5, 6}


def test_numbers_beside_the_vector(connection: Connection) -> None:
    make_points(connection, overlapping(300, 6))
    connection.execute("create view numbered as select id, embedding, id as number from point")
    rows(connection, "select sqlembed.create_kmeans('m', 'table numbered', 4, 'euclidean',"
                     " weights => '{1,5}')")  # fmt: skip
    before = labels(connection, query="table numbered")

    refit(connection)

    assert np.mean(labels(connection, query="table numbered") == before) > 0.9
    assert rows(connection, "select weights from sqlembed.cluster_model") == [([1, 5],)]
