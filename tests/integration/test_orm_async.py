"""``AsyncSession``: vectors computed in a thread, while the event loop goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.orm import attach, embed, search
from sqlembed.testing import drain
from tests.integration.orm_models import Article, fill, hash_embedder, hash_registry, nearest

DRIVERS = ["psycopg", "asyncpg"]


@asynccontextmanager
async def asynchronous(engine: sa.Engine, driver: str) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(engine.url.set(drivername=f"postgresql+{driver}"), pool_size=10)
    try:
        yield made
    finally:
        await made.dispose()


def run(engine: sa.Engine, driver: str, work: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
    async def inside() -> Any:
        async with asynchronous(engine, driver) as made:
            return await work(made)

    return asyncio.run(inside())


def by_distance(query: str) -> sa.Select[str]:
    return select(Article.title).order_by(Article.embedding.cosine_distance(embed("hash", query)))


@pytest.mark.parametrize("driver", DRIVERS)
def test_statements_searches_and_streams(engine: sa.Engine, driver: str) -> None:
    fill(engine)

    async def work(asynchronous: AsyncEngine) -> None:
        sessions = async_sessionmaker(asynchronous)
        attach(sessions, hash_registry())
        hits = search(
            Article,
            "food",
            k=3,
            filter=(Article.year > 2019) & Article.title.in_(nearest("food")[:4]),
        )
        async with sessions() as session:
            assert (await session.scalars(by_distance("food"))).all() == nearest("food")
            streamed = await session.stream_scalars(by_distance("pie"))
            assert [title async for title in streamed] == nearest("pie")
            rows = await session.execute(select(hits.entity, hits.distance).order_by(hits.distance))
            first = rows.all()
            assert [row[0].title for row in first] == nearest("food")[:3]
            following = search(Article, "food", k=2, after=(first[-1][1], first[-1][0].id))
            page = select(following.entity).order_by(following.distance, following.entity.id)
            assert [one.title for one in await session.scalars(page)] == nearest("food")[3:5]
            assert await session.scalar(select(embed("hash", " "))) is None

    run(engine, driver, work)


@pytest.mark.parametrize("driver", DRIVERS)
def test_only_attached_sessions(engine: sa.Engine, driver: str) -> None:
    fill(engine)

    async def embeds(session: AsyncSession | async_scoped_session[AsyncSession]) -> bool:
        try:
            return (await session.scalar(select(embed("hash", "food")))) is not None
        except sa.exc.DBAPIError:
            await session.rollback()
            return False
        finally:
            await session.close()

    class Own(AsyncSession):
        pass

    class OwnSync(Session):
        pass

    class Shared(AsyncSession):
        sync_session_class = OwnSync

    async def work(asynchronous: AsyncEngine) -> None:
        attached = async_sessionmaker(asynchronous)
        with_own_sync = async_sessionmaker(asynchronous, sync_session_class=OwnSync)
        scoped = async_scoped_session(async_sessionmaker(asynchronous), asyncio.current_task)
        registry = hash_registry()
        for sessions in (attached, Own, with_own_sync, scoped):
            attach(sessions, registry)
            attach(sessions, registry)
        for session in (attached(), Own(asynchronous), with_own_sync(), scoped):
            assert await embeds(session)
        await scoped.remove()
        others = async_sessionmaker(asynchronous, sync_session_class=OwnSync)
        for other in (
            AsyncSession(asynchronous),
            async_sessionmaker(asynchronous)(),
            others(),
            Shared(asynchronous),
        ):
            assert not await embeds(other)
        attach(OwnSync, registry)
        attach(Shared, Registry())
        assert await embeds(others())
        assert not await embeds(Shared(asynchronous))

    run(engine, driver, work)


class Slow(HashEmbedder):
    """A model that takes its time, and holds no lock meanwhile."""

    def embed(self, texts: Sequence[str], kind: Any = "document") -> Any:
        time.sleep(0.4)
        return super().embed(texts, kind)


@pytest.mark.parametrize("driver", DRIVERS)
def test_event_loop_goes_on(engine: sa.Engine, driver: str) -> None:
    fill(engine)

    async def longest_gap(done: asyncio.Event) -> float:
        longest, last = 0.0, time.perf_counter()
        while not done.is_set():
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        return longest

    async def work(asynchronous: AsyncEngine) -> tuple[float, float]:
        sessions, registry = async_sessionmaker(asynchronous), Registry()
        registry.add(Slow("hash", 8))
        attach(sessions, registry)

        async def ask(query: str) -> None:
            async with sessions() as session:
                assert (await session.scalars(by_distance(query))).all() == nearest(query)

        done = asyncio.Event()
        watched = asyncio.create_task(longest_gap(done))
        started = time.perf_counter()
        await asyncio.gather(*(ask(query) for query in ("food", "pie", "car", "apple")))
        took = time.perf_counter() - started
        done.set()
        return took, await watched

    took, gap = run(engine, driver, work)
    # One after the other they would take 1.6 s.
    assert took < 1.5
    assert gap < 0.35


@pytest.mark.parametrize("driver", DRIVERS)
def test_written_object_shows_the_new_vector(engine: sa.Engine, driver: str) -> None:
    fill(engine)

    async def work(asynchronous: AsyncEngine) -> list[float] | None:
        sessions = async_sessionmaker(asynchronous, expire_on_commit=False)
        async with sessions() as session:
            article = await session.get_one(Article, 1)
            article.title = "green car"
            await session.commit()
            await asyncio.to_thread(drain, engine)
            await session.refresh(article, ["embedding"])
            return article.embedding

    vector = run(engine, driver, work)
    assert list(vector) == pytest.approx(hash_embedder().embed(["green car"])[0].tolist())
