"""Rows of others: who may queue, declare, retry and look at what, and whose locks stop whom."""

from __future__ import annotations

import psycopg
import pytest

from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_hostile import declare
from tests.fix_scram import Realm

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
    assert coder.execute("delete from sqlembed.embedding").rowcount == 0
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
