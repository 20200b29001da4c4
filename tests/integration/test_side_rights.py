"""Who reads a side table: whoever reads the table itself, and of it the same rows."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.sql.beside import beside, found
from tests.writing import Connection, declare, embed_all, refused, register, run, scalar


@pytest.fixture
def reader(connection: Connection, role: str) -> str:
    """The name of a role that may read some rows of an embedded table."""
    register(connection)
    run(connection, "create table article (id int primary key, title text, public boolean)")
    run(connection, "insert into article values (1, 'a', true), (2, 'b', false), (3, 'c', true)")
    run(connection, "create policy visible on article using (public)")
    run(connection, "alter table article enable row level security")
    run(connection, f"grant select on article to {role}")
    return role


@pytest.fixture
def acting(url: str, reader: str) -> Iterator[Connection]:
    """A connection as that role."""
    with psycopg.connect(url, autocommit=True) as connection:
        run(connection, f"set role {reader}")
        yield connection


@pytest.mark.parametrize("on_change", ["hide", "keep"])
def test_a_reader_sees_the_vectors_of_the_rows_that_it_sees(
    connection: Connection, acting: Connection, url: str, on_change: str
) -> None:
    declare(connection, "article", "title", place="side", on_change=on_change, index="hnsw")
    embed_all(url)
    assert beside(acting) == [1, 3]
    assert found(acting) == found(acting, mode="exact") == [1, 3]
    run(connection, "update article set public = not public")
    assert beside(acting) == found(acting) == [2]
    run(connection, "delete from article where id = 2")
    assert beside(acting) == found(acting) == []
    run(connection, "alter table article disable row level security")
    assert beside(acting) == found(acting) == [1, 3]
    # A superuser's view is the whole, and what is left over.
    assert beside(connection) == [1, 2, 3]


def test_a_reader_writes_nothing(connection: Connection, acting: Connection, url: str) -> None:
    declare(connection, "article", "title", place="side")
    embed_all(url)
    for statement in (
        "delete from article_embedding",
        "update article_embedding set id = 7",
        "insert into article_embedding select 9, source_hash, embedding from article_embedding",
        "truncate article_embedding",
    ):
        refused(acting, "42501", statement)


def test_rights_follow_those_of_the_table(
    connection: Connection, acting: Connection, reader: str, url: str
) -> None:
    run(connection, f"revoke select on article from {reader}")
    declare(connection, "article", "title", place="side")
    embed_all(url)
    refused(acting, "42501", "select * from article_embedding")
    run(connection, f"grant select on article to {reader}")
    # Workers see to it.
    embed_all(url)
    assert beside(acting) == [1, 3]
    run(connection, f"revoke select on article from {reader}")
    refused(acting, "42501", "select * from article_embedding")


def test_an_owner_under_its_own_policy(
    connection: Connection, acting: Connection, reader: str, url: str
) -> None:
    run(connection, f"alter table article owner to {reader}")
    run(connection, "alter table article force row level security")
    declare(connection, "article", "title", place="side")
    embed_all(url)
    assert scalar(connection, "select relowner = %s::regrole from pg_class"
                  " where relname = 'article_embedding'", reader)  # fmt: skip
    assert beside(acting) == found(acting) == [1, 3]


def test_a_kept_table_is_its_owner_s_alone(
    connection: Connection, acting: Connection, url: str
) -> None:
    declare(connection, "article", "title", place="side")
    embed_all(url)
    run(connection, "select sqlembed.drop_embedding('article')")
    assert (beside(acting), beside(connection)) == ([], [1, 2, 3])
