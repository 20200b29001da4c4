"""row_status: how far one row is, for those who may see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.test_status import article, spoil
from tests.writing import (
    Connection,
    declare,
    embed_all,
    fold,
    refused,
    rows,
    run,
    scalar,
)

__all__ = ["article"]


def state(connection: Connection, key: str, relation: str = "article") -> list[tuple[Any, ...]]:
    return rows(
        connection,
        "select embedding, state, has_vector, attempts from sqlembed.row_status(%s, %s)",
        relation,
        key,
    )


def test_the_states_of_a_row(article: Connection, shared_url: str) -> None:
    # Noted, then a job.
    assert state(article, "[1]") == [("embedding", "pending", False, 0)]
    fold(article)
    assert state(article, "[1]") == [("embedding", "pending", False, 0)]
    assert scalar(
        article,
        "select changed_at between now() - interval '1 min' and now()"
        " from sqlembed.row_status('article', '[1]')",
    )
    spoil(shared_url)
    assert state(article, "[1]") == [("embedding", "embedded", True, 0)]
    assert state(article, "[2]") == [("embedding", "failed", False, 1)]
    assert state(article, "[3]") == [("embedding", "blank", False, 0)]
    assert "cannot take 'bad'" in scalar(
        article, "select error from sqlembed.row_status('article', '[2]')"
    )
    assert state(article, "[4]") == []
    run(article, "select sqlembed.retry_failed('article')")
    assert state(article, "[2]") == [("embedding", "pending", False, 1)]
    # Nothing stays behind.
    assert scalar(article, "select count(*) from sqlembed._row_work") == 0


def test_a_failed_attempt_is_told(article: Connection) -> None:
    fold(article)
    run(
        article,
        "update sqlembed.job set attempts = 2, error = 'no', not_before = now() + '1 h'"
        " where key = '[2]'",
    )
    assert rows(
        article,
        "select state, attempts, error, retry_at - now() > '59 min'"
        " from sqlembed.row_status('article', '[2]')",
    ) == [("pending", 2, "no", True)]


def test_several_embeddings(article: Connection, shared_url: str) -> None:
    embed_all(shared_url)
    declare(article, "article", "upper(title)", embedding="loud", on_change="keep")
    assert state(article, "[1]") == [
        ("embedding", "embedded", True, 0),
        ("loud", "pending", False, 0),
    ]
    one = "select embedding from sqlembed.row_status('article', '[1]', embedding => %s)"
    assert rows(article, one, "loud") == [("loud",)]
    assert "has no embedding other" in refused(article, "SE013", one, "other")
    run(article, "create table bare (id int primary key)")
    assert "create_embedding" in refused(
        article, "SE013", "select sqlembed.row_status('bare', '[1]')"
    )


@pytest.mark.parametrize(
    "key", ["1", '"1"', "{}", "[]", "[1, 2]", "[null]", "[[1]]", '["one"]', "[99999999999]", None]
)
def test_a_key_of_another_shape_is_refused(article: Connection, key: str | None) -> None:
    said = refused(article, "SE014", "select sqlembed.row_status('article', %s::jsonb)", key)
    assert "is not a key of table article" in said and "(id integer)" in said


def test_a_key_of_several_columns_however_it_is_written(article: Connection) -> None:
    run(
        article,
        'create table "Odd" ("a b" text, at timestamptz, body text, primary key ("a b", at))',
    )
    run(article, "insert into \"Odd\" values ('x''\"\\%', '2024-01-02 03:04:05+02', 'text')")
    declare(article, '"Odd"', "body")
    for at in ("2024-01-02T01:04:05", "2024-01-02 01:04:05"):
        (found,) = rows(
            article,
            "select state from sqlembed.row_status('\"Odd\"',"
            " jsonb_build_array('x''\"\\%%', %s::text))",
            at,
        )
        assert found == ("pending",)
    assert '("a b" text, at timestamp with time zone)' in refused(
        article, "SE014", "select sqlembed.row_status('\"Odd\"', '[1]')"
    )


def test_a_row_that_a_policy_hides_is_none(article: Connection, shared_url: str, role: str) -> None:
    spoil(shared_url)
    run(article, "update article set secret = id = 2")
    run(article, "alter table article enable row level security")
    run(article, "create policy open on article using (not secret)")
    run(article, f"grant usage, create on schema work to {role}; set role {role}")
    assert "permission denied" in refused(
        article, "42501", "select sqlembed.row_status('article', '[1]')"
    )
    run(article, f"reset role; grant select on article to {role}; set role {role}")
    assert state(article, "[1]") == [("embedding", "embedded", True, 0)]
    assert state(article, "[2]") == state(article, "[77]") == []
    # Nor does it come out of what the function reads.
    run(
        article,
        """
        create function work.seen(text) returns boolean language plpgsql cost 0.0000001 as $$
        begin raise exception 'saw %', $1; end $$
        """,
    )
    identity = scalar(article, "select id from sqlembed.embedding")
    run(article, "select set_config('sqlembed.row_key', '[2]', false)")
    run(article, "select set_config('sqlembed.row_embedding', %s, false)", str(identity))
    assert rows(article, "select * from sqlembed._row_work where work.seen(error)") == []
    run(article, "reset role")
    assert state(article, "[2]") == [("embedding", "failed", False, 1)]
    run(article, f"drop function work.seen; revoke all on article from {role}")
    run(article, f"revoke all on schema work from {role}")


def test_vectors_beside_and_renamed_columns(shared: Connection, shared_url: str) -> None:
    run(shared, "create table memo (id int primary key, title text)")
    declare(shared, "memo", "title", place="side")
    run(shared, "insert into memo values (1, 'a'), (2, '')")
    embed_all(shared_url)
    assert state(shared, "[1]", "memo") == [("embedding", "embedded", True, 0)]
    assert state(shared, "[2]", "memo") == [("embedding", "blank", False, 0)]
    run(shared, "update memo set title = 'b' where id = 1")
    assert state(shared, "[1]", "memo") == [("embedding", "pending", False, 0)]

    run(shared, "create table note (id int primary key, title text)")
    declare(shared, "note", "title")
    run(shared, "insert into note values (1, 'a')")
    embed_all(shared_url)
    run(shared, "alter table note rename column embedding to vector")
    assert [row[1:] for row in state(shared, "[1]", "note")] == [("embedded", True, 0)]
