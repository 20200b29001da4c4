"""What ``create_kmeans`` is made of: empty clusters, samples, errors in its statements."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa

from sqlembed import config
from sqlembed.schema import migrate
from tests.fix_database import Connection
from tests.sql.clustered import blobs, centroids, fit, labels, make_points, overlapping
from tests.sql.searching import literal, rows

STEP = """
select cluster_size, mean
from sqlembed._kmeans_step(
    'select id::text as id, embedding from point', null, %s::text[]::vector[], %s
)
order by centroid_id
"""
MOVE = """
select iterations, centroids::text[]
from sqlembed._kmeans_move(
    array(select embedding from point order by id), %s::text[]::vector[], %s, 0, 20, 0.01, 0, 0
)
"""
SETTLE = """
select moves, cluster_sizes
from sqlembed._kmeans_settle(
    'select id::text as id, embedding from point', null, %s::text[]::vector[], %s, 0, 0
)
"""


def blobs_and_a_twin(connection: Connection) -> tuple[list[str], list[int]]:
    """Make the table point of three blobs; return centroids of two of them, and one of these again.

    A point as near to the twins goes to the first, so the second has none. Also returns the
    sizes of the blobs.
    """
    points, truth = blobs(300, 3, 8)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    make_points(connection, points)
    means = [points[truth == number].mean(axis=0) for number in (0, 1, 0)]
    given = [literal(mean / np.linalg.norm(mean)) for mean in means]
    return given, sorted(np.bincount(truth).tolist())


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_empty_clusters_are_refilled(connection: Connection, metric: str) -> None:
    given, sizes = blobs_and_a_twin(connection)
    before = rows(connection, STEP, given, metric)

    moved = rows(connection, MOVE, given, metric)[0]

    assert [size == 0 for size, _ in before] == [False, False, True]
    assert [mean is None for _, mean in before] == [False, False, True]
    assert 1 < moved[0] < 20
    assert sorted(size for size, _ in rows(connection, STEP, moved[1], metric)) == sizes


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_clusters_that_only_a_sample_fills_are_refilled(
    connection: Connection, metric: str
) -> None:
    given, sizes = blobs_and_a_twin(connection)

    moves, found = rows(connection, SETTLE, given, metric)[0]

    assert moves >= 1
    assert sorted(found) == sizes


def test_what_cannot_be_refilled_stays_empty(connection: Connection) -> None:
    connection.execute("create table point (id integer, embedding vector)")
    connection.execute("insert into point values (1, '[1,0]'), (2, '[1,0]')")

    moves, found = rows(connection, SETTLE, ["[1,0]", "[0,1]"], "cosine")[0]

    assert moves == 3
    assert found == [2, 0]


def test_a_rare_vector_that_the_sample_misses_is_found(connection: Connection) -> None:
    connection.execute(
        "create table point as select i as id, '[1,2,3]'::vector as embedding"
        " from generate_series(1, 40000) as i"
    )
    connection.execute("insert into point values (40001, '[3,2,1]'), (40002, '[-1,0,0]')")

    fit(connection, num_clusters=3)

    sizes = "select array_agg(cluster_size order by cluster_size) from sqlembed.centroids('m')"
    assert rows(connection, sizes) == [([1, 1, 40_000],)]


def test_rows_that_are_all_the_same(connection: Connection) -> None:
    query = "select 1, '[1,2,3]'::vector from generate_series(1, 30000)"

    assert fit(connection, query=query)[1] == 1
    assert rows(connection, "select cluster_size from sqlembed.centroids('m')") == [(30_000,)]


def test_large_vectors(connection: Connection) -> None:
    points, _ = blobs(300, 3, 3000)
    make_points(connection, points)

    fit(connection, num_clusters=3)

    assert centroids(connection).shape == (3, 3000)


def test_many_clusters(connection: Connection) -> None:
    make_points(connection, overlapping(1500, 4))

    assert fit(connection, num_clusters=700, max_iterations=2)[1] == 700
    assert rows(connection, "select min(cluster_size) > 0 from sqlembed.centroids('m')") == [
        (True,)
    ]


def test_errors_in_the_query_come_as_they_are_but_brief(connection: Connection) -> None:
    make_points(connection, overlapping(12_000, 16))
    connection.execute("create sequence calls")
    # Two runs go well; those after them stand in statements that hold all centroids.
    query = "select id / (nextval('calls') <= 30000)::integer, embedding from point"

    with pytest.raises(psycopg.errors.DivisionByZero) as caught:
        fit(connection, query=query, num_clusters=30)

    assert len(str(caught.value)) < 500
    assert rows(connection, "select * from sqlembed.cluster_model") == []


def test_fitting_can_be_cancelled(connection: Connection) -> None:
    make_points(connection, overlapping(20_000, 32))
    connection.execute("set statement_timeout = '300ms'")

    with pytest.raises(psycopg.errors.QueryCanceled):
        fit(connection, num_clusters=300)


def test_assigning_can_be_cancelled(connection: Connection) -> None:
    make_points(connection, overlapping(1000, 16))
    fit(connection, num_clusters=30)
    connection.execute("set statement_timeout = '300ms'")
    query = "select id, embedding from point where pg_sleep(0.01) is not null"

    with pytest.raises(psycopg.errors.QueryCanceled) as caught:
        labels(connection, query=query)

    assert len(str(caught.value)) < 500


def test_settings_are_left_as_they_were(connection: Connection) -> None:
    make_points(connection, overlapping(200, 4))
    connection.execute("set work_mem = '5MB'")
    connection.execute("set jit = on")

    fit(connection)

    assert rows(connection, "select current_setting('work_mem'), current_setting('jit')") == [
        ("5MB", "on")
    ]


def test_pgvector_in_another_schema(empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute('create schema "My types"')
        connection.execute('create extension vector schema "My types"')
        engine = sa.create_engine(config.sqlalchemy_url(empty_url))
        migrate.upgrade(engine)
        engine.dispose()
        connection.execute(
            "create table point as"
            " select i as id, ('[1,' || i || ']')::\"My types\".halfvec as embedding"
            " from generate_series(-50, 50) as i"
        )

        assert fit(connection, num_clusters=2)[1] == 2
        assert set(labels(connection)) == {1, 2}
        assert rows(connection, "select count(sqlembed.predict('m', embedding)) from point") == [
            (101,)
        ]
