"""Reviews are found by what they say anywhere."""

from __future__ import annotations

from typing import Any

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sqlembed import Embedded


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    blurb: Mapped[str]
    embedding: Mapped[Any | None] = mapped_column(
        VECTOR(12), Embedded("wide", source="title || E'\\n' || blurb"), deferred=True
    )


class Review(Base):
    __tablename__ = "review"
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"), index=True)
    text: Mapped[str]
    embedding: Mapped[Any | None] = mapped_column(
        VECTOR(12),
        Embedded("wide", source="text", chunking={"characters": 200}, on_change="keep"),
        deferred=True,
    )
