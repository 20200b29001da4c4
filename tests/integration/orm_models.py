"""A small model for the tests of the ORM, and the rows they search in."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.orm import Embedded

TITLES = ("apple pie", "power line", "red car", "food and drink", "apple juice", "fast food")


class Base(DeclarativeBase):
    """A registry of this module's own."""


class Author(Base):
    """Somebody who has written articles."""

    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Article(Base):
    """A text with an embedding."""

    __tablename__ = "article"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    year: Mapped[int | None]
    published: Mapped[date | None]
    tags: Mapped[list[str] | None] = mapped_column(sa.ARRAY(sa.Text))
    author_id: Mapped[int | None] = mapped_column(sa.ForeignKey("author.id"))
    author: Mapped[Author | None] = relationship()
    embedding: Mapped[list[float] | None] = mapped_column(
        VECTOR(8), Embedded("hash", source="title")
    )


def hash_embedder() -> HashEmbedder:
    return HashEmbedder("hash", 8)


def hash_registry() -> Registry:
    registry = Registry()
    registry.add(hash_embedder())
    return registry


def register(engine: sa.Engine) -> None:
    """Make the embedder known with its fingerprint, as a worker would."""
    statement = sa.text("select sqlembed.register_embedder('hash', 8, :fingerprint)")
    with engine.begin() as connection:
        connection.execute(statement, {"fingerprint": hash_embedder().fingerprint})


def fill(engine: sa.Engine) -> None:
    """Make the tables and articles that have their vectors."""
    register(engine)
    Base.metadata.create_all(engine)
    vectors = hash_embedder().embed(TITLES)
    with Session(engine) as session:
        session.add_all([Author(id=1, name="Ann"), Author(id=2, name="O'Hara")])
        session.flush()
        for number, (title, vector) in enumerate(zip(TITLES, vectors, strict=True)):
            session.add(
                Article(
                    id=number + 1,
                    title=title,
                    year=2020 + number,
                    published=date(2020 + number, 1, 31),
                    tags=[title.split()[0], "it's"],
                    author_id=1 + number % 2,
                    embedding=vector,
                )
            )
        session.commit()


def nearest(query: str) -> list[str]:
    """All titles by their distance to a text, computed here."""
    query_vector = hash_embedder().embed([query])[0]
    distances = 1 - hash_embedder().embed(TITLES) @ query_vector
    return [TITLES[position] for position in distances.argsort()]
