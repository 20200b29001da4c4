"""The worker: what it does with rows, and what with embedders and tables that fail it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import psycopg
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.errors import EmbedderError, NotInstalled, RegistrationRefused, RetryLater
from sqlembed.worker import Progress, Worker, batch, jobs, loop, register_embedders
from tests.fix_worker import StartWorker
from tests.writing import (
    HASH,
    Connection,
    declare,
    embed_all,
    function_registry,
    hash_registry,
    outdated,
    register,
    rows,
    run,
    scalar,
)

WAIT = "call sqlembed.wait_until_embedded('article', '20 s')"
FAILURES = "select key, attempts, error from sqlembed.failure order by key"


@pytest.fixture
def article(connection: Connection) -> Connection:
    """A connection to a database with a declared table ``article``, empty."""
    register(connection)
    run(connection, "create table article (id int primary key, title text)")
    declare(connection, "article", "title")
    return connection


def until(condition: Callable[[], object], seconds: float = 15) -> None:
    """Wait for something that another thread or process is to bring about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def fill(connection: Connection, count: int, title: str = "'text ' || i") -> None:
    run(connection, f"insert into article select i, {title} from generate_series(1, {count}) as i")


def embedded(connection: Connection) -> int:
    return int(scalar(connection, "select count(embedding) from article"))


def due(connection: Connection) -> None:
    """Let no row wait for its next attempt."""
    run(connection, "update sqlembed.job set not_before = now()")


class Noting:
    """A function embedder that keeps every text it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> Any:
        with self.lock:
            self.texts += texts
        return HASH.embed(texts)


def test_a_burst_ends_when_nothing_is_left(article: Connection, url: str) -> None:
    fill(article, 3000)
    told: list[Progress] = []
    embed_all(url, observer=told.append)
    assert outdated(article, "article", "title") == []
    assert scalar(article, "select count(*) from sqlembed.job") == 0
    assert (told[-1].done, told[-1].failed) == (3000, 0)
    assert told[-1].embedding == "article.embedding" and told[-1].embedder == "hash"
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    embed_all(url)
    assert rows(article, "select * from sqlembed.worker") == []


def test_identical_texts_are_computed_once(article: Connection, url: str) -> None:
    noting = Noting()
    fill(article, 500, "'text ' || i % 3")
    embed_all(url, function_registry(noting))
    # The first row comes alone, to learn how long it takes.
    assert set(noting.texts) == {"text 0", "text 1", "text 2"} and len(noting.texts) == 4
    assert outdated(article, "article", "title") == []


def test_vectors_that_sql_has_asked_for_are_not_computed_again(
    article: Connection, start_worker: StartWorker
) -> None:
    noting = Noting()
    start_worker(function_registry(noting))
    run(article, "select sqlembed.embed('hash', 'food')")
    run(article, "insert into article values (1, 'food')")
    run(article, WAIT)
    assert noting.texts == ["food"]
    assert outdated(article, "article", "title") == []


def test_stop_finishes_the_batch(article: Connection, url: str) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(texts: Sequence[str]) -> Any:
        inside.set()
        assert go_on.wait(20)
        return HASH.embed(texts)

    fill(article, 3)
    worker = Worker(url, function_registry(slow))
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert inside.wait(20)
    worker.stop()
    go_on.set()
    thread.join(20)
    assert not thread.is_alive()
    # The first batch is one row, to learn how long it takes.
    assert embedded(article) == 1
    assert scalar(article, "select count(*) from sqlembed.job where worker is not null") == 0
    embed_all(url, function_registry(HASH.embed))
    assert outdated(article, "article", "title") == []


def test_a_poison_text_is_isolated_and_given_up(
    article: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_ATTEMPTS", 3)

    def picky(texts: Sequence[str]) -> Any:
        if any("poison" in text for text in texts):
            raise ValueError("poison")
        return HASH.embed(texts)

    fill(article, 200)
    run(article, "update article set title = 'poison ' || id where id in (7, 77)")
    worker = Worker(url, function_registry(picky))
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(lambda: embedded(article) == 198)
    tried = "select count(*) from sqlembed.job where attempts = "
    for attempts in "12":
        until(partial(lambda tried: scalar(article, tried) == 2, tried + attempts))
        assert rows(article, FAILURES) == []
        # Half a minute at most, however often it has failed.
        assert scalar(
            article, "select bool_and(not_before between now() and now() + '4 s') from sqlembed.job"
        )
        due(article)
    until(lambda: len(rows(article, FAILURES)) == 2)
    said = "embedder 'hash' failed: ValueError: poison"
    assert rows(article, FAILURES) == [([7], 3, said), ([77], 3, said)]
    assert scalar(article, "select count(*) from sqlembed.job") == 0
    run(article, WAIT)
    worker.stop()
    run(article, "notify sqlembed")
    thread.join()
    assert scalar(article, "select sqlembed.retry_failed('article')") == 2
    embed_all(url, function_registry(HASH.embed))
    assert outdated(article, "article", "title") == []
    assert rows(article, FAILURES) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: [], "shape"),
        (lambda texts: np.ones((len(texts) + 1, 8)), "shape"),
        (lambda texts: np.ones((len(texts), 7)), "7 dimensions"),
        (lambda texts: np.full((len(texts), 8), np.nan), "NaN"),
        (lambda _: None, "nothing"),
        (lambda texts: [["x"] * 8 for _ in texts], "instead of numbers"),
    ],
)
def test_an_embedder_that_breaks_its_contract_fails_its_rows(
    article: Connection,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Sequence[str]], Any],
    said: str,
) -> None:
    monkeypatch.setattr(jobs, "MAX_ATTEMPTS", 1)
    fill(article, 3)
    embed_all(url, function_registry(answer))
    assert [key for key, _, _ in rows(article, FAILURES)] == [[1], [2], [3]]
    assert all(said in error for _, _, error in rows(article, FAILURES))


def test_retry_later_backs_off_that_embedder_and_charges_nobody(
    article: Connection, start_worker: StartWorker
) -> None:
    calls: list[int] = []

    def limited(texts: Sequence[str]) -> Any:
        calls.append(len(texts))
        if len(calls) == 3:
            raise RetryLater(timedelta(seconds=1), "quota is used up")
        return HASH.embed(texts)

    registry = function_registry(limited, batch_size=10)
    registry.add(HashEmbedder("other", 8))
    register(article, "other")
    run(article, "create table busy (id int primary key, title text)")
    declare(article, "busy", "title", embedder="other")
    fill(article, 100)
    start_worker(registry)
    until(lambda: len(calls) == 3)
    # What was computed before is written; others are served meanwhile.
    until(lambda: embedded(article) == 11)
    run(article, "insert into busy values (1, 'x')")
    until(lambda: scalar(article, "select count(embedding) from busy") == 1)
    assert len(calls) == 3
    assert scalar(
        article, "select last_error from sqlembed.status where embedder = 'hash'"
    ).startswith("quota is used up")
    assert scalar(article, "select max(attempts) from sqlembed.job") == 0
    run(article, WAIT)
    assert outdated(article, "article", "title") == []
    assert calls[:4] == [1, 10, 10, 10] and sum(calls) == 110


def test_an_embedder_out_of_reach_charges_nobody(article: Connection, url: str) -> None:
    def unreachable(_: Sequence[str]) -> Any:
        raise ConnectionError("no route")

    fill(article, 3)
    worker = Worker(url, function_registry(unreachable))
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(
        lambda: (
            scalar(article, "select last_error from sqlembed.status where pending > 0")
            == "embedder 'hash' failed: ConnectionError: no route"
        )
    )
    worker.stop()
    run(article, "notify sqlembed")
    thread.join()
    assert scalar(article, "select max(attempts) from sqlembed.job") == 0


def test_another_fingerprint_or_other_dimensions_are_refused(url: str) -> None:
    register_embedders(url, hash_registry())
    for other in (HashEmbedder("hash", 9), HashEmbedder("hash", 8, version="2")):
        registry = Registry()
        registry.add(other)
        with pytest.raises(RegistrationRefused):
            Worker(url, registry).run(burst=True)


def test_an_embedder_that_does_not_load_takes_no_work(article: Connection, url: str) -> None:
    class Broken(HashEmbedder):
        def warm_up(self) -> None:
            raise EmbedderError("no weights")

    registry = Registry()
    registry.add(Broken("hash", 8))
    fill(article, 1)
    with pytest.raises(EmbedderError, match="no weights"):
        Worker(url, registry).run(burst=True)
    assert scalar(article, "select count(*) from sqlembed.change") == 1


def test_what_cannot_work_at_all_is_raised(empty_url: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        Worker("postgresql://nowhere.invalid/x", hash_registry()).run()
    with pytest.raises(NotInstalled, match="sqlembed is not installed"):
        Worker(empty_url, hash_registry()).run()


def test_a_row_that_the_table_refuses_stops_no_other(
    article: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_ATTEMPTS", 1)
    run(
        article,
        """
        create function refuse() returns trigger language plpgsql as $$
        begin
            if new.id = 5 then
                raise exception 'not this one' using errcode = 'MY001';
            end if;
            return new;
        end $$;
        create trigger refuse before update on article for each row execute function refuse();
        alter table article add constraint small check (embedding is null or id <> 6)
        """,
    )
    fill(article, 20)
    embed_all(url)
    assert embedded(article) == 18
    assert [(key, error.split('"')[0]) for key, _, error in rows(article, FAILURES)] == [
        ([5], "not this one"),
        ([6], "new row for relation "),
    ]


def test_a_table_that_cannot_be_served_stops_no_other(
    article: Connection, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    run(article, "create table fine (id int primary key, title text)")
    declare(article, "fine", "title")
    fill(article, 3)
    run(article, "insert into fine values (1, 'x')")
    run(article, "alter table article rename title to headline")
    with caplog.at_level(logging.ERROR, "sqlembed.worker"):
        # It ends nevertheless.
        embed_all(url)
    assert [record.message for record in caplog.records] == ["cannot serve"]
    assert scalar(article, "select count(embedding) from fine") == 1
    assert scalar(article, "select max(attempts) from sqlembed.job") == 0


def test_a_policy_that_hides_rows_is_an_error(article: Connection, url: str, role: str) -> None:
    """Hidden rows would pass for deleted ones, and never get a vector."""
    from sqlembed.worker.link import connect

    fill(article, 1)
    run(article, "alter table article enable row level security")
    run(article, f"grant select on article to {role}")
    with connect(url) as connection:
        run(connection, f"set role {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            run(connection, "select * from public.article")


def test_a_broken_connection_is_opened_again(
    article: Connection, start_worker: StartWorker, registry: Registry
) -> None:
    start_worker(registry)
    fill(article, 1)
    run(article, WAIT)
    for _ in range(2):
        run(
            article,
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'sqlembed worker' and datname = current_database()",
        )
        run(article, "insert into article select max(id) + 1, 'again' from article")
        until(lambda: outdated(article, "article", "title") == [])
    assert scalar(article, "select count(*) from sqlembed.worker") == 1


def test_a_connection_lost_in_mid_batch_loses_nothing(article: Connection, url: str) -> None:
    cut: list[int] = []

    def cutting(texts: Sequence[str]) -> Any:
        if not cut:
            cut.append(1)
            run(
                article,
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'sqlembed worker' and datname = current_database()",
            )
        return HASH.embed(texts)

    fill(article, 50)
    embed_all(url, function_registry(cutting))
    assert cut and outdated(article, "article", "title") == []
    assert scalar(article, "select count(*) from sqlembed.worker_process") == 0


def test_a_batch_holds_so_much_text_and_no_more(
    article: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "TEXT_BUDGET", 1000)
    sizes: list[int] = []

    def sized(texts: Sequence[str]) -> Any:
        sizes.append(sum(map(len, texts)))
        return HASH.embed(texts)

    fill(article, 40, "repeat('x', 100) || i")
    run(article, "update article set title = repeat('y', 5000) where id = 9")
    embed_all(url, function_registry(sized))
    assert outdated(article, "article", "title") == []
    assert max(size for size in sizes if size < 5000) <= 1100 and max(sizes) <= 6100


def test_vectors_are_written_in_short_statements(
    article: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that changes a row waits for one of them at most."""
    monkeypatch.setattr(batch, "WRITE_TIME", timedelta(0))
    monkeypatch.setattr(loop, "BATCH_LIMIT", 30)
    run(
        article,
        "create function count_statements() returns trigger language plpgsql as $$"
        " begin insert into statement default values; return null; end $$;"
        " create table statement (at timestamptz default now());"
        " create trigger count after update on article execute function count_statements()",
    )
    fill(article, 30)
    embed_all(url)
    assert outdated(article, "article", "title") == []
    assert scalar(article, "select count(*) from statement") == 30


@pytest.mark.usefixtures("worker")
def test_the_cache_keeps_the_newest(article: Connection) -> None:
    for text in "abcd":
        run(article, "select sqlembed.embed('hash', %s)", text)
    run(article, "select sqlembed._sweep(2)")
    assert scalar(article, "select count(*) from sqlembed.cache") == 2
    run(article, "select sqlembed._sweep(0)")
    assert scalar(article, "select count(*) from sqlembed.cache") == 0


def test_halfvec_and_blank_rows_in_one_batch(article: Connection, url: str) -> None:
    run(article, "create table half (id int primary key, title text)")
    declare(article, "half", "title", storage="halfvec", on_change="keep")
    run(
        article,
        "insert into half select i, case when i % 3 > 0 then 'text ' || i end"
        " from generate_series(1, 30) as i",
    )
    embed_all(url)
    assert outdated(article, "half", "title", "embedding::vector") == []
    run(article, "update half set title = case when id % 2 > 0 then 'again ' || id end")
    embed_all(url)
    assert outdated(article, "half", "title", "embedding::vector") == []
