"""``search()``: hits that are selected, joined, filtered, ordered and paged."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import (
    Session,
    aliased,
    contains_eager,
    joinedload,
    sessionmaker,
)

from sqlembed.errors import InputError
from sqlembed.orm import attach, embed, search
from sqlembed.worker import Worker
from tests.fix_worker import StartWorker
from tests.integration.orm_models import (
    TITLES,
    Article,
    Author,
    fill,
    hash_embedder,
    hash_registry,
    nearest,
)

Sessions = sessionmaker[Session]


def attached(engine: sa.Engine) -> Sessions:
    made = sessionmaker(engine)
    attach(made, hash_registry())
    return made


@pytest.fixture
def sessions(engine: sa.Engine) -> Sessions:
    """Sessions that embed in this process, on a filled database without a worker."""
    fill(engine)
    return attached(engine)


def titles(sessions: Sessions, query: str, **options: Any) -> list[str]:
    hits = search(Article, query, **options)
    with sessions() as session:
        return list(session.scalars(select(hits.entity.title).order_by(hits.distance)))


@pytest.mark.parametrize("mode", ["vector", "exact"])
def test_entities_and_distances(sessions: Sessions, mode: Any) -> None:
    hits = search(Article, "food", k=3, mode=mode)
    with sessions() as session:
        rows = session.execute(
            select(hits.entity, hits.distance, hits.score, hits.chunk).order_by(hits.distance)
        ).all()
        assert [row[0].title for row in rows] == nearest("food")[:3]
        assert all(isinstance(row[0], Article) and row[0] in session for row in rows)
        query, *found = hash_embedder().embed(["food", *nearest("food")[:3]])
        assert [row[1] for row in rows] == pytest.approx([1 - float(one @ query) for one in found])
        assert {row[2:] for row in rows} == {(None, None)}
        assert rows[0][0].embedding == pytest.approx(found[0].tolist())
        rows[0][0].title = "changed"
        session.commit()
        assert session.get(Article, rows[0][0].id) is rows[0][0]


def test_limit_holds_inside(sessions: Sessions) -> None:
    hits = search(Article, "food", k=4)
    paged = select(hits.entity.title).order_by(hits.distance).limit(2).offset(1)
    outside = select(sa.func.count()).select_from(hits.entity).where(hits.entity.year > 2000)
    farthest = select(hits.entity.title).order_by(hits.distance.desc()).limit(1)
    with sessions() as session:
        assert session.scalars(paged).all() == nearest("food")[1:3]
        assert session.scalar(outside) == 4
        assert session.scalars(farthest).all() == [nearest("food")[3]]


def test_pages(sessions: Sessions) -> None:
    """Each begins after the last row of the one before, whatever has been written meanwhile."""
    found: list[str] = []
    after = None
    with sessions() as session:
        while True:
            hits = search(Article, "food", k=2, after=after, filter=Article.year > 0)
            page = select(hits.entity, hits.distance).order_by(hits.distance, hits.entity.id)
            rows = session.execute(page).all()
            if not rows:
                break
            found += [article.title for article, _ in rows]
            session.execute(sa.delete(Article).where(Article.title == rows[0][0].title))
            after = (rows[-1].sqlembed_distance, rows[-1][0].id)
    assert found == nearest("food")


def test_diversity(sessions: Sessions) -> None:
    """Two titles about the same come one after the other, unless hits have to be unlike."""
    with sessions.begin() as session:
        vector = hash_embedder().embed(["food"])[0]
        session.add_all([Article(id=id, title="food", embedding=vector) for id in (101, 102)])
    unlike = search(Article, "food", k=2, diversity=0.8)
    alike = search(Article, "food", k=2)
    with sessions() as session:
        assert session.scalars(select(alike.entity.title)).all() == ["food", "food"]
        first, second = session.scalars(select(unlike.entity.title).order_by(unlike.distance))
        assert first == "food" != second
        for diversity in (-0.1, 1.1):
            refused = search(Article, "food", diversity=diversity)
            with pytest.raises(sa.exc.DBAPIError, match="between 0 and 1"):
                session.execute(select(refused.distance))
            session.rollback()


@pytest.mark.parametrize("after", [7, (7,), ("near", 7), (0.5, (7, 8)), (0.5, None)])
def test_what_no_page_begins_after(after: Any) -> None:
    with pytest.raises(InputError):
        search(Article, "food", after=after)


def test_joins(sessions: Sessions) -> None:
    hits = search(Article, "food", k=4)
    with sessions() as session:
        by_relationship = select(hits.entity.title, Author.name).join(hits.entity.author)
        by_hand = select(hits.entity.title, Author.name).join(
            Author, Author.id == hits.entity.author_id
        )
        names = {title: ("Ann", "O'Hara")[number % 2] for number, title in enumerate(TITLES)}
        expected = {(title, names[title]) for title in nearest("food")[:4]}
        assert {tuple(row) for row in session.execute(by_relationship)} == expected
        assert {tuple(row) for row in session.execute(by_hand)} == expected
        for option in (joinedload, contains_eager):
            statement = select(hits.entity).options(option(hits.entity.author))
            if option is contains_eager:
                statement = statement.join(hits.entity.author)
            session.expunge_all()
            loaded = session.scalars(statement.order_by(hits.distance)).all()
            assert [one.title for one in loaded] == nearest("food")[:4]
            assert all("author" in vars(one) for one in loaded)


def test_two_searches_in_one_statement(sessions: Sessions) -> None:
    one, other = search(Article, "food", k=3), search(Article, "apple", k=3)
    both = select(one.entity.title).join(other.entity, other.entity.id == one.entity.id)
    with sessions() as session:
        found = set(session.scalars(both))
    assert found == set(nearest("food")[:3]) & set(nearest("apple")[:3])


class Colour(Enum):
    """An enumeration, as a filter's value."""

    RED = "r'ed"
    BLUE = "blue"


def distance_to(query: str, title: str) -> float:
    one, other = hash_embedder().embed([query, title])
    return 1 - float(one @ other)


FILTERS: dict[str, tuple[Any, Callable[[int, str], bool]]] = {
    "number": (Article.year > 2022, lambda i, _: 2020 + i > 2022),
    "negative": (Article.year > -1, lambda *_: True),
    "arithmetic": (Article.year - 2019 == 2 * Article.id - Article.id, lambda *_: True),
    "decimal": (Article.year > Decimal("2022.5"), lambda i, _: i > 2),
    "float": (Article.year > 2022.5, lambda i, _: i > 2),
    "text": (Article.title == "red car", lambda _, t: t == "red car"),
    "quotes": (Article.title != 'it\'s \\ "%s" :x %(y)s', lambda *_: True),
    "percent": (Article.title.like("apple%"), lambda _, t: t.startswith("apple")),
    "escape": (Article.title.contains("%", autoescape=True), lambda *_: False),
    "modulo": (Article.year % 2 == 0, lambda i, _: i % 2 == 0),
    "date": (Article.published >= date(2023, 1, 31), lambda i, _: i >= 3),
    "interval": (
        Article.published + timedelta(days=365) > datetime(2024, 1, 1),
        lambda i, _: i >= 3,
    ),
    "list": (Article.year.in_([2021, 2024]), lambda i, _: i in (1, 4)),
    "empty list": (Article.year.in_([]), lambda *_: False),
    "not empty list": (Article.year.not_in([]), lambda *_: True),
    "texts": (Article.title.in_(["red car", "x', 'y"]), lambda _, t: t == "red car"),
    "not texts": (Article.title.not_in(["red car"]), lambda _, t: t != "red car"),
    "null": (Article.year.is_(None), lambda *_: False),
    "or": (
        sa.or_(Article.year == 2020, Article.title.startswith("red")),
        lambda i, _: i in (0, 2),
    ),
    "constant": (sa.true(), lambda *_: True),
    "array": (Article.tags == ["apple", "it's"], lambda _, t: t.startswith("apple")),
    "any": (sa.literal("fast") == sa.any_(Article.tags), lambda _, t: t.startswith("fast")),
    "function": (sa.func.length(Article.title) > 9, lambda _, t: len(t) > 9),
    "raw": (sa.text("year > :year").bindparams(year=2022), lambda i, _: i > 2),
    "uuid": (sa.literal(uuid.UUID(int=1)) == sa.literal(uuid.UUID(int=1)), lambda *_: True),
    "json": (
        sa.literal({"a": "it's \\"}, postgresql.JSONB)["a"].astext == "it's \\",
        lambda *_: True,
    ),
    "bytes": (sa.literal(b"\x00'\\") == sa.literal(b"\x00'\\"), lambda *_: True),
    "enum": (
        sa.literal(Colour.RED, sa.Enum(Colour, native_enum=False)) == sa.literal("RED"),
        lambda *_: True,
    ),
    "vector": (
        Article.embedding.cosine_distance(hash_embedder().embed(["red car"])[0]) < 0.01,
        lambda _, t: t == "red car",
    ),
    "query": (
        Article.embedding.cosine_distance(embed("hash", "it's red car")) < 0.8,
        lambda _, t: distance_to("it's red car", t) < 0.8,
    ),
    "relationship": (Article.author.has(name="O'Hara"), lambda i, _: i % 2 == 1),
    "exists": (
        sa.exists().where(Author.id == Article.author_id, Author.name == "Ann"),
        lambda i, _: i % 2 == 0,
    ),
    "sub-select": (
        Article.author_id.in_(select(Author.id).where(Author.name.in_(["Ann"]))),
        lambda i, _: i % 2 == 0,
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters(sessions: Sessions, name: str) -> None:
    condition, holds = FILTERS[name]
    expected = [title for title in nearest("food") if holds(TITLES.index(title), title)]
    assert titles(sessions, "food", filter=condition) == expected
    assert titles(sessions, "food", filter=condition, mode="exact", k=2) == expected[:2]
    with sessions() as session:
        # What SQLAlchemy itself makes of the condition.
        assert set(session.scalars(select(Article.title).where(condition))) == set(expected)


HOSTILE = ["'", "''", "\\", "\\'", "'; drop table article; --", "$$", "%", "%%", "%s", "\n", "E'"]


@pytest.mark.parametrize("conforming", ["on", "off"])
def test_values_never_become_sql(sessions: Sessions, conforming: str) -> None:
    setting = sa.text(f"set standard_conforming_strings = {conforming}")
    with sessions() as session:
        for number, text in enumerate(HOSTILE):
            session.add(Article(id=100 + number, title=text))
        session.flush()
        vector = hash_embedder().embed(["x"])[0]
        session.execute(sa.update(Article).values(embedding=vector))
        session.execute(setting)
        for text in HOSTILE:
            hits = search(Article, "x", filter=Article.title == text)
            assert session.scalars(select(hits.entity.title)).all() == [text]
            hits = search(Article, "x", filter=Article.title.in_([text]))
            assert session.scalars(select(hits.entity.title)).all() == [text]
        session.execute(sa.text("set standard_conforming_strings = on"))


def test_one_sql_text_for_all_values(engine: sa.Engine, sessions: Sessions) -> None:
    statements: list[str] = []
    sa.event.listen(
        engine, "before_cursor_execute", lambda *found: statements.append(str(found[2]))
    )
    for query, year, k in (("food", 2021, 3), ("pie", 2023, 2), ("car", 1990, 6)):
        years = {title: 2020 + number for number, title in enumerate(TITLES)}
        expected = [title for title in nearest(query) if years[title] > year][:k]
        assert titles(sessions, query, k=k, filter=Article.year > year) == expected
    assert len(set(statements)) == 1
    assert not {"food", "2021"} & set(statements[0].split("'"))


def test_hybrid_search_is_left_to_the_database() -> None:
    hits = search(Article, "food", k=3, filter=Article.year > 2020, mode="hybrid")
    call = (
        r"sqlembed\.search\(CAST\(NULL AS article\), :query_1, :k_1, :embedding_1, .*, :mode_1,"
        r" :text_weight_1\)"
    )
    assert re.search(call, str(select(hits.score)), re.DOTALL)


def test_words(sessions: Sessions) -> None:
    """They ask no embedder."""
    hits = search(Article, "juice of apples and cars -red", k=3, mode="text")
    with sessions() as session:
        found = session.execute(
            select(hits.entity.title, hits.distance).order_by(hits.score.desc())
        ).all()
    assert [tuple(row) for row in found] == [("apple juice", None), ("apple pie", None)]


def test_words_and_vectors(
    sessions: Sessions, start_worker: StartWorker, engine: sa.Engine
) -> None:
    start_worker(hash_registry())
    hits = search(Article, "food", k=6, mode="hybrid", filter=Article.year != 2023, text_weight=2)
    with sessions() as session:
        found = session.execute(
            select(hits.entity, hits.distance, hits.score).order_by(hits.score.desc())
        ).all()

    expected = [title for title in nearest("food") if title != "food and drink"]
    assert {row[0].title for row in found} == set(expected)
    assert found[0][0].title == "fast food"
    assert found[0][2] == pytest.approx(1 / (61 + expected.index("fast food")) + 2 / 61)
    assert found[1][0].title == next(title for title in expected if title != "fast food")


def test_filters_on_other_tables_are_refused() -> None:
    with pytest.raises(InputError, match="columns of article, not of author") as raised:
        search(Article, "food", filter=Author.name == "Ann")
    assert raised.value.hint is not None and "has(" in raised.value.hint
    with pytest.raises(InputError, match="columns of article, not of"):
        search(Article, "food", filter=aliased(Article).year > 2020)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": " "}, "needs a text"),
        ({"query": None}, "needs a text"),
        ({"mode": "fast"}, "mode is one of"),
        ({"entity": Article.__table__}, "mapped class"),
        ({"entity": str}, "mapped class"),
        ({"entity": aliased(Article)}, "mapped class"),
        ({"embedding": "vectors"}, "no column 'vectors'"),
        ({"filter": "year > 2020"}, "a filter is a condition"),
        ({"filter": sa.tuple_(Article.id, Article.year).in_([(1, 2)])}, "plain values"),
    ],
)
def test_impossible_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        search(**{"entity": Article, "query": "food", **arguments})


def test_database_says_what_it_refuses(engine: sa.Engine, sessions: Sessions) -> None:
    with sessions() as session, pytest.raises(sa.exc.DBAPIError, match="k must be") as raised:
        session.execute(select(search(Article, "food", k=0).distance))
    assert getattr(raised.value.orig, "sqlstate", None) == "SE014"
    with engine.begin() as connection:
        connection.execute(sa.text("select sqlembed.drop_embedding('article')"))
    with sessions() as session, pytest.raises(sa.exc.DBAPIError) as raised:
        session.execute(select(search(Article, "food").distance))
    assert getattr(raised.value.orig, "sqlstate", None) == "SE013"


def test_embedder_of_the_database_counts_not_that_of_the_model(
    engine: sa.Engine, sessions: Sessions
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("select sqlembed.register_embedder('other', 8, 'other')"))
        connection.execute(sa.text("update sqlembed.embedding set embedder = 'other'"))
    with sessions() as session, pytest.raises(sa.exc.DBAPIError) as raised:
        session.execute(select(search(Article, "food").distance))
    # A worker is asked, and none is there.
    assert getattr(raised.value.orig, "sqlstate", None) == "SE003"


def test_worker_answers_where_no_process_does(engine: sa.Engine, worker: Worker) -> None:
    del worker
    fill(engine)
    assert titles(sessionmaker(engine), "food") == nearest("food")
