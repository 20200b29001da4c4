"""Rows that arrive by logical replication: the subscriber embeds them itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sqlembed import config
from sqlembed.schema import migrate
from sqlembed.server import Server
from tests.fix_gate import wait_for
from tests.writing import declare, embed_all, outdated, register, run, scalar


@pytest.fixture
def logical_server(reachable_folder: Path) -> Iterator[Server]:
    """A server that decodes its log, with a database ``far`` beside its own."""
    server = Server(
        reachable_folder / f"logical-{os.getpid()}-{time.monotonic_ns()}", durable=False
    )
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as admin:
        run(admin, "alter system set wal_level = logical")
        run(admin, "create database far")
    server.stop()
    server.start()
    yield server
    server.stop()


def test_a_subscriber_embeds_what_it_receives(logical_server: Server) -> None:
    far_url = logical_server.url("far")
    engine = sa.create_engine(config.sqlalchemy_url(far_url), poolclass=sa.NullPool)
    assert migrate.upgrade(engine) == []
    with (
        psycopg.connect(logical_server.url(), autocommit=True) as near,
        psycopg.connect(far_url, autocommit=True) as far,
    ):
        run(near, "create table article (id int primary key, title text)")
        run(near, "insert into article values (1, 'copied'), (2, 'copied too')")
        run(near, "create publication words for table article")
        run(near, "select pg_create_logical_replication_slot('words', 'pgoutput')")
        register(far)
        run(far, "create table article (id int primary key, title text)")
        declare(far, "article", "title")
        # In one cluster a subscription that makes its own slot waits for itself.
        run(
            far,
            f"create subscription words connection '{logical_server.url()}'"
            " publication words with (create_slot = false, slot_name = 'words')",
        )
        try:
            wait_for(lambda: scalar(far, "select count(*) from article") == 2)
            embed_all(far_url)
            assert outdated(far, "article", "title") == []

            run(near, "insert into article values (3, 'streamed')")
            run(near, "update article set title = 'changed' where id = 1")
            run(near, "delete from article where id = 2")
            wait_for(lambda: scalar(far, "select sum(id) from article where id <> 2") == 4)
            changed = "select title from article where id = 1"
            wait_for(lambda: scalar(far, changed) == "changed")
            embed_all(far_url)
            assert outdated(far, "article", "title") == []
            assert scalar(far, "select pending from sqlembed.status") == 0
        finally:
            run(far, "alter subscription words disable")
            run(far, "alter subscription words set (slot_name = none)")
            run(far, "drop subscription words")
