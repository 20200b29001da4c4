"""Writers that give up or die while their statement waits for its vectors."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.fix_gate import SOON, Gate, gate, pool, requests, wait_for
from tests.fix_worker import StartWorker
from tests.integration.syncing import make_article, waiting
from tests.writing import (
    Connection,
    embed_all,
    function_registry,
    hash_registry,
    refused,
    register,
    run,
    scalar,
)

__all__ = ["gate", "pool"]

INSERT = "insert into article values (1, 'one')"


@pytest.fixture
def gated(connection: Connection, gate: Gate) -> Connection:
    """A connection to a database whose table ``article`` waits for the gate."""
    del gate
    make_article(connection, embedder="slow")
    return connection


def count(connection: Connection) -> int:
    return int(scalar(connection, "select count(*) from article"))


def pid(connection: Connection) -> int:
    return int(scalar(connection, "select pg_backend_pid()"))


def test_a_cancelled_insert_is_not_written(
    url: str, gated: Connection, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with psycopg.connect(url, autocommit=True) as writer:
        running = pool.submit(run, writer, INSERT)
        wait_for(lambda: gate.batches)
        began = time.monotonic()
        run(gated, "select pg_cancel_backend(%s)", pid_of_insert(gated))
        with pytest.raises(psycopg.errors.QueryCanceled):
            running.result(10)
        assert time.monotonic() - began < SOON
        assert count(gated) == waiting(gated) == 0
        gate.opened.set()
        # The session goes on.
        run(writer, "insert into article values (2, 'two')")
    assert scalar(gated, "select count(embedding) from article") == 1
    wait_for(lambda: requests(gated) == 0)


def pid_of_insert(connection: Connection) -> int:
    return int(
        scalar(
            connection,
            "select pid from pg_stat_activity where query like 'insert into article%'"
            " and datname = current_database() and state = 'active' and pid <> pg_backend_pid()",
        )
    )


def test_a_terminated_writer_leaves_nothing(
    url: str, gated: Connection, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with psycopg.connect(url, autocommit=True) as writer:
        running = pool.submit(run, writer, INSERT)
        wait_for(lambda: gate.batches)
        run(gated, "select pg_terminate_backend(%s)", pid_of_insert(gated))
        with pytest.raises(psycopg.OperationalError):
            running.result(10)
    assert count(gated) == waiting(gated) == 0
    gate.opened.set()
    run(gated, INSERT)
    wait_for(lambda: requests(gated) == 0)


def test_a_killed_client_leaves_nothing(url: str, gated: Connection, gate: Gate) -> None:
    code = (
        "import sys, psycopg; psycopg.connect(sys.argv[1], autocommit=True,"
        " options='-c client_connection_check_interval=100').execute(sys.argv[2])"
    )
    with subprocess.Popen([sys.executable, "-c", code, url, INSERT]) as client:
        wait_for(lambda: gate.batches)
        backend = pid_of_insert(gated)
        client.kill()
    alive = "select count(*) from pg_stat_activity where pid = %s"
    # Long before request_timeout.
    began = time.monotonic()
    wait_for(lambda: scalar(gated, alive, backend) == 0)
    assert time.monotonic() - began < 1 + SOON
    assert count(gated) == waiting(gated) == 0
    gate.opened.set()
    run(gated, INSERT)
    wait_for(lambda: requests(gated) == 0)


def test_statement_timeout_ends_the_wait(gated: Connection, gate: Gate) -> None:
    with gated.transaction():
        run(gated, "set local statement_timeout = '300ms'")
        run(gated, "savepoint before")
        began = time.monotonic()
        refused(gated, "57014", INSERT)
        assert 0.25 < time.monotonic() - began < 0.3 + SOON
        run(gated, "rollback to before")
        run(gated, "insert into article values (2, '')")
    gate.opened.set()
    assert count(gated) == 1
    run(gated, "update article set title = 'now'")
    assert scalar(gated, "select count(embedding) from article") == 1


def test_a_busy_worker_is_not_waited_for_without_end(gated: Connection) -> None:
    run(gated, "set sqlembed.request_timeout = '300ms'")
    assert "no answer within" in refused(gated, "SE004", INSERT)
    assert count(gated) == 0


def test_without_a_worker_a_statement_fails_at_once(connection: Connection) -> None:
    register(connection)
    make_article(connection)
    began = time.monotonic()
    assert "Start one: sqlembed worker" in refused(connection, "SE003", INSERT)
    assert time.monotonic() - began < SOON
    run(connection, "insert into article values (1, ' ')")
    # What needs no vector any more can be written.
    run(connection, "update article set views = 1; delete from article")


def test_a_failing_embedder_fails_the_statement_with_its_own_message(
    connection: Connection, start_worker: StartWorker
) -> None:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        if any("bad" in text for text in texts):
            raise ValueError("no such word: bad")
        return [[1.0] * 8 for _ in texts]

    register(connection)
    start_worker(function_registry(embed))
    make_article(connection)
    said = refused(
        connection, "SE005", "insert into article values (1, 'good'), (2, 'bad'), (3, 'fine')"
    )
    assert "no such word: bad" in said
    assert count(connection) == waiting(connection) == 0
    run(connection, INSERT)
    refused(connection, "SE005", "update article set title = 'bad'")
    assert scalar(connection, "select title from article") == "one"


def test_a_worker_does_not_wait_for_itself(connection: Connection, url: str) -> None:
    """Its write makes a trigger change a sync text: that is left to its next round."""
    register(connection)
    make_article(connection)
    run(connection, "create table book (id int primary key, title text)")
    run(
        connection,
        "select sqlembed.create_embedding('book', 'hash', 'title', index => 'none');"
        "create function other() returns trigger language plpgsql as $$ begin"
        " insert into public.article values (new.id, new.title); return null; end $$;"
        "create trigger other after update of embedding on book"
        " for each row execute function other();"
        "insert into book values (7, 'seven')",
    )
    began = time.monotonic()
    embed_all(url, hash_registry())
    assert time.monotonic() - began < 5
    assert scalar(connection, "select count(embedding) from article") == 1
    assert waiting(connection) == 0
