"""How much a worker takes at a time, and what it leaves alone for a while."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlembed.embedders import Embedder, Registry
    from sqlembed.worker.rests import Rests

#: A batch is sized to take about this long, so that little is lost with a worker.
BATCH_TIME = timedelta(seconds=5)
BATCH_LIMIT = 5_000

#: A statement that writes vectors is sized to take about this long: so long at most an
#: application may wait for one of its rows.
WRITE_TIME = timedelta(milliseconds=100)
WRITE_LIMIT = 5_000
FIRST_WRITE = 100

#: Bytes of vectors that a batch may hold.
VECTOR_BUDGET = 64 * 1024 * 1024


class Limits:
    """What may be taken now, learnt from the batches before."""

    def __init__(self, registry: Registry, rests: Rests) -> None:
        self._registry = registry
        self._rests = rests
        self._most: dict[str, int] = {}
        self._paused: dict[int, float] = {}

    @property
    def embedders(self) -> dict[str, int]:
        """The embedders to serve, and how many rows to take of each.

        One at first, to learn, and one to see whether an embedder that was down is back.
        """
        return {
            name: self._most.get(name, 1) if self._rests.is_well(name) else 1
            for name in self._registry.names
            if self._rests.of(name) is None
        }

    @property
    def paused(self) -> list[int]:
        """The embeddings to leave alone."""
        now = time.monotonic()
        return [embedding for embedding, until in self._paused.items() if until > now]

    def learn(self, embedder: Embedder, rows: int, seconds: float) -> None:
        """Size the next batch of an embedder by how long one took."""
        fitting = int(rows * BATCH_TIME.total_seconds() / max(seconds, 1e-9))
        most = max(1, min(BATCH_LIMIT, VECTOR_BUDGET // (4 * embedder.dimensions)))
        self._most[embedder.name] = min(max(embedder.batch_size, fitting), most)

    def pause(self, embedding: int, delay: timedelta) -> None:
        """Leave an embedding alone for a while."""
        self._paused[embedding] = time.monotonic() + delay.total_seconds()


class WriteSizes:
    """How many vectors of an embedding a statement writes, learnt from those before."""

    def __init__(self) -> None:
        self._most: dict[int, int] = {}

    def of(self, embedding: int) -> int:
        """How many vectors are to be written at once."""
        return self._most.get(embedding, FIRST_WRITE)

    def learn(self, embedding: int, count: int, seconds: float) -> None:
        """Size the next statement by how long one took."""
        fitting = int(count * WRITE_TIME.total_seconds() / max(seconds, 1e-6))
        self._most[embedding] = max(1, min(fitting, WRITE_LIMIT))
