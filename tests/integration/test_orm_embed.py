"""``embed()`` in statements: with an attached session, with a worker, with neither."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload, sessionmaker

from sqlembed import config
from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.errors import EmbedderError, InputError
from sqlembed.orm import attach, embed
from sqlembed.schema import migrate
from sqlembed.worker import Worker
from tests.integration.orm_models import (
    TITLES,
    Article,
    Author,
    fill,
    hash_embedder,
    hash_registry,
    nearest,
    register,
)


class Counting(HashEmbedder):
    """Notes every call."""

    def __init__(self) -> None:
        super().__init__("hash", 8)
        self.calls: list[list[str]] = []
        self.kinds: set[str] = set()

    def embed(self, texts: Sequence[str], kind: Any = "document") -> Any:
        self.calls.append(list(texts))
        self.kinds.add(kind)
        return super().embed(texts, kind)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def sessions(engine: sa.Engine, counting: Counting) -> sessionmaker[Session]:
    """Sessions that embed in this process, on a filled database without a worker."""
    fill(engine)
    registry = Registry()
    registry.add(counting)
    made = sessionmaker(engine)
    attach(made, registry)
    return made


def by_distance(query: str) -> sa.Select[str]:
    return select(Article.title).order_by(Article.embedding.cosine_distance(embed("hash", query)))


def test_process_computes_the_vector(sessions: sessionmaker[Session], counting: Counting) -> None:
    with sessions() as session:
        assert session.scalars(by_distance("food")).all() == nearest("food")
        assert session.scalars(by_distance("apple").limit(2)).all() == nearest("apple")[:2]
    assert counting.calls == [["food"], ["apple"]]
    assert counting.kinds == {"query"}


def test_all_texts_of_a_statement_are_one_call(
    sessions: sessionmaker[Session], counting: Counting
) -> None:
    statement = select(
        embed("hash", "food").label("a"),
        embed("hash", "pie").label("b"),
        embed("hash", "food").label("c"),
        embed("hash", "car").cosine_distance(embed("hash", "red car")),
    )
    with sessions() as session:
        a, b, c, distance = session.execute(statement).one()
    assert counting.calls == [["food", "pie", "car", "red car"]]
    food, pie, car, red_car = hash_embedder().embed(["food", "pie", "car", "red car"])
    assert list(a) == list(c) == pytest.approx(food.tolist())
    assert list(b) == pytest.approx(pie.tolist())
    assert distance == pytest.approx(1 - float(car @ red_car))


def test_no_connection_is_held_while_the_model_runs(
    engine: sa.Engine, sessions: sessionmaker[Session], counting: Counting
) -> None:
    held: list[int] = []
    embed_texts = counting.embed

    def watch(texts: Sequence[str], kind: Any = "document") -> Any:
        held.append(engine.pool.checkedout())  # type: ignore[attr-defined]
        return embed_texts(texts, kind)

    counting.embed = watch  # type: ignore[method-assign]
    with sessions() as session:
        session.scalars(by_distance("food")).all()
    assert held == [0]


def test_one_sql_text_for_all_queries_and_both_cases(
    engine: sa.Engine, sessions: sessionmaker[Session]
) -> None:
    assert by_distance("food")._generate_cache_key() == by_distance("pie")._generate_cache_key()
    statements: list[str] = []
    sa.event.listen(
        engine, "before_cursor_execute", lambda *found: statements.append(str(found[2]))
    )
    with sessions() as session:
        for query in ("food", "pie", " "):
            assert session.scalars(by_distance(query)).first() == nearest(query)[0] or query == " "
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="no worker"):
        connection.execute(by_distance("unheard of"))
    assert len(set(statements)) == 1
    assert re.search(r"<=> \(SELECT sqlembed\.embed_given\(", statements[0])
    assert "food" not in statements[0]


@pytest.mark.parametrize("text", ["", " \n\t", None])
def test_blank_text_has_no_vector(
    sessions: sessionmaker[Session], counting: Counting, text: str | None
) -> None:
    with sessions() as session:
        assert session.scalar(select(embed("hash", text))) is None
    assert counting.calls == []


def test_same_statement_in_two_sessions(engine: sa.Engine, sessions: sessionmaker[Session]) -> None:
    statement = by_distance("food").limit(1)
    with sessions() as session, Session(engine) as plain:
        assert session.scalars(statement).all() == nearest("food")[:1]
        with pytest.raises(sa.exc.DBAPIError, match="no worker"):
            plain.scalars(statement)
        assert session.scalars(statement).all() == nearest("food")[:1]


def test_worker_answers_where_no_process_does(
    engine: sa.Engine, worker: Worker, counting: Counting
) -> None:
    del worker
    fill(engine)
    with engine.connect() as connection:
        assert connection.scalars(by_distance("food")).all() == nearest("food")
    elsewhere = sessionmaker(engine)
    attach(elsewhere, Registry())
    with elsewhere() as session, Session(engine) as plain:
        assert session.scalars(by_distance("food")).all() == nearest("food")
        assert plain.scalars(by_distance("food")).all() == nearest("food")
    assert counting.calls == []


def test_expression_is_embedded_in_sql(engine: sa.Engine, worker: Worker) -> None:
    del worker
    fill(engine)
    distance = Article.embedding.cosine_distance(embed("hash", Article.title))
    upper = embed("hash", sa.func.upper(Article.title))
    with Session(engine) as session:
        rows = session.execute(select(Article.title, distance, upper)).all()
    assert [row[1] for row in rows] == pytest.approx([0] * len(TITLES), abs=1e-5)
    expected = hash_embedder().embed([row[0].upper() for row in rows])
    assert [list(row[2]) for row in rows] == [pytest.approx(one.tolist()) for one in expected]


def test_vector_of_another_generation_is_refused(engine: sa.Engine) -> None:
    fill(engine)
    registry = Registry()
    registry.add(HashEmbedder("hash", 8, version="2"))
    sessions = sessionmaker(engine)
    attach(sessions, registry)
    with sessions() as session, pytest.raises(sa.exc.DBAPIError) as raised:
        session.scalars(by_distance("food"))
    assert getattr(raised.value.orig, "sqlstate", None) == "SE002"


def test_embedder_that_fails(engine: sa.Engine) -> None:
    registry = Registry()

    @registry.embedder("broken", dimensions=8)
    def broken(texts: Sequence[str]) -> list[list[float]]:
        raise RuntimeError(f"out of memory for {texts}")

    sessions = sessionmaker(engine)
    attach(sessions, registry)
    with (
        sessions() as session,
        pytest.raises(EmbedderError, match="out of memory for \\['food'\\]"),
    ):
        session.execute(select(embed("broken", "food")))


def test_index_is_used(engine: sa.Engine, sessions: sessionmaker[Session]) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(
            sa.text(
                "insert into article (id, title, embedding) select i, 'filler', "
                "array(select random() from generate_series(1, 8) where i > 0)::real[]::vector "
                "from generate_series(1000, 4000) as i"
            )
        )
        connection.execute(sa.text("analyze article"))
    statement = (
        select(Article).order_by(Article.embedding.cosine_distance(embed("hash", "food"))).limit(5)
    )

    def explain(*found: Any) -> tuple[str, Any]:
        return f"explain {found[2]}", found[3]

    with sessions() as session:
        assert len(session.scalars(statement).all()) == 5
        sa.event.listen(engine, "before_cursor_execute", explain, retval=True)
        plan = "\n".join(session.connection().scalars(statement.with_only_columns(Article.id)))
    assert re.search(r"Index Scan using \S*hnsw\S* on article", plan), plan
    assert "InitPlan" in plan and "Seq Scan" not in plan, plan


def test_nested_statements_and_eager_loads(
    sessions: sessionmaker[Session], counting: Counting
) -> None:
    inner = (
        select(Article.author_id)
        .order_by(Article.embedding.cosine_distance(embed("hash", "food")))
        .limit(1)
        .scalar_subquery()
    )
    with sessions() as session:
        found = session.scalars(select(Author).where(Author.id == inner)).one()
        by_title = {title: 1 + number % 2 for number, title in enumerate(TITLES)}
        assert found.id == by_title[nearest("food")[0]]
        loaded = session.scalars(
            select(Article)
            .options(selectinload(Article.author))
            .order_by(Article.embedding.cosine_distance(embed("hash", "pie")))
        ).all()
        assert [article.title for article in loaded] == nearest("pie")
        assert all(article.author is not None for article in loaded)
    assert counting.calls == [["food"], ["pie"]]


def test_common_table_expressions_unions_and_updates(
    sessions: sessionmaker[Session], counting: Counting
) -> None:
    distance = Article.embedding.cosine_distance(embed("hash", "food")).label("distance")
    ranked = select(Article.title, distance).cte("ranked")
    both = sa.union_all(
        select(ranked.c.title).where(ranked.c.distance < 10),
        by_distance("pie").limit(1).subquery().select(),
    )
    with sessions() as session:
        titles = session.scalars(both).all()
        assert sorted(titles) == sorted([*TITLES, nearest("pie")[0]])
        session.execute(
            sa.update(Article)
            .where(Article.title == "red car")
            .values(embedding=embed("hash", "blue bike"))
        )
        vector = session.scalar(select(Article.embedding).where(Article.title == "red car"))
    assert vector is not None
    assert list(vector) == pytest.approx(hash_embedder().embed(["blue bike"])[0].tolist())
    assert [sorted(texts) for texts in counting.calls] == [["food", "pie"], ["blue bike"]]


def test_halfvec_column(sessions: sessionmaker[Session]) -> None:
    values = sa.text("select cast('[1,0,0,0,0,0,0,0]' as halfvec(8)) as half")
    half = values.columns(sa.column("half", HALFVEC(8))).subquery().c.half
    with sessions() as session:
        found = session.scalar(select(half.cosine_distance(embed("hash", "food"))))
    expected = 1 - float(hash_embedder().embed(["food"])[0][0])
    assert found == pytest.approx(expected, abs=1e-3)


def test_vector_extension_beyond_the_search_path(empty_url: str) -> None:
    engine = sa.create_engine(config.sqlalchemy_url(empty_url))
    with engine.begin() as connection:
        connection.execute(sa.text("create schema elsewhere"))
        connection.execute(sa.text("create extension vector schema elsewhere"))
    migrate.upgrade(engine)
    register(engine)
    sessions = sessionmaker(engine)
    attach(sessions, hash_registry())
    with sessions() as session:
        vector = session.scalars(select(embed("hash", "food"))).one()
        session.rollback()
        with pytest.raises(sa.exc.DBAPIError, match="no worker"):
            session.connection().execute(select(embed("hash", "food")))
    engine.dispose()
    assert list(vector) == pytest.approx(hash_embedder().embed(["food"])[0].tolist())


def test_name_that_is_none() -> None:
    with pytest.raises(InputError, match="name of an embedder"):
        embed("", "food")
    with pytest.raises(InputError, match="name of an embedder"):
        embed(hash_registry(), "food")  # type: ignore[arg-type]


def test_text_without_a_database() -> None:
    assert str(select(embed("hash", "food"))) == (
        "SELECT (SELECT sqlembed.embed_given(:param_1, :param_2, :param_3, :param_4)) AS embed_1"
    )
    assert isinstance(embed("hash", "food").type, VECTOR)
