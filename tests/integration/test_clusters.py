"""``create_clusters``: Python functions that SQL has a worker call, and what may go wrong."""

from __future__ import annotations

import threading
from typing import Any, TypeAlias

import numpy as np
import psycopg
import pytest

from sqlembed.embedders import Registry
from sqlembed.worker import Worker
from tests.fix_worker import StartWorker
from tests.integration.working import until
from tests.sql.clustered import blobs
from tests.sql.test_cluster_rights import HOSTILE
from tests.writing import Connection, hash_registry, refused, register, rows, run, scalar

Groups: TypeAlias = np.ndarray[Any, Any]

WAIT = "call sqlembed.wait_until_clustered('point', timeout => '30 s')"
STATE = "select state, labelled, num_clusters, error from sqlembed.cluster_run"
WAITING = """
select count(*) from pg_stat_activity
where application_name like '%clustering' and wait_event_type = 'Lock'
"""
LABELS = "select cluster from point order by id"


@pytest.fixture
def groups(connection: Connection) -> Groups:
    """A declared table ``point`` of 120 rows in three groups; returns the groups."""
    points, found = blobs(120, 3, 8)
    register(connection, "eight")
    run(connection, "create table point (id int primary key, body text, embedding vector(8))")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into point values (%s, 'text', %s::real[]::vector)",
            [(number, point.tolist()) for number, point in enumerate(points)],
        )
    run(connection, "select sqlembed.create_embedding('point', 'eight', 'body', index => 'none')")
    return np.asarray(found)


def halves(vectors: Any, *, border: float = 0) -> Any:
    """Cluster by the first coordinate."""
    return np.where(vectors[:, 0] > border, 1, 2)


def registry() -> Registry:
    made = hash_registry()
    made.clustering("halves")(halves)
    return made


def test_hdbscan_finds_the_groups(
    connection: Connection, groups: Groups, start_worker: StartWorker
) -> None:
    start_worker(registry())

    run(
        connection,
        """select sqlembed.create_clusters('point', parameters =>
        '{"min_cluster_size": 10, "components": null}')""",
    )
    run(connection, WAIT)

    found = np.array([label for (label,) in rows(connection, LABELS)])
    assert set(found) == {1, 2, 3}
    assert len({(one, two) for one, two in zip(found, groups, strict=True)}) == 3
    assert rows(connection, STATE) == [("done", 120, 3, None)]


def test_a_function_of_ones_own(connection: Connection, groups: Groups, url: str) -> None:
    run(connection, "update point set embedding = '[0,0,0,0,0,0,0,0]' where id = 0")
    run(connection, "alter table point add label bigint default 7")
    run(connection, "update point set embedding = null where id = 1")

    run(connection, "select sqlembed.create_clusters('point', 'halves', 'label')")
    Worker(url, registry()).run(burst=True)

    assert rows(connection, "select label from point where id < 2 order by id") == [
        (None,),
        (None,),
    ]
    assert scalar(connection, "select bool_and(label in (1, 2)) from point where id > 1")
    assert rows(connection, STATE) == [("done", 118, 2, None)]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_when_no_row_has_a_vector_none_has_a_label(
    connection: Connection, groups: Groups, url: str, metric: str
) -> None:
    run(connection, "select sqlembed.alter_embedding('point', metric => %s)", metric)
    run(connection, "alter table point add cluster int default 7")
    run(connection, "update point set embedding = null")

    run(connection, "select sqlembed.create_clusters('point', 'halves')")
    Worker(url, registry()).run(burst=True)

    assert rows(connection, STATE) == [("done", 0, 0, None)]
    assert scalar(connection, "select count(cluster) from point") == 0


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda vectors: [1], "WrongCount"),
        (lambda vectors: vectors[:, 0], "not integers"),
        (lambda vectors: np.full(len(vectors), 1 << 40), "32 bits"),
        (lambda vectors: 1 / 0, "ZeroDivisionError"),
        (lambda vectors, *, needed: 1, "needed"),
    ],
)
def test_what_a_function_does_wrong(
    connection: Connection, groups: Groups, url: str, function: Any, said: str
) -> None:
    made = hash_registry()
    made.clustering("wrong")(function)
    run(connection, "select sqlembed.create_clusters('point', 'wrong')")

    Worker(url, made).run(burst=True)

    ((state, _, _, error),) = rows(connection, STATE)
    assert state == "failed"
    assert said in error
    assert said in refused(connection, "SE023", WAIT)
    assert scalar(connection, "select count(cluster) from point") == 0


def test_no_transaction_is_open_meanwhile_and_nobody_else_waits(
    connection: Connection, groups: Groups, start_worker: StartWorker, url: str
) -> None:
    entered, leave = threading.Event(), threading.Event()
    made = hash_registry()

    @made.clustering("slow")
    def slow(vectors: Any) -> Any:
        entered.set()
        assert leave.wait(20)
        return np.ones(len(vectors), dtype=int)

    start_worker(made)
    run(connection, "select sqlembed.create_clusters('point', 'slow')")
    assert entered.wait(10)

    state = (
        "select state, xact_start from pg_stat_activity where application_name like '%clustering'"
    )
    assert rows(connection, state) == [("idle", None)]
    assert rows(connection, STATE) == [("running", None, None, None)]
    assert scalar(connection, "select sqlembed.embed('hash', 'answered meanwhile') is not null")
    with psycopg.connect(url) as other:
        other.execute("select from point where id = 3 for update")
        leave.set()
        until(lambda: scalar(connection, WAITING))
        assert scalar(connection, "select count(cluster) from point") == 0
    run(connection, WAIT)
    assert scalar(connection, "select count(cluster) from point") == 120


def test_asked_for_anew_the_newest_counts(connection: Connection, groups: Groups, url: str) -> None:
    made = registry()

    @made.clustering("again")
    def again(vectors: Any) -> Any:
        run(connection, "select sqlembed.create_clusters('point', 'halves')")
        return np.full(len(vectors), 9)

    run(connection, "select sqlembed.create_clusters('point', 'again')")
    Worker(url, made).run(burst=True)

    assert set(rows(connection, LABELS)) == {(1,), (2,)}


def test_what_a_dead_worker_had_another_takes(
    connection: Connection, groups: Groups, url: str
) -> None:
    run(connection, "select sqlembed.create_clusters('point', 'halves')")
    with psycopg.connect(url, autocommit=True) as dying:
        number = scalar(dying, "select sqlembed._start_worker('dying', '{}', '{halves}')")
        claimed = "select id from sqlembed._claim_clustering(%s, '{halves}')"
        assert scalar(dying, claimed, number) is not None
        assert rows(connection, STATE)[0][0] == "running"
    until(lambda: rows(connection, STATE)[0][0] == "waiting")

    Worker(url, registry()).run(burst=True)

    assert rows(connection, STATE) == [("done", 120, 2, None)]
    run(connection, "select sqlembed.create_clusters('point', 'halves')")
    run(connection, "update sqlembed.cluster_job set attempts = 3 where finished_at is null")
    Worker(url, registry()).run(burst=True)
    assert rows(connection, STATE) == [("failed", None, None, "its worker died three times")]


def test_what_workers_that_stopped_had_is_not_given_up(
    connection: Connection, groups: Groups, url: str
) -> None:
    run(connection, "select sqlembed.create_clusters('point', 'halves')")
    for _ in range(4):
        number = scalar(connection, "select sqlembed._start_worker('brief', '{}', '{halves}')")
        claimed = "select id from sqlembed._claim_clustering(%s, '{halves}')"
        assert scalar(connection, claimed, number) is not None
        run(connection, "select sqlembed._stop_worker(%s)", number)

    Worker(url, registry()).run(burst=True)

    assert rows(connection, STATE) == [("done", 120, 2, None)]


def test_what_an_administrator_cancels_has_failed(
    connection: Connection, groups: Groups, start_worker: StartWorker, url: str
) -> None:
    start_worker(registry())
    run(connection, "alter table point add cluster int")
    with psycopg.connect(url) as other:
        other.execute("select from point where id = 3 for update")
        run(connection, "select sqlembed.create_clusters('point', 'halves')")
        until(
            lambda: scalar(
                connection,
                "select count(pg_cancel_backend(pid)) from pg_stat_activity"
                " where application_name like '%clustering' and wait_event_type = 'Lock'",
            )
        )
        said = refused(connection, "SE023", WAIT)
    assert "canceling statement due to user request" in said


def test_what_cannot_be(connection: Connection, groups: Groups, start_worker: StartWorker) -> None:
    call = "select sqlembed.create_clusters"
    assert "no name" in refused(connection, "SE014", f"{call}('point', ' ')")
    assert "object" in refused(connection, "SE014", f"{call}('point', parameters => '[1]')")
    assert "type text" in refused(connection, "SE011", f"{call}('point', label_column => 'body')")
    assert "not be NULL" in refused(connection, "SE011", f"{call}('point', label_column => 'id')")
    assert "system" in refused(connection, "SE011", f"{call}('point', label_column => 'ctid')")
    assert "NULL" in refused(connection, "SE014", f"{call}('point', label_column => null)")
    keep = "select sqlembed.create_clustering('point', 'kept', cluster_column => 'kept')"
    run(connection, keep)
    assert "'kept'" in refused(connection, "SE011", f"{call}('point', label_column => 'kept')")
    assert "'kept'" in refused(connection, "SE011", keep.replace("'kept'", "'twice'", 1))
    assert "other" in refused(connection, "SE013", f"{call}('point', embedding => 'other')")
    assert "nobody asked" in refused(connection, "SE014", WAIT)
    start_worker(registry())
    run(connection, f"{call}('point', 'nothing')")
    assert "by nothing" in refused(connection, "SE003", WAIT)


def test_only_the_owner_may_ask(
    connection: Connection, groups: Groups, url: str, role: str
) -> None:
    run(connection, f'grant all on point to "{role}"')
    with psycopg.connect(url, user=role, password="secret", autocommit=True) as other:
        said = refused(other, "42501", "select sqlembed.create_clusters('point')")
        assert "must be owner" in said
        refused(
            other,
            "42501",
            "insert into sqlembed.cluster_job"
            " (relation, label_column, embedding, method, parameters)"
            " values ('point', 'cluster', 'embedding', 'hdbscan', '{}')",
        )
        refused(other, "42501", "select from sqlembed.cluster_job")
        refused(other, "42501", "select sqlembed._claim_clustering(1, '{hdbscan}')")


@pytest.mark.parametrize("place", ["row", "side"])
def test_names_and_keys_that_need_care(connection: Connection, url: str, place: str) -> None:
    register(connection)
    for statement in (
        """create schema "a ""b"" %s" """,
        """create table "a ""b"" %s"."t' %s" ("k % 1" text, k2 date, body text,
            primary key ("k % 1", k2))""",
        """insert into "a ""b"" %s"."t' %s" select 'key ' || i || e' \\' " \\\\ %s',
            date '2020-01-01' + i, 'text ' || i from generate_series(1, 5) as i""",
        f"""select sqlembed.create_embedding(
            '"a ""b"" %s"."t'' %s"', 'hash', 'body', index => 'none', place => '{place}')""",
    ):
        connection.execute(statement.encode())
    Worker(url, registry()).run(burst=True)
    connection.execute(HOSTILE.encode())
    run(connection, "set search_path = evil, pg_catalog, public")

    ask = """select sqlembed.create_clusters('"a ""b"" %s"."t'' %s"', 'halves', 'a "label" %s')"""
    connection.execute(ask.encode())
    Worker(url, registry()).run(burst=True)

    run(connection, "set search_path = pg_catalog, public")
    assert rows(connection, STATE)[0][:2] == ("done", 5)
    labels = """select from "a ""b"" %s"."t' %s" where "a ""label"" %s" in (1, 2)"""
    assert len(connection.execute(labels.encode()).fetchall()) == 5
    gone = """update "a ""b"" %s"."t' %s" set body = null where k2 = '2020-01-02'"""
    connection.execute(gone.encode())
    Worker(url, registry()).run(burst=True)
    connection.execute(ask.encode())
    Worker(url, registry()).run(burst=True)
    assert rows(connection, STATE)[0][:2] == ("done", 4)
    assert len(connection.execute(labels.encode()).fetchall()) == 4
