"""Models with ``sync`` embeddings, and sessions that embed what they write."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.orm import Embedded, attach
from sqlembed.types import Kind
from tests.integration.orm_models import register
from tests.writing import HASH


class Base(DeclarativeBase):
    """A registry of this module's own."""


class Note(Base):
    """A text that is embedded before its transaction commits."""

    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    title: Mapped[str | None]
    body: Mapped[str] = mapped_column(server_default="made by the server")
    embedding: Mapped[list[float] | None] = mapped_column(
        VECTOR(8), Embedded("hash", source="title || ' ' || body", timing="sync", index="none")
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Plain(Base):
    """A text that is not embedded."""

    __tablename__ = "plain"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


class Animal(Base):
    """The root of a joined inheritance."""

    __tablename__ = "animal"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    named: Mapped[list[float] | None] = mapped_column(
        VECTOR(8), Embedded("hash", source="name", timing="sync", index="none"), deferred=True
    )
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}  # noqa: RUF012


class Dog(Animal):
    """Has a text, and an embedding, of its own."""

    __tablename__ = "dog"
    id: Mapped[int] = mapped_column(sa.ForeignKey("animal.id"), primary_key=True)
    trick: Mapped[str]
    does: Mapped[list[float] | None] = mapped_column(
        HALFVEC(8), Embedded("hash", source="trick", timing="sync", on_change="keep", index="none")
    )
    __mapper_args__ = {"polymorphic_identity": "dog"}  # noqa: RUF012


class Counting(HashEmbedder):
    """Keeps what it is given, a list a call."""

    def __init__(self, name: str = "hash", **options: Any) -> None:
        super().__init__(name, 8, **options)
        self.batches: list[list[str]] = []

    def _embed(self, texts: list[str], kind: Kind) -> Any:
        assert kind == "document"
        self.batches.append(texts)
        if "bad" in " ".join(texts):
            raise ValueError("no such word")
        return super()._embed(texts, kind)


def make_tables(engine: sa.Engine) -> None:
    register(engine)
    Base.metadata.create_all(engine)


def registry_of(embedder: HashEmbedder) -> Registry:
    registry = Registry()
    registry.add(embedder)
    return registry


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def sessions(engine: sa.Engine, counting: Counting) -> sessionmaker[Session]:
    """Attached sessions on a database without a worker."""
    make_tables(engine)
    sessions = sessionmaker(engine)
    attach(sessions, registry_of(counting))
    return sessions


def check(engine: sa.Engine) -> int:
    """Fail unless all rows have the vectors of their texts; returns how many have one."""
    count = 0
    with Session(engine) as session:
        for title, body, vector in session.execute(select(Note.title, Note.body, Note.embedding)):
            if title is None:
                assert vector is None
                continue
            wanted = HASH.embed([f"{title} {body}"])[0]
            assert list(vector or ()) == pytest.approx(list(wanted), abs=1e-3)
            count += 1
        for table in ("change", "job"):
            assert session.scalar(sa.text(f"select count(*) from sqlembed.{table}")) == 0
    return count
