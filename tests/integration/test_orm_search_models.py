"""``search()`` over hierarchies of classes, names that have to be quoted, and other schemas."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
)

from sqlembed.errors import InputError
from sqlembed.orm import Embedded, search
from tests.integration.orm_models import (
    hash_embedder,
    register,
)
from tests.integration.test_orm_search import Sessions, attached


class Base(DeclarativeBase):
    """Hierarchies, and a table with two embeddings."""


class Person(Base):
    """The root of a joined and of a single-table branch."""

    __tablename__ = "person"
    __table_args__ = {"schema": "people"}  # noqa: RUF012
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    full_name: Mapped[str] = mapped_column("Full Name")
    vector: Mapped[list[float] | None] = mapped_column(
        "Vector", HALFVEC(8), Embedded("hash", source='"Full Name"', metric="euclidean")
    )
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012


class Poet(Person):
    """In the table of persons."""

    __mapper_args__ = {"polymorphic_identity": "poet"}  # noqa: RUF012


class Painter(Person):
    """In a table of its own beside that of persons."""

    __tablename__ = "painter"
    __table_args__ = {"schema": "people"}  # noqa: RUF012
    id: Mapped[int] = mapped_column(sa.ForeignKey(Person.id), primary_key=True)
    style: Mapped[str]
    works: Mapped[list[float] | None] = mapped_column(
        VECTOR(8), Embedded("hash", source="style"), deferred=True
    )
    __mapper_args__ = {"polymorphic_identity": "painter"}  # noqa: RUF012


class Odd(Base):
    """Every name has to be quoted."""

    __tablename__ = 'o%d\'d: "t"'
    id: Mapped[int] = mapped_column("i%%d", primary_key=True)
    text: Mapped[str] = mapped_column("t'x: %(t)s \\")
    vector: Mapped[list[float] | None] = mapped_column(
        "v%:", VECTOR(8), Embedded("hash", source='"i%%d"::text')
    )


def test_names_that_have_to_be_quoted(people: Sessions) -> None:
    with people.begin() as session:
        vectors = hash_embedder().embed(["1", "2"])
        session.add_all([Odd(id=1, text="a%", vector=vectors[0]), Odd(id=2, text="b")])
    hits = search(Odd, "1", filter=(Odd.text == "a%") & Odd.id.in_([1, 3]))
    with people() as session:
        found, distance = session.execute(select(hits.entity, hits.distance)).one()
        assert (found.id, found.text) == (1, "a%")
        assert distance == pytest.approx(0, abs=1e-6)


NAMES = ("Ann Lee", "Ann Kay", "Ann May", "Ann Ray")
STYLES = ("oil", "ink")


@pytest.fixture
def people(engine: sa.Engine) -> Sessions:
    """A poet, a person and two painters."""
    register(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("create schema people"))
    Base.metadata.create_all(engine)
    names, styles = hash_embedder().embed(NAMES), hash_embedder().embed(STYLES)
    with Session(engine) as session:
        session.add_all(
            [
                Poet(full_name=NAMES[0], vector=names[0]),
                Person(full_name=NAMES[1], vector=names[1]),
                Painter(full_name=NAMES[2], vector=names[2], style="oil", works=styles[0]),
                Painter(full_name=NAMES[3], vector=names[3], style="ink", works=styles[1]),
            ]
        )
        session.commit()
    return attached(engine)


def test_class_of_a_hierarchy_finds_its_own(people: Sessions) -> None:
    def found(class_: type[Any], **options: Any) -> list[tuple[type[Any], str]]:
        hits = search(class_, "Ann", **options)
        with people() as session:
            entities = session.scalars(select(hits.entity).order_by(hits.distance)).all()
            return sorted(((type(one), one.full_name) for one in entities), key=lambda x: x[1])

    everybody = [(Person, "Ann Kay"), (Poet, "Ann Lee"), (Painter, "Ann May"), (Painter, "Ann Ray")]
    assert found(Person) == everybody
    assert found(Poet, k=1) == [(Poet, "Ann Lee")]
    assert found(Painter, k=2, embedding="Vector") == everybody[2:]
    assert found(Painter, k=2, embedding=Painter.vector, filter=Painter.full_name == "Ann Ray") == [
        (Painter, "Ann Ray")
    ]


def test_columns_of_both_tables_and_the_embedding_of_either(people: Sessions) -> None:
    hits = search(Painter, "ink", k=1, embedding=Painter.works, filter=Painter.style != "gouache")
    with people() as session:
        painter, distance = session.execute(select(hits.entity, hits.distance)).one()
        assert (painter.full_name, painter.style, painter.kind) == ("Ann Ray", "ink", "painter")
        assert distance == pytest.approx(0, abs=1e-6)
        assert "works" not in vars(painter)
        assert painter.works == pytest.approx(hash_embedder().embed(["ink"])[0].tolist())
    with pytest.raises(InputError, match="several embeddings") as raised:
        search(Painter, "ink")
    assert raised.value.hint is not None and "Vector, works" in raised.value.hint


def test_schema_translate_map(engine: sa.Engine, people: Sessions) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("create schema tenant"))
    translated = engine.execution_options(schema_translate_map={"people": "tenant"})
    Base.metadata.create_all(translated)
    hits = search(Person, "Ann", filter=Person.kind != "nobody")
    with people() as session:
        assert len(session.scalars(select(hits.entity)).all()) == len(NAMES)
    with attached(translated)() as session:
        assert session.scalars(select(hits.entity)).all() == []
        inside = search(Person, "Ann", filter=Person.id.in_(select(Painter.id)))
        with pytest.raises(InputError, match="schema_translate_map"):
            session.scalars(select(inside.entity))
