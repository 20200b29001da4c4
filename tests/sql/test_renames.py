"""Columns that get other names: no row is lost meanwhile, and the declaration follows."""

from __future__ import annotations

import pytest

from tests.sql.changing import article, embedded
from tests.writing import Connection, embed_all, outdated, rows, run, scalar

__all__ = ["article", "embedded"]


@pytest.mark.parametrize(
    ("statement", "key", "title", "vector"),
    [
        ("rename id to number", "number", "title", "embedding"),
        ("rename title to headline", "id", "headline", "embedding"),
        ("rename embedding to v", "id", "title", "v"),
    ],
)
def test_no_row_is_lost_by_a_rename(
    embedded: Connection, shared_url: str, statement: str, key: str, title: str, vector: str
) -> None:
    run(embedded, f"alter table article {statement}")
    run(embedded, f"update article set {title} = 'new' where {key} = 1")
    run(embedded, f"insert into article ({key}, {title}, body) values (9, 'nine', 'x')")
    embed_all(shared_url)
    source = f"{title} || ' ' || body"
    assert outdated(embedded, "article", source, vector) == []
    run(embedded, f"update article set {title} = 'newer' where {key} <= 2")
    embed_all(shared_url)
    assert outdated(embedded, "article", source, vector) == []
    assert rows(embedded, "select embedding, last_error from sqlembed.status") == [(vector, None)]
    assert title in scalar(embedded, "select source from sqlembed.embedding")


def test_columns_that_change_their_names_with_each_other(
    embedded: Connection, shared_url: str
) -> None:
    run(
        embedded,
        "alter table article rename title to x; alter table article rename body to title;"
        " alter table article rename x to body",
    )
    run(embedded, "update article set body = 'new' where id = 1")
    embed_all(shared_url)
    assert outdated(embedded, "article", "body || ' ' || title") == []


def test_failures_of_rows_that_are_gone_go(embedded: Connection, shared_url: str) -> None:
    run(
        embedded,
        "insert into sqlembed.failed_job (embedding, key, attempts, error)"
        " select id, key, 5, 'bad'"
        " from sqlembed.embedding, (values ('[1]'::jsonb), ('[99]')) as k (key)",
    )
    embed_all(shared_url)
    assert rows(embedded, "select key from sqlembed.failure") == [([1],)]
    run(embedded, "truncate article")
    embed_all(shared_url)
    assert rows(embedded, "select key from sqlembed.failure") == []
