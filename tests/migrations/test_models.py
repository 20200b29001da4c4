"""Models of every kind, with declarations of every kind: autogenerate finds them once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy.ext.declarative import ConcreteBase
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    declared_attr,
    mapped_column,
    registry,
    relationship,
)

from sqlembed.orm import Embedded
from tests.fix_worker import serving
from tests.migrations.application import Application, body
from tests.migrations.histories import rows, up_down_up
from tests.writing import embed_all, hash_registry


@pytest.fixture
def application(tmp_path: Path, engine: sa.Engine) -> Application:
    return Application(tmp_path, engine, transaction_per_migration=True)


def inheritance() -> sa.MetaData:
    class Base(DeclarativeBase):
        metadata = sa.MetaData(
            naming_convention={"ix": "ix_%(column_0_label)s", "pk": "pk_%(table_name)s"}
        )
        type_annotation_map = {  # noqa: RUF012
            Annotated[np.ndarray[Any, Any], "small"]: VECTOR(8),
        }

    class Titled:
        title: Mapped[str]

        @declared_attr
        @classmethod
        def embedding(cls) -> Mapped[Any]:
            return mapped_column(VECTOR(8), Embedded("hash", source="title"), nullable=True)

    class Animal(Titled, Base):
        __tablename__ = "animal"
        __mapper_args__ = {"polymorphic_on": "kind"}  # noqa: RUF012
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str]

    class Dog(Animal):
        __tablename__ = "dog"
        __mapper_args__ = {"polymorphic_identity": "dog"}  # noqa: RUF012
        id: Mapped[int] = mapped_column(sa.ForeignKey("animal.id"), primary_key=True)
        bark: Mapped[str]
        bark_vector: Mapped[Any] = mapped_column(
            HALFVEC(8), Embedded("hash", source="bark", metric="l1"), nullable=True
        )

    class Cat(Animal):
        __mapper_args__ = {"polymorphic_identity": "cat"}  # noqa: RUF012
        purr: Mapped[str | None]
        purr_vector: Mapped[Any] = mapped_column(
            VECTOR(8), Embedded("hash", source="purr", timing="sync"), nullable=True
        )

    class Noted(Base):
        __tablename__ = "noted"
        __table_args__ = (
            sa.UniqueConstraint("a"),
            sa.Index(None, "b"),
            {"schema": "apart", "comment": "Apart"},
        )
        id: Mapped[int] = mapped_column(primary_key=True)
        a: Mapped[str]
        b: Mapped[str]
        vector: Mapped[Annotated[np.ndarray[Any, Any], "small"] | None] = mapped_column(
            Embedded("hash", source="a || b")
        )

    class Plain(MappedAsDataclass, Base):
        __tablename__ = "plain"
        id: Mapped[int] = mapped_column(primary_key=True, init=False)
        text: Mapped[str]
        vector: Mapped[Any] = mapped_column(
            VECTOR(8), Embedded("hash", source="text", index="none"), init=False, nullable=True
        )

    # Nothing holds their mappers otherwise.
    Base.metadata.info["models"] = (Dog, Cat, Noted, Plain)
    return Base.metadata


def test_models_of_every_kind(application: Application) -> None:
    rows(application, "create schema apart")
    application.options = {"include_schemas": True}
    application.metadata = inheritance()
    text = application.revise()
    assert text.count("op.create_embedding(") == 5
    assert "schema='apart'" in text
    up_down_up(application)
    assert len(rows(application, "select from sqlembed.embedding")) == 5
    assert body(application.revise("nothing"), "upgrade") == "pass"


class Small(sa.types.TypeDecorator[Any]):
    """A type of the application's own."""

    impl = VECTOR(8)
    cache_ok = True


def render_item(kind: str, item: Any, context: Any) -> Any:
    """Alembic leaves it to applications to import their types."""
    if kind == "type" and isinstance(item, Small):
        context.imports.add("from tests.migrations.test_models import Small")
        return "Small()"
    return False


def other_styles() -> sa.MetaData:
    """Models by mixins, a naming convention for everything, names that are not the attributes'."""

    class Base(DeclarativeBase):
        metadata = sa.MetaData(
            schema="apart",
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            },
        )

    class Tabled:
        @declared_attr.directive
        @classmethod
        def __tablename__(cls) -> str:
            return cls.__name__.lower()

        @declared_attr.directive
        @classmethod
        def __table_args__(cls) -> Any:
            return (sa.Index(None, "text"), sa.CheckConstraint("text <> ''", "filled"))

        text: Mapped[str]

    class Shop(Base):
        __tablename__ = "shop"
        id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
        items: Mapped[list[Item]] = relationship(back_populates="shop")

    class Item(Tabled, Base):
        shop_id: Mapped[int] = mapped_column(sa.ForeignKey("apart.shop.id"), primary_key=True)
        number: Mapped[int] = mapped_column(primary_key=True)
        shop: Mapped[Shop] = relationship(back_populates="items")
        upper: Mapped[str] = mapped_column(sa.Computed("upper(text)", persisted=True))
        vector: Mapped[Any] = mapped_column(
            "Vector of item", VECTOR(8), Embedded("hash", source="upper"), nullable=True
        )

    class Own(Tabled, Base):
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str] = mapped_column(sa.Enum("a", "b", native_enum=False), server_default="a")
        vector: Mapped[Any] = mapped_column(
            Small(), Embedded("hash", source="text", metric="inner_product"), nullable=True
        )

    class Employee(ConcreteBase, Base):
        __tablename__ = "employee"
        __mapper_args__ = {"polymorphic_identity": "employee", "concrete": True}  # noqa: RUF012
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        vector: Mapped[Any] = mapped_column(
            VECTOR(8), Embedded("hash", source="name"), nullable=True
        )

    class Boss(Employee):
        __tablename__ = "boss"
        __mapper_args__ = {"polymorphic_identity": "boss", "concrete": True}  # noqa: RUF012
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        vector: Mapped[Any] = mapped_column(
            VECTOR(8), Embedded("hash", source="name", on_change="keep"), nullable=True
        )

    Base.metadata.info["models"] = (Shop, Item, Own, Employee, Boss)
    sa.orm.configure_mappers()
    return Base.metadata


def imperative() -> sa.MetaData:
    """A table that is partitioned, and one that a class is mapped to afterwards."""
    metadata = sa.MetaData()
    table = sa.Table(
        "mapped",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text),
        sa.Column("v", VECTOR(8), Embedded("hash", source="text")),
    )
    sa.Table(
        "parted",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text),
        sa.Column("v", VECTOR(8), Embedded("hash", source="text")),
        postgresql_partition_by="HASH (id)",
    )

    class Plain:
        pass

    registry(metadata=metadata).map_imperatively(Plain, table)
    metadata.info["models"] = (Plain,)
    return metadata


@pytest.mark.parametrize(("models", "count"), [(other_styles, 4), (imperative, 2)])
def test_models_of_other_styles(application: Application, models: Any, count: int) -> None:
    rows(application, "create schema apart")
    application.options |= {"include_schemas": True, "render_item": render_item}
    application.metadata = models()
    assert application.revise().count("op.create_embedding(") == count
    up_down_up(application)
    assert len(rows(application, "select from sqlembed.embedding")) == count
    assert body(application.revise("nothing"), "upgrade") == "pass"


#: Every option that a declaration has, in one table each.
DECLARATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cut": {"chunking": {"characters": 60, "overlap": 10}},
    "beside": {"place": "side", "on_change": "keep"},
    "at_once": {"timing": "sync"},
    "words": {"full_text": "english"},
    "bits": {"index": "binary"},
    "short": {"index": "prefix", "index_options": {"dimensions": 4, "m": 8}},
    "far": {"metric": "l1", "index_options": {"m": 8, "ef_construction": 32}},
    "bare": {"index": "none"},
    "half": {"storage": "halfvec"},
}


def every_declaration(embedder: str) -> sa.MetaData:
    metadata = sa.MetaData()
    for name, options in DECLARATIONS.items():
        type_ = HALFVEC(8) if options.get("storage") == "halfvec" else VECTOR(8)
        sa.Table(
            name,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("text", sa.Text),
            sa.Column("v", type_, Embedded(embedder, source="text", **options)),
        )
    return metadata


def test_every_declaration_settles(application: Application, url: str) -> None:
    """`alembic check` finds nothing after each step, through the generations of all of them."""
    embedders = hash_registry("hash", "other")
    application.metadata = every_declaration("hash")
    application.revise()
    up_down_up(application)
    with serving(url, embedders):
        for name in DECLARATIONS:
            rows(
                application,
                f"insert into {name} select i, 'text ' || i from generate_series(1, 5) i",
            )
    embed_all(url, embedders)
    assert application.differences() == []

    application.metadata = every_declaration("other")
    text = application.revise()
    assert body(text, "upgrade").count("op.create_generation(") == len(DECLARATIONS)
    up_down_up(application)
    embed_all(url, embedders)
    text = application.revise()
    assert body(text, "upgrade").count("op.switch_generation(") == len(DECLARATIONS)
    up_down_up(application)
    kept = rows(
        application, "select distinct generation, embedder from sqlembed.embedding order by 1"
    )
    assert kept == [("current", "other"), ("previous", "hash")]
    assert body(application.revise("nothing"), "upgrade") == "pass"
