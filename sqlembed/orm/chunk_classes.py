"""Chunks of long texts as mapped objects beside those of their rows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import INT4RANGE
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapped, Mapper, foreign, relationship, remote

from sqlembed.errors import InputError
from sqlembed.orm.embedded import embedded_columns

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Range

#: Bytes of a name that PostgreSQL keeps.
NAME_LENGTH = 63


class Chunk:
    """A chunk of a row's text, as a worker has cut it; ``chunks`` makes the classes of them.

    It is read and never written. It also has the row's key, under the names of its columns.
    """

    #: Its place among the chunks of a row, from 1 on.
    ordinal: Mapped[int]
    #: Its characters in the text of the row, from 1 on.
    span: Mapped[Range[int]]
    #: The text itself.
    chunk: Mapped[str]
    #: Of what was embedded, headings included: sha256 in UTF-8.
    chunk_hash: Mapped[bytes]
    #: Of the whole text that it is cut from.
    source_hash: Mapped[bytes]
    #: Its vector.
    embedding: Mapped[Any]
    #: The row.
    row: Mapped[Any]


def chunks(
    entity: type[Any],
    embedding: str | None = None,
    *,
    attribute: str = "chunks",
    table_name: str | None = None,
) -> type[Chunk]:
    """Maps the chunks of a class whose texts are cut; its objects get a list of theirs.

    Example::

        class Page(Base):
            __tablename__ = "page"
            id: Mapped[int] = mapped_column(primary_key=True)
            body: Mapped[str]
            embedding: Mapped[Vector | None] = mapped_column(
                VECTOR(384), Embedded("minilm", source="body", chunking={"tokens": 256})
            )

        PageChunk = sqlembed.chunks(Page)

        nearest = PageChunk.embedding.cosine_distance(sqlembed.embed("minilm", "food"))
        session.scalars(select(PageChunk).order_by(nearest).limit(5)).first().row
        session.get(Page, 1).chunks

    Args:
        entity: a mapped class with an ``Embedded`` that has ``chunking``.
        embedding: the vector column, where there are several such.
        attribute: of the entity, a list of its chunks in their order; not to be written.
        table_name: of the chunks, where it is not ``<table>_<embedding>``.

    Raises:
        InputError: the class has no such embedding, or something of the attribute's name.
    """
    mapper = _mapper(entity)
    column = _chunked_column(mapper, embedding)
    if mapper.has_property(attribute):
        raise InputError(f"{entity.__name__} has an attribute {attribute!r} already")
    table = mapper.local_table
    assert isinstance(table, sa.Table)
    keys = [sa.Column(key.name, key.type, primary_key=True) for key in table.primary_key]
    # Of a metadata of its own: create_embedding makes it, and nobody else.
    side = sa.Table(
        _cut(table_name or f"{table.name}_{column.name}"),
        sa.MetaData(),
        *keys,
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("span", INT4RANGE, nullable=False),
        sa.Column("chunk", sa.Text, nullable=False),
        sa.Column("chunk_hash", sa.LargeBinary, nullable=False),
        sa.Column("source_hash", sa.LargeBinary, nullable=False),
        sa.Column(column.name, column.type, key="embedding"),
        schema=table.schema,
    )
    name = entity.__name__ + attribute.title().replace("_", "")
    made: type[Chunk] = type(name, (Chunk,), {"__module__": entity.__module__})
    same_row = [foreign(remote(side.c[key.name])) == key for key in table.primary_key.columns]
    mapper.registry.map_imperatively(
        made,
        side,
        properties={
            "row": relationship(
                entity,
                primaryjoin=sa.and_(*[foreign(side.c[k.name]) == k for k in table.primary_key]),
                viewonly=True,
            )
        },
    )
    mapper.add_property(
        attribute,
        relationship(made, primaryjoin=sa.and_(*same_row), order_by=side.c.ordinal, viewonly=True),
    )
    return made


def _mapper(entity: Any) -> Mapper[Any]:
    try:
        mapper = sa.inspect(entity)
    except NoInspectionAvailable:
        mapper = None
    if not isinstance(mapper, Mapper):
        raise InputError(f"chunks() takes a mapped class, not {entity!r}")
    return mapper


def _chunked_column(mapper: Mapper[Any], wanted: str | None) -> sa.Column[Any]:
    found = [
        column
        for column, embedded in embedded_columns(mapper.local_table)
        if embedded.chunking is not None and wanted in (None, column.name)
    ]
    if len(found) == 1:
        return found[0]
    name = mapper.class_.__name__
    if found:
        names = ", ".join(column.name for column in found)
        raise InputError(f"{name} has several embeddings in chunks", hint=f"Say which: {names}.")
    raise InputError(
        f"{name} has no embedding in chunks" + ("" if wanted is None else f" {wanted!r}"),
        hint="Say chunking={'tokens': 256} in its Embedded.",
    )


def _cut(name: str) -> str:
    """Return the name that the database gives the table: a longer one is cut and marked."""
    whole = name.encode()
    if len(whole) <= NAME_LENGTH:
        return name
    mark = "_" + hashlib.md5(whole, usedforsecurity=False).hexdigest()[:8]
    return whole[: NAME_LENGTH - len(mark)].decode(errors="ignore") + mark
