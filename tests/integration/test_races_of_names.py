"""Tables and columns get other names while a worker has their rows in hand."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.fix_worker import StartWorker
from tests.integration.test_races_by_hand import Hand
from tests.integration.working import WAIT, article, fill
from tests.writing import Connection, declare, embed_all, hash_registry, outdated, run, scalar

__all__ = ["article"]

EXCHANGE_TABLES = """
begin;
alter table article rename to article_old;
alter table article_new rename to article;
commit
"""

EXCHANGE_COLUMNS = """
begin;
alter table article rename title to former;
alter table article rename body to title;
alter table article rename former to body;
commit
"""


@pytest.fixture
def hand(url: str) -> Iterator[Hand]:
    """A worker whose steps the test takes by hand."""
    worker = Hand(url)
    yield worker
    worker.connection.close()


def make_second(connection: Connection) -> None:
    run(
        connection,
        "create table article_new (id int primary key, title text, embedding public.vector(8));"
        " insert into article_new select i, 'text ' || i from generate_series(1, 3) as i",
    )


def test_a_table_that_takes_the_place_of_another_gets_no_vector_of_it(
    article: Connection, hand: Hand, url: str
) -> None:
    fill(article, 2)
    make_second(article)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(article, EXCHANGE_TABLES)
    # Its texts are the same.
    with pytest.raises(psycopg.Error, match="has another name now"):
        hand.write(batch, sources)
    with pytest.raises(psycopg.Error, match="has another name now"):
        hand.jobs.read(batch, batch.keys)
    hand.connection.close()
    embed_all(url)
    assert outdated(article, "article_old", "title") == []
    assert scalar(article, "select count(embedding) from article") == 0


def test_a_worker_follows_a_table_whose_place_another_has_taken(
    article: Connection, start_worker: StartWorker
) -> None:
    start_worker(hash_registry())
    fill(article, 2)
    run(article, WAIT)
    make_second(article)
    run(article, EXCHANGE_TABLES)
    run(article, "update article_old set title = 'newer' where id = 1")
    run(article, "insert into article_old values (3, 'text 3')")
    run(article, "call sqlembed.wait_until_embedded('article_old', '20 s')")
    assert outdated(article, "article_old", "title") == []
    assert scalar(article, "select count(embedding) from article") == 0
    assert scalar(article, "select count(*) from sqlembed.failure") == 0


@pytest.mark.parametrize("place", ["row", "side"])
def test_columns_that_change_their_names_with_each_other_while_they_are_in_hand(
    connection: Connection, hand: Hand, url: str, place: str
) -> None:
    """Whoever read the wrong one must not write after another worker has noticed."""
    run(connection, "select sqlembed.register_embedder('hash', 8)")
    run(connection, "create table article (id int primary key, title text, body text)")
    declare(connection, "article", "title", place=place)
    run(connection, "insert into article values (1, 'the title', 'the body')")
    described = hand.claim()
    run(connection, EXCHANGE_COLUMNS)
    with pytest.raises(psycopg.Error, match="has another name now"):
        hand.jobs.read(described, described.keys)
    hand.jobs.forget(described.embedding)
    anew = hand.jobs._batch(described.embedding, "1", described.keys)
    assert anew is not None
    sources, _ = hand.jobs.read(anew, anew.keys)
    assert [source.text for source in sources] == ["the title"]
    run(connection, EXCHANGE_COLUMNS)
    with pytest.raises(psycopg.Error, match="has another name now"):
        hand.write(anew, sources)
    hand.connection.close()
    embed_all(url)
    if place == "row":
        assert outdated(connection, "article", "title") == []
    else:
        assert scalar(connection, "select embedded from sqlembed.status") == 1


def test_what_is_dropped_and_declared_anew_gets_no_vector_of_before(
    article: Connection, hand: Hand, url: str
) -> None:
    fill(article, 2)
    batch = hand.claim()
    sources, _ = hand.jobs.read(batch, batch.keys)
    run(article, "select sqlembed.drop_embedding('article')")
    declare(article, "article", "title || '!'")
    embed_all(url)
    assert hand.write(batch, sources) == set()
    hand.jobs.finish(batch, batch.keys)
    assert outdated(article, "article", "title || '!'") == []
