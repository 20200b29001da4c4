"""Schedules of a worker and a writer, step by step: nothing stale is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from sqlembed.worker.jobs import Jobs
from sqlembed.worker.link import connect
from sqlembed.worker.rows import Batch
from tests.integration.working import article, fill, other, until
from tests.writing import (
    HASH,
    Connection,
    embed_all,
    fold,
    outdated,
    rows,
    run,
    scalar,
)

__all__ = ["article", "other"]

#: New jobs are leased a batch, others each.
in_both_ways = pytest.mark.parametrize("folded_before", [False, True])


class Hand:
    """The steps of a worker, one by one."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url)
        worker = scalar(self.connection, "select sqlembed._start_worker('by hand', '{hash}')")
        self.jobs = Jobs(self.connection, worker)

    def claim(self, *, folded_before: bool = False) -> Batch:
        """Take jobs in hand: new ones together, others one by one."""
        if folded_before:
            fold(self.connection)
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
        " length integer default null, out columns name[], out expression text, out match text)"
        " language sql"
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


@in_both_ways
def test_a_job_that_is_raised_meanwhile_is_not_finished(
    article: Connection, hand: Hand, folded_before: bool
) -> None:
    fill(article, 3)
    batch = hand.claim(folded_before=folded_before)
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


@in_both_ways
def test_whoever_lost_its_lease_touches_nothing(
    article: Connection, hand: Hand, url: str, folded_before: bool
) -> None:
    fill(article, 1)
    batch = hand.claim(folded_before=folded_before)
    held = "job" if folded_before else "lease"
    run(article, f"update sqlembed.{held} set locked_until = now() - interval '1 s'")
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


@in_both_ways
def test_leases_are_renewed_while_a_batch_takes_long(
    article: Connection, hand: Hand, folded_before: bool
) -> None:
    fill(article, 1)
    batch = hand.claim(folded_before=folded_before)
    held = "job" if folded_before else "lease"
    run(article, f"update sqlembed.{held} set locked_until = now() + interval '1 s'")
    hand.jobs.renew(batch)
    assert scalar(article, f"select locked_until > now() + interval '30 s' from sqlembed.{held}")


def test_what_is_left_of_a_batch_of_new_jobs_waits_on(article: Connection, hand: Hand) -> None:
    run(article, "insert into article values (1, 'one'), (2, 'two')")
    run(article, "insert into article values (3, 'three')")
    oldest = rows(article, "select key, changed_at from sqlembed.change order by key")
    batch = hand.claim()
    assert rows(article, "select * from sqlembed.job") == []
    # In hand it waits still, and since as long as before.
    waiting = "select key, changed_at from sqlembed._queued order by key"
    assert rows(article, waiting) == oldest
    hand.jobs.finish(batch, ["[2]"])
    assert rows(article, waiting) == [oldest[0], oldest[2]]
    hand.jobs.release(batch, ["[1]"], timedelta(0))
    hand.jobs.fail(batch, {"[3]": "no"})
    assert rows(article, "select key, attempts, worker from sqlembed.job order by key") == [
        ([1], 0, None),
        ([3], 1, None),
    ]
    assert rows(article, waiting) == [oldest[0], oldest[2]]
    hand.jobs.finish(batch, ["[1]", "[2]", "[3]"])
    assert rows(article, waiting) == [oldest[0], oldest[2]]


def test_a_row_that_changes_while_it_is_in_hand_waits_since_its_first_change(
    article: Connection, hand: Hand, url: str
) -> None:
    """Whoever waits for the first one must not be told that it is done."""
    fill(article, 2)
    oldest = scalar(article, "select min(changed_at) from sqlembed.change")
    batch = hand.claim()
    run(article, "update article set title = 'newer' where id = 1")
    waiting = "select min(changed_at) from sqlembed._queued where key = '[1]'"
    assert scalar(article, waiting) == oldest
    fold(article)
    assert scalar(article, waiting) == oldest
    sources, _ = hand.jobs.read(batch, ["[2]"])
    hand.jobs.finish(batch, hand.write(batch, sources))
    assert rows(article, "select key, worker, changed_at from sqlembed.job") == [
        ([1], None, oldest)
    ]
    hand.connection.close()
    embed_all(url)
    assert outdated(article, "article", "title") == []


def test_two_workers_with_one_row_in_hand(article: Connection, hand: Hand, url: str) -> None:
    """It changed while the first one had it, and the second one took the change."""
    fill(article, 1)
    first = hand.claim()
    old, _ = hand.jobs.read(first, first.keys)
    run(article, "update article set title = 'newer'")
    second = Hand(url)
    batch = second.claim()
    new, _ = second.jobs.read(batch, batch.keys)
    assert (first.keys, batch.keys) == (["[1]"], ["[1]"])
    assert second.write(batch, new) == {"[1]"}
    assert hand.write(first, old) == set()
    second.jobs.finish(batch, ["[1]"])
    assert outdated(article, "article", "title") == []
    hand.jobs.finish(first, ())
    hand.jobs.fail(first, {"[1]": "no"})
    hand.connection.close()
    second.connection.close()
    run(article, "update sqlembed.job set not_before = now()")
    embed_all(url)
    assert outdated(article, "article", "title") == []
    assert rows(article, "select key from sqlembed.failure") == []
    assert scalar(article, "select count(*) from sqlembed._queued") == 0


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
