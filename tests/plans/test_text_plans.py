"""Which indexes searches by words use, on 5,000 rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection, database_url
from tests.sql.noted import ask, found, register_plane
from tests.sql.searching import rows

# So that only a search by words can find one of them.
FILL = """
insert into note (id, body, nth, embedding)
select n, 'common text, rare' || n, n % 100, array[cosd(n % 180), sind(n % 180)]::vector
from generate_series(1, 5000) as n
"""


@pytest.fixture(scope="module")
def database(server_url: str, admin: Connection, template: str) -> Iterator[str]:
    """URL of a database with 5,000 notes: an HNSW index, a GIN index, and one for a filter."""
    name = f"notes_{uuid.uuid4().hex[:8]}"
    identifier = sql.Identifier(name)
    admin.execute(
        sql.SQL("create database {} template {}").format(identifier, sql.Identifier(template))
    )
    url = database_url(server_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        register_plane(connection)
        connection.execute("create table note (id int primary key, body text, nth int)")
        connection.execute(
            "select sqlembed.create_embedding('note', 'plane', 'body', full_text => 'english')"
        )
        connection.execute("create index note_nth on note (nth)")
        connection.execute(FILL)
        connection.execute("vacuum analyze note")
    yield url
    admin.execute(sql.SQL("drop database {} with (force)").format(identifier))


@pytest.fixture
def notes(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def scans(connection: Connection) -> dict[str, int]:
    """Return how often each index, and the table as a whole, has been read."""
    rows(connection, "select pg_stat_force_next_flush()")
    found = rows(
        connection,
        "select case when i.indexrelname ~ 'full_text' then 'gin'"
        " when i.indexrelname ~ 'hnsw' then 'hnsw' else i.indexrelname end, i.idx_scan"
        " from pg_stat_user_indexes as i where relname = 'note'"
        " union all select 'all', seq_scan from pg_stat_user_tables where relname = 'note'",
    )
    return {str(name): int(count) for name, count in found}


def used(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in after if after[name] > before[name]}


@pytest.mark.parametrize("query", ["rare77", "rare77 or rare78", 'rare77 -"no such phrase"'])
def test_the_index_of_words(notes: Connection, query: str) -> None:
    before = scans(notes)
    assert found(notes, query, mode="text")[0] == 77
    assert used(before, scans(notes)) == {"gin"}


def test_the_rows_that_are_found_are_read_by_place(notes: Connection) -> None:
    """However many match: only the best are read whole."""
    before = scans(notes)
    assert len(found(notes, "common rare77", mode="text")) == 10
    # Half of the rows or more are better found by reading all of them, but once.
    assert scans(notes)["all"] - before["all"] <= 1


def test_both_indexes(notes: Connection) -> None:
    ask(notes, "rare4242")
    before = scans(notes)
    assert 4242 in found(notes, "rare4242")
    assert used(before, scans(notes)) == {"gin", "hnsw"}


def test_a_phrase_is_a_filter_of_the_vectors(notes: Connection) -> None:
    before = scans(notes)
    assert found(notes, '"text rare4242"') == [4242]
    assert "gin" in used(before, scans(notes))


def test_a_filter_may_use_its_own_index(notes: Connection) -> None:
    before = scans(notes)
    assert len(found(notes, "common", "filter => 'nth = 7'", mode="text")) == 10
    assert used(before, scans(notes)) == {"note_nth"}
