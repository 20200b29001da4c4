"""Searches over chunks go through the index, and hash only the texts of rows that come back."""

from __future__ import annotations

import pytest

from tests.sql.conftest import shared, shared_url
from tests.writing import Connection, changes, declare, rows, run, scalar

__all__ = ["shared", "shared_url"]

QUERY = "'[1,1,1,1,1,1,1,1]'::vector"


@pytest.fixture
def article(shared: Connection) -> Connection:
    """3,000 rows of four chunks each, with random vectors."""
    run(shared, "create table article (id int primary key, body text)")
    declare(shared, "article", "body", chunking='{"characters": 100}', index="hnsw")
    run(shared, "insert into article select i, 'text ' || i from generate_series(1, 3000) as i")
    changes(shared)
    run(
        shared,
        "insert into article_embedding"
        " (id, ordinal, span, chunk, chunk_hash, source_hash, embedding)"
        " select i, n, '[1,6)', 'chunk ' || n, '', sha256(convert_to('text ' || i, 'UTF8')),"
        " (select array_agg(sin(i * 37 + n * 11 + d * 13) + i * 0) from generate_series(1, 8) as d)"
        " ::vector from generate_series(1, 3000) as i, generate_series(1, 4) as n",
    )
    run(shared, "analyze article, article_embedding")
    return shared


def test_the_index_is_used(article: Connection) -> None:
    ((path, index, found, visited, remarks),) = rows(
        article,
        "select path, index_name, rows_found, rows_visited, remarks"
        f" from sqlembed.explain_search(null::article, {QUERY})",
    )
    assert (path, found, remarks) == ("index", 10, [])
    assert "hnsw" in index and visited < 1_000
    exact = f"select distance from sqlembed.vector_search(null::article, {QUERY}, mode => 'exact')"
    assert rows(article, exact.replace(", mode => 'exact'", "")) == rows(article, exact)


@pytest.mark.parametrize(
    ("filter", "path"), [("id <= 2700", "iterative"), ("id in (5, 50, 500)", "exact")]
)
def test_filters(article: Connection, filter: str, path: str) -> None:
    ((taken, found),) = rows(
        article,
        "select path, rows_found from sqlembed.explain_search(null::article,"
        f" {QUERY}, filter => '{filter}')",
    )
    assert (taken, found) == (
        path,
        min(10, scalar(article, f"select count(*) from article where {filter}")),
    )


def test_the_text_is_hashed_once_a_row_that_comes_back(article: Connection) -> None:
    run(
        article,
        "create sequence hashed;"
        " create or replace function article_embedding_hash(r article) returns bytea"
        " language sql stable return (select case when nextval('hashed') > 0"
        " then sha256(convert_to(r.body, 'UTF8')) end)",
    )
    for mode in ("vector", "exact"):
        run(article, "alter sequence hashed restart")
        search = (
            f"select * from sqlembed.vector_search(null::article, {QUERY}, 10, mode => '{mode}')"
        )
        assert len(rows(article, search)) == 10
        assert scalar(article, "select last_value from hashed") <= 12
