"""Workers that look after tables at once, beside writers and whoever alters them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.test_races_by_hand import Hand
from tests.integration.working import article, fill, other
from tests.sql.beside import beside
from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    outdated,
    register,
    rows,
    run,
    scalar,
)

__all__ = ["article", "other"]


@pytest.fixture
def hand(url: str) -> Iterator[Hand]:
    """A worker whose steps the test takes by hand."""
    worker = Hand(url)
    yield worker
    worker.connection.close()


def test_two_workers_find_a_new_child_at_once(article: Connection, hand: Hand, url: str) -> None:
    fill(article, 1)
    run(article, "create table child (primary key (id)) inherits (article)")
    run(article, "insert into child values (2, 'text 2')")
    second = Hand(url)
    for step in ("_attach_families", "_follow_families"):
        with hand.connection.transaction():
            run(hand.connection, f"select sqlembed.{step}()")
            # It neither waits nor fails.
            run(second.connection, f"select sqlembed.{step}()")
    for step in ("_attach_families", "_follow_families"):
        run(second.connection, f"select sqlembed.{step}()")
    assert rows(article, "select key from sqlembed.change order by id") == [([1],), ([2],)]
    second.connection.close()
    hand.connection.close()
    embed_all(url)
    assert outdated(article, "article", "title") == []


def test_two_workers_find_a_renamed_column_at_once(
    article: Connection, hand: Hand, url: str
) -> None:
    run(article, "alter table article rename title to headline")
    second = Hand(url)
    with hand.connection.transaction():
        run(hand.connection, "select sqlembed._follow_columns()")
        run(second.connection, "select sqlembed._follow_columns()")
    run(second.connection, "select sqlembed._follow_columns()")
    run(article, "insert into article values (1, 'text 1')")
    second.connection.close()
    hand.connection.close()
    embed_all(url)
    assert outdated(article, "article", "headline") == []


def test_writers_do_not_wait_while_the_rows_of_a_child_are_looked_for(
    article: Connection, other: Connection, hand: Hand
) -> None:
    run(article, "create table child (primary key (id)) inherits (article)")
    run(hand.connection, "select sqlembed._attach_families()")
    with hand.connection.transaction():
        run(hand.connection, "select sqlembed._follow_families()")
        run(other, "insert into child values (2, 'text 2')")
        run(other, "insert into article values (1, 'text 1')")
    other.commit()
    assert rows(article, "select key from sqlembed.change order by id") == [([2],), ([1],)]


def test_a_rename_is_followed_with_its_rows_or_not_at_all(
    connection: Connection, other: Connection, hand: Hand, url: str
) -> None:
    """A table may be locked just then; what was written to it meanwhile is not forgotten."""
    register(connection)
    run(connection, "create table article (id int primary key, title text)")
    declare(connection, "article", "title", place="side")
    fill(connection, 3)
    embed_all(url)
    run(connection, "alter table article rename id to number")
    run(connection, "insert into article values (4, 'text 4')")
    run(connection, "update article set title = 'newer' where number = 1")
    run(connection, "delete from article where number = 2")
    run(other, "lock table article in access exclusive mode")
    run(hand.connection, "select sqlembed._follow_columns()")
    other.rollback()
    hand.connection.close()
    embed_all(url)
    assert beside(connection) == [1, 3, 4]
    assert scalar(connection, "select embedded from sqlembed.status") == 3


def test_a_row_whose_expression_fails_stops_no_worker_that_follows_its_table(
    connection: Connection, hand: Hand
) -> None:
    register(connection)
    run(connection, "create table article (id int primary key, title text, part int)")
    declare(connection, "article", "title || 100 / part", place="side")
    run(connection, "alter table article rename id to number")
    run(connection, "insert into article values (1, 'text 1', 1), (2, 'text 2', 0)")
    run(hand.connection, "select sqlembed._follow_columns()")
    assert changes(connection) == [[1], [2], []]
