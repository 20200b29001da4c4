"""``full_text`` of ``create_embedding``: a column of words beside the vectors, and its index."""

from __future__ import annotations

import re

import psycopg
import pytest

from tests.fix_database import Connection
from tests.sql.noted import found, register_plane
from tests.sql.searching import rows

COLUMNS = """
select attname::text from pg_attribute
where attrelid = 'note'::regclass and attnum > 0 and not attisdropped order by attnum
"""
INDEXES = "select indexdef from pg_indexes where tablename = 'note' and indexdef like '%% gin %%'"
DECLARED = "select full_text, full_text_column::text from sqlembed.embedding"


@pytest.fixture
def note(shared: Connection) -> Connection:
    register_plane(shared)
    shared.execute("create table note (id int primary key, body text, at timestamptz)")
    return shared


def create(connection: Connection, source: str = "body", config: str = "'english'") -> None:
    quoted = source.replace("'", "''")
    arguments = f"'note', 'plane', '{quoted}', full_text => {config}"
    connection.execute(f"select sqlembed.create_embedding({arguments})".encode())


def test_what_is_added_and_taken_back(note: Connection) -> None:
    create(note)
    assert rows(note, DECLARED) == [("pg_catalog.english", "embedding_full_text")]
    assert [row[0] for row in rows(note, COLUMNS)][3:] == ["embedding", "embedding_full_text"]
    [(index,)] = rows(note, INDEXES)
    assert "USING gin (embedding_full_text)" in index

    note.execute("select sqlembed.drop_embedding('note')")
    assert [row[0] for row in rows(note, COLUMNS)][3:] == ["embedding"]
    assert rows(note, INDEXES) == []


def test_no_full_text_unless_asked_for(note: Connection) -> None:
    create(note, config="null")
    assert rows(note, DECLARED) == [(None, None)]
    assert rows(note, INDEXES) == []


def test_rows_that_are_there_already(note: Connection) -> None:
    note.execute("insert into note values (1, 'An oven')")
    create(note)
    assert found(note, "ovens", mode="text") == [1]
    note.execute("update note set body = 'A lake'")
    assert found(note, "ovens", mode="text") == []
    assert found(note, "lakes", mode="text") == [1]


def test_declared_again(note: Connection) -> None:
    create(note)
    again = "select sqlembed.create_embedding('note', 'plane', 'body', if_not_exists => true{})"
    assert rows(note, again.format(", full_text => 'english'")) == [(0,)]
    for other in ("", ", full_text => 'german'"):
        with pytest.raises(psycopg.Error, match="is an embedding already"):
            rows(note, again.format(other))


def test_an_unknown_language(note: Connection) -> None:
    with pytest.raises(psycopg.Error, match='"klingon" does not exist') as raised:
        create(note, config="'klingon'")
    assert raised.value.sqlstate == "42704"


def test_a_column_of_that_name(note: Connection) -> None:
    note.execute("alter table note add column embedding_full_text text")
    with pytest.raises(psycopg.Error, match="has a column embedding_full_text already") as raised:
        create(note)
    assert raised.value.sqlstate == "SE011"
    assert rows(note, "select from sqlembed.embedding") == []


@pytest.mark.parametrize("source", ["body || ' ' || at::text", "to_char(at, 'DD ') || body"])
def test_a_source_that_no_column_can_be_generated_from(note: Connection, source: str) -> None:
    notices: list[str] = []
    note.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))

    create(note, source)

    assert any(re.search(r"no full text is stored for \S*note,", notice) for notice in notices), (
        notices
    )
    assert rows(note, DECLARED) == [("pg_catalog.english", None)]
    note.execute("insert into note values (1, 'An oven', now())")
    assert found(note, "ovens", mode="text") == [1]
    note.execute("select sqlembed.drop_embedding('note')")


def test_a_column_that_somebody_dropped(note: Connection) -> None:
    create(note)
    note.execute("insert into note values (1, 'An oven', now())")
    note.execute("alter table note drop column embedding_full_text")

    assert found(note, "ovens", mode="text") == [1]
    note.execute("select sqlembed.drop_embedding('note')")


@pytest.mark.parametrize("is_stored", [False, True])
def test_long_texts(note: Connection, is_stored: bool) -> None:
    """A tsvector of all of their words would be larger than one can be."""
    with pytest.raises(psycopg.Error, match="too long for tsvector"):
        rows(note, "select to_tsvector(string_agg(n::text, ' ')) from generate_series(1, 300000) n")
    create(note, config="'english'" if is_stored else "null")

    note.execute(
        "insert into note select 1, 'oven ' || string_agg(md5(n::text), ' ')"
        " from generate_series(1, 300000) as n"
    )
    note.execute("insert into note values (2, repeat('x', 10000000))")

    assert found(note, "oven", mode="text") == [1]


def test_widest_words_of_long_texts_fit(note: Connection) -> None:
    """Four bytes a character, and each word three times, as a whole and in halves."""
    create(note)
    note.execute(
        """
        insert into note
        select 1, string_agg(
            translate(n::text, '0123456789', '𐌰𐌱𐌲𐌳𐌴𐌵𐌶𐌷𐌸𐌹') || '-'
                || translate((n + 7)::text, '0123456789', '𐌺𐌻𐌼𐌽𐌾𐌿𐍀𐍂𐍃𐍄'),
            ' '
        )
        from generate_series(100, 99999) as n
        """
    )
    assert rows(note, "select length(embedding_full_text) > 1000 from note") == [(True,)]


def test_names_that_need_quotes(note: Connection) -> None:
    note.execute('alter table note rename to "No te"')
    note.execute(
        "select sqlembed.create_embedding('\"No te\"', 'plane', 'body', embedding => 'Ei n',"
        " full_text => 'english')"
    )
    note.execute("insert into \"No te\" values (1, 'An oven')")

    searched = "select (base).id from sqlembed.search(null::\"No te\", 'oven', mode => 'text')"
    assert rows(note, searched) == [(1,)]
    note.execute("select sqlembed.drop_embedding('\"No te\"', 'Ei n')")


def test_a_configuration_of_ones_own(note: Connection) -> None:
    note.execute('create text search configuration "My own" (copy = german)')
    create(note, config="'\"My own\"'")
    note.execute("insert into note values (1, 'Häuser')")
    note.execute("set search_path = pg_catalog, work, public")

    assert rows(note, DECLARED) == [('work."My own"', "embedding_full_text")]
    assert found(note, "Haus", mode="text") == [1]
    note.execute("set search_path = work, public")
