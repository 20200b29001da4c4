"""``search``: a text finds the rows of an embedded table whose texts are like it."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from sqlembed.embedders import HashEmbedder
from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.sql.searching import declare_articles, distances, literal, remember, rows

TITLES = ("cheap food in town", "a house by the sea", "good food and wine", "how to sail", "food")


@pytest.fixture
def articles(connection: Connection) -> Connection:
    declare_articles(connection, *TITLES)
    remember(connection, "food", "the sea")
    return connection


def found(connection: Connection, arguments: str) -> list[int]:
    statement = f"select (base).id from sqlembed.search(null::article, {arguments})"
    return [row[0] for row in rows(connection, statement)]


def refusal(connection: Connection, arguments: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as raised:
        found(connection, arguments)
    return raised.value


def test_a_text_finds_texts(articles: Connection) -> None:
    assert found(articles, "'food', 3") == [5, 3, 1]
    assert found(articles, "'the sea', k => 1") == [2]
    assert found(articles, "'food', k => 2, mode => 'exact'") == [5, 3]
    assert found(articles, "'food', k => 2, filter => 'year < 2005'") == [3, 1]
    assert found(articles, "query => 'food', filter => 'article.year = 2001'") == [1]


def test_all_that_comes_back(articles: Connection) -> None:
    statement = "select base, distance, score, chunk from sqlembed.search(null::article, 'food', 1)"

    [(base, distance, score, chunk)] = rows(articles, statement)

    assert base.startswith("(5,food,2005,")
    assert distance == pytest.approx(0, abs=1e-6)
    assert (score, chunk) == (None, None)


def test_the_embedder_is_asked_once(articles: Connection) -> None:
    articles.execute("set track_functions = 'all'")

    with articles.transaction():
        assert len(found(articles, "'food', 5, filter => 'id > 0'")) == 5
        calls = rows(
            articles, "select calls from pg_stat_xact_user_functions where funcname = '_ask'"
        )
    assert calls == [(1,)]


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product", "l1"])
def test_the_declared_metric_is_used(connection: Connection, metric: str) -> None:
    declare_articles(connection, *TITLES, metric=metric)
    remember(connection, "food")
    embedder = HashEmbedder("hash", 64)
    expected = distances(embedder.embed(list(TITLES)), embedder.embed(["food"])[0], metric)

    found = rows(connection, "select distance from sqlembed.search(null::article, 'food')")

    assert [row[0] for row in found] == pytest.approx(sorted(expected), abs=1e-5)


def test_the_same_as_vector_search(articles: Connection) -> None:
    vector = literal(HashEmbedder("hash", 64).embed(["food"])[0])

    by_text = rows(articles, "select * from sqlembed.search(null::article, 'food', 4)")
    by_vector = rows(articles, "select * from sqlembed.vector_search(null::article, %s, 4)", vector)

    assert by_text == by_vector


def test_a_worker_embeds_the_query(worker: Worker, connection: Connection) -> None:
    del worker
    connection.execute("create table article (id integer primary key, title text)")
    connection.execute("select sqlembed.create_embedding('article', 'hash', 'title')")
    connection.execute("insert into article values (1, 'quick brown fox'), (2, 'lazy dog')")
    connection.execute("call sqlembed.wait_until_embedded('article')")

    assert found(connection, "'lazy dog'") == [2, 1]
    assert found(connection, "'quick brown fox', 1") == [1]


def test_questions_are_embedded_as_questions(articles: Connection) -> None:
    articles.execute("update sqlembed.embedder set is_asymmetric = true")
    articles.execute(
        "update sqlembed.cache set kind = 'query' where input_hash = sha256('the sea')"
    )

    assert found(articles, "'the sea', 1") == [2]
    assert refusal(articles, "'food', 1").sqlstate == "SE003"


def test_a_row_without_a_vector_waits(articles: Connection) -> None:
    articles.execute("insert into article values (6, 'food', 2020, null)")
    assert 6 not in found(articles, "'food', 10")


@pytest.mark.parametrize("query", ["''", "' \n'", "null", "null::text"])
def test_an_empty_query(articles: Connection, query: str) -> None:
    error = refusal(articles, query)

    assert error.sqlstate == "SE014"
    assert error.diag.message_primary == "sqlembed: the query is empty"
    assert error.diag.message_hint == "Give the text to search for."


def test_arguments_are_checked_before_anything_is_embedded(articles: Connection) -> None:
    unknown = "'never embedded before'"
    assert refusal(articles, f"{unknown}, k => 0").sqlstate == "SE014"
    assert refusal(articles, f"{unknown}, mode => 'fast'").sqlstate == "SE014"
    assert refusal(articles, f"{unknown}, mode => 'hybrid', k => 0").sqlstate == "SE014"
    assert refusal(articles, f"{unknown}, filter => ' '").sqlstate == "SE015"
    assert refusal(articles, f"{unknown}, embedding => 'title'").sqlstate == "SE013"


def test_what_embed_says_is_not_the_filters_fault(articles: Connection) -> None:
    for filter in ("id > 0", "no such thing"):
        error = refusal(articles, f"'never embedded before', filter => '{filter}'")
        assert error.sqlstate == "SE003"
        assert "no worker" in str(error.diag.message_primary)


def test_who_may_not_embed_may_not_search(articles: Connection, role: str) -> None:
    articles.execute("grant select on article to public")
    articles.execute("select sqlembed.revoke_embedder('hash', 'public')")
    articles.execute(sql.SQL("set role {}").format(sql.Identifier(role)))

    error = refusal(articles, "'food'")
    assert error.sqlstate == "42501"
    assert "permission denied for embedder hash" in str(error.diag.message_primary)
    statement = "select (base).id from sqlembed.vector_search(null::article, %s, 1)"
    vector = literal(HashEmbedder("hash", 64).embed(["food"])[0])
    assert rows(articles, statement, vector) == [(5,)]


def test_several_embeddings(articles: Connection) -> None:
    articles.execute(
        "select sqlembed.create_embedding('article', 'hash', 'year::text', embedding => 'other')"
    )

    error = refusal(articles, "'food'")
    assert error.sqlstate == "SE013"
    assert error.diag.message_hint == "Say which, as embedding => '...': embedding, other."
    assert found(articles, "'food', 1, embedding => 'embedding'") == [5]
    assert found(articles, "'food', 1, embedding => 'other'") == []


def test_a_table_without_an_embedding(articles: Connection) -> None:
    articles.execute("create table plain (id integer primary key, v vector(64))")
    with pytest.raises(psycopg.Error, match=r"table public\.plain has no embedding") as raised:
        rows(articles, "select from sqlembed.search(null::plain, 'food')")
    assert raised.value.sqlstate == "SE013"
    assert "sqlembed.create_embedding('public.plain'" in str(raised.value.diag.message_hint)


def test_a_view_has_no_embedding_but_vectors(articles: Connection) -> None:
    articles.execute("create view late as select * from article where year > 2003")

    with pytest.raises(psycopg.Error, match=r"public\.late is not a table") as raised:
        rows(articles, "select from sqlembed.search(null::late, 'food')")
    assert raised.value.sqlstate == "SE013"
    hint = str(raised.value.diag.message_hint)
    assert "sqlembed.vector_search(null::public.late, (select sqlembed.embed(...)))" in hint
    assert rows(
        articles,
        "select (base).id from sqlembed.vector_search("
        "null::public.late, (select sqlembed.embed('hash', 'food')), 1)",
    ) == [(5,)]


def test_each_row_of_a_table_as_a_query(articles: Connection) -> None:
    remember(articles, *TITLES)

    nearest = rows(
        articles,
        "select article.id, (hit.base).id"
        " from article cross join lateral sqlembed.search(article, article.title, 1) as hit"
        " order by 1",
    )

    assert nearest == [(n, n) for n in range(1, 6)]


def test_a_renamed_table_and_a_renamed_key(articles: Connection) -> None:
    articles.execute("alter table article rename column id to number")
    articles.execute("alter table article rename to essay; create schema s")
    articles.execute("alter table essay set schema s")

    statement = "select (base).number from sqlembed.search(null::s.essay, 'food', 1)"
    assert rows(articles, statement) == [(5,)]


def test_two_equal_texts_come_in_the_order_of_their_keys(articles: Connection) -> None:
    articles.execute(
        "insert into article select 10, title, year, embedding from article where id = 5"
    )
    articles.execute("update article set year = 1 where id = 5")

    assert found(articles, "'food', 2") == [5, 10]
