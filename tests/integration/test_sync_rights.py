"""``timing => 'sync'``: whoever writes a row embeds it, with their own rights and nobody else's."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.integration.syncing import SOURCE, Sync, sync, waiting
from tests.writing import Connection, outdated, refused, rows, run, scalar

__all__ = ["sync"]

pytestmark = pytest.mark.parametrize("sync", ["hide"], indirect=True)

INSERT = "insert into article (id, title) values (1, 'one')"


@pytest.fixture
def writer(sync: Sync, role: str) -> Connection:
    """The connection in the role of somebody who may insert, and nothing else."""
    run(sync.connection, f"grant insert on article to {role}")
    run(sync.connection, f"set role {role}")
    return sync.connection


def as_owner(connection: Connection, statement: str) -> None:
    role = scalar(connection, "select current_user")
    run(connection, "reset role")
    run(connection, statement)
    run(connection, f'set role "{role}"')


def hint(connection: Connection, statement: str) -> str:
    """Return what to say to be allowed the statement."""
    return refused(connection, "42501", statement).split("Its owner can say: ")[1].strip(" .\n")


def test_every_missing_right_is_named(writer: Connection, role: str) -> None:
    for wanted in (
        f"grant select (body, id, title), update (embedding) on public.article to {role}",
        f"select sqlembed.grant_embedder('hash', '{role}')",
    ):
        said = hint(writer, INSERT)
        assert said == wanted
        as_owner(writer, said)
    run(writer, INSERT)
    run(writer, "reset role")
    assert outdated(writer, "article", SOURCE) == []
    assert waiting(writer) == 0
    run(writer, f"revoke select (title) on article from {role}")
    run(writer, f"set role {role}")
    again = "insert into article (id, title) values (2, 'two')"
    assert hint(writer, again) == f"grant select (title) on public.article to {role}"
    assert scalar(writer, "select count(id) from article") == 1


def test_blank_rows_need_the_rights_too(writer: Connection) -> None:
    """Whether an application works must not depend on its data."""
    assert "grant select" in hint(writer, "insert into article (id) values (1)")


def test_definer_functions_write_with_the_rights_of_their_owner(writer: Connection) -> None:
    as_owner(
        writer,
        "create function add(title text) returns void language sql security definer"
        " as $$ insert into article (title) values (title) $$",
    )
    # The promise is the caller's and not the function's.
    with writer.transaction():
        run(writer, "select set_config('sqlembed.inline', current_user, true)")
        run(writer, "select add('one')")
        assert rows(writer, "select * from sqlembed._read_changes()") == []
    run(writer, "reset role")
    assert scalar(writer, "select count(embedding) from article") == 1
    assert waiting(writer) == 0


def allow(connection: Connection, role: str) -> None:
    run(
        connection,
        f"grant select, update on article to {role};"
        f"select sqlembed.grant_embedder('hash', '{role}');"
        "alter table article enable row level security;"
        "create policy writes on article for insert with check (true);",
    )


def test_rows_that_a_policy_hides_are_an_error(sync: Sync, role: str) -> None:
    allow(sync.connection, role)
    run(sync.connection, f"grant insert on article to {role}")
    for policies, row in (
        # None for select: the row cannot even be read.
        ("", "(1, 'hidden')"),
        ("create policy reads on article for select using (true);", "(2, 'not to be updated')"),
        ("create policy updates on article for update using (id <> 3);", "(3, 'nor this one')"),
    ):
        run(sync.connection, f"reset role; {policies} set role {role}")
        said = refused(sync.connection, "SE016", f"insert into article values {row}, (9, 'x')")
        assert role in said
    run(sync.connection, "insert into article values (4, 'four'), (5, 'five')")
    run(sync.connection, "reset role")
    sync.check()
    assert sync.count == 2


def test_policies_of_the_writer_hold(sync: Sync, role: str) -> None:
    allow(sync.connection, role)
    run(
        sync.connection,
        f"grant insert on article to {role};"
        "create policy own on article using (views = 7) with check (views = 7);",
    )
    sync.run("insert into article values (1, 'of somebody else', '', 0)")
    run(sync.connection, f"set role {role}")
    run(sync.connection, "insert into article values (2, 'two', '', 7)")
    run(sync.connection, "update article set title = title || '!'")
    run(sync.connection, "reset role")
    sync.check()
    assert rows(sync.connection, "select title from article order by id") == [
        ("of somebody else",),
        ("two!",),
    ]


def test_nobody_finds_changes_of_others(sync: Sync, role: str) -> None:
    own = "select count(*) from sqlembed.change"
    # No worker takes what no committed transaction has left.
    with sync.connection.transaction():
        run(sync.connection, "select set_config('sqlembed.inline', current_user, true)")
        run(sync.connection, INSERT)
        assert scalar(sync.connection, own) == 1
        run(sync.connection, f"set local role {role}")
        # The same transaction, but a role that may not write the vector.
        assert scalar(sync.connection, own) == 0
        assert "permission denied" in refused_inside(sync.connection, "delete from sqlembed.change")
        assert "row-level security" in refused_inside(
            sync.connection,
            "insert into sqlembed.change (embedding, key, transaction)"
            " values (1, '[1]', pg_current_xact_id())",
        )
        run(sync.connection, "reset role")
        assert scalar(sync.connection, own) == 1
        assert rows(sync.connection, "select key from sqlembed._read_changes()") == [("[1]",)]
        run(sync.connection, "select sqlembed._embed_changes(1)")
    sync.check()


def refused_inside(connection: Connection, statement: str) -> str:
    with pytest.raises(Exception) as raised, connection.transaction():
        run(connection, statement)
    return str(raised.value)


def test_what_the_caller_has_on_the_search_path_changes_nothing(sync: Sync, role: str) -> None:
    run(
        sync.connection,
        f"""
        grant select, insert, update on article to {role};
        select sqlembed.grant_embedder('hash', '{role}');
        create schema evil authorization {role};
        set role {role};
        create table evil.log (who text);
        create function evil.note(text, text) returns text language plpgsql as
            $$ begin insert into evil.log values (current_user); return 'evil'; end $$;
        create operator evil.|| (function = evil.note, leftarg = text, rightarg = text);
        create function evil.note(bigint, bigint) returns boolean language plpgsql as
            $$ begin insert into evil.log values (current_user); return true; end $$;
        create operator evil.= (function = evil.note, leftarg = bigint, rightarg = bigint);
        create function evil._blank(text) returns boolean language sql as 'select true';
        create function evil.sha256(bytea) returns bytea language sql as 'select $1';
        create function evil.concat(text, text) returns text language sql as $$ select 'evil' $$;
        set search_path = evil, pg_catalog, public;
        """,
    )
    run(sync.connection, "insert into public.article values (1, 'one'), (2, 'two')")
    run(sync.connection, "update public.article set title = 'three'")
    assert rows(sync.connection, "select * from evil.log") == []
    run(sync.connection, "reset role; reset search_path")
    sync.check()


def test_triggers_of_the_table_see_the_search_path_of_their_session(sync: Sync) -> None:
    run(
        sync.connection,
        """
        create schema app;
        create table app.audit (id bigint);
        create function app.note() returns trigger language plpgsql as
            $$ begin insert into audit values (new.id); return new; end $$;
        create trigger note before update on article for each row execute function app.note();
        set search_path = app, public;
        """,
    )
    run(sync.connection, "insert into article values (1, 'one')")
    assert rows(sync.connection, "select id from audit") == [(1,)]
    run(sync.connection, "reset search_path")
    sync.check()


@pytest.mark.parametrize("setting", ["writing", "inline"])
def test_no_setting_of_a_caller_keeps_a_row_from_being_embedded(
    sync: Sync, role: str, setting: str
) -> None:
    """Neither one's own nor that of a function that writes with the rights of somebody else."""
    owner = scalar(sync.connection, "select current_user")
    run(
        sync.connection,
        "create function add(title text) returns void language sql security definer"
        " as $$ insert into article (title) values (title) $$;"
        f"grant insert on article to {role}",
    )
    value = {"writing": "on", "inline": owner}[setting]
    # A session of the role's own: of a superuser's, every setting counts.
    dsn = make_conninfo(sync.connection.info.dsn, user=role, password="secret")
    with psycopg.connect(dsn, autocommit=True) as user:
        run(user, f"select set_config('sqlembed.{setting}', %s, false)", value)
        with user.transaction():
            run(user, "select add('one')")
            run(user, "select sqlembed._forget_own_changes(e.id) from sqlembed.embedding as e")
        refused(user, "42501", "insert into article (title) values ('two')")
    sync.check()
    assert sync.count == 1
