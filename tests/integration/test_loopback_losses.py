"""embed() from SQL after a death, in a copied database, under others' settings."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from sqlembed import config
from sqlembed.schema import migrate
from tests.fix_database import Connection, database_url
from tests.fix_gate import SLOW, SOON, Gate, ask, wait_for
from tests.fix_worker import StartWorker


def workers(connection: Connection) -> list[int]:
    return [
        int(str(pid))
        for (pid,) in connection.execute(
            "select distinct pid from pg_stat_activity where application_name = 'sqlembed worker'"
            " and datname = current_database()"
        )
    ]


def test_another_worker_takes_over_from_one_that_dies(
    url: str,
    connection: Connection,
    gate: Gate,
    start_worker: StartWorker,
    pool: ThreadPoolExecutor,
) -> None:
    (first,) = workers(connection)
    running = pool.submit(ask, url)
    wait_for(lambda: gate.batches)
    other = Gate(answer=2.0)
    other.opened.set()
    start_worker(other.registry())
    connection.execute("select pg_terminate_backend(%s)", (first,))
    assert running.result(10) == [2.0, 4.0]


def test_the_death_of_the_only_worker_is_told(
    url: str, connection: Connection, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    (first,) = workers(connection)
    running = pool.submit(ask, url)
    wait_for(lambda: gate.batches)
    began = time.monotonic()
    connection.execute("select pg_terminate_backend(%s)", (first,))
    with pytest.raises(psycopg.Error, match="no worker that serves") as raised:
        running.result(10)
    assert raised.value.sqlstate == "SE003"
    assert time.monotonic() - began < 1 + SOON


def test_a_dead_loopback_is_opened_again(connection: Connection, gate: Gate) -> None:
    gate.opened.set()
    assert connection.execute(SLOW).fetchone() == ([1.0, 4.0],)
    for text in ("one", "two"):
        terminated = connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'sqlembed loopback' and datname = current_database()"
        ).fetchall()
        assert terminated == [(True,)]
        assert connection.execute(
            "select sqlembed.embed('slow', %s)::real[]", (text,)
        ).fetchone() == ([1.0, 3.0],)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("statement_timeout", "20ms", "0"),
        ("lock_timeout", "1ms", "1s"),
        ("default_transaction_isolation", "serializable", "read committed"),
        ("search_path", "evil, pg_catalog", "pg_catalog"),
        ("standard_conforming_strings", "off", "off"),
    ],
)
def test_what_a_database_sets_for_others_does_not_harm_the_loopback(
    url: str, connection: Connection, gate: Gate, name: str, given: str, kept: str
) -> None:
    database = sql.Identifier(connection.info.dbname)
    connection.execute(
        sql.SQL("alter database {} set {} = {}").format(
            database, sql.SQL(name), sql.SQL(f"'{given}'" if "," not in given else given)
        )
    )
    threading.Timer(0.15, gate.opened.set).start()
    with psycopg.connect(url, autocommit=True) as caller:
        caller.execute("set statement_timeout = 0")
        assert caller.execute(SLOW).fetchone() == ([1.0, 4.0],)
        ride = "select * from sqlembed_dblink.dblink('sqlembed', %s) as t (kept text)"
        assert caller.execute(ride, (f"show {name}",)).fetchone() == (kept,)


@pytest.fixture
def clone(connection: Connection, admin: Connection) -> Iterator[str]:
    """Name, not a plain one, of a copy of the test's database."""
    name = f"copy of 'x' = {uuid.uuid4().hex[:8]}"
    original = connection.info.dbname
    connection.close()
    wait_for(lambda: _copied(admin, name, original))
    yield name
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _copied(admin: Connection, name: str, original: str) -> bool:
    try:
        admin.execute(
            sql.SQL("create database {} template {} strategy wal_log").format(
                sql.Identifier(name), sql.Identifier(original)
            )
        )
    except psycopg.errors.ObjectInUse:
        return False
    return True


def test_a_copied_database_is_noticed_before_anything_is_sent(
    url: str, server_url: str, clone: str, start_worker: StartWorker
) -> None:
    gate = Gate()
    gate.opened.set()
    start_worker(gate.registry())
    copied = database_url(server_url, clone)
    with psycopg.connect(copied, autocommit=True) as connection:
        connection.execute("select sqlembed.register_embedder('slow', 2)")
        with pytest.raises(psycopg.Error, match="this database is a copy of") as raised:
            connection.execute(SLOW)
        assert (raised.value.sqlstate, raised.value.diag.message_hint) == (
            "SE007",
            "Run sqlembed migrate on this database.",
        )
        assert gate.batches == []
        engine = sa.create_engine(config.sqlalchemy_url(copied), poolclass=sa.NullPool)
        assert migrate.upgrade(engine) == []
        with pytest.raises(psycopg.Error, match="no worker that serves embedder slow"):
            connection.execute(SLOW)
    assert ask(url) == [1.0, 4.0]
