"""Generations: another embedder is built beside the present one, and takes its place at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fix_worker import StartWorker
from tests.integration.generating import (
    HELD,
    SEARCH,
    article,
    build_index,
    dimensions,
    ready,
    start,
    two,
    vectors,
)
from tests.integration.working import other, until
from tests.writing import Connection, declare, embed_all, outdated, refused, rows, run, scalar

__all__ = ["article", "other"]


def test_the_next_one_is_built_and_takes_the_place(
    article: Connection, url: str, start_worker: StartWorker
) -> None:
    start_worker(two())
    start(article)
    assert scalar(article, SEARCH, "text 7") == 7
    run(article, "insert into article values (21, 'written to both')")
    embed_all(url, two())
    build_index(article)
    holder = vectors(article)
    assert scalar(article, f"select count(vector_dims(embedding)) from {holder}") == 21
    assert scalar(article, f"select max(vector_dims(embedding)) from {holder}") == 8
    run(article, "select sqlembed.switch_generation('article')")
    assert scalar(article, f"select count(embedding) from {holder}") == 21
    assert scalar(article, f"select min(vector_dims(embedding)) from {holder}") == 12
    assert scalar(article, SEARCH, "text 7") == 7
    assert scalar(article, SEARCH, "written to both") == 21
    assert [row[0] for row in rows(article, HELD)] == ["current", "previous"]
    # Both go on.
    run(article, "update article set title = 'changed' where id = 7")
    run(article, "insert into article values (22, 'new')")
    run(article, "call sqlembed.wait_until_embedded('article')")
    embed_all(url, two())
    assert scalar(article, SEARCH, "changed") == 7
    run(article, "select sqlembed.rollback_generation('article')")
    assert dimensions(article) == 8
    assert scalar(article, SEARCH, "changed") == 7
    assert scalar(article, SEARCH, "new") == 22
    run(article, "select sqlembed.switch_generation('article')")
    run(article, "select sqlembed.drop_generation('article')")
    assert [row[0] for row in rows(article, HELD)] == ["current"]
    assert scalar(article, SEARCH, "new") == 22
    # And again, with the names that are free now.
    ready(article, url, embedder="hash")
    run(article, "select sqlembed.switch_generation('article')")
    assert dimensions(article) == 8 and scalar(article, SEARCH, "new") == 22
    if holder == "article":
        assert outdated(article, "article", "title") == []


def test_what_is_given_up_leaves_nothing(article: Connection, url: str) -> None:
    before = made(article)
    start(article, rows_per_second=100)
    assert made(article) != before
    run(article, "select sqlembed.abandon_generation('article')")
    embed_all(url, two())
    assert made(article) == before
    run(article, "insert into article values (30, 'x')")
    assert scalar(article, "select count(*) from sqlembed.change") == 1
    ready(article, url)
    run(article, "select sqlembed.drop_embedding('article', keep_column => false)")
    assert scalar(article, "select count(*) from sqlembed.embedding") == 0
    assert (
        scalar(article, "select count(*) from pg_class where relname like 'article\\_emb%%'") == 0
    )


def made(connection: Connection) -> Any:
    return (
        rows(
            connection,
            "select tgname from pg_trigger where tgrelid = 'article'::regclass order by 1",
        ),
        rows(connection, "select relname from pg_class where relname ~ '^article' order by 1"),
        rows(connection, "select proname from pg_proc where proname ~ '_[0-9]+$' order by 1"),
        rows(
            connection,
            "select attname from pg_attribute where attrelid = 'article'::regclass"
            " and not attisdropped order by 1",
        ),
    )


def test_what_is_not_ready_is_refused(article: Connection, url: str) -> None:
    refused(article, "SE013", "select sqlembed.switch_generation('article')")
    start(article)
    said = refused(article, "SE018", "select sqlembed.switch_generation('article')")
    assert "no worker has begun" in said
    run(article, "select sqlembed._queue_generations()")
    said = refused(article, "SE018", "select sqlembed.switch_generation('article')")
    assert "20 rows of article still wait" in said
    embed_all(url, two())
    said = refused(article, "SE018", "select sqlembed.switch_generation('article')")
    assert "create index concurrently" in said
    build_index(article)
    assert scalar(article, "select sqlembed.generation_index('article')") is None
    refused(article, "SE013", "select sqlembed.rollback_generation('article')")
    refused(article, "SE013", "select sqlembed.drop_generation('article')")
    refused(
        article, "SE014", "select sqlembed.create_generation('article', 'wide', 'embedding_next')"
    )
    refused(article, "SE011", "select sqlembed.create_generation('article', 'wide')")
    refused(article, "SE014", "select sqlembed.alter_embedding('article', on_change => 'keep')")
    run(article, "select sqlembed.switch_generation('article')")
    refused(article, "SE011", "select sqlembed.create_generation('article', 'wide')")
    refused(article, "SE013", "select sqlembed.abandon_generation('article')")


def test_neighbours_are_not_written_one_after_the_other(article: Connection) -> None:
    """In a table beside, whose rows are new, they are, as they are read then as they stand."""
    run(article, "insert into article select i, 'text' from generate_series(21, 200) as i")
    run(article, "delete from sqlembed.change")
    start(article)
    run(article, "select sqlembed._queue_generations()")
    found = rows(article, "select (key -> 0)::int from sqlembed.change order by id")
    assert sorted(found) == [(number,) for number in range(1, 201)]
    assert (found == sorted(found)) == (vectors(article) == "article_embedding")


def test_a_drop_is_undone(article: Connection, url: str) -> None:
    ready(article, url)
    run(article, "select sqlembed.switch_generation('article')")
    run(article, "select sqlembed.drop_generation('article')")
    said = refused(
        article, "SE014", "select sqlembed.create_generation('article', generation => 'current')"
    )
    assert "next or previous" in said
    start(article, embedder="hash", generation="previous")
    refused(article, "SE013", "select sqlembed.switch_generation('article')")
    said = refused(article, "SE018", "select sqlembed.rollback_generation('article')")
    assert "no worker has begun the previous generation" in said
    embed_all(url, two())
    said = refused(article, "SE018", "select sqlembed.rollback_generation('article')")
    assert "create index concurrently" in said
    build_index(article)
    run(article, "select sqlembed.rollback_generation('article')")
    assert dimensions(article) == 8
    assert [row[0] for row in rows(article, HELD)] == ["current", "next"]
    run(article, "select sqlembed.abandon_generation('article')")


def test_without_vectors_there_is_nothing_to_wait_for(
    connection: Connection, url: str, role: str
) -> None:
    """Rows of a database that was made a moment ago; unless a policy hides others that have one."""
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'text ' || i from generate_series(1, 5) as i")
    embed_all(url, two())
    declare(connection, "article", "title")
    run(connection, "delete from sqlembed.change")
    start(connection)
    run(connection, "select sqlembed.switch_generation('article')")
    embed_all(url, two())
    assert scalar(connection, "select count(vector_dims(embedding)) from article") == 5
    run(connection, "select sqlembed.drop_generation('article')")
    start(connection, embedder="hash")
    run(connection, f"alter table article owner to {role}")
    run(connection, "alter table article enable row level security, force row level security")
    run(connection, f"set role {role}")
    assert scalar(connection, "select count(*) from article") == 0
    said = refused(connection, "SE018", "select sqlembed.switch_generation('article')")
    assert "no worker has begun" in said


def test_rows_that_were_given_up_are_not_lost(article: Connection, url: str) -> None:
    ready(article, url)
    run(
        article,
        "insert into sqlembed.failed_job (embedding, key, attempts, error)"
        " select id, '[3]', 5, 'bad' from sqlembed.embedding where generation = 'next'",
    )
    said = refused(article, "SE018", "select sqlembed.switch_generation('article')")
    assert "1 rows of article were given up" in said and "retry_failed" in said
    run(article, "select sqlembed.retry_failed('article', 'embedding_next')")
    embed_all(url, two())
    run(article, "select sqlembed.switch_generation('article')")


def test_another_source(article: Connection, url: str, start_worker: StartWorker) -> None:
    start_worker(two())
    ready(article, url, embedder=None, source="title || ' of article'")
    run(article, "select sqlembed.switch_generation('article')")
    assert scalar(article, SEARCH, "text 7 of article") == 7
    assert scalar(
        article,
        "select distance < 1e-6 from sqlembed.search(null::article, 'text 7 of article', 1)",
    )


def test_rights_of_the_column_go_with_its_name(article: Connection, url: str, role: str) -> None:
    holder = vectors(article)
    run(article, f"grant select (embedding), update (embedding) on {holder} to {role}")
    ready(article, url)
    run(article, "select sqlembed.switch_generation('article')")
    assert scalar(
        article,
        "select bool_and(has_column_privilege(%s, %s, 'embedding', p))"
        " from unnest('{select,update}'::text[]) as p",
        role,
        holder,
    )


def test_a_right_that_was_taken_back_does_not_return(
    article: Connection, url: str, role: str
) -> None:
    holder = vectors(article)
    named = f'select (embedding) on {holder} from "{role}"'
    run(article, f"grant {named.replace(' from ', ' to ')}")
    ready(article, url)
    run(article, "select sqlembed.switch_generation('article')")
    readable = "select has_column_privilege(%s, %s, 'embedding', 'select')"
    assert scalar(article, readable, role, holder)

    run(article, f"revoke {named}")
    run(article, "select sqlembed.rollback_generation('article')")

    assert not scalar(article, readable, role, holder)


def test_a_clustering_stays_with_its_vectors(article: Connection, url: str) -> None:
    holder = vectors(article)
    run(article, f"select sqlembed.create_clustering('{holder}', 'topics', num_clusters => 3)")
    ready(article, url)
    run(article, "select sqlembed.switch_generation('article')")
    run(article, "insert into article select i, 'text ' || i from generate_series(21, 30) as i")
    embed_all(url, two())

    run(article, "select sqlembed.refit_clustering('topics')")
    found = "select embedding, fitted_rows, assigned from sqlembed.clustering_status"
    assert rows(article, found) == [("embedding_previous", 30, 30)]
    for statement in (
        "drop_generation('article')",
        "drop_embedding('article', keep_column=>false)",
    ):
        said = refused(article, "SE021", f"select sqlembed.{statement}")
        assert "clustering 'topics' is of the vectors in embedding_previous" in said
    run(article, "select sqlembed.drop_clustering('topics')")
    run(article, f"select sqlembed.create_clustering('{holder}', 'topics', num_clusters => 3)")
    assert rows(article, found) == [("embedding", 30, 30)]
    run(article, "select sqlembed.drop_generation('article')")
    alter = "select sqlembed.alter_embedding('article', embedder => 'hash')"
    assert "topics" in refused(article, "SE021", alter)


DECLARED = "select id, name, generation, generation_of, timing from sqlembed.embedding order by id"


def test_every_step_is_whole_or_not_at_all(article: Connection, url: str) -> None:
    """What a crash would leave: each step is one transaction, and is taken back here."""
    steps = (
        "select sqlembed.create_generation('article', 'wide')",
        None,
        "select sqlembed.switch_generation('article')",
        "select sqlembed.rollback_generation('article')",
        "select sqlembed.switch_generation('article')",
        "select sqlembed.drop_generation('article')",
    )
    for step in steps:
        if step is None:
            embed_all(url, two())
            build_index(article)
            continue
        before = made(article), rows(article, DECLARED)
        run(article, "begin")
        run(article, step)
        run(article, "rollback")
        assert (made(article), rows(article, DECLARED)) == before
        run(article, step)
        embed_all(url, two())
        assert (made(article), rows(article, DECLARED)) != before


@pytest.mark.parametrize("kind", ["partitioned", "inherited", "chunked", "binary", "quoted"])
def test_tables_of_every_kind(
    connection: Connection, url: str, start_worker: StartWorker, kind: str
) -> None:
    start_worker(two())
    options: dict[str, Any] = {"index": "hnsw"}
    name = "article"
    if kind == "partitioned":
        run(
            connection,
            "create table article (id int primary key, title text) partition by range (id)",
        )
        run(connection, "create table one partition of article for values from (1) to (6)")
        run(connection, "create table two partition of article for values from (6) to (99)")
    elif kind == "quoted":
        name = '"Ar ""t% icle"'
        run(connection, f"create table {name} (id int primary key, title text)")
        options["embedding"] = "Vec %s \"x' " + "y" * 45
    else:
        run(connection, "create table article (id int primary key, title text)")
    if kind == "inherited":
        run(connection, "create table child (primary key (id)) inherits (article)")
        run(connection, "insert into child values (50, 'text 50')")
        options["index"] = "none"
    if kind == "chunked":
        options["chunking"] = '{"characters": 30}'
    if kind == "binary":
        options["index"] = "binary"
    run(
        connection,
        f"insert into {name} select i, 'text ' || i from generate_series(1, 20) as i",
    )
    declare(connection, name, "title", **options)
    run(connection, "call sqlembed.wait_until_embedded(%s)", name)
    run(connection, "select sqlembed.create_generation(%s, 'wide')", name)
    run(connection, "select sqlembed._queue_generations()")
    until(lambda: not scalar(connection, "select exists (select from sqlembed._waiting)"))
    search = f"select (base).id, distance from sqlembed.search(null::{name}, 'text 7', 1)"
    before = rows(connection, search)
    assert before[0][0] == 7
    if statement := scalar(connection, "select sqlembed.generation_index(%s)", name):
        run(connection, statement)
    for step in ("switch", "rollback", "switch", "drop"):
        run(connection, f"select sqlembed.{step}_generation(%s)", name)
        ((id, distance),) = rows(connection, search)
        assert (id, distance) == (7, pytest.approx(before[0][1], abs=1e-6))
    run(connection, f"update {name} set title = 'another' where id = 8")
    run(connection, "call sqlembed.wait_until_embedded(%s)", name)
    ((id, _),) = rows(connection, search.replace("text 7", "another"))
    assert id == 8
