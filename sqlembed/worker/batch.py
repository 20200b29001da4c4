"""One batch: read the texts, embed them, write the vectors, finish the jobs."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from sqlembed.worker.chunks import ChunkedRows
from sqlembed.worker.limits import WriteSizes
from sqlembed.worker.link import reason
from sqlembed.worker.rows import Work
from sqlembed.worker.setting_apart import is_lost, is_of_a_row, write_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlembed.embedders import Embedder
    from sqlembed.worker.cache import Cache
    from sqlembed.worker.compute import Computed, Computer
    from sqlembed.worker.jobs import Jobs
    from sqlembed.worker.rests import Rest
    from sqlembed.worker.rows import Batch, Source

log = logging.getLogger("sqlembed.worker")

#: How soon a row that was locked or changed under the worker is tried again.
LOCKED_DELAY = timedelta(milliseconds=100)


@dataclass
class Outcome:
    """What became of a batch."""

    #: Rows that are up to date.
    done: int = 0
    given_up: int = 0
    #: Whether rows are to be tried again soon.
    is_left: bool = False


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
        self._sizes = WriteSizes()
        self._chunked = ChunkedRows(jobs, cache, computer, self._sizes, between)

    def do(self, batch: Batch, embedder: Embedder) -> Outcome:
        """Bring the rows of a batch up to date; what could not be done is given back.

        Raises:
            psycopg.Error: the table could not be read or written at all.
            ConfigError: its texts cannot be cut as was declared.
        """
        work = Work(batch)
        sources = self._read(work, batch.keys)
        gone = set(batch.keys) - work.bad.keys() - work.postponed
        work.done |= self._jobs.remove(batch, list(gone - {source.key for source in sources}))

        if batch.description.chunking is None:
            rest = self._bring(work, embedder, sources)
        else:
            rest = self._chunked.bring(work, embedder, sources)
        return self._finish(work, rest)

    def _bring(self, work: Work, embedder: Embedder, sources: Sequence[Source]) -> Rest | None:
        """Embed whole texts and write their vectors; returns why the embedder stopped, if so."""
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
            if not is_lost(error):
                # What has been computed has been paid for, and is wanted again soon.
                self._cache.keep(embedder.fingerprint, ready, computed, work.batch.keys)
            raise
        unwritten = set(work.batch.keys) - work.done - work.bad.keys()
        self._cache.keep(embedder.fingerprint, ready, computed, unwritten)
        return computed.rest

    def _read(self, work: Work, keys: Sequence[str]) -> list[Source]:
        """Read texts; a row whose expression fails is set apart."""
        try:
            sources, postponed = self._jobs.read(work.batch, keys)
        except psycopg.DatabaseError as error:
            if not is_of_a_row(error):
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

    def _write_all(self, work: Work, ready: Sequence[Source], computed: Computed) -> None:
        def write(part: Sequence[Source]) -> set[str]:
            return self._jobs.write(work.batch, part, computed.vectors)

        start = 0
        while start < len(ready):
            if start:
                self._between()
            part = ready[start : start + self._sizes.of(work.batch.embedding)]
            start += len(part)
            began = time.monotonic()
            work.done |= write_apart(write, part, work.bad)
            self._sizes.learn(work.batch.embedding, len(part), time.monotonic() - began)

    def _finish(self, work: Work, rest: Rest | None) -> Outcome:
        batch = work.batch
        self._jobs.finish(batch, work.done)
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
