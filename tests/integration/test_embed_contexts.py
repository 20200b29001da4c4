"""embed() wherever SQL can stand: transactions, cursors, views, functions, parallel plans."""

from __future__ import annotations

import psycopg
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import Worker
from tests.fix_database import Connection

FOOD = "select sqlembed.embed('hash', 'food')::real[]"


def genuine(text: str) -> list[float]:
    # As PostgreSQL writes single precision.
    return [float(str(x)) for x in HashEmbedder("hash", 8).embed([text])[0]]


@pytest.fixture
def served(connection: Connection, worker: Worker) -> Connection:
    """A connection to a database whose worker serves ``hash``; nothing is in the cache."""
    del worker
    connection.execute("set statement_timeout = '20s'")
    return connection


def value(connection: Connection, statement: str) -> object:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    "transaction",
    [
        "isolation level read committed",
        "isolation level repeatable read",
        "isolation level serializable",
        "read only",
        "isolation level serializable read only deferrable",
    ],
)
def test_in_every_kind_of_transaction(served: Connection, transaction: str) -> None:
    served.execute(f"begin {transaction}".encode())
    assert value(served, FOOD) == genuine("food")
    assert value(served, "select sqlembed.embed('hash', 'drink')::real[]") == genuine("drink")
    assert value(served, FOOD) == genuine("food")
    served.execute("commit")


def test_after_a_savepoint_and_an_error(served: Connection) -> None:
    with served.transaction():
        with pytest.raises(psycopg.errors.DivisionByZero), served.transaction():
            assert value(served, FOOD) == genuine("food")
            served.execute("select 1 / 0")
        assert value(served, FOOD) == genuine("food")


def test_in_a_cursor_that_outlives_other_statements(served: Connection) -> None:
    with served.transaction(), served.cursor("texts") as cursor:
        cursor.execute(
            "select sqlembed.embed('hash', 't' || i)::real[] from generate_series(1, 3) as i"
        )
        for number in (1, 2, 3):
            assert cursor.fetchone() == (genuine(f"t{number}"),)
            assert value(served, FOOD) == genuine("food")


def test_in_functions_views_and_what_they_keep(served: Connection) -> None:
    for statement in (
        "create table t (id int primary key, title text)",
        "insert into t values (1, 'one'), (2, 'two')",
        "create view v as select id, sqlembed.embed('hash', title)::real[] as x from t",
        """
        create function f(input text) returns real[] language plpgsql stable as $$
        begin
            begin
                return sqlembed.embed('hash', input)::real[];
            exception when division_by_zero then
                return null;
            end;
        end $$
        """,
        "create materialized view m as select id, sqlembed.embed('hash', title) as x from t",
        "create unique index on m (id)",
        "insert into t values (3, 'three')",
        "refresh materialized view m",
        "insert into t values (4, 'four')",
        "refresh materialized view concurrently m",
        "prepare p (text) as select sqlembed.embed('hash', $1)::real[]",
        "create table kept as select sqlembed.embed('hash', title) as x from t",
    ):
        served.execute(statement)
    assert value(served, "select x from v where id = 2") == genuine("two")
    assert value(served, "select f('two')") == genuine("two")
    assert value(served, "select x::real[] from m where id = 3") == genuine("three")
    assert value(served, "select x::real[] from m where id = 4") == genuine("four")
    assert value(served, "execute p ('two')") == genuine("two")
    assert value(served, "select count(x) from kept") == 4
    assert value(
        served, "insert into t values (5, 'five') returning sqlembed.embed('hash', title)::real[]"
    ) == genuine("five")


def test_a_parallel_plan_stays_parallel_and_right(served: Connection) -> None:
    for statement in (
        "create table t (id int, v vector(8))",
        """
        insert into t
        select i, array[i, 1, 1, 1, 1, 1, 1, 1]::vector from generate_series(1, 20000) as i
        """,
        "analyze t",
        "set parallel_setup_cost = 0",
        "set parallel_tuple_cost = 0",
        "set min_parallel_table_scan_size = 0",
        "set max_parallel_workers_per_gather = 2",
        "set enable_indexscan = off",
    ):
        served.execute(statement)
    query = """
        select
            count(*),
            min(v <=> (select sqlembed.embed('hash', {text}))),
            sqlembed.embed('hash', {text})::text
        from t where v <=> (select sqlembed.embed('hash', {text})) < 1
        """
    plan = served.execute(
        f"explain (analyze, costs off) {query.format(text=chr(39) + 'a' + chr(39))}".encode()
    )
    lines = "\n".join(str(line) for (line,) in plan)
    assert "Workers Launched: 2" in lines, lines
    parallel = served.execute(query.format(text="'food'").encode()).fetchone()
    served.execute("set max_parallel_workers_per_gather = 0")
    assert served.execute(query.format(text="'food'").encode()).fetchone() == parallel
    assert parallel is not None
    assert parallel[0] != 0


@pytest.mark.parametrize("mode", ["on", "regress"])
def test_where_postgresql_makes_every_plan_parallel(served: Connection, mode: str) -> None:
    name = "debug_parallel_query" if served.info.server_version >= 160000 else "force_parallel_mode"
    served.execute(f"set {name} = {mode}".encode())
    assert value(served, FOOD) == genuine("food")
    with pytest.raises(psycopg.Error, match="unknown embedder 'other'"):
        served.execute("select sqlembed.embed('other', 'food')")


def test_null_and_blank_texts_have_no_vector_and_ask_nobody(connection: Connection) -> None:
    connection.execute("select sqlembed.register_embedder('unserved', 8)")
    for text in (None, "", " ", "\n\t \r\f\v"):
        assert connection.execute(
            "select sqlembed.embed('unserved', %s::text)", (text,)
        ).fetchone() == (None,)
        assert connection.execute(
            "select sqlembed.similarity('unserved', %s::text, null)", (text,)
        ).fetchone() == (None,)
    row = connection.execute(
        """
        select
            sqlembed.embed('unserved', array[null, '', ' ']),
            sqlembed.embed('unserved', '{}'::text[])
        """
    )
    assert row.fetchone() == ("{NULL,NULL,NULL}", "{}")
    assert connection.execute("select sqlembed.embed('unserved', null::text[])").fetchone() == (
        None,
    )


def test_many_texts_keep_their_order_with_gaps_and_repetitions(served: Connection) -> None:
    texts = [
        "b",
        None,
        "a",
        "",
        "b",
        'it\'s \\ "quoted", {braces} and NULL',
        "ü\u2028\U0001f600",
        " a ",
    ]
    row = served.execute(
        "select array(select v::real[]::text from unnest(sqlembed.embed('hash', %s::text[])) as v)",
        (texts,),
    ).fetchone()
    one_by_one = [
        served.execute("select sqlembed.embed('hash', %s::text)::real[]::text", (text,)).fetchone()
        for text in texts
    ]
    assert row is not None
    assert [(vector,) for vector in row[0]] == one_by_one  # type: ignore[attr-defined]
    assert one_by_one[1] == one_by_one[3] == (None,)
    assert one_by_one[2] != one_by_one[7]


def test_what_is_known_needs_no_worker(
    served: Connection, worker: Worker, registry: Registry
) -> None:
    del registry
    assert value(served, FOOD) == genuine("food")
    worker.stop()
    served.execute("notify sqlembed")
    for _ in range(500):
        if value(served, "select count(*) from sqlembed.worker") == 0:
            break
        served.execute("select pg_sleep(0.01)")
    assert value(served, FOOD) == genuine("food")
    with pytest.raises(psycopg.Error, match="no worker that serves"):
        served.execute("select sqlembed.embed('hash', 'drink')")
