"""Whose cluster models are, and with whose rights everything runs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection
from tests.sql.clustered import QUERY, blobs, fit, labels, make_points
from tests.sql.searching import rows

#: A schema whose operators, functions and types stand in the way of PostgreSQL's and pgvector's.
HOSTILE = """
create schema evil;
do $make$
declare
    body constant text := 'begin raise exception ''the hostile schema was used''; end';
    kind text;
    name text;
begin
    foreach kind in array array['float8', 'integer', 'bigint', 'text', 'public.vector'] loop
        execute format(
            'create function evil.bad(%1$s, %1$s) returns boolean language plpgsql as %2$L',
            kind, body
        );
        execute format(
            'create function evil.worse(%1$s, %1$s) returns float8 language plpgsql as %2$L',
            kind, body
        );
        foreach name in array array['=', '<>', '<', '<=', '>', '>='] loop
            execute format(
                'create operator evil.%s (leftarg = %s, rightarg = %s, function = evil.bad)',
                name, kind, kind
            );
        end loop;
        foreach name in array array['+', '-', '*', '/', '<->', '<#>', '<=>', '||'] loop
            execute format(
                'create operator evil.%s (leftarg = %s, rightarg = %s, function = evil.worse)',
                name, kind, kind
            );
        end loop;
    end loop;
    foreach name in array array[
        'cardinality(anyarray)', 'l2_normalize(public.vector)', 'vector_norm(public.vector)',
        'vector_dims(public.vector)', 'sqrt(float8)', 'ln(float8)', 'max(float8)'
    ] loop
        execute format(
            'create function evil.%s returns integer language plpgsql as %L', name, body
        );
    end loop;
    create domain evil.text as pg_catalog.text check (value is null);
    create domain evil.regtype as pg_catalog.oid check (value is null);
end
$make$;
"""


@pytest.fixture
def reader(url: str, connection: Connection, role: str) -> Iterator[Connection]:
    """A connection of a role that may read the table point, and nothing else: not even TEMP."""
    points, _ = blobs(300, 3, 6)
    make_points(connection, points)
    connection.execute(sql.SQL("grant select on point to {}").format(sql.Identifier(role)))
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("revoke all on database {} from public").format(database))
    connection.execute(
        sql.SQL("grant connect on database {} to {}").format(database, sql.Identifier(role))
    )
    with psycopg.connect(url, user=role, password="secret", autocommit=True) as other:
        yield other


def test_reading_the_table_is_enough(reader: Connection) -> None:
    fit(reader, num_clusters=3)

    assert set(labels(reader)) == {1, 2, 3}
    assert rows(reader, "select count(sqlembed.predict('m', embedding)) from point") == [(300,)]
    assert rows(reader, "select sum(cluster_size) from sqlembed.centroids('m')") == [(300,)]
    assert len(rows(reader, "select * from sqlembed.cluster_examples('m', %s)", QUERY)) == 9
    rows(reader, "select sqlembed.drop_model('m')")


def test_a_table_that_one_may_not_read(reader: Connection, connection: Connection) -> None:
    connection.execute("create table secret as select * from point")

    for statement in (
        "select sqlembed.create_kmeans('m', 'table secret')",
        "select * from sqlembed.assign('mine', 'table secret')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            fit(reader, "mine", num_clusters=2)
            rows(reader, statement)
        assert "secret" in str(caught.value)
        rows(reader, "select sqlembed.drop_model(name) from sqlembed.cluster_model")


def test_row_security_of_the_table_holds(reader: Connection, connection: Connection) -> None:
    connection.execute("alter table point enable row level security")
    connection.execute("create policy some_rows on point for select using (id < 120)")

    fit(reader, num_clusters=3)

    assert rows(reader, "select sum(cluster_size) from sqlembed.centroids('m')") == [(120,)]
    assert len(labels(reader)) == 120


def test_models_are_for_their_owner(reader: Connection, connection: Connection) -> None:
    fit(connection, "theirs", num_clusters=2)
    fit(reader, "mine", num_clusters=2)

    assert rows(reader, "select name from sqlembed.cluster_model") == [("mine",)]
    assert rows(reader, "select distinct model from sqlembed.cluster_centroid") == [("mine",)]
    for statement in (
        "select sqlembed.predict('theirs', embedding) from point",
        "select * from sqlembed.centroids('theirs')",
        "select * from sqlembed.assign('theirs', 'table point')",
        "select sqlembed.drop_model('theirs')",
    ):
        with pytest.raises(psycopg.Error) as caught:
            rows(reader, statement)
        assert caught.value.sqlstate == "SE020"
        assert caught.value.diag.message_hint == "You may use: 'mine'."
    with pytest.raises(psycopg.Error) as taken:
        fit(reader, "theirs", num_clusters=2)
    assert taken.value.sqlstate == "SE021"
    assert "Another role made it" in (taken.value.diag.message_hint or "")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(reader, "update sqlembed.cluster_model set owner = 'postgres' returning 1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(
            reader,
            "insert into sqlembed.cluster_centroid values ('theirs', 9, '[1]', 1, 1) returning 1",
        )


def test_members_of_the_owner_may_use_its_models(
    reader: Connection, connection: Connection, role: str
) -> None:
    fit(reader, num_clusters=2)
    member = f"member_{uuid.uuid4().hex[:8]}"
    names = {"member": sql.Identifier(member), "role": sql.Identifier(role)}
    connection.execute(sql.SQL("create role {member} in role {role}").format(**names))
    try:
        connection.execute(sql.SQL("set role {member}").format(**names))
        assert len(rows(connection, "select * from sqlembed.centroids('m')")) == 2
        assert set(labels(connection)) == {1, 2}
        rows(connection, "select sqlembed.drop_model('m')")
    finally:
        connection.execute("reset role")
        connection.execute(sql.SQL("drop role {member}").format(**names))


def test_whoever_refits_a_model_takes_it_from_nobody(
    reader: Connection, connection: Connection
) -> None:
    fit(reader, num_clusters=2)

    rows(connection, "select sqlembed.refit_kmeans('m')")

    mine = "select name, owner::oid = current_user::regrole from sqlembed.cluster_model"
    assert rows(reader, mine) == [("m", True)]
    assert set(labels(reader)) == {1, 2}


def test_two_models_in_one_statement(reader: Connection) -> None:
    with reader.transaction():
        both = rows(
            reader,
            "select (sqlembed.create_kmeans('a', %(q)s, 2)).num_clusters,"
            " (sqlembed.create_kmeans('b', %(q)s, 3)).num_clusters".replace("%(q)s", f"'{QUERY}'"),
        )

    assert both == [(2, 3)]


@pytest.mark.parametrize("commits", [True, False])
def test_who_comes_second_with_a_name_waits(
    url: str, connection: Connection, commits: bool
) -> None:
    points, _ = blobs(300, 3, 6)
    make_points(connection, points)
    with psycopg.connect(url, autocommit=True) as second, ThreadPoolExecutor() as pool:
        connection.execute("begin")
        fit(connection, num_clusters=2)
        waiting = pool.submit(fit, second, num_clusters=3)
        with psycopg.connect(url, autocommit=True) as observer:
            blocked = "select true from pg_locks where not granted and locktype = 'transactionid'"
            while not rows(observer, blocked):
                assert not waiting.done()
        connection.execute("commit" if commits else "rollback")
        if commits:
            with pytest.raises(psycopg.Error) as caught:
                waiting.result(timeout=10)
            assert caught.value.sqlstate == "SE021"
        else:
            assert waiting.result(timeout=10)[1] == 3


def test_several_sessions_at_once(url: str, connection: Connection) -> None:
    points, _ = blobs(3000, 5, 16)
    make_points(connection, points)

    def fit_alone(number: int) -> tuple[int, float]:
        with psycopg.connect(url, autocommit=True) as own:
            made = fit(own, f"m{number}", num_clusters=5)
        return made[2:]

    with ThreadPoolExecutor(4) as pool:
        results = set(pool.map(fit_alone, range(4)))

    assert len(results) == 1
    assert len(rows(connection, "select distinct model from sqlembed.cluster_centroid")) == 4


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_hostile_search_path(connection: Connection, metric: str) -> None:
    points, _ = blobs(12_000, 3, 6)
    make_points(connection, points)
    connection.execute(HOSTILE.encode())
    connection.execute("set search_path = evil, pg_catalog, public")
    with pytest.raises(psycopg.errors.RaiseException):
        connection.execute("select 1 + 1")
    arguments = f"'m', '{QUERY}'"

    fitted = rows(connection, f"select * from sqlembed.create_kmeans({arguments}, 3, '{metric}')")
    refilled = rows(
        connection,
        "select sqlembed._kmeans_refill(null, array_agg(embedding), (array_agg(embedding))[1:2],"
        f" array[null, null]::vector[], '{metric}', 0) from point",
    )

    assert fitted[0][:2] == ("m", 3)
    assert len(refilled) == 1
    assert len(rows(connection, f"select * from sqlembed.assign({arguments})")) == 12_000
    assert len(rows(connection, f"select * from sqlembed.cluster_examples({arguments})")) == 9
    assert len(rows(connection, "select * from sqlembed.centroids('m')")) == 3
    assert rows(
        connection, "select sqlembed.predict('m', embedding) is null from point limit 1"
    ) == [(False,)]
    assert rows(connection, "select silhouette from sqlembed.evaluate('m')")
    assert len(rows(connection, "select * from sqlembed.detect_anomalies('m')")) == 12_000
    assert len(rows(connection, "select * from sqlembed.training_info('m')")) > 1
    assert rows(connection, "select num_clusters from sqlembed.refit_kmeans('m')") == [(3,)]
    rows(connection, "select sqlembed.drop_model('m')")
    many = f"'many', '{QUERY} limit 1100'"
    rows(
        connection, f"select sqlembed.create_kmeans({many}, 1010, '{metric}', max_iterations => 1)"
    )
    assert len(rows(connection, f"select * from sqlembed.assign({many})")) == 1100
    assert rows(
        connection, "select sqlembed.predict('many', embedding) is null from point limit 1"
    ) == [(False,)]
    seeds = "sqlembed._kmeans_seed_in_cells(array_agg(embedding), 1010, %s, 0)"
    assert len(rows(connection, f"select {seeds} from point", metric)) == 1
    numbered = "select id, embedding, id from point limit 500"
    rows(connection, "select sqlembed.create_kmeans('n', %s, metric => 'euclidean')", numbered)
    assert len(rows(connection, "select * from sqlembed.assign('n', %s)", numbered)) == 500
    rows(
        connection, f"select sqlembed.create_clustering('public.point', 'c', metric => '{metric}')"
    )
    connection.execute("insert into public.point (id, embedding) values (12000, '[1,2,3,4,5,6]')")
    assert len(rows(connection, "select * from sqlembed.clustering_status")) == 1
    rows(connection, "select sqlembed.refit_clustering('c')")
    rows(connection, "select sqlembed.drop_clustering('c')")


def test_clusterings_are_for_the_owner_of_the_table(
    reader: Connection, connection: Connection
) -> None:
    rows(connection, "select sqlembed.create_clustering('point', 'topics', num_clusters => 3)")
    connection.execute(
        sql.SQL("grant insert, update on point to {}").format(sql.Identifier(str(reader.info.user)))
    )

    # The trigger reads centroids that the writer may not.
    reader.execute("insert into point (id, embedding) select id + 300, embedding from point")

    assert rows(reader, "select * from sqlembed.clustering") == []
    assert rows(reader, "select * from sqlembed.clustering_status") == []
    assert rows(reader, "select count(cluster) from point") == [(600,)]
    for call, state in (
        ("create_clustering('point', 'mine', num_clusters => 2)", "42501"),
        ("refit_clustering('topics')", "SE020"),
        ("drop_clustering('topics')", "SE020"),
    ):
        with pytest.raises(psycopg.Error) as caught:
            rows(reader, f"select sqlembed.{call}")
        assert caught.value.sqlstate == state


def test_the_trigger_tells_nothing_on_another_table(
    reader: Connection, connection: Connection
) -> None:
    rows(connection, "select sqlembed.create_clustering('point', 'topics', num_clusters => 3)")
    user = str(reader.info.user)
    connection.execute(sql.SQL("create schema own authorization {}").format(sql.Identifier(user)))
    reader.execute("create table own.point (id int, embedding vector, cluster int)")
    reader.execute(
        "create trigger spy before insert on own.point for each row"
        " execute function sqlembed._keep_cluster(1)"
    )

    reader.execute("insert into own.point select id, embedding from public.point limit 5")

    assert rows(reader, "select count(*), count(cluster) from own.point") == [(5, 0)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(
            reader,
            "insert into sqlembed.clustering (name, relation, vector_column, cluster_column,"
            " vector_number, cluster_number, numbered_in) values"
            " ('topics', 'public.point', 'embedding', 'cluster', 2, 3, 'public.point'::regclass)"
            " returning 1",
        )
