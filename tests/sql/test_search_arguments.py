"""Arguments that a search refuses, in words, and the settings that it leaves alone."""

from __future__ import annotations

import psycopg
import pytest

from tests.fix_database import Connection
from tests.sql.searching import make_animals, make_items, rows, unit_vectors


def refusal(connection: Connection, arguments: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as raised:
        rows(connection, f"select from sqlembed.{arguments}")
    return raised.value


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ("k => 0", "k must be 1 or more, not 0", "k is the number of rows to find."),
        ("k => -1", "k must be 1 or more, not -1", "k is the number of rows to find."),
        ("k => null", "k must be 1 or more, not NULL", "k is the number of rows to find."),
        ("k => 1001", "k must be 1000 or less, not 1001", "With mode => 'exact' it may be larger."),
        ("k => 0, mode => 'exact'", "k must be 1 or more, not 0",
         "k is the number of rows to find."),
        ("mode => 'hybrid'", "mode => 'hybrid' needs a text",
         "A vector has no words. Give the text to sqlembed.search."),
        ("mode => 'text'", "mode => 'text' needs a text",
         "A vector has no words. Give the text to sqlembed.search."),
        ("mode => 'fast'", "mode => 'fast' is not known",
         "Choose from: vector, exact, hybrid, text."),
        ("mode => null", "mode => NULL is not known", "Choose from: vector, exact, hybrid, text."),
        ("metric => 'hamming'", "unknown metric 'hamming'",
         "Metrics are cosine, euclidean, inner_product and l1."),
    ],
)  # fmt: skip
def test_impossible_arguments(
    connection: Connection, arguments: str, message: str, hint: str
) -> None:
    make_animals(connection)

    error = refusal(connection, f"vector_search(null::animal, '[1,2]', {arguments})")

    assert error.sqlstate == "SE014"
    assert error.diag.message_primary == f"sqlembed: {message}"
    assert error.diag.message_hint == hint


@pytest.mark.parametrize(
    ("relation", "shown"),
    [
        ("null", "null::article"),
        ("'animal'", "null::animal"),
        ("'public.animal'", "null::public.animal"),
        ("'Zoo'::text", 'null::"Zoo"'),
        ("''", "null::article"),
        ("'animal'::regclass", "null::animal"),
        ("'animal'::name", "null::animal"),
        ("1", "null::article"),
        ("null::pair", "null::article"),
        ("array[null::animal]", "null::article"),
    ],
)
@pytest.mark.parametrize(
    ("function", "queries"),
    [("search", ["'food'"]), ("vector_search", ["'[1,2]'", "'[1,2]'::vector"])],
)
def test_the_form_is_shown(
    connection: Connection, relation: str, shown: str, function: str, queries: list[str]
) -> None:
    make_animals(connection)
    connection.execute("create type pair as (a int, v vector(2))")

    for query in queries:
        for more in ("", ", k => 3, filter => 'true'"):
            error = refusal(connection, f"{function}({relation}, {query}{more})")

            assert error.sqlstate == "SE014"
            assert f"{function} takes a table as a NULL of its row type" in str(error)
            form = f"select (base).*, distance from sqlembed.{function}({shown}, "
            assert form in str(error.diag.message_hint)


def test_the_form_that_is_shown_works(connection: Connection) -> None:
    make_animals(connection)
    hint = str(refusal(connection, "vector_search('animal', '[1,2]')").diag.message_hint)
    statement = hint.removeprefix("Write: ").removesuffix(".").replace("[1, 2, 3]", "[1, 2]")

    assert rows(connection, statement + " limit 1") == [("dog", "[1,2]", 0.0)]


@pytest.mark.parametrize("kind", ["vector", "halfvec"])
@pytest.mark.parametrize("arguments", ["", ", filter => 'id > 0'", ", mode => 'exact'"])
def test_dimensions_that_differ(connection: Connection, kind: str, arguments: str) -> None:
    make_items(connection, unit_vectors(20, 2), kind)
    connection.execute(f"create index on item using hnsw (embedding {kind}_cosine_ops)".encode())
    connection.execute("set enable_seqscan = off")

    error = refusal(connection, f"vector_search(null::item, '[1,2,3]'{arguments})")

    assert error.sqlstate == "SE014"
    said = str(error.diag.message_primary)
    assert said == "sqlembed: the query has 3 dimensions, unlike vectors of item"


def test_a_column_of_mixed_dimensions(connection: Connection) -> None:
    connection.execute("create table item (id int primary key, v vector)")
    connection.execute("insert into item values (1, '[1,0]'), (2, '[1,0,0]')")

    for filter in ("null", "'id > 0'"):
        error = refusal(connection, f"vector_search(null::item, '[1,1]', filter => {filter})")
        assert error.sqlstate == "SE014"
        assert "the query has 2 dimensions" in str(error.diag.message_primary)
        assert "vector_dims(column)" in str(error.diag.message_hint)

    found = "select (base).id from sqlembed.vector_search(null::item, '[1,1,1]', filter => %s)"
    assert rows(connection, found, "vector_dims(v) = 3") == [(2,)]


def test_a_column_that_is_not_there_any_more(connection: Connection) -> None:
    make_items(connection, unit_vectors(3, 2))
    connection.execute("select sqlembed.register_embedder('two', 2)")
    connection.execute("select sqlembed.create_embedding('item', 'two', 'nth::text')")
    connection.execute("alter table item rename embedding to other")
    # Nobody has followed it yet, and a search finds it all the same.
    found = "select from sqlembed.vector_search(null::item, '[1,2]', filter => 'id > 0')"
    assert len(rows(connection, found)) == 2
    error = refusal(connection, "vector_search(null::item, '[1,2]', filter => 'idd > 0')")
    assert error.sqlstate == "SE015"

    connection.execute("alter table item drop other cascade")
    for filter in ("null", "'id > 0'"):
        error = refusal(connection, f"vector_search(null::item, '[1,2]', filter => {filter})")
        assert error.sqlstate == "SE013"
        assert "column embedding of item is not there any more" in str(error)
        hint = "select sqlembed.drop_embedding('item', 'embedding'), and declare it anew."
        assert error.diag.message_hint == hint


SETTINGS = (
    "hnsw.ef_search",
    "hnsw.iterative_scan",
    "ivfflat.iterative_scan",
    "jit",
    "plan_cache_mode",
)
SHOW = "select " + ", ".join(f"current_setting('{name}')" for name in SETTINGS)


@pytest.mark.parametrize("changed", [False, True])
def test_settings_are_back_after_a_search(connection: Connection, changed: bool) -> None:
    make_items(connection, unit_vectors(50, 2))
    rows(connection, "select vector_dims('[1]'::vector)")
    if changed:
        connection.execute("set hnsw.ef_search = 77; set hnsw.iterative_scan = strict_order")
    before = rows(connection, SHOW)

    seen = rows(
        connection,
        f"select array[{SHOW.removeprefix('select ')}]"
        " from sqlembed.vector_search(null::item, '[1,0]', 5)",
    )
    assert seen == [(list(before[0]),)] * 5
    assert rows(connection, SHOW) == before

    with connection.transaction():
        rows(connection, "select from sqlembed.vector_search(null::item, '[1,0]', 20)")
        assert rows(connection, SHOW) == before
        with pytest.raises(psycopg.Error), connection.transaction():
            rows(
                connection,
                "select from sqlembed.vector_search(null::item, '[1,0]', filter => '1/0 = 1')",
            )
        assert rows(connection, SHOW) == before
    assert rows(connection, SHOW) == before


def test_settings_inside_a_search(connection: Connection) -> None:
    make_items(connection, unit_vectors(20000, 2))

    def inside(name: str, k: int) -> set[str]:
        connection.execute("truncate seen")
        search = "select from sqlembed.vector_search(null::item, '[1,0]', %s, filter => %s)"
        rows(connection, search, k, f"see('{name}')")
        return {row[0] for row in rows(connection, "select setting from seen")}

    connection.execute(
        """
        create table seen (setting text);
        create function see(name text) returns boolean language plpgsql as
        $$ begin insert into seen values (current_setting(name)); return true; end $$
        """
    )
    assert inside("hnsw.ef_search", 1) == {"64"}
    assert inside("hnsw.ef_search", 10) == {"100"}
    of_1000 = (
        "select (sqlembed._search_path(sqlembed._search_target('', null::item, null, null),"
        " '[1,0]', 1000, 'vector', '', null, null, null, null)).ef_search"
    )
    assert rows(connection, of_1000) == [(1000,)]
    assert inside("hnsw.iterative_scan", 10) == {"relaxed_order"}

    connection.execute("set hnsw.ef_search = 500; set hnsw.iterative_scan = strict_order")
    assert inside("hnsw.ef_search", 10) == {"500"}
    assert inside("hnsw.iterative_scan", 10) == {"strict_order"}


def test_the_first_statement_of_a_session(url: str, connection: Connection) -> None:
    """Nothing of pgvector has run in it yet, so its settings are not known."""
    make_animals(connection)

    with psycopg.connect(url) as fresh:
        found = fresh.execute(
            "select (hit.base).id from animal,"
            " sqlembed.vector_search(null::animal, animal.embedding, 1) as hit where id = 'tiger'"
        ).fetchall()
    assert found == [("tiger",)]
