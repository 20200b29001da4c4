"""Rows of others: who may queue, declare, retry and look at what, and whose locks stop whom."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_hostile import declare, refused
from tests.fix_scram import Realm
from tests.integration.working import until

COPY_OF_CHANGES = "select key from sqlembed.change order by id"


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


def test_only_the_owner_of_a_table_queues_its_rows(coder: Connection, owner: Connection) -> None:
    owner.execute("create schema app")
    owner.execute("grant usage on schema app to public")
    owner.execute("create table app.theirs (id int primary key, title text)")
    owner.execute("grant all on app.theirs to public")
    owner.execute("select sqlembed.create_embedding('app.theirs', 'hash', 'title')")
    (number,) = owner.execute("select id from sqlembed.embedding").fetchone() or (0,)
    coder.execute("insert into app.theirs values (1, 'x')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        coder.execute("insert into sqlembed.change (embedding, key) values (%s, '[1]')", (number,))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
        declare(coder, "app.theirs")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
        coder.execute("select sqlembed.refresh_embedding('app.theirs')")
    assert refused(coder, "delete from sqlembed.embedding")
    assert coder.execute("update sqlembed.embedding set is_dropped = true").rowcount == 0
    assert coder.execute("update sqlembed.embedding set index_name = 'x'").rowcount == 0
    assert owner.execute(COPY_OF_CHANGES).fetchall() == [([1],)]


def test_failures_are_retried_by_the_owner_and_their_keys_told_to_no_stranger(
    coder: Connection, owner: Connection
) -> None:
    coder.execute("select sqlembed.create_embedding('mine', 'hash', 'title', index => 'none')")
    owner.execute("create schema app")
    owner.execute("create table app.theirs (id text primary key, title text)")
    owner.execute("select sqlembed.create_embedding('app.theirs', 'hash', 'title')")
    for table, key in (("app.theirs", '["secret"]'), ("evil.mine", "[5]")):
        owner.execute(
            """
            insert into sqlembed.failed_job (embedding, key, attempts, error)
            select id, %s::jsonb, 5, 'no' from sqlembed.embedding where relation = %s::regclass
            """,
            (key, table),
        )
    assert coder.execute("select key from sqlembed.failure").fetchall() == [([5],)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        coder.execute(
            """
            select sqlembed.retry_failed(e.relation)
            from sqlembed.embedding as e where e.relation <> 'mine'::regclass
            """
        )
    assert coder.execute("select sqlembed.retry_failed('mine')").fetchone() == (1,)
    assert owner.execute(COPY_OF_CHANGES).fetchall() == [([5],)]


def test_an_error_is_told_to_those_alone_who_may_read_the_text(
    coder: Connection, owner: Connection
) -> None:
    """Some embedders quote it."""
    for statement in (
        "create schema app",
        "grant usage on schema app to public",
        "create table app.theirs (id int primary key, title text, embedding vector(8))",
        "select sqlembed.create_embedding('app.theirs', 'hash', 'title')",
        "grant select (id, embedding) on app.theirs to public",
        "insert into app.theirs values (1, 'secret')",
        "delete from sqlembed.change",
        "insert into sqlembed.failed_job (embedding, key, attempts, error)"
        " select id, '[1]', 5, 'not ''secret'', please' from sqlembed.embedding",
    ):
        owner.execute(statement.encode())
    looking = "select state, error from sqlembed.row_status('app.theirs', '[1]')"
    assert coder.execute(looking).fetchall() == [("failed", None)]
    owner.execute("grant select (title) on app.theirs to public")
    assert coder.execute(looking).fetchall() == [("failed", "not 'secret', please")]


def test_locks_of_a_stranger_do_not_stop_a_worker(
    coder: Connection, owner: Connection, worker: Worker
) -> None:
    """Advisory locks are everybody's: whoever guesses their numbers may hold them first."""
    del worker
    (number,) = owner.execute("select max(id) from sqlembed.worker").fetchone() or (0,)
    for epoch in range(1, 40):
        coder.execute(
            "select pg_advisory_lock_shared(sqlembed._lock('epoch'), sqlembed._epoch_key(%s, %s))",
            (number, epoch),
        )
    coder.execute("select pg_advisory_lock(sqlembed._lock('presence'), %s + 1)", (number,))
    owner.execute("set statement_timeout = '5s'")
    for text in ("one", "two"):
        assert owner.execute(
            "select sqlembed.embed('hash', %s) is not null", (text,)
        ).fetchone() == (True,)
    started = owner.execute("select sqlembed._start_worker('another', '{hash}')").fetchone()
    assert started == (int(str(number)) + 2,)


def test_nobody_locks_the_tables_of_all(coder: Connection, owner: Connection) -> None:
    """Whoever may delete from a table may lock it for as long as a transaction lasts."""
    coder.execute("select sqlembed.create_embedding('mine', 'hash', 'title', index => 'none')")
    tables = owner.execute(
        """
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace = 'sqlembed'::regnamespace and c.relkind = 'r'
        """
    ).fetchall()
    assert len(tables) > 10
    for (table,) in tables:
        # One that does not keep readers, writers and workers out, but other locks of its kind.
        with coder.transaction(force_rollback=True):
            assert refused(coder, f"lock table {table} in share update exclusive mode"), table
    coder.execute("select sqlembed.drop_embedding('mine')")
    assert owner.execute("select count(*) from sqlembed.embedding").fetchone() == (0,)


def test_a_lock_held_on_does_not_make_a_dead_worker_live(
    coder: Connection, owner: Connection, realm: Realm
) -> None:
    """A stranger may queue up for the lock of a worker, and has it when the worker dies."""
    dying = realm.connect(realm.server.owner)
    number = dying.execute("select sqlembed._start_worker('dying', '{hash}')").fetchone()
    assert owner.execute("select id from sqlembed.worker").fetchone() == number
    waiting = "select true from pg_locks where locktype = 'advisory' and not granted"
    with ThreadPoolExecutor() as pool:
        queued = pool.submit(
            coder.execute, "select pg_advisory_lock(sqlembed._lock('presence'), %s)", number
        )
        until(lambda: owner.execute(waiting).fetchone())
        dying.close()
        queued.result(10)
    assert owner.execute("select id from sqlembed.worker").fetchone() is None
    owner.execute("set sqlembed.request_timeout = '5s'")
    for _ in range(2):
        with pytest.raises(psycopg.Error, match="no worker that serves embedder hash is alive"):
            owner.execute("select sqlembed.embed('hash', 'food')")


@pytest.mark.parametrize("conforming", ["on", "off"])
def test_sources_are_understood_however_strings_are_written(
    coder: Connection, conforming: str
) -> None:
    coder.execute(f"set standard_conforming_strings = {conforming}".encode())
    coder.execute("set escape_string_warning = off")
    coder.execute("alter table mine add other vector(8)")
    coder.execute("select sqlembed.create_embedding('mine', 'hash', $$title || E'\\n' || id$$)")
    found = coder.execute("select source, source_columns::text[] from sqlembed.embedding")
    assert found.fetchone() == ("((title || '\n'::text) || id)", ["id", "title"])
    for source, problem in (
        ("mine::text", "the whole row"),
        ("title || ctid", "a system column"),
        ("title || current_user", "current time and user"),
        ("title || random()", "changes by itself"),
        ("title from mine limit 1; --", "syntax error"),
    ):
        with pytest.raises(psycopg.Error, match=problem) as raised:
            coder.execute(
                "select sqlembed.create_embedding('mine', 'hash', %s, embedding => 'other')",
                (source,),
            )
        assert raised.value.sqlstate == "SE012"
