"""The source expression: any text of one row, and nothing else."""

from __future__ import annotations

import pytest

from tests.writing import (
    Connection,
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
    run(
        shared,
        """
        create table article (
            id bigint primary key, title text, body varchar(99), data jsonb, tags text[],
            day timestamptz, other vector(8)
        )
        """,
    )
    run(
        shared,
        """insert into article values (1, 'one', 'first', '{"a": "b"}', '{x,y}', '2020-01-01')""",
    )
    return shared


@pytest.mark.parametrize(
    "source",
    [
        "title",
        "article.title",
        "title -- a comment at the end",
        "/* before */ title",
        "body",
        "title || ' AS sqlembed_source FROM x;' || body",
        "concat_ws(E'\\n', title, body)",
        "format('%s: %s', title, body)",
        "coalesce(title, '') || ' ' || coalesce(data ->> 'a', '')",
        "array_to_string(tags, ', ')",
        "case when day > '2019-01-01' then title else body end",
        "title || to_char(day, 'YYYY')",
        "mine.loud(title)",
        'lower(title) collate "C"',
        "(data #>> '{a}')::varchar(7)",
        "substring(title from 1 for 2)",
        "title::citext",
    ],
)
def test_expressions_that_do(article: Connection, shared_url: str, source: str) -> None:
    run(article, "create schema mine; set search_path = work, public, mine")
    run(
        article,
        "create function mine.loud(t text) returns text language sql immutable"
        " as 'select upper(t)'",
    )
    declare(article, "article", source)
    embed_all(shared_url)
    assert outdated(article, "article", f"({source}\n)") == []
    run(
        article,
        "update article set title = 'two', body = 'second', data = '{\"a\": \"c\"}', tags = '{z}'",
    )
    embed_all(shared_url)
    assert outdated(article, "article", f"({source}\n)") == []


BREAKING_OUT = [
    "title) from pg_class --",
    "title, body",
    "title) as a, (body",
    "title) as sqlembed_source, (body",
    "title) as sqlembed_source from article as article where (true",
    "title) as sqlembed_source from pg_class as c, article as article where (true",
    "title) as sqlembed_source from only article as article; select (1",
    "title) as sqlembed_source from article; drop table article; select (1",
    "title); drop table article; --",
    "title;",
    "title /* open",
    "title)",
    "(title",
    "title) union select (body",
    "distinct title",
    "",
    "'title",
]

UNSUITABLE = {
    "nonsense": "nonsense",
    "id": "bigint",
    "tags": "text[]",
    "data": "jsonb",
    "title = body": "boolean",
    "'constant'": "no column",
    "id || (select relname::text from pg_class limit 1)": "sub-select",
    "(select title)": "sub-select",
    "max(title)": "aggregate",
    "title || row_number() over ()": "window",
    "unnest(tags)": "several rows",
    "article::text": "whole row",
    "to_jsonb(article)::text": "whole row",
    "title || ctid::text": "system column",
    "title || xmin::text": "system column",
    "title || random()::text": "random()",
    "title || clock_timestamp()": "clock_timestamp()",
    "title || now()": "now()",
    "title || current_date": "current",
    "title || age(day)": "age",
    "title || nextval('numbers')": "nextval",
    "mine.fickle(title)": "fickle",
    "title || embedding::text": "embedding",
    "title || other::text": "vector",
}


@pytest.mark.parametrize("source", [*BREAKING_OUT, *UNSUITABLE])
def test_what_does_not_do_is_refused_and_changes_nothing(article: Connection, source: str) -> None:
    run(article, "create sequence numbers; create schema mine")
    run(
        article,
        "create function mine.fickle(t text) returns text language plpgsql"
        " as 'begin return t; end'",
    )
    if source == "title || other::text":
        declare(article, "article", "body", embedding="other")
    before = rows(article, "select * from sqlembed.embedding")
    said = refused(
        article, "SE012", "select sqlembed.create_embedding('article', 'hash', %s)", source
    )
    assert UNSUITABLE.get(source, "") in said and said.splitlines()[1]
    assert rows(article, "select * from sqlembed.embedding") == before
    assert scalar(article, "select count(*) from article") == 1
    assert not rows(
        article,
        "select from pg_attribute where attrelid = 'article'::regclass and attname = 'embedding'",
    )
    assert not rows(
        article,
        "select from pg_trigger where tgrelid = 'article'::regclass and not exists"
        " (select from sqlembed.embedding as e where tgname ~ ('_' || e.id || '$'))",
    )
    assert not rows(article, "select from pg_class where relname ~ '^sqlembed_source_'")


@pytest.mark.parametrize("on_change", ["hide", "keep"])
@pytest.mark.parametrize("kind", ["stored", "virtual"])
def test_a_generated_column_can_be_embedded(
    article: Connection, shared_url: str, kind: str, on_change: str
) -> None:
    if kind == "virtual" and article.info.server_version < 180000:
        kind = "stored"
    run(
        article,
        f"""
        alter table article add "both of" text generated always as (title || ' ' || body) {kind},
            add "both of 2" text generated always as (E'\\\\1 ' || title) {kind}
        """,
    )
    source = """ "both of" || ' "both of" ' || "both of 2" """
    declare(article, "article", source, on_change=on_change)
    embed_all(shared_url)
    assert scalar(article, "select count(embedding) from article") == 1
    run(article, "update article set tags = '{}'")
    assert scalar(article, "select count(*) from sqlembed.change") == 0
    run(article, "update article set title = 'changed'")
    hidden = int(on_change == "hide")
    assert scalar(article, "select count(*) from article where embedding is null") == hidden
    embed_all(shared_url)
    assert outdated(article, "article", source) == []


def test_the_search_path_of_the_declaration_counts(article: Connection, shared_url: str) -> None:
    """A name means what it meant then, in whatever session the row is written."""
    run(article, "create schema a; create schema b")
    for schema in "ab":
        run(
            article,
            f"create function {schema}.mark(t text) returns text language sql immutable"
            f" as $$ select t || ' {schema}' $$",
        )
    run(article, "set search_path = a, work")
    declare(article, "article", "mark(title)")
    assert "a.mark" in scalar(article, "select source from sqlembed.embedding")
    run(article, "set search_path = b, work")
    run(article, "update article set title = 'two'")
    embed_all(shared_url)
    assert outdated(article, "article", "a.mark(title)") == []


def test_one_row_whose_expression_fails_stops_no_other(
    article: Connection, shared_url: str
) -> None:
    run(article, "alter table article add age text")
    declare(article, "article", "title || (10 / age::int)::text", on_change="keep")
    run(article, "truncate article")
    run(
        article,
        "insert into article (id, title, age) select i, 'x', i from generate_series(1, 20) i",
    )
    run(article, "insert into article (id, title, age) values (21, 'x', '0'), (22, 'x', 'old')")
    from sqlembed.worker import jobs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "MAX_ATTEMPTS", 1)
        embed_all(shared_url)
    assert scalar(article, "select count(embedding) from article") == 20
    assert rows(article, "select key, error from sqlembed.failure order by key") == [
        ([21], "division by zero"),
        ([22], 'invalid input syntax for type integer: "old"'),
    ]
    # Neither does it spoil the view.
    assert rows(article, "select total, embedded, blank, failed from sqlembed.status") == [
        (22, 20, None, 2)
    ]
