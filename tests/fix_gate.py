"""An embedder that tests hold up, and what they watch meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from sqlembed.embedders import Registry
from tests.fix_database import Connection
from tests.fix_worker import StartWorker

#: How soon a caller has to come back. A slice is 0.1 s; the rest is for a busy machine.
SOON = 0.5

SLOW = "select sqlembed.embed('slow', 'food')::real[]"


class Gate:
    """An embedder that answers only once it is opened, and notes what it was asked."""

    def __init__(self, answer: float = 1.0) -> None:
        self.opened = threading.Event()
        self.batches: list[list[str]] = []
        self.answer = answer

    def registry(self) -> Registry:
        registry = Registry()

        @registry.embedder("slow", dimensions=2)
        def slow(texts: Sequence[str]) -> list[list[float]]:
            self.batches.append(list(texts))
            if any("bad" in text for text in texts):
                raise ValueError("no such word")
            assert self.opened.wait(30)
            return [[self.answer, float(len(text))] for text in texts]

        return registry


@pytest.fixture
def gate(start_worker: StartWorker) -> Iterator[Gate]:
    """A closed gate, served by a worker."""
    gate = Gate()
    start_worker(gate.registry())
    yield gate
    gate.opened.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


def requests(connection: Connection) -> int:
    row = connection.execute("select count(*) from sqlembed.request where not done").fetchone()
    assert row is not None
    return int(str(row[0]))


def ask(url: str, statement: str = SLOW) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]
