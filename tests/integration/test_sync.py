"""``timing => 'sync'`` from any client: when a statement ends, its rows have their vectors."""

from __future__ import annotations

import psycopg
import pytest

from tests.fix_worker import StartWorker
from tests.integration.syncing import SOURCE, Sync, make_article, sync, waiting
from tests.integration.working import until
from tests.writing import (
    HASH,
    Connection,
    declare,
    function_registry,
    outdated,
    refused,
    register,
    rows,
    run,
    scalar,
)

__all__ = ["sync"]

GIVEN = "[1,1,1,1,1,1,1,1]"


def given(connection: Connection) -> list[int]:
    """Return which rows have the vector that a client gave them."""
    return [
        key
        for (key,) in rows(
            connection, "select id from article where embedding = %s::vector order by id", GIVEN
        )
    ]


def test_inserts_of_all_kinds(sync: Sync) -> None:
    sync.run("insert into article values (1, 'one', 'x')")
    sync.run("insert into article values (2, 'two', 'x'), (3, 'three', 'x')")
    sync.run("insert into article (title) select 'many ' || i from generate_series(1, 5) as i")
    with sync.connection.cursor().copy("copy article (id, title) from stdin") as copy:
        copy.write("16\tcopied\n17\tcopied too\n")
    sync.check()
    sync.run(
        "with new as (insert into article values (18, 'in a CTE', 'x') returning id)"
        " insert into article select id + 1, 'of a CTE', 'x' from new"
    )
    sync.run("insert into article select 99, 'nothing', 'x' where false")
    assert sync.count == 12
    assert len(sync.noting.texts) == 12


def test_returning_shows_the_row_as_it_was_written(sync: Sync) -> None:
    written = rows(
        sync.connection,
        "insert into article (title) values ('a'), ('b') returning title, embedding",
    )
    assert written == [("a", None), ("b", None)]
    sync.check()


def test_upserts_and_merges(sync: Sync) -> None:
    sync.run("insert into article values (1, 'one', 'x'), (2, 'two', 'x')")
    sync.run(
        "insert into article values (1, 'changed', 'x'), (3, 'new', 'x')"
        " on conflict (id) do update set title = excluded.title"
    )
    sync.run("insert into article values (1, 'ignored', 'x') on conflict do nothing")
    sync.run(
        "merge into article as a using (values (2, 'merged'), (4, 'fourth'), (3, null))"
        " as n (id, title) on a.id = n.id"
        " when matched and n.title is null then delete"
        " when matched then update set title = n.title"
        " when not matched then insert (id, title) values (n.id, n.title)"
    )
    assert rows(sync.connection, "select id, title from article order by id") == [
        (1, "changed"),
        (2, "merged"),
        (4, "fourth"),
    ]
    assert len(sync.noting.texts) == len(set(sync.noting.texts)) == 6


def test_updates_of_the_text_the_key_and_other_columns(sync: Sync) -> None:
    sync.run("insert into article values (1, 'one', 'x'), (2, 'two', 'x'), (3, 'three', 'x')")
    sync.run("update article set title = title || ' again' where id < 3")
    assert len(sync.noting.texts) == 5
    sync.run("update article set views = views + 1, title = title || ''")
    sync.run("update article set id = id + 10")
    assert len(sync.noting.texts) == 5
    sync.run("update article set id = id - 10, body = 'with another key'")
    assert len(sync.noting.texts) == 8
    sync.run("delete from article where id = 1")
    sync.run("truncate article")


def test_a_vector_of_the_clients_own_is_kept(sync: Sync) -> None:
    run(sync.connection, "insert into article values (1, 'a', 'x', 0), (2, 'b', 'x', 0)")
    run(sync.connection, "insert into article values (3, 'c', 'x', 0, %s)", GIVEN)
    run(
        sync.connection,
        "update article set title = 'd', embedding = %s where id = 1",
        GIVEN,
    )
    assert given(sync.connection) == [1, 3]
    run(sync.connection, "update article set views = 1")
    assert given(sync.connection) == [1, 3]
    assert len(sync.noting.texts) == 2
    sync.run("update article set title = title || '!'")
    sync.run("update article set embedding = null where id = 1")


def test_blank_texts_have_no_vector_and_cost_no_request(
    connection: Connection,
) -> None:
    """Without a worker a request would be an error."""
    register(connection)
    for on_change in ("hide", "keep"):
        make_article(connection, on_change=on_change)
        run(connection, "insert into article values (1, null), (2, ' '), (3, ''), (4, E'\\t\\n')")
        run(connection, "insert into article values (5, 'text', '', 0, %s)", GIVEN)
        run(connection, "update article set title = ' ' where id = 5")
        run(connection, "update article set title = null where id < 3")
        assert scalar(connection, "select count(embedding) from article") == 0
        assert waiting(connection) == 0
        run(connection, "drop table article; select sqlembed._sweep(0)")


def test_texts_of_any_kind(sync: Sync) -> None:
    sync.run(
        "insert into article values (1, %s), (2, %s), (3, %s)",
        'it\'s "quoted" \\ 100% {braces} $1 $tag$',
        "żółć 食べ物 \u2028",
        "x" * 10_000_000,
    )
    assert sync.count == 3


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_many_rows_in_a_statement(sync: Sync, count: int) -> None:
    sync.run(
        "insert into article (title) select 'text ' || i / 2 from generate_series(1, %s) as i",
        count,
    )
    assert sync.count == count
    assert len(sync.noting.texts) == count // 2 + 1


def test_a_request_has_a_bounded_size(connection: Connection, start_worker: StartWorker) -> None:
    batches: list[list[str]] = []

    def embed(texts: object) -> list[list[float]]:
        assert isinstance(texts, list)
        batches.append(texts)
        return [[1.0] * 8 for _ in texts]

    register(connection)
    start_worker(function_registry(embed, batch_size=5_000))
    make_article(connection)
    run(connection, "insert into article select i, i from generate_series(1, 2500) as i")
    assert sorted(map(len, batches)) == [500, 1000, 1000]
    batches.clear()
    run(
        connection,
        "insert into article select 5000 + i, repeat('w', 10000) || i"
        " from generate_series(10, 29) as i",
    )
    assert sum(map(len, batches)) == 20
    assert max(sum(map(len, batch)) for batch in batches) < 65536 + 10_003


def test_rows_that_are_there_already_are_left_to_a_worker(
    connection: Connection, start_worker: StartWorker
) -> None:
    register(connection)
    run(connection, "create table article (id int primary key, title text, body text default '')")
    run(connection, "insert into article values (1, 'there before')")
    assert declare(connection, "article", SOURCE, timing="sync") == 1
    assert waiting(connection) == 1
    start_worker(function_registry(HASH.embed))
    until(lambda: waiting(connection) == 0)
    assert outdated(connection, "article", SOURCE) == []


def test_refresh_goes_by_worker(sync: Sync) -> None:
    sync.run("insert into article values (1, 'one'), (2, 'two')")
    run(sync.connection, "select sqlembed.refresh_embedding('article')")
    until(lambda: waiting(sync.connection) == 0)
    sync.check()


def test_several_embeddings_of_a_table(sync: Sync) -> None:
    declare(sync.connection, "article", "title", embedding="short", timing="sync")
    declare(sync.connection, "article", "body", embedding="later")
    run(sync.connection, "insert into article values (1, 'one', 'long'), (2, null, 'x')")
    run(sync.connection, "update article set title = 'two' where id = 2")
    assert outdated(sync.connection, "article", SOURCE) == []
    assert outdated(sync.connection, "article", "title", "short") == []
    until(lambda: waiting(sync.connection) == 0)
    assert outdated(sync.connection, "article", "body", "later") == []


def test_names_types_and_storage_of_all_kinds(
    connection: Connection, start_worker: StartWorker
) -> None:
    register(connection, 'it\'s "new"')
    start_worker(function_registry(HASH.embed, name='it\'s "new"'))
    run(connection, 'create schema "My ""Schema"""')
    run(
        connection,
        'create table "My ""Schema"""."50% Tåble" ("Part" date, "no." numeric, "the text" text,'
        ' primary key ("no.", "Part"))',
    )
    table = '"My ""Schema"""."50% Tåble"'
    declare(
        connection,
        table,
        "\"the text\" || '%'",
        embedder='it\'s "new"',
        embedding="a vector",
        storage="halfvec",
        timing="sync",
    )
    run(
        connection,
        'insert into "My ""Schema"""."50% Tåble" values'
        " ('2024-01-31', 1.50, 'x'), ('infinity', 'NaN', 'y')",
    )
    assert outdated(connection, table, "\"the text\" || '%'", '"a vector"') == []


def test_a_partitioned_table(connection: Connection, start_worker: StartWorker) -> None:
    register(connection)
    start_worker(function_registry(HASH.embed))
    run(
        connection,
        """
        create table article (
            id int, region text, title text, body text default '', primary key (id, region)
        ) partition by list (region);
        create table article_a partition of article for values in ('a');
        create table article_b partition of article for values in ('b');
        """,
    )
    declare(connection, "article", SOURCE, timing="sync")
    run(connection, "insert into article values (1, 'a', 'one'), (2, 'b', 'two')")
    run(connection, "update article set region = 'b', title = 'moved' where id = 1")
    run(connection, "update article set region = 'a' where id = 1")
    assert outdated(connection, "article", SOURCE) == []
    assert scalar(connection, "select count(embedding) from article") == 2


def test_within_a_transaction_that_is_rolled_back_nothing_is_left(sync: Sync) -> None:
    with sync.connection.transaction(force_rollback=True):
        run(sync.connection, "insert into article values (1, 'one')")
        with pytest.raises(psycopg.Error), sync.connection.transaction():
            run(sync.connection, "insert into article values (1, 'again')")
        assert outdated(sync.connection, "article", SOURCE) == []
        with sync.connection.transaction(force_rollback=True):
            run(sync.connection, "update article set title = 'two'")
            assert outdated(sync.connection, "article", SOURCE) == []
        assert outdated(sync.connection, "article", SOURCE) == []
        assert waiting(sync.connection) == 0
    assert sync.count == 0


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_other_isolation_levels(sync: Sync, level: str) -> None:
    sync.run("insert into article values (1, 'known')")
    with sync.connection.transaction():
        run(sync.connection, f"set transaction isolation level {level}")
        run(sync.connection, "insert into article values (2, 'two'), (3, 'known')")
        run(sync.connection, "update article set title = 'three' where id = 2")
    sync.check()


def test_dropping_the_embedding_takes_its_trigger_off(sync: Sync) -> None:
    run(sync.connection, "select sqlembed.drop_embedding('article')")
    run(sync.connection, "insert into article values (1, 'one')")
    assert sync.count == 0
    assert (
        rows(
            sync.connection,
            "select tgname from pg_trigger"
            " where tgrelid = 'article'::regclass and not tgisinternal",
        )
        == []
    )


def test_columns_that_are_gone(sync: Sync) -> None:
    """Without the vector column there is nothing to keep; without the text there is."""
    sync.run("insert into article values (1, 'one')")
    run(sync.connection, "alter table article rename column title to headline")
    run(sync.connection, "insert into article values (4, 'renamed', 'x')")
    assert outdated(sync.connection, "article", "headline || ' ' || body") == []
    run(sync.connection, "alter table article drop column body cascade")
    said = refused(sync.connection, "SE012", "insert into article values (2, 'two')")
    assert "they have lost body" in said
    run(sync.connection, "alter table article drop column embedding cascade")
    run(sync.connection, "insert into article values (3, 'three')")


def test_refused_values(connection: Connection) -> None:
    register(connection)
    run(connection, "create table article (id int primary key, title text)")
    assert "Choose from: async, sync." in refused(
        connection,
        "SE014",
        "select sqlembed.create_embedding('article', 'hash', 'title', timing => 'later')",
    )
