"""Rights, other definitions and odd contents: no writer fails, nothing is lost."""

from __future__ import annotations

import pytest
from psycopg import sql

from tests.sql.changing import SOURCE, article, embedded
from tests.writing import (
    HASH,
    Connection,
    changes,
    declare,
    embed_all,
    fold,
    outdated,
    refused,
    rows,
    run,
    scalar,
)

__all__ = ["article", "embedded"]


def test_whoever_may_insert_needs_no_other_right(embedded: Connection, role: str) -> None:
    run(embedded, "create view door as select id, title, body from article")
    run(embedded, f"grant usage on schema work to {role}; grant insert on article, door to {role}")
    run(embedded, f"grant usage on sequence article_id_seq to {role}")
    run(embedded, f"set role {role}")
    run(embedded, "insert into article (title) values ('by a stranger')")
    run(embedded, "reset role")
    run(embedded, f"revoke insert on article from {role}; grant select, update on door to {role}")
    run(embedded, f"set role {role}")
    run(embedded, "insert into door (id, title) values (50, 'through a view')")
    run(embedded, "update door set title = 'changed through a view' where id = 1")
    for statement in (
        "insert into sqlembed.change (embedding, key) select id, '[1]' from sqlembed.embedding",
        "select * from sqlembed.job",
        "select sqlembed._fold_changes(0, '{}', '{}', '{}', '1 min')",
    ):
        refused(embedded, "42501", statement)
    run(embedded, "reset role")
    assert sorted(changes(embedded)) == [[1], [50], [1000]]
    run(embedded, f"revoke all on schema work from {role}; revoke all on article, door from {role}")
    run(embedded, f"revoke all on sequence article_id_seq from {role}")


def test_the_trigger_function_does_not_serve_strangers(article: Connection, role: str) -> None:
    """It runs with the rights of the owner of sqlembed."""
    declare(article, "article", SOURCE)
    name = scalar(article, "select proname from pg_proc where proname ~ '^_note_[0-9]+$'")
    run(article, f"grant usage, create on schema work to {role}; set role {role}")
    run(article, "create table theirs (id int, title text, body text, embedding text)")
    attach = (
        "create trigger x after insert on theirs"
        f" for each statement execute function sqlembed.{name}()"
    )
    refused(article, "42501", attach)
    run(article, "reset role")
    # Its owner may attach it; without the right names for the rows it leads nowhere.
    run(article, attach)
    refused(article, "42P01", "insert into theirs values (1)")
    run(
        article,
        "create temporary view sqlembed_new as"
        " select 1 as id, 'x' as title, null as body, null as embedding",
    )
    assert "create_embedding" in refused(article, "42501", "insert into theirs values (1)")
    run(
        article, f"drop table theirs; drop view sqlembed_new; revoke all on schema work from {role}"
    )


def test_ddl_under_the_triggers_fails_no_writer(embedded: Connection, shared_url: str) -> None:
    for statement in (
        "alter table article rename title to headline",
        "alter table article drop body cascade",
        "alter table article rename embedding to v",
        "alter table article drop v cascade",
        "alter table article rename id to number",
        "alter table article drop constraint article_pkey",
    ):
        run(embedded, statement)
        run(embedded, "insert into article (headline) values ('new')")
        run(embedded, "update article set headline = headline || '!', views = views + 1")
        embed_all(shared_url)
    assert rows(embedded, "select * from sqlembed.embedding") == []


def test_a_source_column_that_is_gone_is_told(embedded: Connection, shared_url: str) -> None:
    run(embedded, "alter table article drop title cascade; alter table article add headline text")
    run(embedded, "update article set body = 'new', headline = 'new ' || id")
    embed_all(shared_url)
    ((told,),) = rows(embedded, "select last_error from sqlembed.status")
    assert told.startswith("column title of its source is gone")
    run(embedded, "select sqlembed.drop_embedding('article')")
    declare(embedded, "article", "headline", adopt="recompute")
    embed_all(shared_url)
    assert outdated(embedded, "article", "headline") == []


def test_a_dropped_table_is_forgotten(embedded: Connection, shared_url: str) -> None:
    run(embedded, "update article set title = 'new'")
    fold(embedded)
    run(embedded, "drop table article")
    assert rows(embedded, "select * from sqlembed.status") == []
    embed_all(shared_url)
    for table in ("embedding", "change", "job", "failed_job"):
        assert rows(embedded, f"select * from sqlembed.{table}") == []
    assert (
        rows(embedded, "select proname from pg_proc where proname ~ '^_(note|hide)_.*[0-9]+$'")
        == []
    )


@pytest.mark.parametrize(
    "statement",
    [
        "alter table article rename id to number",
        "alter table article rename to essay",
        "alter table article set schema elsewhere",
        "alter table article alter id drop identity; alter table article alter id type numeric",
        "alter table article alter id drop identity; alter table article alter id type text",
    ],
)
def test_what_is_renamed_is_followed(embedded: Connection, shared_url: str, statement: str) -> None:
    run(embedded, "create schema elsewhere")
    run(embedded, statement)
    table = scalar(embedded, "select relation::text from sqlembed.status")
    run(embedded, f"insert into {table} values (1001, 'new', 'x')")
    embed_all(shared_url)
    run(embedded, f"update {table} set title = 'newer' where title = 'new'")
    embed_all(shared_url)
    assert outdated(embedded, table, SOURCE) == []
    run(embedded, f"drop table {table}")


@pytest.mark.parametrize(
    "text",
    [None, "", " ", "\n\t \r\n"],
)
def test_blank_text_gets_no_vector_and_is_counted(
    embedded: Connection, shared_url: str, text: str | None
) -> None:
    run(embedded, "update article set title = %s, body = '' where id = 1", text)
    run(embedded, "insert into article values (4, %s, '')", text)
    embed_all(shared_url)
    assert rows(
        embedded, "select total, embedded, blank, pending, failed from sqlembed.status"
    ) == [(4, 2, 2, 0, 0)]
    run(embedded, "update article set title = 'text again'")
    embed_all(shared_url)
    assert outdated(embedded, "article", SOURCE) == []


@pytest.mark.parametrize(
    "text",
    [
        "Straße 中文 😀 e\u0301",
        "\u202eright to left עברית\u202c",
        "C:\\new\\u0041 \\x00 '' $$ %s {} \x01",
        "\u00a0\u2003",
        "x" * 10_000_000,
    ],
    ids=["unicode", "rtl", "escapes", "unicode blanks", "10 MB"],
)
def test_text_of_all_kinds(article: Connection, shared_url: str, text: str) -> None:
    declare(article, "article", "title")
    run(article, "insert into article (title) values (%s)", text)
    embed_all(shared_url)
    ((total, embedded, blank),) = rows(
        article, "select total, embedded, blank from sqlembed.status"
    )
    assert (total, embedded + blank) == (1, 1)
    if embedded:
        given = scalar(article, "select embedding::real[] from article")
        assert given == pytest.approx(HASH.embed([text])[0].tolist(), abs=1e-4)


def test_a_name_of_the_system_s_is_a_name_like_any(shared: Connection, shared_url: str) -> None:
    """A column may be called as a variable or a function that the trigger knows."""
    names = ["found", "new", "tg_op", "row_to_json", "sqlembed_new", "key", "n", "change"]
    columns = ", ".join(f"{sql.Identifier(name).as_string(shared)} text" for name in names)
    run(shared, f"create table t ({columns}, r int primary key, tg_name int)")
    source = " || ".join(sql.Identifier(name).as_string(shared) for name in names)
    declare(shared, "t", source, embedding="old", on_change="keep")
    declare(shared, "t", source, embedding="vector")
    run(shared, f"insert into t values ({', '.join(repr(name) for name in names)}, 1, 2)")
    embed_all(shared_url)
    run(shared, "update t set tg_op = 'changed'")
    embed_all(shared_url)
    assert outdated(shared, "t", source, "old") == []
    assert outdated(shared, "t", source, "vector") == []
