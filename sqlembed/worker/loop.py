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

from sqlembed.errors import ConfigError
from sqlembed.worker.batch import LOCKED_DELAY, Batches
from sqlembed.worker.bell import Bell
from sqlembed.worker.cache import Cache
from sqlembed.worker.clusters import Clusters
from sqlembed.worker.compute import Computer
from sqlembed.worker.jobs import RENAMED, Jobs
from sqlembed.worker.leases import Leases
from sqlembed.worker.limits import Limits
from sqlembed.worker.link import connect, reason
from sqlembed.worker.progress import Progress
from sqlembed.worker.registration import register_embedders
from sqlembed.worker.requests import Requests
from sqlembed.worker.rests import Rests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlembed.embedders import Registry
    from sqlembed.worker.batch import Outcome
    from sqlembed.worker.link import Connection
    from sqlembed.worker.rows import Batch

log = logging.getLogger("sqlembed.worker")

#: How often callers in SQL are looked after while a batch is in hand: some embedders are faster
#: than a look.
LOOK_EVERY = timedelta(milliseconds=2)

SWEEP_EVERY = timedelta(seconds=10)
COUNT_EVERY = timedelta(seconds=1)
CLUSTER_EVERY = timedelta(seconds=0.2)

#: What part of a batch is taken of a generation that is not the current one.
SHARE = 10

#: Bytes of vectors that the cache keeps.
CACHE_SIZE = 256 * 1024 * 1024

#: How long an embedding whose table could not be read or written is left alone, and one whose
#: table is locked.
BROKEN_DELAY = timedelta(seconds=30)
BLOCKED_DELAY = timedelta(seconds=1)

#: Pause before a lost server is tried again, and the longest.
RECONNECT_DELAY = timedelta(seconds=0.5)
RECONNECT_LIMIT = timedelta(seconds=30)

START = "select sqlembed._start_worker(%s, %s, %s)"
STOP = "select sqlembed._stop_worker(%s)"
REST = "select sqlembed._rest_embedders(%s, %s)"


class Worker:
    """Serves the jobs and requests of one database with the embedders of a registry.

    No transaction is open while an embedder computes. Any number of workers may serve one
    database; one that dies leaves its jobs to the others.

    Args:
        url: a libpq URL; not of a transaction pooler.
        registry: the embedders to serve. They are registered in the database.
        cache_size: bytes of vectors that the cache may keep; of several workers the smallest
            counts.
        observer: called after each batch and after requests.

    Example:
        >>> Worker("postgresql://localhost/app", registry).run()
    """

    def __init__(
        self,
        url: str,
        registry: Registry,
        *,
        cache_size: int = CACHE_SIZE,
        observer: Callable[[Progress], None] | None = None,
    ) -> None:
        self._url = url
        self._registry = registry
        self._cache_size = cache_size
        self._observer = observer
        self._stopping = threading.Event()
        self._began = time.monotonic()
        self._done = self._failed = self._answered = self._pending = 0
        self._rests = Rests()
        self._computer = Computer(self._rests)
        self._limits = Limits(registry, self._rests)
        #: The embedders that the database knows to rest here.
        self._resting: list[str] = []
        #: Embeddings whose tables could not be read or written.
        self._broken: set[int] = set()
        self._look_again = 0.0
        #: Whether the batch before had room for more: then other generations get their turn.
        self._has_caught_up = False

    def run(self, *, burst: bool = False) -> None:
        """Work until ``stop``, or, as a burst, until nothing is left that can be done.

        A lost connection is opened again; what cannot work at all is raised.

        Raises:
            errors.SchemaError: sqlembed is not installed in the database, or in another version.
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
                register_embedders(self._url, self._registry)
                with connect(self._url) as connection:
                    connection.add_notice_handler(tell)
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

    def _serve(self, connection: Connection, burst: bool) -> None:
        name = f"{socket.gethostname()}:{os.getpid()}"
        clusterings = self._registry.clusterings
        row = connection.execute(START, (name, self._registry.names, clusterings.names)).fetchone()
        assert row is not None
        worker = int(str(row[0]))
        self._jobs = Jobs(connection, worker)
        self._requests = Requests(connection, worker, self._registry, self._computer)
        cache = Cache(connection)
        self._batches = Batches(self._jobs, cache, self._computer, self._between)
        self._resting = []
        self._clusters = Clusters(connection, self._url, worker, clusterings)
        self._leases = Leases(self._jobs)
        self._swept = self._counted = self._looked = self._clustered = 0.0
        bell = Bell(connection, worker)
        log.info("started", extra={"worker": worker, "embedders": ", ".join(self._registry.names)})
        with self._leases.kept():
            while not self._stopping.is_set():
                is_busy = self._try_to_work()
                self._tell_resting(connection, worker)
                if is_busy:
                    bell.busy()
                elif burst and not self._is_more_to_come():
                    break
                else:
                    bell.wait(self._look_again)
        connection.execute(STOP, (worker,))
        log.info("stopped", extra={"worker": worker, "rows": self._done})

    def _is_more_to_come(self) -> bool:
        if self._clusters.are_running or self._clusters.start():
            return True
        return self._jobs.pending(self._registry.names, self._broken) > 0

    def _try_to_work(self) -> bool:
        try:
            return self._work()
        except psycopg.errors.LockNotAvailable:
            # Another worker, or an administrator, holds what is only wanted for a moment.
            return False

    def _work(self) -> bool:
        """Do what there is to do once; returns whether there was anything."""
        if self._due("_swept", SWEEP_EVERY):
            self._jobs.sweep(self._cache_size)
        busy = self._answer_requests()
        if self._due("_clustered", CLUSTER_EVERY):
            self._clusters.start()
        limits, paused = self._limits.embedders, self._limits.paused
        batch = self._claim_beside(limits, paused) if self._has_caught_up else None
        self._has_caught_up = False
        if batch is None:
            batch = self._jobs.claim(limits, paused)
            taken = 0
            if batch is None:
                taken, batch = self._jobs.fold(limits, paused)
                busy |= taken > 0
            if batch is not None:
                # Where writers never pause there is always something.
                self._has_caught_up = len(batch.keys) < limits[batch.description.embedder]
            elif not taken:
                batch = self._claim_beside(limits, paused)
        if batch is None:
            return busy
        embedder = self._registry.get(batch.description.embedder)
        began = time.monotonic()
        try:
            with self._leases.of(batch):
                outcome = self._batches.do(batch, embedder)
        except psycopg.errors.LockNotAvailable as error:
            self._give_back(batch, BLOCKED_DELAY, reason(error))
        except psycopg.OperationalError:
            raise
        except ConfigError as error:
            hint = "" if error.hint is None else f": {error.hint}"
            self._leave(batch, f"{error.message}{hint}")
        except psycopg.Error as error:
            self._jobs.forget(batch.embedding)
            if batch.is_fresh and error.sqlstate != RENAMED:
                # The table, not the texts: dropped, renamed, not readable for this role.
                self._leave(batch, reason(error))
            else:
                self._give_back(batch, timedelta(0), reason(error))
        else:
            self._count(batch, outcome)
            seconds = time.monotonic() - began
            self._limits.learn(embedder, len(batch.keys), seconds)
            self._keep_rate(batch, seconds)
        self._tell(batch.description.title, embedder.name)
        return True

    def _claim_beside(self, limits: Mapping[str, int], paused: list[int]) -> Batch | None:
        """Take a little of what is being built, for which nothing that is in use waits long."""
        few = {name: max(1, most // SHARE) for name, most in limits.items()}
        return self._jobs.claim(few, paused, of_generations=True)

    def _leave(self, batch: Batch, said: str) -> None:
        log.error("cannot serve", extra={"embedding": batch.description.title, "reason": said})
        self._broken.add(batch.embedding)
        self._give_back(batch, BROKEN_DELAY, said)

    def _give_back(self, batch: Batch, delay: timedelta, said: str) -> None:
        self._limits.pause(batch.embedding, delay)
        self._jobs.release(batch, batch.keys, delay, said)

    def _keep_rate(self, batch: Batch, seconds: float) -> None:
        if batch.description.rows_per_second is not None:
            due = len(batch.keys) / batch.description.rows_per_second
            self._limits.pause(batch.embedding, timedelta(seconds=max(due - seconds, 0)))
            self._look_again = time.monotonic() + max(due - seconds, 0)

    def _count(self, batch: Batch, outcome: Outcome) -> None:
        self._broken.discard(batch.embedding)
        self._done += outcome.done
        self._failed += outcome.given_up
        if outcome.is_left:
            self._look_again = time.monotonic() + LOCKED_DELAY.total_seconds()

    def _answer_requests(self) -> bool:
        answered = self._requests.answer()
        self._answered += answered
        if answered:
            self._tell("", "")
        return answered > 0

    def _tell_resting(self, connection: Connection, worker: int) -> None:
        resting = self._rests.resting
        if resting != self._resting:
            connection.execute(REST, (worker, resting))
            self._resting = resting

    def _between(self) -> None:
        """What cannot wait for the end of a batch: callers in SQL."""
        self._leases.advance()
        if self._due("_looked", LOOK_EVERY):
            self._answer_requests()

    def _due(self, what: str, interval: timedelta) -> bool:
        now = time.monotonic()
        if now - getattr(self, what) < interval.total_seconds():
            return False
        setattr(self, what, now)
        return True

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


def tell(notice: psycopg.errors.Diagnostic) -> None:
    """Log a warning of the database: what housekeeping could not do for one table."""
    if notice.severity_nonlocalized == "WARNING":
        log.warning("the database warns", extra={"reason": notice.message_primary})
