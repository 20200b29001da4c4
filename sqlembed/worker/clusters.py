"""Clustering functions called for SQL: read all vectors, compute, write labels, beside all else."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg

from sqlembed.worker.jobs import storable
from sqlembed.worker.link import connect, reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sqlembed.embedders.clusterings import Clusterings
    from sqlembed.worker.link import Connection

log = logging.getLogger("sqlembed.worker")

#: Rows written at once, so that nobody waits long for a lock.
BATCH = 1_000
#: How long rows that somebody has locked are waited for, and the pause between.
LOCKED_LIMIT = timedelta(minutes=5)
LOCKED_PAUSE = timedelta(seconds=0.5)

CLAIM = """
select id, title, method, parameters::text, metric, read_vectors, write_labels
from sqlembed._claim_clustering(%s, %s)
"""
HOLDS = "select sqlembed._holds_clustering(%s, %s)"
FINISH = "select sqlembed._finish_clustering(%s, %s, %s, %s, %s)"
# Labels are an application's data like others: what embeds them is to notice.
NOTICED = "set sqlembed.writing = 'off'"


@dataclass(frozen=True)
class ClusterJob:
    """A table to cluster."""

    id: int
    title: str
    method: str
    parameters: dict[str, Any]
    metric: str
    read_vectors: str
    write_labels: str


class Clusters:
    """The clusterings of one worker, one after the other, in a thread with its own connection.

    What a worker has in hand is its own as long as the worker lives: its presence lock says so.

    Args:
        connection: the worker's; only ``start`` uses it.
        url: where the thread connects to.
        worker: the worker's number.
        functions: what it can call.
    """

    def __init__(
        self, connection: Connection, url: str, worker: int, functions: Clusterings
    ) -> None:
        self._connection = connection
        self._url = url
        self._worker = worker
        self._functions = functions
        self._thread: threading.Thread | None = None

    @property
    def are_running(self) -> bool:
        """Whether one is in hand."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> bool:
        """Take a clustering in hand if there is one and none is in hand; returns whether."""
        if self.are_running or not self._functions.names:
            return False
        row = self._connection.execute(CLAIM, (self._worker, self._functions.names)).fetchone()
        if row is None or row[0] is None:
            return False
        id, title, method, parameters, *rest = map(str, row)
        job = ClusterJob(int(id), title, method, json.loads(parameters), *rest)
        self._thread = threading.Thread(
            target=self._do, args=(job,), name="sqlembed clusters", daemon=True
        )
        self._thread.start()
        return True

    def _do(self, job: ClusterJob) -> None:
        log.info("clustering", extra={"table": job.title, "method": job.method})
        try:
            with connect(self._url, name="sqlembed worker, clustering") as connection:
                connection.execute(NOTICED)
                self._cluster(connection, job)
        except psycopg.OperationalError as error:
            # Taken up again by the next look, of this worker or another.
            log.warning("clustering was interrupted", extra={"reason": reason(error)})

    def _cluster(self, connection: Connection, job: ClusterJob) -> None:
        try:
            keys, vectors = self._read(connection, job)
            has_place = np.linalg.norm(vectors, axis=1) > 0 if job.metric == "cosine" else None
            placed = _placed(vectors, has_place)
            labels = self._functions.labels(job.method, placed, job.parameters)
            found = _spread(labels, vectors, has_place)
            if not self._write(connection, job, keys, found):
                return
            said = None
        except psycopg.Error as error:
            if connection.closed:
                raise
            said = reason(error)
        except Exception as error:
            said = storable(f"{type(error).__name__}: {error}")
        if said is None:
            clusters = len(np.unique(labels[labels >= 0]))
            values: tuple[object, ...] = (None, len(labels), clusters)
            log.info("clustered", extra={"table": job.title, "rows": len(labels)})
        else:
            values = (said, None, None)
            log.error("cannot cluster", extra={"table": job.title, "reason": said})
        connection.execute(FINISH, (job.id, self._worker, *values))

    def _read(self, connection: Connection, job: ClusterJob) -> Any:
        with connection.cursor(binary=True) as cursor:
            found: list[Any] = cursor.execute(job.read_vectors.encode()).fetchall()
        keys = [key for key, _ in found]
        width = next((len(vector) for _, vector in found if vector is not None), 1)
        vectors = np.full((len(found), width), np.nan, dtype=np.float32)
        for place, (_, vector) in enumerate(found):
            if vector is not None:
                vectors[place] = vector
        return keys, vectors

    def _write(
        self, connection: Connection, job: ClusterJob, keys: list[str], labels: list[int | None]
    ) -> bool:
        """Write all labels; returns whether the table is still this worker's."""
        with psycopg.RawCursor(connection) as cursor:
            for start in range(0, len(keys), BATCH):
                row = connection.execute(HOLDS, (job.id, self._worker)).fetchone()
                if row is None or not row[0]:
                    log.info("clustering was asked for anew", extra={"table": job.title})
                    return False
                part = slice(start, start + BATCH)
                _patiently(cursor, job.write_labels, (keys[part], labels[part]))
        return True


def _placed(vectors: NDArray[np.float32], has_place: Any) -> NDArray[np.float32]:
    """Return the vectors that are there, under cosine those with a direction and of length 1."""
    if has_place is None:
        return vectors[~np.isnan(vectors).any(axis=1)]
    found = vectors[has_place]
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def _spread(
    labels: NDArray[np.int32], vectors: NDArray[np.float32], has_place: Any
) -> list[int | None]:
    """Return a label for every row, ``None`` for those that had no part in it."""
    took_part = ~np.isnan(vectors).any(axis=1) if has_place is None else has_place
    found: list[int | None] = [None] * len(vectors)
    for place, label in zip(np.flatnonzero(took_part), labels, strict=True):
        found[place] = int(label)
    return found


def _patiently(cursor: psycopg.RawCursor[Any], statement: str, values: tuple[Any, ...]) -> None:
    """Execute a statement, again and again while somebody has its rows locked."""
    end = time.monotonic() + LOCKED_LIMIT.total_seconds()
    while True:
        try:
            cursor.execute(statement.encode(), values)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            if time.monotonic() > end:
                raise
            time.sleep(LOCKED_PAUSE.total_seconds())
        else:
            return
