"""Chunks as mapped objects: a class of their own, a list on their rows."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    selectinload,
    sessionmaker,
)

import sqlembed
from sqlembed.config import sqlalchemy_url
from sqlembed.errors import InputError
from sqlembed.orm import Embedded
from tests.writing import HASH, embed_all, register

TEXT = "\n\n".join(f"This is paragraph {number} of the page." for number in range(5))


class Base(DeclarativeBase):
    """A registry of this module's own."""


class Page(Base):
    """A long text."""

    __tablename__ = "page"
    book: Mapped[str] = mapped_column("Book", primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str | None]
    embedding: Mapped[list[float] | None] = mapped_column(
        VECTOR(8),
        Embedded("hash", source="body", chunking={"characters": 40}, index="none"),
        deferred=True,
    )


PageChunk = sqlembed.chunks(Page)


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    with psycopg.connect(url, autocommit=True) as connection:
        register(connection)
    engine = sa.create_engine(sqlalchemy_url(url))
    Base.metadata.create_all(engine)
    # Nothing to be declared twice.
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            [Page(book="a", number=1, body=TEXT), Page(book="b", number=1, body="Short.")]
        )
        session.commit()
    embed_all(url)
    yield engine
    engine.dispose()


def test_a_row_has_its_chunks_in_order(engine: sa.Engine) -> None:
    with Session(engine) as session:
        page = session.get_one(Page, ("a", 1))
        chunks = page.chunks  # type: ignore[attr-defined]
        assert [chunk.ordinal for chunk in chunks] == [1, 2, 3, 4, 5]
        for chunk in chunks:
            assert TEXT[chunk.span.lower - 1 : chunk.span.upper - 1] == chunk.chunk
            assert chunk.row is page
            assert (chunk.Book, chunk.number) == ("a", 1)
        assert list(chunks[0].embedding) == pytest.approx(
            HASH.embed([chunks[0].chunk])[0].tolist(), abs=1e-5
        )
        session.delete(page)
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(PageChunk)) == 6


def test_chunks_are_selected_ordered_and_joined(engine: sa.Engine) -> None:
    vector = HASH.embed(["This is paragraph 3 of the page."])[0]
    nearest = PageChunk.embedding.cosine_distance(vector)
    with Session(engine) as session:
        found = session.scalars(sa.select(PageChunk).order_by(nearest)).first()
        assert found is not None and found.ordinal == 4 and found.row.book == "a"
        statement = (
            sa.select(Page.book, sa.func.count())
            .join(Page.chunks)  # type: ignore[attr-defined]
            .group_by(Page.book)
            .order_by(Page.book)
        )
        assert [tuple(row) for row in session.execute(statement)] == [("a", 5), ("b", 1)]
        eager = sa.select(Page).options(selectinload(Page.chunks))  # type: ignore[attr-defined]
        pages = session.scalars(eager).all()
        assert sorted(len(page.chunks) for page in pages) == [1, 5]  # type: ignore[attr-defined]


async def in_another_loop(url: str) -> list[int]:
    engine = create_async_engine(sqlalchemy_url(url))
    async with AsyncSession(engine) as session:
        eager = sa.select(Page).options(selectinload(Page.chunks))  # type: ignore[attr-defined]
        pages = (await session.scalars(eager)).all()
        counted = sorted(len(page.chunks) for page in pages)  # type: ignore[attr-defined]
    await engine.dispose()
    return counted


def test_in_an_async_session(engine: sa.Engine, url: str) -> None:
    import asyncio

    assert asyncio.run(in_another_loop(url)) == [1, 5]


def test_hits_have_their_chunk(engine: sa.Engine, url: str) -> None:
    text = "This is paragraph 3 of the page."
    registry = sqlembed.Registry()
    registry.add(HASH)
    factory = sessionmaker(engine)
    sqlembed.attach(factory, registry)
    with factory() as session:
        hits = sqlembed.search(Page, text, k=2)
        found = session.execute(sa.select(hits.entity, hits.chunk).order_by(hits.distance)).all()
        assert [page.book for page, _ in found] == ["a", "b"]
        assert found[0].sqlembed_chunk == text


class OtherBase(DeclarativeBase):
    """Another registry."""


class Other(OtherBase):
    """Texts in no chunks."""

    __tablename__ = "other"
    id: Mapped[int] = mapped_column(primary_key=True)
    embedding: Mapped[list[float] | None] = mapped_column(
        VECTOR(8), Embedded("hash", source="id::text")
    )


class Twice(OtherBase):
    """Texts in two sizes of chunks."""

    __tablename__ = "twice_" + "é" * 27
    __table_args__ = {"schema": "elsewhere"}  # noqa: RUF012
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]
    small: Mapped[list[float] | None] = mapped_column(
        HALFVEC(8), Embedded("hash", source="body", chunking={"characters": 40}, index="none")
    )
    large: Mapped[list[float] | None] = mapped_column(
        VECTOR(8), Embedded("hash", source="body", chunking={"characters": 400}, index="none")
    )


def test_several_and_long_names(url: str) -> None:
    for wanted, said in ((Other, "no embedding in chunks"), (Twice, "several embeddings")):
        with pytest.raises(InputError, match=said):
            sqlembed.chunks(wanted)
    with pytest.raises(InputError, match="attribute 'body' already"):
        sqlembed.chunks(Twice, "small", attribute="body")
    with pytest.raises(InputError, match="mapped class"):
        sqlembed.chunks(int)
    small = sqlembed.chunks(Twice, "small", attribute="pieces")
    large = sqlembed.chunks(Twice, "large", attribute="parts")
    engine = sa.create_engine(sqlalchemy_url(url))
    with psycopg.connect(url, autocommit=True) as connection:
        register(connection)
        connection.execute("create schema elsewhere")
    Twice.metadata.create_all(engine, tables=[Twice.__table__])  # type: ignore[list-item]
    with Session(engine) as session:
        session.add(Twice(id=1, body=TEXT))
        session.commit()
        embed_all(url)
        assert len(session.scalars(sa.select(small)).all()) == 5
        assert len(session.scalars(sa.select(large)).all()) == 1
    engine.dispose()
