"""The views status, failure and worker, and wait_until_embedded."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from sqlembed.worker import Worker, jobs
from tests.fix_worker import alive
from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    fold,
    function_registry,
    hash_registry,
    outdated,
    refused,
    rows,
    run,
    scalar,
)

STATUS = """
select
    relation::text, embedding, embedder, timing, total, embedded, blank, pending, failed, last_error
from sqlembed.status order by 1, 2
"""
WAIT = "call sqlembed.wait_until_embedded('article')"


@pytest.fixture
def article(shared: Connection) -> Connection:
    """A connection to a database with three declared articles, one of them blank."""
    run(
        shared,
        "create table article (id int primary key, title text, secret boolean default false)",
    )
    run(shared, "insert into article values (1, 'one'), (2, 'bad'), (3, ' ')")
    declare(shared, "article", "title")
    run(shared, "update sqlembed.embedder set fingerprint = null")
    return shared


def spoil(url: str) -> None:
    """Embed with an embedder that fails on the text 'bad', and gives up at once."""

    def embed(texts: Sequence[str]) -> Any:
        if "bad" in texts:
            raise ValueError("cannot take 'bad'\0")
        return [[1.0] * 8 for _ in texts]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "MAX_ATTEMPTS", 1)
        embed_all(url, function_registry(embed))


def test_what_status_says(article: Connection, shared_url: str) -> None:
    unserved = "unserved: no worker has registered embedder hash"
    assert rows(article, STATUS) == [
        ("article", "embedding", "hash", "async", 3, 0, 1, 3, 0, unserved)
    ]
    waiting = (
        "select oldest_pending between now() - interval '1 min' and now() from sqlembed.status"
    )
    assert scalar(article, waiting)
    fold(article)
    # Waiting as a job and noted once more, a row is one row.
    run(article, "update article set title = 'one!' where id = 1")
    assert rows(article, STATUS)[0][7] == 3
    run(article, "create table other (id int primary key, title text)")
    run(article, "insert into other values (1, 'x')")
    declare(article, "other", "title", on_change="keep")
    spoil(shared_url)
    failed = "embedder 'hash' failed: ValueError: cannot take 'bad'"
    assert rows(article, STATUS) == [
        ("article", "embedding", "hash", "async", 3, 1, 1, 0, 1, failed),
        ("other", "embedding", "hash", "async", 1, 1, 0, 0, 0, None),
    ]
    assert rows(
        article, "select relation::text, embedding, key, attempts, error from sqlembed.failure"
    ) == [("article", "embedding", [2], 1, failed)]


def test_the_oldest_change_that_waits(article: Connection) -> None:
    """Whether it is a change still, a job, or a job whose row has changed again."""
    age = "select now() - oldest_pending from sqlembed.status"
    run(article, "delete from sqlembed.change")
    queue = (
        "insert into sqlembed.change (embedding, key, changed_at)"
        " select e.id, jsonb_build_array(i), now() - i * interval '1 s'"
        " from sqlembed.embedding as e, generate_series(%s::int, %s::int) as i"
    )

    def oldest() -> int:
        seconds: float = scalar(article, age).total_seconds()
        return round(seconds)

    run(article, queue, 1, 3000)
    assert oldest() == 3000
    fold(article)
    # A thousand have become jobs, the others wait in their turn.
    assert scalar(article, "select count(*) from sqlembed.job") == 1000
    assert (oldest(), scalar(article, "select pending from sqlembed.status")) == (3000, 3000)
    while scalar(article, "select count(*) from sqlembed.change"):
        fold(article)
    assert oldest() == 3000
    # A row that changes once more has still been out of date for as long, whoever has it in hand.
    run(article, "update sqlembed.job set worker = 1, locked_until = now() + '1 min'")
    run(
        article,
        "insert into sqlembed.change (embedding, key) select id, '[3000]' from sqlembed.embedding",
    )
    assert oldest() == 3000
    fold(article)
    assert oldest() == 3000
    run(article, "delete from sqlembed.job where key <> '[5]'")
    assert (oldest(), scalar(article, "select pending from sqlembed.status")) == (5, 1)
    run(article, "delete from sqlembed.job")
    assert scalar(article, "select oldest_pending from sqlembed.status") is None


def test_a_failed_row_comes_back_by_hand_or_by_a_change(
    article: Connection, shared_url: str
) -> None:
    spoil(shared_url)
    # The counts of what is taken back, and of nothing.
    assert scalar(article, "select sqlembed.retry_failed('article')") == 1
    fold(article)
    assert scalar(article, "select count(*) from sqlembed.failure") == 0
    assert scalar(article, "select sqlembed.retry_failed('article', 'embedding')") == 0
    assert "has no embedding other" in refused(
        article, "SE013", "select sqlembed.retry_failed('article', 'other')"
    )
    spoil(shared_url)
    run(article, "update article set title = 'better' where id = 2")
    run(article, "update sqlembed.embedder set fingerprint = null")
    embed_all(shared_url)
    assert rows(article, "select pending, failed, last_error from sqlembed.status") == [
        (0, 0, None)
    ]


def test_whoever_may_not_read_the_table_sees_nothing(
    article: Connection, shared_url: str, role: str
) -> None:
    spoil(shared_url)
    run(article, f"grant usage on schema work to {role}; set role {role}")
    for view in ("status", "failure"):
        assert rows(article, f"select * from sqlembed.{view}") == []
    assert rows(article, "select * from sqlembed.worker") == []
    run(article, f"reset role; grant select on article to {role}; set role {role}")
    assert rows(article, "select total, embedded, failed from sqlembed.status") == [(3, 1, 1)]
    assert scalar(article, "select count(*) from sqlembed.failure") == 1
    run(article, f"reset role; revoke all on article from {role}")
    run(article, f"revoke all on schema work from {role}")


def test_row_level_security_holds_for_the_views(
    article: Connection, shared_url: str, role: str
) -> None:
    """An error may quote its row, and its key is in the view of failures."""
    spoil(shared_url)
    run(article, "alter table article enable row level security")
    run(article, "create policy open on article using (not secret)")
    run(article, f"grant usage on schema work to {role}; grant select on article to {role}")
    run(article, f"set role {role}")
    assert rows(article, "select * from sqlembed.failure") == []
    assert rows(article, "select last_error from sqlembed.status") == [(None,)]
    run(article, "reset role")
    assert scalar(article, "select count(*) from sqlembed.failure") == 1
    # A worker that policies keep rows from would take them for deleted ones.
    assert outdated(article, "article", "title") != []
    run(article, f"revoke all on article from {role}; revoke all on schema work from {role}")


def test_no_condition_sees_what_the_view_of_failures_keeps_back(
    article: Connection, shared_url: str, role: str
) -> None:
    """A function that PostgreSQL takes for cheap runs before a view's own condition."""
    spoil(shared_url)
    run(article, "alter table article enable row level security")
    run(article, f"grant usage, create on schema work to {role}; set role {role}")
    run(
        article,
        """
        create function work.seen(text) returns boolean language plpgsql cost 0.0000001 as $$
        begin raise exception 'saw %', $1; end $$
        """,
    )
    assert rows(article, "select * from sqlembed.failure where work.seen(error)") == []
    run(article, f"reset role; drop function work.seen; revoke all on schema work from {role}")


def test_looking_runs_no_code_of_the_table_s_owner(article: Connection, role: str) -> None:
    run(article, f"grant usage, create on schema work to {role}")
    run(article, "select sqlembed.grant_embedder('hash', 'public')")
    run(article, f"set role {role}")
    run(
        article,
        """
        create function work.who(t text) returns text language plpgsql immutable as $$
        begin raise exception 'ran as %', current_user; end $$;
        create table theirs (id int primary key, title text);
        insert into theirs values (1, 'one');
        grant select on theirs to public
        """,
    )
    declare(article, "theirs", "work.who(title)", on_change="keep")
    run(article, "reset role")
    # Not even an error of it comes through.
    assert rows(
        article, "select total, blank from sqlembed.status where relation = 'theirs'::regclass"
    ) == [(1, None)]
    run(
        article, f"drop table theirs; drop function work.who; revoke all on schema work from {role}"
    )


def test_wait_until_embedded(article: Connection, shared_url: str) -> None:
    said = refused(article, "SE003", WAIT)
    assert "3 rows of article" in said and "sqlembed worker" in said
    worker = Worker(shared_url, hash_registry())
    thread = threading.Thread(target=worker.run)
    thread.start()
    while not alive(article):
        time.sleep(0.01)
    try:
        run(article, WAIT)
        assert outdated(article, "article", "title") == []
        # As a driver sends it that has parameters or prepares statements.
        run(article, "update article set title = title || '!'")
        run(article, "call sqlembed.wait_until_embedded(%s, %s)", "article", "10 s")
        assert outdated(article, "article", "title") == []
        article.execute("call sqlembed.wait_until_embedded('article')", prepare=True)
    finally:
        worker.stop()
        run(article, "notify sqlembed")
        thread.join()


def test_waiting_ends_with_an_error(article: Connection, shared_url: str) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(texts: Sequence[str]) -> Any:
        started.set()
        go_on.wait(20)
        return [[1.0] * 8 for _ in texts]

    worker = Worker(shared_url, function_registry(slow))
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert started.wait(20)
        began = time.monotonic()
        said = refused(article, "SE004", "call sqlembed.wait_until_embedded('article', '300 ms')")
        assert 0.3 <= time.monotonic() - began < 3
        assert "3 rows of article still wait after 00:00:00.3" in said
        run(article, "set statement_timeout = '200 ms'")
        refused(article, "57014", WAIT)
    finally:
        go_on.set()
        worker.stop()
        run(article, "reset statement_timeout; notify sqlembed")
        thread.join()


def test_waiting_is_for_what_was_written_before(article: Connection, shared_url: str) -> None:
    """Or a table that is always written to would be waited for for ever."""
    embed_all(shared_url)
    with psycopg.connect(shared_url, autocommit=True) as waiting:
        run(
            article,
            "insert into sqlembed.change (embedding, key, changed_at)"
            " select id, '[1]', clock_timestamp() + interval '1 min' from sqlembed.embedding",
        )
        run(waiting, WAIT)
    assert changes(article) == [[1]]


def test_waiting_inside_a_transaction_is_refused(article: Connection) -> None:
    for statement, values in ((WAIT, ()), ("call sqlembed.wait_until_embedded(%s)", ("article",))):
        with article.transaction(force_rollback=True):
            assert "commit first" in refused(article, "25001", statement, *values)


def test_waiting_for_a_table_without_an_embedding(shared: Connection) -> None:
    run(shared, "create table bare (id int primary key)")
    assert "create_embedding" in refused(
        shared, "SE013", "call sqlembed.wait_until_embedded('bare')"
    )


def test_the_view_of_workers(shared: Connection, shared_url: str) -> None:
    worker = Worker(shared_url, hash_registry("hash", "other"))
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        while not alive(shared):
            time.sleep(0.01)
        ((name, embedders, fresh),) = rows(
            shared,
            "select name, embedders, started_at > now() - interval '1 min' from sqlembed.worker",
        )
        assert ":" in name and (embedders, fresh) == (["hash", "other"], True)
    finally:
        worker.stop()
        run(shared, "notify sqlembed")
        thread.join()
    assert rows(shared, "select * from sqlembed.worker") == []
