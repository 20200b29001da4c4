"""A member of ``sqlembed_worker`` and side tables: what it needs besides, and that it suffices."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from psycopg import sql

from sqlembed.embedders import Registry
from tests.fix_database import Connection
from tests.integration.test_roles import Cast, cast
from tests.sql.beside import beside
from tests.writing import embed_all, rows, run, scalar

__all__ = ["cast"]


@pytest.fixture
def memo(cast: Cast) -> Iterator[Connection]:
    """A superuser's connection; the worker is a member of the role that owns ``app.memo``."""
    admin = cast.realm.connect()
    name = f"keeper_{uuid.uuid4().hex[:8]}"
    keeper = sql.Identifier(name)
    admin.execute(sql.SQL("create role {}").format(keeper))
    worker = sql.Identifier(cast.names["worker"])
    admin.execute(sql.SQL("grant {} to {}").format(keeper, worker))
    run(admin, "create table app.memo (id int primary key, title text)")
    admin.execute(sql.SQL("alter table app.memo owner to {}").format(keeper))
    run(admin, f"grant usage, create on schema app to {name}")
    run(admin, "select sqlembed.create_embedding('app.memo', 'hash', 'title', place => 'side')")
    yield admin
    run(admin, f"drop owned by {name} cascade; drop role {name}")


def test_it_writes_removes_and_shares(cast: Cast, memo: Connection, registry: Registry) -> None:
    run(memo, "insert into app.memo values (1, 'a'), (2, 'b'), (3, 'c')")
    run(memo, f"grant select on app.memo to {cast.names['reader']}")
    embed_all(cast.url("worker"), registry)
    assert beside(memo, "app.memo_embedding") == [1, 2, 3]
    assert beside(cast.connect("reader"), "app.memo_embedding") == [1, 2, 3]
    run(memo, "update app.memo set title = 'new' where id = 1")
    run(memo, "delete from app.memo where id = 2")
    embed_all(cast.url("worker"), registry)
    assert beside(memo, "app.memo_embedding") == [1, 3]
    assert scalar(memo, "select count(*) from app.memo as m join app.memo_embedding as e using (id)"
                  " where e.source_hash = app.memo_embedding_hash(m)") == 2  # fmt: skip
    run(memo, "truncate app.memo")
    embed_all(cast.url("worker"), registry)
    assert beside(memo, "app.memo_embedding") == []
    status = "select pending, failed from sqlembed.status where relation = 'app.memo'::regclass"
    assert rows(memo, status) == [(0, 0)]
