"""Clusterings: a cluster column that stays up to date."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest

from tests.fix_database import Connection
from tests.sql.clustered import blobs, make_points
from tests.sql.searching import literal, rows

CREATE = "select num_clusters from sqlembed.create_clustering('point', 'topics', {})"
LABELS = "select id, cluster from point order by id"
NEAREST = "select id, sqlembed.predict('topics', embedding) from point order by id"


@pytest.fixture
def topics(connection: Connection) -> Connection:
    """The table point, of three blobs, and its clustering."""
    points, _ = blobs(300, 3, 6)
    make_points(connection, points)
    assert rows(connection, CREATE.format("num_clusters => 3")) == [(3,)]
    return connection


def status(connection: Connection, columns: str = "*") -> tuple[object, ...]:
    (found,) = rows(connection, f"select {columns} from sqlembed.clustering_status")
    return found


def test_rows_that_are_there_have_their_clusters(topics: Connection) -> None:
    assert rows(topics, LABELS) == rows(topics, NEAREST)
    assert status(topics, "name, relation::text, embedding, cluster_column, num_clusters") == (
        "topics", "point", "embedding", "cluster", 3,
    )  # fmt: skip
    assert status(topics, "fitted_rows, total, embedded, assigned") == (300, 300, 300, 300)
    assert status(topics, "size_shift") == (0,)
    assert status(topics, "distance_growth")[0] == pytest.approx(1, rel=1e-3)


def test_rows_that_come_get_theirs(topics: Connection) -> None:
    topics.execute("insert into point (id, embedding) select id + 300, embedding from point")
    topics.execute("insert into point (id) values (1000)")
    topics.execute(
        "update point set embedding = (select embedding from point where id = 0)"
        " where id between 1 and 50"
    )
    topics.execute("update point set embedding = null where id = 60")

    assert rows(topics, LABELS) == rows(topics, NEAREST)
    assert status(topics, "total, embedded, assigned") == (601, 599, 599)


def test_a_copy_is_clustered(topics: Connection) -> None:
    with topics.cursor().copy("copy point (id, embedding) from stdin") as copy:
        for number in range(1000, 1100):
            copy.write_row((number, literal(np.eye(6)[number % 6])))

    assert rows(topics, LABELS) == rows(topics, NEAREST)


def test_other_updates_leave_the_cluster_alone(topics: Connection) -> None:
    topics.execute("update point set cluster = 99 where id = 5")
    topics.execute("update point set id = id + 1000")

    assert rows(topics, "select cluster from point where id = 1005") == [(99,)]


def test_drift_is_visible_and_a_refit_keeps_numbers(topics: Connection) -> None:
    before = dict(rows(topics, LABELS))
    new, _ = blobs(200, 1, 6, seed=5)
    with topics.cursor().copy("copy point (id, embedding) from stdin") as copy:
        for number, vector in enumerate(new, 1000):
            copy.write_row((number, literal(vector)))
    shift, growth = status(topics, "size_shift, distance_growth")
    assert isinstance(shift, float)
    assert isinstance(growth, float)
    assert shift > 0.15
    assert growth > 1.5

    assert rows(topics, "select num_clusters from sqlembed.refit_clustering('topics', 4)") == [(4,)]

    after = dict(rows(topics, LABELS))
    assert {key: after[key] for key in before} == before
    assert {after[key] for key in after if key >= 1000} == {4}
    assert status(topics, "fitted_rows, size_shift") == (500, 0)
    topics.execute("insert into point select id + 2000, embedding from point where id >= 1000")
    assert {label for key, label in rows(topics, LABELS) if key >= 3000} == {4}


def test_columns_may_be_renamed(topics: Connection) -> None:
    topics.execute('alter table point rename embedding to "Vektor ""x"""')
    topics.execute('alter table point rename cluster to "Gruppe %"')
    topics.execute('alter table point rename to "Punkt; x"')

    topics.execute('insert into "Punkt; x" select id + 300, "Vektor ""x""" from "Punkt; x"')

    assert rows(topics, 'select count("Gruppe %") from "Punkt; x"') == [(600,)]
    assert status(topics, "embedding, cluster_column, assigned") == (
        'Vektor "x"', "Gruppe %", 600,
    )  # fmt: skip


def test_a_refit_follows_what_was_renamed(topics: Connection) -> None:
    topics.execute("alter table point rename embedding to old")
    topics.execute("alter table point add embedding vector(6)")
    topics.execute("alter table point rename to dot")
    topics.execute("create table point (id int, embedding vector(6))")
    topics.execute("insert into dot (id, old) select id + 300, old from dot")

    assert rows(topics, "select num_clusters from sqlembed.refit_clustering('topics')") == [(3,)]

    assert status(topics, "fitted_rows, assigned, size_shift") == (600, 600, 0)
    assert rows(
        topics, "select count(*) from dot where cluster = sqlembed.predict('topics', old)"
    ) == [(600,)]
    assert rows(topics, "select davies_bouldin_index > 0 from sqlembed.evaluate('topics')") == [
        (True,)
    ]
    assert len(rows(topics, "select * from sqlembed.detect_anomalies('topics')")) == 600


def test_what_was_dropped_fails_no_statement(topics: Connection) -> None:
    topics.execute("alter table point drop cluster")
    topics.execute("insert into point values (1000, '[1,2,3,4,5,6]')")

    assert status(topics, "assigned") == (None,)
    topics.execute("alter table point drop embedding cascade")
    with pytest.raises(psycopg.Error, match="are gone") as caught:
        rows(topics, "select sqlembed.refit_clustering('topics')")
    assert caught.value.diag.message_hint == "Drop it: select sqlembed.drop_clustering('topics')."
    rows(topics, "select sqlembed.drop_clustering('topics')")
    assert rows(topics, "select * from sqlembed.clustering_status") == []


def test_a_dropped_table_can_be_forgotten(topics: Connection) -> None:
    topics.execute("drop table point")

    assert rows(topics, "select * from sqlembed.clustering_status") == []
    rows(topics, "select sqlembed.drop_clustering('topics')")
    assert rows(topics, "select * from sqlembed.cluster_model") == []


@pytest.mark.parametrize("keeps", [True, False])
def test_dropping(topics: Connection, keeps: bool) -> None:
    rows(topics, "select sqlembed.drop_clustering('topics', %s)", keeps)

    columns = rows(
        topics, "select attname from pg_attribute where attrelid = 'point'::regclass"
                " and attname = 'cluster'"
    )  # fmt: skip
    assert columns == ([("cluster",)] if keeps else [])
    assert rows(topics, "select tgname from pg_trigger where tgrelid = 'point'::regclass") == []
    assert rows(topics, "select * from sqlembed.clustering") == []
    assert rows(topics, "select * from sqlembed.cluster_model") == []
    topics.execute("insert into point (id, embedding) values (1000, '[1,2,3,4,5,6]')")


@pytest.mark.parametrize("kind", ["vector", "halfvec"])
def test_tables_of_all_kinds(connection: Connection, kind: str) -> None:
    points, _ = blobs(100, 3, 6)
    connection.execute(
        f'create table point (id int, embedding {kind}, "My cluster" int)'
        " partition by hash (id)".encode()
    )
    for part in (0, 1):
        connection.execute(
            f"create table part{part} partition of point"
            f" for values with (modulus 2, remainder {part})".encode()
        )
    with connection.cursor().copy("copy point (id, embedding) from stdin") as copy:
        for number, point in enumerate(points):
            copy.write_row((number, literal(point)))

    rows(connection, CREATE.format("'embedding', 'My cluster', metric => 'euclidean'"))

    assert rows(connection, 'select count("My cluster") from point') == [(100,)]
    connection.execute("insert into point (id, embedding) select id + 100, embedding from point")
    assert rows(
        connection,
        "select count(*) from point as a join point as b on b.id = a.id + 100"
        ' and b."My cluster" = a."My cluster"',
    ) == [(100,)]


@pytest.mark.parametrize(
    ("statement", "state", "hint"),
    [
        ("create_clustering('point', 'topics')", "SE021", ""),
        ("create_clustering('point', 'other', cluster_column => 'id')", "SE011", "plain integer"),
        ("create_clustering('point', 'other', 'nope')", "SE013", "embedding"),
        ("drop_model('topics')", "SE021", "drop_clustering('topics')"),
        ("refit_kmeans('topics')", "SE021", "refit_clustering('topics')"),
        ("refit_clustering('nope')", "SE020", "You may use: 'topics'."),
        ("drop_clustering('nope')", "SE020", "You may use: 'topics'."),
    ],
)
def test_refused(topics: Connection, statement: str, state: str, hint: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        rows(topics, f"select sqlembed.{statement}")

    assert caught.value.sqlstate == state
    assert hint in (caught.value.diag.message_hint or "")
    assert status(topics, "assigned") == (300,)


def test_inheritance_children_are_refused(topics: Connection) -> None:
    rows(topics, "select sqlembed.drop_clustering('topics')")
    topics.execute("create table child () inherits (point)")

    with pytest.raises(psycopg.Error, match="inheritance children") as caught:
        rows(topics, CREATE.format("num_clusters => 3"))

    assert caught.value.sqlstate == "SE010"


def test_no_cluster_of_before_a_refit_is_written_after_it(topics: Connection, url: str) -> None:
    with psycopg.connect(url) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("insert into point (id, embedding) values (1000, '[1,2,3,4,5,6]')")
        other.commit()
        other.execute("select from sqlembed.embedder").fetchall()

        rows(topics, "select sqlembed.refit_clustering('topics', 5)")

        with pytest.raises(psycopg.errors.SerializationFailure):
            other.execute("insert into point (id, embedding) values (1001, '[1,2,3,4,5,6]')")
        other.rollback()
        other.execute("insert into point (id, embedding) values (1001, '[1,2,3,4,5,6]')")
    assert rows(topics, LABELS) == rows(topics, NEAREST)


def test_two_clusterings_of_one_table(topics: Connection) -> None:
    rows(topics, "select sqlembed.create_clustering('point', 'fine', cluster_column => 'fine',"
                 " num_clusters => 9)")  # fmt: skip

    topics.execute("insert into point (id, embedding) select id + 300, embedding from point")

    assert rows(
        topics,
        "select count(*) from point where fine = sqlembed.predict('fine', embedding)"
        " and cluster = sqlembed.predict('topics', embedding)",
    ) == [(600,)]
