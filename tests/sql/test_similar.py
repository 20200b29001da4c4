"""``similar``, pages and diversity: other questions than the nearest rows to one vector."""

from __future__ import annotations

import psycopg
import pytest

from tests.fix_database import Connection
from tests.sql.searching import literal, make_animals, make_items, rows, unit_vectors

VECTORS = unit_vectors(300, 8)


@pytest.fixture
def items(shared: Connection) -> Connection:
    make_items(shared, VECTORS)
    return shared


def refusal(connection: Connection, arguments: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as raised:
        rows(connection, f"select from sqlembed.{arguments}")
    return raised.value


def near_row(number: int, k: int) -> list[int]:
    order = (1 - VECTORS.astype(float) @ VECTORS[number].astype(float)).argsort()
    return [int(one) for one in order if one != number][:k]


@pytest.mark.parametrize("mode", ["vector", "exact"])
def test_the_row_itself_is_left_out(items: Connection, mode: str) -> None:
    found = rows(
        items,
        "select (base).id from sqlembed.similar(null::item, '[7]', 5, mode => %s)", mode,
    )  # fmt: skip

    assert [row[0] for row in found] == near_row(7, 5)


def test_equal_rows_are_not_the_row_itself(items: Connection) -> None:
    rows(items, "insert into item select 1000, 0, embedding from item where id = 7 returning 1")

    found = rows(items, "select (base).id from sqlembed.similar(null::item, '[7]', 2)")
    assert found == [(1000,), (near_row(7, 1)[0],)]


def test_similar_takes_a_filter_and_every_row_in_turn(items: Connection) -> None:
    found = rows(
        items,
        "select item.id, (hit.base).id from item"
        " cross join lateral sqlembed.similar(item, jsonb_build_array(item.id), 1,"
        " filter => 'id < 100') as hit where item.id < 5 order by 1",
    )
    below = [next(one for one in near_row(number, 300) if one < 100) for number in range(5)]
    assert [row[1] for row in found] == below


def test_keys_of_several_columns_and_of_any_type(shared: Connection) -> None:
    shared.execute(
        "create table item (part text, day date, v vector(2), primary key (part, day));"
        "insert into item values ('a', '2024-01-01', '[1,0]'), ('a', '2024-01-02', '[1,0.1]'),"
        " ('b', '2024-01-01', '[0,1]')"
    )
    found = rows(
        shared,
        "select (base).part, (base).day::text"
        """ from sqlembed.similar(null::item, '["a", "2024-01-01"]', 1)""",
    )
    assert found == [("a", "2024-01-02")]


@pytest.mark.parametrize(
    ("key", "state", "message"),
    [
        ("'[999]'", "SE014", "has no row with the key [999]"),
        ("'7'", "SE014", "key is no key of work.item: 7"),
        ("'[7, 8]'", "SE014", "key is no key of work.item: [7, 8]"),
        ("'[null]'", "SE014", "key is no key of work.item: [null]"),
        ("null", "SE014", "key is no key of work.item: NULL"),
        ("""'["seven"]'""", "SE014", "does not fit item"),
        ("'[1000]'", "SE013", "the row with the key [1000] of item has no vector"),
    ],
)
def test_keys_that_lead_nowhere(items: Connection, key: str, state: str, message: str) -> None:
    items.execute("insert into item (id) values (1000)")

    error = refusal(items, f"similar(null::item, {key})")

    assert error.sqlstate == state
    assert message in str(error.diag.message_primary)
    assert error.diag.message_hint


def test_a_table_without_a_primary_key_has_no_keys(shared: Connection) -> None:
    shared.execute("create table plain (v vector(2)); insert into plain values ('[1,0]')")

    assert refusal(shared, "similar(null::plain, '[1]')").sqlstate == "SE010"
    pages = "vector_search(null::plain, '[1,0]', after_distance => 0, after_key => '[1]')"
    assert refusal(shared, pages).sqlstate == "SE010"


def pages(connection: Connection, size: int, mode: str, filter: str | None = None) -> list[int]:
    seen: list[int] = []
    last: tuple[float | None, str | None] = (None, None)
    while True:
        page = rows(
            connection,
            "select (base).id, distance, jsonb_build_array((base).id)::text"
            " from sqlembed.vector_search(null::item, %s, %s, filter => %s, mode => %s,"
            " after_distance => %s, after_key => %s::jsonb)",
            literal(VECTORS[0]), size, filter, mode, *last,
        )  # fmt: skip
        if not page:
            return seen
        seen += [row[0] for row in page]
        last = page[-1][1:]


@pytest.mark.parametrize("size", [1, 7, 40])
def test_pages_partition_the_result(items: Connection, size: int) -> None:
    items.execute("create index on item using hnsw (embedding vector_cosine_ops)")
    items.execute("delete from item where id >= 60; analyze item")

    found = pages(items, size, "vector")

    assert found == [number for number in [0, *near_row(0, 300)] if number < 60]
    assert sorted(pages(items, size, "vector", "id < 20")) == list(range(20))


@pytest.mark.parametrize("size", [1, 7, 40])
def test_exact_pages_go_through_equal_distances_by_key(items: Connection, size: int) -> None:
    items.execute("update item set embedding = '[1,1,1,1,0,0,0,0]' where id % 2 = 0")
    items.execute("delete from item where id >= 60")
    items.execute("update item set nth = 0 where id < 30")

    found = pages(items, size, "exact")

    assert sorted(found) == list(range(60))
    whole = "select (base).id from sqlembed.vector_search(null::item, %s, 100, mode => 'exact')"
    assert found == [row[0] for row in rows(items, whole, literal(VECTORS[0]))]


def test_pages_of_keys_of_another_order_than_their_texts(shared: Connection) -> None:
    shared.execute(
        "create table item (id citext, at timestamptz, v vector(2), primary key (id, at));"
        "insert into item select c, '2024-01-01'::timestamptz + n * interval '9 hours', '[1,1]'"
        " from unnest(array['b', 'A', 'c']) c, generate_series(1, 5) n"
    )
    seen: list[tuple[object, ...]] = []
    last: tuple[object, object] = (None, None)
    while page := rows(
        shared,
        "select (base).id, (base).at, distance, jsonb_build_array((base).id, (base).at)::text"
        " from sqlembed.vector_search(null::item, '[1,0]', 4, mode => 'exact',"
        " after_distance => %s, after_key => %s::jsonb)",
        *last,
    ):
        seen += [row[:2] for row in page]
        last = page[-1][2:]
    assert seen == rows(shared, "select id, at from item order by id, at")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("after_distance => 1", "after_distance and after_key belong together"),
        ("after_key => '[1]'", "after_distance and after_key belong together"),
        ("after_distance => 1, after_key => '[1, 2]'", "after_key is no key of work.item: [1, 2]"),
        ("after_distance => 1, after_key => '1'", "after_key is no key of work.item: 1"),
        ("diversity => 1.5", "diversity must be between 0 and 1, not 1.5"),
        ("diversity => -0.1", "diversity must be between 0 and 1, not -0.1"),
        ("diversity => 0.5, after_distance => 1, after_key => '[1]'", "have no next page"),
    ],
)
def test_what_pages_and_diversity_refuse(items: Connection, arguments: str, message: str) -> None:
    error = refusal(items, f"vector_search(null::item, '[1,0,0,0,0,0,0,0]', {arguments})")

    assert error.sqlstate == "SE014"
    assert message in str(error.diag.message_primary)


def test_diversity(shared: Connection) -> None:
    make_animals(shared)
    shared.execute("insert into animal values ('dogs', '[1,2.01]'), ('hound', '[1,1.99]')")
    search = (
        "select (base).id, distance from sqlembed.vector_search("
        "null::animal, '[1,2]', 3, metric => 'euclidean', diversity => %s)"
    )

    def found(diversity: float | None) -> list[str]:
        return [row[0] for row in rows(shared, search, diversity)]

    assert set(found(None)) == {"dog", "dogs", "hound"}
    assert found(0) == found(None)
    half = rows(shared, search, 0.5)
    # By hand: the nearest, then by (distance to those chosen) - (distance to the query).
    assert half[0] == ("dog", 0.0)
    assert found(1) == ["dog", "whale", "lion"]
    assert len({row[0] for row in half}) == 3


def test_diversity_on_fewer_rows_than_k_and_with_a_filter(items: Connection) -> None:
    search = (
        "select (base).id from sqlembed.vector_search("
        "null::item, %s, 20, filter => 'id < 10', diversity => 0.3)"
    )
    found = [row[0] for row in rows(items, search, literal(VECTORS[0]))]
    assert sorted(found) == list(range(10))
    assert found[0] == 0
