"""Several workers, writers and locks at once: nothing stale, nothing twice, nobody waits."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from sqlembed.worker import bell, loop
from sqlembed.worker.jobs import Batch, Jobs
from sqlembed.worker.link import connect
from tests.fix_worker import StartWorker, alive
from tests.integration.test_worker import Noting, article, embedded, fill, until
from tests.writing import (
    HASH,
    Connection,
    declare,
    embed_all,
    fold,
    function_registry,
    hash_registry,
    outdated,
    rows,
    run,
    scalar,
)

__all__ = ["article"]

WAIT = "call sqlembed.wait_until_embedded('article', '30 s')"


@pytest.fixture
def other(url: str) -> Iterator[Connection]:
    """A second session, that of an application; not in autocommit."""
    with psycopg.connect(url) as connection:
        run(connection, "set lock_timeout = '3s'")
        connection.commit()
        yield connection
        connection.rollback()


class Hand:
    """The steps of a worker, one by one."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url)
        worker = scalar(self.connection, "select sqlembed._start_worker('by hand', '{hash}')")
        self.jobs = Jobs(self.connection, worker)

    def claim(self) -> Batch:
        batch = self.jobs.claim({"hash": 1000}) or self.jobs.fold({"hash": 1000})[1]
        assert batch is not None
        return batch

    def write(self, batch: Batch, sources: Sequence[Any]) -> set[str]:
        vectors = {source.hash: HASH.embed([source.text])[0] for source in sources if source.text}
        return self.jobs.write(batch, sources, vectors)


@pytest.fixture
def hand(url: str) -> Iterator[Hand]:
    """A worker whose steps the test takes by hand."""
    worker = Hand(url)
    yield worker
    worker.connection.close()


def test_a_text_that_changed_since_it_was_read_gets_no_stale_vector(
    article: Connection, hand: Hand, url: str
) -> None:
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(article, "update article set title = 'newer' where id = 1")
    assert hand.write(batch, sources) == {"[2]"}
    hand.jobs.finish(batch, ["[2]"])
    assert [text for text, _ in outdated(article, "article", "title")] == ["newer"]
    hand.connection.close()
    embed_all(url)
    assert outdated(article, "article", "title") == []


@pytest.mark.parametrize("is_rolled_back", [False, True])
def test_a_row_that_a_writer_has_locked_is_left_for_later(
    article: Connection, other: Connection, hand: Hand, is_rolled_back: bool
) -> None:
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(other, "update article set title = 'newer' where id = 1")
    began = time.monotonic()
    assert hand.write(batch, sources) == {"[2]"}
    assert time.monotonic() - began < 1
    if is_rolled_back:
        other.rollback()
        assert hand.write(batch, sources) == {"[1]", "[2]"}
    else:
        other.commit()
        assert hand.write(batch, sources) == {"[2]"}
        assert scalar(article, "select embedding from article where id = 1") is None


def test_a_writer_that_commits_between_snapshot_and_lock(
    article: Connection, other: Connection, hand: Hand
) -> None:
    """The schedule in which a test on the queue alone lets a stale vector through."""
    # The worker's statement takes its snapshot, then reaches row 1 only when this lock is gone.
    run(
        article,
        "create function slow(id int) returns int language plpgsql immutable as $$"
        " begin perform pg_advisory_lock_shared(1); perform pg_advisory_unlock_shared(1);"
        " return id; end $$",
    )
    match = "r.id operator(pg_catalog.=) public.slow((k.key operator(pg_catalog.->>) 0)::integer)"
    run(
        article,
        "create or replace function sqlembed._key_sql(relation regclass, prefix text default 'r.',"
        " out columns name[], out expression text, out match text) language sql"
        f" as $$ select '{{id}}'::name[], 'unused'::text, $m${match}$m$::text $$",
    )
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(hand.connection, "set lock_timeout = 0")
    run(other, "select pg_advisory_lock(1)")
    written: list[set[str]] = []
    thread = threading.Thread(target=lambda: written.append(hand.write(batch, sources)))
    thread.start()
    until(
        lambda: (
            scalar(
                article,
                "select count(*) from pg_locks where locktype = 'advisory' and not granted",
            )
            == 1
        )
    )
    run(other, "update article set title = 'newer' where id in (1, 2)")
    other.commit()
    run(other, "select pg_advisory_unlock(1)")
    thread.join(20)
    assert written == [set()]
    assert rows(article, "select title, embedding from article") == [("newer", None)] * 2


def test_a_key_that_changes_meanwhile_gets_no_other_row_s_vector(
    article: Connection, hand: Hand, url: str
) -> None:
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(article, "update article set id = id + 10")
    run(article, "insert into article values (1, 'another')")
    assert hand.write(batch, sources) == set()
    hand.connection.close()
    embed_all(url)
    assert outdated(article, "article", "title") == []


def test_a_job_that_is_raised_meanwhile_is_not_finished(article: Connection, hand: Hand) -> None:
    fill(article, 3)
    batch = hand.claim()
    run(article, "update article set title = 'newer' where id = 1")
    fold(article)
    hand.jobs.finish(batch, ["[1]", "[2]"])
    assert hand.jobs.fail(batch, {"[1]": "no", "[3]": "no"}) == 0
    hand.jobs.release(batch, ["[1]"], timedelta(hours=1))
    assert rows(
        article, "select key, attempts, not_before <= now(), worker from sqlembed.job order by key"
    ) == [([1], 0, True, None), ([3], 1, False, None)]
    # Another worker may have it at once.
    assert hand.claim().keys == ["[1]"]


def test_whoever_lost_its_lease_touches_nothing(article: Connection, hand: Hand, url: str) -> None:
    fill(article, 1)
    batch = hand.claim()
    run(article, "update sqlembed.job set locked_until = now() - interval '1 s'")
    run(article, "select sqlembed._sweep(0)")
    second = Hand(url)
    assert second.claim().keys == batch.keys
    hand.jobs.finish(batch, ["[1]"])
    hand.jobs.fail(batch, {"[1]": "no"})
    hand.jobs.release(batch, ["[1]"], timedelta(hours=1))
    hand.jobs.renew(batch)
    assert scalar(
        article,
        "select attempts = 0 and worker = %s and not_before <= now() from sqlembed.job",
        second.jobs._worker,
    )
    second.connection.close()


def test_leases_are_renewed_while_a_batch_takes_long(article: Connection, hand: Hand) -> None:
    fill(article, 1)
    batch = hand.claim()
    run(article, "update sqlembed.job set locked_until = now() + interval '1 s'")
    hand.jobs.renew(batch)
    assert scalar(article, "select locked_until > now() + interval '30 s' from sqlembed.job")


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


def test_a_foreign_key_to_the_row_neither_waits_nor_is_waited_for(
    article: Connection, other: Connection, hand: Hand
) -> None:
    run(article, "create table note (article int references article)")
    fill(article, 1)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(other, "insert into note values (1)")
    with hand.connection.transaction():
        assert hand.write(batch, sources) == {"[1]"}
        other.commit()
        run(other, "insert into note values (1)")


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
        patch.setattr(loop, "BATCH_LIMIT", 20)
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
            held = "select count(*) from sqlembed.job where locked_until > now() + interval '30 s'"
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
    until(
        lambda: scalar(article, "select count(*) from sqlembed.job where worker is not null") == 1
    )
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
