"""The worker with embedders and tables that fail it."""

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
from sqlembed.errors import EmbedderError, RetryLater
from sqlembed.worker import Worker, jobs
from sqlembed.worker.link import connect
from tests.fix_worker import StartWorker
from tests.integration.working import WAIT, article, due, embedded, fill, until
from tests.writing import (
    HASH,
    Connection,
    declare,
    embed_all,
    function_registry,
    outdated,
    refused,
    register,
    rows,
    run,
    scalar,
)

__all__ = ["article"]

FAILURES = "select key, attempts, error from sqlembed.failure order by key"


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
    assert scalar(article, "select count(*) from sqlembed._queued") == 0
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
        (lambda texts: np.full((len(texts), 8), np.nan), "NaN"),
        (lambda _: None, "nothing"),
        (lambda texts: [["x"] * 8 for _ in texts], "instead of numbers"),
    ],
)
def test_rows_without_a_usable_vector_fail(
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


def refuse(_: Sequence[str]) -> Any:
    error = Exception("invalid API key")
    error.status_code = 401  # type: ignore[attr-defined]
    raise error


def unreachable(_: Sequence[str]) -> Any:
    raise ConnectionError("no route")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: [], "shape"),
        (lambda texts: np.ones((len(texts) + 1, 8)), "shape"),
        (lambda texts: np.ones((len(texts), 7)), "7 dimensions"),
        (refuse, "invalid API key"),
        (unreachable, "no route"),
    ],
)
def test_an_embedder_that_does_not_work_fails_no_row(
    article: Connection,
    url: str,
    start_worker: StartWorker,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[Sequence[str]], Any],
    said: str,
) -> None:
    fill(article, 3)
    with caplog.at_level(logging.WARNING, "sqlembed.worker"):
        start_worker(function_registry(answer))
        until(lambda: rows(article, "select resting from sqlembed.worker") == [(["hash"],)])
        last_error = "select last_error from sqlembed.status"
        until(lambda: said in (scalar(article, last_error) or ""))
    # Whoever asks for a vector is told so at once.
    began = time.monotonic()
    assert said in refused(article, "SE005", "select sqlembed.embed('hash', 'x')")
    assert time.monotonic() - began < 3
    assert scalar(article, "select max(attempts) from sqlembed.job") == 0
    assert rows(article, FAILURES) == []
    assert {record.message for record in caplog.records} == {"embedder is down"}


def test_an_embedder_that_comes_back_goes_on(
    article: Connection, start_worker: StartWorker
) -> None:
    down = threading.Event()

    def shaky(texts: Sequence[str]) -> Any:
        if down.is_set():
            raise TimeoutError
        return HASH.embed(texts)

    start_worker(function_registry(shaky))
    fill(article, 3)
    run(article, WAIT)
    down.set()
    run(article, "update article set title = title || '!'")
    until(lambda: rows(article, "select resting from sqlembed.worker") == [(["hash"],)])
    down.clear()
    run(article, WAIT)
    assert outdated(article, "article", "title") == []
    until(lambda: rows(article, "select resting from sqlembed.worker") == [([],)])


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
    # One row shows whether it is back.
    assert calls[:4] == [1, 10, 10, 1] and sum(calls) == 110


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
    run(article, "alter table article drop column title cascade")
    with caplog.at_level(logging.ERROR, "sqlembed.worker"):
        # It ends nevertheless.
        embed_all(url)
    assert [record.message for record in caplog.records] == ["cannot serve"]
    assert scalar(article, "select count(embedding) from fine") == 1
    assert scalar(article, "select max(attempts) from sqlembed.job") == 0


def test_a_policy_that_hides_rows_is_an_error(article: Connection, url: str, role: str) -> None:
    """Hidden rows would pass for deleted ones, and never get a vector."""
    fill(article, 1)
    run(article, "alter table article enable row level security")
    run(article, f"grant select on article to {role}")
    with connect(url) as connection:
        run(connection, f"set role {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            run(connection, "select * from public.article")
