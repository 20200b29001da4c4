"""Books are found by their blurbs as well."""

from __future__ import annotations

from typing import Any

from pgvector.sqlalchemy import VECTOR
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
        VECTOR(8), Embedded("hash", source="title || E'\\n' || blurb"), deferred=True
    )
