"""Generations: another embedder is built beside the present one, and takes its place at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import Worker
from sqlembed.worker.jobs import Jobs
from sqlembed.worker.link import connect
from sqlembed.worker.progress import Progress
from tests.fix_worker import StartWorker
from tests.integration.working import other, until
from tests.writing import HASH, Connection, declare, embed_all, outdated, refused, rows, run, scalar

__all__ = ["other"]

SEARCH = "select (base).id from sqlembed.search(null::article, %s, 1)"
HELD = "select generation, place, embedder, dimensions from sqlembed.generation order by 1"


def two() -> Registry:
    """Return a registry of the embedder in use and the next one."""
    registry = Registry()
    registry.add(HashEmbedder("hash", 8))
    registry.add(HashEmbedder("wide", 12))
    return registry


@pytest.fixture(params=["row", "side"])
def article(request: pytest.FixtureRequest, connection: Connection, url: str) -> Connection:
    """A table of 20 embedded rows."""
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'text ' || i from generate_series(1, 20) as i")
    embed_all(url, two())
    declare(connection, "article", "title", index="hnsw", place=request.param)
    embed_all(url, two())
    return connection


def start(connection: Connection, **options: object) -> None:
    arguments = {"embedder": "wide"} | options
    named = ", ".join(f"{name} => %s" for name in arguments)
    statement = f"select sqlembed.create_generation('article', {named})"
    run(connection, statement, *arguments.values())


def build_index(connection: Connection) -> None:
    run(connection, scalar(connection, "select sqlembed.generation_index('article')"))


def ready(connection: Connection, url: str, **options: object) -> None:
    start(connection, **options)
    embed_all(url, two())
    build_index(connection)


def dimensions(connection: Connection) -> int:
    """Return how long the vectors are that a search compares with."""
    return int(
        scalar(
            connection,
            "select dimensions from sqlembed.generation where generation = 'current'",
        )
    )


def vectors(connection: Connection) -> str:
    """Return what holds the current vectors, to be counted and read."""
    place = scalar(connection, "select place from sqlembed.embedding where generation = 'current'")
    return {"row": "article", "side": "article_embedding"}[place]


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


def test_a_search_that_began_before_keeps_its_generation(
    article: Connection, other: Connection, url: str, start_worker: StartWorker
) -> None:
    start_worker(two())
    ready(article, url)
    run(other, "set transaction isolation level repeatable read")
    seen = "select (base).id, distance from sqlembed.search(null::article, 'text 7', 5)"
    (first,) = rows(other, "select count(*) from sqlembed.embedding")
    # Its snapshot is there; it has not touched the table.
    run(article, "select sqlembed.switch_generation('article')")
    run(article, "update article set title = 'changed' where id = 7")
    old = rows(other, seen)
    exact = rows(other, seen.replace("5)", "5, mode => 'exact')"))
    assert old == exact and old[0][0] == 7 and old[0][1] < 1e-6
    other.rollback()
    assert rows(other, "select (base).id from sqlembed.search(null::article, 'text 8', 1)") == [
        (8,)
    ]
    assert first


def test_a_search_that_began_before_its_vectors_were_dropped_fails(
    article: Connection, url: str
) -> None:
    ready(article, url, embedder="hash", source="'the ' || title")
    with psycopg.connect(url) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("select from sqlembed.embedder").fetchall()
        run(article, "select sqlembed.switch_generation('article')")
        run(article, "select sqlembed.drop_generation('article')")

        search = "select (base).id from sqlembed.vector_search(null::article, %s::vector)"
        with pytest.raises(psycopg.Error) as caught:
            other.execute(search, (str([1.0] * 8),))

    assert caught.value.sqlstate == "SE013"


def test_a_busy_table_is_waited_for_and_not_stalled(
    article: Connection, other: Connection, url: str
) -> None:
    ready(article, url)
    rows(other, "select * from article limit 1")
    said = refused(
        article, "55P03", "select sqlembed.switch_generation('article', timeout => '300 ms')"
    )
    assert "in use" in said
    assert scalar(article, "show lock_timeout") == "0"
    other.rollback()
    run(article, "select sqlembed.switch_generation('article')")
    assert scalar(article, "show lock_timeout") == "0"


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


def test_what_is_in_use_comes_first(article: Connection, url: str) -> None:
    start(article)
    run(article, "insert into article values (21, 'urgent')")
    served: list[str] = []

    def observe(progress: Progress) -> None:
        served.append(progress.embedder)

    Worker(url, two(), observer=observe).run(burst=True)
    assert served[0] == "hash" and served[-1] == "wide"


def test_a_rate_is_kept(article: Connection, url: str) -> None:
    start(article, rows_per_second=10)
    began = time.monotonic()
    embed_all(url, two())
    # The last batch, of at most ten, is not waited for.
    assert time.monotonic() - began > 0.95
    assert scalar(article, "select embedded from sqlembed.status where embedder = 'wide'") == 20
    refused(article, "SE014", "select sqlembed.create_generation('article', rows_per_second => 0)")


def test_a_search_whose_query_is_being_embedded_meanwhile(
    connection: Connection, url: str, start_worker: StartWorker
) -> None:
    """Vectors of both generations are as long: only the right embedder finds the row."""
    opened, asked = threading.Event(), threading.Event()
    registry = Registry()

    @registry.embedder("old", dimensions=8)
    def old(texts: Sequence[str]) -> Any:
        if "question 7" in texts:
            asked.set()
            assert opened.wait(30)
        return HASH.embed(texts)

    @registry.embedder("new", dimensions=8)
    def new(texts: Sequence[str]) -> Any:
        return -HASH.embed(texts)

    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'question ' || i from generate_series(1, 20) i")
    run(connection, "update article set title = 'question seven' where id = 7")
    start_worker(registry)
    declare(connection, "article", "title", embedder="old")
    run(connection, "call sqlembed.wait_until_embedded('article')")
    start(connection, embedder="new")
    run(connection, "select sqlembed._queue_generations()")
    until(lambda: scalar(connection, PENDING) == 0)
    found: list[Any] = []

    def search() -> None:
        with psycopg.connect(url, autocommit=True) as mine:
            statement = "select distance from sqlembed.search(null::article, 'question 7', 20)"
            found.extend(rows(mine, statement))

    thread = threading.Thread(target=search)
    thread.start()
    assert asked.wait(10)
    run(connection, "select sqlembed.switch_generation('article')")
    opened.set()
    thread.join()
    place = "select title from article"
    (question,) = HASH.embed(["question 7"])
    wanted = sorted(
        1 - float(HASH.embed([title])[0] @ question) for (title,) in rows(connection, place)
    )
    assert [distance for (distance,) in found] == pytest.approx(wanted, abs=1e-5)


PENDING = "select pending from sqlembed.status where embedder = 'new'"


@pytest.mark.parametrize("place", ["row", "side"])
def test_a_worker_with_a_batch_in_hand_writes_to_its_own_generation(
    connection: Connection, url: str, place: str
) -> None:
    embed_all(url, two())
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'text ' || i from generate_series(1, 20) as i")
    declare(connection, "article", "title", place=place)
    embed_all(url, two())
    start(connection)
    embed_all(url, two())
    run(connection, "update article set title = 'changed' where id = 7")
    with connect(url) as mine:
        jobs = Jobs(mine, scalar(mine, "select sqlembed._start_worker('by hand', '{hash}')"))
        batch = jobs.claim({"hash": 9}) or jobs.fold({"hash": 9})[1]
        assert batch is not None and batch.keys == ["[7]"]
        sources, _ = jobs.read(batch, batch.keys)
        made = {source.hash or b"": HASH.embed([str(source.text)])[0] for source in sources}
        run(connection, "select sqlembed.switch_generation('article')")
        with pytest.raises(psycopg.Error) as raised:
            jobs.write(batch, sources, made)
        assert raised.value.sqlstate in ("SE017", "42P01", "42703"), raised.value
        jobs.forget(batch.embedding)
        jobs.release(batch, batch.keys, timedelta(0))
        again = jobs.claim({"hash": 9}, of_generations=True)
        assert again is not None and again.keys == ["[7]"]
        jobs.write(again, sources, made)
        jobs.finish(again, again.keys)
    embed_all(url, two())
    holders = {"row": ("article", "article"), "side": HOLDERS}[place]
    for holder, column, length in zip(
        holders, ("embedding", "embedding_previous"), (12, 8), strict=True
    ):
        found = scalar(
            connection, f"select array_agg(distinct vector_dims({column})) from {holder}"
        )
        assert found == [length]
        assert scalar(connection, f"select count({column}) from {holder}") == 20


HOLDERS = ("article_embedding", "article_embedding_previous")


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


DECLARED = "select id, name, generation, generation_of, timing from sqlembed.embedding order by id"


def test_a_model_of_the_generation_before_does_not_fail_a_process(
    article: Connection, url: str, start_worker: StartWorker
) -> None:
    start_worker(two())
    (given,) = HASH.embed(["text 7"])
    statement = "select sqlembed.embed_given('wide', 'text 7', %s::vector, %s)::real[]"
    found = scalar(article, statement, str(given.tolist()), HASH.fingerprint)
    assert np.allclose(found, HashEmbedder("wide", 12).embed(["text 7"])[0], atol=1e-6)
    refused(article, "SE002", statement, str(given.tolist()), "of nobody here")


def test_writers_that_never_pause_do_not_keep_the_next_one_from_being_built(
    article: Connection, url: str, start_worker: StartWorker
) -> None:
    start_worker(two())
    start(article)
    over = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as mine:
            while not over.is_set():
                run(mine, "update article set title = title || '.' where id = 1")

    writer = threading.Thread(target=write)
    writer.start()
    built = "select embedded from sqlembed.status where embedder = 'wide'"
    until(lambda: scalar(article, built) >= 19, 30)
    over.set()
    writer.join()


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
