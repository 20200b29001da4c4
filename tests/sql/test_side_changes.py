"""Vectors in a table beside the table: what writers leave behind, and what still counts."""

from __future__ import annotations

import psycopg
import pytest

from tests.sql.beside import beside, found, wrong
from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    outdated,
    refused,
    rows,
    run,
    scalar,
)


@pytest.fixture
def article(shared: Connection) -> Connection:
    run(shared, "create table article (id int primary key, title text, views int default 0)")
    return shared


@pytest.fixture(params=["hide", "keep"])
def embedded(article: Connection, shared_url: str, request: pytest.FixtureRequest) -> Connection:
    """Three rows, embedded beside the table."""
    declare(article, "article", "title", on_change=request.param, place="side")
    run(article, "insert into article values (1, 'a'), (2, 'b'), (3, 'c')")
    embed_all(shared_url)
    assert (changes(article), wrong(article)) == ([], [])
    return article


def counted(connection: Connection) -> list[int]:
    """Return the ids that a search finds, by the index, exactly, and with a filter."""
    by_index = found(connection)
    assert found(connection, mode="exact") == by_index
    assert found(connection, filter="id > 0 and article.views = 0") == by_index
    return by_index


def test_the_row_is_left_alone(article: Connection, shared_url: str) -> None:
    run(article, "insert into article values (1, 'a')")
    declare(article, "article", "title", place="side")
    before = rows(article, "select xmin, ctid from article")
    embed_all(shared_url)
    assert wrong(article) == []
    assert rows(article, "select xmin, ctid from article") == before
    assert rows(article, "select source_hash = sha256('a') from article_embedding") == [(True,)]


def test_what_is_noted(embedded: Connection) -> None:
    run(embedded, "insert into article values (4, 'd'), (5, null)")
    run(embedded, "update article set views = views + 1, title = title")
    run(embedded, "update article set title = 'new' where id = 1")
    run(embedded, "delete from article where id = 2")
    run(embedded, "update article set id = 30 where id = 3")
    assert sorted(changes(embedded)) == [[1], [2], [3], [4], [5], [30]]
    run(embedded, "update article set title = 'x' where false")
    run(embedded, "delete from article where false")
    assert changes(embedded) == []
    run(embedded, "truncate article")
    assert changes(embedded) == [[]]


def test_writers_do_not_touch_the_side_table(embedded: Connection, shared_url: str) -> None:
    with psycopg.connect(shared_url, autocommit=True) as other, embedded.transaction():
        run(embedded, "lock table article_embedding in access exclusive mode")
        run(other, "set lock_timeout = '1s'")
        run(other, "insert into article values (4, 'd')")
        run(other, "update article set title = 'new' where id = 1")
        run(other, "delete from article where id = 2")
        run(other, "truncate article")


def test_a_changed_row_is_hidden_or_kept(embedded: Connection, shared_url: str) -> None:
    run(embedded, "update article set title = 'new' where id = 1")
    hides = scalar(embedded, "select on_change = 'hide' from sqlembed.embedding")
    assert counted(embedded) == ([2, 3] if hides else [1, 2, 3])
    # The vector of the present text is there already.
    run(embedded, "update article set title = 'a' where id = 1")
    assert counted(embedded) == [1, 2, 3]
    run(embedded, "update article set title = 'newer' where id = 1")
    embed_all(shared_url)
    assert (counted(embedded), wrong(embedded)) == ([1, 2, 3], [])


def test_rows_that_are_gone_do_not_count_and_go(embedded: Connection, shared_url: str) -> None:
    run(embedded, "delete from article where id = 1")
    run(embedded, "update article set id = 30 where id = 3")
    assert (counted(embedded), beside(embedded)) == ([2], [1, 2, 3])
    embed_all(shared_url)
    assert (counted(embedded), beside(embedded)) == ([2, 30], [2, 30])
    assert wrong(embedded) == []


def test_keys_that_are_swapped(embedded: Connection, shared_url: str) -> None:
    run(embedded, "alter table article drop constraint article_pkey cascade")
    run(embedded, "alter table article add primary key (id) deferrable")
    run(embedded, "update article set id = 3 - id where id < 3")
    assert 3 in counted(embedded)
    assert sorted(changes(embedded)) == [[1], [2]]
    run(embedded, "update article set id = 3 - id, title = title || '!' where id < 3")
    embed_all(shared_url)
    assert wrong(embedded) == []


def test_truncate(embedded: Connection, shared_url: str) -> None:
    run(embedded, "truncate article")
    assert (counted(embedded), beside(embedded)) == ([], [1, 2, 3])
    embed_all(shared_url)
    assert beside(embedded) == []
    assert rows(embedded, "select pending, failed, total, embedded from sqlembed.status") == [
        (0, 0, 0, 0)
    ]


def test_truncate_and_fill_again(embedded: Connection, shared_url: str) -> None:
    run(embedded, "truncate article")
    run(embedded, "insert into article values (1, 'a'), (2, 'other'), (9, 'i')")
    # The first one's text is still the same.
    assert 1 in counted(embedded) and 3 not in counted(embedded)
    embed_all(shared_url)
    assert (beside(embedded), wrong(embedded)) == ([1, 2, 9], [])


def test_more_rows_are_gone_than_go_at_once(embedded: Connection, shared_url: str) -> None:
    run(embedded, "insert into article select i, 'x' from generate_series(11, 40) as i")
    embed_all(shared_url)
    run(embedded, "delete from article where id > 20")
    run(embedded, "truncate sqlembed.change")
    number = scalar(embedded, "select id from sqlembed.embedding")
    remove = "select key from sqlembed._remove_vectors(%s, '{[], [5]}', 15) as key"
    assert rows(embedded, remove, number) == [([5],)]
    assert len(beside(embedded)) == 13 + 5
    assert rows(embedded, remove, number) == [([],), ([5],)]
    assert (len(beside(embedded)), wrong(embedded)) == (13, [])


def test_blank_texts_have_no_row_beside(embedded: Connection, shared_url: str) -> None:
    run(embedded, "insert into article values (4, null), (5, ''), (6, E' \\n')")
    run(embedded, "update article set title = ' ' where id = 1")
    embed_all(shared_url)
    assert (beside(embedded), wrong(embedded)) == ([2, 3], [])
    assert rows(embedded, "select total, embedded, blank, pending from sqlembed.status") == [
        (6, 2, 4, 0)
    ]


def test_upsert_merge_and_copy(embedded: Connection, shared_url: str) -> None:
    run(
        embedded,
        "insert into article values (1, 'new'), (4, 'd')"
        " on conflict (id) do update set title = excluded.title",
    )
    run(
        embedded,
        "merge into article as a using (values (2), (5)) as v (id) on a.id = v.id"
        " when matched then delete when not matched then insert values (v.id, 'e')",
    )
    with embedded.cursor().copy("copy article (id, title) from stdin") as copy:
        copy.write("6\tcopied\n")
    embed_all(shared_url)
    assert (beside(embedded), wrong(embedded)) == ([1, 3, 4, 5, 6], [])


def test_what_is_rolled_back_leaves_nothing(embedded: Connection) -> None:
    with embedded.transaction(force_rollback=True):
        run(embedded, "truncate article")
        run(embedded, "insert into article values (1, 'new')")
    assert (changes(embedded), counted(embedded)) == ([], [1, 2, 3])


def test_status_tells_hidden_rows_from_embedded_ones(embedded: Connection) -> None:
    run(embedded, "update article set title = 'new' where id = 1")
    run(embedded, "delete from article where id = 2")
    assert rows(embedded, "select total, embedded, pending from sqlembed.status") == [(2, 1, 2)]


def test_refresh_and_retry(embedded: Connection, shared_url: str) -> None:
    run(embedded, "update article_embedding set embedding = '[1,1,1,1,1,1,1,1]'")
    assert scalar(embedded, "select sqlembed.refresh_embedding('article', filter => 'id < 3')") == 2
    assert counted(embedded) == [1, 2, 3]
    embed_all(shared_url)
    assert [text for text, _ in wrong(embedded)] == ["c"]
    number = scalar(embedded, "select id from sqlembed.embedding")
    run(
        embedded,
        "insert into sqlembed.failed_job (embedding, key, attempts, error)"
        " values (%s, '[3]', 5, 'no')",
        number,
    )
    assert rows(embedded, "select embedding, key from sqlembed.failure") == [("embedding", [3])]
    assert scalar(embedded, "select sqlembed.retry_failed('article')") == 1
    embed_all(shared_url)
    assert wrong(embedded) == []


def test_generated_columns_do_with_either(article: Connection, shared_url: str) -> None:
    run(article, "alter table article add loud text generated always as (upper(title)) stored")
    declare(article, "article", "loud", place="side")
    run(article, "insert into article values (1, 'a')")
    embed_all(shared_url)
    run(article, "update article set title = 'b'")
    assert counted(article) == []
    embed_all(shared_url)
    assert counted(article) == [1] and wrong(article, source="t.loud") == []


def test_two_places_on_one_table(article: Connection, shared_url: str) -> None:
    declare(article, "article", "title", embedding="near")
    declare(article, "article", "title || '!'", embedding="far", place="side", storage="halfvec")
    run(article, "insert into article values (1, 'a'), (2, 'b')")
    embed_all(shared_url)
    assert outdated(article, "article", "title", "near") == []
    join = "article as t full join article_far as s using (id)"
    assert wrong(article, join, "t.title || '!'", "s.far") == []
    assert "far, near" in refused(
        article, "SE013", "select * from sqlembed.search(null::article, 'x')"
    )
    for name in ("near", "far"):
        assert found(article, embedding=name) == [1, 2]


def test_a_source_with_names_that_the_caller_has_otherwise(
    article: Connection, shared_url: str
) -> None:
    """Whether a vector counts is decided by the functions of the declaration, not of the caller."""
    declare(article, "article", "concat(title, '!')", place="side")
    run(article, "insert into article values (1, 'a')")
    embed_all(shared_url)
    run(article, "create schema elsewhere")
    run(article, "create function elsewhere.concat(text, text) returns text immutable return 'no'")
    run(article, "set search_path = elsewhere, work, public, pg_catalog")
    assert scalar(article, "select concat('a'::text, '!'::text)") == "no"
    assert counted(article) == [1]
    assert scalar(article, "select embedded from sqlembed.status") == 1
