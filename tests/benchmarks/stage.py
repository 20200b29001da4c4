"""Where benchmarks play: a server, a database with sqlembed, workers, and timing in pairs."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import sqlalchemy as sa
from pgvector.psycopg import register_vector

from sqlembed import config
from sqlembed.embedders import Embedder, Registry
from sqlembed.schema import migrate
from sqlembed.server import Server
from sqlembed.types import Kind, Vectors
from sqlembed.worker import Worker

Connection = psycopg.Connection[tuple[object, ...]]


class NullEmbedder(Embedder):
    """Costs nothing, so that what is left is sqlembed's own work."""

    dimensions = 384
    fingerprint = "null"

    def _embed(self, texts: list[str], kind: Kind) -> Vectors:
        del kind
        return np.ones((len(texts), self.dimensions), dtype=np.float32)


@dataclass(frozen=True)
class Result:
    """One line of the benchmark table."""

    what: str
    against: str
    #: What was measured, one value a round.
    values: Sequence[float]
    unit: str
    goal: str

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def seconds(function: Callable[[], object]) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def ratios(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5
) -> list[float]:
    """Return ours ÷ theirs, alternated, after a round that does not count."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds + 1)]
    return [a / b for a, b in pairs[1:]]


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of a database with sqlembed, on a durable server of its own."""
    with tempfile.TemporaryDirectory(prefix="sqlembed-bench-") as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder) / "server")
        server.start()
        engine = sa.create_engine(config.sqlalchemy_url(server.url()), poolclass=sa.NullPool)
        assert migrate.upgrade(engine) == []
        try:
            yield server.url()
        finally:
            server.stop()


@contextmanager
def working(url: str, *embedders: Embedder) -> Iterator[None]:
    """Keep a worker alive that serves these embedders."""
    registry = Registry()
    for embedder in embedders:
        registry.add(embedder)
    worker = Worker(url, registry)
    thread = threading.Thread(target=worker.run)
    thread.start()
    with connect(url) as connection:
        while not connection.execute("select 1 from sqlembed.worker").fetchone():
            time.sleep(0.02)
    try:
        yield
    finally:
        worker.stop()
        thread.join()


def connect(url: str) -> Connection:
    """Return a connection in autocommit that takes vectors."""
    connection = psycopg.connect(url, autocommit=True)
    register_vector(connection)
    return connection


def copy_rows(connection: Connection, table: str, texts: Sequence[str]) -> None:
    """COPY texts into the column ``body`` of a table."""
    with connection.cursor() as cursor, cursor.copy(f"copy {table} (body) from stdin") as copy:
        for text in texts:
            copy.write_row((text,))
