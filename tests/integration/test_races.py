"""Several workers, writers and locks at once: nothing twice, nobody waits."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from sqlembed.worker import bell, limits
from tests.fix_worker import StartWorker, alive
from tests.integration.working import WAIT, Noting, article, embedded, fill, other, until
from tests.writing import (
    HASH,
    Connection,
    declare,
    embed_all,
    function_registry,
    hash_registry,
    outdated,
    rows,
    run,
    scalar,
)

__all__ = ["article", "other"]


def test_nobody_waits_for_a_worker_that_computes(
    article: Connection, other: Connection, url: str
) -> None:
    """No transaction is open meanwhile, so no lock is held and no row version kept."""
    states: list[Any] = []

    def looking(texts: Sequence[str]) -> Any:
        states.extend(
            rows(
                article,
                "select state, xact_start, backend_xmin, (select count(*) from pg_locks as l"
                " where l.pid = a.pid and locktype = 'relation') from pg_stat_activity as a"
                " where application_name = 'sqlembed worker' and datname = current_database()",
            )
        )
        if len(states) < 4:
            run(other, "lock table article in access exclusive mode")
            run(other, "update article set title = title || '!' where id = 2")
            other.commit()
        return HASH.embed(texts)

    fill(article, 30)
    embed_all(url, function_registry(looking, batch_size=10))
    assert len(states) >= 3 and set(states) == {("idle", None, None, 0)}
    assert outdated(article, "article", "title") == []


def test_a_locked_row_is_computed_once_and_written_when_it_is_free(
    article: Connection, other: Connection, start_worker: StartWorker
) -> None:
    noting = Noting()
    fill(article, 3)
    run(other, "select from article where id = 2 for update")
    start_worker(function_registry(noting))
    until(lambda: embedded(article) == 2)
    time.sleep(0.4)
    # Its owner writes without waiting, and others are served meanwhile.
    run(other, "update article set title = title where id = 2")
    run(article, "insert into article values (4, 'text 4')")
    until(lambda: embedded(article) == 3)
    other.commit()
    run(article, WAIT)
    assert outdated(article, "article", "title") == []
    assert sorted(noting.texts) == ["text 1", "text 2", "text 3", "text 4"]


def test_a_locked_table_keeps_the_worker_from_no_other(
    article: Connection, other: Connection, start_worker: StartWorker
) -> None:
    run(article, "create table fine (id int primary key, title text)")
    declare(article, "fine", "title")
    fill(article, 3)
    run(other, "lock table article in access exclusive mode")
    start_worker(hash_registry())
    run(article, "insert into fine values (1, 'x')")
    until(lambda: scalar(article, "select count(embedding) from fine") == 1)
    assert scalar(article, "select sqlembed.embed('hash', 'food') is not null")
    other.commit()
    run(article, WAIT)
    assert outdated(article, "article", "title") == []
    assert scalar(article, "select count(*) from sqlembed.failure") == 0


def test_an_open_drop_keeps_the_worker_from_no_other(
    article: Connection, other: Connection, start_worker: StartWorker
) -> None:
    run(article, "create table fine (id int primary key, title text)")
    declare(article, "fine", "title")
    fill(article, 3)
    run(other, "select sqlembed.drop_embedding('article')")
    start_worker(hash_registry())
    run(article, "insert into fine values (1, 'x')")
    until(lambda: scalar(article, "select count(embedding) from fine") == 1)
    other.rollback()
    run(article, WAIT)
    assert outdated(article, "article", "title") == []


def test_two_workers_share_the_work_while_writers_write(
    article: Connection, url: str, start_worker: StartWorker
) -> None:
    noting = Noting()
    for _ in range(2):
        start_worker(function_registry(noting, batch_size=20))
    fill(article, 300)
    stop = threading.Event()
    raised: list[BaseException] = []

    def write(seed: int) -> None:
        dice = random.Random(seed)
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                while not stop.is_set():
                    some = dice.sample(range(1, 301), 20)
                    run(
                        connection,
                        "update article set title = %s || id where id = any (%s)",
                        f"text {dice.random()} of ",
                        some,
                    )
        except BaseException as error:
            raised.append(error)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for thread in writers:
        thread.start()
    time.sleep(2)
    stop.set()
    for thread in writers:
        thread.join()
    assert raised == []
    run(article, WAIT)
    assert outdated(article, "article", "title") == []
    assert rows(article, "select * from sqlembed.failure") == []
    assert (
        scalar(article, "select deadlocks from pg_stat_database where datname = current_database()")
        == 0
    )


def test_two_workers_do_nothing_twice(article: Connection, start_worker: StartWorker) -> None:
    noting = Noting()

    def slow(texts: Sequence[str]) -> Any:
        time.sleep(0.01)
        return noting(texts)

    for _ in range(2):
        start_worker(function_registry(slow, batch_size=5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "BATCH_LIMIT", 20)
        fill(article, 400)
        run(article, WAIT)
    assert sorted(noting.texts) == sorted(f"text {i}" for i in range(1, 401))
    assert outdated(article, "article", "title") == []


KILLED = """
import sys, time
from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import Worker


class Stuck(HashEmbedder):
    def _embed(self, texts, kind):
        if len(texts) > 1:
            print("in hand", flush=True)
            time.sleep(60)
        return super()._embed(texts, kind)

registry = Registry()
registry.add(Stuck("hash", 8))
Worker(sys.argv[1], registry).run()
"""


def test_what_a_killed_worker_had_in_hand_is_done_by_another(article: Connection, url: str) -> None:
    fill(article, 100)
    command = [sys.executable, "-c", KILLED, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "in hand\n"
            held = """
            select count(*)
            from (
                select j.locked_until from sqlembed.job as j
                union all
                select l.locked_until from sqlembed.lease as l
            ) as held
            where held.locked_until > now() + interval '30 s'
            """
            assert scalar(article, held) > 0
        finally:
            process.kill()
    until(lambda: alive(article) == 0)
    began = time.monotonic()
    embed_all(url)
    # Long before the lease would have ended.
    assert time.monotonic() - began < 20
    assert outdated(article, "article", "title") == []
    assert scalar(article, "select count(*) from sqlembed.worker_process") == 0


def test_no_bell_is_lost(
    article: Connection, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle worker that only polled would take as long as the poll."""
    monkeypatch.setattr(bell, "POLL", timedelta(seconds=30))
    start_worker(hash_registry())
    for number in range(20):
        # Asleep, just about to be, or still busy.
        time.sleep(random.random() / 50)
        run(article, "insert into article values (%s, 'x')", number)
        until(partial(lambda count: embedded(article) == count, number + 1), 5)


def test_a_commit_while_the_worker_falls_asleep_is_noticed(
    article: Connection, other: Connection, start_worker: StartWorker
) -> None:
    """Such a transaction found nobody idle and rings no bell when it commits."""
    gate = threading.Event()

    def slow(texts: Sequence[str]) -> Any:
        gate.wait(20)
        return HASH.embed(texts)

    start_worker(function_registry(slow))
    run(article, "insert into article values (1, 'x')")
    until(lambda: scalar(article, "select count(*) from sqlembed.lease") == 1)
    run(other, "insert into article values (2, 'y')")
    gate.set()
    until(lambda: embedded(article) == 1)
    other.commit()
    began = time.monotonic()
    until(lambda: embedded(article) == 2)
    assert time.monotonic() - began < 0.9


def test_leaving_locked_rows_does_not_keep_callers_waiting(
    article: Connection, other: Connection, start_worker: StartWorker
) -> None:
    fill(article, 1)
    run(other, "select from article for update")
    start_worker(hash_registry())
    time.sleep(0.3)
    began = time.monotonic()
    for number in range(10):
        run(article, "select sqlembed.embed('hash', %s)", str(number))
    assert time.monotonic() - began < 0.9
