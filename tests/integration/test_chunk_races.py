"""Chunks while rows change: nothing stale, nothing left over, and who may see them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from tests.fix_worker import StartWorker
from tests.integration.test_races_by_hand import Hand
from tests.integration.working import WAIT, other
from tests.sql.chunked import CHUNKING, LONG, counts, wrong
from tests.writing import (
    HASH,
    Connection,
    changes,
    declare,
    embed_all,
    function_registry,
    hash_registry,
    refused,
    register,
    rows,
    run,
    scalar,
)

__all__ = ["other"]


@pytest.fixture
def article(connection: Connection) -> Connection:
    """A connection to a database with a table embedded in chunks, of two rows."""
    register(connection)
    run(connection, "create table article (id int primary key, body text, public boolean)")
    declare(connection, "article", "body", chunking=CHUNKING)
    run(connection, "insert into article values (1, %s, true), (2, 'short', false)", LONG)
    return connection


class Between:
    """An embedder that lets something happen while it computes for the first time."""

    def __init__(self, connection: Connection, *statements: str) -> None:
        self._connection = connection
        self._statements = list(statements)

    def __call__(self, texts: Sequence[str]) -> Any:
        while self._statements:
            run(self._connection, self._statements.pop(0))
        return HASH.embed(texts)


@pytest.mark.parametrize(
    "meanwhile",
    [
        "update article set body = left(body, 70) where id = 1",
        "update article set body = body || body where id = 1",
        "update article set body = null where id = 1",
        "delete from article where id = 1",
        "update article set id = 3 where id = 1",
        "truncate article",
        "delete from article where id = 1; insert into article values (1, 'other', true)",
    ],
)
def test_chunks_of_an_older_text_are_never_written(
    article: Connection, url: str, meanwhile: str
) -> None:
    run(
        article,
        "create table seen (chunk text);"
        " create function see() returns trigger language plpgsql as $$ begin"
        " insert into seen select n.chunk from n join article using (id)"
        " where n.source_hash <> sha256(convert_to(body, 'UTF8')); return null; end $$;"
        " create trigger see after insert on article_embedding referencing new table as n"
        " for each statement execute function see()",
    )
    embed_all(url, function_registry(Between(article, meanwhile)))
    assert rows(article, "select * from seen") == []
    assert (wrong(article), changes(article)) == ([], [])
    assert rows(article, "select pending, failed from sqlembed.status") == [(0, 0)]


def test_a_locked_row_is_left_for_later_and_written_once_whole(
    article: Connection, other: Connection, url: str, start_worker: StartWorker
) -> None:
    run(other, "select from article where id = 1 for update")
    start_worker(hash_registry())
    run(article, "insert into article values (3, 'more', true)")
    while counts(article).keys() < {2, 3}:
        pass
    assert 1 not in counts(article)
    run(other, "update article set body = 'new'")
    other.commit()
    run(article, WAIT)
    assert wrong(article) == [] and counts(article) == {1: 1, 2: 1, 3: 1}


def test_the_row_itself_is_left_alone(article: Connection, url: str) -> None:
    before = rows(article, "select xmin, ctid from article order by id")
    embed_all(url)
    assert rows(article, "select xmin, ctid from article order by id") == before


def test_workers_and_writers(article: Connection, url: str, start_worker: StartWorker) -> None:
    for _ in range(2):
        start_worker(hash_registry())
    raised: list[BaseException] = []

    def write(seed: int) -> None:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                for number in range(25):
                    run(
                        connection,
                        "insert into article select i, repeat(%s, i %% 4 + %s::int), true"
                        " from generate_series(1, 10) as i"
                        " on conflict (id) do update set body = excluded.body",
                        f"text {seed} {number} of so many. ", number % 9,
                    )  # fmt: skip
                    run(connection, "delete from article where id %% 5 = %s", number % 5)
                    if number == 12 and seed == 0:
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


def test_a_worker_s_second_write_of_the_same_row(article: Connection, url: str) -> None:
    """It had the lease before, and was silent for too long: the newer chunks stay."""
    hand = Hand(url)
    batch = hand.claim()
    run(article, "update article set body = 'newer' where id = 1")
    run(article, "update sqlembed.lease set locked_until = clock_timestamp()")
    embed_all(url)
    sources, _ = hand.jobs.read(batch, batch.keys)
    assert {source.text for source in sources} == {"newer", "short"}
    hand.connection.close()
    assert wrong(article) == [] and counts(article) == {1: 1, 2: 1}


@pytest.fixture
def acting(url: str, article: Connection, role: str) -> Iterator[Connection]:
    """A connection as a role that sees some of the rows."""
    run(article, "create policy visible on article using (public)")
    run(article, "alter table article enable row level security")
    run(article, f"grant select on article to {role}")
    with psycopg.connect(url, autocommit=True) as connection:
        run(connection, f"set role {role}")
        yield connection


def test_a_reader_sees_the_chunks_of_the_rows_that_it_sees(
    article: Connection, acting: Connection, url: str
) -> None:
    embed_all(url)
    assert counts(acting).keys() == {1}
    search = "select (base).id from sqlembed.vector_search(null::article, '[1,1,1,1,1,1,1,1]', 5{})"
    for more in ("", ", mode => 'exact'", ", filter => 'id > 0'"):
        assert rows(acting, search.format(more)) == [(1,)]
    run(article, "update article set public = not public")
    assert counts(acting).keys() == {2}
    run(article, "delete from article where id = 2")
    assert counts(acting) == {}
    assert scalar(article, "select count(*) from article_embedding") > 1
    for statement in (
        "delete from article_embedding",
        "update article_embedding set chunk = 'mine'",
        "truncate article_embedding",
    ):
        refused(acting, "42501", statement)
