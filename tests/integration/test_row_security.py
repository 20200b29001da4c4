"""Row level security of a table: through searches, views, counts, waiting and clusters."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from sqlembed.embedders import Registry
from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_scram import Realm
from tests.fix_worker import serving

#: Tells what it is shown, and costs so little that the planner would like to ask it first.
SPY = """
create function pg_temp.spy(shown text) returns boolean language plpgsql cost 0.0000001 as $$
begin raise notice '%', shown; return true; end $$
"""


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


@pytest.fixture
def owner(realm: Realm, registry: Registry) -> Connection:
    """The owner's connection: ``app.note`` has rows of two people, ``app.closed`` is nobody's."""
    owner = realm.connect(realm.server.owner)
    registry.sync(realm.server.engine(realm.database, realm.server.owner))
    for statement in (
        "select sqlembed.grant_embedder('hash', 'public')",
        "create schema app",
        "grant usage on schema app to public",
        "create table app.note (id int primary key, person text, title text)",
        "create table app.closed (id text primary key, title text)",
        "select sqlembed.create_embedding('app.note', 'hash', 'title')",
        "select sqlembed.create_embedding('app.closed', 'hash', 'title')",
        "insert into app.note select i, case when i % 2 = 0 then 'user' else 'other' end,"
        " 'text ' || i from generate_series(1, 20) as i",
        "insert into app.closed values ('secret key', 'secret')",
        "alter table app.note enable row level security",
        "create policy own on app.note using (starts_with(current_user, person))",
        "grant select, insert, update, delete on app.note to public",
    ):
        owner.execute(statement.encode())
    return owner


@pytest.fixture
def embedded(owner: Connection, url: str, registry: Registry) -> Connection:
    """The same, once a worker has embedded all."""
    Worker(url, registry).run(burst=True)
    return owner


@pytest.fixture
def user(realm: Realm) -> Iterator[Connection]:
    """One of the two, with a list ``notices`` of what the server has told the connection."""
    connection = realm.connect(realm.server.user)
    connection.execute(SPY)
    yield connection


def told(connection: Connection, query: str) -> list[str]:
    """Return what a function of the caller's is shown by a query."""
    shown: list[str] = []
    connection.add_notice_handler(lambda diag: shown.append(str(diag.message_primary)))
    connection.execute(query.encode())
    return shown


def test_a_search_finds_ones_own_rows(
    embedded: Connection, user: Connection, url: str, registry: Registry
) -> None:
    del embedded
    with serving(url, registry):
        for mode in ("vector", "exact"):
            found = user.execute(
                "select (base).id, (base).person"
                " from sqlembed.search(null::app.note, 'text 3', k => 20, mode => %s)",
                (mode,),
            ).fetchall()
            assert {person for _, person in found} == {"user"}
            assert len(found) == 10
        assert (
            user.execute(
                "select 1 from sqlembed.search(null::app.note, 'text', filter => $$id = 3$$)"
            ).fetchall()
            == []
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            user.execute("select * from sqlembed.search(null::app.closed, 'secret')")


def test_a_filter_is_asked_about_ones_own_rows_alone(
    embedded: Connection, user: Connection
) -> None:
    del embedded
    vector = "(select embedding from app.note where id = 2)"
    shown = told(
        user,
        f"select 1 from sqlembed.vector_search(null::app.note, {vector}, k => 20,"
        " filter => 'pg_temp.spy(title)')",
    )
    assert len(shown) >= 10
    assert all(int(title.split()[1]) % 2 == 0 for title in shown)


def test_what_is_written_is_embedded_and_waited_for(
    embedded: Connection, user: Connection, url: str, registry: Registry
) -> None:
    with serving(url, registry):
        user.execute("insert into app.note values (22, 'user', 'new')")
        user.execute("update app.note set title = 'changed'")
        user.execute("call sqlembed.wait_until_embedded('app.note', '20 s')")
    assert user.execute("select count(*), count(embedding) from app.note").fetchone() == (11, 11)
    assert embedded.execute("select count(*) from app.note where title = 'changed'").fetchone() == (
        11,
    )


def test_counts_of_hidden_rows_are_not_told(owner: Connection, user: Connection) -> None:
    owner.execute(
        "insert into sqlembed.failed_job select id, '[\"secret key\"]', 5, 'said of a secret'"
        " from sqlembed.embedding"
    )
    assert user.execute(
        "select relation::text, total, embedded, blank, pending, failed, oldest_pending, last_error"
        " from sqlembed.status"
    ).fetchall() == [("app.note", None, None, None, None, None, None, None)]
    assert user.execute("select * from sqlembed.failure").fetchall() == []
    assert user.execute("select rows from sqlembed._pending('app.note')").fetchone() == (None,)
    assert user.execute("select count(*), count(key) from sqlembed._waiting").fetchone() == (1, 0)
    with pytest.raises(psycopg.Error, match=r"some rows of .* wait") as raised:
        user.execute("call sqlembed.wait_until_embedded('app.note')")
    assert raised.value.sqlstate == "SE003"


def test_nothing_is_told_of_a_table_that_is_closed(owner: Connection, user: Connection) -> None:
    del owner
    assert user.execute("select * from sqlembed._pending('app.closed'::regclass)").fetchone() in (
        (0, True),
        (None, True),
    )
    assert user.execute(
        "select sqlembed._is_waiting(e.relation, 'infinity') from sqlembed.embedding as e"
        " where not has_table_privilege(e.relation, 'select')"
    ).fetchall() == [(False,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        user.execute("call sqlembed.wait_until_embedded('app.closed')")


@pytest.mark.parametrize(
    ("view", "column"),
    [("failure", "key"), ("failure", "error"), ("status", "relation"), ("_waiting", "key")],
)
def test_a_function_of_the_callers_sees_no_more_than_the_caller(
    owner: Connection, user: Connection, view: str, column: str
) -> None:
    owner.execute(
        "insert into sqlembed.failed_job select id, '[\"secret key\"]', 5, 'said of a secret'"
        " from sqlembed.embedding"
    )
    shown = told(user, f"select 1 from sqlembed.{view} where pg_temp.spy({column}::text)")
    assert [text for text in shown if "secret" in text or "closed" in text] == []


def test_clusters_are_those_of_ones_own_rows(embedded: Connection, user: Connection) -> None:
    query = "select id, embedding from app.note"
    embedded.execute("select sqlembed.create_kmeans('theirs', %s, 2)", (query,))
    user.execute("select sqlembed.create_kmeans('mine', %s, 2)", (query,))
    assert user.execute("select sum(cluster_size) from sqlembed.centroids('mine')").fetchone() == (
        10,
    )
    assert user.execute(
        "select count(*), bool_and(id::int %% 2 = 0) from sqlembed.assign('mine', %s)", (query,)
    ).fetchone() == (10, True)
    for relation in ("sqlembed.cluster_model", "sqlembed.cluster_centroid"):
        shown = told(user, f"select 1 from {relation} as m where pg_temp.spy(m::text)")
        assert shown
        assert [text for text in shown if "theirs" in text] == []
    user.execute("select sqlembed.drop_model('mine')")
    assert user.execute("select * from sqlembed.cluster_centroid").fetchall() == []
    assert embedded.execute("select count(*) from sqlembed.centroids('theirs')").fetchone() == (2,)
