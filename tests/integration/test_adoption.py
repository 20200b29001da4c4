"""adopt => 'check': vectors that are there are taken over when their embedder made them."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import Worker
from tests.fix_worker import StartWorker
from tests.writing import Connection, declare, embed_all, refused, rows, run, scalar

VECTORS = "select id, embedding::text from article order by id"


@pytest.fixture
def filled(connection: Connection, url: str) -> Connection:
    """A table with vectors of ``hash`` that nobody looks after any more."""
    registry = Registry()
    registry.add(HashEmbedder("hash", 8))
    embed_all(url, registry)
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'Text ' || i from generate_series(1, 150) as i")
    run(connection, "insert into article values (151, ' '), (152, null)")
    declare(connection, "article", "title")
    embed_all(url, registry)
    run(connection, "select sqlembed.drop_embedding('article')")
    return connection


def noticed(connection: Connection) -> list[str]:
    said: list[str] = []
    connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    return said


def untouched(connection: Connection) -> bool:
    return bool(
        scalar(
            connection,
            "select not exists (select from sqlembed.embedding)"
            " and not exists (select from sqlembed.change)"
            " and not exists (select from pg_trigger where tgrelid = 'article'::regclass)",
        )
    )


@pytest.mark.parametrize("options", [{}, {"storage": "halfvec"}, {"metric": "inner_product"}])
def test_vectors_of_the_embedder_are_taken_over(
    filled: Connection, worker: Worker, options: dict[str, Any]
) -> None:
    if "storage" in options:
        run(filled, "alter table article alter embedding type halfvec(8)")
    before = rows(filled, VECTORS)
    said = noticed(filled)
    assert declare(filled, "article", "title", adopt="check", **options) == 2
    assert said == [
        "sqlembed: 100 vectors of embedding were computed again by hash:"
        " cosine distance median 0.000000, largest 0.000000"
    ]
    assert rows(filled, VECTORS) == before


def test_vectors_of_another_text_are_refused(filled: Connection, worker: Worker) -> None:
    before = rows(filled, VECTORS)
    said = refused(
        filled,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'id::text', adopt => 'check')",
    )
    assert said.startswith("sqlembed: of 100 vectors of embedding, ") and "recompute" in said
    assert "another embedder" in said
    assert untouched(filled) and rows(filled, VECTORS) == before


def test_a_text_that_has_changed_since_is_told_apart(filled: Connection, worker: Worker) -> None:
    run(filled, "delete from article where id > 20")
    run(filled, "update article set title = 'another' where id = 7")
    said = refused(
        filled,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'title', adopt => 'check')",
    )
    assert "of 20 vectors of embedding, 1 are not" in said and "changed since" in said
    run(filled, "update article set embedding = null where id = 7")
    assert declare(filled, "article", "title", adopt="check") == 1


def test_lengths_count_where_the_metric_sees_them(filled: Connection, worker: Worker) -> None:
    run(
        filled,
        "update article set embedding = l2_normalize(embedding) * array_fill(2, '{8}')::vector",
    )
    said = refused(
        filled,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'title', metric => 'euclidean',"
        " adopt => 'check')",
    )
    assert "not as long" in said
    assert untouched(filled)
    assert declare(filled, "article", "title", adopt="check") == 2


def test_without_a_worker_nothing_is_taken_over(filled: Connection) -> None:
    refused(
        filled,
        "SE003",
        "select sqlembed.create_embedding('article', 'hash', 'title', adopt => 'check')",
    )
    assert untouched(filled)


def test_a_column_that_is_empty_or_missing_is_filled(filled: Connection, worker: Worker) -> None:
    said = noticed(filled)
    assert declare(filled, "article", "title", embedding="fresh", adopt="check") == 152
    run(filled, "update article set embedding = null")
    assert declare(filled, "article", "title", adopt="check") == 152
    assert said == ["sqlembed: embedding of article holds no vectors that could be compared"]


def test_a_column_of_another_type_is_refused_as_ever(filled: Connection, worker: Worker) -> None:
    run(filled, "alter table article add short vector(4), add word text")
    for column in ("short", "word"):
        refused(
            filled,
            "SE011",
            "select sqlembed.create_embedding('article', 'hash', 'title', %s, adopt => 'check')",
            column,
        )
    assert untouched(filled)


def test_side_tables(connection: Connection, url: str, worker: Worker) -> None:
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'Text ' || i from generate_series(1, 9) as i")
    declare(connection, "article", "title", place="side")
    run(connection, "call sqlembed.wait_until_embedded('article')")
    run(connection, "select sqlembed.drop_embedding('article')")
    run(connection, "update article set title = 'another' where id = 1")
    said = noticed(connection)
    # The row of an older text is made anew in any case.
    assert declare(connection, "article", "title", place="side", adopt="check") == 1
    assert said[0].startswith("sqlembed: 8 vectors of embedding were computed again")
    run(connection, "call sqlembed.wait_until_embedded('article')")
    run(connection, "select sqlembed.drop_embedding('article')")
    run(connection, "update article_embedding set embedding = '[9,0,0,0,0,0,0,0]'")
    refused(
        connection,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'title', place => 'side',"
        " adopt => 'check')",
    )


def test_chunks_are_refused_in_words(connection: Connection, worker: Worker) -> None:
    run(connection, "create table article (id int primary key, title text)")
    said = refused(
        connection,
        "SE014",
        "select sqlembed.create_embedding('article', 'hash', 'title', adopt => 'check',"
        """ chunking => '{"characters": 30}')""",
    )
    assert "chunks" in said


def test_a_writer_is_not_kept_waiting(
    filled: Connection, url: str, start_worker: StartWorker
) -> None:
    run(filled, "delete from sqlembed.cache")
    asked = threading.Event()

    class Slow(HashEmbedder):
        def embed(self, texts: Any, kind: Any = "document") -> Any:
            asked.set()
            time.sleep(1)
            return super().embed(texts, kind)

    registry = Registry()
    registry.add(Slow("hash", 8))
    start_worker(registry)
    asked.clear()
    failed: list[BaseException] = []

    def adopt() -> None:
        try:
            with psycopg.connect(url, autocommit=True) as mine:
                declare(mine, "article", "title", adopt="check")
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=adopt)
    thread.start()
    assert asked.wait(10)
    run(filled, "set lock_timeout = '200ms'")
    run(filled, "insert into article values (200, 'written meanwhile')")
    thread.join()
    assert not failed
    run(filled, "call sqlembed.wait_until_embedded('article')")
    assert scalar(filled, "select embedding is not null from article where id = 200")
