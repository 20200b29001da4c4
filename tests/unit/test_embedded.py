"""``Embedded`` in every way that SQLAlchemy has of declaring a column; no database."""

from __future__ import annotations

import pickle
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    declared_attr,
    mapped_column,
    registry,
)

from sqlembed.errors import InputError
from sqlembed.orm import Embedded
from sqlembed.orm.embedded import embedded_columns

HASH = Embedded("hash", source="title")
Vector = list[float]


class Base(DeclarativeBase):
    """A registry of this module's own."""


def declared(table: sa.FromClause) -> dict[str, Embedded]:
    return {column.name: embedded for column, embedded in embedded_columns(table)}


def test_plain_column_keeps_it_without_becoming_a_server_default() -> None:
    class Plain(Base):
        __tablename__ = "plain"
        id: Mapped[int] = mapped_column(primary_key=True)
        embedding: Mapped[Vector | None] = mapped_column(VECTOR(8), HASH)

    column = Plain.__table__.c.embedding
    assert declared(Plain.__table__) == {"embedding": HASH}
    assert column.server_default is None and column.server_onupdate is None
    assert declared(sa.Table("other", sa.MetaData(), sa.Column("id", sa.Integer))) == {}


def test_mixin_gives_it_to_every_class() -> None:
    class WithEmbedding:
        id: Mapped[int] = mapped_column(primary_key=True)
        embedding: Mapped[Vector | None] = mapped_column(VECTOR(8), HASH)

    class One(WithEmbedding, Base):
        __tablename__ = "one"

    class Two(WithEmbedding, Base):
        __tablename__ = "two"

    assert declared(One.__table__) == declared(Two.__table__) == {"embedding": HASH}


def test_declared_attr_gives_each_class_its_own() -> None:
    class WithEmbedding:
        __tablename__: str
        id: Mapped[int] = mapped_column(primary_key=True)

        @declared_attr
        def embedding(cls) -> Mapped[Vector | None]:
            return mapped_column(VECTOR(8), Embedded("hash", source=f"{cls.__tablename__}_text"))

    class Poem(WithEmbedding, Base):
        __tablename__ = "poem"

    class Song(WithEmbedding, Base):
        __tablename__ = "song"

    assert declared(Poem.__table__)["embedding"].source == "poem_text"
    assert declared(Song.__table__)["embedding"].source == "song_text"


Annotation = Annotated[Vector, mapped_column(VECTOR(8), HASH)]


def test_annotated_type_carries_it() -> None:
    class Page(Base):
        __tablename__ = "page"
        id: Mapped[int] = mapped_column(primary_key=True)
        embedding: Mapped[Annotation | None]

    assert declared(Page.__table__) == {"embedding": HASH}


def test_type_annotation_map_gives_the_type() -> None:
    class Mapping(DeclarativeBase):
        registry = registry(type_annotation_map={Vector: VECTOR(8)})

    class Page(Mapping):
        __tablename__ = "page"
        id: Mapped[int] = mapped_column(primary_key=True)
        embedding: Mapped[Vector | None] = mapped_column(HASH)

    assert declared(Page.__table__) == {"embedding": HASH}
    assert isinstance(Page.__table__.c.embedding.type, VECTOR)


def test_type_that_comes_later_is_checked_as_well() -> None:
    class Mapping(DeclarativeBase):
        registry = registry(type_annotation_map={Vector: sa.ARRAY(sa.Float)})

    with pytest.raises(InputError, match="'embedding' is of type ARRAY"):

        class Page(Mapping):
            __tablename__ = "page"
            id: Mapped[int] = mapped_column(primary_key=True)
            embedding: Mapped[Vector | None] = mapped_column(HASH)


def test_dataclass_mapping() -> None:
    class Datum(MappedAsDataclass, Base):
        __tablename__ = "datum"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]
        embedding: Mapped[Vector | None] = mapped_column(VECTOR(8), HASH, init=False, default=None)

    assert declared(Datum.__table__) == {"embedding": HASH}
    assert Datum(id=1, title="a").embedding is None


def test_joined_inheritance_has_it_on_either_table() -> None:
    class Person(Base):
        __tablename__ = "person"
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str]
        embedding: Mapped[Vector | None] = mapped_column(VECTOR(8), HASH)
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012

    class Author(Person):
        __tablename__ = "author"
        id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
        works: Mapped[Vector | None] = mapped_column(VECTOR(8), HASH)
        __mapper_args__ = {"polymorphic_identity": "author"}  # noqa: RUF012

    assert declared(Person.__table__) == {"embedding": HASH}
    assert declared(Author.__table__) == {"works": HASH}


def test_abstract_base() -> None:
    class Abstract(Base):
        __abstract__ = True
        id: Mapped[int] = mapped_column(primary_key=True)
        embedding: Mapped[Vector | None] = mapped_column(VECTOR(8), HASH)

    class Concrete(Abstract):
        __tablename__ = "concrete"

    assert declared(Concrete.__table__) == {"embedding": HASH}


def core_table() -> sa.Table:
    return sa.Table(
        "core",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("embedding", HALFVEC(8), HASH),
    )


def test_core_table_copied_and_pickled() -> None:
    table = core_table()
    copied = table.to_metadata(sa.MetaData(), schema="elsewhere")
    assert declared(table) == declared(copied) == {"embedding": HASH}
    metadata: sa.MetaData = pickle.loads(pickle.dumps(table.metadata))
    assert declared(metadata.tables["core"]) == {"embedding": HASH}
    everything = Embedded("a", source="b", index="none", chunking={"size": 3})
    assert pickle.loads(pickle.dumps(everything)) == everything


class Vehicle(Base):
    """The root of a single-table hierarchy."""

    __tablename__ = "vehicle"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "vehicle"}  # noqa: RUF012


class Car(Vehicle):
    """The class that brings the column."""

    embedding: Mapped[Vector | None] = mapped_column(VECTOR(8), HASH, use_existing_column=True)
    __mapper_args__ = {"polymorphic_identity": "car"}  # noqa: RUF012


OTHER = Embedded("hash", source="name")


def test_siblings_share_one_that_is_declared_alike() -> None:
    class Van(Vehicle):
        embedding: Mapped[Vector | None] = mapped_column(
            VECTOR(8), Embedded("hash", source="title"), use_existing_column=True
        )
        __mapper_args__ = {"polymorphic_identity": "van"}  # noqa: RUF012

    assert declared(Vehicle.__table__) == {"embedding": HASH}


def test_siblings_that_declare_it_otherwise_are_refused() -> None:
    with pytest.raises(InputError, match=r"Bus.embedding is declared in two ways.*'name'.*'title'"):

        class Bus(Vehicle):
            embedding: Mapped[Vector | None] = mapped_column(
                VECTOR(8), OTHER, use_existing_column=True
            )
            __mapper_args__ = {"polymorphic_identity": "bus"}  # noqa: RUF012


def test_siblings_that_declare_it_otherwise_in_a_mixin_are_refused() -> None:
    class Mixin:
        embedding: Mapped[Vector | None] = mapped_column(VECTOR(8), OTHER, use_existing_column=True)

    with pytest.raises(InputError, match=r"Tram.embedding is declared in two ways"):

        class Tram(Mixin, Vehicle):
            __mapper_args__ = {"polymorphic_identity": "tram"}  # noqa: RUF012


SharedAnnotation = Annotated[Vector, mapped_column(VECTOR(8), HASH, use_existing_column=True)]
OtherAnnotation = Annotated[Vector, mapped_column(VECTOR(8), OTHER, use_existing_column=True)]


def test_annotation_does_not_silently_replace_what_the_column_has() -> None:
    class Root(Base):
        __tablename__ = "root"
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str]
        embedding: Mapped[Vector | None] = mapped_column(VECTOR(8), HASH)
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "root"}  # noqa: RUF012

    # SQLAlchemy itself refuses it up to some version of 2.0.
    with pytest.raises((InputError, ArgumentError), match=r"declared in two ways|conflicts with"):

        class Leaf(Root):
            embedding: Mapped[OtherAnnotation | None]
            __mapper_args__ = {"polymorphic_identity": "leaf"}  # noqa: RUF012


def test_siblings_with_different_annotations_are_refused() -> None:
    class Tree(Base):
        __tablename__ = "tree"
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str]
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "tree"}  # noqa: RUF012

    class Oak(Tree):
        embedding: Mapped[SharedAnnotation | None]
        __mapper_args__ = {"polymorphic_identity": "oak"}  # noqa: RUF012

    with pytest.raises((InputError, ArgumentError), match=r"declared in two ways|conflicts with"):

        class Elm(Tree):
            embedding: Mapped[OtherAnnotation | None]
            __mapper_args__ = {"polymorphic_identity": "elm"}  # noqa: RUF012


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embedder": ""}, "embedder must be a text"),
        ({"embedder": None}, "embedder must be a text"),
        ({"source": "  "}, "source must be a text"),
        ({"source": "a\0b"}, "source must be a text"),
        ({"timing": "later"}, "timing is one of 'async', 'sync', not 'later'"),
        ({"on_change": True}, "on_change is one of"),
        ({"metric": "l2"}, "metric is one of"),
        ({"storage": "bit"}, "storage is one of"),
        ({"index": None}, "index is one of"),
        ({"place": "there"}, "place is one of"),
        ({"adopt": "no"}, "adopt is one of"),
        ({"chunking": 500}, "chunking must be a mapping"),
        ({"index_options": 500}, "index_options must be a mapping"),
        ({"index": "ivfflat"}, "index is one of 'hnsw', 'binary', 'prefix', 'none'"),
        ({"full_text": " "}, "full_text must be a text"),
        ({"full_text": True}, "full_text must be a text"),
    ],
)
def test_impossible_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Embedded(**{"embedder": "hash", "source": "title", **arguments})


@pytest.mark.parametrize("type_", [sa.Text(), VECTOR(), sa.ARRAY(sa.Float), HALFVEC()])
def test_column_of_another_type(type_: Any) -> None:
    with pytest.raises(InputError, match="is of type") as raised:
        sa.Column("embedding", type_, HASH)
    assert raised.value.hint is not None and "VECTOR(384)" in raised.value.hint


class Wrapped(sa.types.TypeDecorator[Any]):
    """A vector behind a type of the application's own."""

    impl = VECTOR
    cache_ok = True


@pytest.mark.parametrize(
    ("type_", "storage"),
    [
        (VECTOR(8), "vector"),
        (HALFVEC(8), "halfvec"),
        (Wrapped(8), "vector"),
        (sa.JSON().with_variant(HALFVEC(8), "postgresql"), "halfvec"),
    ],
)
def test_storage_is_what_the_type_says(type_: Any, storage: str) -> None:
    assert HASH.check(sa.Column("embedding", type_)) == storage


def test_storage_that_contradicts_the_type() -> None:
    with pytest.raises(InputError, match=r"is of type VECTOR\(dim=8\), not halfvec"):
        sa.Column("embedding", VECTOR(8), Embedded("hash", source="title", storage="halfvec"))


def test_not_null_column_could_never_be_filled() -> None:
    with pytest.raises(InputError, match="may not be NULL") as raised:

        class Strict(Base):
            __tablename__ = "strict"
            id: Mapped[int] = mapped_column(primary_key=True)
            embedding: Mapped[Vector] = mapped_column(VECTOR(8), HASH)

    assert raised.value.hint is not None and "| None" in raised.value.hint


def test_two_of_them_in_one_column() -> None:
    with pytest.raises(InputError, match="one Embedded"):
        sa.Column("embedding", VECTOR(8), HASH, OTHER)


def test_outside_a_column() -> None:
    with pytest.raises(InputError, match="stands in a Column"):
        sa.Table("a", sa.MetaData(), sa.Column("id", sa.Integer), HASH)


def test_repr_is_what_a_user_would_write() -> None:
    assert repr(HASH) == "Embedded('hash', source='title')"
    other = Embedded("hash", source="title", metric="l1", index="none")
    assert repr(other) == "Embedded('hash', source='title', metric='l1', index='none')"
    assert eval(repr(other)) == other
