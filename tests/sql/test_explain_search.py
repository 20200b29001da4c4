"""``explain_search`` and ``recall``: a search says what it did and how good it was."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.fix_database import Connection
from tests.sql.searching import declare_articles, literal, make_items, remember, rows, unit_vectors

VECTORS = unit_vectors(20_000, 8)


@pytest.fixture
def items(shared: Connection) -> Connection:
    make_items(shared, VECTORS)
    shared.execute("create index item_hnsw on item using hnsw (embedding vector_cosine_ops)")
    shared.execute("vacuum analyze item")
    return shared


def explained(connection: Connection, arguments: str, query: str | None = None) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        statement = f"select * from sqlembed.explain_search(null::item, %s::vector{arguments})"
        found = cursor.execute(statement.encode(), [query or literal(VECTORS[0])]).fetchone()
    assert found is not None
    return found


def test_an_index_serves(items: Connection) -> None:
    found = explained(items, "")

    assert (found["path"], found["index_name"], found["rows_found"]) == ("index", "item_hnsw", 10)
    assert (found["ef_search"], found["iterative_scan"]) == (100, "relaxed_order")
    assert (found["total_rows"], found["selectivity"]) == (20_000, 1.0)
    assert found["rows_visited"] == 10
    assert found["milliseconds"] > 0
    assert found["remarks"] == []


def test_a_filter_that_keeps_half(items: Connection) -> None:
    found = explained(items, ", filter => 'nth < 500'")

    assert (found["path"], found["index_name"]) == ("iterative", "item_hnsw")
    assert 0.4 < found["selectivity"] < 0.6
    assert 10 <= found["rows_visited"] < 200


def test_a_filter_that_keeps_little(items: Connection) -> None:
    found = explained(items, ", filter => 'nth = 0'")

    assert (found["path"], found["index_name"], found["ef_search"]) == ("exact", None, None)
    assert found["rows_found"] == 10
    assert found["rows_visited"] == 20_000
    assert "pass: comparing them costs" in found["reason"]


def test_an_index_that_gives_up(items: Connection) -> None:
    items.execute("set hnsw.max_scan_tuples = 1; set hnsw.iterative_scan = strict_order")
    far = "(embedding <=> $1) > 1.5"

    found = explained(items, f", filter => '{far}'")

    assert found["path"] == "iterative, then exact"
    assert found["max_scan_tuples"] == 1
    assert found["rows_found"] == 10
    assert found["reason"].endswith("the first attempt gave too few rows")


def test_exact_when_asked_for(items: Connection) -> None:
    found = explained(items, ", mode => 'exact'")

    assert (found["path"], found["reason"]) == ("exact", "mode => 'exact'")


def test_no_index_for_the_metric(items: Connection) -> None:
    found = explained(items, ", metric => 'l1'")

    assert found["path"] == "exact"
    assert found["remarks"] == [
        "no index serves the metric l1 on item.embedding: every row is compared"
    ]


def test_rows_without_a_vector(items: Connection) -> None:
    items.execute("update item set embedding = null where id < 5")

    [remark] = explained(items, "")["remarks"]
    assert remark.startswith("5 of 20000 rows have no vector")


def test_settings_are_as_before(items: Connection) -> None:
    with items.transaction():
        rows(items, "select vector_dims('[1]'::vector)")
        explained(items, ", filter => 'nth < 500'")
        assert rows(
            items,
            "select current_setting('hnsw.ef_search'), current_setting('hnsw.iterative_scan'),"
            " current_setting('hnsw.max_scan_tuples')",
        ) == [("40", "off", "20000")]


def test_a_text_is_explained(connection: Connection) -> None:
    declare_articles(connection, "food", "the sea")
    remember(connection, "food")

    found = rows(
        connection, "select path, rows_found from sqlembed.explain_search(null::article, 'food')"
    )
    # The index of two rows has no ten.
    assert found == [("index, then exact", 2)]
    with pytest.raises(psycopg.Error) as raised:
        rows(connection, "select sqlembed.explain_search(null::article, ' ')")
    assert raised.value.sqlstate == "SE014"


@pytest.mark.parametrize("mode", ["hybrid", "text"])
def test_words_are_not_explained(connection: Connection, mode: str) -> None:
    declare_articles(connection, "food")
    for query in ("'food'", "'[1,2]'::vector"):
        with pytest.raises(psycopg.Error, match="is not explained") as raised:
            rows(
                connection,
                f"select sqlembed.explain_search(null::article, {query}, mode => '{mode}')",
            )
        assert raised.value.sqlstate == "SE014"


def test_recall(items: Connection) -> None:
    [(found,)] = rows(items, "select sqlembed.recall('item', k => 10, queries => 30)")
    assert 0.95 <= found <= 1
    items.execute("truncate item")
    assert rows(items, "select sqlembed.recall('item')") == [(None,)]


def test_recall_warns(items: Connection) -> None:
    said: list[str] = []
    items.add_notice_handler(
        lambda notice: said.append(f"{notice.severity}: {notice.message_primary}")
    )
    rows(items, "select sqlembed.recall('item', queries => 1)")
    assert said == []

    items.execute("drop index item_hnsw; update item set embedding = null where id < 5")
    rows(items, "select sqlembed.recall('item', queries => 1)")
    assert [one.split(":")[:2] for one in said] == [["WARNING", " sqlembed"]] * 2
    assert "no index serves the metric cosine" in said[0] and "5 of 20000 rows" in said[1]


def test_vectors_beside_the_table(connection: Connection) -> None:
    vectors = unit_vectors(50, 8)
    make_items(connection, vectors)
    for statement in (
        "create table note (id integer primary key, title text)",
        "insert into note select id, 'note ' || id from item",
        "select sqlembed.register_embedder('hash', 8)",
        "select sqlembed.create_embedding('note', 'hash', 'title', place => 'side')",
        "insert into note_embedding select i.id, note_embedding_hash(n), i.embedding"
        " from item as i join note as n using (id) where i.id < 40",
    ):
        connection.execute(statement.encode())

    assert rows(connection, "select sqlembed.recall('note', k => 5)") == [(1.0,)]
    [(found, remarks)] = rows(
        connection,
        "select rows_found, remarks from sqlembed.explain_search(null::note, %s::vector)",
        literal(vectors[0]),
    )
    assert found == 10
    assert [remark.split(" and ")[0] for remark in remarks] == ["10 of 50 rows have no vector"]
    [(first,), _] = rows(connection, "select (base).id from sqlembed.similar(null::note, '[7]', 2)")
    assert first == int((1 - vectors[:40] @ vectors[7]).argsort()[1])
    assert rows(
        connection,
        "select count(*) from sqlembed.vector_search(null::note, %s, 10, diversity => 0.5)",
        literal(vectors[0]),
    ) == [(10,)]


def test_recall_of_a_bad_index_is_low(items: Connection) -> None:
    items.execute("drop index item_hnsw; alter table item alter embedding type vector(8)")
    items.execute(
        "create index on item using ivfflat (embedding vector_cosine_ops) with (lists = 1000)"
    )
    items.execute("set enable_seqscan = off; set enable_sort = off")

    [(found,)] = rows(items, "select sqlembed.recall('item', 'embedding', 10, 30)")
    assert 0 < found < 0.9


@pytest.mark.parametrize("arguments", ["'item', queries => 0", "'item', k => 0"])
def test_recall_refuses(items: Connection, arguments: str) -> None:
    with pytest.raises(psycopg.Error) as raised:
        rows(items, f"select sqlembed.recall({arguments})")
    assert raised.value.sqlstate == "SE014"
