"""``timing => 'sync'`` beside other triggers of the table: no vector is of another text."""

from __future__ import annotations

import pytest

from tests.integration.syncing import Sync, sync
from tests.writing import refused, rows, run

__all__ = ["sync"]


def trigger(sync: Sync, when: str, body: str) -> None:
    run(
        sync.connection,
        f"""
        create function other() returns trigger language plpgsql as $$ begin {body} end $$;
        create trigger other {when} execute function other();
        """,
    )


def test_before_triggers_that_make_the_text(sync: Sync) -> None:
    trigger(
        sync,
        "before insert or update on article for each row",
        "new.title := upper(new.title); return new;",
    )
    sync.run("insert into article values (1, 'one'), (2, 'two')")
    sync.run("update article set title = 'three' where id = 2")
    assert rows(sync.connection, "select title from article order by id") == [("ONE",), ("THREE",)]


@pytest.mark.parametrize("level", ["row", "statement"])
@pytest.mark.parametrize("name", ["a", "zz"])
def test_after_triggers_that_change_the_text(sync: Sync, name: str, level: str) -> None:
    """Before ours and after it."""
    which = "where id = new.id" if level == "row" else ""
    trigger(
        sync,
        f"after insert or update of title on article for each {level}"
        " when (pg_trigger_depth() = 0)",
        f"update article set body = title || ' upon it' {which}; return null;",
    )
    run(sync.connection, f"alter trigger other on article rename to {name}")
    sync.run("insert into article values (1, 'one'), (2, 'two')")
    sync.run("update article set title = 'three' where id = 2")
    assert rows(sync.connection, "select body from article order by id") == [
        ("one upon it",),
        ("three upon it",),
    ]


def test_after_triggers_that_react_to_the_vector(sync: Sync) -> None:
    trigger(
        sync,
        "after update of embedding on article for each row",
        "if new.views < 3 then"
        " update article set views = new.views + 1, title = title || '.' where id = new.id;"
        " end if; return null;",
    )
    sync.run("insert into article values (1, 'one')")
    assert sync.count == 1
    sync.run("update article set views = 0, title = 'two'")


def test_before_triggers_that_change_the_text_a_few_times(sync: Sync) -> None:
    trigger(
        sync,
        "before update on article for each row",
        "if new.views < 3 then new.views := new.views + 1; new.title := new.title || '.'; end if;"
        " return new;",
    )
    sync.run("insert into article values (1, 'one')")
    assert rows(sync.connection, "select title from article") == [("one...",)]


def test_a_trigger_that_never_leaves_the_text_alone_is_told(sync: Sync) -> None:
    trigger(
        sync,
        "before update on article for each row",
        "new.title := new.title || '.'; return new;",
    )
    said = refused(sync.connection, "SE016", "insert into article values (1, 'one')")
    assert "changes the text whenever its vector is written" in said
    assert sync.count == 0


def test_a_trigger_that_skips_updates_is_told(sync: Sync) -> None:
    trigger(sync, "before update on article for each row", "return null;")
    said = refused(sync.connection, "SE016", "insert into article values (1, 'one')")
    assert "cannot be given its vector" in said


def test_rows_that_a_trigger_removes_or_moves(sync: Sync) -> None:
    trigger(
        sync,
        "after insert on article for each row",
        "if new.id = 1 then delete from article where id = 1; end if;"
        " if new.id = 2 then update article set id = 20 where id = 2; end if; return null;",
    )
    sync.run("insert into article values (1, 'one'), (2, 'two'), (3, 'three')")
    assert rows(sync.connection, "select id from article order by id") == [(3,), (20,)]
    assert sync.count == 2


def test_deferred_triggers_write_in_time(sync: Sync) -> None:
    run(
        sync.connection,
        """
        create function other() returns trigger language plpgsql as $$
        begin update article set title = 'at the end' where id = new.id; return null; end $$;
        create constraint trigger other after insert on article deferrable initially deferred
        for each row execute function other();
        """,
    )
    sync.run("insert into article values (1, 'one')")
    assert rows(sync.connection, "select title from article") == [("at the end",)]
