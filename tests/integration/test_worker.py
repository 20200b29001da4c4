"""The worker: what it does with rows, connections and its cache."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.errors import NotInstalled, RegistrationRefused
from sqlembed.worker import Progress, Worker, jobs, limits, register_embedders
from tests.fix_worker import StartWorker
from tests.integration.working import WAIT, Noting, article, embedded, fill, until
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

__all__ = ["article"]


def test_a_burst_ends_when_nothing_is_left(article: Connection, url: str) -> None:
    fill(article, 3000)
    told: list[Progress] = []
    embed_all(url, observer=told.append)
    assert outdated(article, "article", "title") == []
    assert scalar(article, "select count(*) from sqlembed._queued") == 0
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
    assert scalar(article, "select count(*) from sqlembed.lease") == 0
    assert scalar(article, "select count(*) from sqlembed.job where worker is not null") == 0
    embed_all(url, function_registry(HASH.embed))
    assert outdated(article, "article", "title") == []


def test_another_fingerprint_or_other_dimensions_are_refused(url: str) -> None:
    register_embedders(url, hash_registry())
    for other in (HashEmbedder("hash", 9), HashEmbedder("hash", 8, version="2")):
        registry = Registry()
        registry.add(other)
        with pytest.raises(RegistrationRefused):
            Worker(url, registry).run(burst=True)


def test_what_cannot_work_at_all_is_raised(empty_url: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        Worker("postgresql://nowhere.invalid/x", hash_registry()).run()
    with pytest.raises(NotInstalled, match="sqlembed is not installed"):
        Worker(empty_url, hash_registry()).run()


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
    monkeypatch.setattr(limits, "WRITE_TIME", timedelta(0))
    monkeypatch.setattr(limits, "BATCH_LIMIT", 30)
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


def test_a_cluster_column_follows_the_worker(
    article: Connection, url: str, registry: Registry
) -> None:
    fill(article, 30)
    Worker(url, registry).run(burst=True)
    article.execute("select sqlembed.create_clustering('article', 'topics', num_clusters => 3)")
    wrong = (
        "select count(*) from article"
        " where cluster is distinct from sqlembed.predict('topics', embedding)"
    )

    run(article, "insert into article values (31, 'another')")
    run(article, "update article set title = 'changed' where id <= 5")

    hidden = scalar(article, "select count(*) from article where cluster is null")
    assert hidden == 6
    Worker(url, registry).run(burst=True)
    assert scalar(article, "select count(cluster) from article") == 31
    assert scalar(article, wrong) == 0
