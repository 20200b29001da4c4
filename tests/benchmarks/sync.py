"""What it costs to have the vectors when the writing statement ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from sqlembed import config
from sqlembed.demo.docstrings import standard_library
from sqlembed.embedders import Embedder, Registry, builtin
from sqlembed.orm import Embedded, attach
from tests.benchmarks.stage import NullEmbedder, Result, connect, ratios, seconds, working

COUNT = 1_000


class Base(DeclarativeBase):
    """A registry of this module's own."""


class Doc(Base):
    """A docstring."""

    __tablename__ = "doc"
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]
    embedding: Mapped[list[float] | None] = mapped_column(
        VECTOR(384), Embedded("minilm", source="body", timing="sync", index="none"), deferred=True
    )


class Texts:
    """Real texts that are new to the cache in every round."""

    def __init__(self) -> None:
        self._docs = [row.doc for row in standard_library()][:COUNT]
        self.made = 0

    def next(self) -> list[str]:
        self.made += 1
        return self.present()

    def present(self) -> list[str]:
        return [f"{self.made} {doc}" for doc in self._docs]


def insert_with_minilm(url: str) -> Iterator[Result]:
    minilm = builtin.registry().get("minilm")
    minilm.warm_up()
    engine = sa.create_engine(config.sqlalchemy_url(url))
    with working(url, minilm, NullEmbedder("null")):
        Base.metadata.create_all(engine)
        texts = Texts()
        for what, insert in (
            ("one INSERT, a worker asked", _by_statement(url)),
            ("a session's flush, in process", _by_session(engine, minilm)),
        ):

            def ours(insert: Callable[[list[str]], object] = insert) -> None:
                insert(texts.next())

            yield Result(
                f"sync, MiniLM, 1,000 docstrings: {what}",
                "one encode of them all",
                ratios(ours, lambda: minilm.embed(texts.present()), rounds=5),
                "times",
                "1.15",
            )
        yield from _own_time(url, texts)
    engine.dispose()


def _own_time(url: str, texts: Texts) -> Iterator[Result]:
    with connect(url) as connection:
        connection.execute("create table bare (id serial primary key, body text)")
        connection.execute(
            "select sqlembed.create_embedding("
            "'bare', 'null', 'body', timing => 'sync', index => 'none')"
        )
        insert = "insert into bare (body) select unnest(%s::text[])"
        many = [
            1000 * seconds(lambda: connection.execute(insert, (texts.next(),))) for _ in range(6)
        ]
        yield Result("sync, null embedder, 1,000 docstrings", "0", many[1:], "ms", "")
        single = [
            1000 * seconds(partial(connection.execute, insert, ([f"note {number}"],)))
            for number in range(200)
        ]
        yield Result("sync, null embedder, one row", "0", single[10:], "ms", "")


def _by_statement(url: str) -> Callable[[list[str]], object]:
    connection = connect(url)
    connection.execute("set sqlembed.request_timeout = '60s'")
    return lambda texts: connection.execute(
        "insert into doc (body) select unnest(%s::text[])", (texts,)
    )


def _by_session(engine: sa.Engine, embedder: Embedder) -> Callable[[list[str]], object]:
    registry = Registry()
    registry.add(embedder)
    sessions = sessionmaker(engine)
    attach(sessions, registry)

    def insert(texts: list[str]) -> None:
        with sessions.begin() as session:
            session.add_all([Doc(body=text) for text in texts])

    return insert
