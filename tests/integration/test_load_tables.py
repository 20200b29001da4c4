"""Files become tables, all of a file or nothing of it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from sqlembed.errors import InputError
from sqlembed.loading import Target, fill, open_file, parse_table_name, prepare_table

Connection = psycopg.Connection[tuple[Any, ...]]


def load(
    connection: Connection,
    folder: Path,
    text: str,
    table: str = "t",
    name: str = "x.csv",
    **how: Any,
) -> Target:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_file(connection, path, table, **how)


def load_file(connection: Connection, path: Path, table: str = "t", **how: Any) -> Target:
    file = open_file(path)
    contents = file.scan(lambda _: None)
    with connection.transaction():
        target = prepare_table(connection, parse_table_name(table), contents, **how)
        fill(connection, file, target, contents, lambda _: None)
    return target


def rows(connection: Connection, table: str = "t", columns: str = "*") -> list[tuple[Any, ...]]:
    statement = sql.SQL("select {} from {} order by 1").format(sql.SQL(columns), sql.SQL(table))
    return connection.execute(statement).fetchall()


def columns_of(connection: Connection, table: str = "t") -> dict[str, str]:
    return dict(
        connection.execute(
            """
            select attname, format_type(atttypid, atttypmod)
            from pg_attribute where attrelid = %s::regclass and attnum > 0
            """,
            (table,),
        ).fetchall()
    )


def key_of(connection: Connection, table: str = "t") -> list[str]:
    return [
        name
        for (name,) in connection.execute(
            """
            select attname from pg_index
            join pg_attribute on attrelid = indrelid and attnum = any (indkey)
            where indrelid = %s::regclass and indisprimary order by attnum
            """,
            (table,),
        )
    ]


def exists(connection: Connection, table: str = "t") -> bool:
    row = connection.execute("select to_regclass(%s) is not null", (table,)).fetchone()
    assert row is not None
    return bool(row[0])


def test_rows_are_numbered_where_there_is_no_id(connection: Connection, tmp_path: Path) -> None:
    target = load(connection, tmp_path, 'zip,n\n01234,1\n,2\n"a\nb",\n')
    assert target.generated_key == "id"
    assert columns_of(connection) == {"id": "bigint", "zip": "text", "n": "integer"}
    assert rows(connection) == [(1, "01234", 1), (2, None, 2), (3, "a\nb", None)]
    assert key_of(connection) == ["id"]


def test_names_stay_as_they_are(connection: Connection, tmp_path: Path) -> None:
    load(connection, tmp_path, 'Begin Date,"a""b",%s,order\n2024-01-01,x,y,z\n', table='"My t"')
    assert list(columns_of(connection, '"My t"')) == ["id", "Begin Date", 'a"b', "%s", "order"]
    assert rows(connection, '"My t"') == [(1, datetime.date(2024, 1, 1), "x", "y", "z")]


@pytest.mark.parametrize(
    ("header", "how", "key"),
    [
        ("id,b", {}, ["id"]),
        ("a,ID", {}, ["ID"]),
        ("ID,id", {}, ["id"]),
        ("a,b", {"key": ["b"]}, ["b"]),
        ("id,b", {"key": ["id", "b"]}, ["id", "b"]),
        ("id,b", {"generated_key": "number"}, ["number"]),
    ],
)
def test_keys(
    connection: Connection, tmp_path: Path, header: str, how: dict[str, Any], key: list[str]
) -> None:
    load(connection, tmp_path, f"{header}\n1,2\n3,4\n", **how)
    assert key_of(connection) == key


@pytest.mark.parametrize(
    ("text", "how", "message"),
    [
        ("id,b\n1,2\n1,3\n", {}, "cannot be the key"),
        ("id,b\n1,2\n,3\n", {}, "line 3: no value for the key"),
        ('a,b\n"x\ny",2\n1,\n', {"key": ["b"]}, "line 4: no value for the key"),
        ("a,b\n1,2\n", {"key": ["c"]}, "no column c"),
        ("a,b\n1,2\n", {"generated_key": "a"}, "has a column a"),
        ("a,b\n1,2\n3\n", {}, "line 3"),
    ],
)
def test_after_an_error_there_is_no_table(
    connection: Connection, tmp_path: Path, text: str, how: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        load(connection, tmp_path, text, **how)
    assert message in str(raised.value)
    assert not exists(connection)


def test_a_schema_must_be_there(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no schema"):
        load(connection, tmp_path, "a\n1\n", table="weather.report")
    connection.execute("create schema weather")
    load(connection, tmp_path, "a\n1\n", table="weather.report")
    assert rows(connection, "weather.report") == [(1, 1)]


def test_a_table_that_exists_is_refused(connection: Connection, tmp_path: Path) -> None:
    load(connection, tmp_path, "a\n1\n")
    with pytest.raises(InputError, match="exists"):
        load(connection, tmp_path, "a\n2\n")
    connection.execute("create view v as select 1 as a")
    for how in ("refuse", "append", "replace"):
        with pytest.raises(InputError, match="not a table"):
            load(connection, tmp_path, "a\n2\n", table="v", existing=how)
    assert rows(connection, columns="a") == [(1,)]


def test_append_goes_by_names(connection: Connection, tmp_path: Path) -> None:
    connection.execute(
        """
        create table t (
            n integer primary key, tags text[], part jsonb, other text default 'here', body text
        )
        """
    )
    load(
        connection,
        tmp_path,
        '{"body": {"b": 1}, "n": "1", "part": "x", "tags": ["a,b", null, "c\\"d"]}\n'
        '{"n": 2, "tags": null, "body": true}\n',
        name="x.jsonl",
        existing="append",
    )
    assert rows(connection) == [
        (1, ["a,b", None, 'c"d'], "x", "here", '{"b": 1}'),
        (2, None, None, "here", "true"),
    ]


def test_append_refuses_strange_columns(connection: Connection, tmp_path: Path) -> None:
    load(connection, tmp_path, "a,b\n1,2\n")
    with pytest.raises(InputError, match='no column "C"'):
        load(connection, tmp_path, "a,C\n1,2\n", existing="append")


def test_append_creates_a_table_that_is_missing(connection: Connection, tmp_path: Path) -> None:
    assert load(connection, tmp_path, "a\n1\n", existing="append").created
    assert not load(connection, tmp_path, "a\n2\n", existing="append").created
    assert rows(connection) == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('n,b\n1,"x\ny"\nfour,z\n', "line 4: column n: invalid input syntax"),
        ("n,b\n7,x\n1,y\n", "line 3: duplicate key"),
        ("n,b\n99999999999,x\n", "line 2: column n: value"),
        ("b\nx\n", "line 2: null value"),
    ],
)
def test_what_the_table_refuses_is_named_by_line(
    connection: Connection, tmp_path: Path, text: str, message: str
) -> None:
    connection.execute("create table t (n integer primary key, b text)")
    connection.execute("insert into t values (1, 'old')")
    with pytest.raises(InputError) as raised:
        load(connection, tmp_path, text, existing="append")
    assert message in str(raised.value)
    assert rows(connection) == [(1, "old")]


def test_replace_puts_rows_in_place_of_others(connection: Connection, tmp_path: Path) -> None:
    load(connection, tmp_path, "a\nx\ny\n")
    load(connection, tmp_path, "a\nz\n", existing="replace")
    assert rows(connection) == [(1, "z")]
    with pytest.raises(InputError):
        load(connection, tmp_path, "a\n1\n2,3\n", existing="replace")
    assert rows(connection) == [(1, "z")]


def test_a_file_that_changes_is_refused(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    file = open_file(path)
    contents = file.scan(lambda _: None)
    path.write_text("a\n1\n2\n")
    with pytest.raises(InputError, match="has changed"), connection.transaction():
        target = prepare_table(connection, parse_table_name("t"), contents)
        fill(connection, file, target, contents, lambda _: None)
    assert not exists(connection)


def test_parquet_keeps_its_types(connection: Connection, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    moment = datetime.datetime(2024, 1, 2, 3, 4, 5)
    table = pa.table(
        {
            "ID": [7, 8],
            "n": pa.array([2**64 - 1, None], pa.uint64()),
            "x": pa.array([0.1, None], pa.float32()),
            "at": pa.array([moment, None], pa.timestamp("ns")),
            "zoned": pa.array([moment, None], pa.timestamp("us", "UTC")),
            "tags": [["a", "b"], None],
            "raw": [b"\x00\xff", None],
            "word": pa.array(["w", None]).dictionary_encode(),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    load_file(connection, tmp_path / "x.parquet")
    connection.execute("set timezone = 'UTC'")
    assert columns_of(connection) == {
        "ID": "bigint",
        "n": "numeric",
        "x": "real",
        "at": "timestamp without time zone",
        "zoned": "timestamp with time zone",
        "tags": "jsonb",
        "raw": "bytea",
        "word": "text",
    }
    assert key_of(connection) == ["ID"]
    zoned = moment.replace(tzinfo=datetime.UTC)
    expected = (7, 2**64 - 1, pytest.approx(0.1), moment, zoned, ["a", "b"], b"\x00\xff", "w")
    assert rows(connection) == [expected, (8, *[None] * 7)]


def test_parquet_with_nul_is_refused(connection: Connection, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table({"a": ["x", "y\0z"]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="row 2: it holds NUL"):
        load_file(connection, tmp_path / "x.parquet")
    assert not exists(connection)
