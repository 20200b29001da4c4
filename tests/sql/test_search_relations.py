"""Searches in relations of every kind, under awkward names and layouts."""

from __future__ import annotations

import pytest

from tests.fix_database import Connection
from tests.sql.searching import rows

QUERY = "'[1,0]'"
VALUES = "(1, 'a', '[1,0]'), (2, 'b', '[1,1]'), (3, 'c', '[0,1]')"


def nearest(connection: Connection, row_type: str, more: str = "") -> list[int]:
    """Return the ids of the two nearest rows but one."""
    statement = f"select (base).id from sqlembed.vector_search(null::{row_type}, {QUERY}, 2{more})"
    return [row[0] for row in rows(connection, statement)]


@pytest.mark.parametrize(
    ("row_type", "own_name"),
    [
        ('"Quoted Name"', '"Quoted Name"'),
        ("archive.article", "article"),
        ('"sel.ect"."order"', '"order"'),
        ('"50% off"', '"50% off"'),
        ('''"it's"''', '''"it's"'''),
        ("pg_temp.article", "article"),
    ],
)
def test_names(connection: Connection, row_type: str, own_name: str) -> None:
    connection.execute('create schema archive; create schema "sel.ect"')
    connection.execute(
        f"create table {row_type} (id int primary key, t text, v vector(2))".encode()
    )
    connection.execute(f"insert into {row_type} values {VALUES}".encode())

    assert nearest(connection, row_type) == [1, 2]
    assert nearest(connection, row_type, ", filter => 'id > 1'") == [2, 3]
    quoted = own_name.replace("'", "''")
    assert nearest(connection, row_type, f", filter => '{quoted}.id > 1'") == [2, 3]


def test_names_that_hide_each_other(connection: Connection) -> None:
    connection.execute("create schema front; create schema back")
    connection.execute("create table back.thing (id int primary key, t text, v vector(2))")
    connection.execute(f"insert into back.thing values {VALUES}".encode())
    connection.execute("create sequence front.thing")
    connection.execute("set search_path = front, back, public")

    assert nearest(connection, "back.thing") == [1, 2]

    connection.execute("drop sequence front.thing; create type front.thing as enum ('x')")
    assert nearest(connection, "back.thing") == [1, 2]


def test_columns_with_names_that_the_search_uses_itself(connection: Connection) -> None:
    names = "base, distance, score, chunk, k, query, filter, relation, attempt, article, a, n, t"
    connection.execute(
        f"create table article (id int primary key, {names.replace(',', ' int,')} int,"
        " embedding vector(2))".encode()
    )
    ones = ", ".join(str(n) for n in range(len(names.split(","))))
    connection.execute(f"insert into article values (1, {ones}, '[1,0]')".encode())

    for number, name in enumerate(names.split(", ")):
        for filter in (f"{name} = {number}", f"article.{name} = {number}"):
            assert nearest(connection, "article", f", filter => '{filter}'") == [1]
            assert nearest(connection, "article", f", filter => 'not {filter}'") == []


def test_views(connection: Connection) -> None:
    connection.execute("create table item (id int primary key, t text, v vector(2))")
    connection.execute(f"insert into item values {VALUES}".encode())
    connection.execute("create view young as select v, id, t from item where id > 1")
    connection.execute("create materialized view kept as select * from item")
    connection.execute("create view counted as select max(id) as id, t, v from item group by t, v")

    assert nearest(connection, "young") == [2, 3]
    assert nearest(connection, "young", ", mode => 'exact'") == [2, 3]
    assert nearest(connection, "kept") == [1, 2]
    assert nearest(connection, "counted") == [1, 2]


@pytest.mark.parametrize("mode", ["vector", "exact"])
def test_partitioned_tables(connection: Connection, mode: str) -> None:
    connection.execute(
        """
        create table item (id int, t text, v vector(2)) partition by list (t);
        create table item_a partition of item for values in ('a');
        -- A partition that was not made as one: its columns stand elsewhere.
        create table item_rest (v vector(2), gone int, t text, id int);
        alter table item_rest drop column gone;
        alter table item attach partition item_rest default;
        create index on item using hnsw (v vector_cosine_ops);
        set enable_seqscan = off;
        """
    )
    connection.execute(f"insert into item values {VALUES}".encode())

    assert nearest(connection, "item", f", mode => '{mode}'") == [1, 2]
    assert nearest(connection, "item", f", mode => '{mode}', filter => 'item.t > ''a'''") == [2, 3]
    assert nearest(connection, "item_rest", f", mode => '{mode}'") == [2, 3]


@pytest.mark.parametrize("mode", ["vector", "exact"])
def test_inheritance(connection: Connection, mode: str) -> None:
    connection.execute("create table item (id int primary key, t text, v vector(2))")
    connection.execute("create table special (extra int) inherits (item)")
    connection.execute(f"insert into item values {VALUES}".encode())
    connection.execute("insert into special values (4, 'd', '[1,0.1]', 1)")

    assert nearest(connection, "item", f", mode => '{mode}'") == [1, 4]
    assert nearest(connection, "special", f", mode => '{mode}'") == [4]


def test_a_table_that_has_changed(connection: Connection) -> None:
    connection.execute("create table item (gone int, id int, t text, v vector(2))")
    connection.execute("insert into item (id, t, v) values " + VALUES)
    assert nearest(connection, "item") == [1, 2]

    connection.execute("alter table item drop column gone")
    connection.execute("alter table item add primary key (id), add late int default 7")
    connection.execute("alter table item add twice int generated always as (id * 2) stored")
    assert nearest(connection, "item", ", filter => 'twice > 2 and late = 7'") == [2, 3]

    connection.execute("alter table item rename id to number; alter table item rename to thing")
    found = rows(
        connection,
        "select (base).number, (base).late, (base).v"
        f" from sqlembed.vector_search(null::thing, {QUERY}, 1)",
    )
    assert found == [(1, 7, "[1,0]")]


def test_the_row_is_all_of_the_row(connection: Connection) -> None:
    connection.execute(
        "create table item (id uuid primary key default gen_random_uuid(), body text, tags text[],"
        " doc jsonb, v vector(2), nothing int)"
    )
    connection.execute(
        """
        insert into item (body, tags, doc, v)
        select string_agg(md5(n::text), ''), '{a,b}', '{"c": 1}', '[1,0]'
        from generate_series(1, 5000) as n
        """
    )

    found = rows(
        connection, f"select base = item from item, sqlembed.vector_search(null::item, {QUERY})"
    )

    assert found == [(True,)]


def test_rows_of_the_own_transaction(connection: Connection) -> None:
    connection.execute("create table item (id int primary key, t text, v vector(2))")
    with connection.transaction(force_rollback=True):
        connection.execute(f"insert into item values {VALUES}".encode())
        assert nearest(connection, "item") == [1, 2]
        connection.execute("delete from item where id = 1")
        assert nearest(connection, "item") == [2, 3]
    assert nearest(connection, "item") == []


def test_in_a_function_and_in_a_prepared_statement(connection: Connection) -> None:
    # Else psycopg deallocates ours with its own when a table changes.
    connection.prepare_threshold = None
    connection.execute("create table item (id int primary key, t text, v vector(2))")
    connection.execute(f"insert into item values {VALUES}".encode())
    connection.execute(
        "create function best(vector) returns int stable language sql as"
        " 'select (base).id from sqlembed.vector_search(null::item, $1, 1)'"
    )
    connection.execute(
        "prepare best as select (base).id from sqlembed.vector_search(null::item, $1::vector, 1)"
    )

    for _ in range(7):
        assert rows(connection, "select best('[0,1]')") == [(3,)]
        assert rows(connection, "execute best('[1,0]')") == [(1,)]
    connection.execute("alter table item add more int; update item set v = '[0,1]' where id = 1")
    assert rows(connection, "execute best('[1,0]')") == [(2,)]
