"""The worker: answer requests first, then fold, lease, embed, write, finish."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from sqlembed import errors
from sqlembed.worker.bell import Bell
from sqlembed.worker.compute import compute, digest
from sqlembed.worker.jobs import LEASE, Jobs
from sqlembed.worker.link import connect, reason
from sqlembed.worker.progress import Progress
from sqlembed.worker.registration import register_embedders
from sqlembed.worker.requests import Answer, Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgvector import Vector

    from sqlembed.embedders import Embedder, Registry
    from sqlembed.worker.jobs import Batch, Source
    from sqlembed.worker.requests import Request

log = logging.getLogger("sqlembed.worker")

#: A batch is sized to take about this long, so that little is lost with a worker.
BATCH_TIME = timedelta(seconds=5)
BATCH_LIMIT = 5_000

SWEEP_EVERY = timedelta(seconds=10)
COUNT_EVERY = timedelta(seconds=1)

#: Rows of the cache that are kept.
CACHE_ROWS = 100_000

#: How long an embedding whose table could not be read or written is left alone.
BROKEN_DELAY = timedelta(seconds=30)

#: Pause before a lost server is tried again, and the longest.
RECONNECT_DELAY = timedelta(seconds=0.5)
RECONNECT_LIMIT = timedelta(seconds=30)

START = "select sqlembed._start_worker(%s, %s)"
STOP = "select sqlembed._stop_worker(%s)"


class Worker:
    """Serves the jobs and requests of one database with the embedders of a registry.

    No transaction is open while an embedder computes. Any number of workers may serve one
    database; one that dies leaves its jobs to the others.

    Args:
        url: a libpq URL; not of a transaction pooler.
        registry: the embedders to serve. They are registered in the database.
        observer: called after each batch and after requests.

    Example:
        >>> Worker("postgresql://localhost/app", registry).run()
    """

    def __init__(
        self,
        url: str,
        registry: Registry,
        *,
        observer: Callable[[Progress], None] | None = None,
    ) -> None:
        self._url = url
        self._registry = registry
        self._observer = observer
        self._stopping = threading.Event()
        self._began = time.monotonic()
        self._done = self._failed = self._answered = self._pending = 0
        self._limit: dict[int, int] = {}
        self._resting: dict[str, float] = {}

    def run(self, *, burst: bool = False) -> None:
        """Work until ``stop``, or, as a burst, until nothing is left to do.

        A lost connection is opened again; what cannot work at all is raised.

        Raises:
            errors.RegistrationRefused: the database knows one of the embedders otherwise.
            errors.EmbedderError: an embedder cannot be loaded.
            psycopg.OperationalError: the first connection failed.
        """
        for embedder in self._registry:
            embedder.warm_up()
        delay = RECONNECT_DELAY
        reached = False
        while not self._stopping.is_set():
            try:
                with connect(self._url) as connection:
                    reached, delay = True, RECONNECT_DELAY
                    self._serve(connection, burst)
                return
            except psycopg.OperationalError as error:
                if not reached:
                    raise
                log.warning("lost the database", extra={"reason": reason(error)})
                self._stopping.wait(delay.total_seconds())
                delay = min(2 * delay, RECONNECT_LIMIT)

    def stop(self) -> None:
        """Finish the batch in hand and return from ``run``; may be called from anywhere."""
        self._stopping.set()

    def _serve(self, connection: psycopg.Connection[tuple[object, ...]], burst: bool) -> None:
        register_embedders(self._url, self._registry)
        name = f"{socket.gethostname()}:{os.getpid()}"
        row = connection.execute(START, (name, self._registry.names)).fetchone()
        assert row is not None
        worker = int(str(row[0]))
        self._jobs = Jobs(connection, worker)
        self._requests = Requests(connection, worker)
        self._renewed = self._swept = self._counted = 0.0
        bell = Bell(connection, worker, self._stopping)
        log.info("started", extra={"worker": worker, "embedders": ", ".join(self._registry.names)})
        while not self._stopping.is_set():
            if self._work(connection):
                bell.busy()
            elif burst and not self._jobs.pending(self._registry.names):
                break
            else:
                bell.wait()
        connection.execute(STOP, (worker,))
        log.info("stopped", extra={"worker": worker, "rows": self._done})

    def _work(self, connection: psycopg.Connection[tuple[object, ...]]) -> bool:
        """Do what there is to do once; returns whether there was anything."""
        if self._due("_swept", SWEEP_EVERY):
            self._jobs.sweep(CACHE_ROWS)
        busy = self._answer_requests()
        busy |= self._jobs.fold() > 0
        now = time.monotonic()
        served = [name for name in self._registry.names if self._resting.get(name, 0) <= now]
        limit = min(self._limit.values(), default=1)
        batch = self._jobs.claim(served, limit) if served else None
        if batch is None:
            return busy
        began = time.monotonic()
        self._renewed = began
        try:
            self._do_batch(connection, batch)
        except errors.RetryLater as error:
            about = {"embedder": batch.embedder, "reason": str(error)}
            log.warning("embedder is down", extra=about)
            self._resting[batch.embedder] = time.monotonic() + error.delay.total_seconds()
            self._jobs.release(batch, error.delay, str(error))
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            # The table, not the texts: dropped, renamed, not readable for this role.
            log.error("cannot serve", extra={"embedding": batch.title, "reason": reason(error)})
            self._jobs.release(batch, BROKEN_DELAY, reason(error))
        self._resize(batch, time.monotonic() - began)
        self._tell(batch.title, batch.embedder)
        return True

    def _do_batch(self, connection: psycopg.Connection[tuple[object, ...]], batch: Batch) -> None:
        sources, postponed = self._jobs.read(batch)
        embedder = self._registry.get(batch.embedder)
        texts = [source.text for source in sources if source.text and not source.text.isspace()]
        computed = compute(embedder, "document", texts, self._jobs, self._between_calls)
        rows: list[tuple[Source, Vector | None]] = []
        bad: list[tuple[str, str]] = []
        for source in sources:
            if source.hash in computed.errors:
                bad.append((source.key, computed.errors[source.hash]))
            else:
                rows.append((source, computed.vectors.get(source.hash or b"")))
        gone = set(batch.versions) - postponed - {source.key for source in sources}
        written = self._write(connection, batch, rows, bad)
        with connection.transaction():
            self._jobs.finish(batch, [*written, *gone])
            given_up = sum(self._jobs.fail(batch, key, error) for key, error in bad)
            # Locked, changed meanwhile or postponed: they are read again.
            self._jobs.release(batch, timedelta(0) if postponed else timedelta(milliseconds=100))
        self._done += len(written)
        self._failed += given_up
        for key, error in bad:
            log.warning(
                "embedder failed", extra={"embedding": batch.title, "key": key, "reason": error}
            )

    def _write(
        self,
        connection: psycopg.Connection[tuple[object, ...]],
        batch: Batch,
        rows: Sequence[tuple[Source, Vector | None]],
        bad: list[tuple[str, str]],
    ) -> set[str]:
        """Write vectors; a row that the table refuses is set apart as one the embedder refused."""
        if not rows:
            return set()
        try:
            with connection.transaction():
                return self._jobs.write(batch, rows)
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException) as error:
            if len(rows) == 1:
                bad.append((rows[0][0].key, reason(error)))
                return set()
            middle = len(rows) // 2
            return self._write(connection, batch, rows[:middle], bad) | self._write(
                connection, batch, rows[middle:], bad
            )

    def _answer_requests(self) -> bool:
        requests = self._requests.take()
        groups: dict[tuple[str, str], list[Request]] = {}
        for request in requests:
            groups.setdefault((request.embedder, request.kind), []).append(request)
        for group in groups.values():
            self._requests.answer(self._answers(self._registry.get(group[0].embedder), group))
            self._answered += len(group)
            self._tell("", group[0].embedder)
        return bool(requests)

    def _answers(self, embedder: Embedder, requests: Sequence[Request]) -> list[Answer]:
        kind = requests[0].kind
        texts = [text for request in requests for text in request.inputs]
        try:
            computed = compute(embedder, kind, texts, self._jobs, lambda: None)
        except (errors.EmbedderError, errors.ConfigError) as error:
            return [Answer(request, None, str(error)) for request in requests]
        self._jobs.write_cache(
            embedder.fingerprint, kind if embedder.asymmetric else "document", computed.fresh
        )
        answers = []
        for request in requests:
            keys = [digest(text) for text in request.inputs]
            problem = next((computed.errors[key] for key in keys if key in computed.errors), None)
            vectors = None if problem else [computed.vectors[key] for key in keys]
            answers.append(Answer(request, vectors, problem))
        return answers

    def _between_calls(self) -> None:
        """What cannot wait for the end of a batch: callers in SQL, and the leases."""
        self._answer_requests()
        if self._due("_renewed", LEASE / 4):
            self._jobs.renew()

    def _due(self, what: str, interval: timedelta) -> bool:
        now = time.monotonic()
        if now - getattr(self, what) < interval.total_seconds():
            return False
        setattr(self, what, now)
        return True

    def _resize(self, batch: Batch, seconds: float) -> None:
        """Size the next batch of this embedding by how long this one took."""
        per_row = seconds / len(batch.versions)
        fitting = int(BATCH_TIME.total_seconds() / max(per_row, 1e-9))
        smallest = self._registry.get(batch.embedder).batch_size
        self._limit[batch.embedding] = max(smallest, min(fitting, BATCH_LIMIT))

    def _tell(self, embedding: str, embedder: str) -> None:
        if self._observer is None:
            return
        if self._due("_counted", COUNT_EVERY):
            self._pending = self._jobs.pending(self._registry.names)
        self._observer(
            Progress(
                embedding,
                embedder,
                self._done,
                self._pending,
                self._failed,
                self._answered,
                time.monotonic() - self._began,
            )
        )
