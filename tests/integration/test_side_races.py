"""Workers and writers at once, with the vectors in a side table: the row itself is left alone."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from tests.fix_worker import StartWorker, alive
from tests.integration.test_races import KILLED
from tests.integration.test_races_by_hand import Hand
from tests.integration.working import WAIT, Noting, other, until
from tests.sql.beside import beside, found, wrong
from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    function_registry,
    hash_registry,
    register,
    rows,
    run,
    scalar,
)

__all__ = ["other"]


@pytest.fixture
def article(connection: Connection) -> Connection:
    """A connection to a database with a table embedded beside, empty."""
    register(connection)
    run(connection, "create table article (id int primary key, title text)")
    declare(connection, "article", "title", place="side")
    return connection


def fill(connection: Connection, count: int) -> None:
    run(
        connection,
        f"insert into article select i, 'text ' || i from generate_series(1, {count}) as i",
    )


@pytest.fixture
def hand(url: str) -> Iterator[Hand]:
    """A worker whose steps the test takes by hand."""
    worker = Hand(url)
    yield worker
    worker.connection.close()


def test_an_application_at_repeatable_read_is_not_disturbed(
    article: Connection, other: Connection, hand: Hand
) -> None:
    fill(article, 2)
    before = rows(article, "select xmin from article order by id")
    run(other, "set transaction isolation level repeatable read")
    assert scalar(other, "select count(*) from article") == 2
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    assert hand.write(batch, sources) == {"[1]", "[2]"}
    assert (beside(article), rows(article, "select xmin from article order by id")) == (
        [1, 2],
        before,
    )
    run(other, "update article set title = 'new' where id = 1")
    run(other, "delete from article where id = 2")
    other.commit()
    assert found(article) == []


def test_in_the_row_itself_it_is(url: str, connection: Connection, other: Connection) -> None:
    """What the test above protects from."""
    register(connection)
    run(connection, "create table article (id int primary key, title text)")
    declare(connection, "article", "title")
    fill(connection, 1)
    run(other, "set transaction isolation level repeatable read")
    assert scalar(other, "select count(*) from article") == 1
    embed_all(url)
    with pytest.raises(psycopg.errors.SerializationFailure):
        run(other, "update article set title = 'new' where id = 1")


def test_a_text_that_changed_since_it_was_read_gets_no_stale_vector(
    article: Connection, hand: Hand, url: str
) -> None:
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(article, "update article set title = 'newer' where id = 1")
    assert hand.write(batch, sources) == {"[2]"}
    hand.jobs.finish(batch, ["[2]"])
    assert beside(article) == [2]
    hand.connection.close()
    embed_all(url)
    assert wrong(article) == []


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
        assert beside(article) == [2]


def test_a_writer_waits_for_a_worker_s_statement_and_no_longer(
    article: Connection, other: Connection, hand: Hand
) -> None:
    """The lock on the row is what keeps an older vector from coming after a newer one."""
    fill(article, 1)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(other, "set lock_timeout = '100ms'")
    other.commit()
    with hand.connection.transaction():
        assert hand.write(batch, sources) == {"[1]"}
        with pytest.raises(psycopg.errors.LockNotAvailable):
            run(other, "update article set title = 'newer' where id = 1")
        other.rollback()
    run(other, "update article set title = 'newer' where id = 1")
    other.commit()


def test_a_second_worker_s_write_of_the_same_row_neither_waits_nor_fails(
    article: Connection, hand: Hand, url: str
) -> None:
    """It had the lease before, and was silent for too long."""
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    second = Hand(url)
    with hand.connection.transaction():
        assert hand.write(batch, sources) == {"[1]", "[2]"}
        described = second.jobs._batch(batch.embedding, "1", batch.keys)
        assert described is not None
        assert second.write(described, sources) == set()
    assert second.write(described, sources) == {"[1]", "[2]"}
    second.connection.close()
    assert wrong(article) == []


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


def test_a_vector_that_somebody_has_locked_is_removed_later(
    article: Connection, other: Connection, hand: Hand, url: str
) -> None:
    fill(article, 2)
    embed_all(url)
    run(article, "delete from article")
    batch = hand.claim()
    assert hand.jobs.read(batch, batch.keys) == ([], set())
    run(other, "select from article_embedding where id = 1 for update")
    assert hand.jobs.remove(batch, batch.keys) == {"[2]"}
    assert hand.jobs.remove(batch, ["[]"]) == set()
    other.rollback()
    assert hand.jobs.remove(batch, batch.keys) == {"[1]", "[2]"}
    assert beside(article) == []


def test_a_row_that_comes_back_while_its_vector_is_removed_is_embedded_again(
    article: Connection, other: Connection, hand: Hand, url: str
) -> None:
    """Another worker may have written a vector of it already, which the removal takes away."""
    run(
        article,
        """
        create function slow() returns trigger language plpgsql as $$
        begin
            perform pg_advisory_lock_shared(1);
            perform pg_advisory_unlock_shared(1);
            return old;
        end $$;
        create trigger slow before delete on article_embedding
        for each row execute function slow()
        """,
    )
    fill(article, 1)
    embed_all(url)
    run(article, "delete from article")
    batch = hand.claim()
    run(hand.connection, "set lock_timeout = 0")
    run(other, "select pg_advisory_lock(1)")
    thread = threading.Thread(target=lambda: hand.jobs.remove(batch, batch.keys))
    thread.start()
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    until(lambda: scalar(article, waiting) == 1)
    run(article, "insert into article values (1, 'text 1')")
    run(article, "truncate sqlembed.change")
    run(other, "select pg_advisory_unlock(1)")
    thread.join(20)
    assert beside(article) == []
    assert changes(article) == [[1]]


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
    assert (wrong(article), beside(article)) == ([], [1, 11, 12])


def test_a_reader_of_the_side_table_does_not_keep_truncated_rows_there(
    article: Connection, other: Connection, url: str
) -> None:
    fill(article, 30)
    embed_all(url)
    run(article, "truncate article")
    run(other, "select * from article_embedding")
    run(article, "insert into article values (31, 'new')")
    began = time.monotonic()
    embed_all(url)
    assert time.monotonic() - began < 20
    assert (beside(article), wrong(article)) == ([31], [])
    run(article, "truncate article")
    run(other, "select * from article_embedding")
    embed_all(url)
    assert beside(article) == []


def test_what_a_killed_worker_had_in_hand_is_done_by_another(article: Connection, url: str) -> None:
    fill(article, 100)
    command = [sys.executable, "-c", KILLED, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "in hand\n"
            run(article, "delete from article where id <= 10")
        finally:
            process.kill()
    until(lambda: alive(article) == 0)
    embed_all(url)
    assert (wrong(article), len(beside(article))) == ([], 90)


def test_a_row_deleted_and_written_while_it_is_embedded(article: Connection, url: str) -> None:
    noting = Noting()

    def meddling(texts: Sequence[str]) -> Any:
        if not noting.texts:
            run(article, "delete from article where id = 1")
            run(article, "update article set title = 'newer' where id = 2")
            run(article, "insert into article values (1, 'back')")
        return noting(texts)

    fill(article, 3)
    embed_all(url, function_registry(meddling))
    assert (wrong(article), beside(article)) == ([], [1, 2, 3])


def test_two_workers_and_writers(article: Connection, url: str, start_worker: StartWorker) -> None:
    for _ in range(2):
        start_worker(hash_registry())
    raised: list[BaseException] = []

    def write(seed: int) -> None:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                for number in range(40):
                    run(
                        connection,
                        "insert into article select i, %s from generate_series(%s::int, %s) as i"
                        " on conflict (id) do update set title = excluded.title || article.title",
                        f"text {seed} {number} ", number % 7 + seed, number % 7 + seed + 20,
                    )  # fmt: skip
                    run(connection, "delete from article where id %% 5 = %s", number % 5)
                    if number == 20 and seed == 0:
                        run(connection, "truncate article")
        except psycopg.errors.DeadlockDetected:
            # Writers among themselves.
            pass
        except BaseException as error:
            raised.append(error)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert raised == []
    run(article, WAIT)
    assert wrong(article) == []
    assert rows(article, "select * from sqlembed.failure") == []
    assert scalar(article, "select count(*) from article_embedding") > 0
