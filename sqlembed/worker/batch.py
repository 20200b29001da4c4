"""One batch: read the texts, embed them, write the vectors, finish the jobs."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from sqlembed.worker.jobs import RENAMED
from sqlembed.worker.link import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlembed.embedders import Embedder
    from sqlembed.worker.cache import Cache
    from sqlembed.worker.compute import Computed, Computer
    from sqlembed.worker.jobs import Jobs
    from sqlembed.worker.rests import Rest
    from sqlembed.worker.rows import Batch, Source

log = logging.getLogger("sqlembed.worker")

#: A statement that writes vectors is sized to take about this long: so long at most an
#: application may wait for one of its rows.
WRITE_TIME = timedelta(milliseconds=100)
WRITE_LIMIT = 5_000
FIRST_WRITE = 100

#: How soon a row that was locked or changed under the worker is tried again.
LOCKED_DELAY = timedelta(milliseconds=100)

#: What a row causes that has moved to another partition meanwhile, or whose triggers wait for each
#: other's rows: it goes well the next time.
ROLLED_BACK = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


@dataclass
class Outcome:
    """What became of a batch."""

    #: Rows that are up to date.
    done: int = 0
    given_up: int = 0
    #: Whether rows are to be tried again soon.
    is_left: bool = False


@dataclass
class _Work:
    """A batch in the making."""

    batch: Batch
    done: set[str] = field(default_factory=set)
    postponed: set[str] = field(default_factory=set)
    #: What went wrong, by key.
    bad: dict[str, str] = field(default_factory=dict)


class Batches:
    """Does batches, one after the other.

    Args:
        jobs: the queue.
        cache: vectors that are known.
        computer: calls the embedders.
        between: called between two calls of the embedder or two writes, for what cannot wait.
    """

    def __init__(
        self, jobs: Jobs, cache: Cache, computer: Computer, between: Callable[[], None]
    ) -> None:
        self._jobs = jobs
        self._cache = cache
        self._computer = computer
        self._between = between
        self._at_once: dict[int, int] = {}

    def do(self, batch: Batch, embedder: Embedder) -> Outcome:
        """Bring the rows of a batch up to date; what could not be done is given back.

        Raises:
            psycopg.Error: the table could not be read or written at all.
        """
        work = _Work(batch)
        sources = self._read(work, batch.keys)
        gone = set(batch.keys) - work.bad.keys() - work.postponed
        work.done |= self._jobs.remove(batch, list(gone - {source.key for source in sources}))

        computed = self._compute(embedder, sources)
        ready = [
            source for source in sources if source.text is None or source.hash in computed.vectors
        ]
        for source in sources:
            if source.hash in computed.errors:
                work.bad[source.key] = computed.errors[source.hash]
        try:
            self._write_all(work, ready, computed)
        except psycopg.Error as error:
            if not _is_lost(error):
                # What has been computed has been paid for, and is wanted again soon.
                self._cache.keep(embedder.fingerprint, ready, computed, batch.keys)
            raise
        unwritten = set(batch.keys) - work.done - work.bad.keys()
        self._cache.keep(embedder.fingerprint, ready, computed, unwritten)
        return self._finish(work, computed.rest)

    def _read(self, work: _Work, keys: Sequence[str]) -> list[Source]:
        """Read texts; a row whose expression fails is set apart."""
        try:
            sources, postponed = self._jobs.read(work.batch, keys)
        except psycopg.DatabaseError as error:
            if not _is_of_a_row(error):
                raise
            if len(keys) == 1:
                work.bad[keys[0]] = reason(error)
                return []
            middle = len(keys) // 2
            return self._read(work, keys[:middle]) + self._read(work, keys[middle:])
        work.postponed |= postponed
        return sources

    def _compute(self, embedder: Embedder, sources: Sequence[Source]) -> Computed:
        texts = {
            source.hash: source.text
            for source in sources
            if source.text is not None and source.hash
        }
        known = self._cache.read(embedder.fingerprint, list(texts))
        missing = {key: text for key, text in texts.items() if key not in known}
        computed = self._computer.compute(embedder, "document", missing, self._between)
        computed.vectors |= known
        computed.cached = known.keys()
        return computed

    def _write_all(self, work: _Work, ready: Sequence[Source], computed: Computed) -> None:
        start = 0
        while start < len(ready):
            if start:
                self._between()
            at_once = self._at_once.get(work.batch.embedding, FIRST_WRITE)
            part = ready[start : start + at_once]
            start += len(part)
            began = time.monotonic()
            written = self._write(work, part, computed)
            took = max(time.monotonic() - began, 1e-6)
            fitting = int(len(part) * WRITE_TIME.total_seconds() / took)
            self._at_once[work.batch.embedding] = max(1, min(fitting, WRITE_LIMIT))
            work.done |= written

    def _write(self, work: _Work, part: Sequence[Source], computed: Computed) -> set[str]:
        """Write vectors; a row that the table refuses is set apart."""
        try:
            return self._jobs.write(work.batch, part, computed.vectors)
        except psycopg.DatabaseError as error:
            has_moved = isinstance(error, ROLLED_BACK)
            if not has_moved and not _is_of_a_row(error):
                raise
            if len(part) == 1:
                if not has_moved:
                    work.bad[part[0].key] = reason(error)
                return set()
            middle = len(part) // 2
            written = self._write(work, part[:middle], computed)
            return written | self._write(work, part[middle:], computed)

    def _finish(self, work: _Work, rest: Rest | None) -> Outcome:
        batch = work.batch
        self._jobs.finish(batch, list(work.done))
        given_up = self._jobs.fail(batch, work.bad)
        for key, error in work.bad.items():
            log.warning(
                "embedder failed",
                extra={"embedding": batch.description.title, "key": key, "reason": error},
            )
        self._jobs.release(batch, list(work.postponed), timedelta(0))
        left = list(set(batch.keys) - work.done - work.bad.keys() - work.postponed)
        if rest is None:
            self._jobs.release(batch, left, LOCKED_DELAY)
        else:
            self._jobs.release(batch, left, rest.remaining, rest.reason)
        return Outcome(len(work.done), given_up, bool(left) and rest is None)


def _is_lost(error: psycopg.Error) -> bool:
    """Tell whether an error may be the connection's."""
    return isinstance(error, psycopg.OperationalError) and not isinstance(
        error, psycopg.errors.LockNotAvailable
    )


def _is_of_a_row(error: psycopg.DatabaseError) -> bool:
    """Tell whether an error may come from one row, rather than from the table or the server."""
    is_of_all = isinstance(error, (psycopg.OperationalError, psycopg.ProgrammingError))
    return not is_of_all and error.sqlstate != RENAMED
