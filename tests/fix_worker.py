"""Workers for tests, in a thread of the test's own process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import Worker

StartWorker = Callable[..., Worker]


@pytest.fixture
def registry() -> Registry:
    """A registry with the embedder ``hash`` of 8 dimensions."""
    registry = Registry()
    registry.add(HashEmbedder("hash", 8))
    return registry


@pytest.fixture
def start_worker(url: str) -> Iterator[StartWorker]:
    """Start a worker on the test's database and return it once it is alive."""
    with starting(url) as start:
        yield start


@contextmanager
def serving(url: str, registry: Registry) -> Iterator[Worker]:
    """Keep a worker alive on a database."""
    with starting(url) as start:
        yield start(registry)


@contextmanager
def starting(url: str) -> Iterator[StartWorker]:
    """Give a function that starts workers on a database; in the end they are stopped."""
    running: list[tuple[Worker, threading.Thread, list[BaseException]]] = []

    def start(registry: Registry, **options: object) -> Worker:
        worker = Worker(url, registry, **options)  # type: ignore[arg-type]
        raised: list[BaseException] = []

        def run() -> None:
            try:
                worker.run()
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=run, daemon=True)
        with psycopg.connect(url, autocommit=True) as connection:
            before = alive(connection)
            thread.start()
            # It may have a model to load, on a machine that has more to do.
            until = time.monotonic() + 120
            while alive(connection) <= before:
                assert not raised, raised
                assert time.monotonic() < until, "the worker did not start"
                time.sleep(0.01)
        running.append((worker, thread, raised))
        return worker

    yield start
    for worker, _, _ in running:
        worker.stop()
    if running:
        # An idle worker looks up when its bell rings, and otherwise once a second.
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("notify sqlembed")
    for _, thread, raised in running:
        thread.join(timeout=30)
        assert not thread.is_alive(), "the worker did not stop"
        assert not raised, raised


def alive(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """Count the workers that are alive."""
    row = connection.execute("select count(*) from sqlembed.worker").fetchone()
    assert row is not None
    return int(str(row[0]))


@pytest.fixture
def worker(start_worker: StartWorker, registry: Registry) -> Worker:
    """A living worker that serves the embedder ``hash``."""
    return start_worker(registry)
