"""Long texts in chunks beside the table: what is made, and what is refused."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

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
    Connection,
    declare,
    embed_all,
    function_registry,
    refused,
    rows,
    run,
    scalar,
)

__all__ = ["article", "chunked"]


def test_what_is_made(article: Connection, shared_url: str) -> None:
    run(article, "insert into article values (1, %s), (2, 'short')", LONG)
    assert declare(article, "article", "body", chunking=CHUNKING, index="hnsw") == 2
    assert rows(
        article,
        "select attname, format_type(atttypid, atttypmod),"
        " col_description(attrelid, attnum) is null from pg_attribute"
        " where attrelid = 'article_embedding'::regclass and attnum > 0"
        " order by attnum",
    ) == [
        ("id", "integer", True),
        ("ordinal", "integer", False),
        ("span", "int4range", False),
        ("chunk", "text", False),
        ("chunk_hash", "bytea", False),
        ("source_hash", "bytea", False),
        ("embedding", "vector(8)", True),
    ]
    assert rows(article, "select place, chunking from sqlembed.embedding") == [
        ("side", {"characters": 60, "overlap": 10, "format": "plain", "headings": False})
    ]
    embed_all(shared_url)
    assert wrong(article) == []
    assert counts(article)[1] > 10 and counts(article)[2] == 1
    # Rows, not chunks.
    assert rows(article, "select total, embedded, blank, pending from sqlembed.status") == [
        (2, 2, 0, 0)
    ]
    spans = rows(
        article,
        "select lower(span), upper(span), length(chunk) from article_embedding where id = 1"
        " order by ordinal",
    )
    assert spans[0][0] == 1 and spans[-1][1] == len(LONG) + 1
    assert all(length <= 60 for _, _, length in spans)
    # Each begins before its predecessor's end.
    assert all(one[1] > other[0] for one, other in itertools.pairwise(spans))


def test_by_the_embedder_s_tokens(article: Connection, shared_url: str) -> None:
    declare(article, "article", "body", chunking='{"tokens": 12, "overlap": 2}')
    run(article, "insert into article values (1, %s)", LONG)
    registry, words = words_registry()
    embed_all(shared_url, registry)
    assert wrong(article) == []
    texts = [
        text for (text,) in rows(article, "select chunk from article_embedding order by ordinal")
    ]
    assert {len(text.split()) for text in texts[:-1]} == {10}
    assert texts[1].split()[:2] == texts[0].split()[-2:]
    assert sorted(words.texts[1:] if words.texts[0] == "warm" else words.texts) == sorted(texts)


def test_an_embedder_that_counts_no_tokens(article: Connection, shared_url: str) -> None:
    declare(article, "article", "body", chunking='{"tokens": 12}')
    run(article, "insert into article values (1, 'text')")
    embed_all(shared_url)
    # Nobody's text is to blame.
    assert rows(article, "select pending, failed from sqlembed.status") == [(1, 0)]
    said = scalar(article, "select last_error from sqlembed.status")
    assert "counts no tokens" in said and "characters" in said
    run(article, "update sqlembed.job set not_before = now()")
    embed_all(shared_url, words_registry()[0])
    assert wrong(article) == [] and counts(article) == {1: 1}


@pytest.mark.parametrize(
    ("chunking", "said"),
    [
        ("[]", "is an object, not array"),
        ("256", "is an object, not number"),
        ("{}", "needs one of tokens and characters"),
        ('{"tokens": 10, "characters": 10}', "needs one of tokens and characters"),
        ('{"tokens": 10, "size": 3, "Overlap": 1}', "has no 'size', 'Overlap'"),
        ('{"tokens": "256"}', 'tokens must be a whole number from 8 to 1000000, not "256"'),
        ('{"tokens": 12.5}', "tokens must be a whole number"),
        ('{"tokens": null}', "not null"),
        ('{"tokens": 7}', "from 8"),
        ('{"tokens": -256}', "from 8"),
        ('{"characters": 10000000000}', "characters must be a whole number"),
        ('{"tokens": 10, "overlap": -1}', "overlap must be a whole number of tokens from 0"),
        ('{"tokens": 10, "overlap": true}', "overlap must be a whole number"),
        ('{"tokens": 10, "overlap": 10}', "overlap (10) must be less than tokens (10)"),
        ('{"tokens": 10, "format": "html"}', 'format must be "plain" or "markdown", not "html"'),
        ('{"tokens": 10, "headings": 1}', "headings must be true or false, not 1"),
        ('{"tokens": 10, "headings": true}', 'headings needs format "markdown"'),
    ],
)
def test_what_is_refused(article: Connection, chunking: str, said: str) -> None:
    statement = "select sqlembed.create_embedding('article', 'hash', 'body', chunking => %s)"
    message = refused(article, "SE014", statement, chunking)
    assert said in message and "Such as chunking =>" in message
    assert scalar(article, "select to_regclass('article_embedding')") is None


def test_headings_go_before_what_is_embedded(article: Connection, shared_url: str) -> None:
    declare(
        article,
        "article",
        "body",
        chunking='{"tokens": 20, "format": "markdown", "headings": true}',
    )
    text = (
        "Before.\n\n# Cats\n\n## Food\n\nThey eat mice.\n\n```\n# no heading\n```\n\n"
        "## Sleep\n\n" + "All day long they sleep. " * 10 + "\n\n# Dogs\n"
    )
    run(article, "insert into article values (1, %s)", text)
    registry, words = words_registry()
    embed_all(shared_url, registry)
    inputs = [text for text in words.texts if text != "warm"]
    assert "Before." in inputs
    assert "Cats\nFood\n\nThey eat mice.\n\n```\n# no heading\n```" in inputs
    assert sum(one.startswith("Cats\nSleep\n\nAll day") for one in inputs) > 1
    assert "# Dogs" in inputs
    assert max(words.count_tokens(inputs)) <= 20
    assert rows(article, "select 1 from article_embedding where chunk ~ 'Cats|Food|Sleep'") == []
    assert scalar(
        article,
        "select bool_and(substr(body, lower(span), upper(span) - lower(span)) = chunk)"
        " from article join article_embedding using (id)",
    )


@pytest.mark.parametrize(
    "text",
    [
        "e\u0301" * 100,
        "👩‍👩‍👧‍👦" * 30,
        "日本語の長い文章。" * 30,
        "x" * 500,
        "%s \\ ' \" $1 {} :name " * 20,
        "a\r\nb\r\r\n" * 40,
    ],
)
def test_no_character_is_cut(article: Connection, shared_url: str, text: str) -> None:
    declare(article, "article", "body", chunking='{"characters": 25}')
    run(article, "insert into article values (1, %s)", text)
    embed_all(shared_url)
    assert wrong(article) == []
    chunks = [chunk for (chunk,) in rows(article, "select chunk from article_embedding")]
    assert chunks
    for whole in ("e\u0301", "👩‍👩‍👧‍👦"):
        if whole in text:
            assert {re.sub(whole, "", chunk) for chunk in chunks} == {""}


def test_ten_megabytes(article: Connection, shared_url: str) -> None:
    declare(article, "article", "body", chunking='{"characters": 5000, "overlap": 100}')
    run(article, "insert into article select 1, string_agg('line ' || i, E'\\n') from"
        " generate_series(1, 900000) as i")  # fmt: skip
    embed_all(shared_url, function_registry(lambda texts: np.ones((len(texts), 8))))
    assert scalar(article, "select length(body) from article") > 10_000_000
    assert counts(article)[1] > 2000
    assert scalar(
        article,
        "select max(upper(span)) - 1 = (select length(body) from article) and"
        " bool_and(source_hash = (select sha256(convert_to(body, 'UTF8')) from article))"
        " from article_embedding",
    )


def test_a_side_table_of_whole_texts_is_not_taken_over(article: Connection) -> None:
    declare(article, "article", "body", place="side")
    run(article, "select sqlembed.drop_embedding('article')")
    statement = "select sqlembed.create_embedding('article', 'hash', 'body', chunking => %s)"
    assert "another primary key" in refused(article, "SE011", statement, CHUNKING)


@pytest.mark.parametrize("name", ["ordinal", "span", "chunk", "chunk_hash", "source_hash"])
def test_a_key_column_of_the_same_name(shared: Connection, name: str) -> None:
    run(shared, f"create table article ({name} int primary key, body text)")
    statement = "select sqlembed.create_embedding('article', 'hash', 'body', chunking => %s)"
    assert "Rename" in refused(shared, "SE010", statement, CHUNKING)


def test_a_key_of_many_columns(shared: Connection, shared_url: str) -> None:
    run(shared, "create extension if not exists citext")
    run(
        shared,
        'create table t (day timestamptz, "K %" citext, body text, primary key ("K %", day))',
    )
    declare(shared, "t", "body", chunking=CHUNKING, storage="halfvec", index="hnsw")
    run(shared, "insert into t values (now(), 'A', %s), (now(), 'b', 'x')", LONG)
    run(shared, """update t set "K %" = 'a', body = body || ' more' where "K %" = 'A'""")
    embed_all(shared_url)
    assert scalar(shared, "select embedded from sqlembed.status") == 2
    assert scalar(shared, "select count(distinct source_hash) from t_embedding") == 2
    run(shared, """delete from t where "K %" = 'a'""")
    embed_all(shared_url)
    assert scalar(shared, "select count(*) from t_embedding") == 1


def test_row_status(chunked: Connection, article: Connection) -> None:
    assert rows(chunked, "select state, has_vector from sqlembed.row_status('article', '[1]')") == [
        ("embedded", True)
    ]
    run(chunked, "insert into article values (3, null)")
    run(chunked, "truncate sqlembed.change")
    assert rows(chunked, "select state, has_vector from sqlembed.row_status('article', '[3]')") == [
        ("blank", False)
    ]
