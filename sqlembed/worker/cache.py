"""Vectors that were computed before, and which ones a worker keeps."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from sqlembed.worker.arrays import HashArray, VectorArray

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from sqlembed.worker.compute import Computed
    from sqlembed.worker.link import Connection
    from sqlembed.worker.rows import Chunk, Source

#: Vectors of rows are kept where computing one took so many times as long as keeping it: a fast
#: embedder would lose more by keeping them than it could ever win.
WORTH = 50

#: What keeping a vector takes, until it has been measured.
FIRST_COST_SECONDS = 3e-5

#: What a row has left behind goes before what a SQL statement asked for within this time.
AGE = timedelta(days=1)

READ = "select input_hash, embedding from sqlembed._read_cache(%s, %s, %b)"
WRITE = "select sqlembed._write_cache(%s, %s, %b, %b, %s)"


class Cache:
    """The cache as the jobs of one worker use it; what requests ask for, the answer keeps."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cost = FIRST_COST_SECONDS

    def read(self, fingerprint: str, hashes: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors of documents that are known, by the sha256 of their texts."""
        if not hashes:
            return {}
        rows = self._connection.execute(
            READ, (fingerprint, "document", HashArray(hashes)), binary=True
        ).fetchall()
        return {_bytes(digest): _vector(vector) for digest, vector in rows}

    def keep(
        self,
        fingerprint: str,
        sources: Sequence[Source] | Sequence[Chunk],
        computed: Computed,
        unwritten: Collection[str],
    ) -> None:
        """Keep what is likely to be wanted again: a slow embedder's vectors, and some of any.

        Args:
            fingerprint: of the embedder.
            sources: the rows, or the chunks, whose vectors were computed.
            computed: these vectors.
            unwritten: keys of rows that were locked or have changed: they come back.
        """
        made = len(computed.vectors) - len(computed.cached)
        if not made:
            return
        keeps_all = computed.seconds / made >= WORTH * self._cost
        counts = Counter(source.hash for source in sources)
        wanted = {
            source.hash: computed.vectors[source.hash]
            for source in sources
            if source.hash in computed.vectors
            and source.hash not in computed.cached
            and (keeps_all or counts[source.hash] > 1 or source.key in unwritten)
        }
        if wanted:
            began = time.monotonic()
            self._write(fingerprint, wanted)
            self._learn(len(wanted), time.monotonic() - began)

    def _write(self, fingerprint: str, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        hashes, made = HashArray(list(vectors)), VectorArray(list(vectors.values()))
        self._connection.execute(WRITE, (fingerprint, "document", hashes, made, AGE))

    def _learn(self, count: int, seconds: float) -> None:
        # A few at a time measure the way to the server and back.
        if count >= 10:
            self._cost = (self._cost + seconds / count) / 2


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def _vector(value: object) -> NDArray[np.float32]:
    assert isinstance(value, np.ndarray)
    return value
