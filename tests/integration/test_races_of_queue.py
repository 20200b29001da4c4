"""Schedules around the queue: folding, finishing, failing and giving back, all at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.fix_worker import StartWorker
from tests.integration.test_races_by_hand import Hand
from tests.integration.working import WAIT, Noting, article, embedded, fill, other, until
from tests.writing import (
    Connection,
    declare,
    embed_all,
    fold,
    function_registry,
    outdated,
    register,
    rows,
    run,
    scalar,
)

__all__ = ["article", "other"]

BLOCKED = "select count(*) from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0"


@pytest.fixture
def hand(url: str) -> Iterator[Hand]:
    """A worker whose steps the test takes by hand."""
    worker = Hand(url)
    yield worker
    worker.connection.close()


@contextmanager
def waiting(connection: Connection) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Give a function that starts a step in a thread and returns once it waits for a lock.

    In the end, it must have come through.
    """
    with ThreadPoolExecutor() as pool:
        running: list[Future[object]] = []

        def start(step: Callable[[], object]) -> None:
            running.append(pool.submit(step))
            until(lambda: running[-1].done() or scalar(connection, BLOCKED) == len(running))

        yield start
        for future in running:
            future.result(20)


def test_changes_that_are_committed_out_of_order_are_all_folded(
    article: Connection, other: Connection
) -> None:
    run(other, "insert into article values (1, 'first')")
    run(article, "insert into article values (2, 'second')")
    fold(article)
    other.commit()
    fold(article)
    assert scalar(article, "select array_agg(key order by key)::text from sqlembed.job") == (
        "{[1],[2]}"
    )


def test_what_is_done_is_finished_however_long_another_worker_folds(
    article: Connection, other: Connection, hand: Hand, url: str
) -> None:
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(article, "update article set title = 'newer' where id = 1")
    written = hand.write(batch, sources)
    fold(other)
    with waiting(article) as start:
        start(lambda: hand.jobs.finish(batch, written))
        # Longer than workers wait for the lock of a table.
        time.sleep(0.3)
        other.commit()
    assert scalar(article, "select count(*) from sqlembed._queued") == 1
    assert rows(article, "select key, worker from sqlembed.job") == [([1], None)]
    hand.connection.close()
    embed_all(url)
    assert outdated(article, "article", "title") == []


def test_a_worker_that_dies_between_writing_and_finishing(
    article: Connection, hand: Hand, url: str
) -> None:
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    assert hand.write(batch, sources) == {"[1]", "[2]"}
    hand.connection.close()
    until(lambda: scalar(article, "select count(*) from sqlembed.worker") == 0)
    noting = Noting()
    embed_all(url, function_registry(noting))
    assert (outdated(article, "article", "title"), len(noting.texts)) == ([], 2)
    assert scalar(article, "select count(*) from sqlembed._queued") == 0


@pytest.mark.parametrize(
    "meanwhile",
    [
        "truncate article",
        "truncate article; insert into article values (1, 'text 1'), (2, 'other')",
        "delete from article where id = 1; insert into article values (1, 'other')",
        "delete from article where id = 1; insert into article values (1, 'text 1')",
        "update article set id = 3 - id",
        "begin; update article set title = 'other'; rollback",
        "begin; savepoint a; update article set title = 'other'; rollback to a; commit",
        "select sqlembed.refresh_embedding('article')",
        "update article set title = 'other', embedding = array_fill(0.5, array[8])::vector",
    ],
)
@pytest.mark.parametrize("on_change", ["hide", "keep"])
def test_what_may_happen_while_rows_are_in_hand(
    connection: Connection, hand: Hand, url: str, on_change: str, meanwhile: str
) -> None:
    register(connection)
    run(
        connection,
        "create table article (id int primary key deferrable initially deferred, title text)",
    )
    declare(connection, "article", "title", on_change=on_change)
    fill(connection, 2)
    if on_change == "keep":
        run(
            connection,
            "update article set embedding = array_fill(0.1, array[8])::vector, title = title",
        )
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(connection, meanwhile)
    hand.jobs.finish(batch, list(hand.write(batch, sources)))
    hand.connection.close()
    embed_all(url)
    assert outdated(connection, "article", "title") == []
    assert scalar(connection, "select count(*) from sqlembed._queued") == 0


def test_a_row_that_moves_to_another_partition_as_its_vector_is_written(
    connection: Connection, url: str, other: Connection, start_worker: StartWorker
) -> None:
    """PostgreSQL refuses to lock what has moved: to a worker that is no lost server."""
    register(connection)
    run(
        connection,
        """
        create table article (id int, year int, title text, primary key (id, year))
            partition by list (year);
        create table a1 partition of article for values in (1);
        create table a2 partition of article for values in (2);
        create function slow(title text) returns text language plpgsql immutable as $$
        begin
            if title like 'slow%' and current_setting('sqlembed.writing', true) = 'on'
                and exists (
                    select from pg_locks
                    where pid = pg_backend_pid() and mode = 'RowExclusiveLock'
                        and relation = 'public.article'::regclass
                )
            then
                perform pg_advisory_lock_shared(1);
                perform pg_advisory_unlock_shared(1);
            end if;
            return title;
        end $$
        """,
    )  # fmt: skip
    declare(connection, "article", "slow(title)")
    noting = Noting()
    run(other, "select pg_advisory_lock(1)")
    other.commit()
    # Whatever its time limit for locks is, the advisory one is to be waited for.
    run(connection, "alter function slow(text) set lock_timeout = 0")
    start_worker(function_registry(noting))
    worker = scalar(connection, "select id from sqlembed.worker")
    run(connection, "insert into article values (1, 1, 'slow one'), (2, 1, 'two')")
    held_up = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    until(lambda: scalar(connection, held_up) == 1)
    run(connection, "update article set year = 2")
    run(other, "select pg_advisory_unlock(1)")
    other.commit()
    run(connection, WAIT)
    assert outdated(connection, "article", "title") == []
    assert scalar(connection, "select id from sqlembed.worker") == worker
    assert sorted(noting.texts) == ["slow one", "two"]


def test_what_was_computed_while_a_table_is_locked_against_writers_is_kept(
    article: Connection, other: Connection, start_worker: StartWorker
) -> None:
    """As create index locks it, for minutes: a text is paid for once."""
    noting = Noting()
    fill(article, 3)
    run(other, "lock table article in share mode")
    start_worker(function_registry(noting))
    error = "select count(*) from sqlembed.job where error like '%lock timeout%'"
    until(lambda: scalar(article, error.replace("%", "%%")) > 0)
    run(article, "update sqlembed.job set error = null, not_before = now()")
    until(lambda: scalar(article, error.replace("%", "%%")) > 0)
    other.commit()
    run(article, WAIT)
    assert sorted(noting.texts) == ["text 1", "text 2", "text 3"]
    assert outdated(article, "article", "title") == []


def test_a_key_that_no_index_takes_stops_no_other(connection: Connection, url: str) -> None:
    register(connection)
    run(connection, "create table document (id bytea primary key, title text)")
    run(connection, "create table article (id int primary key, title text)")
    declare(connection, "document", "title")
    declare(connection, "article", "title")
    run(connection, "insert into document values (%s, 'long')", os.urandom(2500))
    run(connection, "insert into document values ('short', 'short')")
    fill(connection, 2)
    embed_all(url)
    assert embedded(connection) == 2
    assert rows(connection, "select title from document where embedding is not null") == [
        ("short",)
    ]
    ((relation, error),) = rows(connection, "select relation::text, error from sqlembed.failure")
    assert relation == "document" and "key" in error
    assert scalar(connection, "select count(*) from sqlembed.change") == 0
    # Again, as any other failure.
    run(connection, "select sqlembed.retry_failed('document')")
    embed_all(url)
    assert scalar(connection, "select count(*) from sqlembed.failure") == 1
    run(connection, "delete from document where title = 'long'")
    embed_all(url)
    assert scalar(connection, "select count(*) from sqlembed.failure") == 0


def test_a_row_that_changes_as_it_is_given_up_is_no_failure(
    article: Connection, other: Connection, hand: Hand, url: str
) -> None:
    fill(article, 1)
    batch = hand.claim(folded_before=True)
    run(article, "update sqlembed.job set attempts = 4")
    run(article, "update article set title = 'better'")
    with waiting(other) as start, hand.connection.transaction():
        hand.jobs.fail(batch, {"[1]": "no"})
        start(lambda: fold(article))
    hand.connection.close()
    embed_all(url)
    assert outdated(article, "article", "title") == []
    assert rows(article, "select key from sqlembed.failure") == []
