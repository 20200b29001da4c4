"""What a type checker infers of the ORM's names; mypy checks it, running it does nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import select

from sqlembed.orm import Hits, embed, search

if TYPE_CHECKING:
    from typing import assert_type

    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
    from sqlalchemy.orm import Session, sessionmaker

    from sqlembed.embedders import Registry
    from sqlembed.orm import attach
    from tests.integration.orm_models import Article

    def rows_of_a_search(session: Session) -> None:
        hits = search(Article, "food", k=5, filter=Article.year > 2020)
        assert_type(hits, Hits[Article])
        assert_type(hits.entity, type[Article])
        for article, distance in session.execute(
            select(hits.entity, hits.distance).order_by(hits.distance)
        ):
            assert_type(article, Article)
            assert_type(distance, float)
        assert_type(session.scalars(select(hits.entity)).one(), Article)
        assert_type(session.scalars(select(hits.entity.title)).one(), str)
        assert_type(session.scalars(select(hits.score)).one(), float | None)

    async def rows_of_a_search_awaited(session: AsyncSession) -> None:
        hits = search(Article, "food", embedding=Article.embedding, mode="exact")
        for article, distance in (await session.execute(select(hits.entity, hits.distance))).all():
            assert_type(article, Article)
            assert_type(distance, float)

    def filters() -> None:
        search(Article, "food", filter=Article.author.has(name="Ann"))
        search(Article, "food", filter=sa.text("year > 2020"))
        search(Article, "food", filter="year > 2020")  # type: ignore[arg-type]
        search(Article, "food", mode="fast")  # type: ignore[arg-type]
        search(Article, "food", diversity=0.5)
        search(Article, "food", after=(0.25, 7))
        search(Article, "food", after=7)  # type: ignore[arg-type]

    def nearest(session: Session) -> None:
        assert_type(embed("hash", Article.title), sa.ColumnElement[Any])
        statement = select(Article).order_by(
            Article.embedding.cosine_distance(embed("hash", "food"))
        )
        assert_type(session.scalars(statement).one(), Article)

    def attached(
        sessions: sessionmaker[Session], others: async_sessionmaker[AsyncSession], known: Registry
    ) -> None:
        attach(sessions, known)
        attach(others, known)


def test_names_are_there_at_run_time_too() -> None:
    assert Hits.__dataclass_fields__.keys() == {"entity", "distance", "score", "chunk"}
    assert callable(search) and callable(embed) and callable(select)
