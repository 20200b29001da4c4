"""Whoever dies, and whenever: a clear error or another try, and nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from sqlembed import config
from sqlembed.embedders import Registry
from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_gate import SLOW, Gate, ask, requests, wait_for

BACKENDS = """
select pid from pg_stat_activity
where application_name = %s and datname = current_database()
"""
LOOPBACK, WORKER = "sqlembed loopback", "sqlembed worker"


def backends(connection: Connection, name: str) -> list[int]:
    return [int(str(pid)) for (pid,) in connection.execute(BACKENDS, (name,)).fetchall()]


def terminate(connection: Connection, name: str) -> None:
    for pid in backends(connection, name):
        connection.execute("select pg_terminate_backend(%s, 5000)", (pid,))


@pytest.mark.parametrize("way", ["killed", "terminated", "cancelled"])
def test_a_caller_that_goes_takes_its_loopback_and_request_along(
    url: str, connection: Connection, gate: Gate, way: str
) -> None:
    code = (
        "import sys, psycopg; c = psycopg.connect(sys.argv[1], application_name='leaving');"
        "c.execute(sys.argv[2])"
    )
    command = [sys.executable, "-c", code, url, SLOW]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as client:
        wait_for(lambda: gate.batches)
        (pid,) = backends(connection, "leaving")
        if way == "killed":
            client.send_signal(signal.SIGKILL)
        else:
            call = "pg_terminate_backend" if way == "terminated" else "pg_cancel_backend"
            connection.execute(f"select {call}(%s)".encode(), (pid,))
        client.wait(10)
    wait_for(lambda: not backends(connection, "leaving"))
    wait_for(lambda: not backends(connection, LOOPBACK))
    gate.opened.set()
    assert ask(url, "select sqlembed.embed('slow', 'another')::real[]") == [1.0, 7.0]
    wait_for(lambda: requests(connection) == 0)


def test_a_loopback_that_dies_while_it_waits_is_told_and_opened_again(
    url: str, connection: Connection, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with psycopg.connect(url, autocommit=True) as caller:
        running = pool.submit(caller.execute, SLOW)
        wait_for(lambda: gate.batches)
        terminate(connection, LOOPBACK)
        with pytest.raises(psycopg.Error, match=r"terminating connection|closed the connection"):
            running.result(10)
        gate.opened.set()
        assert caller.execute(SLOW).fetchone() == ([1.0, 4.0],)


@pytest.mark.parametrize("state", ["idle", "computing", "writing", "finishing"])
def test_a_worker_that_loses_its_connection_does_the_rest_of_its_work(
    url: str, connection: Connection, gate: Gate, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    from sqlembed.worker.jobs import Jobs

    method = {"writing": "write", "finishing": "finish"}.get(state)
    died = threading.Event()
    if method is not None:
        kept = getattr(Jobs, method)

        def dying(self: Jobs, *arguments: object) -> object:
            if not died.is_set():
                died.set()
                terminate(connection, WORKER)
            return kept(self, *arguments)

        monkeypatch.setattr(Jobs, method, dying)
        gate.opened.set()
    connection.execute("create table t (id int primary key, title text)")
    connection.execute("select sqlembed.create_embedding('t', 'slow', 'title')")
    if state == "idle":
        terminate(connection, WORKER)
        gate.opened.set()
    connection.execute("insert into t values (1, 'food'), (2, 'drink')")
    if state == "computing":
        wait_for(lambda: gate.batches)
        terminate(connection, WORKER)
        gate.opened.set()
    wait_for(lambda: connection.execute("select count(embedding) from t").fetchone() == (2,))
    wait_for(lambda: connection.execute("select count(*) from sqlembed._queued").fetchone() == (0,))
    assert died.is_set() == (method is not None)
    # A crash may repeat the one batch in hand, and no more.
    texts = [text for batch in gate.batches for text in batch]
    assert max(texts.count(text) for text in texts) <= 2
    assert connection.execute("select count(*) from sqlembed.failure").fetchone() == (0,)


@pytest.mark.parametrize(
    "setting",
    [
        "statement_timeout = '1ms'",
        "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'",
        "idle_session_timeout = '200ms'",
        "transaction_timeout = '20ms'",
        "default_transaction_isolation = 'serializable'",
        "search_path = 'nowhere'",
        "enable_indexscan = off",
    ],
)
def test_what_is_set_for_others_does_not_stop_a_worker(
    url: str, connection: Connection, role: str, registry: Registry, setting: str
) -> None:
    name = setting.split()[0]
    known = "select count(*) from pg_settings where name = %s"
    connection.execute("create table t (id int primary key, title text)")
    registry.sync(sa.create_engine(config.sqlalchemy_url(url), poolclass=sa.NullPool))
    connection.execute("select sqlembed.create_embedding('t', 'hash', 'title')")
    connection.execute(f"alter role {role} superuser".encode())
    if connection.execute(known, (name,)).fetchone() == (1,):
        connection.execute(f"alter role {role} set {setting}".encode())
    alive = "select array_agg(id) from sqlembed.worker"
    own_url = make_conninfo(url, user=role, password="secret")
    worker = Worker(config.libpq_url(own_url), registry)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(worker.run)
        try:
            wait_for(lambda: running.done() or connection.execute(alive).fetchone() != (None,))
            first = connection.execute(alive).fetchone()
            time.sleep(0.5)
            connection.execute("insert into t select i, 'text' from generate_series(1, 50) as i")
            connection.execute("call sqlembed.wait_until_embedded('t', '20 s')")
            assert connection.execute(alive).fetchone() == first != (None,)
        finally:
            worker.stop()
            connection.execute("notify sqlembed")
        running.result(20)
    assert connection.execute("select count(embedding) from t").fetchone() == (50,)
