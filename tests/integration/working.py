"""A table to work on, and helpers of the tests of workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest

from tests.writing import (
    HASH,
    Connection,
    declare,
    register,
    run,
    scalar,
)

WAIT = "call sqlembed.wait_until_embedded('article', '30 s')"


@pytest.fixture
def article(connection: Connection) -> Connection:
    """A connection to a database with a declared table ``article``, empty."""
    register(connection)
    run(connection, "create table article (id int primary key, title text)")
    declare(connection, "article", "title")
    return connection


def until(condition: Callable[[], object], seconds: float = 15) -> None:
    """Wait for something that another thread or process is to bring about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def fill(connection: Connection, count: int, title: str = "'text ' || i") -> None:
    run(connection, f"insert into article select i, {title} from generate_series(1, {count}) as i")


def embedded(connection: Connection) -> int:
    return int(scalar(connection, "select count(embedding) from article"))


def due(connection: Connection) -> None:
    """Let no row wait for its next attempt."""
    run(connection, "update sqlembed.job set not_before = now()")


class Noting:
    """A function embedder that keeps every text it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> Any:
        with self.lock:
            self.texts += texts
        return HASH.embed(texts)


@pytest.fixture
def other(url: str) -> Iterator[Connection]:
    """A second session, that of an application; not in autocommit."""
    with psycopg.connect(url) as connection:
        run(connection, "set lock_timeout = '3s'")
        connection.commit()
        yield connection
        connection.rollback()
