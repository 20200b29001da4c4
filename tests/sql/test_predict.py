"""``predict``, ``assign``, ``centroids``, ``cluster_examples`` and ``drop_model``."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest

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
from tests.sql.searching import rows


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_predict_and_assign_take_the_nearest_centroid(connection: Connection, metric: str) -> None:
    make_points(connection, overlapping(800, 12))
    fit(connection, num_clusters=11, metric=metric)
    others = overlapping(300, 12, seed=1) * np.float32(2)
    make_points(connection, others, table="other")

    assigned = labels(connection, query="select id, embedding from other")

    predicted = rows(connection, "select sqlembed.predict('m', embedding) from other order by id")
    expected = distances(others, centroids(connection), metric).argmin(axis=1) + 1
    assert np.array_equal(assigned, expected)
    assert [row[0] for row in predicted] == assigned.tolist()


def test_halfvec(connection: Connection) -> None:
    points, truth = blobs(200, 4, 8)
    make_points(connection, points, "halfvec")
    fit(connection, num_clusters=4)

    found = rows(
        connection,
        "select sqlembed.predict('m', embedding), a.centroid_id"
        " from point join sqlembed.assign('m', %s) as a on a.id = point.id::text",
        QUERY,
    )

    assert len(found) == 200
    assert all(predicted == assigned for predicted, assigned in found)
    assert sorted(np.bincount([row[0] for row in found])[1:]) == sorted(np.bincount(truth))


def test_what_has_no_cluster(connection: Connection) -> None:
    make_points(connection, overlapping(50, 3))
    fit(connection, "cosine", num_clusters=2)
    fit(connection, "euclidean", num_clusters=2, metric="euclidean")
    query = "values ('null', null::vector), ('zeros', '[0,0,0]')"
    assigned = "select id, centroid_id is null from sqlembed.assign(%s, %s) order by id"
    predicted = (
        "select sqlembed.predict(%(m)s, null::vector) is null,"
        " sqlembed.predict(%(m)s, '[0,0,0]'::vector) is null,"
        " sqlembed.predict(%(m)s, null::halfvec) is null"
    )

    assert rows(connection, assigned, "cosine", query) == [("null", True), ("zeros", True)]
    assert rows(connection, assigned, "euclidean", query) == [("null", True), ("zeros", False)]
    run = connection.execute
    assert run(predicted, {"m": "cosine"}).fetchone() == (True, True, True)
    assert run(predicted, {"m": "euclidean"}).fetchone() == (True, False, True)


@pytest.mark.parametrize(
    "statement",
    [
        "select sqlembed.predict('nope', '[1,2,3]'::vector)",
        "select sqlembed.predict('nope', '[1,2,3]'::halfvec)",
        "select * from sqlembed.assign('nope', 'select 1, ''[1,2,3]''::vector')",
        "select * from sqlembed.centroids('nope')",
        "select * from sqlembed.cluster_examples('nope', 'select 1, ''[1,2,3]''::vector')",
        "select sqlembed.drop_model('nope')",
    ],
)
def test_unknown_models(connection: Connection, statement: str) -> None:
    with pytest.raises(psycopg.Error) as none_yet:
        rows(connection, statement)
    make_points(connection, overlapping(50, 3))
    fit(connection, "one", num_clusters=2)
    fit(connection, "it's", num_clusters=2)

    with pytest.raises(psycopg.Error) as caught:
        rows(connection, statement)

    assert (none_yet.value.sqlstate, caught.value.sqlstate) == ("SE020", "SE020")
    assert "create_kmeans" in (none_yet.value.diag.message_hint or "")
    assert caught.value.diag.message_hint == "You may use: 'it''s', 'one'."


@pytest.mark.parametrize(
    "statement",
    [
        "select sqlembed.predict('m', '[1,2]'::vector)",
        "select sqlembed.predict('m', '[1,2]'::halfvec)",
        "select * from sqlembed.assign('m', 'select 1, ''[1,2]''::vector')",
        "select * from sqlembed.cluster_examples('m', 'select 1, ''[1,2]''::vector')",
    ],
)
def test_other_dimensions(connection: Connection, statement: str) -> None:
    make_points(connection, overlapping(50, 3))
    fit(connection, num_clusters=2)

    with pytest.raises(psycopg.Error) as caught:
        rows(connection, statement)

    assert caught.value.sqlstate == "SE014"
    assert caught.value.diag.message_primary == (
        "sqlembed: cluster model 'm' is for vectors of 3 dimensions, not 2"
    )


def test_examples_are_the_nearest(connection: Connection) -> None:
    points = overlapping(400, 8) * np.float32(4)
    make_points(connection, points)
    fit(connection, num_clusters=5)

    found = rows(
        connection,
        "select centroid_id, id, distance from sqlembed.cluster_examples('m', %s, 4)",
        QUERY,
    )

    near = distances(points, centroids(connection), "cosine")
    assigned = labels(connection)
    for number in range(1, 6):
        own = np.flatnonzero(assigned == number)
        expected = own[np.argsort(near[own, number - 1])][:4]
        shown = [(id, distance) for n, id, distance in found if n == number]
        assert [int(id) for id, _ in shown] == expected.tolist()
        assert [d for _, d in shown] == pytest.approx(near[expected, number - 1], abs=1e-6)


def test_predict_runs_in_parallel_plans(connection: Connection) -> None:
    make_points(connection, overlapping(5000, 8))
    fit(connection, num_clusters=3)
    connection.execute("set parallel_setup_cost = 0")
    connection.execute("set parallel_tuple_cost = 0")
    connection.execute("set min_parallel_table_scan_size = 0")

    plan = rows(
        connection,
        "explain (analyze, costs off, timing off)"
        " select sqlembed.predict('m', embedding), count(*) from point group by 1",
    )

    assert any("Parallel Seq Scan" in line for (line,) in plan)


def test_assigning_runs_in_parallel(connection: Connection) -> None:
    make_points(connection, overlapping(5000, 8))
    fit(connection, num_clusters=3)
    connection.execute("set parallel_setup_cost = 0")
    connection.execute("set parallel_tuple_cost = 0")
    connection.execute("set min_parallel_table_scan_size = 0")
    ((statement,),) = rows(
        connection,
        "select sqlembed._assigned_sql('m', %s, true)",
        QUERY,
    )

    plan = rows(
        connection, f"explain select centroid_id, sum(distance) from ({statement}) as r group by 1"
    )

    assert any("Parallel Seq Scan" in line for (line,) in plan)


def test_parallel_workers_are_launched(connection: Connection) -> None:
    if connection.info.server_version < 180000:
        pytest.skip("PostgreSQL counts parallel workers from version 18 on")
    make_points(connection, overlapping(30_000, 8))
    connection.execute("set parallel_setup_cost = 0")
    connection.execute("set parallel_tuple_cost = 0")
    connection.execute("set min_parallel_table_scan_size = 0")

    def launched() -> int:
        rows(connection, "select pg_stat_force_next_flush()")
        return int(
            rows(
                connection,
                "select parallel_workers_launched from pg_stat_database"
                " where datname = current_database()",
            )[0][0]
        )

    before = launched()
    fit(connection, num_clusters=8)
    after_fitting = launched()
    labels(connection)

    assert before < after_fitting < launched()


def test_a_dropped_model_is_gone(connection: Connection) -> None:
    make_points(connection, overlapping(50, 3))
    fit(connection, num_clusters=2)
    fit(connection, "other", num_clusters=2)

    rows(connection, "select sqlembed.drop_model('m')")

    assert rows(connection, "select name from sqlembed.cluster_model") == [("other",)]
    assert rows(connection, "select distinct model from sqlembed.cluster_centroid") == [("other",)]
