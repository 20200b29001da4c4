"""Side tables among several owners: the worker's rights, and what a hostile owner tries."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection
from tests.fix_hostile import DECLARE, ran_as
from tests.fix_scram import Realm
from tests.writing import embed_all, rows

DECLARED = DECLARE.replace("place, dim", "place, side, hash_function, dim").replace(
    "'row', 8", "'side', %s::regclass, 'note', 8"
)


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


def test_what_a_worker_that_is_no_superuser_needs(
    coder: Connection, owner: Connection, realm: Realm, url: str
) -> None:
    """To be a member of the tables' owner: row security must not hide rows from it."""
    coder.execute("insert into mine (id, title) values (1, 'a'), (2, 'b')")
    coder.execute("select sqlembed.create_embedding('mine', 'hash', 'title', 'v', place => 'side')")
    state = "select pending, failed, last_error from sqlembed.status"
    embed_all(url)
    ((pending, failed, said),) = rows(coder, state)
    assert (pending, failed) == (2, 0) and "permission denied" in said
    assert rows(coder, "select * from mine_v") == []

    realm.connect().execute(
        sql.SQL("grant {} to {}").format(
            sql.Identifier(realm.server.hostile), sql.Identifier(realm.server.owner)
        )
    )
    try:
        owner.execute("update sqlembed.job set not_before = now()")
        embed_all(url)
        assert rows(coder, state) == [(0, 0, None)]
        coder.execute("delete from mine where id = 1")
        embed_all(url)
        assert rows(coder, "select id from mine_v") == [(2,)]
        coder.execute("truncate mine")
        embed_all(url)
        assert rows(coder, "select id from mine_v") == []
    finally:
        realm.connect().execute(
            sql.SQL("revoke {} from {}").format(
                sql.Identifier(realm.server.hostile), sql.Identifier(realm.server.owner)
            )
        )


def test_a_side_table_of_somebody_else_is_refused(coder: Connection, owner: Connection) -> None:
    """A worker writes there with its own rights."""
    owner.execute("create schema app")
    owner.execute(
        "create table app.theirs (id int primary key, source_hash bytea, embedding vector(8))"
    )
    owner.execute("grant usage on schema app to public")
    owner.execute("grant all on app.theirs to public")
    with pytest.raises(psycopg.Error, match="must be owner"):
        coder.execute(DECLARED.encode(), ("mine", "embedding", "app.theirs", "x", ["title"]))
    coder.execute("create table other (id int primary key, title text)")
    with pytest.raises(psycopg.Error, match="is no side table"):
        coder.execute(DECLARED.encode(), ("mine", "embedding", "other", "x", ["title"]))
    assert ran_as(coder) == set()


def test_a_hash_function_of_somebody_else_does_not_run(
    coder: Connection, owner: Connection
) -> None:
    """It has the name of the declared one and takes the same rows, but not the same owner."""
    owner.execute("create schema app")
    owner.execute("grant usage on schema app to public")
    owner.execute("create table app.theirs (id int primary key, title text)")
    owner.execute("grant select on app.theirs to public")
    coder.execute(
        """
        create function aaa_hash(app.theirs) returns bytea language plpgsql as $$
        begin perform evil.note(); return null; end $$
        """
    )
    coder.execute("alter function aaa_hash(app.theirs) rename to theirs_v_hash")
    owner.execute(
        "select sqlembed.create_embedding('app.theirs', 'hash', 'title', 'v', place => 'side')"
    )
    owner.execute("insert into app.theirs values (1, 'a')")
    owner.execute("insert into app.theirs_v values (1, sha256('a'), '[1,1,1,1,1,1,1,1]')")
    found = owner.execute(
        "select (base).id from sqlembed.vector_search(null::app.theirs, '[1,1,1,1,1,1,1,1]')"
    ).fetchall()
    assert found == [(1,)]
    assert ran_as(coder) == set()
