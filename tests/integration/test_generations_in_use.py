"""Generations of a table that others read and write meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import Worker
from sqlembed.worker.jobs import Jobs
from sqlembed.worker.link import connect
from sqlembed.worker.progress import Progress
from tests.fix_worker import StartWorker
from tests.integration.generating import (
    SEARCH,
    article,
    ready,
    start,
    two,
)
from tests.integration.working import other, until
from tests.writing import HASH, Connection, declare, embed_all, refused, rows, run, scalar

__all__ = ["article", "other"]


def test_a_search_that_began_before_keeps_its_generation(
    article: Connection, other: Connection, url: str, start_worker: StartWorker
) -> None:
    start_worker(two())
    ready(article, url)
    run(other, "set transaction isolation level repeatable read")
    seen = "select (base).id, distance from sqlembed.search(null::article, 'text 7', 5)"
    (first,) = rows(other, "select count(*) from sqlembed.embedding")
    # Its snapshot is there; it has not touched the table.
    run(article, "select sqlembed.switch_generation('article')")
    run(article, "update article set title = 'changed' where id = 7")
    old = rows(other, seen)
    exact = rows(other, seen.replace("5)", "5, mode => 'exact')"))
    assert old == exact and old[0][0] == 7 and old[0][1] < 1e-6
    other.rollback()
    assert rows(other, "select (base).id from sqlembed.search(null::article, 'text 8', 1)") == [
        (8,)
    ]
    assert first


def test_a_search_whose_generation_is_gone_is_to_be_run_again(
    article: Connection, other: Connection, url: str, start_worker: StartWorker
) -> None:
    start_worker(two())
    ready(article, url)
    run(other, "set transaction isolation level repeatable read")
    assert rows(other, "select count(*) from sqlembed.embedding")
    run(article, "select sqlembed.switch_generation('article')")
    run(article, "select sqlembed.drop_generation('article')")
    for statement in (SEARCH, SEARCH.replace("1)", "1, mode => 'exact')")):
        run(other, "savepoint before")
        said = refused(other, "40001", statement, "text 7")
        assert "dropped meanwhile" in said
        run(other, "rollback to before")
    other.rollback()
    assert scalar(other, SEARCH, "text 7") == 7


def test_a_busy_table_is_waited_for_and_not_stalled(
    article: Connection, other: Connection, url: str
) -> None:
    ready(article, url)
    rows(other, "select * from article limit 1")
    said = refused(
        article, "55P03", "select sqlembed.switch_generation('article', timeout => '300 ms')"
    )
    assert "in use" in said
    assert scalar(article, "show lock_timeout") == "0"
    other.rollback()
    run(article, "select sqlembed.switch_generation('article')")
    assert scalar(article, "show lock_timeout") == "0"


def test_what_is_in_use_comes_first(article: Connection, url: str) -> None:
    start(article)
    run(article, "insert into article values (21, 'urgent')")
    served: list[str] = []

    def observe(progress: Progress) -> None:
        served.append(progress.embedder)

    Worker(url, two(), observer=observe).run(burst=True)
    assert served[0] == "hash" and served[-1] == "wide"


def test_a_rate_is_kept(article: Connection, url: str) -> None:
    start(article, rows_per_second=10)
    began = time.monotonic()
    embed_all(url, two())
    # The last batch, of at most ten, is not waited for.
    assert time.monotonic() - began > 0.95
    assert scalar(article, "select embedded from sqlembed.status where embedder = 'wide'") == 20
    refused(article, "SE014", "select sqlembed.create_generation('article', rows_per_second => 0)")


def test_a_search_whose_query_is_being_embedded_meanwhile(
    connection: Connection, url: str, start_worker: StartWorker
) -> None:
    """Vectors of both generations are as long: only the right embedder finds the row."""
    opened, asked = threading.Event(), threading.Event()
    registry = Registry()

    @registry.embedder("old", dimensions=8)
    def old(texts: Sequence[str]) -> Any:
        if "question 7" in texts:
            asked.set()
            assert opened.wait(30)
        return HASH.embed(texts)

    @registry.embedder("new", dimensions=8)
    def new(texts: Sequence[str]) -> Any:
        return -HASH.embed(texts)

    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'question ' || i from generate_series(1, 20) i")
    run(connection, "update article set title = 'question seven' where id = 7")
    start_worker(registry)
    declare(connection, "article", "title", embedder="old")
    run(connection, "call sqlembed.wait_until_embedded('article')")
    start(connection, embedder="new")
    run(connection, "select sqlembed._queue_generations()")
    until(lambda: scalar(connection, PENDING) == 0)
    found: list[Any] = []

    def search() -> None:
        with psycopg.connect(url, autocommit=True) as mine:
            statement = "select distance from sqlembed.search(null::article, 'question 7', 20)"
            found.extend(rows(mine, statement))

    thread = threading.Thread(target=search)
    thread.start()
    assert asked.wait(10)
    run(connection, "select sqlembed.switch_generation('article')")
    opened.set()
    thread.join()
    place = "select title from article"
    (question,) = HASH.embed(["question 7"])
    wanted = sorted(
        1 - float(HASH.embed([title])[0] @ question) for (title,) in rows(connection, place)
    )
    assert [distance for (distance,) in found] == pytest.approx(wanted, abs=1e-5)


HOLDERS = ("article_embedding", "article_embedding_previous")
PENDING = "select pending from sqlembed.status where embedder = 'new'"


@pytest.mark.parametrize("place", ["row", "side"])
def test_a_worker_with_a_batch_in_hand_writes_to_its_own_generation(
    connection: Connection, url: str, place: str
) -> None:
    embed_all(url, two())
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'text ' || i from generate_series(1, 20) as i")
    declare(connection, "article", "title", place=place)
    embed_all(url, two())
    start(connection)
    embed_all(url, two())
    run(connection, "update article set title = 'changed' where id = 7")
    with connect(url) as mine:
        jobs = Jobs(mine, scalar(mine, "select sqlembed._start_worker('by hand', '{hash}')"))
        batch = jobs.claim({"hash": 9}) or jobs.fold({"hash": 9})[1]
        assert batch is not None and batch.keys == ["[7]"]
        sources, _ = jobs.read(batch, batch.keys)
        made = {source.hash or b"": HASH.embed([str(source.text)])[0] for source in sources}
        run(connection, "select sqlembed.switch_generation('article')")
        with pytest.raises(psycopg.Error) as raised:
            jobs.write(batch, sources, made)
        assert raised.value.sqlstate in ("SE017", "42P01", "42703"), raised.value
        jobs.forget(batch.embedding)
        jobs.release(batch, batch.keys, timedelta(0))
        again = jobs.claim({"hash": 9}, of_generations=True)
        assert again is not None and again.keys == ["[7]"]
        jobs.write(again, sources, made)
        jobs.finish(again, again.keys)
    embed_all(url, two())
    holders = {"row": ("article", "article"), "side": HOLDERS}[place]
    for holder, column, length in zip(
        holders, ("embedding", "embedding_previous"), (12, 8), strict=True
    ):
        found = scalar(
            connection, f"select array_agg(distinct vector_dims({column})) from {holder}"
        )
        assert found == [length]
        assert scalar(connection, f"select count({column}) from {holder}") == 20


def test_a_model_of_the_generation_before_does_not_fail_a_process(
    article: Connection, url: str, start_worker: StartWorker
) -> None:
    start_worker(two())
    (given,) = HASH.embed(["text 7"])
    statement = "select sqlembed.embed_given('wide', 'text 7', %s::vector, %s)::real[]"
    found = scalar(article, statement, str(given.tolist()), HASH.fingerprint)
    assert np.allclose(found, HashEmbedder("wide", 12).embed(["text 7"])[0], atol=1e-6)
    refused(article, "SE002", statement, str(given.tolist()), "of nobody here")


def test_writers_that_never_pause_do_not_keep_the_next_one_from_being_built(
    article: Connection, url: str, start_worker: StartWorker
) -> None:
    start_worker(two())
    start(article)
    over = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as mine:
            while not over.is_set():
                run(mine, "update article set title = title || '.' where id = 1")

    writer = threading.Thread(target=write)
    writer.start()
    built = "select embedded from sqlembed.status where embedder = 'wide'"
    until(lambda: scalar(article, built) >= 19, 30)
    over.set()
    writer.join()
