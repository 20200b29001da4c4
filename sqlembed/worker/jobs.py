"""Every statement on the queue: fold changes, lease jobs, read texts, write vectors, finish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pgvector import Vector

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sqlembed.worker.link import Connection

#: How many changes one statement folds.
FOLD_LIMIT = 10_000

#: How long a worker may be silent before others take its jobs. It renews well before.
LEASE = timedelta(seconds=60)

#: Attempts on one row before it is given up.
MAX_ATTEMPTS = 5

#: How soon a row that was locked or changed under the worker is tried again.
LOCKED_DELAY = timedelta(milliseconds=100)

#: Bytes of text that a worker reads at a time.
TEXT_BUDGET = 64 * 1024 * 1024

FOLD = "select sqlembed._fold_changes(%s)"
CLAIM = "select embedding, key, version from sqlembed._claim_jobs(%s, %s, %s, %s)"
DESCRIBE = "select relation::text, name::text, embedder from sqlembed.embedding where id = %s"
READ = "select key, input, postponed from sqlembed._read_sources(%s, %s::jsonb[], %s)"
WRITE = "select * from sqlembed._write_vectors(%s, %s::jsonb[], %s::bytea[], %b::vector[])"
FINISH = "select sqlembed._finish_jobs(%s, %s, %s::jsonb[], %s::bigint[])"
FAIL = "select sqlembed._fail_job(%s, %s, %s::jsonb, %s, %s, %s)"
RELEASE = "select sqlembed._release_jobs(%s, %s, %s, %s)"
RENEW = "select sqlembed._renew_leases(%s, %s)"
PENDING = """
select (select count(*) from sqlembed.change as c join sqlembed.embedding as e on e.id = c.embedding
        where e.embedder = any (%(embedders)s))
     + (select count(*) from sqlembed.job as j join sqlembed.embedding as e on e.id = j.embedding
        where e.embedder = any (%(embedders)s))
"""
READ_CACHE = "select input_hash, embedding from sqlembed._read_cache(%s, %s, %s::bytea[])"
WRITE_CACHE = "select sqlembed._write_cache(%s, %s, %s::bytea[], %b::vector[])"
SWEEP = "select sqlembed._sweep(%s)"


@dataclass(frozen=True)
class Batch:
    """Jobs of one embedding that a worker holds the lease of."""

    embedding: int
    #: ``table.column``, for people.
    title: str
    embedder: str
    #: Version of each job at the time of the claim, by key.
    versions: Mapping[str, int]


@dataclass(frozen=True)
class Source:
    """The text of one row at the time it was read."""

    key: str
    #: ``None`` where the source is NULL.
    text: str | None
    #: sha256 of the text in UTF-8; ``None`` where the source is NULL.
    hash: bytes | None


class Jobs:
    """The queue as one worker sees it. Each method is one short transaction unless told."""

    def __init__(self, connection: Connection, worker: int) -> None:
        self._connection = connection
        self._worker = worker

    def fold(self) -> int:
        """Turn changes into jobs; returns how many changes it took."""
        return self._number(FOLD, FOLD_LIMIT)

    def pending(self, embedders: Sequence[str]) -> int:
        """Count what waits for these embedders, at any worker."""
        row = self._connection.execute(PENDING, {"embedders": list(embedders)}).fetchone()
        assert row is not None
        return int(str(row[0]))

    def claim(self, embedders: Sequence[str], limit: int) -> Batch | None:
        """Lease due jobs of one embedding; ``None`` when none is due."""
        rows = self._connection.execute(
            CLAIM, (self._worker, list(embedders), LEASE, limit)
        ).fetchall()
        if not rows:
            return None
        embedding = int(str(rows[0][0]))
        described = self._connection.execute(DESCRIBE, (embedding,)).fetchone()
        if described is None:
            return None
        relation, name, embedder = map(str, described)
        versions = {str(key): int(str(version)) for _, key, version in rows}
        return Batch(embedding, f"{relation}.{name}", embedder, versions)

    def read(self, batch: Batch) -> tuple[list[Source], set[str]]:
        """Read the texts of a batch; also returns the keys left for later, which is no failure."""
        from hashlib import sha256

        sources, postponed = [], set()
        for key, text, is_postponed in self._connection.execute(
            READ, (batch.embedding, list(batch.versions), TEXT_BUDGET)
        ):
            if is_postponed:
                postponed.add(str(key))
            else:
                digest = None if text is None else sha256(str(text).encode()).digest()
                sources.append(Source(str(key), None if text is None else str(text), digest))
        return sources, postponed

    def write(self, batch: Batch, rows: Sequence[tuple[Source, Vector | None]]) -> set[str]:
        """Write vectors where the text is still the same; returns the keys of these rows.

        To be called inside a transaction.
        """
        written = self._connection.execute(
            WRITE,
            (
                batch.embedding,
                [source.key for source, _ in rows],
                [source.hash for source, _ in rows],
                [vector for _, vector in rows],
            ),
        )
        return {str(key) for (key,) in written}

    def finish(self, batch: Batch, keys: Sequence[str]) -> None:
        """Remove jobs that are done; those raised by a later change stay."""
        if keys:
            versions = [batch.versions[key] for key in keys]
            self._connection.execute(FINISH, (self._worker, batch.embedding, list(keys), versions))

    def fail(self, batch: Batch, key: str, error: str) -> bool:
        """Charge a row with a failed attempt; returns whether it was given up."""
        row = self._connection.execute(
            FAIL,
            (self._worker, batch.embedding, key, batch.versions[key], error, MAX_ATTEMPTS),
        ).fetchone()
        return bool(row and row[0])

    def release(
        self, batch: Batch, delay: timedelta = LOCKED_DELAY, error: str | None = None
    ) -> None:
        """Give back what is left of a batch; no row is charged."""
        self._connection.execute(RELEASE, (self._worker, batch.embedding, delay, error))

    def renew(self) -> None:
        """Keep the leases of the batch in hand."""
        self._connection.execute(RENEW, (self._worker, LEASE))

    def read_cache(
        self, fingerprint: str, kind: str, hashes: Sequence[bytes]
    ) -> dict[bytes, Vector]:
        """Return the vectors that are known already, by the sha256 of their texts."""
        rows = self._connection.execute(
            READ_CACHE, (fingerprint, kind, list(hashes)), binary=True
        ).fetchall()
        known: dict[bytes, Vector] = {}
        for digest, vector in rows:
            assert isinstance(digest, bytes)
            assert isinstance(vector, Vector)
            known[digest] = vector
        return known

    def write_cache(self, fingerprint: str, kind: str, vectors: Mapping[bytes, Vector]) -> None:
        """Keep vectors for the next time these texts are asked for."""
        if vectors:
            self._connection.execute(
                WRITE_CACHE, (fingerprint, kind, list(vectors), list(vectors.values()))
            )

    def sweep(self, cache_rows: int) -> None:
        """Housekeeping that any worker may do at any time."""
        self._connection.execute(SWEEP, (cache_rows,))

    def _number(self, statement: str, *values: object) -> int:
        row = self._connection.execute(statement, values).fetchone()
        assert row is not None
        return int(str(row[0]))


def as_vectors(rows: NDArray[np.float32]) -> list[Vector]:
    """Return the rows of an array of shape (n, dimensions) as values for binary parameters."""
    return [Vector(row) for row in rows]
