"""Every statement on the queue: fold changes, lease jobs, read texts, write vectors, finish."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import psycopg

from sqlembed.worker.arrays import HashArray, KeyArray, VectorArray
from sqlembed.worker.rows import Batch, Description, Document, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sqlembed.worker.link import Connection

#: How long a worker may be silent before others take its jobs. It renews them well before.
LEASE = timedelta(seconds=60)

#: Attempts on one row before it is given up.
MAX_ATTEMPTS = 5

#: Bytes of text that a worker reads at a time.
TEXT_BUDGET = 64 * 1024 * 1024

#: What a statement says whose names mean something else by now.
RENAMED = "SE017"

#: Characters of an error that are kept: some quote the whole text.
ERROR_LENGTH = 2_000

FOLD = (
    "select taken, embedding, revision, keys, lease_id"
    " from sqlembed._fold_changes(%s, %s::text[], %s::int[], %s::int[], %s)"
)
CLAIM = (
    "select embedding, revision, key"
    " from sqlembed._claim_jobs(%s, %s::text[], %s::int[], %s::int[], %s, %s)"
)
DESCRIBE = (
    "select format('%%s.%%I', relation, name), embedder, read_sources, write_vectors, chunking,"
    " read_chunks, rows_per_second"
    " from sqlembed._describe_embedding(%s) where embedder is not null"
)
FINISH = "select sqlembed._finish_jobs(%s, %s, %b)"
END_LEASE = "select sqlembed._end_lease(%s, %b)"
FAIL = "select sqlembed._fail_jobs(%s, %s, %b, %s::text[], %s)"
RELEASE = "select sqlembed._release_jobs(%s, %s, %b, %s, %s)"
RENEW = "select sqlembed._renew_leases(%s, %s, %b, %s)"
RENEW_LEASE = "select sqlembed._renew_lease(%s, %s)"
PENDING = "select sqlembed._count_pending(%s::text[], %s::int[])"
REMOVE = "select * from sqlembed._remove_vectors(%s, %b)"
SWEEP = "select sqlembed._sweep(%s)"
#: One transaction each, so that what locks a table does not keep it locked.
FOLLOW = (
    "select sqlembed._follow_columns()",
    "select sqlembed._queue_generations()",
    "select sqlembed._attach_families()",
    "select sqlembed._follow_families()",
    "select sqlembed._forget_failures()",
    "select sqlembed._follow_grants()",
)


class Jobs:
    """The queue as one worker sees it. Each method is one short transaction."""

    def __init__(self, connection: Connection, worker: int) -> None:
        self._connection = connection
        self._worker = worker
        # Its statements have $1 for parameters.
        self._raw: psycopg.RawCursor[tuple[Any, ...]] = psycopg.RawCursor(connection)
        self._described: dict[int, tuple[str, Description]] = {}

    def pending(self, embedders: Sequence[str], without: Iterable[int] = ()) -> int:
        """Count what waits for these embedders, at any worker, but for some embeddings."""
        values = (list(embedders), list(without))
        row = self._connection.execute(PENDING, values).fetchone()
        assert row is not None
        return int(str(row[0]))

    def claim(
        self,
        limits: Mapping[str, int],
        without: Iterable[int] = (),
        *,
        of_generations: bool = False,
    ) -> Batch | None:
        """Lease due jobs of one embedding; ``None`` when none is due.

        Args:
            limits: the embedders to serve, and how many jobs to take of each.
            without: embeddings to leave alone.
            of_generations: whether to take jobs of generations beside the current ones, and of
                these alone.
        """
        served = (list(limits), list(limits.values()), list(without))
        values = (self._worker, *served, LEASE, of_generations)
        rows = self._connection.execute(CLAIM, values).fetchall()
        if not rows:
            return None
        return self._batch(rows[0][0], rows[0][1], [str(key) for _, _, key in rows])

    def fold(
        self, limits: Mapping[str, int], without: Iterable[int] = ()
    ) -> tuple[int, Batch | None]:
        """Turn changes into jobs, and lease new ones of one embedding at once, as ``claim`` does.

        Returns:
            How many changes it took, and the batch, if there is one.
        """
        values = (self._worker, list(limits), list(limits.values()), list(without), LEASE)
        row = self._connection.execute(FOLD, values).fetchone()
        assert row is not None
        taken, embedding, revision, keys, lease = row
        batch = None
        if isinstance(keys, list):
            batch = self._batch(embedding, revision, keys, int(str(lease)))
        return int(str(taken)), batch

    def _batch(
        self, embedding: object, revision: object, keys: Sequence[str], lease: int | None = None
    ) -> Batch | None:
        id = int(str(embedding))
        known = self._described.get(id)
        if known is not None and known[0] == revision:
            return Batch(id, known[1], False, keys, lease)
        described = self._connection.execute(DESCRIBE, (id,)).fetchone()
        if described is None:
            # Dropped a moment ago.
            return None
        title, embedder, read_sources, write_vectors, chunking, read_chunks, rate = described
        description = Description(
            title=str(title),
            embedder=str(embedder),
            read_sources=str(read_sources),
            write_vectors=str(write_vectors),
            chunking=None if chunking is None else json.loads(str(chunking)),
            read_chunks=None if read_chunks is None else str(read_chunks),
            rows_per_second=None if rate is None else int(str(rate)),
        )
        self._described[id] = (str(revision), description)
        return Batch(id, description, True, keys, lease)

    def forget(self, embedding: int) -> None:
        """Describe an embedding anew the next time: its table has changed."""
        self._described.pop(embedding, None)

    def read(self, batch: Batch, keys: Sequence[str]) -> tuple[list[Source], set[str]]:
        """Read the texts of rows; also returns the keys left for later, which is no failure."""
        sources, postponed = [], set()
        self._raw.execute(batch.description.read_sources, (KeyArray(keys), TEXT_BUDGET))
        for key, text, is_blank, is_postponed in self._raw.fetchall():
            if is_postponed:
                postponed.add(str(key))
                continue
            digest = None if text is None else sha256(str(text).encode()).digest()
            sources.append(Source(str(key), None if is_blank else str(text), digest))
        return sources, postponed

    def write(
        self,
        batch: Batch,
        sources: Sequence[Source],
        vectors: Mapping[bytes, NDArray[np.float32]],
    ) -> set[str]:
        """Write vectors where the text is still the same; returns the keys of these rows.

        Args:
            batch: what the rows belong to.
            sources: the rows; one without a text gets no vector.
            vectors: by the sha256 of the text.
        """
        # Vectors first, then digests of blank texts: an array ends where the rest has none.
        rows = sorted(sources, key=lambda source: (source.text is None, source.hash is None))
        hashes = [row.hash for row in rows if row.hash is not None]
        made = [vectors[row.hash] for row in rows if row.text is not None and row.hash is not None]
        keys = KeyArray([row.key for row in rows])
        values = (keys, HashArray(hashes), VectorArray(made))
        self._raw.execute(batch.description.write_vectors, values)
        return {str(key) for (key,) in self._raw.fetchall()}

    def known_chunks(
        self, batch: Batch, sources: Sequence[Source]
    ) -> dict[bytes, NDArray[np.float32]]:
        """Read the vectors of the chunks that changed rows had, by the sha256 of what was embedded.

        A row that has not changed has none: it is to be embedded anew.
        """
        known = {source.key: source.hash for source in sources if source.hash is not None}
        values = (KeyArray(list(known)), HashArray(list(known.values())))
        assert batch.description.read_chunks is not None
        self._raw.execute(batch.description.read_chunks, values, binary=True)
        return {bytes(digest): vector for digest, vector in self._raw.fetchall()}

    def write_chunks(
        self,
        batch: Batch,
        documents: Sequence[Document],
        vectors: Mapping[bytes, NDArray[np.float32]],
    ) -> set[str]:
        """Write the chunks of rows whose text is still the same; returns the keys of these rows.

        Args:
            batch: what the rows belong to.
            documents: the rows; what one without chunks has goes.
            vectors: by the sha256 of what was embedded.
        """
        rows = sorted(documents, key=lambda document: document.source.hash is None)
        hashes = [row.source.hash for row in rows if row.source.hash is not None]
        pieces = [
            (number, ordinal, chunk)
            for number, row in enumerate(rows, start=1)
            for ordinal, chunk in enumerate(row.chunks, start=1)
        ]
        values = (
            KeyArray([row.source.key for row in rows]),
            HashArray(hashes),
            [number for number, _, _ in pieces],
            [ordinal for _, ordinal, _ in pieces],
            [chunk.start + 1 for _, _, chunk in pieces],
            [chunk.start + 1 + len(chunk.text) for _, _, chunk in pieces],
            [chunk.text for _, _, chunk in pieces],
            HashArray([chunk.hash for _, _, chunk in pieces]),
            VectorArray([vectors[chunk.hash] for _, _, chunk in pieces]),
        )
        self._raw.execute(batch.description.write_vectors, values)
        return {str(key) for (key,) in self._raw.fetchall()}

    def remove(self, batch: Batch, keys: Sequence[str]) -> set[str]:
        """Remove what is kept beside the table of rows that are gone; returns the keys done."""
        if not keys:
            return set()
        rows = self._connection.execute(REMOVE, (batch.embedding, KeyArray(keys)))
        return {str(key) for (key,) in rows}

    def finish(self, batch: Batch, keys: Collection[str]) -> None:
        """Remove jobs that are done; those of rows that have changed since stay.

        To be called before others of the batch are charged or given back.
        """
        self._end_lease(batch, set(batch.keys).difference(keys))
        if batch.lease is None and keys:
            done = KeyArray(list(keys))
            self._connection.execute(FINISH, (self._worker, batch.embedding, done))

    def fail(self, batch: Batch, failures: Mapping[str, str]) -> int:
        """Charge rows with a failed attempt each; returns how many were given up.

        Args:
            batch: what the rows belong to.
            failures: what went wrong, by key.
        """
        if not failures:
            return 0
        self._end_lease(batch, batch.keys)
        said = [storable(error) for error in failures.values()]
        values = (self._worker, batch.embedding, KeyArray(list(failures)), said, MAX_ATTEMPTS)
        row = self._connection.execute(FAIL, values).fetchone()
        assert row is not None
        return int(str(row[0]))

    def release(
        self, batch: Batch, keys: Sequence[str], delay: timedelta, error: str | None = None
    ) -> None:
        """Give jobs back, to be tried again after a delay; no row is charged."""
        if keys:
            self._end_lease(batch, batch.keys)
            said = None if error is None else storable(error)
            values = (self._worker, batch.embedding, KeyArray(keys), delay, said)
            self._connection.execute(RELEASE, values)

    def _end_lease(self, batch: Batch, undone: Collection[str]) -> None:
        """Make single jobs of what is not done of a batch; nothing where that has happened."""
        if batch.lease is not None:
            self._connection.execute(END_LEASE, (batch.lease, KeyArray(list(undone))))

    def renew(self, batch: Batch) -> None:
        """Keep the leases of the batch in hand."""
        if batch.lease is not None:
            self._connection.execute(RENEW_LEASE, (batch.lease, LEASE))
            return
        values = (self._worker, batch.embedding, KeyArray(batch.keys), LEASE)
        self._connection.execute(RENEW, values)

    def sweep(self, cache_bytes: int) -> None:
        """Housekeeping that any worker may do at any time.

        Args:
            cache_bytes: how large the cache may be.
        """
        self._connection.execute(SWEEP, (cache_bytes,))
        for statement in FOLLOW:
            self._connection.execute(statement)


def storable(error: str) -> str:
    """Return what an embedder said as text that PostgreSQL takes, and not all of a long one."""
    text = error.encode("utf-8", "replace").decode().replace("\0", "")
    return text if len(text) <= ERROR_LENGTH else f"{text[:ERROR_LENGTH]} …"
