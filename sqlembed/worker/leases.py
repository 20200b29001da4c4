"""The leases of the batch in hand, kept while an embedder computes."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from sqlembed.worker import jobs
from sqlembed.worker.link import reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlembed.worker.jobs import Jobs
    from sqlembed.worker.rows import Batch

log = logging.getLogger("sqlembed.worker")

#: A worker that makes no progress for so long is stuck: others may have its jobs.
STUCK = timedelta(minutes=15)


class Leases:
    """Renews the leases of one batch after the other, from a thread of its own.

    The thread uses the worker's connection: it is idle while an embedder computes, and its end is
    the end of the leases in any case.

    Args:
        queue: where the leases are.
    """

    def __init__(self, queue: Jobs) -> None:
        self._queue = queue
        self._in_hand: Batch | None = None
        self._progress = 0.0
        self._over = threading.Event()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the leases of whatever is in hand meanwhile."""
        thread = threading.Thread(target=self._keep, name="sqlembed leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    @contextmanager
    def of(self, batch: Batch) -> Iterator[None]:
        """Have a batch in hand."""
        self._in_hand = batch
        self.advance()
        try:
            yield
        finally:
            self._in_hand = None

    def advance(self) -> None:
        """Say that the batch makes progress."""
        self._progress = time.monotonic()

    def _keep(self) -> None:
        while not self._over.wait(jobs.LEASE.total_seconds() / 4):
            batch = self._in_hand
            if batch is None or time.monotonic() > self._progress + STUCK.total_seconds():
                continue
            try:
                self._queue.renew(batch)
            except psycopg.Error as error:
                # Tried again soon; a lost connection the batch itself will meet.
                log.debug("leases not renewed", extra={"reason": reason(error)})
