"""embed() from SQL while its worker is slow, wrong, missing or busy with others."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest

from sqlembed.embedders import Registry
from tests.fix_database import Connection
from tests.fix_gate import SLOW, SOON, Gate, ask, requests, wait_for
from tests.fix_worker import StartWorker


def test_a_cancel_is_obeyed_at_once_and_leaves_no_answer_behind(
    url: str, connection: Connection, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with psycopg.connect(url, autocommit=True) as caller:
        running = pool.submit(caller.execute, SLOW)
        wait_for(lambda: gate.batches)
        began = time.monotonic()
        caller.cancel_safe()
        with pytest.raises(psycopg.errors.QueryCanceled):
            running.result(10)
        assert time.monotonic() - began < SOON
        gate.opened.set()
        for text in ("a", "bb", "ccc"):
            assert caller.execute(
                "select sqlembed.embed('slow', %s)::real[]", (text,)
            ).fetchone() == ([1.0, float(len(text))],)
    wait_for(lambda: requests(connection) == 0)


def test_statement_timeout_is_obeyed(connection: Connection, gate: Gate) -> None:
    del gate
    connection.execute("set statement_timeout = '200ms'")
    began = time.monotonic()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(SLOW)
    assert time.monotonic() - began < 0.2 + SOON


def test_a_worker_that_is_stuck_while_it_answers_keeps_nobody_from_cancelling(
    url: str, connection: Connection, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    """It has the request locked, and dblink hears no cancel while the loopback waits."""
    with psycopg.connect(url, autocommit=True) as caller:
        caller.execute("set statement_timeout = '200ms'")
        running = pool.submit(caller.execute, SLOW)
        wait_for(lambda: requests(connection) == 1)
        with connection.transaction():
            connection.execute("select from sqlembed.request for update")
            with pytest.raises(psycopg.errors.QueryCanceled):
                running.result(0.2 + SOON)
    gate.opened.set()


def test_the_time_to_wait_is_a_setting(connection: Connection, gate: Gate) -> None:
    del gate
    for setting, seconds in (("200ms", 0.2), ("300", 0.3), (" 0.2 s ", 0.2)):
        connection.execute("select set_config('sqlembed.request_timeout', %s, false)", (setting,))
        began = time.monotonic()
        with pytest.raises(psycopg.Error, match="no answer within") as raised:
            connection.execute(SLOW)
        assert raised.value.sqlstate == "SE004"
        assert "sqlembed.request_timeout" in str(raised.value.diag.message_hint)
        assert seconds <= time.monotonic() - began < seconds + SOON
    for setting in ("soon", "-1s", "10 parsecs", "1s; select"):
        connection.execute("select set_config('sqlembed.request_timeout', %s, false)", (setting,))
        with pytest.raises(psycopg.Error, match="is not a time") as raised:
            connection.execute(SLOW)
        assert raised.value.sqlstate == "SE014"


def test_without_a_worker_there_is_an_error_at_once(
    connection: Connection, start_worker: StartWorker, registry: Registry
) -> None:
    connection.execute("select sqlembed.register_embedder('slow', 2, 'none')")
    for hint in ("Start one: sqlembed worker", "The workers that are alive serve others"):
        began = time.monotonic()
        with pytest.raises(psycopg.Error, match="no worker that serves embedder slow") as raised:
            connection.execute(SLOW)
        assert time.monotonic() - began < 2
        assert raised.value.sqlstate == "SE003"
        assert str(raised.value.diag.message_hint).startswith(hint)
        start_worker(registry)


def test_an_unknown_embedder_is_named_with_those_that_are_known(connection: Connection) -> None:
    connection.execute("select sqlembed.register_embedder('slow', 2)")
    with pytest.raises(psycopg.Error, match="unknown embedder 'slwo'") as raised:
        connection.execute("select sqlembed.embed('slwo', 'food')")
    assert (raised.value.sqlstate, raised.value.diag.message_hint) == ("SE001", "Known: slow.")


def test_the_caller_hears_what_the_embedder_said(connection: Connection, gate: Gate) -> None:
    gate.opened.set()
    with pytest.raises(psycopg.Error, match="no such word") as raised:
        connection.execute("select sqlembed.embed('slow', 'bad')")
    assert raised.value.sqlstate == "SE005"
    assert connection.execute(SLOW).fetchone() == ([1.0, 4.0],)


def test_callers_that_wait_together_are_served_in_one_batch(
    url: str, connection: Connection, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    running: list[Future[object]] = [pool.submit(ask, url)]
    wait_for(lambda: gate.batches)
    texts = ["x" * number for number in range(1, 6)]
    running += [
        pool.submit(ask, url, f"select sqlembed.embed('slow', '{text}')::real[]") for text in texts
    ]
    wait_for(lambda: requests(connection) == 6)
    gate.opened.set()
    assert [call.result(10) for call in running[1:]] == [[1.0, float(len(text))] for text in texts]
    assert [sorted(batch) for batch in gate.batches] == [["food"], texts]


def test_many_calls_with_few_texts_compute_each_once(connection: Connection, gate: Gate) -> None:
    gate.opened.set()
    connection.execute("set statement_timeout = '20s'")
    row = connection.execute(
        """
        select count(*), count(distinct v::text)
        from (
            select sqlembed.embed('slow', repeat('x', 1 + i % 5)) as v
            from generate_series(1, 1000) as i
        ) as t
        """
    ).fetchone()
    assert row == (1000, 5)
    assert sorted(text for batch in gate.batches for text in batch) == [
        "x" * n for n in range(1, 6)
    ]


def test_five_thousand_texts_in_one_call(connection: Connection, gate: Gate) -> None:
    gate.opened.set()
    connection.execute("set statement_timeout = '20s'")
    row = connection.execute(
        """
        with texts as (
            select array_agg(repeat('x', i) order by i desc) as inputs
            from generate_series(1, 5000) as i
        )
        select cardinality(v), (v[1]::real[])[2], (v[5000]::real[])[2]
        from texts, sqlembed.embed('slow', inputs) as v
        """
    ).fetchone()
    assert row == (5000, 5000.0, 1.0)
