"""``vector_search`` on small tables: what it finds, in which order, and in which tables."""

from __future__ import annotations

import psycopg
import pytest

from tests.fix_database import Connection
from tests.sql.searching import (
    distances,
    literal,
    make_animals,
    make_items,
    rows,
    unit_vectors,
)

QUERY = "'[1,0]'"


@pytest.mark.parametrize(
    ("metric", "query", "expected"),
    [
        ("euclidean", "[1,2]", [("dog", 0.0), ("wolf", 2.23606797749979)]),
        ("euclidean", "[1,-1]", [("lion", 1.8027756377319946), ("tiger", 2.23606797749979)]),
        ("cosine", "[1,2]", [("dog", 0.0), ("wolf", 0.0)]),
        ("cosine", "[1,-1]", [("lion", 0.0061162653263812095), ("tiger", 0.019419324309079777)]),
    ],
)
def test_published_distances(
    connection: Connection, metric: str, query: str, expected: list[tuple[str, float]]
) -> None:
    make_animals(connection)

    found = rows(
        connection,
        "select (base).id, distance, score, chunk"
        " from sqlembed.vector_search(null::animal, %s, k => 2, metric => %s)",
        query, metric,
    )  # fmt: skip

    assert [row[0] for row in found] == [name for name, _ in expected]
    assert [row[1] for row in found] == pytest.approx([d for _, d in expected], abs=1e-6)
    assert [row[2:] for row in found] == [(None, None)] * 2


def test_published_batch_with_a_filter(connection: Connection) -> None:
    make_animals(connection)

    found = rows(
        connection,
        """
        select question.name, (hit.base).id, hit.distance
        from (values (1, 'dog', '[1,2]'::vector), (2, 'cat', '[1,-1]')) as question (id, name, v)
        cross join lateral sqlembed.vector_search(
            null::animal, question.v, 2, filter => 'id <> ''wolf''', metric => 'euclidean'
        ) as hit
        order by question.id, hit.distance
        """,
    )

    assert [row[:2] for row in found] == [
        ("dog", "dog"), ("dog", "snake"), ("cat", "lion"), ("cat", "tiger"),
    ]  # fmt: skip
    assert [row[2] for row in found] == pytest.approx(
        [0, 3.1622777, 1.8027756, 2.2360680], abs=1e-6
    )


@pytest.mark.parametrize("kind", ["vector", "halfvec"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product", "l1"])
def test_exact_is_what_numpy_says(connection: Connection, kind: str, metric: str) -> None:
    vectors, query = unit_vectors(500, 16), unit_vectors(1, 16, seed=1)[0]
    if kind == "halfvec":
        vectors, query = (array.astype("float16").astype("float32") for array in (vectors, query))
    make_items(connection, vectors, kind)
    expected = distances(vectors, query, metric)

    found = rows(
        connection,
        "select (base).id, distance from sqlembed.vector_search("
        "null::item, %s, 20, mode => 'exact', metric => %s)",
        literal(query), metric,
    )  # fmt: skip

    assert [row[0] for row in found] == list(expected.argsort()[:20])
    assert [row[1] for row in found] == pytest.approx(sorted(expected)[:20], abs=1e-5)


def test_rows_without_a_distance_never_appear(connection: Connection) -> None:
    connection.execute("create table item (id integer primary key, embedding vector(2))")
    connection.execute("insert into item values (1, '[0,0]'), (2, null), (3, '[0,1]')")

    for mode in ("vector", "exact"):
        search = (
            f"select (base).id from sqlembed.vector_search(null::item, {QUERY}, mode => '{mode}'"
        )
        assert rows(connection, search + ")") == [(3,)]
        assert rows(connection, search + ", metric => 'euclidean')") == [(1,), (3,)]


def test_a_query_without_a_distance_has_no_neighbours(connection: Connection) -> None:
    make_animals(connection)
    search = "select count(*) from sqlembed.vector_search(null::animal, %s::vector)"

    assert rows(connection, search, None) == [(0,)]
    assert rows(connection, search, "[0,0]") == [(0,)]


def test_fewer_rows_than_k(connection: Connection) -> None:
    make_animals(connection)

    found = rows(connection, f"select from sqlembed.vector_search(null::animal, {QUERY}, 1000)")

    assert len(found) == 7


def test_exact_takes_any_k(connection: Connection) -> None:
    make_items(connection, unit_vectors(1200, 2))
    search = (
        f"select distance from sqlembed.vector_search(null::item, {QUERY}, %s, mode => 'exact')"
    )

    assert len(rows(connection, search, 1100)) == 1100
    found = rows(connection, search, 2147483647)
    assert len(found) == 1200
    assert found == sorted(found)


@pytest.mark.parametrize("mode", ["vector", "exact"])
def test_equal_distances_come_in_the_order_of_their_keys(connection: Connection, mode: str) -> None:
    connection.execute("create table item (id integer, part text, v vector(2))")
    connection.execute(
        "insert into item select n, p, '[1,1]' from generate_series(20, 1, -1) n,"
        " unnest(array['b', 'a']) p"
    )
    search = f"select (base).id, (base).part from sqlembed.vector_search(null::item, {QUERY}, 40,"
    search += f" mode => '{mode}')"

    written = rows(connection, "select id, part from item order by ctid")
    assert rows(connection, search) == written

    connection.execute("alter table item add primary key (id, part)")
    connection.execute("update item set v = v where id = 7")
    assert rows(connection, search) == [(n, p) for n in range(1, 21) for p in "ab"]


def test_all_rows_of_a_k_that_cuts_through_equal_distances_are_the_first(
    connection: Connection,
) -> None:
    connection.execute("create table item (id integer primary key, v vector(2))")
    connection.execute("insert into item select n, '[1,1]' from generate_series(50, 1, -1) n")

    found = rows(
        connection,
        f"select (base).id from sqlembed.vector_search(null::item, {QUERY}, 3, mode => 'exact')",
    )

    assert found == [(1,), (2,), (3,)]


def test_the_only_vector_column_needs_no_name(connection: Connection) -> None:
    connection.execute("create table item (id integer primary key, a vector(2), b halfvec(2))")
    connection.execute("insert into item values (1, '[1,0]', '[0,1]'), (2, '[0,1]', '[1,0]')")
    search = f"select (base).id from sqlembed.vector_search(null::item, {QUERY}, 1"

    with pytest.raises(psycopg.Error) as raised:
        rows(connection, search + ")")
    assert raised.value.sqlstate == "SE013"
    assert raised.value.diag.message_hint == "Say which, as embedding => '...': a, b."
    assert rows(connection, search + ", embedding => 'a')") == [(1,)]
    assert rows(connection, search + ", embedding => 'b')") == [(2,)]

    connection.execute("alter table item drop column b")
    assert rows(connection, search + ")") == [(1,)]


def test_of_several_vector_columns_the_only_declared_one(connection: Connection) -> None:
    connection.execute(
        "create table item (id integer primary key, t text, a vector(2), b vector(2))"
    )
    connection.execute("select sqlembed.register_embedder('two', 2)")
    connection.execute(
        "select sqlembed.create_embedding('item', 'two', 't', 'b', metric => 'euclidean',"
        " adopt => 'keep')"
    )
    connection.execute("insert into item values (1, 't', '[1,0]', '[5,0]')")

    distance = f"select distance from sqlembed.vector_search(null::item, {QUERY}"
    assert rows(connection, distance + ")") == [(4.0,)]
    assert rows(connection, distance + ", metric => 'l1')") == [(4.0,)]
    assert rows(connection, distance + ", metric => 'cosine')") == [(0.0,)]
    assert rows(connection, distance + ", embedding => 'a')") == [(0.0,)]


def test_a_table_without_that_column(connection: Connection) -> None:
    connection.execute("create table item (id integer primary key, title text)")
    with pytest.raises(psycopg.Error, match="item has no vector column") as none:
        rows(connection, f"select from sqlembed.vector_search(null::item, {QUERY})")
    assert none.value.sqlstate == "SE013"

    connection.execute("alter table item add v vector(2)")
    with pytest.raises(psycopg.Error, match="item has no vector column title") as other:
        rows(connection, f"select from sqlembed.vector_search(null::item, {QUERY}, 5, 'title')")
    assert other.value.sqlstate == "SE013"
    assert str(other.value.diag.message_hint).endswith(": v.")
