"""What a table's owner queues, or leaves locked or broken, stops and rides nobody else."""

from __future__ import annotations

import logging
import secrets

import psycopg
import pytest

from sqlembed.worker.jobs import FOLLOW
from tests.fix_database import Connection
from tests.fix_hostile import declare, ran_as
from tests.fix_scram import Realm
from tests.writing import embed_all, rows

KEEPING = """
select sqlembed.create_embedding(%s, 'hash', %s, on_change => 'keep', index => 'none')
"""

NUMBER = "select id from sqlembed.embedding where relation = %s::regclass"


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


@pytest.fixture
def theirs(owner: Connection) -> Connection:
    """The owner's connection, with an embedded table ``app.theirs`` of its own."""
    owner.execute("create schema app")
    owner.execute("create table app.theirs (id int primary key, title text, body text)")
    owner.execute(KEEPING, ("app.theirs", "title || body"))
    return owner


def number(connection: Connection, table: str = "mine") -> int:
    ((found,),) = rows(connection, NUMBER, table)
    return int(found)


def sweep(connection: Connection) -> None:
    """Do a worker's housekeeping."""
    for statement in ("select sqlembed._sweep(0)", *FOLLOW):
        connection.execute(statement.encode())


def test_nobody_notes_a_row_in_the_name_of_another_transaction(
    coder: Connection, theirs: Connection
) -> None:
    """The session that finds it would read the row's source, with rights of its own."""
    coder.execute(
        "create function told(text) returns text language sql immutable as $$ select evil.note() $$"
    )
    coder.execute("insert into mine values (1, 'x')")
    coder.execute(KEEPING, ("mine", "evil.told(title)"))
    coder.execute("grant select, update on mine to public")
    coder.execute("truncate log")
    with theirs.transaction():
        ((victim,),) = rows(theirs, "select pg_current_xact_id()::text")
        noting = "insert into sqlembed.change (embedding, key, transaction) values (%s, '[1]', %s)"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            coder.execute(noting, (number(coder), victim))
        assert rows(theirs, "select * from sqlembed._read_changes()") == []
    assert ran_as(coder) == set()


def test_no_declaration_is_made_long_to_keep_workers_busy(coder: Connection) -> None:
    columns = [f"c{position}" for position in range(1_601)]
    with pytest.raises(psycopg.errors.CheckViolation):
        declare(coder, "mine", "embedding", "x", columns)
    assert declare(coder, "mine", "embedding", "x", columns[1:])


def test_when_a_change_was_is_not_for_its_owner_to_say(coder: Connection) -> None:
    """An administrator's client may not be able to read every time that PostgreSQL can keep."""
    coder.execute(KEEPING, ("mine", "title"))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        coder.execute(
            "insert into sqlembed.change (embedding, key, changed_at)"
            " values (%s, '[1]', '-infinity')",
            (number(coder),),
        )


def test_a_key_that_no_queue_takes_stops_no_other_row(
    coder: Connection, owner: Connection, url: str
) -> None:
    coder.execute(KEEPING, ("mine", "title"))
    for size in (1_000, 3_000, 10_000):
        coder.execute(
            "insert into sqlembed.change (embedding, key) values (%s, jsonb_build_array(%s::text))",
            (number(coder), secrets.token_urlsafe(size)),
        )
    coder.execute("create table word (word text primary key, embedding vector(8))")
    coder.execute("grant select, update on word to public")
    coder.execute(KEEPING, ("word", "word"))
    coder.execute("insert into word values (%s), (repeat('long ', 10000)), ('short')", ("x" * 9,))
    embed_all(url)
    assert rows(coder, "select count(embedding) from word") == [(3,)]
    assert rows(owner, "select count(*) from sqlembed.change") == [(0,)]


def test_a_row_with_the_longest_key_there_can_be_is_told_of(coder: Connection, url: str) -> None:
    """The index of the table's own primary key takes a little more than ours."""
    coder.execute("create table word (word text primary key, embedding vector(8))")
    coder.execute("grant select, update on word to public")
    coder.execute(KEEPING, ("word", "word"))
    taken, refused = 2_500, 2_685
    for length in (refused, taken):
        coder.execute("insert into word values (%s)", (secrets.token_hex(length)[:length],))
    embed_all(url)
    assert rows(coder, "select length(word) from word where embedding is not null") == [(taken,)]


@pytest.fixture
def renamed(coder: Connection, theirs: Connection) -> Connection:
    """The owner's connection: of its table, and of the hostile one, a column has another name."""
    coder.execute(
        "create function told(text) returns text language sql immutable as $$ select $1 $$"
    )
    coder.execute(KEEPING, ("mine", "evil.told(title)"))
    for connection, table in ((coder, "mine"), (theirs, "app.theirs")):
        connection.execute(f"alter table {table} rename title to heading".encode())
    return theirs


FOLLOWED = (
    "select source_columns::text[] from sqlembed.embedding where relation = 'app.theirs'::regclass"
)


def test_a_source_that_cannot_be_read_any_more_keeps_no_other_from_being_followed(
    coder: Connection, renamed: Connection, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    coder.execute("drop function told")
    with caplog.at_level(logging.WARNING, "sqlembed.worker"):
        embed_all(url)
    assert rows(renamed, FOLLOWED) == [(["heading", "body"],)]
    said = [str(vars(record)["reason"]) for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("sqlembed: cannot follow the columns of evil.mine: ")


def test_a_declaration_that_is_locked_keeps_no_other_from_being_followed(
    coder: Connection, renamed: Connection
) -> None:
    with coder.transaction():
        coder.execute("update sqlembed.embedding set index_name = 'x'")
        renamed.execute("set lock_timeout = '200ms'")
        sweep(renamed)
    assert rows(renamed, FOLLOWED) == [(["heading", "body"],)]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_functions_that_a_stranger_makes_again_keep_nobody_waiting(
    coder: Connection, theirs: Connection, moment: str
) -> None:
    """Neither as they are nor as they would be, now that a column has another name."""
    renaming = "alter table app.theirs rename title to heading"
    making = (
        "select sqlembed._make_note_function(e.id), sqlembed._make_row_functions(e.id)"
        " from sqlembed.embedding as e"
    )
    theirs.execute("set lock_timeout = '200ms'")
    if moment == "before":
        theirs.execute(renaming)
    with coder.transaction():
        if moment == "before":
            with pytest.raises(psycopg.errors.InsufficientPrivilege), coder.transaction():
                coder.execute(making)
        else:
            coder.execute(making)
            theirs.execute(renaming)
        sweep(theirs)
        assert rows(theirs, FOLLOWED) == [(["heading", "body"],)]
        theirs.execute("select sqlembed.drop_embedding('app.theirs')")
    left = "select count(*) from pg_proc where proname ~ '^_(note|note_row|hide)_[0-9]+$'"
    assert rows(theirs, left) == [(0,)]


def test_a_locked_declaration_of_a_column_that_is_gone_stops_no_housekeeping(
    coder: Connection, theirs: Connection
) -> None:
    coder.execute(KEEPING, ("mine", "title"))
    coder.execute("alter table mine drop column embedding cascade")
    theirs.execute("set lock_timeout = '200ms'")
    with coder.transaction():
        coder.execute("update sqlembed.embedding set index_name = 'x'")
        sweep(theirs)
    assert rows(theirs, NUMBER, "evil.mine") != []
    sweep(theirs)
    assert rows(theirs, NUMBER, "evil.mine") == []


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_child_that_the_worker_may_not_read_stops_no_housekeeping(
    coder: Connection, theirs: Connection, is_locked: bool
) -> None:
    """``theirs`` owns neither the table nor its child, which came without triggers."""
    coder.execute(KEEPING, ("mine", "title"))
    coder.execute("create table child (primary key (id)) inherits (mine)")
    coder.execute("select sqlembed.refresh_embedding('mine')")
    theirs.execute("create table app.child (primary key (id)) inherits (app.theirs)")
    theirs.execute("set lock_timeout = '200ms'")
    with coder.transaction():
        if is_locked:
            coder.execute("update sqlembed.embedding set index_name = 'x'")
        sweep(theirs)
    members = (
        "select members::text[] from sqlembed.embedding where relation = 'app.theirs'::regclass"
    )
    assert rows(theirs, members) == [(["app.child"],)]


def test_a_key_that_cannot_be_looked_up_stops_no_housekeeping(
    coder: Connection, theirs: Connection
) -> None:
    for statement in (
        "create type size as enum ('1', '2')",
        """
        create function as_size(text) returns size language plpgsql as $$
        begin raise exception 'never'; end $$
        """,
        "create cast (text as size) with function as_size(text)",
        "create table strange (id size primary key, title text, embedding vector(8))",
        "grant select on strange to public",
    ):
        coder.execute(statement.encode())
    coder.execute(KEEPING, ("strange", "title"))
    for table in ("evil.strange", "app.theirs"):
        theirs.execute(
            "insert into sqlembed.failed_job (embedding, key, attempts, error)"
            " values (%s, '[1]', 5, 'no')",
            (number(theirs, table),),
        )
    sweep(theirs)
    failed = "select count(*) from sqlembed.failed_job where embedding = %s"
    assert rows(theirs, failed, number(theirs, "app.theirs")) == [(0,)]


def test_a_column_that_is_dropped_while_its_rows_wait_stops_no_worker(
    coder: Connection, theirs: Connection
) -> None:
    coder.execute(KEEPING, ("mine", "title"))
    ours = number(coder)
    coder.execute("alter table mine drop column embedding cascade")
    described = "select embedder from sqlembed._describe_embedding(%s)"
    assert rows(theirs, described, ours) == [(None,)]
