"""``attach``: which sessions embed in their process; and written objects that show new vectors."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy import select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.errors import InputError
from sqlembed.orm import Embedded, attach, embed
from sqlembed.testing import drain
from tests.integration.orm_models import (
    Article,
    fill,
    hash_embedder,
    hash_registry,
    nearest,
    register,
)

FOOD = select(embed("hash", "food"))


def embeds(session: Any) -> bool:
    """Whether a session computes the vector itself; without a worker nobody else does."""
    try:
        return session.scalar(FOOD) is not None
    except sa.exc.DBAPIError:
        session.rollback()
        return False


def test_sessionmaker(engine: sa.Engine) -> None:
    register(engine)
    attached, other = sessionmaker(engine), sessionmaker(engine)
    attach(attached, hash_registry())
    with attached() as session, attached.begin() as begun, other() as elsewhere:
        assert embeds(session) and embeds(begun)
        assert not embeds(elsewhere) and not embeds(Session(engine))


def test_session_class_and_its_subclasses(engine: sa.Engine) -> None:
    register(engine)

    class Attached(Session):
        pass

    class Child(Attached):
        pass

    class Sibling(Session):
        pass

    attach(Attached, hash_registry())
    with Attached(engine) as session, Child(engine) as child, Sibling(engine) as sibling:
        assert embeds(session) and embeds(child)
        assert not embeds(sibling)


def test_scoped_session(engine: sa.Engine) -> None:
    register(engine)
    scoped = scoped_session(sessionmaker(engine))
    attach(scoped, hash_registry())
    assert embeds(scoped)
    scoped.remove()


class Counting(HashEmbedder):
    """Counts its calls."""

    calls = 0

    def _embed(self, texts: list[str], kind: Any) -> Any:
        self.calls += 1
        return super()._embed(texts, kind)


def test_attaching_again_replaces_the_registry(engine: sa.Engine) -> None:
    register(engine)
    sessions = sessionmaker(engine)
    first, second = Registry(), Registry()
    counting = second.add(Counting("hash", 8))
    attach(sessions, first)
    attach(sessions, second)
    attach(sessions, second)
    with sessions() as session:
        assert embeds(session)
        assert counting.calls == 1
        attach(sessions, first)
        assert not embeds(session)


@pytest.mark.parametrize("parent_first", [True, False])
def test_parent_and_child_attached(engine: sa.Engine, parent_first: bool) -> None:
    register(engine)

    class Parent(Session):
        pass

    class Child(Parent):
        pass

    registry = Registry()
    counting = registry.add(Counting("hash", 8))
    for class_ in (Parent, Child) if parent_first else (Child, Parent):
        attach(class_, registry if class_ is Child else Registry())
    with Child(engine) as child, Parent(engine) as parent:
        assert embeds(child) and not embeds(parent)
    assert counting.calls == 1


def test_factories_that_come_and_go(engine: sa.Engine) -> None:
    register(engine)
    for _ in range(20):
        sessions = sessionmaker(engine)
        attach(sessions, hash_registry())
        with sessions() as session:
            assert embeds(session)
        del sessions, session
        gc.collect()
    with sessionmaker(engine)() as session:
        assert not embeds(session)


def test_registry_filled_later(engine: sa.Engine) -> None:
    register(engine)
    sessions, registry = sessionmaker(engine), Registry()
    attach(sessions, registry)
    registry.add(hash_embedder())
    with sessions() as session:
        assert embeds(session)


def test_what_cannot_be_attached(engine: sa.Engine) -> None:
    def make() -> Session:
        return Session(engine)

    no_factory: Any = make

    for sessions in (engine, Session(engine), no_factory, scoped_session(no_factory)):
        with pytest.raises(InputError, match="takes a sessionmaker or a class"):
            attach(sessions, hash_registry())
    with pytest.raises(InputError, match="takes a Registry"):
        attach(sessionmaker(engine), {})  # type: ignore[arg-type]


def test_written_object_shows_the_new_vector(engine: sa.Engine) -> None:
    fill(engine)
    with Session(engine, expire_on_commit=False) as session:
        article = session.scalars(select(Article).where(Article.title == "red car")).one()
        fresh = Article(id=50, title="blue bike")
        session.add(fresh)
        assert article.embedding is not None
        article.title = "green car"
        session.commit()
        drain(engine)
        new = hash_embedder().embed(["green car", "blue bike"])
        assert list(article.embedding) == pytest.approx(new[0].tolist())
        assert fresh.embedding is not None
        assert list(fresh.embedding) == pytest.approx(new[1].tolist())
        assert (article.title, fresh.title) == ("green car", "blue bike")


def test_inside_the_transaction_the_old_vector_is_hidden(engine: sa.Engine) -> None:
    fill(engine)
    with Session(engine) as session:
        article = session.scalars(select(Article).where(Article.title == "red car")).one()
        article.title = "green car"
        session.flush()
        assert article.embedding is None
        article.embedding = [1.0] * 8
        session.flush()
        assert list(article.embedding or ()) == [1.0] * 8


def test_objects_that_were_not_written_are_not_read_again(engine: sa.Engine) -> None:
    fill(engine)
    with Session(engine) as session:
        articles = session.scalars(select(Article).order_by(Article.id)).all()
        articles[0].year = 1900
        articles[1].title = articles[1].title
        session.flush()
        assert [sa.inspect(one).expired_attributes for one in articles[:2]] == [
            {"embedding"},
            set(),
        ]


def test_flush_that_fails_leaves_nothing_behind(engine: sa.Engine) -> None:
    fill(engine)
    with Session(engine) as session:
        article = session.get_one(Article, 1)
        article.title = "new"
        session.add(Article(id=2, title="taken"))
        with pytest.raises(sa.exc.IntegrityError):
            session.flush()
        session.rollback()
        article.title = "newer"
        session.flush()
        assert article.embedding is None
        session.delete(article)
        session.flush()


class Base(DeclarativeBase):
    """Classes whose objects have no hash, or share a table."""


class Datum(MappedAsDataclass, Base, eq=True):
    """Compares by its values, so that it has no hash."""

    __tablename__ = "datum"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    vector: Mapped[list[float] | None] = mapped_column(
        VECTOR(8), Embedded("hash", source="title"), init=False, default=None, deferred=True
    )


class Thing(Base):
    """The root of a hierarchy in one table, itself without a vector."""

    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    note: Mapped[str | None]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "thing"}  # noqa: RUF012


class Book(Thing):
    """Brings title and vector."""

    title: Mapped[str | None]
    vector: Mapped[list[float] | None] = mapped_column(VECTOR(8), Embedded("hash", source="title"))
    __mapper_args__ = {"polymorphic_identity": "book"}  # noqa: RUF012


def test_dataclasses_and_hierarchies(engine: sa.Engine) -> None:
    register(engine)
    Base.metadata.create_all(engine)
    with Session(engine, expire_on_commit=False) as session:
        datum, thing, book = Datum(id=1, title="food"), Thing(id=1), Book(id=2, title="food")
        session.add_all([datum, thing, book])
        session.commit()
        drain(engine)
        food = pytest.approx(hash_embedder().embed(["food"])[0].tolist())
        assert list(datum.vector or ()) == list(book.vector or ()) == food
        thing.note = "other"
        session.commit()


def test_search_after_a_write(engine: sa.Engine) -> None:
    fill(engine)
    sessions = sessionmaker(engine)
    attach(sessions, hash_registry())
    by_distance = select(Article.title).order_by(
        Article.embedding.cosine_distance(embed("hash", "food"))
    )
    with sessions.begin() as session:
        session.add(Article(id=60, title="food"))
    drain(engine)
    with sessions() as session:
        assert session.scalars(by_distance.limit(2)).all() == ["food", nearest("food")[0]]
