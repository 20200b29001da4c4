"""Chunks of texts that change, go, fail or are declared anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from sqlembed.embedders import Registry
from sqlembed.worker import Worker
from tests.sql.chunked import (
    CHUNKING,
    LONG,
    article,
    chunked,
    counts,
    words_registry,
    wrong,
)
from tests.writing import (
    HASH,
    Connection,
    changes,
    declare,
    embed_all,
    function_registry,
    refused,
    rows,
    run,
    scalar,
)

__all__ = ["article", "chunked"]


def test_not_in_the_writing_transaction(article: Connection) -> None:
    statement = (
        "select sqlembed.create_embedding('article', 'hash', 'body', chunking => %s,"
        " timing => 'sync')"
    )
    assert "timing => 'async'" in refused(article, "SE014", statement, CHUNKING)


def test_a_text_grows_shrinks_and_goes(chunked: Connection, shared_url: str) -> None:
    before = counts(chunked)[1]
    run(chunked, "update article set body = body || ' ' || body where id = 1")
    assert scalar(chunked, "select embedded from sqlembed.status") == 1
    embed_all(shared_url)
    assert wrong(chunked) == [] and counts(chunked)[1] > 1.5 * before
    run(chunked, "update article set body = left(body, 100) where id = 1")
    embed_all(shared_url)
    assert wrong(chunked) == [] and counts(chunked)[1] == 2
    run(chunked, "update article set body = ' ' where id = 1")
    run(chunked, "update article set body = null where id = 2")
    embed_all(shared_url)
    assert counts(chunked) == {}
    assert rows(chunked, "select total, embedded, blank, pending from sqlembed.status") == [
        (2, 0, 2, 0)
    ]


def test_deleted_renamed_and_truncated_rows(chunked: Connection, shared_url: str) -> None:
    run(chunked, "update article set id = 3 where id = 1")
    embed_all(shared_url)
    assert wrong(chunked) == [] and counts(chunked).keys() == {2, 3}
    run(chunked, "delete from article where id = 3")
    embed_all(shared_url)
    assert wrong(chunked) == [] and counts(chunked) == {2: 1}
    run(chunked, "truncate article")
    embed_all(shared_url)
    assert counts(chunked) == {}
    assert rows(chunked, "select total, embedded, pending from sqlembed.status") == [(0, 0, 0)]


def test_more_chunks_are_left_over_than_go_at_once(chunked: Connection, shared_url: str) -> None:
    run(chunked, "delete from article where id = 1")
    run(chunked, "truncate sqlembed.change")
    number = scalar(chunked, "select id from sqlembed.embedding")
    remove = "select key from sqlembed._remove_vectors(%s, '{[]}', 5) as key"
    left = counts(chunked)[1]
    while left > 0:
        rows(chunked, remove, number)
        left -= 5
        assert counts(chunked).get(1, 0) == max(left, 0)
    assert rows(chunked, remove, number) == [([],)]


def test_only_changed_chunks_are_embedded_again(article: Connection, shared_url: str) -> None:
    paragraphs = [f"This is paragraph {number} of them all." for number in range(50)]
    declare(article, "article", "body", chunking='{"characters": 40}')
    run(article, "insert into article values (1, %s)", "\n\n".join(paragraphs))
    registry, words = words_registry()
    embed_all(shared_url, registry)
    assert counts(article) == {1: 50}
    run(article, "truncate sqlembed.cache")
    words.texts.clear()
    paragraphs[20] = "This one is another one now."
    del paragraphs[10]
    run(article, "update article set body = %s", "\n\n".join(paragraphs))
    embed_all(shared_url, registry)
    assert [text for text in words.texts if text != "warm"] == ["This one is another one now."]
    assert wrong(article) == [] and counts(article) == {1: 49}
    # To be embedded anew is to be embedded anew.
    words.texts.clear()
    run(article, "update article_embedding set embedding = '[1,1,1,1,1,1,1,1]'")
    run(article, "select sqlembed.refresh_embedding('article')")
    run(article, "truncate sqlembed.cache")
    embed_all(shared_url, registry)
    assert wrong(article) == [] and len([text for text in words.texts if text != "warm"]) == 49


def test_other_columns_cost_nothing(chunked: Connection) -> None:
    run(chunked, "update article set views = views + 1")
    assert changes(chunked) == []


def test_poison_is_charged_to_its_row(article: Connection, shared_url: str) -> None:
    seen: list[str] = []

    def picky(texts: Sequence[str]) -> Any:
        if any("word50" in text for text in texts):
            raise ValueError("no 50 here")
        seen.extend(texts)
        return HASH.embed(texts)

    declare(article, "article", "body", chunking=CHUNKING)
    run(article, "insert into article values (1, %s), (2, 'short')", LONG)
    for _ in range(5):
        run(article, "update sqlembed.job set not_before = now()")
        _attempt(shared_url, article, function_registry(picky))
    assert rows(article, "select key, attempts from sqlembed.failure") == [([1], 5)]
    assert "no 50 here" in scalar(article, "select error from sqlembed.failure")
    # All chunks of a row, or none.
    assert counts(article) == {2: 1}
    # The good ones are in the cache, and are not embedded, and paid for, with every attempt.
    assert len([text for text in seen if "word10 " in text]) <= 2
    run(article, "update article set body = replace(body, 'word50', 'fifty') where id = 1")
    embed_all(shared_url, function_registry(picky))
    assert wrong(article) == [] and rows(article, "select * from sqlembed.failure") == []


def _attempt(url: str, connection: Connection, registry: Registry) -> None:
    """Run a worker until every job waits for its next attempt."""
    worker = Worker(url, registry)
    thread = threading.Thread(target=worker.run)
    thread.start()
    end = time.monotonic() + 20
    while scalar(
        connection,
        "select (select count(*) from sqlembed.change) + (select count(*) from sqlembed.lease)"
        " + (select count(*) from sqlembed.job where not_before <= clock_timestamp())",
    ):
        assert time.monotonic() < end
        time.sleep(0.01)
    worker.stop()
    run(connection, "notify sqlembed")
    thread.join(20)


def test_declared_again(chunked: Connection, shared_url: str) -> None:
    same = {"chunking": CHUNKING, "if_not_exists": True}
    assert declare(chunked, "article", "body", **same) == 0
    other = "select sqlembed.create_embedding('article', 'hash', 'body', chunking => %s, index =>"
    other += " 'none', if_not_exists => true)"
    refused(chunked, "SE011", other, '{"characters": 61, "overlap": 10}')
    run(chunked, "select sqlembed.drop_embedding('article')")
    run(chunked, "update article set body = 'new' where id = 2")
    assert declare(chunked, "article", "body", chunking=CHUNKING) == 1
    embed_all(shared_url)
    assert wrong(chunked) == []
    run(chunked, "select sqlembed.drop_embedding('article')")
    run(chunked, "update article_embedding set embedding = '[1,1,1,1,1,1,1,1]'")
    run(chunked, "update article set body = body || ' more' where id = 1")
    run(chunked, "truncate sqlembed.cache")
    wanted = {"chunking": '{"characters": 30}', "adopt": "recompute"}
    assert declare(chunked, "article", "body", **wanted) == 2
    embed_all(shared_url)
    assert wrong(chunked) == []
    assert counts(chunked)[1] > 20
    refused(
        chunked,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'body', place => 'side')",
    )
    run(chunked, "select sqlembed.drop_embedding('article', keep_column => false)")
    assert scalar(chunked, "select to_regclass('article_embedding')") is None
