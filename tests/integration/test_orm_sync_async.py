"""``AsyncSession`` and ``sync`` embeddings: the model runs in a thread, before the commit."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from sqlembed.embedders import HashEmbedder
from sqlembed.errors import EmbedderError
from sqlembed.orm import attach
from tests.integration.orm_sync_models import (
    Counting,
    Note,
    check,
    make_tables,
    registry_of,
)
from tests.integration.test_orm_async import DRIVERS, run

pytestmark = pytest.mark.parametrize("driver", DRIVERS)


def test_flushes_and_statements(engine: sa.Engine, driver: str) -> None:
    make_tables(engine)
    counting = Counting()

    async def work(asynchronous: AsyncEngine) -> None:
        sessions = async_sessionmaker(asynchronous)
        attach(sessions, registry_of(counting))
        async with sessions() as session:
            session.add_all([Note(title=f"note {number}") for number in range(30)])
            session.add(Note(title=None))
            await session.commit()
            assert len(counting.batches) == 1
            await session.execute(insert(Note), [{"title": "one"}, {"title": "two % 'x'"}])
            made = await session.scalars(insert(Note).returning(Note), [{"title": "three"}])
            note = made.one()
            await session.refresh(note, ["embedding"])
            assert note.embedding is not None
            await session.execute(update(Note).where(Note.id < 3).values(title="changed"))
            async with session.begin_nested():
                session.add(Note(title="in a savepoint"))
            await session.execute(
                sa.text("insert into note (title, version) values (:title, 1)"), {"title": "text"}
            )
            session.add(Note(title="bad"))
            with pytest.raises(EmbedderError, match="no such word"):
                await session.flush()
            await session.rollback()
            session.add(Note(title="the last"))
            await session.commit()

    run(engine, driver, work)
    assert check(engine) == 31


class Slow(HashEmbedder):
    """Takes its time."""

    def _embed(self, texts: list[str], kind: Any) -> Any:
        time.sleep(0.3)
        return super()._embed(texts, kind)


def test_the_event_loop_goes_on(engine: sa.Engine, driver: str) -> None:
    make_tables(engine)

    async def work(asynchronous: AsyncEngine) -> None:
        sessions = async_sessionmaker(asynchronous)
        attach(sessions, registry_of(Slow("hash", 8)))

        async def write(title: str) -> None:
            async with sessions.begin() as session:
                session.add(Note(title=title))

        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        await asyncio.gather(*(write(f"note {number}") for number in range(4)))
        took = time.monotonic() - began
        ticking.cancel()
        # Four models at a time, and none of them on the loop.
        assert took < 4 * 0.3
        assert ticks >= 10

    run(engine, driver, work)
    assert check(engine) == 4


def test_a_cancelled_writer_writes_nothing(engine: sa.Engine, driver: str) -> None:
    make_tables(engine)

    async def work(asynchronous: AsyncEngine) -> None:
        sessions = async_sessionmaker(asynchronous)
        attach(sessions, registry_of(Slow("hash", 8)))
        async with sessions() as session:
            session.add(Note(title="cancelled"))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(session.commit(), 0.1)
        async with sessions.begin() as session:
            assert (await session.scalars(select(Note))).all() == []
            session.add(Note(title="later"))

    run(engine, driver, work)
    assert check(engine) == 1
