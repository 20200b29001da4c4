"""Which tables can have embeddings, whatever their keys, names and schemas are."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    outdated,
    refused,
    rows,
    run,
    scalar,
)

KEYS = {
    "smallint": ("-1", "2"),
    "bigint": ("9223372036854775807", "-9223372036854775808"),
    "numeric": ("1.10", "12345678901234567890.123456789"),
    "numeric(9, 3)": ("'NaN'", "1.5"),
    "double precision": ("0.1::float8 + 0.2::float8", "'Infinity'"),
    "real": ("0.1::real", "1e30"),
    "boolean": ("true", "false"),
    "uuid": ("'5a5a5a5a-0000-4000-8000-000000000000'", "gen_random_uuid()"),
    "text": ("''", "E'\"quoted\" \\\\ back\\nslash 😀 {1,2}'"),
    "varchar(5)": ("'a'", "'b   '"),
    "char(5)": ("'a'", "'b'"),
    '"char"': ("'a'", "'b'"),
    "name": ("'a'", "'b'"),
    "citext": ("'Straße'", "'B'"),
    "bytea": ("'\\x00ff'", "'abc'"),
    "date": ("'2020-02-01'", "'0044-03-15 BC'"),
    "timestamp": ("'2020-02-01 10:00:00.123456'", "'infinity'"),
    "timestamptz": ("'2020-02-01 10:00:00.5+05:30'", "'-infinity'"),
    "time": ("'10:00:00.123456'", "'23:59'"),
    "timetz": ("'10:00+05:30'", "'10:00+00'"),
    "interval": ("'-1 day 2:03:04'", "'1 year -2 mons'"),
    "inet": ("'10.0.0.1'", "'::1/64'"),
    "bit(3)": ("B'101'", "B'010'"),
    "jsonb": ("'\"text\"'", '\'{"a": [1, "x"]}\''),
    "int4range": ("'[1,5)'", "'empty'"),
    "int[]": ("'{1,2}'", "'{}'"),
    "text[]": ("array['a,b', '\"']", "array[null]::text[]"),
    "date[]": ("array['2020-02-01'::date]", "'{}'"),
    "mood": ("'happy, really'", "'sad'"),
    "mood[]": ("'{sad}'", "'{}'"),
    "positive": ("1", "2"),
    "day": ("'2020-02-01'", "'2021-02-01'"),
    "pair": ("row(1, 'x,y')::pair", "row(2, null)::pair"),
}

#: Nothing of this may show in a key.
ODD_SETTINGS = """
set timezone = 'Asia/Kolkata'; set datestyle = 'German'; set intervalstyle = 'sql_standard';
set bytea_output = 'escape'; set extra_float_digits = 0;
"""


@pytest.mark.parametrize("type_name", KEYS)
def test_every_type_can_be_a_key(shared: Connection, shared_url: str, type_name: str) -> None:
    first, second = KEYS[type_name]
    run(shared, f"create table t (k {type_name} primary key, title text)")
    run(shared, f"insert into t values ({first}, 'one')")
    declare(shared, "t", "title")
    with psycopg.connect(shared_url, autocommit=True) as odd:
        run(odd, ODD_SETTINGS)
        run(odd, f"insert into t values ({second}, 'two')")
        run(odd, "update t set title = title || ' changed' where title = 'one'")
    run(shared, "update t set title = title || ' again' where title = 'one changed'")
    run(shared, "select sqlembed.refresh_embedding('t')")
    assert scalar(shared, "select count(distinct key) from sqlembed.change") == 2
    embed_all(shared_url)
    assert outdated(shared, "t", "title") == []
    assert scalar(shared, "select count(*) from sqlembed.failure") == 0


def test_a_key_of_many_columns(shared: Connection, shared_url: str) -> None:
    run(
        shared,
        """
        create table t (
            title text, "B b" uuid default gen_random_uuid(), a int, day timestamptz, m mood,
            extra int, primary key (m, day, "B b", a) include (extra)
        )
        """,
    )
    declare(shared, "t", "title")
    run(
        shared,
        "insert into t select 'row ' || i, gen_random_uuid(), i, now(), 'sad'"
        " from generate_series(1, 3) as i",
    )
    run(shared, "update t set extra = 7")
    assert rows(shared, "select key_columns from sqlembed.embedding") == [
        (["m", "day", "B b", "a"],)
    ]
    embed_all(shared_url)
    assert outdated(shared, "t", "title") == []
    run(shared, "update t set title = title || 'x', a = a + 1")
    embed_all(shared_url)
    assert outdated(shared, "t", "title") == []


@pytest.mark.parametrize("type_name", ["bigint", "uuid", "citext", "mood", "timestamptz", "int[]"])
def test_workers_find_rows_through_the_index(shared: Connection, type_name: str) -> None:
    run(shared, f"create table t (k {type_name} primary key, title text)")
    match = scalar(shared, "select match from sqlembed._key_sql('t')")
    run(shared, "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off")
    plan = "\n".join(
        line
        for (line,) in rows(
            shared,
            "explain select 1 from unnest(array['[\"x\"]']::jsonb[]) as k (key)"
            f" join t as r on {match}",
        )
    )
    assert "Index Cond: (k = " in plan, plan


@pytest.mark.parametrize(
    "name",
    [
        'Straße 中 "x"',
        "it's",
        "100%s %I",
        "a:b",
        "back\\slash",
        "semi;colon --",
        "SELECT",
        "tab\tand $1 $$ {x}",
        "ü" * 31,
    ],
)
def test_names_that_need_quotes(shared: Connection, shared_url: str, name: str) -> None:
    table = sql.Identifier("elsewhere", name).as_string(shared)
    column = sql.Identifier(name).as_string(shared)
    key = sql.Identifier(f"{name[:20]} k").as_string(shared)
    vector = sql.Identifier(f"{name[:20]} v").as_string(shared)
    run(shared, "create schema elsewhere")
    shared.execute(f"create table {table} ({key} text primary key, {column} text)".encode())
    shared.execute(f"insert into {table} values ('%', 'one')".encode())
    declare(shared, table, column, embedding=f"{name[:20]} v", index="hnsw")
    shared.execute(f"insert into {table} values ('\"', 'two')".encode())
    shared.execute(f"update {table} set {column} = 'changed' where {key} = '%'".encode())
    embed_all(shared_url)
    found = shared.execute(f"select {column}, {vector} is null from {table} order by 1".encode())
    assert found.fetchall() == [("changed", False), ("two", False)]
    assert scalar(shared, "select relation = %s::regclass from sqlembed.status", table)
    run(shared, "select sqlembed.drop_embedding(%s, %s, false)", table, f"{name[:20]} v")


def test_a_partitioned_table(shared: Connection, shared_url: str) -> None:
    run(
        shared,
        "create table t (id int, year int, title text, primary key (id, year))"
        " partition by list (year)",
    )
    run(shared, "create table t2020 partition of t for values in (2020)")
    # Another order of columns, so that numbers of columns differ.
    run(shared, "create table t2021 (dropped int, title text, year int not null, id int not null)")
    run(shared, "alter table t2021 drop dropped")
    run(shared, "alter table t attach partition t2021 for values in (2021)")
    declare(shared, "t", "title", index="hnsw")
    run(shared, "insert into t values (1, 2020, 'one'), (2, 2021, 'two')")
    embed_all(shared_url)
    assert outdated(shared, "t", "title") == []
    run(shared, "update t set title = title || ' changed'")
    run(shared, "update t set year = 2021, title = 'moved' where id = 1")
    assert scalar(shared, "select count(embedding) from t") == 0
    embed_all(shared_url)
    assert outdated(shared, "t", "title") == []
    said = refused(shared, "SE010", "select sqlembed.create_embedding('t2021', 'hash', 'title')")
    assert "Embed work.t:" in said


def test_tables_that_cannot_have_embeddings(shared: Connection) -> None:
    run(shared, "create table bare (title text)")
    run(shared, "create view look as select 1 as id, 'x'::text as title")
    run(shared, "create materialized view kept as select 1 as id, 'x'::text as title")
    run(shared, "create temporary table fleeting (id int primary key, title text)")
    for relation, word in {
        "bare": "primary key",
        "look": "not a table",
        "kept": "not a table",
        "fleeting": "temporary",
    }.items():
        said = refused(
            shared, "SE010", "select sqlembed.create_embedding(%s, 'hash', 'title')", relation
        )
        assert word in said.splitlines()[0] and said.splitlines()[1]
    assert rows(shared, "select * from sqlembed.embedding") == []
    refused(shared, "42P01", "select sqlembed.create_embedding('nowhere', 'hash', 'title')")


def test_only_the_owner_declares(shared: Connection, shared_url: str, role: str) -> None:
    run(shared, "create table t (id int primary key, title text)")
    run(shared, f"grant usage, create on schema work to {role}; grant all on t to {role}")
    run(shared, "select sqlembed.grant_embedder('hash', 'public')")
    run(shared, f"set role {role}")
    said = refused(shared, "42501", "select sqlembed.create_embedding('t', 'hash', 'title')")
    assert "owner" in said
    run(shared, "reset role")
    run(shared, f"alter table t owner to {role}")
    run(shared, f"set role {role}")
    declare(shared, "t", "title")
    run(shared, "insert into t values (1, 'one')")
    run(shared, "reset role")
    embed_all(shared_url)
    assert outdated(shared, "t", "title") == []
    run(shared, f"set role {role}")
    assert scalar(shared, "select sqlembed.refresh_embedding('t')") == 1
    run(shared, "select sqlembed.drop_embedding('t', keep_column => false)")
    run(shared, "reset role")
    run(shared, f"alter table t owner to current_user; revoke all on schema work from {role}")
    assert len(changes(shared)) == 1
