"""Attached sessions give rows of ``sync`` embeddings their vectors before they commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, sessionmaker

from sqlembed.embedders import Registry
from sqlembed.errors import EmbedderError
from sqlembed.orm import attach
from tests.fix_worker import StartWorker
from tests.integration.orm_sync_models import (
    Animal,
    Counting,
    Dog,
    Note,
    Plain,
    check,
    counting,
    make_tables,
    registry_of,
    sessions,
)
from tests.integration.working import until
from tests.writing import HASH, hash_registry

__all__ = ["counting", "sessions"]

Sessions = sessionmaker[Session]


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """Yield a list of all statements that are executed meanwhile."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_one_batch_a_flush(engine: sa.Engine, sessions: Sessions, counting: Counting) -> None:
    with sessions() as session:
        session.add_all([Note(title=f"note {number}") for number in range(50)])
        session.add_all([Note(title="note 1"), Note(title=None), Plain(title="plain")])
        session.commit()
        assert [len(batch) for batch in counting.batches] == [50]
        first = session.get_one(Note, 1)
        first.title = "changed"
        session.add(Note(title="another"))
        session.flush()
        assert len(counting.batches) == 2
        # The vector is read anew, and the row is not written again.
        vector = HASH.embed(["changed made by the server"])[0]
        assert first.embedding is not None and list(first.embedding) == pytest.approx(list(vector))
        session.commit()
    assert check(engine) == 52
    assert len(counting.batches) == 2


def test_statements_of_all_kinds(engine: sa.Engine, sessions: Sessions) -> None:
    with sessions() as session:
        session.execute(insert(Note), [{"title": "one"}, {"title": "two"}])
        made = session.scalars(
            insert(Note).returning(Note), [{"title": "three"}, {"title": "four"}]
        ).all()
        assert [note.embedding is not None for note in made] == [True, True]
        session.execute(update(Note).where(Note.title == "one").values(title="one again"))
        session.execute(update(Note), [{"id": 2, "title": "two again", "version": 1}])
        assert made[0].embedding is not None
        session.execute(update(Note).values(body="new"))
        vector = HASH.embed(["three new"])[0]
        assert list(made[0].embedding) == pytest.approx(list(vector), abs=1e-3)
        upsert = postgresql.insert(Note).values(id=1, title="upserted", version=1)
        session.execute(upsert.on_conflict_do_update(index_elements=["id"], set_={"title": "new"}))
        session.execute(text("insert into note (title, version) values ('by hand', 1)"))
        session.execute(text("update note set title = title || '!' where id < 3"))
        session.bulk_save_objects([Note(title="in bulk"), Note(title="in bulk too")])
        session.bulk_insert_mappings(sa.inspect(Note), [{"title": "a mapping"}])
        session.connection().exec_driver_sql("update note set body = 'last' where id = 1")
        table: Any = Note.__table__
        session.connection().execute(insert(table).values(title="core", version=1))
        source = insert(Plain).values(title="from a CTE").returning(Plain.title).cte()
        session.execute(
            insert(Note).from_select(["title", "version"], select(source.c.title, sa.literal(1)))
        )
        note = insert(Note).values(title="in a CTE", version=1).returning(Note.id).cte()
        session.execute(select(note))
        session.commit()
    assert check(engine) == 11


def test_sessions_that_write_nothing_of_it_pay_nothing(
    engine: sa.Engine, sessions: Sessions
) -> None:
    with sessions() as session, statements(engine) as seen:
        session.add(Plain(title="plain"))
        session.execute(text("insert into plain (title) values ('by hand')"))
        session.scalars(select(Note)).all()
        session.execute(sa.delete(Note))
        session.commit()
        assert not [statement for statement in seen if "sqlembed" in statement]
    with sessions() as session, statements(engine) as seen:
        session.add(Note(title="one"))
        session.flush()
        session.add(Note(title="two"))
        session.commit()
    ours = [statement for statement in seen if "sqlembed" in statement]
    # The promise, two flushes, and a last look.
    assert len(ours) == 1 + 2 * 2 + 1


def test_a_vector_of_the_clients_own_is_kept(
    engine: sa.Engine, sessions: Sessions, counting: Counting
) -> None:
    del engine
    with sessions() as session:
        note = Note(title="one", embedding=[1.0] * 8)
        session.add(note)
        session.commit()
        note.title, note.embedding = "two", [2.0] * 8
        session.commit()
        assert note.embedding is not None and list(note.embedding) == [2.0] * 8
    assert counting.batches == []


def test_joined_inheritance_and_deferred_vectors(engine: sa.Engine, sessions: Sessions) -> None:
    with sessions() as session:
        dog = Dog(name="Rex", trick="sits")
        session.add_all([dog, Animal(name="Tom")])
        session.commit()
        dog.trick = "jumps"
        dog.name = "Max"
        session.flush()
        assert list(dog.does or ()) and list(dog.named or ())
        dog.trick = "rolls"
        session.commit()
    with Session(engine) as session:
        (dog,) = session.scalars(select(Dog))
        names = session.scalars(select(Animal.named).order_by(Animal.name)).all()
        for vector, word in zip([dog.does, *names], ["rolls", "Max", "Tom"], strict=True):
            assert list(vector or ()) == pytest.approx(list(HASH.embed([word])[0]), abs=1e-3)


def test_savepoints(engine: sa.Engine, sessions: Sessions) -> None:
    with sessions() as session:
        with session.begin_nested():
            session.add(Note(title="in a savepoint"))
        nested = session.begin_nested()
        session.add(Note(title="rolled back"))
        session.flush()
        nested.rollback()
        session.add(Note(title="after it"))
        session.commit()
        first = session.begin_nested()
        session.add(Note(title="rolled back as the first thing"))
        session.flush()
        first.rollback()
        # The promise went with the savepoint, and no worker is alive.
        session.add(Note(title="one more"))
        session.commit()
        session.add(Note(title="not to be"))
        session.flush()
        session.rollback()
        session.add(Note(title="the last"))
        session.commit()
    assert check(engine) == 4


def test_what_no_statement_tells_of_is_embedded_by_the_commit(
    engine: sa.Engine, sessions: Sessions
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "create function add_one(t text) returns void language sql as"
                " 'insert into note (title, version) values (t, 1)'"
            )
        )
    with sessions() as session:
        # Embedded in a savepoint that is rolled back.
        session.connection().execute(insert(Note).values(title="raw", version=1))
        nested = session.begin_nested()
        session.add(Note(title="in a savepoint"))
        session.flush()
        nested.rollback()
        session.commit()
        session.add(Note(title="one"))
        session.flush()
        session.execute(text("select add_one('by a function')"))
        session.commit()
        session.add(Note(title="two"))
        session.flush()
        cursor = session.connection().connection.cursor()
        cursor.execute("insert into note (title, version) values ('by the driver', 1)")
        session.commit()
    assert check(engine) == 5


def test_a_failing_embedder_fails_the_flush(
    engine: sa.Engine, sessions: Sessions, counting: Counting
) -> None:
    with sessions() as session:
        session.add_all([Note(title="bad"), Note(title="good")])
        with pytest.raises(EmbedderError, match="no such word"):
            session.commit()
        session.rollback()
        with pytest.raises(EmbedderError, match="no such word"):
            session.execute(insert(Note), {"title": "bad"})
        # Whoever goes on all the same is told again.
        with pytest.raises(EmbedderError, match="no such word"):
            session.commit()
        session.rollback()
        session.add(Note(title="good"))
        session.commit()
    assert check(engine) == 1
    assert len(counting.batches) == 4


@pytest.mark.parametrize("embedder", [None, Counting(version="2")])
def test_another_embedder_than_the_databases_is_not_used(
    engine: sa.Engine, start_worker: StartWorker, embedder: Counting | None
) -> None:
    make_tables(engine)
    attached = sessionmaker(engine)
    attach(attached, Registry() if embedder is None else registry_of(embedder))
    with attached() as session:
        session.add(Note(title="nobody's"))
        with pytest.raises(sa.exc.DBAPIError, match="no worker that serves"):
            session.commit()
        session.rollback()
        start_worker(hash_registry())
        session.add_all([Note(title="one"), Note(title=None)])
        session.commit()
    assert check(engine) == 1
    assert embedder is None or embedder.batches == []


def test_a_promise_that_is_forgotten_loses_nothing(
    engine: sa.Engine, start_worker: StartWorker
) -> None:
    make_tables(engine)
    with engine.begin() as connection:
        connection.execute(text("select set_config('sqlembed.inline', current_user, true)"))
        connection.execute(insert(Note).values(title="one", version=1))
        connection.execute(insert(Note).values(title="two", version=1))
    start_worker(hash_registry())

    def left() -> Any:
        with engine.connect() as connection:
            return connection.scalar(
                text("select count(*) from note where embedding is null")
            ) or connection.scalar(text("select count(*) from sqlembed._queued"))

    until(lambda: left() == 0)
    assert check(engine) == 2


def test_a_transaction_of_the_callers_own_goes_on_without_the_promise(
    engine: sa.Engine, sessions: Sessions
) -> None:
    with engine.connect() as connection, connection.begin():
        for mode in ("create_savepoint", "rollback_only"):
            with sessions(bind=connection, join_transaction_mode=mode) as session:
                session.add(Note(title="one"))
                session.commit()
        assert not connection.scalar(text("select current_setting('sqlembed.inline', true)"))
        with pytest.raises(sa.exc.DBAPIError, match="no worker"), connection.begin_nested():
            connection.execute(insert(Note).values(title="by hand", version=1))
    assert check(engine) == 2


def test_a_role_without_the_rights_is_told(
    engine: sa.Engine, sessions: Sessions, role: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"grant insert on note to {role}"))
        connection.execute(text(f"grant usage on sequence note_id_seq to {role}"))
    with sessions() as session:
        session.execute(text(f"set local role {role}"))
        session.execute(text("savepoint before"))
        with pytest.raises(sa.exc.DBAPIError, match="permission denied to embed") as raised:
            session.execute(text("insert into note (title, version) values ('one', 1)"))
        diag = raised.value.orig.diag  # type: ignore[union-attr]
        assert "grant select (body, id, title), update (embedding)" in diag.message_hint
    assert check(engine) == 0


def test_triggers_that_change_the_text_upon_it(engine: sa.Engine, sessions: Sessions) -> None:
    def trigger(condition: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "create or replace function other() returns trigger language plpgsql as $$ begin"
                f" if {condition} then new.title := new.title || '.'; end if; return new; end $$;"
                "create or replace trigger other before update on note"
                " for each row execute function other()"
            )

    trigger("length(new.title) < 6")
    with sessions() as session:
        session.add(Note(title="one"))
        session.commit()
        assert session.scalars(select(Note.title)).all() == ["one..."]
        assert check(engine) == 1
        trigger("true")
        session.add(Note(title="two"))
        with pytest.raises(EmbedderError, match="changes the text"):
            session.commit()


def test_triggers_that_change_the_text_of_another_embedding(
    engine: sa.Engine, sessions: Sessions
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create function other() returns trigger language plpgsql as $$ begin"
            " update animal set name = new.title; return null; end $$;"
            "create trigger other after update of embedding on note"
            " for each row execute function other()"
        )
    with sessions() as session:
        session.add_all([Animal(name="Tom"), Note(title="Jerry")])
        session.commit()
        (vector,) = session.scalars(select(Animal.named))
    assert list(vector or ()) == pytest.approx(list(HASH.embed(["Jerry"])[0]), abs=1e-3)
    assert check(engine) == 1
