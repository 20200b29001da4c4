"""A server that crashes, is restarted or is full: its worker and its callers come back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psycopg
import pytest

from sqlembed.embedders import Registry
from sqlembed.worker import Worker
from sqlembed.worker.link import connect
from tests.fix_gate import Gate, ask, requests, wait_for
from tests.fix_hostile import embedded, genuine
from tests.fix_worker import serving
from tests.integration.mortal import Mortal, bring_down, bring_up, mortal, mortal_server
from tests.writing import declare, rows, run, scalar

__all__ = ["mortal", "mortal_server"]

FULL = "too many (clients|connections)"


@pytest.mark.parametrize("way", ["fast", "immediate", "crash"])
def test_what_a_server_that_goes_down_interrupts(
    mortal: Mortal, registry: Registry, way: str
) -> None:
    url = mortal.url
    gate = Gate()
    both = gate.registry()
    both.add(registry.get("hash"))
    with serving(url, both), ThreadPoolExecutor() as pool:
        with mortal.connect() as connection:
            # What a crash may not take with it, though this server is careless.
            run(connection, "set synchronous_commit = on")
            run(connection, "create table t (id int primary key, title text)")
            declare(connection, "t", "title", embedder="slow")
            run(connection, "insert into t values (1, 'food'), (2, 'drink')")
            # One row is leased, the other one is noted, and a caller waits.
            wait_for(lambda: gate.batches)
            running = pool.submit(ask, url, "select sqlembed.embed('hash', 'food')::real[]")
            wait_for(lambda: requests(connection) == 1)
        bring_down(mortal, way)
        with pytest.raises(psycopg.OperationalError):
            running.result(10)
        gate.opened.set()
        bring_up(mortal)
        with mortal.connect() as connection:
            wait_for(lambda: scalar(connection, "select count(embedding) from t") == 2)
            wait_for(lambda: scalar(connection, "select count(*) from sqlembed._queued") == 0)
            assert rows(connection, "select key from sqlembed.failure") == []
            assert embedded(connection, "sqlembed.embed('hash', 'drink')") == genuine("drink")
            # Nobody asks for the answer any more.
            run(connection, "update sqlembed.request set asked_at = asked_at - interval '1 min'")
            run(connection, "select sqlembed._sweep(0)")
            assert requests(connection) == 0
    texts = [text for batch in gate.batches for text in batch]
    assert max(map(texts.count, texts)) <= 2


PARTITIONED = """
create table article (id int primary key, title text) partition by hash (id);
create table even partition of article for values with (modulus 2, remainder 0);
create table odd partition of article for values with (modulus 2, remainder 1);
insert into article select i, 'old' from generate_series(1, 2000) as i
"""
# As workers write vectors: what they lock, they write.
LOCK_AND_WRITE = """
with locked as materialized (
    select k.id
    from (select id from generate_series(1, 2000) as id order by id) as k
    cross join lateral (select from article as r where r.id = k.id for no key update)
),
written as (update article as r set title = 'new' from locked as k where r.id = k.id)
select id from locked
"""


def test_rows_of_partitions_that_change_while_a_worker_writes(mortal: Mortal) -> None:
    """PostgreSQL 18 crashes there, in sessions that prune partitions row by row."""
    with mortal.connect() as connection, connect(mortal.url) as worker:
        run(connection, PARTITIONED)
        run(worker, "set lock_timeout = 0")
        with ThreadPoolExecutor() as pool:
            with connection.transaction():
                run(connection, "update article set title = 'newer' where id in (1, 2, 3, 7, 30)")
                writing = pool.submit(rows, worker, LOCK_AND_WRITE)
                with mortal.connect() as other:
                    waits = "select count(*) from pg_locks where not granted"
                    wait_for(lambda: scalar(other, waits) == 1)
            assert len(writing.result(10)) == 2000
        assert scalar(connection, "select count(*) from article where title = 'new'") == 2000


def test_a_full_server_says_so_and_lets_in_later(mortal: Mortal, registry: Registry) -> None:
    url = mortal.url
    with mortal.connect() as connection:
        run(connection, "alter system set max_connections = 10")
        run(connection, "alter system set superuser_reserved_connections = 0")
    bring_down(mortal, "fast")
    bring_up(mortal)
    with mortal.connect() as connection, serving(url, registry):
        most = int(scalar(connection, "show max_connections"))
        run(connection, "create table t (id int primary key, title text)")
        declare(connection, "t", "title")
        with ExitStack() as others:
            terminated = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where"
            run(connection, f"{terminated} application_name = 'sqlembed worker'")
            with pytest.raises(psycopg.OperationalError, match=FULL):
                for _ in range(most):
                    others.enter_context(mortal.connect())
            with pytest.raises(psycopg.Error, match=FULL):
                run(connection, "select sqlembed.embed('hash', 'food')")
            with pytest.raises(psycopg.OperationalError, match=FULL):
                Worker(url, registry).run(burst=True)
            run(connection, "insert into t values (1, 'food')")
        wait_for(lambda: scalar(connection, "select count(embedding) from t") == 1)
        assert embedded(connection, "sqlembed.embed('hash', 'food')") == genuine("food")


def test_a_role_without_a_connection_left_is_told(mortal: Mortal, registry: Registry) -> None:
    url = mortal.url
    with mortal.connect() as connection, serving(url, registry):
        run(connection, "alter role sqlembed_loopback connection limit 0")
        with pytest.raises(psycopg.Error, match="too many connections") as raised:
            run(connection, "select sqlembed.embed('hash', 'food')")
        assert raised.value.sqlstate is not None
        run(connection, "alter role sqlembed_loopback connection limit -1")
        assert embedded(connection, "sqlembed.embed('hash', 'food')") == genuine("food")

        run(connection, "create role busy login connection limit 0")
        run(connection, "grant all on schema sqlembed to busy")
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            Worker(f"{url}&user=busy", registry).run(burst=True)
